"""Retirement of models: issues, repair, and migration of voices to the successor."""

from datetime import date, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.const import DOMAIN
from tests.simulator import Fault, Simulator
from tests.support.audio import decode
from tests.support.flows import open_repair_form, submit_repair_form
from tests.support.speech import SPEECH_PATH, create_account, get_issue, get_speech_requests, speak, wait_for_reload
from tests.support.streams import SENTENCE

SUCCESSOR = "gpt-realtime-2.1-mini"
VOICE = {"model": "gpt-4o-mini-tts", "voice": "nova", "speed": 2.5, "instructions": "Calm.", "format": "opus"}


def get_date_in(days: int) -> str:
    """Return the ISO date in a number of days."""
    return (dt_util.utcnow().date() + timedelta(days=days)).isoformat()


@pytest.fixture
def days() -> int:
    """Return the days until the model of the voice ends."""
    return 45


@pytest.fixture
def entry(simulator: Simulator, days: int) -> MockConfigEntry:
    """Return an OpenAI account with a voice whose model ends."""
    simulator.openai.set_shutdown_date("gpt-4o-mini-tts", get_date_in(days))
    return create_account(simulator, "openai", VOICE)


@pytest.fixture
async def loaded_account(hass: HomeAssistant, account: MockConfigEntry) -> MockConfigEntry:
    """Return the account after its background tasks have finished."""
    await wait_for_reload(hass)
    return account


async def pass_day_with_provider(hass: HomeAssistant, freezer: FrozenDateTimeFactory, simulator: Simulator) -> None:
    """Advance the time of Home Assistant and of the simulated OpenAI by a day."""
    freezer.tick(timedelta(days=1, minutes=1))
    simulator.openai.today = get_date_in(0)
    async_fire_time_changed(hass)
    await wait_for_reload(hass)


@pytest.mark.parametrize(("days", "has_issue"), [(61, False), (60, True), (1, True)])
async def test_issue_before_end(hass: HomeAssistant, loaded_account: MockConfigEntry, *, has_issue: bool) -> None:
    """An issue with end date and successor is created 60 days before the end; the voice still speaks."""
    found = get_issue(hass, loaded_account, "model_end")
    assert bool(found) is has_issue
    if found:
        assert (found.translation_key, found.severity, found.is_fixable) == (
            "model_end",
            ir.IssueSeverity.WARNING,
            True,
        )
        assert found.translation_placeholders["subject"] == "Ann"
        assert found.translation_placeholders["follower"] == SUCCESSOR
        assert date.fromisoformat(found.translation_placeholders["day"]) > dt_util.utcnow().date()
    assert await speak(hass)


