"""Speechbase's vendors and saved voices: the fields kept in the catalog, and the models described by them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypedDict

from ...audio.formats import AudioFormat
from ..json_documents import CACHED_CATALOGS, MAX_ROWS, IdentityKey, Json, get_rows, is_name
from ..models import Model, Voice
from ..options import NumberOption, ObjectOption, OptionGroup
from ..vendor_models import OPENAI_MAX_CHARS, count_chars_or_tokens, openai_voices_for

_MAX_CURSOR_CHARS: Final = 2_000
_MAX_PRONUNCIATIONS: Final = 200
_SHORTEST_MAX_CHARS: Final = 2_000
"""Lowest limit of all vendors, used for vendors whose limit is unknown."""
_ELEVEN_V3: Final = "elevenlabs/eleven_v3"
_VENDOR_MAX_CHARS: Final = {"openai": OPENAI_MAX_CHARS, "hume": 5_000, "minimax": 3_000, "xai": 15_000}
_MODEL_MAX_CHARS: Final = {
    "elevenlabs/eleven_multilingual_v2": 10_000,
    _ELEVEN_V3: 5_000,
    "elevenlabs/eleven_flash_v2_5": 40_000,
    "elevenlabs/eleven_flash_v2": 30_000,
    "fal-ai/f5-tts": 5_000,
}
"""Limits from the source of Speechbase's SDK."""

OPTIONS: Final = (
    NumberOption("speed", minimum=0.75, maximum=1.5, step=0.05, default=1),
    NumberOption(
        "volume_dbfs", minimum=-60, maximum=0, step=1, default=-20, unit="dBFS", group=OptionGroup.FINE_TUNING
    ),
    NumberOption(
        "bitrate",
        minimum=8,
        maximum=320,
        step=1,
        default=96,
        is_integer=True,
        unit="kbps",
        group=OptionGroup.ADVANCED,
    ),
    ObjectOption("provider_options", group=OptionGroup.ADVANCED),
)

_MODEL_FORMATS: Final = (AudioFormat.MP3, AudioFormat.WAV)
"""PCM is not requested: its sample rate depends on the vendor, and only a WAV header states it."""


class VendorRow(TypedDict):
    """A vendor in the catalog."""

    id: str
    name: str
    is_connected: bool
    """Whether Speechbase has an API key of the vendor."""
    models: list[str]
    """Model IDs, which begin with the vendor's; empty if the vendor is disabled."""


class SavedVoiceRow(TypedDict):
    """A saved voice in the catalog."""

    id: str
    title: str
    model: str
    """Model ID; empty if the list states none."""


@dataclass(frozen=True, slots=True)
class VoicePage:
    """A page of the list of saved voices."""

    voices: list[SavedVoiceRow]
    next_cursor: str
    """Cursor of the next page; empty on the last page."""


class SpeechbaseCatalog(TypedDict):
    """The stored catalog."""

    vendors: list[VendorRow]
    voices: list[SavedVoiceRow]
    """Saved voices, newest first."""


def parse_vendors(document: Json) -> list[VendorRow]:
    """Return the vendors in a list of providers; disabled vendors get no models. Raises NotASpeechServerError."""
    vendors = [_parse_vendor(row) for row in rows_with_id(document)]
    count = 0
    for vendor in vendors:
        vendor["models"] = vendor["models"][: max(0, MAX_ROWS - count)]
        count += len(vendor["models"])
    return vendors


def _parse_vendor(row: Mapping[str, Any]) -> VendorRow:
    """Return the fields of a vendor to keep in the catalog."""
    is_enabled = bool(row.get("enabled", True))
    models = row.get("models") if is_enabled else None
    return {
        "id": row["id"],
        "name": row["name"] if is_name(row.get("name")) else row["id"],
        "is_connected": is_enabled and bool(row.get("byok") or row.get("managed")),
        "models": list(filter(is_name, models[:MAX_ROWS])) if isinstance(models, list) else [],
    }


