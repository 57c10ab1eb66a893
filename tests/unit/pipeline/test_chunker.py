"""Segments: everything that was written, in order, within the limit, early at first and longer later."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
import itertools
import time

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.pipeline.chunker import TextChunker
from custom_components.orator.text import TextCleaner, is_speakable

SENTENCES = (
    "The kettle has boiled.",
    "Tea is ready in the kitchen, and there is cake.",
    "Would you like some?",
    "Come down soon, before the children have eaten it all up.",
)


async def given_out(deltas: Iterable[str], *, pause: float = 0) -> AsyncGenerator[str]:
    """Give deltas as an assistant does, with a pause after each."""
    for delta in deltas:
        yield delta
        await asyncio.sleep(pause)


async def given_whole(text: str) -> AsyncGenerator[str]:
    """Give a complete text, as Home Assistant does for an announcement."""
    yield text


async def segments_of(
    deltas: AsyncGenerator[str],
    *,
    max_chars: int = 4096,
    streams: bool = True,
    buffered_seconds: float = 0,
    clean: bool = True,
) -> list[str]:
    """Return all segments of a text, asked for while so many seconds of sound are in hand."""
    segmenter = TextChunker(deltas, TextCleaner(clean=clean), max_chars=max_chars, streams=streams)
    async with segmenter:
        found = []
        while segment := await segmenter.next(lambda: buffered_seconds):
            found.append(segment.text)
        return found


def cleaned(text: str) -> str:
    """Return what is to be said of a text."""
    cleaner = TextCleaner()
    return cleaner.feed(text) + cleaner.finish()


def without_space(text: str) -> str:
    """Return a text's characters but its white space, which may differ where segments meet."""
    return "".join(text.split())


WRITTEN = st.lists(
    st.one_of(
        st.sampled_from(
            [*SENTENCES, "e.g. this", "3.14", "**bold**", "- item\n", "你好。", "ありがとう!", "\n\n", "🙂", "x" * 90]
        ),
        st.text(max_size=20),
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(text=WRITTEN, cuts=st.lists(st.integers(0, 400), max_size=8), max_chars=st.sampled_from([12, 60, 512]))
async def test_everything_is_said_once(text: str, cuts: list[int], max_chars: int) -> None:
    """Whatever the text and however it arrives: its segments are the cleaned text, and none is over the limit."""
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    deltas = [text[start:end] for start, end in itertools.pairwise(edges)]
    segments = await segments_of(given_out(deltas), max_chars=max_chars)
    speakable = [part for part in segments if is_speakable(part)]
    assert segments == speakable
    assert all(len(segment) <= max_chars for segment in segments)
    said, written = without_space("".join(segments)), without_space(cleaned(text))
    assert [c for c in said if is_speakable(c)] == [c for c in written if is_speakable(c)]


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.from_regex(r"[a-z]{1,11}[,;.]?", fullmatch=True), min_size=1, max_size=60))
async def test_no_word_is_cut(words: list[str]) -> None:
    """A limit is kept by cutting between words."""
    segments = await segments_of(given_out([" ".join(words)]), max_chars=40, clean=False)
    assert " ".join(segments).split() == words


async def test_a_complete_text_is_one_request() -> None:
    """A model that speaks while it reads gets all at once: then its melody is whole."""
    assert await segments_of(given_whole(" ".join(SENTENCES))) == [" ".join(SENTENCES)]


async def test_a_complete_text_begins_short_where_the_model_would_read_it_all_first() -> None:
    """A model that speaks only when it has read everything gets one sentence first, and then more."""
    segments = await segments_of(given_whole(" ".join(SENTENCES * 4)), streams=False, buffered_seconds=4)
    assert segments[0] == SENTENCES[0]
    assert len(segments[1]) > len(segments[0])
    assert " ".join(segments) == " ".join(SENTENCES * 4)


async def test_long_first_sentence_begins_with_a_clause() -> None:
    """Nobody waits for the end of a sentence that fills half a page."""
    text = "When the rain had stopped and the sun came out over the hills, " + "everyone went on and on " * 20 + "home."
    streamed = given_out([f"{word} " for word in text.split()], pause=0.001)
    for segments in (
        await segments_of(streamed),
        await segments_of(given_whole(text), streams=False),
    ):
        assert segments[0] == "When the rain had stopped and the sun came out over the hills,"
        assert " ".join(segments) == text


async def test_first_sentence_does_not_wait_for_the_second() -> None:
    """A pause after an end mark is enough: the assistant may be looking something up."""
    may_go_on = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield "Let me look that up."
        await may_go_on.wait()
        yield " It rains."

    async with TextChunker(reply(), TextCleaner(), max_chars=4096, streams=True) as segmenter:
        async with asyncio.timeout(2):
            first = await segmenter.next(lambda: 0)
        assert first
        assert first.text == "Let me look that up."
        may_go_on.set()
        second = await segmenter.next(lambda: 0)
        assert second
        assert second.text == "It rains."
        assert await segmenter.next(lambda: 0) is None


@pytest.mark.parametrize("beginning", ["It is 3.", "Ask Dr.", "Bring fruit, e.g."])
async def test_a_mark_that_ends_no_sentence_is_waited_for(beginning: str) -> None:
    """A pause in the middle of a number or after an abbreviation does not tear it apart."""
    segments = await segments_of(given_out([beginning, "5 x."], pause=0.25))
    assert segments[0].startswith(f"{beginning}5")


