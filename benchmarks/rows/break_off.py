"""Words that are lost when audio breaks off."""

import asyncio
from contextlib import AsyncExitStack
from difflib import SequenceMatcher
from math import inf
from typing import Final

from tests.simulator import Fault, Simulator
from tests.simulator.http_server import SimulatedServer
from tests.support.audio import RATE, decode
from tests.support.word_decoder import codes_of, heard_words

from ..candidates import Delivery, HomeAssistantVoice
from ..environment import Environment
from ..home_assistant import add_orator
from ..listener import record
from ..results import ORATOR, Goal, Results, SeriesKey, Unit
from ..texts import Message, essay

BREAK_OFF: Final = "breakoff"
_LOST: Final = "words lost"
_API_KEYS: Final = ("sk-simulated-voice-that-breaks-off", "sk-simulated-voice-that-speaks-on")
_SHARE: Final = 0.4
_CHARACTERS: Final = 650
"""Length of a text of 132 words."""
_UNIQUE_CHARS: Final = 20
"""Number of characters after which a sentence differs from all others."""


async def measure(environment: Environment, results: Results) -> None:
    """Count the lost words if a voice's audio always breaks off in one request and its fallback takes over."""
    async with AsyncExitStack() as running:
        entity_ids, servers = [], []
        for api_key in _API_KEYS:
            simulator = await running.enter_async_context(Simulator(api_key=api_key))
            simulator.audio_mode = "tones"
            servers.append(simulator)
            entity_ids.append(await add_orator(environment.instance.hass, api_key, simulator.openai_url))
        voice = HomeAssistantVoice(
            ORATOR, environment.instance.hass, entity_ids[0], environment.session, environment.instance.url
        )
        for kind, words_per_second in (("announcement", None), ("reply", 50.0)):
            message = essay(_CHARACTERS, words_per_second=words_per_second)
            lost = await _count_lost_words(servers[0], voice, message, entity_ids[1])
            key = SeriesKey(BREAK_OFF, f"{kind}, {len(message.text.split())} words", ORATOR, Delivery.URL)
            results.add(key, _LOST, lost, Unit.WORDS)


async def _count_lost_words(
    server: SimulatedServer, voice: HomeAssistantVoice, message: Message, fallback: str
) -> str | float:
    """Return the number of words that are not heard, or a failure."""
    start = message.sentences[0][:_UNIQUE_CHARS]
    server.fail(Fault(path="*/audio/speech", contains=start, times=inf, truncate_after=_SHARE))
    recording = await record(voice, message, {"fallback": [fallback]}, Delivery.URL)
    server.reset()
    if recording.failure:
        return recording.failure
    sound = await decode(recording.audio)
    heard = [word.code for word in await asyncio.to_thread(heard_words, sound.samples, RATE)]
    expected = codes_of(message.text)
    matches = SequenceMatcher(None, expected, heard, autojunk=False).get_matching_blocks()
    return float(len(expected) - sum(match.size for match in matches))


def add_goals(results: Results) -> None:
    """Add the goal that no word is lost."""
    for series in results.series:
        if series.key.row == BREAK_OFF:
            failure = series.failures[0] if series.failures else ""
            text = f"{series.key.case}: no word lost at a break-off at {_SHARE:.0%} of a request"
            results.goals.append(Goal(BREAK_OFF, text, 0, None if failure else series.worst, Unit.WORDS, failure))
