"""Recording speech on threads, with a cache of recent recordings."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import threading
from typing import Literal

from . import tones
from .encoding import DEFAULT_QUALITY, AudioFormat, Quality, encode
from .espeak import Speaker, SpokenSamples, speak

type AudioMode = Literal["speech", "tones"]

_THREADS = 4
_CACHE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecordingSpec:
    """The specification of a recording; `speed` is relative to normal."""

    text: str
    speaker: Speaker
    audio_format: AudioFormat
    speed: float = 1.0
    quality: Quality = DEFAULT_QUALITY


@dataclass(frozen=True, slots=True)
class Recording:
    """Encoded audio and its duration in seconds."""

    data: bytes
    duration: float


class LruCache[Key, Value]:
    """A thread-safe cache that evicts the least recently used values.

    limit: the maximum size of all values, in bytes.
    size_of: returns the size of a value, in bytes.
    """

    def __init__(self, limit: int, size_of: Callable[[Value], int]) -> None:
        """Start empty."""
        self._limit = limit
        self._size_of = size_of
        self._size = 0
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """Return a value, or None if it is not cached."""
        with self._lock:
            if (value := self._values.get(key)) is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        """Add or replace a value."""
        with self._lock:
            if (previous := self._values.pop(key, None)) is not None:
                self._size -= self._size_of(previous)
            self._values[key] = value
            self._size += self._size_of(value)
            while self._size > self._limit:
                _, oldest = self._values.popitem(last=False)
                self._size -= self._size_of(oldest)


# Shared by the whole process: tests start many simulators that speak the same texts.
_RECORDINGS: LruCache[tuple[RecordingSpec, AudioMode], Recording] = LruCache(
    _CACHE_BYTES, lambda recording: len(recording.data)
)
_SOUNDS: LruCache[tuple[str, Speaker], SpokenSamples] = LruCache(_CACHE_BYTES, lambda sound: len(sound.samples))
_SPEECH_LOCK = threading.Lock()


class Recorder:
    """Records speech for one server.

    audio_mode: the synthesis of following recordings: "speech", or "tones" that `tests.support.word_decoder` decodes.
    """

    def __init__(self) -> None:
        """Prepare the threads; they start with the first recording."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="simulated-speech")
        self._running: dict[tuple[RecordingSpec, AudioMode], asyncio.Future[Recording]] = {}
        self.audio_mode: AudioMode = "speech"

    async def record(self, spec: RecordingSpec) -> Recording:
        """Return a recording. Cancelling one caller does not cancel the recording for others."""
        key = (spec, self.audio_mode)
        if recording := _RECORDINGS.get(key):
            return recording
        if (running := self._running.get(key)) is None:
            running = asyncio.get_running_loop().run_in_executor(self._threads, _record, *key)
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key))
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Cancel pending recordings, wait for running ones, and stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._threads.shutdown()


def _record(spec: RecordingSpec, audio_mode: AudioMode) -> Recording:
    """Synthesize and encode. Blocks."""
    sound = (
        _speak(spec.text, spec.speaker) if audio_mode == "speech" else tones.synthesize_tones(spec.text, spec.speaker)
    )
    recording = Recording(encode(sound, spec.audio_format, spec.speed, spec.quality), sound.duration / spec.speed)
    _RECORDINGS.put((spec, audio_mode), recording)
    return recording


def _speak(text: str, speaker: Speaker) -> SpokenSamples:
    """Return cached speech, because eSpeak's samples vary and all formats should carry the same ones."""
    with _SPEECH_LOCK:
        if (sound := _SOUNDS.get((text, speaker))) is None:
            sound = speak(text, speaker)
            _SOUNDS.put((text, speaker), sound)
        return sound
