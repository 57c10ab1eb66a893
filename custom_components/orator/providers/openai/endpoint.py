"""The route that speaks, `POST /audio/speech`: what it is sent, and what a server was found not to take.

Sound is not asked for in events (`stream_format: sse`), which would tell what was spent: the first of them is heard
6 ms later than the first bytes of a plain stream (`script/benchmark sentence`). Where events come all the same, they
are read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import replace
from typing import Any, Final

from ..audio_response import read_head
from ..base import SpeechAudio, SynthesisRequest
from ..errors import NotASpeechServerError, NotFoundError, NotPermittedError, RejectedError
from ..http import HttpClient, HttpResponse
from ..models import Model
from .catalog import EXTRA_BODY
from .responses import read_audio
from .servers import SpeechServer

_PATH: Final = "audio/speech"
_TOKENS: Final = range(1_000_000)
"""As many as one request could spend."""
_FORMAT: Final = "response_format"
OPTIONAL_FIELDS: Final = frozenset({_FORMAT, "speed", "instructions"})
"""Fields that Orator sends of its own accord and that a server may not know."""
_SENDS_WHOLE: Final = "sends_whole"
"""Found out about a server: nothing of its sound comes before the whole text has been spoken."""


class SpeechEndpoint:
    """The route of a server. It finds out what the server takes."""

    def __init__(
        self, http: HttpClient, learned: dict[str, bool], counts: Counter[str], server: SpeechServer | None
    ) -> None:
        """Speak with `http`, keep in `learned` what is found out, and add to `counts` what was spent.

        `server`: what is known of it, if anything.
        """
        self._counts = counts
        self._http = http
        self._learned = learned
        self._server = server

    async def check(self, http: HttpClient, model_id: str, voice_id: str) -> None:
        """Raise unless it lets this key in, where it objects only to the text and charges nothing."""
        body = {"model": model_id, "voice": voice_id, "input": ""}
        try:
            with self._understood():
                async with http.request("POST", _PATH, body) as answer, aclosing(answer.chunks()) as chunks:
                    if (await read_head(chunks)).lstrip().startswith(b"<"):  # a page
                        raise NotASpeechServerError
        except RejectedError:
            return
        except NotFoundError as err:
            if err.code == "model_not_found":  # so it knows models, and has let the key in
                return
            raise NotASpeechServerError(status=err.status) from err

    async def sound(self, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
        """Return the sound of a request; leaving the stack ends it."""
        answer = await self._ask(request, stack)
        if self._server is None or self._server.streams is None:
            self._learned[_SENDS_WHOLE] = answer.response.content_length is not None
        audio = await read_audio(answer, request, self._http, stack, self._spent)
        request.charge()
        return audio

    def _spent(self, usage: Mapping[str, Any]) -> None:
        """Count the tokens that a server says were spent."""
        for name in ("input_tokens", "output_tokens"):
            if isinstance(tokens := usage.get(name), int) and tokens in _TOKENS:
                self._counts[name] += tokens

    async def _ask(self, request: SynthesisRequest, stack: AsyncExitStack) -> HttpResponse:
        """Ask for speech. A server that refuses a field is asked once more without it, and not sent it any more."""
        body = self._body(request)
        refused: dict[str, Any] = {}
        while True:
            try:
                with self._understood():
                    answer = await stack.enter_async_context(self._http.request("POST", _PATH, body))
            except RejectedError as err:
                dispensable = self._dispensable(err, request, body)
                if not dispensable:
                    raise
                refused |= {field: body.pop(field) for field in dispensable}
            else:
                for field, value in refused.items():
                    self._learned[_lesson(request.model.id, field, value if field == _FORMAT else "")] = False
                return answer

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Take a refusal without a code for what the server means by it."""
        try:
            yield
        except NotPermittedError as err:
            if self._server is None or err.code:
                raise
            raise self._server.forbidden(status=err.status) from err

    def _body(self, request: SynthesisRequest) -> dict[str, Any]:
        """Return the request's JSON: only what was set. What its user adds goes before, except for the text."""
        settings = dict(request.settings)
        added = settings.pop(EXTRA_BODY.key, {})
        made = request.format.value
        is_custom = self._server is None and request.voice.startswith("voice_")
        return {
            "model": request.model.id,
            "voice": {"id": request.voice} if is_custom else request.voice,
            **({_FORMAT: made} if self._takes(request.model, _FORMAT, made) else {}),
            **settings,
            **added,
            "input": request.text,
        }

    def _dispensable(self, error: RejectedError, request: SynthesisRequest, body: Mapping[str, Any]) -> frozenset[str]:
        """Return what can be left out of what a refusal is about.

        A value that can't be is its user's to correct, except for that of the format: any sound will do.
        """
        named = error.unsupported_fields | (error.fields & {_FORMAT})
        added = frozenset(request.settings.get(EXTRA_BODY.key, ()))
        return (named & OPTIONAL_FIELDS & body.keys()) - added

    def as_learned(self, model: Model) -> Model:
        """Return a model without what the server was found not to do."""
        formats = tuple(made for made in model.formats if self._takes(model, _FORMAT, made.value))
        return replace(
            model,
            options=tuple(option for option in model.options if self._takes(model, option.key)),
            formats=formats or model.formats,
            streams=model.streams and not self._learned.get(_SENDS_WHOLE, False),
        )

    def _takes(self, model: Model, field: str, value: str = "") -> bool:
        return self._learned.get(_lesson(model.id, field, value), True)


def _lesson(model_id: str, field: str, value: str) -> str:
    """Return the name under which it is kept whether a model takes a field, or a field a value."""
    return f"{model_id} takes {field}={value}" if value else f"{model_id} takes {field}"
