"""The Speechbase provider."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache
import re
from typing import Any, Final, override

from ...audio.formats import AudioFormat
from ..audio_responses import RAW_TYPES, read_audio
from ..base import Provider, SpeechAudio, SynthesisRequest
from ..errors import (
    NotASpeechServerError,
    NotAudioError,
    NotFoundError,
    NotImplementedByProviderError,
    PronunciationsRefusedError,
    RejectedError,
    SpeechError,
    VendorDisabledError,
    VendorKeyMissingError,
    VoiceGoneError,
)
from ..http import LIST_TIMEOUTS, HttpClient, HttpResponse, HttpSessions
from ..json_documents import IdentityKey, Json, get_object, paced
from ..languages import WHISPER_LANGUAGES
from ..models import Model
from ..options import ChoiceOption
from . import catalog as catalogs

_MODE_OPTION: Final = ChoiceOption("mode", choices=("voice", "inline"), default="inline", precedes_model=True)
_VOICE_ID_KEY: Final = "voice_id"
_SAFE_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
"""An ID that can be used in a path."""

_SPEECH_PATH: Final = "v1/audio/speech"
_STREAM_PATH: Final = "v1/audio/speech/stream"
_UNSTREAMED_OPTIONS: Final = frozenset({"speed", "volume_dbfs", "bitrate"})
"""Options that the streaming endpoint does not support."""
_PAGE_QUERY: Final = {"limit": "200"}
_MAX_PAGES: Final = 50
_MAX_SAVED_VOICES: Final = 10_000

# Keys of detected capabilities.
_SENDS_MODE_KEY: Final = "sends_mode"
"""Whether requests need `mode`; newer servers reject it."""
_HAS_STREAM_KEY: Final = "has_stream"
"""Whether there is a streaming endpoint, which the specification lacks; with a suffix, whether it accepts a model."""
_BUFFERS_KEY: Final = "buffers"
"""Whether the plain endpoint sends nothing before the whole text has been synthesized."""
_PRONOUNCES_KEY: Final = "pronounces"
"""Whether requests may contain `pronunciations`."""

_PRONUNCIATIONS_FIELD: Final = "pronunciations"
_REQUEST_FIELDS: Final = frozenset(
    {"model", "voice", "voiceId", "text", "output", "speed", "volumeDbfs", "providerOptions", _PRONUNCIATIONS_FIELD}
)
"""All request fields except `mode`."""
_OPTION_FIELDS: Final = {"speed": "speed", "volume_dbfs": "volumeDbfs", "provider_options": "providerOptions"}
_UNSPECIFIC_CODES: Final = (None, "invalid_input", "validation_error", "bad_request")
"""Error codes that do not state the reason for a rejection."""
_NO_ENDPOINT_CODES: Final = (None, "not_found", "route_not_found", "method_not_allowed")
"""Error codes of a missing endpoint, rather than of a missing voice or model."""


class SpeechbaseProvider(Provider):
    """Speechbase. The server's capabilities are detected, because its schema has changed without its documentation."""

    name = "Speechbase"
    key_page = "https://www.speechbase.ai"
    credit_page = "https://www.speechbase.ai"
    default_base_url = "https://api.speechbase.ai"
    default_model = "openai/gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    choices = (_MODE_OPTION,)
    option_keys = (_VOICE_ID_KEY, *(option.key for option in catalogs.OPTIONS))

    def __init__(self, sessions: HttpSessions, addresses: Mapping[str, str], api_key: str, *, server: str = "") -> None:
        """Create a provider."""
        super().__init__(sessions, addresses, api_key, server=server)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        optional_fields = frozenset({_MODE_OPTION.key, _PRONUNCIATIONS_FIELD})
        base_url = addresses["base_url"]
        session = self._session_for(base_url)
        self._client = HttpClient(session, base_url, headers, optional_fields=optional_fields)
        self._list_client = HttpClient(session, base_url, headers, LIST_TIMEOUTS)

    @classmethod
    @override
    def resolve_addresses(cls, entered: Mapping[str, str]) -> dict[str, str]:
        url = cls.parse_address(entered.get("base_url") or cls.default_base_url)
        path = re.sub(r"(/v1)?(/audio/speech(/stream)?)?/?$", "", url.path.rstrip("/"))
        return {"base_url": str(url.with_path(path)).rstrip("/")}

    @override
    async def request_catalog(self, known: Json = None) -> Json:
        """Return the vendors, whose list requires a valid key, and the saved voices."""
        vendors = await self._list_client.read_json("v1/audio/providers", catalogs.parse_vendors)
        voices = await self._fetch_voices()
        return catalogs.SpeechbaseCatalog(vendors=vendors, voices=voices)

    async def _fetch_voices(self) -> list[catalogs.SavedVoiceRow]:
        """Return the saved voices of all pages."""
        voices: dict[str, catalogs.SavedVoiceRow] = {}
        query = _PAGE_QUERY
        for _ in range(_MAX_PAGES):
            page = await self._list_client.read_json("v1/voices", catalogs.parse_voice_page, query)
            voices |= {row["id"]: row for row in page.voices}
            if not page.next_cursor or len(voices) >= _MAX_SAVED_VOICES:
                break
            query = {**_PAGE_QUERY, "cursor": page.next_cursor}
        return list(voices.values())[:_MAX_SAVED_VOICES]

    @override
    def index(self, catalog: Json) -> None:
        super().index(catalog)
        self.describe_model("", catalog, {_MODE_OPTION.key: "voice"})  # lists the saved voices

    @override
    def list_models(self, catalog: Json) -> tuple[Model, ...]:
        model_ids = catalogs.model_ids(catalog) or [self.default_model]
        return tuple(self.describe_model(model_id, catalog, {}) for model_id in paced(model_ids))

    @override
    def has_model_choice(self, settings: Mapping[str, Any]) -> bool:
        return not _is_saved_voice(settings)

    @override
    def describe_model(self, model_id: str, catalog: Json, settings: Mapping[str, Any]) -> Model:
        """Return a model; for a saved voice, the model with which it was saved."""
        saved = catalogs.index_saved_voices(IdentityKey(catalog)) if _is_saved_voice(settings) else None
        if saved:
            model_id = saved.models.get(settings.get(_VOICE_ID_KEY, ""), "")
        model = catalogs.describe_model(model_id, catalog, streams=not _UNSTREAMED_OPTIONS & settings.keys())
        if not self.detected.get(_PRONOUNCES_KEY, True):
            model = replace(model, max_pronunciations=0)
        if not saved:
            return model
        name = model.name if model.id else self.name
        return replace(model, name=name, voices=saved.voices, voice_key=_VOICE_ID_KEY)

    @override
    async def resolve_voice_id(self, model: Model, voice_id: str) -> str:
        voice_id = voice_id.strip()
        if model.voice_key != _VOICE_ID_KEY or voice_id in model.voice_ids:
            return voice_id
        if not _SAFE_ID.fullmatch(voice_id):
            raise VoiceGoneError(subject=voice_id)
        try:
            document = await self._list_client.get_json(f"v1/voices/{voice_id}")
        except (NotFoundError, RejectedError) as err:
            raise _voice_not_found(err, voice_id) from err
        canonical_id = get_object(document, "data").get("id")
        return canonical_id if isinstance(canonical_id, str) and _SAFE_ID.fullmatch(canonical_id) else voice_id

    @override
    def initial_voice_settings(self, catalog: Json) -> Mapping[str, Any] | None:
        """Return the newest saved voice that can speak, or a voice of the default model if the model can speak."""
        available = {*catalogs.model_ids(catalog)}

        @cache
        def can_speak(model_id: str) -> bool:
            return model_id in available and catalogs.describe_model(model_id, catalog, streams=True).is_connected

        for row in catalogs.saved_voice_rows(catalog):
            if can_speak(row["model"]):
                return {_MODE_OPTION.key: "voice", _VOICE_ID_KEY: row["id"]}
        return {"model": self.default_model, "voice": self.default_voice} if can_speak(self.default_model) else None

    @override
    async def open_connection(self, model: Model, voice: str, settings: Mapping[str, Any]) -> None:
        await self._client.warm_up()

    @override
    async def open_audio(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        if request.pronunciations and not self.detected.get(_PRONOUNCES_KEY, True):
            raise PronunciationsRefusedError
        try:
            return await self._open_earliest(request, stack)
        except (VendorKeyMissingError, VendorDisabledError) as err:
            err.subject = request.model.vendor or err.subject
            raise

    async def _open_earliest(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of the fastest endpoint that supports all options that were set."""
        missing_capability = ""
        if self._prefers_stream(request):
            try:
                return await self._open_streamed(request, stack)
            except (NotFoundError, NotASpeechServerError) as err:
                # Older servers lack the endpoint. If the voice no longer exists, the plain endpoint reports that.
                # A page without a document may be a gateway's, so only this model is no longer streamed.
                is_endpoint_missing = err.has_error_document and err.code in _NO_ENDPOINT_CODES
                missing_capability = _HAS_STREAM_KEY if is_endpoint_missing else _stream_capability(request)
            except NotImplementedByProviderError:
                missing_capability = _stream_capability(request)
            except NotAudioError as err:
                if err.code not in RAW_TYPES:
                    raise
                request.charge()  # raw PCM of an unknown sample rate
                request.renew_reservation()
                missing_capability = _stream_capability(request)
        audio = await self._open_plain(request, stack)
        if missing_capability:
            self.detected[missing_capability] = False
        return audio

    def _prefers_stream(self, request: SynthesisRequest) -> bool:
        """Return whether to use the streaming endpoint, which sends the vendor's own format, usually mp3.

        A server that is not known to have the endpoint is asked for it once its documented endpoint turns out to be
        slow.
        """
        is_known = self.detected.get(_HAS_STREAM_KEY, False) and request.format is AudioFormat.MP3
        is_earlier = is_known or self.detected.get(_BUFFERS_KEY, False)
        is_available = all(self.detected.get(key, True) for key in (_HAS_STREAM_KEY, _stream_capability(request)))
        return is_earlier and is_available and not _UNSTREAMED_OPTIONS & request.settings.keys()

    async def _open_streamed(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of the streaming endpoint; a response without audio is closed at once."""
        async with AsyncExitStack() as response_stack:
            response = await self._request(_STREAM_PATH, request, _body(request), response_stack)
            audio = await read_audio(response, request, response_stack)
            await stack.enter_async_context(response_stack.pop_all())
        self.detected[_HAS_STREAM_KEY] = True
        request.charge()
        return audio

    async def _open_plain(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of the plain endpoint."""
        try:
            response = await self._request(_SPEECH_PATH, request, {**_body(request), "output": _output(request)}, stack)
        except NotFoundError as err:
            if err.has_error_document and not _is_saved_voice(request.settings):
                raise
            raise _voice_not_found(err, request.voice) from err
        self.detected[_BUFFERS_KEY] = response.has_length
        audio = await read_audio(response, request, stack)
        request.charge()
        return audio

    async def _request(
        self, path: str, request: SynthesisRequest, body: Mapping[str, Any], stack: AsyncExitStack
    ) -> HttpResponse:
        """Return an endpoint's response. Raises PronunciationsRefusedError if the server rejects pronunciations."""
        mode = {_MODE_OPTION.key: request.settings.get(_MODE_OPTION.key, _MODE_OPTION.default)}
        try:
            return await self._send_with_or_without_mode(mode, path, body, stack)
        except RejectedError as err:
            if not request.pronunciations or _PRONUNCIATIONS_FIELD not in err.fields:
                raise
            self.detected[_PRONOUNCES_KEY] = False
            raise PronunciationsRefusedError(status=err.status, code=err.code) from err

    async def _send_with_or_without_mode(
        self, mode: Mapping[str, str], path: str, body: Mapping[str, Any], stack: AsyncExitStack
    ) -> HttpResponse:
        """Return an endpoint's response; a request rejected because of `mode` is repeated with or without it."""
        sends_mode = self.detected.get(_SENDS_MODE_KEY, True)
        bodies = [{**mode, **body}, body] if sends_mode else [body, {**mode, **body}]
        try:
            return await stack.enter_async_context(self._client.request("POST", path, bodies[0]))
        except RejectedError as err:
            if not _may_be_about_mode(err):
                raise
            rejection = err
        try:
            response = await stack.enter_async_context(self._client.request("POST", path, bodies[1]))
        except RejectedError as err:
            if _may_be_about_mode(err):  # so the first rejection had another reason
                raise rejection from err
            self.detected[_SENDS_MODE_KEY] = not sends_mode
            raise
        self.detected[_SENDS_MODE_KEY] = not sends_mode
        return response


def _is_saved_voice(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get(_MODE_OPTION.key, _MODE_OPTION.default) == "voice")


def _stream_capability(request: SynthesisRequest) -> str:
    """Return the key of the capability to stream a request's model."""
    return f"{_HAS_STREAM_KEY}:{request.model.id or request.voice}"


def _voice_not_found(error: SpeechError, voice_id: str) -> SpeechError:
    """Return the error for a saved voice that was not found, if the response came from Speechbase."""
    if error.has_error_document:
        return VoiceGoneError(status=error.status, subject=voice_id)
    return NotASpeechServerError(status=error.status)


def _may_be_about_mode(error: RejectedError) -> bool:
    """Return whether a rejection may be about `mode`; some servers reject the body without naming a field."""
    if _MODE_OPTION.key in error.fields:
        return True
    return error.status == 400 and error.code in _UNSPECIFIC_CODES and not _REQUEST_FIELDS & error.fields


def _body(request: SynthesisRequest) -> dict[str, Any]:
    """Return the fields of both endpoints, only those that were set: the schema is strict."""
    if _is_saved_voice(request.settings):
        body = {"voiceId": request.voice, "text": request.text}
    else:
        body = {"model": request.model.id, "voice": request.voice, "text": request.text}
    body |= {_OPTION_FIELDS[key]: value for key, value in request.settings.items() if key in _OPTION_FIELDS}
    rules = [
        {"word": one.word, "replacement": one.say, **({"caseSensitive": True} if one.match_case else {})}
        for one in request.pronunciations
    ]
    return body | ({_PRONUNCIATIONS_FIELD: {"rules": rules}} if rules else {})


def _output(request: SynthesisRequest) -> str | dict[str, Any]:
    """Return the `output` field: the format, with the bitrate if it was set and applies."""
    bitrate = request.settings.get("bitrate")
    if bitrate is None or request.format is not AudioFormat.MP3:
        return request.format.value
    return {"format": request.format.value, "bitrate": bitrate}
