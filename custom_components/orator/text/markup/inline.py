"""Reads what stands within a line: emphasis, links, code, tags, entities, addresses."""

from collections.abc import Callable
import html
from html.entities import html5
import re
from typing import Final

from ..characters import is_spaced_word
from .addresses import AddressReader
from .emphasis import Emphasis, read_name
from .html_tags import OPEN, Pause, Tag, read_hidden, read_tag
from .links import read_citation, read_link
from .prose import Prose
from .source import Source

_LONGEST_RUN: Final = 64
_LONGEST_CODE: Final = 300
_LONGEST_TAG: Final = 400
_LONGEST_HIDDEN: Final = 2000
_LONGEST_LINK: Final = 900
_LONGEST_ENTITY: Final = 34

_MARKS: Final = r"\\*_~`\[\]!<&|\-=#【\ue200\n"
_PLAIN: Final = re.compile(rf"(?:[^{_MARKS}hwfHWF]++|(?<=[A-Za-z0-9@./\-])[hwfHWF])++")
_ESCAPABLE: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ENTITY_START: Final = re.compile(r"&(?:#\d{0,7}|#[xX][0-9A-Fa-f]{0,6}|[A-Za-z][A-Za-z0-9]{0,31})?\Z")
_BLOCK_END: Final = re.compile(r"\n[ \t]*(?:\n|[-*+>#|=`~]|\d{1,9}[.)])")
_TICKS: Final = re.compile("`+")
_HEADING_END: Final = re.compile(r"#+[ \t]*(?:\n|\Z)")
_HEADING_END_START: Final = re.compile(r"#+[ \t]*\Z")


