"""Real players, MPD and a DLNA renderer, which record what they play. No sound card is needed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import secrets
from typing import Final
import uuid

from mpd.asyncio import MPDClient

from tests.support.processes import LOCALHOST, find_free_port, run_program

from .programs import Programs, wait_until_connected
from .sound_server import Sink

_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.05
_IDLE_S: Final = 1.5  # playback has ended after this time without new audio

_RENDERER_ADDRESS: Final = "192.0.2.1"  # of the interface with multicast, see script/lib/isolated
_RENDERER_PORTS: Final = (49152, 65535)

_MPD_PULSE: Final = """
audio_output {
    type "pulse"
    name "PulseAudio"
    mixer_type "software"
}
"""
_MPD_RECORDER: Final = """
audio_output {{
    type "null"
    name "No output, at the pace of a sound card"
    mixer_type "software"
}}
audio_output {{
    type "recorder"
    name "Recorder"
    encoder "wave"
    path "{recording}"
}}
"""


@dataclass(frozen=True, slots=True)
class Mpd:
    """A Music Player Daemon, which plays in real time. recording: the last audio, as WAV."""

    port: int
    recording: Path

    async def play_to_end(self) -> tuple[str, float]:
        """Wait for the end of playback, and return the URL and the seconds that were played."""
        client = MPDClient()
        await client.connect(LOCALHOST, self.port)
        song, elapsed = "", 0.0
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                while True:
                    status = await client.status()
                    assert "error" not in status, status["error"]
                    if song and status["state"] == "stop":
                        return song, elapsed
                    song = (await client.currentsong()).get("file", song)
                    elapsed = float(status.get("elapsed", elapsed))
                    await asyncio.sleep(_POLL_S)
        finally:
            client.disconnect()


@asynccontextmanager
async def run_mpd(programs: Programs, folder: Path, sink: Sink | None = None) -> AsyncGenerator[Mpd]:
    """Run MPD, which records or plays on a sink."""
    mpd = Mpd(find_free_port(), folder / "mpd.wav")
    configuration = folder / "mpd.conf"
    configuration.write_text(f"""
bind_to_address "{LOCALHOST}"
port "{mpd.port}"
zeroconf_enabled "no"
{_MPD_PULSE if sink else _MPD_RECORDER.format(recording=mpd.recording)}
""")
    command = (programs.find("mpd"), "--no-daemon", "--stderr", str(configuration))
    log = folder / "mpd.log"
    environment = sink.environment if sink else programs.environment
    async with run_program(command, log=log, folder=folder, environment=environment) as process:
        await wait_until_listening(LOCALHOST, mpd.port, process, log)
        yield mpd


@dataclass(frozen=True, slots=True)
class Renderer:
    """A DLNA renderer. url: of its description; recording: the last audio, as WAV."""

    url: str
    recording: Path

    def delete_recording(self) -> None:
        """Delete the last recording."""
        self.recording.unlink(missing_ok=True)

    async def play_to_end(self) -> None:
        """Wait for the end of playback."""
        size = 0
        async with asyncio.timeout(_TIMEOUT_S):
            while not size or self.recording.stat().st_size != size:
                size = self.recording.stat().st_size if self.recording.exists() else 0
                await asyncio.sleep(_IDLE_S)


@asynccontextmanager
async def run_renderer(programs: Programs, folder: Path, sink: Sink | None = None) -> AsyncGenerator[Renderer]:
    """Run gmediarender, which records or plays on a sink."""
    port = _RENDERER_PORTS[0] + secrets.randbelow(_RENDERER_PORTS[1] - _RENDERER_PORTS[0])
    recording = folder / "renderer.wav"
    pipeline = f"audioconvert ! wavenc ! filesink location={recording} sync=true buffer-mode=unbuffered"
    output = "--gstout-audiosink=pulsesink" if sink else f"--gstout-audiopipe={pipeline}"
    command = (
        *(programs.find("gmediarender"), "--interface-name=speakers", f"--port={port}", f"--uuid={uuid.uuid4()}"),
        *("--friendly-name=Living room", "--logfile=stdout", output),
    )
    log = folder / "gmediarender.log"
    environment = sink.environment if sink else programs.environment
    async with run_program(command, log=log, folder=folder, environment=environment) as process:
        await wait_until_listening(_RENDERER_ADDRESS, port, process, log)
        yield Renderer(f"http://{_RENDERER_ADDRESS}:{port}/description.xml", recording)


async def wait_until_listening(host: str, port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until a program accepts connections."""
    await wait_until_connected(lambda: asyncio.open_connection(host, port), process, log)
