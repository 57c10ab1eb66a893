"""OpenAI's models end on days that are known; voices go on speaking."""

from datetime import date, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.const import DOMAIN

from ..simulator import Fault, Simulator
from ..support.audio import decode
from ..support.speech import SENTENCE, account_of, issue, speak, spoken

NEW = "gpt-realtime-2.1-mini"
VOICE = {"model": "gpt-4o-mini-tts", "voice": "nova", "speed": 2.5, "instructions": "Calm.", "format": "opus"}


def in_days(days: int) -> str:
    """Return a day as OpenAI writes it."""
    return (dt_util.utcnow().date() + timedelta(days=days)).isoformat()


@pytest.fixture
def days() -> int:
    """Return in how many days the model ends."""
    return 45


@pytest.fixture
def entry(simulator: Simulator, days: int) -> MockConfigEntry:
    """Describe an account at the simulated OpenAI, with a voice whose model ends."""
    simulator.openai.shut_down("gpt-4o-mini-tts", in_days(days))
    return account_of(simulator, "openai", VOICE)


@pytest.fixture
async def loaded(hass: HomeAssistant, account: MockConfigEntry) -> MockConfigEntry:
    """Load the account, and let it settle."""
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    return account


async def a_day_later(hass: HomeAssistant, freezer: FrozenDateTimeFactory, simulator: Simulator) -> None:
    """Let a day pass, also at the service."""
    freezer.tick(timedelta(days=1, minutes=1))
    simulator.openai.today = in_days(0)
    async_fire_time_changed(hass)
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize(("days", "is_told"), [(61, False), (60, True), (1, True)])
async def test_end_is_told_in_time(hass: HomeAssistant, loaded: MockConfigEntry, *, is_told: bool) -> None:
    """From 60 days before on an issue tells when, and what follows; the voice speaks as before."""
    found = issue(hass, loaded, "model_end")
    assert bool(found) is is_told
    if found:
        assert (found.translation_key, found.severity, found.is_fixable) == (
            "model_end",
            ir.IssueSeverity.WARNING,
            True,
        )
        assert found.translation_placeholders["subject"] == "Ann"
        assert found.translation_placeholders["follower"] == NEW
        assert date.fromisoformat(found.translation_placeholders["day"]) > dt_util.utcnow().date()
    assert await speak(hass)


