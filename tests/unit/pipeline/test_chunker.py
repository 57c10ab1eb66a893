"""Chunks contain the whole text in order, within the limit, early at first and longer later."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

import asyncio
from collections.abc import AsyncGenerator
import itertools

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.pipeline.chunker import estimate_duration_by_letters_s
from custom_components.orator.text import is_speakable
from tests.support.streams import stream_text, stream_words
from tests.support.text import clean

from .chunks import create_chunker, split_text, take_chunk, take_chunks

_SENTENCES = (
    "The kettle has boiled.",
    "Tea is ready in the kitchen, and there is cake.",
    "Would you like some?",
    "Come down soon, before the children have eaten it all up.",
)


async def _whole(text: str) -> AsyncGenerator[str]:
    """Yield a complete text, as Home Assistant does for an announcement."""
    yield text


def _letters(text: str) -> list[str]:
    """Return the speakable characters of a text, without white space and marks."""
    return [character for character in text if is_speakable(character)]


_TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [*_SENTENCES, "e.g. this", "3.14", "**bold**", "- item\n", "你好。", "ありがとう!", "\n\n", "🙂", "x" * 90]
        ),
        st.text(max_size=20),
    ),
    max_size=12,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(text=_TEXTS, cuts=st.lists(st.integers(0, 400), max_size=8), max_chars=st.sampled_from([12, 60, 512]))
async def test_whole_text_in_order(text: str, cuts: list[int], max_chars: int) -> None:
    """The chunks of any text are the cleaned text, however it is divided, and none exceeds the limit."""
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    deltas = [text[start:end] for start, end in itertools.pairwise(edges)]
    chunks = await split_text(stream_text(*deltas, pause_s=0), max_chars=max_chars)
    assert all(is_speakable(chunk) and len(chunk) <= max_chars for chunk in chunks)
    assert _letters("".join(chunks)) == _letters(clean(text))


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.from_regex(r"[a-z]{1,11}[,;.]?", fullmatch=True), min_size=1, max_size=60))
async def test_no_word_is_cut(words: list[str]) -> None:
    """A text is cut between words."""
    chunks = await split_text(stream_text(" ".join(words)), max_chars=40, reads_markup=False)
    assert " ".join(chunks).split() == words


async def test_complete_text_is_one_chunk() -> None:
    """A model that streams gets a complete text at once."""
    assert await split_text(_whole(" ".join(_SENTENCES))) == [" ".join(_SENTENCES)]


async def test_first_chunk_is_short_for_model_that_does_not_stream() -> None:
    """A model that does not stream gets one sentence first, and longer chunks later."""
    chunks = await split_text(_whole(" ".join(_SENTENCES * 4)), streams=False, buffered_seconds=4)
    assert chunks[0] == _SENTENCES[0]
    assert len(chunks[1]) > len(chunks[0])
    assert " ".join(chunks) == " ".join(_SENTENCES * 4)


async def test_long_first_sentence_starts_with_clause() -> None:
    """The first chunk of a very long sentence is its first clause."""
    text = "When the rain had stopped and the sun came out over the hills, " + "everyone went on and on " * 20 + "home."
    streamed = stream_words(text, 0.001)
    for chunks in (
        await split_text(streamed),
        await split_text(_whole(text), streams=False),
    ):
        assert chunks[0] == "When the rain had stopped and the sun came out over the hills,"
        assert " ".join(chunks) == text


@pytest.mark.parametrize(
    ("first", "repeated"),
    [
        ("明天早上会有一点小雨，下午天气转晴，", "请大家记得带上雨伞和外套出门"),
        ("明日の朝は少し雨が降りますが、午後には晴れて、", "気温も上がって過ごしやすくなり"),
        ("내일 아침에는 비가 조금 내리겠지만,", " 기온도 올라가서"),
        ("Tomorrow starts with some rain, then the sun comes out again,", " and it gets warm"),
        ("سيكون الجو ماطرا قليلا في الصباح الباكر غدا إن شاء الله،", " ثم تشرق الشمس من جديد"),
        ("कल सुबह थोड़ी बारिश होगी और ठंडी हवा चलेगी, उसके बाद,", " धूप निकलेगी और गर्मी बढ़ेगी"),
        ("พรุ่งนี้เช้าจะมีฝนตกเล็กน้อยในหลายพื้นที่ของกรุงเทพมหานคร ", "หลังจากนั้นแดดจะออกอีกครั้ง"),
    ],
    ids=["zh", "ja", "ko", "en", "ar", "hi", "th"],
)
async def test_long_sentence_starts_after_8_seconds_of_speech(first: str, repeated: str) -> None:
    """A clause is spoken as soon as the sentence has 8 seconds of speech, in any script."""
    sentence = first + repeated * 8
    written = 0

    async def reply() -> AsyncGenerator[str]:
        nonlocal written
        for character in sentence:
            written += 1
            yield character
            for _ in range(3):  # let the chunker work
                await asyncio.sleep(0)

    async with create_chunker(reply()) as chunker:
        assert await take_chunk(chunker) == first.strip()
    assert estimate_duration_by_letters_s(first) >= 3.3
    assert estimate_duration_by_letters_s(sentence[: written - 1]) <= 8.2
    chunks = await split_text(_whole(sentence), streams=False, buffered_seconds=99)
    assert chunks == [first.strip(), sentence.removeprefix(first).strip()]


@pytest.mark.parametrize(
    ("text", "seconds"), [("fifteen letters", 1.0), ("你好，", 0.6), ("ｶﾀｶﾅ", 0.8), ("안녕하세요", 1.0), ("", 0.0)]
)
def test_estimated_duration(text: str, seconds: float) -> None:
    """A syllable takes as long as three letters, and so does a Chinese comma."""
    assert estimate_duration_by_letters_s(text) == pytest.approx(seconds)


async def test_long_delta_is_one_chunk() -> None:
    """A complete text is one chunk even if it is split in several turns of the event loop."""
    text = " ".join(_SENTENCES * 20)
    assert len(text) > 2500
    assert await split_text(_whole(text)) == [text]


async def test_provider_with_larger_units() -> None:
    """A text that is a single chunk in the units of the provider is returned as one."""
    text = " ".join(_SENTENCES * 20)
    chunker = create_chunker(_whole(text), max_chars=4000, measure=lambda text: len(text) // 5)
    async with chunker:
        assert await chunker.wait_for_sentence()
        assert chunker.is_single_chunk
        first = await take_chunk(chunker)
        assert first == text
        assert await chunker.next(lambda: 0) is None


@pytest.mark.parametrize(
    ("sentence", "count"), [("It rains a lot in the hills these days. ", 60), ("今日は雨が降っています。", 60)]
)
async def test_chunk_is_as_long_as_buffered_audio(sentence: str, count: int) -> None:
    """In any script, a chunk lasts no longer than the buffered audio, so that a slow provider keeps up."""
    chunker = create_chunker(_whole(sentence * count), streams=False)
    async with chunker:
        await take_chunk(chunker)
        chunk = await take_chunk(chunker, 12)
    assert chunk
    assert 6 < estimate_duration_by_letters_s(chunk) <= 12


async def test_chunks_grow_while_audio_is_buffered() -> None:
    """Sentences are gathered while audio is buffered, and spoken at once otherwise."""
    deltas = [f"{sentence} " for sentence in _SENTENCES * 3]
    short = await split_text(stream_text(*deltas, pause_s=0.01), buffered_seconds=0)
    gathered = await split_text(stream_text(*deltas, pause_s=0.01), buffered_seconds=20)
    assert short[0] == gathered[0] == _SENTENCES[0]
    assert len(gathered) < len(short)
    assert " ".join(short) == " ".join(gathered) == " ".join(_SENTENCES * 3)


async def test_sentence_without_end() -> None:
    """A streamed text without end marks is returned in pieces of whole words."""
    words = [f"word{number}" for number in range(400)]
    chunks = await split_text(stream_words(" ".join(words), 0.0005))
    assert len(chunks) > 3
    assert len(chunks[0]) <= 150
    assert " ".join(chunks).split() == words


@pytest.mark.parametrize("text", ["", "   \n", "🙂 🎉", "---", "...", "** **", "(?!)"])
async def test_text_without_words(text: str) -> None:
    """A text without words has no chunks."""
    assert await split_text(stream_text(text)) == []


async def test_limited_sentences() -> None:
    """A chunk has at most as many sentences as allowed."""
    text = " ".join(_SENTENCES)
    async with create_chunker(_whole(text), max_sentences=2) as chunker:
        await chunker.wait_for_sentence()
        assert not chunker.is_single_chunk
        chunks = await take_chunks(chunker)
    assert len(chunks) == 2
    assert _letters("".join(chunks)) == _letters(text)
