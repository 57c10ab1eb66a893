"""Spell texts out as `say-as` of SSML asks: characters, digits, telephone numbers and dates.

Voices read numbers, ordinals and times of day well as they are written, so these are left as they are. Home Assistant
installs no library that formats dates (Babel is not among its requirements), so the names of months are here.
"""

from datetime import date
import re
from typing import Final

_SEPARATOR: Final = ", "
"""Separator of characters that are spoken one by one; without a comma, some voices read digits as one number."""
_TELEPHONE_SEPARATOR: Final = " "
"""The same within a group of a telephone number, where commas separate the groups."""
MAX_EXPANDED_CHARS: Final = 200
"""Maximum length of a text that is spelled out."""
_TELEPHONE_GROUP: Final = re.compile(r"[^\W_]+|[+*#]")
_EXTENSION: Final = re.compile(r"[^\W\d_]{2,}")
_DIGITS: Final = re.compile(r"\d+")
_NUMERIC_DATE: Final = re.compile(r"\d{1,4}(?:\s*[-/.]\s*\d{1,4}){1,2}\.?|\d{8}|\d{4}|\d{1,2}\.?")
_ORDERS: Final = frozenset(["mdy", "dmy", "ymd", "md", "dm", "ym", "my", "y", "m", "d"])

# From the Unicode CLDR, in the case that follows a day.
_MONTH_NAMES: Final = {
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "el": "Ιανουαρίου Φεβρουαρίου Μαρτίου Απριλίου Μαΐου Ιουνίου Ιουλίου Αυγούστου Σεπτεμβρίου Οκτωβρίου Νοεμβρίου"
    " Δεκεμβρίου",
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
}
_MONTH_NAMES_ALONE: Final = {
    "cs": "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
    "el": "Ιανουάριος Φεβρουάριος Μάρτιος Απρίλιος Μάιος Ιούνιος Ιούλιος Αύγουστος Σεπτέμβριος Οκτώβριος Νοέμβριος"
    " Δεκέμβριος",
    "pl": "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień",
}
"""Names of months without a day, where they differ."""
_DAYS: Final = {"cs": "{}.", "de": "{}."}
_FIRST_DAY: Final = {"fr": "1er", "it": "1º", "pt": "1º"}
_WITH_DAY: Final = {"en": "{month} {day}", "es": "{day} de {month}", "pt": "{day} de {month}"}
_WITH_YEAR: Final = {"en": "{rest}, {year}", "es": "{rest} de {year}", "pt": "{rest} de {year}"}
_DATE_UNITS: Final = {"ja": ("{}年", "{}月", "{}日"), "zh": ("{}年", "{}月", "{}日"), "ko": ("{}년", "{}월", "{}일")}
"""Year, month and day in languages that write them with units."""
_SPACES_OF_DATE_UNITS: Final = {"ko": " "}
_MONTH_FIRST: Final = re.compile(r"en(?:-(?:US|PH))?", re.IGNORECASE)
"""Languages that write 12/24 for 24 December."""
_YEAR_FIRST: Final = frozenset(("ja", "ko", "zh", "sv"))


_KINDS: Final = {
    **dict.fromkeys(("characters", "character", "spell-out", "verbatim", "letters"), "characters"),
    **dict.fromkeys(("digits", "number_digit"), "digits"),
    "telephone": "telephone",
    "date": "date",
}


def can_expand(interpret_as: str) -> bool:
    """Return whether texts of a kind are spelled out."""
    return interpret_as.lower() in _KINDS


def expand(text: str, interpret_as: str, form: str, language: str) -> str:
    """Return the words to say for a text; `form` is the format that markup states, `language` a language tag.

    A text that is not of the stated kind, or whose language is unknown, is returned as it is.
    """
    text = " ".join(text.split())
    if len(text) > MAX_EXPANDED_CHARS:
        return text
    match _KINDS.get(interpret_as.lower()):
        case "characters":
            return _SEPARATOR.join(_spell(character) for character in text if not character.isspace())
        case "digits":
            return _DIGITS.sub(lambda match: _SEPARATOR.join(match.group()), text)
        case "telephone":
            return _expand_telephone(text)
        case "date":
            return _expand_date(text, form.strip().lower(), language)
    return text


def _spell(character: str) -> str:
    """Return a character as a voice names it: "a" would be an article in some languages."""
    upper = character.upper()
    return upper if len(upper) == 1 else character


def _expand_telephone(text: str) -> str:
    """Return a telephone number digit by digit, with a pause between its groups."""
    groups: list[str] = []
    for match in _TELEPHONE_GROUP.finditer(text):
        group = match.group()
        is_word = _EXTENSION.fullmatch(group) and not group.isupper()  # "ext."
        groups.append(group if is_word else _TELEPHONE_SEPARATOR.join(map(_spell, group)))
    return _SEPARATOR.join(groups).replace("+, ", "+")


def _expand_date(text: str, form: str, language: str) -> str:
    """Return a date with the name of its month, or in East Asian languages with its units."""
    order = form if form in _ORDERS else _guess_order(text, language)
    numbers = _DIGITS.findall(text)
    if _NUMERIC_DATE.fullmatch(text) and len(text) == 8 and text.isdecimal() and len(order) == 3:
        numbers = _divide(text, order)
    if not _NUMERIC_DATE.fullmatch(text) or len(numbers) != len(order):
        return text
    values = {unit: int(number) for unit, number in zip(order, numbers, strict=True)}
    if not _is_date(values):
        return text
    return _write_date(values, language) or text


def _guess_order(text: str, language: str) -> str:
    """Return the order of day, month and year in a date without a stated format, or an empty text."""
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text):
        return "ymd"
    numbers = _DIGITS.findall(text)
    if len(numbers) == 3 and len(numbers[0]) == 4:
        return "ymd"
    if len(numbers) not in (2, 3) or _base(language) in _YEAR_FIRST:
        return ""
    is_month_first = "." not in text and _MONTH_FIRST.fullmatch(language)
    return ("md" if is_month_first else "dm") + "y" * (len(numbers) - 2)


def _divide(digits: str, order: str) -> list[str]:
    """Return the numbers of a date that is written without separators."""
    lengths = [4 if unit == "y" else 2 for unit in order]
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    return [digits[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def _is_date(values: dict[str, int]) -> bool:
    try:
        date(values.get("y", 2000) or 2000, values.get("m", 1), values.get("d", 1))
    except ValueError:
        return False
    return True


def _write_date(values: dict[str, int], language: str) -> str:
    """Return a date in a language, or an empty text if the language is unknown."""
    base = _base(language)
    year, month, day = values.get("y"), values.get("m"), values.get("d")
    if units := _DATE_UNITS.get(base):
        parts = [unit.format(value) for unit, value in zip(units, (year, month, day), strict=True) if value is not None]
        return _SPACES_OF_DATE_UNITS.get(base, "").join(parts)
    if base not in _MONTH_NAMES:
        return ""
    words = "" if day is None else _DAYS.get(base, "{}").format(day)
    if day == 1:
        words = _FIRST_DAY.get(base, words)
    if month is not None:
        names = _MONTH_NAMES[base] if day is not None else _MONTH_NAMES_ALONE.get(base, _MONTH_NAMES[base])
        name = names.split()[month - 1]
        words = _WITH_DAY.get(base, "{day} {month}").format(day=words, month=name) if words else name
    if year is None:
        return words
    if not words:
        return str(year)
    form = "{rest} {year}" if base == "en" and day is None else _WITH_YEAR.get(base, "{rest} {year}")
    return form.format(rest=words, year=year)


def _base(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()
