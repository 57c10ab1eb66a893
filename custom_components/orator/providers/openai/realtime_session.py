"""One WebSocket of OpenAI's Realtime API, and the answers that come over it side by side."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
import time
from typing import Any, Final, Self
from uuid import uuid4

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from yarl import URL

from ..error_responses import error_for, find_error_codes, parse_retry_after
from ..errors import (
    ConnectionLostError,
    ContentRefusedError,
    NotASpeechServerError,
    NotAudioError,
    ProviderFaultError,
    ResponseTooLargeError,
    SpeechError,
    TimedOutError,
)
from ..http import MAX_DOCUMENT_BYTES, translate_client_errors
from ..json_documents import Json, parse_json
from .transcript import compare, count_words, estimate_seconds, is_mismatch_so_far, starts_like

_OPEN_WITHIN: Final = 15.0
_FIRST_WITHIN: Final = 8.0
"""Less than a listener waits for another attempt."""
_NEXT_WITHIN: Final = 20.0
_PING_EVERY: Final = 30.0
"""Seconds after which something is sent, so that nobody on the way takes the connection for dead."""
_MAX_AGE: Final = 25 * 60.0
"""Seconds after which a socket gets no new work: OpenAI ends sessions, after half an hour at the earliest."""
_MAX_BYTES: Final = 64 * 1024 * 1024
"""Twenty minutes of speech; no text that is asked for takes as long."""
_MAX_WORDS: Final = 64 * 1024
"""Characters: an hour of speech."""


_BYTES_PER_SECOND: Final = 48_000
_DOUBTED_WORDS: Final = 6
_DOUBTED_BYTES: Final = 2 * _BYTES_PER_SECOND
"""How much may be held back that does not begin like the text, until it is known whether it is."""


class RealtimeResponse:
    """What comes for one request."""

    def __init__(self, text: str) -> None:
        """Wait for a text being read."""
        self.id: str | None = None
        self.transcript = ""
        """What the model says that it has said."""
        self.is_over = False
        """Whether nothing more comes."""
        self.has_strayed = False
        """Whether it was interrupted because something else was being said."""
        self.usage: Mapping[str, Any] = {}
        """The tokens that it took, once it is over."""
        self._text = text
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._received = 0
        self._error: SpeechError | None = None
        self._next_look = 1
        self._enough = 0
        self._is_trusted = asyncio.Event()

    @property
    def seconds(self) -> float:
        """How much sound has come, heard or not."""
        return self._received / _BYTES_PER_SECOND

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the sound as it arrives, until it is over or something else is being said. Raises SpeechError."""
        wait = _FIRST_WITHIN
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._is_trusted.wait()
                    chunk = await self._chunks.get()
            except asyncio.QueueShutDown:
                break
            except TimeoutError as err:
                raise TimedOutError from err
            yield chunk
            wait = _NEXT_WITHIN
        if self._error:
            raise self._error

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event that is about it."""
        match event.get("type"):
            case "response.output_audio.delta":
                self._take_sound(event.get("delta"))
            case "response.output_audio_transcript.delta":
                self._take_words(str(event.get("delta", "")))
            case "response.done":
                self._take_end(_object(event, "response"))

    def _take_sound(self, encoded: Json) -> None:
        """Take a piece of sound. It is not heard before it is likely to be the text."""
        try:
            chunk = b64decode(encoded, validate=True)
        except TypeError, ValueError:
            self.end(NotAudioError())
            return
        self._received += len(chunk)
        if self._received > _MAX_BYTES:
            self.end(ResponseTooLargeError())
        elif chunk and not self.is_over:
            self._chunks.put_nowait(chunk)
            if self._received > _DOUBTED_BYTES or starts_like(self._text, self.transcript):
                self._is_trusted.set()
            self._end_if_enough()

    def _take_words(self, words: str) -> None:
        """Take a piece of what is being said, and find out where that is something else."""
        if len(self.transcript) + len(words) > _MAX_WORDS:
            self.end(ResponseTooLargeError())
            return
        self.transcript += words
        if self.is_over or self.has_strayed or len(self.transcript) < self._next_look:
            return
        self._next_look = len(self.transcript) * 5 // 4 + 1  # ever more rarely: it shows at the beginning
        if is_mismatch_so_far(self._text, self.transcript):
            self.has_strayed = True
            read_to = compare(self._text, self.transcript).read_to
            self._enough = int(estimate_seconds(self._text[:read_to]) * _BYTES_PER_SECOND)
            self._end_if_enough()
        elif count_words(self.transcript) > _DOUBTED_WORDS:
            self._is_trusted.set()

    def _end_if_enough(self) -> None:
        """End what has strayed once that has arrived which was read: words are told before they are heard."""
        if self.has_strayed and self._received >= self._enough:
            self.end(is_heard=bool(self._enough))

    def _take_end(self, response: Mapping[str, Any]) -> None:
        """Take how it ended. What was left unsaid shows in the transcript."""
        details = _object(response, "status_details")
        self.usage = _object(response, "usage")
        match response.get("status"), details.get("reason"):
            case "incomplete", "content_filter":
                self.end(ContentRefusedError(code="content_filter"))
            case "failed", _:
                self.end(_error_of(_object(details, "error")))
            case "cancelled", _:
                self.end(ConnectionLostError(code="cancelled"))
            case _:
                is_other = not self._is_trusted.is_set() and not compare(self._text, self.transcript).read_to
                self.end(is_heard=not is_other)

    def end(self, error: SpeechError | None = None, *, is_heard: bool = True) -> None:
        """End it, with what went wrong; what has arrived may still be heard."""
        if not self.is_over:
            self.is_over = True
            self._error = error
            self._chunks.shutdown(immediate=not is_heard)
            self._is_trusted.set()


class RealtimeSession:
    """A session with a voice of its own."""

    def __init__(self, connection: ClientWebSocketResponse) -> None:
        """Use a connection; `open` makes one."""
        self._connection = connection
        self._opened = time.monotonic()
        self._answers: dict[str, RealtimeResponse] = {}
        self._has_ended = False
        self._is_stuck = False
        self._is_ready = asyncio.get_running_loop().create_future()
        self._receiving = asyncio.create_task(self._receive(), name="orator hears a realtime session")
        self._pinging = asyncio.create_task(self._ping(), name="orator keeps a realtime session")

    @classmethod
    async def open(
        cls, session: ClientSession, url: URL, headers: Mapping[str, str], settings: Mapping[str, Any]
    ) -> Self:
        """Connect, and say what holds for the session. Raises SpeechError."""
        if session.closed:
            raise ConnectionLostError
        socket = None
        try:
            with translate_client_errors():
                async with asyncio.timeout(_OPEN_WITHIN):
                    connection = await session.ws_connect(url, headers=headers, max_msg_size=MAX_DOCUMENT_BYTES)
                    socket = cls(connection)
                    await socket._send({"type": "session.update", "session": settings})
                    await asyncio.wait([socket._is_ready])
                    socket._is_ready.result()
        except BaseException as err:
            if socket:
                await socket.close()
            if isinstance(err.__cause__, WSServerHandshakeError):
                refusal = err.__cause__
                if refusal.status < 400:  # it is no refusal: whoever answers has no sockets
                    raise NotASpeechServerError(status=refusal.status) from err
                retry_after = parse_retry_after(refusal.headers.get("Retry-After") if refusal.headers else None)
                raise error_for(refusal.status, (), retry_after) from err
            raise
        return socket

    @property
    def is_spent(self) -> bool:
        """Whether it is not to be asked for more."""
        return self._has_ended or self._is_stuck or time.monotonic() - self._opened > _MAX_AGE

    @property
    def is_busy(self) -> bool:
        """Whether anything comes over it."""
        return bool(self._answers)

    @asynccontextmanager
    async def asked(self, response: Mapping[str, Any], text: str) -> AsyncGenerator[RealtimeResponse]:
        """Ask for a text being read, and give the answer while the context lasts; leaving it cancels the rest."""
        key = uuid4().hex
        answer = self._answers[key] = RealtimeResponse(text)
        try:
            request = {"type": "response.create", "event_id": key, "response": {**response, "metadata": {"key": key}}}
            await self._send(request)
            yield answer
        except TimedOutError:
            self._is_stuck = True
            raise
        finally:
            del self._answers[key]
            if answer.id and (not answer.is_over or answer.has_strayed) and not self._has_ended:
                await self._send({"type": "response.cancel", "response_id": answer.id})
            if self.is_spent and not self.is_busy and not self._has_ended:
                await self.close()

    async def close(self) -> None:
        """Close the connection."""
        if not self._has_ended:
            self._receiving.cancel()
        await asyncio.wait([self._receiving])

    async def _send(self, event: Mapping[str, Any]) -> None:
        with translate_client_errors(ConnectionLostError):
            await self._connection.send_json(event)

    async def _ping(self) -> None:
        """Keep the connection; should it be broken, whoever receives is told."""
        with suppress(ClientError, OSError):
            while True:
                await asyncio.sleep(_PING_EVERY)
                await self._connection.ping()

    async def _receive(self) -> None:
        """Hand what comes to those who wait for it, until the connection ends."""
        error: SpeechError = ConnectionLostError()
        try:
            async for message in self._connection:
                if message.type is WSMsgType.TEXT and (reply := self._take(parse_json(message.data.encode()))):
                    await self._connection.send_json(reply)
        except SpeechError as err:
            error = err
        except ValueError:
            error = NotASpeechServerError()
        except ClientError, OSError:  # while replying
            pass
        finally:
            if not self._is_ready.done():
                self._is_ready.set_exception(error)
                self._is_ready.exception()  # whoever waits for it gets it; if nobody does, that is no accident
            self._has_ended = True
            self._pinging.cancel()
            for answer in self._answers.values():
                answer.end(error)
            await self._connection.close()

    def _take(self, event: Json) -> Mapping[str, Any] | None:
        """Hand an event to whom it is for, and return what to reply. Raises SpeechError where it ends everything."""
        if not isinstance(event, dict):
            raise NotASpeechServerError
        response = _object(event, "response")
        match event.get("type"):
            case "session.updated" if not self._is_ready.done():
                self._is_ready.set_result(None)
            case "response.created":
                answer = self._answers.get(str(_object(response, "metadata").get("key")))
                if answer is None:  # whoever asked has left
                    return {"type": "response.cancel", "response_id": response.get("id")}
                answer.id = response.get("id")
            case "error":
                self._take_error(_object(event, "error"))
            case _:
                if answer := self._answer(event.get("response_id") or response.get("id")):
                    answer.take(event)
        return None

    def _answer(self, response_id: Json) -> RealtimeResponse | None:
        return next((answer for answer in self._answers.values() if answer.id == response_id), None)

    def _take_error(self, details: Mapping[str, Any]) -> None:
        """Tell whoever asked for it what went wrong; what is about nobody's request is about the session."""
        error = _error_of(details)
        if answer := self._answers.get(str(details.get("event_id"))):
            answer.end(error)
        elif not self._is_ready.done() or error.code == "session_expired":
            raise error


def _object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object in a document, an empty one where there is none."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _error_of(details: Mapping[str, Any]) -> SpeechError:
    """Return the error that details stand for; where they say nothing, the provider is at fault."""
    codes = find_error_codes({"error": details})
    if "session_expired" in codes:
        return ConnectionLostError(code="session_expired")
    error = error_for(200, codes) if codes else ProviderFaultError()
    error.status = None
    return error
