"""The response that a player or satellite receives."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from custom_components.orator.audio.conversion import measure_duration
from custom_components.orator.audio.formats import AudioFormat, PcmLayout, stream_of
from custom_components.orator.audio.wav import make_header
from custom_components.orator.pipeline import OutputFormat, PcmConstraints
from custom_components.orator.pipeline.output import GapFiller, build_response
from custom_components.orator.providers.base import SpeechAudio
from tests.support.audio import decode
from tests.support.signals import encode, mp3, voice

LAYOUT = PcmLayout(16_000)
SPEECH = b"\x01\x02" * 1600


@pytest.mark.parametrize("fills_gaps", [True, False])
async def test_gaps_are_known(*, fills_gaps: bool) -> None:
    """Silence is inserted where audio is late, and the gap filler knows about it."""

    async def samples() -> AsyncGenerator[bytes]:
        yield SPEECH
        await asyncio.sleep(0.3)
        yield SPEECH

    gap_filler = GapFiller()
    response = await build_response(
        stream_of(SpeechAudio(AudioFormat.PCM, samples(), LAYOUT)),
        OutputFormat("pcm", PcmConstraints.of(LAYOUT)),
        is_single=True,
        gap_filler=gap_filler if fills_gaps else None,
    )
    received = b"".join([block async for block in response.data])
    assert (len(received) > 2 * len(SPEECH)) is fills_gaps
    assert gap_filler.has_filled is fills_gaps


async def _in_blocks(data: bytes, size: int = 1000) -> AsyncGenerator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def _pass_through(extension: str, *parts: SpeechAudio) -> bytes:
    response = await build_response(stream_of(*parts), OutputFormat(extension), is_single=True, gap_filler=None)
    return b"".join([block async for block in response.data])


@pytest.mark.parametrize("kind", ["cbr", "vbr", "id3v1"])
async def test_mp3_is_untouched(kind: str) -> None:
    """An mp3 that does not break off is passed through, byte for byte."""
    file = mp3(24_000, 1, kind, seconds=2.0)
    assert await _pass_through("mp3", SpeechAudio(AudioFormat.MP3, _in_blocks(file))) == file


async def test_buffered_mp3_lets_other_tasks_run() -> None:
    """Other tasks run several times while a long block is passed through."""
    file = mp3(24_000, 1, "cbr", seconds=20.0)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count_turns())
    assert await _pass_through("mp3", SpeechAudio(AudioFormat.MP3, _in_blocks(file, len(file)))) == file
    counter.cancel()
    assert turns >= len(file) // 20_000


@pytest.mark.parametrize("resuming", ["mp3", "wav"])
async def test_resumed_mp3(resuming: str) -> None:
    """Audio that breaks off within a frame is resumed after the last whole frame, in the format of the first."""
    file = mp3(24_000, 1, "cbr", seconds=2.0)
    first = SpeechAudio(AudioFormat.MP3, _in_blocks(file[: len(file) // 2 + 7]))
    whole = (
        mp3(24_000, 1, "id3v1", seconds=2.0)
        if resuming == "mp3"
        else make_header(PcmLayout(16_000)) + voice(16_000, 1, 2.0)
    )
    joined = await _pass_through("mp3", first, SpeechAudio(AudioFormat(resuming), _in_blocks(whole)))
    assert (await decode(joined)).seconds == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("container", ["ogg", "flac", "aac"])
async def test_resumed_container(container: str) -> None:
    """Audio in other containers is resumed by another stream of the same format."""
    codec = {
        "ogg": ("-c:a", "libopus", "-page_duration", "20000", "-f", "ogg"),
        "flac": ("-c:a", "flac", "-f", "flac"),
        "aac": ("-c:a", "aac", "-f", "adts"),
    }[container]
    file = encode(voice(24_000, 1, 2.0), 24_000, 1, *codec)
    first = SpeechAudio(AudioFormat(container), _in_blocks(file[: len(file) // 2]))
    following = SpeechAudio(AudioFormat.PCM, _in_blocks(voice(24_000, 1, 2.0)), PcmLayout(24_000))
    joined = await _pass_through(container, first, following)
    assert measure_duration(joined) == pytest.approx(3.0, abs=0.6)
