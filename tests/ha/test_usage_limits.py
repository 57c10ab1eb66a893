"""Usage limits of an account: parallel requests, restarts, periods, refunds, canceled requests and fallbacks."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from freezegun import freeze_time
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed, flush_store

from custom_components.orator.limits import LimitPeriod, UsageLimiter, UsageLimits
from custom_components.orator.providers.errors import LimitReachedError, Outage
from custom_components.orator.providers.models import Usage
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.documented_models import price_for
from tests.simulator import Fault, Simulator, Timing
from tests.support.audio import decode
from tests.support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, create_account_with_fallback, get_voices
from tests.support.speech import (
    SPEECH_PATH,
    get_sensor,
    get_speech_requests,
    load_account,
    speak,
    wait_for_speech_request,
)
from tests.support.streams import SENTENCE

RATE = 15 / 1_000_000
"""Price of tts-1 per character, in USD."""


@pytest.fixture(autouse=True)
def openai_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give OpenAI's models their prices, although the simulator is not OpenAI's own host."""
    monkeypatch.setattr(OpenAIProvider, "_price", lambda _, model_id: price_for(model_id))


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose voice has a fallback of another account, and whose words can be decoded."""
    return create_account_with_fallback(simulator)


def texts(count: int) -> list[str]:
    """Return sentences of equal length."""
    return [f"Announcement number {number:03} is for everyone in the house." for number in range(count)]


COST = len(texts(1)[0]) * RATE
"""Cost of a sentence from `texts`, in USD."""


def limiter(account: MockConfigEntry) -> UsageLimiter:
    """Return the limiter of a loaded account."""
    return account.runtime_data.limiter


def set_limits(hass: HomeAssistant, account: MockConfigEntry, **options: Any) -> None:
    """Set the options of an account, as its form does."""
    hass.config_entries.async_update_entry(account, options=options)


@contextmanager
def reserve(account: MockConfigEntry, usage: Usage) -> Iterator[None]:
    """Reserve usage within the context."""
    reservation = limiter(account).reserve(usage)
    yield
    reservation.release()


def reserved(account: MockConfigEntry) -> int:
    """Return the number of reservations."""
    return len(limiter(account)._under_way.reservations)


async def restart(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Set up an account as after a restart: from its stored data only."""
    await flush_store(account.runtime_data.usage._store)
    await hass.config_entries.async_unload(account.entry_id)
    for key in ("orator_accounts", "orator_sentence_cache"):
        hass.data.pop(key, None)
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def speak_all(hass: HomeAssistant, count: int, **options: Any) -> list[bytes | BaseException]:
    """Speak sentences at the same time."""
    return await asyncio.gather(*(speak(hass, text, **options) for text in texts(count)), return_exceptions=True)


@pytest.mark.parametrize("period", ["daily_limit", "monthly_limit"])
async def test_parallel_requests(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, period: str
) -> None:
    """Of 50 requests at once, only those that fit in the limit are sent; the others state until when it is reached."""
    set_limits(hass, account, **{period: 10.5 * COST})
    simulator.timing = Timing(first_byte=0.3)
    results = await speak_all(hass, 50, fallback=[])
    errors = [result for result in results if isinstance(result, HomeAssistantError)]
    assert (len(get_speech_requests(simulator)), len(errors)) == (10, 40)
    assert {error.translation_key for error in errors} == {"limit_reached"}
    status = limiter(account).status(LimitPeriod.DAY if period == "daily_limit" else LimitPeriod.MONTH)
    assert status is not None
    assert errors[0].translation_placeholders is not None
    assert errors[0].translation_placeholders["detail"] == dt_util.as_local(status.ends_at).strftime("%Y-%m-%d 00:00")
    assert status.used == pytest.approx(10 * COST)
    assert status.left == pytest.approx(0.5 * COST)
    assert status.is_near
    assert status.is_reached
    assert reserved(account) == 0
    await hass.async_block_till_done()
    assert account.runtime_data.health.outage is Outage.LIMIT_REACHED
    assert get_sensor(hass, "connection", "openai").state == "limit_reached"


