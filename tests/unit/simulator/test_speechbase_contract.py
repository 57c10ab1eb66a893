"""The validation of the simulated Speechbase API."""

from typing import Any

import aiohttp
import pytest

from tests.simulator import Simulator

from .speechbase_client import (
    ENDPOINTS,
    SAVED_VOICE,
    SPEECH,
    STREAM,
    inline_body,
    parse_problem,
    post_refused,
    post_speech,
    saved_voice_body,
)

RULE = {"word": "fox", "replacement": "cat"}

# Fields


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"text": ...}, ["text"]),
        ({"model": ...}, ["model"]),
        ({"voice": ...}, ["voice"]),
        ({"input": "a"}, []),
        ({"response_format": "mp3"}, []),
        ({"language": "en"}, []),
        ({"voice_id": SAVED_VOICE}, []),
        ({"voiceId": SAVED_VOICE}, []),
        ({"text": ""}, ["text"]),
        ({"text": None}, ["text"]),
        ({"text": ["a"]}, ["text"]),
        ({"voice": ""}, ["voice"]),
        ({"voice": 5}, ["voice"]),
        ({"model": "gpt-4o-mini-tts"}, ["model"]),
        ({"model": "openai/tts-9"}, ["model"]),
        ({"model": "nobody/tts-1"}, ["model"]),
        ({"providerOptions": "warm"}, ["providerOptions"]),
        ({"providerOptions": None}, ["providerOptions"]),
        ({"pronunciations": [RULE]}, ["pronunciations"]),
        ({"pronunciations": {}}, ["pronunciations", "rules"]),
        ({"pronunciations": {"rules": RULE}}, ["pronunciations", "rules"]),
        ({"pronunciations": {"rules": [], "language": "en"}}, ["pronunciations"]),
        ({"pronunciations": {"rules": [RULE] * 201}}, ["pronunciations", "rules"]),
        ({"pronunciations": {"rules": [RULE, {"word": "a"}]}}, ["pronunciations", "rules", 1, "replacement"]),
        ({"pronunciations": {"rules": [RULE | {"word": ""}]}}, ["pronunciations", "rules", 0, "word"]),
        ({"pronunciations": {"rules": [RULE | {"find": "a"}]}}, ["pronunciations", "rules", 0]),
        (
            {"pronunciations": {"rules": [RULE | {"caseSensitive": 1}]}},
            ["pronunciations", "rules", 0, "caseSensitive"],
        ),
        ({"pronunciations": {"rules": ["fox"]}}, ["pronunciations", "rules", 0]),
    ],
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_invalid_request(
    client: aiohttp.ClientSession, endpoint: str, changes: dict[str, Any], path: list[Any]
) -> None:
    """Both endpoints refuse violations of their schema, with the path."""
    body = await post_refused(client, inline_body(**changes), endpoint)
    assert (body["status"], body["code"]) == (400, "invalid_input")
    assert [violation["path"] for violation in body["validation"]] == [path]
    assert body["validation"][0]["message"] in body["detail"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"output": "ogg"}, ["output"]),
        ({"output": "MP3"}, ["output"]),
        ({"output": None}, ["output"]),
        ({"output": {}}, ["output", "format"]),
        ({"output": {"format": "opus"}}, ["output", "format"]),
        ({"output": {"format": "mp3", "codec": "lame"}}, ["output"]),
        ({"output": {"format": "mp3", "bitrate": 400}}, ["output", "bitrate"]),
        ({"output": {"format": "mp3", "bitrate": "192"}}, ["output", "bitrate"]),
        ({"output": {"format": "mp3", "bitrate": 96_000}}, ["output", "bitrate"]),
        ({"output": {"format": "wav", "bitrate": 96}}, ["output", "bitrate"]),
        ({"output": {"format": "pcm", "bitrate": 96}}, ["output", "bitrate"]),
        ({"output": {"format": "wav", "sampleRate": 0}}, ["output", "sampleRate"]),
        ({"output": {"format": "wav", "sampleRate": 24_000.5}}, ["output", "sampleRate"]),
        ({"output": {"format": "wav", "sample_rate": 24_000}}, ["output"]),
        ({"speed": 0.74}, ["speed"]),
        ({"speed": 1.51}, ["speed"]),
        ({"speed": "1"}, ["speed"]),
        ({"speed": True}, ["speed"]),
        ({"volumeDbfs": 0.1}, ["volumeDbfs"]),
        ({"volumeDbfs": -(10**400)}, ["volumeDbfs"]),
        ({"volumeDbfs": "-20"}, ["volumeDbfs"]),
        ({"bitrate": 96}, []),
    ],
)
async def test_invalid_output(client: aiohttp.ClientSession, changes: dict[str, Any], path: list[Any]) -> None:
    """The output settings of the non-streaming endpoint are validated."""
    body = await post_refused(client, inline_body(**changes))
    assert (body["status"], body["code"]) == (400, "invalid_input")
    assert [violation["path"] for violation in body["validation"]] == [path]


