"""Marks at the start of lines, the numbers of list items, and the lines that end a sentence without an end mark."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from dataclasses import dataclass
import re
from typing import Final

from .abbreviations import WORDS_AFTER_ORDINALS
from .characters import CLAUSE_MARKS, CLOSERS, EMOJI, END_MARKS, is_unspaced_letter
from .links import LINK_DEFINITION
from .lookahead import IncompleteInputError, Syntax, Window

QUOTE_MARK: Final = Syntax.from_parts((">", " ?"))
RULE_LINE: Final = Syntax.from_parts((r"[-*_=|:+ \t]+", r"(?:\n|\Z)"))
THEMATIC_BREAK: Final = re.compile(r"([-*_=])(?:[ \t]*\1){2,}\s*\Z")
UNDERLINE: Final = re.compile(r"(?:=+|-+)\s*\Z")
TABLE_BORDER: Final = re.compile(r"\+(?:[-=:]+\+)+\s*\Z")
"""A line between the rows of a table that is drawn with signs."""
HEADING_MARK: Final = Syntax.from_parts(("#{1,6}", r"(?=[ \t\n]|\Z)"))
TABLE_ROW_MARK: Final = Syntax.from_parts((r"\|",))
BULLET: Final = Syntax.from_parts(
    ("[-*+•‣◦▪●○∙·]", r"(?=[ \t\n]|\Z)"),
    ("[–→➔➜➤►▸]", r"(?=\n|\Z)"),
    ("[–→➔➜➤►▸]", r"[ \t]++", r"(?=\D|\Z)"),
    ("•",),
    ("[\u2500-\u257f]", "[\u2500-\u257f \t]*"),
)
"""A bullet, or the drawn lines before the text of a table or a tree of files.

A dash before a number may be a minus, and an arrow may be part of a fact.
"""
TASK_BOX: Final = Syntax.from_parts((r"\[", "[ xX]", r"\]", r"(?=[ \t\n]|\Z)"))
ITEM_NUMBER: Final = Syntax.from_parts((r"(\d{1,9})", "([.)])", r"(?=[ \t\n]|\Z)"))
ITEM_LETTER: Final = Syntax.from_parts(
    ("(?:[A-Za-z]|[ivx]{2,4})", r"\)", r"(?=[ \t\n]|\Z)"),
    (r"\(", r"(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})", r"\)", r"(?=[ \t\n]|\Z)"),
)
"""A letter or number in parentheses: a) or (1)."""
EMOJI_BULLET: Final = Syntax.from_parts(
    (r"\d", "\ufe0f?", "\u20e3"), (f"[{EMOJI}]",), ("[✓✔✗✘✖]", "\ufe0f?", r"(?=[ \t\n]|\Z)")
)
CODE_FENCE: Final = Syntax.from_parts(
    ("`", "`", "`+", r"[^`\n]{0,100}", r"(?:\n|\Z)"),
    ("~", "~", "~+", r"[^\n]{0,100}", r"(?:\n|\Z)"),
)
FOOTNOTE_LABEL: Final = Syntax.from_parts((r"\[", r"\^", r"[^\[\]\s]{1,60}", r"\]", ":"))
LINE_MARKS: Final = (
    RULE_LINE,
    BULLET,
    ITEM_NUMBER,
    ITEM_LETTER,
    TABLE_ROW_MARK,
    HEADING_MARK,
    QUOTE_MARK,
    CODE_FENCE,
    TASK_BOX,
    FOOTNOTE_LABEL,
    LINK_DEFINITION,
    EMOJI_BULLET,
)
"""Marks that may precede the text of a line, in the order in which they are tried."""
FIRST_ITEMS: Final = frozenset({"1", "a)", "A)", "i)", "(1)", "(a)", "(A)", "(i)"})
"""Numbers and letters with which a list may start after a line of a paragraph."""


# Nouns after ordinals, which count nothing: "1. Mai", "1. FC Nürnberg", "1. Stock".
_MONTHS: Final = (
    "jan",
    "jän",
    "feb",
    "mar",
    "mär",
    "apr",
    "mai",
    "maj",
    "jun",
    "jul",
    "aug",
    "sep",
    "okt",
    "oct",
    "nov",
    "dec",
    "dez",
)
_WORDS_AFTER_ORDINALS_TEXT: Final = """
    advent weihnachtstag weihnachtsfeiertag feiertag stock etage obergeschoss untergeschoss klasse liga bundesliga platz
    preis halbzeit runde reihe gang tag woche quartal halbjahr teil kapitel band staffel folge schicht stunde
