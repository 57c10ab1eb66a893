"""The resampler: on the stream, exact to the bit, and better than ffmpeg's where it matters."""

import gc
from itertools import pairwise, permutations
from pathlib import Path
import resource
import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.pcm import Resampler
from tests.unit.audio.signals import RATES, Samples, run_ffmpeg, voice

PAIRS = list(permutations(RATES, 2))
USUAL = [
    (24_000, 16_000),
    (22_050, 16_000),
    (44_100, 16_000),
    (48_000, 16_000),
    (24_000, 22_050),
    (48_000, 44_100),
    (48_000, 8_000),
    (32_000, 11_025),
    (16_000, 48_000),
    (8_000, 44_100),
    (24_000, 48_000),
    (44_100, 48_000),
]
LOUD = 16_000.0
PASSBAND_END = 0.45  # of the lower rate
FINE = 4  # bytes of a sample that shows what 16 bits would hide


def resampled(data: bytes, source: PcmLayout, target: PcmLayout, cuts: list[int] | None = None) -> bytes:
    """Resample sound that arrives in pieces."""
    resampler = Resampler(source, target)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    return b"".join([resampler.feed(data[start:end]) for start, end in pairwise(edges)]) + resampler.finish()


def tone(frequency: float, rate: int, seconds: float = 1.0) -> bytes:
    """Return a sine of `LOUD`, dithered, so that its rounding to 16 bits is noise and not overtones."""
    noise = np.random.default_rng(1).random((2, int(rate * seconds)))
    sine = LOUD * np.sin(2 * np.pi * frequency * np.arange(noise.shape[1]) / rate)
    return bytes(np.rint(sine + noise[0] - noise[1]).astype("<i2").tobytes())


def ours(data: bytes, source: int, target: int) -> Samples:
    """Resample with ours, in steps of 16 bits."""
    made = resampled(data, PcmLayout(source), PcmLayout(target, width=FINE))
    return np.frombuffer(made, "<i4") / 65_536


def ffmpegs(data: bytes, source: int, target: int) -> Samples:
    """Resample with ffmpeg's, in steps of 16 bits."""
    reading = ("-f", "s16le", "-ar", str(source), "-ac", "1", "-i", "pipe:0")
    made = run_ffmpeg(*reading, "-ar", str(target), "-f", "f32le", "pipe:1", given=data, level="error")
    return np.frombuffer(made, "<f4").astype(np.float64) * 32_768


