"""Options of models: their values and the parsing of settings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
import json
from math import isnan
from typing import Any, override

from .errors import InvalidSettingError


@dataclass(frozen=True, slots=True)
class Option(ABC):
    """An option of a model. `key` is its key in a voice's settings and in the options of `tts.speak`."""

    key: str

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

    @override
    def parse(self, value: Any) -> float:
        try:
            number = float(value)
        except (OverflowError, TypeError, ValueError) as err:
            raise InvalidSettingError(code=self.key) from err
        if not self.minimum <= number <= self.maximum:
            raise InvalidSettingError(code=self.key)
        return number

    @override
    def nearest(self, value: Any) -> float | None:
        try:
            number = float(value)
        except OverflowError, TypeError, ValueError:
            return None
        return None if isnan(number) else min(max(number, self.minimum), self.maximum)


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
class IntegerChoiceOption(Option):
    """One of several integers."""

    values: tuple[int, ...]

    @override
    def parse(self, value: Any) -> int:
        for allowed in self.values:
            if value in (allowed, str(allowed)):
                return allowed
        raise InvalidSettingError(code=self.key)


@dataclass(frozen=True, slots=True)
class ObjectOption(Option):
    """A JSON object that is passed to the provider unchanged."""

    @override
    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise InvalidSettingError(code=self.key)
        try:
            json.dumps(dict(value), allow_nan=False)
        except (RecursionError, TypeError, ValueError) as err:  # for example a date from YAML
            raise InvalidSettingError(code=self.key) from err
        return dict(value)
