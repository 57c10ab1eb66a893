"""Speaking through the simulated Speechbase: both ways to say who speaks, all settings, and all that can go wrong."""

from collections.abc import Mapping
from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import Connections, Pronunciation, SpeechRequest
from custom_components.orator.providers.http import Json
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from custom_components.orator.speech.attempts import synthesize

from ..simulator import Fault, Simulator
from ..simulator.speechbase_catalogue import DOCUMENTED_VOICE
from ..sounds import RATE, decode, streamed_wav
from ..words import assert_spoken

SENTENCE = "The kettle has boiled and the tea is ready."
OPENAI, CARTESIA, GOOGLE = "openai/gpt-4o-mini-tts", "cartesia/sonic-3", "google/gemini-2.5-flash-preview-tts"
SPEECH, STREAM = "/speechbase/v1/audio/speech", "/speechbase/v1/audio/speech/stream"


@pytest.fixture
def provider(simulator: Simulator, connections: Connections) -> SpeechbaseProvider:
    """Return the provider; what it says can be read back."""
    simulator.tongue = "tones"
    return provider_of(simulator, connections)


def provider_of(simulator: Simulator, connections: Connections) -> SpeechbaseProvider:
    """Return the provider."""
    return SpeechbaseProvider(connections, {"base_url": simulator.speechbase_url}, simulator.api_key or "")


def inline(provider: SpeechbaseProvider, model: str = OPENAI, voice: str = "coral", **changed: Any) -> SpeechRequest:
    """Return a request that names a model and its voice."""
    return _request(provider, model, voice, {}, **changed)


def saved(provider: SpeechbaseProvider, voice: str = DOCUMENTED_VOICE, **changed: Any) -> SpeechRequest:
    """Return a request that names a saved voice."""
    return _request(provider, "", voice, {"mode": "voice", "voice_id": voice}, **changed)


def _request(
    provider: SpeechbaseProvider, model: str, voice: str, chosen: Mapping[str, Any], **changed: Any
) -> SpeechRequest:
    text = changed.pop("text", SENTENCE)
    audio_format = changed.pop("format", AudioFormat.MP3)
    pronunciations = changed.pop("pronunciations", ())
    settings = {**chosen, **changed}
    described = provider.describe(model, None, settings)
    return SpeechRequest(text, described, voice, audio_format, settings, pronunciations)


async def heard(provider: SpeechbaseProvider, request: SpeechRequest) -> bytes:
    """Return the sound of a request, to its end."""
    async with provider.synthesize(request) as audio:
        return b"".join([chunk async for chunk in audio.chunks])


async def assert_heard(audio: bytes, text: str = SENTENCE) -> None:
    """Read the words back, of a WAV also where it does not know its own length."""
    sound = streamed_wav(audio) if audio.startswith(b"RIFF") else await decode(audio)
    assert_spoken(sound.samples, RATE, text)


def asked(simulator: Simulator) -> list[tuple[str, Json]]:
    """Return the requests for speech: route and body."""
    return [(request.path, request.body) for request in simulator.requests if request.method == "POST"]


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
    assert provider.learned["sends_mode"] is False


