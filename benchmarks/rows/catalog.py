"""Time for which a large catalog blocks the event loop.

A provider fetches the lists of a server in another process. Whatever blocks the event loop delays a heartbeat: calls of
Orator, and the work of its threads in which Python runs no other thread. Only CPU time of this process counts, because
other processes delay the heartbeat as well, and garbage collections are measured separately, as in the row `loop`.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
import gc
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, Final

import aiohttp

from custom_components.orator.client import async_create_provider
from tests.support.processes import LOCALHOST, find_free_port

from ..environment import Environment
from ..results import ORATOR, Goal, Results, SeriesKey, Unit

CATALOG: Final = "catalog"
_BLOCKED: Final = "longest delay of the event loop"
_COLLECTION: Final = "longest garbage collection"
_DURATION: Final = "until the catalog is known"
_MAX_BLOCKED_MS: Final = 10.0
_HEARTBEAT_S: Final = 0.001
_START_TIMEOUT_S: Final = 30.0
_MODELS: Final = 2_000
_DESCRIPTION: Final = "A voice for every occasion. " * 120
"""Description of each model, of a length that makes the list 8 MB long."""
_DELIVERY: Final = "-"


def _voices(count: int) -> list[dict[str, Any]]:
    return [{"id": f"voice-{number}", "name": f"Voice {number}", "language": "en-US"} for number in range(count)]


def _model(number: int, details: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": f"vendor/speech-{number}-tts", "name": f"Speech {number}", "task": "text-to-speech", **details}


_CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "2,000 models with 10 voices each, 8 MB": {"description": _DESCRIPTION, "voices": _voices(10)},
    "2,000 models that share 2,000 voices": {},
}
"""Details of each model by case."""


async def measure(environment: Environment, results: Results) -> None:
    """Fetch the catalog of a server, and read its models, as setting up an account does."""
    for case, details in _CASES.items():
        models = [_model(number, details) for number in range(_MODELS)]
        async with _serve({"models": {"data": models}, "audio/voices": {"voices": _voices(2_000)}}) as url:
            for _ in range(environment.effort.size(5, 2)):
                await _fetch(environment, results, SeriesKey(CATALOG, case, ORATOR, _DELIVERY), url)


async def _fetch(environment: Environment, results: Results, key: SeriesKey, url: str) -> None:
    account = {"provider": "openai", "server": "other", "base_url": url, "api_key": ""}
    provider = async_create_provider(environment.instance.hass, account)
    gc.collect()
    heart = _Heart()
    started = perf_counter()
    with heart:
        catalog = await provider.fetch_catalog()
        failure = None if len(provider.models(catalog)) == _MODELS else "models are missing"
        provider.initial_voice_settings(catalog)
        results.add(key, _DURATION, failure or perf_counter() - started)
        await asyncio.sleep(2 * _HEARTBEAT_S)  # the last delay
    await provider.close()
    results.add(key, _BLOCKED, failure or heart.longest_s * 1000, Unit.MILLISECONDS)
    results.add(key, _COLLECTION, heart.longest_collection_s * 1000, Unit.MILLISECONDS)


class _Heart:
    """Measures how much later than expected the event loop continues."""

    def __init__(self) -> None:
        """Initialize the measurement, which runs within the context."""
        self.longest_s = 0.0
        """Longest delay, without garbage collections."""
        self.longest_collection_s = 0.0
        self._collected_s = 0.0
        self._collection_started = 0.0
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        """Start to measure."""
        gc.callbacks.append(self._on_collection)
        self._task = asyncio.create_task(self._beat(), name="benchmark heartbeat")

    def __exit__(self, *_: object) -> None:
        """Stop measuring."""
        gc.callbacks.remove(self._on_collection)
        if self._task:
            self._task.cancel()

    async def _beat(self) -> None:
        while True:
            collected, cpu, started = self._collected_s, process_time(), perf_counter()
            await asyncio.sleep(_HEARTBEAT_S)
            delay = min(perf_counter() - started - _HEARTBEAT_S, process_time() - cpu)
            self.longest_s = max(self.longest_s, delay - (self._collected_s - collected))

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collection_started = process_time()
            return
        seconds = process_time() - self._collection_started
        self._collected_s += seconds
        self.longest_collection_s = max(self.longest_collection_s, seconds)


@asynccontextmanager
async def _serve(documents: Mapping[str, Any]) -> AsyncGenerator[str]:
    """Serve documents as files, in another process; yield their base URL."""
    with TemporaryDirectory(prefix="orator-benchmark-") as folder:
        await asyncio.to_thread(_write, Path(folder, "v1"), documents)
        port = find_free_port()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "http.server", str(port), "--bind", LOCALHOST, "--directory", folder),
            stderr=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C does not reach the process
        )
        try:
            await _wait_until_serving(f"http://{LOCALHOST}:{port}")
            yield f"http://{LOCALHOST}:{port}/v1"
        finally:
            process.terminate()
            await process.wait()


def _write(folder: Path, documents: Mapping[str, Any]) -> None:
    for name, document in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))


async def _wait_until_serving(url: str) -> None:
    async with asyncio.timeout(_START_TIMEOUT_S), aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(url):
                    return
            await asyncio.sleep(0.1)


def add_goals(results: Results) -> None:
    """Add the limit for the delay of the event loop."""
    for series in [series for series in results.series if series.key.row == CATALOG and series.metric == _BLOCKED]:
        note = series.failures[0] if series.failures else "CPU time, without garbage collection"
        text = f"{series.key.case}: event loop never blocked for over {_MAX_BLOCKED_MS:.0f} ms"
        value = None if series.failures else series.worst
        results.goals.append(Goal(CATALOG, text, _MAX_BLOCKED_MS, value, Unit.MILLISECONDS, note))
