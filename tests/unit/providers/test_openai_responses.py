"""Responses of OpenAI-compatible servers: audio in JSON, in events, behind a link, as PCM, and errors."""

from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
import json
from typing import Any

import pytest

from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import SpeechAudio, SynthesisRequest
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.openai import OpenAIProvider
from tests.simulator import CompatibleServer, Fault
from tests.simulator.openai_compatible.hosted_profiles import OPENROUTER
from tests.simulator.openai_compatible.packaged_profiles import LOCAL_TTS_STUDIO
from tests.simulator.openai_compatible.profile import Events
from tests.simulator.openai_compatible.profiles import CHATTERBOX, KOKORO, OPENEDAI_SPEECH, SPEACHES
from tests.support.audio import RATE, decode
from tests.support.server_profiles import Start, provider_at
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

WAV = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\4\0\0\0\1\0\2\0"
ENCODED = b64encode(WAV).decode()


def request_of(
    provider: OpenAIProvider, model: str, voice: str, audio_format: AudioFormat = AudioFormat.MP3, **settings: Any
) -> SynthesisRequest:
    """Return a request for the sentence."""
    return SynthesisRequest(SENTENCE, provider.describe_model(model, None, settings), voice, audio_format, settings)


async def synthesize(provider: OpenAIProvider, request: SynthesisRequest) -> tuple[SpeechAudio, bytes]:
    """Return the audio of a request, and all of its bytes."""
    async with provider.synthesize(request) as audio:
        return audio, b"".join([chunk async for chunk in audio.data])


@pytest.fixture
async def kokoro(compatible: Start) -> CompatibleServer:
    """Return a server whose speech can be decoded into words."""
    server = await compatible(KOKORO)
    server.audio_mode = "tones"
    return server


async def synthesize_with_fault(
    kokoro: CompatibleServer, sessions: HttpSessions, **fault: Any
) -> tuple[SpeechAudio, bytes]:
    """Return the audio of a response that a fault describes, and all of its bytes."""
    kokoro.fail(Fault(path="*/audio/speech", **fault))
    provider = provider_at(kokoro, sessions)
    return await synthesize(provider, request_of(provider, "kokoro", "af_heart"))


@pytest.mark.parametrize("key", ["audio", "data", "audio_content", "data.audio", "result.audio", "data.0.b64_json"])
@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM])
async def test_json_audio(
    kokoro: CompatibleServer, sessions: HttpSessions, key: str, audio_format: AudioFormat
) -> None:
    """Audio in JSON is found under every known key."""
    kokoro.json_key = key
    provider = provider_at(kokoro, sessions, "kokoro")
    audio, data = await synthesize(provider, request_of(provider, "kokoro", "af_heart", audio_format))
    assert audio.format is audio_format
    if audio_format is AudioFormat.MP3:
        assert_spoken((await decode(data)).samples, RATE, SENTENCE)
    else:
        assert len(data) > PcmLayout(24_000).byte_rate


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
async def test_base64_variants(kokoro: CompatibleServer, sessions: HttpSessions, document: Any) -> None:
    """Base64 may be a data URL, wrapped, unpadded or URL-safe; its first bytes determine the format."""
    audio, data = await synthesize_with_fault(kokoro, sessions, json=document)
    assert (audio.format, data) == (AudioFormat.WAV, WAV)


async def test_event_tokens(kokoro: CompatibleServer, sessions: HttpSessions) -> None:
    """The tokens that an event reports are counted."""
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": "?"}}
    events = [{"type": "speech.audio.delta", "audio": ENCODED}, done]
    kokoro.fail(Fault(path="*/audio/speech", body="".join(f"data: {json.dumps(event)}\n\n" for event in events)))
    provider = provider_at(kokoro, sessions)
    _, data = await synthesize(provider, request_of(provider, "kokoro", "af_heart"))
    assert data == WAV
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
        ({"body": '{"audio": "QUJD'}, errors.TruncatedAudioError),
        ({"body": '{"audio":' + "[" * 100_000}, errors.TruncatedAudioError),
        ({"body": '{"audio": QUJD}'}, errors.NotAudioError),
        ({"body": "<html>Sign in</html>"}, errors.NotAudioError),
        ({"body": b"\1\2\3\4" * 9}, errors.NotAudioError),
        ({"body": "data: {broken\n\n"}, errors.TruncatedAudioError),
        ({"body": "data: 7\n\n"}, errors.NotAudioError),
        ({"body": "data: [DONE]\n\n"}, errors.NotAudioError),
        ({"body": 'data: {"audio": "?!"}\n\n'}, errors.NotAudioError),
        ({"body": 'data: {"type": "error", "error": "no"}\n\n'}, errors.GenerationFailedError),
        ({"body": 'data: {"type": "speech.audio.error"}\n\n'}, errors.GenerationFailedError),
        ({"body": 'data: {"error": {"code": "rate_limit_exceeded"}}\n\n'}, errors.RateLimitedError),
        ({"body": "data: " + "A" * 5_000_000}, errors.ResponseTooLargeError),
    ],
)
async def test_no_audio(
    kokoro: CompatibleServer, sessions: HttpSessions, fault: dict[str, Any], error: type[errors.SpeechError]
) -> None:
    """A response with status 200 that is malformed or reports an error is an error, never audio."""
    with pytest.raises(error) as caught:
        await synthesize_with_fault(kokoro, sessions, **fault)
    assert type(caught.value) is error


