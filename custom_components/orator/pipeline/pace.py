"""Measure how fast a voice speaks, and find the sentence of a text that its audio has reached."""

from collections import deque
import re
from typing import Final

from ..text import SentenceSplitter
from .chunker import SYLLABIC

_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_LETTERS_PER_SYLLABLE: Final = 3
_LETTERS_PER_DIGIT: Final = 4
"""Digits are spoken as words: 2026 takes as long as "twenty twenty-six"."""

_SLOWEST_LETTERS_PER_S: Final = 9.0
"""Pace assumed before any measurement, for the audio that was heard: most voices speak 12 to 18 letters a second."""
_FASTEST_LETTERS_PER_S: Final = 60.0
"""Pace that no voice reaches at normal speed; faster audio does not contain its text."""
_TRIMMED_S: Final = 0.2
"""Duration that short audio may lack at that pace, because servers trim silence."""
_UNUSUAL_FACTOR: Final = 2.0
"""Factor by which audio is faster than a voice has ever been if words are missing."""
_MIN_UNUSUAL_LETTERS: Final = 60
"""Letters of a text from which the pace of its audio is compared with the voice's usual pace."""
_MIN_UNUSUAL_SAMPLES: Final = 3
_MAX_EXTRA_S: Final = 30.0
_ENDLESS_LETTERS_PER_S: Final = 1.5
"""Pace, apart from `_MAX_EXTRA_S`, below which audio has no end: a tenth of the usual pace."""

_MIN_SAMPLE_LETTERS: Final = 30
"""Letters of a text from which its audio is a measurement: shorter audio is mostly pauses."""
_MAX_SAMPLES: Final = 8
_MEASURED_SHARE: Final = 0.92
"""Share of the letters that audio contains for certain at a measured pace: the pace varies within a text."""
_MEASURED_DELAY_S: Final = 0.25
"""Silence that may precede the first word."""


def count_letters(text: str) -> int:
    """Return the number of letters and spaces with which a text is spoken.

    Digits and characters that are syllables count as several letters, punctuation as a space.
    """
    words = _BETWEEN_WORDS.sub(" ", text)
    syllables = sum(map(len, SYLLABIC.findall(words)))
    digits = sum(map(str.isdigit, words))
    return len(words) + (_LETTERS_PER_SYLLABLE - 1) * syllables + (_LETTERS_PER_DIGIT - 1) * digits


def find_sentence(text: str, letters: float) -> int:
    """Return where the sentence starts that follows so many letters, or contains the letter after them."""
    splitter = SentenceSplitter()
    start = position = 0
    for sentence in [*splitter.feed(text), *splitter.finish()]:
        if letters < 0:
            break
        start = position
        position += len(sentence)
        letters -= count_letters(sentence)
    return start


class VoicePace:
    """The pace of a voice at one speed, measured in letters per second of its past audio."""

    def __init__(self, speed: float = 1.0) -> None:
        """Initialize the pace without measurements; `speed` is the setting of the voice, 1.0 if it is normal."""
        self._speed = speed
        self._samples: deque[float] = deque(maxlen=_MAX_SAMPLES)

    @property
    def is_known(self) -> bool:
        """Whether the pace was measured."""
        return bool(self._samples)

    def add(self, letters: int, seconds: float) -> None:
        """Add the complete audio of a text to the measurements."""
        if letters >= _MIN_SAMPLE_LETTERS and seconds > 0:
            self._samples.append(letters / seconds)

    def min_letters(self, seconds: float) -> float:
        """Return the number of letters that audio contains for certain."""
        if not self._samples:
            return seconds * _SLOWEST_LETTERS_PER_S * min(1.0, self._speed)
        slow = sorted(self._samples)[len(self._samples) // 4]
        return max(0.0, seconds - _MEASURED_DELAY_S) * slow * _MEASURED_SHARE

    def is_too_short(self, letters: int, seconds: float) -> bool:
        """Return whether words of a text must be missing in its audio."""
        if letters > _FASTEST_LETTERS_PER_S * max(1.0, self._speed) * (seconds + _TRIMMED_S):
            return True
        if letters < _MIN_UNUSUAL_LETTERS or len(self._samples) < _MIN_UNUSUAL_SAMPLES:
            return False
        return letters > _UNUSUAL_FACTOR * max(self._samples) * seconds

    def max_seconds(self, letters: int) -> float:
        """Return the duration beyond which audio is not that of a text."""
        return _MAX_EXTRA_S + letters / (_ENDLESS_LETTERS_PER_S * min(1.0, self._speed))
