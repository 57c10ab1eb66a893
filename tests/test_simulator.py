"""The simulator itself: strict where the provider is strict, and its speech is speech."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import suppress
import itertools
import json
from pathlib import Path
import signal
import subprocess
import sys
import threading
from typing import Any

import aiohttp
import pytest

from tests.simulator import Fault, Simulator, Timing
from tests.simulator.encoding import SAMPLE_RATE, ffmpeg
from tests.simulator.espeak import Speaker, language_of
from tests.simulator.openai_contract import MAX_CHARACTERS, OLDER_VOICES, VOICES
from tests.simulator.studio import Shelf

TEXT = "The quick brown fox jumped over the lazy dog."
SHORTEST, LONGEST = 1.5, 4.0  # seconds that this text may take
SPEECH = "/v1/audio/speech"
NEW, OLD = "gpt-4o-mini-tts", "tts-1"
MAGIC = {"mp3": b"ID3", "opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "wav": b"RIFF", "pcm": b""}
TYPES = {"mp3": "mpeg", "opus": "opus", "aac": "aac", "flac": "flac", "wav": "wav", "pcm": "pcm"}
SOURCES = {  # what ffmpeg has to be told: what bare samples are, and that a wav without a length is no wonder
    "pcm": ("-f", "s16le", "-ar", "24000"),
    "wav": ("-f", "wav"),
}

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Run a simulator that answers at once."""
    async with Simulator() as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that has the right key and that notices everything that is wrong with an answer."""
    headers = {"Authorization": f"Bearer {simulator.api_key}"}
    async with aiohttp.ClientSession(simulator.url, headers=headers) as session:
        yield session


def request_body(**changes: Any) -> dict[str, Any]:
    """Return a valid request with changes; a value of ... leaves a field out."""
    body = {"model": NEW, "input": TEXT, "voice": "alloy"} | changes
    return {key: value for key, value in body.items() if value is not ...}


async def speech(client: aiohttp.ClientSession, **changes: Any) -> bytes:
    """Return the audio of a request that must succeed."""
    async with client.post(SPEECH, json=request_body(**changes)) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def read_until_error(response: aiohttp.ClientResponse) -> tuple[bytes, Exception | None]:
    """Return what arrives until something breaks or nothing has come for a while, and what it was."""
    received = b""
    try:
        while data := await asyncio.wait_for(response.content.readany(), 0.3):
            received += data
    except (aiohttp.ClientError, TimeoutError) as error:
        return received, error
    return received, None


def seconds(audio: bytes, *source: str) -> float:
    """Decode audio with ffmpeg, which must not complain, and return its length."""
    command = [ffmpeg(), "-v", "error", *(source or ("-xerror",)), "-i", "pipe:0", "-f", "s16le", "-ar", "24000", "-"]
    result = subprocess.run(command, input=audio, capture_output=True, check=True)
    assert source or result.stderr == b""
    return len(result.stdout) / 2 / SAMPLE_RATE


def seconds_of_pcm(audio: bytes) -> float:
    """Return the length of bare samples."""
    return len(audio) / 2 / SAMPLE_RATE


# What is refused


@pytest.mark.parametrize(
    ("changes", "status", "code", "words"),
    [
        ({"model": ...}, 400, None, "Field required"),
        ({"input": ...}, 400, None, "Field required"),
        ({"voice": ...}, 400, None, "Field required"),
        ({"format": "mp3"}, 400, None, "Extra inputs"),
        ({"stream": True}, 400, None, "Extra inputs"),
        ({"language": "en"}, 400, None, "Extra inputs"),
        ({"model": 1}, 400, None, "valid string"),
        ({"model": None}, 400, None, "valid string"),
        ({"input": ["a"]}, 400, None, "valid string"),
        ({"input": ""}, 400, None, "at least 1 character"),
        ({"input": "a" * (MAX_CHARACTERS + 1)}, 400, None, "at most 4096"),
        ({"input": "好" * 3400}, 400, "string_above_max_length", "2000 input tokens"),
        ({"instructions": "a" * (MAX_CHARACTERS + 1)}, 400, None, "at most 4096"),
        ({"instructions": None}, 400, None, "valid string"),
        ({"voice": "nobody"}, 400, None, "'alloy', 'ash'"),
        ({"voice": "Alloy"}, 400, None, "literal_error"),
        ({"voice": "voice_1234"}, 400, None, "literal_error"),
        ({"voice": {"id": "1234"}}, 400, None, "voice_"),
        ({"voice": {"id": 5}}, 400, None, "voice"),
        ({"voice": {"id": "voice_1", "name": "x"}}, 400, None, "voice"),
        ({"voice": {}}, 400, None, "voice"),
        ({"voice": 7}, 400, None, "valid string"),
        ({"response_format": "ogg"}, 400, None, "literal_error"),
        ({"response_format": None}, 400, None, "literal_error"),
        ({"stream_format": "raw"}, 400, None, "literal_error"),
        ({"speed": 0.2}, 400, None, "greater than"),
        ({"speed": 4.01}, 400, None, "less than"),
        ({"speed": "1.0"}, 400, None, "valid number"),
        ({"speed": True}, 400, None, "valid number"),
        ({"speed": None}, 400, None, "valid number"),
        ({"model": "tts-2"}, 404, "model_not_found", "tts-2"),
        ({"model": "gpt-4o"}, 400, "invalid_value", "not supported"),
        ({"model": "gpt-realtime-2.1-mini"}, 400, "invalid_value", "not supported"),
        ({"model": OLD, "instructions": "Whisper."}, 400, "unsupported_parameter", "instructions"),
        ({"model": "tts-1-hd", "instructions": ""}, 400, "unsupported_parameter", "instructions"),
        ({"model": OLD, "stream_format": "sse"}, 400, "unsupported_value", "sse"),
        ({"model": OLD, "voice": {"id": "voice_1"}}, 400, None, "literal_error"),
        *(({"model": OLD, "voice": voice}, 400, None, voice) for voice in ("ballad", "verse", "marin", "cedar")),
        ({"model": "tts-1-hd", "voice": "marin"}, 400, None, "marin"),
    ],
)
async def test_refused(
    client: aiohttp.ClientSession, changes: dict[str, Any], status: int, code: str | None, words: str
) -> None:
    """What the contract forbids is refused in the provider's error format."""
    async with client.post(SPEECH, json=request_body(**changes)) as response:
        body = await response.json()
        assert response.status == status
        assert response.headers["x-request-id"].startswith("req_")
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["code"] == code
    assert words in body["error"]["message"]


