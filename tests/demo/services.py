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

    @property
    def forms(self) -> tuple[Json, Json]:
        """The forms of Orator's voice flow, filled in."""
        return {"model": self.model}, {"voice": self.voice, "format": self.format}


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

    def account_form(self, environment: Mapping[str, str], simulator: Simulator) -> Json:
        """Return the form of Orator's account flow, filled in."""
        if key := environment.get(self.key_variable):
            return {"provider": self.provider, "api_key": key, "server": {}}
        server = self.simulated_server(simulator)
        return {"provider": self.provider, "api_key": simulator.api_key or "", "server": server}


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
)
