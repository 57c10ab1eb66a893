"""Errors of the account and voice forms."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.const import CONF_NAME

from .const import CONF_CHIME, CONF_CHIME_AFTER, CONF_REPLACEMENTS, CONF_VOICE, CONF_VOICE_ID
from .form_texts import FormTexts
from .providers.errors import InvalidSettingError
from .providers.options import LanguageOption, NumberOption, ObjectOption, Option, TextOption

WHOLE_FORM: Final = "base"
"""Key of an error that is not about a field."""
_ERRORS: Final = {
    CONF_NAME: "invalid_text",
    CONF_VOICE: "invalid_text",
    CONF_VOICE_ID: "invalid_text",
    CONF_REPLACEMENTS: "invalid_replacements",
    CONF_CHIME: "chime_missing",
    CONF_CHIME_AFTER: "chime_missing",
}
"""Errors of the fields that are no options."""


class FormError(Exception):
    """An error of the user's input, shown in the form. `field`: the field that the error is about."""

    def __init__(self, translation_key: str, field: str = WHOLE_FORM, **placeholders: str) -> None:
        """Create an error with the placeholders of its text."""
        super().__init__(translation_key)
        self.translation_key = translation_key
        self.field = field
        self.placeholders = placeholders


def describe_invalid_setting(
    err: InvalidSettingError, options: Iterable[Option], entered: Mapping[str, Any], texts: FormTexts
) -> FormError:
    """Return the error of an invalid setting, with its value and the valid range."""
    key = str(err.code)
    option = next((option for option in options if option.key == key), None)
    match option:
        case NumberOption():
            return FormError(
                "not_in_range_of_integers" if option.is_integer else "not_in_range",
                key,
                value=_format_entered(entered.get(key), texts),
                minimum=texts.number(option.minimum),
                maximum=f"{texts.number(option.maximum)} {option.unit}".strip(),
            )
        case TextOption():
            return FormError("text_too_long", key, maximum=texts.number(option.max_chars))
        case LanguageOption():
            return FormError("invalid_language", key, value=str(entered.get(key)))
        case ObjectOption():
            return FormError("invalid_object", key)
    return FormError(_ERRORS.get(key, err.translation_key), key, chime=str(entered.get(key)))


def number_ranges(options: Iterable[Option], texts: FormTexts) -> dict[str, str]:
    """Return the placeholders for the ranges of numbers in the help texts."""
    numbers = [option for option in options if isinstance(option, NumberOption)]
    minima = {f"{number.key}_minimum": texts.number(number.minimum) for number in numbers}
    return minima | {f"{number.key}_maximum": texts.number(number.maximum) for number in numbers}


def _format_entered(value: Any, texts: FormTexts) -> str:
    """Return an entered value, which need not be a number."""
    return texts.number(value) if isinstance(value, (int, float)) else str(value)
