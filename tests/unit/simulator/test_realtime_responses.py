"""The simulated Realtime API as it should be: connections, sessions, answers, and what is remembered of them."""

import asyncio
import itertools

import aiohttp
import numpy as np
import pytest

from tests.simulator import Simulator, Timing
from tests.simulator.realtime.contract import VOICES
from tests.support.word_decoder import heard_words, voice_of

from .openai_client import LONGEST, SHORTEST, TEXT, seconds_of_pcm, speech
from .realtime_client import MODEL, RATE, URL, Heard, Talk, response_body, session_body, talk

# Sessions


async def test_first_event(client: aiohttp.ClientSession) -> None:
    """A connection begins with the session's settings."""
    async with client.ws_connect(URL) as socket:
        session = (await Talk(socket).event("session.created"))["session"]
    assert (session["type"], session["object"], session["model"]) == ("realtime", "realtime.session", MODEL)
    assert session["id"].startswith("sess_")
    assert session["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": RATE}, "voice": "alloy", "speed": 1.0}


async def test_settings_are_changed_one_by_one(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """What an update does not name stays, and the answer tells everything."""
    async with talk(client) as talking:
        before = simulator.openai.realtime.sockets[0].session
        first = await talking.update(**session_body(type=...))
        assert first == before | session_body() | {"audio": before["audio"] | session_body()["audio"]}
        second = await talking.update(audio={"output": {"speed": 1.2}}, instructions="")
        assert second["audio"]["output"] == first["audio"]["output"] | {"speed": 1.2}
        assert second["audio"]["input"] == first["audio"]["input"]
        assert (second["instructions"], second["tool_choice"]) == ("", "none")
        assert simulator.openai.realtime.sockets[0].session == second


# Answers


async def test_answer(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A text is read, and every event about it comes in order."""
    simulator.tongue = "tones"
    metadata = {"segment": "7"}
    async with talk(client) as talking:
        await talking.update(**session_body(type=...))
        heard = await talking.read(metadata=metadata, max_output_tokens=500)
    heard.assert_says(TEXT)
    assert {word.voice for word in heard_words(np.frombuffer(heard.audio, "<i2"), RATE)} == {voice_of("marin")}
    assert heard.transcript == TEXT
    assert heard.kinds == [
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
    response = heard.response
    assert (response["status"], response["status_details"], response["conversation_id"]) == ("completed", None, None)
    assert (response["metadata"], response["max_output_tokens"]) == (metadata, 500)
    assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": TEXT}]
    assert response["audio"]["output"]["voice"] == "marin"
    assert talking.limits[0]["rate_limits"][0]["name"] == "tokens"


async def test_usage(client: aiohttp.ClientSession) -> None:
    """Tokens are counted by kind; the instructions are cheaper the second time."""
    async with talk(client) as talking:
        await talking.update(instructions="Read. " * 100)
        first, second = [(await talking.read()).response["usage"] for _ in range(2)]
    for usage in (first, second):
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        assert usage["output_tokens"] == sum(usage["output_token_details"].values())
    assert SHORTEST * 20 < first["output_token_details"]["audio_tokens"] < LONGEST * 20
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["cached_tokens"] == 64


async def test_created_first(client: aiohttp.ClientSession) -> None:
    """The metadata come back with the first event too, so that answers can be told apart."""
    async with talk(client) as talking:
        await talking.send("response.create", response=response_body(metadata={"n": "1"}))
        response = (await talking.event("response.created"))["response"]
    assert (response["status"], response["metadata"], response["output"]) == ("in_progress", {"n": "1"}, [])


async def test_same_sound_as_over_http(client: aiohttp.ClientSession) -> None:
    """The samples are those of the other route."""
    async with talk(client) as talking:
        heard = await talking.read()
    assert heard.audio == await speech(client, response_format="pcm")


@pytest.mark.parametrize("voice", [*VOICES, {"id": "voice_1234"}])
async def test_voices(client: aiohttp.ClientSession, simulator: Simulator, voice: str | dict[str, str]) -> None:
    """Each voice is told from the others, whether the session has it or an answer."""
    simulator.tongue = "tones"
    async with talk(client) as talking:
        heard = await talking.read("One word.", audio={"output": {"voice": voice}})
    name = voice["id"] if isinstance(voice, dict) else voice
    assert {word.voice for word in heard_words(np.frombuffer(heard.audio, "<i2"), RATE)} == {voice_of(name)}
    assert simulator.openai.realtime.readings[0].voice == voice


async def test_speed(client: aiohttp.ClientSession) -> None:
    """Speed is a setting of the session."""
    async with talk(client) as talking:
        usual = await talking.read()
        await talking.update(audio={"output": {"speed": 1.5}})
        quick = await talking.read()
    assert len(quick.audio) == pytest.approx(len(usual.audio) / 1.5, rel=0.05)


async def test_context_is_not_read(client: aiohttp.ClientSession) -> None:
    """Only what the user says last is read; a marker around it can be taken off."""
    items = [
        {"type": "message", "role": role, "content": [{"type": kind, "text": role}]}
        for role, kind in (("system", "input_text"), ("user", "input_text"), ("assistant", "output_text"))
    ]
    async with talk(client) as talking:
        heard = await talking.read(input=items + response_body()["input"])
        assert heard.transcript == TEXT


async def test_text_between_marks(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A test can say how the words to read are found."""
    simulator.openai.realtime.reads = lambda said: said.removeprefix("<text>").removesuffix("</text>")
    async with talk(client) as talking:
        assert (await talking.read(f"<text>{TEXT}</text>")).transcript == TEXT


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_nothing_to_read(client: aiohttp.ClientSession, text: str) -> None:
    """A model that is given nothing finds something to say."""
    async with talk(client) as talking:
        assert "question" in (await talking.read(text)).transcript


async def test_longest_answer(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An answer stops where its tokens are used up, the request's or the model's."""
    async with talk(client) as talking:
        whole = await talking.read()
        limited = await talking.read(max_output_tokens=30)
        simulator.openai.realtime.most_tokens = 30
        by_model = await talking.read()
    for heard in (limited, by_model):
        assert heard.response["status"] == "incomplete"
        assert heard.response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert heard.response["output"][0]["status"] == "incomplete"
        assert whole.audio.startswith(heard.audio)
        assert TEXT.startswith(heard.transcript)
        assert 25 <= heard.response["usage"]["output_tokens"] <= 31


# Several at once


async def test_answers_at_once(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Answers come side by side, and are whole."""
    simulator.tongue = "tones"
    simulator.timing = Timing(first_byte=0.5, rate=20)
    texts = [f"The answer with number {number} is this one." for number in range(6)]
    async with talk(client) as talking:
        for number, text in enumerate(texts):
            await talking.send("response.create", response=response_body(text, metadata={"number": str(number)}))
        order: list[str] = []
        heard: dict[str, Heard] = {}
        while len(talking.limits) < len(texts):
            event = await talking.event()
            if event["type"] == "rate_limits.updated":
                talking.limits.append(event)
                continue
            answer = event.get("response_id") or event["response"]["id"]
            heard.setdefault(answer, Heard()).take(event)
            if event["type"] == "response.output_audio.delta":
                order.append(answer)
    for one in heard.values():
        text = texts[int(one.response["metadata"]["number"])]
        one.assert_says(text)
        assert one.transcript == text
    assert sum(before != after for before, after in itertools.pairwise(order)) > 2 * len(texts)


async def test_cancel(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An answer that is cancelled ends as such, and others go on."""
    simulator.timing = Timing(rate=4)
    async with talk(client) as talking:
        first, second = await talking.ask(), ""
        await talking.event("response.output_item.added")
        await talking.send("response.create", response=response_body("Another one."))
        while not second:
            event = await talking.event()
            second = event["response"]["id"] if event["type"] == "response.created" else ""
        await talking.send("response.cancel", response_id=first)
        cancelled, other = await talking.hear(first, second)
        error = await talking.refused("response.cancel", response_id=first)
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
    socket = simulator.openai.realtime.sockets[0]
    assert [reading.status for reading in socket.readings] == ["cancelled", "completed"]
    assert [event["response_id"] for event in socket.asked("response.cancel")] == [first, first]


async def test_cancel_before_the_audio(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An answer that has not begun to speak can be cancelled, too."""
    simulator.timing = Timing(first_byte=60)
    async with talk(client) as talking:
        answer = await talking.ask()
        await talking.send("response.cancel", response_id=answer)
        (heard,) = await talking.hear(answer)
    assert heard.kinds == ["done"]
    assert (heard.response["status"], heard.response["output"]) == ("cancelled", [])


# When it comes


async def test_pace(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Each answer has the time to its first byte, and the rate, of the moment when it was asked for."""
    loop = asyncio.get_running_loop()
    async with talk(client) as talking:
        length = seconds_of_pcm((await talking.read()).audio)
        simulator.timing = Timing(first_byte=0.3, rate=4.0)
        started = loop.time()
        answer = await talking.ask()
        assert loop.time() - started < 0.2
        await talking.event("response.output_item.added")
        assert 0.28 < loop.time() - started < 0.6
        await talking.hear(answer)
        assert length / 4 * 0.8 + 0.3 < loop.time() - started < length / 4 + 0.8


async def test_whole_samples(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """No sample is parted."""
    simulator.timing = Timing(rate=31.7)
    async with talk(client) as talking:
        await talking.ask()
        while (event := await talking.event())["type"] != "response.done":
            if event["type"] == "response.output_audio.delta":
                assert len(event["delta"].rstrip("=")) * 3 // 4 % 2 == 0


# What is remembered


async def test_what_is_remembered(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Connections, settings and answers can be looked at afterwards."""
    realtime = simulator.openai.realtime
    async with talk(client) as first, talk(client):
        assert (len(realtime.sockets), realtime.open) == (2, 2)
        await first.update(instructions="Read.")
        heard = await first.read(metadata={"a": "b"})
    socket = realtime.sockets[0]
    await asyncio.wait_for(socket.request.finished.wait(), 5)
    await asyncio.wait_for(realtime.sockets[1].request.finished.wait(), 5)
    assert (len(realtime.sockets), realtime.open) == (2, 0)
    assert (socket.request.path, socket.request.status, socket.request.disconnected) == ("/v1/realtime", 101, False)
    assert socket.request is simulator.requests[0]
    assert socket.request.sent > len(heard.audio)
    assert socket.model == MODEL
    assert [event["session"] for event in socket.asked("session.update")] == [
        {"type": "realtime", "instructions": "Read."}
    ]
    (reading,) = realtime.readings
    assert (reading.body, reading.text) == (response_body(metadata={"a": "b"}), TEXT)
    assert (reading.status, reading.sent) == ("completed", len(heard.audio))
    simulator.reset()
    assert realtime.sockets == []


@pytest.mark.parametrize("abruptly", [False, True])
async def test_client_that_leaves(client: aiohttp.ClientSession, simulator: Simulator, *, abruptly: bool) -> None:
    """A client that goes before its answers are complete is noticed at once."""
    simulator.timing = Timing(rate=0.5)
    async with talk(client) as talking:
        await talking.ask()
        await talking.event("response.output_item.added")
        if abruptly:
            connection = talking.socket._conn
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
        socket = simulator.openai.realtime.sockets[0]
        if not abruptly:
            await talking.socket.close()
        await asyncio.wait_for(socket.request.finished.wait(), 5)
    assert socket.request.disconnected
    assert not socket.open
    assert socket.readings[0].status is None


async def test_nothing_outlives_the_simulator() -> None:
    """No task is left of connections that were open."""
    tasks = asyncio.all_tasks()
    async with Simulator(timing=Timing(rate=0.1)) as simulator:
        headers = {"Authorization": f"Bearer {simulator.api_key}"}
        async with aiohttp.ClientSession(simulator.url, headers=headers) as client, talk(client) as talking:
            await talking.ask()
            await simulator.close()
            assert not simulator.openai.realtime.sockets[0].request.disconnected
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks
