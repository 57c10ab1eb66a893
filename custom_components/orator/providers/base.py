"""The interface of a provider, and the types of its requests and results."""

from abc import ABC, abstractmethod
import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import chain
import logging
from typing import Any, ClassVar, Final

from aiohttp import ClientSession
from yarl import URL

from ..audio.formats import AudioFormat, PcmLayout
from .addresses import parse_web_address
from .errors import TextTooLongError
from .http import HttpSessions, translate_client_errors
from .json_documents import IdentityKey, Json, run_in_background
from .models import NO_RESERVATION, Balance, DetectedCapabilities, Model, Pronunciation, Reservation, Usage
from .options import ChoiceOption
from .redaction import redacted_errors

_LOGGER = logging.getLogger(__name__)

_CATALOG_TIMEOUT_S: Final = 120.0
"""Timeout for all requests for a catalog."""
_CACHED_MODEL_LISTS: Final = 3
"""Number of model lists to keep: those of the current, the previous and no catalog."""


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """One text to speak, with its voice, format and settings.

    `settings` holds the parsed values of the model's options and the provider's choices, but only those that were set.
    """

    text: str
    model: Model
    voice: str
    format: AudioFormat
    settings: Mapping[str, Any] = field(default_factory=dict)
    pronunciations: tuple[Pronunciation, ...] = ()
    record_usage: Callable[[Usage], None] = field(default=lambda _: None, compare=False)
    """Called for every charge, even after the request was canceled: NanoGPT still completes a pending submission.

    A request that joins the job of an identical one is not charged; one that is sent twice may be charged twice.
    """
    reserve: Callable[[Usage], Reservation] = field(default=lambda _: NO_RESERVATION, compare=False)
    """Called before the request is sent. Raises LimitReachedError if the usage does not fit in the usage limits."""
    reservation: Reservation = field(default=NO_RESERVATION, compare=False)
    """The usage that is reserved while the request is under way."""

    @property
    def speed(self) -> float:
        """The speed setting, 1.0 if none is set."""
        speed = self.settings.get("speed", 1.0)
        return float(speed) if isinstance(speed, (int, float)) and speed > 0 else 1.0

    @property
    def estimate(self) -> Usage:
        """The usage to expect, with an estimated cost if the model has a price."""
        price = self.model.price
        if price is None:
            return Usage(len(self.text), 1, None)
        return Usage(len(self.text), 1, price.cost(len(self.text)), price.currency, is_estimate=True)

    @contextmanager
    def reserved(self) -> Iterator[SynthesisRequest]:
        """Reserve the estimated usage within the context, until the request that is yielded records its charge.

        Raises LimitReachedError if the usage does not fit in the usage limits.
        """
        reservation = self.reserve(self.estimate)

        def record_usage(usage: Usage) -> None:
            reservation.release()
            self.record_usage(usage)

        try:
            yield replace(self, record_usage=record_usage, reservation=reservation)
        finally:
            reservation.release()

    def renew_reservation(self) -> None:
        """Reserve the estimated usage again, because the text is bought again. Raises LimitReachedError."""
        self.reservation.renew(self.estimate)

    def charge(self, cost: float | None = None, currency: str | None = None) -> None:
        """Record the charge for this request, estimated from the model's price if the provider states no `cost`."""
        is_estimated = cost is None and self.model.price
        self.record_usage(self.estimate if is_estimated else Usage(len(self.text), 1, cost, currency))

    def charge_estimate(self, cost: float) -> None:
        """Record the charge for this request with an estimated cost."""
        currency = self.model.price.currency if self.model.price else None
        self.record_usage(Usage(len(self.text), 1, cost, currency, is_estimate=True))


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    """Audio that is still arriving. `format` is the format of the bytes, which may differ from the requested one."""

    format: AudioFormat
    data: AsyncGenerator[bytes]
    pcm_layout: PcmLayout | None = None
    """Sample layout if the format is PCM."""
    is_exact: Callable[[], bool] = field(default=lambda: True, compare=False)
    """Return whether the audio, once it is complete, is known to be that of the request.

    It is not if another model has replaced the requested one, or if the transcript differs from the text.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A known server that implements a provider's API."""

    name: str
    """Name of the server's accounts and voices."""
    is_unknown: bool = False
    """Whether this stands for any server: users know it by its address rather than by its name."""
    default_base_url: str = ""
    """Usual base URL; empty if only the user knows the address."""
    accepts_key: bool = True
    """Whether the server may require an API key."""
    requires_key: bool = False
    """Whether the server always refuses requests without an API key."""
    key_page: str = ""
    """Page where users create API keys; empty if the server is self-hosted."""
    credit_page: str = ""
    """Page where users add credit; empty if the server is self-hosted."""

    @property
    def is_service(self) -> bool:
        """Whether the server is a hosted service with a public address."""
        return bool(self.key_page)


