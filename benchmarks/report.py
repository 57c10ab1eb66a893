"""The tables."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from .book import FLOOR, OPENAI, Book, Promise, Series, Unit
from .rows import ROWS

_NOTHING: Final = "-"
_COLUMNS: Final = ("case", "what", "at", "contender", "runs", "median", "p95", "over floor", "openai_c. ÷ it")
_LEFT: Final = 4  # columns of text
_PROMISED: Final = ("promise", "limit", "measured", "verdict", "remark")
_DETAILS: Final = ("all gaps", "longest garbage collection")
"""What is only in the file."""
_LONGEST_REMARK: Final = 72
_DIGITS: Final = {Unit.SECONDS: 3, Unit.MILLISECONDS: 1, Unit.PERCENT: 2, Unit.MEBIBYTES: 1}


def tables(book: Book) -> str:
    """Return everything measured, row by row, and the promises."""
    titles = {row.name: row.title for row in ROWS}
    parts = []
    for row, series in book.rows():
        lines = _aligned(_COLUMNS, [_measured(book, one) for one in _worth_showing(series)], _LEFT)
        notes = [f"  {note}" for note in book.notes.get(row, [])]
        parts.append("\n".join([f"{titles[row]}  [{row}]", *lines, *notes]))
    promises = _aligned(_PROMISED, [_promised(promise) for promise in book.promises], 1)
    parts.append("\n".join(["What the design promises (section 4)", *promises]))
    return "\n\n".join(parts) + "\n"


def _worth_showing(series: list[Series]) -> list[Series]:
    """Leave out details, and all but the first of what somebody who failed has no values for."""
    shown: list[Series] = []
    for one in series:
        has_failed = not one.values and any(not other.values and other.where == one.where for other in shown)
        if one.metric not in _DETAILS and not has_failed:
            shown.append(one)
    return shown


def _measured(book: Book, series: Series) -> list[str]:
    """Return the cells of a series."""
    floor = _same(book, series, FLOOR)
    openai = _same(book, series, OPENAI)
    value = series.median
    over = _NOTHING
    is_time = series.metric.startswith("first sound")
    if is_time and value is not None and series.where.contender != FLOOR and floor.median is not None:
        over = f"{(value - floor.median) * 1000:+.0f} ms"
    ratio = _NOTHING
    if is_time and value and openai.median is not None and openai is not series:
        ratio = f"{openai.median / value:.1f} x"
    runs = f"{len(series.values)}"
    if series.failures:
        runs += f" + {len(series.failures)} failed"
    numbers = [_number(number, series.unit) for number in (value, series.percentile_95)]
    return [series.where.case, series.metric, series.where.place, series.where.contender, runs, *numbers, over, ratio]


def _same(book: Book, series: Series, contender: str) -> Series:
    """Return what another contender did under the same conditions."""
    return book.of(replace(series.where, contender=contender), series.metric)


def _promised(promise: Promise) -> list[str]:
    """Return the cells of a promise."""
    limit = f"<= {_number(promise.limit, promise.unit)}"
    verdict = "met" if promise.is_kept else "NOT MET"
    remark = promise.note if len(promise.note) <= _LONGEST_REMARK else f"{promise.note[: _LONGEST_REMARK - 3]}..."
    return [promise.text, limit, _number(promise.value, promise.unit), verdict, remark]


def _number(value: float | None, unit: Unit) -> str:
    return _NOTHING if value is None else f"{value:.{_DIGITS[unit]}f} {unit}"


def _aligned(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> list[str]:
    """Align columns, the first to the left, the others to the right, a remark at the end to the left again."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    ends_in_text = head[-1] == _PROMISED[-1]

    def aligned(line: list[str]) -> str:
        cells = []
        for column, (cell, width) in enumerate(zip(line, widths, strict=True)):
            is_text = column < left or (ends_in_text and column == len(line) - 1)
            cells.append(cell.ljust(width) if is_text else cell.rjust(width))
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return [aligned(lines[0]), rule, *map(aligned, lines[1:])]