@pytest.mark.parametrize("days", [1])
async def test_end_date(
    hass: HomeAssistant, simulator: Simulator, loaded_account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """From the end date on, the successor speaks with the nearest voice and settings; one issue reports it."""
    await pass_day_with_provider(hass, freezer, simulator)
    found = get_issue(hass, loaded_account, "model_end")
    assert found
    assert found.translation_key == "model_ended"
    assert len(await speak(hass)) > 10_000
    assert not get_speech_requests(simulator)
    (response,) = simulator.openai.realtime.responses
    assert response.voice == "coral"
    assert "Calm." in response.body["instructions"]
    assert simulator.openai.realtime.connections[0].session["audio"]["output"]["speed"] == 1.5
    await pass_day_with_provider(hass, freezer, simulator)
    issues = [issue_id for domain, issue_id in ir.async_get(hass).issues if domain == DOMAIN]
    assert len(issues) == 1


async def test_model_removed_before_end_date(
    hass: HomeAssistant, simulator: Simulator, loaded_account: MockConfigEntry
) -> None:
    """If the model is refused as unknown, its successor speaks at once, and the model is not requested again."""
    simulator.openai.models = [row for row in simulator.openai.models if row["id"] != "gpt-4o-mini-tts"]
    for _ in range(2):
        assert len(await speak(hass)) > 10_000
    await hass.async_block_till_done()
    assert len(get_speech_requests(simulator)) == 1
    assert len(simulator.openai.realtime.responses) == 2
    found = get_issue(hass, loaded_account, "model_end")
    assert found
    assert found.translation_key == "model_ended"


async def test_repair(
    hass: HomeAssistant, simulator: Simulator, loaded_account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """The repair changes the voice to the successor and keeps the settings that it supports."""
    form = await open_repair_form(hass, hass_client, loaded_account, "model_end")
    defaults = {field["name"]: field["default"] for field in form["data_schema"]}
    assert defaults == {"model": f"{SUCCESSOR} · starts immediately", "voice": "Coral"}
    result = await submit_repair_form(hass_client, form, **defaults)
    assert result["type"] == "create_entry"
    await wait_for_reload(hass)
    (voice,) = loaded_account.subentries.values()
    expected = {"model": SUCCESSOR, "voice": "coral", "speed": 1.5, "instructions": "Calm.", "format": "opus"}
    assert voice.data == expected
    assert not get_issue(hass, loaded_account, "model_end")
    assert await speak(hass)
    assert len(simulator.openai.realtime.responses) == 1


async def test_repair_with_voice_of_other_model(
    hass: HomeAssistant, loaded_account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A voice that the chosen model lacks is not saved: the form lists the voices of that model."""
    form = await open_repair_form(hass, hass_client, loaded_account, "model_end")
    form = await submit_repair_form(hass_client, form, model="tts-1", voice="Marin")
    assert form["type"] == "form"
    model, voice = form["data_schema"]
    assert model["default"].startswith("tts-1 ")
    assert voice["default"] == "Nova"
    assert "Marin" not in [option["value"] for option in voice["selector"]["select"]["options"]]
    result = await submit_repair_form(hass_client, form, model=model["default"], voice="Shimmer")
    assert result["type"] == "create_entry"
    await wait_for_reload(hass)
    (stored,) = loaded_account.subentries.values()
    assert (stored.data["model"], stored.data["voice"]) == ("tts-1", "shimmer")
    assert await speak(hass)


async def test_repair_with_voice_of_both_models(
    hass: HomeAssistant, loaded_account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A voice that the chosen model also has is saved at once."""
    form = await open_repair_form(hass, hass_client, loaded_account, "model_end")
    result = await submit_repair_form(hass_client, form, model="tts-1", voice="Sage")
    assert result["type"] == "create_entry"
    await wait_for_reload(hass)
    (stored,) = loaded_account.subentries.values()
    assert (stored.data["model"], stored.data["voice"]) == ("tts-1", "sage")


async def test_repair_with_blanks(
    hass: HomeAssistant, loaded_account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Fields of blanks stand for the suggested model and voice."""
    form = await open_repair_form(hass, hass_client, loaded_account, "model_end")
    assert (await submit_repair_form(hass_client, form, model=" ", voice=" "))["type"] == "create_entry"
    await wait_for_reload(hass)
    (voice,) = loaded_account.subentries.values()
    assert voice.data["model"] == SUCCESSOR
    assert voice.data["voice"].strip()
    assert await speak(hass)


async def test_repair_of_removed_voice(
    hass: HomeAssistant, loaded_account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """The repair of a removed voice is aborted, and its issue deleted."""
    form = await open_repair_form(hass, hass_client, loaded_account, "model_end")
    (subentry_id,) = loaded_account.subentries
    hass.config_entries.async_remove_subentry(loaded_account, subentry_id)
    await hass.async_block_till_done()
    result = await submit_repair_form(hass_client, form, model=SUCCESSOR, voice="coral")
    assert (result["type"], result["reason"]) == ("abort", "entry_not_loaded")
    assert not get_issue(hass, loaded_account, "model_end")


@pytest.mark.parametrize("days", [1])
async def test_model_without_successor(
    hass: HomeAssistant, simulator: Simulator, loaded_account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """Without a successor, the issue is an error, and so is speaking after the end."""
    simulator.openai.models = [row for row in simulator.openai.models if "realtime" not in str(row["id"])]
    await pass_day_with_provider(hass, freezer, simulator)
    found = get_issue(hass, loaded_account, "model_end")
    assert found
    assert (found.translation_key, found.severity) == ("model_end_alone", ir.IssueSeverity.ERROR)
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "not_found"


@pytest.fixture
async def ended_account(
    hass: HomeAssistant, simulator: Simulator, loaded_account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> MockConfigEntry:
    """Return the account a day later."""
    await pass_day_with_provider(hass, freezer, simulator)
    return loaded_account


@pytest.mark.parametrize("days", [1])
@pytest.mark.parametrize("audio_format", ["aac", "flac", "opus", "wav", "mp3"])
async def test_formats_after_end(
    hass: HomeAssistant, ended_account: MockConfigEntry, hass_client: ClientSessionGenerator, *, audio_format: str
) -> None:
    """All formats are still available after the end, whether a player prefers or a call requests them."""
    client = await hass_client()
    for options in ({"preferred_format": audio_format, "format": audio_format}, {"format": audio_format}):
        stream = tts.async_create_stream(hass, "tts.ann", options=options)
        stream.async_set_message(SENTENCE)
        response = await client.get(stream.url)
        assert response.status == 200
        assert (await decode(await response.read())).seconds > 1


@pytest.mark.parametrize("days", [1])
async def test_custom_voice_after_end(
    hass: HomeAssistant, simulator: Simulator, ended_account: MockConfigEntry
) -> None:
    """A custom voice is used with the successor, too."""
    await speak(hass, voice="voice_1234")
    (response,) = simulator.openai.realtime.responses
    assert response.voice == {"id": "voice_1234"}


async def test_model_returns(
    hass: HomeAssistant, simulator: Simulator, loaded_account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """A model that was refused as unknown is used again once it is listed."""
    simulator.fail(Fault(path=SPEECH_PATH, status=404, json={"error": {"code": "model_not_found"}}))
    assert await speak(hass)
    assert len(simulator.openai.realtime.responses) == 1
    await pass_day_with_provider(hass, freezer, simulator)
    assert await speak(hass)
    assert len(simulator.openai.realtime.responses) == 1
    found = get_issue(hass, loaded_account, "model_end")
    assert found
    assert found.translation_key == "model_end"


async def test_ignored_issue(
    hass: HomeAssistant, loaded_account: MockConfigEntry, freezer: FrozenDateTimeFactory, simulator: Simulator
) -> None:
    """An ignored issue stays ignored after the end date and a reload."""
    found = get_issue(hass, loaded_account, "model_end")
    assert found
    ir.async_ignore_issue(hass, DOMAIN, found.issue_id, ignore=True)
    await pass_day_with_provider(hass, freezer, simulator)
    await hass.config_entries.async_reload(loaded_account.entry_id)
    await wait_for_reload(hass)
    found = get_issue(hass, loaded_account, "model_end")
    assert found
    assert found.dismissed_version
