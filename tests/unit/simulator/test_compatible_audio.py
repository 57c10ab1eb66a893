"""The audio of the simulated compatible servers: words, formats, wav headers and rates."""

from dataclasses import replace
from pathlib import Path
import subprocess

import numpy as np
import pytest

from tests.simulator.audio.containers import Wav
from tests.simulator.audio.encoding import find_ffmpeg
from tests.simulator.openai_compatible.profile import Model, Output, Profile
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

from .compatible_client import (
    EACH_PROFILE,
    Start,
    create_id,
    decode_audio,
    parse_wav_chunks,
    post_speech,
    read_wav_sizes,
    speech_body,
)
from .openai_client import TEXT

MAGIC = {"mp3": b"ID3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF"}
FORMATS = [(profile, name) for profile in PROFILES for name in profile.formats]
UNKNOWN_SIZE = 0xFFFFFFFF


def get_default_model(profile: Profile) -> Model:
    """Return the model that `speech_body` selects."""
    return next((model for model in profile.models if model.speaks), Model("any"))


def decode_file(path: Path) -> bytes:
    """Return the samples of a file; ffmpeg must decode it without errors."""
    command = (find_ffmpeg(), "-v", "error", "-xerror", "-i", str(path), "-f", "s16le", "-")
    return subprocess.run(command, capture_output=True, check=True).stdout


# Every server


@EACH_PROFILE
async def test_words(compatible: Start, profile: Profile) -> None:
    """Each server speaks the text in the requested voice, and records the request."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    response = await post_speech(server)
    heard = assert_spoken(*await decode_audio(response, get_default_model(profile).rate or RATE), TEXT)
    body = speech_body(profile)
    assert {word.voice for word in heard} == {voice_of(profile.aliases.get(body["voice"], body["voice"]))}
    received = server.requests[-1]
    assert (received.method, received.path) == ("POST", profile.prefixes[0] + "/audio/speech")
    assert server.base_url + "/audio/speech" == server.url + received.path
    assert received.body == body
    assert received.headers.get("Authorization") == (f"Bearer {server.api_key}" if server.api_key else None)
    assert (received.status, received.sent) == (200, len(response.content))


@pytest.mark.parametrize(("profile", "name"), FORMATS, ids=[f"{profile.name}-{name}" for profile, name in FORMATS])
async def test_formats(compatible: Start, profile: Profile, name: str) -> None:
    """Every format has the server's container and content type."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    response = await post_speech(server, response_format=name)
    output, rate = profile.formats[name], get_default_model(profile).rate or RATE
    assert response.content_type == output.content_type.format(rate=rate)
    if output.container == "mp4":
        return
    assert response.content.startswith(MAGIC.get(output.container, b""))
    assert_spoken(*await decode_audio(response, rate), TEXT)


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
    ids=create_id,
)
async def test_default_format(compatible: Start, profile: Profile, content_type: str, magic: bytes) -> None:
    """Without a format, the server's default is used."""
    response = await post_speech(await compatible(profile))
    assert response.status == 200
    assert response.content_type == content_type
    assert response.content.startswith(magic)


# Servers that ignore the requested format


@pytest.mark.parametrize(
    ("profile", "name", "content_type"),
    [
        *(
            (profile, name, "audio/wav")
            for profile in (CHATTERBOX, ORPHEUS)
            for name in ("mp3", "opus", "aac", "flac", "wav", "pcm", "anything")
        ),
        *((LOCALAI, name, "audio/x-wav") for name in ("pcm", "wav", "anything")),
    ],
    ids=create_id,
)
async def test_wav_instead_of_format(compatible: Start, profile: Profile, name: str, content_type: str) -> None:
    """Some servers respond with wav to some or all formats, and declare it."""
    server = await compatible(profile)
    response = await post_speech(server, response_format=name)
    assert (response.status, response.content_type) == (200, content_type)
    assert read_wav_sizes(response.content) == (
        len(response.content) - 8,
        len(parse_wav_chunks(response.content)[b"data"]),
    )


@pytest.mark.parametrize(
    ("name", "content_type"), [("wav", "audio/wav"), ("pcm", "audio/L16"), ("opus", "audio/ogg"), ("x", "audio/mpeg")]
)
async def test_mp3_declared_as_format(compatible: Start, name: str, content_type: str) -> None:
    """Without ffmpeg, openai-edge-tts responds with mp3 that it declares as the requested format."""
    response = await post_speech(await compatible(EDGE_TTS_SLIM), response_format=name)
    assert (response.status, response.content_type) == (200, content_type)
    assert response.content.startswith(b"ID3")


