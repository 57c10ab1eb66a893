"""What servers that imitate OpenAI send as speech: in JSON, in events, behind a link, as samples, or not at all."""

from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
import json
from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions, SpeechAudio, SynthesisRequest
from custom_components.orator.providers.openai import OpenAIProvider
from tests.simulator import Compatible, Fault
from tests.simulator.openai_compatible.hosted_profiles import OPENROUTER
from tests.simulator.openai_compatible.profile import Events
from tests.simulator.openai_compatible.profiles import CHATTERBOX, KOKORO, OPENEDAI_SPEECH, SPEACHES
from tests.support.audio import RATE, decode
from tests.support.server_profiles import Start
from tests.support.word_decoder import assert_spoken

SENTENCE = "The kettle has boiled and the tea is ready."
WAV = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\4\0\0\0\1\0\2\0"
ENCODED = b64encode(WAV).decode()
ENDING = {"type": "speech.audio.done", "usage": {"total_tokens": 9}}


def provider_at(server: Compatible, connections: HttpSessions, name: str = "other") -> OpenAIProvider:
    """Return the provider for a server."""
    return OpenAIProvider(connections, {"base_url": server.base_url}, server.api_key or "", server=name)


def request_of(
    provider: OpenAIProvider, model: str, voice: str, made: AudioFormat = AudioFormat.MP3, **settings: Any
) -> SynthesisRequest:
    """Return a request for speech."""
    return SynthesisRequest(SENTENCE, provider.describe_model(model, None, settings), voice, made, settings)


async def heard(provider: OpenAIProvider, request: SynthesisRequest) -> tuple[SpeechAudio, bytes]:
    """Return the sound of a request, and its bytes to the end."""
    async with provider.synthesize(request) as audio:
        return audio, b"".join([chunk async for chunk in audio.chunks])


@pytest.fixture
async def kokoro(compatible: Start) -> Compatible:
    """Run a server that speaks as it is asked to."""
    server = await compatible(KOKORO)
    server.tongue = "tones"
    return server


async def answered(kokoro: Compatible, connections: HttpSessions, **fault: Any) -> tuple[SpeechAudio, bytes]:
    """Return the sound in an answer."""
    kokoro.fail(Fault(path="*/audio/speech", **fault))
    provider = provider_at(kokoro, connections)
    return await heard(provider, request_of(provider, "kokoro", "af_heart"))


@pytest.mark.parametrize("key", ["audio", "data", "audio_content", "data.audio", "result.audio", "data.0.b64_json"])
@pytest.mark.parametrize("made", [AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM])
async def test_sound_in_json(kokoro: Compatible, connections: HttpSessions, key: str, made: AudioFormat) -> None:
    """Sound in JSON is heard wherever it is."""
    kokoro.json_key = key
    provider = provider_at(kokoro, connections, "kokoro")
    audio, sound = await heard(provider, request_of(provider, "kokoro", "af_heart", made))
    assert audio.format is made
    if made is AudioFormat.MP3:
        assert_spoken((await decode(sound)).samples, RATE, SENTENCE)
    else:
        assert len(sound) > PcmLayout(24_000).byte_rate


@pytest.mark.parametrize(
    "document",
    [
        {"audio": ENCODED},
        {"audio": f"data:audio/wav;base64,{ENCODED}"},
        {"status": "ok", "data": [{"b64_json": ENCODED.rstrip("=")}]},
        {"result": {"audio": {"data": "\n".join([ENCODED[:40], ENCODED[40:]])}}},
        {"audio": urlsafe_b64encode(WAV).decode()},
        [{"audio": ENCODED}],
    ],
)
async def test_base64_as_people_write_it(kokoro: Compatible, connections: HttpSessions, document: Any) -> None:
    """Line feeds, missing padding and another alphabet do no harm; what the sound is shows in its first bytes."""
    audio, sound = await answered(kokoro, connections, json=document)
    assert (audio.format, sound) == (AudioFormat.WAV, WAV)


