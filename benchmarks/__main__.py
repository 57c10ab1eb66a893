"""Run the benchmark: start the provider and Home Assistant, measure the rows, report."""

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

from tests.support.processes import INTERRUPTED, run_until_signal

from .environment import Analysis, Effort, Environment, progress
from .home_assistant import run_in_process
from .machine import description
from .plot import svg
from .provider import run_provider
from .report import tables
from .results import Results
from .rows import ROWS, Row

_RESULTS_FOLDER: Final = Path(__file__).parent / "results"
_TIMEOUT_S: Final = 530.0


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    rows: tuple[Row, ...]
    effort: Effort
    json: Path
    plot: Path
    chime_tts: Path | None


def parse_options(arguments: list[str]) -> Options:
    """Parse the command line."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="script/benchmark", description="Measure the latency and playback of Orator.")
    parser.add_argument("--quick", action="store_true", help="fewer runs and shorter texts")
    parser.add_argument("--runs", type=int, help="runs of each short case")
    parser.add_argument("--json", type=Path, default=_RESULTS_FOLDER / "latest.json", help="file for all values")
    parser.add_argument("--plot", type=Path, default=_RESULTS_FOLDER / "latest.svg", help="file for the plot")
    parser.add_argument("--chime-tts", type=Path, help="folder of the chime_tts integration, to compare with")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {' '.join(names)}")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    if chosen.runs is not None and chosen.runs < 1:
        parser.error("--runs must be at least 1")
    rows = tuple(row for row in ROWS if not chosen.rows or row.name in chosen.rows)
    if chosen.chime_tts and not (chosen.chime_tts / "manifest.json").is_file():
        parser.error("--chime-tts needs the folder of an integration")
    effort = Effort(quick=chosen.quick, runs=chosen.runs)
    return Options(rows, effort, chosen.json, chosen.plot, chosen.chime_tts)


async def measure(options: Options) -> Results:
    """Measure the rows: those that hardly use the CPU at the same time, the others one by one."""
    results = Results()
    connector = aiohttp.TCPConnector(limit=0)
    progress("starting provider and Home Assistant")
    async with (
        run_provider() as provider,
        run_in_process(provider.urls, filter(None, (options.chime_tts,))) as instance,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        environment = Environment(provider, instance, session, options.effort, options.chime_tts)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                for group in _groups(options):
                    await _measure_group(group, environment, results)
        except TimeoutError:
            progress(f"stopped after {_TIMEOUT_S:.0f} s; the results are incomplete")
        progress("stopping Home Assistant")
    for row in options.rows:
        row.add_goals(results)
    return results


def _groups(options: Options) -> list[list[Row]]:
    """Return groups of rows to measure at the same time."""
    quick = options.effort.quick
    concurrent = [row for row in options.rows if row.is_light or (quick and row.is_light_in_quick_runs)]
    return [*([row] for row in options.rows if row not in concurrent), concurrent]


async def _measure_group(rows: list[Row], environment: Environment, results: Results) -> None:
    """Measure rows at the same time, and analyze their recordings afterwards."""
    analyses = await asyncio.gather(*(_measure(row, environment, results) for row in rows))
    for analyze in filter(None, analyses):
        progress("analyzing recordings")
        await analyze()


async def _measure(row: Row, environment: Environment, results: Results) -> Analysis | None:
    progress(row.title)
    return await row.measure(environment, results)


def _write(options: Options, results: Results, load: float) -> None:
    """Write the files, and print the tables."""
    for file in (options.json, options.plot):
        file.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **description(),
        "load before": f"{load:.2f} (above 0.3: other programs were running and made the results worse)",
        "quick": options.effort.quick,
    }
    options.json.write_text(json.dumps({"about": about, **results.as_json()}, indent=1) + "\n")
    if results.curves:
        options.plot.write_text(svg(results))
    sys.stdout.write(f"\n{tables(results)}\n")
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in about.items()))
    sys.stdout.write(f"samples: {relpath(options.json)}\n")
    if results.curves:
        sys.stdout.write(f"plot: {relpath(options.plot)}\n")


def main() -> int:
    """Parse the command line, measure and report. A goal that is not met is not a failure."""
    options = parse_options(sys.argv[1:])
    load = os.getloadavg()[0]
    with asyncio.Runner(loop_factory=create_event_loop) as runner:
        results = runner.run(run_until_signal(measure(options)))
    if results is None:
        progress("interrupted; all processes have been stopped")
        return INTERRUPTED
    _write(options, results, load)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # skips the interpreter's cleanup of Home Assistant's modules, which takes seconds
