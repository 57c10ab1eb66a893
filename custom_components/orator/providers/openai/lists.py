"""The lists of a server: fetched, and read in threads, because they may be long."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from yarl import URL

from .. import errors
from ..error_responses import error_for, find_error_codes
from ..http import HttpClient
from ..json_documents import Json, run_in_background
from .catalog import (
    ServerCatalog,
    find_rows,
    lists_openai_models,
    merge_models,
    parse_end_dates,
    parse_model_ids,
    parse_model_rows,
    parse_voices,
)
from .servers import SpeechServer

_REFUSED_ERRORS: Final = (errors.InvalidKeyError, errors.NotPermittedError)
_NO_LIST_ERRORS: Final = (
    errors.NotFoundError,
    errors.NotASpeechServerError,
    errors.RejectedError,
    errors.NotImplementedByProviderError,
)


@dataclass(frozen=True, slots=True)
class ServerLists:
    """The lists of a server."""

    catalog: ServerCatalog
    refusal: errors.SpeechError | None
    """The error of a list that needs another API key, or a key at all."""
    read_paths: tuple[str, ...]
    """Paths of the lists that the server sent."""

    @property
    def is_empty(self) -> bool:
        """Whether the server lists neither models nor voices."""
        return not any(self.catalog.values())


async def fetch_lists(client: HttpClient, server: SpeechServer, known: Json) -> ServerLists:
    """Fetch all lists of a server at once.

    A missing list is not an error. A list that fails for another reason is taken from the `known` catalog.

    Raises SpeechError if the server cannot be reached.
    """
    readers: dict[str, Callable[[Json], list[Json]]] = {
        **dict.fromkeys(server.key_checks, _read_nothing),
        **dict.fromkeys(server.voice_lists, _read_voices),
        **dict.fromkeys(server.model_lists, _read_models),
    }
    results = dict(
        zip(readers, await asyncio.gather(*(_fetch_rows(client, *one) for one in readers.items())), strict=True)
    )
    failures = {path: err for path, err in results.items() if isinstance(err, errors.SpeechError)}
    outages = {path: err for path, err in failures.items() if not isinstance(err, (*_REFUSED_ERRORS, *_NO_LIST_ERRORS))}
    if outages and len(outages) == len(results):
        raise next(iter(outages.values()))
    rows = {path: result for path, result in results.items() if isinstance(result, list)}

    def entries(kind: str, paths: tuple[str, ...], merge: Callable[[list[Json]], list[Json]]) -> list[Json]:
        previous: list[Json] = known.get(kind, []) if known else []
        if previous and not outages.keys().isdisjoint(paths):
            return previous
        return merge([row for path in paths for row in rows.get(path, ())])

    def read_entries() -> ServerCatalog:
        return {
            "models": entries("models", server.model_lists, merge_models),
            "voices": entries("voices", server.voice_lists, parse_voices),
        }

    catalog = await run_in_background(read_entries)
    refusals = [err for kind in _REFUSED_ERRORS for err in failures.values() if isinstance(err, kind)]
    return ServerLists(catalog, next(iter(refusals), None), tuple(rows))


async def _fetch_rows(
    client: HttpClient, path: str, read: Callable[[Json], list[Json]]
) -> list[Json] | errors.SpeechError:
    """Return what `read` finds in the list at a path, or the error."""
    url = URL(path)

    def read_list(document: Json) -> list[Json]:
        raise_key_error(document)
        return read(document)

    try:
        return await client.read_json(url.path, read_list, url.query)
    except errors.SpeechError as err:
        return err


async def refuses_wrong_key(client: HttpClient, paths: Iterable[str]) -> bool:
    """Return whether one of the lists at `paths` refuses a wrong key, which `client` sends."""
    for path in paths:
        if isinstance(await _fetch_rows(client, path, _accept_any), _REFUSED_ERRORS):
            return True
    return False


def raise_key_error(document: Json) -> None:
    """Raise an error if a document with status 200 reports that the API key is missing, invalid or not allowed."""
    error = error_for(200, find_error_codes(document))
    if isinstance(error, _REFUSED_ERRORS):
        raise error


def _accept_any(_document: Json) -> list[Json]:
    """Accept any document."""
    return []


def _read_nothing(document: Json) -> list[Json]:
    """Check that a document is a list."""
    find_rows(document)
    return []


def _read_voices(document: Json) -> list[Json]:
    """Return the entries of the voices in a list."""
    return parse_voices(find_rows(document))


def _read_models(document: Json) -> list[Json]:
    """Return the entries of the models in a list, each with whether it generates speech."""
    return parse_model_rows(find_rows(document))


@dataclass(frozen=True, slots=True)
class ModelList:
    """A list of models like OpenAI's."""

    ids: list[str]
    """IDs of the speech models."""
    end_dates: dict[str, str]
    has_openai_models: bool


def read_models(document: Json, *, is_official: bool) -> ModelList:
    """Return what a list like OpenAI's contains.

    Raises NotASpeechServerError if the document is not one, and the error about the API key that it may report.
    """
    raise_key_error(document)
    ids = parse_model_ids(document, is_official=is_official)
    return ModelList(ids, parse_end_dates(document), is_official or lists_openai_models(document))
