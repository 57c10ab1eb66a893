"""What the simulated Speechbase refuses, and how it says so."""

from typing import Any

import aiohttp
import pytest

from tests.simulator import Simulator

from .speechbase_client import ROUTES, SAVED, SPEECH, STREAM, by_voice, inline, problem, refused, spoken

RULE = {"word": "fox", "replacement": "cat"}

# Fields and values


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"text": ...}, ["text"]),
        ({"model": ...}, ["model"]),
        ({"voice": ...}, ["voice"]),
        ({"input": "a"}, []),
        ({"response_format": "mp3"}, []),
        ({"language": "en"}, []),
        ({"voice_id": SAVED}, []),
        ({"voiceId": SAVED}, []),
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
@pytest.mark.parametrize("route", ROUTES)
async def test_refused(client: aiohttp.ClientSession, route: str, changes: dict[str, Any], path: list[Any]) -> None:
    """Both routes refuse what their schemas do not have, and say where it is."""
    body = await refused(client, inline(**changes), route)
    assert (body["status"], body["code"]) == (400, "invalid_input")
    assert [found["path"] for found in body["validation"]] == [path]
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
        ({"output": {"format": "mp3", "bitrate": 100}}, ["output", "bitrate"]),
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
async def test_refused_clip(client: aiohttp.ClientSession, changes: dict[str, Any], path: list[Any]) -> None:
    """What concerns the whole clip is checked as well."""
    body = await refused(client, inline(**changes))
    assert (body["status"], body["code"]) == (400, "invalid_input")
    assert [found["path"] for found in body["validation"]] == [path]


@pytest.mark.parametrize("key", ["output", "volumeDbfs", "speed"])
async def test_stream_takes_less(client: aiohttp.ClientSession, key: str) -> None:
    """Nothing that concerns the whole clip can be streamed."""
    value = {"output": "mp3", "volumeDbfs": -20, "speed": 1.0}[key]
    assert await spoken(client, **{key: value})
    body = await refused(client, inline(**{key: value}), STREAM)
    assert body["validation"] == [{"path": [], "message": f'Unrecognized key: "{key}"'}]


async def test_everything_wrong_is_named(client: aiohttp.ClientSession) -> None:
    """One answer tells all that is wrong."""
    body = await refused(client, inline(text=..., speed=9, emotion="happy", pitch=1))
    assert {"path": [], "message": 'Unrecognized keys: "emotion", "pitch"'} in body["validation"]
    assert [found["path"] for found in body["validation"]] == [[], ["text"], ["speed"]]
    assert body["detail"].count(";") == 2
    assert "text: Required" in body["detail"]


@pytest.mark.parametrize("changes", [{"model": "openai/tts-1"}, {"voice": "alloy"}, {"voiceId": ...}, {"voiceId": 5}])
@pytest.mark.parametrize("route", ROUTES)
async def test_saved_voice_stands_alone(client: aiohttp.ClientSession, route: str, changes: dict[str, Any]) -> None:
    """With a saved voice neither model nor voice is given."""
    assert (await refused(client, by_voice(**changes), route))["code"] == "invalid_input"


@pytest.mark.parametrize("voice", ["nobody", "3b7d6c1e-0000-4000-8000-000000000000", SAVED.upper()])
async def test_unknown_voice(client: aiohttp.ClientSession, voice: str) -> None:
    """A voice that the organisation has not saved is not found."""
    for route in ROUTES:
        body = await refused(client, by_voice(voiceId=voice), route)
        assert (body["status"], body.get("code")) == (404, None)


