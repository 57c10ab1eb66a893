"""Measure how fast a voice speaks, and find the sentence of a text that its audio has reached."""

from collections import deque
from dataclasses import dataclass
import re
from typing import Final
import unicodedata

from ..text import SentenceSplitter, count_syllable_letters

_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_MARKUP: Final = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\b[a-z]+://\S+")
"""Parts of a text that may not be spoken: tags of SSML, instructions to the voice, and addresses."""
_ABBREVIATED_UNITS: Final = re.compile(
    r"(?<![^\W\d_])(?<!['\u2019])[b-df-hj-np-tv-xzµ]{1,4}(?![^\W\d_])", re.IGNORECASE
)
"""Units and abbreviations, which are spoken as words or spelled: "kWh", "Dr"."""
_LETTERS_PER_CONSONANT: Final = 6
_LETTERS_PER_SYMBOL: Final = 10
"""Symbols are spoken as words: "percent", "degrees"."""
_SPOKEN_SYMBOLS: Final = "%‰&@#*/²³"
"""Symbols that Unicode counts as punctuation or as digits."""
_LETTERS_PER_DIGIT: Final = 5
"""Digits are spoken as words: 2026 takes as long as "twenty twenty-six"."""
_MIN_PROSE_SHARE: Final = 0.75
"""Share of certain letters from which a text is prose rather than a list of measured values."""

_SLOWEST_LETTERS_PER_S: Final = 9.0
"""Pace assumed before any measurement, for the audio that was heard: most voices speak 12 to 18 letters a second."""
_FASTEST_USUAL_LETTERS_PER_S: Final = 18.0
"""Pace assumed before any measurement, for audio that may be complete."""
_FASTEST_PLAUSIBLE_LETTERS_PER_S: Final = 27.0
"""Pace assumed before any measurement, above which a third of the words may be missing."""
_FASTEST_LETTERS_PER_S: Final = 60.0
"""Pace that no voice reaches at normal speed; faster audio does not contain its text."""
_MIN_IMPOSSIBLE_LETTERS: Final = 100
"""Letters of a text from which the pace of its audio can be impossible."""
_TRIMMED_S: Final = 0.2
"""Duration that short audio may lack at that pace, because servers trim silence."""
_UNUSUAL_FACTOR: Final = 2.0
"""Factor by which audio is faster than a voice has ever been if words are missing."""
_MIN_UNUSUAL_LETTERS: Final = 60
"""Letters of a text from which the pace of its audio is compared with the voice's usual pace."""
_MIN_UNUSUAL_SAMPLES: Final = 3
"""Measurements from which a pace can be unusual, and unusual ones that are the new pace of the voice."""
_SAME_PACE_FACTOR: Final = 1.25
"""Largest ratio of measurements that show the same pace."""
_PLAUSIBLE_FACTOR: Final = 1.05
"""Factor by which complete audio may be faster than the fastest measurement."""
_MAX_EXTRA_S: Final = 30.0
"""Duration that any audio may have in addition to that at the slowest pace."""
_ENDLESS_LETTERS_PER_S: Final = 1.5
"""Pace, apart from `_MAX_EXTRA_S`, below which audio has no end: a tenth of the usual pace."""

_MIN_SAMPLE_LETTERS: Final = 30
"""Letters of a text from which its audio is a measurement: shorter audio is mostly pauses."""
_MAX_SAMPLES: Final = 8
_MEASURED_SHARE: Final = 0.92
"""Share of the letters that audio contains at a measured pace at least: the pace varies within a text."""
_VALUES_SHARE: Final = 0.85
"""The same for the measurement of a text that is not prose, whose letters are estimated."""
_MEASURED_DELAY_S: Final = 0.25
"""Silence that may precede the first word."""


@dataclass(frozen=True, slots=True)
class SpokenLength:
    """The length of a text as speech, in letters and spaces."""

    letters: int
    """Estimate, which is rather too high."""
    certain_letters: int
    """Letters that are certainly spoken."""

    @property
    def is_prose(self) -> bool:
        """Whether most of the text is words rather than values, symbols and markup."""
        return self.certain_letters >= _MIN_PROSE_SHARE * self.letters


def measure_speech(text: str) -> SpokenLength:
    """Return the length of a text as speech."""
    words = _BETWEEN_WORDS.sub(" ", _MARKUP.sub(" ", text))
    return SpokenLength(count_letters(text), len(words) + count_syllable_letters(words))


