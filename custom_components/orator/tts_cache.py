"""Query Home Assistant's cache of speech and its streams, and keep audio out of the cache.

Home Assistant has no public way to find out whether a message is cached, to exclude audio from the cache, or to find
the streams that wait for their text. This is the only module that uses the private API of the `tts` component:

- `_hash_options` and `KEY_PATTERN` build the cache key of a message; no public function returns the key.
- `SpeechManager.mem_cache` and `file_cache` hold the keys of cached messages; `ResultStream` does not state whether its
audio comes from the cache.
- `TTSCache.cache_key` and `_result_data` are the key of a cache entry and its complete audio, and
  `SpeechManager.cache_dir` is the folder of the files; an entity cannot mark its audio as not to be cached.
- `SpeechManager.token_to_stream` holds the streams, and `ResultStream._result_cache` is done once a stream has a text;
  an entity is not told for which stream Home Assistant asks whether it supports streaming, and the oldest supported
  version has no `ResultStream.delete`.

`_guard` wraps every use: if a Home Assistant release changes the API, a warning is logged, a repair issue is created,
and voices still speak. Audio that cannot be discarded then stays in the cache, so the voice gets another revision,
which is part of the cache key: nothing that was cached before is played again.
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
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .pipeline import SynthesisReport

_LOGGER = logging.getLogger(__name__)

_TTS_MANAGER: Final[HassKey[Any]] = HassKey("tts_manager")
_IS_KEY_KNOWN: Final[HassKey[bool]] = HassKey("orator_cache_key_known")
"""Whether a cache key of this module has been found in the cache."""
_API_ERRORS: Final = (AttributeError, LookupError, TypeError, ValueError)
_MAX_POLLS: Final = 40
_POLL_INTERVAL_S: Final = 0.25


_ISSUE_ID: Final = "cache_changed"
_REVISIONS: Final[HassKey[CacheRevisions]] = HassKey("orator_cache_revisions")
_REVISIONS_STORAGE_VERSION: Final = 1
_REVISIONS_SAVE_DELAY_S: Final = 0.1


@contextmanager
def _guard(hass: HomeAssistant) -> Iterator[None]:
    """Exit the context and report the error if the private API is not as expected."""
    try:
        yield
    except _API_ERRORS as err:
        name = getattr(err, "name", None) or ""  # of a missing attribute; the message may contain the text
        _warn_once(f"{type(err).__name__} {name}".rstrip())
        ir.async_create_issue(
            hass,
            DOMAIN,
            _ISSUE_ID,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=_ISSUE_ID,
        )


@cache
def _warn_once(cause: str) -> None:
    _LOGGER.warning("Home Assistant's text-to-speech cache has an unknown API, so Orator cannot use it: %s", cause)


@callback
def cache_key(hass: HomeAssistant, entity_id: str, message: str, language: str, options: Mapping[str, Any]) -> str:
    """Return the key of a message in the cache, or "" if it is unknown."""
    with _guard(hass):
        hashed_options = tts._hash_options(dict(options)) if options else "-"  # noqa: SLF001
        language = language.replace("_", "-")
        return tts.KEY_PATTERN.format(_hash(message), language, hashed_options, entity_id).lower()
    return ""


@callback
def has_cached_speech(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether any message of a voice may be on disk."""
    with _guard(hass):
        return any(key.endswith(f"_{entity_id}") for key in hass.data[_TTS_MANAGER].file_cache)
    return True


@callback
def is_in_memory(hass: HomeAssistant, key: str) -> bool:
    """Return whether a message is known to be cached in memory."""
    with _guard(hass):
        is_found = key in hass.data[_TTS_MANAGER].mem_cache
        if is_found:
            hass.data[_IS_KEY_KNOWN] = True
        return is_found
    return False


@callback
def is_on_disk(hass: HomeAssistant, key: str) -> bool:
    """Return whether a message is known to be cached on disk."""
    with _guard(hass):
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
    with _guard(hass):
        hass.data[_TTS_MANAGER].mem_cache.pop(key, None)


@callback
def streams_without_text(hass: HomeAssistant, entity_id: str) -> dict[str, tts.ResultStream]:
    """Return the streams of a voice that have no text yet, by token."""
    with _guard(hass):
        streams: dict[str, tts.ResultStream] = hass.data[_TTS_MANAGER].token_to_stream
        return {
            token: stream
            for token, stream in streams.items()
            if stream.engine == entity_id and not stream._result_cache.done()  # noqa: SLF001
        }
    return {}


