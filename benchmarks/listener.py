"""Recordings of audio with times of arrival, analyzed after all measurements so that analysis does not disturb them."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from .candidates import Candidate, Delivery, NoAudioError
from .playback import Playback
from .texts import Message


@dataclass(slots=True)
class RecordedMessage:
    """The audio of a message. failure: why it is missing or incomplete."""

    candidate: str
    delivery: Delivery
    message: Message
    extension: str
    arrivals: list[tuple[float, bytes]] = field(default_factory=list)
    failure: str | None = None

    @property
    def audio(self) -> bytes:
        """All bytes."""
        return b"".join(chunk for _, chunk in self.arrivals)

    @property
    def playback(self) -> Playback:
        """Playback of the audio as it arrived."""
        return Playback.of(self.arrivals, self.extension)

    @property
    def after_known(self) -> float | None:
        """Seconds from the end of the text's first sentence to the first audio."""
        return self._first_audio_since(self.message.first_sentence_at)

    @property
    def after_start(self) -> float | None:
        """Seconds from the start of the text to the first audio."""
        return self._first_audio_since(self.message.started_at)

    @property
    def after_gate(self) -> float | None:
        """Seconds from the time when Home Assistant began to stream the text to the first audio."""
        return self._first_audio_since(self.message.streamed_at)

    def _first_audio_since(self, moment: float | None) -> float | None:
        first = self.playback.first_audio_at
        return None if first is None or moment is None or self.failure else first - moment


async def record(
    candidate: Candidate, message: Message, options: Mapping[str, Any], delivery: Delivery
) -> RecordedMessage:
    """Record a message to its end."""
    recording = RecordedMessage(candidate.name, delivery, message, str(options.get("preferred_format", "mp3")))
    try:
        await _receive(recording, candidate.speak(message, options, delivery))
    except* NoAudioError as errors:
        recording.failure = "; ".join(map(str, _flatten(errors)))
    if not recording.failure and not recording.playback.timeline:
        recording.failure = "not audio"
    return recording


async def _receive(recording: RecordedMessage, chunks: AsyncGenerator[bytes]) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            recording.arrivals.append((monotonic(), chunk))


def _flatten(group: BaseExceptionGroup) -> Iterator[BaseException]:
    """Yield the exceptions of nested groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flatten(error)
        else:
            yield error
