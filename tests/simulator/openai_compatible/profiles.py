"""The servers that are simulated, as their source code and documentation have them.

KOKORO_OLDER lists its voices in the way of earlier versions, SPEACHES_LATE finds mistakes when its answer has begun,
EDGE_TTS_SLIM cannot convert, and BARE has nothing but the route that speaks.
"""

from dataclasses import replace
from http import HTTPStatus

from ..openai.contract import FORMATS
from . import lists
from .audio import Wav
from .errors import Refusal
from .hosted_profiles import GROQ, OPENROUTER
from .profile import FORMATS_BY_FFMPEG, TRUE_WAV, USUAL_FORMATS, Events, Limit, Listing, Model, Profile, Sent, Speed
from .schema import Field

_BAD, _INVALID = HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY
_MISSING, _BROKEN = HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR
_FILE_BY_FFMPEG = Wav(size=None, names_encoder=True)

_HEALTH = Listing("/health", lists.health, rooted=True, is_open=True)
_MODELS = Listing("/models", lists.models)
_NUMBER, _FLAG, _TEXT, _ANY = Field(kind="number"), Field(kind="flag"), Field(), Field(kind="any")
_NEEDED = Field(required=True)
_USUAL_SPEED = Field(kind="number", lowest=0.25, highest=4.0)
_FORMAT = Field(choices=FORMATS)
_EVENTS = Field(choices=("audio", "sse"))

_KOKORO_VOICES = (
    "af_alloy", "af_bella", "af_heart", "af_nicole", "af_sarah", "af_sky", "am_adam", "am_echo", "am_michael",
    "bf_emma", "bf_isabella", "bm_fable", "bm_george", "ef_dora", "ff_siwis", "jf_alpha", "zf_xiaobei",
)  # fmt: skip

KOKORO = Profile(
    name="kokoro",
    lists=(
        _MODELS,
        Listing("/audio/voices", lists.voices_with_ids),
        Listing("/audio/voices", lists.voice_names, query=("legacy", "true")),
        _HEALTH,
    ),
    framework="fastapi",
    errors="detail_object",
    fields={
        "model": _TEXT,
        "input": _NEEDED,
        "voice": _TEXT,
        "response_format": _FORMAT,
        "speed": _USUAL_SPEED,
        "stream": _FLAG,
        "download_format": Field(choices=FORMATS, nullable=True),
        "return_download_link": _FLAG,
        "lang_code": Field(nullable=True),
        "volume_multiplier": Field(kind="number", nullable=True),
        "normalization_options": _ANY,
    },
    owner="kokoro",
    models=tuple(Model(name, _KOKORO_VOICES) for name in ("tts-1", "tts-1-hd", "kokoro", "gpt-4o-mini-tts")),
    default_model="kokoro",
    unknown_model=Refusal(_BAD, "Unsupported model: {model}", code="invalid_model"),
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
    blends=True,
    unknown_voice=Refusal(_BAD, "There is no voice {voice} among {voices}", code="validation_error"),
    formats=FORMATS_BY_FFMPEG,
    switchable=True,
    headers={
        "Content-Disposition": "attachment; filename=speech",
        "Cache-Control": "no-cache",
        "X-Accel-Buffering": "no",
    },
)
KOKORO_OLDER = replace(
    KOKORO, name="kokoro-older", lists=(_MODELS, Listing("/audio/voices", lists.voice_names), _HEALTH)
)

_SPEACHES_KOKORO = "speaches-ai/Kokoro-82M-v1.0-ONNX"
_OTHER_SPEED = Refusal(_INVALID, "Speed must be between {lowest} and {highest}, and is {speed}")

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
    no_key=Refusal(HTTPStatus.FORBIDDEN, "An API key is required in the Authorization header."),
    wrong_key=Refusal(HTTPStatus.FORBIDDEN, "The API key is not the right one."),
    fields={
        "model": _NEEDED,
        "input": _NEEDED,
        "voice": _NEEDED,
        "response_format": _FORMAT,
        "speed": _NUMBER,
        "stream_format": _EVENTS,
        "sample_rate": Field(kind="whole", lowest=8_000, highest=48_000, nullable=True),
    },
    models=(
        Model(_SPEACHES_KOKORO, _KOKORO_VOICES),
        Model("speaches-ai/piper-en_US-lessac-medium", ("lessac",), 22_050, checks_voice=False),
        Model("Systran/faster-whisper-large-v3", speaks=False),
    ),
    model_aliases={"tts-1": _SPEACHES_KOKORO, "tts-1-hd": _SPEACHES_KOKORO},
    unknown_model=Refusal(_MISSING, "Model '{model}' has not been downloaded; `POST /v1/models` does that"),
    silent_model=Refusal(_MISSING, "Model '{model}' does not speak"),
    aliases=dict.fromkeys(("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"), "af_heart"),
    unknown_voice=Refusal(_BROKEN, "Internal Server Error", form="plain"),
    formats=FORMATS_BY_FFMPEG,
    rate_heeded=True,
    speed=Speed(lowest=0.5, highest=2.0, outside=_OTHER_SPEED),
    events=Events(usage="token_usage", bare=True),
)
SPEACHES_LATE = replace(SPEACHES, name="speaches-late", late_voice=True, speed=replace(SPEACHES.speed, late=True))