def count_letters(text: str) -> int:
    """Return the estimated number of letters and spaces with which a text is spoken.

    Digits, symbols, units and characters that are syllables count as several letters, punctuation as a space.
    """
    words = _BETWEEN_WORDS.sub(" ", text)
    letters = len(words) + count_syllable_letters(words)
    letters += (_LETTERS_PER_DIGIT - 1) * sum(map(str.isdecimal, words))
    symbols = sum(character in _SPOKEN_SYMBOLS or unicodedata.category(character)[0] == "S" for character in text)
    letters += _LETTERS_PER_SYMBOL * symbols
    return letters + (_LETTERS_PER_CONSONANT - 1) * sum(map(len, _ABBREVIATED_UNITS.findall(text)))


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


@dataclass(frozen=True, slots=True)
class _Sample:
    """Complete audio of a text."""

    length: SpokenLength
    seconds: float

    @property
    def letters_per_s(self) -> float:
        """Estimated pace."""
        return self.length.letters / self.seconds

    @property
    def min_letters_per_s(self) -> float:
        """Pace, reduced by the uncertainty of the estimate."""
        return self.letters_per_s * (1.0 if self.length.is_prose else _VALUES_SHARE)


class VoicePace:
    """The pace of a voice with its settings, measured in letters per second of its past audio."""

    def __init__(self, speed: float = 1.0, *, is_speed_known: bool = True) -> None:
        """Initialize the pace without measurements; `speed` is the setting of the voice, 1.0 if it is normal."""
        self._speed = speed
        self._is_speed_known = is_speed_known
        self._samples: deque[_Sample] = deque(maxlen=_MAX_SAMPLES)
        self._unusual: deque[_Sample] = deque(maxlen=_MIN_UNUSUAL_SAMPLES)

    @property
    def is_known(self) -> bool:
        """Whether the pace was measured."""
        return bool(self._samples)

    def add(self, length: SpokenLength, seconds: float) -> None:
        """Add the complete audio of a text to the measurements."""
        if length.letters >= _MIN_SAMPLE_LETTERS and seconds > 0:
            self._samples.append(_Sample(length, seconds))
            self._unusual.clear()

    def min_letters(self, seconds: float) -> float:
        """Return the number of letters that audio has reached at least, as far as is known."""
        if not self._samples:
            return seconds * _SLOWEST_LETTERS_PER_S * min(1.0, self._speed)
        slow = sorted(sample.min_letters_per_s for sample in self._samples)[len(self._samples) // 4]
        return max(0.0, seconds - _MEASURED_DELAY_S) * slow * _MEASURED_SHARE

    def may_be_complete(self, length: SpokenLength, seconds: float) -> bool:
        """Return whether audio is as long as that of the whole text."""
        fastest = max((sample.letters_per_s for sample in self._samples), default=0.0) * _PLAUSIBLE_FACTOR
        return length.letters <= seconds * (fastest or _FASTEST_USUAL_LETTERS_PER_S * max(1.0, self._speed))

    def is_plausible(self, length: SpokenLength, seconds: float) -> bool:
        """Return whether audio that ended without an error is likely to contain all words of the text."""
        if self._samples:
            return self.may_be_complete(length, seconds)
        return length.letters <= seconds * _FASTEST_PLAUSIBLE_LETTERS_PER_S * max(1.0, self._speed)

    def is_too_short(self, length: SpokenLength, seconds: float, *, is_last_attempt: bool = False) -> bool:
        """Return whether words of a text must be missing in its audio.

        Audio is too short if the voice has never been nearly as fast, unless it is as fast several times in a row, or
        twice if this is the last attempt.
        """
        letters = length.certain_letters
        if not self._is_speed_known:
            return False
        fastest = _FASTEST_LETTERS_PER_S * max(1.0, self._speed)
        if letters >= _MIN_IMPOSSIBLE_LETTERS and letters > fastest * (seconds + _TRIMMED_S):
            return True
        usual = [sample.letters_per_s for sample in self._samples if sample.length.is_prose]
        if not length.is_prose or letters < _MIN_UNUSUAL_LETTERS or len(usual) < _MIN_UNUSUAL_SAMPLES:
            return False
        return letters > _UNUSUAL_FACTOR * max(usual) * seconds and not self._is_new_pace(
            _Sample(length, seconds), 2 if is_last_attempt else _MIN_UNUSUAL_SAMPLES
        )

    def _is_new_pace(self, sample: _Sample, number: int) -> bool:
        """Add an unusual sample; return whether as many in a row are the same pace, which replaces the measured one."""
        self._unusual.append(sample)
        paces = [one.letters_per_s for one in self._unusual][-number:]
        if len(paces) < number or max(paces) > _SAME_PACE_FACTOR * min(paces):
            return False
        self._samples.clear()
        return True

    def max_seconds(self, length: SpokenLength) -> float:
        """Return the duration beyond which audio is not that of a text."""
        return _MAX_EXTRA_S + length.letters / (_ENDLESS_LETTERS_PER_S * min(1.0, self._speed))
