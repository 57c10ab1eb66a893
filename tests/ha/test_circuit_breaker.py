"""The circuit breaker of an account: opening, checks of the provider, its issue and the availability of voices."""

from datetime import timedelta
import logging

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.providers.errors import Outage
from tests.simulator import Fault, Simulator
from tests.support.audio import decode
from tests.support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, create_account_with_fallback, get_voices
from tests.support.speech import INVALID_KEY, OUT_OF_CREDIT, SPEECH_PATH, get_issue, pass_time, speak
from tests.support.streams import SENTENCE

SERVER_ERROR = Fault(path=SPEECH_PATH, status=503, json={"error": {"type": "server_error"}}, times=999)


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose voice has a fallback of another account."""
    return create_account_with_fallback(simulator)


def get_logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """Return the messages that Orator has logged at a level."""
    return [record.getMessage() for record in caplog.records if "orator" in record.name and record.levelno == level]


async def test_circuit_breaker_opens_after_repeated_failures(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    fallback_account: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An account that keeps failing is not asked for a while, and speaks again after a successful check."""
    health = account.runtime_data.health
    simulator.fail(SERVER_ERROR)
    for _ in range(3):
        assert health.outage is None
        assert await speak(hass)
    assert health.outage is Outage.UNREACHABLE
    assert hass.states.get("sensor.openai_connection").state == "unreachable"
    simulator.requests.clear()
    for _ in range(3):
        assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {FALLBACK_VOICE}
    assert not [request for request in simulator.requests if request.path == SPEECH_PATH]
    down = "OpenAI can't speak at the moment: provider_fault (503, server_error)"
    assert get_logged(caplog, logging.INFO) == [down]
    simulator.reset()
    await pass_time(hass, seconds=31)
    assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {PRIMARY_VOICE}
    assert health.outage is None
    assert hass.states.get("sensor.openai_connection").state == "connected"
    assert get_logged(caplog, logging.INFO) == [down, "OpenAI can speak again"]
    assert not get_logged(caplog, logging.WARNING)


async def test_separate_failures(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Failures with a success in between do not open the circuit breaker."""
    for _ in range(2):
        simulator.fail(SERVER_ERROR)
        for _ in range(2):
            assert await speak(hass)
        simulator.reset()
        assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {PRIMARY_VOICE}
    assert account.runtime_data.health.outage is None


async def test_check_interval(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """An account is checked after 30 seconds, then after twice as long each time, up to five minutes."""
    simulator.fail(Fault(path="/v1/*", close=True, times=9999))
    for _ in range(3):
        assert await speak(hass)
    for seconds in (30, 60, 120, 240, 300, 300):
        simulator.requests.clear()
        await pass_time(hass, seconds=seconds - 10)
        assert not simulator.requests
        await pass_time(hass, seconds=seconds + 1)
        assert simulator.requests


async def test_successful_check(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """The circuit breaker closes after a successful check, without a message."""
    health = account.runtime_data.health
    simulator.fail(Fault(path="/v1/*", close=True, times=999))
    for _ in range(3):
        assert await speak(hass)
    assert health.outage is Outage.UNREACHABLE
    await pass_time(hass, seconds=31)
    assert health.outage is Outage.UNREACHABLE
    simulator.reset()
    await pass_time(hass, seconds=61)
    assert health.outage is None


async def test_half_open_circuit_breaker(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """An account that answers checks but fails to speak is tried with one message at a time."""
    simulator.fail(SERVER_ERROR)
    for _ in range(3):
        assert await speak(hass)
    await pass_time(hass, seconds=31)
    simulator.requests.clear()
    for _ in range(3):
        assert await speak(hass)
    requests = [request for request in simulator.requests if request.path == SPEECH_PATH]
    assert len(requests) == 2  # one attempt and its retry
    assert account.runtime_data.health.is_open


@pytest.mark.parametrize(
    ("fault", "outage"),
    [(INVALID_KEY, Outage.KEY_REFUSED), (OUT_OF_CREDIT, Outage.OUT_OF_CREDIT)],
    ids=["key", "credit"],
)
async def test_circuit_breaker_opens_at_once(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, fault: Fault, outage: Outage
) -> None:
    """A single failure that lasts opens the circuit breaker."""
    account, _ = hass.config_entries.async_entries("orator")
    simulator.fail(fault)
    assert await speak(hass)
    assert account.runtime_data.health.outage is outage
    simulator.requests.clear()
    assert await speak(hass)
    assert not [request for request in simulator.requests if request.path == SPEECH_PATH]


async def test_open_circuit_breaker_with_failing_fallback(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """An account whose circuit breaker is open speaks if no fallback can."""
    simulator.fail(SERVER_ERROR)
    for _ in range(3):
        assert await speak(hass)
    simulator.reset()
    simulator.fail(Fault(path="*/speechbase/*", method="POST", status=501, times=9))
    text = "The fallback has not said this before, so it is not cached."
    assert set(get_voices(await decode(await speak(hass, text)), text)) == {PRIMARY_VOICE}
    assert account.runtime_data.health.outage is None


async def test_issue_of_long_outage(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """An outage of an hour opens an issue until it ends: the user may not notice the fallback."""
    simulator.fail(Fault(path="/v1/*", close=True, times=9999))
    for _ in range(3):
        assert await speak(hass)
    health = account.runtime_data.health
    assert not get_issue(hass, account, "unreachable")
    health.since -= timedelta(minutes=61)
    await pass_time(hass, seconds=31)
    found = get_issue(hass, account, "unreachable")
    assert found
    assert found.translation_placeholders["account"] == "OpenAI"
    simulator.reset()
    await pass_time(hass, seconds=120)
    assert not get_issue(hass, account, "unreachable")


async def test_availability_of_voice(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """A voice is unavailable only if neither its account, a fallback nor cached speech can be played."""
    simulator.fail(INVALID_KEY)
    assert await speak(hass)
    assert hass.states.get("tts.ann").state != "unavailable"
    assert account.runtime_data.health.outage is Outage.KEY_REFUSED
    (voice_id,) = account.subentries
    voice = account.subentries[voice_id]
    without_fallback = {key: value for key, value in voice.data.items() if key != "fallback"}
    hass.config_entries.async_update_subentry(account, voice, data=without_fallback)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ann").state != "unavailable"  # the reload has half opened the circuit breaker
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert hass.states.get("tts.ann").state == "unavailable"
    simulator.reset()
    await pass_time(hass, seconds=60)
    assert hass.states.get("tts.ann").state != "unavailable"
    assert await speak(hass)
    assert account.runtime_data.health.outage is None
