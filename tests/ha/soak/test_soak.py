"""A long day: announcements and replies by the hundred, through services that fail one time in five."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import batched
import logging
import os
from random import Random
import time
from typing import Any, Final

from aiohttp import ClientPayloadError
from aiohttp.test_utils import TestClient
from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.const import DOMAIN
from tests.ha.faults.cases import HELPER, load_helper
from tests.ha.faults.endpoints import ROUTES, Route
from tests.ha.faults.limits import shorten
from tests.simulator import Simulator, studio
from tests.simulator.server import DEFAULT_KEY
from tests.support.speech import SATELLITE

from .random_faults import Dice
from .resources import Use
from .speech_checks import FINE, judged

_SIZES: Final = {"quick": (60, 20), "full": (1000, 200)}
"""Announcements and replies."""
_SEED: Final = os.environ.get("ORATOR_SOAK_SEED", "1")
_SIZE: Final = os.environ.get("ORATOR_SOAK", "quick")
_WARM_UP: Final = 0.3  # of all
_AT_ONCE: Final = 4
_WITHOUT_REST: Final = 40
_MEMORY_GROWTH: Final = {"quick": 48.0, "full": 24.0}
"""MB at most. A process that has just begun varies by some 25 from one moment to the next, whatever it does."""
_MORE: Final = 4  # files, sockets and tasks that may be more at one moment than at another
_FEW_BYTES: Final = 4 * 1024 * 1024  # of recordings that the simulator keeps
_PLACES: Final = ("kitchen", "garage", "cellar", "attic", "garden", "hall", "nursery", "study", "porch", "bathroom")
_THINGS: Final = ("window", "heater", "lamp", "kettle", "washer", "freezer", "blind", "speaker", "oven", "printer")
_DEEDS: Final = ("has been opened", "is running now", "needs some help", "was switched off", "will begin soon")


@dataclass(slots=True)
class Day:
    """What has happened so far."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    helped: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Home:
    """A Home Assistant, its voices at services that fail, and who listens."""

    hass: HomeAssistant
    client: TestClient[Any, Any]
    simulator: Simulator
    helping: Simulator
    voices: dict[str, Dice]
    day: Day = field(default_factory=Day)

    async def announce(self, text: str, entity_id: str, *, is_reply: bool) -> None:
        """Let something be said, and listen to it."""
        options = dict(SATELLITE) if is_reply else {"preferred_format": "mp3"}
        stream = tts.async_create_stream(self.hass, entity_id, options=options)
        if is_reply:
            stream.async_set_message_stream(_written(text))
        else:
            stream.async_set_message(text)
        audio, error = await self._heard(stream)
        result = await asyncio.to_thread(judged, text, audio, error)
        kind = "replies" if is_reply else "announcements"
        self.day.outcomes[kind, result.outcome] += 1
        self.day.helped += result.speakers > 1
        if result.outcome not in FINE:
            self.day.wrong.append(f"{entity_id}, {kind}: {result.outcome}, {len(audio)} bytes, told {error!r}")

    async def _heard(self, stream: tts.ResultStream) -> tuple[bytes, Exception | None]:
        audio = bytearray()
        async with self.client.get(stream.url) as response:
            try:
                async for chunk in response.content.iter_any():
                    audio += chunk
            except ClientPayloadError:
                pass
            if response.status != 200:
                audio.clear()
        try:
            async for _ in stream.async_stream_result():
                pass
        except Exception as err:  # noqa: BLE001 - which one it is, is looked at later
            return bytes(audio), err
        return bytes(audio), None

    async def rest(self) -> None:
        """Let everything come to its end, and let Home Assistant forget its sounds as it does after five minutes."""
        await self.hass.async_block_till_done(wait_background_tasks=True)
        manager = self.hass.data[DATA_TTS_MANAGER]
        manager.mem_cache.clear()
        manager.token_to_stream.clear()
        self.simulator.forget()
        self.helping.forget()

    async def use(self) -> Use:
        """Measure what is in use when nothing happens."""
        memory = Use.now().memory
        for entry in self.hass.config_entries.async_entries(DOMAIN):  # closes what is kept for the next announcement
            assert await self.hass.config_entries.async_reload(entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)
        return replace(Use.now(), memory=memory)


async def _written(text: str) -> AsyncGenerator[str]:
    """Yield a text as a language model writes it, only faster."""
    for word in text.split(" "):
        yield f"{word} "
        await asyncio.sleep(0.002)


