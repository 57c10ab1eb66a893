"""The simulated provider's speech, recorded before anything is measured.

The simulator speaks and encodes each text when it is asked to, which takes the computer that is being measured. Here a
few minutes of speech are recorded once, and every answer is cut from them: as long as its text, without any work, and
the same for all contenders. What is said is checked in the requests; the sound is only as long as it has to be.
"""

import asyncio
from dataclasses import dataclass
from itertools import chain, islice, repeat
import subprocess
from typing import Final, override
import zlib

from tests.simulator.encoding import encode, ffmpeg, streaming_wav_header
from tests.simulator.espeak import Sound, Speaker, speak
from tests.simulator.studio import Recording, Studio, Take

from .conditions import FRAME_SAMPLES, SAMPLE_RATE, spoken_frames, spoken_seconds
from .sound import mp3_frames
from .texts import SENTENCES

_SPEAKER: Final = Speaker.named("benchmark")


@dataclass(frozen=True, slots=True)
class Reel:
    """Recorded speech in pieces of one frame, after what begins a file."""

    head: bytes
    frames: tuple[bytes, ...]

    def cut(self, text: str) -> Recording:
        """Return as much as a text takes, from a place that depends on the text."""
        count = spoken_frames(text)
        start = zlib.crc32(text.encode()) % len(self.frames)
        endless = chain(self.frames[start:], chain.from_iterable(repeat(self.frames)))
        return Recording(self.head + b"".join(islice(endless, count)), spoken_seconds(text))


def record_reels() -> dict[str, Reel]:
    """Speak, and encode what contenders ask for. Takes seconds."""
    sound = speak(" ".join(sentence.format(1000) for sentence in SENTENCES), _SPEAKER)
    samples = encode(sound, "pcm", 1.0)
    size = FRAME_SAMPLES * 2  # bytes of 16-bit samples
    frames = tuple(samples[start : start + size] for start in range(0, len(samples) - size, size))
    return {
        "pcm": Reel(b"", frames),
        "wav": Reel(streaming_wav_header(), frames),
        "mp3": _mp3_reel(sound),
    }


def _mp3_reel(sound: Sound) -> Reel:
    """Encode without the bit reservoir, so that frames can be cut anywhere."""
    command = (
        *(ffmpeg(), "-hide_banner", "-loglevel", "error", "-f", "s16le", "-ar", str(sound.rate), "-ac", "1"),
        *("-i", "pipe:0", "-ar", str(SAMPLE_RATE), "-ac", "1", "-c:a", "libmp3lame", "-b:a", "128k"),
        *("-reservoir", "0", "-write_xing", "0", "-f", "mp3", "pipe:1"),
    )
    encoded = subprocess.run(command, input=sound.samples, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603 - ours
    found = list(mp3_frames(encoded))
    return Reel(encoded[: found[0].start], tuple(encoded[frame.start : frame.end] for frame in found))


class PreparedStudio(Studio):
    """A studio whose takes are ready: cut from reels where there is one, recorded as ever where there is none."""

    def __init__(self, reels: dict[str, Reel]) -> None:
        """Take what has been recorded."""
        super().__init__()
        self._reels = reels

    @override
    async def record(self, take: Take) -> Recording:
        reel = self._reels.get(take.audio_format) if take.speed == 1 else None
        if reel is None:
            return await super().record(take)
        await asyncio.sleep(0)
        return reel.cut(take.text)
