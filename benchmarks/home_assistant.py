"""Home Assistant in this process, with accounts of Orator and of its own OpenAI integration."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import logging
import os
from pathlib import Path
import socket
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final

from homeassistant import bootstrap
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.runner import RuntimeConfig

from .conditions import api_key_of

_HOST: Final = "127.0.0.1"
_LOG_FILE: Final = "output.log"
_OPENAI_BASE_URL_VARIABLE: Final = "OPENAI_BASE_URL"


@dataclass(frozen=True, slots=True)
class Instance:
    """A running Home Assistant. orator, openai: the tts entity for each speed of the provider."""

    hass: HomeAssistant
    url: str
    orator: Mapping[str, str]
    openai: Mapping[str, str]


@asynccontextmanager
async def run_home_assistant(provider_urls: Mapping[str, str]) -> AsyncGenerator[Instance]:
    """Run Home Assistant with a temporary configuration folder. Nothing is installed."""
    with TemporaryDirectory(prefix="orator-benchmark-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        port = _free_port()
        _write_configuration(folder, port)
        logging.getLogger().addHandler(logging.FileHandler(folder / _LOG_FILE))  # replaces Home Assistant's own
        excepthook = sys.excepthook
        hass = await bootstrap.async_setup_hass(RuntimeConfig(str(folder), skip_pip=True, log_no_color=True))
        sys.excepthook = excepthook
        if hass is None or hass.config.recovery_mode:
            raise RuntimeError(f"Home Assistant did not start:\n{(folder / _LOG_FILE).read_text()}")
        try:
            await hass.async_start()
            await hass.async_block_till_done()
            yield Instance(
                hass,
                f"http://{_HOST}:{port}",
                {speed: await _add_orator(hass, speed, url) for speed, url in provider_urls.items()},
                {speed: await _add_openai(hass, speed, url) for speed, url in provider_urls.items()},
            )
        finally:
            await hass.async_stop(force=True)


def _write_configuration(folder: Path, port: int) -> None:
    """Write a configuration folder."""
    general = {
        "name": "Benchmark",
        "country": "US",
        "language": "en",
        "currency": "USD",
        "time_zone": "UTC",
        "unit_system": "metric",
        "internal_url": f"http://{_HOST}:{port}",
    }
    configuration = {
        "homeassistant": general,
        "logger": {"default": "warning"},
        "frontend": {},
        "api": {},
        "ffmpeg": {},
        "tts": {},
    }
    (folder / "configuration.yaml").write_text(json.dumps(configuration))  # JSON is valid YAML
    (folder / ".storage").mkdir()
    _store(folder, "http", 1, {"server_host": [_HOST], "server_port": port})
    _store(folder, "onboarding", 4, {"done": ["user", "core_config", "analytics", "integration"]})


def _store(folder: Path, key: str, version: int, data: dict[str, Any]) -> None:
    """Write a file of Home Assistant's storage."""
    content = {"version": version, "minor_version": 1, "key": key, "data": data}
    (folder / ".storage" / key).write_text(json.dumps(content))


def _free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def _add_orator(hass: HomeAssistant, speed: str, url: str) -> str:
    """Add an account, and return the entity of its first voice."""
    account = {"api_key": api_key_of(speed), "server": {"base_url": url}}
    return await _add_entry(hass, "orator", {"provider": "openai"}, account)


async def _add_openai(hass: HomeAssistant, speed: str, url: str) -> str:
    """Add an account of Home Assistant's own integration; its client reads the URL from the environment."""
    os.environ[_OPENAI_BASE_URL_VARIABLE] = url
    try:
        return await _add_entry(hass, "openai_conversation", {"api_key": api_key_of(speed)})
    finally:
        del os.environ[_OPENAI_BASE_URL_VARIABLE]


async def _add_entry(hass: HomeAssistant, domain: str, *forms: dict[str, Any]) -> str:
    """Run a config flow, and return the new tts entity."""
    result = await hass.config_entries.flow.async_init(domain, context={"source": SOURCE_USER})
    for form in forms:
        result = await hass.config_entries.flow.async_configure(result["flow_id"], form)
    if result["type"] is not FlowResultType.CREATE_ENTRY:
        raise RuntimeError(f"{domain} could not be set up: {result}")
    await hass.async_block_till_done()
    entries = er.async_entries_for_config_entry(er.async_get(hass), result["result"].entry_id)
    for entity in entries:
        if entity.domain == "tts":
            return entity.entity_id
    raise RuntimeError(f"{domain} has no tts entity")
