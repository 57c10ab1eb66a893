"""The events and connections that the simulated Realtime API refuses."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.simulator import Fault, Simulator, Timing

from .openai_client import TEXT
from .realtime_client import MODEL, URL, Connection, connect, response_body, session_body

OUTPUT = {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"}
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT}]}


def audio_settings(**changes: Any) -> dict[str, Any]:
    """Return audio settings with changes; ... removes a key."""
    return {"output": {key: value for key, value in (OUTPUT | changes).items() if value is not ...}}


def message_input(**changes: Any) -> dict[str, Any]:
    """Return an input of one message with changes; ... removes a key."""
    return {"input": [{key: value for key, value in (USER | changes).items() if value is not ...}]}


def part_input(**keys: Any) -> dict[str, Any]:
    """Return an input of one message with one content part."""
    return message_input(content=[keys])


# Settings of sessions and responses

COMMON_CASES = [
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
    ({"audio": audio_settings(pitch=1)}, "unknown_parameter", "audio.output.pitch"),
    ({"audio": audio_settings(voice="nova")}, "invalid_value", "audio.output.voice"),
    ({"audio": audio_settings(voice="Marin")}, "invalid_value", "audio.output.voice"),
    ({"audio": audio_settings(voice=None)}, "invalid_type", "audio.output.voice"),
    ({"audio": audio_settings(voice={})}, "missing_required_parameter", "audio.output.voice.id"),
    ({"audio": audio_settings(voice={"id": "nobody"})}, "invalid_value", "audio.output.voice.id"),
    ({"audio": audio_settings(voice={"id": "voice_1", "name": "x"})}, "unknown_parameter", "audio.output.voice.name"),
    ({"audio": audio_settings(format="pcm16")}, "invalid_type", "audio.output.format"),
    ({"audio": audio_settings(format={"rate": 24_000})}, "missing_required_parameter", "audio.output.format.type"),
    ({"audio": audio_settings(format={"type": "audio/mpeg"})}, "invalid_value", "audio.output.format.type"),
    (
        {"audio": audio_settings(format={"type": "audio/pcm", "rate": 16_000})},
        "integer_below_min_value",
        "audio.output.format.rate",
    ),
    (
        {"audio": audio_settings(format={"type": "audio/pcm", "rate": 48_000})},
        "integer_above_max_value",
        "audio.output.format.rate",
    ),
    (
        {"audio": audio_settings(format={"type": "audio/pcmu", "rate": 8000})},
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
        *COMMON_CASES,
        ({"type": ...}, "missing_required_parameter", "type"),
        ({"type": "transcription"}, "invalid_value", "type"),
        ({"type": "session"}, "invalid_value", "type"),
        ({"model": "gpt-realtime"}, "invalid_value", "model"),
        ({"conversation": "none"}, "unknown_parameter", "conversation"),
        ({"metadata": {}}, "unknown_parameter", "metadata"),
        ({"turn_detection": None}, "unknown_parameter", "turn_detection"),
        ({"audio": audio_settings(speed=0.2)}, "decimal_below_min_value", "audio.output.speed"),
        ({"audio": audio_settings(speed=1.6)}, "decimal_above_max_value", "audio.output.speed"),
        ({"audio": audio_settings(speed="1")}, "invalid_type", "audio.output.speed"),
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
async def test_invalid_session(
    client: aiohttp.ClientSession, simulator: Simulator, changes: dict[str, Any], code: str, param: str
) -> None:
    """Invalid settings are refused as a whole, and the connection stays usable."""
    async with connect(client) as connection:
        before = simulator.openai.realtime.connections[0].session
        error = await connection.send_refused("session.update", session=session_body(**changes))
        assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, f"session.{param}")
        assert simulator.openai.realtime.connections[0].session == before
        assert simulator.openai.realtime.connections[0].refusals[0].code == code
        await connection.update_session(**session_body(type=...))


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        *COMMON_CASES,
        ({"type": "realtime"}, "unknown_parameter", "type"),
        ({"model": MODEL}, "unknown_parameter", "model"),
        ({"audio": audio_settings(speed=1.0)}, "unknown_parameter", "audio.output.speed"),
        ({"conversation": "mine"}, "invalid_value", "conversation"),
        ({"metadata": []}, "invalid_type", "metadata"),
        ({"metadata": {"n": 1}}, "invalid_type", "metadata.n"),
        ({"metadata": {"n": "x" * 513}}, "string_above_max_length", "metadata.n"),
        ({"metadata": {"n" * 65: "x"}}, "string_above_max_length", "metadata"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "object_above_max_properties", "metadata"),
        ({"input": USER}, "invalid_type", "input"),
        ({"input": [TEXT]}, "invalid_type", "input[0]"),
        (message_input(type=...), "missing_required_parameter", "input[0].type"),
        (message_input(type="text"), "invalid_value", "input[0].type"),
        (message_input(role=...), "missing_required_parameter", "input[0].role"),
        (message_input(role="developer"), "invalid_value", "input[0].role"),
        (message_input(content=...), "missing_required_parameter", "input[0].content"),
        (message_input(content=TEXT), "invalid_type", "input[0].content"),
        (message_input(name="Ann"), "unknown_parameter", "input[0].name"),
        (part_input(text=TEXT), "missing_required_parameter", "input[0].content[0].type"),
        (part_input(type="text", text=TEXT), "invalid_value", "input[0].content[0].type"),
        (part_input(type="input_text"), "missing_required_parameter", "input[0].content[0].text"),
        (part_input(type="input_text", text=5), "invalid_type", "input[0].content[0].text"),
        (part_input(type="input_text", text=TEXT, voice="x"), "unknown_parameter", "input[0].content[0].voice"),
        ({"input": [{"type": "item_reference", "id": "item_1"}]}, "item_not_found", "input[0].id"),
        # supported only by OpenAI
        ({"conversation": "auto"}, "not_simulated", "conversation"),
        ({"conversation": ...}, "not_simulated", "conversation"),
        ({"output_modalities": ["text"]}, "not_simulated", "output_modalities"),
        ({"audio": audio_settings(format={"type": "audio/pcmu"})}, "not_simulated", "audio.output.format"),
        (part_input(type="input_audio", audio=""), "not_simulated", "input[0].content[0].type"),
        ({"input": [{"type": "function_call"}]}, "not_simulated", "input[0].type"),
    ],
)
async def test_invalid_response(
    client: aiohttp.ClientSession, simulator: Simulator, changes: dict[str, Any], code: str, param: str
) -> None:
    """Invalid response settings are refused, and the connection stays usable."""
    async with connect(client) as connection:
        error = await connection.send_refused("response.create", response=response_body(**changes))
        assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, f"response.{param}")
        assert simulator.openai.realtime.responses == []
        assert (await connection.read()).response["status"] == "completed"


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
async def test_invalid_event(
    client: aiohttp.ClientSession, event: dict[str, Any], code: str, param: str | None
) -> None:
    """Events are validated as a whole."""
    async with connect(client) as connection:
        await connection.socket.send_json(event | {"event_id": "mine"})
        error = (await connection.receive("error"))["error"]
        assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
        await connection.update_session()


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
async def test_invalid_frame(client: aiohttp.ClientSession, frame: str | bytes, code: str) -> None:
    """Frames other than a JSON object with a type are refused without harm."""
    async with connect(client) as connection:
        await (connection.socket.send_bytes(frame) if isinstance(frame, bytes) else connection.socket.send_str(frame))
        assert (await connection.receive("error"))["error"]["code"] == code
        await connection.update_session()


async def test_event_id_length(client: aiohttp.ClientSession) -> None:
    """An event's id has a maximum length."""
    async with connect(client) as connection:
        await connection.send("session.update", session={"type": "realtime"}, event_id="x" * 512)
        await connection.receive("session.updated")
        await connection.send("session.update", session={"type": "realtime"}, event_id="x" * 513)
        assert (await connection.receive("error"))["error"]["code"] == "string_above_max_length"


