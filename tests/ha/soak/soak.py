"""The soak test, which `script/soak` and test_soak.py run in a process of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import batched, cycle
import logging
import os
from random import Random
import time
from typing import Any, Final

from aiohttp.test_utils import TestClient
from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator import usage
from custom_components.orator.const import DOMAIN
from tests.ha.faults.endpoints import ENDPOINTS, Endpoint
from tests.ha.faults.limits import shorten_limits
from tests.ha.faults.runner import fetch_stream, load_endpoint_account, load_fallback
from tests.simulator import Simulator
from tests.simulator.audio import recorder
from tests.support.chimes import write_audio_file
from tests.support.speech import speak
from tests.support.streams import SATELLITE, stream_words

from .classification import ACCEPTABLE, classify
from .random_faults import RandomFaults
from .resources import Resources

_MESSAGE_COUNTS: Final = {"quick": (60, 20), "full": (1000, 200)}
"""Announcements and replies."""
_SEED: Final = os.environ.get("ORATOR_SOAK_SEED", "1")
_SIZE: Final = os.environ.get("ORATOR_SOAK", "quick")
_WARM_UP_SHARE: Final = 0.3
_CONCURRENT_MESSAGES: Final = 4
_MESSAGES_BETWEEN_PAUSES: Final = 40
_MAX_MEMORY_GROWTH_MB: Final = {"quick": 48.0, "full": 24.0}
"""A new process varies by some 25 MB whatever it does."""
_MAX_RESOURCE_GROWTH: Final = 4  # files, sockets and tasks
_MAX_RECORDINGS_BYTES: Final = 4 * 1024 * 1024  # that the simulator caches
_WORD_INTERVAL_S: Final = 0.002
_CHIME: Final = "share/gong.wav"
_HOSTILE_OPTIONS: Final[tuple[dict[str, Any], ...]] = (
    *({"model": value} for value in (["x"], "\0", "x" * 70_000, {"a": 1})),
    *({"voice": value} for value in (["x"], "a\nb", "\ud800", 1.5)),
    *({"preferred_format": "mp4"}, {"preferred_sample_rate": "high"}, {"format": "exe"}, {"gain_db": float("nan")}),
    *({"replacements": [{"find": "!" * 10_000}]}, {"fallback": "x" * 70_000}, {"chime": "x" * 70_000}),
)
"""Options that are refused at every endpoint."""
_CLOCK_JUMPS: Final = (timedelta(days=400), timedelta(days=-400), timedelta(days=20_000), timedelta())
"""Errors of the clock, the last of which is none."""
_PLACES: Final = ("kitchen", "garage", "cellar", "attic", "garden", "hall", "nursery", "study", "porch", "bathroom")
_DEVICES: Final = ("window", "heater", "lamp", "kettle", "washer", "freezer", "blind", "speaker", "oven", "printer")
_STATES: Final = ("has been opened", "is running now", "needs some help", "was switched off", "will begin soon")


@dataclass(frozen=True, slots=True)
class Message:
    """A text: a streamed reply for a satellite, or an announcement for a player."""

    text: str
    is_reply: bool
    has_chime: bool = False

    @property
    def kind(self) -> str:
        """Name in the table."""
        return "replies" if self.is_reply else "announcements"


@dataclass(slots=True)
class SoakRun:
    """Home Assistant with voices whose providers fail, and the results so far."""

    hass: HomeAssistant
    client: TestClient[Any, Any]
    simulators: Sequence[Simulator]
    voices: dict[str, RandomFaults]
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    with_fallback: int = 0
    problems: list[str] = field(default_factory=list)
    refused: int = 0
    clock_error: timedelta = timedelta()

    async def speak_all(self, messages: list[Message], random: Random) -> None:
        """Speak messages with random voices, several at a time, with a pause after each batch."""
        slots = asyncio.Semaphore(_CONCURRENT_MESSAGES)

        async def speak_one(message: Message, entity_id: str) -> None:
            async with slots:
                await self._speak(message, entity_id)

        entity_ids = list(self.voices)
        chime = write_audio_file(self.hass.config.config_dir, _CHIME)
        places = cycle([chime, chime.with_name("away.wav")])
        jumps = cycle(_CLOCK_JUMPS)
        for batch in batched(messages, _MESSAGES_BETWEEN_PAUSES, strict=False):
            chime = chime.rename(next(places))
            self.clock_error = next(jumps)
            await asyncio.gather(*[speak_one(message, random.choice(entity_ids)) for message in batch])
            await self._pause()
            await self._call_with_hostile_options(random.choice(entity_ids))
        self.clock_error = timedelta()
        self._check_usage()

    async def _call_with_hostile_options(self, entity_id: str) -> None:
        """Call a voice with options that are refused before any request."""
        requests = self.voices[entity_id].requests
        for options in _HOSTILE_OPTIONS:
            error: Exception | None = None
            try:
                await speak(self.hass, "Nothing.", entity_id=entity_id, **options)
            except ServiceValidationError as err:
                error = err
            self.refused += 1
            if error is None or self.voices[entity_id].requests != requests:
                self.problems.append(f"{entity_id} accepts {str(options)[:100]}")

    def _check_usage(self) -> None:
        """Check that usage is counted as of today once the clock is right again."""
        today = dt_util.now().date()
        for entry in self.hass.config_entries.async_entries(DOMAIN):
            totals = entry.runtime_data.usage.totals
            if (totals.today.since, totals.month.since) != (today, today.replace(day=1)):
                self.problems.append(f"{entry.title} counts usage since {totals.today.since}, {totals.month.since}")

    async def measure(self) -> Resources:
        """Measure resources while nothing is spoken, after a reload has closed the prepared connections."""
        memory = Resources.measure().memory
        for entry in self.hass.config_entries.async_entries(DOMAIN):
            assert await self.hass.config_entries.async_reload(entry.entry_id)
        await self.hass.async_block_till_done(wait_background_tasks=True)
        return replace(Resources.measure(), memory=memory)

    async def _speak(self, message: Message, entity_id: str) -> None:
        options = dict(SATELLITE) if message.is_reply else {"preferred_format": "mp3"}
        if message.has_chime:
            options["chime"] = _CHIME
        stream = tts.async_create_stream(self.hass, entity_id, options=options)
        if message.is_reply:
            stream.async_set_message_stream(stream_words(message.text, _WORD_INTERVAL_S))
        else:
            stream.async_set_message(message.text)
        received = bytearray()
        _, error = await fetch_stream(self.client, stream, received)
        classification = await asyncio.to_thread(
            classify, message.text, bytes(received), error, has_chime=message.has_chime
        )
        self.results[message.kind, classification.result] += 1
        self.with_fallback += classification.voices > 1
        if classification.result not in ACCEPTABLE:
            self.problems.append(
                f"{entity_id}, {message.kind}: {classification.result}, {len(received)} bytes, error {error!r}"
            )

    async def _pause(self) -> None:
        """Finish all work, and empty Home Assistant's cache as it does itself after five minutes."""
        await self.hass.async_block_till_done(wait_background_tasks=True)
        manager = self.hass.data[DATA_TTS_MANAGER]
        manager.mem_cache.clear()
        manager.token_to_stream.clear()
        for simulator in self.simulators:
            simulator.clear()


