"""The validation, keys, balance and catalog of the simulated NanoGPT API."""

from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from tests.simulator import Simulator

from .nanogpt_client import (
    AUDIO_SPEECH,
    BALANCE,
    ELEVENLABS,
    ENDPOINTS,
    GEMINI,
    KOKORO,
    MODELS,
    NANO,
    SPEECH,
    STATUS,
    TTS,
    speech_body,
)

# Fields


@pytest.mark.parametrize(
    ("model", "changes", "status", "code"),
    [
        ("tts-1", {"input": ...}, 400, "missing_required_parameter"),
        ("tts-1", {"voice": ...}, 400, "missing_required_parameter"),
        ("tts-1", {"model": ...}, 400, "missing_required_parameter"),
        ("tts-1", {"text": "a"}, 400, "invalid_parameter_value"),
        ("tts-1", {"format": "mp3"}, 400, "invalid_parameter_value"),
        ("tts-1", {"language": "en-US"}, 400, "invalid_parameter_value"),
        ("tts-1", {"sample_rate": 16000}, 400, "invalid_parameter_value"),
        (ELEVENLABS, {"similarity": 0.5}, 400, "invalid_parameter_value"),
        ("tts-1", {"input": ""}, 400, "invalid_parameter_value"),
        ("tts-1", {"input": None}, 400, "invalid_parameter_value"),
        ("tts-1", {"voice": "af_bella"}, 400, "invalid_parameter_value"),
        ("tts-1", {"voice": "Nova"}, 400, "invalid_parameter_value"),
        (KOKORO, {"voice": "nova"}, 400, "invalid_parameter_value"),
        ("tts-1", {"response_format": "ogg"}, 400, "invalid_parameter_value"),
        ("tts-1", {"speed": 0.4}, 400, "invalid_parameter_value"),
        ("tts-1", {"speed": 2.1}, 400, "invalid_parameter_value"),
        ("tts-1", {"speed": "1"}, 400, "invalid_parameter_value"),
        ("tts-1", {"speed": True}, 400, "invalid_parameter_value"),
        ("gpt-4o-mini-tts", {"speed": 1.0}, 400, "invalid_parameter_value"),
        ("tts-1", {"stream": "yes"}, 400, "invalid_parameter_value"),
        ("tts-1", {"instructions": "Whisper."}, 400, "invalid_parameter_value"),
        (KOKORO, {"instructions": "Whisper."}, 400, "invalid_parameter_value"),
        ("tts-1", {"stability": 0.5}, 400, "invalid_parameter_value"),
        (ELEVENLABS, {"stability": 1.5}, 400, "invalid_parameter_value"),
        ("tts-1", {"input": "a" * 4097}, 413, "prompt_too_long"),
        ("tts-9", {}, 404, "model_not_found"),
        ("Elevenlabs-Music-V1", {}, 400, "model_not_available"),
        ("Whisper-Large-V3", {}, 400, "model_not_available"),
    ],
)
async def test_invalid_audio_speech(
    client: aiohttp.ClientSession, model: str, changes: dict[str, Any], status: int, code: str
) -> None:
    """`/v1/audio/speech` refuses invalid requests with OpenAI-like error objects."""
    async with client.post(AUDIO_SPEECH, json=speech_body(AUDIO_SPEECH, model, **changes)) as response:
        body = await response.json()
        assert (response.status, body["error"]["code"]) == (status, code)
    assert list(body) == ["error"]
    assert body["error"]["message"]
    assert body["error"]["type"] == ("not_found_error" if status == 404 else "invalid_request_error")