@pytest.mark.parametrize("key", ["output", "volumeDbfs", "speed"])
async def test_output_of_stream(client: aiohttp.ClientSession, key: str) -> None:
    """The streaming endpoint refuses output settings."""
    value = {"output": "mp3", "volumeDbfs": -20, "speed": 1.0}[key]
    assert await post_speech(client, **{key: value})
    body = await post_refused(client, inline_body(**{key: value}), STREAM)
    assert body["validation"] == [{"path": [], "message": f'Unrecognized key: "{key}"'}]


async def test_several_violations(client: aiohttp.ClientSession) -> None:
    """All violations are reported together."""
    body = await post_refused(client, inline_body(text=..., speed=9, emotion="happy", pitch=1))
    assert {"path": [], "message": 'Unrecognized keys: "emotion", "pitch"'} in body["validation"]
    assert [violation["path"] for violation in body["validation"]] == [[], ["text"], ["speed"]]
    assert body["detail"].count(";") == 2
    assert "text: Required" in body["detail"]


@pytest.mark.parametrize("changes", [{"model": "openai/tts-1"}, {"voice": "alloy"}, {"voiceId": ...}, {"voiceId": 5}])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_saved_voice_with_model(client: aiohttp.ClientSession, endpoint: str, changes: dict[str, Any]) -> None:
    """A saved voice excludes a model and a voice."""
    assert (await post_refused(client, saved_voice_body(**changes), endpoint))["code"] == "invalid_input"


@pytest.mark.parametrize("voice", ["nobody", "3b7d6c1e-0000-4000-8000-000000000000", SAVED_VOICE.upper()])
async def test_unknown_saved_voice(client: aiohttp.ClientSession, voice: str) -> None:
    """An unknown saved voice is not found."""
    for endpoint in ENDPOINTS:
        body = await post_refused(client, saved_voice_body(voiceId=voice), endpoint)
        assert (body["status"], body.get("code")) == (404, None)


async def test_instructions(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Instructions are accepted only if the schema is configured so."""
    body = await post_refused(client, inline_body(instructions="Whisper."))
    assert "instructions" in body["detail"]
    simulator.speechbase.accepts_instructions = True
    for endpoint in ENDPOINTS:
        assert await post_speech(client, endpoint, instructions="Whisper.")
    assert (await post_refused(client, inline_body(instructions="")))["validation"][0]["path"] == ["instructions"]


@pytest.mark.parametrize(
    "changes",
    [
        {"providerOptions": {"instructions": "Whisper.", "nested": {"a": [1, None]}}},
        {"output": {"format": "mp3", "bitrate": 192, "sampleRate": 44_100}, "speed": 0.75, "volumeDbfs": 0},
        {"output": "pcm", "speed": 1.5, "volumeDbfs": -20.5},
        {"pronunciations": {"rules": []}},
        {"pronunciations": {"rules": [RULE | {"caseSensitive": True}] * 200}},
        {"model": "cartesia/sonic-3", "voice": "anything goes"},
    ],
)
async def test_accepted_request(client: aiohttp.ClientSession, changes: dict[str, Any]) -> None:
    """Documented requests are accepted."""
    assert await post_speech(client, **changes)


@pytest.mark.parametrize(("model", "voice"), [("gpt-4o-mini-tts", "nobody"), ("tts-1", "marin"), ("tts-1-hd", "Alloy")])
async def test_vendor_error(client: aiohttp.ClientSession, model: str, voice: str) -> None:
    """OpenAI's refusals are passed on."""
    body = await post_refused(client, inline_body(model=f"openai/{model}", voice=voice))
    assert (body["status"], body["provider"], body["upstream_status"]) == (400, "openai", 400)
    assert voice in body["detail"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"[]", b'"text"'])
