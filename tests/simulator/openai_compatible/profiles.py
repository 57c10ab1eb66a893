"""Profiles of the simulated servers, taken from their source code and documentation.

KOKORO_OLDER lists its voices as earlier versions do, SPEACHES_LATE refuses some requests only after its response has
started, EDGE_TTS_SLIM cannot convert audio, and BARE has no route except speech.
"""

from dataclasses import replace
from http import HTTPStatus

from ..audio.containers import FILE_WAV, Wav
from ..openai.contract import FORMATS
from . import lists
from .errors import Refusal
from .hosted_profiles import GROQ, OPENROUTER
from .profile import FFMPEG_FORMATS, OPENAI_FORMATS, Events, Limit, Listing, Model, Output, Profile, Speed
from .schema import Field

_BAD_REQUEST, _UNPROCESSABLE = HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY
_NOT_FOUND, _SERVER_ERROR = HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR
_FFMPEG_FILE_WAV = Wav(size=None, names_encoder=True)

_HEALTH = Listing("/health", lists.health, at_root=True, is_public=True)
_MODEL_LIST = Listing("/models", lists.models)
_NUMBER, _BOOLEAN, _STRING, _ANY = Field(kind="number"), Field(kind="boolean"), Field(), Field(kind="any")
_REQUIRED_STRING = Field(required=True)
_OPENAI_SPEED = Field(kind="number", minimum=0.25, maximum=4.0)
_FORMAT = Field(choices=FORMATS)
_STREAM_FORMAT = Field(choices=("audio", "sse"))

_KOKORO_VOICES = (
    "af_alloy", "af_bella", "af_heart", "af_nicole", "af_sarah", "af_sky", "am_adam", "am_echo", "am_michael",
    "bf_emma", "bf_isabella", "bm_fable", "bm_george", "ef_dora", "ff_siwis", "jf_alpha", "zf_xiaobei",
)  # fmt: skip

KOKORO = Profile(
    name="kokoro",
    lists=(
        _MODEL_LIST,
        Listing("/audio/voices", lists.voices_with_ids),
        Listing("/audio/voices", lists.voice_names, query=("legacy", "true")),
        _HEALTH,
    ),
    framework="fastapi",
    errors="detail_object",
    fields={
        "model": _STRING,
        "input": _REQUIRED_STRING,
        "voice": _STRING,
        "response_format": _FORMAT,
        "speed": _OPENAI_SPEED,
        "stream": _BOOLEAN,
        "download_format": Field(choices=FORMATS, nullable=True),
        "return_download_link": _BOOLEAN,
        "lang_code": Field(nullable=True),
        "volume_multiplier": Field(kind="number", nullable=True),
        "normalization_options": _ANY,
    },
    owner="kokoro",
    models=tuple(Model(name, _KOKORO_VOICES) for name in ("tts-1", "tts-1-hd", "kokoro", "gpt-4o-mini-tts")),
    default_model="kokoro",
    unknown_model=Refusal(_BAD_REQUEST, "Unsupported model: {model}", code="invalid_model"),
    default_voice="af_heart",
    aliases={
        "alloy": "am_adam",
        "ash": "af_nicole",
        "coral": "bf_emma",
        "echo": "af_bella",
        "fable": "af_sarah",
        "nova": "bf_isabella",
        "onyx": "bm_george",
        "sage": "am_michael",
        "shimmer": "af_sky",
    },
    supports_blends=True,
    unknown_voice=Refusal(_BAD_REQUEST, "There is no voice {voice} among {voices}", code="validation_error"),
    formats=FFMPEG_FORMATS,
    stream_switch=True,
    headers={
        "Content-Disposition": "attachment; filename=speech",
        "Cache-Control": "no-cache",
        "X-Accel-Buffering": "no",
    },
)
KOKORO_OLDER = replace(
    KOKORO, name="kokoro-older", lists=(_MODEL_LIST, Listing("/audio/voices", lists.voice_names), _HEALTH)
)

_SPEACHES_KOKORO = "speaches-ai/Kokoro-82M-v1.0-ONNX"
_SPEED_OUT_OF_RANGE = Refusal(_UNPROCESSABLE, "Speed must be between {lowest} and {highest}, and is {speed}")

