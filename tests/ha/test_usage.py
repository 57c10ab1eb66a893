"""What was spent adds up, by the day and by the month."""

from datetime import date

import pytest

from custom_components.orator.providers.models import Price, Usage
from custom_components.orator.providers.openai.models import price_for, realtime_cost
from custom_components.orator.usage import UsageByPeriod

FRIDAY = date(2026, 7, 31)
SATURDAY = date(2026, 8, 1)
CHARGED = Usage(100, 1, 0.006, "USD")
ESTIMATED = Usage(50, 1, 0.001, "USD", is_estimate=True)
UNKNOWN = Usage(30, 1, None)


def test_spending_adds_up() -> None:
    """A sum is an estimate as soon as a part of it is, and not known as soon as a part is not."""
    assert Usage(200, 2, 0.012, "USD") == CHARGED + CHARGED
    assert Usage(150, 2, 0.007, "USD", is_estimate=True) == CHARGED + ESTIMATED
    assert Usage(130, 2, None) == CHARGED + UNKNOWN
    assert sum([], Usage()) == Usage()
    assert Usage() + CHARGED == CHARGED


def test_two_currencies_do_not_add_up() -> None:
    """What dollars and euros cost together is not known."""
    assert (CHARGED + Usage(1, 1, 1.0, "EUR")).cost is None


def test_usage_tells_known_costs_from_others() -> None:
    """Known costs add up beside requests whose cost nobody knows."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + ESTIMATED + UNKNOWN + Usage(1, 1, 1.0, "EUR")
    for spent in (usage.today, usage.month):
        assert (spent.characters, spent.requests, spent.unpriced_requests) == (181, 4, 2)
        assert spent.cost == pytest.approx(0.007)
        assert spent.estimated == pytest.approx(0.001)


def test_refund_is_no_request() -> None:
    """What is paid back was asked for all the same."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + Usage(cost=-0.006, currency="USD")
    assert (usage.today.requests, usage.today.characters, usage.today.cost) == (1, 100, 0)


def test_day_and_month_begin_anew() -> None:
    """A new day leaves the month alone, and a new month does not."""
    usage = (UsageByPeriod.starting(date(2026, 7, 30)) + CHARGED).on(FRIDAY) + CHARGED
    assert (usage.today.requests, usage.month.requests) == (1, 2)
    usage = usage.on(SATURDAY)
    assert (usage.today.requests, usage.month.requests) == (0, 0)
    assert (usage.today.since, usage.month.since) == (SATURDAY, SATURDAY)


def test_clock_that_is_not_set_loses_nothing() -> None:
    """A machine without a clock of its own begins in the past, until the network tells it the time."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED
    assert usage.on(date(1970, 1, 1)).on(FRIDAY) == usage


def test_usage_can_be_kept() -> None:
    """What is written down is what is read."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + UNKNOWN
    assert UsageByPeriod.from_dict(usage.as_dict()) == usage


def test_prices() -> None:
    """A price has parts, and a minimum."""
    price = Price("USD", per_thousand_chars=0.06, per_request=0.001, minimum=0.002, per_minute=0.03)
    assert price.cost(1000, minutes=1) == pytest.approx(0.091)
    assert price.cost(0, minutes=0) == 0.002
    assert Price("USD", per_minute=0.015).cost(900) == pytest.approx(0.015)


@pytest.mark.parametrize(
    ("model", "for_900_chars"),
    [("tts-1", 0.0135), ("tts-1-hd-1106", 0.027), ("gpt-4o-mini-tts-2025-12-15", 0.015), ("kokoro", None)],
)
def test_openai_has_prices(model: str, for_900_chars: float | None) -> None:
    """Models of OpenAI have those that its documentation has, and no others."""
    price = price_for(model)
    assert (price and price.cost(900)) == (for_900_chars and pytest.approx(for_900_chars))


@pytest.mark.parametrize("model", ["gpt-realtime-mini", "gpt-realtime-2.1-mini"])
def test_tokens_have_prices(model: str) -> None:
    """What a realtime model has spent follows from its tokens, cached ones apart."""
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
