"""What the demo prints."""
# ruff: noqa: T201

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import sys
import time
from typing import Final

from tests.support.home_assistant import User

from .hearing import Heard
from .sound import decode, problems, wav_problems

_STARTED: Final = time.monotonic()
_COLUMNS: Final = ("voice", "service", "heard by", "first audio", "complete", "speech", "size", "format", "file")


def progress(message: str) -> None:
    """Say what happens now, and after how many seconds."""
    print(f"{time.monotonic() - _STARTED:5.1f} s  {message}", flush=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about a file."""

    heard: Heard
    duration: float
    container: str
    codec: str
    problems: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """What is wrong with the file, in whole sentences."""
        return [f"{self.heard.file.name} {problem}" for problem in self.problems]

    @property
    def row(self) -> tuple[str, ...]:
        """The verdict's line in the table."""
        voice = self.heard.voice
        return (
            voice.name,
            "real" if voice.is_real else "simulated",
            self.heard.way,
            f"{self.heard.first_audio:.3f} s",
            f"{self.heard.total:.3f} s",
            f"{self.duration:.2f} s",
            f"{self.heard.file.stat().st_size} B",
            self.container if self.container == self.codec else f"{self.container} ({self.codec})",
            f"{self.heard.file.parent.name}/{self.heard.file.name}",
        )


async def judge(heard: Heard) -> Verdict:
    """Decode what was heard, and find out whether it is the sentence."""
    sound = await decode(heard.file)
    found = problems(sound, heard.voice.format, heard.text)
    if heard.voice.format == "wav":
        found += wav_problems(heard.file.read_bytes())
    return Verdict(heard, sound.duration, sound.container, sound.codec, tuple(found))


def print_table(verdicts: Sequence[Verdict]) -> None:
    """Print what was heard, one line a file; numbers to the right."""
    if not verdicts:
        return
    rows = [_COLUMNS, *(verdict.row for verdict in verdicts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = slice(_COLUMNS.index("first audio"), _COLUMNS.index("format"))
    right = set(_COLUMNS[numbers])
    print()
    for row in rows:
        cells = zip(_COLUMNS, row, widths, strict=True)
        print("  ".join(f"{cell:{'>' if name in right else '<'}{width}}" for name, cell, width in cells).rstrip())
    print(flush=True)


def print_failures(failures: Iterable[str], log: str) -> None:
    """Print what failed, and what Home Assistant says."""
    sys.stdout.flush()
    lines = [f"FAILED: {failure}" for failure in failures]
    print(*lines, "The end of Home Assistant's log:", log or "(empty)", sep="\n", file=sys.stderr, flush=True)


def print_address(url: str, user: User, speaker: str, folder: str) -> None:
    """Print how to look around."""
    print(f"Home Assistant: {url}\nuser:           {user.name}\npassword:       {user.password}")
    print(f"What {speaker} plays is kept in {folder}/. Ctrl+C ends it all.", flush=True)