@pytest.mark.parametrize(
    "case",
    [
        (NANO, {"input": ...}, "invalid_request_error"),
        (NANO, {"voice": ...}, "invalid_request_error"),
        (NANO, {"text": "a"}, "invalid_request_error"),
        (NANO, {"response_format": "mp3"}, "invalid_request_error"),
        (NANO, {"stream": True}, "invalid_request_error"),
        (NANO, {"instructions": "Whisper."}, "invalid_request_error"),
        (ELEVENLABS, {"similarity_boost": 0.5}, "invalid_request_error"),
        (ELEVENLABS, {"style": 0.5}, "invalid_request_error"),
        (NANO, {"speed": 0.49}, "invalid_request_error"),
        (NANO, {"speed": 2.01}, "invalid_request_error"),
        (NANO, {"stability": -0.1}, "invalid_request_error"),
        (NANO, {"similarity": 1.1}, "invalid_request_error"),
        (NANO, {"language": "english"}, "invalid_request_error"),
        (NANO, {"language": "en_US"}, "invalid_request_error"),
        (NANO, {"pitch": "high"}, "invalid_request_error"),
        (NANO, {"emotion": 1}, "invalid_request_error"),
        ("tts-1", {"emotion": "friendly"}, "invalid_request_error"),
        (KOKORO, {"pitch": 1}, "invalid_request_error"),
        ("tts-1", {"stability": 0.5}, "invalid_request_error"),
        (ELEVENLABS, {"emotion": "friendly"}, "invalid_request_error"),
        ("gpt-4o-mini-tts", {"speed": 1.0}, "invalid_request_error"),
        ("tts-9", {}, "invalid_model"),
        ("Elevenlabs-Music-V1", {}, "invalid_model"),
        (NANO, {"voice": "nova"}, "invalid_voice"),
        (NANO, {"format": "pcm"}, "unsupported_format"),
        (NANO, {"format": None}, "unsupported_format"),
        (NANO, {"format": "pcm16"}, "invalid_sample_rate"),
        (NANO, {"format": "pcm16", "sample_rate": 12345}, "invalid_sample_rate"),
        (NANO, {"format": "pcm16", "sample_rate": "16000"}, "invalid_sample_rate"),
        (NANO, {"input": "a" * 2001}, "input_too_long"),
    ],
)
@pytest.mark.parametrize("field", ["type", "code"])
async def test_invalid_speech(
    client: aiohttp.ClientSession, simulator: Simulator, case: tuple[str, dict[str, Any], str], field: str
) -> None:
    """`/v1/speech` refuses invalid requests with named errors; the field of the name is configurable."""
    model, changes, kind = case
    simulator.nanogpt.speech_error_field = field
    async with client.post(SPEECH, json=speech_body(SPEECH, model, **changes)) as response:
        assert response.status == 400
        body = await response.json()
    assert list(body) == ["error"]
    assert body["error"].get(field, body["error"]["type"]) == kind
    assert body["error"]["message"]


@pytest.mark.parametrize(
    "case",
    [
        ("tts-1", {"text": ...}, 400),
        ("tts-1", {"text": ""}, 400),
        ("tts-1", {"input": "a"}, 400),
        ("tts-1", {"format": "mp3"}, 400),
        ("tts-1", {"stream": True}, 400),
        ("tts-1", {"language": "en-US"}, 400),
        (ELEVENLABS, {"similarity": 0.5}, 400),
        ("tts-1", {"voice": "Rachel"}, 400),
        ("tts-1", {"speed": 0.09}, 400),
        ("tts-1", {"speed": 5.1}, 400),
        ("gpt-4o-mini-tts", {"speed": 1}, 400),
        ("tts-1", {"response_format": "pcm16"}, 400),
        (KOKORO, {"response_format": "ogg"}, 400),
        (KOKORO, {"stability": 1.5}, 400),
        (ELEVENLABS, {"style": 1.01}, 400),
        ("tts-1", {"text": "a" * 4097}, 413),
        (KOKORO, {"text": "a" * 10001}, 413),
        (NANO, {}, 501),
        ("tts-9", {}, 501),
        ("Elevenlabs-Music-V1", {}, 501),
    ],
)
@pytest.mark.parametrize("form", ["legacy", "numbered"])
async def test_invalid_tts(
    client: aiohttp.ClientSession, simulator: Simulator, case: tuple[str, dict[str, Any], int], form: str
) -> None:
    """`/tts` refuses invalid requests in the observed format or in that of its schema."""
    model, changes, status = case
    simulator.nanogpt.legacy_form = form
    async with client.post(TTS, json=speech_body(TTS, model, **changes)) as response:
        assert response.status == status
        body = await response.json()
    number, text = ("status", "error") if form == "legacy" else ("error", "message")
    assert body == {number: status, text: body[text]}
    assert isinstance(body[text], str)


EVERY_FIELD: dict[str, Any] = {
    "speed": 1,
    "response_format": "mp3",
    "instructions": "speak with enthusiasm",
    "stability": 0.5,
    "similarity_boost": 0.75,
    "style": 0,
}
"""The fields of the specification's example, which sends all of them for Kokoro."""


