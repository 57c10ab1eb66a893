"""Short timeouts and size limits of the integration, so that a failure takes seconds rather than minutes."""

from functools import partial
from importlib import import_module
import os
from typing import Any, Final

from homeassistant.const import Platform
import pytest
from tenacity import wait_random_exponential

from custom_components import orator
from custom_components.orator.providers import http
from custom_components.orator.providers.nanogpt import provider as nanogpt

from .cases import SHARE

# On an idle machine; see measure_load.
_FIRST_BYTE_TIMEOUT_S: Final = 2.0
_GAP_TIMEOUT_S: Final = 1.5
_JOB_TIMEOUT_S: Final = 4.0
_MAX_LOAD_FACTOR: Final = 6.0
_MAX_BODY_BYTES: Final = 2 * 1024 * 1024
_CONSTANTS: Final[dict[str, Any]] = {
    "providers.nanogpt.provider.MAX_FILE_BYTES": _MAX_BODY_BYTES,
    "providers.openai.responses.MAX_FILE_BYTES": _MAX_BODY_BYTES,
    "pipeline.synthesizer._BACKOFF": wait_random_exponential(multiplier=0.05, min=0.01, max=0.1),
    "tts_cache._POLL_INTERVAL_S": 0.02,
}


def measure_load() -> float:
    """Return by how much to extend timeouts: 1 on an idle machine, more on one with other work."""
    return min(_MAX_LOAD_FACTOR, max(1.0, os.getloadavg()[0] / (os.process_cpu_count() or 1)))


def load_voices_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load only the voices of accounts, except in the full matrix: their other entities take much of the time."""
    if SHARE == "full":
        return
    monkeypatch.setattr(orator, "PLATFORMS", (Platform.TTS,))


def shorten_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all timeouts and size limits as short as the machine allows."""
    factor = measure_load()
    first_byte, gap = _FIRST_BYTE_TIMEOUT_S * factor, _GAP_TIMEOUT_S * factor
    timeouts = {
        "pipeline.attempt._MAX_WAIT_S": first_byte,
        "providers.openai.realtime_session._OPEN_TIMEOUT_S": first_byte,
        "providers.openai.realtime_response._FIRST_DELTA_TIMEOUT_S": first_byte,
        "providers.openai.realtime_response._NEXT_DELTA_TIMEOUT_S": gap,
    }
    for path, value in (_CONSTANTS | timeouts).items():
        module, _, name = path.rpartition(".")
        monkeypatch.setattr(import_module(f"custom_components.orator.{module}"), name, value)
    limits = http.Timeouts(connect_s=first_byte, first_byte_s=first_byte, between_bytes_s=gap)
    monkeypatch.setattr("custom_components.orator.providers.downloads._DOWNLOAD_TIMEOUTS", limits)
    monkeypatch.setattr(http, "Timeouts", lambda: limits)
    monkeypatch.setattr(http.HttpResponse.data, "__defaults__", (_MAX_BODY_BYTES,))
    interval = partial(nanogpt.PollSettings, interval_s=0.1 * factor, timeout_s=_JOB_TIMEOUT_S * factor)
    monkeypatch.setattr(nanogpt, "PollSettings", interval)