async def test_a_pause_does_not_cut_a_word_that_has_just_come() -> None:
    """When a delta comes at the very moment at which a pause would have ended the sentence, nothing is torn apart."""
    deltas: asyncio.Queue[str] = asyncio.Queue()

    async def reply() -> AsyncGenerator[str]:
        while delta := await deltas.get():
            yield delta

    def come_late(delta: str) -> None:
        time.sleep(0.03)  # the loop is held up, so that the pause and the delta are due at once
        deltas.put_nowait(delta)

    deltas.put_nowait("Hello there.")
    loop = asyncio.get_running_loop()
    loop.call_later(0.08, come_late, " Wor")
    loop.call_later(0.4, deltas.put_nowait, "ld is great.")
    loop.call_later(0.5, deltas.put_nowait, "")
    assert await segments_of(reply()) == ["Hello there.", "World is great."]


async def test_a_long_delta_is_read_whole_before_anything_is_said() -> None:
    """A complete text is one request even where reading it takes several turns of the loop."""
    text = " ".join(SENTENCES * 20)
    assert len(text) > 2500
    assert await segments_of(given_whole(text)) == [text]


async def test_words_that_count_less_than_characters() -> None:
    """Where a provider counts in larger units, what is known to be one request is one."""
    text = " ".join(SENTENCES * 20)
    segmenter = TextChunker(
        given_whole(text), TextCleaner(), max_chars=4000, measure=lambda part: len(part) // 5, streams=True
    )
    async with segmenter:
        assert await segmenter.is_single_chunk()
        first = await segmenter.next(lambda: 0)
        assert first
        assert first.text == text
        assert await segmenter.next(lambda: 0) is None


@pytest.mark.parametrize(
    ("sentence", "count"), [("It rains a lot in the hills these days. ", 60), ("今日は雨が降っています。", 60)]
)
async def test_segments_last_about_as_long_as_the_sound_in_hand(sentence: str, count: int) -> None:
    """In any script a segment is no longer to hear than what is in hand: then a slow provider keeps up."""
    segmenter = TextChunker(given_whole(sentence * count), TextCleaner(), max_chars=4096, streams=False)
    async with segmenter:
        await segmenter.next(lambda: 0)
        segment = await segmenter.next(lambda: 12)
    assert segment
    assert 6 < segment.seconds <= 12


async def test_whoever_writes_without_end_has_to_wait() -> None:
    """What is read ahead of what is spoken is bounded."""
    written = 0

    async def reply() -> AsyncGenerator[str]:
        nonlocal written
        while True:
            written += 10_000
            yield "All work and no play. " * 455
            await asyncio.sleep(0)

    async with TextChunker(reply(), TextCleaner(), max_chars=4096, streams=True) as segmenter:
        assert await segmenter.next(lambda: 0)
        await asyncio.sleep(0.5)
        assert written < 300_000


async def test_segments_grow_while_there_is_sound_in_hand() -> None:
    """With enough to be heard, sentences are gathered; without, what is there is spoken at once."""
    deltas = [f"{sentence} " for sentence in SENTENCES * 3]
    hasty = await segments_of(given_out(deltas, pause=0.01), buffered_seconds=0)
    patient = await segments_of(given_out(deltas, pause=0.01), buffered_seconds=20)
    assert hasty[0] == patient[0] == SENTENCES[0]
    assert len(patient) < len(hasty)
    assert " ".join(hasty) == " ".join(patient) == " ".join(SENTENCES * 3)


async def test_a_sentence_without_an_end_is_spoken_all_the_same() -> None:
    """Someone who never uses a full stop is heard while writing, in pieces of whole words."""
    words = [f"word{number}" for number in range(400)]
    segments = await segments_of(given_out([f"{word} " for word in words], pause=0.0005))
    assert len(segments) > 3
    assert len(segments[0]) <= 150
    assert " ".join(segments).split() == words


@pytest.mark.parametrize("text", ["", "   \n", "🙂 🎉", "---", "...", "** **", "(?!)"])
async def test_nothing_to_say(text: str) -> None:
    """What has no words makes no request."""
    assert await segments_of(given_out([text])) == []


async def test_failing_text_is_spoken_as_far_as_it_came() -> None:
    """An assistant that breaks off is heard until there, and its error is not lost."""

    async def reply() -> AsyncGenerator[str]:
        yield "The first sentence. The sec"
        raise ConnectionResetError

    async with TextChunker(reply(), TextCleaner(), max_chars=4096, streams=True) as segmenter:
        first = await segmenter.next(lambda: 0)
        assert first
        assert first.text == "The first sentence."
        with pytest.raises(ConnectionResetError):
            await segmenter.next(lambda: 0)


async def test_leaving_ends_the_reading() -> None:
    """Nobody goes on listening to an assistant whose listener has left."""
    is_closed = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        try:
            while True:
                yield "And so on. "
                await asyncio.sleep(0.001)
        finally:
            is_closed.set()

    async with TextChunker(reply(), TextCleaner(), max_chars=4096, streams=True) as segmenter:
        assert await segmenter.next(lambda: 0)
    assert is_closed.is_set()