async def test_endless_document(kokoro: CompatibleServer, sessions: HttpSessions) -> None:
    """A document above the size limit is an error."""
    with pytest.raises(errors.ResponseTooLargeError):
        await synthesize_with_fault(kokoro, sessions, body=b'{"audio": "' + b"A" * (64 * 1024 * 1024 + 9))


@pytest.mark.parametrize("link", ["{url}/files/1.wav", "/files/1.wav"])
@pytest.mark.parametrize("where", ["url", "audio", "audio.url"])
async def test_link_to_same_origin(kokoro: CompatibleServer, sessions: HttpSessions, link: str, where: str) -> None:
    """An absolute or relative link to the server itself is followed."""
    kokoro.fail(Fault(path="/files/1.wav", body=WAV))
    inner: Any = link.format(url=kokoro.url)
    for key in reversed(where.split(".")):
        inner = {key: inner}
    audio, data = await synthesize_with_fault(kokoro, sessions, json=inner)
    assert (audio.format, data) == (AudioFormat.WAV, WAV)


@pytest.mark.parametrize(
    "link", ["http://192.168.1.1/admin", "https://elsewhere.example/1.mp3", "http://[::1", "mailto:a"]
)
async def test_link_to_other_origin(kokoro: CompatibleServer, sessions: HttpSessions, link: str) -> None:
    """A link to another origin, or to no address, is an error."""
    with pytest.raises(errors.UnsafeLinkError):
        await synthesize_with_fault(kokoro, sessions, json={"url": link})


async def test_link_redirected_to_other_origin(kokoro: CompatibleServer, sessions: HttpSessions) -> None:
    """A link is not followed to another origin by a redirect."""
    kokoro.fail(Fault(path="/1.wav", status=302, headers={"Location": "http://192.168.1.1/admin"}))
    with pytest.raises(errors.RedirectedError):
        await synthesize_with_fault(kokoro, sessions, json={"url": "/1.wav"})


@pytest.mark.parametrize("events", [Events(), Events(ends_with_marker=True), Events(usage="token_usage")])
async def test_event_audio(kokoro: CompatibleServer, sessions: HttpSessions, events: Events) -> None:
    """The audio of events is joined."""
    kokoro.profile = replace(KOKORO, events=events)
    kokoro.always_events = True
    provider = provider_at(kokoro, sessions)
    audio, data = await synthesize(provider, request_of(provider, "kokoro", "af_heart"))
    assert audio.format is AudioFormat.MP3
    assert_spoken((await decode(data)).samples, RATE, SENTENCE)


@pytest.mark.parametrize(
    ("profile", "layout"), [(SPEACHES, PcmLayout(24_000)), (replace(CHATTERBOX, rate=22_050), PcmLayout(22_050))]
)
async def test_event_pcm(compatible: Start, sessions: HttpSessions, profile: Any, layout: PcmLayout) -> None:
    """Events may contain PCM instead of the requested format, in a layout that an event may state."""
    server = await compatible(profile)
    provider = provider_at(server, sessions)
    voice = next(model for model in profile.models if model.speaks)
    request = request_of(provider, voice.name, voice.voices[0], extra_body={"stream_format": "sse"})
    audio, data = await synthesize(provider, request)
    assert (audio.format, audio.pcm_layout) == (AudioFormat.PCM, layout)
    assert len(data) > layout.byte_rate


@pytest.mark.parametrize("names", [("audio", "type"), ("delta", "type"), ("data", "kind")])
async def test_event_variants(kokoro: CompatibleServer, sessions: HttpSessions, names: tuple[str, str]) -> None:
    """Events may use other names, be preceded by comments, and end without a final event."""
    key, kind = names
    events = [{kind: "speech.audio.delta", key: b64encode(part).decode()} for part in (WAV[:20], WAV[20:])]
    lines = [": a comment", "event: delta", *(f"data: {json.dumps(event)}\r\n" for event in events)]
    _, data = await synthesize_with_fault(
        kokoro, sessions, body="\n".join(lines), headers={"Content-Type": "text/event-stream"}
    )
    assert data == WAV


