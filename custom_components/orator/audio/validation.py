"""Validation of received audio: whether it is audible and complete."""

from collections.abc import Callable
from typing import Final

import numpy as np

from .formats import AudioFormat, PcmLayout
from .mp3 import FrameScanner
from .pcm import MIN_PAUSE_S, count_quiet_samples
from .wav import MalformedWavError, WavReader

_MAX_SILENT_AMPLITUDE: Final = 16
"""Largest amplitude of 16-bit samples that counts as silence: -66 dBFS."""
_MP3_TAIL_BYTES: Final = 16_384
"""Bytes at the end of an MP3: 0.4 seconds at the highest bitrate."""
_MAX_UNDECODED_BYTES: Final = 16 * 1024 * 1024
"""Maximum audio that is kept to be decoded at the end: half an hour at the usual bitrates."""
_MAX_MISSING_S: Final = 0.1
"""Seconds by which a WAV may be shorter than its header says: some servers round."""


class AudioValidator:
    """Validator of one piece of audio that arrives in blocks of any size.

    Only PCM, WAV and MP3 are examined. Other formats count as audible and complete, and are kept for `undecoded`.
    """

    def __init__(self, audio_format: AudioFormat, layout: PcmLayout | None = None) -> None:
        """Initialize the validator for a format; `layout` is needed for raw PCM."""
        self.is_audible = False
        """Whether anything but silence has arrived."""
        self.is_empty = True
        """Whether neither a sample nor a frame has arrived."""
        self._seconds = 0.0
        self._pause_s = 0.0
        """Duration of the silence at the end of the samples so far."""
        self._undecoded: list[bytes] = []
        self._undecoded_bytes = 0
        self._layout = layout
        self._examine = self._examiner_for(audio_format, layout)
        self._wav = WavReader()
        self._wav_head = b""
        self._mp3 = FrameScanner()
        self._partial_sample = b""
        self._mp3_tail = b""

    def feed(self, data: bytes) -> None:
        """Examine more of the audio. Raises MalformedMp3Error for data that begins like an MP3 but is not one."""
        self._examine(data)

    @property
    def is_truncated(self) -> bool:
        """Whether the audio so far ends within an MP3 frame or before the length that a WAV states."""
        if layout := self._wav.layout:
            return self._wav.missing > layout.byte_rate * _MAX_MISSING_S
        scanner = FrameScanner()
        frames = [*scanner.feed(self._mp3_tail), *scanner.finish()]
        return bool(frames) and scanner.pending_bytes > 0

    @property
    def seconds(self) -> float | None:
        """Duration of the audio so far, or None if it is known only once `undecoded` is decoded."""
        return None if self._undecoded else self._seconds

    @property
    def undecoded(self) -> bytes:
        """All audio so far if the format is not examined; empty if there is too much."""
        return b"".join(self._undecoded)

    @property
    def ends_silently(self) -> bool:
        """Whether samples so far end with silence, as after the last word."""
        return self._pause_s >= MIN_PAUSE_S

    @property
    def undecoded_end(self) -> bytes:
        """End of the audio so far if it is not samples."""
        return self.undecoded or self._mp3_tail

    def _examiner_for(self, audio_format: AudioFormat, layout: PcmLayout | None) -> Callable[[bytes], None]:
        """Return the method that examines a format."""
        if audio_format is AudioFormat.WAV:
            return self._examine_wav
        if audio_format is AudioFormat.MP3:
            return self._examine_mp3
        if audio_format is AudioFormat.PCM and layout and layout.width == 2:
            return self._examine_samples
        return self._accept

    def _accept(self, data: bytes) -> None:
        """Count any data as audible."""
        if data:
            self.is_empty, self.is_audible = False, True
            self._undecoded_bytes += len(data)
            if self._undecoded_bytes > _MAX_UNDECODED_BYTES:
                data = b""
                self._undecoded.clear()
            self._undecoded.append(data)

    def _examine_samples(self, data: bytes) -> None:
        """Measure 16-bit samples, and look for those that are not silent."""
        data = self._partial_sample + data
        samples = np.frombuffer(data, "<i2", count=len(data) // 2)
        self._partial_sample = data[2 * len(samples) :]
        self.is_empty = self.is_empty and not len(samples)
        if layout := self._wav.layout or self._layout:
            self._seconds += 2 * len(samples) / layout.byte_rate
            pause = count_quiet_samples(samples)
            self._pause_s = 2 * pause / layout.byte_rate + (self._pause_s if pause == len(samples) else 0.0)
        if not self.is_audible:
            self.is_audible = bool(((samples > _MAX_SILENT_AMPLITUDE) | (samples < -_MAX_SILENT_AMPLITUDE)).any())

    def _examine_wav(self, data: bytes) -> None:
        """Look for audible samples in a WAV."""
        if self._wav.layout is None:
            self._wav_head += data
        try:
            samples = self._wav.feed(data)
        except MalformedWavError:  # an encoding that only libav decodes
            self._examine = self._accept
            self._accept(data if self._wav.layout else self._wav_head)
        else:
            self._examine_samples(samples)

    def _examine_mp3(self, data: bytes) -> None:
        """Measure MP3 frames, and look for those that are not silent."""
        self._mp3_tail = (self._mp3_tail + data)[-_MP3_TAIL_BYTES:]
        frames = [frame for frame in self._mp3.feed(data) if not frame.is_index]
        self._seconds += sum(frame.header.seconds for frame in frames)
        self.is_empty = self.is_empty and not frames
        self.is_audible = self.is_audible or any(frame.side_info.main_data_bits for frame in frames)
