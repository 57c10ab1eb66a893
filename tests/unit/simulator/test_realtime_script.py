"""Scripted responses of the simulated Realtime API, and ends of connections."""

import asyncio
import binascii
from collections.abc import Callable
import json
from math import inf

import aiohttp
import pytest

from tests.simulator import ScriptedResponse, Simulator, Timing
from tests.simulator.realtime.script import (
    CHAT,
    NO_QUOTA,
    RATE_LIMIT,
    REFUSAL,
    SERVER_ERROR,
    ErrorDetails,
    Junk,
    Reason,
    contracted,
    expanded,
    lower,
    numbers_in_words,
    typeset,
    unpunctuated,
)

from .openai_client import TEXT
from .realtime_client import ReceivedResponse, connect, response_body

STORY = "It is 12 o'clock. You are late, and that is a pity."

# Another text


@pytest.mark.parametrize(
    ("scripted", "spoken"),
    [
        (ScriptedResponse(says=CHAT), CHAT),
        (ScriptedResponse(says=REFUSAL), REFUSAL),
        (ScriptedResponse(says=f"Sure, here it is: {TEXT}"), f"Sure, here it is: {TEXT}"),
        (ScriptedResponse(words=4), "The quick brown fox"),
        (ScriptedResponse(words=400), TEXT),
        (ScriptedResponse(says=CHAT, words=1), "Sure!"),
    ],
)
async def test_other_text(
    client: aiohttp.ClientSession, simulator: Simulator, scripted: ScriptedResponse, spoken: str
) -> None:
    """Another text is spoken, transcribed and reported as completed."""
    simulator.audio_mode = "tones"
    simulator.openai.realtime.script_responses(scripted)
    async with connect(client) as connection:
        received = await connection.read()
        again = await connection.read()
    received.assert_says(spoken)
    assert received.transcript == spoken
    assert received.response["output"][0]["content"][0]["transcript"] == spoken
    assert received.response["status"] == "completed"
    assert again.transcript == TEXT


async def test_no_audio(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A response can be completed without audio."""
    simulator.openai.realtime.script_responses(ScriptedResponse(words=0))
    async with connect(client) as connection:
        received = await connection.read()
    assert (received.audio, received.transcript, received.response["status"]) == (b"", "", "completed")
    assert received.response["usage"]["output_tokens"] == 0


async def test_order(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Each response consumes the first scripted response that matches it."""
    simulator.openai.realtime.script_responses(
        ScriptedResponse(contains="fox", words=1),
        ScriptedResponse(contains="dog", words=2, times=2),
        ScriptedResponse(times=0),
        ScriptedResponse(says=REFUSAL, times=inf),
    )
    async with connect(client) as connection:
        texts = ("Cat.", "A big dog.", TEXT, "A fox", "An old dog", "Another dog")
        spoken = [(await connection.read(text)).transcript for text in texts]
        assert spoken == [REFUSAL, "A big", "The", REFUSAL, "An old", REFUSAL]
        simulator.openai.realtime.reset()
        assert (await connection.read()).transcript == TEXT


# Other endings


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
async def test_incomplete(client: aiohttp.ClientSession, simulator: Simulator, reason: Reason) -> None:
    """A response can end early, with a reason."""
    simulator.audio_mode = "tones"
    simulator.openai.realtime.script_responses(
        ScriptedResponse(reason=reason), ScriptedResponse(reason=reason, words=0)
    )
    async with connect(client) as connection:
        half, nothing = [await connection.read() for _ in range(2)]
    half.assert_says("The quick brown fox")
    assert half.transcript == "The quick brown fox"
    assert (nothing.audio, nothing.transcript) == (b"", "")
    for received in (half, nothing):
        assert received.response["status"] == "incomplete"
        assert received.response["status_details"] == {"type": "incomplete", "reason": reason}
        assert received.response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    "error_details", [SERVER_ERROR, RATE_LIMIT, NO_QUOTA, ErrorDetails("odd", "never_heard_of", "Oh.")]
)
async def test_failed(client: aiohttp.ClientSession, simulator: Simulator, error_details: ErrorDetails) -> None:
    """A response can fail before or during its audio."""
    simulator.openai.realtime.script_responses(
        ScriptedResponse(failure=error_details), ScriptedResponse(failure=error_details, words=3)
    )
    async with connect(client) as connection:
        immediate, later = [await connection.read() for _ in range(2)]
    expected = {"type": error_details.kind, "code": error_details.code, "message": error_details.message}
    for received in (immediate, later):
        assert received.response["status"] == "failed"
        assert received.response["status_details"] == {"type": "failed", "error": expected}
    assert (immediate.kinds, immediate.response["output"]) == (["done"], [])
    assert later.transcript == "The quick brown"
    assert later.audio


