"""Speechbase in Home Assistant when something is gone: a vendor's key, a saved voice, or the service itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import logging
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory, TickingDateTimeFactory
from homeassistant.components import tts
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import DATA_RESOLVER
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from yarl import URL

from custom_components.orator.const import DOMAIN

from ..simulator import Fault, Simulator
from ..simulator.speechbase.catalog import DOCUMENTED_VOICE
from ..support.speech import SENTENCE, account_of, asked, issue, speak
from .test_insecure_address import Names

SETTINGS = ["speed", "volume_dbfs", "bitrate", "provider_options"]


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account at the simulated Speechbase, with a saved voice."""
    return account_of(simulator, "speechbase", {"mode": "voice", "voice_id": DOCUMENTED_VOICE})


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
    await hass.async_block_till_done(wait_background_tasks=True)  # what was to be done some day, as time is frozen
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


@pytest.mark.parametrize("fault", [{"byok": False}, {"enabled": False}])
async def test_vendor_that_no_voice_needs_any_more(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fault: dict[str, bool]
) -> None:
    """A voice that was given another vendor's model does not wait for the old one."""
    (elevenlabs,) = (row for row in simulator.speechbase.providers if row["id"] == "elevenlabs")
    elevenlabs.update(fault)
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    kind = caught.value.translation_key
    assert issue(hass, account, kind)
    (voice,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, voice, data={"model": "openai/tts-1", "voice": "nova"})
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    assert not issue(hass, account, kind)


