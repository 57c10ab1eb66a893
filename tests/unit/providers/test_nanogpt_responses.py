"""All kinds of NanoGPT's responses, on each of its endpoints, become audio or an error."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import AudioFormat, PcmLayout, detect_format, is_same_container
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.models import Usage
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.nanogpt.responses import JobTicket, read_cost
from tests.simulator import Fault, ModelResponse, Simulator
from tests.support.streams import SENTENCE

from .nanogpt import ENDPOINTS, PATHS, assert_speech, create_provider, create_request, speech_bodies, synthesize


@pytest.fixture
def provider(simulator: Simulator, sessions: HttpSessions) -> NanoGPTProvider:
    """Return a provider; the simulator encodes the words in tones."""
    simulator.audio_mode = "tones"
    return create_provider(simulator, sessions)


RESPONSES = [
    ModelResponse(kind="bytes"),
    ModelResponse(kind="bytes", content_type="audio/mp3"),
    ModelResponse(kind="bytes", content_type="application/octet-stream"),
    ModelResponse(kind="bytes", content_type="application/json"),
    ModelResponse(kind="bytes", content_type=None),
    ModelResponse(kind="link"),
    ModelResponse(kind="link", link_key="url"),
    ModelResponse(kind="link", link_key="data.audioUrl"),
    ModelResponse(kind="link", link_key="data.url"),
    ModelResponse(kind="ticket"),
    ModelResponse(kind="ticket_200"),
    ModelResponse(kind="ticket", link_key="data.url", done="succeeded"),
    ModelResponse(kind="ticket_200", link_key="url"),
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "answer", RESPONSES, ids=lambda answer: f"{answer.kind} {answer.content_type} {answer.link_key}"
)
async def test_response(simulator: Simulator, provider: NanoGPTProvider, endpoint: str, answer: ModelResponse) -> None:
    """Every kind of response leads to the audio of one charge, and the file host never receives the API key."""
    simulator.nanogpt.responses["tts-1"] = answer
    await assert_speech(await synthesize(provider, create_request(provider, endpoint=endpoint)))
    assert len(speech_bodies(simulator)) == simulator.nanogpt.charged == 1
    assert simulator.requests[0].path == PATHS[ENDPOINTS.index(endpoint)]
    assert len(simulator.files.requests) == (answer.kind != "bytes")
    assert all(simulator.api_key not in str(request.headers) for request in simulator.files.requests)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("model", ["Kokoro-82m", "Elevenlabs-Turbo-V2.5", "gpt-4o-mini-tts", "xai-tts"])
async def test_model(simulator: Simulator, provider: NanoGPTProvider, endpoint: str, model: str) -> None:
    """Every model speaks on every endpoint, without fields that one of them rejects."""
    await assert_speech(await synthesize(provider, create_request(provider, model, endpoint)))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_api_key_headers(simulator: Simulator, provider: NanoGPTProvider, endpoint: str, *, strict: bool) -> None:
    """Each endpoint finds the API key in the header that its documentation names."""
    simulator.nanogpt.strict_headers = strict
    simulator.nanogpt.responses["tts-1"] = ModelResponse(kind="ticket")
    await assert_speech(await synthesize(provider, create_request(provider, endpoint=endpoint)))
    assert await provider.fetch_catalog()


@pytest.mark.parametrize("audio_format", [kind for kind in AudioFormat if kind is not AudioFormat.PCM])
async def test_formats_of_the_speech_endpoint(
    simulator: Simulator, provider: NanoGPTProvider, audio_format: AudioFormat
) -> None:
    """The format is requested in the body and in `Accept`."""
    found = detect_format(await synthesize(provider, create_request(provider, "nano-tts-1", "speech", audio_format)))
    assert found
    assert is_same_container(found, audio_format)
    (received,) = simulator.requests
    assert received.body["format"] == audio_format
    assert received.headers["Accept"].startswith("audio/")


async def test_pcm_of_the_speech_endpoint(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """PCM is requested with a sample rate, and its layout is known."""
    request = create_request(provider, "nano-tts-1", "speech", AudioFormat.PCM)
    async with provider.synthesize(request) as audio:
        assert (audio.format, audio.pcm_layout) == (AudioFormat.PCM, request.model.pcm_layout)
        assert len(b"".join([chunk async for chunk in audio.data])) % 2 == 0
    assert speech_bodies(simulator) == [
        {"model": "nano-tts-1", "input": SENTENCE, "voice": "luna", "format": "pcm16", "sample_rate": 24_000}
    ]


@pytest.mark.parametrize("field", ["type", "code"])
async def test_rejected_sample_rate(simulator: Simulator, provider: NanoGPTProvider, field: Any) -> None:
    """PCM is requested with another sample rate if the model rejects the usual one, which is remembered."""
    simulator.fail(Fault(path=PATHS[1], status=400, json={"error": {field: "invalid_sample_rate"}}, times=2))
    request = create_request(provider, "nano-tts-1", "speech", AudioFormat.PCM)
    for _ in range(2):
        async with provider.synthesize(request) as audio:
            assert audio.pcm_layout == PcmLayout(48_000)
            samples = b"".join([block async for block in audio.data])
        await assert_speech(wav.make_header(PcmLayout(48_000), len(samples)) + samples)
    assert [body["sample_rate"] for body in speech_bodies(simulator)] == [24_000, 16_000, 48_000, 48_000]


async def test_every_sample_rate_rejected(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A model without PCM is an error."""
    simulator.fail(Fault(path=PATHS[1], status=400, json={"error": {"code": "invalid_sample_rate"}}, times=9))
    with pytest.raises(errors.RejectedError):
        await synthesize(provider, create_request(provider, "nano-tts-1", "speech", AudioFormat.PCM))
    assert len(speech_bodies(simulator)) == 6


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
async def test_settings(simulator: Simulator, provider: NanoGPTProvider, model: str, endpoint: str) -> None:
    """A model's options are exactly those of its settings; set ones are sent under the endpoint's names, others not."""
    settings = SETTINGS[model, endpoint]
    request = create_request(provider, model, endpoint, **settings)
    assert [option.key for option in request.model.options] == list(settings)
    await synthesize(provider, request)
    await synthesize(provider, create_request(provider, model, endpoint, text="Nothing set."))
    with_settings, without = speech_bodies(simulator)
    assert settings.items() <= with_settings.items()
    assert not settings.keys() & without.keys()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_streaming(simulator: Simulator, provider: NanoGPTProvider, endpoint: str) -> None:
    """Streaming is requested on the one endpoint and for the models that support it."""
    for model in ("tts-1", "xai-tts"):
        await synthesize(provider, create_request(provider, model, endpoint))
    streamed = [body["model"] for body in speech_bodies(simulator) if body.get("stream")]
    assert streamed == (["tts-1"] if endpoint == "audio_speech" else [])


