"""Time to the first audio of a reply whose first sentence the voice has spoken before."""

import asyncio
from typing import Final

from ..candidates import Candidate, Delivery
from ..conditions import NORMAL_SPEED, WORDS_PER_SECOND
from ..environment import Environment
from ..listener import RecordedMessage, record
from ..results import ORATOR, Goal, Results, SeriesKey, Unit, largest
from ..texts import Message, reply
from .first_audio import AFTER_KNOWN

CACHED: Final = "cached"

_CASE: Final = "streamed, mp3, first sentence said before"
_REQUESTS: Final = "requests for this sentence"
_MAX_DELAY_MS: Final = 100
_SENTENCES: Final = 4
_STAGGER_S: Final = 0.13  # between concurrent messages, so that their first chunks do not coincide
_VOICE: Final = "alloy"


async def measure(environment: Environment, results: Results) -> None:
    """Measure staggered concurrent replies on speakers and satellites."""
    pairs = [(candidate, delivery) for delivery in Delivery for candidate in environment.candidates()]
    for _ in range(environment.effort.times(4, 1)):
        recordings = await asyncio.gather(*(_record(index, *pair) for index, pair in enumerate(pairs)))
        requested = [request.text for request in await environment.provider.requests(NORMAL_SPEED, _VOICE)]
        for recording in recordings:
            key = SeriesKey(CACHED, _CASE, recording.candidate, recording.delivery)
            results.add(key, AFTER_KNOWN, recording.failure or recording.after_known)
            sentence, *_ = recording.message.sentences
            requests = sum(sentence in text for text in requested) - 1  # without the one before
            results.add(key, _REQUESTS, recording.failure or requests, Unit.REQUESTS)
        environment.clear_cache()


def add_goals(results: Results) -> None:
    """Compare with the limits."""
    series = [
        (results.find(SeriesKey(CACHED, _CASE, ORATOR, delivery), AFTER_KNOWN), delivery) for delivery in Delivery
    ]
    failures = [f"{delivery}: failed, {one.failures[0]}" for one, delivery in series if one.failures]
    worst = largest(one.median for one, _ in series)
    note = "; ".join(failures) or "median, the worse of stream and url"
    value = None if worst is None else worst * 1000
    text = f"sentence said before: known + {_MAX_DELAY_MS} ms"
    results.goals.append(Goal(CACHED, text, _MAX_DELAY_MS, value, Unit.MILLISECONDS, note))
    counts = [results.find(SeriesKey(CACHED, _CASE, ORATOR, delivery), _REQUESTS).worst for delivery in Delivery]
    results.goals.append(Goal(CACHED, "requests for it", 0, largest(counts), Unit.REQUESTS, "maximum"))


async def _record(index: int, candidate: Candidate, delivery: Delivery) -> RecordedMessage:
    """Record the reply of a candidate that has spoken its first sentence before, in another reply."""
    await asyncio.sleep(index * _STAGGER_S)
    options = {"voice": _VOICE}
    before = reply(_SENTENCES)
    await record(candidate, before, options, delivery)
    _, *others = reply(_SENTENCES).sentences
    return await record(candidate, Message((before.sentences[0], *others), WORDS_PER_SECOND), options, delivery)
