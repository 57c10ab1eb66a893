"""The routes, lists and keys of the simulated compatible servers."""

from typing import Any

import pytest

from tests.simulator import DEFAULT_KEY
from tests.simulator.openai_compatible.profile import Profile
from tests.simulator.openai_compatible.profiles import (
    BARE,
    CHATTERBOX,
    EDGE_TTS,
    GROQ,
    KOKORO,
    KOKORO_OLDER,
    LOCALAI,
    OPENEDAI_SPEECH,
    OPENROUTER,
    ORPHEUS,
    SPEACHES,
)

from .compatible_client import EACH_PROFILE, Start, create_id, post_speech, send

WRONG_KEY = "sk-wrong"

# Keys


@EACH_PROFILE
async def test_key(compatible: Start, profile: Profile) -> None:
    """A server with a key refuses requests without it."""
    server = await compatible(profile)
    assert server.api_key == (DEFAULT_KEY if profile.auth == "required" else None)
    server.api_key = "chosen"
    for key in ("", WRONG_KEY, "chosen"):
        is_accepted = profile.auth == "none" or key == "chosen"
        response = await post_speech(server, key=key)
        assert (response.status == 200) is is_accepted, response.content
        assert server.requests[-1].status == response.status
    server.api_key = None
    assert (await post_speech(server)).status == 200


@pytest.mark.parametrize(
    ("profile", "status", "missing", "wrong"),
    [
        (
            SPEACHES,
            403,
            {"detail": "An API key is required in the Authorization header."},
            {"detail": "The API key is not the right one."},
        ),
        (EDGE_TTS, 401, {"error": "Missing or invalid API key"}, {"error": "Invalid API key"}),
        (
            OPENROUTER,
            401,
            {"error": {"message": "No auth credentials found", "code": 401}},
            {"error": {"message": "User not found.", "code": 401}},
        ),
    ],
    ids=create_id,
)
async def test_key_errors(
    compatible: Start, profile: Profile, status: int, missing: dict[str, Any], wrong: dict[str, Any]
) -> None:
    """Each server has its own error for missing and for wrong keys."""
    server = await compatible(profile)
    server.api_key = "chosen"
    for key, body in (("", missing), (WRONG_KEY, wrong)):
        response = await post_speech(server, key=key)
        assert (response.status, response.json) == (status, body)


@pytest.mark.parametrize(
    ("profile", "path", "is_public"),
    [
        (EDGE_TTS, "/v1/models", True),
        (EDGE_TTS, "/v1/audio/models", True),
        (EDGE_TTS, "/v1/audio/voices", True),
        (EDGE_TTS, "/v1/voices", False),
        (EDGE_TTS, "/v1/voices/all", False),
        (SPEACHES, "/v1/models", False),
        (SPEACHES, "/v1/audio/voices", False),
        (SPEACHES, "/health", True),
        (LOCALAI, "/v1/models", False),
        (GROQ, "/openai/v1/models", False),
        (OPENROUTER, "/api/v1/models", True),
        (KOKORO, "/v1/models", True),
    ],
    ids=create_id,
)
@pytest.mark.parametrize("key", ["", WRONG_KEY])
async def test_public_lists(compatible: Start, profile: Profile, path: str, key: str, *, is_public: bool) -> None:
    """Some lists are public, so they do not verify a key."""
    server = await compatible(profile)
    server.api_key = "chosen"
    assert ((await send(server, path, key=key)).status == 200) is is_public
    assert (await send(server, path, key="chosen")).status == 200


# Models


@pytest.mark.parametrize(
    ("profile", "path"),
    [
        (KOKORO, "/v1/models"),
        (SPEACHES, "/v1/models"),
        (CHATTERBOX, "/v1/models"),
        (CHATTERBOX, "/models"),
        (OPENEDAI_SPEECH, "/v1/models"),
        (LOCALAI, "/v1/models"),
        (LOCALAI, "/models"),
        (GROQ, "/openai/v1/models"),
    ],
    ids=create_id,
)
async def test_models(compatible: Start, profile: Profile, path: str) -> None:
    """Most servers list all their models as OpenAI does."""
    response = await send(await compatible(profile), path)
    assert response.json["object"] == "list"
    assert [row["id"] for row in response.json["data"]] == [model.name for model in profile.models]
    assert {row["object"] for row in response.json["data"]} == {"model"}


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/audio/models", "/audio/models"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_edge_models(compatible: Start, path: str, method: str) -> None:
    """openai-edge-tts lists models under `models`, also by POST."""
    response = await send(await compatible(EDGE_TTS), path, method)
    assert response.json == {"models": [{"id": "tts-1"}, {"id": "tts-1-hd"}, {"id": "gpt-4o-mini-tts"}]}


