"""Where the simulated compatible servers' routes are, what they list, and who may see it."""

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

from .compatible_client import EACH, Start, asked, named, requested

WRONG_KEY = "sk-wrong"

# Keys


@EACH
async def test_keys(compatible: Start, profile: Profile) -> None:
    """A server that can have a key refuses requests without it, once it has one."""
    server = await compatible(profile)
    assert server.api_key == (DEFAULT_KEY if profile.auth == "required" else None)
    server.api_key = "chosen"
    for key in ("", WRONG_KEY, "chosen"):
        admitted = profile.auth == "none" or key == "chosen"
        answer = await asked(server, key=key)
        assert (answer.status == 200) is admitted, answer.content
        assert server.requests[-1].status == answer.status
    server.api_key = None
    assert (await asked(server)).status == 200


@pytest.mark.parametrize(
    ("profile", "status", "absent", "wrong"),
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
    ids=named,
)
async def test_how_keys_are_refused(
    compatible: Start, profile: Profile, status: int, absent: dict[str, Any], wrong: dict[str, Any]
) -> None:
    """Each server has its own way to say that a key is wrong."""
    server = await compatible(profile)
    server.api_key = "chosen"
    for key, body in (("", absent), (WRONG_KEY, wrong)):
        answer = await asked(server, key=key)
        assert (answer.status, answer.json) == (status, body)


@pytest.mark.parametrize(
    ("profile", "path", "is_open"),
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
    ids=named,
)
@pytest.mark.parametrize("key", ["", WRONG_KEY])
async def test_open_lists(compatible: Start, profile: Profile, path: str, key: str, *, is_open: bool) -> None:
    """Some lists are open to everyone, so that they prove nothing about a key."""
    server = await compatible(profile)
    server.api_key = "chosen"
    assert ((await requested(server, path, key=key)).status == 200) is is_open
    assert (await requested(server, path, key="chosen")).status == 200


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
    ids=named,
)
async def test_models(compatible: Start, profile: Profile, path: str) -> None:
    """Most servers list all their models as OpenAI does."""
    answer = await requested(await compatible(profile), path)
    assert answer.json["object"] == "list"
    assert [row["id"] for row in answer.json["data"]] == [model.name for model in profile.models]
    assert {row["object"] for row in answer.json["data"]} == {"model"}


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/audio/models", "/audio/models"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_models_under_another_key(compatible: Start, path: str, method: str) -> None:
    """openai-edge-tts lists models under `models`, to who asks by POST too."""
    answer = await requested(await compatible(EDGE_TTS), path, method)
    assert answer.json == {"models": [{"id": "tts-1"}, {"id": "tts-1-hd"}, {"id": "gpt-4o-mini-tts"}]}


async def test_models_that_speak(compatible: Start) -> None:
    """Speaches lists those that speak alone, where it is asked to, and their voices with them."""
    server = await compatible(SPEACHES)
    names = [model.name for model in SPEACHES.models]
    answer = await requested(server, "/v1/models?task=text-to-speech")
    assert [row["id"] for row in answer.json["data"]] == names[:2]
    answer = await requested(server, "/v1/audio/models")
    assert [row["id"] for row in answer.json["models"]] == names[:2]
    kokoro, piper = answer.json["models"]
    assert (kokoro["task"], kokoro["sample_rate"], piper["sample_rate"]) == ("text-to-speech", 24_000, 22_050)
    assert {"name": "bm_george", "language": "en-gb", "gender": "male", "id": "bm_george"} in kokoro["voices"]
    assert [voice["id"] for voice in piper["voices"]] == ["lessac"]


async def test_models_with_voices(compatible: Start) -> None:
    """OpenRouter lists models that speak where it is asked to, and nowhere else; their voices are with them."""
    server = await compatible(OPENROUTER)
    text = (await requested(server, "/api/v1/models")).json["data"]
    assert [row["id"] for row in text] == ["openai/gpt-4o"]
    speech = (await requested(server, "/api/v1/models?output_modalities=speech")).json["data"]
    assert {row["id"]: tuple(row["supported_voices"]) for row in speech} == {
        model.name: model.voices for model in OPENROUTER.models if model.speaks
    }
    assert {tuple(row["architecture"]["output_modalities"]) for row in speech} == {("speech",)}
    other = (await requested(server, "/api/v1/audio/speech/models")).json["data"]
    assert [row["id"] for row in other] == [row["id"] for row in speech]
    able = other[-1]["endpoints"][0]["output_modalities"][0]["supported_parameters"]
    assert able["voice"]["values"] == ["Kore", "Puck", "Zephyr"]
    assert able["response_format"]["values"] == ["pcm"]


# Voices


