"""What the simulated Realtime API refuses: keys and values, events that come at the wrong time, and connections."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.simulator import Fault, Simulator, Timing

from .openai_client import TEXT
from .realtime_client import MODEL, URL, Talk, response_body, session_body, talk

OUTPUT = {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"}
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT}]}


def sound(**changes: Any) -> dict[str, Any]:
    """Return settings of the sound with changes; a value of ... leaves a key out."""
    return {"output": {key: value for key, value in (OUTPUT | changes).items() if value is not ...}}


def message(**changes: Any) -> dict[str, Any]:
    """Return a list of one message with changes; a value of ... leaves a key out."""
    return {"input": [{key: value for key, value in (USER | changes).items() if value is not ...}]}


def part(**keys: Any) -> dict[str, Any]:
    """Return a list of one message with one part."""
    return message(content=[keys])


# Values of both events

SHARED = [
    ({"voice": "marin"}, "unknown_parameter", "voice"),
    ({"modalities": ["audio"]}, "unknown_parameter", "modalities"),
    ({"temperature": 0.8}, "unknown_parameter", "temperature"),
    ({"output_modalities": ["audio", "text"]}, "invalid_value", "output_modalities"),
    ({"output_modalities": []}, "invalid_value", "output_modalities"),
    ({"output_modalities": ["sound"]}, "invalid_value", "output_modalities[0]"),
    ({"output_modalities": "audio"}, "invalid_type", "output_modalities"),
    ({"instructions": None}, "invalid_type", "instructions"),
    ({"audio": []}, "invalid_type", "audio"),
    ({"audio": {"voice": "marin"}}, "unknown_parameter", "audio.voice"),
    ({"audio": sound(pitch=1)}, "unknown_parameter", "audio.output.pitch"),
    ({"audio": sound(voice="nova")}, "invalid_value", "audio.output.voice"),
    ({"audio": sound(voice="Marin")}, "invalid_value", "audio.output.voice"),
    ({"audio": sound(voice=None)}, "invalid_type", "audio.output.voice"),
    ({"audio": sound(voice={})}, "missing_required_parameter", "audio.output.voice.id"),
    ({"audio": sound(voice={"id": "nobody"})}, "invalid_value", "audio.output.voice.id"),
    ({"audio": sound(voice={"id": "voice_1", "name": "x"})}, "unknown_parameter", "audio.output.voice.name"),
    ({"audio": sound(format="pcm16")}, "invalid_type", "audio.output.format"),
    ({"audio": sound(format={"rate": 24_000})}, "missing_required_parameter", "audio.output.format.type"),
    ({"audio": sound(format={"type": "audio/mpeg"})}, "invalid_value", "audio.output.format.type"),
    (
        {"audio": sound(format={"type": "audio/pcm", "rate": 16_000})},
        "integer_below_min_value",
        "audio.output.format.rate",
    ),
    (
        {"audio": sound(format={"type": "audio/pcm", "rate": 48_000})},
        "integer_above_max_value",
        "audio.output.format.rate",
    ),
    (
        {"audio": sound(format={"type": "audio/pcmu", "rate": 8000})},
        "unknown_parameter",
        "audio.output.format.rate",
    ),
    ({"max_output_tokens": 0}, "integer_below_min_value", "max_output_tokens"),
    ({"max_output_tokens": 4097}, "integer_above_max_value", "max_output_tokens"),
    ({"max_output_tokens": 10.5}, "invalid_type", "max_output_tokens"),
    ({"max_output_tokens": True}, "invalid_type", "max_output_tokens"),
    ({"max_output_tokens": "many"}, "invalid_value", "max_output_tokens"),
    ({"tools": [{"name": "x"}]}, "missing_required_parameter", "tools[0].type"),
    ({"tools": [{"type": "function", "strict": True}]}, "unknown_parameter", "tools[0].strict"),
    ({"tool_choice": "never"}, "invalid_value", "tool_choice"),
    ({"tool_choice": {"type": "function"}}, "missing_required_parameter", "tool_choice.name"),
    ({"parallel_tool_calls": "no"}, "invalid_type", "parallel_tool_calls"),
    ({"reasoning": {"effort": "none"}}, "invalid_value", "reasoning.effort"),
    ({"prompt": {}}, "missing_required_parameter", "prompt.id"),
]


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        *SHARED,
        ({"type": ...}, "missing_required_parameter", "type"),
        ({"type": "transcription"}, "invalid_value", "type"),
        ({"type": "session"}, "invalid_value", "type"),
        ({"model": "gpt-realtime"}, "invalid_value", "model"),
        ({"conversation": "none"}, "unknown_parameter", "conversation"),
        ({"metadata": {}}, "unknown_parameter", "metadata"),
        ({"turn_detection": None}, "unknown_parameter", "turn_detection"),
        ({"audio": sound(speed=0.2)}, "decimal_below_min_value", "audio.output.speed"),
        ({"audio": sound(speed=1.6)}, "decimal_above_max_value", "audio.output.speed"),
        ({"audio": sound(speed="1")}, "invalid_type", "audio.output.speed"),
        ({"audio": {"input": {"turn_detection": {"type": "vad"}}}}, "invalid_value", "audio.input.turn_detection.type"),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "threshold": 1}}}},
            "unknown_parameter",
            "audio.input.turn_detection.threshold",
        ),
        ({"truncation": {"type": "retention_ratio"}}, "missing_required_parameter", "truncation.retention_ratio"),
        ({"tracing": "always"}, "invalid_value", "tracing"),
        ({"include": ["logprobs"]}, "invalid_value", "include[0]"),
    ],
)
async def test_refused_settings(
    client: aiohttp.ClientSession, simulator: Simulator, changes: dict[str, Any], code: str, param: str
) -> None:
    """Settings that the schema forbids are refused as a whole, and the connection stays as it was."""
    async with talk(client) as talking:
        before = simulator.openai.realtime.sockets[0].session
        error = await talking.refused("session.update", session=session_body(**changes))
        assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, f"session.{param}")
        assert simulator.openai.realtime.sockets[0].session == before
        assert simulator.openai.realtime.sockets[0].refusals[0].code == code
        await talking.update(**session_body(type=...))


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        *SHARED,
        ({"type": "realtime"}, "unknown_parameter", "type"),
        ({"model": MODEL}, "unknown_parameter", "model"),
        ({"audio": sound(speed=1.0)}, "unknown_parameter", "audio.output.speed"),
        ({"conversation": "mine"}, "invalid_value", "conversation"),
        ({"metadata": []}, "invalid_type", "metadata"),
        ({"metadata": {"n": 1}}, "invalid_type", "metadata.n"),
        ({"metadata": {"n": "x" * 513}}, "string_above_max_length", "metadata.n"),
        ({"metadata": {"n" * 65: "x"}}, "string_above_max_length", "metadata"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "object_above_max_properties", "metadata"),
        ({"input": USER}, "invalid_type", "input"),
        ({"input": [TEXT]}, "invalid_type", "input[0]"),
        (message(type=...), "missing_required_parameter", "input[0].type"),
        (message(type="text"), "invalid_value", "input[0].type"),
        (message(role=...), "missing_required_parameter", "input[0].role"),
        (message(role="developer"), "invalid_value", "input[0].role"),
        (message(content=...), "missing_required_parameter", "input[0].content"),
        (message(content=TEXT), "invalid_type", "input[0].content"),
        (message(name="Ann"), "unknown_parameter", "input[0].name"),
        (part(text=TEXT), "missing_required_parameter", "input[0].content[0].type"),
        (part(type="text", text=TEXT), "invalid_value", "input[0].content[0].type"),
        (part(type="input_text"), "missing_required_parameter", "input[0].content[0].text"),
        (part(type="input_text", text=5), "invalid_type", "input[0].content[0].text"),
        (part(type="input_text", text=TEXT, voice="x"), "unknown_parameter", "input[0].content[0].voice"),
        ({"input": [{"type": "item_reference", "id": "item_1"}]}, "item_not_found", "input[0].id"),
        # what OpenAI would do
        ({"conversation": "auto"}, "not_simulated", "conversation"),
        ({"conversation": ...}, "not_simulated", "conversation"),
        ({"output_modalities": ["text"]}, "not_simulated", "output_modalities"),
        ({"audio": sound(format={"type": "audio/pcmu"})}, "not_simulated", "audio.output.format"),
        (part(type="input_audio", audio=""), "not_simulated", "input[0].content[0].type"),
        ({"input": [{"type": "function_call"}]}, "not_simulated", "input[0].type"),
    ],
)
async def test_refused_answers(
    client: aiohttp.ClientSession, simulator: Simulator, changes: dict[str, Any], code: str, param: str
) -> None:
    """What the schema forbids is not answered, and the connection goes on."""
    async with talk(client) as talking:
        error = await talking.refused("response.create", response=response_body(**changes))
        assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, f"response.{param}")
        assert simulator.openai.realtime.readings == []
        assert (await talking.read()).response["status"] == "completed"


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        ({"type": "response.create", "voice": "marin"}, "unknown_parameter", "voice"),
        ({"type": "response.create", "response": None}, "invalid_type", "response"),
        ({"type": "response.create"}, "not_simulated", "response.conversation"),
        ({"type": "response.cancel", "id": "resp_1"}, "unknown_parameter", "id"),
        ({"type": "response.cancel", "response_id": 1}, "invalid_type", "response_id"),
        ({"type": "response.cancel", "response_id": "resp_1"}, "response_cancel_not_active", None),
        ({"type": "response.cancel"}, "response_cancel_not_active", None),
        ({"type": "speak"}, "invalid_value", "type"),
        ({"type": 5}, "invalid_type", "type"),
        ({"type": "conversation.item.create", "item": USER}, "not_simulated", "type"),
    ],
)
async def test_refused_events(
    client: aiohttp.ClientSession, event: dict[str, Any], code: str, param: str | None
) -> None:
    """Events are checked as a whole."""
    async with talk(client) as talking:
        await talking.socket.send_json(event | {"event_id": "mine"})
        error = (await talking.event("error"))["error"]
        assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
        await talking.update()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", "invalid_json"),
        ('{"type": NaN}', "invalid_json"),
        ("[]", "invalid_event"),
        ('{"event_id": "mine"}', "invalid_event"),
        (b"{}", "invalid_event"),
    ],
)
async def test_frames_that_are_no_events(client: aiohttp.ClientSession, frame: str | bytes, code: str) -> None:
    """Only text frames with a JSON object that has a type are taken, and nothing else does harm."""
    async with talk(client) as talking:
        await (talking.socket.send_bytes(frame) if isinstance(frame, bytes) else talking.socket.send_str(frame))
        assert (await talking.event("error"))["error"]["code"] == code
        await talking.update()


async def test_longest_id(client: aiohttp.ClientSession) -> None:
    """The id of an event may be as long as the schema says."""
    async with talk(client) as talking:
        await talking.send("session.update", session={"type": "realtime"}, event_id="x" * 512)
        await talking.event("session.updated")
        await talking.send("session.update", session={"type": "realtime"}, event_id="x" * 513)
        assert (await talking.event("error"))["error"]["code"] == "string_above_max_length"


@pytest.mark.parametrize("settings", [{"reasoning": {"effort": "minimal"}}, {"parallel_tool_calls": False}])
async def test_reasoning_models(client: aiohttp.ClientSession, settings: dict[str, Any]) -> None:
    """What only some models know is refused by the others."""
    (key,) = settings
    async with talk(client) as talking:
        await talking.update(**settings)
        await talking.read(**settings)
    async with talk(client, "/v1/realtime?model=gpt-realtime-mini") as talking:
        error = await talking.refused("session.update", session={"type": "realtime", **settings})
        assert (error["code"], error["param"]) == ("unsupported_parameter", f"session.{key}")
        error = await talking.refused("response.create", response=response_body(**settings))
        assert (error["code"], error["param"]) == ("unsupported_parameter", f"response.{key}")


# Too late


async def test_voice_is_kept(client: aiohttp.ClientSession) -> None:
    """Once a voice was heard there is no other on this connection."""
    async with talk(client) as talking:
        await talking.update(audio={"output": {"voice": "cedar"}})
        await talking.update(audio={"output": {"voice": "ash"}})
        await talking.read()
        await talking.update(audio={"output": {"voice": "ash"}}, instructions="Slowly.")
        settings = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}, "instructions": "Not this."}
        error = await talking.refused("session.update", session=settings)
        assert error["code"] == "cannot_update_voice"
        assert (await talking.update())["instructions"] == "Slowly."
        response = response_body(audio={"output": {"voice": "cedar"}})
        assert (await talking.refused("response.create", response=response))["code"] == "cannot_update_voice"
        assert (await talking.read(audio={"output": {"voice": "ash"}})).response["status"] == "completed"


async def test_speed_is_kept_meanwhile(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The speed changes only while nothing is said."""
    simulator.timing = Timing(first_byte=60)
    async with talk(client) as talking:
        answer = await talking.ask()
        settings = {"type": "realtime", "audio": {"output": {"speed": 1.2}}}
        assert (await talking.refused("session.update", session=settings))["param"] == "session.audio.output.speed"
        await talking.send("response.cancel", response_id=answer)
        await talking.hear(answer)
        await talking.update(audio={"output": {"speed": 1.2}})


