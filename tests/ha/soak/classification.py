"""Classification of the audio of a message that may be interrupted, resumed or finished by a fallback."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import dropwhile
import re
from typing import Final

from homeassistant.exceptions import HomeAssistantError
import miniaudio

from custom_components.orator.const import DOMAIN
from tests.ha.faults.repetitions import trace
from tests.ha.faults.verification import decode_served_audio
from tests.support.audio import RATE
from tests.support.word_decoder import HeardWord, heard_words


class Result(StrEnum):
    """The result of comparing the audio of a message with its text."""

    COMPLETE = "complete"
    RESUMED = "resumed at a sentence"
    INTERRUPTED = "interrupted, with error"
    SILENT = "silent"
    GARBLED = "garbled"
    REPEATED = "repeated"
    LOST = "words lost without error"


ACCEPTABLE: Final = frozenset({Result.COMPLETE, Result.RESUMED, Result.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Classification:
    """The result of a message, and the number of voices that spoke it."""

    result: Result
    voices: int


def classify(text: str, audio: bytes, error: Exception | None, *, has_chime: bool = False) -> Classification:
    """Compare audio with the text of a message in which no word occurs twice, and which a chime may precede."""
    try:
        words = heard_words(decode_served_audio(audio).samples, RATE) if audio else []
    except miniaudio.DecodeError, ValueError:
        return Classification(Result.GARBLED, 0)
    if has_chime:
        words = list(dropwhile(lambda word: word.code is None, words))
    voices = len({word.voice for word in words if word.voice is not None})
    has_error = isinstance(error, HomeAssistantError) and error.translation_domain == DOMAIN
    return Classification(_compare(text, words, has_error=has_error), voices)


def _compare(text: str, words: list[HeardWord], *, has_error: bool) -> Result:
    if all(word.code is None for word in words):
        return Result.SILENT
    playback = trace(re.findall(r"[^.]+\.", text), words)
    if playback.max_repeated > 1:
        return Result.REPEATED
    if playback.has_unknown:
        return Result.GARBLED
    if playback.gaps:
        return Result.INTERRUPTED if has_error else Result.LOST
    if playback.has_fragment and not (playback.has_resumed or has_error):
        return Result.GARBLED
    return Result.RESUMED if playback.has_resumed else Result.COMPLETE
