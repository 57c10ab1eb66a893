"""OpenAI's speech models: voices, limits, prices, end dates and successors."""

from collections.abc import Collection, Mapping
from datetime import date
import re
from typing import Any, Final

from ...audio.formats import AudioFormat
from ..json_documents import Json
from ..models import Model, Price
from ..options import ChoiceOption, NumberOption, Option, OptionGroup, TextOption
from ..vendor_models import (
    OPENAI_FORMATS,
    OPENAI_MAX_CHARS,
    OPENAI_PCM_LAYOUT,
    OPENAI_VOICES,
    count_chars_or_tokens,
    is_tts_1,
    openai_voices_for,
)

DOCUMENTED_IDS: Final = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
SUCCESSOR_ID: Final = "gpt-realtime-2.1-mini"
"""OpenAI's replacement for its speech models."""
REPLACEMENT_IDS: Final = (SUCCESSOR_ID, "gpt-realtime-2.1")
"""OpenAI's replacements: for its speech and small realtime models, then for its large realtime models.

Sources: OpenAI's deprecations page as of 2026-10-01 and 2026-10-28."""
REGIONS: Final[Mapping[str, str]] = {
    "global": "https://api.openai.com/v1",
    **{region: f"https://{region}.api.openai.com/v1" for region in ("us", "eu", "ae", "au", "in", "jp")},
}
"""Base URLs of OpenAI by the region that processes the requests."""

INSTRUCTIONS_OPTION: Final = TextOption("instructions", max_chars=4096)
_SPEECH_SPEED_OPTION: Final = NumberOption("speed", minimum=0.25, maximum=4, step=0.05, default=1)
_REALTIME_SPEED_OPTION: Final = NumberOption("speed", minimum=0.25, maximum=1.5, step=0.05, default=1)
_STREAM_FORMAT_OPTION: Final = ChoiceOption(
    "stream_format", choices=("audio", "sse"), default="audio", group=OptionGroup.ADVANCED
)
_TTS_1_OPTIONS: Final[tuple[Option, ...]] = (_SPEECH_SPEED_OPTION,)
_SPEECH_OPTIONS: Final[tuple[Option, ...]] = (_SPEECH_SPEED_OPTION, INSTRUCTIONS_OPTION, _STREAM_FORMAT_OPTION)
_REALTIME_OPTIONS: Final[tuple[Option, ...]] = (_REALTIME_SPEED_OPTION, INSTRUCTIONS_OPTION)
OPTION_KEYS: Final = tuple(option.key for option in _SPEECH_OPTIONS)

_REALTIME_PREFIX: Final = "gpt-realtime"
_NOT_SPEAKING: Final = ("transcri", "whisper", "translat")
"""Parts of the IDs of realtime models that produce text, or speech in another language."""
_REALTIME_MAX_CHARS: Final = 1_000
"""About a minute of speech: realtime models follow short texts more exactly."""

_REALTIME_VOICES: Final = tuple(voice for voice in OPENAI_VOICES if voice.id not in ("fable", "nova", "onyx"))
_CUSTOM_VOICE_PREFIX: Final = "voice_"
_NEAREST_REALTIME_VOICES: Final[Mapping[str, str]] = {"fable": "ballad", "nova": "coral", "onyx": "ash"}
"""The most similar realtime voice for each voice that realtime models lack."""

_REALTIME_TOKENS_PER_MINUTE: Final = 1_200
_REALTIME_PRICES: Final[tuple[tuple[re.Pattern[str], Mapping[str, float]], ...]] = (
    (
        re.compile(r"gpt-realtime(-2\.1)?-mini(-\d{4}-\d\d-\d\d)?"),
        {"text": 0.6, "cached_text": 0.06, "output_text": 2.4, "output_audio": 20},
    ),
    (
        re.compile(r"gpt-realtime(-1\.5)?(-\d{4}-\d\d-\d\d)?"),
        {"text": 4, "cached_text": 0.4, "output_text": 16, "output_audio": 64},
    ),
    (
        re.compile(r"gpt-realtime-2(\.1)?(-\d{4}-\d\d-\d\d)?"),
        {"text": 4, "cached_text": 0.4, "output_text": 24, "output_audio": 64},
    ),
)
"""Prices in USD per million tokens, from the pages of the models."""
_SPEECH_PRICES: Final[tuple[tuple[re.Pattern[str], Price], ...]] = (
    (re.compile(r"tts-1(-1106)?"), Price("USD", per_thousand_chars=0.015)),
    (re.compile(r"tts-1-hd(-1106)?"), Price("USD", per_thousand_chars=0.03)),
    (re.compile(r"gpt-4o-mini-tts(-\d{4}-\d\d-\d\d)?"), Price("USD", per_minute=0.015)),
)
_REASONING_NAME: Final = re.compile(r"gpt-realtime-[2-9](\.\d+)?(-mini)?(-\d{4}-\d\d-\d\d)?")