def texts(random: Random, number: int, sentences: int) -> list[str]:
    """Return texts that are all different, of as few sentences as possible, in which no word comes twice."""
    said: list[str] = []
    for index in range(number):
        places, things, deeds = (random.sample(words, sentences) for words in (_PLACES, _THINGS, _DEEDS))
        used: list[str] = [f"Number{index} begins."]
        used += [f"{place.title()} {thing}." for place, thing in zip(places, things, strict=True)]
        said.append(" ".join((*used, f"It {deeds[0]}.")))
    return said


@pytest.fixture
async def home(
    hass: HomeAssistant,
    simulator: Simulator,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    broken_connections: None,
) -> AsyncGenerator[Home]:
    """Open a home with a voice at each route of each service, and one that helps them all."""
    shorten(monkeypatch)
    asyncio.get_running_loop().set_debug(False)  # the harness has all tasks remember where they come from
    assert await async_setup_component(hass, "homeassistant", {})
    simulator.tongue = "tones"
    monkeypatch.setattr(studio, "_RECORDINGS", studio.Shelf(_FEW_BYTES, lambda recording: len(recording.data)))
    voices: dict[str, Dice] = {}
    async with AsyncExitStack() as running:
        helping = await running.enter_async_context(Simulator())
        helping.tongue = "tones"
        await load_helper(hass, helping)
        for number, route in enumerate(route for route in ROUTES if not route.server):
            voices[f"tts.voice_{number}"] = await add_voice(hass, simulator, route, number)
        yield Home(hass, await hass_client(), simulator, helping, voices)


async def add_voice(hass: HomeAssistant, simulator: Simulator, route: Route, number: int) -> Dice:
    """Add an account with a voice, at a door where one request in five goes wrong."""
    await route.host(simulator)
    door = await simulator.open_door()
    voice = {"subentry_type": "voice", "title": f"Voice {number}", "unique_id": None}
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=f"Account {number}",
        data=route.account(door.origin, DEFAULT_KEY),
        subentries_data=[{**voice, "data": {**route.voice, "fallback": [HELPER]}}],
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    door.faults = dice = Dice(f"{_SEED} {route.name}", route)
    return dice


async def speak_all(home: Home, spoken: list[tuple[str, bool]], random: Random) -> None:
    """Say everything, some of it at the same time, and rest now and then."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def speak(text: str, *, is_reply: bool, entity_id: str) -> None:
        async with free:
            await home.announce(text, entity_id, is_reply=is_reply)

    voices = list(home.voices)
    for some in batched(spoken, _WITHOUT_REST, strict=False):
        work = [speak(text, is_reply=is_reply, entity_id=random.choice(voices)) for text, is_reply in some]
        await asyncio.gather(*work)
        await home.rest()


def table(home: Home, before: Use, after: Use, seconds: float) -> str:
    """Return what happened, to be read."""
    rows = [f"{kind:<14} {outcome:<22} {count:>6}" for (kind, outcome), count in sorted(home.day.outcomes.items())]
    asked = sum(dice.requests for dice in home.voices.values())
    fallen = sum(sum(dice.fallen.values()) for dice in home.voices.values())
    kinds = len({name for dice in home.voices.values() for name in dice.fallen})
    rows += [
        f"{'requests':<14} {'that failed':<22} {fallen:>6} of {asked}, in {kinds} ways",
        f"{'utterances':<14} {'spoken by two':<22} {home.day.helped:>6}",
        f"{'memory':<14} {'MB':<22} {before.memory:>6.0f} -> {after.memory:.0f}",
        f"{'open files':<14} {'and sockets':<22} {before.files:>6} -> {after.files}",
        f"{'tasks':<14} {'':<22} {before.tasks:>6} -> {after.tasks}",
        f"{'time':<14} {'s':<22} {seconds:>6.0f}",
    ]
    return "\n".join(("", *rows))


async def test_nothing_is_silent_garbled_or_repeated(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    """Every utterance is said to its end, or its user is told; and nothing piles up."""
    caplog.set_level(logging.CRITICAL)  # a day's lines are no sound
    announcements, replies = _SIZES[_SIZE]
    random = Random(_SEED)  # noqa: S311 - it is to be the same every time
    spoken = [(text, False) for text in texts(random, announcements, 2)]
    spoken += [(text, True) for text in texts(random, replies, 4)]
    random.shuffle(spoken)
    started = time.monotonic()
    warm = int(len(spoken) * _WARM_UP)
    await speak_all(home, spoken[:warm], random)
    before = await home.use()
    await speak_all(home, spoken[warm:], random)
    after = await home.use()
    print(table(home, before, after, time.monotonic() - started))  # noqa: T201 - to be quoted
    assert not home.day.wrong, "\n".join(home.day.wrong)
    assert after.memory - before.memory < _MEMORY_GROWTH[_SIZE]
    assert after.files - before.files <= _MORE
    assert after.tasks - before.tasks <= _MORE