"""
_AFTER_ORDINALS: Final = frozenset(_WORDS_AFTER_ORDINALS_TEXT.split()) | {word.lower() for word in WORDS_AFTER_ORDINALS}
_MIN_NOUN_CHARS: Final = 3


def is_after_ordinal(word: str) -> bool:
    """Return whether the number before a word may be an ordinal or part of a date, not the number of a list item."""
    folded = word.lower()
    is_abbreviation = len(word) > 1 and word.isupper()
    return word[:1].isdigit() or is_abbreviation or folded in _AFTER_ORDINALS or folded.startswith(_MONTHS)


@dataclass(slots=True)
class _NumberedList:
    text_column: int
    is_counted: bool
    number: int
    word: str
    """The first word of the last item."""


class ListNumbers:
    """The numbers of the items of nested lists: items that all have the number 1 are counted."""

    def __init__(self) -> None:
        """Initialize without lists."""
        self._lists: list[_NumberedList] = []

    def start_block(self, column: int) -> None:
        """End the lists to which a block that starts at a column does not belong."""
        while self._lists and self._lists[-1].text_column > column:
            self._lists.pop()

    def start_item(self, column: int, text_column: int, number: str, word: str) -> str:
        """Return the number to speak for an item, given the columns of its written number and of its text.

        `word` is the first word of the item. An item with the first word of the last one is not counted, because its
        number may be an ordinal ("1. Stock").
        """
        last = None
        while self._lists and self._lists[-1].text_column > column:
            last = self._lists.pop()
        is_counted = number == "1" and not is_after_ordinal(word)
        if last and is_counted:
            is_counted = last.is_counted and (word != last.word or len(word) < _MIN_NOUN_CHARS)
        spoken = last.number + 1 if last and is_counted else int(number)
        self._lists.append(_NumberedList(text_column, is_counted, spoken, word))
        return str(spoken) if last and is_counted else number


KEPT_LINE_CHARS: Final = 60
"""Maximum length of a line that ends a sentence without an end mark; prose is wrapped at a greater length."""
_FACT_LABEL: Final = re.compile(r":[*_]*(?:\s|\Z)|：|(?<=[\u3040-\u9fff]):")
_VALUE: Final = re.compile(
    r"\W*(?:[^\W\d]\S*[^\S\n]+){1,3}[-−+~]?\d[\d.,:]*[^\S\n]?[^\s,]*(?:[^\S\n][AaPp]\.?[Mm]\.?)?(?:,.*)?\W*\Z"
)
"""A line with a name, a number and its unit: "Morning 12 °C, fog"."""
_FACT_START: Final = re.compile(r"(?:[^\s:：.!?]+[^\S\n]+){0,3}(?:[^\s:：.!?]+(?::[*_]*(?=\s|\Z)|：)|[-−+~]?\d)")
_MAX_FACT_START_CHARS: Final = 40
_MAX_VALUE_WORDS: Final = 2
_MAX_UNSPACED_VALUE_CHARS: Final = 4
_LAST_WORD: Final = re.compile(r"[^\W\d_]+(?=\W*\Z)")
_CONTINUED_AFTER: Final = END_MARKS + CLAUSE_MARKS + "—–-+=/&([{<|\\"
_LAST_CITATIONS: Final = re.compile(r"(?:\s*\[[^\[\]]{1,20}\])+\Z")
# Articles, prepositions and conjunctions, after which a sentence continues in the next line.
_CONTINUED_WORDS_TEXT: Final = """
    a an the of to and or in at with from for by as is are was were that than your my his her our their its this but
    der die das den dem des ein eine einen einem einer und oder mit von zu zum zur im am beim für auf bei nach vor
    über unter durch ist sind war dass
    le la les l un une des du de d et ou à au aux en dans avec pour par sur est sont que
    el los las lo una unos unas y o del al con para por sobre es son
    il gli i uno di da e ed nel nella dal dalla sul sulla che è
    os um uma do dos das no na nos nas em com ao é
    het een van met voor op te bij naar door zijn dat
    ett och eller på av till med för från om är att
    w we z ze do od u dla po przez za oraz lub jest są że
    v ve s se k ke pro nebo je jsou že
    ο η το οι τα του της των τον την και ή σε με για από είναι ότι
    и в во на с со к ко о об от до для из за по у или что
"""
_CONTINUED_WORDS: Final = frozenset(_CONTINUED_WORDS_TEXT.split())


def is_end_of_sentence(line: str, following: Window) -> bool:
    """Return whether a line of a paragraph ends a sentence without an end mark, given the text of the next line.

    That is a short line such as "Kitchen: off", or one of several such as "Morning 12 °C, fog", before a capital or a
    digit. All other lines are joined: prose may be wrapped to any width.
    """
    if len(line) > KEPT_LINE_CHARS:
        return False
    text = following.text.lstrip("*_~")
    if not text and not following.is_final:
        raise IncompleteInputError
    first = text[:1]
    if not first.isdigit() and (not first.isalpha() or first.islower()):
        return False
    label = _FACT_LABEL.search(line)
    value = line[label.end() :].strip("*_~ \t") if label else ""
    if label and (not value or _starts_with_number(value)):
        return True
    if _is_continued(line) or not (label or _VALUE.match(line)):
        return False
    return (label is not None and _is_short_value(value)) or _starts_with_fact(Window(text, following.is_final))


def _is_continued(line: str) -> bool:
    """Return whether a sentence continues after the end of a line, such as an article or a comma."""
    end = _LAST_CITATIONS.sub("", line.rstrip("*_~ \t"))
    last = (end.rstrip(CLOSERS) or end)[-1:]
    word = _LAST_WORD.search(end)
    return not last or last in _CONTINUED_AFTER or (word is not None and word.group().lower() in _CONTINUED_WORDS)


def _is_short_value(value: str) -> bool:
    """Return whether the text after a label is a value, not the start of a sentence."""
    if any(map(is_unspaced_letter, value)):
        return len(value) <= _MAX_UNSPACED_VALUE_CHARS or any(map(str.isdigit, value))
    return len(value.split()) <= _MAX_VALUE_WORDS


def _starts_with_number(value: str) -> bool:
    """Return whether the text after a label is a number with its unit."""
    return value[0] in "-−+~0123456789" and _VALUE.match(f"x {value}") is not None


def _starts_with_fact(following: Window) -> bool:
    """Return whether a line starts with a label, or with a name and a number.

    Raises IncompleteInputError if following text decides.
    """
    text, separator, _ = following.text[: _MAX_FACT_START_CHARS + 1].partition("\n")
    is_whole = following.is_final or bool(separator) or len(text) > _MAX_FACT_START_CHARS
    match = _FACT_START.match(text)
    if not is_whole and (match.end() == len(text) if match else not re.search(r"[.!?]\s|(?:\S+\s+){4}", text)):
        raise IncompleteInputError
    return match is not None
