"""The chimes of a house: the built-in ones and its people's own files, ready to be played at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path
from typing import Final

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.components.media_source import async_resolve_media, is_media_source_id
from homeassistant.core import HomeAssistant
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from .audio.effects import CHIME_LUFS, BuiltInChime, Chime, UnusableChimeError, load_built_in_chime, make_chime
from .audio.ffmpeg import ConversionError, decode_file, measure_loudness
from .audio.formats import PcmLayout
from .chime_files import ChimeError, ChimeFiles

_LAYOUT: Final = PcmLayout(rate=24_000)
"""How a user's own sound is kept: as most speech is, so that it need not be brought to that each time."""
_MAX_READY: Final = 8
"""Chimes that are kept ready: of the longest ones, each takes 0.7 MB."""
_PATIENCE: Final = 10.0
"""Seconds for a media source to say where a file is, and for ffmpeg to decode and measure it."""

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
        samples, loudness = (b"", None) if key in self._ready else await self._async_decoded(Path(found.file))
        return await self._async_ready(key, partial(make_chime, samples, _LAYOUT, loudness))

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

    async def _async_decoded(self, file: Path) -> tuple[bytes, float | None]:
        """Decode a user's own sound, and measure how loud it is."""
        binary = get_ffmpeg_manager(self._hass).binary
        try:
            async with asyncio.timeout(_PATIENCE):
                samples = await decode_file(file, _LAYOUT, binary=binary)
                return samples, await measure_loudness(_at_once(samples), _LAYOUT, binary=binary)
        except (ConversionError, TimeoutError) as err:
            raise ChimeError("chime_unusable") from err


@singleton(_CHIMES, async_=True)
async def async_get_chimes(hass: HomeAssistant) -> ChimeLibrary:
    """Return the house's chimes."""
    files = ChimeFiles(hass)
    await files.async_load()
    return ChimeLibrary(hass, files)


async def _at_once(samples: bytes) -> AsyncGenerator[bytes]:
    yield samples


def _at(make: Callable[[], Chime], lufs: float) -> Chime:
    """Make a chime, and bring it to a loudness unless it has that."""
    chime = make()
    return chime if lufs == CHIME_LUFS else chime.at(lufs)
