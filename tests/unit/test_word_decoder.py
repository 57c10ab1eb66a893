"""Words that the simulator speaks as tones are decoded, and damage to them is detected."""

from collections.abc import AsyncIterator, Callable
import subprocess

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from tests.simulator import Simulator
from tests.simulator.audio.encoding import find_ffmpeg
from tests.simulator.audio.espeak import Speaker, speak, speaker_of
from tests.simulator.audio.tones import split_words, synthesize_tones
from tests.support.audio import RATE, decode, read_wav_stream
from tests.support.word_decoder import HeardWord, assert_spoken, codes_of, heard_words, voice_of

TEXT = "The ferry leaves at seven; it carries 200 people, their bicycles and a band that plays on deck. 好。"
LONG_TEXT = " ".join(f"Part {number}: {TEXT}" for number in range(12))
SPEECH = "/v1/audio/speech"

type Waves = npt.NDArray[np.int16]


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session with the simulator, which speaks in tones."""
    simulator.audio_mode = "tones"
    headers = {"Authorization": f"Bearer {simulator.api_key}"}
    async with aiohttp.ClientSession(simulator.url, headers=headers) as session:
        yield session


async def speech(client: aiohttp.ClientSession, **changes: object) -> bytes:
    """Return the audio of a request for speech."""
    body = {"model": "gpt-4o-mini-tts", "voice": "coral", "input": LONG_TEXT} | changes
    async with client.post(SPEECH, json=body) as response:
        assert response.status == 200, await response.text()
        return await response.read()


def synthesize(text: str, voice: str = "coral") -> Waves:
    """Return the samples of a text."""
    return np.frombuffer(synthesize_tones(text, speaker_of(voice)).samples, np.int16)


def encode_samples(samples: Waves, *target: str) -> bytes:
    """Encode samples in a format of ffmpeg."""
    command = (
        find_ffmpeg(),
        "-v",
        "error",
        "-f",
        "s16le",
        "-ar",
        str(RATE),
        "-ac",
        "1",
        "-i",
        "pipe:",
        *target,
        "pipe:",
    )
    return subprocess.run(command, input=samples.tobytes(), stdout=subprocess.PIPE, check=True).stdout


def transcode(audio: bytes, *target: str) -> bytes:
    """Convert a file to a format of ffmpeg."""
    command = (find_ffmpeg(), "-v", "error", "-i", "pipe:", *target, "pipe:")
    return subprocess.run(command, input=audio, stdout=subprocess.PIPE, check=True).stdout


def get_codes(heard: list[HeardWord]) -> list[int | None]:
    """Return the codes of words."""
    return [word.code for word in heard]


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "aac", "flac"])
async def test_formats(client: aiohttp.ClientSession, audio_format: str) -> None:
    """Every word is decoded from every compressed format."""
    decoded = await decode(await speech(client, response_format=audio_format))
    assert_spoken(decoded.samples, RATE, LONG_TEXT)


async def test_pcm_and_wav(client: aiohttp.ClientSession) -> None:
    """Every word is decoded from samples; each takes a quarter of a second."""
    samples = np.frombuffer(await speech(client, response_format="pcm"), np.int16)
    heard = assert_spoken(samples, RATE, LONG_TEXT)
    assert assert_spoken(read_wav_stream(await speech(client, response_format="wav")).samples, RATE, LONG_TEXT) == heard
    starts = np.array([word.start_seconds for word in heard])
    ends = np.array([word.end_seconds for word in heard])
    assert np.diff(starts) == pytest.approx(0.254, abs=0.01)
    assert ends - starts == pytest.approx(0.23, abs=0.015)


@pytest.mark.parametrize("bitrate", ["64k", "128k"])
async def test_second_encoding(client: aiohttp.ClientSession, bitrate: str) -> None:
    """Words are decoded from an mp3 made of an mp3."""
    again = transcode(await speech(client), "-b:a", bitrate, "-f", "mp3")
    assert_spoken((await decode(again)).samples, RATE, LONG_TEXT)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
async def test_sample_rates(client: aiohttp.ClientSession, rate: int) -> None:
    """Words are decoded at any usual sample rate."""
    samples = transcode(await speech(client), "-ar", str(rate), "-f", "s16le")
    assert_spoken(np.frombuffer(samples, np.int16), rate, LONG_TEXT)


@pytest.mark.parametrize("speed", [0.95, 1.25])
async def test_speeds(client: aiohttp.ClientSession, speed: float) -> None:
    """Words are decoded from slightly slower and faster speech."""
    assert_spoken((await decode(await speech(client, speed=speed))).samples, RATE, LONG_TEXT)


async def test_joined_mp3() -> None:
    """Words are decoded from concatenated mp3 files, which have silence between them."""
    words = LONG_TEXT.split()
    parts = [" ".join(words[start : start + 7]) for start in range(0, len(words), 7)]
    target = ("-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3")
    joined = await decode(b"".join(encode_samples(synthesize(part), *target) for part in parts))
    assert joined.seconds > len(synthesize(LONG_TEXT)) / RATE + 0.03 * len(parts)
    assert_spoken(joined.samples, RATE, LONG_TEXT)


@pytest.mark.parametrize("decibels", [-20, -10])
def test_noise(decibels: int) -> None:
    """Background noise does not affect decoding."""
    samples = synthesize(LONG_TEXT) / 32768
    noise = np.random.default_rng(1).normal(0, samples.std() * 10 ** (decibels / 20), len(samples))
    assert_spoken(samples + noise, RATE, LONG_TEXT)


@pytest.mark.parametrize("loudness", [0.1, 1.3])
def test_loudness(loudness: float) -> None:
    """Quiet words and slightly clipped words are decoded."""
    assert_spoken(synthesize(TEXT) / 32768 * loudness, RATE, TEXT)


def test_pauses_anywhere() -> None:
    """Words are decoded with silence inserted anywhere, even inside a tone."""
    samples = synthesize(TEXT)
    generator = np.random.default_rng(2)
    for _ in range(100):
        cut = int(generator.integers(len(samples)))
        silence = np.zeros(int(generator.integers(RATE)), np.int16)
        assert_spoken(np.concatenate((samples[:cut], silence, samples[cut:])), RATE, TEXT)


def test_voices() -> None:
    """Each word carries the code of its voice."""
    voices = ("coral", "onyx", "voice_1234", "coral")
    heard = assert_spoken(np.concatenate([synthesize(TEXT, voice) for voice in voices]), RATE, f"{TEXT} " * 4)
    words = len(split_words(TEXT))
    assert [word.voice for word in heard] == [voice_of(voice) for voice in voices for _ in range(words)]
    assert len({voice_of(voice) for voice in voices}) == 3


@pytest.mark.parametrize("seconds", [0, 0.0001, 0.1, 3])
def test_silence(seconds: float) -> None:
    """No words are found in silence, with or without rounding noise."""
    silence = np.zeros(round(seconds * RATE), np.int16)
    assert heard_words(silence, RATE) == []
    assert heard_words(silence + np.resize(np.array((1, -1, 0), np.int16), len(silence)), RATE) == []
    assert_spoken(silence, RATE, "…")


def test_espeak_is_noise() -> None:
    """Speech of eSpeak is returned as noise."""
    spoken = speak(TEXT, Speaker.named("anyone"))
    heard = heard_words(np.frombuffer(spoken.samples, np.int16), spoken.rate)
    assert heard
    assert {word.code for word in heard} == {None}


def test_long_audio() -> None:
    """Ten minutes of audio are decoded completely."""
    samples = np.resize(synthesize(LONG_TEXT), 600 * RATE)
    assert len(heard_words(samples, RATE)) > 2300


WORDS = split_words(TEXT)
WORD_SAMPLES = len(synthesize(TEXT)) // len(WORDS)
BAND = WORDS.index("band")


def synthesize_words() -> list[Waves]:
    """Return the samples of each word of the text."""
    return np.split(synthesize(TEXT), len(WORDS))


def drop_word(words: list[Waves]) -> list[Waves]:
    """Remove a word."""
    return words[:BAND] + words[BAND + 1 :]


def repeat_word(words: list[Waves]) -> list[Waves]:
    """Repeat a word."""
    return words[: BAND + 1] + words[BAND:]


def swap_words(words: list[Waves]) -> list[Waves]:
    """Swap two words."""
    return [*words[:BAND], words[BAND + 1], words[BAND], *words[BAND + 2 :]]


def replace_word(words: list[Waves]) -> list[Waves]:
    """Replace a word by another."""
    return [*words[:BAND], synthesize("orchestra"), *words[BAND + 1 :]]


def cut_end(words: list[Waves]) -> list[Waves]:
    """Remove the last 30 % of a word."""
    return [*words[:BAND], words[BAND][: WORD_SAMPLES * 7 // 10], *words[BAND + 1 :]]


def cut_start(words: list[Waves]) -> list[Waves]:
    """Remove the first 30 % of a word."""
    return [*words[:BAND], words[BAND][WORD_SAMPLES * 3 // 10 :], *words[BAND + 1 :]]


def cut_middle(words: list[Waves]) -> list[Waves]:
    """Remove 30 % from the middle of a word."""
    word = words[BAND]
    return [*words[:BAND], word[: WORD_SAMPLES * 3 // 10], word[WORD_SAMPLES * 6 // 10 :], *words[BAND + 1 :]]


def garble_word(words: list[Waves]) -> list[Waves]:
    """Replace part of a word by the noise of a broken mp3 frame."""
    noise = np.random.default_rng(3).normal(0, 8000, 576).astype(np.int16)
    word = words[BAND]
    return [*words[:BAND], word[: WORD_SAMPLES // 2], noise, word[WORD_SAMPLES // 2 + 576 :], *words[BAND + 1 :]]


def insert_noise(words: list[Waves]) -> list[Waves]:
    """Insert the noise of a broken mp3 frame between two words."""
    noise = np.random.default_rng(3).normal(0, 8000, 576).astype(np.int16)
    return [*words[:BAND], noise, *words[BAND:]]


def end_early(words: list[Waves]) -> list[Waves]:
    """Remove the last three words."""
    return words[:-3]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (drop_word, ["word 14 of the text is missing: 'band'"]),
        (repeat_word, ["before word 15 of the text: unexpected 'band'"]),
        (
            swap_words,
            ["unexpected 'that'", "unexpected 'band'", "word 14 of the text is missing", "word 15 of"],
        ),
        (replace_word, ["unexpected 'an unknown word'", "word 14 of the text is missing: 'band'"]),
        (cut_end, ["unexpected noise or a fragment", "word 14 of the text is missing: 'band'"]),
        (cut_start, ["unexpected noise or a fragment", "word 14 of the text is missing: 'band'"]),
        (cut_middle, ["unexpected noise or a fragment", "word 14 of the text is missing: 'band'"]),
        (garble_word, ["unexpected noise or a fragment", "word 14 of the text is missing: 'band'"]),
        (insert_noise, ["at 3.30 to 3.33 s, before word 14 of the text: unexpected noise or a fragment"]),
        (end_early, ["word 17 of the text is missing", "word 18 of", "word 19 of the text is missing: '好'"]),
    ],
)
async def test_damage(damage: Callable[[list[Waves]], list[Waves]], expected: list[str]) -> None:
    """Exactly the damage is described, with its position; as many differences are found after encoding as mp3."""
    samples = np.concatenate(damage(synthesize_words()))
    mp3 = await decode(encode_samples(samples, "-b:a", "64k", "-f", "mp3"))
    for heard in (samples, mp3.samples):
        with pytest.raises(AssertionError) as caught:
            assert_spoken(heard, RATE, TEXT)
        _, *differences = str(caught.value).split("\n  ")
        assert len(differences) == len(expected), differences
        assert heard is mp3.samples or all(part in line for part, line in zip(expected, differences, strict=True))


@pytest.mark.parametrize("share", [0.15, 0.3, 0.5, 0.8])
def test_cut_words_are_never_misread(share: float) -> None:
    """A word with a piece missing anywhere is not decoded as any word."""
    words = synthesize_words()
    lost = round(WORD_SAMPLES * share)
    for place, word in enumerate(words):
        start = place * (WORD_SAMPLES - lost) // len(words)
        pieces = np.concatenate((word[:start], word[start + lost :]))
        heard = get_codes(heard_words(np.concatenate((*words[:place], pieces, *words[place + 1 :])), RATE))
        expected: list[int | None] = [*codes_of(TEXT)]
        assert [code for code in heard if code is not None] == expected[:place] + expected[place + 1 :]


def test_many_differences() -> None:
    """The message about many differences is short."""
    with pytest.raises(AssertionError) as caught:
        assert_spoken(synthesize("none of it " * 300), RATE, LONG_TEXT)
    lines = str(caught.value).split("\n  ")
    assert len(lines) == 14
    assert lines[0].startswith("900 words heard of ")
    assert lines[-1].startswith("and ")
