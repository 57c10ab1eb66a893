"""Real players: MPD and a DLNA renderer, which keep what they play. No sound card is needed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import secrets
from typing import Final
import uuid

from mpd.asyncio import MPDClient

from tests.support.processes import LOCALHOST, free_port, running

from .programs import ProgramError, Programs

_PATIENCE: Final = 30.0  # seconds
_POLL: Final = 0.05
_LOG_TAIL: Final = 2000  # characters
_SILENCE: Final = 1.5  # seconds without a sound, after which something has been played

_RENDERER_ADDRESS: Final = "192.0.2.1"  # which script/lib/isolated gives to the interface that has multicast
_RENDERER_PORTS: Final = (49152, 65535)


@dataclass(frozen=True, slots=True)
class Mpd:
    """A Music Player Daemon. tape: what it has played last, as wav; playing takes as long as it would be heard."""

    port: int
    tape: Path

    async def play_to_end(self) -> tuple[str, float]:
        """Wait until something has been played; return its address, and how many seconds of it were played."""
        client = MPDClient()
        await client.connect(LOCALHOST, self.port)
        song, elapsed = "", 0.0
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    status = await client.status()
                    assert "error" not in status, status["error"]
                    if song and status["state"] == "stop":
                        return song, elapsed
                    song = (await client.currentsong()).get("file", song)
                    elapsed = float(status.get("elapsed", elapsed))
                    await asyncio.sleep(_POLL)
        finally:
            client.disconnect()


@asynccontextmanager
async def run_mpd(programs: Programs, folder: Path) -> AsyncGenerator[Mpd]:
    """Run MPD until the end of the `async with`."""
    mpd = Mpd(free_port(), folder / "mpd.wav")
    configuration = folder / "mpd.conf"
    configuration.write_text(f"""
bind_to_address "{LOCALHOST}"
port "{mpd.port}"
zeroconf_enabled "no"
audio_output {{
    type "null"
    name "Nobody hears this, at the pace of a sound card"
    mixer_type "software"
}}
audio_output {{
    type "recorder"
    name "Tape"
    encoder "wave"
    path "{mpd.tape}"
}}
""")
    command = (programs.find("mpd"), "--no-daemon", "--stderr", str(configuration))
    log = folder / "mpd.log"
    async with running(command, log=log, folder=folder, environment=programs.environment) as process:
        await _until_listening(LOCALHOST, mpd.port, process, log)
        yield mpd


@dataclass(frozen=True, slots=True)
class Renderer:
    """A DLNA renderer. url: of its description; tape: what it has played last, as wav."""

    url: str
    tape: Path

    def forget(self) -> None:
        """Remove what was played before."""
        self.tape.unlink(missing_ok=True)

    async def play_to_end(self) -> None:
        """Wait until what is being played has been played."""
        size = 0
        async with asyncio.timeout(_PATIENCE):
            while not size or self.tape.stat().st_size != size:
                size = self.tape.stat().st_size if self.tape.exists() else 0
                await asyncio.sleep(_SILENCE)


@asynccontextmanager
async def run_renderer(programs: Programs, folder: Path) -> AsyncGenerator[Renderer]:
    """Run gmediarender until the end of the `async with`."""
    port = _RENDERER_PORTS[0] + secrets.randbelow(_RENDERER_PORTS[1] - _RENDERER_PORTS[0])
    tape = folder / "renderer.wav"
    sink = f"audioconvert ! wavenc ! filesink location={tape} sync=true buffer-mode=unbuffered"
    command = (
        *(programs.find("gmediarender"), "--interface-name=speakers", f"--port={port}", f"--uuid={uuid.uuid4()}"),
        *("--friendly-name=Living room", "--logfile=stdout", f"--gstout-audiopipe={sink}"),
    )
    log = folder / "gmediarender.log"
    async with running(command, log=log, folder=folder, environment=programs.environment) as process:
        await _until_listening(_RENDERER_ADDRESS, port, process, log)
        yield Renderer(f"http://{_RENDERER_ADDRESS}:{port}/description.xml", tape)


async def _until_listening(host: str, port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until a program takes connections."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection(host, port)
                except OSError:
                    await asyncio.sleep(_POLL)
                else:
                    writer.close()
                    return
    except TimeoutError:
        pass
    said = await asyncio.to_thread(log.read_text, errors="replace")
    raise ProgramError(f"{log.stem} does not run:\n{said[-_LOG_TAIL:]}")
