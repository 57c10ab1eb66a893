"""Speechbase in Home Assistant: set up both ways, spoken through, and mended when something is gone."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
import logging
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import DATA_RESOLVER
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.const import DOMAIN

from .listening import SATELLITE, SENTENCE, Hear
from .simulator import Fault, Simulator
from .simulator.speechbase_catalogue import DOCUMENTED_VOICE
from .sounds import RATE, decode, streamed_wav
from .test_config_flow import start
from .test_voice_flow import choices, field_names
from .words import assert_spoken

SETTINGS = ["speed", "volume_dbfs", "bitrate", "provider_options"]


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account at the simulated Speechbase, with a saved voice."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Speechbase",
        data={"provider": "speechbase", "api_key": simulator.api_key, "base_url": simulator.speechbase_url},
        subentries_data=[
            {
                "subentry_type": "voice",
                "title": "Ann",
                "data": {"mode": "voice", "voice_id": DOCUMENTED_VOICE},
                "unique_id": None,
            }
        ],
    )


async def begin_voice(hass: HomeAssistant, account: MockConfigEntry, mode: str) -> Any:
    """Choose how a new voice is named; return what is asked next."""
    result = await hass.config_entries.subentries.async_init((account.entry_id, "voice"), context={"source": "user"})
    assert field_names(result) == ["mode"]
    return await hass.config_entries.subentries.async_configure(result["flow_id"], {"mode": mode})


def asked(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the requests for speech."""
    return [request.body for request in simulator.requests if request.method == "POST"]


async def speak(hass: HomeAssistant, text: str = SENTENCE, **options: Any) -> bytes:
    """Let the voice speak, and return what it hands to Home Assistant."""
    engine = tts.get_engine_instance(hass, "tts.ann")

    async def message() -> AsyncGenerator[str]:
        yield text

    request = tts.TTSAudioRequest("en", {**engine.default_options, **options}, message())
    response = await engine.async_stream_tts_audio(request)
    return b"".join([chunk async for chunk in response.data_gen])


def issue(hass: HomeAssistant, account: MockConfigEntry, kind: str) -> ir.IssueEntry | None:
    """Return the open issue of a kind."""
    issues = ir.async_get(hass).issues
    begins = f"{account.entry_id}_{kind}"
    return next(
        (found for (domain, name), found in issues.items() if domain == DOMAIN and name.startswith(begins)), None
    )


async def test_account_begins_with_a_saved_voice(hass: HomeAssistant, simulator: Simulator) -> None:
    """A key is enough: the newest saved voice that can speak is there, and nothing was spoken for it."""
    entered = {"api_key": simulator.api_key, "server": {"base_url": simulator.speechbase_url}}
    result = await hass.config_entries.flow.async_configure(await start(hass, "speechbase"), entered)
    await hass.async_block_till_done()
    (voice,) = result["result"].subentries.values()
    assert voice.title == "Speechbase Bedroom, evening"
    assert voice.data["mode"] == "voice"
    assert not asked(simulator)


async def test_account_without_anything_that_can_speak(hass: HomeAssistant, simulator: Simulator) -> None:
    """An account without a vendor's key is set up all the same; its voices come later."""
    simulator.speechbase.voices.clear()
    for row in simulator.speechbase.providers:
        row["byok"] = row["managed"] = False
    entered = {"api_key": simulator.api_key, "server": {"base_url": simulator.speechbase_url}}
    result = await hass.config_entries.flow.async_configure(await start(hass, "speechbase"), entered)
    await hass.async_block_till_done()
    assert not result["result"].subentries
    assert result["result"].state is ConfigEntryState.LOADED


async def test_saved_voice_is_chosen_by_its_title(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """All saved voices are offered by title, those of the same title apart; there is no model to choose."""
    form = await begin_voice(hass, account, "voice")
    assert field_names(form) == ["voice_id", "name", "format", *SETTINGS, "clean_text", "replacements"]
    labels = [option["label"] for option in form["data_schema"].schema["voice_id"].config["options"]]
    assert len(labels) == len(set(labels)) == 120
    assert "Kitchen doorbell" in labels
    chosen = {"voice_id": choices(form, "voice_id")[3], "format": "mp3", "bitrate": "192"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], chosen)
    await hass.async_block_till_done()
    assert result["data"] == {"mode": "voice", "voice_id": chosen["voice_id"], "format": "mp3", "bitrate": 192}


