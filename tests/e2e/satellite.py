"""A voice satellite and a speech recogniser, which speak Wyoming: Home Assistant connects to them as to real ones."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
import time
from typing import Final, override

from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, Satellite
from wyoming.ping import Ping, Pong
from wyoming.pipeline import PipelineStage, RunPipeline
from wyoming.satellite import RunSatellite
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.snd import Played

from tests.support.processes import LOCALHOST, free_port

_PATIENCE: Final = 60.0  # seconds
_MICROPHONE_RATE: Final = 16_000  # Hz
_ATTRIBUTION: Final = Attribution(name="Orator", url="https://github.com/orator-tts/orator")


@dataclass(slots=True)
class Recording:
    """What a satellite was given to play. began, ended: in the seconds of `time.monotonic`."""

    rate: int
    width: int
    channels: int
    began: float = 0.0
    ended: float = 0.0
    samples: bytearray = field(default_factory=bytearray)


class Room:
    """A room with a satellite, and who understands what is said in it.

    satellite_port, recogniser_port: where they are reached.
    said: what the recogniser understands next, whatever the microphone hears.
    """

    def __init__(self) -> None:
        """Prepare a quiet room."""
        self.satellite_port = free_port()
        self.recogniser_port = free_port()
        self.said = ""
        self._played: asyncio.Queue[Recording] = asyncio.Queue()
        self._connected: asyncio.Future[_SatelliteHandler] = asyncio.get_running_loop().create_future()

    async def ask(self, text: str) -> float:
        """Say something near the satellite; return when, in the seconds of `time.monotonic`."""
        self.said = text
        async with asyncio.timeout(_PATIENCE):
            satellite = await self._connected
            asked = time.monotonic()
            await satellite.stream_microphone()
        return asked

    async def heard(self) -> Recording:
        """Return what the satellite plays next, once it has been played."""
        async with asyncio.timeout(_PATIENCE):
            return await self._played.get()

    def connected(self, handler: _SatelliteHandler) -> None:
        """Take notice of a Home Assistant that wants to work with the satellite."""
        if not self._connected.done():
            self._connected.set_result(handler)

    def played(self, recording: Recording) -> None:
        """Take notice of what the satellite has played."""
        self._played.put_nowait(recording)


class _Handler(AsyncEventHandler):
    """One connection."""

    @override
    async def run(self) -> None:
        with suppress(ConnectionError):  # Home Assistant ends
            await super().run()


class _SatelliteHandler(_Handler):
    """One connection to the satellite."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, room: Room) -> None:
        super().__init__(reader, writer)
        self._room = room
        self._recording: Recording | None = None

    @override
    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(Info(satellite=_named(Satellite, "Bedroom")).event())
        elif RunSatellite.is_type(event.type):
            self._room.connected(self)
        elif Ping.is_type(event.type):
            await self.write_event(Pong(text=Ping.from_event(event).text).event())
        elif AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            self._recording = Recording(start.rate, start.width, start.channels)
        elif AudioChunk.is_type(event.type) and self._recording:
            self._recording.began = self._recording.began or time.monotonic()
            self._recording.samples += AudioChunk.from_event(event).audio
        elif AudioStop.is_type(event.type) and self._recording:
            self._recording.ended = time.monotonic()
            self._room.played(self._recording)
            self._recording = None
            await self.write_event(Played().event())
        return True

    async def stream_microphone(self) -> None:
        """Start a pipeline, and send a second of a quiet room."""
        await self.write_event(RunPipeline(start_stage=PipelineStage.ASR, end_stage=PipelineStage.TTS).event())
        silence = bytes(_MICROPHONE_RATE * 2)
        await self.write_event(AudioChunk(rate=_MICROPHONE_RATE, width=2, channels=1, audio=silence).event())
        await self.write_event(AudioStop().event())


class _RecogniserHandler(_Handler):
    """One connection to the recogniser."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, room: Room) -> None:
        super().__init__(reader, writer)
        self._room = room

    @override
    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            program = _named(AsrProgram, "Recogniser", models=[_named(AsrModel, "English", languages=["en"])])
            await self.write_event(Info(asr=[program]).event())
        elif AudioStop.is_type(event.type):
            await self.write_event(Transcript(text=self._room.said).event())
        return True


def _named[T](kind: Callable[..., T], name: str, **more: object) -> T:
    """Return the description of something."""
    return kind(name=name, attribution=_ATTRIBUTION, installed=True, description=name, version="1", **more)


@asynccontextmanager
async def furnished_room() -> AsyncGenerator[Room]:
    """Let a satellite and a recogniser listen, until the end of the `async with`."""
    room = Room()
    servers: list[AsyncTcpServer] = []
    try:
        for port, handler in ((room.satellite_port, _SatelliteHandler), (room.recogniser_port, _RecogniserHandler)):
            server = AsyncTcpServer(LOCALHOST, port)
            servers.append(server)
            await server.start(partial(handler, room=room))
        yield room
    finally:
        for server in servers:
            await server.stop()
