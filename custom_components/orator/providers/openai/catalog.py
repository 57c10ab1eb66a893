"""The models and voices that a server lists: fetched, parsed and described."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
import re
from typing import Any, Final, NotRequired, TypedDict, TypeIs

from ...audio.formats import AudioFormat, PcmLayout
from .. import errors
from ..json_documents import CACHED_CATALOGS, MAX_ROWS, IdentityKey, Json, get_object, get_rows, is_name, paced
from ..languages import expand_tags, normalize_tag
from ..models import Model, Voice
from ..options import MAX_ID_CHARS, NumberOption, ObjectOption, Option, OptionGroup
from ..vendor_models import OPENAI_PCM_LAYOUT, count_chars_or_tokens, describe_unknown_voice, openai_voices_for
from .documented_models import INSTRUCTIONS_OPTION, is_realtime
from .servers import SpeechServer

EXTRA_BODY_OPTION: Final = ObjectOption("extra_body", group=OptionGroup.ADVANCED)

_LIST_KEYS: Final = ("data", "models", "voices", "items")
_ID_KEYS: Final = ("id", "voice_id", "name")
_LANGUAGE_KEYS: Final = ("language", "locale", "lang", "lang_code", "languages")
_VOICE_LIST_KEYS: Final = ("voices", "supported_voices")
_MAX_MODEL_VOICES: Final = 50_000
"""Limit for the voices of all models together."""
_MAX_PARAMETER_DEPTH: Final = 8
_LISTED_SAMPLE_RATES: Final = range(8_000, 96_001)

_SPEECH_MODEL_NAME: Final = re.compile(
    r"tts|speech|voice|kokoro|orpheus|piper|chatterbox|bark|vits|parler", re.IGNORECASE
)
_OTHER_MODEL_NAME: Final = re.compile(r"whisper|transcri|speech-?to-?text|\bstt|\basr|embed", re.IGNORECASE)
_SPEECH_MODE: Final = "audio_speech"
_MODES: Final = (
    *(_SPEECH_MODE, "audio_transcription", "batch", "chat", "completion", "embedding", "image_edit"),
    *("image_generation", "moderation", "ocr", "realtime", "rerank", "responses", "search", "video_generation"),
)
"""What a model does, in LiteLLM's lists."""
_OPENAI_OWNER: Final = re.compile(r"system|openai(-.*)?")
"""Values of `owned_by` in OpenAI's own model list."""


class OpenAICatalog(TypedDict):
    """The stored catalog of OpenAI's own models, whose voices are documented."""

    models: list[str]
    """Model IDs; empty if the API key may not list them."""
    ends: NotRequired[dict[str, str]]
    """End dates by model ID, as ISO dates."""


class VoiceEntry(TypedDict):
    """A voice in the catalog of a server."""

    id: str
    name: NotRequired[str]
    languages: NotRequired[list[str]]


class ModelEntry(TypedDict):
    """A model in the catalog of a server."""

    id: str
    name: NotRequired[str]
    voices: NotRequired[list[str | VoiceEntry]]
    """The model's own voices; without them, the model has the voices of the server."""
    formats: NotRequired[list[str]]
    rate: NotRequired[int]
    """Sample rate of PCM."""


class ServerCatalog(TypedDict):
    """The stored catalog of a server. A string stands for an entry that only has an ID."""

    models: list[str | ModelEntry]
    voices: list[str | VoiceEntry]


def is_server_catalog(catalog: OpenAICatalog | ServerCatalog) -> TypeIs[ServerCatalog]:
    """Return whether a catalog is that of a server, rather than of OpenAI's own models."""
    return "voices" in catalog


@dataclass(frozen=True, slots=True)
class _VoiceList:
    """The voices of a model, and their language tags if known for every voice."""

    voices: tuple[Voice, ...] = ()
    languages: tuple[str, ...] = ()


def parse_model_ids(document: Json, *, is_official: bool) -> list[str]:
    """Return the IDs of the speech models in a list like OpenAI's, recognized by name or by what their rows say.

    For a server other than OpenAI's, all models are returned if none is known to generate speech. Raises
    NotASpeechServerError if the document is not a list of models.
    """
    rows = get_rows(document, "data", "models")
    models = [row for row in rows if isinstance(row, dict) and is_name(row.get("id"))]
    speech_ids = {row["id"] for row in models if is_realtime(row["id"]) or _generates_speech(row)}
    return sorted(speech_ids if speech_ids or is_official else {row["id"] for row in models})


