"""How long to wait for a voice follows from how long it usually takes."""

import pytest

from custom_components.orator.pipeline.synthesizer import LatencyStats


def test_stranger_gets_time() -> None:
    """Of a voice that has hardly spoken nothing is known."""
    habit = LatencyStats()
    for _ in range(4):
        habit.record_first_audio(0.1)
    assert habit.hedge_delay_s(streams=True) == 6.0


@pytest.mark.parametrize(("usual", "patience"), [(0.1, 1.5), (0.9, 2.7), (30.0, 6.0)])
def test_known_voice_gets_what_is_unusual_for_it(usual: float, patience: float) -> None:
    """Three times as long as it takes at its slowest, between two limits; one slow beginning is no habit."""
    habit = LatencyStats()
    for _ in range(20):
        habit.record_first_audio(usual)
    habit.record_first_audio(100.0)
    assert habit.hedge_delay_s(streams=True) == pytest.approx(patience)


def test_habits_change() -> None:
    """A service that has become slower is given its time, after a while."""
    habit = LatencyStats()
    for seconds in [0.2] * 32 + [1.5] * 32:
        habit.record_first_audio(seconds)
    assert habit.hedge_delay_s(streams=True) == pytest.approx(4.5)
