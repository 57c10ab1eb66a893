"""Whom the demo lets speak: one row for each service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.home_assistant import Json
from tests.simulator import Simulator


@dataclass(frozen=True, slots=True)
class VoiceForms:
    """What a person enters to add a voice."""

    model: str
    voice: str
    format: str
    choices: Json = field(default_factory=dict)

    @property
    def forms(self) -> tuple[Json, Json]:
        """The forms of Orator's voice flow, filled in."""
        choices = {"advanced": self.choices} if self.choices else {}
        return {"model": self.model, **choices}, {"voice": self.voice, "format": self.format}


@dataclass(frozen=True, slots=True)
class Service:
    """A speech service: the real one where its key is in the environment, a simulated one otherwise.

    simulated_server: what to enter as the simulated service's own server.
    voices: those beyond the one that Orator creates with the account.
    """

    provider: str
    key_variable: str
    simulated_server: Callable[[Simulator], Json]
    voices: tuple[VoiceForms, ...] = field(default=())

    def is_real(self, environment: Mapping[str, str]) -> bool:
        """See whether there is a key for the real service."""
        return bool(environment.get(self.key_variable))

    def account_forms(self, environment: Mapping[str, str], simulator: Simulator) -> tuple[Json, Json]:
        """Return the forms of Orator's account flow, filled in."""
        if key := environment.get(self.key_variable):
            return {"provider": self.provider}, {"api_key": key, "server": {}}
        server = self.simulated_server(simulator)
        return {"provider": self.provider}, {"api_key": simulator.api_key or "", "server": server}


SERVICES = (
    Service(
        provider="openai",
        key_variable="OPENAI_API_KEY",
        simulated_server=lambda simulator: {"base_url": simulator.openai_url},
        voices=(
            VoiceForms("gpt-4o-mini-tts", voice="nova", format="wav"),
            VoiceForms("gpt-4o-mini-tts", voice="sage", format="opus"),
            VoiceForms("tts-1", voice="onyx", format="flac"),
        ),
    ),
    Service(  # the account's first voice is one of OpenAI's, which answers with audio
        provider="nanogpt",
        key_variable="NANOGPT_API_KEY",
        simulated_server=lambda simulator: {
            "base_url": simulator.nanogpt_url,
            "speech_base_url": simulator.nanogpt_speech_url,
        },
        voices=(
            VoiceForms("nano-tts-1", voice="luna", format="mp3", choices={"endpoint": "speech"}),
            VoiceForms("Kokoro-82m", voice="bf_emma", format="mp3", choices={"endpoint": "audio_speech"}),  # a link
            VoiceForms("Elevenlabs-Turbo-V2.5", voice="Rachel", format="mp3", choices={"endpoint": "tts"}),  # a ticket
            VoiceForms("tts-1", voice="nova", format="wav", choices={"endpoint": "tts"}),
        ),
    ),
)
