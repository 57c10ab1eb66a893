"""Environment of the measurements, and their number and size."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
import sys
from time import monotonic
from typing import Final

import aiohttp
from homeassistant.components.tts.const import DATA_TTS_MANAGER

from .candidates import BareRequests, Candidate, HomeAssistantVoice
from .conditions import NORMAL_SPEED, api_key_of
from .home_assistant import InProcessInstance
from .provider import Provider
from .results import FLOOR, OPENAI, ORATOR


@dataclass(frozen=True, slots=True)
class Effort:
    """Number and size of measurements."""

    quick: bool
    runs: int | None = None

    def times(self, thorough: int, quick: int) -> int:
        """Return the number of runs of a short case."""
        return self.runs or (quick if self.quick else thorough)

    def size(self, thorough: int, quick: int) -> int:
        """Return the size of a text or of another quantity."""
        return quick if self.quick else thorough


type Analysis = Callable[[], Awaitable[None]]
"""Analysis of recordings, deferred until all measurements have ended."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Provider, Home Assistant and the HTTP session of the listener. chime_tts: folder of that integration."""

    provider: Provider
    instance: InProcessInstance
    session: aiohttp.ClientSession
    effort: Effort
    chime_tts: Path | None = None

    def orator(self, speed: str = NORMAL_SPEED) -> HomeAssistantVoice:
        """Return Orator's voice at a speed of the provider."""
        return self._voice(ORATOR, self.instance.orator[speed])

    def openai(self, speed: str = NORMAL_SPEED) -> HomeAssistantVoice:
        """Return the voice of Home Assistant's own integration at a speed of the provider."""
        return self._voice(OPENAI, self.instance.openai[speed])

    def _voice(self, name: str, entity_id: str) -> HomeAssistantVoice:
        return HomeAssistantVoice(name, self.instance.hass, entity_id, self.session, self.instance.url)

    def floor(self, speed: str = NORMAL_SPEED) -> BareRequests:
        """Return bare requests at a speed of the provider."""
        return BareRequests(FLOOR, self.session, self.provider.urls[speed], api_key_of(speed))

    def candidates(self, speed: str = NORMAL_SPEED) -> tuple[Candidate, ...]:
        """Return all candidates at a speed of the provider."""
        return self.floor(speed), self.orator(speed), self.openai(speed)

    def clear_cache(self) -> None:
        """Empty Home Assistant's cache of speech in memory."""
        self.instance.hass.data[DATA_TTS_MANAGER].mem_cache.clear()


_started: Final = monotonic()


def progress(text: str) -> None:
    """Print a message with the seconds since the start."""
    sys.stderr.write(f"{monotonic() - _started:5.0f} s  {text}\n")
    sys.stderr.flush()
