"""Issues about a service that is gone: it reports its shutdown, or its name has not been found for a day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
import logging
from typing import Any

from freezegun import freeze_time
from freezegun.api import TickingDateTimeFactory
from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.orator.const import DOMAIN
from tests.simulator import Fault, Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.resolvers import StaticResolver
from tests.support.speech import create_account, get_issue, replace_resolver, speak, write_store
from tests.support.streams import SENTENCE


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated Speechbase, with a saved voice."""
    return create_account(simulator, "speechbase", {"mode": "voice", "voice_id": DOCUMENTED_VOICE})


async def test_service_gone(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A provider that reports its shutdown creates an issue and is logged once; it may come back."""
    simulator.speechbase.is_shut_down = True
    for _ in range(3):
        with pytest.raises(HomeAssistantError) as caught:
            await speak(hass)
        assert caught.value.translation_key == "service_gone"
    assert get_issue(hass, account, "service_gone")
    logged = [record for record in caplog.records if "orator" in record.name and record.levelno > logging.DEBUG]
    assert len(logged) == 1
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ann").state == "unavailable"  # no fallback
    simulator.speechbase.is_shut_down = False
    await speak(hass)
    assert not get_issue(hass, account, "service_gone")


async def test_response_clears_service_gone(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Any response of the provider clears the issue about its shutdown."""
    simulator.speechbase.is_shut_down = True
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert get_issue(hass, account, "service_gone")
    simulator.speechbase.is_shut_down = False
    simulator.fail(Fault(status=400, json={"title": "Bad Request", "status": 400, "code": "quota"}, times=9))
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert not get_issue(hass, account, "service_gone")


@pytest.fixture
def clock() -> Iterator[TickingDateTimeFactory]:
    """Return a running clock that can be moved forward."""
    with freeze_time(datetime.now(UTC), tick=True, real_asyncio=True) as clock:
        yield clock


@pytest.fixture
async def unresolvable_entry(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any], clock: TickingDateTimeFactory
) -> MockConfigEntry:
    """Load an account whose host name cannot be resolved, with a stored catalog."""
    stored = {"catalogue": {"vendors": [], "voices": []}, "learned": {}, "addresses": {}}
    write_store(hass_storage, f"orator.{entry.entry_id}", stored)
    replace_resolver(hass, StaticResolver())
    entry.add_to_hass(hass)
    data = {**entry.data, "base_url": "https://api.speechbase.invalid"}
    hass.config_entries.async_update_entry(entry, data=data)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def assert_name_not_found(hass: HomeAssistant) -> None:
    """Assert that speech fails because the name cannot be resolved."""
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "name_not_found"


async def test_name_not_found_for_a_day(
    hass: HomeAssistant, simulator: Simulator, unresolvable_entry: MockConfigEntry, clock: TickingDateTimeFactory
) -> None:
    """A name that cannot be resolved creates an issue after a day; other accounts keep speaking."""
    openai = create_account(simulator, "openai", {"model": "tts-1", "voice": "nova"}, "Ben")
    openai.add_to_hass(hass)
    await hass.config_entries.async_setup(openai.entry_id)
    assert unresolvable_entry.state is openai.state is ConfigEntryState.LOADED
    clock.tick(timedelta(hours=23))
    await assert_name_not_found(hass)
    assert not get_issue(hass, unresolvable_entry, "service_gone")
    await hass.config_entries.async_reload(unresolvable_entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    clock.tick(timedelta(hours=1, minutes=1))
    await assert_name_not_found(hass)
    found = get_issue(hass, unresolvable_entry, "service_gone")
    assert found
    assert found.translation_placeholders["provider"] == "api.speechbase.invalid"
    stream = tts.async_create_stream(hass, "tts.ben")
    stream.async_set_message(SENTENCE)
    assert len(b"".join([chunk async for chunk in stream.async_stream_result()])) > 10_000


async def test_name_not_found_twice(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, clock: TickingDateTimeFactory
) -> None:
    """Only an uninterrupted day creates the issue: the internet may be down more than once."""
    names = StaticResolver(speech_example_org=["127.0.0.1"])
    replace_resolver(hass, names)
    address = URL(simulator.speechbase_url).with_host("speech.example.org")
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "base_url": str(address)})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    for _ in range(2):
        addresses = names._addresses.pop("speech.example.org")
        replace_resolver(hass, names)  # without the cached address
        await hass.config_entries.async_reload(entry.entry_id)  # which opens new connections
        await hass.async_block_till_done(wait_background_tasks=True)
        await assert_name_not_found(hass)
        assert not get_issue(hass, entry, "service_gone")
        names._addresses["speech.example.org"] = addresses
        assert await speak(hass)
        clock.tick(timedelta(hours=25))
