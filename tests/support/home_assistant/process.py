"""Home Assistant as a process: a temporary configuration folder, start, log and end."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp

from tests.support.processes import LOCALHOST, free_port, running

type Json = dict[str, Any]

_START_TIMEOUT: Final = 180.0  # seconds; a busy computer needs a minute
_POLL: Final = 0.05
_LOG_TAIL: Final = 40  # lines
# What would make the process find other code, or reach a service that it was not told of through its pages.
_NOT_INHERITED: Final = ("PYTHONPATH", "PYTHONHOME", "SUPERVISOR", "SETUP_PORT", "HASS_DISABLE_LOG_FILE")
_SECRET_SUFFIX: Final = "_API_KEY"


class StartError(Exception):
    """Home Assistant did not come up."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A Home Assistant that runs."""

    url: str
    folder: Path
    process: asyncio.subprocess.Process

    @property
    def log(self) -> str:
        """The end of what Home Assistant has logged."""
        return _tail(self.folder)


@asynccontextmanager
async def run_home_assistant(
    custom_components: Iterable[Path],
    configuration: Mapping[str, object],
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Instance]:
    """Run Home Assistant, from its first answer on until the end of the `async with`.

    custom_components: folders of custom integrations.
    configuration: what configuration.yaml holds beyond the necessary.
    environment: what its environment holds beyond ours.

    Nothing is installed or downloaded: what components need has to be there. The configuration folder is temporary.
    """
    port = free_port()
    with TemporaryDirectory(prefix="orator-home-assistant-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _write_configuration(folder, port, custom_components, configuration)
        async with _process(folder, environment or {}) as process:
            instance = Instance(f"http://{LOCALHOST}:{port}", folder, process)
            await _wait_for_answer(instance)
            yield instance


def _write_configuration(
    folder: Path, port: int, custom_components: Iterable[Path], configuration: Mapping[str, object]
) -> None:
    """Fill a configuration folder.

    The port is stored where Home Assistant keeps it since it is set in the user interface: from configuration.yaml it
    would only be on trial, and Home Assistant would restart without it after five minutes. The onboarding step that
    the storage calls done would add weather, radio and another speech service, for which packages are missing.
    """
    general = {
        "name": "Demo home",
        "country": "US",
        "language": "en",
        "currency": "USD",
        "time_zone": "UTC",
        "unit_system": "metric",
        "latitude": 52.37,
        "longitude": 4.9,
        "elevation": 0,
        "internal_url": f"http://{LOCALHOST}:{port}",
    }
    logger = {
        "default": "warning",
        "logs": {"homeassistant.components.camera.img_util": "critical"},
    }  # misses a library
    as_yaml = {"homeassistant": general, "logger": logger, **configuration}
    (folder / "configuration.yaml").write_text(json.dumps(as_yaml, indent=2))  # JSON is YAML
    storage = folder / ".storage"
    storage.mkdir()
    _store(storage, "http", 1, {"server_host": [LOCALHOST], "server_port": port})
    _store(storage, "onboarding", 4, {"done": ["core_config"]})
    components = folder / "custom_components"
    components.mkdir()
    for source in custom_components:
        (components / source.name).symlink_to(source.resolve(), target_is_directory=True)


def _store(storage: Path, key: str, version: int, data: Json) -> None:
    """Write a file as Home Assistant stores its own data."""
    (storage / key).write_text(json.dumps({"version": version, "minor_version": 1, "key": key, "data": data}))


@asynccontextmanager
async def _process(folder: Path, environment: Mapping[str, str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start a Home Assistant process, and end it afterwards with everything it has started."""
    command = (sys.executable, "-m", "homeassistant", "--config", str(folder), "--skip-pip", "--log-no-color")
    whole = {**_environment(), **environment}
    async with running(command, log=_log_file(folder), folder=folder, environment=whole) as process:
        yield process


def _environment() -> dict[str, str]:
    """Return the environment for Home Assistant: the programs of the virtual environment come first."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_INHERITED and not name.endswith(_SECRET_SUFFIX)
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return environment


async def _wait_for_answer(instance: Instance) -> None:
    """Wait until Home Assistant answers."""
    try:
        async with asyncio.timeout(_START_TIMEOUT), aiohttp.ClientSession() as session:
            while not await _answers(session, instance.url):
                if instance.process.returncode is not None:
                    raise StartError(f"Home Assistant ended with code {instance.process.returncode}:\n{instance.log}")
                await asyncio.sleep(_POLL)
    except TimeoutError as err:
        raise StartError(f"Home Assistant does not answer after {_START_TIMEOUT:.0f} s:\n{instance.log}") from err


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    """See whether the web server has been started and knows of onboarding."""
    try:
        async with session.get(f"{url}/api/onboarding") as response:
            return response.ok
    except aiohttp.ClientConnectionError:
        return False


def _log_file(folder: Path) -> Path:
    """Return where the process writes."""
    return folder / "output.log"


def _tail(folder: Path) -> str:
    """Return the last lines of the log."""
    lines = _log_file(folder).read_text(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_TAIL:])
