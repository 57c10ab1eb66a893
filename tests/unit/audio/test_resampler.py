"""Tests of the resampler."""

import gc
from itertools import permutations
from pathlib import Path
import resource
import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.pcm import can_resample
from custom_components.orator.audio.resampler import Resampler
from tests.support.signals import RATES, Samples, divide, run_ffmpeg, voice

ALL_PAIRS = list(permutations(RATES, 2))
TYPICAL_PAIRS = [
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
AMPLITUDE = 16_000.0
PASSBAND_END = 0.45  # of the lower rate
FINE_WIDTH = 4  # bytes per sample, to see differences below 16 bits


def convert(data: bytes, source: PcmLayout, target: PcmLayout, cuts: list[int] | None = None) -> bytes:
    """Resample audio that arrives in chunks."""
    resampler = Resampler(source, target)
    return b"".join([resampler.feed(chunk) for chunk in divide(data, cuts or [])]) + resampler.finish()


def integers(data: bytes, width: int) -> list[int]:
    """Return samples of any width as integers."""
    samples = [data[start : start + width] for start in range(0, len(data), width)]
    return [int.from_bytes(sample, "little", signed=width > 1) for sample in samples]


def tone(frequency: float, rate: int, seconds: float = 1.0) -> bytes:
    """Return a sine, dithered so that rounding to 16 bits adds noise rather than overtones."""
    noise = np.random.default_rng(1).random((2, int(rate * seconds)))
    sine = AMPLITUDE * np.sin(2 * np.pi * frequency * np.arange(noise.shape[1]) / rate)
    return bytes(np.rint(sine + noise[0] - noise[1]).astype("<i2").tobytes())


def resample_mono(data: bytes, source: int, target: int) -> Samples:
    """Return mono audio resampled by `Resampler`, in 16-bit steps."""
    output = convert(data, PcmLayout(source), PcmLayout(target, width=FINE_WIDTH))
    return np.frombuffer(output, "<i4") / 65_536


def resample_with_ffmpeg(data: bytes, source: int, target: int) -> Samples:
    """Return mono audio resampled by ffmpeg with reference defaults, in 16-bit steps."""
    reading = ("-f", "s16le", "-ar", str(source), "-ac", "1", "-i", "pipe:0")
    output = run_ffmpeg(*reading, "-ar", str(target), "-f", "f32le", "pipe:1", given=data, level="error")
    return np.frombuffer(output, "<f4").astype(np.float64) * 32_768


def level(audio: Samples, frequency: float, rate: int) -> tuple[float, float]:
    """Return the levels of a tone and of the loudest other one in dB relative to `AMPLITUDE`, without the ends."""
    middle = audio[rate // 10 : -rate // 10]
    times = np.arange(len(middle)) / rate
    parts = np.stack([np.cos(2 * np.pi * frequency * times), np.sin(2 * np.pi * frequency * times)], axis=1)
    amounts, *_ = np.linalg.lstsq(parts, middle)
    return 20 * float(np.log10(np.hypot(*amounts) / AMPLITUDE)), loudest(middle - parts @ amounts)


def loudest(middle: Samples) -> float:
    """Return the level of the loudest tone in dB relative to `AMPLITUDE`."""
    window = np.blackman(len(middle))
    spectrum = np.abs(np.fft.rfft(middle * window)) / (window.sum() / 2)
    return 20 * float(np.log10(spectrum.max() / AMPLITUDE))


@pytest.mark.parametrize(("source", "target"), ALL_PAIRS)
def test_duration_and_alignment(source: int, target: int) -> None:
    """The output has the duration of the input and is aligned with it, for all usual rates."""
    speech = voice(source, 1, 0.25)
    for count in (0, 1, 2, 999, len(speech) // 2):
        output = convert(speech[: 2 * count], PcmLayout(source), PcmLayout(target))
        assert len(output) // 2 == int(count * target / source + 0.5)
    frequency = 0.1 * min(source, target)
    output = resample_mono(tone(frequency, source, 0.5), source, target)
    expected = AMPLITUDE * np.sin(2 * np.pi * frequency * np.arange(len(output)) / target)
    edge = target // 20
    assert np.abs(output - expected)[edge:-edge].max() < 3  # the dither


@pytest.mark.parametrize(("source", "target"), TYPICAL_PAIRS)
def test_passband_and_stopband(source: int, target: int) -> None:
    """Frequencies that both rates carry pass unchanged without images; others are removed without aliases."""
    lower = min(source, target)
    for part in (0.01, 0.1, 0.2, 0.3, 0.4, PASSBAND_END):
        own, other = level(resample_mono(tone(part * lower, source), source, target), part * lower, target)
        assert abs(own) < 0.01
        assert other < -95
    for frequency in (0.5 * target, 0.51 * target, 0.55 * target, 0.7 * target, 0.49 * source):
        if 0.5 * target <= frequency < 0.5 * source:
            output = resample_mono(tone(frequency, source), source, target)
            assert loudest(output[target // 10 : -target // 10]) < -90


@pytest.mark.parametrize(("source", "target"), TYPICAL_PAIRS)
def test_tones_compared_with_ffmpeg(source: int, target: int) -> None:
    """Levels equal those of ffmpeg; images and aliases are lower."""
    lower = min(source, target)
    for part in (0.02, 0.2, 0.4):
        data = tone(part * lower, source)
        own, other = level(resample_mono(data, source, target), part * lower, target)
        reference, reference_other = level(resample_with_ffmpeg(data, source, target), part * lower, target)
        assert abs(own - reference) < 0.1
        assert other < max(reference_other, -90) + 1
    for frequency in (0.52 * target, 0.6 * target):
        if frequency < 0.5 * source:
            data = tone(frequency, source)
            middle = slice(target // 10, -target // 10)
            alias = loudest(resample_mono(data, source, target)[middle])
            reference_alias = loudest(resample_with_ffmpeg(data, source, target)[middle])
            assert alias < max(reference_alias, -90) + 1


@pytest.mark.parametrize(("source", "target"), [(24_000, 16_000), (16_000, 48_000), (44_100, 22_050)])
def test_voice_compared_with_ffmpeg(source: int, target: int) -> None:
    """A voice sounds like the output of ffmpeg."""
    speech = voice(source, 1, 1.0)
    output, reference = resample_mono(speech, source, target), resample_with_ffmpeg(speech, source, target)
    length = min(len(output), len(reference))
    bins = np.fft.rfftfreq(length, 1 / target) < 0.4 * min(source, target)
    both = np.stack([np.abs(np.fft.rfft(output[:length]))[bins], np.abs(np.fft.rfft(reference[:length]))[bins]])
    levels = 10 * np.log10((both**2).sum(axis=1))
    assert abs(levels[0] - levels[1]) < 0.05
    assert np.corrcoef(output[:length], reference[:length])[0, 1] > 0.99


LAYOUTS = st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]))


@settings(max_examples=150, deadline=None)
@given(
    source=LAYOUTS,
    target=st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]), st.sampled_from([1, 2, 3, 4])),
    data=st.one_of(st.binary(max_size=2000), st.integers(0, 20_000).map(lambda length: voice(16_000, 2, 0.5)[:length])),
    cuts=st.lists(st.integers(0, 20_000), max_size=30),
)
def test_any_division(source: PcmLayout, target: PcmLayout, data: bytes, cuts: list[int]) -> None:
    """The output is the same for chunks of any size, even divided samples; an incomplete frame is dropped."""
    whole = convert(data, source, target)
    assert convert(data, source, target, cuts) == whole
    if source != target:
        count = len(data) // source.frame_size
        assert len(whole) == (2 * count * target.rate + source.rate) // (2 * source.rate) * target.frame_size


