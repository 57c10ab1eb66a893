"""A session of OpenAI's Realtime API: a WebSocket, and the responses that arrive over it in parallel."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from enum import Enum, auto
from math import inf
import time
from typing import Any, Final
from uuid import uuid4

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from yarl import URL

from .. import errors
from ..error_responses import error_for, find_error_codes, parse_retry_after
from ..http import MAX_DOCUMENT_BYTES, translate_client_errors
from ..json_documents import Json, get_object, load_json
from ..vendor_models import OPENAI_PCM_LAYOUT
from .transcript import compare, count_words, estimate_duration_by_words_s, is_mismatch_so_far, starts_like

_OPEN_TIMEOUT_S: Final = 15.0
_FIRST_DELTA_TIMEOUT_S: Final = 8.0
"""Timeout for the first audio, short enough for a retry while the listener waits."""
_NEXT_DELTA_TIMEOUT_S: Final = 20.0
_PING_INTERVAL_S: Final = 30.0
"""Idle time after which a ping is sent, so that no proxy closes the connection. aiohttp's own `heartbeat` (3.14.5)
leaves a timer behind if data arrives while the connection closes."""
_MAX_IDLE_S: Final = 10 * 60.0
"""Idle time after which a session is closed, as other idle connections are."""
_MAX_SESSION_AGE_S: Final = 25 * 60.0
"""Age beyond which a session gets no new text: OpenAI ends sessions after half an hour at the earliest."""
_MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""Limit for the audio of a response: twenty minutes of speech."""
_MAX_TRANSCRIPT_CHARS: Final = 64 * 1024
"""Limit for the transcript of a response: an hour of speech."""
_MAX_UNVERIFIED_WORDS: Final = 6
_MAX_UNVERIFIED_BYTES: Final = 2 * OPENAI_PCM_LAYOUT.byte_rate
"""Limits for holding back audio while the transcript does not start like the text."""


class _Phase(Enum):
    """Phases of a response."""

    HELD = auto()
    """Audio is held back if the transcript does not start like the text."""
    RELEASED = auto()
    """Audio is passed on as it arrives."""
    DONE = auto()


