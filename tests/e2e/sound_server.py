"""A PulseAudio server without a sound card, which plays in real time and records what each program plays."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
import os
from pathlib import Path
from typing import Final, override

import numpy as np

from tests.support.processes import run_program

from .programs import Programs, wait_until_connected

RECORDING_RATE: Final = 44_100
"""Sample rate of the recordings in Hz."""

type Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(slots=True)
class Recording(asyncio.Protocol):
    """Everything that a sink plays, also silence, as 16-bit mono."""

    data: bytearray = field(default_factory=bytearray)

    @override
    def data_received(self, data: bytes) -> None:
        self.data += data

    @property
    def seconds(self) -> float:
        """Seconds recorded until now."""
        return len(self.data) / 2 / RECORDING_RATE

    def samples(self, start_s: float = 0.0) -> Samples:
        """Return the samples from a time of the recording on, between -1 and 1."""
        start = round(start_s * RECORDING_RATE) * 2
        return np.frombuffer(bytes(self.data[start : len(self.data) // 2 * 2]), "<i2") / 32768


@dataclass(frozen=True, slots=True)
class Sink:
    """A loudspeaker of the sound server. environment: with it, programs play on this sink."""

    environment: Mapping[str, str]
    recording: Recording


@asynccontextmanager
async def run_sound_server(programs: Programs, folder: Path, names: Sequence[str]) -> AsyncGenerator[dict[str, Sink]]:
    """Run PulseAudio with a sink for each name."""
    socket = folder / "pulse.socket"
    environment = {**programs.environment, "HOME": str(folder), "PULSE_RUNTIME_PATH": str(folder / "pulse")}
    pipes = {name: folder / f"{name}.pipe" for name in names}
    command = [programs.find("pulseaudio"), "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
    if programs.prefix:
        (modules,) = (programs.prefix / "usr/lib").glob("pulse-*/modules")
        command.append(f"--dl-search-path={modules}")
        environment["LD_LIBRARY_PATH"] += f"{os.pathsep}{modules}"
    for name, pipe in pipes.items():
        os.mkfifo(pipe)
        command.append(
            f"--load=module-pipe-sink sink_name={name} file={pipe} use_system_clock_for_timing=yes "
            f"format=s16le rate={RECORDING_RATE} channels=1"
        )
    command += [
        # Keeps the volume of a program, as every desktop does.
        "--load=module-stream-restore restore_device=no",
        f"--load=module-native-protocol-unix auth-anonymous=1 socket={socket}",
    ]
    log = folder / "pulseaudio.log"
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(run_program(command, log=log, folder=folder, environment=environment))
        await wait_until_connected(lambda: asyncio.open_unix_connection(str(socket)), process, log)
        sinks = {}
        for name, pipe in pipes.items():
            recording = await stack.enter_async_context(_record(pipe))
            client = {**programs.environment, "HOME": str(folder), "PULSE_SERVER": f"unix:{socket}", "PULSE_SINK": name}
            sinks[name] = Sink(client, recording)
        yield sinks


@asynccontextmanager
async def _record(pipe: Path) -> AsyncGenerator[Recording]:
    """Record what a sink writes into its pipe."""
    recording = Recording()
    file = os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: recording, file)
    try:
        yield recording
    finally:
        transport.close()
