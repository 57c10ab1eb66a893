"""Find the end of markup that is too long to be looked at as a whole, such as a tag with a sound in base64.

Long markup has no effect. Its text is held back until its end arrives, because markup that never ends is text. What is
longer than MAX_HELD_CHARS is dropped as it arrives.
"""

from enum import Enum, auto
import re
from typing import Final, NamedTuple

from .lookahead import IncompleteInputError, InputBuffer

MAX_MARKUP_CHARS: Final = 2000
"""Maximum length of a tag, or of another part of the markup, that is looked at as a whole."""
MAX_HELD_CHARS: Final = 20_000
"""Maximum length of markup without an end that is text."""
_MAX_MARK_CHARS: Final = 100
_TAG_START: Final = r"<(?=[A-Za-z/!?])"


class MarkupKind(NamedTuple):
    """A kind of markup: what ends it, by the start of the part that is open in it.

    The groups of the patterns: `end` ends the markup; `other` cannot be part of it, so it has no end; `part` starts or
    ends a part of it, such as a value within quotation marks, in which nothing else ends the markup.
    """

    marks: dict[str, re.Pattern[str]]

    @classmethod
    def until(cls, end: str) -> MarkupKind:
        """Return a kind of markup that only its end can end."""
        return cls({"": re.compile(rf"(?P<end>{end})")})

    @classmethod
    def content_of(cls, element: str) -> MarkupKind:
        """Return a kind for an element with its content; the end of an element around it shows that it has no end."""
        return cls(
            {
                "": re.compile(
                    rf"(?i:(?P<end></{element}\s{{0,50}}>)|(?P<other></(?:speak|p|s|voice)\s{{0,50}}>))"
                    r"|(?P<part><!--|<!\[CDATA\[)"
                ),
                "<!--": re.compile("(?P<part>-->)"),
                "<![CDATA[": re.compile(r"(?P<part>\]\]>)"),
            }
        )


TAG: Final = MarkupKind(
    {
        "": re.compile(r"""(?P<end>>)|(?P<other><)|(?P<part>["'])"""),
        '"': re.compile(rf'(?P<part>")|(?P<other>{_TAG_START})'),
        "'": re.compile(rf"(?P<part>')|(?P<other>{_TAG_START})"),
    }
)
COMMENT: Final = MarkupKind.until("-->")
INSTRUCTION: Final = MarkupKind.until(r"\?>")
DOCUMENT_TYPE: Final = MarkupKind.until(">")
DOCUMENT_TYPE_WITH_SUBSET: Final = MarkupKind.until(r"\]\s{0,50}>")


class End(Enum):
    """How a part of long markup ends."""

    FOUND = auto()
    """With the mark that ends the markup."""
    MISSING = auto()
    """At other markup, or with the text: the markup never ends."""
    CONTINUED = auto()
    """Nowhere yet: the next part continues the markup."""


class LongMarkup:
    """Markup whose end is not in its first MAX_MARKUP_CHARS characters."""

    def __init__(self, kind: MarkupKind, start_chars: int = 0, element: str = "") -> None:
        """Initialize the markup at its start.

        `start_chars`: the number of characters that are not spoken even if the markup never ends; 0 for a tag.
        `element`: the element that a tag starts.
        """
        self.start_chars = start_chars
        self.element = element
        self._kind = kind
        self._part = ""
        """The start of the part that is open."""
        self._checked_chars = 1
        """Number of the next characters that do not end the markup."""
        self._is_dropped = False

    def measure(self, buffer: InputBuffer) -> tuple[int, End]:
        """Return the length of the next part of the markup, and how it ends.

        Raises IncompleteInputError if following text decides.
        """
        while mark := buffer.find(self._kind.marks[self._part], self._checked_chars):
            name, start, text = mark
            if name == "end":
                return start + len(text), End.FOUND
            if name == "other":
                return start, self._end_without_mark(start)
            self._part = "" if self._part else text
            self._checked_chars = start + len(text)
        length = buffer.available_chars
        if buffer.is_complete:
            return length, self._end_without_mark(length)
        checked_chars = self._checked_chars = max(self._checked_chars, length - _MAX_MARK_CHARS)
        if checked_chars < (1 if self._is_dropped else MAX_HELD_CHARS):
            raise IncompleteInputError
        self._is_dropped = True
        self._checked_chars = 0
        return checked_chars, End.CONTINUED

    def _end_without_mark(self, length: int) -> End:
        return End.FOUND if self._is_dropped or length >= MAX_HELD_CHARS else End.MISSING


class LongMarkupError(Exception):
    """Markup does not end within MAX_MARKUP_CHARS characters."""

    def __init__(self, markup: LongMarkup) -> None:
        """Initialize the error."""
        super().__init__()
        self.markup = markup
