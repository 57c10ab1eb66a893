"""The validation, keys and model list of the simulated OpenAI API."""

import json
from typing import Any

import aiohttp
import pytest

from tests.simulator import Simulator
from tests.simulator.openai.contract import MAX_CHARACTERS

from .openai_client import NEWER_MODEL, OLDER_MODEL, SPEECH, speech_body

# Refused requests


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
        ({"model": "gpt-realtime"}, 400, "invalid_value", "not supported"),
        ({"model": "gpt-realtime-mini"}, 400, "invalid_value", "not supported"),
        ({"model": "gpt-realtime-2.1-mini"}, 400, "invalid_value", "not supported"),
        ({"model": OLDER_MODEL, "instructions": "Whisper."}, 400, "unsupported_parameter", "instructions"),
        ({"model": "tts-1-hd", "instructions": ""}, 400, "unsupported_parameter", "instructions"),
        ({"model": OLDER_MODEL, "stream_format": "sse"}, 400, "unsupported_value", "sse"),
        ({"model": OLDER_MODEL, "voice": {"id": "voice_1"}}, 400, None, "literal_error"),
        *(
            ({"model": OLDER_MODEL, "voice": voice}, 400, None, voice)
            for voice in ("ballad", "verse", "marin", "cedar")
        ),
        ({"model": "tts-1-hd", "voice": "marin"}, 400, None, "marin"),
    ],
)
async def test_invalid_request(
    client: aiohttp.ClientSession, changes: dict[str, Any], status: int, code: str | None, words: str
) -> None:
    """Invalid requests are refused in OpenAI's error format."""
    async with client.post(SPEECH, json=speech_body(**changes)) as response:
        body = await response.json()
        assert response.status == status
        assert response.headers["x-request-id"].startswith("req_")
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["code"] == code
    assert words in body["error"]["message"]


@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"\xff", b'{"speed": NaN}', b"[" * 100_000])
async def test_invalid_json(client: aiohttp.ClientSession, simulator: Simulator, raw: bytes) -> None:
    """A body that is not JSON is refused and recorded as None."""
    async with client.post(SPEECH, data=raw, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
        assert "could not parse" in (await response.json())["error"]["message"]
    assert simulator.requests[-1].body is None


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"5"])
async def test_body_is_not_an_object(client: aiohttp.ClientSession, raw: bytes) -> None:
    """JSON other than an object is refused."""
    async with client.post(SPEECH, data=raw, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
        assert "valid dictionary" in (await response.json())["error"]["message"]


async def test_wrong_content_type(client: aiohttp.ClientSession) -> None:
    """The content type must be JSON."""
    async with client.post(SPEECH, data=json.dumps(speech_body())) as response:
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
@pytest.mark.parametrize("endpoint", [("POST", SPEECH), ("GET", "/v1/models"), ("GET", "/v1/models/tts-1")])
async def test_wrong_key(
    simulator: Simulator, endpoint: tuple[str, str], authorization: str | None, code: str | None, words: str
) -> None:
    """Without the accepted key, all routes respond with 401, and the message masks the key."""
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        aiohttp.ClientSession(simulator.url, headers=headers) as session,
        session.request(*endpoint, json=speech_body(model="unknown")) as response,
    ):
        assert response.status == 401
        error = (await response.json())["error"]
    assert error["code"] == code
    assert words in error["message"]


async def test_no_key_needed(simulator: Simulator) -> None:
    """A server can accept requests without a key."""
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
    """Unknown routes and methods are refused in OpenAI's error format."""
    async with client.request(method, path) as response:
        assert response.status == status
        assert (await response.json())["error"]["type"] == "invalid_request_error"


# Models


async def test_models(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Models are listed and shown individually, with their shutdown dates."""
    simulator.openai.announce_shutdowns()
    async with client.get("/v1/models") as response:
        listed = await response.json()
    assert listed["object"] == "list"
    models = {model["id"]: model for model in listed["data"]}
    assert {NEWER_MODEL, OLDER_MODEL, "tts-1-hd", "gpt-4o"} <= models.keys()
    assert {"gpt-realtime", "gpt-realtime-mini", "gpt-realtime-2.1-mini"} <= models.keys()
    assert {"gpt-realtime-1.5", "gpt-realtime-2", "gpt-realtime-2.1"} <= models.keys()
    assert models[OLDER_MODEL]["shutdown_date"] == "2027-01-06"
    assert models["gpt-4o"]["shutdown_date"] is None
    async with client.get("/v1/models/tts-1") as response:
        assert await response.json() == models[OLDER_MODEL]
    async with client.get("/v1/models/tts-9") as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "model_not_found"


async def test_unlisted_model(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A model that is not listed cannot be used."""
    simulator.openai.models = [model for model in simulator.openai.models if model["id"] != OLDER_MODEL]
    async with client.post(SPEECH, json=speech_body(model=OLDER_MODEL)) as response:
        assert response.status == 404


async def test_shutdown_date(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A model can be used until its shutdown date, and stays listed afterwards."""
    simulator.openai.announce_shutdowns()
    simulator.openai.set_shutdown_date(OLDER_MODEL, "2026-12-24")
    simulator.openai.set_shutdown_date(NEWER_MODEL, None)
    for today, model, status in (
        (None, OLDER_MODEL, 200),
        ("2026-12-23", OLDER_MODEL, 200),
        ("2026-12-24", OLDER_MODEL, 404),
        ("2027-02-01", "tts-1-hd", 404),
        ("2027-02-01", NEWER_MODEL, 200),
    ):
        simulator.openai.today = today
        async with client.post(SPEECH, json=speech_body(model=model)) as response:
            assert response.status == status
            assert status == 200 or (await response.json())["error"]["code"] == "model_not_found"
    async with client.get("/v1/models") as response:
        models = {model["id"]: model for model in (await response.json())["data"]}
    assert (models[OLDER_MODEL]["shutdown_date"], models[NEWER_MODEL]["shutdown_date"]) == ("2026-12-24", None)
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect("/v1/realtime?model=gpt-realtime")
    assert caught.value.status == 404