@pytest.mark.parametrize("days", [1])
async def test_voice_goes_on_by_itself(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """On the day of the end the next model speaks, in the nearest voice and as near as it can; it is told once."""
    await a_day_later(hass, freezer, simulator)
    found = issue(hass, loaded, "model_end")
    assert found
    assert found.translation_key == "model_ended"
    assert len(await speak(hass)) > 10_000
    assert not spoken(simulator)
    (reading,) = simulator.openai.realtime.readings
    assert reading.voice == "coral"
    assert "Calm." in reading.body["instructions"]
    assert simulator.openai.realtime.sockets[0].session["audio"]["output"]["speed"] == 1.5
    await a_day_later(hass, freezer, simulator)
    issues = [issue_id for domain, issue_id in ir.async_get(hass).issues if domain == DOMAIN]
    assert len(issues) == 1


async def test_model_that_is_gone_before_its_day(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A model that is refused as unknown is followed at once: nobody misses a word, and it is asked for only once."""
    simulator.openai.models = [row for row in simulator.openai.models if row["id"] != "gpt-4o-mini-tts"]
    for _ in range(2):
        assert len(await speak(hass)) > 10_000
    await hass.async_block_till_done()
    assert len(spoken(simulator)) == 1
    assert len(simulator.openai.realtime.readings) == 2
    found = issue(hass, loaded, "model_end")
    assert found
    assert found.translation_key == "model_ended"


async def test_voice_is_moved(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """The repair moves the voice to the model that follows, and keeps what that takes."""
    assert await async_setup_component(hass, REPAIRS, {})
    found = issue(hass, loaded, "model_end")
    assert found
    client = await hass_client()
    form = await (
        await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": found.issue_id})
    ).json()
    defaults = {field["name"]: field["default"] for field in form["data_schema"]}
    assert defaults == {"model": NEW, "voice": "coral"}
    url = f"/api/repairs/issues/fix/{form['flow_id']}"
    result = await (await client.post(url, json=defaults)).json()
    assert result["type"] == "create_entry"
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    (voice,) = loaded.subentries.values()
    expected = {"model": NEW, "voice": "coral", "speed": 1.5, "instructions": "Calm.", "format": "opus"}
    assert voice.data == expected
    assert not issue(hass, loaded, "model_end")
    assert await speak(hass)
    assert len(simulator.openai.realtime.readings) == 1


async def test_repair_of_a_voice_that_is_no_more(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A voice that was removed needs no model, and its issue goes."""
    assert await async_setup_component(hass, REPAIRS, {})
    found = issue(hass, loaded, "model_end")
    assert found
    client = await hass_client()
    form = await (
        await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": found.issue_id})
    ).json()
    (subentry_id,) = loaded.subentries
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await hass.async_block_till_done()
    url = f"/api/repairs/issues/fix/{form['flow_id']}"
    result = await (await client.post(url, json={"model": NEW, "voice": "coral"})).json()
    assert (result["type"], result["reason"]) == ("abort", "entry_not_loaded")
    assert not issue(hass, loaded, "model_end")


@pytest.mark.parametrize("days", [1])
async def test_model_without_a_follower(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """Where nothing follows, the user is told to choose, and the service's own answer is told when it has ended."""
    simulator.openai.models = [row for row in simulator.openai.models if "realtime" not in str(row["id"])]
    await a_day_later(hass, freezer, simulator)
    found = issue(hass, loaded, "model_end")
    assert found
    assert (found.translation_key, found.severity) == ("model_end_alone", ir.IssueSeverity.ERROR)
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "not_found"


@pytest.fixture
async def ended(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> MockConfigEntry:
    """Live on the day after."""
    await a_day_later(hass, freezer, simulator)
    return loaded


@pytest.mark.parametrize("days", [1])
@pytest.mark.parametrize("audio_format", ["aac", "flac", "opus", "wav", "mp3"])
async def test_every_format_goes_on(
    hass: HomeAssistant, ended: MockConfigEntry, hass_client: ClientSessionGenerator, *, audio_format: str
) -> None:
    """Players get what they got before the end, whether the voice or a call has asked for it."""
    client = await hass_client()
    for options in ({"preferred_format": audio_format, "format": audio_format}, {"format": audio_format}):
        stream = tts.async_create_stream(hass, "tts.ann", options=options)
        stream.async_set_message(SENTENCE)
        response = await client.get(stream.url)
        assert response.status == 200
        assert (await decode(await response.read())).seconds > 1


@pytest.mark.parametrize("days", [1])
async def test_voice_of_ones_own_is_kept(hass: HomeAssistant, simulator: Simulator, ended: MockConfigEntry) -> None:
    """A voice that its user has made speaks through the next model, too."""
    await speak(hass, voice="voice_1234")
    (reading,) = simulator.openai.realtime.readings
    assert reading.voice == {"id": "voice_1234"}


async def test_model_that_comes_back(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """A model that was missing for an hour is not taken for gone for ever."""
    simulator.fail(Fault(path="/v1/audio/speech", status=404, json={"error": {"code": "model_not_found"}}))
    assert await speak(hass)
    assert len(simulator.openai.realtime.readings) == 1
    await a_day_later(hass, freezer, simulator)
    assert await speak(hass)
    assert len(simulator.openai.realtime.readings) == 1
    found = issue(hass, loaded, "model_end")
    assert found
    assert found.translation_key == "model_end"


async def test_issue_that_was_ignored_stays_ignored(
    hass: HomeAssistant, loaded: MockConfigEntry, freezer: FrozenDateTimeFactory, simulator: Simulator
) -> None:
    """Who does not want to hear of it any more does not."""
    found = issue(hass, loaded, "model_end")
    assert found
    ir.async_ignore_issue(hass, DOMAIN, found.issue_id, ignore=True)
    await a_day_later(hass, freezer, simulator)
    await hass.config_entries.async_reload(loaded.entry_id)
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    found = issue(hass, loaded, "model_end")
    assert found
    assert found.dismissed_version
