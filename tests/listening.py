"""What tests say, and how they look at what the provider was asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from .simulator import Simulator

SENTENCE = "The kettle has boiled and the tea is ready."
SATELLITE = {
    "preferred_format": "wav",
    "preferred_sample_rate": 16000,
    "preferred_sample_channels": 1,
    "preferred_sample_bytes": 2,
}

type Hear = Callable[..., Awaitable[bytes]]


def spoken(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the requests for speech that the provider got."""
    return [request.body for request in simulator.requests if request.path.endswith("/audio/speech")]
