"""Capabilities of Speechbase servers: how they are detected, and how long they are remembered."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.json_documents import Json
from custom_components.orator.providers.models import Pronunciation, Usage
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.simulator import Fault, Simulator
from tests.support.streams import SENTENCE

from .speechbase import (
    CARTESIA,
    OPENAI,
    SPEECH,
    STREAM,
    assert_speech,
    create_provider,
    inline_request,
    saved_voice_request,
    speech_requests,
    synthesize,
)


@pytest.fixture
def provider(simulator: Simulator, sessions: HttpSessions) -> SpeechbaseProvider:
    """Return a provider; the simulator encodes the words in tones."""
    simulator.audio_mode = "tones"
    return create_provider(simulator, sessions)


def requested_paths(simulator: Simulator) -> list[str]:
    """Return the paths of all speech requests."""
    return [path for path, _ in speech_requests(simulator)]


# `mode`


@pytest.mark.parametrize("refusal", ["validation", "detail", "root"])
@pytest.mark.parametrize("create_request", [inline_request, saved_voice_request])
async def test_server_rejects_mode(
    simulator: Simulator, provider: SpeechbaseProvider, refusal: Any, create_request: Any
) -> None:
    """A request rejected because of `mode` is repeated once without it; later ones are sent without it."""
    simulator.speechbase.mode_key = "rejected"
    simulator.speechbase.mode_refusal = refusal
    for text in ("One.", "Two."):
        await assert_speech(await synthesize(provider, create_request(provider, text=text)), text)
    assert ["mode" in body for _, body in speech_requests(simulator)] == [True, False, False]
    assert provider.detected["sends_mode"] is False


async def test_server_requires_mode_again(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The capability is updated when the server requires `mode` again."""
    provider.detected["sends_mode"] = False
    await assert_speech(await synthesize(provider, inline_request(provider)))
    assert ["mode" in body for _, body in speech_requests(simulator)] == [False, True]
    assert provider.detected["sends_mode"] is True


@pytest.mark.parametrize("mode_key", ["required", "optional"])
async def test_other_rejections(simulator: Simulator, provider: SpeechbaseProvider, mode_key: Any) -> None:
    """A request that is rejected for another reason is not repeated."""
    simulator.speechbase.mode_key = mode_key
    for request in (
        inline_request(provider, voice="nobody"),
        inline_request(provider, speed=9),
        inline_request(provider, "openai/gpt-9"),
    ):
        simulator.reset()
        with pytest.raises(errors.RejectedError):
            await synthesize(provider, request)
        assert len({str(body) for _, body in speech_requests(simulator)}) == len(speech_requests(simulator)) == 1


