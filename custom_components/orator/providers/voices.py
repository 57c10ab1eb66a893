"""Voices by their IDs: what people would call them, and what they speak."""

import re
from typing import Final

from .base import Voice

# A voice of Kokoro says in its first letter what it speaks.
_KOKORO: Final = {
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
_NEURAL: Final = re.compile(r"([a-z]{2,3}(?:-[A-Za-z]+)+)-([A-Za-z]+?)(?:Multilingual)?(?:Expressive)?Neural")


def described(voice_id: str) -> Voice:
    """Return a voice with the name that people would read out."""
    return Voice(voice_id, voice_id[:1].upper() + voice_id[1:])


def described_kokoro(voice_id: str) -> Voice:
    """Return a voice of Kokoro, `af_bella` for instance: an American woman called Bella."""
    kind, _, name = voice_id.partition("_")
    language = _KOKORO.get(kind[:1])
    if (
        len(kind) != 2 or not name.isalnum() or language is None
    ):  # a blend such as "af_bella(2)+af_sky", or something new
        return described(voice_id)
    return Voice(voice_id, name.capitalize(), (language,))


def described_by_id(voice_id: str) -> Voice:
    """Return a voice of any maker; Kokoro's and Microsoft's, `en-US-JennyNeural` for instance, tell their language."""
    if neural := _NEURAL.fullmatch(voice_id):
        return Voice(voice_id, neural[2], (neural[1],))
    return described_kokoro(voice_id) if voice_id[1:3] in ("f_", "m_") else described(voice_id)
