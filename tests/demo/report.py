"""Output of the demo."""
# ruff: noqa: T201

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import sys
import time
from typing import Final

from tests.support.audio_checks import decode_file, find_problems, find_wav_problems
from tests.support.home_assistant import User

from .playback import DemoRecording

_STARTED: Final = time.monotonic()
_COLUMNS: Final = ("voice", "provider", "method", "first audio", "complete", "speech", "size", "format", "file")


def print_progress(message: str) -> None:
    """Print a message with the seconds since the start."""
    print(f"{time.monotonic() - _STARTED:5.1f} s  {message}", flush=True)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking a recording."""

    recording: DemoRecording
    duration: float
    container: str
    codec: str
    problems: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """Problems with the file, as sentences."""
        return [f"{self.recording.file.name} {problem}" for problem in self.problems]

    @property
    def row(self) -> tuple[str, ...]:
        """Row of the table."""
        voice = self.recording.voice
        return (
            voice.name,
            "real" if voice.is_real else "simulated",
            self.recording.method,
            f"{self.recording.first_audio:.3f} s",
            f"{self.recording.total:.3f} s",
            f"{self.duration:.2f} s",
            f"{self.recording.file.stat().st_size} B",
            self.container if self.container == self.codec else f"{self.container} ({self.codec})",
            f"{self.recording.file.parent.name}/{self.recording.file.name}",
        )


async def check(recording: DemoRecording) -> Check:
    """Decode a recording, and check whether it is its message."""
    audio = await decode_file(recording.file)
    problems = find_problems(audio, recording.voice.format, recording.text)
    if recording.voice.format == "wav":
        problems += find_wav_problems(recording.file.read_bytes())
    return Check(recording, audio.duration, audio.container, audio.codec, tuple(problems))


def print_table(checks: Sequence[Check]) -> None:
    """Print one row for each recording, with numbers aligned to the right."""
    if not checks:
        return
    rows = [_COLUMNS, *(result.row for result in checks)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numbers = slice(_COLUMNS.index("first audio"), _COLUMNS.index("format"))
    right = set(_COLUMNS[numbers])
    print()
    for row in rows:
        cells = zip(_COLUMNS, row, widths, strict=True)
        print("  ".join(f"{cell:{'>' if name in right else '<'}{width}}" for name, cell, width in cells).rstrip())
    print(flush=True)


def print_failures(failures: Iterable[str], log: str) -> None:
    """Print failures and the end of Home Assistant's log."""
    sys.stdout.flush()
    lines = [f"FAILED: {failure}" for failure in failures]
    print(*lines, "The end of Home Assistant's log:", log or "(empty)", sep="\n", file=sys.stderr, flush=True)


def print_address(url: str, user: User, speaker: str, folder: str) -> None:
    """Print the address of Home Assistant and the login."""
    print(f"Home Assistant: {url}\nuser:           {user.name}\npassword:       {user.password}")
    print(f"What {speaker} plays is saved in {folder}/. Press Ctrl+C to stop.", flush=True)
