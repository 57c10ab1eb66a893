"""What is known of a voice's level, and that it brings voices together."""

import json
from typing import Any

from hypothesis import given, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.limiter import CEILING_DBTP, Limiter
from custom_components.orator.audio.loudness import LoudnessMeasurement, LoudnessMeter
from custom_components.orator.pipeline.loudness import DEFAULT_LUFS, MAX_GAIN_DB, VoiceLoudness
from tests.simulator.audio.espeak import Speaker, speak
from tests.unit.audio.signals import ffmpeg, loudness, true_peak

TARGET = -18.0
VOICES = {"nova": 6, "alloy": -3.5, "echo": -8, "coral": -12, "ash": -17}
"""Names of simulated voices, and dB by which each is made louder or quieter than eSpeak makes it."""
TEXTS = (
    "It is going to rain this afternoon.",
    "The washing machine has finished, and the front door is still open. Shall I lock it?",
    "Dinner is ready.",
    "Good morning. It is seven o'clock, and twelve degrees outside.",
)


def level_of(*heard: tuple[float, float]) -> VoiceLoudness:
    """Return what is known after utterances of so many LUFS and seconds."""
    level = VoiceLoudness()
    for lufs, seconds in heard:
        level = level.learned(LoudnessMeasurement(lufs, seconds))
    return level


async def test_voices_at_one_level() -> None:
    """Voices 18 dB apart are within 1.5 LU of the target from their second utterance on, and nothing is too loud."""
    unlevelled = []
    for name, offset in VOICES.items():
        level = VoiceLoudness()
        for number, text in enumerate(TEXTS):
            spoken = speak(text, Speaker.named(name))
            layout = PcmLayout(spoken.rate)
            samples = np.frombuffer(spoken.samples, "<i2") * 10 ** (offset / 20)
            raw = np.rint(samples).astype("<i2").tobytes()
            limiter, meter = Limiter(layout, level.gain_to(TARGET)), LoudnessMeter(layout, ffmpeg())
            made = limiter.feed(raw) + limiter.end()
            meter.feed(raw)
            level = level.learned(await meter.result())
            assert true_peak(made, layout) <= CEILING_DBTP
            if number:
                unlevelled.append(loudness(raw, layout))
                assert loudness(made, layout) == pytest.approx(TARGET, abs=1.5), (name, text)
    assert max(unlevelled) - min(unlevelled) > 18


def test_unknown_voice() -> None:
    """Nothing is known of a voice that has not been heard: it counts as a usual one."""
    assert VoiceLoudness().lufs == DEFAULT_LUFS
    assert VoiceLoudness().gain_to(DEFAULT_LUFS) == 0
    assert VoiceLoudness().gain_to(-18) == pytest.approx(2)


def test_first_utterance_counts() -> None:
    """What has been heard once is believed at once."""
    assert level_of((-31.0, 2.0)).gain_to(-18) == pytest.approx(13)


def test_weighted_by_length() -> None:
    """A sentence tells more than a word; beyond ten seconds nothing more is told."""
    assert level_of((-20.0, 9.0), (-22.0, 1.0)).lufs == pytest.approx(-20.2)
    assert level_of((-20.0, 10.0), (-22.0, 500.0)).lufs == pytest.approx(-21)


def test_outliers() -> None:
    """A whisper among what is said as usual changes nothing, were it the longest of all."""
    usual = [(-20.0, 4.0), (-20.5, 4.0), (-19.5, 4.0)]
    assert level_of(*usual, (-38.0, 60.0)).lufs == pytest.approx(-20)
    assert level_of((-38.0, 4.0), *usual).lufs == pytest.approx(-20)


def test_changed_voice() -> None:
    """A voice that its provider has changed is known anew before long, and little is remembered."""
    level = level_of(*[(-20.0, 4.0)] * 100)
    assert len(level.heard) <= 16
    for _ in range(9):
        level = level.learned(LoudnessMeasurement(-30.0, 4.0))
    assert level.lufs == pytest.approx(-30)


@pytest.mark.parametrize("utterance", [None, LoudnessMeasurement(-60.0, 3.0), LoudnessMeasurement(-20.0, 0.0)])
def test_nothing_learned(utterance: LoudnessMeasurement | None) -> None:
    """Silence says nothing of a voice."""
    level = level_of((-21.0, 3.0))
    assert level.learned(utterance) is level


LEVELS = st.lists(st.tuples(st.floats(-54, 3), st.floats(0.1, 600)), max_size=40).map(lambda heard: level_of(*heard))


@given(level=LEVELS, target=st.floats(-60, 0))
def test_gain(level: VoiceLoudness, target: float) -> None:
    """The gain is within its range, whatever was heard; unless limited, it meets the target."""
    gain = level.gain_to(target)
    assert -MAX_GAIN_DB <= gain <= MAX_GAIN_DB
    if abs(gain) < MAX_GAIN_DB:
        assert level.lufs + gain == pytest.approx(target)
    if level.heard:
        heard = [one.lufs for one in level.heard]
        assert min(heard) - 1e-6 <= level.lufs <= max(heard) + 1e-6


@given(level=LEVELS)
def test_stored(level: VoiceLoudness) -> None:
    """What is stored as JSON comes back, to a hundredth."""
    again = VoiceLoudness.from_dict(json.loads(json.dumps(level.as_dict())))
    assert len(again.heard) == len(level.heard)
    assert VoiceLoudness.from_dict(again.as_dict()) == again


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"heard": None},
        {"heard": {"a": 1}},
        {
            "heard": [
                None,
                [],
                [1],
                ["-20", 3],
                [float("nan"), 1],
                [-20, float("inf")],
                [-20, 1, 1],
                [-99, 1],
                [-20, -1],
            ]
        },
    ],
)
def test_damaged(stored: dict[str, Any]) -> None:
    """What is damaged is forgotten."""
    assert VoiceLoudness.from_dict(stored) == VoiceLoudness()
    assert VoiceLoudness.from_dict({"heard": [None, [-30, 2]]}) == level_of((-30.0, 2.0))
