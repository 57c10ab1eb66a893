"""The simulated OpenAI-compatible servers and their presets, for tests with and without Home Assistant."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.servers import SERVERS
from tests.simulator import CompatibleServer
from tests.simulator.openai_compatible.profile import Profile
from tests.simulator.openai_compatible.profiles import PROFILES

type Start = Callable[[Profile], Awaitable[CompatibleServer]]

PRESETS: Final = {"kokoro-older": "kokoro", "speaches-late": "speaches", "openai-edge-tts-slim": "openai-edge-tts"}
"""Presets of profiles that are named differently."""


def preset_of(profile: Profile) -> str:
    """Return the name of the preset for a server."""
    return PRESETS.get(profile.name, profile.name)


def get_default_voice(profile: Profile) -> dict[str, str]:
    """Return the settings of the default voice of a server's preset."""
    preset = SERVERS[preset_of(profile)]
    return {"model": preset.default_model, "voice": preset.default_voice}


def ids(profiles: Iterable[Profile]) -> list[str]:
    """Return test ids for servers."""
    return [profile.name for profile in profiles]


WITH_PRESET: Final = tuple(profile for profile in PROFILES if profile.name != "bare")


def provider_at(server: CompatibleServer, sessions: HttpSessions, name: str = "other") -> OpenAIProvider:
    """Return the provider of a server, by default without a preset for it."""
    return OpenAIProvider(sessions, {"base_url": server.base_url}, server.api_key or "", server=name)
