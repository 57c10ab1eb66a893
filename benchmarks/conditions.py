"""Conditions of all measurements."""

from math import ceil
from typing import Final

FIRST_BYTE_S: Final = 0.3
"""Seconds from a request to the provider's first byte."""
SPEEDS: Final[dict[str, float | None]] = {"10x": 10, "2x": 2, "1x": 1, "at once": None}
"""Seconds of audio that the provider sends per second; each speed has a server of its own."""
NORMAL_SPEED: Final = "10x"
ANY_KEY: Final = "any key"
"""Name of the server of normal speed that accepts any API key."""

CHARS_PER_SECOND: Final = 15
"""Speaking rate of the provider."""
SAMPLE_RATE: Final = 24_000
FRAME_SAMPLES: Final = 576
"""Samples of an mp3 frame at this rate; all prepared audio is cut at frames."""

WORDS_PER_SECOND: Final = 25
"""Words of a streamed reply per second."""

MAX_CHARS: Final = 4096
"""The provider's limit for a request."""

PAUSE_S: Final = 0.05
"""Time that a media player takes to pause its music."""
VOLUME_S: Final = 0.02
"""Time that a media player takes to set its volume. It reports each change at once, and fetches audio at once."""
QUIET_VOLUME: Final = 0.3
"""Volume of media players before announcements."""


def api_key_of(speed: str) -> str:
    """Return the API key of a server, different for each: Home Assistant rejects a second account with the same key."""
    return f"sk-simulated-key-that-opens-nothing-{list(SPEEDS).index(speed):04}"


def frame_count(text: str) -> int:
    """Return the number of frames of audio of a text; a Japanese character takes as long as three letters."""
    syllables = sum("\u3000" <= character <= "\u9fff" for character in text)
    return ceil((len(text) + 2 * syllables) / CHARS_PER_SECOND * SAMPLE_RATE / FRAME_SAMPLES)


def speech_seconds(text: str) -> float:
    """Return the duration of the audio of a text in seconds."""
    return frame_count(text) * FRAME_SAMPLES / SAMPLE_RATE
