"""Lost words and unintended pauses with long texts and slow providers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tests.support.streams import SATELLITE

from ..candidates import Candidate, Delivery
from ..conditions import NORMAL_SPEED, WORDS_PER_SECOND, speech_seconds
from ..environment import Analysis, Environment
from ..listener import RecordedMessage, record
from ..playback import decoded_seconds
from ..results import FLOOR, ORATOR, Goal, Results, SeriesKey, Unit, difference
from ..texts import Message, essay, has_same_words, reply
from .first_audio import FIRST_AUDIO, add_curve

LONG: Final = "long"
SLOW: Final = "slow"

_LONGEST_GAP: Final = "longest gap"
_ALL_GAPS: Final = "all gaps"
_DURATION: Final = "audio lost or added"
_WORDS: Final = "requested words wrong"

_NATURAL_PAUSE_S: Final = 0.3
_GAP_TOLERANCE_S: Final = 0.05  # variation of the provider and the machine
_DURATION_TOLERANCE_PERCENT: Final = 1.0
_STAGGER_S: Final = 0.07

# The requests of a message are identified by its voice; no other row uses these.
_VOICES: Final = ("ash", "ballad", "cedar", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")


@dataclass(frozen=True, slots=True)
class _Case:
    """A message to record. plot: the plot to which its curve is added."""

    row: str
    name: str
    speed: str
    create_message: Callable[[], Message]
    options: Mapping[str, Any]
    delivery: Delivery = Delivery.URL
    plot: str | None = None


async def measure_long(environment: Environment, results: Results) -> Analysis:
    """Record texts above the provider's limit for a request."""
    characters = environment.effort.size(12_000, 4_500)
    streamed = environment.effort.size(12_000, 2_000)
    cases = [
        _Case(LONG, f"{characters} chars, complete", NORMAL_SPEED, partial(essay, characters), {}),
        _Case(
            LONG,
            f"{streamed} chars, streamed",
            NORMAL_SPEED,
            partial(essay, streamed, words_per_second=WORDS_PER_SECOND),
            {},
            plot=f"{streamed:,} characters, streamed at {WORDS_PER_SECOND} words/s",
        ),
    ]
    return await _measure(environment, results, cases, environment.effort.size(2, 1))


def add_long_goals(results: Results) -> None:
    """Add goals for words, duration and gaps."""
    for case in _measured_cases(results, LONG):
        key = SeriesKey(LONG, case, ORATOR, Delivery.URL)
        series = [results.find(key, metric) for metric in (_WORDS, _DURATION, _LONGEST_GAP)]
        failure = next((one.failures[0] for one in series if one.failures), "")
        words, duration, gap = (None if failure else one.worst for one in series)
        results.goals += [
            Goal(LONG, f"{case}: every word requested once, in order", 0, words, Unit.PERCENT, failure),
            Goal(LONG, f"{case}: correct duration", _DURATION_TOLERANCE_PERCENT, duration, Unit.PERCENT, failure),
            Goal(LONG, f"{case}: no gap over a natural pause", _NATURAL_PAUSE_S, gap, Unit.SECONDS, failure),
        ]


async def measure_slow(environment: Environment, results: Results) -> Analysis:
    """Record messages of a provider that is hardly faster than speech."""
    satellite: Mapping[str, Any] = SATELLITE
    cases = [
        _Case(SLOW, "2x, reply streamed, mp3", "2x", reply, {}),
        _Case(SLOW, "2x, reply streamed, satellite", "2x", reply, satellite, Delivery.STREAM),
    ]
    if not environment.effort.quick:
        long_text = partial(essay, 2_000, words_per_second=WORDS_PER_SECOND)
        cases.append(_Case(SLOW, "2x, 2000 chars streamed, mp3", "2x", long_text, {}))
        cases.append(_Case(SLOW, "1x, reply streamed, mp3", "1x", reply, {}))
    return await _measure(environment, results, cases, 1)


