"""Usage per day and month, and prices."""

from datetime import date

import pytest

from custom_components.orator.providers.models import Price, Usage
from custom_components.orator.providers.openai.documented_models import price_for, realtime_cost
from custom_components.orator.usage import UsageByPeriod

FRIDAY = date(2026, 7, 31)
SATURDAY = date(2026, 8, 1)
CHARGED = Usage(100, 1, 0.006, "USD")
ESTIMATED = Usage(50, 1, 0.001, "USD", is_estimate=True)
UNKNOWN = Usage(30, 1, None)


def test_sum() -> None:
    """A sum with an estimate is an estimate, and a sum with an unknown cost has an unknown cost."""
    assert Usage(200, 2, 0.012, "USD") == CHARGED + CHARGED
    assert Usage(150, 2, 0.007, "USD", is_estimate=True) == CHARGED + ESTIMATED
    assert Usage(130, 2, None) == CHARGED + UNKNOWN
    assert sum([], Usage()) == Usage()
    assert Usage() + CHARGED == CHARGED


def test_sum_of_currencies() -> None:
    """The cost of usage in two currencies is unknown."""
    assert (CHARGED + Usage(1, 1, 1.0, "EUR")).cost is None


def test_requests_with_unknown_cost() -> None:
    """Known costs are added up, and requests with an unknown cost are counted."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + ESTIMATED + UNKNOWN + Usage(1, 1, 1.0, "EUR")
    for period in (usage.today, usage.month):
        assert (period.characters, period.requests, period.unpriced_requests) == (181, 4, 2)
        assert period.cost == pytest.approx(0.007)
        assert period.estimated == pytest.approx(0.001)


def test_refund() -> None:
    """A refund reduces the cost, but not the requests and characters."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + Usage(cost=-0.006, currency="USD")
    assert (usage.today.requests, usage.today.characters, usage.today.cost) == (1, 100, 0)


def test_new_day_and_month() -> None:
    """A new day resets the usage of the day, a new month that of both."""
    usage = (UsageByPeriod.starting(date(2026, 7, 30)) + CHARGED).on(FRIDAY) + CHARGED
    assert (usage.today.requests, usage.month.requests) == (1, 2)
    usage = usage.on(SATURDAY)
    assert (usage.today.requests, usage.month.requests) == (0, 0)
    assert (usage.today.since, usage.month.since) == (SATURDAY, SATURDAY)


def test_clock_in_the_past() -> None:
    """A date in the past, as before the clock is set by the network, does not reset the usage."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED
    assert usage.on(date(1970, 1, 1)).on(FRIDAY) == usage


def test_stored_usage() -> None:
    """Usage that is stored and read again is the same."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + UNKNOWN
    assert UsageByPeriod.from_dict(usage.as_dict()) == usage


def test_prices() -> None:
    """A cost is the sum of the price per character, request and minute, and at least the minimum."""
    price = Price("USD", per_thousand_chars=0.06, per_request=0.001, minimum=0.002, per_minute=0.03)
    assert price.cost(1000, minutes=1) == pytest.approx(0.091)
    assert price.cost(0, minutes=0) == 0.002
    assert Price("USD", per_minute=0.015).cost(900) == pytest.approx(0.015)


@pytest.mark.parametrize(
    ("model", "for_900_chars"),
    [("tts-1", 0.0135), ("tts-1-hd-1106", 0.027), ("gpt-4o-mini-tts-2025-12-15", 0.015), ("kokoro", None)],
)
def test_openai_prices(model: str, for_900_chars: float | None) -> None:
    """OpenAI's models have the prices of its documentation; other models have none."""
    price = price_for(model)
    assert (price and price.cost(900)) == (for_900_chars and pytest.approx(for_900_chars))


@pytest.mark.parametrize("model", ["gpt-realtime-mini", "gpt-realtime-2.1-mini"])
def test_realtime_cost(model: str) -> None:
    """The cost of a realtime response follows from its tokens; cached tokens have their own price."""
    usage = {
        "input_token_details": {
            "text_tokens": 200,
            "cached_tokens": 100,
            "cached_tokens_details": {"text_tokens": 100},
        },
        "output_token_details": {"text_tokens": 10, "audio_tokens": 600},
    }
    assert realtime_cost(model, usage) == pytest.approx((100 * 0.6 + 100 * 0.06 + 10 * 2.4 + 600 * 20) / 1e6)
    assert realtime_cost("gpt-realtime-2.1", usage) is None
    assert realtime_cost(model, {}) is None
    assert realtime_cost(model, {"output_token_details": "none"}) is None