# Connections


async def refused_with(client: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str | None]:
    """Return the status and the code of a connection that is refused."""
    asking = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    asking |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} | headers
    async with client.get(url, headers=asking) as response:
        error = (await response.json())["error"]
        code: str | None = error["code"]
        return response.status, code


@dataclass(frozen=True, slots=True)
class Refusal:
    """A wrong request for a connection: how it is refused before it is upgraded, and after."""

    url: str
    headers: dict[str, str]
    status: int
    code: str | None
    close_code: int
    reason: str


REFUSALS = [
    Refusal(URL, {"Authorization": ""}, 401, None, 3000, "invalid_request_error"),
    Refusal(
        URL,
        {"Authorization": "Bearer sk-wrong-0123456789abcd"},
        *(401, "invalid_api_key", 3000, "invalid_request_error.invalid_api_key"),
    ),
    Refusal("/v1/realtime", {}, 400, "missing_model", 4000, "invalid_request_error.missing_model"),
    Refusal(
        URL,
        {"OpenAI-Beta": "realtime=v1"},
        *(400, "beta_api_shape_disabled", 4000, "invalid_request_error.beta_api_shape_disabled"),
    ),
    Refusal("/v1/realtime?model=none", {}, 404, "model_not_found", 4000, "invalid_request_error.invalid_model"),
    Refusal("/v1/realtime?model=gpt-4o", {}, 400, "invalid_model", 4000, "invalid_request_error.invalid_model"),
]