def add_slow_goals(results: Results) -> None:
    """Compare gaps with the floor, which requests everything as soon as it is known."""
    for case in _measured_cases(results, SLOW):
        if not case.startswith("2x"):
            continue
        delivery = Delivery.STREAM if case.endswith("satellite") else Delivery.URL
        key = SeriesKey(SLOW, case, ORATOR, delivery)
        gaps = results.find(key, _ALL_GAPS)
        floor = results.find(SeriesKey(SLOW, case, FLOOR, delivery), _ALL_GAPS)
        failure = gaps.failures[0] if gaps.failures else None
        excess = None if failure else difference(gaps.worst, floor.worst)
        duration = None if failure else results.find(key, _DURATION).worst
        results.goals += [
            Goal(
                SLOW,
                f"{case}: no gap that prefetching avoids",
                _GAP_TOLERANCE_S,
                excess,
                Unit.SECONDS,
                failure or "beyond the floor's gaps",
            ),
            Goal(
                SLOW,
                f"{case}: correct duration",
                _DURATION_TOLERANCE_PERCENT,
                duration,
                Unit.PERCENT,
                failure or "inserted silence counts as added audio",
            ),
        ]


def _measured_cases(results: Results, row: str) -> list[str]:
    return list(dict.fromkeys(series.key.case for series in results.series if series.key.row == row))


async def _measure(environment: Environment, results: Results, cases: list[_Case], runs: int) -> Analysis:
    """Record all cases at the same time, which take a minute and hardly use the CPU."""
    messages: list[tuple[_Case, Candidate, str]] = []
    voices = {case.speed: iter(_VOICES) for case in cases}
    for case in cases * runs:
        floor, *speakers = environment.candidates(case.speed)
        messages.append((case, floor, ""))
        messages += [(case, speaker, next(voices[case.speed])) for speaker in speakers]
    recordings = await asyncio.gather(*(_record(index, *message) for index, message in enumerate(messages)))

    async def analyze() -> None:
        for (case, _, voice), recording in zip(messages, recordings, strict=True):
            requests = await environment.provider.requests(case.speed, voice)
            await _analyze(results, case, recording, [request.text for request in requests] if voice else None)
            if case.plot and not _has_curve(results, case.plot, recording):
                add_curve(results, case.plot, recording)

    return analyze


def _has_curve(results: Results, plot: str, recording: RecordedMessage) -> bool:
    return any(curve.plot == plot and curve.candidate == recording.candidate for curve in results.curves)


async def _record(index: int, case: _Case, candidate: Candidate, voice: str) -> RecordedMessage:
    await asyncio.sleep(index * _STAGGER_S)
    options = {**case.options, "voice": voice} if voice else case.options
    return await record(candidate, case.create_message(), options, case.delivery)


async def _analyze(results: Results, case: _Case, recording: RecordedMessage, requested: list[str] | None) -> None:
    """Add the values of a recording. requested: the texts that the provider received, None for the floor."""
    key = SeriesKey(case.row, case.name, recording.candidate, case.delivery)
    gaps = recording.playback.gaps
    results.add(key, FIRST_AUDIO, recording.failure or recording.after_known)
    results.add(key, _LONGEST_GAP, recording.failure or max(gaps, default=0.0))
    results.add(key, _ALL_GAPS, recording.failure or sum(gaps))
    if requested is None:
        return
    expected = sum(map(speech_seconds, requested)) if requested else speech_seconds(recording.message.text)
    actual = 0.0 if recording.failure else await decoded_seconds(recording.audio)
    deviation = abs(actual - expected) / expected * 100
    results.add(key, _DURATION, recording.failure or deviation, Unit.PERCENT)
    wrong = 0.0 if has_same_words(" ".join(requested), recording.message.text) else 100.0
    results.add(key, _WORDS, recording.failure or wrong, Unit.PERCENT)