_TOO_LONG = "The input is too long: {limit} characters are allowed."

CHATTERBOX = Profile(
    name="chatterbox",
    prefixes=("/v1", ""),
    speech_paths=("/tts",),
    lists=(
        _MODELS,
        Listing("/voices", lists.voice_library),
        Listing("/health", lists.health),
    ),
    framework="fastapi",
    errors="error",
    fields={
        "input": Field(required=True, shortest=1, longest=3000),
        "voice": Field(nullable=True),
        "response_format": Field(nullable=True),
        "speed": Field(kind="number", nullable=True),
        "stream_format": replace(_EVENTS, nullable=True),
        "exaggeration": Field(kind="number", lowest=0.25, highest=2.0, nullable=True),
        "cfg_weight": Field(kind="number", lowest=0.0, highest=1.0, nullable=True),
        "temperature": Field(kind="number", lowest=0.05, highest=5.0, nullable=True),
    },
    limit=Limit(3000, Refusal(_BAD, _TOO_LONG)),
    owner="resemble-ai",
    models=(Model("chatterbox-tts-1", ("grandmother", "narrator")),),
    default_voice="voice-sample",
    other_format=Sent("wav", "audio/wav", Wav(size=None, floats=True)),
    speed=Speed(heeded=False),
    delivery="late",
    events=Events(bare=True, told=True),
    headers={"Content-Disposition": "attachment; filename=speech.wav"},
)

ORPHEUS = Profile(
    name="orpheus",
    lists=(Listing("/audio/voices", lists.voice_names_with_status),),
    framework="fastapi",
    errors="detail",
    fields={"input": _NEEDED, "model": _TEXT, "voice": _TEXT, "response_format": _TEXT, "speed": _NUMBER},
    empty=Refusal(_BAD, "There is no text in the input"),
    models=(Model("orpheus", ("tara", "leah", "jess", "leo", "dan", "mia", "zac", "zoe", "pierre", "jana", "유나")),),
    default_voice="tara",
    other_format=Sent("wav", "audio/wav", TRUE_WAV),
    speed=Speed(heeded=False),
    delivery="whole",
    headers={"Content-Disposition": 'attachment; filename="tara_20261001_120000.wav"'},
)

_OLDEST_VOICES = ("alloy", "echo", "fable", "nova", "onyx", "shimmer")

