"""Limits, formats and voices of models that several providers offer: OpenAI's, Kokoro's and Microsoft's."""

from math import ceil
import re
from typing import Final

from ..audio.formats import AudioFormat, PcmLayout
from .models import Voice

_KOKORO_LANGUAGES: Final = {
    "a": "en-US",
    "b": "en-GB",
    "e": "es-ES",
    "f": "fr-FR",
    "h": "hi-IN",
    "i": "it-IT",
    "j": "ja-JP",
    "p": "pt-BR",
    "z": "zh-CN",
}
"""Languages of Kokoro's voices by the first letter of their IDs."""
_AZURE_VOICE_ID: Final = re.compile(r"([a-z]{2,3}(?:-[A-Za-z]+)+)-([A-Za-z]+?)(?:Multilingual)?(?:Expressive)?Neural")


def describe_voice(voice_id: str) -> Voice:
    """Return a voice named after its capitalized ID."""
    return Voice(voice_id, voice_id[:1].upper() + voice_id[1:])


def describe_kokoro_voice(voice_id: str) -> Voice:
    """Return one of Kokoro's voices: `af_bella` is American English, female, and called Bella."""
    kind, _, name = voice_id.partition("_")
    language = _KOKORO_LANGUAGES.get(kind[:1])
    if len(kind) != 2 or not name.isalnum() or language is None:  # a blend such as "af_bella(2)+af_sky", or unknown
        return describe_voice(voice_id)
    return Voice(voice_id, name.capitalize(), (language,))


def describe_unknown_voice(voice_id: str) -> Voice:
    """Return a voice of an unknown model; IDs of Kokoro and Microsoft (`en-US-JennyNeural`) contain the language."""
    if match := _AZURE_VOICE_ID.fullmatch(voice_id):
        return Voice(voice_id, match[2], (match[1],))
    return describe_kokoro_voice(voice_id) if voice_id[1:3] in ("f_", "m_") else describe_voice(voice_id)


OPENAI_FILE_FORMATS: Final = (AudioFormat.MP3, AudioFormat.WAV, AudioFormat.OPUS, AudioFormat.AAC, AudioFormat.FLAC)
OPENAI_FORMATS: Final = (*OPENAI_FILE_FORMATS, AudioFormat.PCM)
OPENAI_PCM_LAYOUT: Final = PcmLayout(rate=24_000)

OPENAI_MAX_CHARS: Final = 4096
_OPENAI_MAX_TOKENS: Final = 2000
"""Input limit of gpt-4o-mini-tts, from its page in OpenAI's list of models."""
_TOKENS_PER_LATIN_CHAR: Final = 0.4
_TOKENS_PER_OTHER_CHAR: Final = 1.1
"""Upper estimate, so that no request exceeds the limit: an English token has about four letters."""
_LATIN_CHARS: Final = re.compile(r"[\x00-\u024f]+")

_TTS_1_NAME: Final = re.compile(r"tts-1(-hd)?(-\d+)?")
_TTS_1_VOICES: Final = tuple(
    map(describe_voice, ("alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"))
)
_NEWER_VOICES: Final = tuple(map(describe_voice, ("ballad", "cedar", "marin", "verse")))
"""Voices that tts-1 and tts-1-hd refuse with status 400."""
OPENAI_VOICES: Final = tuple(sorted((*_TTS_1_VOICES, *_NEWER_VOICES), key=lambda voice: voice.id))


def is_tts_1(model_id: str) -> bool:
    """Return whether a model is tts-1 or tts-1-hd: older, with fewer voices, and without instructions."""
    return bool(_TTS_1_NAME.fullmatch(model_id))


def openai_voices_for(model_id: str) -> tuple[Voice, ...]:
    """Return the voices of one of OpenAI's speech models."""
    return _TTS_1_VOICES if is_tts_1(model_id) else OPENAI_VOICES


def count_chars_or_tokens(text: str) -> int:
    """Return the length in characters, or the tokens scaled to `OPENAI_MAX_CHARS` if they run out first."""
    others = len(_LATIN_CHARS.sub("", text))
    tokens = (len(text) - others) * _TOKENS_PER_LATIN_CHAR + others * _TOKENS_PER_OTHER_CHAR
    return max(len(text), ceil(tokens * OPENAI_MAX_CHARS / _OPENAI_MAX_TOKENS))