def level(sound: Samples, frequency: float, rate: int) -> tuple[float, float]:
    """Return the level of a tone, and of the loudest other one beside it, in dB of `LOUD`; the ends are left out."""
    middle = sound[rate // 10 : -rate // 10]
    times = np.arange(len(middle)) / rate
    parts = np.stack([np.cos(2 * np.pi * frequency * times), np.sin(2 * np.pi * frequency * times)], axis=1)
    amounts, *_ = np.linalg.lstsq(parts, middle)
    return 20 * float(np.log10(np.hypot(*amounts) / LOUD)), loudest(middle - parts @ amounts)


def loudest(middle: Samples) -> float:
    """Return the level of the loudest tone in a sound, in dB of `LOUD`."""
    window = np.blackman(len(middle))
    spectrum = np.abs(np.fft.rfft(middle * window)) / (window.sum() / 2)
    return 20 * float(np.log10(spectrum.max() / LOUD))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_length_and_place(source: int, target: int) -> None:
    """All usual rates: as many samples as the time asks for, and each at its time."""
    spoken = voice(source, 1, 0.25)
    for count in (0, 1, 2, 999, len(spoken) // 2):
        made = resampled(spoken[: 2 * count], PcmLayout(source), PcmLayout(target))
        assert len(made) // 2 == int(count * target / source + 0.5)
    frequency = 0.1 * min(source, target)
    made = ours(tone(frequency, source, 0.5), source, target)
    expected = LOUD * np.sin(2 * np.pi * frequency * np.arange(len(made)) / target)
    edge = target // 20
    assert np.abs(made - expected)[edge:-edge].max() < 3  # of the dither


@pytest.mark.parametrize(("source", "target"), USUAL)
def test_frequencies(source: int, target: int) -> None:
    """What both rates can carry passes unchanged, and nothing is added; what they can't does not come back as noise."""
    lower = min(source, target)
    for part in (0.01, 0.1, 0.2, 0.3, 0.4, PASSBAND_END):
        own, other = level(ours(tone(part * lower, source), source, target), part * lower, target)
        assert abs(own) < 0.01
        assert other < -95
    for frequency in (0.5 * target, 0.51 * target, 0.55 * target, 0.7 * target, 0.49 * source):
        if 0.5 * target <= frequency < 0.5 * source:
            made = ours(tone(frequency, source), source, target)
            assert loudest(made[target // 10 : -target // 10]) < -90


@pytest.mark.parametrize(("source", "target"), USUAL)
def test_beside_ffmpeg(source: int, target: int) -> None:
    """The level is ffmpeg's; what is added and what is folded back is less."""
    lower = min(source, target)
    for part in (0.02, 0.2, 0.4):
        data = tone(part * lower, source)
        own, other = level(ours(data, source, target), part * lower, target)
        its, its_other = level(ffmpegs(data, source, target), part * lower, target)
        assert abs(own - its) < 0.1
        assert other < max(its_other, -90) + 1
    for frequency in (0.52 * target, 0.6 * target):
        if frequency < 0.5 * source:
            data = tone(frequency, source)
            folded, its_folded = (
                loudest(make(data, source, target)[target // 10 : -target // 10]) for make in (ours, ffmpegs)
            )
            assert folded < max(its_folded, -90) + 1


@pytest.mark.parametrize(("source", "target"), [(24_000, 16_000), (16_000, 48_000), (44_100, 22_050)])
def test_voice_beside_ffmpeg(source: int, target: int) -> None:
    """A voice sounds as ffmpeg makes it."""
    spoken = voice(source, 1, 1.0)
    made, its = ours(spoken, source, target), ffmpegs(spoken, source, target)
    length = min(len(made), len(its))
    bins = np.fft.rfftfreq(length, 1 / target) < 0.4 * min(source, target)
    both = np.stack([np.abs(np.fft.rfft(made[:length]))[bins], np.abs(np.fft.rfft(its[:length]))[bins]])
    levels = 10 * np.log10((both**2).sum(axis=1))
    assert abs(levels[0] - levels[1]) < 0.05
    assert np.corrcoef(made[:length], its[:length])[0, 1] > 0.99


LAYOUTS = st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]))


@settings(max_examples=150, deadline=None)
@given(
    source=LAYOUTS,
    target=st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]), st.sampled_from([1, 2, 3, 4])),
    data=st.one_of(st.binary(max_size=2000), st.integers(0, 20_000).map(lambda length: voice(16_000, 2, 0.5)[:length])),
    cuts=st.lists(st.integers(0, 20_000), max_size=30),
)
def test_result_does_not_depend_on_the_division(
    source: PcmLayout, target: PcmLayout, data: bytes, cuts: list[int]
) -> None:
    """The same bits in whatever pieces the samples arrive, even cut in the middle; half a sample is dropped."""
    whole = resampled(data, source, target)
    assert resampled(data, source, target, cuts) == whole
    if source != target:
        count = len(data) // source.frame_size
        assert len(whole) == (2 * count * target.rate + source.rate) // (2 * source.rate) * target.frame_size


