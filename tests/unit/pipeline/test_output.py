"""The response that a player or satellite receives."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout, stream_of
from custom_components.orator.pipeline import OutputFormat, PcmConstraints
from custom_components.orator.pipeline.output import GapFiller, build_response
from custom_components.orator.providers.base import SpeechAudio
from tests.support.audio import find_ffmpeg

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
        find_ffmpeg(),
        is_single=True,
        gap_filler=gap_filler if fills_gaps else None,
    )
    received = b"".join([block async for block in response.data])
    assert (len(received) > 2 * len(SPEECH)) is fills_gaps
    assert gap_filler.has_filled is fills_gaps
