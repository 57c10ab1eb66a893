"""Speechbase as a provider."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
import re
from typing import Any, Final, override

from yarl import URL

from ...audio.formats import AudioFormat
from ..addresses import parse_web_address
from ..audio_response import RAW_TYPES, read_audio
from ..base import HttpSessions, Provider, SpeechAudio, SynthesisRequest
from ..errors import (
    NotASpeechServerError,
    NotAudioError,
    NotFoundError,
    NotImplementedByProviderError,
    PronunciationsRefusedError,
    RejectedError,
    SpeechError,
    TextTooLongError,
    VendorDisabledError,
    VendorKeyMissingError,
    VoiceGoneError,
)
from ..http import HttpClient, HttpResponse, Timeouts
from ..json_documents import IdentityKey, Json
from ..languages import WHISPER_LANGUAGES
from ..models import Model
from ..options import ChoiceOption
from . import catalog as catalogs

MODE_OPTION: Final = ChoiceOption("mode", choices=("voice", "inline"), default="inline", precedes_model=True)
_VOICE_ID: Final = "voice_id"
_SAFE_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
"""What an ID looks like; nothing else may become a part of a path."""

_OFFICIAL_HOST: Final = "api.speechbase.ai"
_SPEECH: Final = "v1/audio/speech"
_STREAM: Final = "v1/audio/speech/stream"
_NOT_STREAMED: Final = frozenset({"speed", "volume_dbfs", "bitrate"})
"""Settings that the streaming route does not have."""
_QUICK: Final = Timeouts(first_byte=15)
_PAGE: Final = {"limit": "200"}
_MAX_PAGES: Final = 50

# What is found out about a server. Only that it takes `mode`, or does not, is known for longer than a day.
_SENDS_MODE: Final = "sends_mode"
_HAS_STREAM: Final = "has_stream"  # also of a single model, which is named behind it
_BUFFERS: Final = "buffers"
_PRONOUNCES: Final = "pronounces"

_PRONUNCIATIONS: Final = "pronunciations"
_FIELDS: Final = frozenset(
    {"model", "voice", "voiceId", "text", "output", "speed", "volumeDbfs", "providerOptions", _PRONUNCIATIONS}
)
"""All fields of a request but `mode`."""
_GENERAL_REFUSALS: Final = (None, "invalid_input", "validation_error", "bad_request")
"""Codes that do not tell what is wrong with a request."""
_NO_ROUTE: Final = (None, "not_found", "route_not_found", "method_not_allowed")
"""Codes that do not tell of anything else that is missing than the route."""


class SpeechbaseProvider(Provider):
    """Speechbase. It finds out what its server takes: the schema changed while its documentation did not."""

    name = "Speechbase"
    key_page = "https://www.speechbase.ai"
    credit_page = "https://www.speechbase.ai"
    default_base_url = "https://api.speechbase.ai"
    default_model = "openai/gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    choices = (MODE_OPTION,)
    option_keys = (_VOICE_ID, *(option.key for option in catalogs.OPTIONS))

    def __init__(
        self, connections: HttpSessions, addresses: Mapping[str, str], api_key: str, *, server: str = ""
    ) -> None:
        """Speak to the API at an address."""
        super().__init__(connections, addresses, api_key, server=server)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        optional_fields = frozenset({MODE_OPTION.key, _PRONUNCIATIONS})
        self._http = HttpClient(connections.api, addresses["base_url"], headers, optional_fields=optional_fields)
        self._lists = HttpClient(connections.api, addresses["base_url"], headers, _QUICK)

    @classmethod
    @override
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        url = parse_web_address(entered.get("base_url") or cls.default_base_url)
        if url.host == _OFFICIAL_HOST:
            url = url.with_scheme("https")
        path = re.sub(r"(/v1)?(/audio/speech(/stream)?)?/?$", "", url.path.rstrip("/"))
        return {"base_url": str(url.with_path(path)).rstrip("/")}

    @classmethod
    @override
    def needs_key(cls, base_url: str) -> bool:
        return URL(base_url).host == _OFFICIAL_HOST

    @override
    async def fetch_catalog(self, known: Json = None) -> Json:
        """List the vendors, for which the key has to be right, and all saved voices.

        With that, what was found out about the server is forgotten: what it could not do it may have learned.
        """
        vendors = catalogs.parse_vendors(await self._lists.get_json("v1/audio/providers"))
        voices = await self._fetch_voices()
        for lesson in self.detected.keys() - {_SENDS_MODE}:
            del self.detected[lesson]
        return {"vendors": vendors, "voices": voices}

    async def _fetch_voices(self) -> list[dict[str, str]]:
        """List the saved voices, page by page."""
        voices: dict[str, dict[str, str]] = {}
        query = _PAGE
        for _ in range(_MAX_PAGES):
            document = await self._lists.get_json("v1/voices", query)
            voices |= {row["id"]: catalogs.parse_voice(row) for row in catalogs.find_rows(document)}
            cursor = document.get("next_cursor")
            if not document.get("has_more") or not isinstance(cursor, str):
                break
            query = {**_PAGE, "cursor": cursor}
        return list(voices.values())

    @override
    def models(self, catalog: Json) -> tuple[Model, ...]:
        model_ids = catalogs.model_ids(catalog) or [self.default_model]
        return tuple(self.describe_model(model_id, catalog, {}) for model_id in model_ids)

    @override
    def has_models(self, settings: Mapping[str, Any]) -> bool:
        return not _is_saved(settings)

    @override
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        """Say what a model can do; that of a saved voice is the one that the voice was saved with."""
        saved = catalogs.index_saved_voices(IdentityKey(catalog)) if _is_saved(settings) else None
        if saved:
            model_id = saved.models.get(settings.get(_VOICE_ID, ""), "")
        model = catalogs.describe_model(model_id, catalog, streams=not _NOT_STREAMED & settings.keys())
        if not self.detected.get(_PRONOUNCES, True):
            model = replace(model, max_pronunciations=0)
        if not saved:
            return model
        name = model.name if model.id else self.name
        return replace(model, name=name, voices=saved.voices, voice_key=_VOICE_ID)

    @override
    async def resolve_voice_id(self, model: Model, voice_id: str) -> str:
        voice_id = voice_id.strip()
        if model.voice_key != _VOICE_ID or voice_id in [voice.id for voice in model.voices]:
            return voice_id
        if not _SAFE_ID.fullmatch(voice_id):
            raise VoiceGoneError(subject=voice_id)
        try:
            document = await self._lists.get_json(f"v1/voices/{voice_id}")
        except (NotFoundError, RejectedError) as err:
            raise _missing(err, voice_id) from err
        row = document.get("data") if isinstance(document, dict) else None
        written = row.get("id") if isinstance(row, dict) else None
        return written if isinstance(written, str) and _SAFE_ID.fullmatch(written) else voice_id

    @override
    def initial_voice_settings(self, catalog: Json) -> Mapping[str, Any] | None:
        """Return the newest saved voice that can speak, or else a voice of the usual model if that can."""
        for row in catalogs.saved_voices(catalog):
            model = catalogs.describe_model(row["model"], catalog, streams=True)
            if row["model"] in catalogs.model_ids(catalog) and model.is_connected:
                return {MODE_OPTION.key: "voice", _VOICE_ID: row["id"]}
        usual = catalogs.describe_model(self.default_model, catalog, streams=True)
        if usual.id in catalogs.model_ids(catalog) and usual.is_connected:
            return {"model": usual.id, "voice": self.default_voice}
        return None

    @override
    @asynccontextmanager
    async def synthesize(self, request: SynthesisRequest) -> AsyncGenerator[SpeechAudio]:
        if request.model.count(request.text) > request.model.max_chars:
            raise TextTooLongError
        if request.pronunciations and not self.detected.get(_PRONOUNCES, True):
            raise PronunciationsRefusedError
        async with AsyncExitStack() as stack:
            try:
                audio = await self._sound(request, stack)
            except (VendorKeyMissingError, VendorDisabledError) as err:
                err.subject = request.model.vendor or err.subject
                raise
            yield audio

    async def _sound(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Speak on the route that starts to sound earliest and has everything that was set."""
        lesson = ""
        if self._may_stream(request):
            try:
                return await self._streamed(request, stack)
            except (NotFoundError, NotASpeechServerError) as err:
                # Older servers have no such route; or it is the voice that is gone, which the other route tells.
                lesson = _HAS_STREAM if err.code in _NO_ROUTE else ""
            except NotImplementedByProviderError:
                lesson = _stream_of(request)
            except NotAudioError as err:
                if err.code not in RAW_TYPES:
                    raise
                lesson = _stream_of(request)  # raw samples, and nobody says at which rate
                request.charge()
        audio = await self._whole(request, stack)
        if lesson:
            self.detected[lesson] = False
        return audio

    def _may_stream(self, request: SynthesisRequest) -> bool:
        """Tell whether the streaming route will do, and is earlier: it sends what its vendor does, mostly mp3."""
        is_earlier = request.format is AudioFormat.MP3 or self.detected.get(_BUFFERS, False)
        is_there = all(self.detected.get(lesson, True) for lesson in (_HAS_STREAM, _stream_of(request)))
        return is_earlier and is_there and not _NOT_STREAMED & request.settings.keys()

    async def _streamed(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Speak on the streaming route, which is left at once where it does not answer with sound."""
        async with AsyncExitStack() as own:
            answer = await self._ask(_STREAM, request, _body(request), own)
            audio = await read_audio(answer, request.format, own)
            await stack.enter_async_context(own.pop_all())
            request.charge()
            return audio

    async def _whole(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Speak on the plain route."""
        try:
            answer = await self._ask(_SPEECH, request, {**_body(request), "output": _output(request)}, stack)
        except NotFoundError as err:
            if err.has_error_document and not _is_saved(request.settings):
                raise
            raise _missing(err, request.voice) from err
        self.detected[_BUFFERS] = answer.response.content_length is not None
        audio = await read_audio(answer, request.format, stack)
        request.charge()
        return audio

    async def _ask(
        self, path: str, request: SynthesisRequest, body: Mapping[str, Any], stack: AsyncExitStack
    ) -> HttpResponse:
        """Ask a route for speech. Raises PronunciationsRefusedError where it is these that the server does not take."""
        try:
            return await self._ask_either_way(
                path, request.settings.get(MODE_OPTION.key, MODE_OPTION.default), body, stack
            )
        except RejectedError as err:
            if not request.pronunciations or _PRONUNCIATIONS not in err.fields:
                raise
            self.detected[_PRONOUNCES] = False
            raise PronunciationsRefusedError(status=err.status, code=err.code) from err

    async def _ask_either_way(
        self, path: str, mode: str, body: Mapping[str, Any], stack: AsyncExitStack
    ) -> HttpResponse:
        """Ask for speech. Servers want `mode` or refuse it; one that refuses is asked once more the other way."""
        sends_mode = self.detected.get(_SENDS_MODE, True)
        try:
            return await self._post(path, {MODE_OPTION.key: mode} if sends_mode else {}, body, stack)
        except RejectedError as err:
            if not _is_about_mode(err):
                raise
            refusal = err
        try:
            answer = await self._post(path, {} if sends_mode else {MODE_OPTION.key: mode}, body, stack)
        except RejectedError as err:
            if _is_about_mode(err):  # as much as before: `mode` was not what the first refusal was about
                raise refusal from err
            self.detected[_SENDS_MODE] = not sends_mode
            raise
        self.detected[_SENDS_MODE] = not sends_mode
        return answer

    async def _post(
        self, path: str, mode: Mapping[str, str], body: Mapping[str, Any], stack: AsyncExitStack
    ) -> HttpResponse:
        return await stack.enter_async_context(self._http.request("POST", path, {**mode, **body}))


def _is_saved(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get(MODE_OPTION.key, MODE_OPTION.default) == "voice")


def _stream_of(request: SynthesisRequest) -> str:
    """Return under which name it is learned whether a model can be streamed."""
    return f"{_HAS_STREAM}:{request.model.id or request.voice}"


def _missing(error: SpeechError, voice_id: str) -> SpeechError:
    """Return what it means that a saved voice was not found: it is gone, if it was Speechbase who said so."""
    if error.has_error_document:
        return VoiceGoneError(status=error.status, subject=voice_id)
    return NotASpeechServerError(status=error.status)


def _is_about_mode(error: RejectedError) -> bool:
    """Tell whether a refusal is about `mode`, or may be: newer servers may refuse the whole body, naming nothing."""
    if MODE_OPTION.key in error.fields:
        return True
    return error.status == 400 and error.code in _GENERAL_REFUSALS and not _FIELDS & error.fields


def _body(request: SynthesisRequest) -> dict[str, Any]:
    """Return what both routes take: only what was set, since the schema is strict."""
    who = (
        {"voiceId": request.voice}
        if _is_saved(request.settings)
        else {"model": request.model.id, "voice": request.voice}
    )
    names = {"speed": "speed", "volume_dbfs": "volumeDbfs", "provider_options": "providerOptions"}
    settings = {names[key]: value for key, value in request.settings.items() if key in names}
    rules = [
        {"word": one.word, "replacement": one.say, **({"caseSensitive": True} if one.match_case else {})}
        for one in request.pronunciations
    ]
    return {**who, "text": request.text, **settings, **({"pronunciations": {"rules": rules}} if rules else {})}


def _output(request: SynthesisRequest) -> Any:
    """Return the format, with its bitrate where one was set and the format has one."""
    bitrate = request.settings.get("bitrate")
    if bitrate is None or request.format is not AudioFormat.MP3:
        return request.format.value
    return {"format": request.format.value, "bitrate": bitrate}
