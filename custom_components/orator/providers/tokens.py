"""The limits of OpenAI's models, which count characters and tokens; others offer the same models."""

from math import ceil
import re
from typing import Final

MAX_CHARS: Final = 4096
_MAX_TOKENS: Final = 2000
"""Limit of gpt-4o-mini-tts beside the characters, from its page in OpenAI's list of models."""
_TOKENS_PER_LATIN_CHAR: Final = 0.4
_TOKENS_PER_OTHER_CHAR: Final = 1.1
"""More than texts need, so that no request is over the limit: a token is about four letters of English."""

_LATIN: Final = re.compile(r"[\x00-\u024f]+")


def count_chars_or_tokens(text: str) -> int:
    """Count characters, or tokens in the same measure where a script needs so many that they run out first."""
    others = len(_LATIN.sub("", text))
    tokens = (len(text) - others) * _TOKENS_PER_LATIN_CHAR + others * _TOKENS_PER_OTHER_CHAR
    return max(len(text), ceil(tokens * MAX_CHARS / _MAX_TOKENS))
