"""NanoGPT's list of audio models: the fields kept in the catalog, and the models described by it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
import re
from typing import Any, Final, TypedDict

from ...audio.formats import AudioFormat
from ..errors import NotASpeechServerError
from ..json_documents import CACHED_CATALOGS, MAX_ROWS, IdentityKey, Json, get_object, get_rows, is_name, paced
from ..languages import normalize_tag
from ..models import Model, Price, is_currency_code
from ..options import Option
from ..vendor_models import OPENAI_PCM_LAYOUT
from .endpoints import Endpoint
from .model_families import DOCUMENTED_MODELS, UNKNOWN_FAMILY, ModelFamily, family_for

_NOT_SPEECH: Final = re.compile(
    r"lyric|describe|recognize|stem|clone|upload|cover|extend|inpaint|music|sound-effect|sfx", re.IGNORECASE
)
"""Parts of the IDs of models that produce something other than speech, or need more than a text."""
_MIN_LISTED_CHARS: Final = 50
_MAX_LISTED_CHARS: Final = 1_000_000
_MAX_LISTED_PRICE: Final = 1_000.0
"""Bounds of plausible listed limits and prices."""
_MAX_PARAMETERS: Final = 200
_MAX_MODEL_VOICES: Final = 50_000
"""Limit for the voices of all models together."""
_PRICE_FIELDS: Final = {
    "per_thousand_chars": "per_thousand_chars",
    "per_generation": "per_request",
    "per_minute": "per_minute",
    "minimum": "minimum",
}
_DOCUMENTED_PRICES: Final[Mapping[str, float]] = {
    "kokoro-82m": 0.001,
    "elevenlabs-turbo-v2.5": 0.06,
    "tts-1": 0.015,
    "tts-1-hd": 0.030,
    "gpt-4o-mini-tts": 0.0125,  # the documentation only states OpenAI's price for input tokens
    "xai-tts": 0.0165,
}
"""US dollars per 1,000 characters, for models whose row states no price."""


class ModelRow(TypedDict):
    """A model in the catalog."""

    id: str
    name: str
    max_chars: int | None
    voices: list[str]
    """Voice IDs; empty if the list states none."""
    languages: list[str]
    """Language tags; empty if the list states none."""
    takes: list[str]
    """Keys of the supported options and of other parameters."""
    price: dict[str, float]
    """Fields of `Price`; empty if the list states no price."""
    currency: str


class NanoGPTCatalog(TypedDict):
    """The stored catalog."""

    models: list[ModelRow]


def read_models(document: Json) -> list[ModelRow] | None:
    """Return the speech models of a list, or None if the document is not a list of models."""
    try:
        return parse_models(document)
    except NotASpeechServerError:
        return None


def parse_models(document: Json) -> list[ModelRow]:
    """Return the speech models of a list, without fields that change although the list stays the same.

    Raises NotASpeechServerError if the document is not a list of models.
    """
    rows = [row for row in get_rows(document, "data") if isinstance(row, dict) and _is_speech_model(row)]
    models = {row["id"]: _parse_row(row) for row in paced(rows)}
    _limit_voices(models.values())
    return sorted(models.values(), key=lambda model: str(model["name"]).lower())


def _limit_voices(models: Iterable[ModelRow]) -> None:
    """Remove the voices of the models that exceed the limit; they can still be entered."""
    count = 0
    for model in models:
        count += len(model["voices"])
        if count > _MAX_MODEL_VOICES:
            model["voices"] = []


def _is_speech_model(row: Mapping[str, Any]) -> bool:
    """Return whether a model generates speech from text alone; some rows claim more than the model can do."""
    model_id = row.get("id")
    if not is_name(model_id) or _NOT_SPEECH.search(model_id):
        return False
    modality = get_object(row, "architecture").get("modality")
    source, arrow, target = (modality if isinstance(modality, str) else "").partition("->")
    if arrow and ("text" not in source or "audio" in source or target not in ("audio", "speech")):
        return False
    is_tts = get_object(row, "capabilities").get("text_to_speech")
    category = row.get("category")
    return category == "audio_tts" if is_tts is None and category else is_tts is not False or category == "audio_tts"


def _parse_row(row: Mapping[str, Any]) -> ModelRow:
    """Return the fields of a row to keep in the catalog."""
    parameters = get_object(row, "supported_parameters")
    pricing = get_object(row, "pricing")
    max_chars = _number(parameters.get("max_chars"), _MIN_LISTED_CHARS, _MAX_LISTED_CHARS)
    return {
        "id": row["id"],
        "name": row["name"] if is_name(row.get("name")) else row["id"],
        "max_chars": None if max_chars is None else int(max_chars),
        "voices": _strings(parameters.get("voices")),
        "languages": sorted(filter(None, map(normalize_tag, _strings(parameters.get("supported_languages"))))),
        "takes": sorted(filter(is_name, parameters))[:_MAX_PARAMETERS],
        "price": {
            field: price
            for key, field in _PRICE_FIELDS.items()
            if (price := _number(pricing.get(key), 0, _MAX_LISTED_PRICE)) is not None
        },
        "currency": pricing["currency"] if is_currency_code(pricing.get("currency")) else "USD",
    }


def _number(value: Json, minimum: float, maximum: float) -> float | None:
    """Return a number or numeric string in a range, or None for anything else."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    except OverflowError, ValueError:
        return None
    return number if number is not None and minimum <= number <= maximum else None


