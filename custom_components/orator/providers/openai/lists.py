"""Lists of models and voices, in every shape that servers have them: what of them is kept."""

from collections.abc import Iterable, Iterator, Mapping
import re
from typing import Any, Final

from ...audio.formats import AudioFormat
from ..errors import NotASpeechServerError
from ..json_documents import Json
from ..languages import normalize_tag

_ROWS: Final = ("data", "models", "voices", "items")
_IDS: Final = ("id", "voice_id", "name")
_LANGUAGES: Final = ("language", "locale", "lang", "lang_code", "languages")
_VOICES: Final = ("voices", "supported_voices")
_MOST_ROWS: Final = 2_000
_LONGEST: Final = 200
"""Characters of a name."""
_RATES: Final = range(8_000, 96_001)
_SPEAKING: Final = re.compile(r"tts|speech|voice|kokoro|orpheus|piper|chatterbox|bark|vits|parler", re.IGNORECASE)
"""What models that speak have in their names, at OpenAI and on servers of one's own."""
_LISTENING: Final = re.compile(r"whisper|transcri|speech-?to-?text|\bstt|\basr|embed", re.IGNORECASE)
_OPENAI: Final = re.compile(r"system|openai(-.*)?")
"""Whose OpenAI says that its models are."""
_DEPTH: Final = 8


def find_rows(document: Json) -> list[Json]:
    """Return the rows of a list, whatever it is wrapped in. Raises NotASpeechServerError where there are none."""
    if isinstance(document, dict):
        document = next((document[key] for key in _ROWS if isinstance(document.get(key), (list, dict))), None)
    if isinstance(document, dict):  # once more, or else everything under its name
        document = next((document[key] for key in _ROWS if isinstance(document.get(key), list)), list(document))
    if not isinstance(document, list):
        raise NotASpeechServerError
    return document[:_MOST_ROWS]


def parse_models(rows: Iterable[Json]) -> list[Json]:
    """Return what is worth keeping of models that speak. They are told by what is said of them, or by their names."""
    described = [(model, _speaks(row)) for row in rows if (model := _kept_model(row))]
    speaking = [model for model, speaks in described if speaks]
    return _merged(speaking or [model for model, speaks in described if speaks is None])


def parse_voices(rows: Iterable[Json]) -> list[Json]:
    """Return what is worth keeping of voices."""
    return _merged(voice for row in rows if (voice := _kept_voice(row)))


def lists_openai_models(document: Json) -> bool:
    """Tell whether a list has OpenAI's own models, passed on by somebody else; then there are only OpenAI's voices."""
    owners = [str(row.get("owned_by")) for row in find_rows(document) if isinstance(row, dict)]
    return any(map(_OPENAI.fullmatch, owners))


def expand_entry(entry: Json) -> Mapping[str, Any]:
    """Return what was kept of a row: a mere name stands for a row with nothing else."""
    return {"id": entry} if isinstance(entry, str) else entry


def _merged(entries: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Put together what several lists say of the same, in an order that does not change; a mere name is just that."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        known = found.setdefault(entry["id"], {})
        for key, value in entry.items():
            known[key] = parse_voices([*known[key], *value]) if key == "voices" and key in known else value
    return [found[key] if len(found[key]) > 1 else key for key in sorted(found)]


def _kept_model(row: Json) -> dict[str, Any] | None:
    """Return what is kept of a model, None where the row is none."""
    if (kept := _named(row)) is None or not isinstance(row, dict):
        return kept
    voices = next((row[key] for key in _VOICES if isinstance(row.get(key), (list, dict))), None)
    if kept_here := parse_voices(voices or _values(row, "voice")):
        kept["voices"] = kept_here
    formats = {*AudioFormat} & {*map(str, _values(row, "response_format"))}
    if formats:
        kept["formats"] = sorted(formats)
    if isinstance(rate := row.get("sample_rate"), int) and rate in _RATES:
        kept["rate"] = rate
    return kept


def _kept_voice(row: Json) -> dict[str, Any] | None:
    """Return what is kept of a voice, None where the row is none."""
    if (kept := _named(row)) is None or not isinstance(row, dict):
        return kept
    stated = [row[key] for key in _LANGUAGES if key in row]
    languages = [language for value in stated for language in (value if isinstance(value, list) else [value])]
    if tags := sorted(
        {tag for language in languages if isinstance(language, str) and (tag := normalize_tag(language))}
    ):
        kept["languages"] = tags
    return kept


def _named(row: Json) -> dict[str, Any] | None:
    """Return a row's ID, and its name if it has another one."""
    row = {"id": row} if isinstance(row, str) else row
    if not isinstance(row, dict):
        return None
    names = [row[key].strip() for key in _IDS if isinstance(row.get(key), str)]
    names = [name for name in names if name and len(name) <= _LONGEST]
    if not names:
        return None
    return {"id": names[0]} if names[-1] == names[0] else {"id": names[0], "name": names[-1]}


def _speaks(row: Json) -> bool | None:
    """Tell whether a model makes speech of a text; None where nothing tells."""
    row = expand_entry(row)
    if isinstance(task := row.get("task"), str):
        return task == "text-to-speech"
    architecture = row.get("architecture")
    made = architecture.get("output_modalities") if isinstance(architecture, dict) else None
    if isinstance(made, list):
        return "speech" in made or "audio" in made
    told = speaks_by_name(str(row.get("id") or row.get("name")))
    return True if told is None and any(key in row for key in _VOICES) else told


def speaks_by_name(name: str) -> bool | None:
    """Tell by its name whether a model makes speech of a text; None where that does not tell."""
    if _LISTENING.search(name):
        return False
    return True if _SPEAKING.search(name) else None


def _values(document: Json, name: str, depth: int = _DEPTH) -> list[Json]:
    """Return the values that a parameter may have, wherever in a row `supported_parameters` are described."""
    return list(_each_value(document, name, depth))


def _each_value(document: Json, name: str, depth: int) -> Iterator[Json]:
    if isinstance(document, list) and depth:
        for part in document:
            yield from _each_value(part, name, depth - 1)
    elif isinstance(document, dict) and depth:
        for key, part in document.items():
            parameter = part.get(name) if key == "supported_parameters" and isinstance(part, dict) else None
            if isinstance(parameter, dict) and isinstance(parameter.get("values"), list):
                yield from parameter["values"]
            else:
                yield from _each_value(part, name, depth - 1)