def test_byte_by_byte() -> None:
    """The smallest pieces there are, and the whole of a minute at once."""
    spoken = voice(22_050, 2, 0.1)
    layouts = PcmLayout(22_050, 2), PcmLayout(16_000)
    assert resampled(spoken, *layouts, list(range(len(spoken)))) == resampled(spoken, *layouts)
    minute = voice(22_050, 1, 1.0) * 60
    made = resampled(minute, PcmLayout(22_050), PcmLayout(16_000))
    assert len(made) == 2 * 16_000 * 60
    assert resampled(minute, PcmLayout(22_050), PcmLayout(16_000), list(range(0, len(minute), 4_000))) == made


@pytest.mark.parametrize(("source", "target"), [(24_000, 16_000), (16_000, 48_000), (44_100, 16_000), (48_000, 8_000)])
def test_delay(source: int, target: int) -> None:
    """A sample leaves as soon as the 62 samples after it, of the lower rate, have arrived."""
    resampler = Resampler(PcmLayout(source), PcmLayout(target))
    spoken = voice(source, 1, 1.0)
    made = 0
    for fed in range(0, len(spoken), 64):
        made += len(resampler.feed(spoken[fed : fed + 64])) // 2
        arrived = min(fed + 64, len(spoken)) / 2 / source
        assert arrived - made / target <= 62 / min(source, target) + 1 / source + 1 / target


def test_same_layout_passes_untouched() -> None:
    """Nothing is done where nothing is to be done, whatever the layout."""
    for layout in (PcmLayout(24_000), PcmLayout(44_100, 6, 3)):
        resampler = Resampler(layout, layout)
        data = b"odd"
        assert resampler.feed(data) is data
        assert resampler.finish() == b""


def test_channels() -> None:
    """Mono is copied to both sides; both sides are averaged."""
    sides = np.array([[0, 0], [100, 200], [-5, -6], [32767, 32767], [-32768, -32768], [32767, -32768]], "<i2")
    made = resampled(sides.tobytes(), PcmLayout(8_000, 2), PcmLayout(8_000, 1))
    assert np.frombuffer(made, "<i2").tolist() == [0, 150, -6, 32767, -32768, 0]
    made = resampled(sides[:, 0].tobytes(), PcmLayout(8_000, 1), PcmLayout(8_000, 2))
    assert np.frombuffer(made, "<i2").reshape(-1, 2).tolist() == [[side, side] for side in sides[:, 0].tolist()]
    spoken = voice(24_000, 1, 0.3)
    twice = np.frombuffer(spoken, "<i2").repeat(2).tobytes()
    alone = resampled(spoken, PcmLayout(24_000), PcmLayout(16_000))
    assert resampled(twice, PcmLayout(24_000, 2), PcmLayout(16_000)) == alone
    both = np.frombuffer(resampled(twice, PcmLayout(24_000, 2), PcmLayout(16_000, 2)), "<i2").reshape(-1, 2)
    assert both[:, 0].tobytes() == both[:, 1].tobytes() == alone


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (1, [128, 128, 129, 127, 255, 0]),
        (2, [0, 127, 129, -129, 32767, -32768]),
        (3, [0, 127 << 8, 129 << 8, -129 << 8, 32767 << 8, -32768 << 8]),
        (4, [0, 127 << 16, 129 << 16, -129 << 16, 32767 << 16, -32768 << 16]),
    ],
)
def test_widths(width: int, expected: list[int]) -> None:
    """Samples of 8 bits are unsigned, wider ones signed; narrower ones are rounded."""
    stored = np.array([0, 127, 129, -129, 32767, -32768], "<i2").tobytes()
    made = resampled(stored, PcmLayout(8_000, 1, 2), PcmLayout(8_000, 1, width))
    pieces = [made[start : start + width] for start in range(0, len(made), width)]
    assert [int.from_bytes(piece, "little", signed=width > 1) for piece in pieces] == expected


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_too_loud(width: int) -> None:
    """What overshoots becomes the loudest there is; it is not turned over."""
    square = np.tile(np.repeat(np.array([32767, -32768], "<i2"), 40), 100)
    made = resampled(square.tobytes(), PcmLayout(24_000), PcmLayout(16_000, 1, width))
    numbers = [
        int.from_bytes(made[start : start + width], "little", signed=width > 1) for start in range(0, len(made), width)
    ]
    middle = 128 if width == 1 else 0
    assert max(numbers) == (1 << 8 * width - 1) - 1 + middle
    assert min(numbers) == -(1 << 8 * width - 1) + middle
    signs = np.sign(np.array(numbers[100:-100], dtype=np.float64) - middle + 0.5)
    assert np.count_nonzero(np.diff(signs)) == pytest.approx((len(numbers) - 200) / (40 * 16 / 24), abs=2)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (PcmLayout(24_000, 1, 1), PcmLayout(24_000)),
        (PcmLayout(24_000), PcmLayout(24_000, 1, 5)),
        (PcmLayout(24_000, 6), PcmLayout(24_000, 2)),
        (PcmLayout(24_000, 1), PcmLayout(24_000, 6)),
        (PcmLayout(24_000, 6), PcmLayout(16_000, 6)),
        (PcmLayout(0), PcmLayout(24_000)),
        (PcmLayout(24_000), PcmLayout(-1)),
        (PcmLayout(44_099), PcmLayout(16_000)),
    ],
)
def test_what_cannot_be_done(source: PcmLayout, target: PcmLayout) -> None:
    """What needs ffmpeg is said at once."""
    with pytest.raises(ValueError, match=r"only|rate|ratio"):
        Resampler(source, target)


