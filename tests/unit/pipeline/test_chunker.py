"""Chunks contain the whole text in order, within the limit, early at first and longer later."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

import asyncio
from collections.abc import AsyncGenerator, Callable
import itertools
from math import inf
import time

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.pipeline import chunker as chunker_module
from custom_components.orator.pipeline.chunker import TextChunker, estimate_duration_by_letters_s
from custom_components.orator.text import Replacement, TextCleaner, is_speakable
from tests.support.streams import stream_text, stream_words
from tests.support.text import clean

_SENTENCES = (
    "The kettle has boiled.",
    "Tea is ready in the kitchen, and there is cake.",
    "Would you like some?",
    "Come down soon, before the children have eaten it all up.",
)


_MAX_BLOCKED_S = 0.06


async def _whole(text: str) -> AsyncGenerator[str]:
    """Yield a complete text, as Home Assistant does for an announcement."""
    yield text


def _chunker(  # noqa: PLR0913 - the limits of a chunker
    deltas: AsyncGenerator[str],
    cleaner: TextCleaner | None = None,
    *,
    max_chars: int = 4096,
    measure: Callable[[str], int] = len,
    streams: bool = True,
    max_sentences: float = inf,
) -> TextChunker:
    """Return a chunker of a voice without fallbacks."""
    return TextChunker(
        deltas,
        cleaner or TextCleaner(),
        max_chars=max_chars,
        measure=measure,
        streams=streams,
        max_seconds=inf,
        max_sentences=lambda: max_sentences,
    )


async def _split(
    deltas: AsyncGenerator[str],
    *,
    max_chars: int = 4096,
    streams: bool = True,
    buffered_seconds: float = 0,
    reads_markup: bool = True,
) -> list[str]:
    """Return all chunks of a text, requested while the listener has some seconds of audio left."""
    async with _chunker(deltas, TextCleaner(clean=reads_markup), max_chars=max_chars, streams=streams) as chunker:
        return await _take_all(chunker, buffered_seconds)


async def _take_all(chunker: TextChunker, buffered_seconds: float = 0) -> list[str]:
    chunks = []
    while chunk := await chunker.next(lambda: buffered_seconds):
        chunks.append(chunk)
        await asyncio.sleep(0)
    return chunks


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
    chunks = await _split(stream_text(*deltas, pause_s=0), max_chars=max_chars)
    assert all(is_speakable(chunk) and len(chunk) <= max_chars for chunk in chunks)
    assert _letters("".join(chunks)) == _letters(clean(text))


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.from_regex(r"[a-z]{1,11}[,;.]?", fullmatch=True), min_size=1, max_size=60))
async def test_no_word_is_cut(words: list[str]) -> None:
    """A text is cut between words."""
    chunks = await _split(stream_text(" ".join(words)), max_chars=40, reads_markup=False)
    assert " ".join(chunks).split() == words


async def test_complete_text_is_one_chunk() -> None:
    """A model that streams gets a complete text at once."""
    assert await _split(_whole(" ".join(_SENTENCES))) == [" ".join(_SENTENCES)]


async def test_first_chunk_is_short_for_model_that_does_not_stream() -> None:
    """A model that does not stream gets one sentence first, and longer chunks later."""
    chunks = await _split(_whole(" ".join(_SENTENCES * 4)), streams=False, buffered_seconds=4)
    assert chunks[0] == _SENTENCES[0]
    assert len(chunks[1]) > len(chunks[0])
    assert " ".join(chunks) == " ".join(_SENTENCES * 4)


async def test_long_first_sentence_starts_with_clause() -> None:
    """The first chunk of a very long sentence is its first clause."""
    text = "When the rain had stopped and the sun came out over the hills, " + "everyone went on and on " * 20 + "home."
    streamed = stream_words(text, 0.001)
    for chunks in (
        await _split(streamed),
        await _split(_whole(text), streams=False),
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

    async with _chunker(reply()) as chunker:
        assert await chunker.next(lambda: 0) == first.strip()
    assert estimate_duration_by_letters_s(first) >= 3.3
    assert estimate_duration_by_letters_s(sentence[: written - 1]) <= 8.2
    chunks = await _split(_whole(sentence), streams=False, buffered_seconds=99)
    assert chunks == [first.strip(), sentence.removeprefix(first).strip()]


@pytest.mark.parametrize(
    ("text", "seconds"), [("fifteen letters", 1.0), ("你好，", 0.6), ("ｶﾀｶﾅ", 0.8), ("안녕하세요", 1.0), ("", 0.0)]
)
def test_estimated_duration(text: str, seconds: float) -> None:
    """A syllable takes as long as three letters, and so does a Chinese comma."""
    assert estimate_duration_by_letters_s(text) == pytest.approx(seconds)


async def _longest_block_s(text: str) -> float:
    """Return the longest CPU time for which the chunks of a delta keep another task waiting, while no text follows."""
    is_released = asyncio.Event()
    longest = 0.0

    async def reply() -> AsyncGenerator[str]:
        yield text
        await is_released.wait()

    async def measure_blocks() -> None:
        nonlocal longest
        for _ in range(len(text) // 100):
            start = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - start)
        is_released.set()

    async with _chunker(reply()) as chunker:
        measurement = asyncio.create_task(measure_blocks())
        chunk: str | None = ""
        while chunk is not None:
            chunk = await chunker.next(lambda: 0)
            await asyncio.sleep(0)
        await measurement
    return longest


@pytest.mark.parametrize("unit", ["( ", "... ", "word ", "好"])
async def test_long_delta_does_not_block(unit: str) -> None:
    """Other tasks run between the parts of a long delta, even if it has no sentence or no words."""
    text = unit * (30_000 // len(unit))
    assert any([await _longest_block_s(text) < 0.04 for _ in range(3)])


async def test_first_sentence_does_not_wait_for_the_second() -> None:
    """A sentence is returned after a pause, because the agent may be calling a tool."""
    is_released = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield "Let me look that up."
        await is_released.wait()
        yield " It rains."

    async with _chunker(reply()) as chunker:
        async with asyncio.timeout(2):
            first = await chunker.next(lambda: 0)
        assert first == "Let me look that up."
        is_released.set()
        second = await chunker.next(lambda: 0)
        assert second == "It rains."
        assert await chunker.next(lambda: 0) is None


@pytest.mark.parametrize("beginning", ["It is 3.", "Ask Dr.", "Bring fruit, e.g."])
async def test_pause_in_sentence(beginning: str) -> None:
    """A pause within a number or after an abbreviation does not end a sentence."""
    chunks = await _split(stream_text(beginning, "5 x.", pause_s=0.25))
    assert chunks[0].startswith(f"{beginning}5")


async def test_delta_at_end_of_pause() -> None:
    """No word is cut if a delta arrives at the moment when a pause ends the sentence."""
    deltas: asyncio.Queue[str] = asyncio.Queue()

    async def reply() -> AsyncGenerator[str]:
        while delta := await deltas.get():
            yield delta

    def deliver_late(delta: str) -> None:
        time.sleep(0.03)  # blocks the event loop, so that the pause and the delta are due at once
        deltas.put_nowait(delta)

    deltas.put_nowait("Hello there.")
    loop = asyncio.get_running_loop()
    loop.call_later(0.08, deliver_late, " Wor")
    loop.call_later(0.4, deltas.put_nowait, "ld is great.")
    loop.call_later(0.5, deltas.put_nowait, "")
    assert await _split(reply()) == ["Hello there.", "World is great."]


async def test_long_delta_is_one_chunk() -> None:
    """A complete text is one chunk even if it is split in several turns of the event loop."""
    text = " ".join(_SENTENCES * 20)
    assert len(text) > 2500
    assert await _split(_whole(text)) == [text]


async def test_provider_with_larger_units() -> None:
    """A text that is a single chunk in the units of the provider is returned as one."""
    text = " ".join(_SENTENCES * 20)
    chunker = _chunker(_whole(text), max_chars=4000, measure=lambda text: len(text) // 5)
    async with chunker:
        assert await chunker.wait_for_sentence()
        assert chunker.is_single_chunk
        first = await chunker.next(lambda: 0)
        assert first == text
        assert await chunker.next(lambda: 0) is None


@pytest.mark.parametrize(
    ("sentence", "count"), [("It rains a lot in the hills these days. ", 60), ("今日は雨が降っています。", 60)]
)
async def test_chunk_is_as_long_as_buffered_audio(sentence: str, count: int) -> None:
    """In any script, a chunk lasts no longer than the buffered audio, so that a slow provider keeps up."""
    chunker = _chunker(_whole(sentence * count), streams=False)
    async with chunker:
        await chunker.next(lambda: 0)
        chunk = await chunker.next(lambda: 12)
    assert chunk
    assert 6 < estimate_duration_by_letters_s(chunk) <= 12


@pytest.mark.parametrize("unit", ["All work and no play. ", "All work and no play, "])
async def test_text_is_read_in_advance_within_limit(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text that is read in advance is bounded, even if no sentence ends."""
    monkeypatch.setattr(chunker_module, "_MAX_UNREAD_CHARS", 20_000)
    written = 0

    async def reply() -> AsyncGenerator[str]:
        nonlocal written
        while True:
            written += len(unit) * 100
            yield unit * 100
            await asyncio.sleep(0)

    async with _chunker(reply()) as chunker:
        assert await chunker.next(lambda: 0)
        for _ in range(200):
            await asyncio.sleep(0)
        assert written < 30_000