async def test_mode_that_is_wanted_again(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """What was learned can be unlearned."""
    provider.learned["sends_mode"] = False
    await assert_heard(await heard(provider, inline(provider)))
    assert ["mode" in body for _, body in asked(simulator)] == [False, True]
    assert provider.learned["sends_mode"] is True


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
    assert provider.learned["sends_mode"] is False


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


REFUSALS: list[tuple[Fault, type[errors.SpeechError]]] = [
    (Fault(status=401, json={"status": 401, "detail": "Invalid API key"}), errors.InvalidKeyError),
    (Fault(status=403, json={"status": 403, "detail": "Moderation is away"}), errors.NotPermittedError),
    (Fault(status=409, json={"status": 409, "code": "conflict"}), errors.RejectedError),
    (Fault(status=410, json={"status": 410, "detail": "Gone"}), errors.ServiceGoneError),
    (Fault(status=422, json={"error": {"code": "content_moderation_blocked"}}), errors.ContentRefusedError),
    (Fault(status=422, json={"code": "content_moderation_blocked", "status": 422}), errors.ContentRefusedError),
    (Fault(status=429, headers={"Retry-After": "60"}), errors.RateLimitedError),
    (Fault(status=501, json={"code": "timestamps_unsupported"}), errors.NotImplementedByProviderError),
    (Fault(status=200, json={"audio": "…"}), errors.NotAudioError),
]


@pytest.mark.parametrize(("fault", "expected"), REFUSALS)
async def test_refusals_are_not_repeated(
    simulator: Simulator, provider: SpeechbaseProvider, fault: Fault, expected: type[errors.SpeechError]
) -> None:
    """Each refusal has its error, and is taken for an answer."""
    simulator.fail(fault)
    with pytest.raises(expected) as caught:
        async with synthesize(provider, inline(provider)):
            pass
    assert type(caught.value) is expected
    assert len(asked(simulator)) == 1


@pytest.mark.parametrize("fate", ["blocked", "fail_closed", "outage", "unsupported"])
@pytest.mark.parametrize("form", ["json", "problem"])
async def test_fates_are_not_tried_twice(
    simulator: Simulator, provider: SpeechbaseProvider, fate: Any, form: Any
) -> None:
    """What moderation or the vendor refuses stays refused."""
    simulator.speechbase.moderation_form = form
    simulator.speechbase.fates["kettle"] = fate
    expected = {
        "outage": errors.NotPermittedError,
        "unsupported": errors.NotImplementedByProviderError,
    }.get(fate, errors.ContentRefusedError)
    with pytest.raises(expected):
        async with synthesize(provider, inline(provider)):
            pass
    assert len(asked(simulator)) == 1


async def test_vendor_that_is_away_comes_back(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A vendor's outage is waited for a little."""
    problem = {"status": 503, "code": "provider_unavailable", "provider": "openai"}
    simulator.fail(Fault(path=STREAM, status=503, json=problem, times=2))
    async with synthesize(provider, inline(provider)) as audio:
        await assert_heard(b"".join([chunk async for chunk in audio.chunks]))
    assert len(asked(simulator)) == 3


@pytest.mark.parametrize(
    ("model", "expected", "vendor"),
    [
        ("deepgram/aura-2", errors.VendorKeyMissingError, "Deepgram"),
        ("hume/octave-2", errors.VendorDisabledError, "hume"),
    ],
)
async def test_vendor_that_cannot_be_used(
    provider: SpeechbaseProvider, model: str, expected: type[errors.SpeechError], vendor: str
) -> None:
    """A vendor without a key, or switched off, is named as the service names it, and is not our key's fault."""
    described = provider.describe(model, await provider.fetch_catalogue(), {})
    with pytest.raises(expected) as caught:
        await heard(provider, SpeechRequest(SENTENCE, described, "voice", AudioFormat.MP3))
    assert caught.value.subject == vendor


async def test_voice_that_is_gone(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A saved voice that is no more is said to be gone; the routes are not to blame."""
    gone = "01940f8a-0000-7000-9b6c-fc6dd8a0a4d2"
    with pytest.raises(errors.VoiceGoneError):
        await heard(provider, saved(provider, gone))
    assert provider.learned.get("has_stream", True)
    model = provider.describe("", await provider.fetch_catalogue(), {"mode": "voice"})
    await provider.check_voice(model, DOCUMENTED_VOICE)
    with pytest.raises(errors.VoiceGoneError):
        await provider.check_voice(model, gone)


async def test_new_voice_can_be_checked(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A voice that is newer than the list is asked for by its ID."""
    catalogue = await provider.fetch_catalogue()
    simulator.speechbase.voices.append({**simulator.speechbase.voices[0], "id": "new"})
    await provider.check_voice(provider.describe("", catalogue, {"mode": "voice"}), "new")


async def test_catalogue(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Vendors that are switched on are listed, those without a key last, and the saved voices of all pages."""
    catalogue = await provider.fetch_catalogue()
    models = {model.id: model for model in provider.models(catalogue)}
    assert not [model for model in models if model.startswith("hume/")]
    assert list(models)[-1] == "deepgram/aura-2"
    assert (models["deepgram/aura-2"].vendor, models["deepgram/aura-2"].is_connected) == ("Deepgram", False)
    assert models[OPENAI].is_connected
    assert models["elevenlabs/eleven_flash_v2_5"].max_chars == 40_000
    assert len(models["openai/tts-1"].voices) == 9
    voices = provider.describe("", catalogue, {"mode": "voice"}).voices
    assert len(voices) == len(simulator.speechbase.voices) == 120
    assert voices[-1].name == "Podcast narrator"
    assert catalogue == await provider.fetch_catalogue()
    assert "provider_options" not in str(catalogue)


async def test_many_pages_of_voices(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """Pages are read to the last one."""
    row = simulator.speechbase.voices[0]
    simulator.speechbase.voices += [{**row, "id": f"voice-{number}", "title": f"{number}"} for number in range(500)]
    catalogue = await provider.fetch_catalogue()
    assert len(catalogue["voices"]) == 620
    assert len([request for request in simulator.requests if request.path.endswith("/v1/voices")]) == 4


async def test_saved_voice_has_the_limits_of_its_model(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """A saved voice is described by the model that it was saved with."""
    catalogue = await provider.fetch_catalogue()
    model = provider.describe("", catalogue, {"mode": "voice", "voice_id": DOCUMENTED_VOICE})
    assert (model.id, model.max_chars, model.vendor) == ("elevenlabs/eleven_v3", 5_000, "ElevenLabs")


async def test_first_voice(simulator: Simulator, provider: SpeechbaseProvider) -> None:
    """The first voice is one that can speak: a saved one, or else one of OpenAI's; otherwise there is none."""
    first = provider.first_voice(await provider.fetch_catalogue())
    assert first
    assert first["mode"] == "voice"
    await heard(provider, saved(provider, first["voice_id"]))
    unusable = [row for row in simulator.speechbase.voices if row["title"].startswith(("Reception", "Bedtime", "From"))]
    simulator.speechbase.voices[:] = unusable
    assert provider.first_voice(await provider.fetch_catalogue()) == {"model": OPENAI, "voice": "coral"}
    for row in simulator.speechbase.providers:
        row["byok"] = row["managed"] = False
    assert provider.first_voice(await provider.fetch_catalogue()) is None


@pytest.mark.parametrize("document", [{}, [], {"data": "none"}, "text"])
async def test_server_that_is_something_else(simulator: Simulator, provider: SpeechbaseProvider, document: Any) -> None:
    """A server that does not answer with lists is no Speechbase."""
    simulator.fail(Fault(path="*/providers", json=document))
    with pytest.raises(errors.NotASpeechServerError):
        await provider.fetch_catalogue()


async def test_name_that_leads_nowhere(connections: Connections) -> None:
    """A service whose name is gone is told from one that is only away."""
    provider = SpeechbaseProvider(connections, {"base_url": "https://api.speechbase.invalid"}, "sk")
    with pytest.raises(errors.NameNotFoundError):
        await provider.fetch_catalogue()


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
