"""eSpeak NG, called in this process.

The library keeps one global state, so all calls go through one lock. They block for milliseconds per sentence and
belong on a thread, never on the event loop.
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
_DO_NOT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: report missing data instead of ending the process
_UTF8 = 1  # espeakCHARS_UTF8; neither SSML nor phoneme brackets are interpreted
_BY_CHARACTER = 1  # POS_CHARACTER
_RATE = 1  # espeakRATE, words per minute
_PITCH = 3  # espeakPITCH, 0 to 100
_WORDS_PER_MINUTE = 175
_BYTES_PER_SAMPLE = 2
_SHORTEST = 0.1  # seconds; text without anything to pronounce still yields this much (silent) sound

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

# The first word of a character's Unicode name -> the eSpeak language that can read it.
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
    """How a voice sounds: eSpeak's voice variant, and the pitch from 0 to 100."""

    variant: str
    pitch: int

    @classmethod
    def named(cls, name: str) -> Speaker:
        """Return a speaker for any name, always the same one."""
        digest = sha256(name.encode()).digest()
        return cls(variant=_VARIANTS[digest[0] % len(_VARIANTS)], pitch=20 + digest[1] % 61)


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono 16-bit little-endian samples at `rate` per second."""

    samples: bytes
    rate: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / _BYTES_PER_SAMPLE / self.rate


def language_of(text: str) -> str:
    """Return the eSpeak language for the script that most of a text is written in; any kana makes it Japanese."""
    scripts = Counter(unicodedata.name(character, "").partition(" ")[0] for character in text if character.isalpha())
    languages = Counter[str]()
    for script, count in scripts.items():
        if language := _LANGUAGE_OF_SCRIPT.get(script):
            languages[language] += count
    if "ja" in languages:
        return "ja"
    return languages.most_common(1)[0][0] if languages else _DEFAULT_LANGUAGE


def speak(text: str, speaker: Speaker) -> Sound:
    """Return a text as speech at normal speed. Blocks."""
    return _engine().speak(text, f"{language_of(text)}+{speaker.variant}", speaker.pitch)


_ENGINE_LOCK = threading.Lock()


@cache
def _create_engine() -> _Engine:
    return _Engine()


def _engine() -> _Engine:
    """Return the process's only engine: the library must be initialised once."""
    with _ENGINE_LOCK:
        return _create_engine()


class _Engine:
    """The loaded library."""

    def __init__(self) -> None:
        """Load the library and its data, both from the package."""
        self._lock = threading.Lock()
        self._samples = bytearray()
        self._library = _declare(ctypes.CDLL(espeakng_loader.get_library_path()))
        path = espeakng_loader.get_data_path()
        self._rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, path.encode(), _DO_NOT_EXIT)
        if self._rate <= 0:
            raise RuntimeError(f"eSpeak NG did not accept its data in {path} (it takes paths of up to 160 bytes)")
        self._callback = _Callback(self._collect)  # kept here, since the library does not keep it alive
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, pitch: int) -> Sound:
        """Return a text spoken by a voice like `en-us+f3`."""
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
        shortest = int(_SHORTEST * self._rate) * _BYTES_PER_SAMPLE
        return Sound(samples.ljust(shortest, b"\0"), self._rate)

    def _collect(self, wave: int | None, count: int, _events: int | None) -> int:
        """Take the samples that the library has ready; returning 0 asks for more."""
        if wave and count > 0:
            self._samples += ctypes.string_at(wave, count * _BYTES_PER_SAMPLE)
        return 0


def _declare(library: Any) -> Any:
    """Tell ctypes the functions' parameters, as in espeak-ng's speak_lib.h."""
    size, text, number, unsigned = ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
    pointer = ctypes.c_void_p
    library.espeak_Initialize.argtypes = (number, number, text, number)
    library.espeak_SetSynthCallback.argtypes = (_Callback,)
    library.espeak_SetSynthCallback.restype = None
    library.espeak_SetVoiceByName.argtypes = (text,)
    library.espeak_SetParameter.argtypes = (number, number, number)
    library.espeak_Synth.argtypes = (text, size, unsigned, number, unsigned, unsigned, pointer, pointer)
    return library


def _check(result: int, what: str) -> None:
    """Raise if a call failed."""
    if result != 0:
        raise RuntimeError(f"eSpeak NG refused the {what} (error {result})")


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
    """Return who speaks for one of the voices, or for a custom voice's id."""
    return _SPEAKERS.get(voice) or Speaker.named(voice)
