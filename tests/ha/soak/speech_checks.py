"""What was heard of a text that may have been spoken by two, and in which something may have broken off."""

from dataclasses import dataclass
from typing import Literal

from homeassistant.exceptions import HomeAssistantError
import miniaudio

from custom_components.orator.const import DOMAIN
from tests.ha.faults.checks import sound_of
from tests.support.audio import RATE
from tests.support.word_decoder import codes_of, heard_words

type Outcome = Literal["whole", "broken off and told", "silent", "garbled", "repeated", "lost and not told"]

FINE: frozenset[Outcome] = frozenset({"whole", "broken off and told"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of an utterance, and how many have said it."""

    outcome: Outcome
    speakers: int


def judged(text: str, audio: bytes, error: Exception | None) -> Judgement:
    """Judge what was heard of a text."""
    try:
        words = heard_words(sound_of(audio).samples, RATE) if audio else []
    except miniaudio.DecodeError, ValueError:
        return Judgement("garbled", 0)
    codes = [word.code for word in words]
    speakers = len({word.voice for word in words if word.voice is not None})
    is_told = isinstance(error, HomeAssistantError) and error.translation_domain == DOMAIN
    expected: list[int | None] = [*codes_of(text)]
    known = [code for code in codes if code is not None]
    if not known:
        return Judgement("silent", speakers)
    if codes == expected:
        return Judgement("whole", speakers)
    if len(set(known)) < len(known):
        return Judgement("repeated", speakers)
    if len(codes) - len(known) > 1 or not _is_in_order(known, expected) or (len(codes) > len(known) and not is_told):
        return Judgement("garbled", speakers)
    return Judgement("broken off and told" if is_told else "lost and not told", speakers)


def _is_in_order(heard: list[int], expected: list[int | None]) -> bool:
    """Tell whether words were heard in the order in which they were written, whichever are missing."""
    ahead = iter(expected)
    return all(code in ahead for code in heard)
