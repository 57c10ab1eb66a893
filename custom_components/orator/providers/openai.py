"""OpenAI's speech API (`POST /v1/audio/speech`) and the servers that speak it.

Facts: https://platform.openai.com/docs/api-reference/audio/createSpeech and OpenAI's OpenAPI document, schema
`CreateSpeechRequest`.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
import re
from typing import Any, Final, override

from yarl import URL

from ..audio.formats import AudioFormat, PcmLayout
from .base import (
    Connections,
    Model,
    NumberOption,
    Option,
    Provider,
    SpeechAudio,
    SpeechRequest,
    TextOption,
    Voice,
    parse_web_address,
    recognised_audio,
)
from .errors import NotASpeechServerError, NotFoundError, NotPermittedError, RejectedError, TextTooLongError
from .http import HttpClient, Json
from .languages import WHISPER_LANGUAGES
from .tokens import MAX_CHARS, count_chars_or_tokens

_OFFICIAL_HOST: Final = "api.openai.com"

_SPEED: Final = NumberOption("speed", minimum=0.25, maximum=4, step=0.05, default=1)
_INSTRUCTIONS: Final = TextOption("instructions", max_chars=4096)

_PCM: Final = PcmLayout(rate=24_000)
_FORMATS: Final = (
    AudioFormat.MP3,
    AudioFormat.WAV,
    AudioFormat.OPUS,
    AudioFormat.AAC,
    AudioFormat.FLAC,
    AudioFormat.PCM,
)

_VOICES: Final = tuple(
    Voice(id=name, name=name.capitalize())
    for name in (
        "alloy",
        "ash",
        "ballad",
        "cedar",
        "coral",
        "echo",
        "fable",
        "marin",
        "nova",
        "onyx",
        "sage",
        "shimmer",
        "verse",
    )
)
# The older models answer 400 to the voices that came after them.
_VOICES_OF_TTS_1: Final = tuple(voice for voice in _VOICES if voice.id not in ("ballad", "cedar", "marin", "verse"))

_DOCUMENTED_MODELS: Final = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
_SPEAKING: Final = re.compile(r"tts|speech|kokoro|orpheus|piper|chatterbox|bark|vits", re.IGNORECASE)
"""What models that speak have in their names, at OpenAI and on servers of one's own."""
_TTS_1: Final = re.compile(r"tts-1(-hd)?(-\d+)?")


class OpenAIProvider(Provider):
    """OpenAI, or a server that imitates it."""

    name = "OpenAI"
    default_base_url = "https://api.openai.com/v1"
    default_model = "gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    key_page = "https://platform.openai.com/api-keys"
    credit_page = "https://platform.openai.com/settings/organization/billing"
    option_keys = (_SPEED.key, _INSTRUCTIONS.key)

    def __init__(self, connections: Connections, addresses: Mapping[str, str], api_key: str) -> None:
        """Speak to the API at an address; the key may be empty for a server that takes none."""
        super().__init__(connections, addresses, api_key)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        base_url = addresses["base_url"]
        self._http = HttpClient(connections.own, base_url, headers)
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
        return {"models": _model_ids(document, is_official=self._is_official)}

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
        return tuple(self.describe(model_id, catalogue, {}) for model_id in ids or _DOCUMENTED_MODELS)

    @override
    def describe(self, model_id: str, catalogue: Json, settings: Mapping[str, Any]) -> Model:
        is_tts_1 = bool(_TTS_1.fullmatch(model_id))
        options: tuple[Option, ...] = (_SPEED,) if is_tts_1 else (_SPEED, _INSTRUCTIONS)
        return Model(
            id=model_id,
            name=model_id,
            max_chars=MAX_CHARS,
            streams=True,
            formats=_FORMATS,
            pcm=_PCM,
            voices=voices_of(model_id),
            options=options,
            count=len if is_tts_1 else count_chars_or_tokens,
        )

    @override
    @asynccontextmanager
    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[SpeechAudio]:
        if request.model.count(request.text) > request.model.max_chars:
            raise TextTooLongError
        async with (
            self._http.request("POST", "audio/speech", _body(request)) as answer,
            aclosing(answer.chunks()) as chunks,
        ):
            yield await recognised_audio(chunks, request.format, answer.content_type, request.model.pcm)


def voices_of(model_id: str) -> tuple[Voice, ...]:
    """Return the voices of one of OpenAI's models, also where somebody else passes it on."""
    return _VOICES_OF_TTS_1 if _TTS_1.fullmatch(model_id) else _VOICES


def _model_ids(document: Json, *, is_official: bool) -> list[str]:
    """Read a model list. Models that speak are told by their names, which may be any on a server of one's own.

    Raises NotASpeechServerError.
    """
    models = (document.get("data") or document.get("models")) if isinstance(document, dict) else None
    if not isinstance(models, list):
        raise NotASpeechServerError
    ids = sorted(model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str))
    speaking = [model_id for model_id in ids if _SPEAKING.search(model_id)]
    return speaking if speaking or is_official else ids


def _body(request: SpeechRequest) -> Mapping[str, Any]:
    """Return the request's JSON: only what was set."""
    return {
        "model": request.model.id,
        "input": request.text,
        "voice": {"id": request.voice} if request.voice.startswith("voice_") else request.voice,
        "response_format": request.format.value,
        **request.settings,
    }
