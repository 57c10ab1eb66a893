"""Sums of usage, and prices."""

import pytest

from custom_components.orator.providers.models import Price, Usage
from custom_components.orator.providers.openai.documented_models import price_for, realtime_cost

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


@pytest.mark.parametrize(
    ("model", "per_million"),
    [
        ("gpt-realtime-mini", (0.6, 0.06, 2.4, 20)),
        ("gpt-realtime-2.1-mini", (0.6, 0.06, 2.4, 20)),
        ("gpt-realtime", (4, 0.4, 16, 64)),
        ("gpt-realtime-1.5", (4, 0.4, 16, 64)),
        ("gpt-realtime-2", (4, 0.4, 24, 64)),
        ("gpt-realtime-2.1-2026-09-01", (4, 0.4, 24, 64)),
    ],
)
def test_realtime_cost(model: str, per_million: tuple[float, float, float, float]) -> None:
    """The cost of a realtime response follows from its tokens; cached tokens have their own price."""
    usage = {
        "input_token_details": {
            "text_tokens": 200,
            "cached_tokens": 100,
            "cached_tokens_details": {"text_tokens": 100},
        },
        "output_token_details": {"text_tokens": 10, "audio_tokens": 600},
    }
    text, cached, output_text, output_audio = per_million
    expected = (100 * text + 100 * cached + 10 * output_text + 600 * output_audio) / 1e6
    assert realtime_cost(model, usage) == pytest.approx(expected)
    price = price_for(model)
    assert price
    assert price.cost(0, minutes=1) == pytest.approx(1200 * output_audio / 1e6)
    assert realtime_cost(model, {}) is None
    assert realtime_cost(model, {"output_token_details": "none"}) is None


def test_unknown_realtime_price() -> None:
    """A model that is not known has no price."""
    assert realtime_cost("gpt-realtime-9", {"output_token_details": {"audio_tokens": 1}}) is None


def test_fixed_part() -> None:
    """Several short requests cost more than a long one if the price has a part per request or a minimum."""
    assert Price("USD", per_request=0.001).has_fixed_part
    assert Price("USD", minimum=0.001).has_fixed_part
    assert not Price("USD", per_thousand_chars=0.06, per_minute=0.03).has_fixed_part
