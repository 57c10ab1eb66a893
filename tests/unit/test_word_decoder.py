"""The words that the simulator says in tones are read back, and what is wrong with them is noticed."""

from collections.abc import AsyncIterator, Callable
import subprocess

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from ..simulator import Simulator
from ..simulator.espeak import Speaker, speak
from ..simulator.openai_voices import speaker_of
from ..simulator.tones import sound, words_of
from ..support.audio import RATE, decode, ffmpeg, streamed_wav
from ..support.word_decoder import HeardWord, assert_spoken, codes_of, heard_words, voice_of

TEXT = "The ferry leaves at seven; it carries 200 people, their bicycles and a band that plays on deck. 好。"
LONG_TEXT = " ".join(f"Part {number}: {TEXT}" for number in range(36))
SPEECH = "/v1/audio/speech"

type Waves = npt.NDArray[np.int16]


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session with a simulator that speaks in tones."""
    simulator.tongue = "tones"
    headers = {"Authorization": f"Bearer {simulator.api_key}"}
    async with aiohttp.ClientSession(simulator.url, headers=headers) as session:
        yield session


async def speech(client: aiohttp.ClientSession, **changes: object) -> bytes:
    """Return the audio of a request."""
    body = {"model": "gpt-4o-mini-tts", "voice": "coral", "input": LONG_TEXT} | changes
    async with client.post(SPEECH, json=body) as response:
        assert response.status == 200, await response.text()
        return await response.read()


def tones(text: str, voice: str = "coral") -> Waves:
    """Return the samples of a text."""
    return np.frombuffer(sound(text, speaker_of(voice)).samples, np.int16)


def converted(samples: Waves, *target: str) -> bytes:
    """Return samples in another format."""
    command = (ffmpeg(), "-v", "error", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:", *target, "pipe:")
    return subprocess.run(command, input=samples.tobytes(), stdout=subprocess.PIPE, check=True).stdout


def recoded(audio: bytes, *target: str) -> bytes:
    """Return a file in another format."""
    command = (ffmpeg(), "-v", "error", "-i", "pipe:", *target, "pipe:")
    return subprocess.run(command, input=audio, stdout=subprocess.PIPE, check=True).stdout


def codes(heard: list[HeardWord]) -> list[int | None]:
    """Return the codes of what was heard."""
    return [word.code for word in heard]


# What comes through


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "aac", "flac"])
async def test_formats(client: aiohttp.ClientSession, audio_format: str) -> None:
    """Every word comes through every format."""
    decoded = await decode(await speech(client, response_format=audio_format))
    assert_spoken(decoded.samples, RATE, LONG_TEXT)


async def test_samples(client: aiohttp.ClientSession) -> None:
    """Every word comes through as plain samples, and within a quarter of a second, one after the other."""
    samples = np.frombuffer(await speech(client, response_format="pcm"), np.int16)
    heard = assert_spoken(samples, RATE, LONG_TEXT)
    assert assert_spoken(streamed_wav(await speech(client, response_format="wav")).samples, RATE, LONG_TEXT) == heard
    starts = np.array([word.start_seconds for word in heard])
    ends = np.array([word.end_seconds for word in heard])
    assert np.diff(starts) == pytest.approx(0.254, abs=0.01)
    assert ends - starts == pytest.approx(0.23, abs=0.015)


@pytest.mark.parametrize("bitrate", ["64k", "128k"])
async def test_mp3_of_mp3(client: aiohttp.ClientSession, bitrate: str) -> None:
    """Words survive a second encoding."""
    again = recoded(await speech(client), "-b:a", bitrate, "-f", "mp3")
    assert_spoken((await decode(again)).samples, RATE, LONG_TEXT)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
async def test_rates(client: aiohttp.ClientSession, rate: int) -> None:
    """Words survive another sample rate."""
    samples = recoded(await speech(client), "-ar", str(rate), "-f", "s16le")
    assert_spoken(np.frombuffer(samples, np.int16), rate, LONG_TEXT)


@pytest.mark.parametrize("speed", [0.95, 1.25])
async def test_speeds(client: aiohttp.ClientSession, speed: float) -> None:
    """Words survive being said somewhat slower or faster."""
    assert_spoken((await decode(await speech(client, speed=speed))).samples, RATE, LONG_TEXT)


async def test_joined_mp3() -> None:
    """Between mp3 frames that were simply put one after the other there is silence, which does no harm."""
    words = LONG_TEXT.split()
    parts = [" ".join(words[start : start + 7]) for start in range(0, len(words), 7)]
    target = ("-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3")
    joined = await decode(b"".join(converted(tones(part), *target) for part in parts))
    assert joined.seconds > len(tones(LONG_TEXT)) / RATE + 0.03 * len(parts)
    assert_spoken(joined.samples, RATE, LONG_TEXT)


@pytest.mark.parametrize("decibels", [-20, -10])
def test_noise(decibels: int) -> None:
    """Noise behind the words is not heard."""
    samples = tones(LONG_TEXT) / 32768
    noise = np.random.default_rng(1).normal(0, samples.std() * 10 ** (decibels / 20), len(samples))
    assert_spoken(samples + noise, RATE, LONG_TEXT)


@pytest.mark.parametrize("loudness", [0.1, 1.3])
def test_loudness(loudness: float) -> None:
    """Words may be quieter, or a little louder."""
    assert_spoken(tones(TEXT) / 32768 * loudness, RATE, TEXT)


def test_pauses_anywhere() -> None:
    """Silence may be put in anywhere, even within a tone."""
    samples = tones(TEXT)
    generator = np.random.default_rng(2)
    for _ in range(100):
        cut = int(generator.integers(len(samples)))
        silence = np.zeros(int(generator.integers(RATE)), np.int16)
        assert_spoken(np.concatenate((samples[:cut], silence, samples[cut:])), RATE, TEXT)


def test_who_speaks() -> None:
    """Each word tells whose it is."""
    voices = ("coral", "onyx", "voice_1234", "coral")
    heard = assert_spoken(np.concatenate([tones(TEXT, voice) for voice in voices]), RATE, f"{TEXT} " * 4)
    words = len(words_of(TEXT))
    assert [word.voice for word in heard] == [voice_of(voice) for voice in voices for _ in range(words)]
    assert len({voice_of(voice) for voice in voices}) == 3


@pytest.mark.parametrize("seconds", [0, 0.0001, 0.1, 3])
def test_silence(seconds: float) -> None:
    """There are no words in silence, however short, nor in what a converter's rounding makes of it."""
    silence = np.zeros(round(seconds * RATE), np.int16)
    assert heard_words(silence, RATE) == []
    assert heard_words(silence + np.resize(np.array((1, -1, 0), np.int16), len(silence)), RATE) == []
    assert_spoken(silence, RATE, "…")


