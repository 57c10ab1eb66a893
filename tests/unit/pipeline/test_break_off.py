"""Audio that breaks off, or seems to: complete audio is heard once, and no sentence is lost."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline import VoicePace, VoiceStats
from custom_components.orator.pipeline.pace import measure_speech
from custom_components.orator.pipeline.synthesizer import WITH_FALLBACK, ProviderSynthesizer
from custom_components.orator.providers.base import SpeechAudio, SynthesisRequest
from custom_components.orator.providers.errors import ConnectionLostError, SpeechError, TextTooLongError
from custom_components.orator.providers.models import Model

from .voices import Response, Voice, listen

SHORT = "The front door is open."
LONG = (
    "The washing machine has finished. Please hang up the laundry soon. It smells otherwise. "
    "Afterwards you can empty the dishwasher as well. Thank you very much for the help."
)
VALUES = "Kitchen: 21 °C, 45 %. Bathroom: 22 °C, 50 %. Bedroom: 19 °C, 55 %. Outside: 12 °C, 80 %."
VALUES_S = 14.0


def measured_pace(letters_per_s: float = 15.0) -> VoicePace:
    """Return a pace measured with prose."""
    pace = VoicePace()
    for _ in range(3):
        pace.add(measure_speech(LONG), len(LONG) / letters_per_s)
    return pace


@pytest.mark.parametrize("needs_full_audio", [False, True])
@pytest.mark.parametrize("has_fallback", [False, True])
@pytest.mark.parametrize("text", [SHORT, LONG])
@pytest.mark.parametrize(
    ("silence_s", "missing_s", "error"),
    [(0.0, 0.5, None), (0.3, 0.0, ConnectionLostError()), (0.3, 0.5, ConnectionLostError())],
)
async def test_wrong_ending(  # noqa: PLR0913 - every combination
    text: str,
    silence_s: float,
    missing_s: float,
    error: SpeechError | None,
    *,
    has_fallback: bool,
    needs_full_audio: bool,
) -> None:
    """Complete audio is heard once if the server states a wrong length or breaks the connection after the audio."""
    voice = Voice(lambda text: Response(len(text) / 15, silence_s, missing_s, error))
    fallbacks = [Voice(lambda text: Response(len(text) / 15))] * has_fallback
    chain = await listen(text, voice, *fallbacks, needs_full_audio=needs_full_audio)
    assert voice.requests == [text]
    assert chain.record.interruption is None
    assert chain.record.report().looked_truncated == (True,)
    assert not chain.record.report().has_repetitions


async def test_wrong_ending_of_mp3() -> None:
    """Silence at the end is found in MP3 as well."""
    for silence_s, requests in ((0.5, 1), (0.0, 2)):
        voice = Voice(
            lambda text, silence_s=silence_s: Response(
                len(text) / 15, silence_s, error=ConnectionLostError(), format=AudioFormat.MP3
            )
        )
        await listen(SHORT, voice)
        assert len(voice.requests) == requests


async def test_wrong_ending_without_silence() -> None:
    """A voice that breaks off after its last word, without silence, is heard once after it has done so often."""
    voice = Voice(lambda text: Response(len(text) / 15, error=ConnectionLostError()))
    chain = await listen(LONG, voice)
    assert len(voice.requests) == 2
    assert chain.record.interruption is None  # the second attempt ended in the same way
    assert all(chain.record.report().looked_truncated)
    voice.has_false_truncations = True
    voice.requests.clear()
    await listen(LONG, voice)
    assert voice.requests == [LONG]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
async def test_real_break(share: float) -> None:
    """Audio that breaks off before the end is resumed, and the last sentence is never left out."""
    voice = Voice(
        lambda text: (
            Response(len(text) / 15 * share, error=ConnectionLostError()) if text == LONG else Response(len(text) / 15)
        ),
        pace=measured_pace(),
    )
    await listen(LONG, voice)
    assert len(voice.requests) == 2
    assert len(voice.requests[1]) > (1 - share) * len(LONG)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.65, 0.9])
async def test_break_in_values(share: float) -> None:
    """Values, units and symbols take longer than words of as many letters; none of them is lost."""
    voice = Voice(
        lambda text: (
            Response(VALUES_S * share, error=ConnectionLostError())
            if text == VALUES
            else Response(VALUES_S * len(text) / len(VALUES))
        ),
        pace=measured_pace(),
    )
    await listen(VALUES, voice)
    assert len(voice.requests) == 2
    assert len(voice.requests[1]) >= (1 - share) * len(VALUES) - 1


async def test_other_pace() -> None:
    """A voice that is suddenly fast is heard in full, and its new pace is measured."""
    voice = Voice(lambda text: Response(len(text) / 20), pace=measured_pace(8))
    chain = await listen(LONG, voice)
    assert len(voice.requests) == 2
    assert chain.record.interruption is None
    await listen(LONG, voice)
    assert len(voice.requests) == 3


async def test_other_pace_with_fallback() -> None:
    """With a fallback, the new pace is measured after three texts."""
    voice, fallback = (
        Voice(lambda text: Response(len(text) / 20), pace=measured_pace(8)),
        Voice(lambda _: Response(5.0)),
    )
    for _ in range(3):
        await listen(LONG, voice, fallback)
    assert len(voice.requests) == 4


async def test_refusal_of_any_length() -> None:
    """A text that is refused for another reason than its length costs few requests, and no limit is detected."""
    stats = VoiceStats()
    requests = 0

    class RefusingProvider:
        @asynccontextmanager
        async def synthesize(self, _request: SynthesisRequest) -> AsyncGenerator[SpeechAudio]:
            nonlocal requests
            requests += 1
            raise TextTooLongError
            yield

    model = Model("m", "M", 4000, streams=True, formats=(AudioFormat.WAV,))
    request = SynthesisRequest("", model, "v", AudioFormat.WAV)
    own = ProviderSynthesizer(cast(Any, RefusingProvider()), request, WITH_FALLBACK, name="own", stats=stats)
    fallback = Voice(lambda text: Response(len(text) / 15))
    text = LONG * 20
    await listen(text, cast(Any, own), fallback)
    assert requests <= 4
    assert stats.max_chars is None
    assert len("".join(fallback.requests)) > len(text) - 50
