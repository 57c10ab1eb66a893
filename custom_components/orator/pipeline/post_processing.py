"""Post-processing of speech: chimes and silence before and after it, gain and loudness."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from ..audio.effects import Effects, chime_and_tail, lead_in_and_chime, with_effects
from ..audio.formats import AudioFormat, PcmLayout, stream_of
from ..audio.pcm import can_resample
from ..providers.base import SpeechAudio
from ..providers.models import Model
from .attempt import AttemptAudio
from .convert import DEFAULT_LAYOUT, PcmConstraints, PcmStream, convert_pcm, encode
from .levels import VoiceLevels
from .loudness import LoudnessTracker
from .output import AudioResponse, GapFiller, OutputFormat, join_mp3, moment_of_silence, wrap_pcm

_MAX_ENCODED_LEAD_INS: Final = 8
_encoded_lead_ins: dict[tuple[Effects, PcmLayout], bytes] = {}
"""The most recent lead-ins and chimes as mp3, which takes 16 kB per second."""


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """Changes to speech before the player receives it."""

    effects: Effects = field(default_factory=Effects)
    gain_db: float = 0.0
    target_lufs: float | None = None
    """Target loudness of every voice."""
    loudness_tracker: LoudnessTracker = field(default_factory=LoudnessTracker)

    @property
    def is_set(self) -> bool:
        """Whether any post-processing is on."""
        return self.effects != Effects() or self._changes_level

    @property
    def _changes_level(self) -> bool:
        return self.target_lufs is not None or self.gain_db != 0

    async def apply_gain(
        self, audio: AsyncGenerator[AttemptAudio], layout: PcmLayout, *, reference_key: str | None = None
    ) -> AsyncGenerator[SpeechAudio]:
        """Yield audio as amplified samples of a layout, or untouched if neither gain, loudness nor markup changes it.

        `reference_key`: for text with markup, the loudness key of the voice that is as loud as it is set, so that all
        others are as loud. Raises NotAudioError.
        """
        if self._changes_level or reference_key is not None:
            levels = VoiceLevels(
                layout,
                self.loudness_tracker,
                gain_db=self.gain_db,
                target_lufs=self.target_lufs,
                reference_key=reference_key,
            )
            async with aclosing(levels.apply(audio)) as adjusted:
                async for speech in adjusted:
                    yield speech
            return
        async for speech in audio:
            yield speech

    def layout_for(self, model: Model, constraints: PcmConstraints) -> PcmLayout:
        """Return the layout for chimes and gain: the supported one that is nearest to the requested one."""
        requested = _requested_layout(model, constraints)
        layout = PcmLayout(requested.rate, min(requested.channels, 2))
        is_supported = all(can_resample(chime.layout, layout) for chime in self.effects.chimes)
        return layout if is_supported else DEFAULT_LAYOUT

    async def prepare(self, model: Model) -> None:
        """Encode the lead-in and the chime for mp3 players before they are needed. Raises NotAudioError."""
        if self.effects.chime_before:
            await _encode_lead_in(self.effects, self.layout_for(model, PcmConstraints()))

    def passes_mp3(self, model: Model, output: OutputFormat) -> bool:
        """Return whether a model's mp3 is joined to encoded effects as it is, which takes much less CPU time.

        The rate is known from the model's samples. Mp3 of another rate would have to be encoded a second time.
        """
        begins_encoded = bool(self.effects.chime_before or self.effects.lead_in_s)
        is_mp3 = AudioFormat.MP3 in model.formats and output.accepts(AudioFormat.MP3)
        return begins_encoded and not self._changes_level and is_mp3 and model.pcm_layout is not None

    async def join_response(
        self, speech: AsyncGenerator[SpeechAudio], model: Model, output: OutputFormat
    ) -> AudioResponse:
        """Return speech for an mp3 player with encoded effects before and after it. Raises NotAudioError."""
        layout = self.layout_for(model, output.pcm)
        lead_in = SpeechAudio(AudioFormat.MP3, stream_of(await _encode_lead_in(self.effects, layout)))

        async def join() -> AsyncGenerator[bytes]:
            async with (
                aclosing(self._with_ending(speech, layout)) as following,
                aclosing(join_mp3(lead_in, following)) as data,
            ):
                async for block in data:
                    yield block

        return AudioResponse(output.extension, join())

    async def _with_ending(self, speech: AsyncGenerator[SpeechAudio], layout: PcmLayout) -> AsyncGenerator[SpeechAudio]:
        """Yield speech, or a moment of silence if there is none, and the effects after it."""
        is_empty = True
        async with aclosing(speech):
            async for audio in speech:
                is_empty = False
                yield audio
        if is_empty:
            silence = moment_of_silence()
            yield SpeechAudio(AudioFormat.PCM, silence.samples, silence.layout)
        if self.effects.chime_after or self.effects.tail_s:
            yield SpeechAudio(AudioFormat.PCM, chime_and_tail(layout, self.effects), layout)

    async def build_response(
        self, speech: AsyncGenerator[bytes], model: Model, output: OutputFormat, gap_filler: GapFiller | None
    ) -> AudioResponse:
        """Return speech in the layout of `layout_for` with chimes and silence. Raises NotAudioError.

        An mp3 player gets an encoded chime at once.
        """
        layout = self.layout_for(model, output.pcm)
        if self.effects.chime_before and output.accepts(AudioFormat.MP3):
            lead_in = stream_of(await _encode_lead_in(self.effects, layout))
            rest = with_effects(speech, layout, replace(self.effects, lead_in_s=0.0, chime_before=None))
            following = stream_of(SpeechAudio(AudioFormat.PCM, rest, layout))
            return AudioResponse(output.extension, join_mp3(SpeechAudio(AudioFormat.MP3, lead_in), following))
        samples = with_effects(speech, layout, self.effects)
        output_layout = _requested_layout(model, output.pcm)
        if layout != output_layout:
            samples = convert_pcm(PcmStream(layout, samples), output_layout)
        if gap_filler and not output.is_for_player:
            samples = gap_filler.fill(samples, output_layout)
        return wrap_pcm(PcmStream(output_layout, samples), output)


def _requested_layout(model: Model, constraints: PcmConstraints) -> PcmLayout:
    return constraints.apply(model.pcm_layout or DEFAULT_LAYOUT)


async def _encode_lead_in(effects: Effects, layout: PcmLayout) -> bytes:
    """Return the lead-in and the chime as mp3, cached because encoding takes a moment.

    Raises NotAudioError.
    """
    key = (replace(effects, chime_after=None, tail_s=0.0), layout)
    encoded = _encoded_lead_ins.pop(key, None)
    if encoded is None:
        stream = PcmStream(layout, lead_in_and_chime(layout, effects))
        encoded = b"".join([block async for block in encode(stream, AudioFormat.MP3)])
    _encoded_lead_ins[key] = encoded
    while len(_encoded_lead_ins) > _MAX_ENCODED_LEAD_INS:
        del _encoded_lead_ins[next(iter(_encoded_lead_ins))]
    return encoded