async def test_fallback_speaks(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Fallbacks speak what does not fit, at first without asking the account, which stays available."""
    set_limits(hass, account, monthly_limit=3 * COST)
    simulator.timing = Timing(first_byte=0.2)
    results = await speak_all(hass, 12)
    voices = [set(get_voices(await decode(result), text)) for result, text in zip(results, texts(12), strict=True)]  # type: ignore[arg-type]
    assert voices.count({PRIMARY_VOICE}) == 3
    assert voices.count({FALLBACK_VOICE}) == 9
    await hass.async_block_till_done()
    simulator.requests.clear()
    assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {FALLBACK_VOICE}
    assert not [request for request in simulator.requests if request.path == SPEECH_PATH]
    assert hass.states.get("tts.ann").state != "unavailable"


async def test_no_probes(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """The provider is not asked whether it works; its response does not close the circuit breaker."""
    set_limits(hass, account, daily_limit=COST / 2)
    await hass.async_block_till_done()
    assert await speak(hass)
    await hass.async_block_till_done()
    simulator.requests.clear()
    async_fire_time_changed(hass, dt_util.utcnow().replace(microsecond=0), fire_all=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    account.runtime_data.health.async_record_response()
    account.runtime_data.health.async_record_speech()
    assert account.runtime_data.health.outage is Outage.LIMIT_REACHED
    assert not [request for request in simulator.requests if request.path == SPEECH_PATH]


async def test_limit_is_raised(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A limit that is raised or removed applies at once, without a reload, which would interrupt speech."""
    coordinator = account.runtime_data
    limiter(account).async_set(UsageLimits(daily_limit=1.5 * COST))
    assert await speak(hass, texts(1)[0])
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, texts(2)[1])
    await hass.async_block_till_done()
    assert coordinator.health.is_open
    limiter(account).async_set(UsageLimits(daily_limit=2.5 * COST))
    assert not coordinator.health.is_open
    assert await speak(hass, texts(2)[1])
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, texts(3)[2])
    set_limits(hass, account)
    await hass.async_block_till_done()
    assert not coordinator.health.is_open
    assert await speak(hass, texts(3)[2])
    assert account.runtime_data is coordinator
    set_limits(hass, account, monthly_limit=COST)
    await hass.async_block_till_done()
    assert coordinator.health.outage is Outage.LIMIT_REACHED  # lowered below the usage


async def test_restart_while_reached(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """After a reload and a restart in the middle of a month, the limit is reached from the start."""
    set_limits(hass, account, monthly_limit=2.5 * COST)
    for text in texts(2):
        assert await speak(hass, text)
    await hass.async_block_till_done()
    assert account.runtime_data.health.outage is None
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, texts(3)[2])
    await hass.config_entries.async_reload(account.entry_id)
    assert account.runtime_data.health.outage is Outage.LIMIT_REACHED
    await restart(hass, account)
    assert account.runtime_data.health.outage is Outage.LIMIT_REACHED
    simulator.requests.clear()
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, texts(3)[2])
    assert not get_speech_requests(simulator)


