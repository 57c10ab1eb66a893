"""Markdown within a line: emphasis, links, code, tags, entities, addresses."""

from collections.abc import Callable
import re
from typing import Final

from .characters import STANDALONE_EMOJI, STATUS_SIGNS, is_space, is_spaced_letter
from .emphasis import Emphasis
from .formulas import MAX_FORMULA_CHARS, read_formula
from .html_tags import (
    MAX_HIDDEN_CHARS,
    MAX_UNCLOSED_THOUGHT_CHARS,
    NAMED_THOUGHT_TAG,
    measure_rest_of_thought,
    measure_thought,
    read_entity,
    read_hidden,
    read_tag,
)
from .links import (
    MAX_LINK_TEXT_CHARS,
    TOO_DEEP_BRACKETS,
    WORDS_BEFORE_NUMBERS,
    is_web_target,
    measure_target,
    read_citation,
    read_link,
    read_path_part,
    read_web_address,
)
from .lookahead import IncompleteInputError, InputBuffer, Syntax, Window
from .normalize import PlainTextWriter
from .ssml import SsmlReader

_MAX_CODE_CHARS: Final = 100
_MAX_STRUCK_CHARS: Final = 100
_MAX_HTML_TAG_CHARS: Final = 400
_MAX_LINK_CHARS: Final = 900
_MAX_LABELS: Final = 200

