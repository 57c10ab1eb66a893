"""Music that consists of numbered words, so that a recording shows which part of it was heard, and how loud."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
import wave

from aiohttp import web
import numpy as np

from tests.simulator.audio import tones
from tests.simulator.audio.espeak import Speaker
from tests.support.processes import LOCALHOST, find_free_port
from tests.support.word_decoder import HeardWord, codes_of, heard_words

from .sound_server import RECORDING_RATE, Samples

MUSIC_SECONDS: Final = 60
_WORDS: Final = [f"bar{number}" for number in range(round(MUSIC_SECONDS / 0.254))]
_CODES: Final = {code: number for number, code in enumerate(codes_of(" ".join(_WORDS)))}
BAR_S: Final = 0.254
"""Seconds of a word of the music."""
_MUSIC: Final = -1


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a recording with consecutive words of the music (text is None), or of a text.

    bars: numbers of the music's words. levels: RMS of each word, relative to full scale.
    """

    text: str | None
    bars: Sequence[int]
    levels: Sequence[float]

    @property
    def level(self) -> float:
        """Usual level."""
        return float(np.median(self.levels))


@asynccontextmanager
async def serve_music(folder: Path) -> AsyncGenerator[str]:
    """Serve the music at a URL, which is yielded; players can seek in it."""
    file = folder / "music.flac"
    await _write_music(file)
    application = web.Application()
    application.router.add_get("/music.flac", lambda _: _respond(file))
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        port = find_free_port()
        await web.TCPSite(runner, LOCALHOST, port).start()
        yield f"http://{LOCALHOST}:{port}/music.flac"
    finally:
        await runner.cleanup()


async def _respond(file: Path) -> web.FileResponse:
    return web.FileResponse(file, headers={"Content-Type": "audio/flac"})


async def _write_music(file: Path) -> None:
    """Write the music as FLAC."""
    spoken = tones.synthesize_tones(" ".join(_WORDS), Speaker.named("music"))
    source = file.with_suffix(".wav")
    with wave.open(str(source), "wb") as wav:
        wav.setparams((1, 2, spoken.rate, 0, "NONE", ""))
        wav.writeframes(spoken.samples)
    process = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(source), "-ar", str(RECORDING_RATE), str(file))
    )
    assert await process.wait() == 0
    source.unlink()


def split_parts(samples: Samples, texts: Sequence[str]) -> list[Part]:
    """Return the parts of a recording in order, and fail unless each text was heard completely, without a break.

    A word of the music may be cut where it was interrupted.
    """
    codes = {code: index for index, text in enumerate(texts) for code in codes_of(text)}
    runs: list[tuple[int, list[HeardWord]]] = []
    for word in heard_words(samples, RECORDING_RATE):
        if word.code is None:
            continue
        assert word.code in codes or word.code in _CODES, f"an unknown word at {word.start_seconds:.2f} s"
        owner = codes.get(word.code, _MUSIC)
        if not runs or runs[-1][0] != owner:
            runs.append((owner, []))
        runs[-1][1].append(word)
    return [_to_part(samples, texts[owner] if owner != _MUSIC else None, words) for owner, words in runs]


def _to_part(samples: Samples, text: str | None, words: list[HeardWord]) -> Part:
    levels = [_level(samples, word) for word in words]
    found = [word.code for word in words if word.code is not None]
    if text is not None:
        assert found == codes_of(text), f"{len(found)} words were heard of {text!r}"
        return Part(text, (), levels)
    return Part(None, [_CODES[code] for code in found], levels)


def _level(samples: Samples, word: HeardWord) -> float:
    start, end = (round(seconds * RECORDING_RATE) for seconds in (word.start_seconds, word.end_seconds))
    return float(np.sqrt((samples[start:end] ** 2).mean()))