async def test_cached_speech(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """What the voice has spoken before is heard again while the limit is reached."""
    set_limits(hass, account, monthly_limit=4 * COST)
    *_, last = [await speak(hass, text) for text in texts(4)]
    await hass.async_block_till_done()
    assert account.runtime_data.health.is_open
    assert await speak(hass, texts(4)[3]) == last
    assert len(get_speech_requests(simulator)) == 4


async def test_reload_during_request(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The requests under way count after a reload, and the limit is updated when they end."""
    set_limits(hass, account, daily_limit=1.5 * COST)
    simulator.timing = Timing(first_byte=0.5)
    speech = asyncio.create_task(speak(hass, texts(1)[0]))
    await wait_for_speech_request(simulator)
    await hass.config_entries.async_reload(account.entry_id)
    assert reserved(account) == 1
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, texts(2)[1])
    assert await speech
    assert reserved(account) == 0
    status = limiter(account).status(LimitPeriod.DAY)
    assert status is not None
    assert status.used == pytest.approx(COST)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
async def test_period_ends(hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, zone: str) -> None:
    """A daily limit ends at local midnight, a monthly limit on the first of the next month."""
    await hass.config.async_set_time_zone(zone)
    local = dt_util.get_default_time_zone()
    with freeze_time(datetime(2026, 11, 29, 23, 50, tzinfo=local), tick=True, real_asyncio=True) as clock:
        await load_account(hass, entry, wait_background_tasks=True)
        set_limits(hass, entry, daily_limit=COST, monthly_limit=2 * COST)
        assert await speak(hass, texts(1)[0])
        for day, is_open, has_spoken in (
            (datetime(2026, 11, 29, 23, 59, 40, tzinfo=local), True, False),
            (datetime(2026, 11, 30, 0, 0, 1, tzinfo=local), False, True),
            (datetime(2026, 11, 30, 12, 0, 1, tzinfo=local), True, False),
            (datetime(2026, 12, 1, 0, 0, 1, tzinfo=local), False, True),
        ):
            clock.move_to(day)
            async_fire_time_changed(hass, day)
            await hass.async_block_till_done(wait_background_tasks=True)
            assert entry.runtime_data.health.is_open == is_open, day
            text = texts(60)[day.day + day.hour]
            results = await asyncio.gather(speak(hass, text, fallback=[]), return_exceptions=True)
            assert isinstance(results[0], bytes) == has_spoken, day
            await hass.async_block_till_done()
        status = limiter(entry).status(LimitPeriod.MONTH)
        assert status is not None
        assert status.ends_at == datetime(2027, 1, 1, tzinfo=local)
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    "wrong", [(2027, 3, 9), (2026, 12, 1), (2026, 9, 9), (2015, 10, 21)], ids=["month", "day", "back", "not set"]
)
async def test_clock_jumps(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, wrong: tuple[int, int, int]
) -> None:
    """A limit that was reached is reached again once the clock is right, also after a restart meanwhile."""
    now = datetime(2026, 11, 30, 12, tzinfo=dt_util.UTC)
    with freeze_time(now, tick=True, real_asyncio=True) as clock:
        await load_account(hass, entry, wait_background_tasks=True)
        set_limits(hass, entry, monthly_limit=2 * COST)
        for text in texts(2):
            assert await speak(hass, text)
        clock.move_to(datetime(*wrong, 13, tzinfo=dt_util.UTC))
        entry.runtime_data.usage.async_add(Usage(5, 1, COST, "USD"))
        await restart(hass, entry)
        clock.move_to(now.replace(hour=14))
        async_fire_time_changed(hass, now.replace(hour=14), fire_all=True)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert entry.runtime_data.health.outage is Outage.LIMIT_REACHED
        with pytest.raises(HomeAssistantError, match="limit"):
            await speak(hass, texts(3)[2])
        await hass.config_entries.async_unload(entry.entry_id)


async def test_failed_and_canceled_requests(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Requests that fail or are canceled before their audio release what was reserved."""
    set_limits(hass, account, daily_limit=1.5 * COST)
    for fault in (
        {"status": 400, "json": {"error": {"message": "No"}}},
        {"status": 503, "times": 9},
        {"close": True, "times": 9},
        {"body": "<html>Log in</html>", "times": 9},
    ):
        simulator.fail(Fault(path=SPEECH_PATH, **fault))  # type: ignore[arg-type]
        with pytest.raises(HomeAssistantError):
            await speak(hass, texts(1)[0])
        simulator.reset()
        assert reserved(account) == 0
        account.runtime_data.health.async_record_speech()
    simulator.timing = Timing(first_byte=30)
    speech = asyncio.create_task(speak(hass, texts(1)[0]))
    await wait_for_speech_request(simulator)
    assert reserved(account) == 1
    speech.cancel()
    await asyncio.wait([speech])
    assert reserved(account) == 0
    simulator.timing = Timing()
    assert await speak(hass, texts(1)[0])
    status = limiter(account).status(LimitPeriod.DAY)
    assert status is not None
    assert status.used == pytest.approx(COST)


async def test_refused_request_fits_after_all(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """The limit is no longer reached if a request under way ends without a charge, so that another one fits."""
    set_limits(hass, account, daily_limit=1.5 * COST)
    simulator.timing = Timing(first_byte=30)
    speech = asyncio.create_task(speak(hass, texts(1)[0]))
    await wait_for_speech_request(simulator)
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass, texts(2)[1])
    await hass.async_block_till_done()
    assert account.runtime_data.health.is_open
    speech.cancel()
    await asyncio.wait([speech])
    await hass.async_block_till_done()
    assert not account.runtime_data.health.is_open


async def test_other_outage(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Another outage is shown first; the limit follows as long as it is reached."""
    health = account.runtime_data.health
    simulator.fail(Fault(path=SPEECH_PATH, status=429, json={"error": {"code": "insufficient_quota"}}))
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    set_limits(hass, account, daily_limit=COST)
    account.runtime_data.usage.async_add(Usage(5, 1, COST, "USD"))
    await hass.async_block_till_done()
    health.async_record_failure(LimitReachedError())
    assert health.outage is Outage.OUT_OF_CREDIT
    health.async_record_credit()
    await hass.async_block_till_done()
    assert health.outage is Outage.LIMIT_REACHED
    assert health.is_open


async def test_limit_of_the_fallback(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """A fallback has the limit of its own account, in characters, because that has no prices."""
    set_limits(hass, account, daily_limit=COST / 2)
    set_limits(hass, fallback_account, daily_limit=1.5 * len(texts(1)[0]))
    assert limiter(fallback_account).unit is None
    assert set(get_voices(await decode(await speak(hass, texts(1)[0])), texts(1)[0])) == {FALLBACK_VOICE}
    with pytest.raises(HomeAssistantError):
        await speak(hass, texts(2)[1])
    await hass.async_block_till_done()
    assert fallback_account.runtime_data.health.outage is Outage.LIMIT_REACHED


async def test_unpriced_model(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A model without a price counts with the highest price of the account's models."""
    catalog = account.runtime_data.data
    highest = max(model.price.cost(1000) / 1000 for model in catalog.models if model.price)
    set_limits(hass, account, monthly_limit=1.5 * len(texts(1)[0]) * highest)
    assert limiter(account).unit == "USD"
    with reserve(account, Usage(len(texts(1)[0]), 1, None)):
        status = limiter(account).status(LimitPeriod.MONTH)
        assert status is not None
        assert status.used == pytest.approx(len(texts(1)[0]) * highest)
    account.runtime_data.usage.async_add(Usage(len(texts(1)[0]), 1, None))
    status = limiter(account).status(LimitPeriod.MONTH)
    assert status is not None
    assert status.used == pytest.approx(len(texts(1)[0]) * highest)
    with pytest.raises(LimitReachedError), reserve(account, Usage(len(texts(1)[0]), 1, None)):
        pass


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, UsageLimits()),
        ({"daily_limit": 2, "monthly_limit": 0}, UsageLimits(2.0)),
        ({"daily_limit": "2", "monthly_limit": float("nan"), "critical_may_exceed": 1}, UsageLimits()),
        ({"daily_limit": -1, "monthly_limit": True, "limit_currency": "not a currency"}, UsageLimits()),
        (
            {"monthly_limit": 5.5, "critical_may_exceed": True, "limit_currency": "EUR"},
            UsageLimits(monthly_limit=5.5, critical_may_exceed=True, currency="EUR"),
        ),
        ({"monthly_limit": 5000, "limit_currency": ""}, UsageLimits(0, 5000, currency="")),
    ],
    ids=str,
)
def test_options(options: dict[str, Any], expected: UsageLimits) -> None:
    """Limits are read from options, which another version or a person may have written."""
    limits = UsageLimits.from_options(options)
    assert limits == expected
    assert UsageLimits.from_options(limits.as_options()) == limits
