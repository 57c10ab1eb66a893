"""Where speech is recorded: off the event loop, every take once, recent takes kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import threading
from typing import Literal

from . import tones
from .encoding import USUAL_QUALITY, AudioFormat, Quality, encode
from .espeak import Sound, Speaker, speak

type Tongue = Literal["speech", "tones"]

_THREADS = 4
_SHELF_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Take:
    """What is to be recorded; speed is relative to normal."""

    text: str
    speaker: Speaker
    audio_format: AudioFormat
    speed: float = 1.0
    quality: Quality = USUAL_QUALITY


@dataclass(frozen=True, slots=True)
class Recording:
    """Encoded audio, and its length in seconds."""

    data: bytes
    duration: float


class Shelf[Key, Value]:
    """Things kept for later, the least recently used going first when they take too much room. For any thread.

    limit: bytes that all of them may take; weigh tells how many one takes.
    """

    def __init__(self, limit: int, weigh: Callable[[Value], int]) -> None:
        """Start empty."""
        self._limit = limit
        self._weigh = weigh
        self._weight = 0
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """Return what was put here, if it is still here."""
        with self._lock:
            if (value := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        """Keep something, in the place of what had the same key."""
        with self._lock:
            if (previous := self._kept.pop(key, None)) is not None:
                self._weight -= self._weigh(previous)
            self._kept[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._limit:
                _, oldest = self._kept.popitem(last=False)
                self._weight -= self._weigh(oldest)


# Shared by the whole process: tests start many simulators that say the same.
_RECORDINGS: Shelf[tuple[Take, Tongue], Recording] = Shelf(_SHELF_BYTES, lambda recording: len(recording.data))
_SOUNDS: Shelf[tuple[str, Speaker], Sound] = Shelf(_SHELF_BYTES, lambda sound: len(sound.samples))
_SPEAKING = threading.Lock()


class Studio:
    """Records takes for one simulator.

    tongue: what the next takes are spoken in, eSpeak's speech or the tones that `tests.words` can read back.
    """

    def __init__(self) -> None:
        """Open without starting threads; they come with the work."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="simulated-speech")
        self._running: dict[tuple[Take, Tongue], asyncio.Future[Recording]] = {}
        self.tongue: Tongue = "speech"

    async def record(self, take: Take) -> Recording:
        """Return a take's recording. Who stops waiting does not stop it for the others."""
        wanted = (take, self.tongue)
        if recording := _RECORDINGS.get(wanted):
            return recording
        if (running := self._running.get(wanted)) is None:
            running = asyncio.get_running_loop().run_in_executor(self._threads, _record, *wanted)
            self._running[wanted] = running
            running.add_done_callback(lambda _: self._running.pop(wanted))
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Drop what has not begun, wait for what has, and end the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._threads.shutdown()


def _record(take: Take, tongue: Tongue) -> Recording:
    """Speak and encode. Blocks."""
    sound = _spoken(take.text, take.speaker) if tongue == "speech" else tones.sound(take.text, take.speaker)
    recording = Recording(encode(sound, take.audio_format, take.speed, take.quality), sound.duration / take.speed)
    _RECORDINGS.put((take, tongue), recording)
    return recording


def _spoken(text: str, speaker: Speaker) -> Sound:
    """Speak what was not spoken before: eSpeak never makes the same noise twice, but all formats carry the same."""
    with _SPEAKING:
        if (sound := _SOUNDS.get((text, speaker))) is None:
            sound = speak(text, speaker)
            _SOUNDS.put((text, speaker), sound)
        return sound
