"""The contract that every provider fulfils, and the types that cross it."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import ClientSession
from yarl import URL

from ..audio.formats import AudioFormat, PcmLayout
from .json_documents import Json
from .models import Balance, Model, Pronunciation, Usage
from .options import ChoiceOption


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """What one request says, and how.

    `settings` holds parsed values of the model's options and the provider's choices, and only set ones.
    """

    text: str
    model: Model
    voice: str
    format: AudioFormat
    settings: Mapping[str, Any] = field(default_factory=dict)
    pronunciations: tuple[Pronunciation, ...] = ()
    record_usage: Callable[[Usage], None] = field(default=lambda _: None, compare=False)
    """Told what it costs, each time that it is charged: it may be repeated, or be joined to another one like it."""

    def charge(self, cost: float | None = None, currency: str | None = None) -> None:
        """Tell that the provider has charged it; without the `cost` in its answer, that is estimated by the price."""
        price = self.model.price
        if cost is None and price:
            self.charge_estimate(price.cost(len(self.text)))
        else:
            self.record_usage(Usage(len(self.text), 1, cost, currency))

    def charge_estimate(self, cost: float) -> None:
        """Tell that the provider has charged it, and what that probably costs."""
        currency = self.model.price.currency if self.model.price else None
        self.record_usage(Usage(len(self.text), 1, cost, currency, is_estimate=True))


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
class HttpSessions:
    """What a provider speaks through."""

    api: ClientSession
    """To the service itself."""
    downloads: ClientSession
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
    has_balance: ClassVar[bool] = False
    """Whether it says what is left to spend."""

    def __init__(
        self, connections: HttpSessions, addresses: Mapping[str, str], api_key: str, *, server: str = ""
    ) -> None:
        """Speak to the API at addresses that `resolve_addresses` has returned; `server` names one of `servers`."""
        self.addresses = addresses
        self.server = self.servers.get(server)
        if self.server:
            self.name = self.server.title
            self.key_page, self.credit_page = self.server.key_page, self.server.credit_page
        self.detected: dict[str, bool] = {}
        """What was found out about the server while speaking; its owner keeps it beside the catalogue."""
        self.counters: Counter[str] = Counter()
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

    def inherit(self, other: Provider) -> None:  # noqa: B027
        """Go on with what another provider of the same account has begun."""

    @property
    def has_pending_jobs(self) -> bool:
        """Whether something is on its way that may be paid for, and would be lost if the connections were closed."""
        return False

    async def async_finish_jobs(self) -> None:  # noqa: B027
        """Wait until nothing is on its way that would be lost."""

    async def async_close(self) -> None:
        """Close the connections."""
        await self._connections.api.close()
        await self._connections.downloads.close()

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
    async def fetch_catalog(self, known: Json = None) -> Json:
        """Ask what the service offers and, with that and at no cost, whether it would speak with this key.

        `known`: what it offered before, for what of it can't be asked at the moment. Returns a JSON document that can
        be kept. Raises SpeechError where the service would not speak.
        """

    async def fetch_balance(self) -> Balance | None:
        """Ask what is left to spend; None where the service does not tell. Raises SpeechError."""
        return None

    @abstractmethod
    def models(self, catalog: Json) -> tuple[Model, ...]:
        """Return the speech models in a catalogue, or those known from its documentation where it is None."""

    @abstractmethod
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        """Say what a model can do, also one that the catalogue does not have; `settings` hold what was chosen."""

    def migrate_settings(self, settings: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
        """Return the settings of a voice as they are for another model.

        What that does not take is left out, and what it takes otherwise is brought near.
        """
        kept = {key: value for key, value in settings.items() if key not in self.option_keys}
        taken = {option.key: option.nearest(settings[option.key]) for option in model.options if option.key in settings}
        return {**kept, **{key: value for key, value in taken.items() if value is not None}, "model": model.id}

    def has_models(self, settings: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Tell whether there is a model to choose, with what was chosen before."""
        return True

    async def resolve_voice_id(self, model: Model, voice_id: str) -> str:  # noqa: ARG002
        """Return a voice's ID as the provider writes it, asking for one that the model does not list where one can.

        Raises SpeechError if it is not there.
        """
        return voice_id.strip()

    def initial_voice_settings(self, catalog: Json) -> Mapping[str, Any] | None:
        """Return the settings of a voice to begin with, None where nothing is certain to speak."""
        model = self.initial_model(catalog)
        return {"model": model.id, "voice": self.initial_voice(model)}

    def initial_model(self, catalog: Json) -> Model:
        """Return the model to begin with: the usual one where it is there."""
        models = self.models(catalog)
        return next((model for model in models if model.id == self.default_model), models[0])

    def initial_voice(self, model: Model) -> str:
        """Return the voice of a model to begin with: the usual one unless the model is known to have only others."""
        known = [voice.id for voice in model.voices]
        return self.default_voice if not known or self.default_voice in known else known[0]

    @abstractmethod
    def synthesize(self, request: SynthesisRequest) -> AbstractAsyncContextManager[SpeechAudio]:
        """Speak a text of at most `model.max_chars`.

        Entering the context raises SpeechError where there is no sound to be had; leaving it ends what is under way.
        """
