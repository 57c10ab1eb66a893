"""Tables of results."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from .results import FLOOR, OPENAI, Goal, Results, Series, Unit
from .rows import ROWS

_EMPTY: Final = "-"
_SERIES_COLUMNS: Final = (
    *("case", "metric", "delivery", "candidate"),
    *("runs", "median", "p95", "over floor", "openai_c. ÷ it"),
)
_SERIES_TEXT_COLUMNS: Final = frozenset({"case", "metric", "delivery", "candidate"})
_GOAL_COLUMNS: Final = ("goal", "limit", "measured", "result", "note")
_GOAL_TEXT_COLUMNS: Final = frozenset({"goal", "note"})
_JSON_ONLY_METRICS: Final = ("all gaps", "longest garbage collection")
_MAX_NOTE_CHARS: Final = 72
_DIGITS: Final = {
    Unit.SECONDS: 3,
    Unit.MILLISECONDS: 1,
    Unit.PERCENT: 2,
    Unit.MEBIBYTES: 1,
    Unit.WORDS: 0,
    Unit.REQUESTS: 0,
}


def tables(results: Results) -> str:
    """Return a table for each row of the benchmark, and one of the goals."""
    titles = {row.name: row.title for row in ROWS}
    parts = []
    for row, series in results.rows():
        cells = [_series_cells(results, one) for one in _select(series)]
        lines = _align(_SERIES_COLUMNS, cells, _SERIES_TEXT_COLUMNS)
        notes = [f"  {note}" for note in results.notes.get(row, [])]
        parts.append("\n".join([f"{titles[row]}  [{row}]", *lines, *notes]))
    goals = _align(_GOAL_COLUMNS, [_goal_cells(goal) for goal in results.goals], _GOAL_TEXT_COLUMNS)
    parts.append("\n".join(["Goals", *goals]))
    return "\n\n".join(parts) + "\n"


def _select(series: list[Series]) -> list[Series]:
    """Return the series to show: no details, and one series for a candidate that failed."""
    selected: list[Series] = []
    for one in series:
        is_repeated_failure = not one.values and any(not other.values and other.key == one.key for other in selected)
        if one.metric not in _JSON_ONLY_METRICS and not is_repeated_failure:
            selected.append(one)
    return selected


def _series_cells(results: Results, series: Series) -> list[str]:
    """Return the cells of a series."""
    key = series.key
    floor = results.find(replace(key, candidate=FLOOR), series.metric)
    openai = results.find(replace(key, candidate=OPENAI), series.metric)
    value = series.median
    is_latency = series.metric.startswith("first audio")
    over_floor = ratio = _EMPTY
    if is_latency and value is not None and key.candidate != FLOOR and floor.median is not None:
        over_floor = f"{(value - floor.median) * 1000:+.0f} ms"
    if is_latency and value and openai.median is not None and openai is not series:
        ratio = f"{openai.median / value:.1f} x"
    runs = f"{len(series.values)}"
    if series.failures:
        runs += f" + {len(series.failures)} failed"
    numbers = [_format(number, series.unit) for number in (value, series.percentile_95)]
    return [key.case, series.metric, key.delivery, key.candidate, runs, *numbers, over_floor, ratio]


def _goal_cells(goal: Goal) -> list[str]:
    """Return the cells of a goal."""
    limit = f"<= {_format(goal.limit, goal.unit)}"
    result = "met" if goal.is_met else "NOT MET"
    note = goal.note if len(goal.note) <= _MAX_NOTE_CHARS else f"{goal.note[: _MAX_NOTE_CHARS - 3]}..."
    return [goal.text, limit, _format(goal.value, goal.unit), result, note]


def _format(value: float | None, unit: Unit) -> str:
    return _EMPTY if value is None else f"{value:.{_DIGITS[unit]}f} {unit}"


def _align(columns: Sequence[str], rows: Iterable[Sequence[str]], text_columns: frozenset[str]) -> list[str]:
    """Return the lines of a table with text aligned to the left and numbers to the right."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]

    def align(line: list[str]) -> str:
        cells = [
            cell.ljust(width) if column in text_columns else cell.rjust(width)
            for column, cell, width in zip(columns, line, widths, strict=True)
        ]
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return [align(lines[0]), rule, *map(align, lines[1:])]
