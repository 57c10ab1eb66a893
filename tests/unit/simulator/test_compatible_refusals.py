"""The requests that the simulated compatible servers refuse, ignore and accept."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.simulator.openai_compatible.errors import ErrorForm, Refusal
from tests.simulator.openai_compatible.profile import Limit, Profile
from tests.simulator.openai_compatible.profiles import (
    BARE,
    CHATTERBOX,
    EDGE_TTS,
    GROQ,
    KOKORO,
    LOCALAI,
    OPENEDAI_SPEECH,
    OPENROUTER,
    ORPHEUS,
    PROFILES,
    SPEACHES,
    SPEACHES_LATE,
)
from tests.support.word_decoder import heard_words, voice_of

from .compatible_client import EACH_PROFILE, Start, create_id, decode_audio, post_speech, send, speech_body

REFUSAL = Refusal(HTTPStatus.BAD_REQUEST, "No.", "some_error", code="a_code", param="voice")

# Refused requests


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("openai", {"error": {"message": "No.", "type": "some_error", "param": "voice", "code": "a_code"}}),
        ("error", {"error": {"message": "No.", "type": "some_error", "code": "a_code"}}),
        ("numbered", {"error": {"code": 400, "message": "No.", "type": "some_error"}}),
        ("code", {"error": {"message": "No.", "code": 400}}),
        ("detail", {"detail": "No."}),
        ("detail_object", {"detail": {"error": "a_code", "message": "No.", "type": "some_error"}}),
        ("detail_error", {"detail": {"error": {"message": "No.", "type": "some_error"}}}),
        ("flat", {"message": "No.", "code": 400, "type": "some_error", "param": "voice"}),
        ("text", {"error": "No."}),
        ("details", {"error": "An internal server error occurred", "details": "No."}),
    ],
)
async def test_error_forms(compatible: Start, form: ErrorForm, body: dict[str, Any]) -> None:
    """A refusal can have every error format."""
    server = await compatible(replace(BARE, errors=form, unknown_model=REFUSAL))
    response = await post_speech(server)
    assert (response.status, response.json) == (400, body)


@pytest.mark.parametrize(
    ("profile", "changes", "status", "words"),
    [
        (KOKORO, {"model": "other"}, 400, "invalid_model"),
        (KOKORO, {"voice": "nobody"}, 400, "validation_error"),
        (KOKORO, {"voice": "af_bella+"}, 400, "validation_error"),
        (KOKORO, {"voice": "af_bella(0)+af_sky"}, 400, "validation_error"),
        (KOKORO, {"voice": "af_bella+nobody"}, 400, "validation_error"),
        (KOKORO, {"speed": 4.5}, 422, "less_than_equal"),
        (KOKORO, {"response_format": "ogg"}, 422, "literal_error"),
        (KOKORO, {"input": ...}, 422, "missing"),
        (KOKORO, {"stream": "maybe"}, 422, "bool_type"),
        (SPEACHES, {"model": "hexgrad/Kokoro-82M"}, 404, "has not been downloaded"),
        (SPEACHES, {"model": "Systran/faster-whisper-large-v3"}, 404, "does not speak"),
        (SPEACHES, {"voice": "nobody"}, 500, "Internal Server Error"),
        (SPEACHES, {"voice": ...}, 422, "missing"),
        (SPEACHES, {"speed": 0.4}, 422, '{"detail": "Speed must be'),
        (SPEACHES, {"speed": 2.1}, 422, '{"detail": "Speed must be'),
        (SPEACHES, {"sample_rate": 7999}, 422, "greater_than_equal"),
        (SPEACHES, {"sample_rate": 48_001}, 422, "less_than_equal"),
        (SPEACHES, {"sample_rate": 16_000.5}, 422, "int_type"),
        (SPEACHES, {"stream_format": "other"}, 422, "literal_error"),
        (CHATTERBOX, {"input": "a" * 3001}, 422, "string_too_long"),
        (CHATTERBOX, {"input": ""}, 422, "string_too_short"),
        (CHATTERBOX, {"exaggeration": 0.2}, 422, "greater_than_equal"),
        (CHATTERBOX, {"cfg_weight": 1.1}, 422, "less_than_equal"),
        (CHATTERBOX, {"stream_format": "other"}, 422, "literal_error"),
        (ORPHEUS, {"input": ""}, 400, '{"detail": "There is no text'),
        (ORPHEUS, {"speed": "fast"}, 422, "float_type"),
        (ORPHEUS, {"voice": None}, 422, "string_type"),
        (OPENEDAI_SPEECH, {"model": "tts-2"}, 400, '"code": 400, "type": "BadRequestError", "param": "model"'),
        (OPENEDAI_SPEECH, {"voice": "ballad"}, 400, '"param": "voice"'),
        (OPENEDAI_SPEECH, {"voice": "me"}, 400, '"param": "voice"'),
        (OPENEDAI_SPEECH, {"response_format": "ogg"}, 400, '"param": "response_format"'),
        (OPENEDAI_SPEECH, {"input": " "}, 400, '"param": "input"'),
        (OPENEDAI_SPEECH, {"speed": 0}, 500, "InternalServerError"),
        (EDGE_TTS, {"input": ...}, 400, '{"error": "There is no \'input\''),
        (EDGE_TTS, {"input": ""}, 500, '"details"'),
        (EDGE_TTS, {"input": 5}, 500, '"details"'),
        (EDGE_TTS, {"voice": "nobody"}, 500, '"details"'),
        (EDGE_TTS, {"response_format": "pcm"}, 500, '"details"'),
        (EDGE_TTS, {"speed": "fast"}, 500, '"details"'),
        (LOCALAI, {"model": "tts-9"}, 404, '{"error": {"code": 404, '),
        (LOCALAI, {"model": "whisper-1"}, 500, '{"error": {"code": 500, '),
        (LOCALAI, {"speed": 0}, 400, '{"error": {"code": 400, '),
        (LOCALAI, {"speed": 4.1}, 400, '{"error": {"code": 400, '),
        (LOCALAI, {"speed": "1.0"}, 400, '{"error": {"code": 400, '),
        (GROQ, {"response_format": "mp3"}, 400, "response_format must be one of [wav]"),
        (GROQ, {"input": "a" * 201}, 400, "at most 200"),
        (GROQ, {"voice": "alloy"}, 400, "voice must be one of [austin, autumn"),
        (GROQ, {"voice": "fahad"}, 400, "voice must be one of [austin, autumn"),
        (GROQ, {"model": "playai-tts"}, 404, "model_not_found"),
        (GROQ, {"model": "llama-3.3-70b-versatile"}, 400, "does not speak"),
        (GROQ, {"instructions": "Whisper."}, 400, "instructions"),
        (OPENROUTER, {"model": "other/other"}, 404, '"code": 404'),
        (OPENROUTER, {"voice": "nobody"}, 400, '"code": 400'),
        (OPENROUTER, {"response_format": "flac"}, 400, '"code": 400'),
        (OPENROUTER, {"speed": 0.1}, 400, '"code": 400'),
        (
            OPENROUTER,
            {"model": "google/gemini-3.1-flash-tts-preview", "voice": "Kore", "response_format": "mp3"},
            400,
            "none of pcm",
        ),
        (BARE, {"voice": ...}, 400, "voice: Field required"),
        (BARE, {"input": "a" * 4097}, 400, "at most 4096"),
        (BARE, {"response_format": "ogg"}, 400, "response_format"),
        (BARE, {"speed": 0.2}, 400, "speed"),
        (BARE, {"lang_code": "a"}, 400, "Extra inputs"),
    ],
    ids=create_id,
)
async def test_refused_request(
    compatible: Start, profile: Profile, changes: dict[str, Any], status: int, words: str
) -> None:
    """Invalid requests are refused in the server's own format."""
    response = await post_speech(await compatible(profile), **changes)
    assert response.status == status, response.content
    assert words in response.content.decode()


