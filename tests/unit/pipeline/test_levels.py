"""Levels of the voices in a text with markup."""

from collections.abc import AsyncGenerator

import numpy as np
import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout, stream_of
from custom_components.orator.audio.loudness_meter import LoudnessMeasurement
from custom_components.orator.pipeline import AudioChanges, LoudnessTracker
from custom_components.orator.pipeline.attempt import AttemptAudio
from custom_components.orator.pipeline.levels import VoiceLevels
from tests.support.signals import loudness, voice
from tests.support.streams import collect_all

LAYOUT = PcmLayout(24_000)


def scale(samples: bytes, gain_db: float) -> bytes:
    """Return samples at another level."""
    return np.rint(np.frombuffer(samples, "<i2") * 10 ** (gain_db / 20)).astype("<i2").tobytes()


SPEECH = scale(voice(LAYOUT.rate, 1, 5.0), -12)
LUFS = loudness(SPEECH, LAYOUT)


async def apply(
    *parts: tuple[str, float, AudioChanges],
    tracker: LoudnessTracker | None = None,
    reference_key: str | None = "own",
    target_lufs: float | None = None,
) -> list[float]:
    """Return the loudness of parts, each of which has a voice, its level and the changes of the text."""

    async def audio() -> AsyncGenerator[AttemptAudio]:
        for key, level_db, changes in parts:
            samples = stream_of(scale(SPEECH, level_db))
            yield AttemptAudio(AudioFormat.PCM, samples, LAYOUT, loudness_key=key, changes=changes)

    levels = VoiceLevels(
        LAYOUT, tracker or LoudnessTracker(), gain_db=0.0, target_lufs=target_lufs, reference_key=reference_key
    )
    return [loudness(await collect_all(part.data), LAYOUT) async for part in levels.apply(audio())]


NONE = AudioChanges()


async def test_unknown_voices() -> None:
    """Voices that were never heard are as loud as the first one."""
    heard = await apply(("own", 0, NONE), ("other", -8, NONE), ("third", 6, NONE), ("own", 0, NONE))
    assert heard == pytest.approx([LUFS] * 4, abs=0.7)


async def test_own_voice_is_reference() -> None:
    """Voices are as loud as the text's own, even if it speaks later."""
    tracker = LoudnessTracker()
    tracker.add("own", LoudnessMeasurement(LUFS, 10.0))
    tracker.add("other", LoudnessMeasurement(LUFS - 8, 10.0))
    heard = await apply(("other", -8, NONE), ("own", 0, NONE), tracker=tracker)
    assert heard == pytest.approx([LUFS, LUFS], abs=0.7)


async def test_target() -> None:
    """With a target, all voices have its loudness, the first one if it was heard before."""
    tracker = LoudnessTracker()
    tracker.add("own", LoudnessMeasurement(LUFS, 10.0))
    heard = await apply(("own", 0, NONE), ("other", -8, NONE), tracker=tracker, target_lufs=LUFS + 3)
    assert heard == pytest.approx([LUFS + 3] * 2, abs=0.7)


async def test_volume_and_measurement() -> None:
    """The gain of the text is added to that of the voice, which is measured without it."""
    tracker = LoudnessTracker()
    heard = await apply(("own", 0, NONE), ("other", -8, AudioChanges(gain_db=-6)), tracker=tracker)
    assert heard == pytest.approx([LUFS, LUFS - 6], abs=0.7)
    assert tracker.get("other").lufs == pytest.approx(LUFS - 8, abs=0.3)


async def test_audio_without_voice() -> None:
    """A clip is neither measured nor as loud as a voice."""
    tracker = LoudnessTracker()
    heard = await apply(("own", 0, NONE), ("", -8, AudioChanges(gain_db=2)), tracker=tracker)
    assert heard == pytest.approx([LUFS, LUFS - 6], abs=0.3)
    assert not tracker.get("").is_known


async def test_silent_volume() -> None:
    """A volume of minus infinity is silence of the same length."""
    samples = stream_of(SPEECH)
    audio = AttemptAudio(
        AudioFormat.PCM, samples, LAYOUT, loudness_key="own", changes=AudioChanges(gain_db=-float("inf"))
    )
    levels = VoiceLevels(LAYOUT, LoudnessTracker(), gain_db=0.0, target_lufs=None, reference_key="own")
    (silence,) = [await collect_all(part.data) async for part in levels.apply(stream_of(audio))]
    assert silence == bytes(len(SPEECH))
