"""The provider for OpenAI and OpenAI-compatible servers."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
import re
from typing import Any, Final, override

from yarl import URL

from ..base import Provider, SpeechAudio, SynthesisRequest
from ..error_responses import error_for
from ..errors import (
    InvalidKeyError,
    NotASpeechServerError,
    NotFoundError,
    NotPermittedError,
    ProviderFaultError,
    SpeechError,
    TimedOutError,
)
from ..http import HttpClient, HttpSessions, Timeouts
from ..json_documents import IdentityKey, Json, paced
from ..languages import WHISPER_LANGUAGES
from ..models import Model, Price
from . import catalog as catalogs
from .catalog import EXTRA_BODY_OPTION
from .documented_models import (
    DOCUMENTED_IDS,
    OPTION_KEYS,
    REGIONS,
    REPLACEMENT_IDS,
    SUCCESSOR_ID,
    describe_openai_model,
    end_date,
    is_custom_voice,
    is_large,
    is_realtime,
    nearest_voice,
    pick_successors,
    price_for,
)
from .endpoint import OPTIONAL_FIELDS, SpeechEndpoint
from .lists import fetch_lists, read_models, refuses_wrong_key
from .realtime import RealtimeSpeech
from .servers import OTHER, SERVERS, SpeechServer

_SERVER_LIST_TIMEOUTS: Final = Timeouts(first_byte_s=10, between_bytes_s=10)
_REGION_HOSTS: Final = frozenset(URL(address).host for address in REGIONS.values())
_WRONG_KEY: Final = "orator-key-check"
_KEY_CHECK_TEXT: Final = "Hi."
"""Text that is spoken in setup if nothing else shows whether the key is valid."""
_INCONCLUSIVE_ERRORS: Final = (NotASpeechServerError, ProviderFaultError, TimedOutError)
"""Errors of a speech endpoint that say nothing about the key."""
_RETIRED_CODES: Final = ("model_not_found", "invalid_model")
_RETIRED_PREFIX: Final = "ended:"
"""Prefix of the key in `detected` for a model that no longer exists."""


class OpenAIProvider(Provider):
    """OpenAI, or an OpenAI-compatible server."""

    name = "OpenAI"
    servers = SERVERS
    server: SpeechServer | None
    default_base_url = REGIONS["global"]
    regions = REGIONS
    default_model = "gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    key_page = "https://platform.openai.com/api-keys"
    credit_page = "https://platform.openai.com/settings/organization/billing"
    option_keys = (*OPTION_KEYS, EXTRA_BODY_OPTION.key)

    def __init__(self, sessions: HttpSessions, addresses: Mapping[str, str], api_key: str, *, server: str = "") -> None:
        """Create a provider; the API key may be empty."""
        super().__init__(sessions, addresses, api_key, server=server)
        base_url = addresses["base_url"]
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._is_openai = self.is_official(URL(base_url))
        self._successors: tuple[tuple[object, ...], Mapping[bool, str | None]] | None = None
        """The successors of retired models, large or not, after what they depend on."""
        if self.server:
            self.default_model, self.default_voice = self.server.default_model, self.server.default_voice
        self._client = HttpClient(self._session_for(base_url), base_url, headers, optional_fields=OPTIONAL_FIELDS)
        self._list_client = HttpClient(self._session_for(base_url), base_url, headers, _SERVER_LIST_TIMEOUTS)
        wrong_headers = {"Authorization": f"Bearer {_WRONG_KEY}"}
        self._wrong_key_client = HttpClient(self._session_for(base_url), base_url, wrong_headers, _SERVER_LIST_TIMEOUTS)
        self._endpoint = SpeechEndpoint(self._client, self.detected, self.counters, self.server)
        self._realtime = RealtimeSpeech(self._session_for(base_url), base_url, headers, self.counters)

    @classmethod
    @override
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        url = cls.parse_address(entered.get("base_url") or cls.default_base_url)
        path = url.path.rstrip("/")
        base = path.removesuffix("/audio/speech")
        if base == path and not re.search(r"/v\d+(/|$)", path):
            base += "/v1"
        return {"base_url": str(url.with_path(base))}

    @classmethod
    @override
    def is_official(cls, url: URL) -> bool:
        return url.host in _REGION_HOSTS

    @override
    async def request_catalog(self, known: Json = None) -> Json:
        if self.server:
            return await self._fetch_server_catalog(self.server, known)
        read = partial(read_models, is_official=self._is_openai)
        try:
            listed = await self._client.read_json("models", read)
        except NotPermittedError as err:  # a restricted key may be allowed to speak but not to list models
            await self._endpoint.check(self._client, self.default_model, self.default_voice)
            if not self._is_openai and known is None:
                await self._check_key(err, (), self.default_model, self.default_voice)
            return catalogs.OpenAICatalog(models=[])
        except NotFoundError:
            await self._endpoint.check(self._client, self.default_model, self.default_voice)
            return await self._fetch_server_catalog(OTHER, known)
        if not listed.has_openai_models:
            return await self._fetch_server_catalog(OTHER, known)
        for model_id in listed.ids:
            self.detected.pop(f"{_RETIRED_PREFIX}{model_id}", None)
        if not self._is_openai and self._api_key and known is None:
            await self._check_key_of_public_list()
        return catalogs.OpenAICatalog(models=listed.ids, ends=listed.end_dates)

    async def _check_key_of_public_list(self) -> None:
        """Raise the error of the speech endpoint about the key, unless the list of models is refused to a wrong key."""
        if await refuses_wrong_key(self._wrong_key_client, ("models",)):
            return
        with suppress(*_INCONCLUSIVE_ERRORS):
            await self._endpoint.check(self._list_client, self.default_model, self.default_voice)
        await self._check_key(None, (), self.default_model, self.default_voice)

    async def _fetch_server_catalog(self, server: SpeechServer, known: Json) -> catalogs.ServerCatalog:
        """Fetch the lists of a server; check the speech endpoint unless the lists prove that the key is valid.

        A new key is not accepted merely because the endpoint first finds fault with the text.
        """
        found = await fetch_lists(self._list_client, server, known)
        await asyncio.to_thread(self.index, found.catalog)
        is_unproven = server.is_unknown and bool(self._api_key or not found.catalog["voices"])
        if not (found.refusal or found.is_empty or is_unproven):
            return found.catalog
        refusal = found.refusal if known is None else None
        model = self.initial_model(found.catalog)
        voice_id = self.initial_voice(model)
        failure: SpeechError | None = None
        try:
            await self._endpoint.check(self._list_client, model.id, voice_id)
        except InvalidKeyError, NotPermittedError:
            raise
        except SpeechError as err:
            failure = err
        is_endpoint_missing = isinstance(failure, NotASpeechServerError)
        if refusal or (self._api_key and known is None and is_unproven and not is_endpoint_missing):
            await self._check_key(refusal, found.read_paths, model.id, voice_id)
        fails_on_empty_text = isinstance(failure, (TimedOutError, ProviderFaultError)) and not found.is_empty
        if failure and not fails_on_empty_text:
            raise failure
        return found.catalog

    async def _check_key(
        self, refusal: SpeechError | None, read_paths: tuple[str, ...], model_id: str, voice_id: str
    ) -> None:
        """Raise the error about a key that the speech endpoint has not refused for an empty text.

        That proves something only if the endpoint, or a list that was read, does refuse a wrong key. Otherwise the
        endpoint is asked to speak. If that shows nothing either, the `refusal` of a list decides.
        """
        if await self._endpoint.checks_key_first(self._wrong_key_client, model_id, voice_id):
            return
        if self._api_key and await refuses_wrong_key(self._wrong_key_client, read_paths):
            return
        try:
            if await self._accepts_key_for_speech(model_id, voice_id):
                return
        except NotPermittedError as err:
            refusal, read_paths = err, ()
        # A firewall may refuse all paths but those that it knows.
        is_optional = bool(read_paths) and (not self._api_key or isinstance(refusal, NotPermittedError))
        if refusal is None or is_optional:
            return
        server = self.server or OTHER
        if server.forbidden_error is InvalidKeyError and not _is_about_permission(refusal):
            raise InvalidKeyError(status=refusal.status, code=refusal.code) from refusal
        raise refusal

    async def _accepts_key_for_speech(self, model_id: str, voice_id: str) -> bool:
        """Return whether the speech endpoint accepts the key for a short text, or False if its response is unclear.

        Raises InvalidKeyError and NotPermittedError.
        """
        try:
            return await self._endpoint.check(self._list_client, model_id, voice_id, _KEY_CHECK_TEXT)
        except TimedOutError:  # a key is refused at once, while a model may have to be loaded
            return True
        except InvalidKeyError:
            raise
        except NotPermittedError as err:
            if _is_about_permission(err):  # the key is known, but must not use this model
                return True
            raise
        except SpeechError:
            return False

    def _server_for(self, catalog: Json) -> SpeechServer | None:
        """Return the server whose catalog this is, or None if it lists OpenAI's own models."""
        return self.server or (OTHER if catalog and catalogs.is_server_catalog(catalog) else None)

    @override
    def list_models(self, catalog: Json) -> tuple[Model, ...]:
        if server := self._server_for(catalog):
            ids: Collection[str] = catalogs.model_ids(catalog, server)
        else:
            ids = _listed_models(catalog) or DOCUMENTED_IDS
        all_models = [self.describe_model(model_id, catalog, {}) for model_id in paced(ids)]
        current = [model for model in all_models if not model.is_retired(_utc_today())] or all_models
        first = (self.default_model, SUCCESSOR_ID)
        return tuple(sorted(current, key=lambda model: first.index(model.id) if model.id in first else len(first)))

    @override
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        if server := self._server_for(catalog):
            return self._endpoint.apply_detected(catalogs.describe_model(model_id, catalog, server))
        ends = self._end_date(model_id, catalog)
        successor_id = self._successor_id(model_id, catalog) if ends else None
        successor = None
        if successor_id and successor_id != model_id:
            successor = describe_openai_model(successor_id, price=self._price(successor_id))
        model = describe_openai_model(model_id, price=self._price(model_id), end_date=ends, successor=successor)
        return self._endpoint.apply_detected(model)

    def _price(self, model_id: str) -> Price | None:
        """Return OpenAI's price of a model, or None if another server offers it."""
        return price_for(model_id) if self._is_openai else None

    def _end_date(self, model_id: str, catalog: catalogs.OpenAICatalog | None) -> date | None:
        if self.detected.get(f"{_RETIRED_PREFIX}{model_id}"):
            return date.min
        return end_date(model_id, catalog, is_official=self._is_openai)

    def _successor_id(self, model_id: str, catalog: catalogs.OpenAICatalog | None) -> str | None:
        """Return the realtime model that replaces a retired model."""
        key = (IdentityKey(catalog), _utc_today(), frozenset(self.detected.data))
        if self._successors is None or self._successors[0] != key:  # once for all models of a catalog
            ids = _listed_models(catalog) or (REPLACEMENT_IDS if self._is_openai else ())
            end_dates = {model_id: self._end_date(model_id, catalog) for model_id in ids if is_realtime(model_id)}
            current = [model_id for model_id, day in end_dates.items() if not day or day > _utc_today()]
            self._successors = (key, pick_successors(current))
        return self._successors[1][is_large(model_id)]

    @override
    def migrate_settings(self, settings: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
        voice = str(settings.get("voice", self.default_voice))
        if is_realtime(model.id):
            voice = nearest_voice(voice)
        is_supported = is_custom_voice(voice) or voice in model.voice_ids
        return super().migrate_settings({**settings, "voice": voice if is_supported else self.default_voice}, model)

    @override
    async def open_connection(self, model: Model, voice: str, settings: Mapping[str, Any]) -> None:
        if self._uses_realtime(model):
            self._realtime.warm_up(model, voice, settings)
        else:
            await self._client.warm_up()

    @override
    async def open_audio(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of a request; a model that turns out to be retired is replaced with its successor."""
        try:
            return await self._request_audio(request, stack)
        except NotFoundError as err:
            if not _reports_retirement(err, request.model) or not (successor := self._successor_request(request)):
                raise
        audio = await self._request_audio(successor, stack)
        self.detected[f"{_RETIRED_PREFIX}{request.model.id}"] = True
        return replace(audio, is_exact=lambda: False)

    def _successor_request(self, request: SynthesisRequest) -> SynthesisRequest | None:
        """Return the request for the successor of a model that was retired before its end date."""
        if not (model := request.model.successor):
            return None
        settings = dict(self.migrate_settings({**request.settings, "voice": request.voice}, model))
        voice, _ = settings.pop("voice"), settings.pop("model")
        return replace(request, model=model, voice=voice, settings=settings, format=model.formats[0])

    async def _request_audio(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio from the API that the model needs."""
        if self._uses_realtime(request.model):
            return await stack.enter_async_context(self._realtime.synthesize(request))
        return await self._endpoint.open_audio(request, stack)

    def _uses_realtime(self, model: Model) -> bool:
        """Return whether a model speaks over the Realtime API."""
        return self.server is None and is_realtime(model.id)

    @override
    async def close(self) -> None:
        await self._realtime.close()
        await super().close()


def _reports_retirement(error: NotFoundError, model: Model) -> bool:
    """Return whether an error means that the model no longer exists. A refused WebSocket has no error code."""
    return error.code in _RETIRED_CODES or (error.code is None and is_realtime(model.id))


def _is_about_permission(error: SpeechError) -> bool:
    """Return whether the code of an error says that the key is valid but lacks a permission."""
    return isinstance(error_for(200, (error.code or "",)), NotPermittedError)


def _listed_models(catalog: catalogs.OpenAICatalog | None) -> Collection[str]:
    return catalog["models"] if catalog else ()


def _utc_today() -> date:
    return datetime.now(UTC).date()
