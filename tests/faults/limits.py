"""The integration's limits, made short: what takes a minute in a house takes a second here."""

from functools import partial
from importlib import import_module
import os
from typing import Any, Final

import pytest
from tenacity import wait_random_exponential

from custom_components.orator.providers import http
from custom_components.orator.providers.nanogpt import provider as nanogpt

_FIRST_BYTE: Final = 2.0
_BETWEEN_BYTES: Final = 1.5
_JOB: Final = 4.0
"""Seconds, on a machine that has nothing else to do."""
_SLOWEST: Final = 6.0
_MOST_BYTES: Final = 2 * 1024 * 1024
_SIZES: Final[dict[str, Any]] = {
    "providers.nanogpt.provider.MAX_FILE_BYTES": _MOST_BYTES,
    "providers.openai.responses._MAX_JSON_BYTES": _MOST_BYTES,
    "pipeline.synthesizer._backoff": wait_random_exponential(multiplier=0.05, min=0.01, max=0.1),
    "tts_cache._POLL_INTERVAL_S": 0.02,
}


def slowness() -> float:
    """Return how many times as long as usual things may take: others may be at work on this machine."""
    return min(_SLOWEST, max(1.0, os.getloadavg()[0] / (os.process_cpu_count() or 1)))


def shorten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all limits as short as the machine allows."""
    slow = slowness()
    seconds = {
        "providers.openai.realtime_session._OPEN_WITHIN": _FIRST_BYTE * slow,
        "providers.openai.realtime_session._FIRST_WITHIN": _FIRST_BYTE * slow,
        "providers.openai.realtime_session._NEXT_WITHIN": _BETWEEN_BYTES * slow,
    }
    for place, value in (_SIZES | seconds).items():
        module, _, name = place.rpartition(".")
        monkeypatch.setattr(import_module(f"custom_components.orator.{module}"), name, value)
    limits = http.Timeouts(
        connect=_FIRST_BYTE * slow, first_byte=_FIRST_BYTE * slow, between_bytes=_BETWEEN_BYTES * slow
    )
    monkeypatch.setattr("custom_components.orator.providers.downloads._LIMITS", limits)
    monkeypatch.setattr(http, "Timeouts", lambda: limits)
    monkeypatch.setattr(http.HttpResponse.chunks, "__defaults__", (_MOST_BYTES,))
    monkeypatch.setattr(nanogpt, "PollInterval", partial(nanogpt.PollInterval, interval=0.1 * slow, limit=_JOB * slow))
