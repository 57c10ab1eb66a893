"""Speechbase's vendors and saved voices: what of them is kept, and what they say of a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ...audio.formats import AudioFormat
from ..errors import NotASpeechServerError
from ..json_documents import CACHED_CATALOGS, IdentityKey, Json
from ..models import OPENAI_MAX_CHARS, Model, Voice, count_chars_or_tokens
from ..openai.models import voices_for
from ..options import IntegerChoiceOption, NumberOption, ObjectOption

_MAX_PRONUNCIATIONS: Final = 200
_UNKNOWN_MAX_CHARS: Final = 2_000
"""As much as the vendor with the shortest limit takes."""
_VENDOR_MAX_CHARS: Final = {"openai": OPENAI_MAX_CHARS, "hume": 5_000, "minimax": 3_000, "xai": 15_000}
_MODEL_MAX_CHARS: Final = {
    "elevenlabs/eleven_multilingual_v2": 10_000,
    "elevenlabs/eleven_v3": 5_000,
    "elevenlabs/eleven_flash_v2_5": 40_000,
    "elevenlabs/eleven_flash_v2": 30_000,
    "fal-ai/f5-tts": 5_000,
}
"""From the source of Speechbase's own client."""

SPEED: Final = NumberOption("speed", minimum=0.75, maximum=1.5, step=0.05, default=1)
VOLUME: Final = NumberOption("volume_dbfs", minimum=-60, maximum=0, step=1, default=-20)
BITRATE: Final = IntegerChoiceOption("bitrate", values=(32, 48, 64, 96, 128, 160, 192, 256, 320))
PROVIDER_OPTIONS: Final = ObjectOption("provider_options")
OPTIONS: Final = (SPEED, VOLUME, BITRATE, PROVIDER_OPTIONS)

_FORMATS: Final = (AudioFormat.MP3, AudioFormat.WAV)
"""Without raw samples: each vendor has a rate of its own, and only a WAV tells which."""


def parse_vendors(document: Json) -> list[dict[str, Any]]:
    """Return what is worth keeping of the list of vendors; one that is switched off has no models to offer.

    Raises NotASpeechServerError.
    """
    return [
        {
            "id": row["id"],
            "name": str(row.get("name") or row["id"]),
            "is_connected": bool(is_on and (row.get("byok") or row.get("managed"))),
            "models": [model for model in _list(row.get("models")) if is_on and isinstance(model, str)],
        }
        for row in find_rows(document)
        for is_on in (bool(row.get("enabled", True)),)
    ]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def parse_voice(row: Mapping[str, Any]) -> dict[str, str]:
    """Return what is worth keeping of a saved voice."""
    vendor, model = str(row.get("provider") or ""), str(row.get("model") or "")
    full = model if "/" in model or not vendor else f"{vendor}/{model}"
    return {"id": row["id"], "title": " ".join(str(row.get("title") or "").split()) or row["id"], "model": full}


def find_rows(document: Json) -> list[dict[str, Any]]:
    """Return the rows of a list that have an ID. Raises NotASpeechServerError where it is no list."""
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise NotASpeechServerError
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


def model_ids(catalog: Json) -> list[str]:
    """Return all models, those that can speak at once first."""
    vendors = sorted(catalog["vendors"] if catalog else (), key=lambda vendor: not vendor["is_connected"])
    return [model for vendor in vendors for model in vendor["models"]]


def saved_voices(catalog: Json) -> list[dict[str, str]]:
    """Return the saved voices, the newest first."""
    return catalog["voices"] if catalog else []


def describe_model(model_id: str, catalog: Json, *, streams: bool) -> Model:
    """Say what a vendor's model can do. A vendor that is missing among others can't speak."""
    vendor_id, slash, name = model_id.partition("/")
    vendors = catalog["vendors"] if catalog else ()
    vendor = next((vendor for vendor in vendors if vendor["id"] == vendor_id), None)
    vendor_name = vendor["name"] if vendor else vendor_id
    is_openai = vendor_id == "openai"
    return Model(
        id=model_id,
        name=f"{vendor_name} {name}",
        max_chars=_MODEL_MAX_CHARS.get(model_id) or _VENDOR_MAX_CHARS.get(vendor_id, _UNKNOWN_MAX_CHARS),
        streams=streams,
        formats=_FORMATS,
        voices=voices_for(name) if is_openai else (),
        options=OPTIONS,
        count=count_chars_or_tokens if is_openai else len,
        vendor=vendor_name,
        is_connected=vendor["is_connected"] if vendor else not (vendors and slash),
        max_pronunciations=_MAX_PRONUNCIATIONS,
    )


@dataclass(frozen=True, slots=True)
class SavedVoices:
    """The saved voices."""

    voices: tuple[Voice, ...]
    models: Mapping[str, str]
    """The models that they were saved with, by their IDs."""


@lru_cache(
    maxsize=CACHED_CATALOGS
)  # each of them is described with all of them to choose from: in a list, that adds up
def index_saved_voices(catalog: IdentityKey) -> SavedVoices:
    """Return the saved voices as what speaks."""
    rows = saved_voices(catalog.document)
    return SavedVoices(tuple(Voice(row["id"], row["title"]) for row in rows), {row["id"]: row["model"] for row in rows})
