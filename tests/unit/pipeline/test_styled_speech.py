"""Parts of a text: their order, their voices, pauses and clips."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from custom_components.orator.audio.effects import Chime
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.pipeline.attempt import AttemptAudio
from custom_components.orator.pipeline.styled_speech import StyledSpeech, estimate_duration_s
from custom_components.orator.pipeline.styles import AudioChanges
from custom_components.orator.pipeline.text_runs import TextChunk
from custom_components.orator.providers.errors import ConnectionLostError, InvalidKeyError, SpeechError
from custom_components.orator.text import PLAIN, Clip, Pause, SpeechStyle, StyledText
from tests.support.streams import collect_all

from .voices import Response, Voice, create_speech

TEXT = "The washing machine has finished. Please hang up the laundry soon."
GONG = Chime(b"\1\0" * 12_000, PcmLayout(24_000))


@dataclass(eq=False)
class StylableVoice(Voice):
    """A voice that remembers its styles."""

    style: SpeechStyle = PLAIN
    plain: Voice | None = None

    @property
    def origin(self) -> Voice:
        """Return the voice without a style."""
        return self.plain or self

    def with_style(self, style: SpeechStyle, words: tuple[StyledText, ...]) -> StylableVoice:  # noqa: ARG002
        """Return the voice with a style."""
        return replace(
            self,
            style=style,
            plain=self.origin,
            changes=AudioChanges(style.rate, style.gain_db),
            requests=self.requests,
        )


def create_voice(name: str, error: SpeechError | None = None) -> StylableVoice:
    """Return a voice that speaks, or fails."""
    return StylableVoice(
        lambda text: Response(0 if error else len(text) / 15, error=error), name=name, loudness_key=name
    )


async def hear(speech: StyledSpeech, *parts: TextChunk | Pause | Clip) -> list[tuple[AttemptAudio, int]]:
    """Return the audio of parts, each with its length."""
    heard: list[tuple[AttemptAudio, int]] = []
    for part in parts:
        audio = speech.create(part)
        request = asyncio.create_task(audio.synthesize())
        heard += [(one, len(await collect_all(one.data))) async for one in audio.audio()]
        await request
    return heard


async def test_styles() -> None:
    """Each chunk has the changes of its style, and all are of the job's own voice."""
    own = create_voice("own")
    speech = create_speech(own)
    slow = SpeechStyle(rate=0.5, gain_db=-6)
    heard = await hear(speech, TextChunk(TEXT), TextChunk(TEXT, slow), TextChunk(TEXT))
    assert [audio.changes for audio, _ in heard] == [AudioChanges(), AudioChanges(0.5, -6), AudioChanges()]
    assert own.requests == [TEXT] * 3
    report = speech.record.report()
    assert (report.spoken_by, report.has_own_audio, report.has_fallback_audio) == (("own",), True, False)


async def test_named_voice() -> None:
    """Another voice speaks its text only, with the style of the text, and is no fallback."""
    own, other = create_voice("own"), create_voice("other")
    speech = create_speech(own, named={"other": other})
    style = SpeechStyle(voice="other", rate=2.0)
    heard = await hear(speech, TextChunk(TEXT), TextChunk("Yes, of course.", style))
    assert [(audio.loudness_key, audio.changes.tempo) for audio, _ in heard] == [("own", 1.0), ("other", 2.0)]
    assert other.requests == ["Yes, of course."]
    report = speech.record.report()
    assert (report.spoken_by, report.has_fallback_audio) == (("own", "other"), False)


@pytest.mark.parametrize("error", [InvalidKeyError(), ConnectionLostError()])
async def test_named_voice_fails(error: SpeechError) -> None:
    """The job's own voice replaces another one that fails, and also speaks its later chunks."""
    own, other = create_voice("own"), create_voice("other", error)
    fallback = create_voice("fallback")
    speech = create_speech(own, fallback, named={"other": other})
    style = SpeechStyle(voice="other")
    await hear(speech, TextChunk(TEXT, style), TextChunk("Yes.", replace(style, rate=2.0)))
    assert "Yes." not in other.requests
    report = speech.record.report()
    assert (report.spoken_by, report.has_fallback_audio) == (("own",), True)
    assert (report.failures, fallback.requests) == ((), [])


async def test_own_voice_fails() -> None:
    """The fallbacks replace the job's own voice in every style, which is asked once."""
    own, fallback = create_voice("own", InvalidKeyError()), create_voice("fallback")
    speech = create_speech(own, fallback)
    heard = await hear(speech, TextChunk(TEXT, SpeechStyle(rate=2.0)), TextChunk(TEXT, SpeechStyle(gain_db=3)))
    assert [audio.changes for audio, _ in heard] == [AudioChanges(2.0), AudioChanges(gain_db=3)]
    assert (own.requests, fallback.requests) == ([TEXT], [TEXT, TEXT])
    assert len(speech.record.report().failures) == 1


async def test_fallback_is_named() -> None:
    """A fallback that the text names speaks first; if it fails, it is not asked again."""
    own, fallback = create_voice("own"), create_voice("fallback", InvalidKeyError())
    speech = create_speech(own, fallback, named={"fallback": fallback})
    await hear(speech, TextChunk(TEXT, SpeechStyle(voice="fallback")))
    assert (fallback.requests, own.requests) == ([TEXT], [TEXT])


async def test_named_voice_without_own_account() -> None:
    """If the job's own account is unlikely to work, its fallbacks replace another voice before it."""
    own, fallback, other = create_voice("own"), create_voice("fallback"), create_voice("other", InvalidKeyError())
    speech = create_speech(own, fallback, named={"other": other}, prefers_fallback=True)
    await hear(speech, TextChunk(TEXT, SpeechStyle(voice="other")), TextChunk(TEXT))
    assert speech.record.report().spoken_by == ("fallback",)


async def test_pause() -> None:
    """A pause is silence of its duration, and no voice."""
    speech = create_speech(create_voice("own"))
    ((audio, length),) = await hear(speech, Pause(1.25))
    assert audio.pcm_layout
    assert length / audio.pcm_layout.byte_rate == 1.25
    assert not audio.loudness_key
    assert speech.estimate_duration_s(Pause(1.25)) == 1.25


def test_estimated_duration() -> None:
    """The speed of the voice and the rate of the text shorten speech, not pauses."""
    plain = estimate_duration_s(TextChunk(TEXT), 1.0)
    assert estimate_duration_s(TextChunk(TEXT, SpeechStyle(rate=2.0)), 1.5) == pytest.approx(plain / 3)
    assert estimate_duration_s(Pause(2.5), 1.5) == 2.5


async def test_clip() -> None:
    """A clip is played with its gain; its fallback is not spoken."""
    own = create_voice("own")
    speech = create_speech(own, clips={"gong": GONG})
    ((audio, length),) = await hear(speech, Clip("gong", "Gong.", gain_db=-3))
    assert (audio.changes.gain_db, length, own.requests) == (-3, len(GONG.samples), [])
    assert not speech.record.report().misses_clip


async def test_missing_clip() -> None:
    """Instead of a clip that is not there, its fallback is spoken in its style, or nothing."""
    own = create_voice("own")
    speech = create_speech(own)
    heard = await hear(speech, Clip("gong", "A gong is heard.", SpeechStyle(gain_db=-6)), Clip("gong"))
    assert [audio.changes.gain_db for audio, _ in heard] == [-6]
    assert own.requests == ["A gong is heard."]
    assert speech.record.report().misses_clip