def test_speech_is_no_word() -> None:
    """What eSpeak says is heard, but not as words."""
    spoken = speak(TEXT, Speaker.named("anyone"))
    heard = heard_words(np.frombuffer(spoken.samples, np.int16), spoken.rate)
    assert heard
    assert {word.code for word in heard} == {None}


def test_long_sound_is_read() -> None:
    """Ten minutes are read whole."""
    samples = np.resize(tones(LONG_TEXT), 600 * RATE)
    assert len(heard_words(samples, RATE)) > 2300


# What is noticed

WORDS = words_of(TEXT)
WORD = len(tones(TEXT)) // len(WORDS)  # samples
BAND = WORDS.index("band")


def spoken_words() -> list[Waves]:
    """Return the samples of each word of the text."""
    return np.split(tones(TEXT), len(WORDS))


def dropped(words: list[Waves]) -> list[Waves]:
    """Leave a word out."""
    return words[:BAND] + words[BAND + 1 :]


def doubled(words: list[Waves]) -> list[Waves]:
    """Say a word twice."""
    return words[: BAND + 1] + words[BAND:]


def swapped(words: list[Waves]) -> list[Waves]:
    """Say two words in the wrong order."""
    return [*words[:BAND], words[BAND + 1], words[BAND], *words[BAND + 2 :]]


def replaced(words: list[Waves]) -> list[Waves]:
    """Say another word."""
    return [*words[:BAND], tones("orchestra"), *words[BAND + 1 :]]


