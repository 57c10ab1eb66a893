"""Keep the audio of chunks that a voice has spoken in memory, so that it does not speak them again."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
import secrets
from time import monotonic
from typing import Final

from ..audio.formats import AudioFormat, PcmLayout
from ..providers.base import SynthesisRequest

_MAX_BYTES: Final = 32 * 1024 * 1024
"""Limit for all audio: an hour and a half of mp3 at 48 kbit/s, or eleven minutes of samples."""
MAX_ENTRY_BYTES: Final = 4 * 1024 * 1024
"""Limit for the audio of a chunk: almost a minute and a half of samples."""
_MAX_AGE_S: Final = 24 * 60 * 60
_ENTRY_BYTES: Final = 640
"""Memory that an entry takes in addition to its audio."""
_DIGEST_BYTES: Final = 32
_BLOCK_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class CachedAudio:
    """The audio of a chunk as the provider sent it."""

    format: AudioFormat
    data: bytes
    pcm_layout: PcmLayout | None = None

    async def read(self) -> AsyncGenerator[bytes]:
        """Yield the audio in blocks, between which other tasks of the event loop run."""
        for start in range(0, len(self.data), _BLOCK_BYTES):
            if start:
                await asyncio.sleep(0)
            yield self.data[start : start + _BLOCK_BYTES]


@dataclass(frozen=True, slots=True)
class CacheStats:
    """The content of the cache, and how often it was used since Home Assistant was started."""

    entries: int
    bytes: int
    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class _Entry:
    audio: CachedAudio
    expires_at: float

    @property
    def size(self) -> int:
        return len(self.audio.data) + _ENTRY_BYTES


class SentenceCache:
    """The audio of the chunks that voices have spoken, for a day. The least recently used audio is dropped first.

    Neither texts nor API keys can be derived from the keys, which are hashes with a secret that is never stored.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        """Create an empty cache for at most `max_bytes`."""
        self._max_bytes = max_bytes
        self._secret = secrets.token_bytes(_DIGEST_BYTES)
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._size = 0
        self._hits = 0
        self._misses = 0
        self.generation = 0
        """Number of times that the cache was cleared: audio that was requested before must not be added any more."""

    @property
    def stats(self) -> CacheStats:
        """The content of the cache, and how often it was used."""
        return CacheStats(len(self._entries), self._size, self._hits, self._misses)

    def for_voice(self, account: Sequence[str], request: SynthesisRequest, *, is_read: bool = True) -> VoiceCache:
        """Return the cached audio of a voice with the settings of a request, whatever its text.

        `account` identifies the account at its provider. If `is_read` is false, audio is only added.
        """
        voice = (
            tuple(account),
            request.model.id,
            request.voice,
            request.format,
            sorted(request.settings.items()),
            request.pronunciations,
        )
        return VoiceCache(self, self.hash(_encode(repr(voice))), is_read=is_read)

    def hash(self, data: bytes) -> bytes:
        """Return the hash of data, which differs in every run."""
        return blake2b(data, digest_size=_DIGEST_BYTES, key=self._secret).digest()

    def __contains__(self, key: bytes) -> bool:
        """Return whether there is audio for a key."""
        entry = self._entries.get(key)
        return entry is not None and monotonic() < entry.expires_at

    def get(self, key: bytes) -> CachedAudio | None:
        """Return the audio for a key, and count whether there is any."""
        if key not in self:
            self._misses += 1
            return None
        self._hits += 1
        self._entries.move_to_end(key)
        return self._entries[key].audio

    def put(self, key: bytes, audio: CachedAudio) -> None:
        """Add audio unless it is too long, and drop other audio to make room."""
        self._drop(key)
        entry = _Entry(audio, monotonic() + _MAX_AGE_S)
        if entry.size > min(MAX_ENTRY_BYTES, self._max_bytes):
            return
        self._entries[key] = entry
        self._size += entry.size
        while self._size > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def drop_expired(self) -> None:
        """Drop the audio that is older than a day."""
        for key in [key for key in self._entries if key not in self]:
            self._drop(key)

    def clear(self) -> None:
        """Drop all audio, and do not add audio that has been requested already."""
        self.generation += 1
        self._entries.clear()
        self._size = 0

    def _drop(self, key: bytes) -> None:
        if entry := self._entries.pop(key, None):
            self._size -= entry.size


class VoiceCache:
    """The cached audio of one voice with its settings, by text."""

    def __init__(self, cache: SentenceCache, voice_hash: bytes, *, is_read: bool) -> None:
        """Initialize the part of the cache for a voice, which is identified by `voice_hash`."""
        self._cache = cache
        self._generation = cache.generation
        self._voice_hash = voice_hash
        self._is_read = is_read

    def has(self, text: str) -> bool:
        """Return whether the voice has spoken exactly this text."""
        return self._is_read and self._key(text) in self._cache

    def get(self, text: str) -> CachedAudio | None:
        """Return the audio of a text, if the voice has spoken it, and count whether it has."""
        return self._cache.get(self._key(text)) if self._is_read else None

    def put(self, text: str, audio: CachedAudio) -> None:
        """Add the audio of a text, unless the cache was cleared meanwhile."""
        if self._generation == self._cache.generation:
            self._cache.put(self._key(text), audio)

    def _key(self, text: str) -> bytes:
        return self._cache.hash(self._voice_hash + _encode(text))


def _encode(text: str) -> bytes:
    """Return a text as bytes; templates and language models can produce texts that are not valid Unicode."""
    return text.encode(errors="surrogatepass")
