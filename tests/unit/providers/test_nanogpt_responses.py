"""Every kind of answer that NanoGPT gives, on each of its routes, becomes sound; what is wrong becomes an error."""

from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat, detect_format, is_same_container
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from tests.simulator import Answer, Fault, Simulator

from .nanogpt import PATHS, ROUTES, SENTENCE, assert_heard, heard, ordered, provider_of, request_for


@pytest.fixture
def provider(simulator: Simulator, connections: HttpSessions) -> NanoGPTProvider:
    """Return the provider; what it says can be read back."""
    simulator.tongue = "tones"
    return provider_of(simulator, connections)


ANSWERS = [
    Answer(kind="bytes"),
    Answer(kind="bytes", content_type="audio/mp3"),
    Answer(kind="bytes", content_type="application/octet-stream"),
    Answer(kind="bytes", content_type="application/json"),
    Answer(kind="bytes", content_type=None),
    Answer(kind="link"),
    Answer(kind="link", link_key="url"),
    Answer(kind="link", link_key="data.audioUrl"),
    Answer(kind="link", link_key="data.url"),
    Answer(kind="ticket"),
    Answer(kind="ticket_200"),
    Answer(kind="ticket", link_key="data.url", done="succeeded"),
    Answer(kind="ticket_200", link_key="url"),
]


@pytest.mark.parametrize("endpoint", ROUTES)
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.kind} {answer.content_type} {answer.link_key}")
async def test_each_kind_of_answer_on_each_route(
    simulator: Simulator, provider: NanoGPTProvider, endpoint: str, answer: Answer
) -> None:
    """Whatever comes, the words are heard, one order was placed, and nobody else has seen the key."""
    simulator.nanogpt.answers["tts-1"] = answer
    await assert_heard(await heard(provider, request_for(provider, endpoint=endpoint)))
    assert len(ordered(simulator)) == simulator.nanogpt.charged == 1
    assert simulator.requests[0].path == PATHS[ROUTES.index(endpoint)]
    assert len(simulator.files.requests) == (answer.kind != "bytes")
    assert all(simulator.api_key not in str(request.headers) for request in simulator.files.requests)


@pytest.mark.parametrize("endpoint", ROUTES)
@pytest.mark.parametrize("model", ["Kokoro-82m", "Elevenlabs-Turbo-V2.5", "gpt-4o-mini-tts", "xai-tts"])
async def test_models_of_all_vendors_on_all_routes(
    simulator: Simulator, provider: NanoGPTProvider, endpoint: str, model: str
) -> None:
    """One way to use them is enough for all, with nothing that a route or model refuses."""
    await assert_heard(await heard(provider, request_for(provider, model, endpoint)))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("endpoint", ROUTES)
async def test_key_is_found_wherever_it_is_looked_for(
    simulator: Simulator, provider: NanoGPTProvider, endpoint: str, *, strict: bool
) -> None:
    """Each route finds the key in the header that its documentation names."""
    simulator.nanogpt.strict_headers = strict
    simulator.nanogpt.answers["tts-1"] = Answer(kind="ticket")
    await assert_heard(await heard(provider, request_for(provider, endpoint=endpoint)))
    assert await provider.fetch_catalog()


@pytest.mark.parametrize("audio_format", [kind for kind in AudioFormat if kind is not AudioFormat.PCM])
async def test_every_format_of_the_speech_route(
    simulator: Simulator, provider: NanoGPTProvider, audio_format: AudioFormat
) -> None:
    """The format is named in the body and in `Accept`, and comes."""
    found = detect_format(await heard(provider, request_for(provider, "nano-tts-1", "speech", audio_format)))
    assert found
    assert is_same_container(found, audio_format)
    (received,) = simulator.requests
    assert received.body["format"] == audio_format
    assert received.headers["Accept"].startswith("audio/")