class RealtimeResponse:
    """A response that speaks a text: its audio, checked by its transcript.

    Audio is passed on as it arrives, with two exceptions. While the transcript starts with a different word than the
    text, audio is held back for a few words, and discarded if the response ends without a match. Once the transcript
    differs from the text, the response ends with the audio of the words before the difference.
    """

    def __init__(self, text: str) -> None:
        """Initialize a response that speaks `text`."""
        self.id: str | None = None
        self.transcript = ""
        self.usage: Mapping[str, Any] = {}
        """Tokens, known once the response is done."""
        self._text = text
        self._phase = _Phase.HELD
        self._held: list[bytes] = []
        self._audio: asyncio.Queue[bytes] = asyncio.Queue()
        self._received_bytes = 0
        self._end_bytes = inf
        """Length of audio after which the response ends; finite after a mismatch."""
        self._next_check_chars = 1
        self._error: errors.SpeechError | None = None

    @property
    def seconds(self) -> float:
        """Duration of the audio that has arrived."""
        return self._received_bytes / OPENAI_PCM_LAYOUT.byte_rate

    @property
    def is_done(self) -> bool:
        """Whether the response has ended."""
        return self._phase is _Phase.DONE

    @property
    def is_interrupted(self) -> bool:
        """Whether the response was interrupted because it spoke something other than the text."""
        return self._end_bytes < inf

    async def data(self) -> AsyncGenerator[bytes]:
        """Yield the audio as it is released. Raises SpeechError."""
        timeout = _FIRST_DELTA_TIMEOUT_S
        while True:
            try:
                async with asyncio.timeout(timeout):
                    block = await self._audio.get()
            except asyncio.QueueShutDown:
                break
            except TimeoutError as err:
                raise errors.TimedOutError from err
            yield block
            timeout = _NEXT_DELTA_TIMEOUT_S
        if self._error:
            raise self._error

    def handle(self, event: Mapping[str, Any]) -> None:
        """Process an event of this response."""
        match event.get("type"):
            case "response.output_audio.delta":
                self._add_audio(event.get("delta"))
            case "response.output_audio_transcript.delta":
                self._add_transcript(str(event.get("delta", "")))
            case "response.done":
                self._finish(get_object(event, "response"))

    def _add_audio(self, encoded: Json) -> None:
        try:
            block = b64decode(encoded, validate=True)
        except TypeError, ValueError:
            self.end(errors.NotAudioError())
            return
        self._received_bytes += len(block)
        if self._received_bytes > _MAX_RESPONSE_BYTES:
            self.end(errors.ResponseTooLargeError())
        elif block and not self.is_done:
            self._held.append(block)
            if (
                self._phase is _Phase.RELEASED
                or self._received_bytes > _MAX_UNVERIFIED_BYTES
                or starts_like(self._text, self.transcript)
            ):
                self._release()
            self._end_after_mismatch()

    def _add_transcript(self, words: str) -> None:
        """Add words to the transcript, and compare it with the text at growing intervals."""
        if len(self.transcript) + len(words) > _MAX_TRANSCRIPT_CHARS:
            self.end(errors.ResponseTooLargeError())
            return
        self.transcript += words
        if self.is_done or self.is_interrupted or len(self.transcript) < self._next_check_chars:
            return
        self._next_check_chars = len(self.transcript) * 5 // 4 + 1
        if is_mismatch_so_far(self._text, self.transcript):
            matching_text = self._text[: compare(self._text, self.transcript).match_end]
            self._end_bytes = int(estimate_duration_by_words_s(matching_text) * OPENAI_PCM_LAYOUT.byte_rate)
            self._end_after_mismatch()
        elif count_words(self.transcript) > _MAX_UNVERIFIED_WORDS:
            self._release()

    def _release(self) -> None:
        """Pass on the audio that was held back."""
        self._phase = _Phase.RELEASED
        for block in self._held:
            self._audio.put_nowait(block)
        self._held.clear()

    def _end_after_mismatch(self) -> None:
        """End the response once the audio of the matching words has arrived, which follows their transcript."""
        if self._received_bytes >= self._end_bytes:
            self.end(discards_audio=not self._end_bytes)

    def _finish(self, response: Mapping[str, Any]) -> None:
        """Process the status of the finished response. The transcript shows whether the rest of the text is missing."""
        details = get_object(response, "status_details")
        self.usage = get_object(response, "usage")
        match response.get("status"), details.get("reason"):
            case "incomplete", "content_filter":
                self.end(errors.ContentRefusedError(code="content_filter"))
            case "failed", _:
                self.end(_error_in(get_object(details, "error")))
            case "cancelled", _:
                self.end(errors.ConnectionLostError(code="cancelled"))
            case _:
                is_held = self._phase is _Phase.HELD
                self.end(discards_audio=is_held and not compare(self._text, self.transcript).match_end)

    def end(self, error: errors.SpeechError | None = None, *, discards_audio: bool = False) -> None:
        """End the response; audio that has arrived can still be read unless it is discarded."""
        if self.is_done:
            return
        if not discards_audio:
            self._release()
        self._phase = _Phase.DONE
        self._error = error
        self._audio.shutdown(immediate=discards_audio)


