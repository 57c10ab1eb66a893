"""Periods that do not end a sentence: abbreviations of many languages, ordinals, initials, eras."""

# ruff: noqa: RUF001 the letters of all scripts look similar

from enum import Enum, auto
import re
from typing import Final
from unicodedata import east_asian_width


class EndRule(Enum):
    """Condition under which a sentence ends at an end mark before white space."""

    ALWAYS = auto()
    NEVER = auto()
    UNLESS_LOWER_CASE = auto()
    """Unless a word in lower case follows."""
    UNLESS_DIGIT = auto()
    """Unless digits, but not the number of a list item, or a word in lower case follow."""
    UNLESS_NUMBER = auto()
    """Unless digits, a Roman numeral, an initial or a word in lower case follow."""
    UNLESS_ORDINAL = auto()
    """After a number, unless the text after it makes it an ordinal."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words are listed without their last period. A word in lower case also stands for the capitalized word. A word with a
# capital stands for itself only, because the word in lower case is a different one (Swedish "hon" is not "Hon.").
# Single letters ("z.B.", "U.S.") are recognized without an entry, unless they may end a sentence. So are short words
# before a number or a word in lower case: an entry is needed if a capital may follow.

_ABBREVIATIONS: Final = _words("""
    dr dra drs prof mr mrs ms mx messrs St Ste Mt Ft Hon Rev Sen Gen Rep Gov Capt Lt Col Sgt Maj Pres Supt vs viz cf eg
    ie approx dept n°
    bzw ca cca circa vgl ggf evtl sog bspw insb inkl exkl zzgl abzgl lt Hr Hrn Fr Frl Dipl Mag ing Abs Abt Bd Mio Mrd
    Tsd nr Dipl.-Ing dr.med dr.phil dr.jur dr.theol dr.rer rer.nat rer.pol ev kath evang dt engl frz griech röm städt
    staatl allg entspr einschl betr hl
    mme mmes mlle mlles MM mgr p.ex Av sr sra srta sres dña dn Ud Uds Vd p.ej EE núm pág págs nº exmo exma avda
    lic arq admón gral c.-à-d
    sig sigg dott avv geom egr spett pag sig.ra sig.na dott.ssa prof.ssa rag Dir
    dhr mevr mw bijv blz zgn jl d.w.z resp evt tel
    t.ex bl.a f.eks dvs kl klo frk tfn fr.o.m ekskl jf hhv vha skt kgl mht esim ns ks vrt tms
    např napr tzv tzn tzw tj mj npr inż św godz ul pl np m.in nám
    dl dna örn bkz doç yrd Sn kb ún ifj özv Tp TP TS ThS PGS
    ул пл пос пгт стр гл проф акад доц напр див вул ім тзв гг рр бр нпр π.χ δηλ σελ βλ αρ
    डॉ प्रो ডা ডঃ
""")
_ABBREVIATIONS_BEFORE_LOWER_CASE: Final = _words("""
    a.m p.m Ph.D co ave ltda cía u.s.w jne ym m.m EE.UU UU
    v.Chr n.Chr a.C d.C J.-C n.l n.e p.n.e н.э
    т.д т.п κ.ά μ.μ π.μ
""")
"""Abbreviations that may end a sentence, unless a word in lower case follows."""
_ABBREVIATIONS_BEFORE_NUMBERS: Final = _words("""
    no nos art fig figs sec ch vol vols op pt cap ok abb av ap рис cra
    Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Okt Nov Dec Dez janv févr avr juil déc ene abr ago dic giu lug ott
""")
"""Abbreviations that are also words unless a number, an initial or a word in lower case follows."""
_RULES_FOR_ABBREVIATIONS: Final = (
    dict.fromkeys(_ABBREVIATIONS, EndRule.NEVER)
    | dict.fromkeys(_ABBREVIATIONS_BEFORE_LOWER_CASE, EndRule.UNLESS_LOWER_CASE)
    | dict.fromkeys(_ABBREVIATIONS_BEFORE_NUMBERS, EndRule.UNLESS_NUMBER)
)
_UNIT_LETTERS: Final = "mglhstмлчст"
"""Units in lower case, which may end a sentence after a number, unlike eras and years."""
_ABBREVIATIONS_AFTER_WORDS: Final = {"es": ("ad", "per"), "lib": ("ad",)}
"""Abbreviations that are recognized by the word before them, because they are words of another language."""

_COMMON_WORDS: Final = _words("""
    on off in out up bed door room hall shut open lit hot cold warm wet left right light dark full past next last back
    well then not clean lock floor car east west north south rain wind snow fog again soon just that this it him them
    us all still home moon gone been will now down
    auf aus an ab kalt warm heiß offen weg hell satt gut fest leer voll rot grün blau tot wach nass da Bett Flur Bad
    Haus Raum Licht Dach Hof Uhr Grad Tag Jahr Kind Hund ist sind war wird nicht noch mehr sehr jetzt dort hier fort
    zurück mir dir ihm ihn uns euch mich dich
    uit aan dicht koud thuis huis hem het nuit jour lit bien chaud froid mal luz sol
    på till hem varm kall kold hjem hus ned igen
""")
"""Short words that are never abbreviations, except "in" after a number."""

_WORDS_BEFORE_ORDINALS: Final = _words("""
    am im vom zum zur beim der die das den dem des jeder jeden jedem jedes mein meinen meinem meine sein seinen seinem
    seine ihr ihren ihrem ihre unser unseren unserem unsere
    lat lata latach
""")
"""German words before ordinals ("am 3. Mai", "das 19. Jahrhundert"), and Polish ones ("w latach 70. Anna")."""
WORDS_AFTER_ORDINALS: Final = _words("""
    Januar Jänner Februar Feber März April Mai Juni Juli August September Oktober November Dezember
    Jahrhundert Jahrhunderts Jahrtausend Geburtstag Weltkrieg Weltkriegs Stockwerk Lebensjahr
