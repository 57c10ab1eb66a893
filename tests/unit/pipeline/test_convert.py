"""Conversion of audio to samples."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout, prepend
from custom_components.orator.audio.wav import make_header
from custom_components.orator.pipeline.convert import PcmConstraints, convert_pcm, to_pcm, transcode
from custom_components.orator.providers.base import SpeechAudio
from custom_components.orator.providers.errors import NotAudioError

RATE = 24_000


class Source:
    """Audio that records when it is closed."""

    def __init__(self, data: bytes, *, wait_after: int | None = None) -> None:
        """Prepare data, which arrives in blocks; after `wait_after` bytes, nothing arrives."""
        self._data = data
        self._wait_after = wait_after
        self.is_closed = False

    async def blocks(self) -> AsyncGenerator[bytes]:
        """Yield the blocks."""
        try:
            for start in range(0, len(self._data), 1000):
                if start == self._wait_after:
                    await asyncio.Event().wait()
                yield self._data[start : start + 1000]
        finally:
            self.is_closed = True


@pytest.mark.parametrize("target", [PcmLayout(RATE), PcmLayout(16_000, 2)], ids=str)
async def test_closing_samples_of_wav(target: PcmLayout) -> None:
    """Closing the samples of a WAV closes the source of the WAV, converted or not."""
    source = Source(make_header(PcmLayout(RATE)) + bytes(100_000))
    audio = SpeechAudio(AudioFormat.WAV, source.blocks())
    stream = await to_pcm(audio, PcmConstraints())
    async with aclosing(convert_pcm(stream, target)) as samples:
        assert await anext(samples)
        assert not source.is_closed
    assert source.is_closed


async def test_first_output_of_wav() -> None:
    """Converted audio begins before the source has sent the 64 KiB of a WAV that libav reads first."""
    source = Source(make_header(PcmLayout(RATE)) + bytes(60_000), wait_after=20_000)
    audio = SpeechAudio(AudioFormat.WAV, source.blocks())
    async with asyncio.timeout(5), aclosing(transcode(audio, AudioFormat.MP3, PcmLayout(RATE))) as data:
        assert await anext(data)
    assert source.is_closed


@pytest.mark.parametrize(
    "wav",
    [
        b"",
        make_header(PcmLayout(RATE), 20) + bytes(20) + make_header(PcmLayout(8000), 20) + bytes(20),
    ],
    ids=["empty", "another layout"],
)
async def test_malformed_wav(wav: bytes) -> None:
    """A malformed WAV raises an error, with a code if it was to be encoded, and is closed."""
    source = Source(wav)
    with pytest.raises(NotAudioError) as failed:
        await _read(transcode(SpeechAudio(AudioFormat.WAV, source.blocks()), AudioFormat.MP3, PcmLayout(RATE)))
    assert failed.value.code == "ffmpeg"
    assert source.is_closed
    source = Source(wav)
    with pytest.raises(NotAudioError) as failed:
        await _read((await to_pcm(SpeechAudio(AudioFormat.WAV, source.blocks()), PcmConstraints())).samples)
    assert failed.value.code is None
    assert source.is_closed


async def test_wav_changes_layout() -> None:
    """A change of layout within a WAV raises an error after the audio that precedes it."""
    speech = b"\x01\x02" * 5000
    source = Source(make_header(PcmLayout(RATE), len(speech)) + speech + make_header(PcmLayout(8_000)) + speech)
    audio = b""
    with pytest.raises(NotAudioError):  # noqa: PT012
        async for block in transcode(SpeechAudio(AudioFormat.WAV, source.blocks()), AudioFormat.PCM, PcmLayout(RATE)):
            audio += block
    assert audio == speech


async def _read(data: AsyncGenerator[bytes]) -> bytes:
    return b"".join([block async for block in data])


async def test_closing_prepended_audio() -> None:
    """Closing audio whose start was read in advance closes the rest."""
    source = Source(bytes(10_000))
    async with aclosing(prepend(b"start", source.blocks())) as data:
        assert await anext(data) == b"start"
        assert await anext(data)
    assert source.is_closed
