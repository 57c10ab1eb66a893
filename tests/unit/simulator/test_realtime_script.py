"""What becomes of answers of the simulated Realtime API where a test says so, and when connections end."""

import asyncio
import binascii
from collections.abc import Callable
import json
from math import inf

import aiohttp
import pytest

from tests.simulator import Fate, Simulator, Timing
from tests.simulator.realtime.script import (
    CHAT,
    NO_QUOTA,
    RATE_LIMIT,
    REFUSAL,
    SERVER_ERROR,
    Junk,
    Reason,
    Trouble,
    contracted,
    expanded,
    lower,
    numbers_in_words,
    typeset,
    unpunctuated,
)

from .openai_client import TEXT
from .realtime_client import Heard, response_body, talk

TALE = "It is 12 o'clock. You are late, and that is a pity."

# Another text


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        (Fate(says=CHAT), CHAT),
        (Fate(says=REFUSAL), REFUSAL),
        (Fate(says=f"Sure, here it is: {TEXT}"), f"Sure, here it is: {TEXT}"),
        (Fate(words=4), "The quick brown fox"),
        (Fate(words=400), TEXT),
        (Fate(says=CHAT, words=1), "Sure!"),
    ],
)
async def test_something_else_is_said(
    client: aiohttp.ClientSession, simulator: Simulator, fate: Fate, said: str
) -> None:
    """A model that talks instead of reading says so itself, and calls that completed."""
    simulator.tongue = "tones"
    simulator.openai.realtime.befall(fate)
    async with talk(client) as talking:
        heard = await talking.read()
        again = await talking.read()
    heard.assert_says(said)
    assert heard.transcript == said
    assert heard.response["output"][0]["content"][0]["transcript"] == said
    assert heard.response["status"] == "completed"
    assert again.transcript == TEXT


