"""Usage limits where costs are told late or refunded, where a request may be bought twice, and without prices."""

import asyncio

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.limits import LimitPeriod, LimitStatus
from custom_components.orator.providers.errors import Outage
from custom_components.orator.providers.nanogpt.provider import PollSettings
from tests.simulator import Fault, ScriptedResponse, Simulator, Timing
from tests.simulator.openai_compatible.profiles import KOKORO
from tests.support.compatible import create_server_account, get_server_requests
from tests.support.server_profiles import Start
from tests.support.speech import create_account, load_account, speak
from tests.support.streams import wait_until

RATE = 0.06 / 1000
"""Price of the job model per character, in USD."""
TEXTS = [f"Job number {number:02} has a text that is as long as those of all other jobs." for number in range(20)]
COST = len(TEXTS[0]) * RATE


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated NanoGPT, whose voice speaks by jobs."""
    return create_account(simulator, "nanogpt", {"model": "Elevenlabs-Turbo-V2.5", "voice": "Rachel"})


@pytest.fixture
async def account(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Load the account, which polls often."""
    await load_account(hass, entry)
    entry.runtime_data.provider._polling = PollSettings(0.02, 5.0)
    return entry


def get_status(account: MockConfigEntry, period: LimitPeriod = LimitPeriod.DAY) -> LimitStatus:
    """Return the status of a limit that is set."""
    status = account.runtime_data.limiter.status(period)
    assert status is not None
    return status  # type: ignore[no-any-return]


def get_submissions(simulator: Simulator) -> int:
    """Return the number of texts that were submitted."""
    return sum("/audio/speech" in request.path for request in simulator.requests)


def set_limit(hass: HomeAssistant, account: MockConfigEntry, limit: float) -> None:
    """Set the daily limit."""
    hass.config_entries.async_update_entry(account, options={"daily_limit": limit})


async def test_parallel_jobs(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Jobs whose cost is told only after some time count from before they are submitted."""
    set_limit(hass, account, 4.5 * COST)
    simulator.fail(Fault(path="*/audio/speech", delay=0.3, times=99))
    results = await asyncio.gather(*(speak(hass, text) for text in TEXTS), return_exceptions=True)
    assert sum(isinstance(result, bytes) for result in results) == simulator.nanogpt.charged == 4
    assert get_status(account).used == pytest.approx(sum(job.cost for job in simulator.nanogpt.jobs))


async def test_canceled_job(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A submission is completed although its request was canceled: it counts until it is charged."""
    set_limit(hass, account, 1.5 * COST)
    simulator.fail(Fault(path="*/audio/speech", delay=0.4))
    speech = asyncio.create_task(speak(hass, TEXTS[0]))
    await wait_until(lambda: get_submissions(simulator))
    speech.cancel()
    await asyncio.wait([speech])
    assert get_status(account).used == pytest.approx(COST)
    assert account.runtime_data.usage.totals.today.requests == 0
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, TEXTS[1])
    await wait_until(lambda: account.runtime_data.usage.totals.today.requests)
    assert get_status(account).used == pytest.approx(COST)
    assert not account.runtime_data.limiter._under_way.reservations
    assert await speak(hass, TEXTS[0])  # its audio was paid for
    assert simulator.nanogpt.charged == 1


async def test_identical_jobs(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Requests that share a job are reserved once."""
    set_limit(hass, account, 1.5 * COST)
    results = await asyncio.gather(*(speak(hass, TEXTS[0]) for _ in range(4)))
    assert all(results)
    assert simulator.nanogpt.charged == 1


async def test_refund(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A failed job is refunded, after which the limit is no longer reached."""
    set_limit(hass, account, 1.5 * COST)
    simulator.nanogpt.outcomes["number 00"] = "error"
    simulator.nanogpt.polls_until_done = 10
    speech = asyncio.create_task(speak(hass, TEXTS[0]))
    await wait_until(lambda: account.runtime_data.usage.totals.today.requests)
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, TEXTS[1])
    await wait_until(lambda: account.runtime_data.health.is_open)
    with pytest.raises(HomeAssistantError):
        await speech
    assert simulator.nanogpt.refunded == 1
    await hass.async_block_till_done()
    assert get_status(account).used == 0
    assert account.runtime_data.health.outage is None
    assert await speak(hass, TEXTS[1])


async def test_realtime_continuation(hass: HomeAssistant, simulator: Simulator) -> None:
    """Text that a realtime model has left out is not requested again beyond the limit."""
    text = "The first sentence is spoken. The second sentence is left out by the model."
    account = create_account(simulator, "openai", {"model": "gpt-realtime", "voice": "marin"})
    await load_account(hass, account)
    set_limit(hass, account, len(text) + 5.0)
    simulator.openai.realtime.script_responses(ScriptedResponse(words=5))
    with pytest.raises(HomeAssistantError):
        await speak(hass, text)
    await hass.async_block_till_done()
    assert account.runtime_data.health.outage is Outage.LIMIT_REACHED
    assert not account.runtime_data.limiter._under_way.reservations


async def test_self_hosted_server(hass: HomeAssistant, compatible: Start) -> None:
    """The limit of an account without prices is in characters."""
    server = await compatible(KOKORO)
    voice = {"model": "kokoro", "voice": "af_heart"}
    account = await load_account(hass, create_server_account(server, "kokoro_fastapi", voice))
    set_limit(hass, account, 2.5 * len(TEXTS[0]))
    assert account.runtime_data.limiter.unit is None
    server.timing = Timing(first_byte=0.2)
    results = await asyncio.gather(*(speak(hass, text) for text in TEXTS[:8]), return_exceptions=True)
    assert sum(isinstance(result, bytes) for result in results) == len(get_server_requests(server)) == 2
    assert get_status(account).used == 2 * len(TEXTS[0])
    assert get_status(account).left == pytest.approx(0.5 * len(TEXTS[0]))