@pytest.mark.parametrize("case", REFUSALS)
async def test_refused_before(client: aiohttp.ClientSession, simulator: Simulator, case: Refusal) -> None:
    """A connection without the key or for another model is refused with a status."""
    assert await refused_with(client, case.url, **case.headers) == (case.status, case.code)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(case.url, headers=case.headers)
    assert caught.value.status == case.status
    assert [request.status for request in simulator.requests] == [case.status] * 2
    assert simulator.openai.realtime.sockets == []


@pytest.mark.parametrize("case", REFUSALS)
async def test_refused_after(client: aiohttp.ClientSession, simulator: Simulator, case: Refusal) -> None:
    """Or it is opened, only to be told so and closed."""
    simulator.openai.realtime.refuses = "after"
    async with client.ws_connect(case.url, headers=case.headers) as socket:
        error = (await Talk(socket).event("error"))["error"]
        assert ".".join(filter(None, (error["type"], error["code"]))) == case.reason
        assert await Talk(socket).end() == (case.close_code, case.reason)
    assert simulator.openai.realtime.sockets == []


async def test_server_without_a_key(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A server may do without a key."""
    simulator.api_key = None
    async with talk(client) as talking:
        await talking.update()


async def test_no_upgrade(client: aiohttp.ClientSession) -> None:
    """Who only asks gets no answer."""
    async with client.get(URL) as response:
        assert response.status == 426
        assert (await response.json())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_scripted_refusal(client: aiohttp.ClientSession, simulator: Simulator, status: int) -> None:
    """A connection can be refused as any request can, once."""
    simulator.fail(Fault(path="/v1/realtime", status=status, headers={"Retry-After": "1"}))
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(URL)
    assert caught.value.status == status
    async with talk(client) as talking:
        await talking.update()


async def test_closed_instead_of_upgraded(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The request for a connection can go unanswered. The client asks once more by itself, as for every GET."""
    simulator.fail(Fault(path="/v1/realtime", close=True, times=2))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.ws_connect(URL)
    assert len(simulator.requests) == 2
