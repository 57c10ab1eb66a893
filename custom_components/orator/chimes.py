"""The chimes of a house: the built-in ones and its people's own files, ready to be played at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.components.media_source import async_resolve_media, is_media_source_id
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .audio.chime import LOUDNESS, BuiltIn, Chime, UnusableChimeError, built_in, own
from .audio.ffmpeg import ConversionError, decoded_file, integrated_loudness
from .audio.formats import PcmLayout
from .const import DOMAIN

_LAYOUT: Final = PcmLayout(rate=24_000)
"""How a user's own sound is kept: as most speech is, so that it need not be brought to that each time."""
_MAX_READY: Final = 8
"""Chimes that are kept ready: of the longest ones, each takes 0.7 MB."""
_MAX_FILES: Final = 32
"""Files that are looked after."""
_LOOK_EVERY: Final = timedelta(seconds=30)
_PATIENCE: Final = 10.0
"""Seconds for a media source to say where a file is, and for ffmpeg to decode and measure it."""
_STORAGE_VERSION: Final = 1

type _Key = tuple[str, str, float]
"""A chime's name or file, what its file is like, and how loud it is."""
type _Stamp = list[int]
"""What tells that a file has changed: the moment of its last change in nanoseconds, and its size."""


_CHIMES: HassKey[Chimes] = HassKey("orator_chimes")


class ChimeError(Exception):
    """There is no such chime, or it can't be one."""

    def __init__(self, key: str) -> None:
        """Tell why, as the key of a translated text."""
        super().__init__(key)
        self.key = key


class Chimes:
    """Finds chimes by their names, and keeps those ready that were asked for last."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nothing known; `async_start` has to follow."""
        self._hass = hass
        self._store = Store[dict[str, Any]](hass, _STORAGE_VERSION, f"{DOMAIN}.chimes")
        self._ready: dict[_Key, Chime] = {}
        self._stamps: dict[str, _Stamp] = {}
        self.revision = 0
        """How often one of the files has changed, in all: what was spoken with it before sounds otherwise now."""

    async def async_start(self) -> None:
        """Know what was known before, and look after the files from now on."""
        kept = await self._store.async_load() or {}
        self._stamps = {str(path): list(stamp) for path, stamp in kept.get("files", {}).items()}
        self.revision = int(kept.get("revision", 0))
        await self._async_look()
        async_track_time_interval(
            self._hass, self._async_look, _LOOK_EVERY, name="orator chimes", cancel_on_shutdown=True
        )

    async def async_get(self, name: str, lufs: float = LOUDNESS) -> Chime:
        """Return a chime at a loudness, within milliseconds if it was asked for before. Raises ChimeError."""
        if name in BuiltIn:
            return await self._async_ready((name, "", lufs), partial(built_in, BuiltIn(name)))
        path = await self._async_path(name)
        file, stamp = await self._hass.async_add_executor_job(_look_at, self._hass, path)
        self._note(str(file), stamp)
        key = (str(file), str(stamp), lufs)
        samples, loudness = (b"", None) if key in self._ready else await self._async_decoded(file)
        return await self._async_ready(key, partial(own, samples, _LAYOUT, loudness))

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
            except Exception as err:  # each media source fails in its own way
                raise ChimeError("chime_missing") from err
            if media.path is None:
                raise ChimeError("chime_forbidden")
            return media.path
        if name.startswith("/local/"):
            return Path(self._hass.config.path("www", name.removeprefix("/local/")))
        return Path(self._hass.config.path(name))  # an absolute one stays as it is

    async def _async_decoded(self, file: Path) -> tuple[bytes, float | None]:
        """Decode a user's own sound, and measure how loud it is."""
        binary = get_ffmpeg_manager(self._hass).binary
        try:
            async with asyncio.timeout(_PATIENCE):
                samples = await decoded_file(file, _LAYOUT, binary=binary)
                return samples, await integrated_loudness(_at_once(samples), _LAYOUT, binary=binary)
        except (ConversionError, TimeoutError) as err:
            raise ChimeError("chime_unusable") from err

    @callback
    def _note(self, file: str, stamp: _Stamp) -> None:
        """Remember what a file is like now."""
        known = self._stamps.pop(file, None)
        self._stamps[file] = stamp
        if known == stamp:
            return
        while len(self._stamps) > _MAX_FILES:
            del self._stamps[next(iter(self._stamps))]
        if known is not None:
            self.revision += 1
        self._store.async_delay_save(lambda: {"files": self._stamps, "revision": self.revision}, 1)

    async def _async_look(self, _now: datetime | None = None) -> None:
        """See whether files have changed; one that is gone may come back as it was."""
        for file, stamp in list(self._stamps.items()):
            try:
                _, found = await self._hass.async_add_executor_job(_look_at, self._hass, Path(file))
            except ChimeError:
                continue
            if found != stamp:
                self._note(file, found)


@singleton(_CHIMES, async_=True)
async def async_get_chimes(hass: HomeAssistant) -> Chimes:
    """Return the house's chimes."""
    chimes = Chimes(hass)
    await chimes.async_start()
    return chimes


@callback
def async_tell_of_chime(hass: HomeAssistant, entry: ConfigEntry[Any], name: str, error: ChimeError | None) -> None:
    """Tell once why a chime can't be played, or that it can again."""
    issue_id = f"{entry.entry_id}_chime_{name.lower()}"
    if error is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=error.key,
        translation_placeholders={"subject": name, "account": entry.title},
    )


async def _at_once(samples: bytes) -> AsyncGenerator[bytes]:
    yield samples


def _look_at(hass: HomeAssistant, path: Path) -> tuple[Path, _Stamp]:
    """Return where a file really is, and what it is like, if it may be played. Touches the disk."""
    try:
        file = path.resolve(strict=True)
        found = file.stat()
    except (OSError, ValueError, RuntimeError) as err:
        raise ChimeError("chime_missing") from err
    if not _is_allowed(hass, file):
        raise ChimeError("chime_forbidden")
    if not file.is_file():
        raise ChimeError("chime_missing")
    return file, [found.st_mtime_ns, found.st_size]


def _is_allowed(hass: HomeAssistant, file: Path) -> bool:
    """Tell whether a file may be played: one that Home Assistant may hand out, or a visible one of its configuration.

    What an update replaces, custom components, is no place for one.
    """
    media = (Path(folder).resolve() for folder in hass.config.media_dirs.values())
    if hass.config.is_allowed_path(str(file)) or any(map(file.is_relative_to, media)):
        return True
    folder = Path(hass.config.config_dir).resolve()
    if not file.is_relative_to(folder):
        return False
    places = file.relative_to(folder).parts
    return places[0] != "custom_components" and not any(place.startswith(".") for place in places)


def _at(make: Callable[[], Chime], lufs: float) -> Chime:
    """Make a chime, and bring it to a loudness unless it has that."""
    chime = make()
    return chime if lufs == LOUDNESS else chime.at(lufs)
