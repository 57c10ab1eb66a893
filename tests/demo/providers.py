"""The accounts and voices of the demo."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulator import Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.home_assistant import Json


@dataclass(frozen=True, slots=True)
class VoiceSetup:
    """The input of Orator's voice flow. first: of a form before that of the model."""

    model: str
    voice: str
    format: str
    choices: Json = field(default_factory=dict)
    first: Json = field(default_factory=dict)

    @property
    def forms(self) -> tuple[Json, ...]:
        """Input of each form. A saved voice has no model."""
        choices = {"advanced": self.choices} if self.choices else {}
        model = {"model": self.model, **choices} if self.model else None
        key = "voice" if self.model else "voice_id"
        forms = (self.first or None, model, {key: self.voice, "advanced": {"format": self.format}})
        return tuple(form for form in forms if form)


@dataclass(frozen=True, slots=True)
class DemoProvider:
    """A provider: the real one if its API key is in the environment, otherwise the simulated one.

    voices: voices besides the one that Orator creates with the account.
    simulated_voices: further voices, which the real provider may not have.
    """

    name: str
    key_variable: str
    voices: tuple[VoiceSetup, ...] = field(default=())
    simulated_voices: tuple[VoiceSetup, ...] = field(default=())

    def all_voices(self, environment: Mapping[str, str]) -> tuple[VoiceSetup, ...]:
        """Return the voices to add."""
        return self.voices if self.is_real(environment) else self.voices + self.simulated_voices

    def is_real(self, environment: Mapping[str, str]) -> bool:
        """Return whether there is an API key of the real provider."""
        return bool(environment.get(self.key_variable))

    def account_forms(self, environment: Mapping[str, str], simulator: Simulator) -> tuple[Json, Json, Json]:
        """Return the input of the menu and the two forms of Orator's account flow."""
        account = {"api_key": simulator.api_key or "", "server": simulator.addresses(self.name)}
        if key := environment.get(self.key_variable):
            account = {"api_key": key, "server": {}}
        return {"next_step_id": "cloud_service"}, {"provider": self.name}, account


PROVIDERS = (
    DemoProvider(
        name="openai",
        key_variable="OPENAI_API_KEY",
        voices=(
            VoiceSetup("gpt-4o-mini-tts", voice="nova", format="wav"),
            VoiceSetup("gpt-4o-mini-tts", voice="sage", format="opus"),
            VoiceSetup("tts-1", voice="onyx", format="flac"),
        ),
    ),
    DemoProvider(  # the first voice is one of OpenAI's, whose audio is in the response
        name="nanogpt",
        key_variable="NANOGPT_API_KEY",
        simulated_voices=(VoiceSetup("nano-tts-1", voice="luna", format="mp3", choices={"endpoint": "speech"}),),
        voices=(
            VoiceSetup("Kokoro-82m", voice="bf_emma", format="mp3", choices={"endpoint": "audio_speech"}),  # a link
            VoiceSetup("Elevenlabs-Turbo-V2.5", voice="Rachel", format="mp3", choices={"endpoint": "tts"}),  # a job
            VoiceSetup("tts-1", voice="nova", format="wav", choices={"endpoint": "tts"}),
        ),
    ),
    DemoProvider(  # the first voice is a saved one
        name="speechbase",
        key_variable="SPEECHBASE_API_KEY",
        voices=(VoiceSetup("openai/gpt-4o-mini-tts", voice="sage", format="mp3", first={"mode": "inline"}),),
        simulated_voices=(
            VoiceSetup("", voice=DOCUMENTED_VOICE, format="wav", first={"mode": "voice"}),
            VoiceSetup("cartesia/sonic-3", voice="narrator", format="wav", first={"mode": "inline"}),
        ),
    ),
)
