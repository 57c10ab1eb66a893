"""Query Home Assistant's cache of speech, and discard audio from it.

Home Assistant has no public way to find out whether a message is cached, or to exclude audio from the cache. This is
the only module that uses the private API of the `tts` component:

- `_hash_options` and `KEY_PATTERN` build the cache key of a message; no public function returns the key.
- `SpeechManager.mem_cache` and `file_cache` hold the keys of cached messages; `ResultStream` does not state whether its
audio comes from the cache.
- `TTSCache.cache_key` and `_result_data` are the key of a cache entry and its complete audio, and
  `SpeechManager.cache_dir` is the folder of the files; an entity cannot mark its audio as not to be cached.

`_guard` wraps every use: if a Home Assistant release changes the API, a warning is logged and voices still speak.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
import hashlib
import logging
from pathlib import Path
import secrets
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .pipeline import SynthesisReport

_LOGGER = logging.getLogger(__name__)

_TTS_MANAGER: Final[HassKey[Any]] = HassKey("tts_manager")
_API_ERRORS: Final = (AttributeError, KeyError, TypeError)
_MAX_POLLS: Final = 40
_POLL_INTERVAL_S: Final = 0.25


@contextmanager
def _guard() -> Iterator[None]:
    """Exit the context and log a warning if the private API is not as expected."""
    try:
        yield
    except _API_ERRORS as err:
        _warn_once(f"{type(err).__name__}: {err}")


@cache
def _warn_once(error: str) -> None:
    _LOGGER.warning("Home Assistant's text-to-speech cache has an unknown API, so Orator cannot use it: %s", error)


@callback
def cache_key(entity_id: str, message: str, language: str, options: Mapping[str, Any]) -> str:
    """Return the key of a message in the cache, or "" if it is unknown."""
    with _guard():
        hashed_options = tts._hash_options(dict(options)) if options else "-"  # noqa: SLF001
        language = language.replace("_", "-")
        return tts.KEY_PATTERN.format(_hash(message), language, hashed_options, entity_id).lower()
    return ""


@callback
def has_cached_speech(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether any message of a voice may be on disk."""
    with _guard():
        return any(key.endswith(f"_{entity_id}") for key in hass.data[_TTS_MANAGER].file_cache)
    return True


@callback
def is_in_memory(hass: HomeAssistant, key: str) -> bool:
    """Return whether a message is known to be cached in memory."""
    with _guard():
        return key in hass.data[_TTS_MANAGER].mem_cache
    return False


@callback
def is_on_disk(hass: HomeAssistant, key: str) -> bool:
    """Return whether a message is known to be cached on disk."""
    with _guard():
        return key in hass.data[_TTS_MANAGER].file_cache
    return False


async def async_wait_until_on_disk(hass: HomeAssistant, key: str) -> bool:
    """Return whether a message is cached on disk. Home Assistant writes the file shortly after the last audio."""
    for _ in range(_MAX_POLLS):
        if is_on_disk(hass, key):
            return True
        await asyncio.sleep(_POLL_INTERVAL_S)
    return False


@callback
def async_drop_from_memory(hass: HomeAssistant, key: str) -> None:
    """Remove a message from the memory cache, so that it is synthesized again."""
    with _guard():
        hass.data[_TTS_MANAGER].mem_cache.pop(key, None)


def is_cacheable(report: SynthesisReport, *, misses_chime: bool) -> bool:
    """Return whether audio may stay in the cache: without words of a fallback, and with nothing inserted or missing."""
    return not (report.has_fallback_audio or report.has_gaps or report.has_repetitions or misses_chime)


@callback
def async_discard(hass: HomeAssistant, text: str, entity_id: str) -> None:
    """Discard audio that a voice is about to finish, because it is not cacheable.

    Home Assistant writes the file when the audio ends, under the key that the cache entry has at that time. So the
    entry gets a random key first, and the file is removed afterwards.
    """
    prefix, suffix = _hash(text), f"_{entity_id}"
    discarded = set()
    with _guard():
        entries = hass.data[_TTS_MANAGER].mem_cache
        for key, entry in list(entries.items()):
            if not key.startswith(prefix) or not key.endswith(suffix):
                continue
            if getattr(entry, "_result_data", None) is not None:  # the voice's own audio, of an earlier request
                continue
            del entries[key]
            entry.cache_key = secrets.token_hex(len(prefix) // 2) + key[len(prefix) :]
            discarded.add(entry.cache_key)
    if discarded:
        hass.async_create_background_task(_async_remove_files(hass, discarded), "orator removes discarded speech")


async def _async_remove_files(hass: HomeAssistant, keys: set[str]) -> None:
    """Remove files from the cache once they are written; streamed replies are never written."""
    with _guard():
        manager = hass.data[_TTS_MANAGER]
        for _ in range(_MAX_POLLS):
            for key in keys & manager.file_cache.keys():
                name = manager.file_cache.pop(key)
                unlink = partial(Path(manager.cache_dir, name).unlink, missing_ok=True)
                await hass.async_add_executor_job(unlink)
                keys.discard(key)
            if not keys:
                return
            await asyncio.sleep(_POLL_INTERVAL_S)


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