ERROR_DOCUMENTS: list[tuple[int, Any, type[errors.SpeechError]]] = [
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


@pytest.mark.parametrize(("status", "document", "expected"), ERROR_DOCUMENTS)
async def test_error_document(
    simulator: Simulator,
    provider: NanoGPTProvider,
    status: int,
    document: Any,
    expected: type[errors.SpeechError],
) -> None:
    """Every form of error document becomes the right error."""
    simulator.fail(Fault(path=PATHS[0], status=status, json=document))
    with pytest.raises(expected) as caught:
        await synthesize(provider, create_request(provider))
    assert type(caught.value) is expected
    assert SENTENCE not in str(caught.value)


@pytest.mark.parametrize("body", ["<html>Welcome</html>", "", '{"audioUrl": no}'])
async def test_document_instead_of_audio(simulator: Simulator, provider: NanoGPTProvider, body: str) -> None:
    """A page, a malformed document or an empty body is an error."""
    simulator.fail(Fault(path=PATHS[0], body=body))
    with pytest.raises(errors.NotAudioError):
        await synthesize(provider, create_request(provider))


@pytest.mark.parametrize("body", ['{"audioUrl": ', '{"a":' + "[" * 200_000], ids=["short", "deep"])
async def test_truncated_document(simulator: Simulator, provider: NanoGPTProvider, body: str) -> None:
    """A document that is cut off is charged, as its link or ticket is lost, and not requested again."""
    simulator.fail(Fault(path=PATHS[0], body=body))
    charges: list[Usage] = []
    with pytest.raises(errors.GenerationFailedError, match="broken_answer"):
        await synthesize(provider, replace(create_request(provider), record_usage=charges.append))
    assert [usage.requests for usage in charges] == [1]


async def test_unconfirmed_invalid_key(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A 401 is about the user's API key only if the balance request is refused as well."""
    refusal = {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}
    simulator.fail(Fault(path=PATHS[0], status=401, json=refusal))
    with pytest.raises(errors.UpstreamRefusedError):
        async with synthesize_with_retries(provider, create_request(provider)):
            pass
    assert len(speech_bodies(simulator)) == 1
    simulator.fail(
        Fault(path=PATHS[0], status=401, json=refusal), Fault(path="/api/check-balance", status=503, json={})
    )
    with pytest.raises(errors.UpstreamRefusedError):
        await synthesize(provider, create_request(provider))
    simulator.api_key = "sk-another"
    with pytest.raises(errors.InvalidKeyError):
        await synthesize(provider, create_request(provider))


async def test_null_link(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A null field does not hide the same field in `data`."""
    simulator.nanogpt.responses["tts-1"] = ModelResponse(kind="ticket", link_key="data.audioUrl")
    await assert_speech(await synthesize(provider, create_request(provider)))
    (job,) = simulator.nanogpt.jobs
    link = {"status": "completed", "audioUrl": None, "data": {"audioUrl": job.url}}
    simulator.fail(Fault(path=PATHS[0], json=link))
    await assert_speech(await synthesize(provider, create_request(provider)))


async def test_text_too_long(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A text over the limit is not sent."""
    with pytest.raises(errors.TextTooLongError):
        await synthesize(provider, create_request(provider, text="tea " * 2000))
    assert not simulator.requests


def test_oversized_ticket() -> None:
    """A ticket too long for a URL is rejected."""
    with pytest.raises(errors.NotAudioError):
        JobTicket.parse({"runId": "x" * 2_000}, "m")


@pytest.mark.parametrize(
    ("cost", "sent"),
    [(1.23e-06, "0.00000123"), (0.0050388, "0.0050388"), (2.0, "2.0"), (3, "3"), (1e16, "10000000000000000")],
)
def test_cost_is_sent_without_exponent(cost: float, sent: str) -> None:
    """A status request states the cost as a plain decimal number."""
    assert JobTicket.parse({"runId": "r", "cost": cost, "isApiRequest": True}, "m").query == {
        "runId": "r",
        "model": "m",
        "cost": sent,
        "isApiRequest": "true",
    }


@pytest.mark.parametrize("currency", ["x" * 10_000, "", "U$D", "sk-secret", ["USD"], None])
def test_implausible_currency(currency: object) -> None:
    """A cost in something that is no currency code is in US dollars."""
    assert read_cost({"cost": 0.5, "currency": currency}) == (0.5, "USD")
    assert read_cost({"cost": 0.5, "currency": "XNO"}) == (0.5, "XNO")