async def test_chunks_grow_while_audio_is_buffered() -> None:
    """Sentences are gathered while audio is buffered, and spoken at once otherwise."""
    deltas = [f"{sentence} " for sentence in _SENTENCES * 3]
    short = await _split(stream_text(*deltas, pause_s=0.01), buffered_seconds=0)
    gathered = await _split(stream_text(*deltas, pause_s=0.01), buffered_seconds=20)
    assert short[0] == gathered[0] == _SENTENCES[0]
    assert len(gathered) < len(short)
    assert " ".join(short) == " ".join(gathered) == " ".join(_SENTENCES * 3)


async def test_sentence_without_end() -> None:
    """A streamed text without end marks is returned in pieces of whole words."""
    words = [f"word{number}" for number in range(400)]
    chunks = await _split(stream_words(" ".join(words), 0.0005))
    assert len(chunks) > 3
    assert len(chunks[0]) <= 150
    assert " ".join(chunks).split() == words


@pytest.mark.parametrize("text", ["", "   \n", "🙂 🎉", "---", "...", "** **", "(?!)"])
async def test_text_without_words(text: str) -> None:
    """A text without words has no chunks."""
    assert await _split(stream_text(text)) == []


@pytest.mark.parametrize(
    ("delta", "count", "replacements"),
    [
        (". ", 20_000, ()),
        ("a ", 50, (Replacement("a", "It is loud. " * 400),)),
    ],
    ids=["short deltas", "long replacements"],
)
async def test_other_tasks_can_run(delta: str, count: int, replacements: tuple[Replacement, ...]) -> None:
    """A long text does not block other tasks, whatever its sentences and deltas are."""

    async def text() -> AsyncGenerator[str]:
        for _ in range(count):
            yield delta

    async def measure() -> float:
        longest_s = 0.0
        async with _chunker(text(), TextCleaner(replacements)) as chunker:
            splitting = asyncio.ensure_future(_take_all(chunker))
            while not splitting.done():
                started = time.thread_time()
                await asyncio.sleep(0)
                longest_s = max(longest_s, time.thread_time() - started)
            await splitting
        return longest_s

    asyncio.get_running_loop().set_debug(False)
    assert await measure() < _MAX_BLOCKED_S or await measure() < _MAX_BLOCKED_S


async def test_interrupted_text() -> None:
    """A text that breaks off is returned as far as it arrived, and then its error is raised."""

    async def reply() -> AsyncGenerator[str]:
        yield "The first sentence. The sec"
        raise ConnectionResetError

    async with _chunker(reply()) as chunker:
        first = await chunker.next(lambda: 0)
        assert first == "The first sentence."
        with pytest.raises(ConnectionResetError):
            await chunker.next(lambda: 0)


async def test_leaving_closes_text() -> None:
    """Leaving the context closes the source of the text."""
    is_closed = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        try:
            while True:
                yield "And so on. "
                await asyncio.sleep(0.001)
        finally:
            is_closed.set()

    async with _chunker(reply()) as chunker:
        assert await chunker.next(lambda: 0)
    assert is_closed.is_set()


async def test_limited_sentences() -> None:
    """A chunk has at most as many sentences as allowed."""
    text = " ".join(_SENTENCES)
    async with _chunker(_whole(text), max_sentences=2) as chunker:
        await chunker.wait_for_sentence()
        assert not chunker.is_single_chunk
        chunks = []
        while chunk := await chunker.next(lambda: 0.0):
            chunks.append(chunk)
    assert len(chunks) == 2
    assert _letters("".join(chunks)) == _letters(text)
