"""What the simulated compatible servers send: the words that were asked for, in containers of their own choice."""

from dataclasses import replace
from pathlib import Path
import subprocess

import numpy as np
import pytest

from tests.simulator.audio.encoding import ffmpeg
from tests.simulator.openai_compatible.audio import Wav
from tests.simulator.openai_compatible.profile import Model, Profile, Sent
from tests.simulator.openai_compatible.profiles import (
    BARE,
    CHATTERBOX,
    EDGE_TTS,
    EDGE_TTS_SLIM,
    GROQ,
    KOKORO,
    LOCALAI,
    OPENEDAI_SPEECH,
    OPENROUTER,
    ORPHEUS,
    PROFILES,
    SPEACHES,
)
from tests.support.audio import RATE
from tests.support.word_decoder import assert_spoken, voice_of

from .compatible_client import EACH, Start, asked, body_for, chunks, named, samples_of, sizes
from .openai_client import TEXT

MAGIC = {"mp3": b"ID3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF"}
FORMATS = [(profile, name) for profile in PROFILES for name in profile.formats]
ENDLESS = 0xFFFFFFFF


def speaking(profile: Profile) -> Model:
    """Return the model that `body_for` asks."""
    return next((model for model in profile.models if model.speaks), Model("any"))


def read_by_ffmpeg(path: Path) -> bytes:
    """Return the samples of a file, about which there must be nothing to complain."""
    command = (ffmpeg(), "-v", "error", "-xerror", "-i", str(path), "-f", "s16le", "-")
    return subprocess.run(command, capture_output=True, check=True).stdout


# Every server


@EACH
async def test_words(compatible: Start, profile: Profile) -> None:
    """Each server says the words, in the voice asked for, and remembers what it was asked."""
    server = await compatible(profile)
    server.tongue = "tones"
    answer = await asked(server)
    heard = assert_spoken(*await samples_of(answer, speaking(profile).rate or RATE), TEXT)
    body = body_for(profile)
    assert {word.voice for word in heard} == {voice_of(profile.aliases.get(body["voice"], body["voice"]))}
    received = server.requests[-1]
    assert (received.method, received.path) == ("POST", profile.prefixes[0] + "/audio/speech")
    assert server.base_url + "/audio/speech" == server.url + received.path
    assert received.body == body
    assert received.headers.get("Authorization") == (f"Bearer {server.api_key}" if server.api_key else None)
    assert (received.status, received.sent) == (200, len(answer.content))


@pytest.mark.parametrize(("profile", "name"), FORMATS, ids=[f"{profile.name}-{name}" for profile, name in FORMATS])
async def test_formats(compatible: Start, profile: Profile, name: str) -> None:
    """Every format is what the server makes of it, and declared as the server does."""
    server = await compatible(profile)
    server.tongue = "tones"
    answer = await asked(server, response_format=name)
    sent, rate = profile.formats[name], speaking(profile).rate or RATE
    assert answer.content_type == sent.content_type.format(rate=rate)
    if sent.container == "mp4":
        return
    assert answer.content.startswith(MAGIC.get(sent.container, b""))
    assert_spoken(*await samples_of(answer, rate), TEXT)


@pytest.mark.parametrize(
    ("profile", "content_type", "magic"),
    [
        (KOKORO, "audio/mpeg", b"ID3"),
        (SPEACHES, "audio/mpeg", b"ID3"),
        (CHATTERBOX, "audio/wav", b"RIFF"),
        (ORPHEUS, "audio/wav", b"RIFF"),
        (OPENEDAI_SPEECH, "audio/mpeg", b"ID3"),
        (EDGE_TTS, "audio/mpeg", b"ID3"),
        (LOCALAI, "audio/x-wav", b"RIFF"),
        (GROQ, "audio/wav", b"RIFF"),
        (OPENROUTER, "audio/pcm;rate=24000;channels=1", b""),
        (BARE, "audio/mpeg", b"ID3"),
    ],
    ids=named,
)
async def test_default_format(compatible: Start, profile: Profile, content_type: str, magic: bytes) -> None:
    """Who names no format gets the server's own."""
    answer = await asked(await compatible(profile))
    assert answer.status == 200
    assert answer.content_type == content_type
    assert answer.content.startswith(magic)


# Those that do not send what is asked for


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav", "pcm", "anything"])
@pytest.mark.parametrize("profile", [CHATTERBOX, ORPHEUS], ids=named)
async def test_always_wav(compatible: Start, profile: Profile, name: str) -> None:
    """Two servers answer with a wav, whatever is asked for, and say so."""
    server = await compatible(profile)
    answer = await asked(server, response_format=name)
    assert answer.content_type == "audio/wav"
    assert sizes(answer.content) == (len(answer.content) - 8, len(chunks(answer.content)[b"data"]))


@pytest.mark.parametrize("name", ["pcm", "wav", "anything"])
async def test_wav_in_the_place_of_others(compatible: Start, name: str) -> None:
    """LocalAI makes a wav of what it cannot make."""
    answer = await asked(await compatible(LOCALAI), response_format=name)
    assert (answer.status, answer.content_type) == (200, "audio/x-wav")
    assert sizes(answer.content) == (len(answer.content) - 8, len(chunks(answer.content)[b"data"]))


