"""A connection to OpenAI's Realtime API, from its first event to its end."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMessage, WSMsgType

from ..audio.recorder import Studio
from ..exchange import Received, Timing, parse_json
from .contract import MOST_TOKENS, Event, merge, parse_event, parse_response, refuse_for_model
from .events import error_event, written
from .response import Line, Reading, Speech
from .schema import EventError
from .script import Fate, Fates

_USUAL_SECONDS = 3600.0


@dataclass(slots=True, eq=False)
class Socket:
    """A connection that was opened.

    request: the one that it began with; its `finished` is set when the connection has ended.
    session: its settings at the moment.
    events: what the client sent, in order, as far as it was a JSON object; also what was refused.
    refusals: what it was told in `error` events.
    readings: the answers that were asked for, without those that were refused.
    """

    request: Received
    session: Event
    events: list[Event] = field(default_factory=list)
    refusals: list[EventError] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    open: bool = True

    @property
    def model(self) -> str:
        """Who speaks."""
        return str(self.session["model"])

    def asked(self, kind: str) -> list[Event]:
        """Return the client's events of a type."""
        return [event for event in self.events if event.get("type") == kind]


class Conditions:
    """What holds on all connections. Everything may be changed at any time, and holds for what comes next.

    session_seconds: how long a connection may last; None for ever.
    session_readings: how many answers it may end before it is at its end itself; None for any number.
    most_tokens: the longest answer of the models.
    reads: finds the words to read in what the user says, for a client that puts something around them.
    """

    def __init__(self, studio: Studio, timing: Callable[[], Timing]) -> None:
        """Take where speech is recorded, and how to learn how quickly answers come at the moment."""
        self.session_seconds: float | None = _USUAL_SECONDS
        self.session_readings: int | None = None
        self.most_tokens = MOST_TOKENS
        self.reads: Callable[[str], str] = str
        self.studio = studio
        self.timing = timing
        self.fates = Fates()

    def befall(self, *fates: Fate) -> None:
        """Let coming answers go another way: each takes the first fate that matches it and has not been used up."""
        for fate in fates:
            self.fates.add(fate)


class Session:
    """Serves one connection."""

    def __init__(self, conditions: Conditions, socket: Socket, line: Line) -> None:
        """Take what holds, the record to keep, and where events go."""
        self._conditions = conditions
        self._socket = socket
        self._line = line
        self._tasks: set[asyncio.Task[None]] = set()
        self._speaking: dict[str, tuple[Speech, asyncio.Task[None]]] = {}
        self._readings_ended = 0

    async def run(self) -> str:
        """Serve the connection, and return why it ends: "left", "cut", or the words that it is to be closed with."""
        try:
            self._start(self._listen())
            if self._conditions.session_seconds is not None:
                self._start(self._expire(self._conditions.session_seconds))
            return await self._reason()
        finally:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _reason(self) -> str:
        """Wait for the end and return its reason, also where losing the connection then cancels this task."""
        over = self._line.over
        try:
            await asyncio.wait((over,))
        except asyncio.CancelledError:
            if not over.done():
                raise
        return over.result()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something besides; what goes wrong there ends the connection."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        problem = None if task.cancelled() else task.exception()
        if isinstance(problem, ConnectionError):
            self._line.end("left")
        elif problem is not None and not self._line.over.done():
            self._line.over.set_exception(problem)

    async def _expire(self, seconds: float) -> None:
        """Let the connection end after a time, in the middle of whatever is said."""
        await asyncio.sleep(seconds)
        for _, task in self._speaking.values():
            task.cancel()
        minutes = round((self._conditions.session_seconds or _USUAL_SECONDS) / 60)
        message = f"Your session hit the maximum duration of {minutes} minutes."
        await self._line.send(error_event(EventError("session_expired", message)))
        self._line.end(message)

    async def _listen(self) -> None:
        """Answer events until the client leaves."""
        await self._line.send(written("session.created", session=self._socket.session))
        async for message in self._line.socket:
            event = self._remembered(message)
            try:
                await self._handle(_parsed(message))
            except EventError as error:
                self._socket.refusals.append(error)
                await self._line.send(error_event(error, event.get("event_id")))
        self._line.end("left")

    def _remembered(self, message: WSMessage) -> Event:
        """Keep what the client sent, whatever will be thought of it."""
        event = parse_json(message.data.encode()) if message.type is WSMsgType.TEXT else None
        if not isinstance(event, dict):
            return {}
        self._socket.events.append(event)
        return event

    async def _handle(self, event: Event) -> None:
        """Do what an event says."""
        if event["type"] == "session.update":
            await self._update(event["session"])
        elif event["type"] == "response.create":
            self._read(event.get("response", {}))
        else:
            self._cancel(event.get("response_id"))

    async def _update(self, changes: Event) -> None:
        """Change the session's settings, all that are given or none."""
        refuse_for_model(changes, "session", self._socket.model)
        merged = merge(self._socket.session, changes)
        output, before = merged["audio"]["output"], self._socket.session["audio"]["output"]
        self._keep_voice(output["voice"])
        if output["speed"] != before["speed"] and self._speaking:
            message = "The speed cannot be changed while a response is in progress."
            raise EventError("invalid_value", message, "session.audio.output.speed")
        self._socket.session = merged
        await self._line.send(written("session.updated", session=merged))

    def _keep_voice(self, voice: Any) -> None:
        """Refuse another voice than the one that was heard already."""
        if self._line.voice not in (None, voice):
            message = "Cannot update a conversation's voice if assistant audio is present."
            raise EventError("cannot_update_voice", message)

    def _read(self, settings: Event) -> None:
        """Begin an answer."""
        refuse_for_model(settings, "response", self._socket.model)
        wanted = parse_response(settings, self._socket.session, self._conditions.reads)
        self._keep_voice(wanted.voice)
        fate = self._conditions.fates.take(wanted.text)
        if fate.error is not None:
            raise EventError(fate.error.code, fate.error.message, kind=fate.error.kind)
        speech = Speech(self._line, wanted, settings, fate, self._conditions.timing())
        self._socket.readings.append(speech.reading)
        self._speaking[speech.reading.id] = speech, self._start(self._speak(speech))

    async def _speak(self, speech: Speech) -> None:
        await speech.run(self._conditions.studio, self._conditions.most_tokens)
        del self._speaking[speech.reading.id]
        self._readings_ended += 1
        if self._readings_ended == self._conditions.session_readings:
            await self._expire(0)

    def _cancel(self, answer: str | None) -> None:
        """Stop an answer. Without an id it would be the conversation's, and there is none."""
        speech, task = self._speaking.get(answer or "", (None, None))
        if speech is None or task is None or speech.reading.status is not None:
            raise EventError("response_cancel_not_active", "Cancellation failed: no active response found")
        speech.cancel(task)


def _parsed(message: WSMessage) -> Event:
    """Return an event that fits its schema, or refuse it."""
    if message.type is not WSMsgType.TEXT:
        raise EventError("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")
    return parse_event(message.data)
