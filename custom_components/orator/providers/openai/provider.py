"""OpenAI as a provider, and servers that imitate it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
import re
from typing import Any, Final, override

from yarl import URL

from ..base import Connections, Model, Provider, SpeechAudio, SpeechRequest, parse_web_address, recognised_audio
from ..errors import NotASpeechServerError, NotFoundError, NotPermittedError, RejectedError, TextTooLongError
from ..http import HttpClient, Json
from ..languages import WHISPER_LANGUAGES
from . import models
from .realtime import Realtime

_OFFICIAL_HOST: Final = "api.openai.com"


class OpenAIProvider(Provider):
    """OpenAI, or a server that imitates it."""

    name = "OpenAI"
    default_base_url = "https://api.openai.com/v1"
    default_model = "gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    key_page = "https://platform.openai.com/api-keys"
    credit_page = "https://platform.openai.com/settings/organization/billing"
    option_keys = models.OPTION_KEYS

    def __init__(self, connections: Connections, addresses: Mapping[str, str], api_key: str) -> None:
        """Speak to the API at an address; the key may be empty for a server that takes none."""
        super().__init__(connections, addresses, api_key)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        base_url = addresses["base_url"]
        self._http = HttpClient(connections.own, base_url, headers)
        self._realtime = Realtime(connections.own, base_url, headers, self.counts)
        self._is_official = URL(base_url).host == _OFFICIAL_HOST

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
    async def fetch_catalogue(self) -> Json:
        """List the models; where the key may not, or there is no list, see whether the server would speak."""
        try:
            document = await self._http.get_json("models")
        except NotPermittedError, NotFoundError:
            await self._ask_for_empty_speech()
            return {"models": []}
        return {"models": models.speaking_ids(document, is_official=self._is_official)}

    async def _ask_for_empty_speech(self) -> None:
        """Raise unless the speech route lets this key in, where it objects only to the text and charges nothing."""
        body = {"model": self.default_model, "voice": self.default_voice, "input": ""}
        try:
            async with self._http.request("POST", "audio/speech", body):
                pass
        except RejectedError:
            return
        except NotFoundError as err:
            raise NotASpeechServerError(status=err.status) from err

    @override
    def models(self, catalogue: Json) -> tuple[Model, ...]:
        ids = catalogue["models"] if catalogue else ()
        return tuple(self.describe(model_id, catalogue, {}) for model_id in ids or models.DOCUMENTED)

    @override
    def describe(self, model_id: str, catalogue: Json, settings: Mapping[str, Any]) -> Model:
        return models.described(model_id)

    @override
    @asynccontextmanager
    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[SpeechAudio]:
        if request.model.count(request.text) > request.model.max_chars:
            raise TextTooLongError
        if models.is_realtime(request.model.id):
            async with self._realtime.synthesize(request) as audio:
                yield audio
            return
        async with (
            self._http.request("POST", "audio/speech", _body(request)) as answer,
            aclosing(answer.chunks()) as chunks,
        ):
            yield await recognised_audio(chunks, request.format, answer.content_type, request.model.pcm)

    @override
    async def async_close(self) -> None:
        await self._realtime.async_close()
        await super().async_close()


def _body(request: SpeechRequest) -> Mapping[str, Any]:
    """Return the request's JSON: only what was set."""
    return {
        "model": request.model.id,
        "input": request.text,
        "voice": {"id": request.voice} if request.voice.startswith("voice_") else request.voice,
        "response_format": request.format.value,
        **request.settings,
    }
