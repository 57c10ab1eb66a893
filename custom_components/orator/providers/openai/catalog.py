"""What a server that imitates OpenAI offers: asked in all places where it may tell, and described."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
import re
from typing import Any, Final

from yarl import URL

from ...audio.formats import AudioFormat, PcmLayout
from ..errors import (
    InvalidKeyError,
    NotASpeechServerError,
    NotFoundError,
    NotImplementedByProviderError,
    NotPermittedError,
    RejectedError,
    SpeechError,
)
from ..http import HttpClient
from ..json_documents import CACHED_CATALOGS, IdentityKey, Json
from ..languages import expand_tags
from ..models import Model, Voice, count_chars_or_tokens, describe_voice_by_id
from ..options import NumberOption, ObjectOption, Option
from . import lists
from .models import INSTRUCTIONS, PCM, voices_for
from .servers import SpeechServer

EXTRA_BODY: Final = ObjectOption("extra_body")

_REFUSED: Final = (InvalidKeyError, NotPermittedError)
_ABSENT: Final = (NotFoundError, NotASpeechServerError, RejectedError, NotImplementedByProviderError)
_OPENAI: Final = re.compile(r"tts-1(-.+)?|gpt-4o.*tts.*")
"""Names of OpenAI's models; whoever takes them takes the names of its voices as well."""
_COUNTS_TOKENS: Final = re.compile(r"gpt-4o.*tts")
_TTS_1: Final = re.compile(r"(.*/)?tts-1(-.+)?")
"""Names under which servers offer what takes no instructions: OpenAI itself is not as free with them."""


@dataclass(frozen=True, slots=True)
class _Speakers:
    """The voices of a model."""

    voices: tuple[Voice, ...] = ()
    languages: tuple[str, ...] = ()
    """The tags of what they speak; empty where that is not known of each."""


@dataclass(frozen=True, slots=True)
class ServerLists:
    """What a server has told."""

    catalog: dict[str, list[Json]]
    has_refused: bool
    """Whether it let nobody in somewhere, at least not with this key."""

    @property
    def is_empty(self) -> bool:
        """Whether it has told nothing."""
        return not any(self.catalog.values())


async def fetch_lists(http: HttpClient, server: SpeechServer, known: Json) -> ServerLists:
    """Ask for all lists at once.

    A list that is not there is no failure. Of one that can't be had at the moment, what was `known` before is kept.
    Raises SpeechError where the server itself can't be reached.
    """
    models, voices, checks = await asyncio.gather(
        _ask(http, server.model_lists), _ask(http, server.voice_lists), _ask(http, server.key_checks)
    )
    failures = [answer for answer in (*models, *voices, *checks) if isinstance(answer, SpeechError)]
    away = [error for error in failures if not isinstance(error, (*_REFUSED, *_ABSENT))]
    if away and len(away) == len(models) + len(voices) + len(checks):
        raise away[0]
    catalog = {
        "models": _kept(lists.parse_models(_rows(models)), models, known, "models"),
        "voices": _kept(lists.parse_voices(_rows(voices)), voices, known, "voices"),
    }
    return ServerLists(catalog, any(isinstance(error, _REFUSED) for error in failures))


async def _ask(http: HttpClient, places: Iterable[str]) -> list[list[Json] | SpeechError]:
    return await asyncio.gather(*(_ask_at(http, URL(place)) for place in places))


async def _ask_at(http: HttpClient, place: URL) -> list[Json] | SpeechError:
    """Return the rows of a list, or why there are none."""
    try:
        return lists.find_rows(await http.get_json(place.path, place.query))
    except SpeechError as err:
        return err


def _rows(answers: Iterable[list[Json] | SpeechError]) -> list[Json]:
    return [row for answer in answers if not isinstance(answer, SpeechError) for row in answer]


def _kept(found: list[Json], answers: Iterable[list[Json] | SpeechError], known: Json, kind: str) -> list[Json]:
    """Return what is there, or what was there before where some of it can't be asked at the moment."""
    is_whole = all(isinstance(answer, (list, *_REFUSED, *_ABSENT)) for answer in answers)
    before: list[Json] = known.get(kind, []) if known else []
    return found if is_whole or not before else before


def model_ids(catalog: Json, server: SpeechServer) -> list[str]:
    """Return the models in a catalogue, or those that are known where it has none."""
    listed = [lists.expand_entry(entry)["id"] for entry in (catalog or {}).get("models", [])]
    return listed or list(server.models or (server.model,))


def describe_model(model_id: str, catalog: Json, server: SpeechServer) -> Model:
    """Say what a model can do, by what the server lists and where that is silent by what is known of it."""
    entries = (catalog or {}).get("models", [])
    row = next((row for row in map(lists.expand_entry, entries) if row["id"] == model_id), {})
    speakers = _speakers(row, catalog, server, model_id)
    formats = tuple(made for made in AudioFormat if made in row["formats"]) if "formats" in row else server.formats
    return Model(
        id=model_id,
        name=row.get("name", model_id),
        max_chars=server.max_chars,
        streams=server.streams is not False,
        formats=formats,
        pcm=(PcmLayout(row["rate"]) if "rate" in row else PCM) if AudioFormat.PCM in formats else None,
        voices=speakers.voices,
        languages=speakers.languages,
        options=tuple(_options(server, model_id)),
        count=count_chars_or_tokens if _COUNTS_TOKENS.search(model_id) else len,
    )


def _options(server: SpeechServer, model_id: str) -> Iterable[Option]:
    if server.speed:
        lowest, highest = server.speed
        yield NumberOption("speed", minimum=lowest, maximum=highest, step=0.05, default=1)
    if server.takes_instructions and not _TTS_1.fullmatch(model_id):
        yield INSTRUCTIONS
    yield EXTRA_BODY


def _speakers(row: Mapping[str, Any], catalog: Json, server: SpeechServer, model_id: str) -> _Speakers:
    """Return a model's voices, the usual one first: its own, else the server's, else those that are known."""
    if listed := row.get("voices") or (catalog or {}).get("voices"):
        return _listed(IdentityKey(listed), server.voice)
    if documented := server.voices.get(model_id) or server.voices.get(""):
        language = server.languages.get(model_id)
        voices = [Voice(name, name.capitalize(), (language,) if language else ()) for name in documented]
        return _in_order(voices, server.voice)
    return _Speakers(voices_for(model_id)) if _OPENAI.fullmatch(model_id) else _Speakers()


@lru_cache(maxsize=CACHED_CATALOGS)  # thousands of voices take 10 ms, and all of a server's models may share them
def _listed(rows: IdentityKey, usual: str) -> _Speakers:
    """Return the voices of a list."""
    entries = {entry["id"]: entry for entry in map(lists.expand_entry, rows.document)}
    return _in_order([_voice(entry, entries) for entry in entries.values()], usual)


def _in_order(voices: list[Voice], usual: str) -> _Speakers:
    """Put the usual voice first, and tell what all of them speak."""
    is_each_known = all(voice.languages for voice in voices)
    tags = expand_tags(tag for voice in voices for tag in voice.languages) if is_each_known else ()
    return _Speakers(tuple(sorted(voices, key=lambda voice: voice.id != usual)), tags)


def _voice(entry: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> Voice:
    """Return a listed voice. A name that is another voice's ID only tells whom this one stands for."""
    usual = describe_voice_by_id(entry["id"])
    name = entry.get("name", usual.id)
    meant = describe_voice_by_id(name)
    languages = tuple(entry.get("languages", ())) or usual.languages or meant.languages
    return Voice(usual.id, usual.name if name == usual.id or name in others or meant.languages else name, languages)
