"""What NanoGPT's models can do, as far as the catalogue does not say it: by the vendors that they come from."""

from collections.abc import Callable
from dataclasses import dataclass
import re
from typing import Final

from ...audio.formats import AudioFormat
from ..models import OPENAI_MAX_CHARS, Voice, count_chars_or_tokens, describe_kokoro_voice, describe_voice
from ..openai.models import FORMATS as OPENAI_FORMATS
from . import voices as documented

_UNKNOWN_MAX_CHARS: Final = 1_000
"""Less than nearly every model takes, and enough to sound whole; the catalogue's least is 512, its most 20,000."""


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Models that are alike."""

    pattern: str
    """What their names look like, in lower case."""
    takes: frozenset[str] = frozenset({"speed"})
    """The settings that they take, on whichever route has them."""
    max_chars: int = _UNKNOWN_MAX_CHARS
    voices: tuple[str, ...] = ()
    describe_voice: Callable[[str], Voice] = describe_voice
    formats: tuple[AudioFormat, ...] = (AudioFormat.MP3, AudioFormat.WAV)
    """What can be asked for. Models with a format of their own answer with that all the same."""
    is_openai: bool = False
    count: Callable[[str], int] = len

    @property
    def streams(self) -> bool:
        """Whether sound comes while it is made, where the route can; the documentation names OpenAI's models."""
        return self.is_openai


_FAMILIES: Final = (
    ModelFamily(
        r"tts-1(-\d+)?", max_chars=OPENAI_MAX_CHARS, voices=documented.OPENAI, formats=OPENAI_FORMATS, is_openai=True
    ),
    ModelFamily(
        r"tts-1-hd(-\d+)?",
        takes=frozenset({"speed", "instructions"}),
        max_chars=OPENAI_MAX_CHARS,
        voices=documented.OPENAI,
        formats=OPENAI_FORMATS,
        is_openai=True,
    ),
    ModelFamily(
        r"gpt-4o-mini-tts.*",
        takes=frozenset({"instructions"}),
        max_chars=OPENAI_MAX_CHARS,
        voices=documented.OPENAI,
        formats=OPENAI_FORMATS,
        is_openai=True,
        count=count_chars_or_tokens,
    ),
    ModelFamily(r"kokoro.*", max_chars=10_000, voices=documented.KOKORO, describe_voice=describe_kokoro_voice),
    ModelFamily(
        r"elevenlabs[-_].*",
        takes=frozenset({"speed", "stability", "similarity", "similarity_boost", "style"}),
        max_chars=5_000,
        voices=documented.ELEVENLABS,
    ),
    ModelFamily(r"xai-tts.*", max_chars=5_000, voices=documented.XAI),
    # gemini-3.1 fails if it is given instructions.
    ModelFamily(r"gemini-2\.5-.*tts", takes=frozenset({"speed", "instructions"}), voices=documented.GEMINI),
    ModelFamily(r"gemini-.*", voices=documented.GEMINI),
    ModelFamily(
        r"nano-tts.*",
        takes=frozenset({"speed", "pitch", "emotion", "stability", "similarity"}),
        max_chars=2_000,
        voices=documented.NANO,
    ),
)
_OTHERS: Final = ModelFamily(r".*")

DOCUMENTED_MODELS: Final = (
    "Kokoro-82m",
    "gpt-4o-mini-tts",
    "tts-1",
    "tts-1-hd",
    "Elevenlabs-Turbo-V2.5",
    "Elevenlabs-V3",
    "nano-tts-1",
)


def family_for(model_id: str) -> ModelFamily:
    """Return the models that a model is like."""
    return next((family for family in _FAMILIES if re.fullmatch(family.pattern, model_id.lower())), _OTHERS)


def is_known(model_id: str) -> bool:
    """Tell whether anything is known of a model but its name."""
    return family_for(model_id) is not _OTHERS
