"""The contract that every provider fulfils, and the types that cross it."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Final

from aiohttp import ClientSession
from yarl import URL

from ..audio.formats import RECOGNITION_BYTES, AudioFormat, PcmLayout, is_same_container, looks_like_text, recognise
from .errors import NotAudioError
from .http import Json
from .options import ChoiceOption, Option
from .spending import Spending

_CHARS_PER_MINUTE: Final = 900
"""How fast people read aloud in languages with an alphabet."""

_MOST_SPACE: Final = 1024
"""Bytes of it at the beginning of a document, after which it is taken for none."""


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

    def of(self, characters: int, minutes: float | None = None) -> float:
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
    follower: Model | None = None
    """The model that speaks for it from then on."""

    def has_ended(self, today: date) -> bool:
        """Tell whether it is no longer there."""
        return self.ends is not None and self.ends <= today

    @property
    def file_formats(self) -> tuple[AudioFormat, ...]:
        """The formats of files that players can be given. Raw samples have to be made one, which is done for them."""
        return tuple(made for made in self.formats if made is not AudioFormat.PCM) or (AudioFormat.MP3, AudioFormat.WAV)


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What one request says, and how.

    `settings` holds parsed values of the model's options and the provider's choices, and only set ones.
    """

    text: str
    model: Model
    voice: str
    format: AudioFormat
    settings: Mapping[str, Any] = field(default_factory=dict)
    pronunciations: tuple[Pronunciation, ...] = ()
    spent: Callable[[Spending], None] = field(default=lambda _: None, compare=False)
    """Told what it costs, each time that it is charged: it may be repeated, or be joined to another one like it."""

    def charge(self, cost: float | None = None, currency: str | None = None) -> None:
        """Tell that the provider has charged it; without the `cost` in its answer, that is estimated by the price."""
        price = self.model.price
        if cost is None and price:
            self.charge_estimate(price.of(len(self.text)))
        else:
            self.spent(Spending(len(self.text), 1, cost, currency))

    def charge_estimate(self, cost: float) -> None:
        """Tell that the provider has charged it, and what that probably costs."""
        currency = self.model.price.currency if self.model.price else None
        self.spent(Spending(len(self.text), 1, cost, currency, is_estimate=True))


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    """Sound as it arrives. The format is what the bytes are, whatever was asked for."""

    format: AudioFormat
    chunks: AsyncGenerator[bytes]
    pcm: PcmLayout | None = None
    """How the samples lie, when the format is PCM."""
    speaker: str = ""
    """Who is heard, where several may be."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What a provider speaks through."""

    own: ClientSession
    """To the service itself."""
    public: ClientSession
    """To wherever an answer of the service points: its sockets come from `downloads.public_socket`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that people have, or know, which speaks the API of a service as if it were that."""

    label: str
    """What people know it by."""
    name: str = ""
    """What its accounts and voices are called after, where that is not its label."""
    address: str = ""
    """Where it usually is; empty where only its user knows."""
    takes_key: bool = True
    needs_key: bool = False
    """Whether it is certain to refuse requests without a key."""
    key_page: str = ""
    """Where its users make keys; empty where they run it themselves, as below."""
    credit_page: str = ""

    @property
    def title(self) -> str:
        """What its accounts and voices are called after."""
        return self.name or self.label

    @property
    def is_service(self) -> bool:
        """Whether somebody else runs it, at an address that everybody knows."""
        return bool(self.key_page)