def make_texts(random: Random, count: int, sentences: int) -> list[str]:
    """Return different texts of short sentences, in each of which no word occurs twice."""
    texts: list[str] = []
    for number in range(count):
        places, devices, states = (random.sample(words, sentences) for words in (_PLACES, _DEVICES, _STATES))
        pairs = [f"{place.title()} {device}." for place, device in zip(places, devices, strict=True)]
        texts.append(" ".join((f"Number{number} begins.", *pairs, f"It {states[0]}.")))
    return texts


async def add_voice(hass: HomeAssistant, simulator: Simulator, endpoint: Endpoint, number: int) -> RandomFaults:
    """Add an account whose requests fail at random."""
    endpoint.prepare_host(simulator)
    port = await simulator.open_client_port()
    await load_endpoint_account(hass, endpoint, port.origin, f"Voice {number}", has_fallback=True)
    port.faults = faults = RandomFaults(f"{_SEED} {endpoint.name}", endpoint)
    return faults


@pytest.fixture
async def run(
    hass: HomeAssistant,
    simulator: Simulator,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    ignore_broken_connections: None,
) -> AsyncGenerator[SoakRun]:
    """Set up a voice at each endpoint of each provider, and their fallback."""
    shorten_limits(monkeypatch)
    asyncio.get_running_loop().set_debug(False)  # in debug mode every task records a stack trace
    assert await async_setup_component(hass, "homeassistant", {})
    simulator.audio_mode = "tones"
    recordings = recorder.LruCache[Any, recorder.Recording](
        _MAX_RECORDINGS_BYTES, lambda recording: len(recording.data)
    )
    monkeypatch.setattr(recorder, "_RECORDINGS", recordings)
    voices: dict[str, RandomFaults] = {}
    async with AsyncExitStack() as running:
        fallback = await running.enter_async_context(Simulator())
        fallback.audio_mode = "tones"
        await load_fallback(hass, fallback)
        for number, endpoint in enumerate(endpoint for endpoint in ENDPOINTS if not endpoint.compatible_server):
            voices[f"tts.voice_{number}"] = await add_voice(hass, simulator, endpoint, number)
        run = SoakRun(hass, await hass_client(), (simulator, fallback), voices)
        monkeypatch.setattr(usage, "_local_today", lambda: dt_util.now().date() + run.clock_error)
        yield run