def test_byte_by_byte() -> None:
    """The output is the same for single bytes, and for a minute in one chunk."""
    speech = voice(22_050, 2, 0.1)
    layouts = PcmLayout(22_050, 2), PcmLayout(16_000)
    assert convert(speech, *layouts, list(range(len(speech)))) == convert(speech, *layouts)
    minute = voice(22_050, 1, 1.0) * 60
    output = convert(minute, PcmLayout(22_050), PcmLayout(16_000))
    assert len(output) == 2 * 16_000 * 60
    assert convert(minute, PcmLayout(22_050), PcmLayout(16_000), list(range(0, len(minute), 4_000))) == output


@pytest.mark.parametrize(("source", "target"), [(24_000, 16_000), (16_000, 48_000), (44_100, 16_000), (48_000, 8_000)])
def test_delay(source: int, target: int) -> None:
    """A sample is returned once the next 62 samples of the lower rate have arrived."""
    resampler = Resampler(PcmLayout(source), PcmLayout(target))
    speech = voice(source, 1, 1.0)
    output = 0
    for fed in range(0, len(speech), 64):
        output += len(resampler.feed(speech[fed : fed + 64])) // 2
        arrived = min(fed + 64, len(speech)) / 2 / source
        assert arrived - output / target <= 62 / min(source, target) + 1 / source + 1 / target


def test_same_layout() -> None:
    """Data in the target layout passes unchanged, whatever the layout."""
    for layout in (PcmLayout(24_000), PcmLayout(44_100, 6, 3)):
        resampler = Resampler(layout, layout)
        data = b"odd"
        assert resampler.feed(data) is data
        assert resampler.finish() == b""


