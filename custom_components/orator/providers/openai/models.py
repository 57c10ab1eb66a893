"""OpenAI's speech models, and what tells a model that speaks from others."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
import re
from typing import Any, Final

from ...audio.formats import AudioFormat, PcmLayout
from ..errors import NotASpeechServerError
from ..json_documents import Json
from ..models import OPENAI_MAX_CHARS, Model, Price, Voice, count_chars_or_tokens
from ..options import NumberOption, Option, TextOption
from .lists import speaks_by_name

_SPEED: Final = NumberOption("speed", minimum=0.25, maximum=4, step=0.05, default=1)
INSTRUCTIONS: Final = TextOption("instructions", max_chars=4096)

PCM: Final = PcmLayout(rate=24_000)
FORMATS: Final = (
    AudioFormat.MP3,
    AudioFormat.WAV,
    AudioFormat.OPUS,
    AudioFormat.AAC,
    AudioFormat.FLAC,
    AudioFormat.PCM,
)
"""What OpenAI's models make, also where somebody else passes them on."""

_VOICES: Final = tuple(
    Voice(id=name, name=name.capitalize())
    for name in (
        "alloy",
        "ash",
        "ballad",
        "cedar",
        "coral",
        "echo",
        "fable",
        "marin",
        "nova",
        "onyx",
        "sage",
        "shimmer",
        "verse",
    )
)
# The older models answer 400 to the voices that came after them.
_VOICES_OF_TTS_1: Final = tuple(voice for voice in _VOICES if voice.id not in ("ballad", "cedar", "marin", "verse"))

DOCUMENTED: Final = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
_TTS_1: Final = re.compile(r"tts-1(-hd)?(-\d+)?")

_REALTIME: Final = re.compile(r"gpt-realtime(?!.*(transcri|whisper|translat)).*")
_REALTIME_SPEED: Final = NumberOption("speed", minimum=0.25, maximum=1.5, step=0.05, default=1)
_REALTIME_MAX_CHARS: Final = 1_000
"""About a minute of speech: what a model reads at a time, it reads faithfully."""
_VOICES_OF_REALTIME: Final = tuple(voice for voice in _VOICES if voice.id not in ("fable", "nova", "onyx"))

OPTION_KEYS: Final = (_SPEED.key, INSTRUCTIONS.key)


def is_realtime(model_id: str) -> bool:
    """Tell whether a model is spoken to over a socket, and reads aloud because it is told to."""
    return bool(_REALTIME.fullmatch(model_id))


def describe_model(model_id: str) -> Model:
    """Say what a model can do."""
    if is_realtime(model_id):
        return Model(
            id=model_id,
            name=model_id,
            max_chars=_REALTIME_MAX_CHARS,
            streams=True,
            formats=(AudioFormat.PCM,),
            pcm=PCM,
            voices=_VOICES_OF_REALTIME,
            options=(_REALTIME_SPEED, INSTRUCTIONS),
        )
    is_tts_1 = bool(_TTS_1.fullmatch(model_id))
    options: tuple[Option, ...] = (_SPEED,) if is_tts_1 else (_SPEED, INSTRUCTIONS)
    return Model(
        id=model_id,
        name=model_id,
        max_chars=OPENAI_MAX_CHARS,
        streams=True,
        formats=FORMATS,
        pcm=PCM,
        voices=voices_for(model_id),
        options=options,
        count=len if is_tts_1 else count_chars_or_tokens,
    )


def voices_for(model_id: str) -> tuple[Voice, ...]:
    """Return the voices of one of OpenAI's speech models, also where somebody else passes it on."""
    return _VOICES_OF_TTS_1 if _TTS_1.fullmatch(model_id) else _VOICES


def parse_model_ids(document: Json, *, is_official: bool) -> list[str]:
    """Read a model list. Models that speak are told by their names, which may be any on a server of one's own.

    Raises NotASpeechServerError.
    """
    models = (document.get("data") or document.get("models")) if isinstance(document, dict) else None
    if not isinstance(models, list):
        raise NotASpeechServerError
    ids = sorted(model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str))
    speaking = [model_id for model_id in ids if speaks_by_name(model_id) or is_realtime(model_id)]
    return speaking if speaking or is_official else ids


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


def price_for(model_id: str) -> Price | None:
    """Return what a model costs, None where that is not known."""
    return next((price for pattern, price in _PRICES if pattern.fullmatch(model_id)), None)


def realtime_cost(model_id: str, usage: Mapping[str, Any]) -> float | None:
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


# What OpenAI announced on 2026-10-01, for lists that do not tell.
_ANNOUNCED: Final = (
    (re.compile(r"tts-1(-hd)?(-\d+)?|gpt-4o-mini-tts(-.*)?"), date(2027, 1, 6)),
    (re.compile(r"gpt-realtime(-20\d\d-.*)?"), date(2027, 1, 20)),
)
SUCCESSOR: Final = "gpt-realtime-2.1-mini"
_NEAREST: Final[Mapping[str, str]] = {"fable": "ballad", "nova": "coral", "onyx": "ash"}
"""For each voice that realtime models lack the one of theirs that sounds most like it."""


def parse_end_dates(document: Json) -> dict[str, str]:
    """Return the models of a list that are to end, and when, as ISO dates."""
    rows = document.get("data") if isinstance(document, dict) else None
    dated = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {str(row["id"]): str(row["shutdown_date"]) for row in dated if "id" in row and _parse_end_date(row)}


def _parse_end_date(row: Mapping[str, Json]) -> date | None:
    try:
        return date.fromisoformat(str(row.get("shutdown_date")))
    except ValueError:
        return None


def end_date(model_id: str, catalog: Json, *, is_official: bool) -> date | None:
    """Return the day from which on there is no such model: the one that the list tells, or that OpenAI announced."""
    if told := (catalog or {}).get("ends", {}).get(model_id):
        return date.fromisoformat(told)
    if not is_official:
        return None
    return next((day for pattern, day in _ANNOUNCED if pattern.fullmatch(model_id)), None)


def pick_successor(realtime: Collection[str]) -> str | None:
    """Return which of some realtime models speaks for one that has ended."""
    return SUCCESSOR if SUCCESSOR in realtime else max(realtime, default=None)


def nearest_voice(voice: str) -> str:
    """Return the voice of a realtime model that sounds most like another one."""
    return _NEAREST.get(voice, voice)
