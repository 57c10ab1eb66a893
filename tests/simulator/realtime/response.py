"""One answer of OpenAI's Realtime API on its way out: spoken, paced, and spoilt where a fate says so."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import inf
import re
from secrets import token_hex

from aiohttp import web

from ..audio.espeak import speaker_of
from ..audio.recorder import Recording, Studio, Take
from ..delivery import pieces, sleep_until
from ..exchange import Json, Received, Timing
from .contract import RATE, Event, Wanted
from .events import (
    CANCELLED,
    COMPLETED,
    Answer,
    Ending,
    Status,
    Usage,
    error_event,
    failed,
    incomplete,
    rate_limits,
    written,
)
from .schema import EventError
from .script import CHAT, SERVER_ERROR, Fate, Junk

_BYTES_PER_SAMPLE = 2
_BYTES_PER_SECOND = RATE * _BYTES_PER_SAMPLE


@dataclass(slots=True, eq=False)
class Reading:
    """An answer that was asked for, and what became of it.

    body: what stood in `response` of the event, as it came.
    text: what the model was to read.
    status: as in `response.done`; None while there is none, and for good where the connection ended first.
    sent: bytes of its audio handed to the connection so far.
    """

    body: Event
    text: str
    voice: Json
    id: str
    status: Status | None = None
    sent: int = 0


@dataclass(slots=True, eq=False)
class Line:
    """The outgoing side of a connection.

    over: why it ends, once that is known: "left" by the client, "cut", or the words that it is to be closed with.
    voice: the one that was heard, if any was.
    """

    socket: web.WebSocketResponse
    received: Received
    over: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    voice: Json = None

    async def send(self, frame: str | bytes) -> None:
        """Send a frame and count; waits while the client does not read."""
        if isinstance(frame, bytes):
            await self.socket.send_bytes(frame)
        else:
            await self.socket.send_str(frame)
        self.received.sent += len(frame)

    def end(self, why: str) -> None:
        """Let the connection end; the first reason holds."""
        if not self.over.done():
            self.over.set_result(why)


class Speech:
    """Speaks one answer."""

    def __init__(self, line: Line, wanted: Wanted, body: Event, fate: Fate, timing: Timing) -> None:
        """Take the connection, what is wanted, what becomes of it, and how quickly it comes; time begins now."""
        self._line = line
        self._wanted = wanted
        self._fate = fate
        self._timing = timing
        self._arrived = asyncio.get_running_loop().time()
        self._answer = Answer(wanted, f"resp_{token_hex(10)}", f"item_{token_hex(10)}")
        self.reading = Reading(body, wanted.text, wanted.voice, self._answer.id)
        self._again = line.voice is not None
        self._audio = b""
        self._transcript: list[str] = []
        self._words_sent = 0
        self._announced = False
        self._cancelled = False

    async def run(self, studio: Studio, most_tokens: int) -> None:
        """Speak, end in one way or another, and tell so; most_tokens is the model's own limit."""
        await self._line.send(written("response.created", response=self._answer.response()))
        try:
            ending = await self._speak(studio, most_tokens)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._cancelled or task is None:
                raise
            task.uncancel()
            ending = CANCELLED
        await self._finish(ending)

    def cancel(self, task: asyncio.Task[None]) -> None:
        """Stop because the client asks for it; the task is the one that runs this."""
        self._cancelled = True
        task.cancel()

    async def _speak(self, studio: Studio, most_tokens: int) -> Ending:
        """Send the audio with its transcript, and return how the answer ends."""
        spoken = self._fate.spoken(self._wanted.text if self._wanted.text.strip() else CHAT)
        ending = self._fated_ending()
        if spoken.strip():
            take = Take(spoken, speaker_of(_name_of(self._wanted.voice)), "pcm", self._wanted.speed)
            recording = await studio.record(take)
            if self._prepare(spoken, recording, min(most_tokens, self._wanted.most_tokens or most_tokens)):
                ending = incomplete("max_output_tokens")
        await sleep_until(self._arrived + self._timing.first_byte)
        if not self._audio and ending.status == "failed":
            return ending
        self._announced = True
        for frame in self._answer.first():
            await self._line.send(frame)
        for position, incident in sorted(self._incidents(), key=lambda entry: entry[0]):
            await self._send_up_to(position)
            await incident()
        await self._send_up_to(len(self._audio))
        return ending

    def _fated_ending(self) -> Ending:
        if self._fate.failure is not None:
            return failed(self._fate.failure)
        return COMPLETED if self._fate.reason is None else incomplete(self._fate.reason)

    def _prepare(self, spoken: str, recording: Recording, most_tokens: int) -> bool:
        """Lay out the audio and the transcript, as far as the tokens reach; tell whether they did not."""
        self._audio = recording.data
        self._transcript = re.findall(r"\S+\s*|\s+", self._fate.transcribed(spoken))
        spent = self._usage(self._transcript, len(self._audio))["output_tokens"]
        if spent <= most_tokens:
            return False
        share = most_tokens / spent
        self._audio = self._audio[: int(len(self._audio) * share) // _BYTES_PER_SAMPLE * _BYTES_PER_SAMPLE]
        self._transcript = self._transcript[: int(len(self._transcript) * share)]
        return True

    def _usage(self, transcript: list[str], size: int) -> Event:
        """Return what a transcript and so many bytes of audio cost."""
        return Usage(self._wanted, "".join(transcript), size / _BYTES_PER_SECOND, self._again).tokens()

    def _incidents(self) -> Iterator[tuple[int, Callable[[], Awaitable[None]]]]:
        """Return what happens on the way, and after how many bytes of audio."""
        if self._fate.junk is not None:
            yield self._fate.junk_after, partial(self._send_junk, self._fate.junk)
        if self._fate.stall_after is not None:
            yield self._fate.stall_after, partial(asyncio.sleep, inf)
        if self._fate.cut_after is not None:
            yield self._fate.cut_after, self._cut

    async def _cut(self) -> None:
        """End the connection, and do nothing until that has happened."""
        self._line.end("cut")
        await asyncio.sleep(inf)

    async def _send_junk(self, junk: Junk) -> None:
        """Send a frame that a client does not expect."""
        frames: dict[Junk, str | bytes] = {
            "text": '{"type": "response.output_audio.delta", "delta": "',
            "list": "[]",
            "binary": bytes(range(256)),
            "base64": self._answer.about_part("response.output_audio.delta", delta="*not base64*"),
            "unknown": self._answer.about_part("response.output_mood.delta", delta="cheerful"),
            "error": error_event(EventError(SERVER_ERROR.code, SERVER_ERROR.message, kind=SERVER_ERROR.kind)),
        }
        await self._line.send(frames[junk])

    async def _send_up_to(self, stop: int) -> None:
        """Send audio up to a byte, at the rate asked for, and the transcript a little ahead of it."""
        started = asyncio.get_running_loop().time()
        rate = None if self._timing.rate is None else _BYTES_PER_SECOND * self._timing.rate
        end = min(stop, len(self._audio))
        for begin, piece_end, due in pieces(self.reading.sent, end, rate, whole=_BYTES_PER_SAMPLE):
            await sleep_until(started + due)
            await self._send_transcript(piece_end)
            delta = base64.b64encode(self._audio[begin:piece_end]).decode()
            await self._line.send(self._answer.about_part("response.output_audio.delta", delta=delta))
            self.reading.sent = piece_end
            self._line.voice = self._wanted.voice
            await asyncio.sleep(0)  # the other answers have their turn

    async def _send_transcript(self, position: int) -> None:
        """Send the words that are heard before a byte."""
        due = -(-len(self._transcript) * position // len(self._audio))
        if delta := "".join(self._transcript[self._words_sent : due]):
            self._words_sent = due
            await self._line.send(self._answer.about_part("response.output_audio_transcript.delta", delta=delta))

    async def _finish(self, ending: Ending) -> None:
        """Tell how it ended; from here on there is nothing to cancel."""
        self.reading.status = ending.status
        words = self._transcript[: self._words_sent]
        transcript, usage = "".join(words), self._usage(words, self.reading.sent)
        output = []
        if self._announced:
            status = "completed" if ending.status == "completed" else "incomplete"
            output.append(self._answer.item(status, transcript))
            for frame in self._answer.last(transcript, status):
                await self._line.send(frame)
        await self._line.send(written("response.done", response=self._answer.response(ending, output, usage)))
        await self._line.send(rate_limits(usage["total_tokens"]))


def _name_of(voice: Json) -> str:
    """Return the name of a voice, or a custom one's id."""
    return str(voice["id"] if isinstance(voice, dict) else voice)
