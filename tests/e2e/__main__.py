"""Run the chapters of the end-to-end test."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
import shutil
import sys
import tempfile
from typing import Final

from tests.support.home_assistant import StartError
from tests.support.processes import INTERRUPTED, run_until_signal

from .announcements import run_announcements
from .assist import run_assist
from .browser import run_browser
from .context import Context, run_context
from .documentation import run_documentation
from .imports import run_import
from .players import run_players
from .programs import Programs
from .report import ChapterFailedError, Report, print_progress

type Chapter = Callable[[Context, Report], Awaitable[None]]

_CHAPTERS: Final[dict[str, Chapter]] = {
    "browser": run_browser,
    "import": run_import,
    "players": run_players,
    "announcements": run_announcements,
    "assist": run_assist,
    "documentation": run_documentation,
}


async def run(chapters: Sequence[str], programs: Programs, *, updates_screenshots: bool) -> int:
    """Run chapters, and return the exit code."""
    report = Report("e2e")
    folder = Path(tempfile.mkdtemp(prefix="orator-e2e-"))
    log = ""
    print_progress(f"starting the simulated providers and Home Assistant; logs are in {folder}")
    try:
        async with run_context(programs, folder, updates_screenshots=updates_screenshots) as context:
            for chapter in chapters:
                print_progress(chapter)
                with suppress(ChapterFailedError):
                    await _CHAPTERS[chapter](context, report)
                report.on_failure = None
            log = context.instance.log
    except StartError as err:
        report.failed += 1
        log = str(err)
    if not report.failed:
        shutil.rmtree(folder)
    return report.conclude(log)


def main() -> int:
    """Parse the command line, and run the chapters."""
    parser = argparse.ArgumentParser(prog="script/e2e", description="End-to-end test in a real Home Assistant.")
    parser.add_argument("--screenshots", action="store_true", help="update the screenshots in docs/screenshots")
    parser.add_argument("--programs", type=Path, help="folder with Debian's programs")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=f"only these: {' '.join(_CHAPTERS)}")
    chosen = parser.parse_args()
    if unknown := set(chosen.chapters) - _CHAPTERS.keys():
        parser.error(f"no such chapter: {' '.join(sorted(unknown))}")
    chapters = [name for name in _CHAPTERS if not chosen.chapters or name in chosen.chapters]
    work = run(chapters, Programs(chosen.programs), updates_screenshots=chosen.screenshots)
    code = asyncio.run(run_until_signal(work))
    if code is None:
        print_progress("interrupted; all processes have been stopped")
    return INTERRUPTED if code is None else code


if __name__ == "__main__":
    sys.exit(main())
