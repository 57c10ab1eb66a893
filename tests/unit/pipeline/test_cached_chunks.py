"""Chunks whose audio is cached: which are stored, and how they are spoken."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline.chunk_audio import ChunkAudio
from custom_components.orator.pipeline.fallback_chain import FallbackChain
from custom_components.orator.pipeline.sentence_cache import MAX_ENTRY_BYTES, SentenceCache, VoiceCache
from custom_components.orator.providers.base import SpeechAudio, SynthesisRequest
from custom_components.orator.providers.errors import (
    ConnectionLostError,
    InvalidKeyError,
    SpeechError,
    TextTooLongError,
)
from custom_components.orator.providers.models import Model
from tests.support.streams import collect_all, stream_text, wait_until

from .chunks import create_chunker, take_chunks
from .voices import LAYOUT, Response, Voice, listen

TEXT = "The washing machine has finished. Please hang up the laundry soon. It smells otherwise."
MODEL = Model("m", "M", 4000, streams=True, formats=(AudioFormat.WAV,))


@pytest.fixture
def cache() -> SentenceCache:
    """Return an empty cache."""
    return SentenceCache()


@pytest.fixture
def voice_cache(cache: SentenceCache) -> VoiceCache:
    """Return the part of the cache for a voice."""
    return cache.for_voice(("account",), SynthesisRequest("", MODEL, "v", AudioFormat.WAV))


def speaks(text: str) -> Response:
    """Return complete audio."""
    return Response(len(text) / 15)


@pytest.mark.parametrize("needs_full_audio", [False, True])
async def test_second_time(voice_cache: VoiceCache, *, needs_full_audio: bool) -> None:
    """The second time, the same audio comes from the cache, and nothing is measured or counted as spoken."""
    voice = Voice(speaks)
    first = await listen(TEXT, voice, needs_full_audio=needs_full_audio, cache=voice_cache)
    assert (first.record.report().has_own_audio, first.record.report().is_cached) == (True, False)
    samples = len(voice.pace._samples)
    chain = await listen(TEXT, voice, needs_full_audio=needs_full_audio, cache=voice_cache)
    report = chain.record.report()
    assert voice.requests == [TEXT]
    assert report.spoken_by == (voice.name,)
    assert (report.cached_chunks, report.cached_characters) == (1, len(TEXT))
    assert report.is_cached
    assert not report.has_own_audio
    assert not report.first_audio_s
    assert not report.looked_truncated
    assert len(voice.pace._samples) == samples
    assert chain.record.event_count > 0
    found = voice_cache.get(TEXT)
    assert found
    assert found.data == speaks(TEXT).encode()


async def test_failed_voice(voice_cache: VoiceCache) -> None:
    """Cached audio of the voice is used before a fallback, whether or not the voice can speak."""
    voice, fallback = Voice(speaks), Voice(speaks, name="fallback")
    await listen(TEXT, voice, cache=voice_cache)
    chain = FallbackChain(
        *cast(Any, (voice, [fallback])),
        prefers_fallback=True,
        fallback_replacements=(),
        is_reply=True,
        needs_full_audio=False,
        cache=voice_cache,
    )
    chain.record.record_failure(cast(Any, voice), InvalidKeyError())
    chunk = ChunkAudio(chain, TEXT)
    await chunk.synthesize()
    (audio,) = [await collect_all(audio.data) async for audio in chunk.audio()]
    assert audio == speaks(TEXT).encode()
    assert fallback.requests == []
    assert chain.record.report().spoken_by == (voice.name,)


def breaks_off(text: str) -> Response:
    """Return audio that breaks off in the middle of the whole text."""
    share = 0.5 if text == TEXT else 1.0
    return Response(len(text) / 15 * share, error=ConnectionLostError() if text == TEXT else None)


BROKEN: dict[str, Callable[[str], Response]] = {
    "breaks off and is resumed": breaks_off,
    "breaks off at its end": lambda text: Response(len(text) / 15, silence_s=0.3, error=ConnectionLostError()),
    "looks truncated": lambda text: Response(len(text) / 15, missing_s=0.5),
    "is silent": lambda _: Response(0, silence_s=3.0),
    "is far too short": lambda text: Response(len(text) / 40),
    "is an error": lambda _: Response(0, error=InvalidKeyError()),
}


@pytest.mark.parametrize("has_fallback", [False, True])
@pytest.mark.parametrize("needs_full_audio", [False, True])
@pytest.mark.parametrize("case", BROKEN)
async def test_broken_audio(
    cache: SentenceCache, voice_cache: VoiceCache, case: str, *, needs_full_audio: bool, has_fallback: bool
) -> None:
    """Audio that is not certainly that of the whole chunk is not stored, nor is that of a fallback."""
    voices = [Voice(BROKEN[case]), *[Voice(speaks, name="fallback")] * has_fallback]
    try:
        await listen(TEXT, *voices, needs_full_audio=needs_full_audio, cache=voice_cache)
    except SpeechError:
        assert not has_fallback
    assert cache.stats.entries == 0


async def test_false_truncation(cache: SentenceCache, voice_cache: VoiceCache) -> None:
    """Audio that always looks truncated is heard, but not stored."""
    voice = Voice(lambda text: Response(len(text) / 15, missing_s=0.5), has_false_truncations=True)
    await listen(TEXT, voice, cache=voice_cache)
    assert voice.requests == [TEXT]
    assert cache.stats.entries == 0


async def test_divided_text(cache: SentenceCache, voice_cache: VoiceCache) -> None:
    """The parts of a chunk that was refused as too long are not stored."""

    class DividingVoice(Voice):
        is_divided = False

        def divide(self, text: str) -> list[str]:
            return text.split("  ") if self.is_divided else [text]

        def reduce_limit(self, _text: str, _divisions: int) -> bool:
            self.is_divided = True
            return True

    text = TEXT.replace(". ", ".  ")
    voice = DividingVoice(lambda one: Response(len(one) / 15, error=TextTooLongError() if one == text else None))
    voice.respond = lambda one: Response(0, error=TextTooLongError()) if one == text else speaks(one)
    await listen(text, voice, cache=voice_cache)
    assert len(voice.requests) > 1
    assert cache.stats.entries == 0


async def test_cancelled(cache: SentenceCache, voice_cache: VoiceCache) -> None:
    """Audio whose listener leaves before its end is not stored."""
    voice = Voice(lambda text: Response(len(text) / 5))
    chain = FallbackChain(
        cast(Any, voice),
        [],
        prefers_fallback=False,
        fallback_replacements=(),
        is_reply=True,
        needs_full_audio=False,
        cache=voice_cache,
    )
    chunk = ChunkAudio(chain, TEXT)
    request = asyncio.create_task(chunk.synthesize())
    async for audio in chunk.audio():
        assert await anext(audio.data)
        break
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    assert cache.stats.entries == 0


async def test_audio_that_is_not_exact(cache: SentenceCache, voice_cache: VoiceCache) -> None:
    """Audio whose transcript differs from the text, or of another model, is not stored."""

    class InexactVoice(Voice):
        def synthesize(self, text: str, *, is_reply: bool) -> Any:
            opened = super().synthesize(text, is_reply=is_reply)

            class Inexact:
                async def __aenter__(self) -> SpeechAudio:
                    return replace(await opened.__aenter__(), is_exact=lambda: False)

                async def __aexit__(self, *details: object) -> bool | None:
                    return await opened.__aexit__(*details)

            return Inexact()

    voice = InexactVoice(speaks)
    await listen(TEXT, voice, cache=voice_cache)
    assert voice.requests == [TEXT]
    assert cache.stats.entries == 0


async def test_long_audio(cache: SentenceCache, voice_cache: VoiceCache) -> None:
    """Audio longer than the limit is heard, but neither kept meanwhile nor stored."""
    seconds = MAX_ENTRY_BYTES / LAYOUT.byte_rate + 1
    voice = Voice(lambda _: Response(seconds))
    await listen(TEXT * 60, voice, cache=voice_cache)
    assert voice.requests == [TEXT * 60]
    assert cache.stats.entries == 0


async def test_many_listeners(cache: SentenceCache, voice_cache: VoiceCache) -> None:
    """Many listeners at the same time hear cached audio without a request."""
    voice = Voice(speaks)
    await listen(TEXT, voice, cache=voice_cache)
    chains = await asyncio.gather(*(listen(TEXT, voice, cache=voice_cache) for _ in range(50)))
    assert all(chain.record.report().is_cached for chain in chains)
    assert voice.requests == [TEXT]
    assert cache.stats.hits == 50


A, B, C, D = "The door is open.", "It is cold outside.", "Rain begins at noon.", "Close the windows."


@pytest.mark.parametrize("buffered_seconds", [0, 60])
@pytest.mark.parametrize(
    ("cached", "chunks"),
    [
        ([], [f"{A} {B} {C} {D}"]),
        ([A], [A, f"{B} {C} {D}"]),
        ([C], [f"{A} {B}", C, D]),
        ([D], [f"{A} {B} {C}", D]),
        ([f"{A} {B}", A, D], [f"{A} {B}", C, D]),
        ([f"{A} {B} {C} {D}", A, C], [f"{A} {B} {C} {D}"]),
        ([A, B, C, D], [A, B, C, D]),
    ],
)
async def test_chunks_of_complete_text(cached: list[str], chunks: list[str], buffered_seconds: float) -> None:
    """A chunk ends before a sentence whose audio is cached, and where the longest cached beginning ends."""
    async with create_chunker(stream_text(f"{A} {B} {C} {D}", pause_s=0)) as chunker:
        chunker.is_cached = lambda chunk: chunk.text in cached
        await wait_until(lambda: chunker.is_complete)
        assert chunker.is_single_chunk == (len(chunks) == 1)
        assert await take_chunks(chunker, buffered_seconds) == chunks


async def test_chunks_of_reply() -> None:
    """The first sentence of a reply is a chunk of its own anyway; later ones end before a cached sentence."""
    sentences = [f"Sentence number {number} of the reply." for number in range(8)]
    async with create_chunker(stream_text(*(f"{one} " for one in sentences), pause_s=0)) as chunker:
        chunker.is_cached = lambda chunk: chunk.text == sentences[5]
        chunks = await take_chunks(chunker, 30)
    assert chunks[0] == sentences[0]
    assert sentences[5] in chunks
    assert " ".join(chunks) == " ".join(sentences)


async def test_long_cached_sentence() -> None:
    """A cached first sentence is not divided at a clause to start early."""
    long = f"When the machine has finished its work for today, {'and the laundry is dry, ' * 6}we can rest."
    for is_cached in (False, True):
        async with create_chunker(stream_text(long, pause_s=0), streams=False) as chunker:
            chunker.is_cached = lambda chunk, is_cached=is_cached: is_cached and chunk.text == long
            assert (await take_chunks(chunker) == [long]) == is_cached