SPEACHES = Profile(
    name="speaches",
    lists=(
        Listing("/models", lists.speaches_models),
        Listing("/models", lists.speaches_speech_models, query=("task", "text-to-speech")),
        Listing("/audio/models", lists.speaches_audio_models),
        Listing("/audio/voices", lists.speaches_voices),
        _HEALTH,
    ),
    framework="fastapi",
    errors="detail",
    auth="optional",
    missing_key=Refusal(HTTPStatus.FORBIDDEN, "An API key is required in the Authorization header."),
    wrong_key=Refusal(HTTPStatus.FORBIDDEN, "The API key is not the right one."),
    fields={
        "model": _REQUIRED_STRING,
        "input": _REQUIRED_STRING,
        "voice": _REQUIRED_STRING,
        "response_format": _FORMAT,
        "speed": _NUMBER,
        "stream_format": _STREAM_FORMAT,
        "sample_rate": Field(kind="integer", minimum=8_000, maximum=48_000, nullable=True),
    },
    models=(
        Model(_SPEACHES_KOKORO, _KOKORO_VOICES),
        Model("speaches-ai/piper-en_US-lessac-medium", ("lessac",), 22_050, checks_voice=False),
        Model("Systran/faster-whisper-large-v3", speaks=False),
    ),
    model_aliases={"tts-1": _SPEACHES_KOKORO, "tts-1-hd": _SPEACHES_KOKORO},
    unknown_model=Refusal(_NOT_FOUND, "Model '{model}' has not been downloaded; `POST /v1/models` does that"),
    not_a_speech_model=Refusal(_NOT_FOUND, "Model '{model}' does not speak"),
    aliases=dict.fromkeys(("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"), "af_heart"),
    unknown_voice=Refusal(_SERVER_ERROR, "Internal Server Error", form="plain"),
    formats=FFMPEG_FORMATS,
    accepts_sample_rate=True,
    speed=Speed(minimum=0.5, maximum=2.0, out_of_range=_SPEED_OUT_OF_RANGE),
    events=Events(usage="token_usage", is_raw=True),
)
SPEACHES_LATE = replace(
    SPEACHES, name="speaches-late", refuses_voice_late=True, speed=replace(SPEACHES.speed, refuses_late=True)
)

_TOO_LONG = "The input is too long: {limit} characters are allowed."

CHATTERBOX = Profile(
    name="chatterbox",
    prefixes=("/v1", ""),
    speech_paths=("/tts",),
    lists=(
        _MODEL_LIST,
        Listing("/voices", lists.voice_library),
        Listing("/health", lists.health),
    ),
    framework="fastapi",
    errors="error",
    fields={
        "input": Field(required=True, min_length=1, max_length=3000),
        "voice": Field(nullable=True),
        "response_format": Field(nullable=True),
        "speed": Field(kind="number", nullable=True),
        "stream_format": replace(_STREAM_FORMAT, nullable=True),
        "exaggeration": Field(kind="number", minimum=0.25, maximum=2.0, nullable=True),
        "cfg_weight": Field(kind="number", minimum=0.0, maximum=1.0, nullable=True),
        "temperature": Field(kind="number", minimum=0.05, maximum=5.0, nullable=True),
    },
    limit=Limit(3000, Refusal(_BAD_REQUEST, _TOO_LONG)),
    owner="resemble-ai",
    models=(Model("chatterbox-tts-1", ("grandmother", "narrator")),),
    default_voice="voice-sample",
    other_format=Output("wav", "audio/wav", Wav(size=None, floats=True)),
    speed=Speed(is_supported=False),
    delivery="buffered",
    events=Events(is_raw=True, announces_rate=True),
    headers={"Content-Disposition": "attachment; filename=speech.wav"},
)