async def test_what_events_tell_of_tokens_is_counted(kokoro: Compatible, connections: HttpSessions) -> None:
    """A server that answers in events tells what was spent."""
    ending = {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": "?"}}
    events = [{"type": "speech.audio.delta", "audio": ENCODED}, ending]
    kokoro.fail(Fault(path="*/audio/speech", body="".join(f"data: {json.dumps(event)}\n\n" for event in events)))
    provider = provider_at(kokoro, connections)
    _, sound = await heard(provider, request_of(provider, "kokoro", "af_heart"))
    assert sound == WAV
    assert provider.counters == {"input_tokens": 14, "output_tokens": 101}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"json": {"audio": "?!"}}, errors.NotAudioError),
        ({"json": {"audio": "A"}}, errors.NotAudioError),
        ({"json": {"audio": ""}}, errors.NotAudioError),
        ({"json": {"audio": b64encode(b"no sound at all").decode()}}, errors.NotAudioError),
        ({"json": {"what": "ever"}}, errors.NotAudioError),
        ({"json": ["what", "ever"]}, errors.NotAudioError),
        ({"json": {"error": "no"}}, errors.NotAudioError),
        ({"json": {"error": {"code": "insufficient_quota"}}}, errors.OutOfCreditError),
        ({"body": '{"audio": "QUJD'}, errors.NotAudioError),
        ({"body": '{"audio":' + "[" * 100_000}, errors.NotAudioError),
        ({"body": "<html>Sign in</html>"}, errors.NotAudioError),
        ({"body": b"\1\2\3\4" * 9}, errors.NotAudioError),
        ({"body": "data: {broken\n\n"}, errors.NotAudioError),
        ({"body": "data: 7\n\n"}, errors.NotAudioError),
        ({"body": "data: [DONE]\n\n"}, errors.NotAudioError),
        ({"body": 'data: {"audio": "?!"}\n\n'}, errors.NotAudioError),
        ({"body": 'data: {"type": "error", "error": "no"}\n\n'}, errors.GenerationFailedError),
        ({"body": 'data: {"type": "speech.audio.error"}\n\n'}, errors.GenerationFailedError),
        ({"body": 'data: {"error": {"code": "rate_limit_exceeded"}}\n\n'}, errors.RateLimitedError),
        ({"body": "data: " + "A" * 5_000_000}, errors.ResponseTooLargeError),
    ],
)
async def test_what_is_no_sound(
    kokoro: Compatible, connections: HttpSessions, fault: dict[str, Any], error: type[errors.SpeechError]
) -> None:
    """What is broken, or tells of a failure although all is said to be well, is an error and never sound."""
    with pytest.raises(error) as caught:
        await answered(kokoro, connections, **fault)
    assert type(caught.value) is error


async def test_document_is_read_to_a_limit(kokoro: Compatible, connections: HttpSessions) -> None:
    """Nobody fills the memory with a document that does not end."""
    with pytest.raises(errors.ResponseTooLargeError):
        await answered(kokoro, connections, body=b'{"audio": "' + b"A" * (64 * 1024 * 1024 + 9))


@pytest.mark.parametrize("link", ["{url}/files/1.wav", "/files/1.wav"])
@pytest.mark.parametrize("where", ["url", "audio", "audio.url"])
async def test_link_to_the_same_server(kokoro: Compatible, connections: HttpSessions, link: str, where: str) -> None:
    """A link to the server itself is followed."""
    kokoro.fail(Fault(path="/files/1.wav", body=WAV))
    inner: Any = link.format(url=kokoro.url)
    for key in reversed(where.split(".")):
        inner = {key: inner}
    audio, sound = await answered(kokoro, connections, json=inner)
    assert (audio.format, sound) == (AudioFormat.WAV, WAV)


@pytest.mark.parametrize(
    "link", ["http://192.168.1.1/admin", "https://elsewhere.example/1.mp3", "http://[::1", "mailto:a"]
)
async def test_link_elsewhere_is_not_followed(kokoro: Compatible, connections: HttpSessions, link: str) -> None:
    """A server must not lead us, and still less our key, to somebody else."""
    with pytest.raises(errors.UnsafeLinkError):
        await answered(kokoro, connections, json={"url": link})