@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"\xff", b'{"speed": NaN}', b"[" * 100_000])
async def test_broken_json(client: aiohttp.ClientSession, simulator: Simulator, raw: bytes) -> None:
    """A body that is not JSON is refused and remembered as None."""
    async with client.post(SPEECH, data=raw, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
        assert "could not parse" in (await response.json())["error"]["message"]
    assert simulator.requests[-1].body is None


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"5"])
async def test_json_that_is_no_object(client: aiohttp.ClientSession, raw: bytes) -> None:
    """JSON alone is not enough."""
    async with client.post(SPEECH, data=raw, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
        assert "valid dictionary" in (await response.json())["error"]["message"]


async def test_other_content_type(client: aiohttp.ClientSession) -> None:
    """The body must be announced as JSON."""
    async with client.post(SPEECH, data=json.dumps(request_body())) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "unsupported_content_type"


@pytest.mark.parametrize(
    ("authorization", "code", "words"),
    [
        (None, None, "You didn't provide an API key"),
        ("Bearer ", None, "You didn't provide an API key"),
        ("Basic abc", None, "You didn't provide an API key"),
        ("Bearer sk-wrong-0123456789abcd", "invalid_api_key", "provided: sk-wrong***********abcd."),
        ("Bearer short", "invalid_api_key", "provided: sh***."),
    ],
)
@pytest.mark.parametrize("route", [("POST", SPEECH), ("GET", "/v1/models"), ("GET", "/v1/models/tts-1")])
async def test_key_is_checked(
    simulator: Simulator, route: tuple[str, str], authorization: str | None, code: str | None, words: str
) -> None:
    """Without the right key everything is a 401, and the message shows a masked key."""
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        aiohttp.ClientSession(simulator.url, headers=headers) as session,
        session.request(*route, json=request_body(model="unknown")) as response,
    ):
        assert response.status == 401
        error = (await response.json())["error"]
    assert error["code"] == code
    assert words in error["message"]