ORPHEUS = Profile(
    name="orpheus",
    lists=(Listing("/audio/voices", lists.voice_names_with_status),),
    framework="fastapi",
    errors="detail",
    fields={
        "input": _REQUIRED_STRING,
        "model": _STRING,
        "voice": _STRING,
        "response_format": _STRING,
        "speed": _NUMBER,
    },
    empty_text=Refusal(_BAD_REQUEST, "There is no text in the input"),
    models=(Model("orpheus", ("tara", "leah", "jess", "leo", "dan", "mia", "zac", "zoe", "pierre", "jana", "유나")),),
    default_voice="tara",
    other_format=Output("wav", "audio/wav", FILE_WAV),
    speed=Speed(is_supported=False),
    delivery="whole",
    headers={"Content-Disposition": 'attachment; filename="tara_20261001_120000.wav"'},
)

_OLDEST_VOICES = ("alloy", "echo", "fable", "nova", "onyx", "shimmer")

OPENEDAI_SPEECH = Profile(
    name="openedai-speech",
    lists=(_MODEL_LIST, _HEALTH),
    framework="fastapi",
    errors="flat",
    fields={
        "model": _STRING,
        "input": _REQUIRED_STRING,
        "voice": _STRING,
        "response_format": _STRING,
        "speed": _NUMBER,
    },
    empty_text=Refusal(_BAD_REQUEST, "The input is empty", "BadRequestError", param="input"),
    owner="user",
    models=(
        Model("tts-1", (*_OLDEST_VOICES, "echo-alt"), 22_050),
        Model("tts-1-hd", (*_OLDEST_VOICES, "alloy-alt", "me"), 24_000),
    ),
    unknown_model=Refusal(_BAD_REQUEST, "There is no model {model}", "BadRequestError", param="model"),
    unknown_voice=Refusal(_BAD_REQUEST, "There is no voice {voice}", "BadRequestError", param="voice"),
    formats={
        **FFMPEG_FORMATS,
        "opus": Output("opus", "audio/ogg;codec=opus"),
        "flac": Output("flac", "audio/x-flac"),
        "pcm": Output("pcm", "audio/pcm;rate={rate}"),
    },
    unknown_format=Refusal(_BAD_REQUEST, "There is no format '{format}'", "BadRequestError", param="response_format"),
    case_sensitive_format=False,
    speed=Speed(minimum=0.05, maximum=20.0, out_of_range=Refusal(_SERVER_ERROR, "InternalServerError")),
)

_EDGE_VOICES = (
    "en-US-AvaNeural", "en-US-JennyNeural", "en-US-AndrewNeural", "en-GB-ThomasNeural", "en-AU-NatashaNeural",
    "en-US-GuyNeural", "en-GB-SoniaNeural", "en-US-AriaNeural", "en-US-EricNeural", "en-US-EmmaNeural",
    "en-US-BrianNeural", "de-DE-KatjaNeural", "fr-FR-DeniseNeural",
)  # fmt: skip
_EDGE_TYPES = {"mp3": "mpeg", "opus": "ogg", "aac": "aac", "flac": "flac", "wav": "wav", "pcm": "L16"}