@pytest.mark.parametrize(
    ("profile", "path"), [(KOKORO, "/v1/audio/voices?legacy=true"), (KOKORO_OLDER, "/v1/audio/voices")], ids=named
)
async def test_voices_by_name(compatible: Start, profile: Profile, path: str) -> None:
    """Earlier versions of Kokoro-FastAPI list names, and the present one does so on request."""
    answer = await requested(await compatible(profile), path)
    assert answer.json == {"voices": list(profile.voices)}
    assert "af_heart" in answer.json["voices"]


async def test_voices_with_ids(compatible: Start) -> None:
    """The present Kokoro-FastAPI lists objects."""
    answer = await requested(await compatible(KOKORO), "/v1/audio/voices")
    assert {"id": "af_heart", "name": "af_heart"} in answer.json["voices"]
    assert [voice["id"] for voice in answer.json["voices"]] == list(KOKORO.voices)


async def test_voices_of_speaches(compatible: Start) -> None:
    """Speaches lists the voices of all models in one."""
    answer = await requested(await compatible(SPEACHES), "/v1/audio/voices")
    assert answer.json["object"] == "list"
    assert {voice["id"] for voice in answer.json["voices"]} == {*SPEACHES.voices}
    assert {voice["name"] for voice in answer.json["voices"]} == {*SPEACHES.voices}


@pytest.mark.parametrize("path", ["/v1/voices", "/voices"])
async def test_voice_library(compatible: Start, path: str) -> None:
    """Chatterbox lists its library, where voices have names and no ids."""
    server = await compatible(CHATTERBOX)
    answer = await requested(server, path)
    assert answer.json["count"] == 2
    assert [voice["name"] for voice in answer.json["voices"]] == ["grandmother", "narrator"]
    assert not any("id" in voice for voice in answer.json["voices"])
    assert (await requested(server, "/v1/audio/voices")).status == 404


async def test_voices_with_status(compatible: Start) -> None:
    """Orpheus-FastAPI says that all is well, and lists names in any script."""
    answer = await requested(await compatible(ORPHEUS), "/v1/audio/voices")
    assert answer.json == {"status": "ok", "voices": list(ORPHEUS.voices)}
    assert {"tara", "유나"} <= {*answer.json["voices"]}


async def test_voices_of_edge(compatible: Start) -> None:
    """openai-edge-tts lists OpenAI's names, with Microsoft's for them, and all of Microsoft's elsewhere."""
    server = await compatible(EDGE_TTS)
    listed = (await requested(server, "/v1/audio/voices")).json["voices"]
    assert {"id": "alloy", "name": "en-US-JennyNeural"} in listed
    everyone = (await requested(server, "/v1/voices/all")).json["voices"]
    assert {"name": "de-DE-KatjaNeural", "gender": "Female", "language": "de-DE"} in everyone
    some = (await requested(server, "/voices")).json["voices"]
    assert {voice["language"] for voice in some} == {"en-US"}
    assert len(some) < len(everyone) == len(EDGE_TTS.voices)


# What there is not


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
    ids=named,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_there_is_not(compatible: Start, profile: Profile, path: str, method: str) -> None:
    """Whatever a server does not have is a 404."""
    server = await compatible(profile)
    assert (await requested(server, path, method)).status == 404
    assert server.requests[-1].status == 404


@pytest.mark.parametrize(
    ("profile", "content_type", "text"),
    [
        (KOKORO, "application/json", b'{"detail": "Not Found"}'),
        (EDGE_TTS, "text/html; charset=utf-8", b"<!doctype html>"),
        (LOCALAI, "application/json", b'{"error": {"code": 404, '),
        (BARE, "application/json", b'{"error": {"message": '),
    ],
    ids=named,
)
async def test_how_a_404_looks(compatible: Start, profile: Profile, content_type: str, text: bytes) -> None:
    """A page that is not there looks like those of what the server is built with."""
    answer = await requested(await compatible(profile), "/v1/nothing")
    assert (answer.status, answer.content_type) == (404, content_type)
    assert answer.content.startswith(text)


@EACH
async def test_wrong_method(compatible: Start, profile: Profile) -> None:
    """Speech is for POST."""
    server = await compatible(profile)
    assert (await requested(server, profile.prefixes[0] + "/audio/speech")).status == 405
    for listing in profile.lists:
        path = listing.path if listing.rooted else profile.prefixes[0] + listing.path
        assert ((await requested(server, path, "POST")).status == 405) is not listing.by_post


@pytest.mark.parametrize(
    ("profile", "path"),
    [(CHATTERBOX, "/audio/speech"), (CHATTERBOX, "/tts"), (EDGE_TTS, "/audio/speech"), (LOCALAI, "/tts")],
    ids=named,
)
async def test_other_ways(compatible: Start, profile: Profile, path: str) -> None:
    """Some servers speak at more than one address."""
    assert (await asked(await compatible(profile), path=path)).status == 200