def parse_voice_page(document: Json) -> VoicePage:
    """Return the saved voices of a page. Raises NotASpeechServerError if the document is not a list."""
    cursor = document.get("next_cursor") if isinstance(document, dict) and document.get("has_more") else None
    voices = [parse_voice(row) for row in rows_with_id(document)]
    return VoicePage(voices, cursor if isinstance(cursor, str) and len(cursor) <= _MAX_CURSOR_CHARS else "")


def parse_voice(row: Mapping[str, Any]) -> SavedVoiceRow:
    """Return the fields of a saved voice to keep in the catalog."""
    vendor, model, title = (row[key] if is_name(row.get(key)) else "" for key in ("provider", "model", "title"))
    model_id = model if "/" in model or not vendor else f"{vendor}/{model}"
    return {"id": row["id"], "title": " ".join(title.split()) or row["id"], "model": model_id}


def rows_with_id(document: Json) -> list[dict[str, Any]]:
    """Return the rows of a list that have an ID. Raises NotASpeechServerError if the document is not a list."""
    return [row for row in get_rows(document, "data") if isinstance(row, dict) and is_name(row.get("id"))]


def model_ids(catalog: SpeechbaseCatalog | None) -> list[str]:
    """Return the IDs of all models, connected vendors first."""
    vendors = sorted(catalog["vendors"] if catalog else (), key=lambda vendor: not vendor["is_connected"])
    return [model for vendor in vendors for model in vendor["models"]]


def saved_voice_rows(catalog: SpeechbaseCatalog | None) -> list[SavedVoiceRow]:
    """Return the catalog's rows of saved voices, newest first."""
    return catalog["voices"] if catalog else []


def describe_model(model_id: str, catalog: SpeechbaseCatalog | None, *, streams: bool) -> Model:
    """Return a vendor's model; a vendor missing from the catalog is not connected."""
    vendor_id, slash, name = model_id.partition("/")
    vendors = _vendors_by_id(IdentityKey(catalog))
    vendor = vendors.get(vendor_id)
    vendor_name = vendor["name"] if vendor else vendor_id
    is_openai = vendor_id == "openai"
    return Model(
        id=model_id,
        name=f"{vendor_name} {name}",
        max_chars=_MODEL_MAX_CHARS.get(model_id) or _VENDOR_MAX_CHARS.get(vendor_id, _SHORTEST_MAX_CHARS),
        streams=streams,
        formats=_MODEL_FORMATS,
        voices=openai_voices_for(name) if is_openai else (),
        options=OPTIONS,
        understands_audio_tags=model_id == _ELEVEN_V3,
        measure=count_chars_or_tokens if is_openai else len,
        vendor=vendor_name,
        is_connected=vendor["is_connected"] if vendor else not (vendors and slash),
        max_pronunciations=_MAX_PRONUNCIATIONS,
    )


@lru_cache(maxsize=CACHED_CATALOGS)  # to describe all models without searching the catalog for each
def _vendors_by_id(catalog: IdentityKey) -> Mapping[str, VendorRow]:
    vendors = catalog.document["vendors"] if catalog.document else ()
    return {vendor["id"]: vendor for vendor in reversed(vendors)}


@dataclass(frozen=True, slots=True)
class SavedVoices:
    """The saved voices of a catalog."""

    voices: tuple[Voice, ...]
    models: Mapping[str, str]
    """Model IDs of the voices, by voice ID."""


@lru_cache(maxsize=CACHED_CATALOGS)  # the model of every saved voice lists all saved voices
def index_saved_voices(catalog: IdentityKey) -> SavedVoices:
    """Return the saved voices and their models, indexed once per catalog."""
    rows = saved_voice_rows(catalog.document)
    return SavedVoices(tuple(Voice(row["id"], row["title"]) for row in rows), {row["id"]: row["model"] for row in rows})
