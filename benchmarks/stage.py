"""What rows are measured on, and with how much effort."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import sys
from time import monotonic
from typing import Final

import aiohttp
from homeassistant.components.tts.const import DATA_TTS_MANAGER

from .book import FLOOR, OPENAI, ORATOR
from .conditions import NORMAL, key_of
from .contenders import Contender, Floor, Voice
from .house import House
from .service import Service


@dataclass(frozen=True, slots=True)
class Effort:
    """How often and how long to measure."""

    quick: bool
    runs: int | None = None

    def times(self, thorough: int, quick: int) -> int:
        """Return how often to measure a short case."""
        return self.runs or (quick if self.quick else thorough)

    def size(self, thorough: int, quick: int) -> int:
        """Return how large something is."""
        return quick if self.quick else thorough


type Analysis = Callable[[], Awaitable[None]]
"""What is done with what was heard, once nobody is listening any more."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Provider, Home Assistant, and the connection of who listens."""

    service: Service
    house: House
    session: aiohttp.ClientSession
    effort: Effort

    def orator(self, speed: str = NORMAL) -> Voice:
        """Return Orator's voice at a speed of the provider."""
        return Voice(ORATOR, self.house.hass, self.house.orator[speed], self.session, self.house.url)

    def openai(self, speed: str = NORMAL) -> Voice:
        """Return the voice of Home Assistant's own integration."""
        return Voice(OPENAI, self.house.hass, self.house.openai[speed], self.session, self.house.url)

    def floor(self, speed: str = NORMAL) -> Floor:
        """Return who sends bare requests."""
        return Floor(FLOOR, self.session, self.service.urls[speed], key_of(speed))

    def contenders(self, speed: str = NORMAL) -> tuple[Contender, ...]:
        """Return all three."""
        return self.floor(speed), self.orator(speed), self.openai(speed)

    def forget(self) -> None:
        """Empty what Home Assistant has spoken from its memory."""
        self.house.hass.data[DATA_TTS_MANAGER].mem_cache.clear()


_started: Final = monotonic()


def progress(text: str) -> None:
    """Say what is being done."""
    sys.stderr.write(f"{monotonic() - _started:5.0f} s  {text}\n")
    sys.stderr.flush()