@pytest.mark.parametrize(
    ("name", "content_type"), [("wav", "audio/wav"), ("pcm", "audio/L16"), ("opus", "audio/ogg"), ("x", "audio/mpeg")]
)
async def test_server_that_cannot_convert(compatible: Start, name: str, content_type: str) -> None:
    """Without ffmpeg, openai-edge-tts answers with an mp3 that it declares as what was asked for."""
    answer = await asked(await compatible(EDGE_TTS_SLIM), response_format=name)
    assert (answer.status, answer.content_type) == (200, content_type)
    assert answer.content.startswith(b"ID3")


async def test_aac_in_a_container(compatible: Start, tmp_path: Path) -> None:
    """The AAC of openai-edge-tts is an mp4, with its index at the end: it cannot be played as it comes."""
    answer = await asked(await compatible(EDGE_TTS), response_format="aac")
    assert answer.content[4:8] == b"ftyp"
    assert answer.content.index(b"moov") > answer.content.index(b"mdat")
    path = tmp_path / "speech.mp4"
    path.write_bytes(answer.content)
    assert len(read_by_ffmpeg(path)) > RATE


# Wavs, and the rate


@pytest.mark.parametrize(
    ("style", "riff", "data"),
    [
        (Wav(), ENDLESS, ENDLESS),
        (Wav(size=0), 0, 0),
        (Wav(size=2_000_000_000), 2_000_000_036, 2_000_000_000),
        (Wav(size=0x7FFFFFFF), 0x7FFFFFFF + 36, 0x7FFFFFFF),
        (Wav(names_encoder=True), ENDLESS, ENDLESS),
    ],
)
async def test_wav_of_unknown_length(compatible: Start, style: Wav, riff: int, data: int) -> None:
    """A wav's header can have whatever there is in the wild."""
    profile = replace(BARE, formats={"wav": Sent("wav", "audio/wav", style)})
    server = await compatible(profile)
    server.tongue = "tones"
    answer = await asked(server, response_format="wav")
    assert sizes(answer.content) == (riff, data)
    assert (b"LIST" in chunks(answer.content)) is style.names_encoder
    assert_spoken(*await samples_of(answer), TEXT)


@pytest.mark.parametrize("profile", [KOKORO, SPEACHES, OPENEDAI_SPEECH, GROQ], ids=named)
async def test_wav_by_ffmpeg(compatible: Start, profile: Profile) -> None:
    """A wav that ffmpeg wrote into a pipe has no sizes, and a chunk before its samples."""
    answer = await asked(await compatible(profile), response_format="wav")
    assert sizes(answer.content) == (ENDLESS, ENDLESS)
    assert list(chunks(answer.content)) == [b"fmt ", b"LIST", b"data"]


async def test_wav_of_floats(compatible: Start) -> None:
    """Chatterbox's samples are floats."""
    answer = await asked(await compatible(CHATTERBOX))
    parts = chunks(answer.content)
    assert list(parts) == [b"fmt ", b"fact", b"data"]
    assert parts[b"fmt "][:4] == b"\x03\0\x01\0"
    assert np.abs(np.frombuffer(parts[b"data"], "<f4")).max() <= 1


@pytest.mark.parametrize(
    ("profile", "asked_rate", "rate"),
    [(SPEACHES, 8000, 8000), (SPEACHES, 44_100, 44_100), (GROQ, 16_000, 16_000), (LOCALAI, 48_000, 48_000)],
    ids=named,
)
async def test_rate_that_is_asked_for(compatible: Start, profile: Profile, asked_rate: int, rate: int) -> None:
    """Some servers resample."""
    server = await compatible(profile)
    server.tongue = "tones"
    samples, heard_rate = await samples_of(await asked(server, response_format="wav", sample_rate=asked_rate))
    assert heard_rate == rate
    assert_spoken(samples, rate, TEXT)


@pytest.mark.parametrize("name", ["mp3", "aac", "opus", "flac"])
async def test_rate_that_a_container_does_not_have(compatible: Start, name: str) -> None:
    """What has only certain rates is at the nearest one."""
    server = await compatible(SPEACHES)
    server.tongue = "tones"
    assert_spoken(*await samples_of(await asked(server, response_format=name, sample_rate=23_456)), TEXT)


@pytest.mark.parametrize(
    ("profile", "model", "voice", "rate"),
    [
        (OPENEDAI_SPEECH, "tts-1", "alloy", 22_050),
        (OPENEDAI_SPEECH, "tts-1-hd", "me", 24_000),
        (SPEACHES, "speaches-ai/piper-en_US-lessac-medium", "anyone", 22_050),
        (LOCALAI, "tts-1", "anyone", 22_050),
        (LOCALAI, "voice-en-us-amy-low", "anyone", 16_000),
    ],
    ids=named,
)
async def test_rate_of_a_model(compatible: Start, profile: Profile, model: str, voice: str, rate: int) -> None:
    """Models have rates of their own."""
    answer = await asked(await compatible(profile), model=model, voice=voice, response_format="wav")
    assert (await samples_of(answer))[1] == rate