_ANNOUNCED_END_DATES: Final = (
    (re.compile(r"tts-1(-hd)?(-\d+)?|gpt-4o-mini-tts(-.*)?"), date(2027, 1, 6)),
    (re.compile(r"gpt-(realtime|audio)(-mini)?(-20\d\d-.*)?|gpt-4o(-mini)?-realtime(-.*)?"), date(2027, 1, 20)),
)
"""End dates announced by OpenAI on 2026-10-01 and 2026-10-28, used if `GET /v1/models` states none."""
_CONVERSATIONAL_PREFIXES: Final = (_REALTIME_PREFIX, "gpt-audio", "gpt-4o-realtime")


def is_realtime(model_id: str) -> bool:
    """Return whether a model is used through the Realtime API."""
    return model_id.startswith(_REALTIME_PREFIX) and not any(part in model_id for part in _NOT_SPEAKING)


def is_reasoning(model_id: str) -> bool:
    """Return whether a realtime model reasons before it speaks."""
    return bool(_REASONING_NAME.fullmatch(model_id))


def describe_openai_model(
    model_id: str, *, price: Price | None = None, end_date: date | None = None, successor: Model | None = None
) -> Model:
    """Return the capabilities of a model, with the given price, end date and successor."""
    if is_realtime(model_id):
        return Model(
            id=model_id,
            name=model_id,
            max_chars=_REALTIME_MAX_CHARS,
            streams=True,
            formats=(AudioFormat.PCM,),
            pcm_layout=OPENAI_PCM_LAYOUT,
            voices=_REALTIME_VOICES,
            options=_REALTIME_OPTIONS,
            price=price,
            end_date=end_date,
            successor=successor,
        )
    is_older = is_tts_1(model_id)
    return Model(
        id=model_id,
        name=model_id,
        max_chars=OPENAI_MAX_CHARS,
        streams=True,
        formats=OPENAI_FORMATS,
        pcm_layout=OPENAI_PCM_LAYOUT,
        voices=openai_voices_for(model_id),
        options=_TTS_1_OPTIONS if is_older else _SPEECH_OPTIONS,
        price=price,
        measure=len if is_older else count_chars_or_tokens,
        end_date=end_date,
        successor=successor,
    )


def is_custom_voice(voice_id: str) -> bool:
    """Return whether a voice was created by the user at OpenAI."""
    return voice_id.startswith(_CUSTOM_VOICE_PREFIX)


def voice_parameter(voice_id: str) -> str | dict[str, str]:
    """Return a voice as OpenAI's requests name it."""
    return {"id": voice_id} if is_custom_voice(voice_id) else voice_id


def nearest_voice(voice: str) -> str:
    """Return the realtime voice that sounds most like a voice."""
    return _NEAREST_REALTIME_VOICES.get(voice, voice)


def price_for(model_id: str) -> Price | None:
    """Return the price of a model, or None if unknown."""
    if prices := _realtime_prices(model_id):
        return Price("USD", per_minute=prices["output_audio"] * _REALTIME_TOKENS_PER_MINUTE / 1_000_000)
    return next((price for pattern, price in _SPEECH_PRICES if pattern.fullmatch(model_id)), None)


def _realtime_prices(model_id: str) -> Mapping[str, float] | None:
    return next((prices for pattern, prices in _REALTIME_PRICES if pattern.fullmatch(model_id)), None)


def realtime_cost(model_id: str, usage: Mapping[str, Any]) -> float | None:
    """Return the cost of a realtime response in USD, or None if its tokens or their prices are unknown."""
    inputs, outputs = _token_counts(usage, "input"), _token_counts(usage, "output")
    prices = _realtime_prices(model_id)
    if not prices or not outputs:
        return None
    text = inputs.get("text_tokens", 0)
    cached = min(inputs.get("cached_tokens", 0), text)
    tokens = {
        "text": text - cached,
        "cached_text": cached,
        "output_text": outputs.get("text_tokens", 0),
        "output_audio": outputs.get("audio_tokens", 0),
    }
    return sum(count * prices[kind] for kind, count in tokens.items()) / 1_000_000


def _token_counts(usage: Mapping[str, Any], direction: str) -> dict[str, int]:
    """Return the numbers of input or output tokens by kind."""
    details = usage.get(f"{direction}_token_details")
    counts = details.items() if isinstance(details, dict) else ()
    return {kind: count for kind, count in counts if type(count) is int and count >= 0}


def end_date(model_id: str, catalog: Json, *, is_official: bool) -> date | None:
    """Return the first day without the model, from the list or otherwise from OpenAI's announcement."""
    if listed := (catalog or {}).get("ends", {}).get(model_id):
        return date.fromisoformat(listed)
    if not is_official:
        return None
    return next((day for pattern, day in _ANNOUNCED_END_DATES if pattern.fullmatch(model_id)), None)


def is_large(model_id: str) -> bool:
    """Return whether a model is one of the large conversational models, whose successor is large, too."""
    return model_id.startswith(_CONVERSATIONAL_PREFIXES) and "mini" not in model_id


def pick_successors(realtime_models: Collection[str]) -> Mapping[bool, str | None]:
    """Return the realtime models that replace retired large models (True) and other models (False)."""
    known = [model_id for model_id in REPLACEMENT_IDS if model_id in realtime_models]
    newest = max(realtime_models, default=None)
    return {False: known[0] if known else newest, True: known[-1] if known else newest}