async def test_what_only_a_call_asked_for_is_no_issue(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A call with a vendor or a saved voice that is not there fails; the voice itself has nothing to mend."""
    vendor = {"mode": "inline", "model": "deepgram/aura-2", "voice": "x"}
    for kind, options in (("vendor_key_missing", vendor), ("voice_gone", {"voice_id": "no-such-voice"})):
        with pytest.raises(HomeAssistantError) as caught:
            await speak(hass, **options)
        assert caught.value.translation_key == kind
        assert not issue(hass, account, kind)


async def test_other_voice_of_a_call_mends_nothing(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A saved voice that is gone is not back because another one has spoken."""
    simulator.speechbase.voices[:] = [row for row in simulator.speechbase.voices if row["id"] != DOCUMENTED_VOICE]
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert await speak(hass, voice_id=simulator.speechbase.voices[0]["id"])
    assert issue(hass, account, "voice_gone")


@pytest.mark.parametrize("is_seen_daily", [False, True])
async def test_vendor_that_is_switched_off(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    is_seen_daily: bool,
) -> None:
    """A vendor that is switched off is told, too, until it speaks or is listed again."""
    await hass.async_block_till_done(wait_background_tasks=True)  # what was to be done some day, as time is frozen
    (elevenlabs,) = (row for row in simulator.speechbase.providers if row["id"] == "elevenlabs")
    elevenlabs["enabled"] = False
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "vendor_disabled"
    assert issue(hass, account, "vendor_disabled")
    elevenlabs["enabled"] = True
    if is_seen_daily:
        await a_day_later(hass, freezer)
    else:
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
    simulator.speechbase.voices.append({**simulator.speechbase.voices[0], "id": "made-just-now", "title": "New"})
    form = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    assert form["step_id"] == "voice"
    offered = {option["value"] for option in form["data_schema"][0]["selector"]["select"]["options"]}
    assert "made-just-now" in offered
    assert DOCUMENTED_VOICE not in offered
    other = simulator.speechbase.voices[5]["id"]
    url = f"/api/repairs/issues/fix/{form['flow_id']}"
    for wrong in (DOCUMENTED_VOICE, "nobody", "../voices"):
        form = await (await client.post(url, json={"voice_id": wrong})).json()
        assert form["errors"] == {"voice_id": "voice_gone"}
    result = await (await client.post(url, json={"voice_id": other})).json()
    assert result["type"] == "create_entry"
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    assert not issue(hass, account, "voice_gone")
    await speak(hass)
    assert asked(simulator)[-1]["voiceId"] == other


async def test_lost_voice_that_is_back(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Who opens the repair of a voice that was restored meanwhile has nothing to do."""
    assert await async_setup_component(hass, REPAIRS, {})
    row = next(row for row in simulator.speechbase.voices if row["id"] == DOCUMENTED_VOICE)
    simulator.speechbase.voices.remove(row)
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    found = issue(hass, account, "voice_gone")
    assert found
    simulator.speechbase.voices.append(row)
    client = await hass_client()
    flow = {"handler": DOMAIN, "issue_id": found.issue_id}
    result = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    assert result["type"] == "create_entry"
    assert not issue(hass, account, "voice_gone")


async def test_voice_is_replaced_while_the_service_is_away(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A service that can't be asked at the moment does not keep anybody from entering an ID."""
    assert await async_setup_component(hass, REPAIRS, {})
    simulator.speechbase.voices[:] = [row for row in simulator.speechbase.voices if row["id"] != DOCUMENTED_VOICE]
    await hass.config_entries.async_reload(account.entry_id)
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    found = issue(hass, account, "voice_gone")
    assert found
    simulator.fail(Fault(path="*/v1/voices*", status=503, times=99), Fault(path="*/providers", status=503, times=99))
    client = await hass_client()
    flow = {"handler": DOMAIN, "issue_id": found.issue_id}
    form = await (await client.post("/api/repairs/issues/fix", json=flow)).json()
    url = f"/api/repairs/issues/fix/{form['flow_id']}"
    result = await (await client.post(url, json={"voice_id": "01940f8a-new"})).json()
    assert result["type"] == "create_entry"
    (voice,) = account.subentries.values()
    assert voice.data["voice_id"] == "01940f8a-new"


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
    logged = [record for record in caplog.records if "orator" in record.name and record.levelno > logging.DEBUG]
    assert len(logged) == 1
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ann").state == "unavailable"  # nobody else speaks for it
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


@pytest.fixture
def clock() -> Iterator[TickingDateTimeFactory]:
    """Return a clock that goes, and can be put forward."""
    with freeze_time(datetime.now(UTC), tick=True, real_asyncio=True) as clock:
        yield clock


@pytest.fixture
async def nowhere(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any], clock: TickingDateTimeFactory
) -> MockConfigEntry:
    """Load an account whose name leads nowhere; what it offers is known from before."""
    known = {"catalogue": {"vendors": [], "voices": []}, "learned": {}, "addresses": {}}
    hass_storage[f"orator.{entry.entry_id}"] = {"version": 1, "minor_version": 1, "key": "orator", "data": known}
    hass.data[DATA_RESOLVER] = Nowhere()
    entry.add_to_hass(hass)
    data = {**entry.data, "base_url": "https://api.speechbase.invalid"}
    hass.config_entries.async_update_entry(entry, data=data)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def fail(hass: HomeAssistant) -> None:
    """Hear that the name leads nowhere."""
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "name_not_found"


async def test_service_whose_name_is_gone(
    hass: HomeAssistant, simulator: Simulator, nowhere: MockConfigEntry, clock: TickingDateTimeFactory
) -> None:
    """A name that leads nowhere may be the internet; after a day it is told. Other accounts go on speaking."""
    openai = account_of(simulator, "openai", {"model": "tts-1", "voice": "nova"}, "Ben")
    openai.add_to_hass(hass)
    await hass.config_entries.async_setup(openai.entry_id)
    assert nowhere.state is openai.state is ConfigEntryState.LOADED
    clock.tick(timedelta(hours=23))
    await fail(hass)
    assert not issue(hass, nowhere, "service_gone")
    await hass.config_entries.async_reload(nowhere.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    clock.tick(timedelta(hours=1, minutes=1))
    await fail(hass)
    found = issue(hass, nowhere, "service_gone")
    assert found
    assert found.translation_placeholders["provider"] == "api.speechbase.invalid"
    stream = tts.async_create_stream(hass, "tts.ben")
    stream.async_set_message(SENTENCE)
    assert len(b"".join([chunk async for chunk in stream.async_stream_result()])) > 10_000


async def test_name_that_was_found_in_between_is_not_gone(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, clock: TickingDateTimeFactory
) -> None:
    """Only a day without a break tells that a service is gone: the internet may be away more than once."""
    names = Names(speech_example_org=["127.0.0.1"])
    hass.data[DATA_RESOLVER] = names
    address = URL(simulator.speechbase_url).with_host("speech.example.org")
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "base_url": str(address)})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    for _ in range(2):
        known = names._addresses.pop("speech.example.org")
        await hass.config_entries.async_reload(entry.entry_id)  # over a new connection
        await hass.async_block_till_done(wait_background_tasks=True)
        await fail(hass)
        assert not issue(hass, entry, "service_gone")
        names._addresses["speech.example.org"] = known
        assert await speak(hass)
        clock.tick(timedelta(hours=25))


async def test_service_that_answers_is_not_gone(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A service that refuses is there all the same: nobody is told any longer that it is gone."""
    simulator.speechbase.gone = True
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert issue(hass, account, "service_gone")
    simulator.speechbase.gone = False
    simulator.fail(Fault(status=400, json={"title": "Bad Request", "status": 400, "code": "quota"}, times=9))
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert not issue(hass, account, "service_gone")
