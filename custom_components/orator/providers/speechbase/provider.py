"""Speechbase as a provider."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
import re
from typing import Any, Final, override

from yarl import URL

from ...audio.formats import AudioFormat
from ..base import (
    ChoiceOption,
    Connections,
    Model,
    Provider,
    SpeechAudio,
    SpeechRequest,
    parse_web_address,
    recognised_audio,
)
from ..errors import (
    NotASpeechServerError,
    NotFoundError,
    RejectedError,
    SpeechError,
    TextTooLongError,
    VendorDisabledError,
    VendorKeyMissingError,
    VoiceGoneError,
)
from ..http import Answer, HttpClient, Json, Limits
from ..languages import WHISPER_LANGUAGES
from . import catalogue as catalogues

MODE: Final = ChoiceOption("mode", choices=("voice", "inline"), default="inline", comes_first=True)
_VOICE_ID: Final = "voice_id"

_OFFICIAL_HOST: Final = "api.speechbase.ai"
_SPEECH: Final = "v1/audio/speech"
_STREAM: Final = "v1/audio/speech/stream"
_NOT_STREAMED: Final = frozenset({"speed", "volume_dbfs", "bitrate"})
"""Settings that the streaming route does not have."""
_QUICK: Final = Limits(first_byte=15)
_PAGE: Final = {"limit": "200"}
_MAX_PAGES: Final = 50

# What is found out about a server.
_SENDS_MODE: Final = "sends_mode"
_HAS_STREAM: Final = "has_stream"
_BUFFERS: Final = "buffers"


class SpeechbaseProvider(Provider):
    """Speechbase. It finds out what its server takes: the schema changed while its documentation did not."""

    name = "Speechbase"
    key_page = "https://www.speechbase.ai"
    credit_page = "https://www.speechbase.ai"
    default_base_url = "https://api.speechbase.ai"
    default_model = "openai/gpt-4o-mini-tts"
    default_voice = "coral"
    languages = WHISPER_LANGUAGES
    choices = (MODE,)
    option_keys = (_VOICE_ID, *(option.key for option in catalogues.OPTIONS))

    def __init__(self, connections: Connections, addresses: Mapping[str, str], api_key: str) -> None:
        """Speak to the API at an address."""
        super().__init__(connections, addresses, api_key)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = HttpClient(connections.own, addresses["base_url"], headers)
        self._lists = HttpClient(connections.own, addresses["base_url"], headers, _QUICK)

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
    async def fetch_catalogue(self) -> Json:
        """List the vendors, for which the key has to be right, and all saved voices."""
        vendors = catalogues.kept_vendors(await self._lists.get_json("v1/audio/providers"))
        return {"vendors": vendors, "voices": await self._fetch_voices()}

    async def _fetch_voices(self) -> list[dict[str, str]]:
        """List the saved voices, page by page."""
        voices: dict[str, dict[str, str]] = {}
        query = _PAGE
        for _ in range(_MAX_PAGES):
            document = await self._lists.get_json("v1/voices", query)
            voices |= {row["id"]: catalogues.kept_voice(row) for row in catalogues.rows_of(document)}
            cursor = document.get("next_cursor")
            if not document.get("has_more") or not isinstance(cursor, str):
                break
            query = {**_PAGE, "cursor": cursor}
        return list(voices.values())

    @override
    def models(self, catalogue: Json) -> tuple[Model, ...]:
        model_ids = catalogues.model_ids(catalogue) or [self.default_model]
        return tuple(self.describe(model_id, catalogue, {}) for model_id in model_ids)

    @override
    def has_models(self, settings: Mapping[str, Any]) -> bool:
        return not _is_saved(settings)

    @override
    def describe(self, model_id: str, catalogue: Json, settings: Mapping[str, Any]) -> Model:
        """Say what a model can do; that of a saved voice is the one that the voice was saved with."""
        streams = not _NOT_STREAMED & settings.keys()
        if not _is_saved(settings):
            return catalogues.described(model_id, catalogue, streams=streams)
        saved = {row["id"]: row["model"] for row in catalogues.saved_voices(catalogue)}
        model = catalogues.described(saved.get(settings.get(_VOICE_ID, ""), ""), catalogue, streams=streams)
        name = model.name if model.id else self.name
        return replace(model, name=name, voices=catalogues.voices_to_choose(catalogue), voice_key=_VOICE_ID)

    @override
    async def check_voice(self, model: Model, voice_id: str) -> None:
        if model.voice_key == _VOICE_ID and voice_id not in [voice.id for voice in model.voices]:
            try:
                await self._lists.get_json(f"v1/voices/{voice_id}")
            except (NotFoundError, RejectedError) as err:
                raise VoiceGoneError(status=err.status, subject=voice_id) from err

    @override
    def first_voice(self, catalogue: Json) -> Mapping[str, Any] | None:
        """Return the newest saved voice that can speak, or else a voice of the usual model if that can."""
        for row in catalogues.saved_voices(catalogue):
            model = catalogues.described(row["model"], catalogue, streams=True)
            if row["model"] in catalogues.model_ids(catalogue) and model.is_connected:
                return {MODE.key: "voice", _VOICE_ID: row["id"]}
        usual = catalogues.described(self.default_model, catalogue, streams=True)
        if usual.id in catalogues.model_ids(catalogue) and usual.is_connected:
            return {"model": usual.id, "voice": self.default_voice}
        return None

    @override
    @asynccontextmanager
    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[SpeechAudio]:
        if request.model.count(request.text) > request.model.max_chars:
            raise TextTooLongError
        async with AsyncExitStack() as stack:
            try:
                answer = await self._ask(request, stack)
            except (VendorKeyMissingError, VendorDisabledError) as err:
                err.subject = request.model.vendor or err.subject
                raise
            chunks = await stack.enter_async_context(aclosing(answer.chunks()))
            yield await recognised_audio(chunks, request.format, answer.content_type)

    async def _ask(self, request: SpeechRequest, stack: AsyncExitStack) -> Answer:
        """Ask on the route that starts to sound earliest and has everything that was set."""
        body = _body(request)
        mode = request.settings.get(MODE.key, MODE.default)
        if self._may_stream(request):
            try:
                return await self._post(_STREAM, mode, body, stack)
            except NotFoundError, NotASpeechServerError:
                pass  # older servers have no such route; or it is the voice that is gone, which the other route tells
        try:
            answer = await self._post(_SPEECH, mode, {**body, "output": _output(request)}, stack)
        except NotFoundError as err:
            if _is_saved(request.settings):
                raise VoiceGoneError(status=err.status, subject=request.voice) from err
            raise
        if self._may_stream(request):
            self.learned[_HAS_STREAM] = False
        self.learned[_BUFFERS] = answer.response.content_length is not None
        return answer

    def _may_stream(self, request: SpeechRequest) -> bool:
        """Tell whether the streaming route will do, and is earlier: it sends what its vendor does, mostly mp3."""
        is_earlier = request.format is AudioFormat.MP3 or self.learned.get(_BUFFERS, False)
        return is_earlier and self.learned.get(_HAS_STREAM, True) and not _NOT_STREAMED & request.settings.keys()

    async def _post(self, path: str, mode: str, body: Mapping[str, Any], stack: AsyncExitStack) -> Answer:
        """Ask for speech. Servers want `mode` or refuse it; one that refuses is asked once more the other way."""
        sends_mode = self.learned.get(_SENDS_MODE, True)
        try:
            return await self._post_once(path, {MODE.key: mode} if sends_mode else {}, body, stack)
        except RejectedError as err:
            if not _is_about_mode(err):
                raise
        try:
            answer = await self._post_once(path, {} if sends_mode else {MODE.key: mode}, body, stack)
        except SpeechError as err:
            self._learn_mode(sends_mode, err)
            raise
        self.learned[_SENDS_MODE] = not sends_mode
        return answer

    def _learn_mode(self, sent_mode: bool, error: SpeechError) -> None:  # noqa: FBT001
        """Take from the second refusal that the first one was about `mode`, unless this one is, too."""
        if isinstance(error, RejectedError) and not _is_about_mode(error):
            self.learned[_SENDS_MODE] = not sent_mode

    async def _post_once(
        self, path: str, mode: Mapping[str, str], body: Mapping[str, Any], stack: AsyncExitStack
    ) -> Answer:
        return await stack.enter_async_context(self._http.request("POST", path, {**mode, **body}))


def _is_saved(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get(MODE.key, MODE.default) == "voice")


def _is_about_mode(error: RejectedError) -> bool:
    """Tell whether a refusal is about `mode`; newer servers may refuse the whole body without naming anything."""
    return MODE.key in error.fields or (error.code == "invalid_input" and not error.fields)


def _body(request: SpeechRequest) -> dict[str, Any]:
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


def _output(request: SpeechRequest) -> Any:
    """Return the format, with its bitrate where one was set and the format has one."""
    bitrate = request.settings.get("bitrate")
    if bitrate is None or request.format is not AudioFormat.MP3:
        return request.format.value
    return {"format": request.format.value, "bitrate": bitrate}