def make_table(run: SoakRun, before: Resources, after: Resources, seconds: float) -> str:
    """Return the results as a table."""
    rows = [(kind, result, f"{count}") for (kind, result), count in sorted(run.results.items())]
    requests = sum(faults.requests for faults in run.voices.values())
    failed = sum(faults.faults.total() for faults in run.voices.values())
    failures = {name for faults in run.voices.values() for name in faults.faults}
    rows += [
        ("requests", "failed", f"{failed} of {requests}, {len(failures)} different failures"),
        ("messages", "finished by fallback", f"{run.with_fallback}"),
        ("calls", "with refused options", f"{run.refused}"),
        ("memory", "MB", f"{before.memory:.0f} -> {after.memory:.0f}"),
        ("open files", "and sockets", f"{before.files} -> {after.files}"),
        ("tasks", "", f"{before.tasks} -> {after.tasks}"),
        ("time", "s", f"{seconds:.0f}"),
    ]
    return "\n".join(f"{what:<14} {detail:<24} {value}" for what, detail, value in rows)


async def test_soak(run: SoakRun, caplog: pytest.LogCaptureFixture) -> None:
    """Every message is spoken to its end or raises an error, and memory, sockets and tasks do not grow."""
    caplog.set_level(logging.CRITICAL)  # records would count as memory
    announcements, replies = _MESSAGE_COUNTS[_SIZE]
    random = Random(_SEED)  # noqa: S311 - reproducible
    texts = make_texts(random, announcements, 2)
    messages = [Message(text, is_reply=False, has_chime=number % 5 == 0) for number, text in enumerate(texts)]
    messages += [Message(text, is_reply=True) for text in make_texts(random, replies, 4)]
    random.shuffle(messages)
    started = time.monotonic()
    warm_up = int(len(messages) * _WARM_UP_SHARE)
    await run.speak_all(messages[:warm_up], random)
    before = await run.measure()
    await run.speak_all(messages[warm_up:], random)
    after = await run.measure()
    print(f"\n{make_table(run, before, after, time.monotonic() - started)}")  # noqa: T201
    assert not run.problems, "\n".join(run.problems)
    assert after.memory - before.memory < _MAX_MEMORY_GROWTH_MB[_SIZE]
    assert after.files - before.files <= _MAX_RESOURCE_GROWTH
    assert after.tasks - before.tasks <= _MAX_RESOURCE_GROWTH
