"""Every voice at its level: what is known of how loud voices are, and the gain that follows from it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from ..audio.effects import amplified, measured
from ..audio.formats import AudioFormat, PcmLayout
from ..audio.level import Level
from ..audio.loudness import Loudness, Meter
from ..providers.base import SpeechAudio
from .cast import Speaker
from .joining import SampleWish, brought_to, samples_of

_MAX_VOICES: Final = 200
"""Voices remembered; who names more of them in calls has those forgotten that were not heard for the longest time."""


class Levels:
    """How loud the voices of an account are, learned from what they have said."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: dict[str, Level] = {}
        self.has_news = False
        """Whether something has been learned since `as_dict` was called."""

    def of(self, voice: str) -> Level:
        """Return what is known of a voice."""
        return self._known.get(voice, Level())

    def learn(self, voice: str, heard: Loudness | None) -> None:
        """Remember what was measured of a voice before any gain."""
        self._known[voice] = self._known.pop(voice, Level()).learned(heard)
        while len(self._known) > _MAX_VOICES:
            del self._known[next(iter(self._known))]
        self.has_news = True

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        self.has_news = False
        return {voice: level.as_dict() for voice, level in self._known.items()}

    def restore(self, kept: Any) -> None:
        """Know what `as_dict` returned of voices that are not known better; what is damaged in it is forgotten."""
        stored = kept if isinstance(kept, Mapping) else {}
        restored = {str(voice): Level.from_dict(one) for voice, one in stored.items() if isinstance(one, Mapping)}
        self._known = {**restored, **self._known}


@dataclass(frozen=True, slots=True, eq=False)
class Levelled:
    """Speaks at another level, in samples. The gain stays the same for all that one of these says."""

    speaker: Speaker
    layout: PcmLayout
    gain_db: float
    ffmpeg: str
    levels: Levels | None = None
    """What learns from it how loud the speaker is, if anything does."""

    @property
    def name(self) -> str:
        """What the speaker is known by."""
        return self.speaker.name

    @asynccontextmanager
    async def speak(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:
        """Give the sound of a text while the context lasts. Raises SpeechError."""
        async with self.speaker.speak(text, is_reply=is_reply) as audio:
            samples = await samples_of(audio, SampleWish.of(self.layout), self.ffmpeg)
            plain = brought_to(samples, self.layout, self.ffmpeg)
            heard = self._heard(plain) if self.levels else plain
            async with aclosing(amplified(heard, self.layout, self.gain_db)) as chunks:
                yield SpeechAudio(AudioFormat.PCM, chunks, self.layout)

    async def _heard(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield samples, and learn from them if they come to their end."""
        meter = Meter(self.layout)
        async with aclosing(measured(chunks, self.layout, meter)) as pieces:
            async for piece in pieces:
                yield piece
        if self.levels:
            self.levels.learn(self.speaker.name, meter.result())
