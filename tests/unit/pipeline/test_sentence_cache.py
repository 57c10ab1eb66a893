"""The sentence cache: whose audio it returns, and how much it keeps for how long."""

from dataclasses import replace
import tracemalloc
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.pipeline import sentence_cache
from custom_components.orator.pipeline.sentence_cache import _ENTRY_BYTES, MAX_ENTRY_BYTES, CachedAudio, SentenceCache
from custom_components.orator.providers.base import SynthesisRequest
from custom_components.orator.providers.models import Model, Pronunciation
from tests.support.streams import collect_all

MODEL = Model("tts", "TTS", 4000, streams=True, formats=(AudioFormat.MP3,))
REQUEST = SynthesisRequest(
    "", MODEL, "ann", AudioFormat.MP3, {"speed": 1.0}, (Pronunciation("a", "b", match_case=True),)
)
ACCOUNT = ("OpenAIProvider", "", "key", "base_url", "https://api.example/v1")
TEXT = "The kettle has boiled."
AUDIO = CachedAudio(AudioFormat.MP3, b"audio" * 20)


class Clock:
    """The monotonic clock of the cache."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of the cache."""
    fake = Clock()
    monkeypatch.setattr(sentence_cache, "monotonic", fake)
    return fake


def test_same_voice_and_text() -> None:
    """Audio is found with an equal request; its text is that of the look-up."""
    cache = SentenceCache()
    cache.for_voice(ACCOUNT, REQUEST).put(TEXT, AUDIO)
    same = cache.for_voice(tuple(ACCOUNT), replace(REQUEST, text="other", settings={"speed": 1.0}))
    assert same.has(TEXT)
    assert same.get(TEXT) == AUDIO
    assert (cache.stats.hits, cache.stats.misses) == (1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": replace(MODEL, id="tts-2")},
        {"voice": "ben"},
        {"format": AudioFormat.WAV},
        {"settings": {}},
        {"settings": {"speed": 1.1}},
        {"settings": {"speed": 1}},
        {"settings": {"speed": "1.0"}},
        {"settings": {"speed": 1.0, "instructions": "Calm."}},
        {"settings": {"speed": 1.0, "extra_body": {"seed": [1]}}},
        {"pronunciations": ()},
        {"pronunciations": (Pronunciation("a", "c", match_case=True),)},
        {"pronunciations": (Pronunciation("a", "b", match_case=False),)},
    ],
    ids=str,
)
def test_other_setting(changes: dict[str, Any]) -> None:
    """Another model, voice, format, setting or pronunciation misses."""
    cache = SentenceCache()
    cache.for_voice(ACCOUNT, REQUEST).put(TEXT, AUDIO)
    other = cache.for_voice(ACCOUNT, replace(REQUEST, **changes))
    assert not other.has(TEXT)
    assert other.get(TEXT) is None


@pytest.mark.parametrize("position", range(len(ACCOUNT)))
def test_other_account(position: int) -> None:
    """Another API, server, key or address misses."""
    cache = SentenceCache()
    cache.for_voice(ACCOUNT, REQUEST).put(TEXT, AUDIO)
    other = (*ACCOUNT[:position], "other", *ACCOUNT[position + 1 :])
    assert cache.for_voice(other, REQUEST).get(TEXT) is None


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(), max_size=8), max_size=12, unique=True), voices=st.sets(st.text(max_size=4))
)
def test_every_voice_and_text_is_kept_apart(texts: list[str], voices: set[str]) -> None:
    """Whatever the texts and the names of the voices, none of them gets the audio of another."""
    cache = SentenceCache()
    stored = {(voice, text): f"{voice}|{text}".encode(errors="surrogatepass") for voice in voices for text in texts}
    for (voice, text), data in stored.items():
        cache.for_voice(ACCOUNT, replace(REQUEST, voice=voice)).put(text, CachedAudio(AudioFormat.MP3, data))
    for (voice, text), data in stored.items():
        found = cache.for_voice(ACCOUNT, replace(REQUEST, voice=voice)).get(text)
        assert found
        assert found.data == data
    assert cache.stats.entries == len(stored)


def test_half_of_a_character() -> None:
    """A text that is not valid Unicode is a text like any other."""
    voice = SentenceCache().for_voice(ACCOUNT, replace(REQUEST, voice="\udcff"))
    voice.put("\ud800", AUDIO)
    assert voice.has("\ud800")
    assert not voice.has("\ud801")


def test_secret() -> None:
    """The keys differ in every run, so that nobody can test a guess about a text."""
    assert SentenceCache().hash(b"text") != SentenceCache().hash(b"text")