@pytest.mark.parametrize(
    ("endpoint", "model", "changes"),
    [
        (AUDIO_SPEECH, "gpt-4o-mini-tts", {"instructions": "Whisper.", "stream": True, "response_format": "wav"}),
        (AUDIO_SPEECH, GEMINI, {"instructions": "Whisper.", "response_format": "mp3"}),
        (AUDIO_SPEECH, ELEVENLABS, {"stability": 0, "similarity_boost": 1, "style": 0.5, "speed": 1.2}),
        (AUDIO_SPEECH, NANO, {"response_format": "opus"}),
        (
            SPEECH,
            NANO,
            {"pitch": -2.5, "emotion": "friendly", "stability": 0.5, "similarity": 1, "language": "zh-Hant-TW"},
        ),
        (SPEECH, ELEVENLABS, {"stability": 0.5, "similarity": 0.5, "language": "de"}),
        (SPEECH, "tts-1", {"speed": 2, "sample_rate": 16000}),
        (TTS, ELEVENLABS, {"stability": 0.5, "similarity_boost": 0.75, "style": 0, "speed": 0.7}),
        (TTS, "tts-1-hd", {"instructions": "Whisper.", "response_format": "flac", "speed": 5}),
        (TTS, "tts-1", {"voice": ..., "speed": 0.1, "text": "Slowly."}),
        (TTS, KOKORO, {"model": ..., "voice": ...}),
        (TTS, KOKORO, EVERY_FIELD),
        (TTS, GEMINI, EVERY_FIELD),
        (TTS, ELEVENLABS, {**EVERY_FIELD, "voice": "Rachel"}),
    ],
)
async def test_accepted_request(
    client: aiohttp.ClientSession, endpoint: str, model: str, changes: dict[str, Any]
) -> None:
    """Documented requests are accepted."""
    async with client.post(endpoint, json=speech_body(endpoint, model, **changes)) as response:
        assert response.status in {200, 202}, await response.text()


