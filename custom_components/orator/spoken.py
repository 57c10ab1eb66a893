"""Who is heard: every voice that speaks notes itself for whoever has had it speak. No Home Assistant here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_VOICES: Final[ContextVar[list[str] | None]] = ContextVar("orator_voices", default=None)
"""The voices that were heard: tasks that speak inherit the list from the one that has them speak."""


@contextmanager
def noted_voices() -> Iterator[list[str]]:
    """Give a list for the entities that are heard with what is begun to be spoken within the context.

    What comes out of Home Assistant's cache is spoken by nobody.
    """
    voices: list[str] = []
    token = _VOICES.set(voices)
    try:
        yield voices
    finally:
        _VOICES.reset(token)


def note_voice(entity_id: str) -> None:
    """Take note that an entity is heard."""
    voices = _VOICES.get()
    if voices is not None and entity_id not in voices:
        voices.append(entity_id)
