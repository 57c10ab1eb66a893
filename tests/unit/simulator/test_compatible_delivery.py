"""The delivery of the simulated compatible servers' audio: timing, events and JSON."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
import json
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.simulator import CompatibleServer, Fault, Timing
from tests.simulator.openai_compatible.profile import Events, Profile
from tests.simulator.openai_compatible.profiles import (
    BARE,
    CHATTERBOX,
    EDGE_TTS,
    GROQ,
    KOKORO,
    LOCALAI,
    OPENROUTER,
    ORPHEUS,
    PROFILES,
    SPEACHES,
)
from tests.support.audio import RATE
from tests.support.word_decoder import assert_spoken

from .compatible_client import (
    EACH_PROFILE,
    Response,
    Start,
    create_id,
    decode_audio,
    open_client,
    post_speech,
    read_wav_sizes,
    send,
    speech_body,
)
from .openai_client import TEXT

SECONDS = 9 * 0.254  # of the text in tones


async def measure_arrivals(server: CompatibleServer, **changes: Any) -> list[tuple[float, int]]:
    """Return the arrival time of each chunk, in seconds after the request, and its length."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    path = server.profile.prefixes[0] + "/audio/speech"
    async with (
        open_client(server) as client,
        client.post(path, json=speech_body(server.profile, **changes)) as response,
    ):
        assert response.status == 200
        return [(loop.time() - started, len(data)) async for data in response.content.iter_any()]


def parse_events(response: Response) -> Iterator[dict[str, Any]]:
    """Return the events of a response, without the marker at the end."""
    assert response.content_type == "text/event-stream"
    *lines, rest = response.content.decode().split("\n\n")
    assert rest == ""
    assert all(line.startswith("data: ") for line in lines)
    return (json.loads(line[6:]) for line in lines if line != "data: [DONE]")


def decode_events(events: list[dict[str, Any]]) -> bytes:
    """Return the audio of events."""
    return b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")


# Timing


@EACH_PROFILE
async def test_delivery(compatible: Start, profile: Profile) -> None:
    """Some servers send audio while it is produced, others when it is complete, some of them with its length."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    await post_speech(server)
    server.timing = Timing(first_byte=0.1, rate=4.0)
    chunks = await measure_arrivals(server)
    end = 0.1 + SECONDS / 4
    assert end - 0.05 < chunks[-1][0] < end + 1
    assert (chunks[0][0] < end - 0.05) is (profile.delivery == "streamed")
    server.timing = Timing()
    response = await post_speech(server)
    assert ("Content-Length" in response.headers) is (profile.delivery == "whole")


@pytest.mark.parametrize("profile", [KOKORO, LOCALAI], ids=create_id)
@pytest.mark.parametrize("stream", [True, False])
async def test_stream_switch(compatible: Start, profile: Profile, *, stream: bool) -> None:
    """On some servers, the client chooses the delivery."""
    server = await compatible(profile)
    response = await post_speech(server, stream=stream)
    assert ("Content-Length" in response.headers) is not stream


async def test_streamed_format(compatible: Start) -> None:
    """LocalAI always streams a wav of unknown length."""
    server = await compatible(LOCALAI)
    server.audio_mode = "tones"
    response = await post_speech(server, stream=True, response_format="mp3")
    assert response.content_type == "audio/wav"
    assert read_wav_sizes(response.content) == (0xFFFFFFFF, 0xFFFFFFFF)
    assert_spoken(*await decode_audio(response), TEXT)


@EACH_PROFILE
async def test_faults(compatible: Start, profile: Profile) -> None:
    """Scripted faults work as with the other simulated providers."""
    server = await compatible(profile)
    server.fail(Fault(status=503, json={"error": "busy"}), Fault(truncate_after=1000), Fault(path="*/nothing"))
    assert (await post_speech(server)).status == 503
    with pytest.raises(aiohttp.ClientPayloadError):
        await post_speech(server)
    assert server.requests[-1].sent == 1000
    assert (await post_speech(server)).status == 200
    server.reset()
    assert server.requests == []


async def test_separate_servers(compatible: Start) -> None:
    """Each server has its own port and records only its own requests."""
    first, second = await compatible(KOKORO), await compatible(KOKORO)
    assert first.url != second.url
    await post_speech(first)
    assert (len(first.requests), second.requests) == (1, [])


async def test_change_of_profile(compatible: Start) -> None:
    """The profile of a server can be changed."""
    server = await compatible(KOKORO)
    assert (await post_speech(server)).status == 200
    server.profile = GROQ
    assert server.base_url == server.url + "/openai/v1"
    assert (await post_speech(server)).status == 200
    assert (await send(server, "/v1/models")).status == 404


# Events


@pytest.mark.parametrize(
    ("profile", "usage", "is_raw"), [(BARE, "usage", False), (SPEACHES, "token_usage", True)], ids=create_id
)
async def test_events(compatible: Start, profile: Profile, usage: str, *, is_raw: bool) -> None:
    """Events follow OpenAI's format, with slight variations."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    response = await post_speech(server, stream_format="sse", response_format="wav")
    events = list(parse_events(response))
    assert set(events[-1]) == {"type", usage}
    assert events[-1]["type"] == "speech.audio.done"
    audio = decode_events(events)
    assert audio.startswith(b"RIFF") is not is_raw
    assert_spoken(np.frombuffer(audio[0 if is_raw else 44 :], "<i2"), RATE, TEXT)


