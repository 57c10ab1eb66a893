"""The hedge delay of a voice follows from the latency of its past audio."""

import pytest

from custom_components.orator.pipeline.synthesizer import VoiceStats


def test_unknown_voice() -> None:
    """The delay is the maximum until five latencies are known."""
    stats = VoiceStats()
    for _ in range(4):
        stats.record_first_audio(0.1)
    assert stats.hedge_delay_s(streams=True) == 6.0


@pytest.mark.parametrize(("usual", "delay"), [(0.1, 1.5), (0.9, 2.7), (30.0, 6.0)])
def test_known_voice(usual: float, delay: float) -> None:
    """The delay is three times the usual latency, within its limits; a single slow response does not count."""
    stats = VoiceStats()
    for _ in range(20):
        stats.record_first_audio(usual)
    stats.record_first_audio(100.0)
    assert stats.hedge_delay_s(streams=True) == pytest.approx(delay)


def test_latency_changes() -> None:
    """The delay follows a provider that has become slower."""
    stats = VoiceStats()
    for seconds in [0.2] * 32 + [1.5] * 32:
        stats.record_first_audio(seconds)
    assert stats.hedge_delay_s(streams=True) == pytest.approx(4.5)