def parse_end_dates(document: Json) -> dict[str, str]:
    """Return the end dates in a list like OpenAI's, as ISO dates by model."""
    rows = document.get("data") if isinstance(document, dict) else None
    models = [row for row in rows[:MAX_ROWS] if isinstance(row, dict)] if isinstance(rows, list) else []
    return {
        model["id"]: model["shutdown_date"]
        for model in models
        if is_name(model.get("id")) and _is_iso_date(model.get("shutdown_date"))
    }


def _is_iso_date(value: Json) -> bool:
    try:
        date.fromisoformat(value if is_name(value) else "")
    except ValueError:
        return False
    return True


def lists_openai_models(document: Json) -> bool:
    """Return whether a list contains OpenAI's own models, which only have OpenAI's voices."""
    owners = [row.get("owned_by") for row in find_rows(document) if isinstance(row, dict)]
    return any(map(_OPENAI_OWNER.fullmatch, filter(is_name, owners)))


def find_rows(document: Json) -> list[Json]:
    """Return the rows of a list. Raises NotASpeechServerError if the document contains none."""
    if isinstance(document, dict):
        document = next((document[key] for key in _LIST_KEYS if isinstance(document.get(key), (list, dict))), None)
    if isinstance(document, dict):  # {"data": {"voices": […]}} or {"voices": {"ann": {…}}}
        document = next((document[key] for key in _LIST_KEYS if isinstance(document.get(key), list)), list(document))
    if not isinstance(document, list):
        raise errors.NotASpeechServerError
    return document[:MAX_ROWS]


def parse_models(rows: Iterable[Json]) -> list[str | ModelEntry]:
    """Return the catalog entries of the speech models, or of all models if none is known to generate speech."""
    return merge_models(parse_model_rows(rows))


def parse_model_rows(rows: Iterable[Json]) -> list[tuple[dict[str, Any], bool | None]]:
    """Return the entries of models, each with whether it generates speech."""
    models = [(entry, _generates_speech(row)) for row in paced(rows) if (entry := _parse_model_row(row))]
    voice_count = 0
    for entry, _ in models:
        voice_count += len(entry.get("voices", ()))
        if voice_count > _MAX_MODEL_VOICES:
            entry.pop("voices", None)
    return models


def merge_models(models: list[tuple[dict[str, Any], bool | None]]) -> list[str | ModelEntry]:
    """Return the entries of the speech models, or of all models if none is known to generate speech."""
    speech_models = [entry for entry, is_speech in models if is_speech]
    return _merge(speech_models or [entry for entry, is_speech in models if is_speech is None])


def parse_voices(rows: Iterable[Json]) -> list[str | VoiceEntry]:
    """Return the catalog entries of voices."""
    return _merge(entry for row in islice(rows, MAX_ROWS) if (entry := _parse_voice_row(row)))


