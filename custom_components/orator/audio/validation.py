"""Whether sound can be heard at all, and whether it ends where it should."""

from collections.abc import Callable
from typing import Final

import numpy as np

from .formats import AudioFormat, PcmLayout
from .mp3 import FrameScanner
from .wav import MalformedWavError, WavReader

_FAINTEST: Final = 16
"""The least amplitude of 16 bit samples that is taken for sound: -66 dBFS."""
_TAIL: Final = 4096
"""Bytes at the end of an mp3 in which its last two frames lie; the longest has 1,441."""
_MISSING_SECONDS: Final = 0.1
"""What a WAV may promise more than it holds: some makers round."""


class AudioValidator:
    """Listens to the bytes of one sound as they pass, in any division.

    Samples, WAV and MP3 are looked into; any other format is taken to be audible and whole.
    """

    def __init__(self, audio_format: AudioFormat, layout: PcmLayout | None = None) -> None:
        """Listen to a format; `layout` is that of raw samples."""
        self.is_audible = False
        """Whether anything can be heard so far."""
        self.is_empty = True
        """Whether there is neither a sample nor a frame so far."""
        self._listen = self._listener(audio_format, layout)
        self._wav = WavReader()
        self._scanner = FrameScanner()
        self._tail = b""
        self._is_mp3 = audio_format is AudioFormat.MP3

    def feed(self, data: bytes) -> None:
        """Listen to what comes next. Raises MalformedMp3Error for what begins like an MP3 and is none."""
        self._listen(data)

    @property
    def is_truncated(self) -> bool:
        """Whether sound that ends here does so too early: within a frame, or before the length that it stated."""
        if layout := self._wav.layout:
            return self._wav.missing > layout.byte_rate * _MISSING_SECONDS
        if not self._is_mp3 or not self._tail:
            return False
        scanner = FrameScanner()
        frames = [*scanner.feed(self._tail), *scanner.end()]
        return bool(frames) and scanner.rest > 0

    def _listener(self, audio_format: AudioFormat, layout: PcmLayout | None) -> Callable[[bytes], None]:
        if audio_format is AudioFormat.WAV:
            return self._listen_to_wav
        if audio_format is AudioFormat.MP3:
            return self._listen_to_mp3
        if audio_format is AudioFormat.PCM and layout and layout.width == 2:
            return self._listen_to_samples
        return self._take_for_sound

    def _take_for_sound(self, data: bytes) -> None:
        if data:
            self.is_empty, self.is_audible = False, True

    def _listen_to_samples(self, data: bytes) -> None:
        if self.is_audible:
            return
        waiting = self._tail + data
        samples = np.frombuffer(waiting, "<i2", count=len(waiting) // 2)
        self._tail = waiting[2 * len(samples) :]
        self.is_empty = self.is_empty and not len(samples)
        self.is_audible = bool(((samples > _FAINTEST) | (samples < -_FAINTEST)).any())

    def _listen_to_wav(self, data: bytes) -> None:
        try:
            samples = self._wav.feed(data)
        except MalformedWavError:  # of a kind that only ffmpeg reads
            self._listen = self._take_for_sound
            self._take_for_sound(data)
        else:
            self._listen_to_samples(samples)

    def _listen_to_mp3(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-_TAIL:]
        if self.is_audible:
            return
        frames = [frame for frame in self._scanner.feed(data) if not frame.is_index]
        self.is_empty = self.is_empty and not frames
        self.is_audible = any(frame.side_info.main_data_bits for frame in frames)