async def test_second_rejection(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """If the request without `mode` is rejected for another reason, that reason is reported."""
    simulator.speechbase.mode_key = "rejected"
    with pytest.raises(errors.RejectedError) as caught:
        await synthesize(provider, inline_request(provider, voice="nobody"))
    assert caught.value.code == "provider_error"
    assert provider.detected["sends_mode"] is False


ERRORS_ABOUT_MODE: list[Json] = [
    {},
    {"code": "bad_request", "detail": "Bad request"},
    {"code": "validation_error", "validation": [{"path": [], "message": "Invalid input"}]},
    {"code": "invalid_input", "validation": [{"path": "body", "message": "Invalid input"}]},
    {"code": "unknown_field", "validation": [{"path": "mode", "message": "Not allowed"}]},
    {"code": "unknown_field", "validation": [{"path": "body.mode", "message": "Not allowed"}]},
    {"code": "unknown_field", "validation": [{"path": [], "message": "Unrecognized key(s) in object: 'mode'"}]},
    {"code": "unknown_field", "detail": "Unrecognized key(s) in object: 'mode'"},
    {"code": "unknown_field", "detail": "The field mode is no longer supported"},
    {"code": "unknown_field", "message": "Remove `mode`"},
    {"error": {"code": "unknown_field", "message": 'Unexpected property "mode"'}},
    {"error": {"validation": [{"path": ["body", "mode"], "message": "Not allowed"}]}},
]


@pytest.mark.parametrize("problem", ERRORS_ABOUT_MODE, ids=str)
async def test_forms_of_rejected_mode(simulator: Simulator, provider: SpeechbaseProvider, problem: Json) -> None:
    """A rejection that names `mode`, or nothing, is repeated without `mode`."""
    simulator.speechbase.mode_key = "optional"
    simulator.fail(Fault(path=STREAM, status=400, json={"status": 400, **problem}))
    for text in ("One.", "Two."):
        await assert_speech(await synthesize(provider, inline_request(provider, text=text)), text)
    assert ["mode" in body for _, body in speech_requests(simulator)] == [True, False, False]
    assert provider.detected["sends_mode"] is False


OTHER_ERRORS: list[tuple[int, Json]] = [
    (400, {"code": "invalid_input", "validation": [{"path": [field], "message": "Invalid"}]})
    for field in ("voice", "voiceId", "text", "speed")
]
OTHER_ERRORS += [
    (400, {"validation": [{"path": "body.voice", "message": "Invalid"}]}),
    (400, {"validation": [{"path": [], "message": "Unrecognized key(s) in object: 'providerOptions'"}]}),
    (400, {"code": "provider_error", "detail": "A model of the vendor's refused this"}),
    (409, {"code": "conflict"}),
    (422, {"detail": "Invalid input"}),
]


@pytest.mark.parametrize(("status", "problem"), OTHER_ERRORS, ids=str)
async def test_rejections_that_name_another_field(
    simulator: Simulator, provider: SpeechbaseProvider, status: int, problem: Json
) -> None:
    """A rejection that is certainly about another field is not repeated."""
    simulator.speechbase.mode_key = "optional"
    simulator.fail(Fault(path=STREAM, status=status, json=problem))
    with pytest.raises(errors.RejectedError):
        await synthesize(provider, inline_request(provider))
    assert len(speech_requests(simulator)) == 1
    assert "sends_mode" not in provider.detected


async def test_mode_was_not_the_reason(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """If the server also rejects the request without `mode`, the first rejection is reported."""
    simulator.fail(Fault(path=STREAM, status=400, json={"code": "bad_request", "detail": "No"}))
    with pytest.raises(errors.RejectedError) as caught:
        await synthesize(provider, inline_request(provider))
    assert caught.value.code == "bad_request"
    assert ["mode" in body for _, body in speech_requests(simulator)] == [True, False]
    assert "sends_mode" not in provider.detected


# The streaming endpoint


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.WAV])
async def test_documented_endpoint_comes_first(
    simulator: Simulator, provider: SpeechbaseProvider, audio_format: AudioFormat
) -> None:
    """A server whose documented endpoint streams is asked for no other."""
    provider.detected.clear()
    for text in ("One.", "Two."):
        request = inline_request(provider, text=text, format=audio_format)
        await assert_speech(await synthesize(provider, request), text)
    assert requested_paths(simulator) == [SPEECH, SPEECH]
    assert [body["output"] for _, body in speech_requests(simulator)] == [audio_format] * 2


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.WAV])
async def test_server_that_buffers(
    simulator: Simulator, provider: SpeechbaseProvider, audio_format: AudioFormat
) -> None:
    """If the documented endpoint buffers, the streaming one is used from then on."""
    provider.detected.clear()
    simulator.speechbase.buffers = True
    for text in ("One.", "Two.", "Three."):
        request = inline_request(provider, text=text, format=audio_format)
        await assert_speech(await synthesize(provider, request), text)
    assert requested_paths(simulator) == [SPEECH, STREAM, STREAM]
    assert provider.detected["has_stream"] is True


