"""Documented capabilities and voices of NanoGPT's models that the catalog does not state."""

from collections.abc import Callable
from dataclasses import dataclass
import re
from typing import Final

from ...audio.formats import AudioFormat
from ..models import Voice
from ..vendor_models import (
    OPENAI_FORMATS,
    OPENAI_MAX_CHARS,
    count_chars_or_tokens,
    describe_kokoro_voice,
    describe_voice,
)

_DEFAULT_MAX_CHARS: Final = 1_000
"""Limit that nearly all models accept, enough for several sentences; the catalog has limits from 512 to 20,000."""

_DOCUMENTED_OPENAI_VOICES: Final = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
"""OpenAI's voices in NanoGPT's documentation, which lacks cedar and marin."""
_ELEVENLABS_VOICES: Final = (
    "Rachel", "Adam", "Alice", "Antoni", "Aria", "Arnold", "Bella", "Bill", "Brian", "Callum", "Charlie", "Charlotte",
    "Chris", "Daniel", "Domi", "Dorothy", "Drew", "Elli", "Emily", "Eric", "Ethan", "Fin", "Freya", "George", "Gigi",
    "Giovanni", "Grace", "James", "Jeremy", "Jessica", "Joseph", "Josh", "Laura", "Liam", "Lily", "Matilda", "Matthew",
    "Michael", "Nicole", "River", "Roger", "Ryan", "Sam", "Sarah", "Thomas", "Will",
)  # fmt: skip
_ELEVENLABS_OPTION_KEYS: Final = frozenset({"speed", "stability", "similarity", "similarity_boost", "style"})
_KOKORO_VOICES: Final = (
    "af_bella", "af_alloy", "af_aoede", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river",
    "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck",
    "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
    "ef_dora", "em_alex", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola", "jf_alpha",
    "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "pf_dora", "pm_alex", "zf_xiaobei", "zf_xiaoni",
    "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip
"""Voices from NanoGPT's documentation and from Kokoro 1.0 itself."""
_XAI_VOICES: Final = ("Eve", "Ara", "Rex", "Sal", "Leo")
_GEMINI_VOICES: Final = ("Kore", "Puck", "Zephyr")
_NANO_VOICES: Final = ("luna", "verse", "sonic")


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Models with the same capabilities."""

    pattern: str
    """Regular expression for the model IDs in lower case."""
    options: frozenset[str] = frozenset({"speed"})
    """Keys of the options that the models support on every endpoint that has them."""
    max_chars: int = _DEFAULT_MAX_CHARS
    voices: tuple[str, ...] = ()
    describe_voice: Callable[[str], Voice] = describe_voice
    formats: tuple[AudioFormat, ...] = (AudioFormat.MP3, AudioFormat.WAV)
    """Formats that can be requested; some models always respond with their own."""
    is_openai: bool = False
    understands_audio_tags: bool = False
    measure: Callable[[str], int] = len

    @property
    def streams(self) -> bool:
        """Whether the models stream; the documentation lists OpenAI's models only."""
        return self.is_openai


_MODEL_FAMILIES: Final = (
    ModelFamily(
        r"tts-1(-\d+)?",
        max_chars=OPENAI_MAX_CHARS,
        voices=_DOCUMENTED_OPENAI_VOICES,
        formats=OPENAI_FORMATS,
        is_openai=True,
    ),
    ModelFamily(
        r"tts-1-hd(-\d+)?",
        options=frozenset({"speed", "instructions"}),
        max_chars=OPENAI_MAX_CHARS,
        voices=_DOCUMENTED_OPENAI_VOICES,
        formats=OPENAI_FORMATS,
        is_openai=True,
    ),
    ModelFamily(
        r"gpt-4o-mini-tts.*",
        options=frozenset({"instructions"}),
        max_chars=OPENAI_MAX_CHARS,
        voices=_DOCUMENTED_OPENAI_VOICES,
        formats=OPENAI_FORMATS,
        is_openai=True,
        measure=count_chars_or_tokens,
    ),
    ModelFamily(r"kokoro.*", max_chars=10_000, voices=_KOKORO_VOICES, describe_voice=describe_kokoro_voice),
    # Source of the tags: ElevenLabs' documentation of Eleven v3.
    ModelFamily(
        r"elevenlabs[-_]v3.*",
        options=_ELEVENLABS_OPTION_KEYS,
        max_chars=5_000,
        voices=_ELEVENLABS_VOICES,
        understands_audio_tags=True,
    ),
    ModelFamily(r"elevenlabs[-_].*", options=_ELEVENLABS_OPTION_KEYS, max_chars=5_000, voices=_ELEVENLABS_VOICES),
    ModelFamily(r"xai-tts.*", max_chars=5_000, voices=_XAI_VOICES),
    # gemini-3.1 fails if instructions are set.
    ModelFamily(r"gemini-2\.5-.*tts", options=frozenset({"speed", "instructions"}), voices=_GEMINI_VOICES),
    ModelFamily(r"gemini-.*", voices=_GEMINI_VOICES),
    ModelFamily(
        r"nano-tts.*",
        options=frozenset({"speed", "pitch", "emotion", "stability", "similarity"}),
        max_chars=2_000,
        voices=_NANO_VOICES,
    ),
)
UNKNOWN_FAMILY: Final = ModelFamily(r".*")

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
    """Return the family of a model, or a family with cautious defaults if the model is unknown."""
    matching = (family for family in _MODEL_FAMILIES if re.fullmatch(family.pattern, model_id.lower()))
    return next(matching, UNKNOWN_FAMILY)
