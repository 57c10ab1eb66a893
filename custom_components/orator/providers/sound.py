"""What the sound in answers is: it may be raw samples, of which only the type tells how they lie."""

from contextlib import AsyncExitStack, aclosing
import re
from typing import Final

from ..audio.formats import CHANNELS, RATES, AudioFormat, PcmLayout
from .base import SpeechAudio, recognised_audio
from .http import Answer

RAW_TYPES: Final = ("audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "application/octet-stream")
"""What raw samples are called: little-endian ones, as vendors send them whatever RFC 2586 says of L16."""
_SIXTEEN_BITS: Final = {"bits": ("", "16"), "encoding": ("", "s16le", "pcm_s16le", "linear16")}
"""Parameters of these types, and with which values the samples are as they usually are; others would be noise."""


async def audio_in(answer: Answer, promised: AudioFormat, stack: AsyncExitStack) -> SpeechAudio:
    """Tell what an answer is; leaving the stack ends it.

    Raises NotAudioError for what is no sound, and for raw samples of which nobody says how they lie.
    """
    chunks = await stack.enter_async_context(aclosing(answer.chunks()))
    layout = layout_of(answer)
    return await recognised_audio(chunks, AudioFormat.PCM if layout else promised, answer.content_type, layout)


def layout_of(answer: Answer) -> PcmLayout | None:
    """Return how raw samples lie, None where an answer does not tell or has none."""
    rate, channels = (_number(answer.type_parameter(name)) for name in ("rate", "channels"))
    layout = PcmLayout(rate, channels or 1)
    is_usual = all(answer.type_parameter(name) in values for name, values in _SIXTEEN_BITS.items())
    is_known = is_usual and layout.rate in RATES and layout.channels in CHANNELS
    return layout if is_known and answer.content_type in RAW_TYPES else None


def _number(value: str) -> int:
    return int(value) if re.fullmatch("[0-9]{1,6}", value) else 0