async def test_speaches_models(compatible: Start) -> None:
    """Speaches lists speech models separately on request, with their voices."""
    server = await compatible(SPEACHES)
    names = [model.name for model in SPEACHES.models]
    response = await send(server, "/v1/models?task=text-to-speech")
    assert [row["id"] for row in response.json["data"]] == names[:2]
    response = await send(server, "/v1/audio/models")
    assert [row["id"] for row in response.json["models"]] == names[:2]
    kokoro, piper = response.json["models"]
    assert (kokoro["task"], kokoro["sample_rate"], piper["sample_rate"]) == ("text-to-speech", 24_000, 22_050)
    assert {"name": "bm_george", "language": "en-gb", "gender": "male", "id": "bm_george"} in kokoro["voices"]
    assert [voice["id"] for voice in piper["voices"]] == ["lessac"]


async def test_openrouter_models(compatible: Start) -> None:
    """OpenRouter lists speech models only on request, with their voices."""
    server = await compatible(OPENROUTER)
    text = (await send(server, "/api/v1/models")).json["data"]
    assert [row["id"] for row in text] == ["openai/gpt-4o"]
    speech = (await send(server, "/api/v1/models?output_modalities=speech")).json["data"]
    assert {row["id"]: tuple(row["supported_voices"]) for row in speech} == {
        model.name: model.voices for model in OPENROUTER.models if model.speaks
    }
    assert {tuple(row["architecture"]["output_modalities"]) for row in speech} == {("speech",)}
    other = (await send(server, "/api/v1/audio/speech/models")).json["data"]
    assert [row["id"] for row in other] == [row["id"] for row in speech]
    parameters = other[-1]["endpoints"][0]["output_modalities"][0]["supported_parameters"]
    assert parameters["voice"]["values"] == ["Kore", "Puck", "Zephyr"]
    assert parameters["response_format"]["values"] == ["pcm"]


# Voices


@pytest.mark.parametrize(
    ("profile", "path"), [(KOKORO, "/v1/audio/voices?legacy=true"), (KOKORO_OLDER, "/v1/audio/voices")], ids=create_id
)
async def test_voice_names(compatible: Start, profile: Profile, path: str) -> None:
    """Earlier versions of Kokoro-FastAPI list names, and the current one does so on request."""
    response = await send(await compatible(profile), path)
    assert response.json == {"voices": list(profile.voices)}
    assert "af_heart" in response.json["voices"]


async def test_voice_objects(compatible: Start) -> None:
    """The current Kokoro-FastAPI lists objects."""
    response = await send(await compatible(KOKORO), "/v1/audio/voices")
    assert {"id": "af_heart", "name": "af_heart"} in response.json["voices"]
    assert [voice["id"] for voice in response.json["voices"]] == list(KOKORO.voices)


async def test_speaches_voices(compatible: Start) -> None:
    """Speaches lists the voices of all models together."""
    response = await send(await compatible(SPEACHES), "/v1/audio/voices")
    assert response.json["object"] == "list"
    assert {voice["id"] for voice in response.json["voices"]} == {*SPEACHES.voices}
    assert {voice["name"] for voice in response.json["voices"]} == {*SPEACHES.voices}


@pytest.mark.parametrize("path", ["/v1/voices", "/voices"])
async def test_chatterbox_voices(compatible: Start, path: str) -> None:
    """Chatterbox lists its voice files, which have names and no ids."""
    server = await compatible(CHATTERBOX)
    response = await send(server, path)
    assert response.json["count"] == 2
    assert [voice["name"] for voice in response.json["voices"]] == ["grandmother", "narrator"]
    assert not any("id" in voice for voice in response.json["voices"])
    assert (await send(server, "/v1/audio/voices")).status == 404