class Provider(ABC):
    """A text-to-speech API, used with the API key of one account.

    The provider fetches its catalog but does not keep it: the caller stores the catalog and passes it back.
    """

    name: str
    """The provider's name."""
    key_page: str
    """The page where users create API keys."""
    credit_page: str
    """The page where users add credit."""
    servers: ClassVar[Mapping[str, Server]] = {}
    """Other servers that implement this API, by the name stored in config entries."""
    address_keys: ClassVar[tuple[str, ...]] = ("base_url",)
    """The config entry keys of the provider's addresses."""
    default_base_url: ClassVar[str]
    regions: ClassVar[Mapping[str, str]] = {}
    """Base URLs by the region that the user chooses for a new account, the default first; empty without a choice."""
    default_model: str
    default_voice: str
    languages: ClassVar[tuple[str, ...]]
    """The tags of the languages that the provider speaks."""
    choices: ClassVar[tuple[ChoiceOption, ...]] = ()
    """Options chosen together with the model, because they determine the other options."""
    option_keys: ClassVar[tuple[str, ...]]
    """The keys of all options of all models."""
    reserves_submissions: ClassVar[bool] = False
    """Whether the provider itself reserves the usage of what it buys, because a request may buy nothing."""
    has_balance: ClassVar[bool] = False
    """Whether `fetch_balance` returns a balance."""

    def __init__(self, sessions: HttpSessions, addresses: Mapping[str, str], api_key: str, *, server: str = "") -> None:
        """Create a provider that owns its sessions.

        `addresses` come from `resolve_addresses`; `server` is a key of `servers`.
        """
        self.addresses = addresses
        self.server = self.servers.get(server)
        if self.server:
            self.name = self.server.name
            self.key_page, self.credit_page = self.server.key_page, self.server.credit_page
        self.detected = DetectedCapabilities()
        """Detected capabilities of the server; the caller stores them with the catalog."""
        self.counters: Counter[str] = Counter()
        """Event counts since the account was loaded, for diagnostics."""
        self._models: dict[tuple[IdentityKey, frozenset[tuple[str, bool]], date], tuple[Model, ...]] = {}
        """Lists of models by catalog, detected capabilities and day."""
        self._sessions = sessions
        self._api_key = api_key

    @property
    def accepts_key(self) -> bool:
        """Whether the server may require an API key, so that a different key may help."""
        return self.server is None or self.server.accepts_key

    @property
    def identity(self) -> tuple[str, ...]:
        """The API, server, API key and addresses of the account. Because of the key, it must not leave the memory."""
        server = self.server.name if self.server else ""
        return (type(self).__name__, server, self._api_key, *map(str, chain(*sorted(self.addresses.items()))))

    def is_same_account(self, other: Provider) -> bool:
        """Return whether another provider has the same API, addresses and API key."""
        return type(self) is type(other) and self.addresses == other.addresses and self._api_key == other._api_key

    def inherit(self, other: Provider) -> None:  # noqa: B027
        """Continue the jobs of another provider of the same account, which is about to be closed."""

    @property
    def has_pending_jobs(self) -> bool:
        """Whether closing the sessions would lose speech that may have been charged."""
        return False

    async def finish_jobs(self) -> None:  # noqa: B027
        """Wait for all pending jobs."""

    async def close(self) -> None:
        """Close the sessions."""
        await self._sessions.close()

    def _session_for(self, address: str) -> ClientSession:
        """Return the session for requests to one of the addresses: without HTTPS, the key stays in the network."""
        is_exposed = self._api_key and URL(address).scheme != "https"
        return self._sessions.unencrypted if is_exposed else self._sessions.api

    @property
    def label(self) -> str:
        """The name shown to users: the provider's name, or the host of a server without a name."""
        host = URL(self.addresses["base_url"]).host
        is_known = not self.server.is_unknown if self.server else host == URL(self.default_base_url).host
        return self.name if host is None or is_known else host

    @property
    def is_key_missing(self) -> bool:
        """Whether there is no API key although requests without one are always refused."""
        is_needed = self.is_official(URL(self.addresses["base_url"])) or bool(self.server and self.server.requires_key)
        return is_needed and not self._api_key

    @classmethod
    @abstractmethod
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        """Return all addresses of the provider, normalized from the user's input.

        Raises ValueError if an entered address cannot be an API address.
        """

    @classmethod
    def is_official(cls, url: URL) -> bool:
        """Return whether the host is the provider's own, which always requires HTTPS and an API key."""
        return url.host == URL(cls.default_base_url).host

    @classmethod
    def parse_address(cls, address: str) -> URL:
        """Return the URL of an address as entered, with HTTPS if the host is the provider's own. Raises ValueError."""
        url = parse_web_address(address)
        return url.with_scheme("https") if cls.is_official(url) else url

    async def fetch_catalog(self, known: Json = None) -> Json:
        """Return the provider's models and voices as a JSON document, and check the API key at no cost.

        `known` is the previous catalog, for the parts that cannot be fetched at the moment. Raises SpeechError if the
        provider does not speak with this key, and TimedOutError if its answers take too long in total.
        """
        with translate_client_errors():
            async with asyncio.timeout(_CATALOG_TIMEOUT_S):
                catalog = await self.request_catalog(known)
        await run_in_background(self.index, catalog)
        return catalog

    @abstractmethod
    async def request_catalog(self, known: Json = None) -> Json:
        """Fetch the catalog for `fetch_catalog`."""

    async def fetch_balance(self) -> Balance | None:
        """Return the remaining credit, or None if the provider does not state it. Raises SpeechError."""
        return None

    def index(self, catalog: Json) -> None:
        """Prepare a catalog in a thread, so that its models can be read in the event loop."""
        self.models(catalog)

    def models(self, catalog: Json) -> tuple[Model, ...]:
        """Return the speech models of a catalog, or the documented models if the catalog is None."""
        detected = frozenset(self.detected.data.items())  # at once, because the event loop may add to it
        key = (IdentityKey(catalog), detected, datetime.now(UTC).date())
        if (models := self._models.get(key)) is None:
            models = self.list_models(catalog)
            self._models = dict([*self._models.items(), (key, models)][-_CACHED_MODEL_LISTS:])
        return models

    @abstractmethod
    def list_models(self, catalog: Json) -> tuple[Model, ...]:
        """Describe the models for `models`. Slow for a large catalog."""

    @abstractmethod
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        """Return a model, even if it is not in the catalog; `settings` holds the values of `choices`."""

    def migrate_settings(self, settings: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
        """Return a voice's settings adapted to another model.

        Options that the model lacks are dropped; other values become the nearest value that the model accepts.
        """
        migrated = {key: value for key, value in settings.items() if key not in self.option_keys}
        for option in model.options:
            if option.key in settings and (value := option.nearest(settings[option.key])) is not None:
                migrated[option.key] = value
        return {**migrated, "model": model.id}

    def has_model_choice(self, settings: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Return whether the user can choose a model, given the values of `choices`."""
        return True

    async def resolve_voice_id(self, model: Model, voice_id: str) -> str:  # noqa: ARG002
        """Return a voice ID as spelled by the provider; an unlisted one is looked up if the provider supports that.

        Raises SpeechError if the voice does not exist.
        """
        return voice_id.strip()

    def initial_voice_settings(self, catalog: Json) -> Mapping[str, Any] | None:
        """Return the settings of a new account's first voice, or None if no voice is certain to speak."""
        model = self.initial_model(catalog)
        return {"model": model.id, "voice": self.initial_voice(model)}

    def initial_model(self, catalog: Json) -> Model:
        """Return the default model if it is listed and can speak, otherwise the first listed model.

        A model that ends soon is replaced with its successor, or else with the next model that stays.
        """
        models, today = self.models(catalog), datetime.now(UTC).date()
        model = next((model for model in models if model.id == self.default_model and model.is_connected), models[0])
        if not model.ends_soon(today):
            return model
        return model.successor or next((one for one in models if one.is_connected and not one.ends_soon(today)), model)

    def initial_voice(self, model: Model) -> str:
        """Return the default voice, or the model's first voice if its voices are known and lack the default."""
        known = model.voice_ids
        return self.default_voice if not known or self.default_voice in known else known[0]

    async def warm_up(self, model: Model, voice: str, settings: Mapping[str, Any]) -> None:
        """Open the connection for the next request of a voice, at no cost, unless it is open.

        Errors are ignored, because the request itself will meet them.
        """
        if self._sessions.api.closed:
            return
        try:
            await self.open_connection(model, voice, settings)
        except Exception as err:  # noqa: BLE001 - includes changes of aiohttp, whose connector has no documented use
            _LOGGER.debug("%s: no connection was opened in advance: %r", self.name, err)

    @abstractmethod
    async def open_connection(self, model: Model, voice: str, settings: Mapping[str, Any]) -> None:
        """Open the connection for `warm_up`. Raises any error."""

    @asynccontextmanager
    async def synthesize(self, request: SynthesisRequest) -> AsyncGenerator[SpeechAudio]:
        """Speak a text of at most `model.max_chars`.

        Entering the context raises SpeechError if there is no audio, and LimitReachedError if the usage of the request
        does not fit in the usage limits. Leaving the context cancels the request.
        """
        if request.model.measure(request.text) > request.model.max_chars:
            raise TextTooLongError
        async with AsyncExitStack() as stack:
            if not self.reserves_submissions:
                request = stack.enter_context(request.reserved())
            with self._redacted_errors(request):
                audio = await self.open_audio(request, stack)
            yield replace(audio, data=self._read(audio.data, request))

    async def _read(self, data: AsyncGenerator[bytes], request: SynthesisRequest) -> AsyncGenerator[bytes]:
        """Yield audio, and remove secrets from its errors."""
        with self._redacted_errors(request):
            async with aclosing(data):
                async for block in data:
                    yield block

    def _redacted_errors(self, request: SynthesisRequest) -> AbstractContextManager[None]:
        """Remove the API key and the text of a request from the errors raised within the context."""
        return redacted_errors(self._api_key, request.text, (request.voice, request.model.vendor))

    @abstractmethod
    async def open_audio(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of a request; closing the stack cancels it. Raises SpeechError if there is no audio."""
