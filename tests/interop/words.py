"""Verification of audio files: exact for the simulator's tones, with a speech recognizer for real voices."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from difflib import SequenceMatcher
import json
from pathlib import Path
import re
from typing import Final

import numpy as np

from tests.support.audio_checks import RATE, decode_file, find_file_problems, find_problems, find_wav_problems
from tests.support.word_decoder import assert_spoken

type AssertSpoken = Callable[[Path, str], Awaitable[None]]
"""Asserts that a file is a text, in the format that its name says."""

_PROGRAM: Final = Path(__file__).with_name("recognizer.py")
_TIMEOUT_S: Final = 60.0
# Errors of the recognizer: single words. A lost or repeated sentence is more.
_MAX_ERROR_WORDS: Final = 2
_MAX_ERROR_RATE: Final = 0.2


class Recognizer:
    """A running speech recognizer."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        """Use a process, which reads files in a folder."""
        self._process = process
        self._file = folder / "samples.f32"

    async def assert_spoken(self, file: Path, text: str) -> None:
        """Assert that a file is a text spoken by a real voice, in the format that its name says."""
        audio = await decode_file(file)
        _assert_no_problems(file, find_problems(audio, _format_of(file), text))
        heard = await self._recognize(audio.samples)
        assert is_recognized(text, heard), f"{file.name}: heard {heard!r} instead of {text!r}"

    async def _recognize(self, samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
        """Return what is said in samples."""
        samples.astype(np.float32).tofile(self._file)
        reader, writer = self._process.stdout, self._process.stdin
        assert reader
        assert writer
        writer.write(f"{self._file}\n".encode())
        async with asyncio.timeout(_TIMEOUT_S):
            line = await reader.readline()
        assert line, "the speech recognizer has ended"
        return str(json.loads(line))


async def assert_tones(file: Path, text: str) -> None:
    """Assert that a file is exactly a text as tones of the simulator, in the format that its name says."""
    audio = await decode_file(file)
    _assert_no_problems(file, find_file_problems(audio, _format_of(file), text))
    assert_spoken(audio.samples, RATE, text)


@asynccontextmanager
async def run_recognizer(environment: Path, folder: Path) -> AsyncGenerator[Recognizer]:
    """Run the speech recognizer of a virtual environment."""
    with (folder / "recognizer.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(environment / "bin" / "python", _PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl+C does not reach the program
        )
    try:
        yield Recognizer(process, folder)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _format_of(file: Path) -> str:
    return file.suffix.removeprefix(".")


def _assert_no_problems(file: Path, problems: list[str]) -> None:
    if _format_of(file) == "wav":
        problems += find_wav_problems(file.read_bytes())
    assert not problems, f"{file.name} {' and '.join(problems)}"


def is_recognized(text: str, heard: str) -> bool:
    """Return whether a recognizer heard a text, except for single words that it may get wrong."""
    expected, found = (re.findall(r"[a-z']+", words.lower()) for words in (text, heard))
    operations = SequenceMatcher(None, expected, found, autojunk=False).get_opcodes()
    errors = [max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in operations if kind != "equal"]
    return max(errors, default=0) <= _MAX_ERROR_WORDS and sum(errors) <= _MAX_ERROR_RATE * len(expected)
