"""What is known of how loud voices are."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from ..audio.effects import measured
from ..audio.formats import PcmLayout
from ..audio.level import Level
from ..audio.loudness import Loudness, Meter

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


async def learned_from(
    chunks: AsyncGenerator[bytes], layout: PcmLayout, levels: Levels, voice: str
) -> AsyncGenerator[bytes]:
    """Yield samples, and learn from them how loud a voice is, if they come to their end."""
    meter = Meter(layout)
    async with aclosing(measured(chunks, layout, meter)) as pieces:
        async for piece in pieces:
            yield piece
    levels.learn(voice, meter.result())