async def test_events_without_audio(kokoro: CompatibleServer, sessions: HttpSessions) -> None:
    """Events without audio are ignored."""
    events = [
        {"type": "session.created", "data": "started"},
        {"type": "response.audio_transcript.delta", "delta": "The kettle"},
        {"type": "speech.audio.info", "sample_rate": "high"},
        {"type": "speech.audio.delta", "audio": ENCODED},
        {"type": "speech.audio.done", "usage": {"total_tokens": 9}},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events).rstrip()
    _, data = await synthesize_with_fault(kokoro, sessions, body=body)
    assert data == WAV


@pytest.mark.parametrize("profile", [OPENEDAI_SPEECH, OPENROUTER], ids=["openedai-speech", "openrouter"])
async def test_pcm_sample_rate(compatible: Start, sessions: HttpSessions, profile: Any) -> None:
    """PCM has the sample rate of its content type."""
    server = await compatible(profile)
    provider = provider_at(server, sessions, profile.name)
    model = next(model for model in profile.models if model.speaks)
    audio, _ = await synthesize(provider, request_of(provider, model.name, model.voices[0], AudioFormat.PCM))
    assert (audio.format, audio.pcm_layout) == (AudioFormat.PCM, PcmLayout(model.rate or profile.rate))


@pytest.mark.parametrize(
    ("headers", "layout"),
    [
        ({"Content-Type": "audio/pcm_s16le", "X-Sample-Rate": "22050"}, PcmLayout(22_050)),
        ({"Content-Type": "audio/L16; rate=16000; channels=2"}, PcmLayout(16_000, 2)),
        ({"Content-Type": "audio/pcm", "X-Sample-Rate": "48000", "X-Channels": "2"}, PcmLayout(48_000, 2)),
        ({"Content-Type": "audio/pcm;sample_rate=8000;format=s16le"}, PcmLayout(8_000)),
        ({"Content-Type": "audio/pcm;rate=16000", "X-Sample-Rate": "8000"}, PcmLayout(16_000)),
        ({"Content-Type": "audio/raw", "X-Audio-Sample-Rate": "24000", "X-Sample-Width": "2"}, PcmLayout(24_000)),
        ({"Content-Type": "audio/pcm_s16le"}, None),
        ({"Content-Type": "audio/pcm", "X-Sample-Rate": "24000", "X-Sample-Width": "4"}, None),
        ({"Content-Type": "audio/pcm", "X-Sample-Rate": "24000", "X-Sample-Format": "f32le"}, None),
        ({"Content-Type": "audio/pcm", "X-Sample-Rate": "99999999"}, None),
        ({"Content-Type": "audio/pcm", "X-Sample-Rate": "3999"}, None),
        ({"Content-Type": "audio/pcm", "X-Sample-Rate": "24000", "X-Channels": "0"}, None),
        ({"Content-Type": "audio/pcm", "X-Sample-Rate": "24000", "X-Channels": "9"}, None),
        ({"Content-Type": "audio/pcm_s16be", "X-Sample-Rate": "24000"}, None),
        ({"Content-Type": "application/octet-stream", "X-Sample-Rate": "24000"}, None),
    ],
    ids=lambda value: ";".join(value.values()) if isinstance(value, dict) else None,
)
async def test_raw_audio(
    kokoro: CompatibleServer, sessions: HttpSessions, headers: dict[str, str], layout: PcmLayout | None
) -> None:
    """Raw audio instead of mp3 is read in the layout that its type and headers state, if that is a possible one."""
    samples = b"\x80\x01" * 30_000
    if layout is None:
        with pytest.raises(errors.NotAudioError):
            await synthesize_with_fault(kokoro, sessions, body=samples, headers=headers)
        return
    audio, data = await synthesize_with_fault(kokoro, sessions, body=samples, headers=headers)
    assert (audio.format, audio.pcm_layout, data) == (AudioFormat.PCM, layout, samples)


async def test_raw_audio_of_server(compatible: Start, sessions: HttpSessions) -> None:
    """The sample rate in a header outranks the usual one if PCM is requested."""
    server = await compatible(LOCAL_TTS_STUDIO)
    provider = provider_at(server, sessions)
    audio, _ = await synthesize(provider, request_of(provider, "piper", "piper", AudioFormat.PCM))
    assert (audio.format, audio.pcm_layout) == (AudioFormat.PCM, PcmLayout(22_050))


async def test_pcm_only_model(compatible: Start, sessions: HttpSessions) -> None:
    """A model that refuses mp3 sends PCM when asked again without a format, and the refusal is remembered."""
    server = await compatible(OPENROUTER)
    provider = provider_at(server, sessions)
    audio, data = await synthesize(provider, request_of(provider, "google/gemini-3.1-flash-tts-preview", "Kore"))
    assert (audio.format, audio.pcm_layout) == (AudioFormat.PCM, PcmLayout(24_000))
    assert data
    assert provider.detected["google/gemini-3.1-flash-tts-preview takes response_format=mp3"] is False