async def test_event_with_rate(compatible: Start) -> None:
    """Chatterbox announces the sample format before the audio."""
    server = await compatible(CHATTERBOX)
    server.audio_mode = "tones"
    events = list(parse_events(await post_speech(server, stream_format="sse")))
    assert events[0] == {"type": "speech.audio.info", "sample_rate": 24_000, "channels": 1, "bits_per_sample": 16}
    assert [event["type"] for event in events].count("speech.audio.info") == 1
    assert_spoken(np.frombuffer(decode_events(events), "<i2"), RATE, TEXT)


async def test_error_event(compatible: Start) -> None:
    """openai-edge-tts sends only an error event, with status 200."""
    response = await post_speech(await compatible(EDGE_TTS), stream_format="sse")
    assert response.status == 200
    assert [event["type"] for event in parse_events(response)] == ["error"]


@pytest.mark.parametrize(
    "profile", [profile for profile in PROFILES if profile.events is None and not profile.refuse_unknown], ids=create_id
)
async def test_no_events(compatible: Start, profile: Profile) -> None:
    """Servers without events send audio."""
    assert (await post_speech(await compatible(profile), stream_format="sse")).content_type.startswith("audio/")


@pytest.mark.parametrize("profile", [BARE, ORPHEUS, OPENROUTER], ids=create_id)
@pytest.mark.parametrize("marker", [False, True])
async def test_unrequested_events(compatible: Start, profile: Profile, *, marker: bool) -> None:
    """Events can be sent without being requested, with or without a marker at the end."""
    server = await compatible(replace(profile, events=Events(ends_with_marker=marker)))
    server.always_events = True
    response = await post_speech(server)
    assert response.content.endswith(b"data: [DONE]\n\n") is marker
    audio = decode_events(list(parse_events(response)))
    server.always_events = False
    assert audio == (await post_speech(server)).content


# JSON


@pytest.mark.parametrize(
    ("key", "wrap"),
    [
        ("audio", lambda audio: {"audio": audio}),
        ("data", lambda audio: {"data": audio}),
        ("audio_content", lambda audio: {"audio_content": audio}),
        ("data.audio", lambda audio: {"data": {"audio": audio}}),
        ("data.0.b64_json", lambda audio: {"data": [{"b64_json": audio}]}),
    ],
)
@pytest.mark.parametrize("profile", [BARE, CHATTERBOX], ids=create_id)
async def test_json(compatible: Start, profile: Profile, key: str, wrap: Any) -> None:
    """Audio can be sent in JSON, under any key."""
    server = await compatible(profile)
    audio = (await post_speech(server)).content
    server.json_key = key
    response = await post_speech(server)
    assert (response.status, response.content_type) == (200, "application/json")
    assert response.headers["Content-Length"] == str(len(response.content))
    assert response.json == wrap(base64.b64encode(audio).decode())
    assert (await post_speech(server, input=5)).status in (400, 422)
    server.json_key = None
    assert (await post_speech(server)).content == audio