@pytest.mark.parametrize("error_details", [SERVER_ERROR, NO_QUOTA])
async def test_error_event(client: aiohttp.ClientSession, simulator: Simulator, error_details: ErrorDetails) -> None:
    """An error event with the id of the requesting event can replace a response."""
    simulator.openai.realtime.script_responses(ScriptedResponse(error=error_details))
    async with connect(client) as connection:
        error = await connection.send_refused("response.create", response=response_body())
        assert (error["type"], error["code"], error["message"]) == (
            error_details.kind,
            error_details.code,
            error_details.message,
        )
        assert simulator.openai.realtime.responses == []
        assert len(simulator.openai.realtime.connections[0].events_of_type("response.create")) == 1
        assert (await connection.read()).transcript == TEXT


# During the audio


async def test_unrelated_events(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Unrelated events can arrive between two chunks of audio."""
    simulator.timing = Timing(rate=50)
    async with connect(client) as connection:
        whole = len((await connection.read()).audio)
        for junk in ("unknown", "error"):
            simulator.openai.realtime.script_responses(ScriptedResponse(junk=junk, junk_after=20_000))
            response_id = await connection.create_response()
            received, others = ReceivedResponse(), []
            while (event := await connection.receive())["type"] != "rate_limits.updated":
                if event["type"] in ("error", "response.output_mood.delta"):
                    others.append(event)
                    assert len(received.audio) == 20_000
                else:
                    assert event.get("response_id", response_id) == response_id
                    received.add(event)
            assert len(others) == 1
            assert received.response["status"] == "completed"
            assert len(received.audio) == whole
    assert others[0]["error"] == {
        "type": "server_error",
        "code": None,
        "message": SERVER_ERROR.message,
        "param": None,
        "event_id": None,
    }


@pytest.mark.parametrize(
    ("junk", "error"),
    [("text", json.JSONDecodeError), ("list", TypeError), ("binary", UnicodeDecodeError), ("base64", binascii.Error)],
)
async def test_junk(client: aiohttp.ClientSession, simulator: Simulator, junk: Junk, error: type[Exception]) -> None:
    """A frame can be unusable; the response continues after it."""
    simulator.openai.realtime.script_responses(ScriptedResponse(junk=junk))
    async with connect(client) as connection:
        await connection.create_response()
        await connection.receive("response.output_item.added")
        await connection.receive("response.content_part.added")
        message = await connection.socket.receive(5)
        assert (message.type is aiohttp.WSMsgType.BINARY) == (junk == "binary")
        with pytest.raises(error):
            ReceivedResponse().add(json.loads(message.data.decode() if junk == "binary" else message.data))
        await connection.receive("response.output_audio_transcript.delta")
        await connection.receive("response.output_audio.delta")


@pytest.mark.parametrize("size", [0, 30_000, 10_000_000])
async def test_stalled(client: aiohttp.ClientSession, simulator: Simulator, size: int) -> None:
    """After the given number of bytes a response stalls, while others continue."""
    simulator.openai.realtime.script_responses(ScriptedResponse(contains="fox", stall_after=size))
    async with connect(client) as connection:
        stalled = await connection.create_response()
        received, others = ReceivedResponse(), 0
        await connection.send("response.create", response=response_body("Something different."))
        while not others:
            event = await connection.receive()
            if event.get("response_id") == stalled:
                received.add(event)
            others += event["type"] == "response.done"
        await connection.receive("rate_limits.updated")
        with pytest.raises(TimeoutError):
            await connection.socket.receive(0.3)
        record = simulator.openai.realtime.responses[0]
        assert (record.status, record.sent) == (None, len(received.audio))
        assert len(received.audio) == size or size > 1_000_000
        assert "output_audio.done" not in received.kinds


async def test_stalled_and_cancelled(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A stalled response can be cancelled."""
    simulator.openai.realtime.script_responses(ScriptedResponse(stall_after=1000))
    async with connect(client) as connection:
        response_id = await connection.create_response()
        while (await connection.receive())["type"] != "response.output_audio.delta":
            pass
        await connection.send("response.cancel", response_id=response_id)
        (received,) = await connection.receive_responses(response_id)
    assert received.response["status"] == "cancelled"


@pytest.mark.parametrize("size", [0, 30_000])
async def test_cut(client: aiohttp.ClientSession, simulator: Simulator, size: int) -> None:
    """After the given number of bytes the connection is cut, also for other responses."""
    simulator.openai.realtime.script_responses(ScriptedResponse(contains="fox", cut_after=size))
    async with connect(client) as connection:
        cut = await connection.create_response()
        await connection.send("response.create", response=response_body("Something different. " * 50))
        received = ReceivedResponse()
        async for message in connection.socket:
            if message.json().get("response_id") == cut:
                received.add(message.json())
        assert connection.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
        assert len(received.audio) == size
    record = simulator.openai.realtime.connections[0]
    await asyncio.wait_for(record.request.finished.wait(), 5)
    assert (record.is_open, record.request.is_disconnected) == (False, False)
    assert [response.status for response in record.responses][:1] == [None]
    assert record.responses[0].sent == size
    async with connect(client) as connection:
        assert (await connection.read()).transcript == TEXT


# Ends of connections


async def test_session_duration(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection ends after its maximum duration, even during a response."""
    simulator.timing = Timing(rate=0.5)
    simulator.openai.realtime.session_seconds = 0.4
    started = asyncio.get_running_loop().time()
    async with connect(client) as connection:
        await connection.create_response()
        while (event := await connection.receive())["type"] != "error":
            assert event["type"] != "response.done"
        assert (event["error"]["code"], event["error"]["event_id"]) == ("session_expired", None)
        assert asyncio.get_running_loop().time() - started == pytest.approx(0.4, abs=0.3)
        code, reason = await connection.wait_for_close()
    assert (code, reason) == (1001, event["error"]["message"])
    assert reason.startswith("Your session hit the maximum duration")
    record = simulator.openai.realtime.connections[0]
    await asyncio.wait_for(record.request.finished.wait(), 5)
    assert (record.is_open, record.request.is_disconnected, record.responses[0].status) == (False, False, None)


async def test_session_response_count(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection ends after a number of responses, whatever their status."""
    simulator.openai.realtime.session_responses = 2
    simulator.openai.realtime.script_responses(ScriptedResponse(failure=SERVER_ERROR))
    async with connect(client) as connection:
        await connection.read()
        await connection.read()
        assert (await connection.receive("error"))["error"]["code"] == "session_expired"
        assert (await connection.wait_for_close())[0] == 1001
    async with connect(client) as connection:
        await connection.read()


async def test_endless_session(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection can have no maximum duration."""
    simulator.openai.realtime.session_seconds = None
    async with connect(client) as connection:
        await connection.read()


# Transcripts


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (contracted, STORY, "It's 12 o'clock. You're late, and that's a pity."),
        (contracted, "I am sure it isn't. Do not go.", "I'm sure it isn't. Don't go."),
        (expanded, "It's late, I'm off; don't wait.", "It is late, I am off; do not wait."),
        (numbers_in_words, STORY, "It is twelve o'clock. You are late, and that is a pity."),
        (numbers_in_words, "0, 7, 20 and 99.", "zero, seven, twenty and ninety-nine."),
        (numbers_in_words, "At 12:30 it was 3.5, not 1,000 or 123.", "At 12:30 it was 3.5, not 1,000 or 123."),
        (lower, STORY, "it is 12 o'clock. you are late, and that is a pity."),
        (unpunctuated, STORY, "It is 12 o'clock You are late and that is a pity"),
        (unpunctuated, 'Well - "no"; (yes)… fine!', "Well - no yes fine"),
        (typeset, "It's \"so\" - isn't it", "It’s “so” — isn’t it"),  # noqa: RUF001
    ],
)
def test_respelling(change: Callable[[str], str], text: str, expected: str) -> None:
    """The transcript functions respell a text."""
    assert change(text) == expected


async def test_respelled_transcript(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The transcript can be respelled while the audio stays the same."""
    simulator.audio_mode = "tones"
    simulator.openai.realtime.script_responses(
        ScriptedResponse(transcript=lambda text: unpunctuated(contracted(text)).upper())
    )
    async with connect(client) as connection:
        received = await connection.read(STORY)
    received.assert_says(STORY)
    assert received.transcript == "IT'S 12 O'CLOCK YOU'RE LATE AND THAT'S A PITY"
    assert received.response["output"][0]["content"][0]["transcript"] == received.transcript
