"""Remove the API key and the text from the details of errors, which a hostile server can choose."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
import logging
import re
from traceback import format_tb
from typing import Final
import unicodedata
from urllib.parse import unquote

from .error_responses import KNOWN_CODES
from .errors import SpeechError

_MIN_KEY_PART_CHARS: Final = 6
"""Length of a part of the key that must not be shown; a shorter key is compared with whole words."""
_MIN_WORD_PART_CHARS: Final = 4
"""Length of a word that must not be shown, even as a part of another word; codes contain many shorter words."""
_CODE_WORDS: Final = frozenset(word for code in KNOWN_CODES for word in code.split("_"))
"""Words of documented codes, which other codes contain whatever the text is."""
_UNREVEALING: Final = KNOWN_CODES | {
    "application/json",
    "audio/pcm",
    "text/event-stream",
    "text/html",
    "text/plain",
    *("base64", "broken_answer", "cancelled", "job", "no_audio", "session_expired"),
}
"""Details that say nothing about the request: documented codes, usual media types and Orator's own codes."""
_WORD: Final = re.compile(r"[^\W_]+")
_PUNYCODE: Final = re.compile(r"xn--([a-z0-9-]+)", re.IGNORECASE)


@contextmanager
def redacted_errors(api_key: str, text: str = "", own_names: Collection[str] = ()) -> Iterator[None]:
    """Remove secrets from the errors raised within the context.

    `own_names`: the voice and the like, which may be shown although the text contains their words.
    """
    try:
        yield
    except SpeechError as err:
        if err.code and err.code not in _UNREVEALING and _reveals(err.code, api_key, text):
            err.code = None
        if err.subject and _reveals(err.subject, api_key, "" if err.subject in own_names else text):
            err.subject = ""
        raise


def _reveals(detail: str, api_key: str, text: str) -> bool:
    """Return whether a detail contains the key, a part of it or a word of the text, in any notation."""
    return any(_contains_key(form, api_key) or _contains_word(form, text) for form in _notations(detail))


def _notations(detail: str) -> Iterator[str]:
    """Yield a detail as it is, without percent-encoding, and with international host names decoded."""
    yield _fold(detail)
    yield _fold(unquote(unquote(detail)))
    yield _fold(_PUNYCODE.sub(_decode_punycode, detail))


def _decode_punycode(label: re.Match[str]) -> str:
    try:
        return label[1].encode().decode("punycode")
    except ValueError:
        return label[0]


def _contains_key(detail: str, api_key: str) -> bool:
    key, letters = _letters(_fold(api_key)), _letters(detail)
    if len(key) < _MIN_KEY_PART_CHARS:  # such as "x", which is part of most details
        return bool(key) and key in (letters, *_WORD.findall(detail))
    parts = (key[start : start + _MIN_KEY_PART_CHARS] for start in range(len(key) - _MIN_KEY_PART_CHARS + 1))
    return any(part in letters for part in parts)


def _contains_word(detail: str, text: str) -> bool:
    folded, letters = _fold(text), _letters(detail)
    words = {*_WORD.findall(folded)}
    foreign = {character for character in letters if not character.isascii()}
    detail_words = {*_WORD.findall(detail)}
    telling = {word for word in words - _CODE_WORDS if len(word) >= _MIN_WORD_PART_CHARS}
    return (
        any(word.isdigit() or word in telling for word in words & detail_words)
        or any(word in letters for word in telling)
        or (bool(detail_words) and detail_words <= words)
        or not foreign.isdisjoint(folded)  # scripts without spaces have no words to compare
    )


def _fold(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold()


def _letters(value: str) -> str:
    """Return the letters and digits of a value, since separators may be added to a secret."""
    return "".join(filter(str.isalnum, value))


def log_unexpected_error(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log the type of an unexpected error and where it was raised, without its message, which may contain the text."""
    logger.error("Unexpected %s: %s\n%s", type(error).__name__, what, "".join(format_tb(error.__traceback__)))
