"""What a mark means: the end of a sentence, an abbreviation, an initial, an ordinal number."""
# ruff: noqa: RUF001 the marks of all scripts look like others

from enum import Enum, IntEnum, auto
import re
from typing import Final
from unicodedata import category, east_asian_width

STRONG_MARKS: Final = "!?‼⁇⁈⁉‽\u037e"
WIDE_MARKS: Final = "。！？｡．؟۔։।॥။።፧፨។៕᠃᠉༎᱾᱿꯫߹෴"
END_MARKS: Final = ".…" + STRONG_MARKS + WIDE_MARKS
"""Those that may belong to a word, those that white space follows, and those that anything follows."""
NEWLINES: Final = "\n\v\f\x85\u2028\u2029"
CLOSERS: Final = ")]}\"'”’»›」』）］｝】〉》〕〗｣"
_CLOSERS_IN_THE_WEST: Final = "“‘«‹"
"""They close in German and Danish, but open in Chinese."""
THAI_OR_LAO: Final = re.compile(r"[\u0e00-\u0eff]")
_THAI_ENDS: Final = ("ครับ", "ค่ะ", "คะ")
"""Polite particles, with which Thai assistants end their sentences."""
_THAI_MARKS: Final = "ๆฯໆ"
"""They stand after a space, but belong to the word before it."""
_PAUSE_LENGTH: Final = 80
"""Characters of Thai or Lao, which have no end marks, after which a space ends a sentence."""


class Kind(IntEnum):
    """What a run of end marks is; a later one outweighs an earlier one."""

    PERIOD = 1
    ELLIPSIS = 2
    STRONG = 3
    WIDE = 4
    PAUSE = 5
    """A space in Thai or Lao."""


_KINDS: Final = (
    {".": Kind.PERIOD, "…": Kind.ELLIPSIS}
    | dict.fromkeys(STRONG_MARKS, Kind.STRONG)
    | dict.fromkeys(WIDE_MARKS, Kind.WIDE)
)


class Rule(Enum):
    """Whether a sentence ends at a mark that white space follows."""

    ENDS = auto()
    GOES_ON = auto()
    UNLESS_LOWER = auto()
    """It ends unless a lower-case word follows."""
    UNLESS_NUMBER = auto()
    UNLESS_ORDINAL = auto()
    """It ends with a number, unless what follows makes that an ordinal."""
    AT_PAUSE = auto()
    """It ends if more of Thai or Lao follows."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words are listed without their last period. One in lower case is meant in lower case and capitalised; one with a
# capital only so, because its lower case is a word of some language ("Hon." and Swedish "hon"). What is single letters
# only ("z.B.", "U.S.") is known by its form and needs no entry, except where it may end a sentence.

_ALWAYS: Final = _words("""
    dr dra drs prof mr mrs ms mx messrs St Ste Mt Ft Hon Rev Sen Gen Rep Gov Capt Lt Col Sgt Maj Pres Supt vs viz cf eg
    ie approx dept
    bzw ca cca circa vgl ggf evtl sog bspw insb inkl exkl zzgl abzgl lt Hr Hrn Fr Frl Dipl Mag ing Abs Abt Bd Mio Mrd
    Tsd nr Dipl.-Ing v.Chr n.Chr
    mme mmes mlle mlles MM mgr p.ex Av sr sra srta sres dña dn Ud Uds Vd p.ej EE núm pág págs nº exmo exma avda
    sig sigg dott avv geom egr spett pag sig.ra sig.na dott.ssa
    dhr mevr mw bijv blz zgn jl d.w.z resp evt tel
    t.ex bl.a f.eks dvs kl klo frk tfn fr.o.m ekskl jf hhv vha mht esim ns ks vrt tms
    např napr tzv tzn tzw tj mj npr inż św godz ul np m.in nám
    dl dna örn bkz doç yrd Sn kb ún ifj özv Tp TP TS ThS PGS
    ул см стр гл проф акад доц напр див вул ім тзв бр нпр π.χ δηλ σελ βλ αρ
    डॉ प्रो ডা ডঃ
