"""What the simulated compatible servers refuse, what they overlook, and how each of them puts it."""

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

from .compatible_client import EACH, Start, asked, body_for, named, requested, samples_of

INVALID_FIELD = Refusal(HTTPStatus.BAD_REQUEST, "No.", "some_error", code="a_code", param="voice")

# Each server's own way


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
async def test_forms(compatible: Start, form: ErrorForm, body: dict[str, Any]) -> None:
    """A refusal can be put into every form that there is."""
    server = await compatible(replace(BARE, errors=form, unknown_model=INVALID_FIELD))
    answer = await asked(server)
    assert (answer.status, answer.json) == (400, body)


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
    ids=named,
)
async def test_refused(compatible: Start, profile: Profile, changes: dict[str, Any], status: int, words: str) -> None:
    """What a server does not take is refused in its own way."""
    answer = await asked(await compatible(profile), **changes)
    assert answer.status == status, answer.content
    assert words in answer.content.decode()


@pytest.mark.parametrize("changes", [{"voice": "nobody"}, {"speed": 0.4}], ids=named)
async def test_refused_too_late(compatible: Start, changes: dict[str, Any]) -> None:
    """The present Speaches finds some mistakes when it has begun to answer, and then leaves."""
    server = await compatible(SPEACHES_LATE)
    with pytest.raises(aiohttp.ClientPayloadError):
        await asked(server, **changes)
    assert (server.requests[-1].status, server.requests[-1].sent) == (200, 0)
    assert (await asked(server, model="other")).status == 404


async def test_limit_that_was_set(compatible: Start) -> None:
    """A text can be too long for Chatterbox's settings too, which is another status and another form."""
    assert CHATTERBOX.limit is not None
    server = await compatible(replace(CHATTERBOX, limit=Limit(10, CHATTERBOX.limit.refusal)))
    answer = await asked(server)
    assert (answer.status, list(answer.json)) == (400, ["error"])
    assert "10 characters" in answer.json["error"]["message"]


async def test_list_of_mistakes(compatible: Start) -> None:
    """What is built with FastAPI lists every mistake, and repeats what was sent."""
    answer = await asked(await compatible(KOKORO), input=5, speed=9)
    assert answer.status == 422
    assert answer.json["detail"] == [
        {"type": "string_type", "loc": ["body", "input"], "msg": "Input should be a valid string", "input": 5},
        {
            "type": "less_than_equal",
            "loc": ["body", "speed"],
            "msg": "Input should be less than or equal to 4.0",
            "input": 9.0,
            "ctx": {"le": 4.0},
        },
    ]


@EACH
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null"])
async def test_no_body(compatible: Start, profile: Profile, raw: bytes) -> None:
    """What is no object is refused by everyone."""
    path = profile.prefixes[0] + "/audio/speech"
    answer = await requested(
        await compatible(profile), path, "POST", data=raw, headers={"Content-Type": "application/json"}
    )
    assert answer.status == {"fastapi": 422, "flask": 500, "own": 400}[profile.framework]


@EACH
async def test_body_that_is_not_said_to_be_json(compatible: Start, profile: Profile) -> None:
    """JSON has to be announced."""
    path = profile.prefixes[0] + "/audio/speech"
    answer = await requested(await compatible(profile), path, "POST", data=b'{"input": "a"}')
    assert answer.status in (400, 422, 500)


# What is overlooked


@pytest.mark.parametrize("profile", [profile for profile in PROFILES if not profile.refuse_unknown], ids=named)
async def test_unknown_fields(compatible: Start, profile: Profile) -> None:
    """Most servers do not look at fields that they do not know."""
    assert (await asked(await compatible(profile), of_another_server=[1], instructions="Whisper.")).status == 200


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
    ids=named,
)
async def test_taken(compatible: Start, profile: Profile, changes: dict[str, Any]) -> None:
    """What a server takes is spoken."""
    server = await compatible(profile)
    server.tongue = "tones"
    answer = await asked(server, **changes)
    assert answer.status == 200, answer.content


@pytest.mark.parametrize(
    ("profile", "asked_voice", "heard_voice"),
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
    ids=named,
)
async def test_voices(compatible: Start, profile: Profile, asked_voice: str, heard_voice: str) -> None:
    """A voice may be another one's name, and one that is not there may be the default one."""
    server = await compatible(profile)
    server.tongue = "tones"
    answer = await asked(server, voice=asked_voice, response_format="wav")
    heard = heard_words(*await samples_of(answer))
    assert {word.voice for word in heard} == {voice_of(heard_voice)}


async def test_voice_of_a_model_with_one(compatible: Start) -> None:
    """A Piper model of Speaches has one voice, whatever is asked for."""
    server = await compatible(SPEACHES)
    server.tongue = "tones"
    answer = await asked(server, model="speaches-ai/piper-en_US-lessac-medium", voice="nobody")
    assert {word.voice for word in heard_words(*await samples_of(answer))} == {voice_of("lessac")}
    assert (await asked(server, model="tts-1-hd")).status == 200


@pytest.mark.parametrize(
    ("profile", "speed", "heard"),
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
    ids=named,
)
async def test_speed(compatible: Start, profile: Profile, speed: float, heard: float) -> None:
    """A speed is heard, or not."""
    server = await compatible(profile)
    server.tongue = "tones"
    lengths = []
    for changes in ({}, {"speed": speed}):
        samples, rate = await samples_of(await asked(server, response_format="wav", **changes))
        lengths.append(len(samples) / rate)
    assert lengths[0] / lengths[1] == pytest.approx(heard, rel=0.06)
    assert np.isfinite(lengths).all()
    assert server.requests[-1].body == body_for(profile, response_format="wav", speed=speed)
