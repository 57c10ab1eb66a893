"""What can become of an answer of OpenAI's Realtime API: a model that talks instead of reading, and everything else."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
import re
from typing import Literal

type Junk = Literal["text", "list", "binary", "base64", "unknown", "error"]
type Reason = Literal["max_output_tokens", "content_filter"]

CHAT = "Sure! What a lovely question, let me tell you what I think about it."
REFUSAL = "I'm sorry, I can't help with that."


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error's `type`, `code` and words, as they stand in an `error` event or in a failed answer."""

    kind: str
    code: str | None
    message: str = "The server had an error while processing your request."


SERVER_ERROR = Trouble("server_error", None)
RATE_LIMIT = Trouble("tokens", "rate_limit_exceeded", "Rate limit reached for gpt-realtime. Please try again in 1.2s.")
NO_QUOTA = Trouble("insufficient_quota", "insufficient_quota", "You exceeded your current quota.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One way for an answer to be other than it should. All that is set takes place.

    Which answers: `times` of those that should read a text with `of` in it, in order; inf for all of them.

    What is said:
        says: what is spoken and transcribed instead of the text, such as CHAT or REFUSAL
        words: so many of its words are spoken and transcribed, then the voice stops as if that were all
        transcript: what the transcript says of it, if not the same; see `contracted` and the others below

    How it ends, if not completed:
        reason: incomplete for this reason, after `words`, or half of the words
        failure: failed with this error, after `words`, or none
        error: there is an `error` event instead of an answer, with the id of the event that asked for it

    On the way (bytes of audio are counted before they are wrapped):
        junk, junk_after: between two pieces of audio comes a text frame that is no JSON, JSON that is no event, a
            binary frame, audio that is not base64, an event that is not documented, or an `error` event that has
            nothing to do with the answer. All but the last two are not what OpenAI should ever send.
        stall_after: after that many bytes nothing more comes of this answer
        cut_after: after that many bytes the connection is closed without the closing handshake
    """

    of: str = ""
    times: float = 1
    says: str | None = None
    words: int | None = None
    transcript: Callable[[str], str] | None = None
    reason: Reason | None = None
    failure: Trouble | None = None
    error: Trouble | None = None
    junk: Junk | None = None
    junk_after: int = 0
    stall_after: int | None = None
    cut_after: int | None = None

    def spoken(self, text: str) -> str:
        """Return what is said in the place of a text."""
        said = text if self.says is None else self.says
        count = self.words
        if count is None and self.failure is not None:
            count = 0
        elif count is None and self.reason is not None:
            count = len(said.split()) // 2
        return said if count is None else "".join(re.findall(r"\s*\S+", said)[:count])

    def transcribed(self, spoken: str) -> str:
        """Return what the transcript tells of what is said."""
        return spoken if self.transcript is None else self.transcript(spoken)


NO_FATE = Fate(times=0)


class Fates:
    """The fates still to come."""

    def __init__(self) -> None:
        """Start without any."""
        self._pending: list[tuple[Fate, float]] = []

    def add(self, fate: Fate) -> None:
        """Queue a fate behind those already queued."""
        if fate.times > 0:
            self._pending.append((fate, fate.times))

    def take(self, text: str) -> Fate:
        """Consume and return the first fate meant for a text, or NO_FATE."""
        for index, (fate, left) in enumerate(self._pending):
            if fate.of in text:
                self._pending[index : index + 1] = [(fate, left - 1)] if left > 1 else []
                return fate
        return NO_FATE

    def clear(self) -> None:
        """Forget what has not happened yet."""
        self._pending.clear()


# Transcripts that say the same in other letters


def contracted(text: str) -> str:
    """Return a text with "it's" for "it is", and the like."""
    for long, short in _CONTRACTIONS.items():
        text = re.sub(rf"\b(?i:{long})\b", partial(_cased, short), text)
    return text


def expanded(text: str) -> str:
    """Return a text with "it is" for "it's", and the like."""
    for long, short in _CONTRACTIONS.items():
        text = re.sub(rf"\b(?i:{short})\b", partial(_cased, long), text)
    return text


def numbers_in_words(text: str) -> str:
    """Return a text with the numbers up to 99 written out."""
    return re.sub(r"(?<![\d.,:])\d{1,2}(?![\d:]|[.,]\d)", lambda found: _in_words(int(found.group())), text)


def lower(text: str) -> str:
    """Return a text without capitals."""
    return text.lower()


def unpunctuated(text: str) -> str:
    """Return a text without its commas, full stops, dashes and quotation marks."""
    return " ".join(re.sub(r"[.,;:!?…—–\"“”„«»()]+", " ", text).split())  # noqa: RUF001


def typeset(text: str) -> str:
    """Return a text with round apostrophes and quotation marks, and dashes for hyphens between spaces."""
    quotes = re.sub(r'"([^"]*)"', "\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}", text)
    return quotes.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").replace(" - ", " \N{EM DASH} ")


_CONTRACTIONS = {
    "it is": "it's",
    "that is": "that's",
    "there is": "there's",
    "I am": "I'm",
    "you are": "you're",
    "we are": "we're",
    "they are": "they're",
    "do not": "don't",
    "does not": "doesn't",
    "is not": "isn't",
    "cannot": "can't",
    "will not": "won't",
    "I will": "I'll",
    "let us": "let's",
}
_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def _cased(text: str, found: re.Match[str]) -> str:
    """Return a text, with a capital where what it stands for had one."""
    return text[0].upper() + text[1:] if found.group()[0].isupper() else text


def _in_words(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")