def _merge(entries: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Merge entries with the same ID, sorted by ID; an entry that only has an ID becomes a string."""
    merged: dict[str, dict[str, Any]] = {}
    voices: dict[str, list[Json]] = {}
    for entry in paced(entries):
        merged[entry["id"]] = {**merged.get(entry["id"], {}), **entry}
        if "voices" in entry:
            voices.setdefault(entry["id"], []).extend(entry["voices"])
    for model_id, listed in paced(voices.items()):
        merged[model_id]["voices"] = parse_voices(listed)
    return [merged[key] if len(merged[key]) > 1 else key for key in sorted(merged)]


def _as_object(entry: Json) -> Json:
    """Return an entry as an object."""
    return {"id": entry} if isinstance(entry, str) else entry


def _parse_model_row(row: Json) -> dict[str, Any] | None:
    """Return the entry of a model, or None if the row has no ID."""
    if (entry := _parse_names(row)) is None or not isinstance(row, dict):
        return entry
    voices = next((row[key] for key in _VOICE_LIST_KEYS if isinstance(row.get(key), (list, dict))), None)
    if parsed_voices := parse_voices(voices or _parameter_values(row, "voice")):
        entry["voices"] = parsed_voices
    if formats := {*AudioFormat} & {*filter(is_name, _parameter_values(row, "response_format"))}:
        entry["formats"] = sorted(formats)
    if isinstance(rate := row.get("sample_rate"), int) and rate in _LISTED_SAMPLE_RATES:
        entry["rate"] = rate
    return entry


def _parse_voice_row(row: Json) -> dict[str, Any] | None:
    """Return the entry of a voice, or None if the row has no ID."""
    if (entry := _parse_names(row)) is None or not isinstance(row, dict):
        return entry
    values = [row[key] for key in _LANGUAGE_KEYS if key in row]
    languages = [language for value in values for language in (value if isinstance(value, list) else [value])]
    tags = {normalize_tag(language) for language in filter(is_name, languages[:MAX_ROWS])} - {""}
    if tags:
        entry["languages"] = sorted(tags)
    return entry


def _parse_names(row: Json) -> dict[str, Any] | None:
    """Return the ID of a row, and its name if different."""
    row = _as_object(row)
    if not isinstance(row, dict):
        return None
    names = [row[key].strip() for key in _ID_KEYS if isinstance(row.get(key), str)]
    names = [name for name in names if name and len(name) <= MAX_ID_CHARS]
    if not names:
        return None
    return {"id": names[0]} if names[-1] == names[0] else {"id": names[0], "name": names[-1]}


def _generates_speech(row: Json) -> bool | None:
    """Return whether a model generates speech, or None if unknown."""
    row = _as_object(row)
    if statements := set(_iter_statements(row)):
        return True in statements
    name = row.get("id") or row.get("name")
    by_name = _is_speech_model_name(name) if is_name(name) else None
    return True if by_name is None and any(key in row for key in _VOICE_LIST_KEYS) else by_name


def _iter_statements(row: Mapping[str, Json]) -> Iterator[bool]:
    """Yield whether a model generates speech, for each field of its row that says so."""
    if isinstance(task := row.get("task"), str):
        yield task == "text-to-speech"
    modalities = get_object(row, "architecture").get("output_modalities")
    if isinstance(modalities, list):
        yield "speech" in modalities or "audio" in modalities
    if (mode := row.get("mode")) in _MODES:
        yield mode == _SPEECH_MODE


def _is_speech_model_name(name: str) -> bool | None:
    """Return whether a name is that of a speech model, or None if the name is not specific."""
    if _OTHER_MODEL_NAME.search(name):
        return False
    return True if _SPEECH_MODEL_NAME.search(name) else None


def _parameter_values(document: Json, name: str) -> list[Json]:
    """Return the values of a parameter in the `supported_parameters` anywhere in a document."""
    return list(_iter_parameter_values(document, name, _MAX_PARAMETER_DEPTH))


def _iter_parameter_values(document: Json, name: str, depth: int) -> Iterator[Json]:
    if isinstance(document, list) and depth:
        for item in document:
            yield from _iter_parameter_values(item, name, depth - 1)
    elif isinstance(document, dict) and depth:
        for key, item in document.items():
            parameter = item.get(name) if key == "supported_parameters" and isinstance(item, dict) else None
            if isinstance(parameter, dict) and isinstance(parameter.get("values"), list):
                yield from parameter["values"]
            else:
                yield from _iter_parameter_values(item, name, depth - 1)


def model_ids(catalog: ServerCatalog | None, server: SpeechServer) -> list[str]:
    """Return the IDs of the listed models, or of the server's documented models."""
    listed = [_as_object(entry)["id"] for entry in (catalog.get("models", []) if catalog else [])]
    return listed or list(server.models or (server.default_model,))


def describe_model(model_id: str, catalog: ServerCatalog | None, server: SpeechServer) -> Model:
    """Return the capabilities of a model as listed by the server, or otherwise as documented for the server."""
    listed = _describe_listed(IdentityKey(catalog), IdentityKey(server)).get(model_id)
    return listed or _describe(ModelEntry(id=model_id), catalog, server)


@lru_cache(maxsize=CACHED_CATALOGS)  # thousands of models take 30 ms, and are described when the catalog is fetched
def _describe_listed(catalog: IdentityKey, server: IdentityKey) -> Mapping[str, Model]:
    entries = map(_as_object, (catalog.document or {}).get("models", []))
    return {entry["id"]: _describe(entry, catalog.document, server.document) for entry in paced(entries)}


def _describe(entry: ModelEntry, catalog: ServerCatalog | None, server: SpeechServer) -> Model:
    """Return the capabilities of the model in a catalog entry."""
    model_id = entry["id"]
    voice_list = _voices_of(entry, catalog, server, model_id)
    listed_formats = entry.get("formats")
    formats = server.formats if listed_formats is None else tuple(one for one in AudioFormat if one in listed_formats)
    pcm_layout = PcmLayout(entry["rate"]) if "rate" in entry else OPENAI_PCM_LAYOUT
    return Model(
        id=model_id,
        name=entry.get("name", model_id),
        max_chars=server.max_chars,
        streams=server.streams is not False,
        formats=formats,
        pcm_layout=pcm_layout if AudioFormat.PCM in formats else None,
        voices=voice_list.voices,
        languages=voice_list.languages,
        options=tuple(_options_for(server, model_id)),
        measure=count_chars_or_tokens if _is_gpt_4o_speech(model_id) else len,
    )


def _options_for(server: SpeechServer, model_id: str) -> Iterable[Option]:
    if server.speed_range:
        minimum, maximum = server.speed_range
        yield NumberOption("speed", minimum=minimum, maximum=maximum, step=0.05, default=1)
    if server.supports_instructions and not _is_tts_1_name(model_id.rpartition("/")[2]):
        yield INSTRUCTIONS_OPTION
    yield EXTRA_BODY_OPTION


def _voices_of(entry: ModelEntry, catalog: ServerCatalog | None, server: SpeechServer, model_id: str) -> _VoiceList:
    """Return the voices listed for the model, listed for the server, or documented."""
    if listed := entry.get("voices") or (catalog.get("voices") if catalog else None):
        return _listed_voices(IdentityKey(listed), server.default_voice)
    if documented := server.voices.get(model_id) or server.voices.get(""):
        language = server.languages.get(model_id)
        voices = [Voice(name, name.capitalize(), (language,) if language else ()) for name in documented]
        return _sort_voices(voices, server.default_voice)
    has_openai_voices = _is_tts_1_name(model_id) or (model_id.startswith("gpt-4o") and _is_gpt_4o_speech(model_id))
    return _VoiceList(openai_voices_for(model_id)) if has_openai_voices else _VoiceList()


def _is_tts_1_name(model_id: str) -> bool:
    """Return whether a name is tts-1's or that of a variant; servers use the names more freely than OpenAI."""
    return model_id == "tts-1" or model_id.startswith("tts-1-")


def _is_gpt_4o_speech(model_id: str) -> bool:
    """Return whether a name contains that of one of OpenAI's models, whose input is limited in tokens."""
    _, prefix, variant = model_id.partition("gpt-4o")
    return bool(prefix) and "tts" in variant


@lru_cache(maxsize=CACHED_CATALOGS)  # thousands of voices take 10 ms, and all models of a server may share them
def _listed_voices(entries: IdentityKey, default_voice: str) -> _VoiceList:
    by_id = {entry["id"]: entry for entry in map(_as_object, entries.document)}
    return _sort_voices([_describe_listed_voice(entry, by_id) for entry in paced(by_id.values())], default_voice)


def _sort_voices(voices: list[Voice], default_voice: str) -> _VoiceList:
    """Return voices with the default voice first."""
    is_each_known = all(voice.languages for voice in voices)
    tags = expand_tags(tag for voice in voices for tag in voice.languages) if is_each_known else ()
    return _VoiceList(tuple(sorted(voices, key=lambda voice: voice.id != default_voice)), tags)


def _describe_listed_voice(entry: VoiceEntry, by_id: Mapping[str, VoiceEntry]) -> Voice:
    """Return a listed voice. If its name is the ID of another voice, the name is only used for its languages."""
    voice = describe_unknown_voice(entry["id"])
    name = entry.get("name", voice.id)
    named = describe_unknown_voice(name)
    languages = tuple(entry.get("languages", ())) or voice.languages or named.languages
    is_alias = name == voice.id or name in by_id or bool(named.languages)
    return Voice(voice.id, voice.name if is_alias else name, languages)
