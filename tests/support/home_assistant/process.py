"""Home Assistant as a process with a temporary configuration folder."""

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

from tests.support.processes import LOCALHOST, find_free_port, run_program

type Json = dict[str, Any]

_START_TIMEOUT_S: Final = 180.0  # a busy machine needs a minute
_POLL_S: Final = 0.05
_LOG_TAIL_LINES: Final = 40
# Variables that would change which code is imported or how Home Assistant is configured.
_NOT_INHERITED: Final = ("PYTHONPATH", "PYTHONHOME", "SUPERVISOR", "SETUP_PORT", "HASS_DISABLE_LOG_FILE")
_SECRET_SUFFIX: Final = "_API_KEY"


class StartError(Exception):
    """Home Assistant did not start."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A running Home Assistant."""

    url: str
    folder: Path
    process: asyncio.subprocess.Process

    @property
    def log(self) -> str:
        """Last lines of the log."""
        return _read_tail(self.folder)


@asynccontextmanager
async def run_home_assistant(
    custom_components: Iterable[Path],
    configuration: Mapping[str, object],
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Instance]:
    """Run Home Assistant; yield it once it responds.

    custom_components: folders of custom integrations.
    configuration: further content of configuration.yaml.
    environment: further environment variables.

    Nothing is installed or downloaded: the packages of all components must be installed.
    """
    port = find_free_port()
    with TemporaryDirectory(prefix="orator-home-assistant-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_configuration(folder, port, custom_components, configuration)
        async with _process(folder, environment or {}) as process:
            instance = Instance(f"http://{LOCALHOST}:{port}", folder, process)
            await _wait_until_ready(instance)
            yield instance


def write_configuration(
    folder: Path,
    port: int,
    custom_components: Iterable[Path],
    configuration: Mapping[str, object],
    onboarding_done: Iterable[str] = ("core_config",),
) -> None:
    """Write a configuration folder.

    onboarding_done: the completed steps of the onboarding.

    The port is stored where the user interface stores it: taken from configuration.yaml, it would be on trial, and Home
    Assistant would restart without it after five minutes. Unless it is done, the onboarding step
    `core_config` adds weather, radio and another speech service, whose packages are not installed.
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
    # img_util reports a missing library
    logger = {"default": "warning", "logs": {"homeassistant.components.camera.img_util": "critical"}}
    content = {"homeassistant": general, "logger": logger, **configuration}
    (folder / "configuration.yaml").write_text(json.dumps(content, indent=2))  # JSON is valid YAML
    storage = folder / ".storage"
    storage.mkdir()
    _store(storage, "http", 1, {"server_host": [LOCALHOST], "server_port": port})
    _store(storage, "onboarding", 4, {"done": list(onboarding_done)})
    components = folder / "custom_components"
    components.mkdir()
    for source in custom_components:
        (components / source.name).symlink_to(source.resolve(), target_is_directory=True)


def _store(storage: Path, key: str, version: int, data: Json) -> None:
    """Write a file of Home Assistant's storage."""
    (storage / key).write_text(json.dumps({"version": version, "minor_version": 1, "key": key, "data": data}))


@asynccontextmanager
async def _process(folder: Path, environment: Mapping[str, str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run the process; stop it and its child processes afterwards."""
    command = (sys.executable, "-m", "homeassistant", "--config", str(folder), "--skip-pip", "--log-no-color")
    merged = {**_environment(), **environment}
    async with run_program(command, log=_get_log_file(folder), folder=folder, environment=merged) as process:
        yield process


def _environment() -> dict[str, str]:
    """Return the environment variables; programs of the virtual environment come first on PATH."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_INHERITED and not name.endswith(_SECRET_SUFFIX)
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    return environment


async def _wait_until_ready(instance: Instance) -> None:
    """Wait until Home Assistant responds. Raises StartError."""
    try:
        async with asyncio.timeout(_START_TIMEOUT_S), aiohttp.ClientSession() as session:
            while not await _is_ready(session, instance.url):
                if instance.process.returncode is not None:
                    raise StartError(f"Home Assistant exited with code {instance.process.returncode}:\n{instance.log}")
                await asyncio.sleep(_POLL_S)
    except TimeoutError as err:
        raise StartError(f"Home Assistant does not respond after {_START_TIMEOUT_S:.0f} s:\n{instance.log}") from err


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    """Return whether the web server has started, with the onboarding API."""
    try:
        async with session.get(f"{url}/api/onboarding") as response:
            return response.ok
    except aiohttp.ClientConnectionError:
        return False


def _get_log_file(folder: Path) -> Path:
    """Return the file with the output of the process."""
    return folder / "output.log"


def _read_tail(folder: Path) -> str:
    """Return the last lines of the log."""
    lines = _get_log_file(folder).read_text(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_TAIL_LINES:])
