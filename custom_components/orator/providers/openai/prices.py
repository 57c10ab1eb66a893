"""What OpenAI's speech models cost, from https://platform.openai.com/docs/pricing in autumn 2026, in US dollars."""

from collections.abc import Mapping
from dataclasses import dataclass
import re
from typing import Any, Final

from ..base import Price


@dataclass(frozen=True, slots=True)
class _TokenPrices:
    """What a million tokens cost."""

    text: float
    cached_text: float
    written: float
    spoken: float


_MINI_REALTIME: Final = re.compile(r"gpt-realtime(-2\.1)?-mini(-\d{4}-\d\d-\d\d)?")
_MINI_TTS: Final = re.compile(r"gpt-4o-mini-tts(-\d{4}-\d\d-\d\d)?")
_OF_MINI_REALTIME: Final = _TokenPrices(text=0.6, cached_text=0.06, written=2.4, spoken=20)
_PRICES: Final[tuple[tuple[re.Pattern[str], Price], ...]] = (
    (re.compile(r"tts-1(-1106)?"), Price("USD", per_thousand_chars=0.015)),
    (re.compile(r"tts-1-hd(-1106)?"), Price("USD", per_thousand_chars=0.03)),
    (_MINI_TTS, Price("USD", per_minute=0.015)),
    (_MINI_REALTIME, Price("USD", per_minute=0.024)),  # twenty tokens a second
)


def price_of(model_id: str) -> Price | None:
    """Return what a model costs, None where that is not known."""
    return next((price for pattern, price in _PRICES if pattern.fullmatch(model_id)), None)


def cost_of(model_id: str, usage: Mapping[str, Any]) -> float | None:
    """Return what the tokens of a realtime answer cost, None where these or their prices are not known."""
    spent, made = _counts(usage, "input"), _counts(usage, "output")
    if not _MINI_REALTIME.fullmatch(model_id) or not made:
        return None
    price = _OF_MINI_REALTIME
    cached = min(spent.get("cached_tokens", 0), spent.get("text_tokens", 0))
    millionths = (
        (spent.get("text_tokens", 0) - cached) * price.text
        + cached * price.cached_text
        + made.get("text_tokens", 0) * price.written
        + made.get("audio_tokens", 0) * price.spoken
    )
    return millionths / 1_000_000


def _counts(usage: Mapping[str, Any], direction: str) -> dict[str, int]:
    """Return the numbers of tokens that went in or came out, by their kind."""
    details = usage.get(f"{direction}_token_details")
    return {kind: count for kind, count in details.items() if _is_count(count)} if isinstance(details, dict) else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