class RealtimeSession:
    """A session with one model, voice and speed."""

    def __init__(
        self, http_session: ClientSession, url: URL, headers: Mapping[str, str], settings: Mapping[str, Any]
    ) -> None:
        """Start to open the session; `respond` waits until the session is open."""
        self._started_at = self._last_used_at = time.monotonic()
        self._responses: dict[str, RealtimeResponse] = {}
        """Responses by the ID of the event that requests them."""
        self._is_closed = False
        self._is_stalled = False
        self._connection: ClientWebSocketResponse
        self._ready = asyncio.get_running_loop().create_future()
        """Done once the server has accepted the settings, or opening has failed."""
        self._task = asyncio.create_task(
            self._run(http_session, url, headers, settings), name="orator realtime session"
        )

    @property
    def is_usable(self) -> bool:
        """Whether the session can be used for another response."""
        age = time.monotonic() - self._started_at
        return not self._is_closed and not self._is_stalled and age <= _MAX_SESSION_AGE_S

    @property
    def is_busy(self) -> bool:
        """Whether the session is opening or a response is in progress."""
        return not self._ready.done() or bool(self._responses)

    @asynccontextmanager
    async def respond(self, text: str, settings: Mapping[str, Any]) -> AsyncGenerator[RealtimeResponse]:
        """Request a response that speaks `text`; leaving the context cancels it. Raises SpeechError."""
        key = uuid4().hex
        response = self._responses[key] = RealtimeResponse(text)
        try:
            await asyncio.wait([self._ready])
            self._ready.result()
            await self._send(
                {"type": "response.create", "event_id": key, "response": {**settings, "metadata": {"key": key}}}
            )
            yield response
        except errors.TimedOutError:
            self._is_stalled = True
            raise
        finally:
            del self._responses[key]
            self._last_used_at = time.monotonic()
            is_in_progress = not response.is_done or response.is_interrupted
            if response.id and is_in_progress and not self._is_closed:
                await self._cancel(response.id)
            if not self.is_usable and not self.is_busy:
                self.close()

    def close(self) -> None:
        """Start to close the session."""
        if not self._is_closed:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.wait([self._task])

    async def _run(
        self, http_session: ClientSession, url: URL, headers: Mapping[str, str], settings: Mapping[str, Any]
    ) -> None:
        """Open the session, and process events until the connection ends."""
        connection = None
        error: errors.SpeechError = errors.ConnectionLostError()
        try:
            with translate_client_errors(errors.ConnectionLostError):
                async with asyncio.timeout(_OPEN_TIMEOUT_S):
                    self._connection = connection = await _connect(http_session, url, headers)
                    await self._send({"type": "session.update", "session": settings})
                    while not self._ready.done():
                        await self._receive()
                while True:
                    await self._receive()
        except errors.SpeechError as err:
            error = err
        except ValueError:
            error = errors.NotASpeechServerError()
        finally:
            self._is_closed = True
            if not self._ready.done():
                self._ready.set_exception(error)
                self._ready.exception()  # asyncio reports exceptions that are never retrieved
            for response in self._responses.values():
                response.end(error)
            if connection:
                await connection.close()

    async def _receive(self) -> None:
        """Process the next event, or send a ping if none arrives.

        Raises SpeechError at the end of the connection, or if the session has been idle for too long.
        """
        try:
            message = await self._connection.receive(timeout=_PING_INTERVAL_S)
        except TimeoutError:
            if not self.is_busy and time.monotonic() - self._last_used_at > _MAX_IDLE_S:
                raise errors.ConnectionLostError from None
            await self._connection.ping()
            return
        if message.type is WSMsgType.TEXT:
            await self._handle(await load_json(message.data.encode()))
        elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
            raise errors.ConnectionLostError

    async def _send(self, event: Mapping[str, Any]) -> None:
        with translate_client_errors(errors.ConnectionLostError):
            await self._connection.send_json(event)

    async def _cancel(self, response_id: Json) -> None:
        await self._send({"type": "response.cancel", "response_id": response_id})

    async def _handle(self, event: Json) -> None:
        """Process an event, or pass it to its response. Raises SpeechError if the session has failed."""
        if not isinstance(event, dict):
            raise errors.NotASpeechServerError
        details = get_object(event, "response")
        match event.get("type"):
            case "session.updated" if not self._ready.done():
                self._ready.set_result(None)
            case "response.created":
                if response := self._responses.get(str(get_object(details, "metadata").get("key"))):
                    response.id = details.get("id")
                else:  # the context was exited before the response was created
                    await self._cancel(details.get("id"))
            case "error":
                self._handle_error(get_object(event, "error"))
            case _:
                response_id = event.get("response_id") or details.get("id")
                if response := next((one for one in self._responses.values() if one.id == response_id), None):
                    response.handle(event)

    def _handle_error(self, details: Mapping[str, Any]) -> None:
        """End the response that an error is about, or raise it if it is about the session."""
        error = _error_in(details)
        if response := self._responses.get(str(details.get("event_id"))):
            response.end(error)
        elif not self._ready.done() or error.code == "session_expired":
            raise error


async def _connect(http_session: ClientSession, url: URL, headers: Mapping[str, str]) -> ClientWebSocketResponse:
    if http_session.closed:
        raise errors.ConnectionLostError
    with translate_client_errors():
        try:
            return await http_session.ws_connect(url, headers=headers, max_msg_size=MAX_DOCUMENT_BYTES)
        except WSServerHandshakeError as err:
            if err.status < 400:  # the server does not support WebSockets
                raise errors.NotASpeechServerError(status=err.status) from err
            retry_after = parse_retry_after(err.headers.get("Retry-After") if err.headers else None)
            raise error_for(err.status, (), retry_after) from err


def _error_in(details: Mapping[str, Any]) -> errors.SpeechError:
    """Return the error for the `error` object of an event; without a code, it is a provider fault."""
    codes = find_error_codes({"error": details})
    if "session_expired" in codes:
        return errors.ConnectionLostError(code="session_expired")
    error = error_for(200, codes) if codes else errors.ProviderFaultError()
    error.status = None
    return error