def test_write_only() -> None:
    """A voice that must speak again neither finds audio nor counts, and its audio replaces the old one."""
    cache = SentenceCache()
    cache.for_voice(ACCOUNT, REQUEST).put(TEXT, AUDIO)
    fresh = cache.for_voice(ACCOUNT, REQUEST, is_read=False)
    assert not fresh.has(TEXT)
    assert fresh.get(TEXT) is None
    assert (cache.stats.hits, cache.stats.misses) == (0, 0)
    newer = CachedAudio(AudioFormat.PCM, b"newer", PcmLayout(24_000))
    fresh.put(TEXT, newer)
    assert cache.for_voice(ACCOUNT, REQUEST).get(TEXT) == newer
    assert cache.stats.entries == 1


def test_expiry(clock: Clock) -> None:
    """Audio is dropped a day after it was spoken, although it was used in between."""
    cache = SentenceCache()
    voice = cache.for_voice(ACCOUNT, REQUEST)
    voice.put(TEXT, AUDIO)
    clock.now = 24 * 3600 - 1
    voice.put("Later.", AUDIO)
    assert voice.get(TEXT)
    clock.now += 1
    assert not voice.has(TEXT)
    assert voice.get(TEXT) is None
    assert voice.has("Later.")
    cache.drop_expired()
    assert cache.stats.entries == 1
    cache.clear()
    assert (cache.stats.entries, cache.stats.bytes) == (0, 0)


def test_cleared_while_speaking() -> None:
    """Audio that was requested before the cache was cleared is not added: the voice may have changed since."""
    cache = SentenceCache()
    voice = cache.for_voice(ACCOUNT, REQUEST)
    cache.clear()
    voice.put(TEXT, AUDIO)
    assert cache.stats.entries == 0
    cache.for_voice(ACCOUNT, REQUEST).put(TEXT, AUDIO)
    assert cache.stats.entries == 1


def test_least_recently_used() -> None:
    """The audio that was not used for the longest time makes room."""
    size = 100_000
    cache = SentenceCache(3 * (size + 1000))
    voice = cache.for_voice(ACCOUNT, REQUEST)
    for text in "abc":
        voice.put(text, CachedAudio(AudioFormat.MP3, bytes(size)))
    assert voice.get("a")
    voice.put("d", CachedAudio(AudioFormat.MP3, bytes(size)))
    assert [text for text in "abcd" if voice.has(text)] == ["a", "c", "d"]


def test_long_audio() -> None:
    """Audio that is longer than a chunk can be is not kept, nor is the audio that it would replace."""
    cache = SentenceCache()
    voice = cache.for_voice(ACCOUNT, REQUEST)
    voice.put(TEXT, AUDIO)
    voice.put(TEXT, CachedAudio(AudioFormat.WAV, bytes(MAX_ENTRY_BYTES)))
    assert not voice.has(TEXT)
    assert cache.stats.bytes == 0


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["put", "get", "clear"]), st.sampled_from("abcdef"), st.integers(0, 9000)))
)
def test_size_is_exact(steps: list[tuple[str, str, int]]) -> None:
    """The limit holds after every step, the counted size is that of the entries, and audio is what was added last."""
    cache = SentenceCache(20_000)
    voice = cache.for_voice(ACCOUNT, REQUEST)
    added: dict[str, bytes] = {}
    for step, text, size in steps:
        if step == "put":
            added[text] = bytes([size % 256]) * size
            voice.put(text, CachedAudio(AudioFormat.MP3, added[text]))
        elif step == "get" and (found := voice.get(text)):
            assert found.data == added[text]
        elif step == "clear":
            cache.clear()
            voice = cache.for_voice(ACCOUNT, REQUEST)
        present = [len(added[text]) for text in added if voice.has(text)]
        assert cache.stats.entries == len(present)
        assert cache.stats.bytes == sum(present) + len(present) * _ENTRY_BYTES
        assert cache.stats.bytes <= 20_000


@pytest.mark.parametrize("size", [200, 20_000])
def test_memory_of_many_sentences(size: int) -> None:
    """The memory stays within the limit, including what the entries take, under 10,000 different sentences."""
    limit = 8 * 1024 * 1024
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        cache = SentenceCache(limit)
        voice = cache.for_voice(ACCOUNT, REQUEST)
        for number in range(10_000):
            voice.put(f"This is sentence number {number}.", CachedAudio(AudioFormat.MP3, bytes(size)))
            assert cache.stats.bytes <= limit
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert voice.has("This is sentence number 9999.")
    assert after - before <= limit
    assert peak - before <= limit + 2 * size + 1024 * 1024


async def test_audio_is_read_in_blocks() -> None:
    """Audio is read in blocks that are short enough for the event loop, and is the same each time."""
    data = bytes(range(256)) * 500
    audio = CachedAudio(AudioFormat.MP3, data)
    blocks = [block async for block in audio.read()]
    assert max(map(len, blocks)) <= 16_384
    assert b"".join(blocks) == data == await collect_all(audio.read())