def _strings(value: Json) -> list[str]:
    """Return the strings in a list, sorted and without duplicates."""
    return sorted({*filter(is_name, value[:MAX_ROWS])}) if isinstance(value, list) else []


def model_ids(catalog: NanoGPTCatalog | None) -> Iterable[str]:
    """Return the model IDs in a catalog, or the documented IDs if the catalog has none."""
    return [row["id"] for row in _rows(catalog)] or DOCUMENTED_MODELS


def describe_model(model_id: str, catalog: NanoGPTCatalog | None, endpoint: Endpoint) -> Model:
    """Return a model as available on an endpoint, described by the catalog or otherwise by the documentation."""
    row = _rows_by_id(IdentityKey(catalog)).get(model_id)
    family = family_for(model_id)
    voices = tuple(family.describe_voice(voice) for voice in _voice_ids(row, family))
    formats = endpoint.formats or family.formats
    return Model(
        id=model_id,
        name=row["name"] if row else model_id,
        max_chars=(row and row["max_chars"]) or family.max_chars,
        streams=family.streams and endpoint.can_stream,
        formats=formats,
        pcm_layout=OPENAI_PCM_LAYOUT if AudioFormat.PCM in formats else None,
        voices=voices,
        languages=_languages(row, [tag for voice in voices for tag in voice.languages]),
        options=tuple(option for option in endpoint.options if _is_supported(option, row, family, endpoint)),
        price=_price(model_id, row),
        understands_audio_tags=family.understands_audio_tags,
        measure=family.measure,
        needs_voice=endpoint.needs_voice,
    )


def _price(model_id: str, row: ModelRow | None) -> Price | None:
    """Return the listed price of a model, or otherwise the documented price."""
    if row and row["price"]:
        return Price(row["currency"], **row["price"])
    documented = _DOCUMENTED_PRICES.get(model_id.lower())
    return Price("USD", per_thousand_chars=documented) if documented else None


def _rows(catalog: NanoGPTCatalog | None) -> list[ModelRow]:
    return catalog["models"] if catalog else []


@lru_cache(maxsize=CACHED_CATALOGS)  # to describe all models without searching the catalog for each
def _rows_by_id(catalog: IdentityKey) -> Mapping[str, ModelRow]:
    return {row["id"]: row for row in _rows(catalog.document)}


def _voice_ids(row: ModelRow | None, family: ModelFamily) -> list[str]:
    """Return a model's voices, documented ones first: the first of these is the default voice."""
    listed = row["voices"] if row else []
    if not listed:
        return list(family.voices)
    documented = [voice for voice in family.voices if voice in listed]
    return documented + [voice for voice in listed if voice not in family.voices]


def _languages(row: ModelRow | None, voice_languages: list[str]) -> tuple[str, ...]:
    """Return the tags of a model's languages, with a bare tag for each regional one."""
    tags = (row["languages"] if row else []) or voice_languages
    return tuple(sorted({part for tag in tags for part in (tag, tag.partition("-")[0])}))


def _is_supported(option: Option, row: ModelRow | None, family: ModelFamily, endpoint: Endpoint) -> bool:
    """Return whether a model supports an option on an endpoint; an unknown model may support any."""
    if not endpoint.accepts(option.key, family):
        return False
    if option.key in endpoint.for_every_model or option.key in family.options:
        return True
    return family is UNKNOWN_FAMILY if row is None else option.key in row["takes"]