class Provider(ABC):
    """A service that speaks.

    What it offers is fetched, kept by its owner, and handed back to it.
    """

    name: str
    """What the service calls itself."""
    key_page: str
    """Where its users make keys."""
    credit_page: str
    """Where its users pay."""
    servers: ClassVar[Mapping[str, Server]] = {}
    """Other servers that speak its API, by the names that accounts keep them under."""
    address_keys: ClassVar[tuple[str, ...]] = ("base_url",)
    """The names of the addresses that it has."""
    default_base_url: ClassVar[str]
    default_model: str
    default_voice: str
    languages: ClassVar[tuple[str, ...]]
    """Tags of the languages that the service speaks."""
    choices: ClassVar[tuple[ChoiceOption, ...]] = ()
    """What is decided together with the model, because it decides what else can be set."""
    option_keys: ClassVar[tuple[str, ...]]
    """Every setting that any of its models takes."""
    tells_balance: ClassVar[bool] = False
    """Whether it says what is left to spend."""

    def __init__(
        self, connections: Connections, addresses: Mapping[str, str], api_key: str, *, server: str = ""
    ) -> None:
        """Speak to the API at addresses that `resolve_addresses` has returned; `server` names one of `servers`."""
        self.addresses = addresses
        self.server = self.servers.get(server)
        if self.server:
            self.name = self.server.title
            self.key_page, self.credit_page = self.server.key_page, self.server.credit_page
        self.learned: dict[str, bool] = {}
        """What was found out about the server while speaking; its owner keeps it beside the catalogue."""
        self.counts: Counter[str] = Counter()
        """What happened how often since the account was loaded, for diagnostics."""
        self._connections = connections
        self._api_key = api_key

    @property
    def takes_key(self) -> bool:
        """Whether there may be a key at all, so that another one may help."""
        return self.server is None or self.server.takes_key

    def is_same_account(self, other: Provider) -> bool:
        """Tell whether another provider speaks for the same account."""
        return type(self) is type(other) and self.addresses == other.addresses and self._api_key == other._api_key

    def take_over(self, other: Provider) -> None:  # noqa: B027
        """Go on with what another provider of the same account has begun."""

    @property
    def has_orders(self) -> bool:
        """Whether something is on its way that may be paid for, and would be lost if the connections were closed."""
        return False

    async def async_settle(self) -> None:  # noqa: B027
        """Wait until nothing is on its way that would be lost."""

    async def async_close(self) -> None:
        """Close the connections."""
        await self._connections.own.close()
        await self._connections.public.close()

    @property
    def label(self) -> str:
        """What people know the service by: its name, or the host of a server of their own that has none."""
        host = URL(self.addresses["base_url"]).host
        has_name = self.server.address if self.server else host == URL(self.default_base_url).host
        return self.name if host is None or has_name else host

    @property
    def lacks_key(self) -> bool:
        """Whether there is no key, and requests without one are certain to be refused."""
        is_needed = self.needs_key(self.addresses["base_url"]) or (self.server is not None and self.server.needs_key)
        return is_needed and not self._api_key

    @classmethod
    @abstractmethod
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        """Return all addresses of the service for those that a person has entered, if any. Raises ValueError."""

    @classmethod
    @abstractmethod
    def needs_key(cls, base_url: str) -> bool:
        """Tell whether the service at this address is certain to refuse requests without a key."""

    @abstractmethod
    async def fetch_catalogue(self, known: Json = None) -> Json:
        """Ask what the service offers and, with that and at no cost, whether it would speak with this key.

        `known`: what it offered before, for what of it can't be asked at the moment. Returns a JSON document that can
        be kept. Raises SpeechError where the service would not speak.
        """

    async def fetch_balance(self) -> Balance | None:
        """Ask what is left to spend; None where the service does not tell. Raises SpeechError."""
        return None

    @abstractmethod
    def models(self, catalogue: Json) -> tuple[Model, ...]:
        """Return the speech models in a catalogue, or those known from its documentation where it is None."""

    @abstractmethod
    def describe(self, model_id: str, catalogue: Json, settings: Mapping[str, Any]) -> Model:
        """Say what a model can do, also one that the catalogue does not have; `settings` hold what was chosen."""

    def moved(self, settings: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
        """Return the settings of a voice as they are for another model.

        What that does not take is left out, and what it takes otherwise is brought near.
        """
        kept = {key: value for key, value in settings.items() if key not in self.option_keys}
        taken = {option.key: option.nearest(settings[option.key]) for option in model.options if option.key in settings}
        return {**kept, **{key: value for key, value in taken.items() if value is not None}, "model": model.id}

    def has_models(self, settings: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Tell whether there is a model to choose, with what was chosen before."""
        return True

    async def check_voice(self, model: Model, voice_id: str) -> str:  # noqa: ARG002
        """Return a voice's ID as the provider writes it, asking for one that the model does not list where one can.

        Raises SpeechError if it is not there.
        """
        return voice_id.strip()

    def first_voice(self, catalogue: Json) -> Mapping[str, Any] | None:
        """Return the settings of a voice to begin with, None where nothing is certain to speak."""
        model = self.usual_model(catalogue)
        return {"model": model.id, "voice": self.usual_voice(model)}

    def usual_model(self, catalogue: Json) -> Model:
        """Return the model to begin with: the usual one where it is there."""
        models = self.models(catalogue)
        return next((model for model in models if model.id == self.default_model), models[0])

    def usual_voice(self, model: Model) -> str:
        """Return the voice of a model to begin with: the usual one unless the model is known to have only others."""
        known = [voice.id for voice in model.voices]
        return self.default_voice if not known or self.default_voice in known else known[0]

    @abstractmethod
    def synthesize(self, request: SpeechRequest) -> AbstractAsyncContextManager[SpeechAudio]:
        """Speak a text of at most `model.max_chars`.

        Entering the context raises SpeechError where there is no sound to be had; leaving it ends what is under way.
        """


async def recognised_audio(
    chunks: AsyncGenerator[bytes], promised: AudioFormat, content_type: str = "", pcm: PcmLayout | None = None
) -> SpeechAudio:
    """Tell what a body is from its first bytes, and give it on whole.

    The first bytes are trusted above the type that the server claims, and that above the format that was promised:
    some servers always answer wav. Raises NotAudioError for anything that is not sound.
    """
    head = await first_bytes(chunks)
    found = recognise(head)
    if found is not None:
        actual = promised if is_same_container(found, promised) else found
        return SpeechAudio(actual, continued(head, chunks))
    is_document = content_type.startswith("text/") or content_type.endswith(("json", "xml")) or looks_like_text(head)
    if promised is not AudioFormat.PCM or pcm is None or not head or is_document:
        raise NotAudioError(code=content_type or None)
    return SpeechAudio(AudioFormat.PCM, continued(head, chunks), pcm)


async def first_bytes(chunks: AsyncGenerator[bytes]) -> bytes:
    """Read as much of a body as it takes to tell what it is: documents may begin with space."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head.lstrip()) >= RECOGNITION_BYTES or len(head) >= _MOST_SPACE:
            break
    return head


async def continued(head: bytes, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield what has been read already and then the rest."""
    yield head
    async for chunk in chunks:
        yield chunk