OPENEDAI_SPEECH = Profile(
    name="openedai-speech",
    lists=(_MODELS, _HEALTH),
    framework="fastapi",
    errors="flat",
    fields={"model": _TEXT, "input": _NEEDED, "voice": _TEXT, "response_format": _TEXT, "speed": _NUMBER},
    empty=Refusal(_BAD, "The input is empty", "BadRequestError", param="input"),
    owner="user",
    models=(
        Model("tts-1", (*_OLDEST_VOICES, "echo-alt"), 22_050),
        Model("tts-1-hd", (*_OLDEST_VOICES, "alloy-alt", "me"), 24_000),
    ),
    unknown_model=Refusal(_BAD, "There is no model {model}", "BadRequestError", param="model"),
    unknown_voice=Refusal(_BAD, "There is no voice {voice}", "BadRequestError", param="voice"),
    formats={
        **FORMATS_BY_FFMPEG,
        "opus": Sent("opus", "audio/ogg;codec=opus"),
        "flac": Sent("flac", "audio/x-flac"),
        "pcm": Sent("pcm", "audio/pcm;rate={rate}"),
    },
    unknown_format=Refusal(_BAD, "There is no format '{format}'", "BadRequestError", param="response_format"),
    case_matters=False,
    speed=Speed(lowest=0.05, highest=20.0, outside=Refusal(_BROKEN, "InternalServerError")),
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
        Listing("/models", lists.models_under_models, is_open=True, by_post=True),
        Listing("/audio/models", lists.models_under_models, is_open=True, by_post=True),
        Listing("/audio/voices", lists.aliases, is_open=True, by_post=True),
        Listing("/voices", lists.edge_voices_of_language, by_post=True),
        Listing("/voices/all", lists.edge_voices, by_post=True),
    ),
    framework="flask",
    errors="text",
    auth="required",
    no_key=Refusal(HTTPStatus.UNAUTHORIZED, "Missing or invalid API key"),
    wrong_key=Refusal(HTTPStatus.UNAUTHORIZED, "Invalid API key"),
    fields={
        "input": _NEEDED,
        "model": _ANY,
        "voice": _TEXT,
        "response_format": _TEXT,
        "speed": _NUMBER,
        "stream_format": _ANY,
    },
    missing=Refusal(_BAD, "There is no '{field}' in the body"),
    empty=Refusal(_BROKEN, "No audio was received.", form="details"),
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
    unknown_voice=Refusal(_BROKEN, "Invalid voice '{voice}'.", form="details"),
    formats={
        "mp3": Sent("mp3", "audio/mpeg"),
        "opus": Sent("opus", "audio/ogg"),
        "aac": Sent("mp4", "audio/aac"),
        "flac": Sent("flac", "audio/flac"),
        "wav": Sent("wav", "audio/wav", _FILE_BY_FFMPEG),
    },
    unknown_format=Refusal(_BROKEN, "FFmpeg cannot make '{format}'", form="details"),
    speed=Speed(lowest=0.0, highest=2.0, slowest=0.5),
    delivery="whole",
    events=Events(failure="a coroutine was expected, got an async_generator"),
)
EDGE_TTS_SLIM = replace(
    EDGE_TTS,
    name="openai-edge-tts-slim",
    formats={name: Sent("mp3", f"audio/{kind}") for name, kind in _EDGE_TYPES.items()},
    other_format=Sent("mp3", "audio/mpeg"),
)

LOCALAI = Profile(
    name="localai",
    prefixes=("/v1", ""),
    speech_paths=("/tts",),
    lists=(Listing("/models", lists.bare_models),),
    errors="numbered",
    auth="optional",
    no_key=Refusal(HTTPStatus.UNAUTHORIZED, "An authentication key is required"),
    wrong_key=Refusal(HTTPStatus.UNAUTHORIZED, "An authentication key is required"),
    fields={
        "model": _TEXT,
        "input": _TEXT,
        "voice": _TEXT,
        "response_format": _TEXT,
        "speed": _NUMBER,
        "instructions": _TEXT,
        "backend": _TEXT,
        "language": _TEXT,
        "sample_rate": Field(kind="whole"),
        "stream": _FLAG,
        "params": _ANY,
    },
    models=(
        Model("gpt-4", speaks=False),
        Model("tts-1", rate=22_050),
        Model("voice-en-us-amy-low", rate=16_000),
        Model("whisper-1", speaks=False),
    ),
    default_model="tts-1",
    unknown_model=Refusal(_MISSING, 'model "{model}" not found'),
    silent_model=Refusal(_BROKEN, "could not load {model} for speech", ""),
    formats={
        "mp3": Sent("mp3", "audio/mpeg"),
        "opus": Sent("opus", "audio/ogg"),
        "aac": Sent("aac", "audio/aac"),
        "flac": Sent("flac", "audio/flac"),
    },
    other_format=Sent("wav", "audio/x-wav", TRUE_WAV),
    default_format="wav",
    rate_heeded=True,
    speed=Speed(outside=Refusal(_BAD, "speed must be between {lowest:g} and {highest:g}", "")),
    delivery="whole",
    switchable=True,
    streamed_as=Sent("wav", "audio/wav"),
    headers={"Content-Disposition": 'attachment; filename="tts.wav"'},
)

BARE = Profile(name="bare", auth="optional", refuse_unknown=True, formats=USUAL_FORMATS, events=Events())

PROFILES = (
    KOKORO, KOKORO_OLDER, SPEACHES, SPEACHES_LATE, CHATTERBOX, ORPHEUS, OPENEDAI_SPEECH, EDGE_TTS, EDGE_TTS_SLIM,
    LOCALAI, GROQ, OPENROUTER, BARE,
)  # fmt: skip
