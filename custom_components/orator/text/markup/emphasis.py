"""Tells marks of emphasis from asterisks and underscores that are text: 3 * 4, 2*3*4, snake_case, 5*."""

# ruff: noqa: RUF001 the marks of all scripts look like others

import re
from typing import Final

from ..characters import is_spaced_word, is_unspaced

_BEFORE_NAME: Final = frozenset("@/.:-&=+$%#^")
"""Before an underscore these begin a name or an address, not emphasis."""
_AFTER_OPERAND: Final = frozenset(")]}%")
"""After these an asterisk multiplies."""
_BEGIN_EMPHASIS: Final = frozenset("\"'“‘«¿¡([{<*_~`!&#@$€£¥+-\\「『（【‚„")

_NAME: Final = re.compile(r"_+[\w.+-]*@\w|__\w+__\.\w")
_NAME_START: Final = re.compile(r"_+[\w.+-]*@?\Z")


class Emphasis:
    """Knows which marks are open in a block."""

    def __init__(self) -> None:
        """Begin a block."""
        self._open: set[str] = set()

    def is_mark(self, run: str, before: str, after: str) -> bool:
        """Tell whether a run of asterisks or underscores opens or closes emphasis, and keep it in mind."""
        if _is_space(before) and _is_space(after):
            return len(run) == 2 and "\n" in (before, after or "\n")  # on a line of its own, or at the end of one
        if before.isdigit() and after.isdigit():
            return False
        parts = _parts(run)
        is_intraword = _is_word(before) and _is_word(after)
        if parts & self._open and not _is_space(before) and not (run[0] == "_" and is_intraword):
            self._open -= parts
            return True
        if _is_space(after) or not self._may_open(run, before, after, is_intraword=is_intraword):
            return len(run) == 2 and _is_space(after)  # what is left of a pair
        self._open |= parts
        return True

    @staticmethod
    def _may_open(run: str, before: str, after: str, *, is_intraword: bool) -> bool:
        if run[0] == "_":
            return not _is_word(before) and before not in _BEFORE_NAME and (after.isalnum() or after in _BEGIN_EMPHASIS)
        if is_unspaced(before) or is_unspaced(after):
            return True
        if is_intraword:
            return len(run) > 1 and before.isalpha() and after.isalpha()
        return not is_spaced_word(before) and before not in _AFTER_OPERAND


def read_name(window: str, *, is_all: bool) -> bool | None:
    """Tell whether underscores begin an e-mail address or a file's name; None when what follows decides."""
    if _NAME.match(window):
        return True
    return None if _NAME_START.match(window) and not is_all else False


def _parts(run: str) -> set[str]:
    """Return the marks a run consists of: one, two, or both for three and more."""
    return {run} if len(run) < 3 else {run[0], run[0] * 2}


def _is_word(character: str) -> bool:
    return character.isalnum()


def _is_space(character: str) -> bool:
    return not character or character.isspace()