async def test_nothing_is_said(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An answer can be completed without a sound."""
    simulator.openai.realtime.befall(Fate(words=0))
    async with talk(client) as talking:
        heard = await talking.read()
    assert (heard.audio, heard.transcript, heard.response["status"]) == (b"", "", "completed")
    assert heard.response["usage"]["output_tokens"] == 0


async def test_fates_are_used_in_order(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Each answer takes the first fate that is meant for it."""
    simulator.openai.realtime.befall(
        Fate(of="fox", words=1), Fate(of="dog", words=2, times=2), Fate(times=0), Fate(says=REFUSAL, times=inf)
    )
    async with talk(client) as talking:
        texts = ("Cat.", "A big dog.", TEXT, "A fox", "An old dog", "Another dog")
        said = [(await talking.read(text)).transcript for text in texts]
        assert said == [REFUSAL, "A big", "The", REFUSAL, "An old", REFUSAL]
        simulator.openai.realtime.reset()
        assert (await talking.read()).transcript == TEXT


# Other endings


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
async def test_incomplete(client: aiohttp.ClientSession, simulator: Simulator, reason: Reason) -> None:
    """An answer can stop on its way, and say why."""
    simulator.tongue = "tones"
    simulator.openai.realtime.befall(Fate(reason=reason), Fate(reason=reason, words=0))
    async with talk(client) as talking:
        half, nothing = [await talking.read() for _ in range(2)]
    half.assert_says("The quick brown fox")
    assert half.transcript == "The quick brown fox"
    assert (nothing.audio, nothing.transcript) == (b"", "")
    for heard in (half, nothing):
        assert heard.response["status"] == "incomplete"
        assert heard.response["status_details"] == {"type": "incomplete", "reason": reason}
        assert heard.response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("trouble", [SERVER_ERROR, RATE_LIMIT, NO_QUOTA, Trouble("odd", "never_heard_of", "Oh.")])
async def test_failed(client: aiohttp.ClientSession, simulator: Simulator, trouble: Trouble) -> None:
    """An answer can fail, at once or on its way."""
    simulator.openai.realtime.befall(Fate(failure=trouble), Fate(failure=trouble, words=3))
    async with talk(client) as talking:
        at_once, later = [await talking.read() for _ in range(2)]
    error = {"type": trouble.kind, "code": trouble.code, "message": trouble.message}
    for heard in (at_once, later):
        assert heard.response["status"] == "failed"
        assert heard.response["status_details"] == {"type": "failed", "error": error}
    assert (at_once.kinds, at_once.response["output"]) == (["done"], [])
    assert later.transcript == "The quick brown"
    assert later.audio


@pytest.mark.parametrize("trouble", [SERVER_ERROR, NO_QUOTA])
async def test_error_instead_of_an_answer(
    client: aiohttp.ClientSession, simulator: Simulator, trouble: Trouble
) -> None:
    """There can be an error in the place of an answer; only the event's id tells which."""
    simulator.openai.realtime.befall(Fate(error=trouble))
    async with talk(client) as talking:
        error = await talking.refused("response.create", response=response_body())
        assert (error["type"], error["code"], error["message"]) == (trouble.kind, trouble.code, trouble.message)
        assert simulator.openai.realtime.readings == []
        assert len(simulator.openai.realtime.sockets[0].asked("response.create")) == 1
        assert (await talking.read()).transcript == TEXT


# On the way


async def test_unknown_events_between(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Between two pieces of audio may come what has nothing to do with it."""
    simulator.timing = Timing(rate=50)
    async with talk(client) as talking:
        whole = len((await talking.read()).audio)
        for junk in ("unknown", "error"):
            simulator.openai.realtime.befall(Fate(junk=junk, junk_after=20_000))
            answer = await talking.ask()
            heard, others = Heard(), []
            while (event := await talking.event())["type"] != "rate_limits.updated":
                if event["type"] in ("error", "response.output_mood.delta"):
                    others.append(event)
                    assert len(heard.audio) == 20_000
                else:
                    assert event.get("response_id", answer) == answer
                    heard.take(event)
            assert len(others) == 1
            assert heard.response["status"] == "completed"
            assert len(heard.audio) == whole
    assert others[0]["error"] == {
        "type": "server_error",
        "code": None,
        "message": SERVER_ERROR.message,
        "param": None,
        "event_id": None,
    }


@pytest.mark.parametrize(
    ("junk", "problem"),
    [("text", json.JSONDecodeError), ("list", TypeError), ("binary", UnicodeDecodeError), ("base64", binascii.Error)],
)
async def test_junk(client: aiohttp.ClientSession, simulator: Simulator, junk: Junk, problem: type[Exception]) -> None:
    """A frame can be of no use, and what follows is as if it had not been."""
    simulator.openai.realtime.befall(Fate(junk=junk))
    async with talk(client) as talking:
        await talking.ask()
        await talking.event("response.output_item.added")
        await talking.event("response.content_part.added")
        message = await talking.socket.receive(5)
        assert (message.type is aiohttp.WSMsgType.BINARY) == (junk == "binary")
        with pytest.raises(problem):
            Heard().take(json.loads(message.data.decode() if junk == "binary" else message.data))
        await talking.event("response.output_audio_transcript.delta")
        await talking.event("response.output_audio.delta")


@pytest.mark.parametrize("size", [0, 30_000, 10_000_000])
async def test_stalled(client: aiohttp.ClientSession, simulator: Simulator, size: int) -> None:
    """After so many bytes of one answer nothing more comes, while others go on, and it can be cancelled."""
    simulator.openai.realtime.befall(Fate(of="fox", stall_after=size))
    async with talk(client) as talking:
        stalled = await talking.ask()
        heard, others = Heard(), 0
        await talking.send("response.create", response=response_body("Something different."))
        while not others:
            event = await talking.event()
            if event.get("response_id") == stalled:
                heard.take(event)
            others += event["type"] == "response.done"
        await talking.event("rate_limits.updated")
        with pytest.raises(TimeoutError):
            await talking.socket.receive(0.3)
        reading = simulator.openai.realtime.readings[0]
        assert (reading.status, reading.sent) == (None, len(heard.audio))
        assert len(heard.audio) == size or size > 1_000_000
        assert "output_audio.done" not in heard.kinds


async def test_stalled_and_cancelled(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An answer that stalls can be cancelled."""
    simulator.openai.realtime.befall(Fate(stall_after=1000))
    async with talk(client) as talking:
        answer = await talking.ask()
        while (await talking.event())["type"] != "response.output_audio.delta":
            pass
        await talking.send("response.cancel", response_id=answer)
        (heard,) = await talking.hear(answer)
    assert heard.response["status"] == "cancelled"


@pytest.mark.parametrize("size", [0, 30_000])
async def test_cut(client: aiohttp.ClientSession, simulator: Simulator, size: int) -> None:
    """After so many bytes the connection is gone, without a word, for the other answers too."""
    simulator.openai.realtime.befall(Fate(of="fox", cut_after=size))
    async with talk(client) as talking:
        cut = await talking.ask()
        await talking.send("response.create", response=response_body("Something different. " * 50))
        heard = Heard()
        async for message in talking.socket:
            if message.json().get("response_id") == cut:
                heard.take(message.json())
        assert talking.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
        assert len(heard.audio) == size
    socket = simulator.openai.realtime.sockets[0]
    await asyncio.wait_for(socket.request.finished.wait(), 5)
    assert (socket.open, socket.request.disconnected) == (False, False)
    assert [reading.status for reading in socket.readings][:1] == [None]
    assert socket.readings[0].sent == size
    async with talk(client) as talking:
        assert (await talking.read()).transcript == TEXT


# Sessions that end


async def test_session_of_some_time(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection ends after a time, whatever is going on."""
    simulator.timing = Timing(rate=0.5)
    simulator.openai.realtime.session_seconds = 0.4
    started = asyncio.get_running_loop().time()
    async with talk(client) as talking:
        await talking.ask()
        while (event := await talking.event())["type"] != "error":
            assert event["type"] != "response.done"
        assert (event["error"]["code"], event["error"]["event_id"]) == ("session_expired", None)
        assert asyncio.get_running_loop().time() - started == pytest.approx(0.4, abs=0.3)
        code, reason = await talking.end()
    assert (code, reason) == (1001, event["error"]["message"])
    assert reason.startswith("Your session hit the maximum duration")
    socket = simulator.openai.realtime.sockets[0]
    await asyncio.wait_for(socket.request.finished.wait(), 5)
    assert (socket.open, socket.request.disconnected, socket.readings[0].status) == (False, False, None)


async def test_session_of_some_answers(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection can end after some answers, however they ended themselves."""
    simulator.openai.realtime.session_readings = 2
    simulator.openai.realtime.befall(Fate(failure=SERVER_ERROR))
    async with talk(client) as talking:
        await talking.read()
        await talking.read()
        assert (await talking.event("error"))["error"]["code"] == "session_expired"
        assert (await talking.end())[0] == 1001
    async with talk(client) as talking:
        await talking.read()


async def test_endless_session(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection can be without an end."""
    simulator.openai.realtime.session_seconds = None
    async with talk(client) as talking:
        await talking.read()


# Transcripts


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (contracted, TALE, "It's 12 o'clock. You're late, and that's a pity."),
        (contracted, "I am sure it isn't. Do not go.", "I'm sure it isn't. Don't go."),
        (expanded, "It's late, I'm off; don't wait.", "It is late, I am off; do not wait."),
        (numbers_in_words, TALE, "It is twelve o'clock. You are late, and that is a pity."),
        (numbers_in_words, "0, 7, 20 and 99.", "zero, seven, twenty and ninety-nine."),
        (numbers_in_words, "At 12:30 it was 3.5, not 1,000 or 123.", "At 12:30 it was 3.5, not 1,000 or 123."),
        (lower, TALE, "it is 12 o'clock. you are late, and that is a pity."),
        (unpunctuated, TALE, "It is 12 o'clock You are late and that is a pity"),
        (unpunctuated, 'Well - "no"; (yes)… fine!', "Well - no yes fine"),
        (typeset, "It's \"so\" - isn't it", "It’s “so” — isn’t it"),  # noqa: RUF001
    ],
)
def test_other_letters(change: Callable[[str], str], text: str, expected: str) -> None:
    """What is said can be written in several ways."""
    assert change(text) == expected


async def test_transcript_in_other_letters(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The transcript may differ where the sound does not."""
    simulator.tongue = "tones"
    simulator.openai.realtime.befall(Fate(transcript=lambda text: unpunctuated(contracted(text)).upper()))
    async with talk(client) as talking:
        heard = await talking.read(TALE)
    heard.assert_says(TALE)
    assert heard.transcript == "IT'S 12 O'CLOCK YOU'RE LATE AND THAT'S A PITY"
    assert heard.response["output"][0]["content"][0]["transcript"] == heard.transcript
