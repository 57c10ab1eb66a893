"""Reads Markdown and HTML on a stream, line by line, and says what a person would who reads it aloud.

Headings, items of lists and rows of tables become sentences; code is said as it is written, without its fences.
Words leave as soon as no markup can be made of them.
"""

# ruff: noqa: RUF001 the marks of all scripts look like others

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
import re
from typing import Final

from ..characters import EMOJI
from .inline import Inline
from .prose import Prose
from .source import Source

_LONGEST_START: Final = 300
"""Characters at the beginning of a line that are held while they may be markup."""

_LONGEST_OWN_LINE: Final = 60
"""Characters of a line that ends where its writer wanted it to; pages are wider."""
_HARD_BREAK: Final = "  "
"""Markdown's own mark for a line that ends here."""
_LABEL: Final = re.compile(r":[*_]*(?:\s|\Z)|：|(?<=[\u3040-\u9fff]):")

_RULE: Final = re.compile(r"[-*_=|: \t]+\Z")
_THEMATIC: Final = re.compile(r"([-*_=])(?:[ \t]*\1){2,}[ \t]*\Z")
_UNDERLINE: Final = re.compile(r"(?:=+|-+)[ \t]*\Z")
_HEADING: Final = re.compile(r"#{1,6}(?=[ \t]|\Z)")
_BULLET: Final = re.compile(r"(?:[-*+•‣◦▪●○∙·](?=[ \t]|\Z)|•)")
_TASK: Final = re.compile(r"\[[ xX]\](?=[ \t]|\Z)")
_TASK_START: Final = re.compile(r"\[(?:[ xX]\]?)?\Z")
_NUMBER: Final = re.compile(r"(\d{1,9})[.)](?=[ \t]|\Z)")
_NUMBER_START: Final = re.compile(r"\d(?:\d{0,8}[.)]?|\ufe0f)\Z")
_KEY: Final = re.compile(r"\d\ufe0f?\u20e3")
_EMOJI: Final = re.compile(f"[{EMOJI}]")
_FENCE: Final = re.compile(r"(`{3,})[^`]{0,100}\Z|(~{3,})[^~]{0,100}\Z")
_FENCE_START: Final = re.compile(r"`{1,2}\Z|~{1,2}\Z")
_NOTE: Final = re.compile(r"\[\^[^\[\]\s]{1,60}\]:")
_NOTE_START: Final = re.compile(r"\[(?:\^[^\[\]\s]{0,60}\]?)?\Z")
_DEFINITION: Final = re.compile(
    r"""\[[^\[\]]{1,100}\]:[ \t]*"""
    r"""(?:<[^<>]*>|(?:[A-Za-z][A-Za-z0-9+.-]+:[/\w]|[/#]|\.{1,2}/|(?:\w[\w-]*\.)+[A-Za-z]{2,})\S*)"""
    r"""(?:[ \t]+(?:"[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*\Z"""
)
_DEFINITION_START: Final = re.compile(
    r"""\[[^\[\]]{0,100}(?:\](?::[ \t]*(?:\S*|\S+[ \t]+(?:"[^"]*"?|'[^']*'?|\([^()]*\)?)?[ \t]*))?)?\Z"""
)


class _Kind(Enum):
    PLAIN = auto()
    ITEM = auto()
    HEADING = auto()
    ROW = auto()
    CODE = auto()


_UNDECIDED: Final = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """The text of a line as far as it is known, without what stands before it."""

    body: str
    newline: str
    is_all: bool

    @property
    def length(self) -> int:
        """Its characters with the new line."""
        return len(self.body) + len(self.newline)


