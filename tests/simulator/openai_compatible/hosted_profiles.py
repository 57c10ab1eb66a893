"""Profiles of hosted servers: Groq and OpenRouter, taken from their documentation and from observed responses."""

from http import HTTPStatus

from ..openai.contract import OLDER_VOICES, VOICES
from . import lists
from .errors import Refusal
from .profile import PIPED_FFMPEG_WAV, Limit, Listing, Model, Output, Profile, Speed
from .schema import Field

_BAD_REQUEST, _NOT_FOUND, _UNAUTHORIZED = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED
_REQUIRED_STRING, _STRING = Field(required=True), Field()
_INPUT = Field(required=True, min_length=1)
_NUMBER = Field(kind="number")

GROQ = Profile(
    name="groq",
    prefixes=("/openai/v1",),
    lists=(Listing("/models", lists.models),),
    errors="error",
    auth="required",
    missing_key=Refusal(_UNAUTHORIZED, "Invalid API Key", code="invalid_api_key"),
    wrong_key=Refusal(_UNAUTHORIZED, "Invalid API Key", code="invalid_api_key"),
    fields={
        "model": _REQUIRED_STRING,
        "input": _INPUT,
        "voice": _REQUIRED_STRING,
        "response_format": _STRING,
        "sample_rate": Field(kind="integer", minimum=8_000, maximum=48_000),
        "speed": Field(kind="number", minimum=0.5, maximum=5.0),
    },
    refuse_unknown=True,
    limit=Limit(200, Refusal(_BAD_REQUEST, "input must have at most {limit} characters", param="input")),
    owner="Canopy Labs",
    models=(
        Model("canopylabs/orpheus-v1-english", ("autumn", "diana", "hannah", "austin", "daniel", "troy")),
        Model("canopylabs/orpheus-arabic-saudi", ("abdullah", "fahad", "sultan", "lulwa", "noura", "aisha")),
        Model("whisper-large-v3-turbo", speaks=False),
        Model("llama-3.3-70b-versatile", speaks=False),
    ),
    unknown_model=Refusal(
        _NOT_FOUND, "The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
    ),
    unknown_voice=Refusal(_BAD_REQUEST, "voice must be one of [{voices}]"),
    formats={"wav": Output("wav", "audio/wav", PIPED_FFMPEG_WAV)},
    default_format="wav",
    unknown_format=Refusal(_BAD_REQUEST, "response_format must be one of [{formats}]"),
    accepts_sample_rate=True,
    speed=Speed(minimum=0.5, maximum=5.0),
)

OPENROUTER = Profile(
    name="openrouter",
    prefixes=("/api/v1",),
    lists=(
        Listing("/models", lists.openrouter_models, is_public=True),
        Listing("/models", lists.openrouter_speech_models, query=("output_modalities", "speech"), is_public=True),
        Listing("/audio/speech/models", lists.openrouter_audio_models, is_public=True),
    ),
    errors="code",
    auth="required",
    missing_key=Refusal(_UNAUTHORIZED, "No auth credentials found"),
    wrong_key=Refusal(_UNAUTHORIZED, "User not found."),
    fields={
        "model": _REQUIRED_STRING,
        "input": _INPUT,
        "voice": _REQUIRED_STRING,
        "instructions": _STRING,
        "response_format": _STRING,
        "speed": _NUMBER,
        "provider": Field(kind="any"),
    },
    models=(
        Model("openai/gpt-4o", speaks=False),
        Model("openai/gpt-4o-mini-tts-2025-12-15", VOICES),
        Model("openai/tts-1", OLDER_VOICES),
        Model("google/gemini-3.1-flash-tts-preview", ("Kore", "Puck", "Zephyr"), formats=("pcm",)),
    ),
    unknown_model=Refusal(_NOT_FOUND, "Model {model} does not exist"),
    unknown_voice=Refusal(_BAD_REQUEST, "Voice {voice} is none of {voices}"),
    formats={
        "mp3": Output("mp3", "audio/mpeg"),
        "pcm": Output("pcm", "audio/pcm;rate={rate};channels=1"),
        "wav": Output("wav", "audio/wav"),
    },
    default_format="pcm",
    unknown_format=Refusal(_BAD_REQUEST, "response_format {format} is none of {formats}"),
    speed=Speed(out_of_range=Refusal(_BAD_REQUEST, "speed must be between {lowest} and {highest}")),
    headers={"X-Generation-Id": "gen-tts-1790000000-simulated"},
)
