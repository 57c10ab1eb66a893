"""Players on which music is announced over, with what they report about themselves."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import re
import shlex
from typing import Final, Protocol

import aiohttp
from aiovlc.client import Client
from mpd.asyncio import MPDClient
from yarl import URL

from tests.support.processes import LOCALHOST, find_free_port, run_program

from .player_programs import wait_until_listening
from .programs import Programs
from .sound_server import RECORDING_RATE, Sink

_VLC_PASSWORD: Final = "opens-nothing-but-the-demo"
_NOBODY: Final = 65534
_CONTROL_PATHS: Final = {
    "AVTransport": "/upnp/control/rendertransport1",
    "RenderingControl": "/upnp/control/rendercontrol1",
}
_SOAP: Final = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:{action} xmlns:u="{service}">'
    "<InstanceID>0</InstanceID><Channel>Master</Channel></u:{action}></s:Body></s:Envelope>"
)


class ReportingPlayer(Protocol):
    """What a program reports about itself."""

    async def volume(self) -> float:
        """Return the volume, in the program's own unit."""

    async def is_playing(self) -> bool:
        """Return whether it plays."""

    async def position(self) -> float:
        """Return the position in seconds."""


@dataclass(frozen=True, slots=True)
class MpdReports:
    """MPD's own reports."""

    client: MPDClient

    async def volume(self) -> float:
        """Return the volume from 0 to 100."""
        return float((await self.client.status())["volume"])

    async def is_playing(self) -> bool:
        """Return whether it plays."""
        return bool((await self.client.status())["state"] == "play")

    async def position(self) -> float:
        """Return the position in seconds."""
        return float((await self.client.status()).get("elapsed", 0))


@asynccontextmanager
async def connect_mpd(port: int) -> AsyncGenerator[MpdReports]:
    """Connect to MPD."""
    client = MPDClient()
    await client.connect(LOCALHOST, port)
    try:
        yield MpdReports(client)
    finally:
        client.disconnect()


@dataclass(frozen=True, slots=True)
class RendererReports:
    """Reports of the DLNA renderer, over UPnP."""

    url: URL
    session: aiohttp.ClientSession

    async def _ask(self, service: str, action: str, name: str) -> str:
        kind = f"urn:schemas-upnp-org:service:{service}:1"
        async with self.session.post(
            self.url.with_path(_CONTROL_PATHS[service]),
            data=_SOAP.format(action=action, service=kind),
            headers={"SOAPACTION": f'"{kind}#{action}"', "Content-Type": 'text/xml; charset="utf-8"'},
        ) as response:
            content = await response.text()
        found = re.search(f"<{name}>(.*?)</{name}>", content)
        assert found, f"{action}: {content[:500]}"
        return found[1]

    async def volume(self) -> float:
        """Return the volume from 0 to 100."""
        return float(await self._ask("RenderingControl", "GetVolume", "CurrentVolume"))

    async def is_playing(self) -> bool:
        """Return whether it plays."""
        return await self._ask("AVTransport", "GetTransportInfo", "CurrentTransportState") == "PLAYING"

    async def position(self) -> float:
        """Return the position in seconds."""
        hours, minutes, seconds = (await self._ask("AVTransport", "GetPositionInfo", "RelTime")).split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@dataclass(frozen=True, slots=True)
class VlcReports:
    """VLC's own reports, over its telnet interface."""

    client: Client

    async def volume(self) -> float:
        """Return the volume; 256 is 100 %."""
        return float((await self.client.status()).audio_volume)

    async def is_playing(self) -> bool:
        """Return whether it plays."""
        return bool((await self.client.status()).state == "playing")

    async def position(self) -> float:
        """Return the position in seconds."""
        return float((await self.client.get_time()).time or 0)


@dataclass(frozen=True, slots=True)
class Vlc:
    """VLC with its telnet interface."""

    port: int
    password: str
    reports: VlcReports


@asynccontextmanager
async def run_vlc(programs: Programs, folder: Path, sink: Sink) -> AsyncGenerator[Vlc]:
    """Run VLC, which refuses to run as root."""
    port = find_free_port()
    user = ("--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
    command = (
        *((programs.find("unshare"), *user) if os.geteuid() == 0 else ()),
        *(programs.find("vlc"), "--intf=telnet", f"--telnet-host={LOCALHOST}", f"--telnet-port={port}"),
        *(f"--telnet-password={_VLC_PASSWORD}", "--no-video", "--no-dbus", "--aout=pulse"),
    )
    log = folder / "vlc.log"
    async with run_program(command, log=log, folder=folder, environment=sink.environment) as process:
        await wait_until_listening(LOCALHOST, port, process, log)
        async with Client(_VLC_PASSWORD, LOCALHOST, port) as client:
            await client.login()
            yield Vlc(port, _VLC_PASSWORD, VlcReports(client))


@dataclass(frozen=True, slots=True)
class SqueezeliteReports:
    """What squeezelite writes into its log."""

    log: Path

    async def _last(self, pattern: str) -> str:
        found = re.findall(pattern, await asyncio.to_thread(self.log.read_text, errors="replace"))
        assert found, f"squeezelite does not report {pattern}"
        return str(found[-1])

    async def volume(self) -> float:
        """Return the gain; 65536 is 100 %."""
        return float(await self._last(r"gainL: (\d+)"))

    async def is_playing(self) -> bool:
        """Return whether it plays."""
        return await self._last(r"(?:strm command |STAT: )([spqu]\b|STM[dlru])") in ("s", "u", "STMr", "STMl")

    async def position(self) -> float:
        """Return the position in seconds."""
        return float(await self._last(r"ms_played: (\d+)")) / 1000


@asynccontextmanager
async def run_squeezelite(programs: Programs, folder: Path, sink: Sink) -> AsyncGenerator[SqueezeliteReports]:
    """Run squeezelite, which connects to Home Assistant."""
    # Its own output for PulseAudio buffers two seconds, which would hide what is heard when.
    squeezelite = (programs.find("squeezelite"), "-s", LOCALHOST, "-n", "Kitchen", "-d", "slimproto=sdebug")
    output = ("-o", "-", "-a", "16", "-R", "-r", f"{RECORDING_RATE}-{RECORDING_RATE}")
    pacat = (programs.find("pacat"), "--raw", f"--rate={RECORDING_RATE}", "--latency-msec=100")
    command = ("sh", "-c", f"{shlex.join((*squeezelite, *output))} | {shlex.join(pacat)}")
    log = folder / "squeezelite.log"
    async with run_program(command, log=log, folder=folder, environment=sink.environment):
        yield SqueezeliteReports(log)
