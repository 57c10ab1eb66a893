"""Home Assistant in this process, with accounts of Orator and of its own OpenAI integration."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import logging
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final

from homeassistant import bootstrap
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.runner import RuntimeConfig

from tests.support.home_assistant import write_configuration
from tests.support.processes import LOCALHOST, find_free_port

from .conditions import api_key_of

_CONFIGURATION: Final[Mapping[str, object]] = {"frontend": {}, "api": {}, "ffmpeg": {}, "tts": {}}
_ONBOARDING_DONE: Final = ("user", "core_config", "analytics", "integration")
_LOG_FILE: Final = "output.log"
_OPENAI_BASE_URL_VARIABLE: Final = "OPENAI_BASE_URL"


@dataclass(frozen=True, slots=True)
class InProcessInstance:
    """A running Home Assistant. orator, openai: the tts entity for each speed of the provider."""

    hass: HomeAssistant
    url: str
    orator: Mapping[str, str]
    openai: Mapping[str, str]


@asynccontextmanager
async def run_in_process(
    provider_urls: Mapping[str, str], custom_components: Iterable[Path] = ()
) -> AsyncGenerator[InProcessInstance]:
    """Run Home Assistant with a temporary configuration folder. Nothing is installed.

    custom_components: folders of custom integrations other than Orator.
    """
    with TemporaryDirectory(prefix="orator-benchmark-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        port = find_free_port()
        write_configuration(folder, port, custom_components, _CONFIGURATION, _ONBOARDING_DONE)
        sys.path.append(name)  # Home Assistant finds a folder only if it is first to import `custom_components`
        logging.getLogger().addHandler(logging.FileHandler(folder / _LOG_FILE))  # replaces Home Assistant's own
        excepthook = sys.excepthook
        hass = await bootstrap.async_setup_hass(RuntimeConfig(str(folder), skip_pip=True, log_no_color=True))
        sys.excepthook = excepthook
        if hass is None or hass.config.recovery_mode:
            raise RuntimeError(f"Home Assistant did not start:\n{(folder / _LOG_FILE).read_text()}")
        try:
            await hass.async_start()
            await hass.async_block_till_done()
            yield InProcessInstance(
                hass,
                f"http://{LOCALHOST}:{port}",
                {speed: await add_orator(hass, api_key_of(speed), url) for speed, url in provider_urls.items()},
                {speed: await add_openai(hass, api_key_of(speed), url) for speed, url in provider_urls.items()},
            )
        finally:
            await hass.async_stop(force=True)


async def add_orator(hass: HomeAssistant, api_key: str, url: str) -> str:
    """Add an account, and return the entity of its first voice."""
    account = {"api_key": api_key, "server": {"base_url": url}}
    return await _add_entry(hass, "orator", {"next_step_id": "cloud_service"}, {"provider": "openai"}, account)


async def add_openai(hass: HomeAssistant, api_key: str, url: str) -> str:
    """Add an account of Home Assistant's own integration; its client reads the URL from the environment."""
    os.environ[_OPENAI_BASE_URL_VARIABLE] = url
    try:
        return await _add_entry(hass, "openai_conversation", {"api_key": api_key})
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


async def add_chime_tts(hass: HomeAssistant, tts_entity_id: str) -> str:
    """Add the integration chime_tts, whose folder is among the custom components; return its name of a voice.

    It finds only voices whose entity ID is a single word, and plays files from a media folder.
    """
    word = "chimes"
    er.async_get(hass).async_update_entity(tts_entity_id, new_entity_id=f"tts.{word}")
    hass.config.media_dirs["local"] = hass.config.path("media")
    result = await hass.config_entries.flow.async_init("chime_tts", context={"source": SOURCE_USER})
    if result["type"] is not FlowResultType.CREATE_ENTRY:
        raise RuntimeError(f"chime_tts could not be set up: {result}")
    await hass.async_block_till_done()
    return word