def cut_at_the_end(words: list[Waves]) -> list[Waves]:
    """Lose the last 30 % of a word."""
    return [*words[:BAND], words[BAND][: WORD * 7 // 10], *words[BAND + 1 :]]


def cut_at_the_start(words: list[Waves]) -> list[Waves]:
    """Lose the first 30 % of a word."""
    return [*words[:BAND], words[BAND][WORD * 3 // 10 :], *words[BAND + 1 :]]


def cut_in_the_middle(words: list[Waves]) -> list[Waves]:
    """Lose 30 % of a word where a player would crack."""
    word = words[BAND]
    return [*words[:BAND], word[: WORD * 3 // 10], word[WORD * 6 // 10 :], *words[BAND + 1 :]]


def garbled(words: list[Waves]) -> list[Waves]:
    """Put the noise of a broken mp3 frame in a word's place."""
    noise = np.random.default_rng(3).normal(0, 8000, 576).astype(np.int16)
    word = words[BAND]
    return [*words[:BAND], word[: WORD // 2], noise, word[WORD // 2 + 576 :], *words[BAND + 1 :]]


def crackling(words: list[Waves]) -> list[Waves]:
    """Put the noise of a broken mp3 frame between two words."""
    noise = np.random.default_rng(3).normal(0, 8000, 576).astype(np.int16)
    return [*words[:BAND], noise, *words[BAND:]]


def ended_early(words: list[Waves]) -> list[Waves]:
    """Lose the last three words."""
    return words[:-3]


@pytest.mark.parametrize(
    ("damage", "complaints"),
    [
        (dropped, ["word 14 of the text is missing: 'band'"]),
        (doubled, ["before word 15 of the text: 'band' too much"]),
        (swapped, ["'that' too much", "'band' too much", "word 14 of the text is missing", "word 15 of the text is"]),
        (replaced, ["'an unknown word' too much", "word 14 of the text is missing: 'band'"]),
        (cut_at_the_end, ["a piece of a word too much", "word 14 of the text is missing: 'band'"]),
        (cut_at_the_start, ["a piece of a word too much", "word 14 of the text is missing: 'band'"]),
        (cut_in_the_middle, ["a piece of a word too much", "word 14 of the text is missing: 'band'"]),
        (garbled, ["noise or a piece of a word too much", "word 14 of the text is missing: 'band'"]),
        (crackling, ["at 3.30 to 3.33 s, before word 14 of the text: noise or a piece of a word too much"]),
        (ended_early, ["word 17 of the text is missing", "word 18 of", "word 19 of the text is missing: '好'"]),
    ],
)
async def test_damage(damage: Callable[[list[Waves]], list[Waves]], complaints: list[str]) -> None:
    """What is wrong is said, with its place, and nothing else; also after the sound became an mp3."""
    samples = np.concatenate(damage(spoken_words()))
    mp3 = await decode(converted(samples, "-b:a", "64k", "-f", "mp3"))
    for heard in (samples, mp3.samples):
        with pytest.raises(AssertionError) as caught:
            assert_spoken(heard, RATE, TEXT)
        _, *said = str(caught.value).split("\n  ")
        assert len(said) == len(complaints), said
        assert heard is mp3.samples or all(part in line for part, line in zip(complaints, said, strict=True)), said


@pytest.mark.parametrize("share", [0.15, 0.3, 0.5, 0.8])
def test_cut_words_are_never_misread(share: float) -> None:
    """A word with a piece missing, anywhere, is neither that word nor another."""
    words = spoken_words()
    lost = round(WORD * share)
    for place, word in enumerate(words):
        start = place * (WORD - lost) // len(words)
        pieces = np.concatenate((word[:start], word[start + lost :]))
        heard = codes(heard_words(np.concatenate((*words[:place], pieces, *words[place + 1 :])), RATE))
        expected: list[int | None] = [*codes_of(TEXT)]
        assert [code for code in heard if code is not None] == expected[:place] + expected[place + 1 :]


def test_everything_wrong() -> None:
    """Where nothing is right the message is short."""
    with pytest.raises(AssertionError) as caught:
        assert_spoken(tones("none of it " * 300), RATE, LONG_TEXT)
    lines = str(caught.value).split("\n  ")
    assert len(lines) == 14
    assert lines[0].startswith("900 words heard of ")
    assert lines[-1].startswith("and ")