async def test_typed_voice_is_looked_for(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """An ID that is not listed is asked for: one that is there is taken, one that is not is refused."""
    form = await begin_voice(hass, account, "voice")
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice_id": "01940f8a-0000", "format": "mp3"}
    )
    assert result["errors"] == {"voice_id": "voice_gone"}
    simulator.speechbase.voices.append({**simulator.speechbase.voices[0], "id": "01940f8a-new", "title": "New"})
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice_id": "01940f8a-new", "format": "mp3", "name": "Ben"}
    )
    assert result["data"]["voice_id"] == "01940f8a-new"
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ben")
    assert not issue(hass, account, "voice_gone")


async def test_voice_cannot_be_looked_for_at_the_moment(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A service that is away does not keep anybody from entering an ID."""
    form = await begin_voice(hass, account, "voice")
    simulator.fail(Fault(path="*/v1/voices/*", status=503))
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice_id": "01940f8a-new", "format": "mp3"}
    )
    assert result["data"]["voice_id"] == "01940f8a-new"


async def test_model_and_voice_of_a_vendor(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A model is chosen first, then a voice: listed where they are known, typed where not."""
    form = await begin_voice(hass, account, "inline")
    assert form["step_id"] == "model"
    assert "openai/gpt-4o-mini-tts" in choices(form, "model")
    assert not [model for model in choices(form, "model") if model.startswith("hume/")]
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "cartesia/sonic-3"})
    assert choices(form, "voice") == []
    entered = {"voice": "a0e99841", "name": "Carl", "format": "mp3", "provider_options": {"language": "en"}}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done()
    assert result["data"] == {
        "model": "cartesia/sonic-3",
        "voice": "a0e99841",
        "format": "mp3",
        "provider_options": {"language": "en"},
    }


async def test_vendor_without_a_key_is_told(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A model whose vendor has no key is said to be mute; whoever wants it nevertheless enters it twice."""
    form = await begin_voice(hass, account, "inline")
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "deepgram/aura-2"})
    assert (form["step_id"], form["errors"]) == ("model", {"model": "vendor_not_connected"})
    assert form["description_placeholders"]["vendor"] == "Deepgram"
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "deepgram/aura-2"})
    assert form["step_id"] == "voice"


async def test_saved_voice_becomes_another(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice can change from a saved one to a vendor's and back, and keeps nothing of what it was."""
    (subentry_id,) = account.subentries

    async def change(*forms: dict[str, Any]) -> None:
        result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
        for form in forms:
            result = await hass.config_entries.subentries.async_configure(result["flow_id"], form)
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()

    vendor = {"model": "openai/tts-1", "voice": "nova", "format": "mp3"}
    await change({"mode": "inline"}, {"model": "openai/tts-1"}, {"name": "Ann", "voice": "nova", "format": "mp3"})
    assert account.subentries[subentry_id].data == vendor
    await change({"mode": "voice"}, {"name": "Ann", "voice_id": DOCUMENTED_VOICE, "format": "mp3"})
    assert account.subentries[subentry_id].data == {"mode": "voice", "voice_id": DOCUMENTED_VOICE, "format": "mp3"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "inline", "model": "openai/tts-1", "voice": "nova"},
        {"mode": "inline", "model": "cartesia/sonic-3", "voice": "x"},
    ],
    ids=["saved", "openai", "cartesia"],
)
@pytest.mark.parametrize("receiver", [{}, SATELLITE], ids=["player", "satellite"])
async def test_words_are_heard(
    simulator: Simulator, hear: Hear, options: dict[str, Any], receiver: dict[str, Any]
) -> None:
    """Each way to say who speaks is heard by players and satellites, word by word."""
    simulator.tongue = "tones"
    audio = await hear(SENTENCE, **options, **receiver)
    sound = streamed_wav(audio) if receiver else await decode(audio)
    assert_spoken(sound.samples, RATE, SENTENCE)