async def test_redirect_of_a_link_is_not_followed_elsewhere(kokoro: Compatible, connections: HttpSessions) -> None:
    """Not even by way of the server itself."""
    kokoro.fail(Fault(path="/1.wav", status=302, headers={"Location": "http://192.168.1.1/admin"}))
    with pytest.raises(errors.RedirectedError):
        await answered(kokoro, connections, json={"url": "/1.wav"})


@pytest.mark.parametrize("events", [Events(), Events(marker=True), Events(usage="token_usage")])
async def test_sound_in_events(kokoro: Compatible, connections: HttpSessions, events: Events) -> None:
    """Sound in events is put together."""
    kokoro.profile = replace(KOKORO, events=events)
    kokoro.always_events = True
    provider = provider_at(kokoro, connections)
    audio, sound = await heard(provider, request_of(provider, "kokoro", "af_heart"))
    assert audio.format is AudioFormat.MP3
    assert_spoken((await decode(sound)).samples, RATE, SENTENCE)


@pytest.mark.parametrize(
    ("profile", "layout"), [(SPEACHES, PcmLayout(24_000)), (replace(CHATTERBOX, rate=22_050), PcmLayout(22_050))]
)
async def test_samples_in_events(compatible: Start, connections: HttpSessions, profile: Any, layout: PcmLayout) -> None:
    """Events may hold raw samples, whatever was asked for; how they lie may be told by an event."""
    server = await compatible(profile)
    provider = provider_at(server, connections)
    voice = next(model for model in profile.models if model.speaks)
    request = request_of(provider, voice.name, voice.voices[0], extra_body={"stream_format": "sse"})
    audio, sound = await heard(provider, request)
    assert (audio.format, audio.pcm) == (AudioFormat.PCM, layout)
    assert len(sound) > layout.byte_rate


@pytest.mark.parametrize("names", [("audio", "type"), ("delta", "type"), ("data", "kind")])
async def test_events_as_others_call_them(
    kokoro: Compatible, connections: HttpSessions, names: tuple[str, str]
) -> None:
    """Servers give the sound different names, write comments between the events, and may not say that it ends."""
    key, kind = names
    events = [{kind: "speech.audio.delta", key: b64encode(part).decode()} for part in (WAV[:20], WAV[20:])]
    lines = [": a comment", "event: delta", *(f"data: {json.dumps(event)}\r\n" for event in events)]
    _, sound = await answered(kokoro, connections, body="\n".join(lines), headers={"Content-Type": "text/event-stream"})
    assert sound == WAV


async def test_words_are_no_sound(kokoro: Compatible, connections: HttpSessions) -> None:
    """Events that tell of something else than sound are passed over."""
    events = [
        {"type": "session.created", "data": "started"},
        {"type": "response.audio_transcript.delta", "delta": "The kettle"},
        {"type": "speech.audio.info", "sample_rate": "high"},
        {"type": "speech.audio.delta", "audio": ENCODED},
        ENDING,
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events).rstrip()
    _, sound = await answered(kokoro, connections, body=body)
    assert sound == WAV


@pytest.mark.parametrize("profile", [OPENEDAI_SPEECH, OPENROUTER], ids=["openedai-speech", "openrouter"])
async def test_samples_at_the_rate_that_is_told(compatible: Start, connections: HttpSessions, profile: Any) -> None:
    """Raw samples are heard at the rate that comes with them."""
    server = await compatible(profile)
    provider = provider_at(server, connections, profile.name)
    model = next(model for model in profile.models if model.speaks)
    audio, _ = await heard(provider, request_of(provider, model.name, model.voices[0], AudioFormat.PCM))
    assert (audio.format, audio.pcm) == (AudioFormat.PCM, PcmLayout(model.rate or profile.rate))


async def test_samples_instead_of_what_was_asked_for(compatible: Start, connections: HttpSessions) -> None:
    """A model that makes nothing but samples refuses mp3 once, and speaks all the same."""
    server = await compatible(OPENROUTER)
    provider = provider_at(server, connections)
    audio, sound = await heard(provider, request_of(provider, "google/gemini-3.1-flash-tts-preview", "Kore"))
    assert (audio.format, audio.pcm) == (AudioFormat.PCM, PcmLayout(24_000))
    assert sound
    assert provider.detected["google/gemini-3.1-flash-tts-preview takes response_format=mp3"] is False