async def test_instructions(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Instructions are a key only where a setting makes them one."""
    body = await refused(client, inline(instructions="Whisper."))
    assert "instructions" in body["detail"]
    simulator.speechbase.takes_instructions = True
    for route in ROUTES:
        assert await spoken(client, route, instructions="Whisper.")
    assert (await refused(client, inline(instructions="")))["validation"][0]["path"] == ["instructions"]


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
async def test_accepted(client: aiohttp.ClientSession, changes: dict[str, Any]) -> None:
    """What is documented is taken."""
    assert await spoken(client, **changes)


@pytest.mark.parametrize(("model", "voice"), [("gpt-4o-mini-tts", "nobody"), ("tts-1", "marin"), ("tts-1-hd", "Alloy")])
async def test_refused_by_the_vendor(client: aiohttp.ClientSession, model: str, voice: str) -> None:
    """What OpenAI refuses comes back as its refusal."""
    body = await refused(client, inline(model=f"openai/{model}", voice=voice))
    assert (body["status"], body["provider"], body["upstream_status"]) == (400, "openai", 400)
    assert voice in body["detail"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"[]", b'"text"'])
async def test_broken_json(client: aiohttp.ClientSession, route: str, raw: bytes) -> None:
    """A body that is no JSON object is refused."""
    async with client.post(route, data=raw, headers={"Content-Type": "application/json"}) as response:
        body = await problem(response)
    assert (body["status"], body["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("route", ROUTES)
async def test_other_content_type(client: aiohttp.ClientSession, route: str) -> None:
    """The body must be announced as JSON."""
    async with client.post(route, data={"text": "a"}) as response:
        assert (await problem(response))["status"] == 400


# The mode


@pytest.mark.parametrize("route", ROUTES)
async def test_mode_is_required(client: aiohttp.ClientSession, route: str) -> None:
    """By the specification a body says how it addresses the voice."""
    for body in (inline(mode=...), by_voice(mode=...), inline(mode="Inline"), by_voice(mode=None)):
        answer = await refused(client, body, route)
        assert (answer["status"], answer["code"]) == (400, "invalid_input")
        assert [found["path"] for found in answer["validation"]] == [["mode"]]
    for body in (inline(mode="voice"), by_voice(mode="inline")):
        assert (await refused(client, body, route))["validation"][0]["message"].startswith("Unrecognized key")


@pytest.mark.parametrize("route", ROUTES)
async def test_mode_is_rejected(client: aiohttp.ClientSession, simulator: Simulator, route: str) -> None:
    """A newer server knows no mode, and tells from the other keys."""
    simulator.speechbase.mode_key = "rejected"
    for body in (inline(), by_voice()):
        answer = await refused(client, body, route)
        assert (answer["status"], answer["code"]) == (400, "invalid_input")
        assert answer["validation"] == [{"path": [], "message": 'Unrecognized key: "mode"'}]
        del body["mode"]
        async with client.post(route, json=body) as response:
            assert response.status == 200
    for body in (by_voice(mode=..., voice="alloy"), by_voice(mode=..., model="openai/tts-1")):
        assert "not both" in (await refused(client, body, route))["validation"][0]["message"]
    assert [found["path"] for found in (await refused(client, {"text": "a"}, route))["validation"]] == [
        ["model"],
        ["voice"],
    ]


async def test_mode_is_optional(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """In between, a body may have a mode, which then has to be right."""
    simulator.speechbase.mode_key = "optional"
    for body in (inline(), inline(mode=...), by_voice(), by_voice(mode=...)):
        async with client.post(SPEECH, json=body) as response:
            assert response.status == 200
    for body in (inline(mode="voice"), inline(mode="other"), by_voice(mode=..., voice="alloy")):
        assert (await refused(client, body))["status"] == 400


@pytest.mark.parametrize("modes", [("required", ..., "inline"), ("rejected", "inline", ...)])
@pytest.mark.parametrize("mode_refusal", ["detail", "root"])
async def test_refusal_of_the_mode(
    client: aiohttp.ClientSession, simulator: Simulator, modes: tuple[str, Any, Any], mode_refusal: str
) -> None:
    """How much an answer tells about the mode can be set; other refusals stay as they are."""
    mode_key, wrong, right = modes
    simulator.speechbase.mode_key = mode_key
    simulator.speechbase.mode_refusal = mode_refusal
    answer = await refused(client, inline(mode=wrong))
    assert (answer["status"], answer["code"]) == (400, "invalid_input")
    assert "validation" not in answer
    assert ("mode" in str(answer)) == (mode_refusal == "detail")
    assert (await refused(client, inline(mode=right, speed=9)))["validation"][0]["path"] == ["speed"]
