"""What is known of how loud voices are."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
import logging
from typing import Any, Final

from ..audio.effects import measured
from ..audio.formats import PcmLayout
from ..audio.level import Level
from ..audio.loudness import Loudness, Meter

_LOGGER = logging.getLogger(__name__)

_MAX_VOICES: Final = 200
"""Voices remembered; who names more of them in calls has those forgotten that were not heard for the longest time."""
_PATIENCE: Final = 0.1
_LONGEST_PATIENCE: Final = 1.0
"""Seconds for ffmpeg to tell the loudness after the last sound, which usually takes it some milliseconds: the first of
them in any case, up to the second while what has been said is still being played. After that nothing is learned."""


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


class Lesson:
    """What one utterance tells of how loud those are who speak in it; each of them is measured by one ffmpeg."""

    def __init__(self, layout: PcmLayout, ffmpeg: str) -> None:
        """Begin before anybody speaks: until then ffmpeg, which takes its time to start, is ready for the first."""
        self._layout = layout
        self._ffmpeg = ffmpeg
        self._first: Meter | None = Meter(layout, ffmpeg)
        self._meters: dict[str, Meter] = {}
        self._played_until = 0.0  # by the event loop's clock, if it is played as it passes
        self.is_over = False
        """Whether all has been said."""

    async def overheard(self, chunks: AsyncGenerator[bytes], voice: str) -> AsyncGenerator[bytes]:
        """Yield a voice's samples as they are."""
        loop = asyncio.get_running_loop()
        async with aclosing(measured(chunks, self._layout, self._meter_of(voice))) as pieces:
            async for piece in pieces:
                seconds = len(piece) / self._layout.byte_rate
                self._played_until = max(self._played_until, loop.time()) + seconds
                yield piece

    async def learn(self, levels: Levels) -> None:
        """Remember how loud everybody was, as far as that is told in time."""
        left = self._played_until - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(_LONGEST_PATIENCE, max(_PATIENCE, left))):
                for voice, meter in self._meters.items():
                    levels.learn(voice, await meter.result())
        except TimeoutError:
            _LOGGER.debug("ffmpeg did not tell how loud the speech was in time")

    async def close(self) -> None:
        """End whatever still measures."""
        for meter in (self._first, *self._meters.values()):
            if meter:
                await meter.close()

    def _meter_of(self, voice: str) -> Meter:
        """Return what measures a voice."""
        if voice not in self._meters:
            self._meters[voice] = self._first or Meter(self._layout, self._ffmpeg)
            self._first = None
        return self._meters[voice]


@asynccontextmanager
async def lesson(levels: Levels, layout: PcmLayout, ffmpeg: str) -> AsyncGenerator[Lesson]:
    """Learn from an utterance of which the sound is handed on meanwhile, if it comes to its end."""
    overhearing = Lesson(layout, ffmpeg)
    try:
        yield overhearing
        if overhearing.is_over:
            await overhearing.learn(levels)
    finally:
        await overhearing.close()
