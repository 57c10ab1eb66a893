"""What Home Assistant keeps of what was spoken, in memory and on disk.

It has no public way to ask for that. So this is the one place that knows how it is kept; where a Home Assistant keeps
it otherwise, nothing is known of it, and everybody speaks all the same.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import hashlib
import logging
from pathlib import Path
import secrets
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

_LOGGER = logging.getLogger(__name__)

_MANAGER: Final[HassKey[Any]] = HassKey("tts_manager")
_OTHERWISE: Final = (AttributeError, KeyError, TypeError)
"""What is raised where it is kept in another way."""
_LOOKS: Final = 40
_LOOK_EVERY: Final = 0.25


@contextmanager
def _as_known() -> Iterator[None]:
    """Go on where it is kept in another way than it is known to be."""
    try:
        yield
    except _OTHERWISE as err:
        _LOGGER.debug("Home Assistant keeps speech in another way: %s", err)


@callback
def cache_key(entity_id: str, message: str, language: str, options: Mapping[str, Any]) -> str:
    """Return what a message is kept under, "" where that is not known."""
    with _as_known():
        how = tts._hash_options(dict(options)) if options else "-"  # noqa: SLF001
        return tts.KEY_PATTERN.format(_digest(message), language.replace("_", "-"), how, entity_id).lower()
    return ""


@callback
def has_cached_speech(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether anything of a voice may be on disk."""
    with _as_known():
        return any(key.endswith(f"_{entity_id}") for key in hass.data[_MANAGER].file_cache)
    return True


@callback
def is_in_memory(hass: HomeAssistant, key: str) -> bool:
    """Tell whether something is known to be in memory."""
    with _as_known():
        return key in hass.data[_MANAGER].mem_cache
    return False


@callback
def is_on_disk(hass: HomeAssistant, key: str) -> bool:
    """Tell whether something is known to be on disk."""
    with _as_known():
        return key in hass.data[_MANAGER].file_cache
    return False


async def async_wait_until_on_disk(hass: HomeAssistant, key: str) -> bool:
    """Tell whether something is on disk, where Home Assistant writes it a moment after the last sound."""
    for _ in range(_LOOKS):
        if is_on_disk(hass, key):
            return True
        await asyncio.sleep(_LOOK_EVERY)
    return False


@callback
def async_drop_from_memory(hass: HomeAssistant, key: str) -> None:
    """Have something spoken anew."""
    with _as_known():
        hass.data[_MANAGER].mem_cache.pop(key, None)


@callback
def async_discard(hass: HomeAssistant, text: str, entity_id: str) -> None:
    """See to it that what is just being spoken is not found again: it must not pass for this voice.

    Home Assistant has no way to keep something out of its cache, and writes a file at the end of the sound, under the
    key that its cache entry has then. So, before that, the entry gets the key of no text; its file is removed.
    """
    begins, ends = _digest(text), f"_{entity_id}"
    junk = set()
    with _as_known():
        entries = hass.data[_MANAGER].mem_cache
        for key, entry in list(entries.items()):
            is_loaded = getattr(entry, "_result_data", None) is not None  # before, by the voice itself
            if is_loaded or not key.startswith(begins) or not key.endswith(ends):
                continue
            del entries[key]
            entry.cache_key = secrets.token_hex(len(begins) // 2) + key[len(begins) :]
            junk.add(entry.cache_key)
    if junk:
        hass.async_create_background_task(_async_remove(hass, junk), "orator removes what is not to be kept")


async def _async_remove(hass: HomeAssistant, junk: set[str]) -> None:
    """Remove files from Home Assistant's cache as soon as they are there; replies that are streamed never are."""
    with _as_known():
        manager = hass.data[_MANAGER]
        for _ in range(_LOOKS):
            for key in junk & manager.file_cache.keys():
                name = manager.file_cache.pop(key)
                await hass.async_add_executor_job(Path(manager.cache_dir, name).unlink, True)  # noqa: FBT003
                junk.discard(key)
            if not junk:
                return
            await asyncio.sleep(_LOOK_EVERY)


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
