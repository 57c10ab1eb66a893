"""OpenAI's speech models, and what tells a model that speaks from others."""

import re
from typing import Final

from ...audio.formats import AudioFormat, PcmLayout
from ..base import Model, Voice
from ..errors import NotASpeechServerError
from ..http import Json
from ..options import NumberOption, Option, TextOption
from ..tokens import MAX_CHARS, count_chars_or_tokens
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


def described(model_id: str) -> Model:
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
        max_chars=MAX_CHARS,
        streams=True,
        formats=FORMATS,
        pcm=PCM,
        voices=voices_of(model_id),
        options=options,
        count=len if is_tts_1 else count_chars_or_tokens,
    )


def voices_of(model_id: str) -> tuple[Voice, ...]:
    """Return the voices of one of OpenAI's speech models, also where somebody else passes it on."""
    return _VOICES_OF_TTS_1 if _TTS_1.fullmatch(model_id) else _VOICES


def speaking_ids(document: Json, *, is_official: bool) -> list[str]:
    """Read a model list. Models that speak are told by their names, which may be any on a server of one's own.

    Raises NotASpeechServerError.
    """
    models = (document.get("data") or document.get("models")) if isinstance(document, dict) else None
    if not isinstance(models, list):
        raise NotASpeechServerError
    ids = sorted(model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str))
    speaking = [model_id for model_id in ids if speaks_by_name(model_id) or is_realtime(model_id)]
    return speaking if speaking or is_official else ids