""")
_UNLESS_LOWER: Final = _words("""
    etc al a.m p.m Ph.D jr inc ltd corp co bros esq llc ave blvd rd hwy apt ext misc max min avg sec hr hrs mins oz lbs
    ft tsp tbsp est incl excl Jh Jhd usw u.s.w geb gest ff ltda cía ecc enz osv mv m.m m.fl jne ym yms mm
    itd itp atd apod atď ap mln mld zł tys stb vb dsb dst dll EE.UU UU
    т.д т.п др пр руб коп тыс млн млрд гг вв тис грн κ.λπ κλπ κ.ά μ.μ π.μ
""")
"""What also ends sentences."""
_UNLESS_NUMBER: Final = _words("""
    no nos art fig figs vol vols ch op pt cap ok str abb рис
    Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Okt Nov Dec Dez
""")
"""What is a word as well."""
_LISTED: Final = (
    dict.fromkeys(_ALWAYS, Rule.GOES_ON)
    | dict.fromkeys(_UNLESS_LOWER, Rule.UNLESS_LOWER)
    | dict.fromkeys(_UNLESS_NUMBER, Rule.UNLESS_NUMBER)
)
_BEFORE_ORDINAL: Final = _words("""
    am im vom zum zur beim der die das den dem des jeder jeden jedem jedes mein meinen meinem meine sein seinen seinem
    seine ihr ihren ihrem ihre unser unseren unserem unsere
