"""The job of a pipeline: a text, and the voice that speaks it."""

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..audio.formats import AudioFormat
from ..providers.models import Model, Reservation, Usage
from ..text import Replacement
from .post_processing import PostProcessing
from .sentence_cache import SentenceCache
from .styled_speech import FindVoice, LoadClip
from .synthesizer import Synthesizer, VoiceStats


@dataclass(frozen=True, slots=True)
class SynthesisJob:
    """A text, and the voice that speaks it."""

    name: str
    """Name of the voice in the report."""
    deltas: AsyncIterable[str]
    model: Model
    voice: str
    settings: Mapping[str, Any]
    format: AudioFormat | None
    """Format to request from the provider, or None to choose it by the output."""
    clean_text: bool
    language: str
    """Language tag of the text."""
    allows_tags: bool
    """Whether single tags of SSML are read in a text that is no SSML document."""
    is_fallback_call: bool
    """Whether the text is part of another voice's text, which has read the markup: what is left of it is words."""
    replacements: Sequence[Replacement]
    fallbacks: Sequence[Synthesizer]
    prefers_fallback: Callable[[], bool]
    """Return whether the fallbacks come first, because the account is unlikely to work; critical texts may differ."""
    expects_fallback: bool
    """Whether another voice takes over when this job fails."""
    stats: VoiceStats
    """Latency statistics of the voice."""
    post_processing: PostProcessing
    can_wait: Callable[[], bool]
    """Return whether the audio is prepared in advance, once the text has been read."""
    record_usage: Callable[[Usage], None]
    """Called with each charge of the voice's provider, even after the job has ended."""
    reserve: Callable[[Usage], Reservation]
    """Called before each request of the voice's provider. Raises LimitReachedError."""
    cache: SentenceCache | None
    """Cache for the audio of whole chunks; None if the voice does not use it."""
    is_cache_read: Callable[[], bool]
    """Return whether cached audio may be used, once the text has been read."""
    find_voice: FindVoice
    """Return the voice that the text names, if it is another one than those of the model."""
    load_clip: LoadClip
    """Return the recording that the text names."""