async def test_picked_voice_speaks(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Assist's picker lists the saved voices, our own first; whom it picks is who speaks."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    picker = engine.async_get_supported_voices("en")
    assert (picker[0].voice_id, picker[0].name) == (DOCUMENTED_VOICE, "Podcast narrator")
    assert len(picker) == 120
    await hear(SENTENCE, voice=picker[5].voice_id)
    assert asked(simulator)[-1]["voiceId"] == picker[5].voice_id


async def test_long_text(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A text over the model's limit is spoken in parts, and each word once."""
    simulator.tongue = "tones"
    text = " ".join(f"Sentence number {number} of this rather long story goes on." for number in range(60))
    audio = await hear(text, mode="inline", model="inworld/inworld-tts-2", voice="Dennis")
    assert_spoken((await decode(audio)).samples, RATE, text)
    assert all(len(body["text"]) <= 2000 for body in asked(simulator))


@pytest.mark.parametrize(
    ("replacements", "is_sent"),
    [
        ([{"find": "kettle", "say": "the big cauldron"}], True),
        ([{"find": "kettle", "say": ""}], False),
        ([{"find": "the tea", "say": "it"}, {"find": "kettle", "say": "pot"}], False),
    ],
)
async def test_replacements(
    simulator: Simulator, hear: Hear, replacements: list[dict[str, str]], *, is_sent: bool
) -> None:
    """Words are said otherwise: by the service where it can, by us where it can't."""
    simulator.tongue = "tones"
    audio = await hear(SENTENCE, replacements=replacements)
    expected = SENTENCE
    for rule in replacements:
        expected = expected.replace(rule["find"], rule["say"])
    assert_spoken((await decode(audio)).samples, RATE, expected)
    assert all(("pronunciations" in body) is is_sent for body in asked(simulator))


async def test_what_is_learned_is_kept(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """That a server refuses `mode` is still known after a restart."""
    simulator.speechbase.mode_key = "rejected"
    assert await hear("One.")
    freezer.tick(timedelta(seconds=30))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await hear("Two.")
    assert ["mode" in body for body in asked(simulator)] == [False]


async def test_missing_vendor_key_is_told_until_it_is_there(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """The issue names the vendor, asks for no new key of our own, and goes when the vendor can speak."""
    (elevenlabs,) = (row for row in simulator.speechbase.providers if row["id"] == "elevenlabs")
    elevenlabs["byok"] = False
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "vendor_key_missing"
    assert caught.value.translation_placeholders["subject"] == "ElevenLabs"
    found = issue(hass, account, "vendor_key_missing")
    assert found
    assert found.translation_placeholders["subject"] == "ElevenLabs"
    assert not [flow for flow in hass.config_entries.flow.async_progress() if flow["context"]["source"] == "reauth"]
    elevenlabs["byok"] = True
    await speak(hass)
    assert not issue(hass, account, "vendor_key_missing")


async def test_connected_vendor_closes_its_issue(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """Nobody has to speak for it: the daily look finds that the key is there."""
    (elevenlabs,) = (row for row in simulator.speechbase.providers if row["id"] == "elevenlabs")
    elevenlabs["byok"] = False
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    await a_day_later(hass, freezer)
    assert issue(hass, account, "vendor_key_missing")
    elevenlabs["byok"] = True
    await a_day_later(hass, freezer)
    assert not issue(hass, account, "vendor_key_missing")


async def a_day_later(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let a day pass."""
    freezer.tick(timedelta(days=1, minutes=1))
    async_fire_time_changed(hass)
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)


async def test_vendor_that_is_switched_off(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A vendor that is switched off is told, too."""
    (elevenlabs,) = (row for row in simulator.speechbase.providers if row["id"] == "elevenlabs")
    elevenlabs["enabled"] = False
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "vendor_disabled"
    assert issue(hass, account, "vendor_disabled")
    elevenlabs["enabled"] = True
    await speak(hass)
    assert not issue(hass, account, "vendor_disabled")


async def test_lost_voice_can_be_replaced(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A saved voice that is gone is an issue, with a form that picks another, which speaks at once."""
    assert await async_setup_component(hass, REPAIRS, {})
    simulator.speechbase.voices[:] = [row for row in simulator.speechbase.voices if row["id"] != DOCUMENTED_VOICE]
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "voice_gone"
    found = issue(hass, account, "voice_gone")
    assert found
    assert found.is_fixable
    assert found.translation_placeholders["subject"] == "Ann"

    client = await hass_client()
    flow = {"handler": DOMAIN, "issue_id": found.issue_id}
    form = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    assert form["step_id"] == "voice"
    other = simulator.speechbase.voices[5]["id"]
    url = f"/api/repairs/issues/fix/{form['flow_id']}"
    result = await (await client.post(url, json={"voice_id": other})).json()
    assert result["type"] == "create_entry"
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    assert not issue(hass, account, "voice_gone")
    await speak(hass)
    assert asked(simulator)[-1]["voiceId"] == other


async def test_lost_voice_is_found_before_it_is_needed(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """The daily look tells of a voice that is gone, before the smoke alarm needs it; it goes when the voice is back."""
    row = next(row for row in simulator.speechbase.voices if row["id"] == DOCUMENTED_VOICE)
    simulator.speechbase.voices.remove(row)
    await a_day_later(hass, freezer)
    assert issue(hass, account, "voice_gone")
    simulator.speechbase.voices.append(row)
    await speak(hass)
    assert not issue(hass, account, "voice_gone")


async def test_issue_of_a_removed_voice_goes(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Nobody has to mend a voice that is no more."""
    assert await async_setup_component(hass, REPAIRS, {})
    simulator.speechbase.voices.clear()
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    found = issue(hass, account, "voice_gone")
    assert found
    client = await hass_client()
    flow = {"handler": DOMAIN, "issue_id": found.issue_id}
    form = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    (subentry_id,) = account.subentries
    hass.config_entries.async_remove_subentry(account, subentry_id)
    await hass.async_block_till_done()
    result = await (await client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json={"voice_id": "x"})).json()
    assert (result["type"], result["reason"]) == ("abort", "entry_not_loaded")
    assert not issue(hass, account, "voice_gone")


async def test_service_that_is_gone_for_good(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that says that it is gone is an issue, told once; its voices stay, and it may come back."""
    simulator.speechbase.gone = True
    for _ in range(3):
        with pytest.raises(HomeAssistantError) as caught:
            await speak(hass)
        assert caught.value.translation_key == "service_gone"
    assert issue(hass, account, "service_gone")
    assert not [record for record in caplog.records if "orator" in record.name and record.levelno > logging.DEBUG]
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ann").state != "unavailable"
    simulator.speechbase.gone = False
    await speak(hass)
    assert not issue(hass, account, "service_gone")


class Nowhere(AbstractResolver):
    """Knows no name, in the place of Home Assistant's resolver."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Fail as a resolver does."""
        raise OSError(f"{host}:{port} ({family}) leads nowhere")

    async def close(self) -> None:
        """There is nothing to close."""

    async def real_close(self) -> None:
        """There is nothing to close at the end of Home Assistant either."""


async def test_service_whose_name_is_gone(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """A name that leads nowhere may be the internet; after a while it is the service. Other accounts go on speaking."""
    known = {"catalogue": {"vendors": [], "voices": []}, "learned": {}}
    hass_storage[f"orator.{entry.entry_id}"] = {"version": 1, "minor_version": 1, "key": "orator", "data": known}
    hass.data[DATA_RESOLVER] = Nowhere()
    entry.add_to_hass(hass)
    data = {**entry.data, "base_url": "https://api.speechbase.invalid"}
    hass.config_entries.async_update_entry(entry, data=data)
    openai = MockConfigEntry(
        domain=DOMAIN,
        title="OpenAI",
        data={"provider": "openai", "base_url": simulator.openai_url, "api_key": simulator.api_key},
        subentries_data=[
            {"subentry_type": "voice", "title": "Ben", "data": {"model": "tts-1", "voice": "nova"}, "unique_id": None}
        ],
    )
    openai.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is openai.state is ConfigEntryState.LOADED
    assert not issue(hass, entry, "service_gone")
    later = datetime.now(UTC) + timedelta(minutes=16)
    with freeze_time(later, tick=True, real_asyncio=True), pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "name_not_found"
    assert issue(hass, entry, "service_gone")
    stream = tts.async_create_stream(hass, "tts.ben")
    stream.async_set_message(SENTENCE)
    assert len(b"".join([chunk async for chunk in stream.async_stream_result()])) > 10_000


async def test_voice_without_anybody_to_speak(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A call that chooses a way to speak and names nobody is refused before anything is asked."""
    assert not await hear(SENTENCE, mode="inline", model="openai/tts-1")
    assert not asked(simulator)
