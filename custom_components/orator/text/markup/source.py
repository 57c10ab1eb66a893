"""The text that is still to be read, as it comes."""


class Source:
    """Holds what has come and was not read yet, and a little of what was."""

    def __init__(self) -> None:
        """Begin a text."""
        self.text = ""
        self.at = 0
        self.is_ended = False
        self._cut = 0

    def add(self, delta: str) -> None:
        """Append what has come."""
        start = max(0, self.at - 2)
        self.text = self.text[start:] + delta
        self.at -= start
        self._cut += start

    @property
    def is_empty(self) -> bool:
        """Whether everything has been read."""
        return self.at >= len(self.text)

    @property
    def position(self) -> int:
        """Where the next character stands in the whole text."""
        return self._cut + self.at

    @property
    def before(self) -> str:
        """The character before the next one; a new line at the beginning."""
        return self.text[self.at - 1] if self.at else "\n"

    def peek(self, limit: int) -> tuple[str, bool]:
        """Return what comes next, up to a limit, and whether it is all there is to know: up to the limit or the end.

        A rule that decides from this alone, and never otherwise when more follows, does not depend on the division.
        """
        window = self.text[self.at : self.at + limit]
        return window, self.is_ended or len(window) == limit