@pytest.mark.parametrize("changes", [{"voice": "nobody"}, {"speed": 0.4}], ids=create_id)
async def test_late_refusal(compatible: Start, changes: dict[str, Any]) -> None:
    """The current Speaches refuses some requests after its response has started, by closing the connection."""
    server = await compatible(SPEACHES_LATE)
    with pytest.raises(aiohttp.ClientPayloadError):
        await post_speech(server, **changes)
    assert (server.requests[-1].status, server.requests[-1].sent) == (200, 0)
    assert (await post_speech(server, model="other")).status == 404


async def test_configured_limit(compatible: Start) -> None:
    """Chatterbox's configured limit has another status and format than its schema."""
    assert CHATTERBOX.limit is not None
    server = await compatible(replace(CHATTERBOX, limit=Limit(10, CHATTERBOX.limit.refusal)))
    response = await post_speech(server)
    assert (response.status, list(response.json)) == (400, ["error"])
    assert "10 characters" in response.json["error"]["message"]


async def test_fastapi_errors(compatible: Start) -> None:
    """Servers built with FastAPI list all violations, and repeat the values."""
    response = await post_speech(await compatible(KOKORO), input=5, speed=9)
    assert response.status == 422
    assert response.json["detail"] == [
        {"type": "string_type", "loc": ["body", "input"], "msg": "Input should be a valid string", "input": 5},
        {
            "type": "less_than_equal",
            "loc": ["body", "speed"],
            "msg": "Input should be less than or equal to 4.0",
            "input": 9.0,
            "ctx": {"le": 4.0},
        },
    ]


@EACH_PROFILE
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null"])
async def test_invalid_json(compatible: Start, profile: Profile, raw: bytes) -> None:
    """Every server refuses a body that is not a JSON object."""
    path = profile.prefixes[0] + "/audio/speech"
    response = await send(
        await compatible(profile), path, "POST", data=raw, headers={"Content-Type": "application/json"}
    )
    assert response.status == {"fastapi": 422, "flask": 500, "own": 400}[profile.framework]


@EACH_PROFILE
async def test_wrong_content_type(compatible: Start, profile: Profile) -> None:
    """The content type must be JSON."""
    path = profile.prefixes[0] + "/audio/speech"
    response = await send(await compatible(profile), path, "POST", data=b'{"input": "a"}')
    assert response.status in (400, 422, 500)


