"""Tests of effects on a stream."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
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
    with_effects,
)
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.limiter import CEILING_DBTP, Limiter
from custom_components.orator.audio.loudness_meter import LoudnessMeter
from custom_components.orator.audio.pcm import split_into_blocks
from tests.simulator.audio.espeak import Speaker, speak
from tests.support.signals import RATES, divide, loudness, true_peak, voice
from tests.support.streams import collect, collect_all

BELL, ALERT = load_built_in_chime(BuiltInChime.DING_DONG), load_built_in_chime(BuiltInChime.ALERT)
SHORT = Chime(ALERT.samples[:4_000], ALERT.layout)
EVERYTHING = Effects(lead_in_s=0.3, chime_before=BELL, chime_after=ALERT, tail_s=0.2)


class Source:
    """Speech in chunks that counts requests."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        """Start without a request."""
        self.requests = 0
        self.is_closed = False
        self.chunks = self._generate(chunks)

    async def _generate(self, chunks: tuple[bytes | Exception, ...]) -> AsyncGenerator[bytes]:
        try:
            for chunk in chunks:
                self.requests += 1
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            self.is_closed = True


def silence(layout: PcmLayout, seconds: float) -> bytes:
    """Return silence."""
    return bytes(round(layout.rate * seconds) * layout.frame_size)


def amplified(data: bytes, layout: PcmLayout, gain_db: float) -> bytes:
    """Return samples amplified and limited."""
    limiter = Limiter(layout, gain_db)
    return limiter.feed(data) + limiter.finish()


@pytest.mark.parametrize("layout", [PcmLayout(24_000), PcmLayout(48_000, 6, 3), PcmLayout(8_000, 1, 1)])
async def test_no_effects(layout: PcmLayout) -> None:
    """Without effects all chunks pass unchanged, whatever the layout."""
    source = [b"odd", b"", b"\0" * 100_000]
    passed = [chunk async for chunk in with_effects(Source(*source).chunks, layout, Effects())]
    assert [id(chunk) for chunk in passed] == [id(chunk) for chunk in source]


@pytest.mark.parametrize("layout", [PcmLayout(24_000), PcmLayout(16_000), PcmLayout(44_100, 2)])
async def test_order(layout: PcmLayout) -> None:
    """Effects are in order and leave speech unchanged."""
    speech = voice(layout.rate, layout.channels, 0.7)
    output = await collect_all(with_effects(Source(speech).chunks, layout, EVERYTHING))
    assert output == b"".join(
        [
            silence(layout, 0.3),
            await collect_all(BELL.convert(layout)),
            silence(layout, CHIME_PAUSE_S),
            speech,
            silence(layout, CHIME_PAUSE_S),
            await collect_all(ALERT.convert(layout)),
            silence(layout, 0.2),
        ]
    )


@pytest.mark.parametrize(
    ("effects", "before", "after"),
    [
        (Effects(lead_in_s=0.25), 0.25, 0),
        (Effects(tail_s=0.25), 0, 0.25),
        (Effects(chime_before=BELL), BELL.seconds + CHIME_PAUSE_S, 0),
        (Effects(chime_after=BELL), 0, BELL.seconds + CHIME_PAUSE_S),
    ],
)
async def test_single_effect(effects: Effects, before: float, after: float) -> None:
    """A single effect leaves speech unchanged."""
    layout = PcmLayout(24_000)
    speech = voice(24_000, 1, 0.5)
    output = await collect_all(with_effects(Source(speech).chunks, layout, effects))
    start = round(before * layout.byte_rate)
    assert output[start : start + len(speech)] == speech
    assert len(output) == start + len(speech) + round(after * layout.byte_rate)


async def test_zero_gain() -> None:
    """A gain of 0 dB still limits speech."""
    layout = PcmLayout(24_000)
    loud = (
        (np.frombuffer(voice(24_000, 1, 0.5), "<i2").astype(np.int32) * 4).clip(-32_768, 32_767).astype("<i2").tobytes()
    )
    output = await collect_all(amplify(Source(loud).chunks, layout, 0.0))
    assert true_peak(loud, layout) > -0.1
    assert true_peak(output, layout) <= CEILING_DBTP


async def test_chime_before_the_first_chunk() -> None:
    """Lead-in and chime precede the first request for speech and begin within milliseconds."""
    layout = PcmLayout(16_000)
    source = Source(voice(16_000, 1, 0.2))
    started = time.thread_time()
    async with aclosing(with_effects(source.chunks, layout, EVERYTHING)) as blocks:
        first = await anext(blocks)
        assert time.thread_time() - started < 0.05
        assert first == silence(layout, 0.3)
        length = len(first)
        while length < round((0.3 + BELL.seconds + CHIME_PAUSE_S) * layout.byte_rate):
            assert source.requests == 0
            length += len(await anext(blocks))
        await anext(blocks)
        assert source.requests == 1


async def test_speech_streams() -> None:
    """Every chunk of speech is yielded before the next request, except for the delay of the limiter."""
    layout = PcmLayout(24_000)
    chunks = divide(voice(24_000, 1, 1.0), list(range(0, 48_000, 4_800)))[1:]
    source = Source(*chunks)
    received = 0
    async with aclosing(amplify(source.chunks, layout, 6.0)) as blocks:
        async for block in blocks:
            received += len(block)
            assert received / layout.byte_rate > 0.1 * source.requests - 0.007


LAYOUTS = st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]))
EFFECTS = st.builds(
    Effects,
    lead_in_s=st.sampled_from([0, 0.01, 0.123]),
    chime_before=st.sampled_from([None, SHORT]),
    chime_after=st.sampled_from([None, SHORT]),
    tail_s=st.sampled_from([0, 0.01]),
)


@settings(max_examples=60, deadline=None)
@given(
    layout=LAYOUTS,
    effects=EFFECTS,
    gain_db=st.one_of(st.none(), st.floats(-20, 20)),
    length=st.integers(0, 40_000),
    cuts=st.lists(st.integers(0, 40_000), max_size=20),
)
async def test_any_division(
    layout: PcmLayout, effects: Effects, gain_db: float | None, length: int, cuts: list[int]
) -> None:
    """The output is the same for chunks of any size, even divided samples."""
    data = voice(16_000, 2, 0.7)[:length]

    def process(source: Source) -> AsyncGenerator[bytes]:
        levelled = source.chunks if gain_db is None else amplify(source.chunks, layout, gain_db)
        return with_effects(levelled, layout, effects)

    whole = await collect_all(process(Source(data)))
    assert await collect_all(process(Source(*divide(data, cuts)))) == whole
    if effects != Effects() or gain_db is not None:
        assert len(whole) % layout.frame_size == 0


@pytest.mark.parametrize("chime", [load_built_in_chime(name) for name in BuiltInChime], ids=list(BuiltInChime))
@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
async def test_no_click_at_the_seams(chime: Chime, rate: int) -> None:
    """There is no audible step between silence, chime and speech."""
    layout = PcmLayout(rate)
    speech = amplified(voice(rate, 1, 1.0), layout, -6.0)
    faded = np.frombuffer(speech, "<i2") * np.minimum(1, np.arange(rate) / (rate / 100))
    speech = np.concatenate((faded, faded[::-1])).astype("<i2").tobytes()
    effects = Effects(lead_in_s=0.1, chime_before=chime, chime_after=chime, tail_s=0.1)
    levelled = amplify(Source(speech).chunks, layout, 6.0)
    output = np.frombuffer(await collect_all(with_effects(levelled, layout, effects)), "<i2") / 0x8000
    steps = np.abs(np.diff(output))
    length = len(await collect_all(chime.convert(layout))) // 2
    start = round(0.1 * rate) + length + round(CHIME_PAUSE_S * rate)
    end = start + len(speech) // 2
    assert end + round(CHIME_PAUSE_S * rate) + length + round(0.1 * rate) == len(output)
    pause = round(CHIME_PAUSE_S * rate)
    for seam in (round(0.1 * rate), start - pause, start, end, end + pause, end + pause + length):
        assert steps[max(0, seam - 3) : seam + 3].max() < 0.01


async def test_gain_is_constant() -> None:
    """The gain is constant unless the limiter reduces it; a pause does not change it."""
    speech = speak("One moment. Here it is, and there it goes.", Speaker.named("alloy"))
    layout = PcmLayout(speech.rate)
    output = await collect_all(amplify(Source(speech.samples).chunks, layout, -3.0))
    expected = np.rint(np.frombuffer(speech.samples, "<i2") * 10 ** (-3 / 20))
    assert (np.frombuffer(output, "<i2") == expected).all()


async def test_custom_chime_in_another_layout() -> None:
    """A stereo chime of another rate is converted to the layout of speech."""
    chime = make_chime(voice(44_100, 2, 0.5), PcmLayout(44_100, 2))
    layout = PcmLayout(24_000)
    speech = voice(24_000, 1, 0.2)
    output = await collect_all(with_effects(Source(speech).chunks, layout, Effects(chime_before=chime)))
    assert len(output) == round((0.5 + CHIME_PAUSE_S + 0.2) * 24_000) * 2
    assert output.endswith(speech)


async def test_no_speech() -> None:
    """Effects are complete without speech."""
    layout = PcmLayout(24_000)
    blocks = [block async for block in with_effects(Source().chunks, layout, EVERYTHING)]
    assert all(blocks)
    output = b"".join(blocks)
    assert len(output) == round((0.3 + BELL.seconds + 2 * CHIME_PAUSE_S + ALERT.seconds + 0.2) * 24_000) * 2


async def test_error_in_speech() -> None:
    """An error in speech is raised after the audio that precedes it, without a chime."""
    layout = PcmLayout(24_000)
    speech = voice(24_000, 1, 0.5)
    source = Source(speech, ConnectionError())
    received: list[bytes] = []
    output = with_effects(source.chunks, layout, Effects(chime_before=BELL, chime_after=BELL))
    with pytest.raises(ConnectionError):
        await collect(output, received)
    assert b"".join(received).endswith(speech)
    assert source.is_closed


@pytest.mark.parametrize("blocks", [1, 3, 28])
async def test_close(blocks: int) -> None:
    """Closing the effects closes the source."""
    source = Source(*[voice(24_000, 1, 0.2)] * 20)
    async with aclosing(with_effects(source.chunks, PcmLayout(24_000), EVERYTHING)) as output:
        for _ in range(blocks):
            await anext(output)
    assert source.is_closed or not source.requests
    with pytest.raises(StopAsyncIteration):
        await anext(source.chunks)


@pytest.mark.parametrize("layout", [PcmLayout(24_000, 1, 3), PcmLayout(24_000, 6)])
async def test_unsupported_layouts(layout: PcmLayout) -> None:
    """Unsupported layouts are refused before anything is requested."""
    source = Source(bytes(6_000))
    with pytest.raises(ValueError, match="16-bit"):
        await anext(with_effects(source.chunks, layout, Effects(tail_s=1.0)))
    assert not source.requests


async def test_measurement_before_gain() -> None:
    """Audio is measured before its gain."""
    layout = PcmLayout(24_000)
    meter = LoudnessMeter(layout)
    speech = voice(24_000, 1, 0.7)
    source = Source(*divide(speech, [1, 777, 20_001]))
    output = await collect_all(amplify(source.chunks, layout, -4.0, meter))
    assert output == amplified(speech, layout, -4.0)
    result = meter.result()
    assert result
    assert result.lufs == pytest.approx(loudness(speech, layout), abs=0.051)
    assert result.seconds == pytest.approx(0.7)
    assert source.is_closed


async def test_event_loop_is_not_blocked() -> None:
    """The event loop runs between the blocks of a large chunk."""
    layout = PcmLayout(24_000)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.ensure_future(count())
    speech = voice(24_000, 1, 1.0) * 20
    meter = LoudnessMeter(layout)
    processes: list[Callable[[], AsyncGenerator[bytes]]] = [
        lambda: split_into_blocks(Source(speech).chunks, layout),
        lambda: amplify(Source(speech).chunks, layout, 3.0, meter),
    ]
    for process in processes:
        before = turns
        assert len(await collect_all(process())) == len(speech)
        assert turns - before >= len(speech) // 16_384 - 1
    counting.cancel()