async def test_server_without_a_key(simulator: Simulator) -> None:
    """A server may do without a key."""
    simulator.api_key = None
    async with aiohttp.ClientSession(simulator.url) as session, session.get("/v1/models") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/audio/voices", 404),
        ("POST", "/v1/v1/audio/speech", 404),
        ("GET", SPEECH, 405),
        ("POST", "/v1/models", 405),
    ],
)
async def test_unknown_routes(client: aiohttp.ClientSession, method: str, path: str, status: int) -> None:
    """Routes and methods that do not exist are refused in the provider's error format too."""
    async with client.request(method, path) as response:
        assert response.status == status
        assert (await response.json())["error"]["type"] == "invalid_request_error"


# What is listed


async def test_models(client: aiohttp.ClientSession) -> None:
    """Models are listed and shown one by one, with the day they end."""
    async with client.get("/v1/models") as response:
        listed = await response.json()
    assert listed["object"] == "list"
    models = {model["id"]: model for model in listed["data"]}
    assert {NEW, OLD, "tts-1-hd", "gpt-4o", "gpt-realtime-2.1-mini"} <= models.keys()
    assert models[OLD]["shutdown_date"] == "2027-01-06"
    assert models["gpt-4o"]["shutdown_date"] is None
    async with client.get("/v1/models/tts-1") as response:
        assert await response.json() == models[OLD]
    async with client.get("/v1/models/tts-9") as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "model_not_found"


async def test_model_that_was_shut_down(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A model that is no longer listed cannot be used."""
    simulator.openai.models = [model for model in simulator.openai.models if model["id"] != OLD]
    async with client.post(SPEECH, json=request_body(model=OLD)) as response:
        assert response.status == 404


# What is spoken


@pytest.mark.parametrize("audio_format", list(MAGIC))
async def test_formats(client: aiohttp.ClientSession, audio_format: str) -> None:
    """Every format is what its name, its type and its first bytes say, and decodes to the whole sentence."""
    async with client.post(SPEECH, json=request_body(response_format=audio_format)) as response:
        assert response.status == 200
        assert response.content_type == f"audio/{TYPES[audio_format]}"
        assert response.headers["Transfer-Encoding"] == "chunked"
        audio = await response.read()
    assert audio.startswith(MAGIC[audio_format])
    assert SHORTEST < seconds(audio, *SOURCES.get(audio_format, ())) < LONGEST


async def test_mp3_is_the_default(client: aiohttp.ClientSession) -> None:
    """Who names no format gets mp3."""
    assert (await speech(client)).startswith(b"ID3")


async def test_wav_of_unknown_length(client: aiohttp.ClientSession) -> None:
    """The wav header is the real service's, byte for byte."""
    audio = await speech(client, response_format="wav")
    header = "52494646 ffffffff 57415645 666d7420 10000000 0100 0100 c05d0000 80bb0000 0200 1000 64617461 ffffffff"
    assert audio[:44] == bytes.fromhex(header)
    assert audio[44:] == await speech(client, response_format="pcm")


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 1.5, 3, 4.0])
async def test_speed_changes_the_length(client: aiohttp.ClientSession, speed: float) -> None:
    """Speed is audible."""
    normal = seconds_of_pcm(await speech(client, response_format="pcm"))
    changed = seconds_of_pcm(await speech(client, response_format="pcm", speed=speed))
    assert changed == pytest.approx(normal / speed, rel=0.1)


async def test_every_voice_is_its_own(client: aiohttp.ClientSession) -> None:
    """No two voices sound the same, and each sounds the same every time."""
    heard = {voice: await speech(client, voice=voice, response_format="pcm") for voice in VOICES}
    assert len(set(heard.values())) == len(VOICES) == 13
    assert heard["onyx"] == await speech(client, voice="onyx", response_format="pcm")


@pytest.mark.parametrize("voice", OLDER_VOICES)
async def test_older_models_have_nine_voices(client: aiohttp.ClientSession, voice: str) -> None:
    """The older models speak with the nine voices they have."""
    assert len(OLDER_VOICES) == 9
    assert SHORTEST < seconds(await speech(client, model=OLD, voice=voice)) < LONGEST