@callback
def async_drop_stream(hass: HomeAssistant, stream: tts.ResultStream) -> None:
    """Remove a stream that will get no text."""
    with _guard(hass):
        hass.data[_TTS_MANAGER].token_to_stream.pop(stream.token, None)


def is_cacheable(report: SynthesisReport, *, misses_chime: bool) -> bool:
    """Return whether audio may stay in the cache: without words of a fallback, and with nothing inserted or missing."""
    is_inexact = report.has_fallback_audio or report.has_gaps or report.has_repetitions
    return not (is_inexact or report.misses_clip or misses_chime)


@callback
def cache_revision(hass: HomeAssistant, subentry_id: str) -> str | None:
    """Return the revision of a voice, or None if all of its cached audio may be played."""
    return hass.data[_REVISIONS].get(subentry_id)


@callback
def async_discard(hass: HomeAssistant, text: str, entity_id: str, subentry_id: str) -> None:
    """Discard audio that a voice is about to finish, because it is not cacheable."""
    if not _async_discard(hass, text, entity_id):
        hass.data[_REVISIONS].async_renew(subentry_id)


def _async_discard(hass: HomeAssistant, text: str, entity_id: str) -> bool:
    """Return whether the audio is certain to be discarded, or is not cached as it is a streamed reply.

    Home Assistant writes the file when the audio ends, under the key that the cache entry has at that time. So the
    entry gets a random key first, and the file is removed afterwards.
    """
    with _guard(hass):
        text_hash = _hash(text)
        prefix, _, suffix = tts.KEY_PATTERN.format(text_hash, "\n", "\n", entity_id).lower().split("\n")
        discarded = set()
        entries = hass.data[_TTS_MANAGER].mem_cache
        incomplete = {key: entry for key, entry in entries.items() if not _is_complete(hass, entry)}
        own = {key: entry for key, entry in incomplete.items() if key.endswith(suffix)}
        for key, entry in own.items():
            if not key.startswith(prefix):
                continue
            _ = entry.cache_key  # raises AttributeError if it was renamed: setting it would have no effect
            del entries[key]
            entry.cache_key = key.replace(text_hash, secrets.token_hex(len(text_hash) // 2))
            discarded.add(entry.cache_key)
        if discarded:
            hass.data[_IS_KEY_KNOWN] = True
            hass.async_create_background_task(_async_remove_files(hass, discarded), "orator removes discarded speech")
        elif own and all("_" in key for key in incomplete) and _IS_KEY_KNOWN not in hass.data:
            # The keys of streamed replies are single words, so the audio is that of an entry under an unknown key.
            msg = "no entry has the hash of the message"
            raise LookupError(msg)
        return True
    return False


def _is_complete(hass: HomeAssistant, entry: Any) -> bool:
    """Return whether a cache entry is known to be complete: it then holds the voice's own audio of an earlier call."""
    with _guard(hass):
        return entry._result_data is not None  # noqa: SLF001
    return False


async def _async_remove_files(hass: HomeAssistant, keys: set[str]) -> None:
    """Remove files from the cache once they are written; streamed replies are never written."""
    with _guard(hass):
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


class CacheRevisions:
    """Revisions of the voices whose cached audio must not be played again, by subentry ID."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize without revisions; `async_load` restores the stored ones."""
        self._hass = hass
        self._store = Store[dict[str, str]](hass, _REVISIONS_STORAGE_VERSION, f"{DOMAIN}.cache_revisions")
        self._revisions: dict[str, str] = {}

    async def async_load(self) -> None:
        """Restore the stored revisions."""
        stored = await self._store.async_load()
        if isinstance(stored, dict):
            self._revisions = {str(key): str(revision) for key, revision in stored.items()}

    def get(self, subentry_id: str) -> str | None:
        """Return the revision of a voice, or None if all of its cached audio may be played."""
        return self._revisions.get(subentry_id)

    @callback
    def async_renew(self, subentry_id: str) -> None:
        """Give a voice another revision, at once and across restarts."""
        self._revisions[subentry_id] = secrets.token_hex(8)
        self._store.async_delay_save(lambda: self._revisions, _REVISIONS_SAVE_DELAY_S)

    async def async_remove(self) -> None:
        """Remove the stored revisions and the issue."""
        ir.async_delete_issue(self._hass, DOMAIN, _ISSUE_ID)
        self._revisions = {}
        await self._store.async_remove()


@singleton(_REVISIONS, async_=True)
async def async_get_cache_revisions(hass: HomeAssistant) -> CacheRevisions:
    """Return the cache revisions, which all accounts share."""
    revisions = CacheRevisions(hass)
    await revisions.async_load()
    return revisions
