"""The simulated OpenAI-compatible servers and their presets, for tests with and without Home Assistant."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from ..simulator import CompatibleServer
from ..simulator.openai_compatible.profile import Profile
from ..simulator.openai_compatible.profiles import PROFILES

type Start = Callable[[Profile], Awaitable[CompatibleServer]]

PRESETS: Final = {"kokoro-older": "kokoro", "speaches-late": "speaches", "openai-edge-tts-slim": "openai-edge-tts"}
"""Presets of profiles that are named differently."""


def preset_of(profile: Profile) -> str:
    """Return the name of the preset for a server."""
    return PRESETS.get(profile.name, profile.name)


def ids(profiles: Iterable[Profile]) -> list[str]:
    """Return test ids for servers."""
    return [profile.name for profile in profiles]


WITH_PRESET: Final = tuple(profile for profile in PROFILES if profile.name != "bare")
