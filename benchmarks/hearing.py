"""Listening: what arrives when, kept as it is and looked at afterwards, so that looking costs nothing meanwhile."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from .contenders import Contender, NoSoundError, Place
from .sound import Playback
from .texts import Speech


@dataclass(slots=True)
class Heard:
    """A speech at one place. failure: why there was no sound, or not all of it."""

    contender: str
    place: Place
    speech: Speech
    extension: str
    arrivals: list[tuple[float, bytes]] = field(default_factory=list)
    failure: str | None = None

    @property
    def audio(self) -> bytes:
        """All bytes."""
        return b"".join(chunk for _, chunk in self.arrivals)

    @property
    def playback(self) -> Playback:
        """How a player gets on with it."""
        return Playback.of(self.arrivals, self.extension)

    @property
    def after_known(self) -> float | None:
        """Seconds from the first sentence's last piece to the first sound."""
        return self._since(self.speech.known_at)

    @property
    def after_start(self) -> float | None:
        """Seconds from the beginning of the text to the first sound."""
        return self._since(self.speech.started_at)

    def _since(self, moment: float | None) -> float | None:
        first = self.playback.first_sound_at
        return None if first is None or moment is None or self.failure else first - moment


async def hear(contender: Contender, speech: Speech, options: Mapping[str, Any], place: Place) -> Heard:
    """Let somebody speak, and listen to the end."""
    heard = Heard(contender.name, place, speech, str(options.get("preferred_format", "mp3")))
    try:
        await _listen(heard, contender.speak(speech, options, place))
    except* NoSoundError as errors:
        heard.failure = "; ".join(str(error) for error in _leaves(errors))
    if not heard.failure and not heard.playback.timeline:
        heard.failure = "not a sound"
    return heard


async def _listen(heard: Heard, chunks: AsyncGenerator[bytes]) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            heard.arrivals.append((monotonic(), chunk))


def _leaves(group: BaseExceptionGroup) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
