"""Options of models: their values and the parsing of settings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import json
from math import isnan
from typing import Any, Final, override
from unicodedata import category

from .errors import InvalidSettingError
from .languages import normalize_tag

MAX_ID_CHARS: Final = 200
"""Maximum length of the ID or name of a model, a voice or another thing."""
_NO_NAME_CATEGORIES: Final = ("Cc", "Cs", "Cn", "Zl", "Zp")
"""Unicode categories that are in no name: control characters, surrogates, unassigned characters and line breaks."""
_MAX_TAG_CHARS: Final = 35
"""Length of the longest language tags, according to RFC 5646."""
_MAX_OBJECT_CHARS: Final = 1024 * 1024
"""Maximum length of an object as JSON, which may contain a recording to imitate."""


def parse_id(key: str, value: Any) -> str:
    """Return an ID or name from outside, without surrounding spaces; YAML may turn an ID into an integer.

    Raises InvalidSettingError for the setting `key` unless it is text of 1 to `MAX_ID_CHARS` characters in one line.
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    if not isinstance(value, str) or len(value) > MAX_ID_CHARS:
        raise InvalidSettingError(code=key)
    parsed = value.strip()
    if not parsed or any(category(character) in _NO_NAME_CATEGORIES for character in parsed):
        raise InvalidSettingError(code=key)
    return parsed


class OptionGroup(StrEnum):
    """Part of the voice form that shows an option."""

    COMMON = "common"
    FINE_TUNING = "fine_tuning"
    ADVANCED = "advanced"


@dataclass(frozen=True, slots=True)
class Option(ABC):
    """An option of a model. `key` is its key in a voice's settings and in the options of `tts.speak`."""

    key: str
    group: OptionGroup = field(default=OptionGroup.COMMON, kw_only=True)

    @abstractmethod
    def parse(self, value: Any) -> Any:
        """Return a value in the type that the provider accepts. Raises InvalidSettingError."""

    def nearest(self, value: Any) -> Any:
        """Return the valid value nearest to another model's value, or None if there is none."""
        try:
            return self.parse(value)
        except InvalidSettingError:
            return None


@dataclass(frozen=True, slots=True)
class NumberOption(Option):
    """A number in a range."""

    minimum: float
    maximum: float
    step: float
    default: float
    is_integer: bool = False
    unit: str = field(default="", kw_only=True)
    """Symbol of the unit."""

    @override
    def parse(self, value: Any) -> float:
        try:
            number = float(value)
        except (OverflowError, TypeError, ValueError) as err:
            raise InvalidSettingError(code=self.key) from err
        if not self.minimum <= number <= self.maximum or (self.is_integer and not number.is_integer()):
            raise InvalidSettingError(code=self.key)
        return int(number) if self.is_integer else number

    @override
    def nearest(self, value: Any) -> float | None:
        try:
            number = float(value)
        except OverflowError, TypeError, ValueError:
            return None
        if isnan(number):
            return None
        nearest = min(max(number, self.minimum), self.maximum)
        return round(nearest) if self.is_integer else nearest


@dataclass(frozen=True, slots=True)
class TextOption(Option):
    """Free text."""

    max_chars: int

    @override
    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > self.max_chars:
            raise InvalidSettingError(code=self.key)
        return value


@dataclass(frozen=True, slots=True)
class ChoiceOption(Option):
    """One of several strings."""

    choices: tuple[str, ...]
    default: str
    precedes_model: bool = False
    """Whether the option must be chosen before the model, because it determines the available models."""

    @override
    def parse(self, value: Any) -> str:
        if value not in self.choices:
            raise InvalidSettingError(code=self.key)
        return str(value)


@dataclass(frozen=True, slots=True)
class LanguageOption(Option):
    """The language of the text as a BCP 47 tag. The language of a call is its value if none is set."""

    @override
    def parse(self, value: Any) -> str:
        tag = normalize_tag(value) if isinstance(value, str) and len(value) <= _MAX_TAG_CHARS else ""
        if not tag:
            raise InvalidSettingError(code=self.key)
        return tag


@dataclass(frozen=True, slots=True)
class ObjectOption(Option):
    """A JSON object that is passed to the provider unchanged."""

    @override
    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise InvalidSettingError(code=self.key)
        try:
            length = len(json.dumps(dict(value), allow_nan=False))
        except (RecursionError, TypeError, ValueError) as err:  # for example a date from YAML
            raise InvalidSettingError(code=self.key) from err
        if length > _MAX_OBJECT_CHARS:
            raise InvalidSettingError(code=self.key)
        return dict(value)
