"""Emphasis with asterisks and underscores, unlike those that are text."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from typing import Final

from .characters import is_space, is_spaced_letter, is_unspaced_letter

_BEFORE_NAME: Final = frozenset("@/.:-&=+$%#^")
"""Text before an underscore that is part of a name or an address, not emphasis."""
_OPERAND_ENDS: Final = frozenset(")]}%")
"""Text before an asterisk that is a multiplication sign."""
_EMPHASIS_STARTS: Final = frozenset("\"'“‘«¿¡([{<*_~`!&#@$€£¥+-\\「『（【‚„")


class Emphasis:
    """Open emphasis in a block.

    Marks are distinguished from asterisks and underscores that are text: 3 * 4, 2*3*4, snake_case, 5*.
    """

    def __init__(self) -> None:
        """Initialize the emphasis without marks."""
        self._open: set[str] = set()

    def clear(self) -> None:
        """Forget the open marks."""
        self._open.clear()

    def toggle(self, run: str, previous: str, following: str) -> bool:
        """Open or close emphasis; return False if the run of marks is text."""
        if is_space(previous) and is_space(following):
            return len(run) == 2 and "\n" in (previous, following or "\n")  # alone in a line, or at its end
        if previous.isdigit() and following.isdigit():
            return False
        marks = {run} if len(run) < 3 else {run[0], run[0] * 2}
        is_in_word = previous.isalnum() and following.isalnum()
        if marks & self._open and not is_space(previous) and not (run[0] == "_" and is_in_word):
            self._open -= marks
            return True
        if is_space(following) or not self._can_open(run, previous, following, is_in_word=is_in_word):
            return len(run) == 2 and is_space(following)  # the rest of a pair
        self._open |= marks
        return True

    @staticmethod
    def _can_open(run: str, previous: str, following: str, *, is_in_word: bool) -> bool:
        if run[0] == "_":
            is_before_text = following.isalnum() or following in _EMPHASIS_STARTS
            return is_before_text and not previous.isalnum() and previous not in _BEFORE_NAME
        if is_unspaced_letter(previous) or is_unspaced_letter(following):
            return True
        if is_in_word:
            return len(run) > 1 and previous.isalpha() and following.isalpha()
        return not is_spaced_letter(previous) and previous not in _OPERAND_ENDS