async def test_invalid_json(client: aiohttp.ClientSession, endpoint: str, raw: bytes) -> None:
    """A body that is not a JSON object is refused."""
    async with client.post(endpoint, data=raw, headers={"Content-Type": "application/json"}) as response:
        body = await parse_problem(response)
    assert (body["status"], body["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_wrong_content_type(client: aiohttp.ClientSession, endpoint: str) -> None:
    """The content type must be JSON."""
    async with client.post(endpoint, data={"text": "a"}) as response:
        assert (await parse_problem(response))["status"] == 400


# Mode


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_required_mode(client: aiohttp.ClientSession, endpoint: str) -> None:
    """By default, a body must contain its mode."""
    for body in (
        inline_body(mode=...),
        saved_voice_body(mode=...),
        inline_body(mode="Inline"),
        saved_voice_body(mode=None),
    ):
        response_body = await post_refused(client, body, endpoint)
        assert (response_body["status"], response_body["code"]) == (400, "invalid_input")
        assert [violation["path"] for violation in response_body["validation"]] == [["mode"]]
    for body in (inline_body(mode="voice"), saved_voice_body(mode="inline")):
        assert (await post_refused(client, body, endpoint))["validation"][0]["message"].startswith("Unrecognized key")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_rejected_mode(client: aiohttp.ClientSession, simulator: Simulator, endpoint: str) -> None:
    """A newer server rejects `mode`, and infers it from the other keys."""
    simulator.speechbase.mode_key = "rejected"
    for body in (inline_body(), saved_voice_body()):
        response_body = await post_refused(client, body, endpoint)
        assert (response_body["status"], response_body["code"]) == (400, "invalid_input")
        assert response_body["validation"] == [{"path": [], "message": 'Unrecognized key: "mode"'}]
        del body["mode"]
        async with client.post(endpoint, json=body) as response:
            assert response.status == 200
    for body in (saved_voice_body(mode=..., voice="alloy"), saved_voice_body(mode=..., model="openai/tts-1")):
        assert "not both" in (await post_refused(client, body, endpoint))["validation"][0]["message"]
    assert [violation["path"] for violation in (await post_refused(client, {"text": "a"}, endpoint))["validation"]] == [
        ["model"],
        ["voice"],
    ]


async def test_optional_mode(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """An optional mode must be valid."""
    simulator.speechbase.mode_key = "optional"
    for body in (inline_body(), inline_body(mode=...), saved_voice_body(), saved_voice_body(mode=...)):
        async with client.post(SPEECH, json=body) as response:
            assert response.status == 200
    for body in (inline_body(mode="voice"), inline_body(mode="other"), saved_voice_body(mode=..., voice="alloy")):
        assert (await post_refused(client, body))["status"] == 400


@pytest.mark.parametrize("modes", [("required", ..., "inline"), ("rejected", "inline", ...)])
@pytest.mark.parametrize("mode_refusal", ["detail", "root"])
async def test_mode_errors(
    client: aiohttp.ClientSession, simulator: Simulator, modes: tuple[str, Any, Any], mode_refusal: str
) -> None:
    """The details of errors about the mode are configurable; other errors do not change."""
    mode_key, invalid, valid = modes
    simulator.speechbase.mode_key = mode_key
    simulator.speechbase.mode_refusal = mode_refusal
    response_body = await post_refused(client, inline_body(mode=invalid))
    assert (response_body["status"], response_body["code"]) == (400, "invalid_input")
    assert "validation" not in response_body
    assert ("mode" in str(response_body)) == (mode_refusal == "detail")
    assert (await post_refused(client, inline_body(mode=valid, speed=9)))["validation"][0]["path"] == ["speed"]
