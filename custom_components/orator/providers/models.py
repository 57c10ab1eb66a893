"""Models, voices, prices and usage."""

from collections import UserDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
import re
from typing import Final, Protocol, Self, TypeGuard, override

from ..audio.formats import AudioFormat, PcmLayout
from .options import Option

_READING_CHARS_PER_MINUTE: Final = 900
"""Usual speed of reading aloud in alphabetic scripts."""
_END_NOTICE: Final = timedelta(days=60)
"""Time before the end of a model from which users are notified, and new voices use another one."""
COST_DECIMALS: Final = 9
"""Decimal places of a cost, enough for the price of one character."""
_CURRENCY_CODE: Final = re.compile(r"[A-Za-z]{3,5}")

_MAX_CAPABILITIES: Final = 200
"""Maximum number of remembered capabilities of a server."""


def round_cost(cost: float) -> float:
    """Return a cost as it is shown, without the rounding errors of binary fractions."""
    return round(cost, COST_DECIMALS)


def is_currency_code(value: object) -> TypeGuard[str]:
    """Return whether a value from outside can be the code of a currency, for example USD or XNO."""
    return isinstance(value, str) and _CURRENCY_CODE.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of a model."""

    id: str
    name: str
    languages: tuple[str, ...] = ()
    """Tags of the voice's languages; empty if the voice speaks all languages of its model."""


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """A word that the provider should replace when speaking."""

    word: str
    say: str
    match_case: bool


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a request: a part by length, a part per request, and a minimum for the total."""

    currency: str
    per_thousand_chars: float = 0
    per_request: float = 0
    minimum: float = 0
    per_minute: float = 0
    """Price per minute of audio."""

    @property
    def has_fixed_part(self) -> bool:
        """Whether several short requests cost more than a long one."""
        return self.per_request > 0 or self.minimum > 0

    def cost(self, characters: int, minutes: float | None = None) -> float:
        """Return the cost of a request; the `minutes` of audio are estimated if they are not known."""
        duration = characters / _READING_CHARS_PER_MINUTE if minutes is None else minutes
        total = self.per_request + characters / 1000 * self.per_thousand_chars + duration * self.per_minute
        return max(self.minimum, total)


@dataclass(frozen=True, slots=True)
class Balance:
    """The remaining credit of an account."""

    amount: float
    currency: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage and cost of one or more requests."""

    characters: int = 0
    requests: int = 0
    cost: float | None = 0.0
    """Cost in units of `currency`; None if all or part of it is unknown."""
    currency: str | None = None
    is_estimate: bool = False
    """Whether part of the cost is estimated from a price list rather than stated by the provider."""

    def __add__(self, other: Self) -> Self:
        """Return the total; costs in two different currencies add up to an unknown cost."""
        currencies = {currency for currency in (self.currency, other.currency) if currency}
        is_known = self.cost is not None and other.cost is not None and len(currencies) < 2
        return type(self)(
            characters=self.characters + other.characters,
            requests=self.requests + other.requests,
            cost=(self.cost or 0) + (other.cost or 0) if is_known else None,
            currency=next(iter(currencies)) if is_known and currencies else None,
            is_estimate=is_known and (self.is_estimate or other.is_estimate),
        )


class Reservation(Protocol):
    """Usage that counts towards a usage limit from before a request is sent until it is charged."""

    def renew(self, estimate: Usage) -> None:
        """Reserve the usage of another request instead. Raises LimitReachedError."""

    def release(self) -> None:
        """Stop reserving; does nothing if the reservation was released before."""


class _NoReservation:
    """The reservation of an account without limits."""

    def renew(self, estimate: Usage) -> None:
        """Reserve nothing."""

    def release(self) -> None:
        """Do nothing."""


NO_RESERVATION: Final = _NoReservation()


@dataclass(frozen=True, slots=True)
class Model:
    """A speech model and its capabilities."""

    id: str
    name: str
    max_chars: int
    """Maximum length of the text of one request, as measured by `measure`."""
    streams: bool
    """Whether audio arrives before the whole text has been synthesized."""
    formats: tuple[AudioFormat, ...]
    pcm_layout: PcmLayout | None = None
    """Sample layout of PCM responses."""
    voices: tuple[Voice, ...] = ()
    """Known voices, default first unless the provider has its own default; there may be others."""
    languages: tuple[str, ...] = ()
    """Tags of the model's languages; empty if the model speaks all languages of its provider."""
    options: tuple[Option, ...] = ()
    price: Price | None = None
    voice_key: str = "voice"
    """Setting that holds the voice ID."""
    needs_voice: bool = True
    """Whether a request must name a voice; otherwise the provider has a default voice."""
    vendor: str = ""
    """Maker of the model, if the provider resells models of several vendors."""
    is_connected: bool = True
    """Whether the provider has the vendor's API key that the model needs."""
    max_pronunciations: int = 0
    """Maximum number of pronunciations in one request."""
    understands_audio_tags: bool = False
    """Whether the model acts on tags in brackets, such as "[whispers]", which others speak."""
    measure: Callable[[str], int] = len
    """Function that measures a text as the provider does, for comparison with `max_chars`."""
    end_date: date | None = None
    """First day on which the model is no longer available."""
    successor: Model | None = None
    """Model that replaces this one when it is retired."""

    @property
    def voice_ids(self) -> list[str]:
        """The IDs of the known voices."""
        return [voice.id for voice in self.voices]

    def voice_name(self, voice_id: str) -> str:
        """Return the name of a voice, or its ID if the voice is not known."""
        return next((voice.name for voice in self.voices if voice.id == voice_id), voice_id)

    @property
    def has_saved_voices(self) -> bool:
        """Whether the voices are saved in the user's account at the provider, each with a model of its own."""
        return self.voice_key != "voice"

    def is_retired(self, today: date) -> bool:
        """Return whether the model is no longer available."""
        return self.end_date is not None and self.end_date <= today

    def ends_soon(self, today: date) -> bool:
        """Return whether the model is no longer available, or ends so soon that users are notified."""
        return self.end_date is not None and self.end_date - today <= _END_NOTICE

    @property
    def file_formats(self) -> tuple[AudioFormat, ...]:
        """The formats available for files; Orator converts PCM if the model has no other format."""
        return tuple(made for made in self.formats if made is not AudioFormat.PCM) or (AudioFormat.MP3, AudioFormat.WAV)


class DetectedCapabilities(UserDict[str, bool]):
    """Detected capabilities of a server, by key. The oldest are dropped, because keys contain the names of models."""

    @override
    def __setitem__(self, key: str, value: bool) -> None:
        super().__setitem__(key, value)
        while len(self) > _MAX_CAPABILITIES:
            del self[next(iter(self))]