def test_streams_share_nothing() -> None:
    """A stream sounds the same alone, beside another, after another, and after one that was given up."""
    layouts = PcmLayout(44_100), PcmLayout(16_000)
    spoken, noise = voice(44_100, 1, 0.2), np.random.default_rng(1).bytes(20_001)
    alone = resampled(spoken, *layouts)
    assert resampled(spoken, *layouts) == alone
    abandoned = Resampler(*layouts)
    abandoned.feed(noise)
    del abandoned
    assert resampled(spoken, *layouts) == alone
    one, other = Resampler(*layouts), Resampler(*layouts)
    made = b""
    for start in range(0, len(spoken), 1_000):
        made += one.feed(spoken[start : start + 1_000])
        other.feed(noise)
    assert made + one.finish() == alone


@pytest.mark.parametrize(("source", "target"), [(24_000, 16_000), (48_000, 16_000), (44_100, 8_000), (11_025, 32_000)])
def test_time(source: int, target: int) -> None:
    """Half a second of sound never keeps the event loop for ten milliseconds; the best of some tries counts."""
    spoken = voice(source, 1, 0.5)
    resampler = Resampler(PcmLayout(source), PcmLayout(target))
    times = []
    for _ in range(10):
        started = time.thread_time()
        resampler.feed(spoken)
        times.append(time.thread_time() - started)
    assert min(times) < 0.01


def test_time_to_first_output() -> None:
    """Starting a stream takes less than ten milliseconds of the event loop; the best of some tries counts."""
    for rate in (11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000):
        times = []
        for number in range(5):
            started = time.thread_time()
            Resampler(PcmLayout(rate), PcmLayout(16_000, 1 + number % 2, 2 + number // 2)).feed(voice(24_000, 1, 0.1))
            times.append(time.thread_time() - started)
        assert min(times) < 0.01


def test_memory() -> None:
    """Neither a long stream nor many short ones need more and more memory."""

    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

    spoken = voice(24_000, 1, 1.0)
    resampler = Resampler(PcmLayout(24_000), PcmLayout(16_000))
    for _ in range(10):
        resampler.feed(spoken)
        resampled(spoken, PcmLayout(24_000), PcmLayout(48_000))
    before = resident_mb()
    gc.disable()
    try:
        for _ in range(300):
            resampler.feed(spoken)
            resampled(spoken, PcmLayout(24_000), PcmLayout(48_000))
    finally:
        gc.enable()
    assert resident_mb() - before < 10
