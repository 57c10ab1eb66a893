"""Scripted deviations of Realtime responses: other text, other endings, faults, and transcripts spelled differently."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
import re
from typing import Literal

from ..faults import Script

type Junk = Literal["text", "list", "binary", "base64", "unknown", "error"]
type TranscriptPlace = Literal["delta", "transcript", "part", "item", "response"]
type Reason = Literal["max_output_tokens", "content_filter"]

CHAT = "Sure! What a lovely question, let me tell you what I think about it."
REFUSAL = "I'm sorry, I can't help with that."


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """The `type`, `code` and message of an error, in an `error` event or a failed response."""

    kind: str
    code: str | None
    message: str = "The server had an error while processing your request."


SERVER_ERROR = ErrorDetails("server_error", None)
RATE_LIMIT = ErrorDetails(
    "tokens", "rate_limit_exceeded", "Rate limit reached for gpt-realtime. Please try again in 1.2s."
)
NO_QUOTA = ErrorDetails("insufficient_quota", "insufficient_quota", "You exceeded your current quota.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedResponse:
    """A scripted response. All deviations that are set apply.

    Matching responses:
        contains: contained in the text to be read
        times: number of matching responses; inf for all

    Speech:
        says: speak and transcribe this text instead, such as CHAT or REFUSAL
        words: stop after that many words
        transcript: converts the spoken text into the transcript; see `contracted` and the functions after it
        transcript_in: send the transcript only in these events; None sends it in all, as OpenAI does

    Ending:
        reason: incomplete for this reason, after `words` or half of the words
        failure: failed with this error, after `words` or none
        error: send an `error` event with the id of the requesting event instead of a response

    During the audio (positions in bytes before encoding):
        junk, junk_after: send between two chunks of audio: a text frame that is not JSON, JSON that is not an event, a
            binary frame, audio that is not base64, an undocumented event, or an unrelated `error` event. OpenAI should
            never send the first four.
        stall_after: send nothing more of this response
        cut_after: close the connection without the closing handshake; a number below 1 is a share of the audio
    """

    contains: str = ""
    times: float = 1
    says: str | None = None
    words: int | None = None
    transcript: Callable[[str], str] | None = None
    transcript_in: tuple[TranscriptPlace, ...] | None = None
    reason: Reason | None = None
    failure: ErrorDetails | None = None
    error: ErrorDetails | None = None
    junk: Junk | None = None
    junk_after: int = 0
    stall_after: int | None = None
    cut_after: float | None = None

    def spoken_text(self, text: str) -> str:
        """Return what is spoken instead of a text."""
        spoken = text if self.says is None else self.says
        count = self.words
        if count is None and self.failure is not None:
            count = 0
        elif count is None and self.reason is not None:
            count = len(spoken.split()) // 2
        return spoken if count is None else "".join(re.findall(r"\s*\S+", spoken)[:count])

    def states_transcript(self, place: TranscriptPlace) -> bool:
        """Return whether a kind of event contains the transcript."""
        return self.transcript_in is None or place in self.transcript_in

    def transcribe(self, spoken: str) -> str:
        """Return the transcript of a spoken text."""
        return spoken if self.transcript is None else self.transcript(spoken)


NO_DEVIATION = ScriptedResponse(times=0)


class ResponseScript(Script[ScriptedResponse]):
    """The pending scripted responses."""

    def take(self, text: str) -> ScriptedResponse:
        """Consume and return the first scripted response for a text, or NO_DEVIATION."""
        return self.take_first(lambda scripted: scripted.contains in text) or NO_DEVIATION


# Transcripts with the same words, spelled differently


def contracted(text: str) -> str:
    """Replace "it is" by "it's", and the like."""
    for long, short in _CONTRACTIONS.items():
        text = re.sub(rf"\b(?i:{long})\b", partial(_match_case, short), text)
    return text


def expanded(text: str) -> str:
    """Replace "it's" by "it is", and the like."""
    for long, short in _CONTRACTIONS.items():
        text = re.sub(rf"\b(?i:{short})\b", partial(_match_case, long), text)
    return text


def numbers_in_words(text: str) -> str:
    """Write out the numbers up to 99."""
    return re.sub(r"(?<![\d.,:])\d{1,2}(?![\d:]|[.,]\d)", lambda match: _number_in_words(int(match.group())), text)


def lower(text: str) -> str:
    """Convert to lower case."""
    return text.lower()


def unpunctuated(text: str) -> str:
    """Remove commas, full stops, dashes and quotation marks."""
    return " ".join(re.sub(r"[.,;:!?…—–\"“”„«»()]+", " ", text).split())  # noqa: RUF001


def typeset(text: str) -> str:
    """Use typographic apostrophes and quotation marks, and dashes for hyphens between spaces."""
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
_BELOW_TWENTY = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def _match_case(replacement: str, match: re.Match[str]) -> str:
    """Return the replacement, capitalized if the match is."""
    return replacement[0].upper() + replacement[1:] if match.group()[0].isupper() else replacement


def _number_in_words(number: int) -> str:
    if number < len(_BELOW_TWENTY):
        return _BELOW_TWENTY[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_BELOW_TWENTY[ones]}" if ones else "")
