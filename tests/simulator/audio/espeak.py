"""Speech from eSpeak NG, and the speakers of the simulated voices.

The library has global state, so all calls share one lock. They block for milliseconds per sentence and belong on a
thread.
"""

from collections import Counter
import ctypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
import threading
from typing import Any
import unicodedata

import espeakng_loader  # type: ignore[import-untyped]  # comes without types

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback, espeak_Synth returns after the last
_DO_NOT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: report missing data instead of exiting
_UTF8 = 1  # espeakCHARS_UTF8; neither SSML nor phoneme brackets are interpreted
_BY_CHARACTER = 1  # POS_CHARACTER
_RATE = 1  # espeakRATE, words per minute
_PITCH = 3  # espeakPITCH, 0 to 100
_WORDS_PER_MINUTE = 175
BYTES_PER_SAMPLE = 2
MIN_SOUND_S = 0.1  # text without anything to pronounce yields this much silence

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

# eSpeak languages by the first word of a character's Unicode name.
_LANGUAGE_OF_SCRIPT = {
    "LATIN": "en-us",
    "ARABIC": "ar",
    "ARMENIAN": "hy",
    "BENGALI": "bn",
    "CJK": "cmn",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "ETHIOPIC": "am",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KANNADA": "kn",
    "KATAKANA": "ja",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
_DEFAULT_LANGUAGE = "en-us"
_VARIANTS = ("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8")


@dataclass(frozen=True, slots=True)
class Speaker:
    """The sound of a voice: eSpeak's voice variant, and the pitch from 0 to 100."""

    variant: str
    pitch: int

    @classmethod
    def named(cls, name: str) -> Speaker:
        """Return a speaker derived from a name."""
        digest = sha256(name.encode()).digest()
        return cls(variant=_VARIANTS[digest[0] % len(_VARIANTS)], pitch=20 + digest[1] % 61)


@dataclass(frozen=True, slots=True)
class SpokenSamples:
    """Mono 16-bit little-endian samples; `rate` in Hz."""

    samples: bytes
    rate: int

    @property
    def duration(self) -> float:
        """The length in seconds."""
        return len(self.samples) / BYTES_PER_SAMPLE / self.rate


_SPEAKERS = {
    "alloy": Speaker("f1", 45),
    "ash": Speaker("m3", 40),
    "ballad": Speaker("m7", 55),
    "cedar": Speaker("m1", 30),
    "coral": Speaker("f2", 60),
    "echo": Speaker("m2", 45),
    "fable": Speaker("m4", 60),
    "marin": Speaker("f4", 50),
    "nova": Speaker("f5", 65),
    "onyx": Speaker("m5", 20),
    "sage": Speaker("f3", 55),
    "shimmer": Speaker("f2", 80),
    "verse": Speaker("m8", 50),
}


def speaker_of(voice: str) -> Speaker:
    """Return the speaker of one of OpenAI's voices, or one derived from any other voice's name."""
    return _SPEAKERS.get(voice) or Speaker.named(voice)


def language_of(text: str) -> str:
    """Return the eSpeak language of a text's main script; any kana means Japanese."""
    scripts = Counter(unicodedata.name(character, "").partition(" ")[0] for character in text if character.isalpha())
    languages = Counter[str]()
    for script, count in scripts.items():
        if language := _LANGUAGE_OF_SCRIPT.get(script):
            languages[language] += count
    if "ja" in languages:
        return "ja"
    return languages.most_common(1)[0][0] if languages else _DEFAULT_LANGUAGE


def speak(text: str, speaker: Speaker) -> SpokenSamples:
    """Synthesize a text at normal speed. Blocks."""
    return _engine().speak(text, f"{language_of(text)}+{speaker.variant}", speaker.pitch)


_ENGINE_LOCK = threading.Lock()


@cache
def _create_engine() -> _Engine:
    return _Engine()


def _engine() -> _Engine:
    """Return the process's only engine; the library must be initialized exactly once."""
    with _ENGINE_LOCK:
        return _create_engine()


class _Engine:
    """The loaded eSpeak NG library."""

    def __init__(self) -> None:
        """Load the library and its data from the package."""
        self._lock = threading.Lock()
        self._samples = bytearray()
        self._library = _declare(ctypes.CDLL(espeakng_loader.get_library_path()))
        path = espeakng_loader.get_data_path()
        self._rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, path.encode(), _DO_NOT_EXIT)
        if self._rate <= 0:
            raise RuntimeError(f"eSpeak NG did not accept its data in {path} (paths are limited to 160 bytes)")
        self._callback = _Callback(self._collect)  # referenced here because the library does not keep it alive
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, pitch: int) -> SpokenSamples:
        """Synthesize a text with a voice such as `en-us+f3`."""
        encoded = text.replace("\0", " ").encode()
        with self._lock:
            self._samples.clear()
            _check(self._library.espeak_SetVoiceByName(voice.encode()), f"voice {voice}")
            _check(self._library.espeak_SetParameter(_RATE, _WORDS_PER_MINUTE, 0), "rate")
            _check(self._library.espeak_SetParameter(_PITCH, pitch, 0), "pitch")
            _check(
                self._library.espeak_Synth(encoded, len(encoded) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None),
                "synthesis",
            )
            samples = bytes(self._samples)
        min_bytes = int(MIN_SOUND_S * self._rate) * BYTES_PER_SAMPLE
        return SpokenSamples(samples.ljust(min_bytes, b"\0"), self._rate)

    def _collect(self, wave: int | None, count: int, _events: int | None) -> int:
        """Collect samples from the library; returning 0 continues the synthesis."""
        if wave and count > 0:
            self._samples += ctypes.string_at(wave, count * BYTES_PER_SAMPLE)
        return 0


def _declare(library: Any) -> Any:
    """Declare the functions' parameters, as in espeak-ng's speak_lib.h."""
    size, text, number, unsigned = ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
    pointer = ctypes.c_void_p
    library.espeak_Initialize.argtypes = (number, number, text, number)
    library.espeak_SetSynthCallback.argtypes = (_Callback,)
    library.espeak_SetSynthCallback.restype = None
    library.espeak_SetVoiceByName.argtypes = (text,)
    library.espeak_SetParameter.argtypes = (number, number, number)
    library.espeak_Synth.argtypes = (text, size, unsigned, number, unsigned, unsigned, pointer, pointer)
    return library


def _check(result: int, action: str) -> None:
    """Raise RuntimeError if a call failed."""
    if result != 0:
        raise RuntimeError(f"eSpeak NG refused the {action} (error {result})")
