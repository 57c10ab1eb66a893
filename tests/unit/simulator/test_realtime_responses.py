"""The simulated Realtime API: sessions, responses, timing, and the records of connections."""

import asyncio
import itertools

import aiohttp
import numpy as np
import pytest

from tests.simulator import Simulator, Timing
from tests.simulator.realtime.contract import REALTIME_VOICES
from tests.support.word_decoder import heard_words, voice_of

from .openai_client import MAX_SECONDS, MIN_SECONDS, TEXT, measure_pcm_duration, synthesize
from .realtime_client import MODEL, RATE, URL, Connection, ReceivedResponse, connect, response_body, session_body

# Sessions


async def test_session_created(client: aiohttp.ClientSession) -> None:
    """A connection starts with the session's settings."""
    async with client.ws_connect(URL) as socket:
        session = (await Connection(socket).receive("session.created"))["session"]
    assert (session["type"], session["object"], session["model"]) == ("realtime", "realtime.session", MODEL)
    assert session["id"].startswith("sess_")
    assert session["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": RATE}, "voice": "alloy", "speed": 1.0}


async def test_session_update(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An update keeps the settings it does not contain, and returns all of them."""
    async with connect(client) as connection:
        before = simulator.openai.realtime.connections[0].session
        first = await connection.update_session(**session_body(type=...))
        assert first == before | session_body() | {"audio": before["audio"] | session_body()["audio"]}
        second = await connection.update_session(audio={"output": {"speed": 1.2}}, instructions="")
        assert second["audio"]["output"] == first["audio"]["output"] | {"speed": 1.2}
        assert second["audio"]["input"] == first["audio"]["input"]
        assert (second["instructions"], second["tool_choice"]) == ("", "none")
        assert simulator.openai.realtime.connections[0].session == second


# Responses


async def test_response(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A text is read, with all events in order."""
    simulator.audio_mode = "tones"
    metadata = {"segment": "7"}
    async with connect(client) as connection:
        await connection.update_session(**session_body(type=...))
        received = await connection.read(metadata=metadata, max_output_tokens=500)
    received.assert_says(TEXT)
    assert {word.voice for word in heard_words(np.frombuffer(received.audio, "<i2"), RATE)} == {voice_of("marin")}
    assert received.transcript == TEXT
    assert received.kinds == [
        "output_item.added",
        "content_part.added",
        "output_audio_transcript.delta",
        "output_audio.delta",
        "output_audio.done",
        "output_audio_transcript.done",
        "content_part.done",
        "output_item.done",
        "done",
    ]
    response = received.response
    assert (response["status"], response["status_details"], response["conversation_id"]) == ("completed", None, None)
    assert (response["metadata"], response["max_output_tokens"]) == (metadata, 500)
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": TEXT}]
    assert response["audio"]["output"]["voice"] == "marin"
    assert connection.rate_limits[0]["rate_limits"][0]["name"] == "tokens"


async def test_usage(client: aiohttp.ClientSession) -> None:
    """Tokens are counted by type; the instructions are cached the second time."""
    async with connect(client) as connection:
        await connection.update_session(instructions="Read. " * 100)
        first, second = [(await connection.read()).response["usage"] for _ in range(2)]
    for usage in (first, second):
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["output_tokens"] == sum(usage["output_token_details"].values())
    assert MIN_SECONDS * 20 < first["output_token_details"]["audio_tokens"] < MAX_SECONDS * 20
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["cached_tokens"] == 64


async def test_response_created(client: aiohttp.ClientSession) -> None:
    """The first event contains the metadata, to distinguish responses."""
    async with connect(client) as connection:
        await connection.send("response.create", response=response_body(metadata={"n": "1"}))
        response = (await connection.receive("response.created"))["response"]
    assert (response["status"], response["metadata"], response["output"]) == ("in_progress", {"n": "1"}, [])


async def test_same_audio_as_speech_endpoint(client: aiohttp.ClientSession) -> None:
    """The samples equal those of `/audio/speech`."""
    async with connect(client) as connection:
        received = await connection.read()
    assert received.audio == await synthesize(client, response_format="pcm")


@pytest.mark.parametrize("voice", [*REALTIME_VOICES, {"id": "voice_1234"}])
async def test_voices(client: aiohttp.ClientSession, simulator: Simulator, voice: str | dict[str, str]) -> None:
    """Each voice has its own speaker, also custom ones."""
    simulator.audio_mode = "tones"
    async with connect(client) as connection:
        received = await connection.read("One word.", audio={"output": {"voice": voice}})
    name = voice["id"] if isinstance(voice, dict) else voice
    assert {word.voice for word in heard_words(np.frombuffer(received.audio, "<i2"), RATE)} == {voice_of(name)}
    assert simulator.openai.realtime.responses[0].voice == voice


async def test_speed(client: aiohttp.ClientSession) -> None:
    """Speed is a setting of the session."""
    async with connect(client) as connection:
        normal = await connection.read()
        await connection.update_session(audio={"output": {"speed": 1.5}})
        faster = await connection.read()
    assert len(faster.audio) == pytest.approx(len(normal.audio) / 1.5, rel=0.05)


async def test_context(client: aiohttp.ClientSession) -> None:
    """Only the user's last message is read."""
    items = [
        {"type": "message", "role": role, "content": [{"type": kind, "text": role}]}
        for role, kind in (("system", "input_text"), ("user", "input_text"), ("assistant", "output_text"))
    ]
    async with connect(client) as connection:
        received = await connection.read(input=items + response_body()["input"])
        assert received.transcript == TEXT


async def test_extract_text(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The text to read can be extracted from the message."""
    simulator.openai.realtime.extract_text = lambda said: said.removeprefix("<text>").removesuffix("</text>")
    async with connect(client) as connection:
        assert (await connection.read(f"<text>{TEXT}</text>")).transcript == TEXT


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_empty_text(client: aiohttp.ClientSession, text: str) -> None:
    """For an empty text, the model invents something."""
    async with connect(client) as connection:
        assert "question" in (await connection.read(text)).transcript


async def test_token_limit(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A response ends at the token limit of the request or of the model."""
    async with connect(client) as connection:
        whole = await connection.read()
        limited = await connection.read(max_output_tokens=30)
        simulator.openai.realtime.max_tokens = 30
        by_model = await connection.read()
    for received in (limited, by_model):
        assert received.response["status"] == "incomplete"
        assert received.response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert received.response["output"][0]["status"] == "incomplete"
        assert whole.audio.startswith(received.audio)
        assert TEXT.startswith(received.transcript)
        assert 25 <= received.response["usage"]["output_tokens"] <= 31


# Concurrent responses


async def test_concurrent_responses(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Concurrent responses are interleaved and complete."""
    simulator.audio_mode = "tones"
    simulator.timing = Timing(first_byte=0.5, rate=20)
    texts = [f"The response with number {number} is this one." for number in range(6)]
    async with connect(client) as connection:
        for number, text in enumerate(texts):
            await connection.send("response.create", response=response_body(text, metadata={"number": str(number)}))
        order: list[str] = []
        received: dict[str, ReceivedResponse] = {}
        while len(connection.rate_limits) < len(texts):
            event = await connection.receive()
            if event["type"] == "rate_limits.updated":
                connection.rate_limits.append(event)
                continue
            response_id = event.get("response_id") or event["response"]["id"]
            received.setdefault(response_id, ReceivedResponse()).add(event)
            if event["type"] == "response.output_audio.delta":
                order.append(response_id)
    for response in received.values():
        text = texts[int(response.response["metadata"]["number"])]
        response.assert_says(text)
        assert response.transcript == text
    assert sum(before != after for before, after in itertools.pairwise(order)) > 2 * len(texts)


async def test_cancel(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A cancelled response ends as such, and others continue."""
    simulator.timing = Timing(rate=4)
    async with connect(client) as connection:
        first, second = await connection.create_response(), ""
        await connection.receive("response.output_item.added")
        await connection.send("response.create", response=response_body("Another response."))
        while not second:
            event = await connection.receive()
            second = event["response"]["id"] if event["type"] == "response.created" else ""
        await connection.send("response.cancel", response_id=first)
        cancelled, other = await connection.receive_responses(first, second)
        error = await connection.send_refused("response.cancel", response_id=first)
    assert cancelled.response["status"] == "cancelled"
    assert cancelled.response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert cancelled.kinds[-5:] == [
        "output_audio.done",
        "output_audio_transcript.done",
        "content_part.done",
        "output_item.done",
        "done",
    ]
    assert TEXT.startswith(cancelled.response["output"][0]["content"][0]["transcript"])
    assert other.response["status"] == "completed"
    assert error["code"] == "response_cancel_not_active"
    record = simulator.openai.realtime.connections[0]
    assert [response.status for response in record.responses] == ["cancelled", "completed"]
    assert [event["response_id"] for event in record.events_of_type("response.cancel")] == [first, first]


async def test_cancel_before_audio(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A response can be cancelled before its audio starts."""
    simulator.timing = Timing(first_byte=60)
    async with connect(client) as connection:
        response_id = await connection.create_response()
        await connection.send("response.cancel", response_id=response_id)
        (received,) = await connection.receive_responses(response_id)
    assert received.kinds == ["done"]
    assert (received.response["status"], received.response["output"]) == ("cancelled", [])


# Timing


async def test_timing(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A response uses the timing at its creation."""
    loop = asyncio.get_running_loop()
    async with connect(client) as connection:
        length = measure_pcm_duration((await connection.read()).audio)
        simulator.timing = Timing(first_byte=0.3, rate=4.0)
        started = loop.time()
        response_id = await connection.create_response()
        assert loop.time() - started < 0.2
        await connection.receive("response.output_item.added")
        assert 0.28 < loop.time() - started < 0.6
        await connection.receive_responses(response_id)
        assert length / 4 * 0.8 + 0.3 < loop.time() - started < length / 4 + 0.8


async def test_whole_samples(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Chunks contain whole samples."""
    simulator.timing = Timing(rate=31.7)
    async with connect(client) as connection:
        await connection.create_response()
        while (event := await connection.receive())["type"] != "response.done":
            if event["type"] == "response.output_audio.delta":
                assert len(event["delta"].rstrip("=")) * 3 // 4 % 2 == 0


# Records


async def test_records(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Connections, settings and responses are recorded."""
    realtime = simulator.openai.realtime
    async with connect(client) as first, connect(client):
        assert (len(realtime.connections), realtime.open_connections) == (2, 2)
        await first.update_session(instructions="Read.")
        received = await first.read(metadata={"a": "b"})
    record = realtime.connections[0]
    await asyncio.wait_for(record.request.finished.wait(), 5)
    await asyncio.wait_for(realtime.connections[1].request.finished.wait(), 5)
    assert (len(realtime.connections), realtime.open_connections) == (2, 0)
    assert (record.request.path, record.request.status, record.request.is_disconnected) == ("/v1/realtime", 101, False)
    assert record.request is simulator.requests[0]
    assert record.request.sent > len(received.audio)
    assert record.model == MODEL
    assert [event["session"] for event in record.events_of_type("session.update")] == [
        {"type": "realtime", "instructions": "Read."}
    ]
    (response,) = realtime.responses
    assert (response.body, response.text) == (response_body(metadata={"a": "b"}), TEXT)
    assert (response.status, response.sent) == ("completed", len(received.audio))
    simulator.reset()
    assert realtime.connections == []


@pytest.mark.parametrize("abruptly", [False, True])
async def test_client_leaves(client: aiohttp.ClientSession, simulator: Simulator, *, abruptly: bool) -> None:
    """A client that leaves during a response is noticed immediately."""
    simulator.timing = Timing(rate=0.5)
    async with connect(client) as connection:
        await connection.create_response()
        await connection.receive("response.output_item.added")
        if abruptly:
            transport = connection.socket._conn and connection.socket._conn.transport
            assert transport is not None
            transport.abort()
        record = simulator.openai.realtime.connections[0]
        if not abruptly:
            await connection.socket.close()
        await asyncio.wait_for(record.request.finished.wait(), 5)
    assert record.request.is_disconnected
    assert not record.is_open
    assert record.responses[0].status is None


async def test_no_leaks() -> None:
    """Closing leaves no tasks of open connections."""
    tasks = asyncio.all_tasks()
    async with Simulator(timing=Timing(rate=0.1)) as simulator:
        headers = {"Authorization": f"Bearer {simulator.api_key}"}
        async with aiohttp.ClientSession(simulator.url, headers=headers) as client, connect(client) as connection:
            await connection.create_response()
            await simulator.close()
            assert not simulator.openai.realtime.connections[0].request.is_disconnected
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks
