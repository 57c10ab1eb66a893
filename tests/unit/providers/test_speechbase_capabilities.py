"""What the provider finds out about a Speechbase server by speaking, and for how long it believes it."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.json_documents import Json
from custom_components.orator.providers.models import Pronunciation, Usage
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.simulator import Fault, Simulator

from .speechbase import (
    CARTESIA,
    OPENAI,
    SENTENCE,
    SPEECH,
    STREAM,
    asked,
    assert_heard,
    heard,
    inline,
    provider_of,
    saved,
)


@pytest.fixture
def provider(simulator: Simulator, connections: HttpSessions) -> SpeechbaseProvider:
    """Return the provider; what it says can be read back."""
    simulator.tongue = "tones"
    return provider_of(simulator, connections)


def routes(simulator: Simulator) -> list[str]:
    """Return the routes that were asked for speech."""
    return [path for path, _ in asked(simulator)]


# `mode`


@pytest.mark.parametrize("refusal", ["validation", "detail", "root"])
@pytest.mark.parametrize("request_of", [inline, saved])
async def test_mode_that_is_refused(
    simulator: Simulator, provider: SpeechbaseProvider, refusal: Any, request_of: Any
) -> None:
    """A server that refuses `mode` is asked once more without it, and never again with it."""
    simulator.speechbase.mode_key = "rejected"
    simulator.speechbase.mode_refusal = refusal
    for text in ("One.", "Two."):
        await assert_heard(await heard(provider, request_of(provider, text=text)), text)
    assert ["mode" in body for _, body in asked(simulator)] == [True, False, False]
    assert provider.detected["sends_mode"] is False


async def test_mode_that_is_wanted_again(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """What was learned can be unlearned."""
    provider.detected["sends_mode"] = False
    await assert_heard(await heard(provider, inline(provider)))
    assert ["mode" in body for _, body in asked(simulator)] == [False, True]
    assert provider.detected["sends_mode"] is True


@pytest.mark.parametrize("mode_key", ["required", "optional"])
async def test_refusal_for_another_reason(simulator: Simulator, provider: SpeechbaseProvider, mode_key: Any) -> None:
    """A request that is refused for something else is not repeated."""
    simulator.speechbase.mode_key = mode_key
    for request in (inline(provider, voice="nobody"), inline(provider, speed=9), inline(provider, "openai/gpt-9")):
        simulator.reset()
        with pytest.raises(errors.RejectedError):
            await heard(provider, request)
        assert len({str(body) for _, body in asked(simulator)}) == len(asked(simulator)) == 1


async def test_refused_mode_and_something_else(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Behind the refusal of `mode` there may be another one, which is what the user is told."""
    simulator.speechbase.mode_key = "rejected"
    with pytest.raises(errors.RejectedError) as caught:
        await heard(provider, inline(provider, voice="nobody"))
    assert caught.value.code == "provider_error"
    assert provider.detected["sends_mode"] is False


