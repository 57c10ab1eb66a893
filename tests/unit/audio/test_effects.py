"""Effects on the stream: in order, at once, and the same to the bit however speech arrives."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from itertools import pairwise
import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.effects import (
    CHIME_PAUSE_S,
    BuiltInChime,
    Chime,
    Effects,
    amplify,
    load_built_in_chime,
    make_chime,
    measure_while_passing,
    split_into_blocks,
    with_effects,
)
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.limiter import CEILING_DBTP, Limiter
from custom_components.orator.audio.loudness import LoudnessMeter
from tests.simulator.audio.espeak import Speaker, speak
from tests.unit.audio.signals import RATES, ffmpeg, loudness, true_peak, voice

BELL, ALERT = load_built_in_chime(BuiltInChime.DING_DONG), load_built_in_chime(BuiltInChime.ALERT)
SHORT = Chime(ALERT.samples[:4_000], ALERT.layout)
EVERYTHING = Effects(lead_in=0.3, chime_before=BELL, chime_after=ALERT, tail=0.2)


class Source:
    """Speech in chunks, which remembers what was asked of it."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        """Begin with nothing asked for."""
        self.asked = 0
        self.is_closed = False
        self.chunks = self._generate(chunks)

    async def _generate(self, chunks: tuple[bytes | Exception, ...]) -> AsyncGenerator[bytes]:
        try:
            for chunk in chunks:
                self.asked += 1
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            self.is_closed = True


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Divide bytes anywhere."""
    edges = [0, *sorted(position % (len(data) + 1) for position in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


async def collected(chunks: AsyncGenerator[bytes]) -> bytes:
    """Return all that is yielded."""
    return b"".join([chunk async for chunk in chunks])


async def keep(chunks: AsyncGenerator[bytes], received: list[bytes]) -> None:
    """Keep what is yielded, also if something is raised afterwards."""
    async for chunk in chunks:
        received.append(chunk)  # noqa: PERF401  # a comprehension would be lost


def silence(layout: PcmLayout, seconds: float) -> bytes:
    """Return silence."""
    return bytes(round(layout.rate * seconds) * layout.frame_size)


def louder(data: bytes, layout: PcmLayout, gain_db: float) -> bytes:
    """Return samples with a gain."""
    limiter = Limiter(layout, gain_db)
    return limiter.feed(data) + limiter.end()


@pytest.mark.parametrize("layout", [PcmLayout(24_000), PcmLayout(48_000, 6, 3), PcmLayout(8_000, 1, 1)])
async def test_nothing_set(layout: PcmLayout) -> None:
    """Without effects the very same chunks pass, whatever they are."""
    source = [b"odd", b"", b"\0" * 100_000]
    passed = [chunk async for chunk in with_effects(Source(*source).chunks, layout, Effects())]
    assert [id(chunk) for chunk in passed] == [id(chunk) for chunk in source]


@pytest.mark.parametrize("layout", [PcmLayout(24_000), PcmLayout(16_000), PcmLayout(44_100, 2)])
async def test_order(layout: PcmLayout) -> None:
    """Silence, chime, pause, speech, pause, chime, silence; speech is left as it is."""
    spoken = voice(layout.rate, layout.channels, 0.7)
    made = await collected(with_effects(Source(spoken).chunks, layout, EVERYTHING))
    assert made == b"".join(
        [
            silence(layout, 0.3),
            *BELL.pieces(layout),
            silence(layout, CHIME_PAUSE_S),
            spoken,
            silence(layout, CHIME_PAUSE_S),
            *ALERT.pieces(layout),
            silence(layout, 0.2),
        ]
    )


@pytest.mark.parametrize(
    ("effects", "before", "after"),
    [
        (Effects(lead_in=0.25), 0.25, 0),
        (Effects(tail=0.25), 0, 0.25),
        (Effects(chime_before=BELL), BELL.seconds + CHIME_PAUSE_S, 0),
        (Effects(chime_after=BELL), 0, BELL.seconds + CHIME_PAUSE_S),
    ],
)
async def test_one_at_a_time(effects: Effects, before: float, after: float) -> None:
    """Speech is left as it is."""
    layout = PcmLayout(24_000)
    spoken = voice(24_000, 1, 0.5)
    made = await collected(with_effects(Source(spoken).chunks, layout, effects))
    start = round(before * layout.byte_rate)
    assert made[start : start + len(spoken)] == spoken
    assert len(made) == start + len(spoken) + round(after * layout.byte_rate)


async def test_gain_of_nothing() -> None:
    """A gain of 0 dB still keeps speech under the ceiling."""
    layout = PcmLayout(24_000)
    loud = (
        (np.frombuffer(voice(24_000, 1, 0.5), "<i2").astype(np.int32) * 4).clip(-32_768, 32_767).astype("<i2").tobytes()
    )
    made = await collected(amplify(Source(loud).chunks, layout, 0.0))
    assert true_peak(loud, layout) > -0.1
    assert true_peak(made, layout) <= CEILING_DBTP


async def test_chime_before_the_first_chunk() -> None:
    """Lead-in and chime are there before speech is asked for, the first of them within milliseconds."""
    layout = PcmLayout(16_000)
    source = Source(voice(16_000, 1, 0.2))
    started = time.thread_time()
    async with aclosing(with_effects(source.chunks, layout, EVERYTHING)) as pieces:
        first = await anext(pieces)
        assert time.thread_time() - started < 0.05
        assert first == silence(layout, 0.3)
        length = len(first)
        while length < round((0.3 + BELL.seconds + CHIME_PAUSE_S) * layout.byte_rate):
            assert source.asked == 0
            length += len(await anext(pieces))
        await anext(pieces)
        assert source.asked == 1


async def test_speech_streams() -> None:
    """Each chunk of speech leaves before the next one is asked for, but for the limiter's six milliseconds."""
    layout = PcmLayout(24_000)
    chunks = cut(voice(24_000, 1, 1.0), list(range(0, 48_000, 4_800)))[1:]
    source = Source(*chunks)
    received = 0
    async with aclosing(amplify(source.chunks, layout, 6.0)) as pieces:
        async for piece in pieces:
            received += len(piece)
            assert received / layout.byte_rate > 0.1 * source.asked - 0.007


LAYOUTS = st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]))
EFFECTS = st.builds(
    Effects,
    lead_in=st.sampled_from([0, 0.01, 0.123]),
    chime_before=st.sampled_from([None, SHORT]),
    chime_after=st.sampled_from([None, SHORT]),
    tail=st.sampled_from([0, 0.01]),
)


