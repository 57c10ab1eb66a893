"""The speech endpoint, `POST /audio/speech`, with the detected capabilities of a server.

`stream_format: sse` would report the tokens, but is not requested: the first event arrives 6 ms later than the first
bytes of plain audio (`script/benchmark sentence`). A server may send events anyway.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import replace
from typing import Any, Final

from ...audio.formats import prepend
from ..audio_responses import read_all, read_head
from ..base import SpeechAudio, SynthesisRequest
from ..errors import (
    InvalidKeyError,
    NotASpeechServerError,
    NotFoundError,
    NotPermittedError,
    RejectedError,
    ResponseTooLargeError,
    SpeechError,
)
from ..http import MAX_ERROR_BYTES, HttpClient, HttpResponse
from ..json_documents import parse_json
from ..models import Model
from .catalog import EXTRA_BODY_OPTION
from .documented_models import voice_parameter
from .lists import raise_key_error
from .responses import read_speech
from .servers import SpeechServer

_ENDPOINT_PATH: Final = "audio/speech"
_FORMAT_FIELD: Final = "response_format"
OPTIONAL_FIELDS: Final = frozenset({_FORMAT_FIELD, "speed", "instructions"})
"""Fields that a server may not support; if refused, the request is repeated without them."""
_BUFFERS_AUDIO: Final = "sends_whole"
"""Key in `detected`: whether the server sends audio only once the whole text has been synthesized."""


class SpeechEndpoint:
    """The speech endpoint of a server."""

    def __init__(
        self,
        client: HttpClient,
        detected: MutableMapping[str, bool],
        counters: Counter[str],
        server: SpeechServer | None,
    ) -> None:
        """Initialize the endpoint; `detected` receives capabilities, and `counters` the reported tokens."""
        self._client = client
        self._detected = detected
        self._counters = counters
        self._server = server

    async def check(self, client: HttpClient, model_id: str, voice_id: str, text: str = "") -> bool:
        """Check, by default at no cost with an empty text, whether the server accepts the key.

        Returns whether the server began to speak. Raises SpeechError unless it speaks or only refuses the text.
        """
        body = {"model": model_id, "voice": voice_id, "input": text}
        try:
            with self._translate_forbidden():
                async with (
                    client.request("POST", _ENDPOINT_PATH, body) as response,
                    aclosing(response.data()) as data,
                ):
                    start = (await read_head(data)).lstrip()
                    if start.startswith(b"<"):  # HTML
                        raise NotASpeechServerError
                    if start.startswith(b"{"):
                        raise_key_error(parse_json(await read_all(prepend(start, data), MAX_ERROR_BYTES)))
        except RejectedError, ResponseTooLargeError, ValueError:
            return False
        except NotFoundError as err:
            if err.code == "model_not_found":  # the key was accepted
                return False
            raise NotASpeechServerError(status=err.status) from err
        return True

    async def checks_key_first(self, client: HttpClient, model_id: str, voice_id: str) -> bool:
        """Return whether the endpoint refuses a wrong key, which `client` sends, for the key rather than for the text.

        Then a request with another key that is refused only for the text proves that the other key is valid.
        """
        try:
            await self.check(client, model_id, voice_id)
        except InvalidKeyError, NotPermittedError:
            return True
        except SpeechError:
            return False
        return False

    async def open_audio(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the audio of a request; closing the stack cancels it."""
        response = await self._post(request, stack)
        if self._server is None or self._server.streams is None:
            self._detected[_BUFFERS_AUDIO] = response.has_length
        audio = await read_speech(response, request, self._client, stack, self._counters)
        request.charge()
        return audio

    async def _post(self, request: SynthesisRequest, stack: AsyncExitStack) -> HttpResponse:
        """Send a request. Fields that the server refuses are removed and not sent again."""
        body = self._body(request)
        removed: dict[str, Any] = {}
        while True:
            try:
                with self._translate_forbidden():
                    response = await stack.enter_async_context(self._client.request("POST", _ENDPOINT_PATH, body))
                break
            except RejectedError as err:
                removable = self._removable_fields(err, request, body)
                if not removable:
                    raise
                removed |= {field: body.pop(field) for field in removable}
        for field, value in removed.items():
            self._detected[_capability(request.model, field, value if field == _FORMAT_FIELD else "")] = False
        return response

    @contextmanager
    def _translate_forbidden(self) -> Iterator[None]:
        """Replace the error for a 403 without a code with the error in the preset."""
        try:
            yield
        except NotPermittedError as err:
            if self._server is None or err.code:
                raise
            raise self._server.forbidden_error(status=err.status) from err

    def _body(self, request: SynthesisRequest) -> dict[str, Any]:
        """Return the request body. The user's extra fields override all others except the text."""
        settings = dict(request.settings)
        extra_fields = settings.pop(EXTRA_BODY_OPTION.key, {})
        audio_format = request.format.value
        return {
            "model": request.model.id,
            "voice": request.voice if self._server else voice_parameter(request.voice),
            **({_FORMAT_FIELD: audio_format} if self._supports(request.model, _FORMAT_FIELD, audio_format) else {}),
            **settings,
            **extra_fields,
            "input": request.text,
        }

    def _removable_fields(
        self, error: RejectedError, request: SynthesisRequest, body: Mapping[str, Any]
    ) -> frozenset[str]:
        """Return the refused fields that can be removed from a request.

        The user has to correct a refused value, except for the format: any audio can be converted.
        """
        refused = error.unsupported_fields | (error.fields & {_FORMAT_FIELD})
        extra_fields = frozenset(request.settings.get(EXTRA_BODY_OPTION.key, ()))
        return (refused & OPTIONAL_FIELDS & body.keys()) - extra_fields

    def apply_detected(self, model: Model) -> Model:
        """Return a model without capabilities that the server was found to lack."""
        if not self._detected:
            return model
        formats = tuple(
            audio_format for audio_format in model.formats if self._supports(model, _FORMAT_FIELD, audio_format.value)
        )
        options = tuple(option for option in model.options if self._supports(model, option.key))
        streams = model.streams and not self._detected.get(_BUFFERS_AUDIO, False)
        if (options, formats, streams) == (model.options, model.formats, model.streams):
            return model
        return replace(model, options=options, formats=formats or model.formats, streams=streams)

    def _supports(self, model: Model, field: str, value: str = "") -> bool:
        return self._detected.get(_capability(model, field, value), True)


def _capability(model: Model, field: str, value: str) -> str:
    """Return the key of a detected capability, which is stored."""
    return f"{model.id} takes {field}={value}" if value else f"{model.id} takes {field}"