class Inline:
    """Reads a step at a time from a source and says it.

    A rule returns how many characters it has read, 0 when what follows decides.
    """

    def __init__(self, source: Source, prose: Prose) -> None:
        """Read from a source into prose."""
        self.is_row = False
        self.is_heading = False
        self._source = source
        self._prose = prose
        self._emphasis = Emphasis()
        self._addresses = AddressReader(source, prose)
        self._link_ends: dict[int, int] = {}
        self._rules: dict[str, Callable[[], int]] = {
            "\\": self._escape,
            "*": self._emphasise,
            "_": self._emphasise,
            "~": self._tildes,
            "`": self._code,
            "[": self._bracket,
            "]": self._end_bracket,
            "!": self._exclamation,
            "<": self._angle,
            "&": self._entity,
            "|": self._bar,
            "-": self._dashes,
            "=": self._dashes,
            "#": self._hash,
            "【": self._citation,
            "\ue200": self._citation,
        }

    def begin_block(self) -> None:
        """Forget what a block before has left open."""
        self._emphasis = Emphasis()

    def end_line(self) -> None:
        """Forget what cannot go on in the next line."""
        self._addresses.is_in_address = False

    def step(self) -> int:
        """Read on, but no new line."""
        if self._addresses.is_in_address:
            used = self._addresses.read_on()
            if used or self._addresses.is_in_address:
                return used
        source = self._source
        if plain := _PLAIN.match(source.text, source.at):
            self._prose.say(plain.group())
            return len(plain.group())
        character = source.text[source.at]
        rule = self._rules.get(character)
        return rule() if rule else self._addresses.begin()

    def _say(self, text: str, used: int | None = None) -> int:
        self._prose.say(text)
        return len(text) if used is None else used

    def _run(self) -> tuple[int, str, bool]:
        """Return the length of the run of a character that comes next, what follows it, and whether that is known."""
        window, is_all = self._source.peek(_LONGEST_RUN + 1)
        run = min(_LONGEST_RUN, len(window) - len(window.lstrip(window[0])))
        return run, window[run : run + 1], run < len(window) or is_all

    def _escape(self) -> int:
        window, is_all = self._source.peek(2)
        if len(window) < 2 and not is_all:
            return 0
        if window[1:] in _ESCAPABLE:
            return self._say(window[1], 2)
        return 1 if window[1:] == "\n" else self._say("\\")

    def _emphasise(self) -> int:
        run, after, is_known = self._run()
        if not is_known:
            return 0
        marker = self._source.text[self._source.at]
        before = self._source.before
        is_name: bool | None = False
        if marker == "_" and not before.isalnum():
            window, is_all = self._source.peek(_LONGEST_RUN)
            is_name = read_name(window, is_all=is_all)
        if is_name is None:
            return 0
        if run > 2 and _is_space(before) and _is_space(after):
            self._prose.pause()
        elif is_name or not self._emphasis.is_mark(marker * run, before, after):
            self._prose.say(marker * run)
        return run

    def _tildes(self) -> int:
        run, after, is_known = self._run()
        if not is_known:
            return 0
        is_strike = run == 2 and not (_is_space(self._source.before) and _is_space(after))
        return self._say("" if is_strike else "~", run)

    def _code(self) -> int:
        window, is_all = self._block_window(_LONGEST_CODE)
        run = min(_LONGEST_RUN, len(window) - len(window.lstrip("`")))
        if run == len(window) and not is_all:
            return 0
        if is_spaced_word(self._source.before) and run == 1:
            return self._say("`")  # an apostrophe
        for ticks in _TICKS.finditer(window, run):
            if ticks.end() == len(window) and not is_all:
                return 0
            if len(ticks.group()) == run:
                self._prose.say(window[run : ticks.start()], verbatim=True)
                return ticks.end()
        return run if is_all else 0

    def _bracket(self, before: str = "") -> int:
        """Read a link or an image, which `before` begins, a footnote mark, or a bracket."""
        window, is_all = self._block_window(_LONGEST_LINK)
        link = read_link(window[len(before) :], self._source.before, is_all=is_all)
        if link is None:
            return 0
        if not link.length:
            return self._say(before or "[")
        skipped = len(before) + link.text_start
        if link.text_start:
            start = self._source.position + len(before)
            self._link_ends = {end: length for end, length in self._link_ends.items() if end > start}
            self._link_ends[start + link.text_end] = link.length - link.text_end
            return skipped
        return len(before) + link.length

    def _end_bracket(self) -> int:
        rest = self._link_ends.pop(self._source.position, 0)
        return rest or self._say("]")

    def _exclamation(self) -> int:
        if not _is_space(self._source.before) and self._source.before not in "([*_\"'":
            return self._say("!")
        window, is_all = self._source.peek(2)
        if len(window) < 2 and not is_all:
            return 0
        return self._bracket("!") if window[1:] == "[" else self._say("!")

    def _angle(self) -> int:
        window, is_all = self._source.peek(2)
        if len(window) < 2 and not is_all:
            return 0
        if not (window[1:].isalnum() or window[1:] in ("/", "!", "?")):
            return self._say("<")
        tag = None
        if window[1:] in "!sS":
            window, is_all = self._source.peek(_LONGEST_HIDDEN)
            tag = read_hidden(window, is_all=is_all)
        if not tag:
            window, is_all = self._block_window(_LONGEST_TAG)
            tag = read_tag(window, is_all=is_all)
        if not tag:
            return self._say("<")
        if tag is not OPEN:
            self._follow(tag)
        return tag.length

    def _follow(self, tag: Tag) -> None:
        if tag.pause in (Pause.SENTENCE, Pause.LINE):
            if tag.pause is Pause.SENTENCE:
                self._prose.end_sentence()
            self._prose.line_break()
        elif tag.pause is Pause.CELL:
            self._prose.comma()
        self._prose.say(tag.text)

    def _entity(self) -> int:
        window, is_all = self._source.peek(_LONGEST_ENTITY)
        if match := _ENTITY.match(window):
            name = match.group()
            is_known = name[1] == "#" or name[1:] in html5
            return self._say(html.unescape(name) if is_known else name, len(name))
        return 0 if _ENTITY_START.match(window) and not is_all else self._say("&")

    def _bar(self) -> int:
        if self.is_row:
            self._prose.comma()
            return 1
        window, is_all = self._source.peek(2)
        if len(window) < 2 and not is_all:
            return 0
        if _is_space(self._source.before) and _is_space(window[1:]):
            self._prose.comma()
            return 1
        return self._say("|")

    def _dashes(self) -> int:
        run, after, is_known = self._run()
        if not is_known:
            return 0
        dash, before = self._source.text[self._source.at], self._source.before
        is_break = run > 3 or (dash == "-" and run == 3)
        is_between = (_is_space(before) and _is_space(after)) or (before.isalpha() and after.isalpha())
        if is_break or (dash == "-" and run == 2 and is_between):
            self._prose.pause()
        else:
            self._prose.say(dash * run)
        return run

    def _hash(self) -> int:
        """Read a number sign; at the end of a heading it is markup."""
        if not self.is_heading or self._source.before not in " \t":
            return self._say("#")
        window, is_all = self._source.peek(_LONGEST_RUN)
        if not is_all and _HEADING_END_START.match(window):
            return 0
        if match := _HEADING_END.match(window):
            return len(match.group().rstrip("\n"))
        return self._say("#")

    def _citation(self) -> int:
        window, is_all = self._source.peek(_LONGEST_CODE)
        length = read_citation(window, is_all=is_all)
        if length is None:
            return 0
        return length or self._say("【" if window[0] == "【" else "", 1)

    def _block_window(self, limit: int) -> tuple[str, bool]:
        """Return what comes next within the block, as `peek` does."""
        window, is_all = self._source.peek(limit)
        if "\n" in window and (end := _BLOCK_END.search(window)):
            return window[: end.start()], True
        return window, is_all


def _is_space(character: str) -> bool:
    return not character or character.isspace()