async def test_aac_in_mp4(compatible: Start, tmp_path: Path) -> None:
    """The AAC of openai-edge-tts is an mp4 file with its index at the end, so it cannot be streamed."""
    response = await post_speech(await compatible(EDGE_TTS), response_format="aac")
    assert response.content[4:8] == b"ftyp"
    assert response.content.index(b"moov") > response.content.index(b"mdat")
    path = tmp_path / "speech.mp4"
    path.write_bytes(response.content)
    assert len(decode_file(path)) > RATE


# Wav headers and sample rates


@pytest.mark.parametrize(
    ("style", "riff", "data"),
    [
        (Wav(), UNKNOWN_SIZE, UNKNOWN_SIZE),
        (Wav(size=0), 0, 0),
        (Wav(size=2_000_000_000), 2_000_000_036, 2_000_000_000),
        (Wav(size=0x7FFFFFFF), 0x7FFFFFFF + 36, 0x7FFFFFFF),
        (Wav(names_encoder=True), UNKNOWN_SIZE, UNKNOWN_SIZE),
    ],
)
async def test_wav_sizes(compatible: Start, style: Wav, riff: int, data: int) -> None:
    """A wav header can contain every size that occurs in practice."""
    profile = replace(BARE, formats={"wav": Output("wav", "audio/wav", style)})
    server = await compatible(profile)
    server.audio_mode = "tones"
    response = await post_speech(server, response_format="wav")
    assert read_wav_sizes(response.content) == (riff, data)
    assert (b"LIST" in parse_wav_chunks(response.content)) is style.names_encoder
    assert_spoken(*await decode_audio(response), TEXT)


@pytest.mark.parametrize("profile", [KOKORO, SPEACHES, OPENEDAI_SPEECH, GROQ], ids=create_id)
async def test_ffmpeg_wav(compatible: Start, profile: Profile) -> None:
    """A wav piped from ffmpeg has no sizes, and a chunk before its samples."""
    response = await post_speech(await compatible(profile), response_format="wav")
    assert read_wav_sizes(response.content) == (UNKNOWN_SIZE, UNKNOWN_SIZE)
    assert list(parse_wav_chunks(response.content)) == [b"fmt ", b"LIST", b"data"]


async def test_float_wav(compatible: Start) -> None:
    """Chatterbox's samples are floats."""
    response = await post_speech(await compatible(CHATTERBOX))
    parts = parse_wav_chunks(response.content)
    assert list(parts) == [b"fmt ", b"fact", b"data"]
    assert parts[b"fmt "][:4] == b"\x03\0\x01\0"
    assert np.abs(np.frombuffer(parts[b"data"], "<f4")).max() <= 1


@pytest.mark.parametrize(
    ("profile", "rate"),
    [(SPEACHES, 8000), (SPEACHES, 44_100), (GROQ, 16_000), (LOCALAI, 48_000)],
    ids=create_id,
)
async def test_sample_rate(compatible: Start, profile: Profile, rate: int) -> None:
    """Some servers resample on request."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    samples, actual_rate = await decode_audio(await post_speech(server, response_format="wav", sample_rate=rate))
    assert actual_rate == rate
    assert_spoken(samples, rate, TEXT)


@pytest.mark.parametrize("name", ["mp3", "aac", "opus", "flac"])
async def test_unsupported_sample_rate(compatible: Start, name: str) -> None:
    """Formats with fixed rates use the nearest one."""
    server = await compatible(SPEACHES)
    server.audio_mode = "tones"
    assert_spoken(*await decode_audio(await post_speech(server, response_format=name, sample_rate=23_456)), TEXT)


@pytest.mark.parametrize(
    ("profile", "model", "voice", "rate"),
    [
        (OPENEDAI_SPEECH, "tts-1", "alloy", 22_050),
        (OPENEDAI_SPEECH, "tts-1-hd", "me", 24_000),
        (SPEACHES, "speaches-ai/piper-en_US-lessac-medium", "anyone", 22_050),
        (LOCALAI, "tts-1", "anyone", 22_050),
        (LOCALAI, "voice-en-us-amy-low", "anyone", 16_000),
    ],
    ids=create_id,
)
async def test_sample_rate_of_model(compatible: Start, profile: Profile, model: str, voice: str, rate: int) -> None:
    """Models have their own sample rates."""
    response = await post_speech(await compatible(profile), model=model, voice=voice, response_format="wav")
    assert (await decode_audio(response))[1] == rate
