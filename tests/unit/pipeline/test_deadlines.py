"""Deadlines of a request: for its first audio, and for audio that hardly arrives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf
from typing import Any, cast

import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.pipeline import AudioChanges, VoicePace
from custom_components.orator.pipeline.attempt import SynthesisAttempt
from custom_components.orator.pipeline.synthesizer import WITH_FALLBACK, synthesize_with_retries
from custom_components.orator.providers.base import Provider, SpeechAudio, SynthesisRequest
from custom_components.orator.providers.errors import ResponseTooLargeError, SpeechError, TimedOutError
from custom_components.orator.providers.models import Model

LAYOUT = PcmLayout(24_000)
SPEECH = b"\x10\x27" * 2_400
"""A tenth of a second."""


class FakeSynthesizer:
    """A voice whose audio comes from a generator."""

    name = loudness_key = "voice"
    has_false_truncations = False

    def __init__(
        self, audio: AsyncGenerator[bytes], audio_format: AudioFormat = AudioFormat.PCM, hedge_delay_s: float = 1.0
    ) -> None:
        """Initialize the voice."""
        self.pace = VoicePace()
        self.changes = AudioChanges()
        self.hedge_delay_s = hedge_delay_s
        self._audio = audio
        self._format = audio_format

    @asynccontextmanager
    async def synthesize(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:  # noqa: ARG002
        """Yield the audio."""
        yield SpeechAudio(self._format, self._audio, LAYOUT)


async def attempt(audio: AsyncGenerator[bytes], *, needs_full_audio: bool = True) -> tuple[float, SpeechError | None]:
    """Speak "Hi." with audio that is played at once; return its duration and the error that ended it."""
    synthesizer = cast(Any, FakeSynthesizer(audio))
    attempted = SynthesisAttempt(synthesizer, "Hi.", is_reply=False, needs_full_audio=needs_full_audio)
    await attempted.wait()
    return attempted.seconds or 0.0, attempted.error


@pytest.mark.parametrize("needs_full_audio", [False, True])
async def test_dripping_audio(monkeypatch: pytest.MonkeyPatch, *, needs_full_audio: bool) -> None:
    """Audio that hardly moves ends, although each gap is short."""
    monkeypatch.setattr("custom_components.orator.pipeline.attempt._MAX_WAIT_S", 0.1)

    async def drip() -> AsyncGenerator[bytes]:
        while True:
            yield SPEECH[:2]
            await asyncio.sleep(0.005)

    async def begin_and_drip() -> AsyncGenerator[bytes]:
        yield SPEECH
        async for block in drip():
            yield block

    seconds, error = await attempt(begin_and_drip(), needs_full_audio=needs_full_audio)
    assert isinstance(error, TimedOutError)
    assert seconds < 1


@pytest.mark.parametrize(("hedge_delay_s", "needs_full_audio"), [(1.0, False), (inf, True)])
async def test_slow_audio(monkeypatch: pytest.MonkeyPatch, hedge_delay_s: float, *, needs_full_audio: bool) -> None:
    """Audio that is heard, or is prepared in advance, may arrive slowly while it moves."""
    monkeypatch.setattr("custom_components.orator.pipeline.attempt._MAX_WAIT_S", 0.5)
    monkeypatch.setattr("custom_components.orator.pipeline.attempt._MAX_WAIT_PER_SECOND", 0.0)

    async def slow() -> AsyncGenerator[bytes]:
        for _ in range(12):
            yield 10 * SPEECH
            await asyncio.sleep(0.05)

    synthesizer = cast(Any, FakeSynthesizer(slow(), hedge_delay_s=hedge_delay_s))
    attempted = SynthesisAttempt(synthesizer, "Hi.", is_reply=False, needs_full_audio=needs_full_audio)
    await attempted.wait()
    assert attempted.error is None


@pytest.mark.parametrize("audio_format", [AudioFormat.OPUS, AudioFormat.AAC, AudioFormat.FLAC])
async def test_endless_encoded_audio(audio_format: AudioFormat) -> None:
    """Audio whose duration is not known ends after the bytes that its text can have."""
    received = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal received
        while True:
            yield bytes(100_000)
            received += 100_000

    synthesizer = cast(Any, FakeSynthesizer(endless(), audio_format))
    attempted = SynthesisAttempt(synthesizer, "Hi.", is_reply=False, needs_full_audio=True)
    await attempted.wait()
    assert isinstance(attempted.error, ResponseTooLargeError)
    assert received < 4_000_000


async def test_endless_audio() -> None:
    """Audio ends at the limit for its text."""

    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield SPEECH

    seconds, error = await attempt(endless())
    assert isinstance(error, ResponseTooLargeError)
    assert 30 < seconds < 35


@pytest.mark.parametrize("streams", [True, False])
async def test_first_audio(monkeypatch: pytest.MonkeyPatch, *, streams: bool) -> None:
    """A request of any model fails if its first audio does not arrive."""
    monkeypatch.setattr(
        "custom_components.orator.pipeline.synthesizer._FIRST_AUDIO_TIMEOUTS_S", {streams: 0.02, not streams: None}
    )

    class HangingProvider:
        @asynccontextmanager
        async def synthesize(self, _request: SynthesisRequest) -> AsyncGenerator[SpeechAudio]:
            await asyncio.sleep(3600)
            yield SpeechAudio(AudioFormat.MP3, cast(Any, None))

    model = Model("m", "M", 100, streams, (AudioFormat.MP3,))
    request = SynthesisRequest("Hi.", model, "v", AudioFormat.MP3)
    with pytest.raises(TimedOutError):
        async with synthesize_with_retries(cast(Provider, HangingProvider()), request, WITH_FALLBACK):
            pass
