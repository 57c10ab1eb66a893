"""Results of a run: series of values, goals and curves."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from statistics import median
from typing import Any, Final

FLOOR: Final = "bare request (floor)"
ORATOR: Final = "Orator"
OPENAI: Final = "openai_conversation"


class Unit(StrEnum):
    """Unit of a value."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    PERCENT = "%"
    MEBIBYTES = "MiB"
    WORDS = "words"
    REQUESTS = "requests"


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """The conditions of a measurement. delivery: where Home Assistant delivers the audio."""

    row: str
    case: str
    candidate: str
    delivery: str

    @property
    def normalized(self) -> SeriesKey:
        """The key without a delivery for bare requests, which bypass Home Assistant."""
        return replace(self, delivery="-") if self.candidate == FLOOR else self


@dataclass(slots=True)
class Series:
    """Values of a metric under the same conditions. failures: reasons of the runs without a value."""

    key: SeriesKey
    metric: str
    unit: Unit
    values: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def median(self) -> float | None:
        """Median of the values."""
        return median(self.values) if self.values else None

    @property
    def worst(self) -> float | None:
        """Largest value."""
        return max(self.values, default=None)

    @property
    def percentile_95(self) -> float | None:
        """95th percentile of the values, linearly interpolated."""
        if not self.values:
            return None
        ordered = sorted(self.values)
        position = 0.95 * (len(ordered) - 1)
        below = int(position)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (position - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: an upper limit, and the measured value; None if nothing was measured."""

    row: str
    text: str
    limit: float
    value: float | None
    unit: Unit
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the value is within the limit."""
        return self.value is not None and self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Curve:
    """Audio delivered over time, for the plot: seconds since the start of the text, seconds of audio."""

    plot: str
    candidate: str
    points: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Results:
    """All results of a run."""

    series: list[Series] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def find(self, key: SeriesKey, metric: str) -> Series:
        """Return the series of a metric, empty if it was not measured."""
        key = key.normalized
        found = (series for series in self.series if series.key == key and series.metric == metric)
        return next(found, Series(key, metric, Unit.SECONDS))

    def add(self, key: SeriesKey, metric: str, value: float | str | None, unit: Unit = Unit.SECONDS) -> None:
        """Add a value, or the reason why there is none."""
        series = self.find(key, metric)
        if not series.values and not series.failures:
            series.unit = unit
            self.series.append(series)
        if isinstance(value, (int, float)):
            series.values.append(value)
        else:
            series.failures.append(value or "no value")

    def add_note(self, row: str, text: str) -> None:
        """Add an explanation to a row, once."""
        notes = self.notes.setdefault(row, [])
        if text not in notes:
            notes.append(text)

    def rows(self) -> Iterator[tuple[str, list[Series]]]:
        """Yield rows with their series, in the order of measurement."""
        for row in dict.fromkeys(series.key.row for series in self.series):
            yield row, [series for series in self.series if series.key.row == row]

    def as_json(self) -> dict[str, Any]:
        """Return all results as JSON data."""
        return {
            "series": [
                {
                    **asdict(series.key),
                    **{name: getattr(series, name) for name in ("metric", "unit", "median", "percentile_95")},
                    **{name: getattr(series, name) for name in ("values", "failures")},
                }
                for series in self.series
            ],
            "goals": [{**asdict(goal), "met": goal.is_met} for goal in self.goals],
            "notes": self.notes,
            "curves": [asdict(curve) for curve in self.curves],
        }


def difference(minuend: float | None, subtrahend: float | None) -> float | None:
    """Return the difference of two values, None if one is missing."""
    return None if minuend is None or subtrahend is None else minuend - subtrahend


def largest(values: Iterable[float | None]) -> float | None:
    """Return the largest value, None if one is missing or there are none."""
    found = list(values)
    present = [value for value in found if value is not None]
    return max(present) if present and len(present) == len(found) else None
