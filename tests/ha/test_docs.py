"""Tests that the documented options and examples match the running integration."""

from pathlib import Path
import re
from typing import Any

from homeassistant.components.tts import async_get_media_source_audio, get_engine_instance
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.documented_models import price_for
from tests.simulator import Simulator
from tests.support.audio import RATE, decode
from tests.support.speech import create_account, create_text, get_speech_requests, load_account
from tests.support.word_decoder import assert_spoken

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=sorted(PROVIDERS))
def entry(simulator: Simulator, request: pytest.FixtureRequest) -> MockConfigEntry:
    """Return an account at each provider."""
    return create_account(simulator, request.param, {"model": "tts-1", "voice": "nova"})


@pytest.mark.usefixtures("account")
def test_options_are_documented(hass: HomeAssistant) -> None:
    """The table of options has every option of a voice, except for those that Home Assistant defines."""
    documented = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/announcements.md").read_text(), re.MULTILINE))
    voice = get_engine_instance(hass, "tts.ann")
    assert voice is not None
    options = {key for key in voice.supported_options or () if not key.startswith("preferred_")}
    assert options - {"chime_revision", "fallback_call"} <= documented  # both are internal


def read_example(action: str, *, is_dry_run: bool = False) -> dict[str, Any]:
    """Return the documented example of an action."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/actions.md").read_text(), re.MULTILINE | re.DOTALL)
    (found,) = [
        block for block in blocks if f"action: orator.{action}" in block and ("dry_run: true" in block) is is_dry_run
    ]
    parsed: dict[str, Any] = parse_yaml(found)
    return parsed


async def test_examples_of_actions(hass: HomeAssistant, simulator: Simulator) -> None:
    """Home Assistant runs the examples unchanged, and their messages are spoken."""
    simulator.audio_mode = "tones"
    account = create_account(simulator, "openai", {"model": "tts-1", "voice": "coral"}, "OpenAI Coral")
    for component in ("homeassistant", "media_source"):
        assert await async_setup_component(hass, component, {})
    await load_account(hass, account)
    played = async_mock_service(hass, "media_player", "play_media")
    scripts = {"announce": {"sequence": read_example("synthesize")["actions"]}}
    assert await async_setup_component(hass, "script", {"script": scripts})
    await hass.services.async_call("script", "announce", blocking=True)
    (call,) = played
    assert call.data["entity_id"] == ["media_player.kitchen"]
    _, audio = await async_get_media_source_audio(hass, call.data["media"]["media_content_id"])
    assert_spoken((await decode(audio)).samples, RATE, "The washing machine is done.")
    automation = {"id": "night", "alias": "Night", **read_example("prepare")}
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.night"}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.night"}, blocking=True)
    texts = {body["input"] for body in get_speech_requests(simulator)}
    assert texts == {"The washing machine is done.", *automation["actions"][0]["data"]["messages"]}


async def test_example_of_dry_run(hass: HomeAssistant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example speaks a text that costs less than the amount in its condition, and no other text."""
    monkeypatch.setattr(OpenAIProvider, "_price", lambda _self, model_id: price_for(model_id))
    await load_account(hass, create_account(simulator, "openai", {"model": "tts-1", "voice": "coral"}, "OpenAI Coral"))
    spoken = async_mock_service(hass, "tts", "speak")
    scripts = {"news": {"sequence": read_example("synthesize", is_dry_run=True)["actions"]}}
    assert await async_setup_component(hass, "script", {"script": scripts})
    for text in ("The kettle has boiled.", create_text(4_000)):
        hass.states.async_set("sensor.news", "today", {"text": text})
        await hass.services.async_call("script", "news", blocking=True)
    (call,) = spoken
    assert call.data["message"] == "The kettle has boiled."
    assert not get_speech_requests(simulator)