def test_channels() -> None:
    """Mono is copied to both channels; stereo is averaged."""
    sides = np.array([[0, 0], [100, 200], [-5, -6], [32767, 32767], [-32768, -32768], [32767, -32768]], "<i2")
    output = convert(sides.tobytes(), PcmLayout(8_000, 2), PcmLayout(8_000, 1))
    assert np.frombuffer(output, "<i2").tolist() == [0, 150, -6, 32767, -32768, 0]
    output = convert(sides[:, 0].tobytes(), PcmLayout(8_000, 1), PcmLayout(8_000, 2))
    assert np.frombuffer(output, "<i2").reshape(-1, 2).tolist() == [[side, side] for side in sides[:, 0].tolist()]
    speech = voice(24_000, 1, 0.3)
    twice = np.frombuffer(speech, "<i2").repeat(2).tobytes()
    alone = convert(speech, PcmLayout(24_000), PcmLayout(16_000))
    assert convert(twice, PcmLayout(24_000, 2), PcmLayout(16_000)) == alone
    both = np.frombuffer(convert(twice, PcmLayout(24_000, 2), PcmLayout(16_000, 2)), "<i2").reshape(-1, 2)
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
    """Samples of 8 bits are unsigned and rounded, wider ones are signed."""
    data = np.array([0, 127, 129, -129, 32767, -32768], "<i2").tobytes()
    output = convert(data, PcmLayout(8_000, 1, 2), PcmLayout(8_000, 1, width))
    assert integers(output, width) == expected


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_clipping(width: int) -> None:
    """Overshoots are clipped and do not wrap around."""
    square = np.tile(np.repeat(np.array([32767, -32768], "<i2"), 40), 100)
    output = convert(square.tobytes(), PcmLayout(24_000), PcmLayout(16_000, 1, width))
    numbers = integers(output, width)
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
def test_unsupported_layouts(source: PcmLayout, target: PcmLayout) -> None:
    """Layouts that need a conversion are refused at once."""
    assert not can_resample(source, target)
    with pytest.raises(ValueError, match="is not converted to"):
        Resampler(source, target)


def test_streams_share_nothing() -> None:
    """A stream is the same alone, beside another, after another, and after one that was abandoned."""
    layouts = PcmLayout(44_100), PcmLayout(16_000)
    speech, noise = voice(44_100, 1, 0.2), np.random.default_rng(1).bytes(20_001)
    alone = convert(speech, *layouts)
    assert convert(speech, *layouts) == alone
    abandoned = Resampler(*layouts)
    abandoned.feed(noise)
    del abandoned
    assert convert(speech, *layouts) == alone
    one, other = Resampler(*layouts), Resampler(*layouts)
    output = b""
    for start in range(0, len(speech), 1_000):
        output += one.feed(speech[start : start + 1_000])
        other.feed(noise)
    assert output + one.finish() == alone


@pytest.mark.parametrize(("source", "target"), [(24_000, 16_000), (48_000, 16_000), (44_100, 8_000), (11_025, 32_000)])
def test_processing_time(source: int, target: int) -> None:
    """Half a second of audio blocks the event loop for less than 10 ms at best."""
    speech = voice(source, 1, 0.5)
    resampler = Resampler(PcmLayout(source), PcmLayout(target))
    times = []
    for _ in range(10):
        started = time.thread_time()
        resampler.feed(speech)
        times.append(time.thread_time() - started)
    assert min(times) < 0.01


def test_start_time() -> None:
    """The start of a stream blocks the event loop for less than 10 ms at best."""
    for rate in (11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000):
        times = []
        for number in range(5):
            started = time.thread_time()
            Resampler(PcmLayout(rate), PcmLayout(16_000, 1 + number % 2, 2 + number // 2)).feed(voice(24_000, 1, 0.1))
            times.append(time.thread_time() - started)
        assert min(times) < 0.01


def test_memory() -> None:
    """Memory grows neither with the length of a stream nor with the number of streams."""

    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

    speech = voice(24_000, 1, 1.0)
    resampler = Resampler(PcmLayout(24_000), PcmLayout(16_000))
    for _ in range(10):
        resampler.feed(speech)
        convert(speech, PcmLayout(24_000), PcmLayout(48_000))
    before = resident_mb()
    gc.disable()
    try:
        for _ in range(300):
            resampler.feed(speech)
            convert(speech, PcmLayout(24_000), PcmLayout(48_000))
    finally:
        gc.enable()
    assert resident_mb() - before < 10
