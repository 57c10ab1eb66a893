"""The level of each voice in a job: one loudness for all of them, and the gain of the text's markup."""

from collections.abc import AsyncGenerator

from ..audio.effects import amplify, measure
from ..audio.formats import AudioFormat, PcmLayout, prepend
from ..audio.loudness_meter import LoudnessMeter
from ..providers.base import SpeechAudio
from .attempt import AttemptAudio
from .convert import PcmConstraints, convert_pcm, stretch_pcm, to_pcm
from .loudness import LoudnessTracker, VoiceLoudness

_MEASURED_S = 3.0
"""Duration of speech from which the loudness of a voice is estimated that was never heard before."""


class VoiceLevels:
    """The gain of each voice in a job, which stays the same so that the level of a voice does not change audibly.

    The voices are measured before the gain, and added to the tracker at the end.
    """

    def __init__(
        self,
        layout: PcmLayout,
        tracker: LoudnessTracker,
        *,
        gain_db: float,
        target_lufs: float | None,
        reference_key: str | None,
    ) -> None:
        """Initialize the levels; `layout` has 16-bit samples on one or two channels.

        With a `reference_key`, all voices are as loud as the first one, or as the voice with this key if it was heard
        before and there is no target. Otherwise, the loudness of a voice that was never heard is assumed.
        """
        self._layout = layout
        self._tracker = tracker
        self._gain_db = gain_db
        self._target_lufs = target_lufs
        self._matches_voices = reference_key is not None
        self._gains: dict[str, float] = {}
        self._meters: dict[str, LoudnessMeter] = {}
        self._reference_key = ""
        if reference_key and target_lufs is None and tracker.get(reference_key).is_known:
            self._reference_key = reference_key
            self._gains[reference_key] = gain_db

    async def apply(self, audio: AsyncGenerator[AttemptAudio]) -> AsyncGenerator[SpeechAudio]:
        """Yield audio as samples with its changes and the gain of its voice. Raises NotAudioError."""
        async for speech in audio:
            stream = await to_pcm(speech, PcmConstraints.of(self._layout))
            if speech.changes.tempo != 1.0:
                stream = stretch_pcm(stream, speech.changes.tempo)
            samples = convert_pcm(stream, self._layout)
            key, gain_db = speech.loudness_key, speech.changes.gain_db
            meter: LoudnessMeter | None = None
            if key:
                if key not in self._gains:
                    self._gains[key], samples = await self._find_gain(key, samples)
                gain_db += self._gains[key]
                if self._target_lufs is not None or self._matches_voices:
                    meter = self._meters.setdefault(key, LoudnessMeter(self._layout))
            if gain_db or self._target_lufs is not None:
                samples = amplify(samples, self._layout, gain_db, meter)
            elif meter:
                samples = measure(samples, self._layout, meter)
            yield SpeechAudio(AudioFormat.PCM, samples, self._layout)
        for key, meter in self._meters.items():
            self._tracker.add(key, meter.result())

    async def _find_gain(self, key: str, samples: AsyncGenerator[bytes]) -> tuple[float, AsyncGenerator[bytes]]:
        """Return the gain in dB for a voice, and its samples."""
        loudness, target_lufs = self._tracker.get(key), self._target_lufs
        if self._matches_voices and not self._reference_key:
            self._reference_key = key
        elif self._matches_voices:
            target_lufs = self._reference_lufs
            if not loudness.is_known and self._meters:
                loudness, samples = await self._measure_start(samples)
        return self._gain_db + (0.0 if target_lufs is None else loudness.gain_to(target_lufs)), samples

    @property
    def _reference_lufs(self) -> float:
        """The loudness of the voice that all others match, with the gain that only this voice has."""
        key = self._reference_key
        loudness = self._tracker.get(key)
        if not loudness.is_known and key in self._meters:
            loudness = loudness.add(self._meters[key].result())
        return loudness.lufs + self._gains[key] - self._gain_db

    async def _measure_start(self, samples: AsyncGenerator[bytes]) -> tuple[VoiceLoudness, AsyncGenerator[bytes]]:
        """Return the loudness of the first seconds of speech, and its samples."""
        meter = LoudnessMeter(self._layout)
        start = bytearray()
        async for block in samples:
            start += block
            meter.feed(block)
            if len(start) >= _MEASURED_S * self._layout.byte_rate:
                break
        return VoiceLoudness().add(meter.result()), prepend(bytes(start), samples)