_DRAWN_BARS: Final = "│┃║"
_STATUS_EMOJI: Final = f"{''.join(STATUS_SIGNS)}{STANDALONE_EMOJI}"
_BASIC_STATUS_EMOJI: Final = "".join(character for character in _STATUS_EMOJI if character < "\U00010000")
_MARKS: Final = "$\\*_~`[]!<&|-=#"
_PLAIN_ASCII: Final = re.escape("".join(sign for sign in map(chr, range(32, 127)) if sign not in f"{_MARKS}hwfHWF"))
# The class of ASCII characters is fast, and one with many characters of the supplementary planes would be slow. The
# letters that start http, www and ftp are plain text within words, and before other letters.
_PLAIN_TEXT: Final = re.compile(
    rf"(?:[{_PLAIN_ASCII}]++|[^\x00-\x7f【\ue200{_DRAWN_BARS}{_BASIC_STATUS_EMOJI}\U0001f300-\U0001faff]++"
    r"|(?<=[A-Za-z0-9@./\-])[hwfHWF]|[hHfF](?=[^tT])|[wW](?=[^wW]))++"
)
_STATUS: Final = Syntax.from_parts((f"[{_STATUS_EMOJI}]", "\ufe0f?", "[*_ \t]{0,40}", r"(?=[^*_ \t\ufe0f]|\Z)"))
_BLOCK_END: Final = re.compile(r"\n[ \t]*(?:\n|[-*+>#|=`~]|\d{1,9}[.)])")
_ESCAPE: Final = Syntax.from_parts((r"\\", r"[!-/:-@\[-`{-~\n]"))
_IMAGE_START: Final = Syntax.from_parts(("!", r"\["))
_TARGET_START: Final = Syntax.from_parts((r"\]", r"\(", r"[\s<hH]"))
_SPACED_BAR: Final = Syntax.from_parts((r"\|", r"(?=\s|\Z)"))
_HEADING_END: Final = Syntax.from_parts(("#{1,60}", r"[ \t]*", r"(?=\n|\Z)"))
_CODE: Final = re.compile(r"(`{1,64})(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_STRUCK: Final = re.compile(r"~~(?![\s~])(?:[^~]|~(?!~))*?(?<!\s)~~(?!~)")
_FILE_NAME: Final = re.compile(r"__\w+__\.\w")
_MAIL_ADDRESS: Final = Syntax.from_parts(("_+", r"[\w.+-]{0,60}", "@", r"\w"))
_RUN: Final = Syntax(r"(.)\1{0,63}", r"(.)\1{0,63}")


class InlineReader:
    """Reader of the text within lines, which writes the words to speak."""

    def __init__(self, buffer: InputBuffer, writer: PlainTextWriter, ssml: SsmlReader) -> None:
        """Initialize the reader without text."""
        self._buffer = buffer
        self._writer = writer
        self._ssml = ssml
        self._is_heading = False
        self._is_table_row = False
        self._has_marks = False
        """Whether the text follows the mark of a list item or of a table cell."""
        self._emphasis = Emphasis()
        self._is_in_web_address = False
        self._link_tails: dict[int, int | None] = {}
        """Lengths of link targets by their offset, kept until the text before the target has been read."""
        self.is_in_thought = False
        """Whether a thought of the language model has started and its text is dropped."""
        self.thought = ""
        """The last thought, or its start, with its tags."""
        self._labels: set[str] = set()
        """Labels of the link definitions so far, in lower case."""
        self._citation_end = -1
        """Offset of the end of the last citation."""
        self._max_citation = 0
        """The highest number of a citation so far."""
        self._rules: dict[str, Callable[[], int]] = {
            "\\": self._read_escape,
            "$": self._read_dollar,
            "*": self._read_emphasis,
            "_": self._read_emphasis,
            "~": self._read_tildes,
            "`": self._read_code,
            "[": self._read_link,
            "]": self._read_closing_bracket,
            "!": self._read_exclamation_mark,
            "<": self._read_tag,
            "&": self._read_entity,
            "|": self._read_bar,
            "-": self._read_dashes,
            "=": self._read_dashes,
            "#": self._read_number_sign,
            "【": self._read_citation,
            "\ue200": self._read_citation,
        }
        """Rules by the character that they apply to; a rule returns the number of characters that it has read."""

    def start_block(self) -> None:
        """Forget the emphasis that is still open."""
        self._emphasis.clear()

    def define_label(self, label: str) -> None:
        """Read the label in brackets as a link from now on."""
        if len(self._labels) < _MAX_LABELS:
            self._labels.add(label.casefold())

    def start_line(self, *, is_heading: bool = False, is_table_row: bool = False, is_item: bool = False) -> None:
        """Start the text of a line."""
        self._has_marks = is_table_row or is_item
        self._is_heading = is_heading
        self._is_table_row = is_table_row
        self._is_in_web_address = False
        self._writer.is_at_start = True

    def read(self, character: str) -> int:
        """Read the next part of a line, given its first character, and return the number of its characters."""
        if self._is_in_web_address:
            if length := read_path_part(self._buffer.peek()):
                return length
            self._is_in_web_address = False
        if rule := self._rules.get(character):
            return rule()
        plain = self._buffer.peek_while(_PLAIN_TEXT)
        return self._write(plain) if plain else self._read_other()

    def _write(self, text: str, length: int | None = None) -> int:
        self._writer.write(text)
        return len(text) if length is None else length

    def _peek_block(self, max_chars: int) -> Window:
        """Return the next characters of the block."""
        window = self._buffer.peek(max_chars)
        if "\n" in window.text and (end := _BLOCK_END.search(window.text)):
            return Window(window.text[: end.start()], is_final=True)
        return window

    def _peek_run(self) -> tuple[str, str]:
        """Return the run of equal characters that comes next, and the character after it."""
        match = self._buffer.peek_syntax(_RUN)
        return (match.group(), match.string[match.end() : match.end() + 1]) if match else ("", "")

    def _read_dollar(self) -> int:
        formula = read_formula(self._buffer.peek(MAX_FORMULA_CHARS))
        return self._write(*formula) if formula else self._write("$")

    def _read_escape(self) -> int:
        if formula := read_formula(self._buffer.peek(MAX_FORMULA_CHARS)):
            return self._write(*formula)
        match = self._buffer.peek_syntax(_ESCAPE)
        if not match:
            return self._write("\\")
        return 1 if match.group() == "\\\n" else self._write(match.group()[1], 2)

    def _read_emphasis(self) -> int:
        run, following = self._peek_run()
        previous = self._buffer.previous
        is_name = run[0] == "_" and not previous.isalnum() and self._is_name()
        if len(run) > 2 and is_space(previous) and is_space(following):
            self._writer.add_dash()
        elif is_name or not self._emphasis.toggle(run, previous, following):
            self._writer.write(run)
        return len(run)

    def _is_name(self) -> bool:
        """Return whether underscores start an e-mail address, or the name of a file such as __init__.py."""
        return bool(_FILE_NAME.match(self._buffer.peek().text) or self._buffer.peek_syntax(_MAIL_ADDRESS))

    def _read_tildes(self) -> int:
        run, following = self._peek_run()
        previous = self._buffer.previous
        if len(run) != 2 or (is_space(previous) and is_space(following)):
            return self._write("~", len(run))
        if not following or following.isspace():
            return len(run)
        window = self._peek_block(_MAX_STRUCK_CHARS)
        struck = _STRUCK.match(window.text)
        if not window.is_final and (not struck or struck.end() == len(window.text)):
            raise IncompleteInputError
        if not struck:
            return len(run)
        self._writer.skip()
        return struck.end()

    def _read_code(self) -> int:
        run, _ = self._peek_run()
        if run == "`" and is_spaced_letter(self._buffer.previous):
            return self._write("`")  # an apostrophe
        window = self._peek_block(_MAX_CODE_CHARS)
        match = _CODE.match(window.text)
        if not window.is_final and (not match or match.end() == len(window.text)):
            raise IncompleteInputError
        if not match:
            return len(run)
        self._writer.write(match[2], verbatim=True)
        return match.end()

    def _read_link(self, image_mark: str = "") -> int:
        """Read a link or an image up to its text, or a whole footnote mark or citation."""
        if self._ssml.is_on and not image_mark and (length := self._ssml.read_bracket(self._buffer.peek())):
            self._writer.skip()
            return length
        bracket = len(image_mark)
        if self._buffer.starts_with(TOO_DEEP_BRACKETS, MAX_LINK_TEXT_CHARS + bracket):
            return self._write(f"{image_mark}[")
        text, is_final = self._peek_block(_MAX_LINK_CHARS)
        start = self._buffer.offset + bracket
        before = self._buffer.before
        is_after_citation = self._citation_end == start - before.endswith(" ")
        window = Window(text[bracket:], is_final)
        is_content = window.text[1:2].isdigit() and self._writer.last_word.lower() in WORDS_BEFORE_NUMBERS
        max_number = 0 if is_content else self._max_citation + 1
        link = read_link(window, before, self._labels, is_after_citation=is_after_citation, max_number=max_number)
        if not link:
            return self._write(image_mark or "[")
        if not link.text_end:
            self._writer.skip()
            self._citation_end = start + link.length
            self._max_citation = max(self._max_citation, link.number)
            return bracket + link.length
        self._link_tails = {end: length for end, length in self._link_tails.items() if end > start}
        self._link_tails[start + link.text_end] = link.target_length
        return bracket + 1

    def _read_closing_bracket(self) -> int:
        """Read the end of the text of a link with its target; of a text that is too long to wait for, the target."""
        offset = self._buffer.offset
        is_end = offset in self._link_tails
        length = self._link_tails.get(offset)
        if length is None:
            length = self._measure_web_target()
        self._link_tails.pop(offset, None)
        return 1 + length if is_end or length else self._write("]")

    def _measure_web_target(self) -> int:
        """Return the length of the address of a web page after a closing bracket, or 0 if there is none."""
        if not self._buffer.peek_syntax(_TARGET_START):
            return 0
        text, is_final = self._peek_block(_MAX_LINK_CHARS)
        after = Window(text[1:], is_final)
        return measure_target(after) if is_web_target(after) else 0

    def _read_exclamation_mark(self) -> int:
        previous = self._buffer.previous
        may_be_image = is_space(previous) or previous in "([*_\"'"
        if may_be_image and self._buffer.peek_syntax(_IMAGE_START):
            return self._read_link("!")
        return self._write("!")

    def read_thought(self) -> int:
        """Read a thought of the language model, which is not spoken; return 0 if none starts here.

        A thought that is not closed is spoken at the end of the text, unless it is long.
        """
        window = self._buffer.peek(MAX_UNCLOSED_THOUGHT_CHARS)
        if self.is_in_thought:
            length, is_whole = measure_rest_of_thought(window)
        else:
            length, is_whole = measure_thought(window)
            self.thought = window.text[:length] or self.thought
        self.is_in_thought = length > 0 and not is_whole
        return length

    def _read_tag(self) -> int:
        if not self._writer.is_within_sentence and (length := self.read_thought()):
            return self._write(" ", length)
        if self._ssml.is_on and (length := self._ssml.read(self._buffer, self._writer)):
            return length
        if hidden := read_hidden(self._buffer.peek(MAX_HIDDEN_CHARS)):
            self._writer.skip()
            return hidden.length
        tag = read_tag(self._peek_block(_MAX_HTML_TAG_CHARS))
        if not tag or self._is_name_of_tag():
            return self._write("<")
        self._writer.add_boundary(tag.boundary)
        return self._write(tag.text, tag.length)

    def _is_name_of_tag(self) -> bool:
        """Return whether a sentence is about the tag of a thought: "The prompt <reasoning> is used"."""
        is_in_words = self._writer.is_within_sentence and self._buffer.previous == " "
        return is_in_words and self._buffer.peek_syntax(NAMED_THOUGHT_TAG) is not None

    def _read_entity(self) -> int:
        return self._write(*read_entity(self._buffer.peek()))

    def _read_bar(self) -> int:
        if self._is_table_row or (is_space(self._buffer.previous) and self._buffer.peek_syntax(_SPACED_BAR)):
            return self._read_drawn_bar()
        return self._write("|")

    def _read_drawn_bar(self) -> int:
        self._writer.add_comma()
        self._writer.is_at_start = self._has_marks = True
        return 1

    def _read_status(self) -> int:
        """Read an emoji, which is spoken at the start of an item or a cell, or as all that a cell or a label has."""
        emoji = self._buffer.next
        match = self._buffer.peek_syntax(_STATUS)
        length = len(match.group().rstrip("*_ \t")) if match else 1
        is_alone = match is not None and match.string[match.end() : match.end() + 1] in f"\n|{_DRAWN_BARS}"
        is_first = self._writer.is_at_start
        if is_alone:
            is_spoken = (is_first and self._is_table_row) or self._writer.ends_with_label
        else:
            is_spoken = is_first and emoji in STATUS_SIGNS and self._has_marks
        if not is_spoken:
            return self._write(emoji, length)
        self._writer.write_sign(STATUS_SIGNS.get(emoji, emoji))
        return length

    def _read_dashes(self) -> int:
        run, following = self._peek_run()
        previous = self._buffer.previous
        is_between = (is_space(previous) and is_space(following)) or (previous.isalpha() and following.isalpha())
        if len(run) > 3 or run == "---" or (run == "--" and is_between):
            self._writer.add_dash()
        else:
            self._writer.write(run)
        return len(run)

    def _read_number_sign(self) -> int:
        """Read a number sign, which is not spoken at the end of a heading."""
        if self._is_heading and self._buffer.previous in " \t":
            match = self._buffer.peek_syntax(_HEADING_END)
            if match:
                return match.end()
        return self._write("#")

    def _read_citation(self) -> int:
        length = read_citation(self._buffer.peek())
        if not length:
            return self._write(self._buffer.next.replace("\ue200", ""), 1)
        self._writer.skip()
        return length

    def _read_other(self) -> int:
        character = self._buffer.next
        if character in _DRAWN_BARS:
            return self._read_drawn_bar()
        if character in _STATUS_EMOJI:
            return self._read_status()
        return self._read_web_address() if character < "\U0001f300" else self._write(character)

    def _read_web_address(self) -> int:
        address = read_web_address(self._buffer.peek())
        if not address:
            return self._write(self._buffer.next)
        self._is_in_web_address = address.has_path
        return self._write(address.host, address.length)