async def test_server_without_streaming_endpoint(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A missing streaming endpoint is requested once only, also after a new catalog."""
    provider.detected["has_stream"] = True
    simulator.fail(Fault(path=STREAM, status=404, times=9))
    for text in ("One.", "Two."):
        await assert_speech(await synthesize(provider, inline_request(provider, text=text)), text)
        await provider.fetch_catalog()
    assert requested_paths(simulator) == [STREAM, SPEECH, SPEECH]
    assert provider.detected["has_stream"] is True, "a page may come from a gateway"


async def test_capabilities_outlive_the_catalog(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """What a refusal has shown is not forgotten when the catalog is fetched."""
    simulator.speechbase.mode_key = "rejected"
    simulator.speechbase.buffers = True
    simulator.speechbase.models_without_streaming = {CARTESIA}
    await synthesize(provider, inline_request(provider))
    await synthesize(provider, inline_request(provider, CARTESIA, "some-voice"))
    detected = {"sends_mode": False, "has_stream": True, f"has_stream:{CARTESIA}": False, "buffers": True}
    assert provider.detected == detected
    await provider.fetch_catalog()
    assert provider.detected == detected


async def test_number_of_capabilities(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Capabilities of models that were asked for long ago are forgotten."""
    simulator.speechbase.models_without_streaming = {OPENAI}
    provider.detected.update({f"has_stream:vendor/{number}": False for number in range(5_000)})
    provider.detected["has_stream"] = True
    await synthesize(provider, inline_request(provider))
    assert len(provider.detected) == 200
    assert provider.detected[f"has_stream:{OPENAI}"] is False


@pytest.mark.parametrize(
    "problem", [{"type": "about:blank"}, {"type": "https://errors.example/no-such-thing"}, {"type": "gateway_miss"}]
)
async def test_missing_endpoint_of_an_unknown_type(
    simulator: Simulator, provider: SpeechbaseProvider, problem: Json
) -> None:
    """A missing endpoint is detected whatever the type of its 404, if the documented endpoint speaks."""
    simulator.fail(Fault(path=STREAM, status=404, json={"status": 404, **problem}, times=9))
    for text in ("One.", "Two."):
        await assert_speech(await synthesize(provider, inline_request(provider, text=text)), text)
    assert requested_paths(simulator) == [STREAM, SPEECH, SPEECH]


@pytest.mark.parametrize("code", ["voice_not_found", "model_not_found"])
async def test_missing_voice_or_model(simulator: Simulator, provider: SpeechbaseProvider, code: str) -> None:
    """A 404 with a code of its own does not mean that the endpoint is missing for other models."""
    simulator.fail(Fault(path=STREAM, status=404, json={"status": 404, "code": code}))
    for text in ("One.", "Two."):
        await assert_speech(await synthesize(provider, inline_request(provider, text=text)), text)
    await synthesize(provider, inline_request(provider, CARTESIA, "some-voice"))
    assert requested_paths(simulator) == [STREAM, SPEECH, SPEECH, STREAM]


async def test_model_without_streaming(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A model that the streaming endpoint rejects uses the plain one; other models are still streamed."""
    simulator.speechbase.models_without_streaming = {OPENAI}
    for text in ("One.", "Two."):
        await assert_speech(await synthesize(provider, inline_request(provider, text=text)), text)
    await synthesize(provider, inline_request(provider, CARTESIA, "some-voice"))
    assert requested_paths(simulator) == [STREAM, SPEECH, SPEECH, STREAM]


async def test_streaming_not_implemented(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A 501 without a code, and the code with another status, mean the same."""
    for fault in (
        Fault(path=STREAM, status=501),
        Fault(path=STREAM, status=400, json={"code": "streaming_unsupported"}),
    ):
        simulator.reset()
        provider.detected.clear()
        provider.detected["has_stream"] = True
        simulator.fail(fault)
        await assert_speech(await synthesize(provider, saved_voice_request(provider)))
        assert requested_paths(simulator) == [STREAM, SPEECH]


# Raw PCM


@pytest.mark.parametrize(
    ("raw_type", "channels"),
    [
        ("audio/pcm;rate={rate}", 1),
        ("audio/L16; Rate={rate}; channels=1", 1),
        ('audio/L16;codec=pcm;rate="{rate}"', 1),
        ("audio/pcm;rate={rate};encoding=pcm_s16le;channels=2", 2),
        ("application/octet-stream;rate={rate}", 1),
    ],
)
async def test_pcm(simulator: Simulator, provider: SpeechbaseProvider, raw_type: str, channels: int) -> None:
    """Streamed PCM is read with the layout that its media type states."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = raw_type
    async with provider.synthesize(inline_request(provider, CARTESIA, "some-voice")) as audio:
        assert (audio.format, audio.pcm_layout) == (AudioFormat.PCM, PcmLayout(44_100, channels))
        samples = b"".join([chunk async for chunk in audio.data])
    await assert_speech(wav.make_header(PcmLayout(44_100)) + samples)
    assert requested_paths(simulator) == [STREAM]


@pytest.mark.parametrize(
    "raw_type",
    [
        "audio/pcm",
        "audio/L16",
        "application/octet-stream",
        "audio/pcm;rate=fast",
        "audio/pcm;rate=0",
        "audio/pcm;rate=9999999",
        "audio/pcm;rate={rate};channels=77",
        "audio/pcm;rate={rate};bits=32",
        "audio/pcm;rate={rate};encoding=pcm_f32le",
    ],
)
async def test_pcm_of_unknown_layout(simulator: Simulator, provider: SpeechbaseProvider, raw_type: str) -> None:
    """PCM of an unknown layout is not used; the model is requested from the plain endpoint from then on."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = raw_type
    for text in ("One.", "Two."):
        async with provider.synthesize(inline_request(provider, CARTESIA, "some-voice", text=text)) as audio:
            assert audio.format is AudioFormat.MP3
            await assert_speech(b"".join([chunk async for chunk in audio.data]), text)
    await synthesize(provider, inline_request(provider))
    assert requested_paths(simulator) == [STREAM, SPEECH, SPEECH, STREAM]


async def test_unusable_pcm_is_not_read(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A response with unusable PCM is closed without waiting for its end."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = "audio/pcm"
    simulator.fail(Fault(path=STREAM, stall_after=2000))
    await assert_speech(await synthesize(provider, inline_request(provider, CARTESIA, "some-voice")))
    assert simulator.requests[0].sent <= 2000


async def test_unusable_pcm_is_charged(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A response with unusable PCM counts as a charge, as does the request that replaces it."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = "audio/pcm"
    charges: list[Usage] = []
    await synthesize(provider, replace(inline_request(provider, CARTESIA, "some-voice"), record_usage=charges.append))
    assert requested_paths(simulator) == [STREAM, SPEECH]
    assert [(charge.characters, charge.requests) for charge in charges] == [(len(SENTENCE), 1)] * 2


# Pronunciations

PRONUNCIATIONS = (
    Pronunciation("kettle", "cauldron", match_case=False),
    Pronunciation("Tea", "coffee", match_case=True),
)


@pytest.mark.parametrize(
    "problem",
    [
        None,
        (400, {"validation": [{"path": ["pronunciations"], "message": "Not allowed"}]}),
        (400, {"code": "invalid_input", "detail": "pronunciations are not supported for this model"}),
        (422, {"validation": [{"path": "body.pronunciations", "message": "Not allowed"}]}),
    ],
    ids=str,
)
async def test_server_rejects_pronunciations(
    simulator: Simulator, provider: SpeechbaseProvider, problem: tuple[int, Json] | None
) -> None:
    """A server that rejects pronunciations gets no more; words are replaced before the text is sent."""
    if problem:
        simulator.fail(Fault(path=STREAM, status=problem[0], json=problem[1]))
    else:
        simulator.speechbase.accepts_pronunciations = False
    request = inline_request(provider, pronunciations=PRONUNCIATIONS)
    assert request.model.max_pronunciations
    for _ in range(2):
        async with synthesize_with_retries(provider, request) as audio:
            audio_bytes = b"".join([chunk async for chunk in audio.data])
        await assert_speech(audio_bytes, SENTENCE.replace("kettle", "cauldron"))
    assert ["pronunciations" in body for _, body in speech_requests(simulator)] == [True, False, False]
    assert provider.detected["pronounces"] is False
    assert not inline_request(provider).model.max_pronunciations
    assert not saved_voice_request(provider).model.max_pronunciations
    await provider.fetch_catalog()
    assert not inline_request(provider).model.max_pronunciations


async def test_server_rejects_mode_and_pronunciations(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A server may reject both, one after the other."""
    simulator.speechbase.mode_key = "rejected"
    simulator.speechbase.accepts_pronunciations = False
    async with synthesize_with_retries(provider, inline_request(provider, pronunciations=PRONUNCIATIONS)) as audio:
        audio_bytes = b"".join([chunk async for chunk in audio.data])
    await assert_speech(audio_bytes, SENTENCE.replace("kettle", "cauldron"))
    assert provider.detected == {"has_stream": True, "sends_mode": False, "pronounces": False}


@pytest.mark.parametrize("settings", [{"speed": 9}, {"voice": "nobody"}])
async def test_rejections_unrelated_to_pronunciations(
    simulator: Simulator, provider: SpeechbaseProvider, settings: dict[str, Any]
) -> None:
    """Other rejections are reported, and pronunciations are still sent."""
    with pytest.raises(errors.RejectedError):
        async with synthesize_with_retries(
            provider, inline_request(provider, pronunciations=PRONUNCIATIONS, **settings)
        ):
            pass
    assert len(speech_requests(simulator)) == 1
    assert "pronounces" not in provider.detected
