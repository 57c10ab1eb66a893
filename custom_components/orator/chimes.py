"""The chimes of a house: the built-in ones and its people's own files, ready to be played at once."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.components.media_source import async_resolve_media, is_media_source_id
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from .audio.effects import CHIME_LUFS, BuiltInChime, Chime, UnusableChimeError, load_built_in_chime, make_chime
from .audio.ffmpeg import ConversionError, decode_file
from .audio.formats import PcmLayout
from .chime_files import ChimeError, ChimeFiles
from .const import DOMAIN

_LAYOUT: Final = PcmLayout(rate=24_000)
"""How a user's own sound is kept: as most speech is, so that it need not be brought to that each time."""
_MAX_READY: Final = 8
"""Chimes that are kept ready: of the longest ones, each takes 0.7 MB."""
_PATIENCE: Final = 10.0
"""Seconds for a media source to say where a file is, and for ffmpeg to decode it."""

type _Key = tuple[str, str, float]
"""A chime's name or file, what its file is like, and how loud it is."""


_CHIMES: HassKey[ChimeLibrary] = HassKey("orator_chimes")


class ChimeLibrary:
    """Finds chimes by their names, and keeps those ready that were asked for last."""

    def __init__(self, hass: HomeAssistant, files: ChimeFiles) -> None:
        """Begin with nothing ready."""
        self._hass = hass
        self.files = files
        self._ready: dict[_Key, Chime] = {}

    async def async_get(self, name: str, lufs: float = CHIME_LUFS) -> Chime:
        """Return a chime at a loudness, within milliseconds if it was asked for before. Raises ChimeError."""
        if name in BuiltInChime:
            return await self._async_ready((name, "", lufs), partial(load_built_in_chime, BuiltInChime(name)))
        path = await self._async_path(name)
        found, is_certain = await self.files.async_find(name, path)
        key = (found.file, str(found.stamp), lufs)
        if key not in self._ready and not is_certain:
            raise ChimeError("chime_missing", is_temporary=True)
        samples = b"" if key in self._ready else await self._async_decoded(Path(found.file))
        return await self._async_ready(key, partial(make_chime, samples, _LAYOUT))

    async def _async_ready(self, key: _Key, make: Callable[[], Chime]) -> Chime:
        """Return a chime that is ready, or make it."""
        chime = self._ready.pop(key, None)
        if chime is None:
            try:
                chime = await self._hass.async_add_executor_job(_at, make, key[2])
            except UnusableChimeError as err:
                raise ChimeError("chime_unusable") from err
        self._ready[key] = chime
        while len(self._ready) > _MAX_READY:
            del self._ready[next(iter(self._ready))]
        return chime

    async def _async_path(self, name: str) -> Path:
        """Return where a chime is: what a media source says, below `/local/`, or in the configuration folder."""
        if is_media_source_id(name):
            try:
                async with asyncio.timeout(_PATIENCE):
                    media = await async_resolve_media(self._hass, name, None)
            except Exception as err:  # each media
                raise ChimeError("chime_missing") from err
            if media.path is None:
                raise ChimeError("chime_forbidden")
            return media.path
        if name.startswith("/local/"):
            return Path(self._hass.config.path("www", name.removeprefix("/local/")))
        return Path(self._hass.config.path(name))  # an absolute one stays as it is

    async def _async_decoded(self, file: Path) -> bytes:
        """Decode a user's own sound."""
        binary = get_ffmpeg_manager(self._hass).binary
        try:
            async with asyncio.timeout(_PATIENCE):
                return await decode_file(file, _LAYOUT, binary=binary)
        except (ConversionError, TimeoutError) as err:
            raise ChimeError("chime_unusable") from err


@singleton(_CHIMES, async_=True)
async def async_get_chimes(hass: HomeAssistant) -> ChimeLibrary:
    """Return the house's chimes."""
    files = ChimeFiles(hass)
    await files.async_load()
    return ChimeLibrary(hass, files)


@callback
def async_report_chime_issues(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    voice: ConfigSubentry,
    told: Mapping[str, ChimeError | None],
    configured: Collection[str],
) -> None:
    """Tell once for a voice why a chime can't be played, or that all that it is `configured` with can be again."""
    issue_id = f"{_issues_of(entry)}{voice.subentry_id}"
    wrong = next(((name, error) for name, error in told.items() if error), None)
    if wrong is None:
        if told.keys() >= set(configured):
            ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    name, error = wrong
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=error.translation_key,
        translation_placeholders={"subject": name, "account": entry.title},
    )


@callback
def async_delete_stale_chime_issues(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Close what was told of voices that are no more."""
    begins = _issues_of(entry)
    issues = [issue_id for domain, issue_id in ir.async_get(hass).issues if domain == DOMAIN]
    for issue_id in issues:
        if issue_id.startswith(begins) and issue_id.removeprefix(begins) not in entry.subentries:
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def _issues_of(entry: ConfigEntry[Any]) -> str:
    """Return how the names of an account's issues about chimes begin."""
    return f"{entry.entry_id}_chime_"


def _at(make: Callable[[], Chime], lufs: float) -> Chime:
    """Make a chime, and bring it to a loudness unless it has that."""
    chime = make()
    return chime if lufs == CHIME_LUFS else chime.at(lufs)
