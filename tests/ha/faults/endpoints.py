"""The endpoints under test: every way in which a provider delivers audio."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.simulator import CompatibleServer, Simulator, provider_addresses
from tests.simulator.http_server import SimulatedServer
from tests.simulator.openai_compatible.profiles import BARE

_VOICE: Final = "coral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint and a voice that uses it.

    settings: the settings of the voice.
    speech_path, download_path, poll_path: shell patterns of the paths of requests for speech, for the audio where that
        is a request of its own, and for the status of a job.
    compatible_server: how an OpenAI-compatible server delivers audio (`events` or `json`); empty for the providers.
    has_satellite: whether streamed replies are fetched as a satellite does, rather than as mp3.
    """

    name: str
    provider: str
    settings: Mapping[str, Any]
    speech_path: str
    download_path: str = ""
    poll_path: str = ""
    compatible_server: str = ""
    has_satellite: bool = True

    @property
    def audio_path(self) -> str:
        """Path pattern of the requests that return audio."""
        return self.download_path or self.speech_path

    @property
    def voice_name(self) -> str:
        """The provider's name of the voice."""
        return str(self.settings["voice"])

    @property
    def is_realtime(self) -> bool:
        """Whether audio arrives over a WebSocket that stays open."""
        return self.speech_path.endswith("/realtime")

    def prepare_host(self, simulator: Simulator) -> SimulatedServer:
        """Return the simulated host of the endpoint, speaking in tones."""
        simulator.audio_mode = "tones"
        if not self.compatible_server:
            return simulator
        host = CompatibleServer(BARE)
        host.audio_mode = "tones"
        host.always_events = self.compatible_server == "events"
        host.json_key = "audio" if self.compatible_server == "json" else None
        return host

    def account_data(self, origin: str, api_key: str) -> dict[str, Any]:
        """Return the config entry data of an account at an origin."""
        server = {"server": "other"} if self.compatible_server else {}
        return {"provider": self.provider, "api_key": api_key, **provider_addresses(self.provider, origin), **server}


def _openai(name: str, compatible_server: str = "") -> Endpoint:
    return Endpoint(
        name=name,
        provider="openai",
        settings={"model": "tts-1", "voice": _VOICE},
        speech_path="*/audio/speech",
        compatible_server=compatible_server,
        has_satellite=not compatible_server,
    )


def _nanogpt(name: str, model: str, endpoint: str, voice: str = _VOICE, **more: Any) -> Endpoint:
    paths = {"audio_speech": "*/audio/speech", "speech": "*/v1/speech", "tts": "*/tts"}
    return Endpoint(
        name=f"nanogpt {name}",
        provider="nanogpt",
        settings={"model": model, "voice": voice, "endpoint": endpoint},
        speech_path=paths[endpoint],
        **more,
    )


_FILES: Final = "/files/*"
_STATUS: Final = "*/tts/status"

ENDPOINTS: Final = (
    _openai("openai"),
    _openai("openai events", "events"),
    _openai("openai json", "json"),
    Endpoint(
        name="openai realtime",
        provider="openai",
        settings={"model": "gpt-realtime-2.1-mini", "voice": "marin"},
        speech_path="*/realtime",
    ),
    _nanogpt("audio_speech", "tts-1", "audio_speech"),
    _nanogpt(
        "audio_speech job",
        "Elevenlabs-Turbo-V2.5",
        "audio_speech",
        "Aria",
        download_path=_FILES,
        poll_path=_STATUS,
    ),
    _nanogpt("speech", "nano-tts-1", "speech", "luna"),
    _nanogpt("tts", "tts-1", "tts", has_satellite=False),
    _nanogpt("tts link", "Kokoro-82m", "tts", "af_bella", download_path=_FILES),
    _nanogpt("tts job", "Elevenlabs-V3", "tts", "Aria", download_path=_FILES, poll_path=_STATUS),
    Endpoint(
        name="speechbase stream",
        provider="speechbase",
        settings={"model": "openai/tts-1", "voice": _VOICE},
        speech_path="*/audio/speech*",  # Orator uses /audio/speech if /audio/speech/stream is missing
        has_satellite=False,
    ),
    Endpoint(
        name="speechbase",
        provider="speechbase",
        settings={"model": "openai/tts-1", "voice": _VOICE, "speed": 1.0},
        speech_path="*/audio/speech",
    ),
)
