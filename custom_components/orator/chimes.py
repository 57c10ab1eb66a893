"""Load built-in chimes and the user's own chimes, ready to play."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from posixpath import normpath
from typing import Final

from homeassistant.components.media_source import (
    DOMAIN as MEDIA_SOURCE_DOMAIN,
    URI_SCHEME,
    async_resolve_media,
    is_media_source_id,
)
from homeassistant.components.tts import DOMAIN as TTS_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from .audio.conversion import decode_file
from .audio.effects import (
    CHIME_LUFS,
    MAX_CHIME_S,
    MAX_CLIP_S,
    BuiltInChime,
    Chime,
    UnusableChimeError,
    load_built_in_chime,
    make_chime,
)
from .audio.formats import ConversionError, PcmLayout
from .chime_files import ChimeError, ChimeFile, ChimeFiles
from .const import DOMAIN

_CHIME_LAYOUT: Final = PcmLayout(rate=24_000)
"""Layout of most speech, so that few chimes are resampled during playback."""
_MAX_CACHED_CHIMES: Final = 8
"""Maximum number of chimes in memory; the longest take 1.4 MB each."""
_SPEECH_SOURCES: Final = (DOMAIN, TTS_DOMAIN)
"""Media sources that generate speech, which may be charged, when they are resolved."""
_CLIP_SOURCE: Final = f"{URI_SCHEME}{MEDIA_SOURCE_DOMAIN}/"
"""Start of the media source IDs that a text may name: files. Other media sources may start a stream, for example."""
_CHIME_TIMEOUT_S: Final = 10.0
"""Timeout for resolving a chime's media source, and for decoding the chime."""
_CHIMES: Final[HassKey[ChimeLibrary]] = HassKey("orator_chimes")

type _CacheKey = tuple[str, str, float]
"""Name of a built-in chime or path of a file, stamp of the file, and loudness in LUFS."""


class ChimeLibrary:
    """Loader of chimes by name, which keeps the most recent ones in memory."""

    def __init__(self, hass: HomeAssistant, files: ChimeFiles) -> None:
        """Initialize the library."""
        self._hass = hass
        self.files = files
        self._cache: dict[_CacheKey, Chime] = {}

    async def async_get_clip(self, source: str, *, lufs: float, subentry_id: str) -> Chime | None:
        """Return a recording in a text of a voice at a loudness, or None if it is not there at the moment.

        Raises UnusableChimeError if it cannot be played at any time, for example because it is a web address.
        """
        if "://" in source and not source.startswith(_CLIP_SOURCE):
            raise UnusableChimeError("only files and local media are played")
        if "://" not in source:
            source = normpath(source)  # otherwise each spelling of a path would count as another file
        try:
            return await self.async_get(source, lufs, max_seconds=MAX_CLIP_S)
        except ChimeError as err:
            if err.is_temporary:
                return None
            raise UnusableChimeError(err.translation_key) from err
        finally:
            self.files.async_record_call(subentry_id, {source})

    async def async_get(self, name: str, lufs: float = CHIME_LUFS, *, max_seconds: float = MAX_CHIME_S) -> Chime:
        """Return a chime at a loudness. Raises ChimeError."""
        file: ChimeFile | None = None
        is_current = True
        if name not in BuiltInChime:
            file, is_current = await self.files.async_find(name, await self._async_resolve_path(name))
        key = (file.file, str(file.stamp), lufs) if file else (name, "", lufs)
        chime = self._cache.pop(key, None)
        if chime is None:
            if not is_current:
                raise ChimeError("chime_missing")
            chime = await self._async_load(name, file, lufs, max_seconds)
        elif chime.seconds > max_seconds:
            raise ChimeError("chime_unusable")
        self._cache[key] = chime
        while len(self._cache) > _MAX_CACHED_CHIMES:
            del self._cache[next(iter(self._cache))]
        return chime

    async def _async_load(self, name: str, file: ChimeFile | None, lufs: float, max_seconds: float) -> Chime:
        """Load a chime from its file, or a built-in chime, at a loudness."""
        if file is None:
            make = partial(load_built_in_chime, BuiltInChime(name))
        else:
            samples = await self._async_decode(Path(file.file), max_seconds)
            make = partial(make_chime, samples, _CHIME_LAYOUT, max_seconds)
        try:
            return await self._hass.async_add_executor_job(_make_with_loudness, make, lufs)
        except UnusableChimeError as err:
            raise ChimeError("chime_unusable") from err

    async def _async_resolve_path(self, name: str) -> Path:
        """Return the path of a media source ID, a URL below `/local/`, or a file in the configuration folder."""
        if is_media_source_id(name):
            if name.removeprefix(URI_SCHEME).partition("/")[0] in _SPEECH_SOURCES:
                raise ChimeError("chime_missing")
            try:
                async with asyncio.timeout(_CHIME_TIMEOUT_S):
                    media = await async_resolve_media(self._hass, name, None)
            except Exception as err:  # other integrations' media sources may raise any exception
                raise ChimeError("chime_missing") from err
            if media.path is None:
                raise ChimeError("chime_missing")
            return media.path
        if name.startswith("/local/"):
            return Path(self._hass.config.path("www", name.removeprefix("/local/")))
        return Path(self._hass.config.path(name))  # an absolute path stays as it is

    async def _async_decode(self, file: Path, max_seconds: float) -> bytes:
        """Return the samples of an audio file."""
        # A longer file is noticed because one second more than the maximum is decoded.
        decode = partial(decode_file, file, _CHIME_LAYOUT, max_seconds=max_seconds + 1, timeout_s=_CHIME_TIMEOUT_S)
        try:
            async with asyncio.timeout(_CHIME_TIMEOUT_S):  # on a share that hangs, the job continues
                return await self._hass.async_add_executor_job(decode)
        except (ConversionError, TimeoutError) as err:
            raise ChimeError("chime_unusable") from err


@singleton(_CHIMES, async_=True)
async def async_get_chimes(hass: HomeAssistant) -> ChimeLibrary:
    """Return the chime library, which all accounts share."""
    files = ChimeFiles(hass)
    await files.async_load()
    return ChimeLibrary(hass, files)


def _make_with_loudness(make: Callable[[], Chime], lufs: float) -> Chime:
    """Make a chime at a loudness."""
    chime = make()
    return chime if lufs == CHIME_LUFS else chime.with_loudness(lufs)