async def test_custom_voice(client: aiohttp.ClientSession) -> None:
    """A custom voice is an object with an id."""
    assert SHORTEST < seconds(await speech(client, voice={"id": "voice_1234"}, instructions="Whisper.")) < LONGEST
    assert Speaker.named("voice_1234") == Speaker.named("voice_1234") != Speaker.named("voice_1235")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", "The weather is fine, Ännchen."),
        ("ru", "Сегодня хорошая погода, Bob."),
        ("cmn", "今天天气很好。"),
        ("ja", "今日はいい天気ですね。"),
        ("ar", "الطقس جميل اليوم."),
        ("hi", "आज मौसम अच्छा है।"),
        ("ko", "오늘 날씨가 좋네요."),
        ("el", "Σήμερα κάνει καλό καιρό."),
        ("he", "מזג האוויר יפה היום."),
        ("th", "วันนี้อากาศดี"),
        ("ta", "இன்று வானிலை நன்றாக உள்ளது."),
        ("en-us", "ថ្ងៃនេះអាកាសធាតុល្អ"),
        ("en-us", "21 °C, 50 %"),
        ("en-us", "🎉"),
        ("en-us", "…"),
        ("en-us", " "),
    ],
)
async def test_every_language_sounds(client: aiohttp.ClientSession, language: str, text: str) -> None:
    """Every script is read in a language that has it, and even no words at all make a sound."""
    assert language_of(text) == language
    length = seconds_of_pcm(await speech(client, input=text, response_format="pcm"))
    assert 0.05 * len(text) ** 0.5 < length < 0.7 * len(text) + 2


async def test_longest_input(client: aiohttp.ClientSession) -> None:
    """The longest input is spoken to its end."""
    text = (TEXT + " ") * 100
    length = seconds_of_pcm(await speech(client, input=text[:MAX_CHARACTERS], response_format="pcm"))
    assert 120 < length < 400


async def test_many_at_once(client: aiohttp.ClientSession) -> None:
    """Simultaneous requests do not mix up their speech."""
    texts = [f"Number {number}." for number in range(12)] * 2
    heard = await asyncio.gather(*(speech(client, input=text, response_format="pcm") for text in texts))
    assert heard[:12] == heard[12:]
    assert len(set(heard)) == 12