@settings(max_examples=60, deadline=None)
@given(
    layout=LAYOUTS,
    effects=EFFECTS,
    gain_db=st.one_of(st.none(), st.floats(-20, 20)),
    length=st.integers(0, 40_000),
    cuts=st.lists(st.integers(0, 40_000), max_size=20),
)
async def test_result_does_not_depend_on_the_division(
    layout: PcmLayout, effects: Effects, gain_db: float | None, length: int, cuts: list[int]
) -> None:
    """The same bits in whatever pieces speech arrives, even cut in the middle of a sample."""
    data = voice(16_000, 2, 0.7)[:length]

    def made(source: Source) -> AsyncGenerator[bytes]:
        levelled = source.chunks if gain_db is None else amplify(source.chunks, layout, gain_db)
        return with_effects(levelled, layout, effects)

    whole = await collected(made(Source(data)))
    assert await collected(made(Source(*cut(data, cuts)))) == whole
    if effects != Effects() or gain_db is not None:
        assert len(whole) % layout.frame_size == 0


@pytest.mark.parametrize("chime", [load_built_in_chime(name) for name in BuiltInChime], ids=list(BuiltInChime))
@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
async def test_no_click_at_the_seams(chime: Chime, rate: int) -> None:
    """Where silence, chime and speech meet, no step from one sample to the next is one that could be heard."""
    layout = PcmLayout(rate)
    spoken = louder(voice(rate, 1, 1.0), layout, -6.0)
    swelling = np.frombuffer(spoken, "<i2") * np.minimum(1, np.arange(rate) / (rate / 100))
    speech = np.concatenate((swelling, swelling[::-1])).astype("<i2").tobytes()
    effects = Effects(lead_in=0.1, chime_before=chime, chime_after=chime, tail=0.1)
    levelled = amplify(Source(speech).chunks, layout, 6.0)
    made = np.frombuffer(await collected(with_effects(levelled, layout, effects)), "<i2") / 0x8000
    steps = np.abs(np.diff(made))
    length = len(b"".join(chime.pieces(layout))) // 2
    start = round(0.1 * rate) + length + round(CHIME_PAUSE_S * rate)
    end = start + len(speech) // 2
    assert end + round(CHIME_PAUSE_S * rate) + length + round(0.1 * rate) == len(made)
    pause = round(CHIME_PAUSE_S * rate)
    for seam in (round(0.1 * rate), start - pause, start, end, end + pause, end + pause + length):
        assert steps[max(0, seam - 3) : seam + 3].max() < 0.01


async def test_speech_is_not_pumped() -> None:
    """Within an utterance the gain is one, but where the limiter works: a pause does not change it."""
    spoken = speak("One moment. Here it is, and there it goes.", Speaker.named("alloy"))
    layout = PcmLayout(spoken.rate)
    made = await collected(amplify(Source(spoken.samples).chunks, layout, -3.0))
    expected = np.rint(np.frombuffer(spoken.samples, "<i2") * 10 ** (-3 / 20))
    assert (np.frombuffer(made, "<i2") == expected).all()


async def test_own_chime_at_another_rate() -> None:
    """A user's own sound, in stereo and at its own rate, sounds before speech of another."""
    chime = make_chime(voice(44_100, 2, 0.5), PcmLayout(44_100, 2), -18.0)
    layout = PcmLayout(24_000)
    spoken = voice(24_000, 1, 0.2)
    made = await collected(with_effects(Source(spoken).chunks, layout, Effects(chime_before=chime)))
    assert len(made) == round((0.5 + CHIME_PAUSE_S + 0.2) * 24_000) * 2
    assert made.endswith(spoken)


async def test_nothing_spoken() -> None:
    """Without speech, what was promised around it is still heard."""
    layout = PcmLayout(24_000)
    pieces = [piece async for piece in with_effects(Source().chunks, layout, EVERYTHING)]
    assert all(pieces)
    made = b"".join(pieces)
    assert len(made) == round((0.3 + BELL.seconds + 2 * CHIME_PAUSE_S + ALERT.seconds + 0.2) * 24_000) * 2


async def test_trouble_passes() -> None:
    """What speech raises is raised after all that came before it, and no chime follows."""
    layout = PcmLayout(24_000)
    spoken = voice(24_000, 1, 0.5)
    source = Source(spoken, ConnectionError())
    received: list[bytes] = []
    made = with_effects(source.chunks, layout, Effects(chime_before=BELL, chime_after=BELL))
    with pytest.raises(ConnectionError):
        await keep(made, received)
    assert b"".join(received).endswith(spoken)
    assert source.is_closed


@pytest.mark.parametrize("pieces", [1, 5, 40])
async def test_leaving_early(pieces: int) -> None:
    """Whoever leaves closes the source too."""
    source = Source(*[voice(24_000, 1, 0.2)] * 20)
    async with aclosing(with_effects(source.chunks, PcmLayout(24_000), EVERYTHING)) as made:
        for _ in range(pieces):
            await anext(made)
    assert source.is_closed or not source.asked
    with pytest.raises(StopAsyncIteration):
        await anext(source.chunks)


@pytest.mark.parametrize("layout", [PcmLayout(24_000, 1, 3), PcmLayout(24_000, 6)])
async def test_layouts_without_effects(layout: PcmLayout) -> None:
    """What can't be done is said before anything is yielded."""
    source = Source(bytes(6_000))
    with pytest.raises(ValueError, match="16 bit"):
        await anext(with_effects(source.chunks, layout, Effects(tail=1.0)))
    assert not source.asked


async def test_parts_with_their_own_gains() -> None:
    """Parts of one stream can each have their gain, and a meter that hears them before it."""
    layout = PcmLayout(24_000)
    meter = LoudnessMeter(layout, ffmpeg())
    spoken = voice(24_000, 1, 0.7)
    source = Source(*cut(spoken, [1, 777, 20_001]))
    made = await collected(amplify(measure_while_passing(source.chunks, layout, meter), layout, -4.0))
    assert made == louder(spoken, layout, -4.0)
    heard = await meter.result()
    assert heard
    assert heard.lufs == pytest.approx(loudness(spoken, layout), abs=0.051)
    assert heard.seconds == pytest.approx(0.7)
    assert source.is_closed


async def test_others_get_their_turn() -> None:
    """However large a chunk is, the event loop goes on between its pieces."""
    layout = PcmLayout(24_000)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.ensure_future(count())
    spoken = voice(24_000, 1, 1.0) * 20
    meter = LoudnessMeter(layout, ffmpeg())
    takes: list[Callable[[], AsyncGenerator[bytes]]] = [
        lambda: split_into_blocks(Source(spoken).chunks, layout),
        lambda: measure_while_passing(Source(spoken).chunks, layout, meter),
        lambda: amplify(Source(spoken).chunks, layout, 3.0),
    ]
    for take in takes:
        before = turns
        assert len(await collected(take())) == len(spoken)
        assert turns - before >= len(spoken) // 16_384 - 1
    counting.cancel()
    await meter.close()
