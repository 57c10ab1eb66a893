"""Tags in brackets of models such as ElevenLabs v3, for example "[whispers]"."""

import re
from typing import Final

from .lookahead import IncompleteInputError, Window

_AUDIO_TAG: Final = re.compile(r"\[(?P<words>[A-Za-z][A-Za-z ,'’-]{0,39})\](?![(\[:])")  # noqa: RUF001
_AUDIO_TAG_START: Final = re.compile(r"\[(?:[A-Za-z][A-Za-z ,'’-]{0,39}\]?)?")  # noqa: RUF001
_SPACE_AND_AUDIO_TAG: Final = re.compile(rf" ?{_AUDIO_TAG.pattern}")
_AUDIO_TAG_WORDS: Final = re.compile(
    r"""\b(?:
    accent|angr(?:y|ily)|annoyed|anxious|appalled|applause|breathes|burps|calm(?:ly)?|cheer(?:ful|fully|ing)|
    chuckl(?:e|es|ing)|clapping|clears|cough(?:s|ing)|cr(?:ies|ying)|curious(?:ly)?|deadpan|delighted|disappointed|
    dramatic(?:ally)?|excited(?:ly)?|exhales|explosion|footsteps|frustrated|gasps?|gently|giggl(?:e|es|ing)|groans|
    gulps|gunshot|happ(?:y|ily)|hesitantly|hesitates|hums|impressed|inhales|laugh(?:s|ing|ter)?|loudly|
    mischievous(?:ly)?|moans|mumbles|murmurs|mutter(?:s|ing)|nervous(?:ly)?|pauses?|playful(?:ly)?|quietly|robotic|
    rushed|sad(?:ly)?|sarcas(?:m|tic|tically)|scared|scream(?:s|ing)?|serious(?:ly)?|shout(?:s|ing)|sigh(?:s|ing)?|
    sing(?:s|ing)|slowly|sniffles|sniffs|snorts|sob(?:s|bing)|softly|sorrowful|stammers|surprised|swallows|tired|
    warmly|wheezing|whisper(?:s|ing)?|woo|yawn(?:s|ing)|yell(?:s|ing)
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""Words of such tags: "[laughs harder]", "[clears throat]", "[strong French accent]"."""


def measure_audio_tag(window: Window) -> int:
    """Return the length of a tag at the start of a window, or 0 for other text.

    Raises IncompleteInputError if following text decides.
    """
    if not window.is_final and _AUDIO_TAG_START.fullmatch(window.text):
        raise IncompleteInputError
    match = _AUDIO_TAG.match(window.text)
    return match.end() if match and _is_tag(match["words"]) else 0


def remove_audio_tags(text: str) -> str:
    """Return a text without tags, for a voice that would speak them."""
    return _SPACE_AND_AUDIO_TAG.sub(lambda match: "" if _is_tag(match["words"]) else match.group(), text)


def _is_tag(words: str) -> bool:
    return _AUDIO_TAG_WORDS.search(words) is not None
