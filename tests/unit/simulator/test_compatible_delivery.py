"""When the simulated compatible servers' answers come, and what else than audio they may be."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
import json
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.simulator import Compatible, Fault, Timing
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

from .compatible_client import EACH, Answered, Start, asked, body_for, client_of, named, requested, samples_of, sizes
from .openai_client import TEXT

SECONDS = 9 * 0.254  # of the text in tones


async def arrivals(server: Compatible, **changes: Any) -> list[tuple[float, int]]:
    """Return when each piece of an answer arrived, in seconds from the request, and how long it was."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    path = server.profile.prefixes[0] + "/audio/speech"
    async with client_of(server) as client, client.post(path, json=body_for(server.profile, **changes)) as response:
        assert response.status == 200
        return [(loop.time() - started, len(data)) async for data in response.content.iter_any()]


def events_of(answer: Answered) -> Iterator[dict[str, Any]]:
    """Return the events of an answer, without the mark at their end."""
    assert answer.content_type == "text/event-stream"
    *lines, rest = answer.content.decode().split("\n\n")
    assert rest == ""
    assert all(line.startswith("data: ") for line in lines)
    return (json.loads(line[6:]) for line in lines if line != "data: [DONE]")


def audio_of(events: list[dict[str, Any]]) -> bytes:
    """Return the audio in events."""
    return b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")


# When it comes


@EACH
async def test_pace(compatible: Start, profile: Profile) -> None:
    """Some servers send sound while it is made, others when all of it is there; some of those tell its length."""
    server = await compatible(profile)
    server.tongue = "tones"
    await asked(server)
    server.timing = Timing(first_byte=0.1, rate=4.0)
    pieces = await arrivals(server)
    end = 0.1 + SECONDS / 4
    assert end - 0.05 < pieces[-1][0] < end + 1
    assert (pieces[0][0] < end - 0.05) is (profile.delivery == "streamed")
    server.timing = Timing()
    answer = await asked(server)
    assert ("Content-Length" in answer.headers) is (profile.delivery == "whole")


@pytest.mark.parametrize(
    ("profile", "stream", "streams"),
    [(KOKORO, True, True), (KOKORO, False, False), (LOCALAI, True, True), (LOCALAI, False, False)],
    ids=named,
)
async def test_choice_of_pace(compatible: Start, profile: Profile, *, stream: bool, streams: bool) -> None:
    """Some servers let the client choose."""
    server = await compatible(profile)
    answer = await asked(server, stream=stream)
    assert ("Content-Length" in answer.headers) is not streams


async def test_stream_of_another_format(compatible: Start) -> None:
    """What LocalAI streams is always a wav of unknown length."""
    server = await compatible(LOCALAI)
    server.tongue = "tones"
    answer = await asked(server, stream=True, response_format="mp3")
    assert answer.content_type == "audio/wav"
    assert sizes(answer.content) == (0xFFFFFFFF, 0xFFFFFFFF)
    assert_spoken(*await samples_of(answer), TEXT)


@EACH
async def test_faults(compatible: Start, profile: Profile) -> None:
    """Answers fail as those of the other simulated providers do."""
    server = await compatible(profile)
    server.fail(Fault(status=503, json={"error": "busy"}), Fault(truncate_after=1000), Fault(path="*/nothing"))
    assert (await asked(server)).status == 503
    with pytest.raises(aiohttp.ClientPayloadError):
        await asked(server)
    assert server.requests[-1].sent == 1000
    assert (await asked(server)).status == 200
    server.reset()
    assert server.requests == []


async def test_ports(compatible: Start) -> None:
    """Each server has a port of its own, and knows nothing of the others."""
    first, second = await compatible(KOKORO), await compatible(KOKORO)
    assert first.url != second.url
    await asked(first)
    assert (len(first.requests), second.requests) == (1, [])