EDGE_TTS = Profile(
    name="openai-edge-tts",
    prefixes=("/v1", ""),
    lists=(
        Listing("/models", lists.models_under_models, is_public=True, accepts_post=True),
        Listing("/audio/models", lists.models_under_models, is_public=True, accepts_post=True),
        Listing("/audio/voices", lists.aliases, is_public=True, accepts_post=True),
        Listing("/voices", lists.edge_voices_of_language, accepts_post=True),
        Listing("/voices/all", lists.edge_voices, accepts_post=True),
    ),
    framework="flask",
    errors="text",
    auth="required",
    missing_key=Refusal(HTTPStatus.UNAUTHORIZED, "Missing or invalid API key"),
    wrong_key=Refusal(HTTPStatus.UNAUTHORIZED, "Invalid API key"),
    fields={
        "input": _REQUIRED_STRING,
        "model": _ANY,
        "voice": _STRING,
        "response_format": _STRING,
        "speed": _NUMBER,
        "stream_format": _ANY,
    },
    missing_field=Refusal(_BAD_REQUEST, "There is no '{field}' in the body"),
    empty_text=Refusal(_SERVER_ERROR, "No audio was received.", form="details"),
    models=tuple(Model(name, _EDGE_VOICES) for name in ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")),
    default_voice="en-US-AvaNeural",
    aliases={
        "alloy": "en-US-JennyNeural",
        "ash": "en-US-AndrewNeural",
        "ballad": "en-GB-ThomasNeural",
        "coral": "en-AU-NatashaNeural",
        "echo": "en-US-GuyNeural",
        "fable": "en-GB-SoniaNeural",
        "nova": "en-US-AriaNeural",
        "onyx": "en-US-EricNeural",
        "sage": "en-US-JennyNeural",
        "shimmer": "en-US-EmmaNeural",
        "verse": "en-US-BrianNeural",
    },
    unknown_voice=Refusal(_SERVER_ERROR, "Invalid voice '{voice}'.", form="details"),
    formats={
        "mp3": Output("mp3", "audio/mpeg"),
        "opus": Output("opus", "audio/ogg"),
        "aac": Output("mp4", "audio/aac"),
        "flac": Output("flac", "audio/flac"),
        "wav": Output("wav", "audio/wav", _FFMPEG_FILE_WAV),
    },
    unknown_format=Refusal(_SERVER_ERROR, "FFmpeg cannot make '{format}'", form="details"),
    speed=Speed(minimum=0.0, maximum=2.0, slowest=0.5),
    delivery="whole",
    events=Events(failure="a coroutine was expected, got an async_generator"),
)
EDGE_TTS_SLIM = replace(
    EDGE_TTS,
    name="openai-edge-tts-slim",
    formats={name: Output("mp3", f"audio/{kind}") for name, kind in _EDGE_TYPES.items()},
    other_format=Output("mp3", "audio/mpeg"),
)

LOCALAI = Profile(
    name="localai",
    prefixes=("/v1", ""),
    speech_paths=("/tts",),
    lists=(Listing("/models", lists.bare_models),),
    errors="numbered",
    auth="optional",
    missing_key=Refusal(HTTPStatus.UNAUTHORIZED, "An authentication key is required"),
    wrong_key=Refusal(HTTPStatus.UNAUTHORIZED, "An authentication key is required"),
    fields={
        "model": _STRING,
        "input": _STRING,
        "voice": _STRING,
        "response_format": _STRING,
        "speed": _NUMBER,
        "instructions": _STRING,
        "backend": _STRING,
        "language": _STRING,
        "sample_rate": Field(kind="integer"),
        "stream": _BOOLEAN,
        "params": _ANY,
    },
    models=(
        Model("gpt-4", speaks=False),
        Model("tts-1", rate=22_050),
        Model("voice-en-us-amy-low", rate=16_000),
        Model("whisper-1", speaks=False),
    ),
    default_model="tts-1",
    unknown_model=Refusal(_NOT_FOUND, 'model "{model}" not found'),
    not_a_speech_model=Refusal(_SERVER_ERROR, "could not load {model} for speech", ""),
    formats={
        "mp3": Output("mp3", "audio/mpeg"),
        "opus": Output("opus", "audio/ogg"),
        "aac": Output("aac", "audio/aac"),
        "flac": Output("flac", "audio/flac"),
    },
    other_format=Output("wav", "audio/x-wav", FILE_WAV),
    default_format="wav",
    accepts_sample_rate=True,
    speed=Speed(out_of_range=Refusal(_BAD_REQUEST, "speed must be between {lowest:g} and {highest:g}", "")),
    delivery="whole",
    stream_switch=True,
    streamed_output=Output("wav", "audio/wav"),
    headers={"Content-Disposition": 'attachment; filename="tts.wav"'},
)

BARE = Profile(name="bare", auth="optional", refuse_unknown=True, formats=OPENAI_FORMATS, events=Events())

PROFILES = (
    KOKORO, KOKORO_OLDER, SPEACHES, SPEACHES_LATE, CHATTERBOX, ORPHEUS, OPENEDAI_SPEECH, EDGE_TTS, EDGE_TTS_SLIM,
    LOCALAI, GROQ, OPENROUTER, BARE,
)  # fmt: skip
