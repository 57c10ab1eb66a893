"""Speechbase: both modes, all settings, errors and the catalog."""

from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import SynthesisRequest
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.models import Pronunciation
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from custom_components.orator.providers.speechbase.catalog import parse_vendors
from tests.simulator import Fault, Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.streams import SENTENCE

from .speechbase import (
    CARTESIA,
    GOOGLE,
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


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.WAV])
async def test_inline_mode(simulator: Simulator, provider: SpeechbaseProvider, audio_format: AudioFormat) -> None:
    """Inline requests hold model and voice, and no settings that were not set."""
    await assert_speech(await synthesize(provider, inline_request(provider, format=audio_format)))
    output = {"output": "wav"} if audio_format is AudioFormat.WAV else {}
    body = {"mode": "inline", "model": OPENAI, "voice": "coral", "text": SENTENCE, **output}
    assert speech_requests(simulator) == [(SPEECH if output else STREAM, body)]


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.WAV])
async def test_saved_voice(simulator: Simulator, provider: SpeechbaseProvider, audio_format: AudioFormat) -> None:
    """Requests for a saved voice hold its ID only."""
    await assert_speech(await synthesize(provider, saved_voice_request(provider, format=audio_format)))
    output = {"output": "wav"} if audio_format is AudioFormat.WAV else {}
    body = {"mode": "voice", "voiceId": DOCUMENTED_VOICE, "text": SENTENCE, **output}
    assert speech_requests(simulator) == [(SPEECH if output else STREAM, body)]


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"speed": 1.25}, {"speed": 1.25, "output": "mp3"}),
        ({"volume_dbfs": -20}, {"volumeDbfs": -20, "output": "mp3"}),
        ({"bitrate": 192}, {"output": {"format": "mp3", "bitrate": 192}}),
        ({"bitrate": 100}, {"output": {"format": "mp3", "bitrate": 100}}),
        ({"bitrate": 192, "format": AudioFormat.WAV}, {"output": "wav"}),
        ({"provider_options": {"stability": 0.5}}, {"providerOptions": {"stability": 0.5}}),
    ],
)
async def test_settings(
    simulator: Simulator, provider: SpeechbaseProvider, settings: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Each setting is sent under Speechbase's name, to an endpoint that has it."""
    await assert_speech(await synthesize(provider, inline_request(provider, CARTESIA, "some-voice", **settings)))
    ((path, body),) = speech_requests(simulator)
    assert body == {"mode": "inline", "model": CARTESIA, "voice": "some-voice", "text": SENTENCE, **sent}
    assert path == (SPEECH if "output" in sent else STREAM)


async def test_bitrate(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Twice the bitrate gives twice the bytes."""
    half, whole = [await synthesize(provider, inline_request(provider, bitrate=bitrate)) for bitrate in (64, 128)]
    assert 1.8 < len(whole) / len(half) < 2.2


async def test_pronunciations(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Speechbase applies pronunciations in both modes."""
    pronunciations = (
        Pronunciation("kettle", "cauldron", match_case=False),
        Pronunciation("Tea", "coffee", match_case=True),
    )
    for create_request in (inline_request, saved_voice_request):
        audio = await synthesize(provider, create_request(provider, pronunciations=pronunciations))
        await assert_speech(audio, SENTENCE.replace("kettle", "cauldron"))
    rules = [
        {"word": "kettle", "replacement": "cauldron"},
        {"word": "Tea", "replacement": "coffee", "caseSensitive": True},
    ]
    assert all(body["pronunciations"] == {"rules": rules} for _, body in speech_requests(simulator))


async def test_format_of_the_vendor(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The format of a streamed response, which depends on the vendor, is recognized."""
    async with provider.synthesize(inline_request(provider, GOOGLE, "Kore")) as audio:
        assert audio.format is AudioFormat.WAV
        await assert_speech(b"".join([chunk async for chunk in audio.data]))


ERRORS: list[tuple[Fault, type[errors.SpeechError]]] = [
    (Fault(status=401, json={"status": 401, "detail": "Invalid API key"}), errors.InvalidKeyError),
    (Fault(status=403, json={"status": 403, "detail": "Moderation is away"}), errors.NotPermittedError),
    (Fault(status=409, json={"status": 409, "code": "conflict"}), errors.RejectedError),
    (Fault(status=410, json={"status": 410, "detail": "Gone"}), errors.ServiceGoneError),
    (Fault(status=422, json={"error": {"code": "content_moderation_blocked"}}), errors.ContentRefusedError),
    (Fault(status=422, json={"code": "content_moderation_blocked", "status": 422}), errors.ContentRefusedError),
    (Fault(status=429, headers={"Retry-After": "60"}), errors.RateLimitedError),
    (Fault(status=200, json={"audio": "…"}), errors.NotAudioError),
]


@pytest.mark.parametrize(("fault", "expected"), ERRORS)
async def test_errors_are_not_retried(
    simulator: Simulator, provider: SpeechbaseProvider, fault: Fault, expected: type[errors.SpeechError]
) -> None:
    """Each error response becomes its error and is not retried."""
    simulator.fail(fault)
    with pytest.raises(expected) as caught:
        async with synthesize_with_retries(provider, inline_request(provider)):
            pass
    assert type(caught.value) is expected
    assert len(speech_requests(simulator)) == 1


@pytest.mark.parametrize("outcome", ["blocked", "fail_closed", "outage"])
@pytest.mark.parametrize("form", ["json", "problem"])
async def test_refusals_are_not_retried(
    simulator: Simulator, provider: SpeechbaseProvider, outcome: Any, form: Any
) -> None:
    """Refusals by moderation or by the vendor are not retried."""
    simulator.speechbase.moderation_form = form
    simulator.speechbase.outcomes["kettle"] = outcome
    with pytest.raises(errors.NotPermittedError if outcome == "outage" else errors.ContentRefusedError):
        async with synthesize_with_retries(provider, inline_request(provider)):
            pass
    assert len(speech_requests(simulator)) == 1


async def test_text_not_implemented_on_any_endpoint(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """If both endpoints respond with 501, no missing capability is recorded."""
    simulator.speechbase.outcomes["kettle"] = "unsupported"
    with pytest.raises(errors.NotImplementedByProviderError):
        async with synthesize_with_retries(provider, inline_request(provider)):
            pass
    assert [path for path, _ in speech_requests(simulator)] == [STREAM, SPEECH]
    assert provider.detected == {"has_stream": True}


async def test_vendor_outage_is_retried(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A vendor's outage is retried."""
    problem = {"status": 503, "code": "provider_unavailable", "provider": "openai"}
    simulator.fail(Fault(path=STREAM, status=503, json=problem, times=2))
    async with synthesize_with_retries(provider, inline_request(provider)) as audio:
        await assert_speech(b"".join([chunk async for chunk in audio.data]))
    assert len(speech_requests(simulator)) == 3


@pytest.mark.parametrize(
    ("model", "expected", "vendor"),
    [
        ("deepgram/aura-2", errors.VendorKeyMissingError, "Deepgram"),
        ("hume/octave-2", errors.VendorDisabledError, "Hume"),
    ],
)
async def test_vendor_not_connected(
    provider: SpeechbaseProvider, model: str, expected: type[errors.SpeechError], vendor: str
) -> None:
    """A vendor without an API key, or a disabled one, is named in the error."""
    described = provider.describe_model(model, await provider.fetch_catalog(), {})
    with pytest.raises(expected) as caught:
        await synthesize(provider, SynthesisRequest(SENTENCE, described, "voice", AudioFormat.MP3))
    assert caught.value.subject == vendor


MISSING_VOICE = "01940f8a-0000-7000-9b6c-fc6dd8a0a4d2"


async def test_missing_saved_voice(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A missing saved voice is reported as gone, not as a missing endpoint."""
    with pytest.raises(errors.VoiceGoneError) as caught:
        await synthesize(provider, saved_voice_request(provider, MISSING_VOICE))
    assert caught.value.subject == MISSING_VOICE
    assert provider.detected.get("has_stream", True)
    model = provider.describe_model("", await provider.fetch_catalog(), {"mode": "voice"})
    assert await provider.resolve_voice_id(model, DOCUMENTED_VOICE) == DOCUMENTED_VOICE
    with pytest.raises(errors.VoiceGoneError) as caught:
        await provider.resolve_voice_id(model, MISSING_VOICE)
    assert caught.value.subject == MISSING_VOICE


@pytest.mark.parametrize("create_request", [saved_voice_request, inline_request])
async def test_page_of_a_proxy(simulator: Simulator, provider: SpeechbaseProvider, create_request: Any) -> None:
    """A 404 that is not a JSON document does not mean that the voice is gone, but that there is no such server."""
    page = {"status": 404, "body": "<html>404 Not Found</html>", "headers": {"Content-Type": "text/html"}}
    simulator.fail(Fault(path=f"{SPEECH}*", **page, times=2), Fault(path="*/v1/voices/*", **page))
    with pytest.raises(errors.NotASpeechServerError):
        await synthesize(provider, create_request(provider))
    model = provider.describe_model("", await provider.fetch_catalog(), {"mode": "voice"})
    with pytest.raises(errors.NotASpeechServerError):
        await provider.resolve_voice_id(model, MISSING_VOICE)


async def test_resolve_unlisted_voice(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A voice that the catalog lacks is looked up, and returned as Speechbase spells it."""
    model = provider.describe_model("", await provider.fetch_catalog(), {"mode": "voice"})
    simulator.speechbase.voices.append({**simulator.speechbase.voices[0], "id": "new"})
    assert await provider.resolve_voice_id(model, " new\n") == "new"
    simulator.fail(Fault(path="*/v1/voices/*", json={"data": {"id": "New-1"}}))
    assert await provider.resolve_voice_id(model, "NEW-1") == "New-1"
    for odd in ({"data": {"id": "../"}}, {"data": {"id": 1}}, {"data": None}, []):
        simulator.fail(Fault(path="*/v1/voices/*", json=odd))
        assert await provider.resolve_voice_id(model, "new") == "new"


@pytest.mark.parametrize("voice_id", ["", "..", "../../health", "a/b", "a?b", "a%2fb", "a b", "ä", "a" * 65])
async def test_resolve_invalid_voice_id(simulator: Simulator, provider: SpeechbaseProvider, voice_id: str) -> None:
    """An invalid ID of a saved voice is never part of a URL; a vendor's voice IDs may be anything."""
    model = provider.describe_model("", None, {"mode": "voice"})
    with pytest.raises(errors.VoiceGoneError) as caught:
        await provider.resolve_voice_id(model, voice_id)
    assert caught.value.subject == voice_id
    assert await provider.resolve_voice_id(provider.describe_model(OPENAI, None, {}), f" {voice_id} ") == voice_id
    assert not simulator.requests


async def test_catalog(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The catalog lists enabled vendors, those without an API key last, and the saved voices of all pages."""
    catalog = await provider.fetch_catalog()
    models = {model.id: model for model in provider.models(catalog)}
    assert not [model for model in models if model.startswith("hume/")]
    assert list(models)[-1] == "deepgram/aura-2"
    assert (models["deepgram/aura-2"].vendor, models["deepgram/aura-2"].is_connected) == ("Deepgram", False)
    assert models[OPENAI].is_connected
    assert [model.is_connected for model in models.values()] == [True] * (len(models) - 1) + [False]
    assert models["elevenlabs/eleven_flash_v2_5"].max_chars == 40_000
    assert len(models["openai/tts-1"].voices) == 9
    voices = provider.describe_model("", catalog, {"mode": "voice"}).voices
    assert len(voices) == len(simulator.speechbase.voices) == 120
    assert voices[-1].name == "Podcast narrator"
    assert catalog == await provider.fetch_catalog()
    assert "provider_options" not in str(catalog)


async def test_pages_of_voices(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """All pages are fetched, and new voices are described by the new catalog."""
    before = await provider.fetch_catalog()
    assert len(provider.describe_model("", before, {"mode": "voice"}).voices) == 120
    simulator.reset()
    row = simulator.speechbase.voices[0]
    simulator.speechbase.voices += [{**row, "id": f"voice-{number}", "title": f"{number}"} for number in range(500)]
    catalog = await provider.fetch_catalog()
    assert len(provider.describe_model("", catalog, {"mode": "voice"}).voices) == 620
    assert provider.describe_model("", catalog, {"mode": "voice", "voice_id": "voice-7"}).id.endswith(row["model"])
    assert len([request for request in simulator.requests if request.path.endswith("/v1/voices")]) == 4


async def test_model_of_a_saved_voice(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A saved voice is described by the model that it was saved with."""
    catalog = await provider.fetch_catalog()
    model = provider.describe_model("", catalog, {"mode": "voice", "voice_id": DOCUMENTED_VOICE})
    assert (model.id, model.max_chars, model.vendor) == ("elevenlabs/eleven_v3", 5_000, "ElevenLabs")


@pytest.mark.parametrize(
    ("model", "is_connected"),
    [
        (OPENAI, True),
        ("openai/gpt-9", True),
        ("deepgram/aura-2", False),  # without a key
        ("hume/octave-2", False),  # disabled
        ("gradium/default", False),  # not listed
        ("", True),  # an unknown saved voice
    ],
)
async def test_connected_vendors(provider: SpeechbaseProvider, model: str, *, is_connected: bool) -> None:
    """A vendor is not connected if it is disabled, has no API key, or is missing from a list with others."""
    catalog = await provider.fetch_catalog()
    assert provider.describe_model(model, catalog, {}).is_connected is is_connected
    for nothing in (None, {"vendors": [], "voices": []}):
        assert provider.describe_model(model, nothing, {}).is_connected


async def test_connected_saved_voices(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A saved voice is connected if its vendor is; none is if all vendors are disabled."""
    titles = {row["title"]: row["id"] for row in simulator.speechbase.voices}

    def is_connected(catalog: Any, title: str) -> bool:
        return provider.describe_model("", catalog, {"mode": "voice", "voice_id": titles[title]}).is_connected

    catalog = await provider.fetch_catalog()
    usable = ("Podcast narrator", "From last year")
    unusable = ("Reception (no key)", "Bedtime stories (switched off)")
    assert all(is_connected(catalog, title) for title in usable)
    assert not any(is_connected(catalog, title) for title in unusable)
    for row in simulator.speechbase.providers:
        row["enabled"] = False
    catalog = await provider.fetch_catalog()
    assert not any(is_connected(catalog, title) for title in (*usable, *unusable))
    assert [(model.id, model.is_connected) for model in provider.models(catalog)] == [(OPENAI, False)]


async def test_initial_voice(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The first voice is a saved voice that can speak, else one of OpenAI's, else there is none."""
    first = provider.initial_voice_settings(await provider.fetch_catalog())
    assert first
    assert first["mode"] == "voice"
    await synthesize(provider, saved_voice_request(provider, first["voice_id"]))
    unusable = [row for row in simulator.speechbase.voices if row["title"].startswith(("Reception", "Bedtime", "From"))]
    simulator.speechbase.voices[:] = unusable
    assert provider.initial_voice_settings(await provider.fetch_catalog()) == {"model": OPENAI, "voice": "coral"}
    for row in simulator.speechbase.providers:
        row["byok"] = row["managed"] = False
    assert provider.initial_voice_settings(await provider.fetch_catalog()) is None


@pytest.mark.parametrize("document", [{}, [], {"data": "none"}, "text"])
async def test_malformed_list(simulator: Simulator, provider: SpeechbaseProvider, document: Any) -> None:
    """A server whose response is not a list is not Speechbase."""
    simulator.fail(Fault(path="*/providers", json=document))
    with pytest.raises(errors.NotASpeechServerError):
        await provider.fetch_catalog()


async def test_unresolvable_name(sessions: HttpSessions) -> None:
    """A host name that cannot be resolved has its own error."""
    provider = SpeechbaseProvider(sessions, {"base_url": "https://api.speechbase.invalid"}, "sk")
    with pytest.raises(errors.NameNotFoundError):
        await provider.fetch_catalog()


@pytest.mark.parametrize(
    ("entered", "base_url"),
    [
        ("", "https://api.speechbase.ai"),
        ("api.speechbase.ai", "https://api.speechbase.ai"),
        ("http://api.speechbase.ai/v1/audio/speech/stream", "https://api.speechbase.ai"),
        ("https://api.speechbase.ai/v1/", "https://api.speechbase.ai"),
        ("192.168.1.2:8080/gate/v1/audio/speech", "http://192.168.1.2:8080/gate"),
    ],
)
def test_addresses(entered: str, base_url: str) -> None:
    """Addresses are accepted as users copy them."""
    assert SpeechbaseProvider.resolve_addresses({"base_url": entered}) == {"base_url": base_url}
    assert SpeechbaseProvider.resolve_addresses({"base_url": base_url}) == {"base_url": base_url}


async def test_api_key_header(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The API key is sent as documented; a text over the limit is not sent."""
    await synthesize(provider, inline_request(provider))
    assert simulator.requests[0].headers["Authorization"] == f"Bearer {simulator.api_key}"
    simulator.reset()
    with pytest.raises(errors.TextTooLongError):
        await synthesize(provider, inline_request(provider, text="tea " * 2000))
    assert not simulator.requests


@pytest.mark.parametrize("models", [5, True, {"a": 1}, "openai/tts-1", None])
def test_models_are_not_a_list(models: Any) -> None:
    """A vendor whose models are not a list has no models."""
    (vendor,) = parse_vendors({"data": [{"id": "openai", "byok": True, "models": models}]})
    assert vendor["models"] == []


async def test_endless_pages(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Saved voices are limited in total and per page, as are their titles."""
    for page in range(8):
        rows = [{"id": f"{page}-{number}", "title": "t" * 201} for number in range(2_001)]
        document = {"data": rows, "has_more": True, "next_cursor": "c"}
        simulator.fail(Fault(path="*/v1/voices", json=document))
    catalog = await provider.fetch_catalog()
    assert len(catalog["voices"]) == 10_000
    assert {voice["title"] == voice["id"] for voice in catalog["voices"]} == {True}
    assert len([request for request in simulator.requests if request.path.endswith("/v1/voices")]) == 5


def test_vendor_limits() -> None:
    """The models of all vendors together are limited."""
    models = [f"v/{number}" for number in range(1_500)]
    vendors = parse_vendors({"data": [{"id": name, "models": [*models, "x" * 1_000]} for name in ("a", "b", "c")]})
    assert [len(vendor["models"]) for vendor in vendors] == [1_500, 500, 0]