async def test_orpheus_voices(compatible: Start) -> None:
    """Orpheus-FastAPI lists names in any script, with a status."""
    response = await send(await compatible(ORPHEUS), "/v1/audio/voices")
    assert response.json == {"status": "ok", "voices": list(ORPHEUS.voices)}
    assert {"tara", "유나"} <= {*response.json["voices"]}


async def test_edge_voices(compatible: Start) -> None:
    """openai-edge-tts lists OpenAI's names with Microsoft's voices, and all of Microsoft's voices separately."""
    server = await compatible(EDGE_TTS)
    listed = (await send(server, "/v1/audio/voices")).json["voices"]
    assert {"id": "alloy", "name": "en-US-JennyNeural"} in listed
    all_voices = (await send(server, "/v1/voices/all")).json["voices"]
    assert {"name": "de-DE-KatjaNeural", "gender": "Female", "language": "de-DE"} in all_voices
    american = (await send(server, "/voices")).json["voices"]
    assert {voice["language"] for voice in american} == {"en-US"}
    assert len(american) < len(all_voices) == len(EDGE_TTS.voices)


# Missing routes


@pytest.mark.parametrize(
    ("profile", "path"),
    [
        *(
            (profile, "/audio/speech")
            for profile in (KOKORO, SPEACHES, ORPHEUS, OPENEDAI_SPEECH, GROQ, OPENROUTER, BARE)
        ),
        (ORPHEUS, "/v1/models"),
        (OPENEDAI_SPEECH, "/v1/audio/voices"),
        (LOCALAI, "/v1/audio/voices"),
        (GROQ, "/openai/v1/audio/voices"),
        (GROQ, "/v1/audio/speech"),
        (OPENROUTER, "/api/v1/audio/voices"),
        (OPENROUTER, "/v1/audio/speech"),
        (BARE, "/v1/models"),
        (BARE, "/v1/audio/voices"),
        (BARE, "/v1/voices"),
        (BARE, "/"),
    ],
    ids=create_id,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_missing_routes(compatible: Start, profile: Profile, path: str, method: str) -> None:
    """Missing routes respond with 404."""
    server = await compatible(profile)
    assert (await send(server, path, method)).status == 404
    assert server.requests[-1].status == 404


@pytest.mark.parametrize(
    ("profile", "content_type", "text"),
    [
        (KOKORO, "application/json", b'{"detail": "Not Found"}'),
        (EDGE_TTS, "text/html; charset=utf-8", b"<!doctype html>"),
        (LOCALAI, "application/json", b'{"error": {"code": 404, '),
        (BARE, "application/json", b'{"error": {"message": '),
    ],
    ids=create_id,
)
async def test_missing_route_errors(compatible: Start, profile: Profile, content_type: str, text: bytes) -> None:
    """The error for a missing route is that of the server's framework."""
    response = await send(await compatible(profile), "/v1/nothing")
    assert (response.status, response.content_type) == (404, content_type)
    assert response.content.startswith(text)


@EACH_PROFILE
async def test_wrong_method(compatible: Start, profile: Profile) -> None:
    """Speech requires POST, and lists require GET unless they accept both."""
    server = await compatible(profile)
    assert (await send(server, profile.prefixes[0] + "/audio/speech")).status == 405
    for listing in profile.lists:
        path = listing.path if listing.at_root else profile.prefixes[0] + listing.path
        assert ((await send(server, path, "POST")).status == 405) is not listing.accepts_post


@pytest.mark.parametrize(
    ("profile", "path"),
    [(CHATTERBOX, "/audio/speech"), (CHATTERBOX, "/tts"), (EDGE_TTS, "/audio/speech"), (LOCALAI, "/tts")],
    ids=create_id,
)
async def test_other_speech_paths(compatible: Start, profile: Profile, path: str) -> None:
    """Some servers have several paths for speech."""
    assert (await post_speech(await compatible(profile), path=path)).status == 200