async def test_samples_of_the_speech_route(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Raw samples are asked for at a rate, and known to lie at it."""
    request = request_for(provider, "nano-tts-1", "speech", AudioFormat.PCM)
    async with provider.synthesize(request) as audio:
        assert (audio.format, audio.pcm) == (AudioFormat.PCM, request.model.pcm)
        assert len(b"".join([chunk async for chunk in audio.chunks])) % 2 == 0
    assert ordered(simulator) == [
        {"model": "nano-tts-1", "input": SENTENCE, "voice": "luna", "format": "pcm16", "sample_rate": 24_000}
    ]


SETTINGS = {
    ("nano-tts-1", "speech"): {
        "speed": 1.2,
        "language": "en-GB",
        "pitch": -2.5,
        "emotion": "friendly",
        "stability": 0.3,
        "similarity": 0.9,
    },
    ("Elevenlabs-Turbo-V2.5", "tts"): {"speed": 4.5, "stability": 0.9, "similarity_boost": 0.8, "style": 0.1},
    ("Elevenlabs-V3", "audio_speech"): {"speed": 1.5, "stability": 0.9, "similarity_boost": 0.8, "style": 0.1},
    ("gpt-4o-mini-tts", "audio_speech"): {"instructions": "Whisper."},
    ("tts-1-hd", "tts"): {"speed": 0.1, "instructions": "Warmly."},
    ("gemini-2.5-flash-preview-tts", "audio_speech"): {"speed": 0.8, "instructions": "Like a pirate."},
    ("tts-1", "speech"): {"speed": 2, "language": "de"},
}


@pytest.mark.parametrize(("model", "endpoint"), SETTINGS)
async def test_every_setting_reaches_the_service(
    simulator: Simulator, provider: NanoGPTProvider, model: str, endpoint: str
) -> None:
    """What is set is sent, by the route's own names; the model offers exactly that; and what is not set is not sent."""
    settings = SETTINGS[model, endpoint]
    request = request_for(provider, model, endpoint, **settings)
    assert [option.key for option in request.model.options] == list(settings)
    await heard(provider, request)
    await heard(provider, request_for(provider, model, endpoint, text="Nothing set."))
    with_settings, without = ordered(simulator)
    assert settings.items() <= with_settings.items()
    assert not settings.keys() & without.keys()


@pytest.mark.parametrize("endpoint", ROUTES)
async def test_streaming_is_asked_for_where_there_is_any(
    simulator: Simulator, provider: NanoGPTProvider, endpoint: str
) -> None:
    """One route can stream, and only some models do."""
    for model in ("tts-1", "xai-tts"):
        await heard(provider, request_for(provider, model, endpoint))
    streamed = [body["model"] for body in ordered(simulator) if body.get("stream")]
    assert streamed == (["tts-1"] if endpoint == "audio_speech" else [])


ENVELOPES: list[tuple[int, Any, type[errors.SpeechError]]] = [
    (400, {"error": {"message": "m", "type": "invalid_request_error", "code": "invalid_voice"}}, errors.RejectedError),
    (400, {"error": {"message": "m", "type": "invalid_model"}}, errors.NotFoundError),
    (400, {"error": {"message": "m", "code": "model_not_available"}}, errors.NotFoundError),
    (400, {"error": {"message": "m", "type": "unsupported_format"}}, errors.RejectedError),
    (400, {"error": {"message": "m", "type": "input_too_long"}}, errors.TextTooLongError),
    (400, {"error": "Prompt too long", "code": "prompt_too_long"}, errors.TextTooLongError),
    (400, {"error": {"message": "m", "code": "content_policy_violation"}}, errors.ContentRefusedError),
    (400, {"error": "Insufficient balance"}, errors.OutOfCreditError),
    (400, {"error": {"message": "m", "code": 402}}, errors.OutOfCreditError),
    (400, {"error": "Not enough funds"}, errors.OutOfCreditError),
    (400, {"error": {"message": "Your balance is insufficient"}}, errors.OutOfCreditError),
    (400, {"error": {"message": "Balance too low. You need to add funds"}}, errors.OutOfCreditError),
    (402, {"error": "Insufficient balance", "status": 402}, errors.OutOfCreditError),
    (402, {"error": 402, "message": "m"}, errors.OutOfCreditError),
    (403, {"type": "error", "error": {"type": "permission_error", "message": "m"}}, errors.NotPermittedError),
    (404, {"error": {"message": "m", "type": "not_found_error", "code": "model_not_found"}}, errors.NotFoundError),
    (413, {"error": "Text too long", "status": 413}, errors.TextTooLongError),
    (429, {"error": {"message": "m", "type": "rate_limit_error"}}, errors.RateLimitedError),
    (
        429,
        {"error": {"message": "m", "type": "rate_limit_error", "code": "daily_usd_limit_exceeded"}},
        errors.DailyLimitError,
    ),
    (500, {"error": 500, "message": "m"}, errors.ProviderFaultError),
    (502, {"error": "insufficient balance upstream"}, errors.ProviderFaultError),
    (501, {"error": "Model not implemented", "status": 501}, errors.NotImplementedByProviderError),
    (504, {"error": {"message": "m", "type": "server_error"}}, errors.ProviderFaultError),
    (200, {"error": "Insufficient balance", "status": 402}, errors.OutOfCreditError),
    (200, {"error": {"message": "m", "type": "api_error"}}, errors.ProviderFaultError),
    (200, {"status": "error", "code": "CONTENT_POLICY_VIOLATION", "error": "Rejected"}, errors.ContentRefusedError),
    (200, {"status": "error", "error": "TTS generation failed."}, errors.GenerationFailedError),
    (200, {"what": "ever"}, errors.NotAudioError),
    (200, {"status": "pending"}, errors.NotAudioError),
    (200, ["no", "object"], errors.NotAudioError),
]


@pytest.mark.parametrize(("status", "document", "expected"), ENVELOPES)
async def test_every_envelope_has_its_error(
    simulator: Simulator,
    provider: NanoGPTProvider,
    status: int,
    document: Any,
    expected: type[errors.SpeechError],
) -> None:
    """What the service says is understood in all the forms that it says it in."""
    simulator.fail(Fault(path=PATHS[0], status=status, json=document))
    with pytest.raises(expected) as caught:
        await heard(provider, request_for(provider))
    assert type(caught.value) is expected
    assert SENTENCE not in str(caught.value)


@pytest.mark.parametrize("body", ["<html>Welcome</html>", '{"audioUrl": ', "", '{"a":' + "[" * 200_000])
async def test_documents_are_no_sound(simulator: Simulator, provider: NanoGPTProvider, body: str) -> None:
    """A page, half a document or nothing, with status 200, is an error."""
    simulator.fail(Fault(path=PATHS[0], body=body))
    with pytest.raises(errors.NotAudioError):
        await heard(provider, request_for(provider))


async def test_key_of_the_vendor_is_not_the_users(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A 401 that the balance does not confirm is the service's own fault; one that it confirms is the key's."""
    refusal = {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}
    simulator.fail(Fault(path=PATHS[0], status=401, json=refusal))
    with pytest.raises(errors.UpstreamRefusedError):
        async with synthesize_with_retries(provider, request_for(provider)):
            pass
    assert len(ordered(simulator)) == 1
    simulator.fail(
        Fault(path=PATHS[0], status=401, json=refusal), Fault(path="/api/check-balance", status=503, json={})
    )
    with pytest.raises(errors.UpstreamRefusedError):
        await heard(provider, request_for(provider))
    simulator.api_key = "sk-another"
    with pytest.raises(errors.InvalidKeyError):
        await heard(provider, request_for(provider))


async def test_link_beside_an_empty_one(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A field without a value says nothing about the same field further in."""
    simulator.nanogpt.answers["tts-1"] = Answer(kind="ticket", link_key="data.audioUrl")
    await assert_heard(await heard(provider, request_for(provider)))
    (job,) = simulator.nanogpt.jobs
    link = {"status": "completed", "audioUrl": None, "data": {"audioUrl": job.url}}
    simulator.fail(Fault(path=PATHS[0], json=link))
    await assert_heard(await heard(provider, request_for(provider)))


async def test_text_over_the_limit_is_not_sent(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """What the service would refuse for its length costs no request."""
    with pytest.raises(errors.TextTooLongError):
        await heard(provider, request_for(provider, text="tea " * 2000))
    assert not simulator.requests
