"""Setup of Orator in Home Assistant: an account of each provider, and its voices."""

from collections.abc import Mapping, Set as AbstractSet
from typing import Final

from tests.simulator import Simulator
from tests.support.home_assistant import Api

from .playback import DemoVoice
from .providers import PROVIDERS
from .report import print_progress

_FIRST_VOICE_FORMAT: Final = "mp3"


async def add_voices(api: Api, simulator: Simulator, environment: Mapping[str, str]) -> list[DemoVoice]:
    """Add all accounts and voices through Orator's forms."""
    voices: dict[str, DemoVoice] = {}
    for provider in PROVIDERS:
        is_real = provider.is_real(environment)
        print_progress(f"adding an account of {provider.name} ({'real' if is_real else 'simulated'})")
        entry_id = await api.add_entry("orator", *provider.account_forms(environment, simulator))
        entity_id, name = await _wait_for_new_entity(api, entry_id, voices.keys())
        voices[entity_id] = DemoVoice(entity_id, name, _FIRST_VOICE_FORMAT, is_real=is_real)
        for setup in provider.all_voices(environment):
            print_progress(f"adding a voice: {setup.voice} in {setup.format}")
            await api.add_subentry(entry_id, "voice", *setup.forms)
            entity_id, name = await _wait_for_new_entity(api, entry_id, voices.keys())
            voices[entity_id] = DemoVoice(entity_id, name, setup.format, is_real=is_real)
    return list(voices.values())


async def _wait_for_new_entity(api: Api, entry_id: str, known: AbstractSet[str]) -> tuple[str, str]:
    """Wait until the account is loaded with a new voice, and return its entity ID and name."""

    async def is_there() -> bool:
        available = await api.available("tts")
        return known < available.keys() and await api.entry_state(entry_id) == "loaded"

    await api.wait_for("the new voice", is_there)
    return next((key, name) for key, name in (await api.available("tts")).items() if key not in known)
