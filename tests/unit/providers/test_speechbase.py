"""Speaking through the simulated Speechbase: both ways to say who speaks, all settings, and all that can go wrong."""

from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions, SynthesisRequest
from custom_components.orator.providers.models import Pronunciation
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.simulator import Fault, Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE

from .speechbase import (
    CARTESIA,
    GOOGLE,
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


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.WAV])
async def test_inline(simulator: Simulator, provider: SpeechbaseProvider, audio_format: AudioFormat) -> None:
    """A model and its vendor's voice are named, and nothing that was not set."""
    await assert_heard(await heard(provider, inline(provider, format=audio_format)))
    output = {"output": "wav"} if audio_format is AudioFormat.WAV else {}
    body = {"mode": "inline", "model": OPENAI, "voice": "coral", "text": SENTENCE, **output}
    assert asked(simulator) == [(SPEECH if output else STREAM, body)]


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.WAV])
async def test_saved_voice(simulator: Simulator, provider: SpeechbaseProvider, audio_format: AudioFormat) -> None:
    """A saved voice is named by its ID alone."""
    await assert_heard(await heard(provider, saved(provider, format=audio_format)))
    output = {"output": "wav"} if audio_format is AudioFormat.WAV else {}
    body = {"mode": "voice", "voiceId": DOCUMENTED_VOICE, "text": SENTENCE, **output}
    assert asked(simulator) == [(SPEECH if output else STREAM, body)]


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"speed": 1.25}, {"speed": 1.25, "output": "mp3"}),
        ({"volume_dbfs": -20}, {"volumeDbfs": -20, "output": "mp3"}),
        ({"bitrate": 192}, {"output": {"format": "mp3", "bitrate": 192}}),
        ({"bitrate": 192, "format": AudioFormat.WAV}, {"output": "wav"}),
        ({"provider_options": {"stability": 0.5}}, {"providerOptions": {"stability": 0.5}}),
    ],
)
async def test_every_setting(
    simulator: Simulator, provider: SpeechbaseProvider, settings: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Each setting is sent by the service's own name, on a route that has it."""
    await assert_heard(await heard(provider, inline(provider, CARTESIA, "some-voice", **settings)))
    ((path, body),) = asked(simulator)
    assert body == {"mode": "inline", "model": CARTESIA, "voice": "some-voice", "text": SENTENCE, **sent}
    assert path == (SPEECH if "output" in sent else STREAM)


async def test_bitrate_is_heeded(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Twice the bitrate is twice the bytes."""
    half, whole = [await heard(provider, inline(provider, bitrate=bitrate)) for bitrate in (64, 128)]
    assert 1.8 < len(whole) / len(half) < 2.2


async def test_words_said_otherwise(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The service says words otherwise, as the voice's user wants them, in both ways to say who speaks."""
    said = (Pronunciation("kettle", "cauldron", match_case=False), Pronunciation("Tea", "coffee", match_case=True))
    for request in (inline, saved):
        audio = await heard(provider, request(provider, pronunciations=said))
        await assert_heard(audio, SENTENCE.replace("kettle", "cauldron"))
    rules = [
        {"word": "kettle", "replacement": "cauldron"},
        {"word": "Tea", "replacement": "coffee", "caseSensitive": True},
    ]
    assert all(body["pronunciations"] == {"rules": rules} for _, body in asked(simulator))


async def test_vendor_with_a_container_of_its_own(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """What is streamed is what the vendor makes; it is recognised."""
    async with provider.synthesize(inline(provider, GOOGLE, "Kore")) as audio:
        assert audio.format is AudioFormat.WAV
        await assert_heard(b"".join([chunk async for chunk in audio.chunks]))


REFUSALS: list[tuple[Fault, type[errors.SpeechError]]] = [
    (Fault(status=401, json={"status": 401, "detail": "Invalid API key"}), errors.InvalidKeyError),
    (Fault(status=403, json={"status": 403, "detail": "Moderation is away"}), errors.NotPermittedError),
    (Fault(status=409, json={"status": 409, "code": "conflict"}), errors.RejectedError),
    (Fault(status=410, json={"status": 410, "detail": "Gone"}), errors.ServiceGoneError),
    (Fault(status=422, json={"error": {"code": "content_moderation_blocked"}}), errors.ContentRefusedError),
    (Fault(status=422, json={"code": "content_moderation_blocked", "status": 422}), errors.ContentRefusedError),
    (Fault(status=429, headers={"Retry-After": "60"}), errors.RateLimitedError),
    (Fault(status=200, json={"audio": "…"}), errors.NotAudioError),
]


@pytest.mark.parametrize(("fault", "expected"), REFUSALS)
async def test_refusals_are_not_repeated(
    simulator: Simulator, provider: SpeechbaseProvider, fault: Fault, expected: type[errors.SpeechError]
) -> None:
    """Each refusal has its error, and is taken for an answer."""
    simulator.fail(fault)
    with pytest.raises(expected) as caught:
        async with synthesize_with_retries(provider, inline(provider)):
            pass
    assert type(caught.value) is expected
    assert len(asked(simulator)) == 1


@pytest.mark.parametrize("fate", ["blocked", "fail_closed", "outage"])
@pytest.mark.parametrize("form", ["json", "problem"])
async def test_fates_are_not_tried_twice(
    simulator: Simulator, provider: SpeechbaseProvider, fate: Any, form: Any
) -> None:
    """What moderation or the vendor refuses stays refused."""
    simulator.speechbase.moderation_form = form
    simulator.speechbase.fates["kettle"] = fate
    with pytest.raises(errors.NotPermittedError if fate == "outage" else errors.ContentRefusedError):
        async with synthesize_with_retries(provider, inline(provider)):
            pass
    assert len(asked(simulator)) == 1


async def test_what_no_route_can_speak(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """What is not implemented on the streaming route is tried on the other one, and then never again."""
    simulator.speechbase.fates["kettle"] = "unsupported"
    with pytest.raises(errors.NotImplementedByProviderError):
        async with synthesize_with_retries(provider, inline(provider)):
            pass
    assert [path for path, _ in asked(simulator)] == [STREAM, SPEECH]
    assert not provider.detected


async def test_vendor_that_is_away_comes_back(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A vendor's outage is waited for a little."""
    problem = {"status": 503, "code": "provider_unavailable", "provider": "openai"}
    simulator.fail(Fault(path=STREAM, status=503, json=problem, times=2))
    async with synthesize_with_retries(provider, inline(provider)) as audio:
        await assert_heard(b"".join([chunk async for chunk in audio.chunks]))
    assert len(asked(simulator)) == 3


@pytest.mark.parametrize(
    ("model", "expected", "vendor"),
    [
        ("deepgram/aura-2", errors.VendorKeyMissingError, "Deepgram"),
        ("hume/octave-2", errors.VendorDisabledError, "Hume"),
    ],
)
async def test_vendor_that_cannot_be_used(
    provider: SpeechbaseProvider, model: str, expected: type[errors.SpeechError], vendor: str
) -> None:
    """A vendor without a key, or switched off, is named as the service names it, and is not our key's fault."""
    described = provider.describe_model(model, await provider.fetch_catalog(), {})
    with pytest.raises(expected) as caught:
        await heard(provider, SynthesisRequest(SENTENCE, described, "voice", AudioFormat.MP3))
    assert caught.value.subject == vendor


GONE = "01940f8a-0000-7000-9b6c-fc6dd8a0a4d2"


async def test_voice_that_is_gone(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A saved voice that is no more is said to be gone; the routes are not to blame."""
    with pytest.raises(errors.VoiceGoneError) as caught:
        await heard(provider, saved(provider, GONE))
    assert caught.value.subject == GONE
    assert provider.detected.get("has_stream", True)
    model = provider.describe_model("", await provider.fetch_catalog(), {"mode": "voice"})
    assert await provider.resolve_voice_id(model, DOCUMENTED_VOICE) == DOCUMENTED_VOICE
    with pytest.raises(errors.VoiceGoneError) as caught:
        await provider.resolve_voice_id(model, GONE)
    assert caught.value.subject == GONE


@pytest.mark.parametrize("request_of", [saved, inline])
async def test_page_of_somebody_in_between(simulator: Simulator, provider: SpeechbaseProvider, request_of: Any) -> None:
    """A 404 that is no document of the service does not tell that a voice is gone: there is no such service."""
    page = {"status": 404, "body": "<html>404 Not Found</html>", "headers": {"Content-Type": "text/html"}}
    simulator.fail(Fault(path=f"{SPEECH}*", **page, times=2), Fault(path="*/v1/voices/*", **page))
    with pytest.raises(errors.NotASpeechServerError):
        await heard(provider, request_of(provider))
    model = provider.describe_model("", await provider.fetch_catalog(), {"mode": "voice"})
    with pytest.raises(errors.NotASpeechServerError):
        await provider.resolve_voice_id(model, GONE)


async def test_new_voice_can_be_checked(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A voice that is newer than the list is asked for by its ID, and called what the service calls it."""
    model = provider.describe_model("", await provider.fetch_catalog(), {"mode": "voice"})
    simulator.speechbase.voices.append({**simulator.speechbase.voices[0], "id": "new"})
    assert await provider.resolve_voice_id(model, " new\n") == "new"
    simulator.fail(Fault(path="*/v1/voices/*", json={"data": {"id": "New-1"}}))
    assert await provider.resolve_voice_id(model, "NEW-1") == "New-1"
    for odd in ({"data": {"id": "../"}}, {"data": {"id": 1}}, {"data": None}, []):
        simulator.fail(Fault(path="*/v1/voices/*", json=odd))
        assert await provider.resolve_voice_id(model, "new") == "new"


@pytest.mark.parametrize("voice_id", ["", "..", "../../health", "a/b", "a?b", "a%2fb", "a b", "ä", "a" * 65])
async def test_voice_that_can_be_none(simulator: Simulator, provider: SpeechbaseProvider, voice_id: str) -> None:
    """What is no ID never becomes a part of an address; a vendor's own voices may be called anything."""
    model = provider.describe_model("", None, {"mode": "voice"})
    with pytest.raises(errors.VoiceGoneError) as caught:
        await provider.resolve_voice_id(model, voice_id)
    assert caught.value.subject == voice_id
    assert await provider.resolve_voice_id(provider.describe_model(OPENAI, None, {}), f" {voice_id} ") == voice_id
    assert not simulator.requests


async def test_catalog(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Vendors that are switched on are listed, those without a key last, and the saved voices of all pages."""
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


async def test_many_pages_of_voices(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Pages are read to the last one, and with it the voices that were saved since the list was known."""
    before = await provider.fetch_catalog()
    assert len(provider.describe_model("", before, {"mode": "voice"}).voices) == 120
    simulator.reset()
    row = simulator.speechbase.voices[0]
    simulator.speechbase.voices += [{**row, "id": f"voice-{number}", "title": f"{number}"} for number in range(500)]
    catalog = await provider.fetch_catalog()
    assert len(provider.describe_model("", catalog, {"mode": "voice"}).voices) == 620
    assert provider.describe_model("", catalog, {"mode": "voice", "voice_id": "voice-7"}).id.endswith(row["model"])
    assert len([request for request in simulator.requests if request.path.endswith("/v1/voices")]) == 4


async def test_saved_voice_has_the_limits_of_its_model(simulator: Simulator, provider: SpeechbaseProvider) -> None:
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
        ("hume/octave-2", False),  # switched off
        ("gradium/default", False),  # not offered
        ("", True),  # a saved voice of which nothing is known
    ],
)
async def test_connected_vendors(provider: SpeechbaseProvider, model: str, *, is_connected: bool) -> None:
    """A vendor that is missing among others can't speak, no more than one that is switched off or has no key."""
    catalog = await provider.fetch_catalog()
    assert provider.describe_model(model, catalog, {}).is_connected is is_connected
    for nothing in (None, {"vendors": [], "voices": []}):
        assert provider.describe_model(model, nothing, {}).is_connected


async def test_vendors_behind_saved_voices(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A saved voice is connected if its vendor is; when all vendors are switched off, none is."""
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


async def test_first_voice(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The first voice is one that can speak: a saved one, or else one of OpenAI's; otherwise there is none."""
    first = provider.initial_voice_settings(await provider.fetch_catalog())
    assert first
    assert first["mode"] == "voice"
    await heard(provider, saved(provider, first["voice_id"]))
    unusable = [row for row in simulator.speechbase.voices if row["title"].startswith(("Reception", "Bedtime", "From"))]
    simulator.speechbase.voices[:] = unusable
    assert provider.initial_voice_settings(await provider.fetch_catalog()) == {"model": OPENAI, "voice": "coral"}
    for row in simulator.speechbase.providers:
        row["byok"] = row["managed"] = False
    assert provider.initial_voice_settings(await provider.fetch_catalog()) is None


@pytest.mark.parametrize("document", [{}, [], {"data": "none"}, "text"])
async def test_server_that_is_something_else(simulator: Simulator, provider: SpeechbaseProvider, document: Any) -> None:
    """A server that does not answer with lists is no Speechbase."""
    simulator.fail(Fault(path="*/providers", json=document))
    with pytest.raises(errors.NotASpeechServerError):
        await provider.fetch_catalog()


async def test_name_that_leads_nowhere(connections: HttpSessions) -> None:
    """A service whose name is gone is told from one that is only away."""
    provider = SpeechbaseProvider(connections, {"base_url": "https://api.speechbase.invalid"}, "sk")
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
    """Addresses are taken as people copy them."""
    assert SpeechbaseProvider.resolve_addresses({"base_url": entered}) == {"base_url": base_url}
    assert SpeechbaseProvider.resolve_addresses({"base_url": base_url}) == {"base_url": base_url}


async def test_key_goes_in_one_header(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The key is sent as documented, and a text too long is not sent at all."""
    await heard(provider, inline(provider))
    assert simulator.requests[0].headers["Authorization"] == f"Bearer {simulator.api_key}"
    simulator.reset()
    with pytest.raises(errors.TextTooLongError):
        await heard(provider, inline(provider, text="tea " * 2000))
    assert not simulator.requests
