"""Speech of the simulated provider, prepared before anything is measured.

The simulator speaks and encodes a text on request, which would use the CPU that is being measured. Instead, a few
minutes of speech are prepared, and every response is cut from them: as long as its text, without any work, and the same
for all candidates. The words are verified in the requests; only the duration of the audio matters.
"""

import asyncio
from dataclasses import dataclass
from itertools import chain, islice, repeat
import subprocess
from typing import Final, override
import zlib

from tests.simulator.audio.encoding import encode, find_ffmpeg, streaming_wav_header
from tests.simulator.audio.espeak import Speaker, SpokenSamples, speak
from tests.simulator.audio.recorder import Recorder, Recording, RecordingSpec

from .conditions import FRAME_SAMPLES, SAMPLE_RATE, frame_count, speech_seconds
from .playback import mp3_frames
from .texts import SENTENCES

_SPEAKER: Final = Speaker.named("benchmark")


@dataclass(frozen=True, slots=True)
class PreparedSpeech:
    """Speech in a format: the header of a file, and frames of equal duration."""

    header: bytes
    frames: tuple[bytes, ...]

    def cut(self, text: str) -> Recording:
        """Return audio of the duration of a text; its position depends on the text."""
        start = zlib.crc32(text.encode()) % len(self.frames)
        frames = chain(self.frames[start:], chain.from_iterable(repeat(self.frames)))
        return Recording(self.header + b"".join(islice(frames, frame_count(text))), speech_seconds(text))


def prepare_speech() -> dict[str, PreparedSpeech]:
    """Generate speech in the formats that candidates request, which takes some seconds."""
    sound = speak(" ".join(sentence.format(1000) for sentence in SENTENCES), _SPEAKER)
    samples = encode(sound, "pcm", 1.0)
    size = FRAME_SAMPLES * 2  # bytes of 16-bit samples
    frames = tuple(samples[start : start + size] for start in range(0, len(samples) - size, size))
    return {
        "pcm": PreparedSpeech(b"", frames),
        "wav": PreparedSpeech(streaming_wav_header(SAMPLE_RATE), frames),
        "mp3": _prepare_mp3(sound),
    }


def _prepare_mp3(sound: SpokenSamples) -> PreparedSpeech:
    """Encode without a bit reservoir, so that the frames are independent."""
    command = (
        *(find_ffmpeg(), "-hide_banner", "-loglevel", "error", "-f", "s16le", "-ar", str(sound.rate), "-ac", "1"),
        *("-i", "pipe:0", "-ar", str(SAMPLE_RATE), "-ac", "1", "-c:a", "libmp3lame", "-b:a", "128k"),
        *("-reservoir", "0", "-write_xing", "0", "-f", "mp3", "pipe:1"),
    )
    encoded = subprocess.run(command, input=sound.samples, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603
    frames = list(mp3_frames(encoded))
    return PreparedSpeech(encoded[: frames[0].start], tuple(encoded[frame.start : frame.end] for frame in frames))


class PreparedRecorder(Recorder):
    """A recorder that cuts recordings from prepared speech, if there is any in the requested format."""

    def __init__(self, speech: dict[str, PreparedSpeech]) -> None:
        """Initialize the recorder with prepared speech by format."""
        super().__init__()
        self._speech = speech

    @override
    async def record(self, spec: RecordingSpec) -> Recording:
        speech = self._speech.get(spec.audio_format) if spec.speed == 1 else None
        if speech is None:
            return await super().record(spec)
        await asyncio.sleep(0)
        return speech.cut(spec.text)
