"""Profiles of servers from the Python Package Index: local-tts-studio 1.0 and LiteLLM's proxy 1.108."""

from http import HTTPStatus

from ..openai.contract import VOICES
from . import lists
from .errors import Refusal
from .profile import OPENAI_FORMATS, Listing, Model, Output, Profile
from .schema import Field

_BAD_REQUEST, _UNAUTHORIZED = HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED
_STUDIO_RATE = 22_050

LOCAL_TTS_STUDIO = Profile(
    name="local-tts-studio",
    lists=(
        Listing("/models", lists.models),
        Listing("/audio/voices", lists.start_page, is_public=True),
        Listing("/voices", lists.start_page, is_public=True),
    ),
    auth="required",
    checks_key_last=True,
    missing_key=Refusal(_UNAUTHORIZED, "A key is missing.", code="missing_api_key"),
    wrong_key=Refusal(_UNAUTHORIZED, "The key is wrong.", code="invalid_api_key"),
    fields={
        "model": Field(),
        "input": Field(required=True, min_length=1),
        "voice": Field(),
        "response_format": Field(choices=("wav", "pcm", "mp3")),
    },
    empty_text=Refusal(_BAD_REQUEST, "The input is empty.", code="invalid_value"),
    owner="local-tts-studio",
    models=(Model("piper", checks_voice=False),),
    formats={**OPENAI_FORMATS, "pcm": Output("pcm", "audio/pcm_s16le")},
    default_format="wav",
    rate=_STUDIO_RATE,
    delivery="whole",
    headers={
        "X-Sample-Rate": str(_STUDIO_RATE),
        "X-Channels": "1",
        "X-Sample-Width": "2",
    },
)
"""A server whose voice and speed are set in its own web interface."""

LITELLM = Profile(
    name="litellm",
    lists=(Listing("/models", lists.models_with_mode),),
    auth="required",
    missing_key=Refusal(_UNAUTHORIZED, "Authentication Error, no key was passed in.", kind="auth_error", code="401"),
    wrong_key=Refusal(_BAD_REQUEST, "No connected db.", kind="no_db_connection", code="400"),
    owner="openai",
    models=(
        Model("reader", VOICES),
        Model("speech-tts", VOICES),
        Model("voice-chat", speaks=False),
    ),
    unknown_model=Refusal(_BAD_REQUEST, "Invalid model name passed in model={model}", code="400"),
    unknown_voice=Refusal(_BAD_REQUEST, "OpenAIException - Input should be one of {voices}", code="400"),
    formats=OPENAI_FORMATS,
)
"""A proxy without a database, which therefore does not say that a key is wrong. Models have names of the operator."""
