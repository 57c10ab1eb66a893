"""A voice satellite and a speech recognizer that speak the Wyoming protocol."""

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

from tests.support.processes import LOCALHOST, find_free_port

_TIMEOUT_S: Final = 60.0
_MICROPHONE_RATE: Final = 16_000
_ATTRIBUTION: Final = Attribution(name="Orator", url="https://github.com/orator-tts/orator")


@dataclass(slots=True)
class SatelliteRecording:
    """Audio that a satellite received. started: when, in the seconds of `time.monotonic`."""

    rate: int
    width: int
    channels: int
    started: float = 0.0
    samples: bytearray = field(default_factory=bytearray)


class WyomingServices:
    """The satellite and the recognizer.

    transcript: the recognizer's next result, independent of the audio.
    """

    def __init__(self) -> None:
        """Choose free ports."""
        self.satellite_port = find_free_port()
        self.recognizer_port = find_free_port()
        self.transcript = ""
        self._recordings: asyncio.Queue[SatelliteRecording] = asyncio.Queue()
        self._connected: asyncio.Future[_SatelliteHandler] = asyncio.get_running_loop().create_future()

    async def speak(self, text: str) -> float:
        """Speak to the satellite, and return when, in the seconds of `time.monotonic`; earlier audio is discarded."""
        self.transcript = text
        while not self._recordings.empty():
            self._recordings.get_nowait()
        async with asyncio.timeout(_TIMEOUT_S):
            satellite = await self._connected
            started = time.monotonic()
            await satellite.stream_microphone()
        return started

    async def next_recording(self) -> SatelliteRecording:
        """Return the next audio of the satellite, once it is complete."""
        async with asyncio.timeout(_TIMEOUT_S):
            return await self._recordings.get()

    def set_connected(self, handler: _SatelliteHandler) -> None:
        """Store the connection of Home Assistant to the satellite."""
        if not self._connected.done():
            self._connected.set_result(handler)

    def add_recording(self, recording: SatelliteRecording) -> None:
        """Add audio that the satellite received."""
        self._recordings.put_nowait(recording)


class _Handler(AsyncEventHandler):
    """A connection of Home Assistant."""

    @override
    async def run(self) -> None:
        with suppress(ConnectionError):  # Home Assistant stops
            await super().run()


class _SatelliteHandler(_Handler):
    """A connection to the satellite."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, services: WyomingServices) -> None:
        super().__init__(reader, writer)
        self._services = services
        self._recording: SatelliteRecording | None = None

    @override
    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(Info(satellite=_describe(Satellite, "Bedroom")).event())
        elif RunSatellite.is_type(event.type):
            self._services.set_connected(self)
        elif Ping.is_type(event.type):
            await self.write_event(Pong(text=Ping.from_event(event).text).event())
        elif AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            self._recording = SatelliteRecording(start.rate, start.width, start.channels)
        elif AudioChunk.is_type(event.type) and self._recording:
            self._recording.started = self._recording.started or time.monotonic()
            self._recording.samples += AudioChunk.from_event(event).audio
        elif AudioStop.is_type(event.type) and self._recording:
            self._services.add_recording(self._recording)
            self._recording = None
            await self.write_event(Played().event())
        return True

    async def stream_microphone(self) -> None:
        """Start a pipeline, and send a second of silence."""
        await self.write_event(RunPipeline(start_stage=PipelineStage.ASR, end_stage=PipelineStage.TTS).event())
        silence = bytes(_MICROPHONE_RATE * 2)
        await self.write_event(AudioChunk(rate=_MICROPHONE_RATE, width=2, channels=1, audio=silence).event())
        await self.write_event(AudioStop().event())


class _RecognizerHandler(_Handler):
    """A connection to the recognizer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, services: WyomingServices) -> None:
        super().__init__(reader, writer)
        self._services = services

    @override
    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            program = _describe(AsrProgram, "Recognizer", models=[_describe(AsrModel, "English", languages=["en"])])
            await self.write_event(Info(asr=[program]).event())
        elif AudioStop.is_type(event.type):
            await self.write_event(Transcript(text=self._services.transcript).event())
        return True


def _describe[T](kind: Callable[..., T], name: str, **more: object) -> T:
    """Return the Wyoming description of a service."""
    return kind(name=name, attribution=_ATTRIBUTION, installed=True, description=name, version="1", **more)


@asynccontextmanager
async def run_wyoming_services() -> AsyncGenerator[WyomingServices]:
    """Run the satellite and the recognizer."""
    services = WyomingServices()
    servers: list[AsyncTcpServer] = []
    try:
        for port, handler in (
            (services.satellite_port, _SatelliteHandler),
            (services.recognizer_port, _RecognizerHandler),
        ):
            server = AsyncTcpServer(LOCALHOST, port)
            servers.append(server)
            await server.start(partial(handler, services=services))
        yield services
    finally:
        for server in servers:
            await server.stop()