""")
"""German words after which a number with a period is an ordinal: "am 3. Mai", "das 19. Jahrhundert"."""
_MONTHS: Final = _words(
    "Januar Jänner Februar Feber März April Mai Juni Juli August September Oktober November Dezember"
)
"""Months that are capitalised in a language that writes ordinals with a period: "Montag, 3. Mai"."""

_COMMAS: Final = ",;:、，；：،؛"
_OPENERS: Final = "([{\"'“„«»‚‘’”‹›<*_¿¡–—-/"
_NUMBER: Final = re.compile(r"(?:\d{1,2}\.)*(\d{1,4})")
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.-?)*[^\W\d_]")
_ROMAN: Final = re.compile(r"[IVXLCDM]{2,}")
_GREEK_END: Final = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]['\"”’»)]?\Z")


def find_kind(char: str, before: str) -> Kind | None:
    """Tell what kind of end mark a character is after this text."""
    if char == ";":  # the question mark of Greek
        return Kind.STRONG if _GREEK_END.search(before) else None
    if char == " ":
        return Kind.PAUSE if THAI_OR_LAO.match(before[-1:]) else None
    if char == "．" and before[-1:].isdigit():
        return None
    return _KINDS.get(char)


def is_closer(char: str, kind: Kind | None) -> bool:
    """Tell whether a quote or bracket directly after such a mark closes."""
    return char in CLOSERS or (char in _CLOSERS_IN_THE_WEST and kind is not Kind.WIDE)


def find_rule(kind: Kind | None, before: str, length: int, *, is_closed: bool) -> Rule:
    """Find what decides whether a sentence of this length ends at a mark after this text, and closing quotes or not."""
    match kind:
        case Kind.PAUSE if not before.endswith(_THAI_ENDS):
            return Rule.AT_PAUSE if length >= _PAUSE_LENGTH else Rule.GOES_ON
        case Kind.WIDE | Kind.PAUSE:
            return Rule.ENDS
        case Kind.STRONG if not is_closed:
            return Rule.ENDS
        case Kind.PERIOD if not is_closed:
            return _period_rule(before)
    return Rule.UNLESS_LOWER


def _period_rule(before: str) -> Rule:
    """Find what decides whether a sentence ends at a single period after this text.

    Abbreviations go on, or go on before a lower-case word or a number; so do initials: "Plan A. Then" is one sentence,
    which does less harm than "J." alone; but after a number it is a unit, "21 C. Then". Numbers: see `_number_rule`. A
    period in Thai always abbreviates.
    """
    words = before.split()
    if not words or before[-1].isspace():
        return Rule.ENDS
    word = words[-1].lstrip(_OPENERS)
    previous = words[-2].lstrip(_OPENERS) if len(words) > 1 else ""
    if number := _NUMBER.fullmatch(word):
        return _number_rule(number[1], previous)
    if rule := _listed_rule(word, previous):
        return rule
    if THAI_OR_LAO.match(word[-1:]) or (_INITIALS.fullmatch(word) and east_asian_width(word[-1]) not in "WF"):
        return Rule.UNLESS_LOWER if previous[-1:].isdigit() else Rule.GOES_ON
    return Rule.UNLESS_LOWER if _ROMAN.fullmatch(word) else Rule.ENDS


def _listed_rule(word: str, previous: str) -> Rule | None:
    """Look a word up: with the one before it ("p. ex."), by itself, and without an elided article ("l'avv.")."""
    names = (previous + word if previous.endswith(".") else word, word, re.split("['’-]", word)[-1])
    for name in names:
        if rule := _LISTED.get(name) or _LISTED.get(name[:1].lower() + name[1:]):
            return rule
    return None


def _number_rule(number: str, previous: str) -> Rule:
    """Find what decides at a period after a number.

    It goes on at the beginning of a sentence ("1. First") and after a German article or preposition ("am 3. Mai"). Else
    it goes on before a lower-case word ("den 3. maj"), a short one before a number ("3. 5. 2024"), and before a German
    month ("Montag, 3. Mai"); and ends otherwise ("It costs 5. Then").
    """
    if len(number) < 4 and (not previous or previous.lower() in _BEFORE_ORDINAL):
        return Rule.GOES_ON
    return Rule.UNLESS_ORDINAL


def ends_directly(kind: Kind | None, char: str, *, is_closed: bool) -> bool:
    """Tell whether a sentence ends when this follows its mark, and closing quotes or not, without white space."""
    if kind is Kind.WIDE:
        # Japanese goes on after a quote: 「はい。」と言った。
        return char not in _COMMAS and not (is_closed and char in "とっ")
    if kind is not Kind.STRONG:
        return False
    return char in "¿¡" or category(char) in ("Lu", "Lt", "Lo", "Ps", "Pi", "So")


def ends_before(ahead: str, rule: Rule, before: str, *, is_whole: bool) -> bool | None:
    """Tell whether a sentence ends before a word that begins so; None when a letter more may tell otherwise."""
    word = ahead.lstrip(_OPENERS)
    if rule is Rule.ENDS or (is_whole and not word):
        return True
    if rule is Rule.AT_PAUSE:
        return bool(THAI_OR_LAO.match(ahead)) and ahead[0] not in _THAI_MARKS
    if not word:
        return None
    if rule is Rule.UNLESS_NUMBER:
        return not (word[0].isdigit() or _is_lower(word[0]))
    if rule is Rule.UNLESS_ORDINAL and not _is_lower(word[0]):
        return _ends_before_ordinal(word, before, is_whole=is_whole)
    return not _is_lower(word[0])


def _ends_before_ordinal(word: str, before: str, *, is_whole: bool) -> bool | None:
    """Tell whether a sentence that ends with a number ends before a word in upper case or another number."""
    if word[0].isdigit():
        return before[-3:].isdigit()
    name = re.sub(r"\W.*", "", word)
    if is_whole or name != word:
        return name not in _MONTHS
    return None if any(month.startswith(name) for month in _MONTHS) else True


def _is_lower(char: str) -> bool:
    """Tell whether no sentence begins with this letter. In Georgian all letters are small."""
    return char.islower() and not "\u10d0" <= char <= "\u10ff"
