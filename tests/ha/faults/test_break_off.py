"""Audio that breaks off: at every endpoint, no word is lost and at most one sentence is heard twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
import hashlib
from itertools import product
from math import inf
from random import Random
from typing import Any, Final, Literal

from aiohttp.test_utils import TestClient
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.simulator import Fault, Simulator
from tests.simulator.http_server import SimulatedServer
from tests.simulator.realtime.script import ScriptedResponse
from tests.support.audio import RATE
from tests.support.streams import SATELLITE, stream_words
from tests.support.word_decoder import HeardWord, codes_of, heard_words

from .cases import SHARE
from .endpoints import ENDPOINTS, Endpoint
from .leaks import get_cache_keys
from .limits import load_voices_only, shorten_limits
from .repetitions import find_resumption_problems
from .runner import fetch_stream, load_endpoint_account, load_fallback
from .verification import decode_served_audio

type Kind = Literal["announcement", "reply", "satellite"]

_SENTENCES: Final = (
    "Washing{} in the flat below has finished, and its drum is waiting there to be emptied.",
    "Tomorrow{} begins with fog along the river, and that room will see the sun by noon.",
    "Heating{} on the upper floor was turned down because every single window up there is open.",
    "Trains{} to the north leave ten minutes late today, so there is time for a coffee.",
    "Doors{} of the whole house are locked now, except for the one to our balcony.",
)
_BEFORE: Final = (
    "Couriers{} rang at our door this morning, waited for a while, and left one parcel behind. "
    "Rain{} is on its way to the garden, which means that no lawn needs any water. "
    "Lights{} in the great hall stay on until the last guest has gone home again."
)
"""A reply that measures the pace of the voice in three chunks."""
_LETTERS: Final = "bcdfghjklmnpqrst"
_CASES_OF_ENDPOINT: Final = {
    "full": slice(None),
    "third": slice(2),
    "sixth": slice(1),
    "other sixth": slice(1, 2),
}[SHARE]
_CONCURRENT_CASES: Final = 8
_WORD_INTERVAL_S: Final = 0.002


@dataclass(frozen=True, slots=True)
class _Case:
    """A message whose audio breaks off, or ends as if it were complete, after a share of one request.

    Without a fallback it breaks off once; with one, whenever the failing sentence is requested.
    """

    number: int
    share: float
    failing_sentence: int
    kind: Kind
    has_fallback: bool
    is_pace_known: bool
    ends_cleanly: bool

    def __str__(self) -> str:
        end = "ends" if self.ends_cleanly else "breaks off"
        fallback = "with fallback" if self.has_fallback else "without fallback"
        pace = "known" if self.is_pace_known else "unknown"
        return f"{end} at {self.share:.0%} of sentence {self.failing_sentence}, {self.kind}, {fallback}, pace {pace}"

    @property
    def suffix(self) -> str:
        """Letters that make the first words of the sentences unique."""
        return "".join(_LETTERS[int(digit)] for digit in f"{self.number:03}")

    @property
    def sentences(self) -> list[str]:
        """Sentences of the message."""
        return [sentence.format(self.suffix) for sentence in _SENTENCES]

    @property
    def failing_word(self) -> str:
        """Word in the requests that fail."""
        return self.sentences[self.failing_sentence].split()[0]

    @property
    def times(self) -> float:
        """Number of requests that fail."""
        return inf if self.has_fallback else 1


def _create_cases(endpoint: Endpoint) -> list[_Case]:
    kinds: tuple[Kind, ...] = ("announcement", "reply", *(("satellite",) if endpoint.has_satellite else ()))
    combinations = [
        *product((0.1, 0.4, 0.9), (0, 2), kinds, (False, True), (False, True), (False,)),
        # A clean end is only noticed if the audio is much too short; a realtime model transcribes what it says.
        *(() if endpoint.is_realtime else product((0.1, 0.4), (0,), kinds, (False, True), (True,), (True,))),
    ]
    cases = [_Case(number, *combination) for number, combination in enumerate(combinations)]
    Random(endpoint.name).shuffle(cases)  # noqa: S311 - reproducible
    return cases[_CASES_OF_ENDPOINT]


@pytest.fixture
async def fallback(
    hass: HomeAssistant, socket_enabled: None, monkeypatch: pytest.MonkeyPatch, ignore_broken_connections: None
) -> AsyncGenerator[Simulator]:
    """Load a fallback with a server of its own."""
    shorten_limits(monkeypatch)
    asyncio.get_running_loop().set_debug(False)  # in debug mode every task records a stack trace
    assert await async_setup_component(hass, "homeassistant", {})
    async with Simulator() as simulator:
        simulator.audio_mode = "tones"
        await load_fallback(hass, simulator)
        load_voices_only(monkeypatch)
        yield simulator


@dataclass(frozen=True, slots=True)
class _Runner:
    hass: HomeAssistant
    client: TestClient[Any, Any]
    endpoint: Endpoint
    simulator: Simulator
    host: SimulatedServer

    async def run(self, case: _Case) -> list[str]:
        """Speak the message of a case with an account of its own, and return its problems."""
        port = await self.host.open_client_port()
        name = f"Case {case.number}"
        await load_endpoint_account(self.hass, self.endpoint, port.origin, name, has_fallback=case.has_fallback)
        if case.is_pace_known:
            await self._speak(case, _BEFORE.format(*3 * [case.suffix]), "reply")
        if self.endpoint.is_realtime:
            scripted = ScriptedResponse(contains=case.failing_word, times=case.times, cut_after=case.share)
            self.simulator.openai.realtime.script_responses(scripted)
        else:
            end = {"ends_after" if case.ends_cleanly else "truncate_after": case.share}
            path = self.endpoint.audio_path
            port.faults.add(Fault(path=path, contains=case.failing_word, times=case.times, **end))
        text = " ".join(case.sentences)
        audio, error = await self._speak(case, text, case.kind)
        words = await asyncio.to_thread(_decode, audio)
        problems = [*find_resumption_problems(case.sentences, words), *([repr(error)] if error else [])]
        if [word.code for word in words] != codes_of(text):
            await self.hass.async_block_till_done(wait_background_tasks=True)
            prefix = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            problems += ["is cached" for key in await get_cache_keys(self.hass) if key.startswith(prefix)]
        return [f"{case}: {problem}" for problem in problems]

    async def _speak(self, case: _Case, text: str, kind: Kind) -> tuple[bytes, Exception | None]:
        options = dict(SATELLITE) if kind == "satellite" else {"preferred_format": "mp3"}
        stream = tts.async_create_stream(self.hass, f"tts.case_{case.number}", options=options)
        if kind == "announcement":
            stream.async_set_message(text)
        else:
            stream.async_set_message_stream(stream_words(text, _WORD_INTERVAL_S))
        received = bytearray()
        _, error = await fetch_stream(self.client, stream, received)
        return bytes(received), error


def _decode(audio: bytes) -> list[HeardWord]:
    return heard_words(decode_served_audio(audio).samples, RATE)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
async def test_no_word_is_lost(
    hass: HomeAssistant,
    endpoint: Endpoint,
    simulator: Simulator,
    fallback: Simulator,
    hass_client: ClientSessionGenerator,
) -> None:
    """The interrupted sentence is spoken again, by the voice or by its fallback, and the message is not cached."""
    slots = asyncio.Semaphore(_CONCURRENT_CASES)
    async with AsyncExitStack() as running:
        host = endpoint.prepare_host(simulator)
        if host is not simulator:
            await running.enter_async_context(host)
        runner = _Runner(hass, await hass_client(), endpoint, simulator, host)

        async def run(case: _Case) -> list[str]:
            async with slots:
                return await runner.run(case)

        results = await asyncio.gather(*map(run, _create_cases(endpoint)))
    problems = [problem for result in results for problem in result]
    assert not problems, "\n".join(problems)
