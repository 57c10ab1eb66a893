"""The course of `script/e2e`."""

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
from tests.support.processes import INTERRUPTED, until_ended

from .announcements import announce
from .assist import assist
from .programs import Programs
from .report import ChapterFailedError, Report, progress
from .stage import Stage, set_up_stage
from .visit import visit

type Chapter = Callable[[Stage, Report], Awaitable[None]]

_CHAPTERS: Final[dict[str, Chapter]] = {"browser": visit, "players": announce, "assist": assist}


async def run(chapters: Sequence[str], programs: Programs, *, renews_pictures: bool) -> int:
    """Play chapters, and return the exit code."""
    report = Report()
    folder = Path(tempfile.mkdtemp(prefix="orator-e2e-"))
    log = ""
    progress(f"starting the simulated services and Home Assistant; what helps if it fails is in {folder}")
    try:
        async with set_up_stage(programs, folder, renews_pictures=renews_pictures) as stage:
            for chapter in chapters:
                progress(chapter)
                with suppress(ChapterFailedError):
                    await _CHAPTERS[chapter](stage, report)
                report.on_failure = None
            log = stage.instance.log
    except StartError as err:
        report.failed += 1
        log = str(err)
    if not report.failed:
        shutil.rmtree(folder)
    return report.conclude(log)


def main() -> int:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(prog="script/e2e", description="A person's way through Home Assistant.")
    parser.add_argument("--screenshots", action="store_true", help="renew the pictures in docs/screenshots")
    parser.add_argument("--programs", type=Path, help="where Debian's programs have been unpacked")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=f"only these: {' '.join(_CHAPTERS)}")
    chosen = parser.parse_args()
    if unknown := set(chosen.chapters) - _CHAPTERS.keys():
        parser.error(f"no such chapter: {' '.join(sorted(unknown))}")
    chapters = [name for name in _CHAPTERS if not chosen.chapters or name in chosen.chapters]
    work = run(chapters, Programs(chosen.programs), renews_pictures=chosen.screenshots)
    code = asyncio.run(until_ended(work))
    if code is None:
        progress("interrupted; everything has been ended")
    return INTERRUPTED if code is None else code


if __name__ == "__main__":
    sys.exit(main())
