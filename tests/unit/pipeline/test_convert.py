"""Conversion of audio to samples."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout, prepend
from custom_components.orator.audio.wav import make_header
from custom_components.orator.pipeline.convert import PcmConstraints, convert_pcm, to_pcm
from custom_components.orator.providers.base import SpeechAudio
from tests.support.audio import find_ffmpeg

RATE = 24_000


class Source:
    """Audio that records when it is closed."""

    def __init__(self, data: bytes) -> None:
        """Prepare data, which arrives in blocks."""
        self._data = data
        self.is_closed = False

    async def blocks(self) -> AsyncGenerator[bytes]:
        """Yield the blocks."""
        try:
            for start in range(0, len(self._data), 1000):
                yield self._data[start : start + 1000]
        finally:
            self.is_closed = True


@pytest.mark.parametrize("target", [PcmLayout(RATE), PcmLayout(16_000, 2)], ids=str)
async def test_closing_samples_of_wav(target: PcmLayout) -> None:
    """Closing the samples of a WAV closes the source of the WAV, converted or not."""
    source = Source(make_header(PcmLayout(RATE)) + bytes(100_000))
    audio = SpeechAudio(AudioFormat.WAV, source.blocks())
    stream = await to_pcm(audio, PcmConstraints(), find_ffmpeg())
    async with aclosing(convert_pcm(stream, target, find_ffmpeg())) as samples:
        assert await anext(samples)
        assert not source.is_closed
    assert source.is_closed


async def test_closing_prepended_audio() -> None:
    """Closing audio whose start was read in advance closes the rest."""
    source = Source(bytes(10_000))
    async with aclosing(prepend(b"start", source.blocks())) as data:
        assert await anext(data) == b"start"
        assert await anext(data)
    assert source.is_closed