@pytest.mark.parametrize("settings", [{"reasoning": {"effort": "minimal"}}, {"parallel_tool_calls": False}])
async def test_reasoning_models(client: aiohttp.ClientSession, settings: dict[str, Any]) -> None:
    """Settings of reasoning models are refused by other models."""
    (key,) = settings
    async with connect(client) as connection:
        await connection.update_session(**settings)
        await connection.read(**settings)
    async with connect(client, "/v1/realtime?model=gpt-realtime-mini") as connection:
        error = await connection.send_refused("session.update", session={"type": "realtime", **settings})
        assert (error["code"], error["param"]) == ("unsupported_parameter", f"session.{key}")
        error = await connection.send_refused("response.create", response=response_body(**settings))
        assert (error["code"], error["param"]) == ("unsupported_parameter", f"response.{key}")


# Settings that can no longer change


async def test_change_of_voice(client: aiohttp.ClientSession) -> None:
    """The voice cannot change after audio was sent."""
    async with connect(client) as connection:
        await connection.update_session(audio={"output": {"voice": "cedar"}})
        await connection.update_session(audio={"output": {"voice": "ash"}})
        await connection.read()
        await connection.update_session(audio={"output": {"voice": "ash"}}, instructions="Slowly.")
        settings = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}, "instructions": "Not this."}
        error = await connection.send_refused("session.update", session=settings)
        assert error["code"] == "cannot_update_voice"
        assert (await connection.update_session())["instructions"] == "Slowly."
        response = response_body(audio={"output": {"voice": "cedar"}})
        assert (await connection.send_refused("response.create", response=response))["code"] == "cannot_update_voice"
        assert (await connection.read(audio={"output": {"voice": "ash"}})).response["status"] == "completed"


