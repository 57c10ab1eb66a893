"""The ways in which sound comes from providers, each of which can fail in its own way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulator import Answer, Compatible, Simulator
from tests.simulator.compatible_profiles import BARE
from tests.simulator.host import Host
from tests.support.speech import SATELLITE

OWN_VOICE: Final = "coral"
_REALTIME_MODEL: Final = "gpt-realtime-2.1-mini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A way to sound.

    voice: what is set for a voice that takes it.
    order, sound: the requests that ask for speech, and those that bring its sound, as shell patterns of their paths.
    server: how a server that imitates OpenAI sends its sound; None where it is one of the providers themselves.
    answer: how NanoGPT's model answers, if not as usual.
    is_live: whether an Assist satellite listens to replies, rather than a player of mp3.
    """

    name: str
    provider: str
    voice: Mapping[str, Any]
    order: str
    sound: str = ""
    poll: str = ""
    server: str = ""
    answer: Answer | None = None
    is_live: bool = True
    speaker: str = OWN_VOICE
    satellite: Mapping[str, Any] = field(default_factory=lambda: SATELLITE)

    @property
    def brings(self) -> str:
        """The path of what brings the sound."""
        return self.sound or self.order

    @property
    def is_realtime(self) -> bool:
        """Whether it is a socket that stays open, rather than requests."""
        return self.order.endswith("/realtime")

    async def host(self, simulator: Simulator) -> Host:
        """Return the server to speak to, ready to answer."""
        simulator.tongue = "tones"
        if self.answer:
            simulator.nanogpt.answers[self.voice["model"]] = self.answer
        if not self.server:
            return simulator
        host = Compatible(BARE)
        host.tongue = "tones"
        host.always_events = self.server == "events"
        host.json_key = "audio" if self.server == "json" else None
        return host

    def account(self, origin: str, key: str) -> dict[str, Any]:
        """Return the data of an account that is let in at an origin."""
        addresses = {
            "openai": {"base_url": f"{origin}/v1"},
            "nanogpt": {"base_url": f"{origin}/api", "speech_base_url": f"{origin}/nanogpt-speech"},
            "speechbase": {"base_url": f"{origin}/speechbase"},
        }
        server = {"server": "other"} if self.server else {}
        return {"provider": self.provider, "api_key": key, **addresses[self.provider], **server}


def _nanogpt(name: str, model: str, endpoint: str, voice: str = OWN_VOICE, **more: Any) -> Route:
    orders = {"audio_speech": "*/audio/speech", "speech": "*/v1/speech", "tts": "*/tts"}
    return Route(
        name=f"nanogpt {name}",
        provider="nanogpt",
        voice={"model": model, "voice": voice, "endpoint": endpoint},
        order=orders[endpoint],
        speaker=voice,
        **more,
    )


_FILES: Final = {"sound": "/files/*"}
_JOBS: Final = {"sound": "/files/*", "poll": "*/tts/status"}

ROUTES: Final = (
    Route(
        name="openai",
        provider="openai",
        voice={"model": "tts-1", "voice": OWN_VOICE},
        order="*/audio/speech",
    ),
    Route(
        name="openai events",
        provider="openai",
        voice={"model": "tts-1", "voice": OWN_VOICE},
        order="*/audio/speech",
        server="events",
        is_live=False,
    ),
    Route(
        name="openai json",
        provider="openai",
        voice={"model": "tts-1", "voice": OWN_VOICE},
        order="*/audio/speech",
        server="json",
        is_live=False,
    ),
    Route(
        name="openai realtime",
        provider="openai",
        voice={"model": _REALTIME_MODEL, "voice": "marin"},
        order="*/realtime",
        speaker="marin",
    ),
    _nanogpt("audio_speech", "tts-1", "audio_speech"),
    _nanogpt("audio_speech ticket", "Elevenlabs-Turbo-V2.5", "audio_speech", "Aria", **_JOBS),
    _nanogpt("speech", "nano-tts-1", "speech", "luna"),
    _nanogpt("tts", "tts-1", "tts", is_live=False),
    _nanogpt("tts link", "Kokoro-82m", "tts", "af_bella", **_FILES),
    _nanogpt("tts ticket", "Elevenlabs-V3", "tts", "Aria", **_JOBS),
    Route(
        name="speechbase stream",
        provider="speechbase",
        voice={"model": "openai/tts-1", "voice": OWN_VOICE},
        order="*/audio/speech*",  # the other route is asked where this one is not there
        is_live=False,
    ),
    Route(
        name="speechbase",
        provider="speechbase",
        voice={"model": "openai/tts-1", "voice": OWN_VOICE, "speed": 1.0},
        order="*/audio/speech",
    ),
)