async def test_another_profile(compatible: Start) -> None:
    """A server can become another one."""
    server = await compatible(KOKORO)
    assert (await asked(server)).status == 200
    server.profile = GROQ
    assert server.base_url == server.url + "/openai/v1"
    assert (await asked(server)).status == 200
    assert (await requested(server, "/v1/models")).status == 404


# Events


@pytest.mark.parametrize(
    ("profile", "usage", "bare"), [(BARE, "usage", False), (SPEACHES, "token_usage", True)], ids=named
)
async def test_events(compatible: Start, profile: Profile, usage: str, *, bare: bool) -> None:
    """Events are as OpenAI's, or nearly so."""
    server = await compatible(profile)
    server.tongue = "tones"
    answer = await asked(server, stream_format="sse", response_format="wav")
    events = list(events_of(answer))
    assert set(events[-1]) == {"type", usage}
    assert events[-1]["type"] == "speech.audio.done"
    audio = audio_of(events)
    assert audio.startswith(b"RIFF") is not bare
    assert_spoken(np.frombuffer(audio[0 if bare else 44 :], "<i2"), RATE, TEXT)


async def test_events_that_tell_the_rate(compatible: Start) -> None:
    """Chatterbox tells what the samples are, before them."""
    server = await compatible(CHATTERBOX)
    server.tongue = "tones"
    events = list(events_of(await asked(server, stream_format="sse")))
    assert events[0] == {"type": "speech.audio.info", "sample_rate": 24_000, "channels": 1, "bits_per_sample": 16}
    assert [event["type"] for event in events].count("speech.audio.info") == 1
    assert_spoken(np.frombuffer(audio_of(events), "<i2"), RATE, TEXT)


async def test_events_that_fail(compatible: Start) -> None:
    """The events of openai-edge-tts are nothing but an error, in an answer that looks well."""
    answer = await asked(await compatible(EDGE_TTS), stream_format="sse")
    assert answer.status == 200
    assert [event["type"] for event in events_of(answer)] == ["error"]


@pytest.mark.parametrize(
    "profile", [profile for profile in PROFILES if profile.events is None and not profile.refuse_unknown], ids=named
)
async def test_events_that_are_not_known(compatible: Start, profile: Profile) -> None:
    """Who does not know events sends audio."""
    assert (await asked(await compatible(profile), stream_format="sse")).content_type.startswith("audio/")


@pytest.mark.parametrize("profile", [BARE, ORPHEUS, OPENROUTER], ids=named)
@pytest.mark.parametrize("marker", [False, True])
async def test_always_events(compatible: Start, profile: Profile, *, marker: bool) -> None:
    """Events can come to those who did not ask for them, with or without a mark at their end."""
    server = await compatible(replace(profile, events=Events(marker=marker)))
    server.always_events = True
    answer = await asked(server)
    assert answer.content.endswith(b"data: [DONE]\n\n") is marker
    audio = audio_of(list(events_of(answer)))
    server.always_events = False
    assert audio == (await asked(server)).content


# JSON


@pytest.mark.parametrize(
    ("key", "form"),
    [
        ("audio", lambda audio: {"audio": audio}),
        ("data", lambda audio: {"data": audio}),
        ("audio_content", lambda audio: {"audio_content": audio}),
        ("data.audio", lambda audio: {"data": {"audio": audio}}),
        ("data.0.b64_json", lambda audio: {"data": [{"b64_json": audio}]}),
    ],
)
@pytest.mark.parametrize("profile", [BARE, CHATTERBOX], ids=named)
async def test_audio_in_json(compatible: Start, profile: Profile, key: str, form: Any) -> None:
    """Audio can come in JSON, under any key, and without a link to it."""
    server = await compatible(profile)
    audio = (await asked(server)).content
    server.json_key = key
    answer = await asked(server)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.json == form(base64.b64encode(audio).decode())
    assert (await asked(server, input=5)).status in (400, 422)
    server.json_key = None
    assert (await asked(server)).content == audio