async def test_server_sent_events(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Events carry the same audio, and what was used."""
    async with client.post(SPEECH, json=request_body(stream_format="sse", response_format="wav")) as response:
        assert response.content_type == "text/event-stream"
        body = await response.read()
    assert simulator.requests[-1].sent == len(body)
    *lines, rest = body.decode().split("\n\n")
    assert rest == ""
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert events[-1]["type"] == "speech.audio.done"
    usage = events[-1]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 10
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == await speech(client, response_format="wav")


# When it comes


async def timeline(client: aiohttp.ClientSession, **changes: Any) -> list[tuple[float, int]]:
    """Return when each piece of an answer arrived, in seconds from the request, and how long it was."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with client.post(SPEECH, json=request_body(**changes)) as response:
        return [(loop.time() - started, len(data)) async for data in response.content.iter_any()]


async def test_first_byte_hides_the_synthesis(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The synthesis takes place within the time to the first byte."""
    simulator.timing = Timing(first_byte=0.5)
    arrivals = await timeline(client, input="These words have not been said before.")
    assert 0.45 < arrivals[0][0] < 0.8


async def test_rate(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Audio leaves evenly, at the rate asked for."""
    length = seconds_of_pcm(await speech(client, response_format="pcm"))
    simulator.timing = Timing(rate=4.0)
    arrivals = await timeline(client, response_format="pcm")
    assert sum(size for _, size in arrivals) == length * SAMPLE_RATE * 2
    assert length / 4 * 0.8 < arrivals[-1][0] < length / 4 + 0.5
    assert len(arrivals) > 10
    half = itertools.accumulate(arrivals, lambda sum_, arrival: (arrival[0], sum_[1] + arrival[1]))
    halfway = next(when for when, size in half if size > length * SAMPLE_RATE)
    assert length / 8 * 0.7 < halfway < length / 8 + 0.4


async def test_everything_at_once_without_a_rate(client: aiohttp.ClientSession) -> None:
    """Without a rate nothing is held back."""
    await speech(client)
    assert (await timeline(client))[-1][0] < 0.5


@pytest.mark.parametrize("wrong", [{"first_byte": -1}, {"rate": 0.0}])
def test_impossible_timing(wrong: dict[str, float]) -> None:
    """Nonsense is refused where it is written."""
    with pytest.raises(ValueError, match="must"):
        Timing(**wrong)


# What is remembered


async def test_requests_are_remembered(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Requests can be looked at afterwards."""
    audio = await speech(client)
    async with client.get("/v1/models", headers={"X-Test": "yes"}) as response:
        body = await response.read()
    first, second = simulator.requests
    assert (first.method, first.path, first.body) == ("POST", SPEECH, request_body())
    assert (first.status, first.sent, first.disconnected) == (200, len(audio), False)
    assert (second.method, second.path, second.body) == ("GET", "/v1/models", None)
    assert (second.status, second.sent, second.headers["x-test"]) == (200, len(body), "yes")
    assert first.finished.is_set()
    simulator.reset()
    assert simulator.requests == []


@pytest.mark.parametrize("timing", [Timing(rate=0.5), Timing(first_byte=60)])
async def test_client_that_leaves(client: aiohttp.ClientSession, simulator: Simulator, timing: Timing) -> None:
    """A client that stops is noticed at once, before and during the audio."""
    audio = await speech(client)
    simulator.timing = timing
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3), client.post(SPEECH, json=request_body()) as response:
            await response.content.readany()
            response.close()
    received = simulator.requests[-1]
    await asyncio.wait_for(received.finished.wait(), 5)
    assert received.disconnected
    assert received.sent < len(audio)


# What goes wrong


@pytest.mark.parametrize(
    ("fault", "content_type", "body"),
    [
        (Fault(status=500), "application/octet-stream", b""),
        (Fault(json={"error": "no"}, status=429, headers={"Retry-After": "2"}), "application/json", b'{"error": "no"}'),
        (Fault(json={"audioUrl": "x"}), "application/json", b'{"audioUrl": "x"}'),
        (Fault(body="<html>", headers={"Content-Type": "text/html"}), "text/html", b"<html>"),
        (Fault(body=b"", headers={"Content-Type": "audio/mpeg"}), "audio/mpeg", b""),
        (Fault(status=307, headers={"Location": "http://localhost/"}), "application/octet-stream", b""),
    ],
)
async def test_scripted_answers(
    client: aiohttp.ClientSession, simulator: Simulator, fault: Fault, content_type: str, body: bytes
) -> None:
    """A scripted answer comes as scripted, once."""
    simulator.fail(fault)
    async with client.post(SPEECH, json=request_body(), allow_redirects=False) as response:
        assert response.status == (fault.status or 200)
        assert response.content_type == content_type
        assert fault.headers.items() <= dict(response.headers).items()
        assert await response.read() == body
    assert simulator.requests[-1].status == response.status
    await speech(client)


async def test_faults_are_consumed_in_order(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Each request takes the first fault that is meant for it."""
    simulator.fail(
        Fault(path="/v1/models", status=503),
        Fault(path="/v1/audio/*", method="POST", status=500, times=2),
        Fault(path=SPEECH, status=429),
        Fault(times=0, status=418),
    )
    statuses = []
    for _ in range(4):
        async with client.post(SPEECH, json=request_body()) as response:
            statuses.append(response.status)
    assert statuses == [500, 500, 429, 200]
    async with client.get("/v1/models") as response:
        assert response.status == 503


async def test_forgotten_faults(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A reset takes faults back."""
    simulator.fail(Fault(status=500))
    simulator.reset()
    await speech(client)


async def test_delay(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A delayed answer is still the true one."""
    await speech(client)
    simulator.fail(Fault(delay=0.4))
    assert 0.35 < (await timeline(client))[0][0] < 0.9


async def test_closed_without_an_answer(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection can be closed without a word."""
    simulator.fail(Fault(method="POST", close=True))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await speech(client)
    assert not simulator.requests[-1].disconnected


@pytest.mark.parametrize("promised", [False, True])
@pytest.mark.parametrize("size", [0, 1, 5000])
async def test_truncated(client: aiohttp.ClientSession, simulator: Simulator, size: int, *, promised: bool) -> None:
    """Exactly so many bytes arrive, and the client can tell that it was not all."""
    audio = await speech(client)
    simulator.fail(Fault(truncate_after=size, content_length=promised))
    async with client.post(SPEECH, json=request_body()) as response:
        assert response.status == 200
        assert response.headers.get("Content-Length") == (str(len(audio)) if promised else None)
        received, error = await read_until_error(response)
    assert isinstance(error, aiohttp.ClientPayloadError)
    assert received == audio[:size]
    assert simulator.requests[-1].sent == size
    assert not simulator.requests[-1].disconnected


async def test_promised_length(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A length that was promised is kept, if nothing else is asked for."""
    audio = await speech(client)
    simulator.fail(Fault(content_length=True))
    async with client.post(SPEECH, json=request_body()) as response:
        assert response.content_length == len(audio)
        assert await response.read() == audio


@pytest.mark.parametrize("size", [0, 3000])
async def test_stalled(client: aiohttp.ClientSession, simulator: Simulator, size: int) -> None:
    """Exactly so many bytes arrive, then nothing, and the client can leave."""
    audio = await speech(client)
    simulator.fail(Fault(stall_after=size))
    async with client.post(SPEECH, json=request_body()) as response:
        received, error = await read_until_error(response)
        assert isinstance(error, TimeoutError)
        assert received == audio[:size]
    await asyncio.wait_for(simulator.requests[-1].finished.wait(), 5)
    assert simulator.requests[-1].disconnected


async def test_pause_then_truncation(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A pause ends, and what follows it is the rest, or less."""
    audio = await speech(client)
    simulator.fail(Fault(stall_after=2000, stall=0.3), Fault(stall_after=2000, stall=0.0, truncate_after=3000))
    arrivals = await timeline(client)
    assert sum(size for _, size in arrivals) == len(audio)
    assert arrivals[-1][0] - arrivals[0][0] > 0.2
    with pytest.raises(aiohttp.ClientPayloadError):
        await speech(client)
    assert simulator.requests[-1].sent == 3000


async def test_truncated_events(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """In a stream of events, bytes of audio count."""
    simulator.fail(Fault(truncate_after=100, content_length=True))
    async with client.post(SPEECH, json=request_body(stream_format="sse")) as response:
        event = await response.content.readuntil(b"\n\n")
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert len(base64.b64decode(json.loads(event.removeprefix(b"data: "))["audio"])) == 100


# How it ends


async def test_nothing_outlives_the_simulator() -> None:
    """Neither tasks nor threads are left, whatever was going on."""
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    loop = asyncio.get_running_loop()
    async with Simulator(timing=Timing(rate=0.1)) as simulator:
        headers = {"Authorization": f"Bearer {simulator.api_key}"}
        async with aiohttp.ClientSession(simulator.url, headers=headers) as client:
            simulator.fail(Fault(stall_after=10))
            responses = [await client.post(SPEECH, json=request_body()) for _ in range(2)]
            assert [response.status for response in responses] == [200, 200]
            started = asyncio.create_task(client.post(SPEECH, json=request_body(input="Nor these words. " * 200)))
            await asyncio.sleep(0.1)
            before = loop.time()
            await simulator.__aexit__(None, None, None)
            assert loop.time() - before < 15  # what is being encoded is finished; what is being sent is not
            assert not any(received.disconnected for received in simulator.requests)
            await asyncio.gather(started, return_exceptions=True)
            for response in responses:
                response.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks
    assert set(threading.enumerate()) <= threads


async def test_chosen_port(simulator: Simulator) -> None:
    """A port can be chosen, and is free again afterwards."""
    port = int(simulator.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with Simulator(port=port):
            pass
    await simulator.__aexit__(None, None, None)
    async with Simulator(port=port) as successor:
        assert successor.url == simulator.url
        assert successor.openai_url == f"{successor.url}/v1"


def test_shelf_is_bounded() -> None:
    """Recordings leave in the order of their last use."""
    shelf: Shelf[str, bytes] = Shelf(100, len)
    shelf.put("first", bytes(50))
    shelf.put("second", bytes(50))
    assert shelf.get("first") == bytes(50)
    shelf.put("third", bytes(50))
    assert [shelf.get(key) is not None for key in ("first", "second", "third")] == [True, False, True]
    shelf.put("first", bytes(40))
    assert [shelf.get(key) is not None for key in ("first", "third")] == [True, True]
    shelf.put("too large", bytes(101))
    assert [shelf.get(key) for key in ("first", "third", "too large")] == [None, None, None]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_program(stop: signal.Signals) -> None:
    """As a program it says where it is, keeps to its options, and ends when told."""
    root = Path(__file__).parent.parent
    options = ("--port", "0", "--first-byte", "0.1", "--rate", "20", "--api-key", "sk-chosen")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.simulator", *options, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        assert ready["openai_url"] == f"{ready['url']}/v1"
        headers = {"Authorization": "Bearer sk-chosen"}
        async with aiohttp.ClientSession(ready["url"], headers=headers) as client:
            assert SHORTEST < seconds(await speech(client)) < LONGEST
        process.send_signal(stop)
        _, complaints = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, complaints) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_program_refuses_impossible_timing() -> None:
    """Options are checked."""
    command = (sys.executable, "-m", "tests.simulator", "--rate", "0")
    result = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, check=False)
    assert result.returncode == 2
    assert b"rate must be above zero" in result.stderr
