"""Tests that the YAML examples of the documentation load, and that their actions and options exist."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, override

from homeassistant.components.calendar import CalendarEntity, CalendarEvent
from homeassistant.components.tts import TextToSpeechEntity, get_engine_instance
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.loader import async_get_integration
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.effects import BuiltInChime
from custom_components.orator.tts_requests import SpeechRequest, validate_request
from custom_components.orator.voice_settings import VoiceSettings, configured_chimes
from tests.simulator import Simulator
from tests.support.examples import (
    Example,
    find_actions,
    find_pages_with_examples,
    read_examples,
    set_up_examples,
    turn_off_automations,
)
from tests.support.speech import create_account

VOICE = "tts.openai_coral"
OTHER_VOICES = ["tts.piper"]
EXAMPLES = [example for page in find_pages_with_examples() for example in read_examples(page)]


class Calendar(CalendarEntity):
    """A calendar without events."""

    @property
    @override
    def event(self) -> CalendarEvent | None:
        return None

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        return []


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account with the voice that the examples use."""
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"}, "OpenAI Coral")


@pytest.fixture(autouse=True)
async def calendar(hass: HomeAssistant) -> AsyncGenerator[None]:
    """Create the calendar of the examples, and turn off automations at the end."""
    for component in ("media_source", "calendar"):
        assert await async_setup_component(hass, component, {})
    family = Calendar()
    family.entity_id = "calendar.family"
    await hass.data["calendar"].async_add_entities([family])
    yield
    await turn_off_automations(hass)


async def read_fields(hass: HomeAssistant, action: str) -> dict[str, dict[str, Any]]:
    """Return the fields of an action, including those in sections."""
    domain, name = action.split(".")
    path = (await async_get_integration(hass, domain)).file_path / "services.yaml"
    service = (await hass.async_add_executor_job(load_yaml_dict, str(path)))[name]
    fields: dict[str, dict[str, Any]] = {}
    for field, description in service.get("fields", {}).items():
        fields |= description.get("fields", {field: description})
    return fields


def check_options(voice: TextToSpeechEntity, account: MockConfigEntry, data: dict[str, Any]) -> None:
    """Check the language and the options of an action; a template as a whole is checked by running it."""
    options = data.get("options", {})
    if isinstance(options, str):
        return
    validate_request(voice, SpeechRequest("", data.get("language"), options))
    (subentry,) = account.subentries.values()
    merged = {**(voice.default_options or {}), **options}
    settings = VoiceSettings.parse(account.runtime_data.data, merged, subentry.data, None)
    assert set(settings.fallbacks) <= set(OTHER_VOICES)
    assert configured_chimes(settings.post_processing) <= set(BuiltInChime)
    supported = {option.key for option in settings.model.options}
    assert {"speed", "instructions"} & options.keys() <= supported


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.page}: {example.name}")
async def test_example_is_valid(
    hass: HomeAssistant, account: MockConfigEntry, example: Example, caplog: pytest.LogCaptureFixture
) -> None:
    """Home Assistant loads the example without a warning or issue, and every action has only fields that exist."""
    caplog.clear()
    await set_up_examples(hass, example)
    state = hass.states.get(example.entity_id)
    assert state is not None
    assert state.state == ("on" if example.domain == "automation" else "off")
    assert not ir.async_get(hass).issues
    records = [record for record in caplog.records if record.name.startswith("homeassistant.")]
    assert not [record.getMessage() for record in records if record.levelname in ("WARNING", "ERROR")]
    voice = get_engine_instance(hass, VOICE)
    assert isinstance(voice, TextToSpeechEntity)
    actions = list(find_actions(example.config))
    assert actions
    for action in actions:
        data = action.get("data", {})
        fields = await read_fields(hass, action["action"])
        required = {name for name, field in fields.items() if field.get("required")}
        assert required <= data.keys() <= fields.keys(), action
        if action["action"] in ("tts.speak", "orator.synthesize", "orator.prepare"):
            assert action["target"] == {"entity_id": VOICE}
            check_options(voice, account, data)
        elif action["action"] == "orator.announce":
            assert data.get("tts_entity_id", VOICE) == VOICE
            chime = {"chime": data["chime"]} if "chime" in data else {}
            check_options(voice, account, {**data, "options": {**data.get("options", {}), **chime}})


def test_recipes() -> None:
    """The page of recipes has many, and each has a name of its own."""
    names = [example.name for example in read_examples("docs/recipes.md")]
    assert len(set(names)) == len(names) >= 12
    assert all(example.config.keys() >= {"alias"} for example in read_examples("docs/recipes.md"))
