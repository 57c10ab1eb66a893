"""Sending one Realtime response: its audio and transcript, paced and altered as scripted."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import inf
import re
from secrets import token_hex

from aiohttp import web

from ..audio.espeak import BYTES_PER_SAMPLE, speaker_of
from ..audio.recorder import Recorder, Recording, RecordingSpec
from ..delivery import chunks, sleep_until
from ..exchange import ReceivedRequest, Timing
from ..faults import position_of
from ..http import Json
from .contract import REALTIME_RATE, Event, ResponseRequest
from .events import (
    CANCELLED,
    COMPLETED,
    Ending,
    ResponseEvents,
    Status,
    error_event,
    failed,
    incomplete,
    rate_limits,
    serialize_event,
    usage,
)
from .schema import EventError
from .script import CHAT, SERVER_ERROR, Junk, ScriptedResponse

_BYTES_PER_SECOND = REALTIME_RATE * BYTES_PER_SAMPLE


@dataclass(slots=True, eq=False)
class ResponseRecord:
    """A requested response and its outcome.

    body: the `response` object of the requesting event, unchanged.
    text: the text to read.
    status: as in `response.done`; None before, and if the connection ended first.
    sent: bytes of audio passed to the connection so far.
    """

    body: Event
    text: str
    voice: Json
    id: str
    status: Status | None = None
    sent: int = 0


@dataclass(slots=True, eq=False)
class Channel:
    """The outgoing side of a connection.

    ended: the reason for the connection's end: "left" by the client, "cut", or the reason to close it with.
    voice: the voice of the audio sent so far, if any.
    """

    socket: web.WebSocketResponse
    received: ReceivedRequest
    ended: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    voice: Json = None

    async def send(self, frame: str | bytes) -> None:
        """Send a frame and count its bytes; waits while the client does not read."""
        if isinstance(frame, bytes):
            await self.socket.send_bytes(frame)
        else:
            await self.socket.send_str(frame)
        self.received.sent += len(frame)

    def end(self, reason: str) -> None:
        """End the connection; the first reason wins."""
        if not self.ended.done():
            self.ended.set_result(reason)


class ResponseStream:
    """Sends one response."""

    def __init__(
        self, channel: Channel, request: ResponseRequest, body: Event, scripted: ScriptedResponse, timing: Timing
    ) -> None:
        """Initialize the response; its timing starts now."""
        self._channel = channel
        self._request = request
        self._scripted = scripted
        self._timing = timing
        self._arrived = asyncio.get_running_loop().time()
        self._events = ResponseEvents(request, f"resp_{token_hex(10)}", f"item_{token_hex(10)}")
        self.record = ResponseRecord(body, request.text, request.voice, self._events.id)
        self._is_cached = channel.voice is not None
        self._audio = b""
        self._transcript: list[str] = []
        self._words_sent = 0
        self._has_item = False
        self._is_cancelled = False

    async def run(self, recorder: Recorder, max_tokens: int) -> None:
        """Send the whole response; `max_tokens` is the model's own limit."""
        await self._channel.send(serialize_event("response.created", response=self._events.response()))
        try:
            ending = await self._speak(recorder, max_tokens)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._is_cancelled or task is None:
                raise
            task.uncancel()
            ending = CANCELLED
        await self._finish(ending)

    def cancel(self, task: asyncio.Task[None]) -> None:
        """Cancel the response on the client's request; the task is the one that runs it."""
        self._is_cancelled = True
        task.cancel()

    async def _speak(self, recorder: Recorder, max_tokens: int) -> Ending:
        """Send the audio with its transcript, and return the response's ending."""
        spoken = self._scripted.spoken_text(self._request.text if self._request.text.strip() else CHAT)
        ending = self._scripted_ending()
        if spoken.strip():
            spec = RecordingSpec(spoken, speaker_of(_voice_name(self._request.voice)), "pcm", self._request.speed)
            recording = await recorder.record(spec)
            if self._prepare(spoken, recording, min(max_tokens, self._request.max_tokens or max_tokens)):
                ending = incomplete("max_output_tokens")
        await sleep_until(self._arrived + self._timing.first_byte)
        if not self._audio and ending.status == "failed":
            return ending
        self._has_item = True
        for frame in self._events.before_audio():
            await self._channel.send(frame)
        for position, action in sorted(self._scripted_actions(), key=lambda entry: entry[0]):
            await self._send_up_to(position)
            await action()
        await self._send_up_to(len(self._audio))
        return ending

    def _scripted_ending(self) -> Ending:
        if self._scripted.failure is not None:
            return failed(self._scripted.failure)
        return COMPLETED if self._scripted.reason is None else incomplete(self._scripted.reason)

    def _prepare(self, spoken: str, recording: Recording, max_tokens: int) -> bool:
        """Set the audio and the transcript, and return whether the token limit shortens them."""
        self._audio = recording.data
        self._transcript = re.findall(r"\S+\s*|\s+", self._scripted.transcribe(spoken))
        tokens = self._usage(self._transcript, len(self._audio))["output_tokens"]
        if tokens <= max_tokens:
            return False
        share = max_tokens / tokens
        self._audio = self._audio[: int(len(self._audio) * share) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE]
        self._transcript = self._transcript[: int(len(self._transcript) * share)]
        return True

    def _usage(self, words: list[str], audio_bytes: int) -> Event:
        """Return the usage for the words of a transcript and their audio."""
        seconds = audio_bytes / _BYTES_PER_SECOND
        return usage(self._request, "".join(words), seconds, is_cached=self._is_cached)

    def _scripted_actions(self) -> Iterator[tuple[int, Callable[[], Awaitable[None]]]]:
        """Yield the scripted actions during the audio, with their positions in bytes."""
        if self._scripted.junk is not None:
            yield self._scripted.junk_after, partial(self._send_junk, self._scripted.junk)
        if self._scripted.stall_after is not None:
            yield self._scripted.stall_after, partial(asyncio.sleep, inf)
        if self._scripted.cut_after is not None:
            position = position_of(self._scripted.cut_after, len(self._audio))
            yield position // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE, self._cut

    async def _cut(self) -> None:
        """Cut the connection and wait for that to happen."""
        self._channel.end("cut")
        await asyncio.sleep(inf)

    async def _send_junk(self, junk: Junk) -> None:
        """Send an unexpected frame."""
        frames: dict[Junk, str | bytes] = {
            "text": '{"type": "response.output_audio.delta", "delta": "',
            "list": "[]",
            "binary": bytes(range(256)),
            "base64": self._events.part_event("response.output_audio.delta", delta="*not base64*"),
            "unknown": self._events.part_event("response.output_mood.delta", delta="cheerful"),
            "error": error_event(EventError(SERVER_ERROR.code, SERVER_ERROR.message, kind=SERVER_ERROR.kind)),
        }
        await self._channel.send(frames[junk])

    async def _send_up_to(self, stop: int) -> None:
        """Send audio up to a byte, at the timing's rate, with the transcript slightly ahead of it."""
        started = asyncio.get_running_loop().time()
        rate = None if self._timing.rate is None else _BYTES_PER_SECOND * self._timing.rate
        end = min(stop, len(self._audio))
        for begin, chunk_end, due in chunks(self.record.sent, end, rate, multiple_of=BYTES_PER_SAMPLE):
            await sleep_until(started + due)
            await self._send_transcript(chunk_end)
            delta = base64.b64encode(self._audio[begin:chunk_end]).decode()
            await self._channel.send(self._events.part_event("response.output_audio.delta", delta=delta))
            self.record.sent = chunk_end
            self._channel.voice = self._request.voice
            await asyncio.sleep(0)  # lets other responses proceed

    async def _send_transcript(self, position: int) -> None:
        """Send the words spoken before a byte of the audio."""
        due = -(-len(self._transcript) * position // len(self._audio))
        if delta := "".join(self._transcript[self._words_sent : due]):
            self._words_sent = due
            if not self._scripted.states_transcript("delta"):
                return
            await self._channel.send(self._events.part_event("response.output_audio_transcript.delta", delta=delta))

    async def _finish(self, ending: Ending) -> None:
        """Send the final events; the response can no longer be cancelled."""
        self.record.status = ending.status
        words = self._transcript[: self._words_sent]
        transcript, tokens = "".join(words), self._usage(words, self.record.sent)
        output = []
        if self._has_item:
            status = "completed" if ending.status == "completed" else "incomplete"
            output.append(self._events.item(status, transcript if self._scripted.states_transcript("response") else ""))
            for frame in self._events.after_audio(transcript, status, self._scripted):
                await self._channel.send(frame)
        response = self._events.response(ending, output, tokens)
        await self._channel.send(serialize_event("response.done", response=response))
        await self._channel.send(rate_limits(tokens["total_tokens"]))


def _voice_name(voice: Json) -> str:
    """Return the name of a voice, or the id of a custom one."""
    return str(voice["id"] if isinstance(voice, dict) else voice)
