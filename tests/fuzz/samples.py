"""Intact audio and documents, which the fuzz tests damage."""

from typing import Final

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.wav import make_header
from tests.simulator.nanogpt.catalog import default_models
from tests.support.containers import ID3V1, LIST, ape, chunk, description, extensible, id3v2, riff
from tests.support.signals import bare_mp3, encode, mp3, voice

SAMPLES = voice(24_000, 1, 0.1)
MP3S = [
    bare_mp3(24_000, 1, "cbr", seconds=0.2),
    mp3(24_000, 1, "vbr", seconds=0.2),
    mp3(44_100, 2, "id3v1", seconds=0.1),
    id3v2(300, has_footer=True) + bare_mp3(24_000, 1, "cbr", seconds=0.1) + ape(bytes(40)) + ID3V1,
]
WAVS = [
    make_header(PcmLayout(24_000), len(SAMPLES)) + SAMPLES,
    make_header(PcmLayout(48_000, 2)) + SAMPLES,
    riff(LIST, description(), LIST, chunk(b"data", SAMPLES), LIST),
    riff(description(3, bits=32), chunk(b"data", SAMPLES)),
    riff(extensible(1, 24), chunk(b"data", SAMPLES, 0)),
    riff(description(bits=8, channels=2), chunk(b"data", SAMPLES, 0x7FFFFFFF)),
]
COMPRESSED = [
    encode(SAMPLES, 24_000, 1, "-c:a", "flac", "-f", "flac"),
    encode(SAMPLES, 24_000, 1, "-c:a", "aac", "-f", "adts"),
    encode(SAMPLES, 24_000, 1, "-c:a", "libopus", "-f", "ogg"),
]
OPENAI_LIST: Final = {
    "object": "list",
    "data": [
        {"id": "tts-1", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": "2027-01-06"},
        {"id": "gpt-realtime", "object": "model", "created": 1, "owned_by": "openai-internal"},
        {"id": "whisper-1", "object": "model", "owned_by": "openai"},
    ],
}
OTHER_LISTS: Final = [
    {
        "models": [
            {"id": "kokoro", "task": "text-to-speech", "sample_rate": 24_000, "voices": ["af_sky", {"name": "b"}]}
        ]
    },
    {"data": {"orpheus": {"voices": {"tara": {}}}, "bark": []}},
    {"voices": [{"voice_id": "v1", "name": "Anna", "language": "en_us", "languages": ["de", 1]}, "af_bella", "x"]},
    ["tts-1", {"id": "a/b", "architecture": {"output_modalities": ["speech"]}, "supported_voices": ["one"]}],
    {
        "data": [
            {
                "id": "org/speaker",
                "supported_parameters": {
                    "voice": {"type": "enum", "values": ["x", "y"]},
                    "response_format": {"values": ["mp3", "pcm", 1]},
                },
            }
        ]
    },
]
NANOGPT_LIST: Final = {"data": [*default_models()[:6]]}
SPEECHBASE_LISTS: Final = [
    {"data": [{"id": "openai", "name": "OpenAI", "enabled": True, "byok": True, "models": ["openai/tts-1"]}]},
    {
        "data": [{"id": "v-1", "title": " A  title", "provider": "openai", "model": "tts-1"}],
        "has_more": True,
        "next_cursor": "abc",
    },
]
RESPONSES: Final = [
    {"runId": "r-1", "model": "m", "cost": 0.01, "paymentSource": "USD", "isApiRequest": True, "status": "pending"},
    {"data": {"runId": 7, "status": "completed", "audioUrl": "https://files.example/1.mp3"}},
    {"status": "failed", "error": {"code": "content_policy_violation"}},
    {"status": 402, "error": "Insufficient balance", "code": "insufficient_balance"},
]
ERRORS: Final = [
    {
        "error": {
            "message": "Unknown parameter: 'speed'",
            "type": "invalid_request_error",
            "param": "speed",
            "code": None,
        }
    },
    {"detail": [{"type": "extra_forbidden", "loc": ["body", "mode"], "msg": "Extra inputs are not permitted"}]},
    {"type": "about:blank", "title": "Bad", "status": 400, "detail": "Unrecognized key(s) in object: 'mode'"},
    {"code": "validation_error", "details": {"errors": [{"path": ["pronunciations", 0], "message": "no"}]}},
]
