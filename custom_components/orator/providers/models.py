"""The limits of OpenAI's models, which count characters and tokens; others offer the same models."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import ceil
import re
from typing import Final, Self

from ..audio.formats import AudioFormat, PcmLayout
from .options import Option

OPENAI_MAX_CHARS: Final = 4096
_MAX_TOKENS: Final = 2000
"""Limit of gpt-4o-mini-tts beside the characters, from its page in OpenAI's list of models."""
_TOKENS_PER_LATIN_CHAR: Final = 0.4
_TOKENS_PER_OTHER_CHAR: Final = 1.1
"""More than texts need, so that no request is over the limit: a token is about four letters of English."""

_LATIN: Final = re.compile(r"[\x00-\u024f]+")


def count_chars_or_tokens(text: str) -> int:
    """Count characters, or tokens in the same measure where a script needs so many that they run out first."""
    others = len(_LATIN.sub("", text))
    tokens = (len(text) - others) * _TOKENS_PER_LATIN_CHAR + others * _TOKENS_PER_OTHER_CHAR
    return max(len(text), ceil(tokens * OPENAI_MAX_CHARS / _MAX_TOKENS))


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


def describe_voice(voice_id: str) -> Voice:
    """Return a voice with the name that people would read out."""
    return Voice(voice_id, voice_id[:1].upper() + voice_id[1:])


def describe_kokoro_voice(voice_id: str) -> Voice:
    """Return a voice of Kokoro, `af_bella` for instance: an American woman called Bella."""
    kind, _, name = voice_id.partition("_")
    language = _KOKORO.get(kind[:1])
    if (
        len(kind) != 2 or not name.isalnum() or language is None
    ):  # a blend such as "af_bella(2)+af_sky", or something new
        return describe_voice(voice_id)
    return Voice(voice_id, name.capitalize(), (language,))


def describe_voice_by_id(voice_id: str) -> Voice:
    """Return a voice of any maker; Kokoro's and Microsoft's, `en-US-JennyNeural` for instance, tell their language."""
    if neural := _NEURAL.fullmatch(voice_id):
        return Voice(voice_id, neural[2], (neural[1],))
    return describe_kokoro_voice(voice_id) if voice_id[1:3] in ("f_", "m_") else describe_voice(voice_id)


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked of a provider, and what that costs; of several, the sum."""

    characters: int = 0
    requests: int = 0
    cost: float | None = 0.0
    """In units of the currency; None where nobody knows, or knows only in part."""
    currency: str | None = None
    is_estimate: bool = False
    """Whether any of the cost follows from a list of prices rather than from what the provider says it has charged."""

    def __add__(self, other: Self) -> Self:
        """Return both together. What two currencies cost together is not known."""
        currencies = {currency for currency in (self.currency, other.currency) if currency}
        is_known = self.cost is not None and other.cost is not None and len(currencies) < 2
        return type(self)(
            characters=self.characters + other.characters,
            requests=self.requests + other.requests,
            cost=(self.cost or 0) + (other.cost or 0) if is_known else None,
            currency=next(iter(currencies)) if is_known and currencies else None,
            is_estimate=is_known and (self.is_estimate or other.is_estimate),
        )


_CHARS_PER_MINUTE: Final = 900
"""How fast people read aloud in languages with an alphabet."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks."""

    id: str
    name: str
    languages: tuple[str, ...] = ()
    """Language tags that this voice speaks; empty where it speaks whatever its model does."""


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """A word that the provider is to say otherwise."""

    word: str
    say: str
    match_case: bool


@dataclass(frozen=True, slots=True)
class Price:
    """What speech costs: parts for its length and a part for each request, together at least a minimum."""

    currency: str
    per_thousand_chars: float = 0
    per_request: float = 0
    minimum: float = 0
    per_minute: float = 0
    """For the time that the sound takes."""

    def cost(self, characters: int, minutes: float | None = None) -> float:
        """Return what a request costs; without the `minutes` of its sound, they are estimated."""
        lasting = characters / _CHARS_PER_MINUTE if minutes is None else minutes
        parts = self.per_request + characters / 1000 * self.per_thousand_chars + lasting * self.per_minute
        return max(self.minimum, parts)


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left to spend at a service."""

    amount: float
    currency: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what it can do."""

    id: str
    name: str
    max_chars: int
    """Longest text of one request, as `count` counts."""
    streams: bool
    """Whether sound leaves before the whole text has been spoken."""
    formats: tuple[AudioFormat, ...]
    pcm: PcmLayout | None = None
    """How samples lie when PCM is asked for."""
    voices: tuple[Voice, ...] = ()
    """Voices that are known, the usual one first unless its provider has a usual one; a model may take others."""
    languages: tuple[str, ...] = ()
    """Tags of the languages that the model speaks; empty where it speaks whatever its provider does."""
    options: tuple[Option, ...] = ()
    price: Price | None = None
    voice_key: str = "voice"
    """The setting that names the voice."""
    vendor: str = ""
    """Who made it, where its provider passes on what others make."""
    is_connected: bool = True
    """Whether its provider has the vendor's key that it needs."""
    max_pronunciations: int = 0
    """How many words its provider itself says otherwise."""
    count: Callable[[str], int] = len
    """How the provider counts a text against `max_chars`."""
    ends: date | None = None
    """The day from which on its provider no longer has it."""
    successor: Model | None = None
    """The model that speaks for it from then on."""

    def is_retired(self, today: date) -> bool:
        """Tell whether it is no longer there."""
        return self.ends is not None and self.ends <= today

    @property
    def file_formats(self) -> tuple[AudioFormat, ...]:
        """The formats of files that players can be given. Raw samples have to be made one, which is done for them."""
        return tuple(made for made in self.formats if made is not AudioFormat.PCM) or (AudioFormat.MP3, AudioFormat.WAV)
