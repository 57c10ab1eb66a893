"""The days on which OpenAI's models end, and who speaks for them from then on.

Facts: https://platform.openai.com/docs/deprecations, and `shutdown_date` in OpenAI's list of models.
"""

from collections.abc import Collection, Mapping
from datetime import date
import re
from typing import Final

from ..http import Json

# What OpenAI announced on 2026-10-01, for lists that do not tell.
_ANNOUNCED: Final = (
    (re.compile(r"tts-1(-hd)?(-\d+)?|gpt-4o-mini-tts(-.*)?"), date(2027, 1, 6)),
    (re.compile(r"gpt-realtime(-20\d\d-.*)?"), date(2027, 1, 20)),
)
SUCCESSOR: Final = "gpt-realtime-2.1-mini"
_NEAREST: Final[Mapping[str, str]] = {"fable": "ballad", "nova": "coral", "onyx": "ash"}
"""For each voice that realtime models lack the one of theirs that sounds most like it."""


def ends_in(document: Json) -> dict[str, str]:
    """Return the models of a list that are to end, and when, as ISO dates."""
    rows = document.get("data") if isinstance(document, dict) else None
    dated = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {str(row["id"]): str(row["shutdown_date"]) for row in dated if "id" in row and _date(row)}


def _date(row: Mapping[str, Json]) -> date | None:
    try:
        return date.fromisoformat(str(row.get("shutdown_date")))
    except ValueError:
        return None


def end_of(model_id: str, catalogue: Json, *, is_official: bool) -> date | None:
    """Return the day from which on there is no such model: the one that the list tells, or that OpenAI announced."""
    if told := (catalogue or {}).get("ends", {}).get(model_id):
        return date.fromisoformat(told)
    if not is_official:
        return None
    return next((day for pattern, day in _ANNOUNCED if pattern.fullmatch(model_id)), None)


def follower(realtime: Collection[str]) -> str | None:
    """Return which of some realtime models speaks for one that has ended."""
    return SUCCESSOR if SUCCESSOR in realtime else max(realtime, default=None)


def nearest_voice(voice: str) -> str:
    """Return the voice of a realtime model that sounds most like another one."""
    return _NEAREST.get(voice, voice)
