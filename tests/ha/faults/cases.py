"""Test cases of the fault matrix: one failure at one endpoint, in one situation."""

from collections.abc import Iterator
from dataclasses import dataclass
import os
from typing import Final, Literal

from .endpoints import Endpoint
from .failures import Failure, get_failures

type FailingChunk = Literal["first", "later"]
type MessageKind = Literal["reply", "announcement"]

_SITUATIONS: Final[tuple[tuple[FailingChunk, MessageKind, bool], ...]] = (
    ("first", "announcement", True),
    ("first", "reply", True),
    ("later", "reply", True),
    ("later", "announcement", True),
    ("first", "announcement", False),
    ("later", "reply", False),
)
"""Which chunk fails, in which kind of message, and whether the voice has a fallback."""
SHARE: Final = os.environ.get("ORATOR_FAULTS", "third")
"""Share of the situations; a sixth and the other sixth together are the third."""
_STRIDE, _START = {"full": (1, 0), "third": (3, 0), "sixth": (6, 0), "other sixth": (6, 3)}[SHARE]
"""Every failure is tried in one of so many situations; the next failure starts at the next situation."""
SENTENCES: Final = (
    "Alpha{} opens the long garden gate.",
    "Bravo{} waters all the tall roses.",
    "Charlie{} watches the birds up there.",
    "Delta{} brings some bread and cheese.",
    "Echo{} closes everything again at night.",
)
_FAILING_WORDS: Final = {"first": "Alpha{}", "later": "Delta{}"}
_LETTERS: Final = "bcdfghjklmnpqrst"


@dataclass(frozen=True, slots=True)
class Case:
    """A failure, an endpoint and a situation."""

    number: int
    endpoint: Endpoint
    failure: Failure
    failing_chunk: FailingChunk
    kind: MessageKind
    has_fallback: bool

    def __str__(self) -> str:
        """Return a description for messages of failing tests."""
        fallback = "with fallback" if self.has_fallback else "without fallback"
        return f"{self.endpoint.name}: {self.failure.name}, {self.failing_chunk} chunk, {self.kind}, {fallback}"

    @property
    def _suffix(self) -> str:
        """Letters that make the words of a realtime case unique: its responses are only known by their text."""
        if not self.endpoint.is_realtime:
            return ""
        return "".join(_LETTERS[int(digit)] for digit in str(self.number))

    @property
    def sentences(self) -> list[str]:
        """Sentences of the message."""
        return [sentence.format(self._suffix) for sentence in SENTENCES]

    @property
    def text(self) -> str:
        """Text of the message."""
        return " ".join(self.sentences)

    @property
    def failing_word(self) -> str:
        """Word in the chunk that fails."""
        return _FAILING_WORDS[self.failing_chunk].format(self._suffix)

    @property
    def uses_satellite(self) -> bool:
        """Whether the message is fetched as a satellite does."""
        return self.kind == "reply" and self.endpoint.has_satellite

    @property
    def host_name(self) -> str:
        """Host name of the case's account where the failure is an unknown name."""
        return f"case-{self.number}.local"


def create_cases(endpoint: Endpoint) -> list[Case]:
    """Return the cases of an endpoint: every failure, in all situations or in a share of them."""
    return [Case(number, endpoint, *case) for number, case in enumerate(_combine(endpoint))]


def _combine(endpoint: Endpoint) -> Iterator[tuple[Failure, FailingChunk, MessageKind, bool]]:
    for index, failure in enumerate(get_failures(endpoint)):
        situations = [situation for situation in _SITUATIONS if _is_possible(failure, *situation)]
        start = (index + _START) % min(_STRIDE, len(situations))
        for situation in situations[start::_STRIDE]:
            yield failure, *situation


def _is_possible(failure: Failure, chunk: FailingChunk, kind: MessageKind, has_fallback: bool) -> bool:  # noqa: FBT001
    """Return whether a situation exists: all chunks of an announcement are requested before any of it is played."""
    del has_fallback
    return not (failure.unreachable and chunk == "later" and kind == "announcement")
