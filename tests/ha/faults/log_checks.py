"""What is left behind: in logs, diagnostics, states, in Home Assistant's cache, and what still runs."""

import asyncio
from collections.abc import Iterator
import json
import logging
from pathlib import Path
import re
import traceback
from typing import Any

from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import ExtendedJSONEncoder

from custom_components.orator.const import DOMAIN
from custom_components.orator.diagnostics import async_get_config_entry_diagnostics
from tests.simulator.server import DEFAULT_KEY
from tests.simulator.tones import words_of

from .cases import SENTENCES, Heard

_SECRET_WORDS = frozenset(word for sentence in SENTENCES for word in words_of(sentence.format("")) if len(word) > 4) - {
    "there",
    "again",
}
_WORD = re.compile(r"\w+")
_OF_HOME_ASSISTANT = "homeassistant.components.tts"


def betrayed_in(said: str, *, also_text: bool = True) -> list[str]:
    """Return what of the key and of the texts is in something that anybody may read."""
    words = sorted(_SECRET_WORDS.intersection(_WORD.findall(said.lower()))) if also_text else []
    return [*(["the key"] if DEFAULT_KEY in said else []), *words]


def betrayed_by_logs(records: list[logging.LogRecord]) -> Iterator[str]:
    """Say which lines tell too much. Home Assistant's own line tells how a text began that failed."""
    for record in records:
        if record.levelno > logging.DEBUG:
            line = logging.Formatter().format(record)
            if betrayed := betrayed_in(line, also_text=record.name != _OF_HOME_ASSISTANT):
                yield f"{record.name} tells {betrayed}: {line[:300]}"


def betrayed_by_error(heard: Heard) -> list[str]:
    """Return what an error tells, and what has caused it, where somebody logs all of that."""
    if heard.error is None:
        return []
    told = [*traceback.format_exception(heard.error), repr(heard.error)]
    return betrayed_in("\n".join((*told, str(getattr(heard.error, "translation_placeholders", "")))))


async def betrayed_by_house(hass: HomeAssistant) -> list[str]:
    """Return what states and diagnostics tell."""
    told: list[Any] = [state.as_dict() for state in hass.states.async_all()]
    for entry in hass.config_entries.async_entries(DOMAIN):
        told += [await async_get_config_entry_diagnostics(hass, entry)] if hasattr(entry, "runtime_data") else []
    return betrayed_in(json.dumps(told, cls=ExtendedJSONEncoder))


async def kept_in(hass: HomeAssistant) -> set[str]:
    """Return the names of what Home Assistant keeps, in memory and in files."""
    manager = hass.data[DATA_TTS_MANAGER]
    files = await hass.async_add_executor_job(lambda: [path.stem for path in Path(manager.cache_dir).iterdir()])
    return {*manager.mem_cache, *manager.file_cache, *files}


def still_running() -> list[str]:
    """Return the tasks of ours that have not ended."""
    return sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("orator"))
