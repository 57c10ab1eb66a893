"""Whom the demo lets speak: one row for each service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.simulator import Simulator
from tests.simulator.speechbase_catalog import DOCUMENTED_VOICE
from tests.support.home_assistant import Json


@dataclass(frozen=True, slots=True)
class VoiceForms:
    """What a person enters to add a voice."""

    model: str
    voice: str
    format: str
    choices: Json = field(default_factory=dict)
    first: Json = field(default_factory=dict)

    @property
    def forms(self) -> tuple[Json, ...]:
        """The forms of Orator's voice flow, filled in. A saved voice has no model to choose."""
        choices = {"advanced": self.choices} if self.choices else {}
        model = {"model": self.model, **choices} if self.model else None
        key = "voice" if self.model else "voice_id"
        forms = (self.first or None, model, {key: self.voice, "format": self.format})
        return tuple(form for form in forms if form)


@dataclass(frozen=True, slots=True)
class Service:
    """A speech service: the real one where its key is in the environment, a simulated one otherwise.

    simulated_server: what to enter as the simulated service's own server.
    voices: those beyond the one that Orator creates with the account.
    simulated_voices: those of them that the real service may not have.
    """

    provider: str
    key_variable: str
    simulated_server: Callable[[Simulator], Json]
    voices: tuple[VoiceForms, ...] = field(default=())
    simulated_voices: tuple[VoiceForms, ...] = field(default=())

    def all_voices(self, environment: Mapping[str, str]) -> tuple[VoiceForms, ...]:
        """Return the voices to add."""
        return self.voices if self.is_real(environment) else self.voices + self.simulated_voices

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
        simulated_voices=(VoiceForms("nano-tts-1", voice="luna", format="mp3", choices={"endpoint": "speech"}),),
        voices=(
            VoiceForms("Kokoro-82m", voice="bf_emma", format="mp3", choices={"endpoint": "audio_speech"}),  # a link
            VoiceForms("Elevenlabs-Turbo-V2.5", voice="Rachel", format="mp3", choices={"endpoint": "tts"}),  # a ticket
            VoiceForms("tts-1", voice="nova", format="wav", choices={"endpoint": "tts"}),
        ),
    ),
    Service(  # the account's first voice is a saved one
        provider="speechbase",
        key_variable="SPEECHBASE_API_KEY",
        simulated_server=lambda simulator: {"base_url": simulator.speechbase_url},
        voices=(VoiceForms("openai/gpt-4o-mini-tts", voice="sage", format="mp3", first={"mode": "inline"}),),
        simulated_voices=(
            VoiceForms("", voice=DOCUMENTED_VOICE, format="wav", first={"mode": "voice"}),
            VoiceForms("cartesia/sonic-3", voice="narrator", format="wav", first={"mode": "inline"}),
        ),
    ),
)
