"""OpenAI as a provider, and servers that imitate it."""

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
import re
from typing import Any, Final, override

from yarl import URL

from ..addresses import parse_web_address
from ..base import HttpSessions, Provider, SpeechAudio, SynthesisRequest
from ..errors import NotFoundError, NotPermittedError, ProviderFaultError, TextTooLongError, TimedOutError
from ..http import HttpClient, Timeouts
from ..json_documents import Json
from ..languages import WHISPER_LANGUAGES
from ..models import Model
from . import catalog as catalogs, lists, models
from .catalog import EXTRA_BODY
from .endpoint import OPTIONAL_FIELDS, SpeechEndpoint
from .models import price_for
from .realtime import RealtimeSpeech
from .servers import OTHER, SERVERS, SpeechServer

_OFFICIAL_HOST: Final = "api.openai.com"
_QUICK: Final = Timeouts(first_byte=10, between_bytes=10)
_CUSTOM: Final = "voice_"
"""How the IDs of voices begin that people have made themselves."""
_GONE: Final = ("model_not_found", "invalid_model")
_ENDED: Final = "ended:"
"""What is found out about a model: that it is gone."""


class OpenAIProvider(Provider):
    """OpenAI, or a server that imitates it."""

    name = "OpenAI"
    servers = SERVERS
    default_base_url = "https://api.openai.com/v1"
    default_model = "gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    key_page = "https://platform.openai.com/api-keys"
    credit_page = "https://platform.openai.com/settings/organization/billing"
    option_keys = (*models.OPTION_KEYS, EXTRA_BODY.key)

    def __init__(
        self, connections: HttpSessions, addresses: Mapping[str, str], api_key: str, *, server: str = ""
    ) -> None:
        """Speak to the API at an address; the key may be empty for a server that takes none."""
        super().__init__(connections, addresses, api_key, server=server)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        base_url = addresses["base_url"]
        self._http = HttpClient(connections.api, base_url, headers, optional_fields=OPTIONAL_FIELDS)
        self._realtime = RealtimeSpeech(connections.api, base_url, headers, self.counters)
        self._lists = HttpClient(connections.api, base_url, headers, _QUICK)
        self._is_official = URL(base_url).host == _OFFICIAL_HOST
        self._chosen = SERVERS.get(server)
        self._route = SpeechEndpoint(self._http, self.detected, self.counters, self._chosen)
        if self._chosen:
            self.default_model, self.default_voice = self._chosen.model, self._chosen.voice

    @classmethod
    @override
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        url = parse_web_address(entered.get("base_url") or cls.default_base_url)
        path = url.path.rstrip("/")
        base = path.removesuffix("/audio/speech")
        if base == path and not re.search(r"/v\d+(/|$)", path):
            base += "/v1"
        if url.host == _OFFICIAL_HOST:
            url = url.with_scheme("https")
        return {"base_url": str(url.with_path(base))}

    @classmethod
    @override
    def needs_key(cls, base_url: str) -> bool:
        return URL(base_url).host == _OFFICIAL_HOST

    @override
    async def fetch_catalog(self, known: Json = None) -> Json:
        """List the models; where the key may not, or there is no list, see whether the server would speak."""
        if self._chosen:
            return await self._fetch_catalog_of(self._chosen, known)
        try:
            document = await self._http.get_json("models")
        except NotPermittedError:
            await self._route.check(self._http, self.default_model, self.default_voice)
            return {"models": []}
        except NotFoundError:
            await self._route.check(self._http, self.default_model, self.default_voice)
        else:
            ids = models.parse_model_ids(document, is_official=self._is_official)
            if self._is_official or lists.lists_openai_models(document):
                for model_id in ids:  # what was said to be gone is there
                    self.detected.pop(f"{_ENDED}{model_id}", None)
                return {"models": ids, "ends": models.parse_end_dates(document)}
        return (await catalogs.fetch_lists(self._lists, OTHER, known)).catalog  # it turned out to be another server

    async def _fetch_catalog_of(self, server: SpeechServer, known: Json) -> Json:
        """Ask a server for its lists, and for speech where they don't prove that it would speak."""
        found = await catalogs.fetch_lists(self._lists, server, known)
        is_uncertain = server.is_unknown and (self._api_key or not found.catalog["voices"])
        if found.has_refused or found.is_empty or is_uncertain:
            model = self.initial_model(found.catalog)
            try:
                await self._route.check(self._lists, model.id, self.initial_voice(model))
            except TimedOutError, ProviderFaultError:  # an empty text is more than some can cope with
                if found.is_empty:
                    raise
        return found.catalog

    def _server_of(self, catalog: Json) -> SpeechServer | None:
        """Return what is known of a server that is not like OpenAI's: it was chosen, or has voices of its own."""
        return self._chosen or (OTHER if catalog and "voices" in catalog else None)

    @override
    def models(self, catalog: Json) -> tuple[Model, ...]:
        """Return the models that are there today, the usual one first and then the one that is to follow it."""
        if server := self._server_of(catalog):
            ids: Collection[str] = catalogs.model_ids(catalog, server)
        else:
            ids = _ids(catalog) or models.DOCUMENTED
        known = [self.describe_model(model_id, catalog, {}) for model_id in ids]
        usual = (self.default_model, models.SUCCESSOR)
        living = [model for model in known if not model.is_retired(_today())] or known
        return tuple(sorted(living, key=lambda model: usual.index(model.id) if model.id in usual else len(usual)))

    @override
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        if server := self._server_of(catalog):
            return self._route.as_learned(catalogs.describe_model(model_id, catalog, server))
        return self._route.as_learned(self._described_with_end(model_id, catalog))

    def _described_with_end(self, model_id: str, catalog: Json) -> Model:
        """Say what one of OpenAI's models can do, and who follows it if it is to end."""
        model = self._priced(models.describe_model(model_id))
        if not (ends := self._end_of(model_id, catalog)):
            return model
        successor = self._follower(catalog)
        has_other = successor is not None and successor != model_id
        return replace(
            model,
            ends=ends,
            successor=self._priced(models.describe_model(successor)) if successor and has_other else None,
        )

    def _priced(self, model: Model) -> Model:
        """Return a model with its price; servers that call theirs like OpenAI's have prices of their own."""
        return replace(model, price=price_for(model.id)) if self._is_official else model

    def _end_of(self, model_id: str, catalog: Json) -> date | None:
        if self.detected.get(f"{_ENDED}{model_id}"):
            return date.min
        return models.end_date(model_id, catalog, is_official=self._is_official)

    def _follower(self, catalog: Json) -> str | None:
        """Return the realtime model that does what others did."""
        ids = _ids(catalog) or ((models.SUCCESSOR,) if self._is_official else ())
        ends = {model_id: self._end_of(model_id, catalog) for model_id in ids if models.is_realtime(model_id)}
        return models.pick_successor([model_id for model_id, day in ends.items() if day is None or day > _today()])

    @override
    def migrate_settings(self, settings: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
        voice = str(settings.get("voice", self.default_voice))
        known = [known.id for known in model.voices]
        near = models.nearest_voice(voice) if models.is_realtime(model.id) else voice
        is_own = near.startswith(_CUSTOM) or near in known
        return super().migrate_settings({**settings, "voice": near if is_own else self.default_voice}, model)

    @override
    @asynccontextmanager
    async def synthesize(self, request: SynthesisRequest) -> AsyncGenerator[SpeechAudio]:
        if request.model.count(request.text) > request.model.max_chars:
            raise TextTooLongError
        async with AsyncExitStack() as stack:
            try:
                audio = await self._sound(request, stack)
            except NotFoundError as err:
                if not _is_gone(request.model, err) or not (follows := self._following(request)):
                    raise
                audio = await self._sound(follows, stack)
                self.detected[f"{_ENDED}{request.model.id}"] = True
            yield audio

    def _following(self, request: SynthesisRequest) -> SynthesisRequest | None:
        """Return a request for the model that follows the one of a request, which is gone before its day."""
        if not (model := request.model.successor):
            return None
        moved = dict(self.migrate_settings({**request.settings, "voice": request.voice}, model))
        voice, _ = moved.pop("voice"), moved.pop("model")
        return replace(request, model=model, voice=voice, settings=moved, format=model.formats[0])

    async def _sound(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the sound of a request; leaving the stack ends it."""
        if self._chosen is None and models.is_realtime(request.model.id):
            return await stack.enter_async_context(self._realtime.synthesize(request))
        return await self._route.sound(request, stack)

    @override
    async def async_close(self) -> None:
        await self._realtime.async_close()
        await super().async_close()


def _is_gone(model: Model, error: NotFoundError) -> bool:
    """Tell whether it is the model that was not found. A socket is refused without a word."""
    return error.code in _GONE or (error.code is None and models.is_realtime(model.id))


def _ids(catalog: Json) -> Collection[str]:
    return catalog["models"] if catalog else ()


def _today() -> date:
    return datetime.now(UTC).date()