# Ignored and accepted fields


@pytest.mark.parametrize("profile", [profile for profile in PROFILES if not profile.refuse_unknown], ids=create_id)
async def test_unknown_fields(compatible: Start, profile: Profile) -> None:
    """Most servers ignore unknown fields."""
    assert (await post_speech(await compatible(profile), of_another_server=[1], instructions="Whisper.")).status == 200


@pytest.mark.parametrize(
    ("profile", "changes"),
    [
        (KOKORO, {"lang_code": "a", "volume_multiplier": 1.5, "normalization_options": {}, "speed": "1.5"}),
        (KOKORO, {"model": ..., "voice": ...}),
        (SPEACHES, {"sample_rate": None, "instructions": 5}),
        (CHATTERBOX, {"exaggeration": 0.5, "cfg_weight": None, "temperature": 1, "model": 5, "voice": None}),
        (ORPHEUS, {"input": "a " * 2000, "model": "anything"}),
        (OPENEDAI_SPEECH, {"model": ..., "voice": ..., "response_format": "WAV"}),
        (EDGE_TTS, {"model": 7, "voice": ..., "speed": "1.5"}),
        (LOCALAI, {"backend": "piper", "language": "en", "params": {"a": "b"}, "instructions": "", "model": ...}),
        (GROQ, {"input": "a" * 200, "sample_rate": 24_000, "response_format": ...}),
        (OPENROUTER, {"provider": {"options": {}}, "instructions": "Whisper."}),
        (BARE, {"instructions": "Whisper.", "stream_format": "audio", "model": "anything", "voice": "anyone"}),
    ],
    ids=create_id,
)
async def test_accepted_request(compatible: Start, profile: Profile, changes: dict[str, Any]) -> None:
    """Valid requests are spoken."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    response = await post_speech(server, **changes)
    assert response.status == 200, response.content


@pytest.mark.parametrize(
    ("profile", "voice", "actual_voice"),
    [
        (KOKORO, "alloy", "am_adam"),
        (KOKORO, "bm_george", "bm_george"),
        (KOKORO, "af_bella(2)+af_sky", "af_bella(2)+af_sky"),
        (KOKORO, "af_bella - alloy", "af_bella-alloy"),
        (KOKORO, ..., "af_heart"),
        (SPEACHES, "alloy", "af_heart"),
        (CHATTERBOX, "narrator", "narrator"),
        (CHATTERBOX, "alloy", "voice-sample"),
        (CHATTERBOX, "nobody", "voice-sample"),
        (ORPHEUS, "leo", "leo"),
        (ORPHEUS, "alloy", "tara"),
        (EDGE_TTS, "alloy", "en-US-JennyNeural"),
        (EDGE_TTS, "de-DE-KatjaNeural", "de-DE-KatjaNeural"),
        (LOCALAI, "anyone", "anyone"),
        (BARE, "anyone", "anyone"),
    ],
    ids=create_id,
)
async def test_aliases(compatible: Start, profile: Profile, voice: str, actual_voice: str) -> None:
    """A voice can be an alias, a blend, or replaced by the default voice."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    response = await post_speech(server, voice=voice, response_format="wav")
    heard = heard_words(*await decode_audio(response))
    assert {word.voice for word in heard} == {voice_of(actual_voice)}


async def test_single_voice(compatible: Start) -> None:
    """A Piper model of Speaches always uses its only voice."""
    server = await compatible(SPEACHES)
    server.audio_mode = "tones"
    response = await post_speech(server, model="speaches-ai/piper-en_US-lessac-medium", voice="nobody")
    assert {word.voice for word in heard_words(*await decode_audio(response))} == {voice_of("lessac")}
    assert (await post_speech(server, model="tts-1-hd")).status == 200


@pytest.mark.parametrize(
    ("profile", "speed", "actual_speed"),
    [
        (KOKORO, 2, 2.0),
        (SPEACHES, 0.5, 0.5),
        (CHATTERBOX, 2.0, 1.0),
        (CHATTERBOX, 99, 1.0),
        (ORPHEUS, 2.0, 1.0),
        (OPENEDAI_SPEECH, 5, 5.0),
        (EDGE_TTS, 2, 2.0),
        (EDGE_TTS, 0, 0.5),
        (EDGE_TTS, 2.5, 1.0),
        (LOCALAI, 0.25, 0.25),
        (GROQ, 5, 5.0),
        (OPENROUTER, 4, 4.0),
        (BARE, 4, 4.0),
    ],
    ids=create_id,
)
async def test_speed(compatible: Start, profile: Profile, speed: float, actual_speed: float) -> None:
    """The speed has the expected effect, if any."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    durations = []
    for changes in ({}, {"speed": speed}):
        samples, rate = await decode_audio(await post_speech(server, response_format="wav", **changes))
        durations.append(len(samples) / rate)
    assert durations[0] / durations[1] == pytest.approx(actual_speed, rel=0.06)
    assert np.isfinite(durations).all()
    assert server.requests[-1].body == speech_body(profile, response_format="wav", speed=speed)
