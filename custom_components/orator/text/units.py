"""The words for units after a number, by language."""

from functools import lru_cache
from typing import Final

from .replacements import Replacement

_UNIT_SIGNS: Final = ("°C", "°F", "%", "km/h", "kWh", "kW", "W", "µg/m³")
_SPELLINGS: Final = {"°C": ("°C", "℃"), "°F": ("°F", "℉"), "µg/m³": ("µg/m³", "\u03bcg/m³", "µg/m3", "\u03bcg/m3")}
"""Other ways to write a unit, such as with the Greek letter mu."""
_FEW: Final = ("2", "3", "4")
_UNIT_WORDS: Final = {
    "cs": (
        "stupeň Celsia/stupně Celsia/stupňů Celsia, stupeň Fahrenheita/stupně Fahrenheita/stupňů Fahrenheita, "
        "procento/procenta/procent, kilometr za hodinu/kilometry za hodinu/kilometrů za hodinu, "
        "kilowatthodina/kilowatthodiny/kilowatthodin, kilowatt/kilowatty/kilowattů, watt/watty/wattů, "
        "mikrogram na metr krychlový/mikrogramy na metr krychlový/mikrogramů na metr krychlový"
    ),
    "de": (
        "Grad Celsius, Grad Fahrenheit, Prozent, Kilometer pro Stunde, Kilowattstunde/Kilowattstunden, Kilowatt, Watt, "
        "Mikrogramm pro Kubikmeter"
    ),
    "el": (
        "βαθμός Κελσίου/βαθμοί Κελσίου, βαθμός Φαρενάιτ/βαθμοί Φαρενάιτ, τοις εκατό, "
        "χιλιόμετρο την ώρα/χιλιόμετρα την ώρα, κιλοβατώρα/κιλοβατώρες, κιλοβάτ, βατ, "
        "μικρογραμμάριο ανά κυβικό μέτρο/μικρογραμμάρια ανά κυβικό μέτρο"
    ),
    "en": (
        "degree Celsius/degrees Celsius, degree Fahrenheit/degrees Fahrenheit, percent, "
        "kilometer per hour/kilometers per hour, kilowatt hour/kilowatt hours, kilowatt/kilowatts, watt/watts, "
        "microgram per cubic meter/micrograms per cubic meter"
    ),
    "es": (
        "grado Celsius/grados Celsius, grado Fahrenheit/grados Fahrenheit, por ciento, "
        "kilómetro por hora/kilómetros por hora, kilovatio hora/kilovatios hora, kilovatio/kilovatios, vatio/vatios, "
        "microgramo por metro cúbico/microgramos por metro cúbico"
    ),
    "fr": (
        "degré Celsius/degrés Celsius, degré Fahrenheit/degrés Fahrenheit, pour cent, "
        "kilomètre par heure/kilomètres par heure, kilowattheure/kilowattheures, kilowatt/kilowatts, watt/watts, "
        "microgramme par mètre cube/microgrammes par mètre cube"
    ),
    "it": (
        "grado Celsius/gradi Celsius, grado Fahrenheit/gradi Fahrenheit, per cento, "
        "chilometro orario/chilometri orari, chilowattora, chilowatt, watt, "
        "microgrammo al metro cubo/microgrammi al metro cubo"
    ),
    "ja": "度, 華氏度, パーセント, キロメートル毎時, キロワット時, キロワット, ワット, マイクログラム毎立方メートル",
    "ko": "도, 화씨도, 퍼센트, 킬로미터 매시, 킬로와트시, 킬로와트, 와트, 마이크로그램 매 세제곱미터",
    "nl": (
        "graad Celsius/graden Celsius, graad Fahrenheit/graden Fahrenheit, procent, kilometer per uur, kilowattuur, "
        "kilowatt, watt, microgram per kubieke meter"
    ),
    "pl": (
        "stopień Celsjusza/stopnie Celsjusza/stopni Celsjusza, "
        "stopień Fahrenheita/stopnie Fahrenheita/stopni Fahrenheita, procent, "
        "kilometr na godzinę/kilometry na godzinę/kilometrów na godzinę, "
        "kilowatogodzina/kilowatogodziny/kilowatogodzin, kilowat/kilowaty/kilowatów, wat/waty/watów, "
        "mikrogram na metr sześcienny/mikrogramy na metr sześcienny/mikrogramów na metr sześcienny"
    ),
    "pt": (
        "grau Celsius/graus Celsius, grau Fahrenheit/graus Fahrenheit, por cento, "
        "quilômetro por hora/quilômetros por hora, quilowatt-hora/quilowatts-hora, quilowatt/quilowatts, watt/watts, "
        "micrograma por metro cúbico/microgramas por metro cúbico"
    ),
    "sv": (
        "grad Celsius/grader Celsius, grad Fahrenheit/grader Fahrenheit, procent, kilometer i timmen, "
        "kilowattimme/kilowattimmar, kilowatt, watt, mikrogram per kubikmeter"
    ),
    "zh": "摄氏度, 华氏度, %, 公里每小时, 千瓦时, 千瓦, 瓦, 微克每立方米",
}
"""Words for each of the units: for one, for two to four if it differs, and for other numbers.

In Chinese, the words for % precede the number.
"""


@lru_cache
def unit_replacements(language: str) -> tuple[Replacement, ...]:
    """Return the replacements of units for a language tag such as "de-CH"; none for an unknown language."""
    code = language.replace("_", "-").partition("-")[0].lower()
    words = _UNIT_WORDS.get(code)
    if not words:
        return ()
    replacements: list[Replacement] = []
    for unit, forms in zip(_UNIT_SIGNS, words.split(", "), strict=True):
        one, *few, many = forms.split("/") if "/" in forms else (forms, forms)
        for spelling in _SPELLINGS.get(unit, (unit,)):
            exact = {"1": one, **dict.fromkeys(_FEW if few else (), few[0] if few else "")}
            replacements += [
                Replacement(f"{number}{space}{spelling}", f"{number} {say}", is_unit=True)
                for number, say in exact.items()
                if say != many
                for space in ("", " ")
            ]
            replacements.append(Replacement(spelling, many, is_unit=True))
    return tuple(replacements)
