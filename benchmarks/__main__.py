"""The benchmark's course: provider, Home Assistant, rows, report."""

import argparse
import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import os
from os.path import relpath
from pathlib import Path
import sys
from typing import Final

import aiohttp
from homeassistant.runner import create_event_loop

from tests.support.processes import INTERRUPTED, until_ended

from .book import Book
from .house import run_house
from .machine import description
from .plot import svg
from .report import tables
from .rows import ROWS, Row
from .service import run_service
from .stage import Analysis, Effort, Stage, progress

_RESULTS: Final = Path(__file__).parent / "results"
_LONGEST: Final = 470.0  # seconds after which whatever hangs is given up


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    rows: tuple[Row, ...]
    effort: Effort
    json: Path
    plot: Path


def parse_options(arguments: list[str]) -> Options:
    """Read the command line."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="script/benchmark", description="How soon and how smoothly Orator speaks.")
    parser.add_argument("--quick", action="store_true", help="fewer runs and shorter texts")
    parser.add_argument("--runs", type=int, help="runs of each short case")
    parser.add_argument("--json", type=Path, default=_RESULTS / "latest.json", help="where every sample goes")
    parser.add_argument("--plot", type=Path, default=_RESULTS / "latest.svg", help="where the picture goes")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {' '.join(names)}")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if chosen.runs is not None and chosen.runs < 1:
        parser.error("--runs must be at least 1")
    rows = tuple(row for row in ROWS if not chosen.rows or row.name in chosen.rows)
    return Options(rows, Effort(quick=chosen.quick, runs=chosen.runs), chosen.json, chosen.plot)


async def measure(options: Options) -> Book:
    """Measure the rows. Those that hardly use the computer are measured side by side, the others alone."""
    book = Book()
    connector = aiohttp.TCPConnector(limit=0)
    progress("starting provider and Home Assistant")
    async with (
        run_service() as service,
        run_house(service.urls) as house,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        stage = Stage(service, house, session, options.effort)
        try:
            async with asyncio.timeout(_LONGEST):
                for group in _groups(options):
                    await _measure_side_by_side(group, stage, book)
        except TimeoutError:
            progress(f"given up after {_LONGEST:.0f} s; what follows is not all")
        progress("ending Home Assistant")
    for row in options.rows:
        row.judge(book)
    return book


def _groups(options: Options) -> list[list[Row]]:
    """Divide the rows into those that are measured side by side."""
    quick = options.effort.quick
    together = [row for row in options.rows if row.is_light or (quick and row.is_fairly_light)]
    return [*([row] for row in options.rows if row not in together), together]


async def _measure_side_by_side(rows: list[Row], stage: Stage, book: Book) -> None:
    """Measure rows at the same time, and look at what was heard when all have ended."""
    analyses = await asyncio.gather(*(_measure(row, stage, book) for row in rows))
    for analyse in filter(None, analyses):
        progress("looking at what was heard")
        await analyse()


async def _measure(row: Row, stage: Stage, book: Book) -> Analysis | None:
    progress(row.title)
    return await row.measure(stage, book)


def _write(options: Options, book: Book, load: float) -> None:
    """Write the files."""
    for file in (options.json, options.plot):
        file.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **description(),
        "load before": f"{load:.2f} (more than 0.3: something else was running, and all of this is worse for it)",
        "quick": options.effort.quick,
    }
    options.json.write_text(json.dumps({"about": about, **book.as_json()}, indent=1) + "\n")
    if book.curves:
        options.plot.write_text(svg(book))
    sys.stdout.write(f"\n{tables(book)}\n")
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in about.items()))
    sys.stdout.write(f"samples: {relpath(options.json)}\n")
    if book.curves:
        sys.stdout.write(f"plot: {relpath(options.plot)}\n")


def main() -> int:
    """Read the command line, measure and report. What is not met is a result, not a failure."""
    options = parse_options(sys.argv[1:])
    load = os.getloadavg()[0]
    with asyncio.Runner(loop_factory=create_event_loop) as runner:
        book = runner.run(until_ended(measure(options)))
    if book is None:
        progress("interrupted; everything has been ended")
        return INTERRUPTED
    _write(options, book, load)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the interpreter would tidy up Home Assistant's modules for seconds; nothing of ours is left