""")
"""Capitalized words after ordinals: "Montag, 3. Mai"."""

OPENERS: Final = "([{\"'“„«»‚‘’”‹›<*_¿¡–—-/•‣⁃▪◦●"
"""Marks that may stand before a word, including bullets."""
_NUMBER_BEFORE_PERIOD: Final = re.compile(r"(?:\d{1,2}\.)*(?:\d{1,3}\.?[–-])?(\d{1,4})")
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.-?)*[^\W\d_]")
_PREFIX: Final = re.compile(".*['’(-]")
_ROMAN_NUMERAL: Final = re.compile(r"[IVXLCDM]{2,}")
_INNER_PERIOD: Final = re.compile(r"[^\W\d_]\.-?[^\W\d_]")
_FINAL_CONSONANTS: Final = "bcdfghjklmnpqrstvwxzßðþçćčďđğģķļľłñńņňŕřśşșšţțťźżžбвгджзклмнпрстфхцчшщβγδζθκλμξπρστφχψ"
"""Letters with which abbreviations end. After a vowel, or the ν or ς of many Greek words, a period is certain."""
_MAX_SHORT_WORD_CHARS: Final = 5
_THAI_OR_LAO: Final = re.compile(r"[\u0e00-\u0eff]")
_ARMENIAN_END: Final = re.compile(r"[\u0531-\u0587]['\"”’»)]?\Z")


def is_after_armenian(before: str) -> bool:
    """Return whether a text ends with an Armenian letter: a colon ends the sentence, and a period is a colon."""
    return bool(_ARMENIAN_END.search(before))


def is_number_of_item(before: str) -> bool:
    """Return whether a text is only the number of a list item, maybe after a bullet."""
    return bool(_NUMBER_BEFORE_PERIOD.fullmatch(before.strip().lstrip(f"{OPENERS} ")))


def find_period_rule(before: str) -> EndRule:
    """Return the rule for a single period after a text.

    A sentence does not end after initials: joining "Plan A." and "Then" does less harm than speaking "J." alone.
    In Thai, a period always marks an abbreviation. A period after white space belongs to an ellipsis (". . .").
    """
    if not before.strip(". "):
        return EndRule.NEVER
    if before[-1].isspace():
        return EndRule.UNLESS_LOWER_CASE
    *_, previous, word = ["", *before.rsplit(maxsplit=2)]
    word, previous = word.lstrip(OPENERS), previous.lstrip(OPENERS)
    if number := _NUMBER_BEFORE_PERIOD.fullmatch(word):
        return _find_number_rule(number[1], previous)
    if rule := _find_abbreviation_rule(word, previous):
        return rule
    if _THAI_OR_LAO.match(word[-1:]) or (_INITIALS.fullmatch(word) and east_asian_width(word[-1]) not in "WF"):
        return _find_letter_rule(word, previous)
    return _find_word_rule(word, previous)


def _find_letter_rule(word: str, previous: str) -> EndRule:
    """Return the rule after initials. A letter after a number is a unit ("21 C. Then"), or an era ("476 n. Chr.")."""
    if not previous[-1:].isdigit():
        return EndRule.NEVER
    is_era = word.islower() and word not in _UNIT_LETTERS
    return EndRule.NEVER if is_era else EndRule.UNLESS_LOWER_CASE


def _find_word_rule(word: str, previous: str) -> EndRule:
    """Return the rule after a word without an entry: a short one, or one with inner periods, may be an abbreviation."""
    if (word in _COMMON_WORDS or word.lower() in _COMMON_WORDS) and not (word == "in" and previous[-1:].isdigit()):
        return EndRule.ALWAYS
    if _ROMAN_NUMERAL.fullmatch(word) or is_after_armenian(word[-2:]):
        return EndRule.UNLESS_LOWER_CASE
    if len(word) <= _MAX_SHORT_WORD_CHARS and word.isalpha() and word[-1] in _FINAL_CONSONANTS:
        has_vowels = any(letter not in _FINAL_CONSONANTS for letter in word.lower())
        return EndRule.UNLESS_DIGIT if has_vowels else EndRule.UNLESS_NUMBER
    may_be_abbreviation = word.endswith("str") or ("." in word and _INNER_PERIOD.search(word))
    return EndRule.UNLESS_DIGIT if may_be_abbreviation else EndRule.ALWAYS


def _find_abbreviation_rule(word: str, previous: str) -> EndRule | None:
    """Look up a word with the preceding one ("p. ex."), alone, and without an elided article ("l'avv.")."""
    if previous.lower() in _ABBREVIATIONS_AFTER_WORDS.get(word, ()):
        return EndRule.NEVER
    names = [word]
    if previous.endswith("."):
        names.insert(0, previous + word)
    if prefix := _PREFIX.match(word):
        names.append(word[prefix.end() :])
    for name in names:
        rule = _RULES_FOR_ABBREVIATIONS.get(name) or _RULES_FOR_ABBREVIATIONS.get(name[:1].lower() + name[1:])
        if rule:
            return rule
    return None


def _find_number_rule(number: str, previous: str) -> EndRule:
    """Return the rule for a period after a number.

    The sentence continues after a number at its start ("1. First") and after some words ("am 3. Mai"). Otherwise it
    continues before a word in lower case ("den 3. maj"), after a short number before another ("3. 5. 2024"), and
    before some German words ("Montag, 3. Mai").
    """
    if len(number) < 4 and (not previous or previous.lower() in _WORDS_BEFORE_ORDINALS):
        return EndRule.NEVER
    return EndRule.UNLESS_ORDINAL
