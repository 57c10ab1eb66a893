"""The parts of a text with markup: runs of text with a style, pauses and clips."""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class SpeechStyle:
    """How a run of text is spoken. A field with its default leaves the voice as it is set."""

    voice: str = ""
    """Entity id of a tts entity, or id of a voice of the same model, as the text names it."""
    language: str = ""
    """Language tag, such as "de" or "pt-BR"."""
    rate: float = 1.0
    """Factor of the speed, 0.25 to 4.0."""
    gain_db: float = 0.0
    """Gain in decibels, -60.0 to 12.0; minus infinity is silence as long as the words."""
    emphasis: str = ""
    """Level of emphasis: "strong", "moderate" or "reduced"."""
    expression: str = ""
    """Manner of speaking, such as "whispered" or "cheerful", in lower case with spaces between words."""
    pronunciation: str = ""
    """Pronunciation of the whole run in the International Phonetic Alphabet."""

    @property
    def of_sentence(self) -> SpeechStyle:
        """The style without emphasis and pronunciation, which words within one sentence may have."""
        return replace(self, emphasis="", pronunciation="") if self.emphasis or self.pronunciation else self


PLAIN: Final = SpeechStyle()
"""The style of text without markup."""


@dataclass(frozen=True, slots=True)
class StyledText:
    """A run of text in one style."""

    text: str
    style: SpeechStyle = PLAIN


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of an exact duration."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording that is played between words."""

    source: str
    """Media source id, path, URL or name of a chime, as the text names it."""
    fallback: str = ""
    """Text that is spoken if the recording cannot be played."""
    style: SpeechStyle = PLAIN
    """Style of the fallback."""
    gain_db: float = 0.0
    """Gain of the recording in decibels, -60.0 to 12.0, or minus infinity."""


type SpeechPart = StyledText | Pause | Clip

type SpeechMark = SpeechStyle | Pause | Clip
"""What markup adds between words: the style of the words that follow, a pause, or a clip."""