class MarkdownReader:
    """Takes deltas and returns words."""

    def __init__(self) -> None:
        """Begin a text."""
        self._source = Source()
        self._prose = Prose()
        self._inline = Inline(self._source, self._prose)
        self._kind = _Kind.PLAIN
        self._is_at_start = True
        self._is_item = False
        self._is_quote = False
        self._waiting: _Kind | None = None
        self._waiting_is_quote = False
        self._line = ""
        self._waiting_line = ""
        self._fence = ""
        self._fence_indent = ""
        self._is_table = False
        items = (self._read_rule, self._read_bullet)
        self._rules: dict[str, tuple[Callable[[_Line], int | None], ...]] = {
            ">": (self._read_quote,),
            "#": (self._read_heading,),
            "[": (self._read_task, self._read_note, self._read_definition),
            "0": (self._read_number,),
            "|": (self._read_rule, self._read_row),
            **dict.fromkeys("`~", (self._read_fence,)),
            **dict.fromkeys("_=:", (self._read_rule,)),
            **dict.fromkeys("-*+•‣◦▪●○∙·", items),
        }

    def feed(self, delta: str) -> str:
        """Return what is certain so far."""
        self._source.add(delta.replace("\r", " "))
        self._read()
        return self._prose.take()

    def finish(self) -> str:
        """Return the rest."""
        self._source.is_ended = True
        self._read()
        kind = self._waiting if self._is_at_start and not self._is_item else self._kind
        if kind in (_Kind.ITEM, _Kind.HEADING, _Kind.ROW) or self._is_item:
            self._prose.end_sentence()
        return self._prose.take()

    def _read(self) -> None:
        source = self._source
        while not source.is_empty:
            used = self._step()
            if used == _UNDECIDED:
                return
            if not self._is_at_start:
                self._remember(source.text[source.at : source.at + used])
            source.at += used

    def _remember(self, text: str) -> None:
        """Keep what a line says, as far as it matters for where it ends."""
        line = self._line + text
        self._line = line if len(line) <= _LONGEST_OWN_LINE + 4 else line[: _LONGEST_OWN_LINE + 2] + line[-2:]

    def _step(self) -> int:
        if self._is_at_start:
            return self._read_fenced() if self._fence else self._read_start()
        if self._source.text[self._source.at] == "\n":
            self._end_line()
            return 1
        return self._read_code() if self._kind is _Kind.CODE else self._inline.step()

    def _read_code(self) -> int:
        """Say code as it is written."""
        source = self._source
        end = source.text.find("\n", source.at)
        code = source.text[source.at : end if end >= 0 else None]
        self._prose.say(code, verbatim=True)
        return len(code)

    def _end_line(self) -> None:
        """End a line; whether its sentence goes on in the next one is seen there."""
        if self._kind in (_Kind.PLAIN, _Kind.ITEM):
            self._waiting = self._kind
        else:
            if self._kind is not _Kind.CODE:
                self._prose.end_sentence()
            self._prose.line_break()
        self._inline.end_line()
        self._waiting_line, self._line = self._line, ""
        self._waiting_is_quote = self._is_quote
        self._is_at_start = True
        self._is_item = self._is_quote = False

    def _end_block(self) -> None:
        """End what has been said before."""
        if self._waiting is _Kind.ITEM:
            self._prose.end_sentence()
        self._prose.line_break()
        self._inline.begin_block()
        self._waiting = None

    def _open(self, kind: _Kind, *, is_indented: bool = False, beginning: str = "") -> None:
        """Begin a line of text, which may go on with the block before."""
        if self._is_table and kind is _Kind.PLAIN:
            kind = _Kind.ROW
        goes_on = kind is _Kind.PLAIN and not self._is_item and self._is_quote == self._waiting_is_quote
        if goes_on and self._waiting is _Kind.PLAIN:
            if _is_row(self._waiting_line, beginning):
                self._prose.end_sentence()
                goes_on = False
            elif self._waiting_line.endswith(_HARD_BREAK):
                goes_on = False
        if goes_on and (self._waiting is _Kind.PLAIN or (self._waiting is _Kind.ITEM and is_indented)):
            self._prose.wrap()
            self._kind = self._waiting
        else:
            if self._waiting:
                self._end_block()
            self._inline.begin_block()
            self._kind = _Kind.ITEM if self._is_item and kind is _Kind.PLAIN else kind
        self._waiting = None
        self._is_at_start = False
        self._inline.is_row = self._kind is _Kind.ROW
        self._inline.is_heading = self._kind is _Kind.HEADING

    def _begin_item(self) -> None:
        """Begin an item of a list, which may itself begin with markup."""
        self._end_block()
        self._is_item = True
        self._is_table = False

    def _read_fenced(self) -> int:
        """Read the beginning of a line of code, or the fence after it."""
        window, is_all = self._source.peek(_LONGEST_START)
        line, newline, _ = window.partition("\n")
        body = line.lstrip(self._fence_indent)
        mark = body.rstrip(" \t")
        if set(mark) <= {self._fence[0]} and not newline and not is_all:
            return _UNDECIDED
        if len(mark) >= len(self._fence) and set(mark) == {self._fence[0]}:
            self._fence = ""
            return len(line + newline)
        if not mark:
            return len(line + newline)
        self._open(_Kind.CODE)
        return len(line) - len(body) or self._read_code()

    def _read_start(self) -> int:
        """Read what stands before the text of a line."""
        window, is_all = self._source.peek(_LONGEST_START)
        text, newline, _ = window.partition("\n")
        body = text.lstrip(" \t")
        indent = len(text) - len(body)
        line = _Line(body, newline, is_all or bool(newline))
        if not body:
            return self._read_blank(indent, line)
        for rule in self._rules.get("0" if body[0].isdecimal() else body[0], ()):
            used = rule(line)
            if used is None:
                return _UNDECIDED
            if used:
                return indent + used
        if _EMOJI.match(body):
            self._begin_item()  # people make lists with them
        self._open(_Kind.PLAIN, is_indented=indent > 0, beginning=body[0])
        return indent or self._step()

    def _read_blank(self, indent: int, line: _Line) -> int:
        """Read the rest of a line without text: one that ends here ends a paragraph, too."""
        if line.newline:
            self._end_block()
            self._is_item = self._is_quote = self._is_table = False
        return line.length + indent if line.is_all else _UNDECIDED

    def _read_quote(self, line: _Line) -> int | None:
        if len(line.body) == 1 and not line.is_all:
            return None
        self._is_quote = True
        return 2 if line.body[1:2] == " " else 1

    def _read_rule(self, line: _Line) -> int | None:
        """Read a line under a heading, between paragraphs, or under the first row of a table."""
        if not _RULE.match(line.body):
            return 0
        if not line.is_all:
            return None
        is_heading = self._waiting is _Kind.PLAIN and not self._is_item and bool(_UNDERLINE.match(line.body))
        is_row = "|" in line.body and "-" in line.body
        if not (is_heading or is_row or _THEMATIC.match(line.body)):
            return 0
        if is_heading or is_row:
            self._prose.end_sentence()
        self._end_block()
        self._is_table = is_row
        self._is_item = False
        return line.length

    def _read_bullet(self, line: _Line) -> int | None:
        bullet = _BULLET.match(line.body)
        if not bullet:
            return 0
        if bullet.end() == len(line.body) and not line.is_all:
            return None
        self._begin_item()
        return bullet.end()

    def _read_task(self, line: _Line) -> int | None:
        if not self._is_item:
            return 0
        if not line.is_all and _TASK_START.match(line.body):
            return None
        task = _TASK.match(line.body)
        return task.end() if task else 0

    def _read_number(self, line: _Line) -> int | None:
        """Read the number of an item, which is said."""
        if not line.is_all and _NUMBER_START.match(line.body):
            return None
        if _KEY.match(line.body):
            self._begin_item()
        number = _NUMBER.match(line.body)
        if not number or (self._waiting is _Kind.PLAIN and number[1] != "1"):
            return 0
        self._begin_item()
        self._prose.say(f"{number.group()} ")
        return number.end()

    def _read_heading(self, line: _Line) -> int | None:
        heading = _HEADING.match(line.body)
        if not heading:
            return 0
        if heading.end() == len(line.body) and not line.is_all:
            return None
        self._open(_Kind.HEADING)
        return heading.end()

    def _read_row(self, _: _Line) -> int:
        self._open(_Kind.ROW)
        return 1

    def _read_fence(self, line: _Line) -> int | None:
        fence = _FENCE.match(line.body)
        if not line.is_all and (fence or _FENCE_START.match(line.body)):
            return None
        if not fence:
            return 0
        self._end_block()
        self._fence = fence[1] or fence[2]
        self._fence_indent = " \t>" if self._is_quote else " \t"
        self._is_item = False
        return line.length

    def _read_note(self, line: _Line) -> int | None:
        """Read the mark of a footnote, the text of which is said."""
        if not line.is_all and _NOTE_START.match(line.body):
            return None
        note = _NOTE.match(line.body)
        if not note:
            return 0
        self._begin_item()
        return note.end()

    def _read_definition(self, line: _Line) -> int | None:
        """Pass over where a link leads."""
        if line.is_all:
            return line.length if _DEFINITION.match(line.body) else 0
        return None if _DEFINITION_START.match(line.body) else 0


def _is_row(line: str, beginning: str) -> bool:
    """Tell whether a line ends a sentence, rather than going on in the next one, which begins so.

    Assistants write facts in rows ("Kitchen: off"). Prose that was broken to fit a page goes on.
    """
    begins_anew = beginning.isdigit() or (beginning.isalpha() and not beginning.islower()) or beginning in "*_"
    return begins_anew and len(line) <= _LONGEST_OWN_LINE and bool(_LABEL.search(line))
