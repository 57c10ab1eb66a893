"""What everything is measured under."""

from math import ceil
from typing import Final

FIRST_BYTE: Final = 0.3
"""Seconds from a request to the provider's first byte."""
SPEEDS: Final[dict[str, float | None]] = {"10x": 10, "2x": 2, "1x": 1, "at once": None}
"""How many seconds of audio the provider sends in a second; each speed is a server of its own."""
NORMAL: Final = "10x"

CHARS_PER_SECOND: Final = 15
"""How fast the provider speaks."""
SAMPLE_RATE: Final = 24_000
FRAME_SAMPLES: Final = 576
"""What one frame of mp3 holds at this rate, and so the unit in which all its answers are cut."""

WORDS_PER_SECOND: Final = 25
"""How fast an assistant thinks of its words."""

SATELLITE: Final[dict[str, str | int]] = {
    "preferred_format": "wav",
    "preferred_sample_rate": 16_000,
    "preferred_sample_channels": 1,
    "preferred_sample_bytes": 2,
}
"""The options with which a satellite asks for sound."""

MAX_CHARS: Final = 4096
"""The provider's limit for one request."""


def key_of(speed: str) -> str:
    """Return the key that a server takes: each its own, since Home Assistant refuses a second account with the same."""
    return f"sk-simulated-key-that-opens-nothing-{list(SPEEDS).index(speed):04}"


def spoken_frames(text: str) -> int:
    """Return how many frames of sound the provider makes of a text."""
    return ceil(len(text) / CHARS_PER_SECOND * SAMPLE_RATE / FRAME_SAMPLES)


def spoken_seconds(text: str) -> float:
    """Return how long the provider speaks a text."""
    return spoken_frames(text) * FRAME_SAMPLES / SAMPLE_RATE