async def test_elevenlabs_settings(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """ElevenLabs' settings can be refused on `/v1/audio/speech`."""
    simulator.nanogpt.accepts_elevenlabs_settings = False
    async with client.post(AUDIO_SPEECH, json=speech_body(AUDIO_SPEECH, ELEVENLABS, stability=0.5)) as response:
        assert response.status == 400


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"[]", b'"text"'])
async def test_invalid_json(client: aiohttp.ClientSession, endpoint: str, raw: bytes) -> None:
    """A body that is not a JSON object is refused."""
    async with client.post(endpoint, data=raw, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400
        assert "JSON object" in await response.text()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_wrong_content_type(client: aiohttp.ClientSession, endpoint: str) -> None:
    """The content type must be JSON."""
    async with client.post(endpoint, data=speech_body(endpoint)) as response:
        assert response.status == 400


async def test_changed_catalog(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Only listed models can be used, with their listed voices and limits."""
    row = next(row for row in simulator.nanogpt.models if row["id"] == NANO)
    row |= {"id": "new-tts", "supported_parameters": {"voices": ["max", 5], "max_chars": 3}}
    for changes, status in (
        ({}, 200),
        ({"model": NANO}, 400),
        ({"voice": "luna"}, 400),
        ({"input": "Four"}, 400),
    ):
        fields = {"voice": "max", "input": "One"} | changes
        async with client.post(SPEECH, json=speech_body(SPEECH, "new-tts", **fields)) as response:
            assert response.status == status


# Keys


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({}, False),
        ({"Authorization": "Bearer {key}"}, True),
        ({"x-api-key": "{key}"}, True),
        ({"Authorization": "Bearer {key}", "x-api-key": "{key}"}, True),
        ({"Authorization": "Bearer wrong", "x-api-key": "{key}"}, False),
        ({"Authorization": "{key}"}, False),
        ({"Authorization": "Bearer wrong"}, False),
        ({"x-api-key": "wrong"}, False),
    ],
)
@pytest.mark.parametrize("endpoint", [*ENDPOINTS, BALANCE])
async def test_keys(simulator: Simulator, endpoint: str, headers: dict[str, str], *, accepted: bool) -> None:
    """The key can be in either header, and is checked before the request."""
    sent = {name: value.format(key=simulator.api_key) for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(simulator.url, headers=sent) as session,
        session.post(endpoint, json=speech_body(endpoint)) as response,
    ):
        assert response.status == (200 if accepted else 401)
        if not accepted:
            assert "API key" in await response.text()


@pytest.mark.parametrize(
    ("endpoint", "bearer", "named"),
    [(AUDIO_SPEECH, 200, 200), (SPEECH, 200, 401), (TTS, 401, 200), (BALANCE, 401, 200)],
)
async def test_strict_headers(simulator: Simulator, endpoint: str, bearer: int, named: int) -> None:
    """With strict headers, a key must be in the documented header."""
    simulator.nanogpt.strict_headers = True
    for headers, status in (
        ({"Authorization": f"Bearer {simulator.api_key}"}, bearer),
        ({"x-api-key": str(simulator.api_key)}, named),
        ({"Authorization": f"Bearer {simulator.api_key}", "x-api-key": str(simulator.api_key)}, 200),
    ):
        async with (
            aiohttp.ClientSession(simulator.url, headers=headers) as session,
            session.post(endpoint, json=speech_body(endpoint)) as response,
        ):
            assert response.status == status


@pytest.mark.parametrize("status", [401, 400, 403])
async def test_wrong_key_for_balance(simulator: Simulator, status: int) -> None:
    """The undocumented status for a wrong key is configurable."""
    simulator.nanogpt.wrong_key_status = status
    async with (
        aiohttp.ClientSession(simulator.url, headers={"x-api-key": "wrong"}) as session,
        session.post(BALANCE) as response,
    ):
        assert response.status == status
        assert await response.json() == {"error": status, "message": "Invalid API key"}


async def test_no_key_needed(simulator: Simulator) -> None:
    """A server can accept requests without a key."""
    simulator.api_key = None
    async with aiohttp.ClientSession(simulator.url) as session, session.post(BALANCE) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", TTS, 405),
        ("POST", STATUS, 405),
        ("GET", BALANCE, 405),
        ("GET", "/api/v1/voices", 404),
        ("POST", "/api/speech", 404),
        ("POST", "/api/v1/speech", 404),
        ("POST", "/nanogpt-speech/v1/audio/speech", 404),
    ],
)
async def test_unknown_routes(client: aiohttp.ClientSession, method: str, path: str, status: int) -> None:
    """Unknown endpoints and methods are refused in JSON."""
    async with client.request(method, path) as response:
        assert response.status == status
        assert "error" in await response.json()


# Balance and catalog


async def test_balance(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The balance has numbers as strings."""
    simulator.nanogpt.balance = Decimal("1.50")
    async with client.post(BALANCE) as response:
        body = await response.json()
    assert body["usd_balance"] == "1.50"
    assert float(body["nano_balance"]) > 0
    assert body["nanoDepositAddress"].startswith("nano_")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_empty_balance(client: aiohttp.ClientSession, simulator: Simulator, endpoint: str) -> None:
    """Without sufficient balance, requests are refused without a charge; if some is left, the price is included."""
    for balance, extra in (("0", {}), ("0.0000001", {"requiredBalance": 0.000675})):
        simulator.nanogpt.balance = Decimal(balance)
        async with client.post(endpoint, json=speech_body(endpoint)) as response:
            assert response.status == 402
            assert await response.json() == {"error": "Insufficient balance", "status": 402} | extra
    assert simulator.nanogpt.charged == 0


async def test_catalog(simulator: Simulator) -> None:
    """The catalog needs no key, and includes models without speech."""
    async with aiohttp.ClientSession(simulator.url) as session:
        async with session.get(MODELS, params={"type": "tts", "detailed": "true"}) as response:
            listed = await response.json()
        async with session.get(MODELS, params={"type": "stt"}) as response:
            assert [row["id"] for row in (await response.json())["data"]] == ["Whisper-Large-V3"]
        async with session.get(MODELS) as response:
            assert len((await response.json())["data"]) == len(simulator.nanogpt.models)
        async with session.get(MODELS, params={"detailed": "false"}) as response:
            assert "pricing" not in (await response.json())["data"][0]
        for query in ({"type": "music"}, {"detailed": "True"}, {"page": "1"}):
            async with session.get(MODELS, params=query) as response:
                assert response.status == 400
    rows = {row["id"]: row for row in listed["data"]}
    assert listed["meta"]["count"] == len(rows)
    assert {KOKORO, ELEVENLABS, "Elevenlabs-V3", "tts-1", NANO, GEMINI, "xai-tts", "Elevenlabs-Music-V1"} <= rows.keys()
    assert "Whisper-Large-V3" not in rows
    assert rows[KOKORO]["supported_parameters"]["max_chars"] == 10_000
    assert rows[NANO]["supported_parameters"]["voices"] == ["luna", "verse", "sonic"]
    assert rows["xai-tts"]["pricing"] == {"per_thousand_chars": 0.0165, "currency": "USD"}
