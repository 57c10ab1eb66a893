"""NanoGPT's list of audio models: what of it is kept, and what it says of a model."""

from collections.abc import Iterable, Mapping
import re
from typing import Any, Final

from ...audio.formats import AudioFormat
from ..errors import NotASpeechServerError
from ..json_documents import Json
from ..languages import normalize_tag
from ..models import Model, Price
from ..options import Option
from .endpoints import PCM, Endpoint
from .model_families import DOCUMENTED_MODELS, ModelFamily, family_for, is_known

_NOT_SPEECH: Final = re.compile(
    r"lyric|describe|recognize|stem|clone|upload|cover|extend|inpaint|music|sound-effect|sfx", re.IGNORECASE
)
"""What is in the names of models that make something else of a text, or need more than a text."""
_FEWEST_CHARS: Final = 50
_MOST_CHARS: Final = 1_000_000
_HIGHEST_PRICE: Final = 1_000.0
_PRICES: Final = {
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
    "gpt-4o-mini-tts": 0.0125,  # the documentation has OpenAI's price for what goes in, and none for what comes out
    "xai-tts": 0.0165,
}
"""For a thousand characters, in dollars, where the list says nothing."""


def parse_models(document: Json) -> list[dict[str, Any]]:
    """Return what is worth keeping of an answer: of models that speak, what does not change with every answer.

    Raises NotASpeechServerError where the answer is no list of models.
    """
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise NotASpeechServerError
    kept = {row["id"]: _kept(row) for row in rows if isinstance(row, dict) and _speaks(row)}
    return sorted(kept.values(), key=lambda row: str(row["name"]).lower())


def _speaks(row: Mapping[str, Any]) -> bool:
    """Tell whether a model makes speech of a text alone. Some rows claim more than their models do."""
    model_id = row.get("id")
    if not isinstance(model_id, str) or not model_id or _NOT_SPEECH.search(model_id):
        return False
    source, arrow, target = str(_object(row, "architecture").get("modality", "")).partition("->")
    if arrow and ("text" not in source or "audio" in source or target not in ("audio", "speech")):
        return False
    claim = _object(row, "capabilities").get("text_to_speech")
    category = row.get("category")
    return category == "audio_tts" if claim is None and category else claim is not False or category == "audio_tts"


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a row."""
    parameters = _object(row, "supported_parameters")
    pricing = _object(row, "pricing")
    max_chars = _number(parameters.get("max_chars"), _FEWEST_CHARS, _MOST_CHARS)
    return {
        "id": row["id"],
        "name": row["name"] if isinstance(row.get("name"), str) and row["name"] else row["id"],
        "max_chars": None if max_chars is None else int(max_chars),
        "voices": _words(parameters.get("voices")),
        "languages": sorted(filter(None, map(normalize_tag, _words(parameters.get("supported_languages"))))),
        "takes": sorted(parameters),
        "price": {
            ours: price
            for theirs, ours in _PRICES.items()
            if (price := _number(pricing.get(theirs), 0, _HIGHEST_PRICE)) is not None
        },
        "currency": str(pricing.get("currency") or "USD"),
    }


def _number(value: Json, lowest: float, highest: float) -> float | None:
    """Return a number that makes sense, also one in quotes; None for anything else."""
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    except OverflowError, ValueError:
        return None
    return number if number is not None and lowest <= number <= highest else None


def _object(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def _words(value: Json) -> list[str]:
    """Return the texts in a list that may hold anything, each once and in an order that does not change."""
    return sorted({word for word in value if isinstance(word, str) and word}) if isinstance(value, list) else []


def model_ids(catalog: Json) -> Iterable[str]:
    """Return the models in a catalogue, or those of the documentation where it has none."""
    return [row["id"] for row in _rows(catalog)] or DOCUMENTED_MODELS


def describe_model(model_id: str, catalog: Json, route: Endpoint) -> Model:
    """Say what a model can do on a route, by the catalogue and where that is silent by the documentation."""
    row = next((row for row in _rows(catalog) if row["id"] == model_id), None)
    family = family_for(model_id)
    voices = tuple(family.describe_voice(voice) for voice in _voice_ids(row, family))
    formats = route.formats or family.formats
    return Model(
        id=model_id,
        name=row["name"] if row else model_id,
        max_chars=(row and row["max_chars"]) or family.max_chars,
        streams=family.streams and route.can_stream,
        formats=formats,
        pcm=PCM if AudioFormat.PCM in formats else None,
        voices=voices,
        languages=_languages(row, [tag for voice in voices for tag in voice.languages]),
        options=tuple(option for option in route.options if _is_taken(option, model_id, row, route)),
        price=_price(model_id, row),
        count=family.count,
    )


def _price(model_id: str, row: Mapping[str, Any] | None) -> Price | None:
    """Return what a model costs: by the list, or else by the documentation."""
    if row and row["price"]:
        return Price(row["currency"], **row["price"])
    documented = _DOCUMENTED_PRICES.get(model_id.lower())
    return Price("USD", per_thousand_chars=documented) if documented else None


def _rows(catalog: Json) -> list[dict[str, Any]]:
    return catalog["models"] if catalog else []


def _voice_ids(row: Mapping[str, Any] | None, family: ModelFamily) -> list[str]:
    """Return a model's voices, the documented ones first in their order: the first is the usual one."""
    listed = row["voices"] if row else []
    if not listed:
        return list(family.voices)
    return [voice for voice in family.voices if voice in listed] + [
        voice for voice in listed if voice not in family.voices
    ]


def _languages(row: Mapping[str, Any] | None, of_voices: list[str]) -> tuple[str, ...]:
    """Return the tags of a model's languages, bare ones beside regional ones."""
    tags = (row["languages"] if row else []) or of_voices
    return tuple(sorted({part for tag in tags for part in (tag, tag.partition("-")[0])}))


def _is_taken(option: Option, model_id: str, row: Mapping[str, Any] | None, route: Endpoint) -> bool:
    """Tell whether a model takes a setting on a route. Of a model that nobody knows, its user does."""
    family = family_for(model_id)
    if not route.takes(option.key, family):
        return False
    if option.key in route.for_every_model or option.key in family.takes or not (row or is_known(model_id)):
        return True
    return row is not None and option.key in row["takes"]
