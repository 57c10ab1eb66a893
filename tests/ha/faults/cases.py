"""One thing that goes wrong at one moment, in a house where somebody listens."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
import os
import socket
from typing import Any, Final, Literal, override

from aiohttp import ClientPayloadError
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestClient
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from tests.simulator import Simulator
from tests.simulator.exchange import Door, Received
from tests.simulator.faults import NO_FAULT
from tests.simulator.host import Host
from tests.simulator.server import DEFAULT_KEY
from tests.support.speech import account_of

from .endpoints import Route
from .failures import Wrong, wrongs_of

type Place = Literal["first", "later"]
type Kind = Literal["reply", "announcement"]

IS_FULL: Final = os.environ.get("ORATOR_FAULTS") == "full"
_SITUATIONS: Final[tuple[tuple[Place, Kind, bool], ...]] = (
    ("first", "announcement", True),
    ("first", "reply", True),
    ("later", "reply", True),
    ("later", "announcement", True),
    ("first", "announcement", False),
    ("later", "reply", False),
)
"""Where it goes wrong, with what, and whether somebody can help."""
_KNOWN_BEFORE: Final = ("later", "announcement")
"""A text that is complete is asked for before anything can be heard."""
SENTENCES: Final = (
    "Alpha{} opens the long garden gate.",
    "Bravo{} waters all the tall roses.",
    "Charlie{} watches the birds up there.",
    "Delta{} brings some bread and cheese.",
    "Echo{} closes everything again at night.",
)
MARKS: Final = {"first": "Alpha{}", "later": "Delta{}"}
HELPER: Final = "tts.helper"
HELPER_VOICE: Final = "nova"
_LETTERS: Final = "bcdfghjklmnpqrst"
_BEGUN: Final = 2_000  # bytes: more than a header


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong, where, with whose help, and what is being said."""

    number: int
    route: Route
    wrong: Wrong
    place: Place
    kind: Kind
    is_helped: bool

    def __str__(self) -> str:
        """Return what a person would call it."""
        helped = "helped" if self.is_helped else "alone"
        return f"{self.route.name}: {self.wrong.name}, {self.place}, {self.kind}, {helped}"

    @property
    def tag(self) -> str:
        """What makes the words of a case its own, where what goes wrong is only known by them."""
        if not self.route.is_realtime:
            return ""
        return "".join(_LETTERS[int(digit)] for digit in str(self.number))

    @property
    def sentences(self) -> list[str]:
        """What is to be said."""
        return [sentence.format(self.tag) for sentence in SENTENCES]

    @property
    def mark(self) -> str:
        """The word whose segment it goes wrong with."""
        return MARKS[self.place].format(self.tag)

    @property
    def text(self) -> str:
        """All that is to be said."""
        return " ".join(self.sentences)

    @property
    def is_live(self) -> bool:
        """Whether a satellite listens."""
        return self.kind == "reply" and self.route.is_live


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a case.

    audio: all that was served; status: of the answer of Home Assistant.
    error: what Home Assistant was told at the end, if anything.
    hit: the text of the first segment that something went wrong with, "" where a connection was to be opened; None
        where nothing did that anybody noticed.
    """

    audio: bytes
    status: int
    error: Exception | None
    hit: str | None


def cases_of(route: Route) -> list[Case]:
    """Return what is to be tried on a route: for everything that can go wrong half of the situations, or all of them.

    Neighbours get the other half, so that nothing depends on a situation alone.
    """
    tried = [
        (wrong, situation)
        for index, wrong in enumerate(wrongs_of(route))
        for situation in (_SITUATIONS if IS_FULL else _SITUATIONS[index % 2 :: 2])
        if not (wrong.shuts and situation[:2] == _KNOWN_BEFORE)
    ]
    return [Case(number, route, wrong, *situation) for number, (wrong, situation) in enumerate(tried)]


@dataclass(slots=True)
class House:
    """A Home Assistant in which things go wrong, and a voice that can help."""

    hass: HomeAssistant
    client: TestClient[Any, Any]
    simulator: Simulator
    host: Host
    names: Names

    async def hear(self, case: Case) -> Heard:
        """Let a case happen to a new account, and listen."""
        door = await self.host.open_door()
        entry = await self._account(case, door)
        try:
            return await self._listen(case, door)
        finally:
            await self.hass.config_entries.async_unload(entry.entry_id)

    async def _account(self, case: Case, door: Door) -> MockConfigEntry:
        fallback = {"fallback": [HELPER]} if case.is_helped else {}
        voice = {"subentry_type": "voice", "title": f"Case {case.number}", "unique_id": None}
        entry = MockConfigEntry(
            domain=DOMAIN,
            title=f"Account {case.number}",
            data=case.route.account(_named(case, door) if case.wrong.shuts == "name" else door.origin, DEFAULT_KEY),
            subentries_data=[{**voice, "data": {**case.route.voice, **fallback}}],
        )
        entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        door.requests.clear()
        return entry

    async def _listen(self, case: Case, door: Door) -> Heard:
        options = dict(case.route.satellite) if case.is_live else {"preferred_format": "mp3"}
        stream = tts.async_create_stream(self.hass, f"tts.case_{case.number}", options=options)
        received = bytearray()
        if case.kind == "reply":
            stream.async_set_message_stream(self._reply(case, door, received))
        else:
            await self._strike(case, door)
            stream.async_set_message(case.text)
        status = await self._read(stream.url, received)
        error = None
        try:
            async for _ in stream.async_stream_result():
                pass
        except Exception as err:  # noqa: BLE001 - which one it is, is looked at later
            error = err
        return Heard(bytes(received), status, error, _hit(case, door, self.simulator))

    async def _read(self, url: str, received: bytearray) -> int:
        async with self.client.get(url) as response:
            try:
                async for chunk in response.content.iter_any():
                    received += chunk
            except ClientPayloadError:
                pass
            if response.status != 200:
                received.clear()
            return response.status

    async def _reply(self, case: Case, door: Door, received: bytearray) -> AsyncGenerator[str]:
        """Say the first sentence, and the others once that is heard if something is to go wrong with them."""
        if case.place == "first":
            await self._strike(case, door)
        first, *others = case.sentences
        yield f"{first} "
        if case.place == "later":
            while len(received) < _BEGUN:  # noqa: ASYNC110 - who listens does not tell
                await asyncio.sleep(0.01)
            await self._strike(case, door)
        for sentence in others:
            yield f"{sentence} "

    async def _end_session(self, door: Door) -> None:
        """Break a socket that has said all that it was asked for: another one has to be opened."""
        sockets = [socket for socket in self.simulator.openai.realtime.sockets if socket.request in door.requests]
        while any(reading.status is None for socket in sockets for reading in socket.readings):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.host.break_connections(door)

    async def _strike(self, case: Case, door: Door) -> None:
        """Let it go wrong from now on."""
        wrong, route = case.wrong, case.route
        if wrong.shuts:
            self.names.forgotten.add(_name_of(case))
            await self.host.shut_door(door)
        elif wrong.fate:
            self.simulator.openai.realtime.befall(replace(wrong.fate, of=case.mark))
        else:
            path = {"order": route.order, "sound": route.brings, "poll": route.poll}[wrong.at]
            of = "" if route.is_realtime else case.mark
            if route.is_realtime:
                await self._end_session(door)
            door.faults.add(replace(wrong.fault, path=path, of=of, times=float("inf")))
            for other in wrong.others:
                door.faults.add(other)


class Names(AbstractResolver):
    """Knows every name, until it is forgotten."""

    def __init__(self) -> None:
        """Begin with a good memory."""
        self.forgotten: set[str] = set()

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return this machine."""
        if host in self.forgotten:
            raise OSError
        known = ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        return [known]

    @override
    async def close(self) -> None:
        """Do nothing."""


def _name_of(case: Case) -> str:
    return f"case-{case.number}.local"


def _named(case: Case, door: Door) -> str:
    """Return an address with a name in the place of its number."""
    return door.origin.replace("127.0.0.1", _name_of(case))


def _hit(case: Case, door: Door, simulator: Simulator) -> str | None:
    """Return the text of the first request that something went wrong with."""
    if case.wrong.fate:
        mine = [socket for socket in simulator.openai.realtime.sockets if socket.request in door.requests]
        asked = [event for socket in mine for event in socket.asked("response.create")]
        texts = [event["response"]["input"][-1]["content"][-1]["text"] for event in asked]
        return next((text for text in texts if case.mark in text), None)
    hit = [
        request for request in door.requests if request.fault is not NO_FAULT and request.fault not in case.wrong.others
    ]
    return _text_of(hit[0]) if hit else None


def _text_of(request: Received) -> str:
    body = request.body if isinstance(request.body, dict) else {}
    return str(body.get("input") or body.get("text") or request.about)


async def load_helper(hass: HomeAssistant, simulator: Simulator) -> None:
    """Load the voice that can help."""
    entry = account_of(simulator, "openai", {"model": "tts-1", "voice": HELPER_VOICE}, "Helper")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
