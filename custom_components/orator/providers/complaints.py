"""Which fields of a request a refusal names: every framework has its own way to do so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import re
from typing import Any, Final

_UNRECOGNIZED: Final = re.compile(r"unrecogni[sz]ed key(?:s|\(s\))?(?: in object)?:?\s*([\w\s,'\"`]+)", re.IGNORECASE)
_UNWANTED: Final = re.compile(
    r"extra_forbidden|extra (inputs|fields)|unrecogni[sz]ed|unknown|unexpected|unsupported|no such"
    r"|not (be )?(supported|permitted|allowed|recogni[sz]ed|accepted|implemented|available)"
    r"|(do(es)? not|do(es)?n't|cannot|can't) (support|accept|take|allow|know|recogni[sz]e)",
    re.IGNORECASE,
)
"""How a server says of a field that it does not take it at all; of a value it says what it must be."""
_OF_A_VALUE: Final = re.compile(r"\b(must be|should be|between|at (least|most)|one of|range)\b", re.IGNORECASE)
_WORD: Final = re.compile(r"\w+")
_PLACES: Final = ("loc", "path", "param")
"""Where FastAPI, extensions of RFC 7807 and OpenAI name the field that they complain of."""
_TEXTS: Final = ("detail", "message", "msg", "error", "details", "type")
_PARTS: Final = ("validation", "errors", *_TEXTS)
_DEPTH: Final = 5


@dataclass(frozen=True, slots=True)
class Complaint:
    """Fields that a refusal names together, and whether it says that the server does not take them at all."""

    fields: frozenset[str]
    is_unwanted: bool


def complaints_in(document: Any, doubtful: frozenset[str], depth: int = _DEPTH) -> Iterator[Complaint]:
    """Yield what an error document complains of; a sentence that has a `doubtful` field in it is about that."""
    if isinstance(document, list) and depth:
        for part in document:
            yield from complaints_in(part, doubtful, depth - 1)
    elif isinstance(document, dict) and depth:
        texts = [document[key] for key in _TEXTS if isinstance(document.get(key), str)]
        if fields := {*_placed(document), *_mentioned(texts, doubtful)}:
            is_unwanted = any(_UNWANTED.search(text) and not _OF_A_VALUE.search(text) for text in texts)
            yield Complaint(frozenset(fields), is_unwanted)
        for key in _PARTS:
            yield from complaints_in(document.get(key), doubtful, depth - 1)


def _placed(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields that an object says it is about."""
    for place in map(document.get, _PLACES):
        for part in place if isinstance(place, list) else [place]:
            yield from _WORD.findall(part) if isinstance(part, str) else ()


def _mentioned(texts: list[str], doubtful: frozenset[str]) -> Iterator[str]:
    """Yield the fields that sentences mention."""
    for text in texts:
        yield from doubtful.intersection(_WORD.findall(text))
        yield from (name for names in _UNRECOGNIZED.findall(text) for name in _WORD.findall(names))
