"""Classification of the audio of a message that may be interrupted or finished by a fallback."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from homeassistant.exceptions import HomeAssistantError
import miniaudio

from custom_components.orator.const import DOMAIN
from tests.ha.faults.verification import decode_served_audio
from tests.support.audio import RATE
from tests.support.word_decoder import codes_of, heard_words


class Result(StrEnum):
    """The result of comparing the audio of a message with its text."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted, with error"
    SILENT = "silent"
    GARBLED = "garbled"
    REPEATED = "repeated"
    LOST = "words lost without error"


ACCEPTABLE: Final = frozenset({Result.COMPLETE, Result.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Classification:
    """The result of a message, and the number of voices that spoke it."""

    result: Result
    voices: int


def classify(text: str, audio: bytes, error: Exception | None) -> Classification:
    """Compare audio with the text of a message in which no word occurs twice."""
    try:
        words = heard_words(decode_served_audio(audio).samples, RATE) if audio else []
    except miniaudio.DecodeError, ValueError:
        return Classification(Result.GARBLED, 0)
    voices = len({word.voice for word in words if word.voice is not None})
    has_error = isinstance(error, HomeAssistantError) and error.translation_domain == DOMAIN
    return Classification(_compare(codes_of(text), [word.code for word in words], has_error=has_error), voices)


def _compare(expected: list[int], heard: list[int | None], *, has_error: bool) -> Result:
    known = [code for code in heard if code is not None]
    if not known:
        return Result.SILENT
    if heard == expected:
        return Result.COMPLETE
    if len(set(known)) < len(known):
        return Result.REPEATED
    fragments = len(heard) - len(known)
    if fragments > 1 or not _is_subsequence(known, expected) or (fragments and not has_error):
        return Result.GARBLED
    return Result.INTERRUPTED if has_error else Result.LOST


def _is_subsequence(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Return whether all elements of `part` are in `whole`, in the same order."""
    remaining = iter(whole)
    return all(element in remaining for element in part)
