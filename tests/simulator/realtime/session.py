"""A Realtime connection, from its first event to its end."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMessage, WSMsgType

from ..audio.recorder import Recorder
from ..exchange import ReceivedRequest, Timing
from ..http import parse_json
from .contract import MAX_RESPONSE_TOKENS, Event, merge, parse_event, parse_response, refuse_for_model
from .events import DEFAULT_SESSION_S, error_event, serialize_event
from .response import Channel, ResponseRecord, ResponseStream
from .schema import EventError
from .script import ResponseScript, ScriptedResponse


@dataclass(slots=True, eq=False)
class ConnectionRecord:
    """The record of a connection.

    request: the HTTP request that opened it; its `finished` is set when the connection has ended.
    session: the current settings.
    events: the client's JSON objects in order, including refused ones.
    refusals: the errors sent in response to the client's events.
    responses: the responses created, without refused ones.
    """

    request: ReceivedRequest
    session: Event
    events: list[Event] = field(default_factory=list)
    refusals: list[EventError] = field(default_factory=list)
    responses: list[ResponseRecord] = field(default_factory=list)
    is_open: bool = True

    @property
    def model(self) -> str:
        """The session's model."""
        return str(self.session["model"])

    def events_of_type(self, kind: str) -> list[Event]:
        """Return the client's events of a type."""
        return [event for event in self.events if event.get("type") == kind]


class RealtimeSettings:
    """The settings of all connections; changes apply to following events.

    session_seconds: the maximum duration of a connection; None for no limit.
    session_responses: the number of responses after which a connection ends; None for no limit.
    max_tokens: the models' own limit of a response.
    extract_text: returns the text to read from the user's message, for clients that add something around it.
    script: the pending scripted responses.
    """

    def __init__(self, recorder: Recorder, timing: Callable[[], Timing]) -> None:
        """Initialize with the recorder and a function that returns the current timing."""
        self.session_seconds: float | None = DEFAULT_SESSION_S
        self.session_responses: int | None = None
        self.max_tokens = MAX_RESPONSE_TOKENS
        self.extract_text: Callable[[str], str] = str
        self.recorder = recorder
        self.timing = timing
        self.script = ResponseScript()

    def script_responses(self, *responses: ScriptedResponse) -> None:
        """Add scripted responses; each response consumes the first that matches it."""
        self.script.add(*responses)


class Session:
    """Serves one connection."""

    def __init__(self, settings: RealtimeSettings, record: ConnectionRecord, channel: Channel) -> None:
        """Initialize with the settings, the record to keep, and the channel for events."""
        self._settings = settings
        self._record = record
        self._channel = channel
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: dict[str, tuple[ResponseStream, asyncio.Task[None]]] = {}
        self._responses_ended = 0

    async def run(self) -> str:
        """Serve the connection and return the reason for its end, as in `Channel.ended`."""
        try:
            self._start(self._receive())
            if self._settings.session_seconds is not None:
                self._start(self._expire(self._settings.session_seconds))
            return await self._wait_for_end()
        finally:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_for_end(self) -> str:
        """Return the reason for the end, even if the lost connection then cancels this task."""
        ended = self._channel.ended
        try:
            await asyncio.wait((ended,))
        except asyncio.CancelledError:
            if not ended.done():
                raise
        return ended.result()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task whose failure ends the connection."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ConnectionError):
            self._channel.end("left")
        elif error is not None and not self._channel.ended.done():
            self._channel.ended.set_exception(error)

    async def _expire(self, seconds: float) -> None:
        """End the connection after a time, whatever is being spoken."""
        await asyncio.sleep(seconds)
        for _, task in self._streams.values():
            task.cancel()
        minutes = round((self._settings.session_seconds or DEFAULT_SESSION_S) / 60)
        message = f"Your session hit the maximum duration of {minutes} minutes."
        await self._channel.send(error_event(EventError("session_expired", message)))
        self._channel.end(message)

    async def _receive(self) -> None:
        """Handle events until the client leaves."""
        await self._channel.send(serialize_event("session.created", session=self._record.session))
        async for message in self._channel.socket:
            event = self._record_event(message)
            try:
                await self._handle(_parse(message))
            except EventError as error:
                self._record.refusals.append(error)
                await self._channel.send(error_event(error, event.get("event_id")))
        self._channel.end("left")

    def _record_event(self, message: WSMessage) -> Event:
        """Record and return the client's event, valid or not; empty if it is not a JSON object."""
        event = parse_json(message.data.encode()) if message.type is WSMsgType.TEXT else None
        if not isinstance(event, dict):
            return {}
        self._record.events.append(event)
        return event

    async def _handle(self, event: Event) -> None:
        """Handle a valid event."""
        if event["type"] == "session.update":
            await self._update(event["session"])
        elif event["type"] == "response.create":
            self._create_response(event.get("response", {}))
        else:
            self._cancel_response(event.get("response_id"))

    async def _update(self, changes: Event) -> None:
        """Apply all changes to the session, or none of them."""
        refuse_for_model(changes, "session", self._record.model)
        merged = merge(self._record.session, changes)
        output, before = merged["audio"]["output"], self._record.session["audio"]["output"]
        self._check_voice(output["voice"])
        if output["speed"] != before["speed"] and self._streams:
            message = "The speed cannot be changed while a response is in progress."
            raise EventError("invalid_value", message, "session.audio.output.speed")
        self._record.session = merged
        await self._channel.send(serialize_event("session.updated", session=merged))

    def _check_voice(self, voice: Any) -> None:
        """Refuse a change of voice after audio was sent."""
        if self._channel.voice not in (None, voice):
            message = "Cannot update a conversation's voice if assistant audio is present."
            raise EventError("cannot_update_voice", message)

    def _create_response(self, body: Event) -> None:
        """Start a response."""
        refuse_for_model(body, "response", self._record.model)
        request = parse_response(body, self._record.session, self._settings.extract_text)
        self._check_voice(request.voice)
        scripted = self._settings.script.take(request.text)
        if scripted.error is not None:
            raise EventError(scripted.error.code, scripted.error.message, kind=scripted.error.kind)
        stream = ResponseStream(self._channel, request, body, scripted, self._settings.timing())
        self._record.responses.append(stream.record)
        self._streams[stream.record.id] = stream, self._start(self._run(stream))

    async def _run(self, stream: ResponseStream) -> None:
        await stream.run(self._settings.recorder, self._settings.max_tokens)
        del self._streams[stream.record.id]
        self._responses_ended += 1
        if self._responses_ended == self._settings.session_responses:
            await self._expire(0)

    def _cancel_response(self, response_id: str | None) -> None:
        """Cancel a response. Without an id it would be the conversation's, which never exists here."""
        stream, task = self._streams.get(response_id or "", (None, None))
        if stream is None or task is None or stream.record.status is not None:
            raise EventError("response_cancel_not_active", "Cancellation failed: no active response found")
        stream.cancel(task)


def _parse(message: WSMessage) -> Event:
    """Return the event of a text frame; raise EventError if it is invalid."""
    if message.type is not WSMsgType.TEXT:
        raise EventError("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")
    return parse_event(message.data)