async def test_change_of_speed(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The speed cannot change during a response."""
    simulator.timing = Timing(first_byte=60)
    async with connect(client) as connection:
        answer = await connection.create_response()
        settings = {"type": "realtime", "audio": {"output": {"speed": 1.2}}}
        assert (await connection.send_refused("session.update", session=settings))[
            "param"
        ] == "session.audio.output.speed"
        await connection.send("response.cancel", response_id=answer)
        await connection.receive_responses(answer)
        await connection.update_session(audio={"output": {"speed": 1.2}})


# Connections


async def request_refused_connection(client: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str | None]:
    """Request a connection, and return the status and the code of the error."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} | headers
    async with client.get(url, headers=upgrade) as response:
        error = (await response.json())["error"]
        code: str | None = error["code"]
        return response.status, code


@dataclass(frozen=True, slots=True)
class ConnectionCase:
    """A refused connection request, with its errors before and after the upgrade."""

    url: str
    headers: dict[str, str]
    status: int
    code: str | None
    close_code: int
    reason: str


CONNECTION_CASES = [
    ConnectionCase(URL, {"Authorization": ""}, 401, None, 3000, "invalid_request_error"),
    ConnectionCase(
        URL,
        {"Authorization": "Bearer sk-wrong-0123456789abcd"},
        *(401, "invalid_api_key", 3000, "invalid_request_error.invalid_api_key"),
    ),
    ConnectionCase("/v1/realtime", {}, 400, "missing_model", 4000, "invalid_request_error.missing_model"),
    ConnectionCase(
        URL,
        {"OpenAI-Beta": "realtime=v1"},
        *(400, "beta_api_shape_disabled", 4000, "invalid_request_error.beta_api_shape_disabled"),
    ),
    ConnectionCase("/v1/realtime?model=none", {}, 404, "model_not_found", 4000, "invalid_request_error.invalid_model"),
    ConnectionCase("/v1/realtime?model=gpt-4o", {}, 400, "invalid_model", 4000, "invalid_request_error.invalid_model"),
]


@pytest.mark.parametrize("case", CONNECTION_CASES)
async def test_refused_before_upgrade(
    client: aiohttp.ClientSession, simulator: Simulator, case: ConnectionCase
) -> None:
    """A wrong key or model is refused with a status."""
    assert await request_refused_connection(client, case.url, **case.headers) == (case.status, case.code)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(case.url, headers=case.headers)
    assert caught.value.status == case.status
    assert [request.status for request in simulator.requests] == [case.status] * 2
    assert simulator.openai.realtime.connections == []


@pytest.mark.parametrize("case", CONNECTION_CASES)
async def test_refused_after_upgrade(client: aiohttp.ClientSession, simulator: Simulator, case: ConnectionCase) -> None:
    """A wrong key or model is refused with an error event and a close code."""
    simulator.openai.realtime.refusal_stage = "after"
    async with client.ws_connect(case.url, headers=case.headers) as socket:
        error = (await Connection(socket).receive("error"))["error"]
        assert ".".join(filter(None, (error["type"], error["code"]))) == case.reason
        assert await Connection(socket).wait_for_close() == (case.close_code, case.reason)
    assert simulator.openai.realtime.connections == []


async def test_no_key_needed(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A server can accept connections without a key."""
    simulator.api_key = None
    async with connect(client) as connection:
        await connection.update_session()


async def test_no_upgrade(client: aiohttp.ClientSession) -> None:
    """A request without an upgrade is refused."""
    async with client.get(URL) as response:
        assert response.status == 426
        assert (await response.json())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_scripted_refusal(client: aiohttp.ClientSession, simulator: Simulator, status: int) -> None:
    """A fault refuses a connection request, once."""
    simulator.fail(Fault(path="/v1/realtime", status=status, headers={"Retry-After": "1"}))
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(URL)
    assert caught.value.status == status
    async with connect(client) as connection:
        await connection.update_session()


async def test_closed_before_upgrade(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection request can be closed without a response; the client retries it once, as every GET."""
    simulator.fail(Fault(path="/v1/realtime", close=True, times=2))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.ws_connect(URL)
    assert len(simulator.requests) == 2
