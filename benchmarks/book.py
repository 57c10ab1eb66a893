"""What has been measured, and what it was measured against."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from statistics import median
from typing import Any, Final

FLOOR: Final = "bare request (floor)"
ORATOR: Final = "Orator"
OPENAI: Final = "openai_conversation"


class Unit(StrEnum):
    """What a number counts."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    PERCENT = "%"
    MEBIBYTES = "MiB"


@dataclass(frozen=True, slots=True)
class Where:
    """Under which conditions something is measured. place: where the sound is received."""

    row: str
    case: str
    contender: str
    place: str

    @property
    def normal(self) -> Where:
        """The same; bare requests are received nowhere in Home Assistant."""
        return replace(self, place="-") if self.contender == FLOOR else self


@dataclass(slots=True)
class Series:
    """One thing, measured several times. failures: what happened in the runs that gave no value."""

    where: Where
    metric: str
    unit: Unit
    values: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def median(self) -> float | None:
        """The value in the middle."""
        return median(self.values) if self.values else None

    @property
    def worst(self) -> float | None:
        """The largest value."""
        return max(self.values, default=None)

    @property
    def percentile_95(self) -> float | None:
        """The value under which 95 % lie, between two values in proportion."""
        if not self.values:
            return None
        ordered = sorted(self.values)
        position = 0.95 * (len(ordered) - 1)
        below = int(position)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (position - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that the design promises, and whether it is kept; value is None where there was nothing to measure."""

    row: str
    text: str
    limit: float
    value: float | None
    unit: Unit
    note: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the value is within the limit."""
        return self.value is not None and self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Curve:
    """Sound delivered over time, for the plot: seconds since the text began, seconds of sound."""

    picture: str
    contender: str
    points: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Book:
    """All results of a run."""

    series: list[Series] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def of(self, where: Where, metric: str) -> Series:
        """Return the series of one thing; an empty one where it was not measured."""
        where = where.normal
        found = (series for series in self.series if series.where == where and series.metric == metric)
        return next(found, Series(where, metric, Unit.SECONDS))

    def add(self, where: Where, metric: str, value: float | str | None, unit: Unit = Unit.SECONDS) -> None:
        """Write a value down, or what happened instead."""
        series = self.of(where, metric)
        if not series.values and not series.failures:
            series.unit = unit
            self.series.append(series)
        if isinstance(value, (int, float)):
            series.values.append(value)
        else:
            series.failures.append(value or "no value")

    def note(self, row: str, text: str) -> None:
        """Write down what explains a row; once."""
        notes = self.notes.setdefault(row, [])
        if text not in notes:
            notes.append(text)

    def rows(self) -> Iterator[tuple[str, list[Series]]]:
        """Yield rows with their series, in the order in which they were measured."""
        for row in dict.fromkeys(series.where.row for series in self.series):
            yield row, [series for series in self.series if series.where.row == row]

    def as_json(self) -> dict[str, Any]:
        """Return everything, for a file."""
        return {
            "series": [
                {
                    **asdict(series.where),
                    **{name: getattr(series, name) for name in ("metric", "unit", "median", "percentile_95")},
                    **{name: getattr(series, name) for name in ("values", "failures")},
                }
                for series in self.series
            ],
            "promises": [{**asdict(promise), "kept": promise.is_kept} for promise in self.promises],
            "notes": self.notes,
            "curves": [asdict(curve) for curve in self.curves],
        }


def difference(one: float | None, other: float | None) -> float | None:
    """Subtract where there is something to subtract."""
    return None if one is None or other is None else one - other


def largest(values: Iterable[float | None]) -> float | None:
    """Return the largest value; None where one is missing, or all are."""
    found = list(values)
    present = [value for value in found if value is not None]
    return max(present) if present and len(present) == len(found) else None
