"""Fallback voices, and the voices in decoded audio."""

from typing import Any, ClassVar, override

from homeassistant.components import tts
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Simulator

from .audio import RATE, Sound
from .speech import create_account
from .word_decoder import assert_spoken, voice_of

PRIMARY_VOICE = voice_of("coral")
FALLBACK_VOICE = voice_of("nova")
SENTENCES = [
    f"Sentence number {number} of this reply has a good many words in it, so it is long." for number in range(6)
]


class LocalVoice(tts.TextToSpeechEntity):
    """The voice `tts.piper` of another integration, which has one language and does not stream."""

    _attr_name = "Piper"
    _attr_unique_id = "piper"
    _attr_default_language = "en_US"
    _attr_supported_languages: ClassVar = ["en_US"]

    def __init__(self, audio: bytes) -> None:
        """Initialize with the mp3 audio that is returned for any message."""
        self._audio = audio
        self.messages: list[str] = []

    @override
    async def async_get_tts_audio(self, message: str, language: str, options: dict[str, Any]) -> tts.TtsAudioType:
        """Return the audio."""
        self.messages.append(message)
        return "mp3", self._audio


def create_account_with_fallback(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose voice has the fallback `tts.ben`, and whose speech can be decoded into words."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "fallback": ["tts.ben"]})


def get_voices(sound: Sound, text: str) -> list[int | None]:
    """Return the voice of each word, after asserting that exactly the words of a text are spoken."""
    return [word.voice for word in assert_spoken(sound.samples, RATE, text)]
