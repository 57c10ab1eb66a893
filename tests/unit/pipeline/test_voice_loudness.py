"""The loudness of a voice is measured in its messages."""

import json
from typing import Any

from hypothesis import given, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.limiter import CEILING_DBTP, Limiter
from custom_components.orator.audio.loudness_meter import LoudnessMeasurement, LoudnessMeter
from custom_components.orator.pipeline.loudness import DEFAULT_LUFS, MAX_GAIN_DB, VoiceLoudness
from tests.simulator.audio.espeak import Speaker, speak
from tests.support.signals import loudness, true_peak

TARGET = -18.0
VOICES = {"nova": 6, "alloy": -3.5, "echo": -8, "coral": -12, "ash": -17}
"""Names of simulated voices, and the gain in dB that is applied to each."""
TEXTS = (
    "It is going to rain this afternoon.",
    "The washing machine has finished, and the front door is still open. Shall I lock it?",
    "Dinner is ready.",
    "Good morning. It is seven o'clock, and twelve degrees outside.",
)


def measure(*measurements: tuple[float, float]) -> VoiceLoudness:
    """Return the loudness that results from measurements with these LUFS and durations in seconds."""
    level = VoiceLoudness()
    for lufs, seconds in measurements:
        level = level.add(LoudnessMeasurement(lufs, seconds))
    return level


def test_voices_at_one_level() -> None:
    """Voices 18 dB apart are within 1.5 LU of the target from the second message on, below the ceiling."""
    unlevelled = []
    for name, offset in VOICES.items():
        level = VoiceLoudness()
        for number, text in enumerate(TEXTS):
            speech = speak(text, Speaker.named(name))
            layout = PcmLayout(speech.rate)
            samples = np.frombuffer(speech.samples, "<i2") * 10 ** (offset / 20)
            raw = np.rint(samples).astype("<i2").tobytes()
            limiter, meter = Limiter(layout, level.gain_to(TARGET)), LoudnessMeter(layout)
            output = limiter.feed(raw) + limiter.finish()
            meter.feed(raw)
            level = level.add(meter.result())
            assert true_peak(output, layout) <= CEILING_DBTP
            if number:
                unlevelled.append(loudness(raw, layout))
                assert loudness(output, layout) == pytest.approx(TARGET, abs=1.5), (name, text)
    assert max(unlevelled) - min(unlevelled) > 18


def test_unknown_voice() -> None:
    """An unknown voice has the default loudness."""
    assert VoiceLoudness().lufs == DEFAULT_LUFS
    assert VoiceLoudness().gain_to(DEFAULT_LUFS) == 0
    assert VoiceLoudness().gain_to(-18) == pytest.approx(2)


def test_first_measurement() -> None:
    """The first measurement counts fully."""
    assert measure((-31.0, 2.0)).gain_to(-18) == pytest.approx(13)


def test_weighted_by_length() -> None:
    """Measurements are weighted by their duration, up to ten seconds."""
    assert measure((-20.0, 9.0), (-22.0, 1.0)).lufs == pytest.approx(-20.2)
    assert measure((-20.0, 10.0), (-22.0, 500.0)).lufs == pytest.approx(-21)


def test_outliers() -> None:
    """A whisper between normal messages is ignored, even if it is the longest."""
    usual = [(-20.0, 4.0), (-20.5, 4.0), (-19.5, 4.0)]
    assert measure(*usual, (-38.0, 60.0)).lufs == pytest.approx(-20)
    assert measure((-38.0, 4.0), *usual).lufs == pytest.approx(-20)


def test_changed_voice() -> None:
    """A changed voice is measured anew within nine messages, and at most 16 measurements are stored."""
    level = measure(*[(-20.0, 4.0)] * 100)
    assert len(level.measurements) <= 16
    for _ in range(9):
        level = level.add(LoudnessMeasurement(-30.0, 4.0))
    assert level.lufs == pytest.approx(-30)


@pytest.mark.parametrize("measurement", [None, LoudnessMeasurement(-60.0, 3.0), LoudnessMeasurement(-20.0, 0.0)])
def test_silence(measurement: LoudnessMeasurement | None) -> None:
    """Silence and empty audio do not change the loudness."""
    level = measure((-21.0, 3.0))
    assert level.add(measurement) is level


LEVELS = st.lists(st.tuples(st.floats(-54, 3), st.floats(0.1, 600)), max_size=40).map(
    lambda measurements: measure(*measurements)
)


@given(level=LEVELS, target=st.floats(-60, 0))
def test_gain(level: VoiceLoudness, target: float) -> None:
    """The gain stays in its range and otherwise meets the target exactly."""
    gain = level.gain_to(target)
    assert -MAX_GAIN_DB <= gain <= MAX_GAIN_DB
    if abs(gain) < MAX_GAIN_DB:
        assert level.lufs + gain == pytest.approx(target)
    if level.measurements:
        heard = [one.lufs for one in level.measurements]
        assert min(heard) - 1e-6 <= level.lufs <= max(heard) + 1e-6


@given(level=LEVELS)
def test_stored(level: VoiceLoudness) -> None:
    """The loudness survives JSON, rounded to hundredths."""
    again = VoiceLoudness.from_dict(json.loads(json.dumps(level.as_dict())))
    assert len(again.measurements) == len(level.measurements)
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
    """Damaged entries are ignored."""
    assert VoiceLoudness.from_dict(stored) == VoiceLoudness()
    assert VoiceLoudness.from_dict({"heard": [None, [-30, 2]]}) == measure((-30.0, 2.0))
