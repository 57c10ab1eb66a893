"""Secrets in logs, errors, states and diagnostics; speech in Home Assistant's cache; tasks that still run."""

import asyncio
from collections.abc import Iterator
import json
import logging
from pathlib import Path
import re
import traceback
from typing import Final

from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import ExtendedJSONEncoder

from custom_components.orator.const import DOMAIN
from custom_components.orator.diagnostics import async_get_config_entry_diagnostics
from tests.simulator import DEFAULT_KEY
from tests.simulator.audio.tones import split_words

from .cases import SENTENCES

_WORDS: Final = frozenset(word for sentence in SENTENCES for word in split_words(sentence.format("")) if len(word) > 4)
_SECRET_WORDS: Final = _WORDS - {"there", "again"}
_WORD: Final = re.compile(r"\w+")
_HOME_ASSISTANT_LOGGER: Final = "homeassistant.components.tts"


def find_secrets(text: str, *, includes_message: bool = True) -> list[str]:
    """Return the API key and the words of messages that a text contains."""
    words = sorted(_SECRET_WORDS.intersection(_WORD.findall(text.lower()))) if includes_message else []
    return [*(["the API key"] if DEFAULT_KEY in text else []), *words]


def find_secrets_in_logs(records: list[logging.LogRecord]) -> Iterator[str]:
    """Describe log lines above DEBUG with secrets. Home Assistant's own line quotes the beginning of a message."""
    for record in records:
        if record.levelno > logging.DEBUG:
            line = logging.Formatter().format(record)
            if secrets := find_secrets(line, includes_message=record.name != _HOME_ASSISTANT_LOGGER):
                yield f"{record.name} contains {secrets}: {line[:300]}"


def find_secrets_in_error(error: Exception | None) -> list[str]:
    """Return the secrets in an error, its causes and its placeholders."""
    if error is None:
        return []
    placeholders = str(getattr(error, "translation_placeholders", ""))
    return find_secrets("\n".join((*traceback.format_exception(error), repr(error), placeholders)))


async def find_secrets_in_states_and_diagnostics(hass: HomeAssistant) -> list[str]:
    """Return the secrets in states and diagnostics."""
    entries = [entry for entry in hass.config_entries.async_entries(DOMAIN) if hasattr(entry, "runtime_data")]
    diagnostics = [await async_get_config_entry_diagnostics(hass, entry) for entry in entries]
    states = [state.as_dict() for state in hass.states.async_all()]
    return find_secrets(json.dumps([diagnostics, states], cls=ExtendedJSONEncoder))


async def get_cache_keys(hass: HomeAssistant) -> set[str]:
    """Return the keys of Home Assistant's cache of speech, in memory and on disk."""
    manager = hass.data[DATA_TTS_MANAGER]
    files = await hass.async_add_executor_job(lambda: [path.stem for path in Path(manager.cache_dir).iterdir()])
    return {*manager.mem_cache, *manager.file_cache, *files}


def get_running_tasks() -> list[str]:
    """Return the names of Orator's tasks that have not ended."""
    return sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("orator"))