ABOUT_MODE: list[Json] = [
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


@pytest.mark.parametrize("problem", ABOUT_MODE, ids=str)
async def test_wordings_of_a_refused_mode(simulator: Simulator, provider: SpeechbaseProvider, problem: Json) -> None:
    """However a server words that it does not know `mode`, or says nothing at all, it is asked once more without it."""
    simulator.speechbase.mode_key = "optional"
    simulator.fail(Fault(path=STREAM, status=400, json={"status": 400, **problem}))
    for text in ("One.", "Two."):
        await assert_heard(await heard(provider, inline(provider, text=text)), text)
    assert ["mode" in body for _, body in asked(simulator)] == [True, False, False]
    assert provider.detected["sends_mode"] is False


ABOUT_OTHERS: list[tuple[int, Json]] = [
    (400, {"code": "invalid_input", "validation": [{"path": [field], "message": "Invalid"}]})
    for field in ("voice", "voiceId", "text", "speed")
]
ABOUT_OTHERS += [
    (400, {"validation": [{"path": "body.voice", "message": "Invalid"}]}),
    (400, {"validation": [{"path": [], "message": "Unrecognized key(s) in object: 'providerOptions'"}]}),
    (400, {"code": "provider_error", "detail": "A model of the vendor's refused this"}),
    (409, {"code": "conflict"}),
    (422, {"detail": "Invalid input"}),
]


@pytest.mark.parametrize(("status", "problem"), ABOUT_OTHERS, ids=str)
async def test_refusal_that_names_something_else(
    simulator: Simulator, provider: SpeechbaseProvider, status: int, problem: Json
) -> None:
    """What is certain to be about something else is no reason to ask again."""
    simulator.speechbase.mode_key = "optional"
    simulator.fail(Fault(path=STREAM, status=status, json=problem))
    with pytest.raises(errors.RejectedError):
        await heard(provider, inline(provider))
    assert len(asked(simulator)) == 1
    assert "sends_mode" not in provider.detected


async def test_first_refusal_is_told_when_mode_was_not_the_reason(
    simulator: Simulator, provider: SpeechbaseProvider
) -> None:
    """A server that misses `mode` as soon as it is left out had another reason before, which is the true one."""
    simulator.fail(Fault(path=STREAM, status=400, json={"code": "bad_request", "detail": "No"}))
    with pytest.raises(errors.RejectedError) as caught:
        await heard(provider, inline(provider))
    assert caught.value.code == "bad_request"
    assert ["mode" in body for _, body in asked(simulator)] == [True, False]
    assert "sends_mode" not in provider.detected


# The streaming route


async def test_server_without_the_streaming_route(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A server that has no such route is not asked for it again."""
    simulator.fail(Fault(path=STREAM, status=404, times=9))
    for text in ("One.", "Two."):
        await assert_heard(await heard(provider, inline(provider, text=text)), text)
    assert [path for path, _ in asked(simulator)] == [STREAM, SPEECH, SPEECH]


async def test_route_that_starts_earlier(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Where the plain route turns out to wait for everything, the streaming one is used for samples as well."""
    simulator.speechbase.buffers = True
    for text in ("One.", "Two."):
        await assert_heard(await heard(provider, inline(provider, text=text, format=AudioFormat.WAV)), text)
    assert [path for path, _ in asked(simulator)] == [SPEECH, STREAM]


async def test_lessons_about_routes_are_forgotten(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """With each new catalogue the server gets another chance; only what it thinks of `mode` is known for longer."""
    simulator.speechbase.mode_key = "rejected"
    simulator.speechbase.buffers = True
    simulator.speechbase.streamless = {CARTESIA}
    simulator.fail(Fault(path=STREAM, status=404))
    await heard(provider, inline(provider))
    provider.detected["has_stream"] = True
    await heard(provider, inline(provider, CARTESIA, "some-voice"))
    assert provider.detected == {
        "sends_mode": False,
        "has_stream": True,
        f"has_stream:{CARTESIA}": False,
        "buffers": True,
    }
    simulator.fail(Fault(path="*/voices", status=503))
    with pytest.raises(errors.ProviderFaultError):
        await provider.fetch_catalog()
    assert len(provider.detected) == 4
    await provider.fetch_catalog()
    assert provider.detected == {"sends_mode": False}


async def test_route_that_comes_back(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A server that was updated is asked to stream again, and one that buffers no longer is asked for samples."""
    simulator.fail(Fault(path=STREAM, status=404))
    simulator.speechbase.buffers = True
    await heard(provider, inline(provider))
    await provider.fetch_catalog()
    simulator.reset()
    await heard(provider, inline(provider))
    await heard(provider, inline(provider, format=AudioFormat.WAV))
    assert routes(simulator) == [STREAM, SPEECH]


@pytest.mark.parametrize("code", ["voice_not_found", "model_not_found"])
async def test_something_else_that_is_not_found(simulator: Simulator, provider: SpeechbaseProvider, code: str) -> None:
    """A 404 with a reason of its own says nothing about the route."""
    simulator.fail(Fault(path=STREAM, status=404, json={"status": 404, "code": code}))
    for text in ("One.", "Two."):
        await assert_heard(await heard(provider, inline(provider, text=text)), text)
    assert routes(simulator) == [STREAM, SPEECH, STREAM]


async def test_model_that_cannot_be_streamed(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A model that the streaming route does not have speaks on the other one; the other models go on streaming."""
    simulator.speechbase.streamless = {OPENAI}
    for text in ("One.", "Two."):
        await assert_heard(await heard(provider, inline(provider, text=text)), text)
    await heard(provider, inline(provider, CARTESIA, "some-voice"))
    assert routes(simulator) == [STREAM, SPEECH, SPEECH, STREAM]


async def test_streaming_that_is_not_implemented(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A 501 without a reason says the same, and so does the reason with another status."""
    for fault in (
        Fault(path=STREAM, status=501),
        Fault(path=STREAM, status=400, json={"code": "streaming_unsupported"}),
    ):
        simulator.reset()
        provider.detected.clear()
        simulator.fail(fault)
        await assert_heard(await heard(provider, saved(provider)))
        assert routes(simulator) == [STREAM, SPEECH]


# Raw samples


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
async def test_raw_samples(simulator: Simulator, provider: SpeechbaseProvider, raw_type: str, channels: int) -> None:
    """A vendor may stream bare samples; their type tells how they lie."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = raw_type
    async with provider.synthesize(inline(provider, CARTESIA, "some-voice")) as audio:
        assert (audio.format, audio.pcm) == (AudioFormat.PCM, PcmLayout(44_100, channels))
        samples = b"".join([chunk async for chunk in audio.chunks])
    await assert_heard(wav.header(PcmLayout(44_100)) + samples)
    assert routes(simulator) == [STREAM]


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
async def test_raw_samples_of_which_nothing_is_known(
    simulator: Simulator, provider: SpeechbaseProvider, raw_type: str
) -> None:
    """Samples that could lie in any way are left, and the model is asked for a container from then on."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = raw_type
    for text in ("One.", "Two."):
        async with provider.synthesize(inline(provider, CARTESIA, "some-voice", text=text)) as audio:
            assert audio.format is AudioFormat.MP3
            await assert_heard(b"".join([chunk async for chunk in audio.chunks]), text)
    await heard(provider, inline(provider))
    assert routes(simulator) == [STREAM, SPEECH, SPEECH, STREAM]


async def test_raw_samples_are_left_at_once(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """What can't be used is not waited for."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = "audio/pcm"
    simulator.fail(Fault(path=STREAM, stall_after=2000))
    await assert_heard(await heard(provider, inline(provider, CARTESIA, "some-voice")))
    assert simulator.requests[0].sent <= 2000


async def test_raw_samples_that_are_left_are_charged(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """What can't be used was made all the same, so both requests count."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = "audio/pcm"
    charges: list[Usage] = []
    await heard(provider, replace(inline(provider, CARTESIA, "some-voice"), record_usage=charges.append))
    assert routes(simulator) == [STREAM, SPEECH]
    assert [(charge.characters, charge.requests) for charge in charges] == [(len(SENTENCE), 1)] * 2


# Words said otherwise

KETTLE = (Pronunciation("kettle", "cauldron", match_case=False), Pronunciation("Tea", "coffee", match_case=True))


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
async def test_words_that_the_service_does_not_say_otherwise(
    simulator: Simulator, provider: SpeechbaseProvider, problem: tuple[int, Json] | None
) -> None:
    """A server that refuses `pronunciations` gets them no more: the words are replaced before they are sent."""
    if problem:
        simulator.fail(Fault(path=STREAM, status=problem[0], json=problem[1]))
    else:
        simulator.speechbase.takes_pronunciations = False
    request = inline(provider, pronunciations=KETTLE)
    assert request.model.max_pronunciations
    for _ in range(2):
        async with synthesize_with_retries(provider, request) as audio:
            said = b"".join([chunk async for chunk in audio.chunks])
        await assert_heard(said, SENTENCE.replace("kettle", "cauldron"))
    assert ["pronunciations" in body for _, body in asked(simulator)] == [True, False, False]
    assert provider.detected["pronounces"] is False
    assert not inline(provider).model.max_pronunciations
    assert not saved(provider).model.max_pronunciations
    await provider.fetch_catalog()
    assert inline(provider).model.max_pronunciations


async def test_refused_mode_and_pronunciations(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A server may refuse both, one after the other."""
    simulator.speechbase.mode_key = "rejected"
    simulator.speechbase.takes_pronunciations = False
    async with synthesize_with_retries(provider, inline(provider, pronunciations=KETTLE)) as audio:
        said = b"".join([chunk async for chunk in audio.chunks])
    await assert_heard(said, SENTENCE.replace("kettle", "cauldron"))
    assert provider.detected == {"sends_mode": False, "pronounces": False}


@pytest.mark.parametrize("settings", [{"speed": 9}, {"voice": "nobody"}])
async def test_refusal_that_is_not_about_pronunciations(
    simulator: Simulator, provider: SpeechbaseProvider, settings: dict[str, Any]
) -> None:
    """What else is wrong is told, and the service goes on saying words otherwise."""
    with pytest.raises(errors.RejectedError):
        async with synthesize_with_retries(provider, inline(provider, pronunciations=KETTLE, **settings)):
            pass
    assert len(asked(simulator)) == 1
    assert "pronounces" not in provider.detected
