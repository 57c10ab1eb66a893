"""Chunks of texts with markup: one style each, pauses and clips in between, and plain texts as before."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import pairwise

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.pipeline.text_runs import TextChunk
from custom_components.orator.text import (
    Clip,
    Pause,
    SentenceSplitter,
    SpeechReader,
    SpeechStyle,
    SsmlReader,
    StyledText,
    is_speakable,
)
from tests.support.streams import stream_text
from tests.support.text import clean

from .chunks import create_chunker, split_text, take_chunk, take_chunks, take_parts

_ANN = SpeechStyle(voice="tts.ann")
_BOB = SpeechStyle(voice="tts.bob")


async def _split(*deltas: str, max_chars: int = 4096, streams: bool = True) -> list[TextChunk | Pause | Clip]:
    """Return the chunks, pauses and clips of a text."""
    deltas_stream = stream_text(*deltas, pause_s=0)
    async with create_chunker(deltas_stream, SpeechReader(), max_chars=max_chars, streams=streams) as chunker:
        return await take_parts(chunker)


async def test_dialogue() -> None:
    """Each voice has chunks of its own; a model that streams gets all that a voice says in turn."""
    text = """<speak>
        <voice name="tts.ann">Hello, Bob. How are you?</voice>
        <voice name="tts.bob">Fine! And you?</voice><break time="1s"/>
        They smile.
    </speak>"""
    expected = [
        TextChunk("Hello, Bob. How are you?", _ANN),
        TextChunk("Fine! And you?", _BOB),
        Pause(1.0),
        TextChunk("They smile."),
    ]
    assert await _split(text) == expected
    assert await _split(*text) == [
        TextChunk("Hello, Bob.", _ANN),
        TextChunk("How are you?", _ANN),
        TextChunk("Fine!", _BOB),
        TextChunk("And you?", _BOB),
        *expected[2:],
    ]


async def test_marks_belong_to_the_words_before() -> None:
    """Marks after an element are spoken with its words."""
    assert await _split("<speak>Ask <voice name='tts.bob'>Bob</voice>? (Yes.)</speak>") == [
        TextChunk("Ask"),
        TextChunk("Bob?", _BOB),
        TextChunk("(Yes.)"),
    ]


async def test_words_do_not_divide_a_sentence() -> None:
    """Emphasis and pronunciations are words of a chunk, wherever chunks are divided."""
    never = StyledText("never", SpeechStyle(emphasis="strong"))
    pecan = StyledText("pecan", SpeechStyle(pronunciation="pɪˈkɑːn"))  # noqa: RUF001
    text = (
        "<speak>I <emphasis level='strong'>never</emphasis> said it. Eat a "
        "<phoneme ph='pɪˈkɑːn'>pecan</phoneme>, and <emphasis level='strong'>never</emphasis>.</speak>"  # noqa: RUF001
    )
    first, second = "I never said it.", "Eat a pecan, and never."
    assert await _split(text) == [TextChunk(f"{first} {second}", words=(never, pecan, never))]
    assert await _split(text, streams=False) == [
        TextChunk(first, words=(never,)),
        TextChunk(second, words=(pecan, never)),
    ]
    assert await _split(text, max_chars=12) == [
        TextChunk("I never", words=(never,)),
        TextChunk("said it."),
        TextChunk("Eat a pecan,", words=(pecan,)),
        TextChunk("and never.", words=(never,)),
    ]


async def test_whole_sentence_with_emphasis() -> None:
    """A sentence with emphasis is words of its chunk as well."""
    words = StyledText("Come here", SpeechStyle(emphasis="moderate"))
    assert await _split("<speak><emphasis>Come here!</emphasis></speak>") == [TextChunk("Come here!", words=(words,))]


async def test_single_chunk() -> None:
    """A document with one style and no pause is a single chunk in that style."""

    async def is_single(text: str) -> bool:
        async with create_chunker(stream_text(text)) as chunker:
            assert await chunker.wait_for_sentence()
            return chunker.is_single_chunk

    assert await is_single("<speak>One. Two.</speak>")
    assert await is_single("<speak><voice name='tts.ann'>One.</voice>\n</speak>\n")
    assert not await is_single("<speak>One.<break/></speak>")
    assert not await is_single("<speak><break/>One.</speak>")
    assert not await is_single("<speak><voice name='tts.ann'>One.</voice> Two.</speak>")


async def test_pause_is_returned_at_once() -> None:
    """A pause and the words before it are returned before the text after the pause is written."""
    is_released = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield "Wait <break time='2s'/>"
        await is_released.wait()
        yield " for it."

    reader = SpeechReader(ssml=SsmlReader(allows_tags=True))
    async with create_chunker(reply(), reader) as chunker, asyncio.timeout(2):
        assert await chunker.next(lambda: 5.0) == TextChunk("Wait")
        assert await chunker.next(lambda: 5.0) == Pause(2.0)
        is_released.set()
        assert await take_chunks(chunker) == ["for it."]


async def test_only_pauses_and_clips() -> None:
    """A text may consist of pauses and clips."""
    assert await _split("<speak><break/><audio src='ding'>Ding</audio> ! </speak>") == [
        Pause(0.75),
        Clip("ding", "Ding"),
    ]


_PLAIN_TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(
                    "It rains. ",
                    "e.g. ",
                    "3.14 ",
                    "**bold** ",
                    "- item\n",
                    "你好。",
                    "\n\n",
                    "🙂",
                    "a < b ",
                    "<b>x</b> ",
                    "<",
                ),
                *("`<speak>` ", "<break/>", "</speak>", "&amp; ", "[whispers] ", "Dr. ", '"Oh!" ', "<voice> ", "<p>"),
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=8,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(text=_PLAIN_TEXTS, cuts=st.lists(st.integers(0, 99), max_size=5), reads_markup=st.booleans())
async def test_text_without_markup(text: str, cuts: list[int], reads_markup: bool) -> None:  # noqa: FBT001
    """The chunks of a text without markup are its sentences, without a style."""
    text = f"A{text}"[:100]
    words = clean(text, reads_markup=reads_markup)
    splitter = SentenceSplitter()
    sentences = [*splitter.feed(words), *splitter.finish()]
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    deltas = [text[start:end] for start, end in pairwise(edges)]
    expected = [TextChunk(sentence.strip()) for sentence in sentences if is_speakable(sentence)]
    reader = SpeechReader(clean=reads_markup)
    async with create_chunker(stream_text(*deltas, pause_s=0), reader, max_sentences=1) as chunker:
        assert await take_parts(chunker) == expected
    assert await split_text(stream_text(text), reads_markup=reads_markup) == (
        ["".join(sentences).strip()] if expected else []
    )


@pytest.mark.parametrize("clean_text", [True, False])
@pytest.mark.parametrize(
    ("before", "after"),
    [(" ", '<break time="1s"/>'), ("", '<break time="1s"/>'), ("", "</p><p>"), ("\n", '<prosody rate="slow">')],
)
async def test_sentence_does_not_wait_for_tag(before: str, after: str, *, clean_text: bool) -> None:
    """A sentence is returned when a tag after it begins to arrive: the rest of the tag may take as long as words."""
    tag_is_read = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield "<speak><p>Let me look that up."
        for character in f"{before}{after[:-1]}":
            yield character
            await asyncio.sleep(0.01)
        tag_is_read.set()
        yield f"{after[-1]}It rains.</speak>"

    async with create_chunker(reply(), SpeechReader(clean=clean_text)) as chunker:
        assert await take_chunk(chunker) == "Let me look that up."
        assert not tag_is_read.is_set()
        assert "It rains." in await take_chunks(chunker)


@pytest.mark.parametrize("beginning", ["It is 3.", "Ask Dr.", "Eat <emphasis>nuts, e.g."])
async def test_tag_within_sentence(beginning: str) -> None:
    """A tag after an abbreviation or within a number does not end a sentence."""
    deltas = stream_text(f"<speak>{beginning}", " <sub ", "alias='5 x'>", "y</sub> now.</speak>", pause_s=0.01)
    async with create_chunker(deltas) as chunker:
        assert (await take_chunks(chunker))[0].endswith("5 x now.")
