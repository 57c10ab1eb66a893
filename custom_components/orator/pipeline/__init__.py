"""Text in, audio out: split into chunks, synthesize with fallbacks, join. No module here imports Home Assistant."""

from .convert import PcmConstraints
from .job import SynthesisJob
from .loudness import LoudnessTracker
from .output import AudioResponse, OutputFormat, is_output_extension
from .pace import VoicePace
from .pipeline import SpeechPipeline
from .post_processing import PostProcessing
from .report import SynthesisReport
from .sentence_cache import SentenceCache
from .styles import AudioChanges, apply_style, reduce_style
from .synthesizer import VoiceStats

__all__ = [
    "AudioChanges",
    "AudioResponse",
    "LoudnessTracker",
    "OutputFormat",
    "PcmConstraints",
    "PostProcessing",
    "SentenceCache",
    "SpeechPipeline",
    "SynthesisJob",
    "SynthesisReport",
    "VoicePace",
    "VoiceStats",
    "apply_style",
    "is_output_extension",
    "reduce_style",
]
