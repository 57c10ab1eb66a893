"""The settings that models take: what values they have, and what they are parsed to."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
import json
from math import isnan
from typing import Any, override

from .errors import InvalidSettingError


@dataclass(frozen=True, slots=True)
class Option(ABC):
    """A setting that a model takes, named as in the provider's own words wherever it has some."""

    key: str

    @abstractmethod
    def parse(self, value: Any) -> Any:
        """Return the value as the provider takes it. Raises InvalidSettingError."""

    def nearest(self, value: Any) -> Any:
        """Return what comes nearest to a value that was meant for another model; None where nothing does."""
        try:
            return self.parse(value)
        except InvalidSettingError:
            return None


@dataclass(frozen=True, slots=True)
class NumberOption(Option):
    """A number within a range."""

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
    """One of several words."""

    choices: tuple[str, ...]
    default: str
    precedes_model: bool = False
    """Whether it decides so much that it has to be made before there is a model to choose."""

    @override
    def parse(self, value: Any) -> str:
        if value not in self.choices:
            raise InvalidSettingError(code=self.key)
        return str(value)


@dataclass(frozen=True, slots=True)
class IntegerChoiceOption(Option):
    """One of several whole numbers."""

    values: tuple[int, ...]

    @override
    def parse(self, value: Any) -> int:
        rung = next((rung for rung in self.values if value in (rung, str(rung))), None)
        if rung is None:
            raise InvalidSettingError(code=self.key)
        return rung


@dataclass(frozen=True, slots=True)
class ObjectOption(Option):
    """An object that is passed on as it is, in JSON."""

    @override
    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise InvalidSettingError(code=self.key)
        try:
            json.dumps(dict(value), allow_nan=False)
        except (RecursionError, TypeError, ValueError) as err:  # a date, for instance: YAML has more than JSON
            raise InvalidSettingError(code=self.key) from err
        return dict(value)
