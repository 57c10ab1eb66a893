"""The servers in the cloud: Groq and OpenRouter, as their documentation and those who use them have them."""

from http import HTTPStatus

from ..openai.contract import OLDER_VOICES, VOICES
from . import lists
from .errors import Refusal
from .profile import WAV_BY_FFMPEG, Limit, Listing, Model, Profile, Sent, Speed
from .schema import Field

_BAD, _MISSING, _NO_KEY = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED
_NEEDED, _TEXT = Field(required=True), Field()
_SPOKEN = Field(required=True, shortest=1)
_NUMBER = Field(kind="number")

GROQ = Profile(
    name="groq",
    prefixes=("/openai/v1",),
    lists=(Listing("/models", lists.models),),
    errors="error",
    auth="required",
    no_key=Refusal(_NO_KEY, "Invalid API Key", code="invalid_api_key"),
    wrong_key=Refusal(_NO_KEY, "Invalid API Key", code="invalid_api_key"),
    fields={
        "model": _NEEDED,
        "input": _SPOKEN,
        "voice": _NEEDED,
        "response_format": _TEXT,
        "sample_rate": Field(kind="whole", lowest=8_000, highest=48_000),
        "speed": Field(kind="number", lowest=0.5, highest=5.0),
    },
    refuse_unknown=True,
    limit=Limit(200, Refusal(_BAD, "input must have at most {limit} characters", param="input")),
    owner="Canopy Labs",
    models=(
        Model("canopylabs/orpheus-v1-english", ("autumn", "diana", "hannah", "austin", "daniel", "troy")),
        Model("canopylabs/orpheus-arabic-saudi", ("abdullah", "fahad", "sultan", "lulwa", "noura", "aisha")),
        Model("whisper-large-v3-turbo", speaks=False),
        Model("llama-3.3-70b-versatile", speaks=False),
    ),
    unknown_model=Refusal(
        _MISSING, "The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
    ),
    unknown_voice=Refusal(_BAD, "voice must be one of [{voices}]"),
    formats={"wav": Sent("wav", "audio/wav", WAV_BY_FFMPEG)},
    default_format="wav",
    unknown_format=Refusal(_BAD, "response_format must be one of [{formats}]"),
    rate_heeded=True,
    speed=Speed(lowest=0.5, highest=5.0),
)

OPENROUTER = Profile(
    name="openrouter",
    prefixes=("/api/v1",),
    lists=(
        Listing("/models", lists.openrouter_models, is_open=True),
        Listing("/models", lists.openrouter_speech_models, query=("output_modalities", "speech"), is_open=True),
        Listing("/audio/speech/models", lists.openrouter_audio_models, is_open=True),
    ),
    errors="code",
    auth="required",
    no_key=Refusal(_NO_KEY, "No auth credentials found"),
    wrong_key=Refusal(_NO_KEY, "User not found."),
    fields={
        "model": _NEEDED,
        "input": _SPOKEN,
        "voice": _NEEDED,
        "instructions": _TEXT,
        "response_format": _TEXT,
        "speed": _NUMBER,
        "provider": Field(kind="any"),
    },
    models=(
        Model("openai/gpt-4o", speaks=False),
        Model("openai/gpt-4o-mini-tts-2025-12-15", VOICES),
        Model("openai/tts-1", OLDER_VOICES),
        Model("google/gemini-3.1-flash-tts-preview", ("Kore", "Puck", "Zephyr"), formats=("pcm",)),
    ),
    unknown_model=Refusal(_MISSING, "Model {model} does not exist"),
    unknown_voice=Refusal(_BAD, "Voice {voice} is none of {voices}"),
    formats={
        "mp3": Sent("mp3", "audio/mpeg"),
        "pcm": Sent("pcm", "audio/pcm;rate={rate};channels=1"),
        "wav": Sent("wav", "audio/wav"),
    },
    default_format="pcm",
    unknown_format=Refusal(_BAD, "response_format {format} is none of {formats}"),
    speed=Speed(outside=Refusal(_BAD, "speed must be between {lowest} and {highest}")),
    headers={"X-Generation-Id": "gen-tts-1790000000-simulated"},
)
