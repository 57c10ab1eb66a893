"""Set Orator up in Home Assistant: an account for each service, and its voices."""

from collections.abc import Mapping, Set as AbstractSet
from typing import Final

from tests.simulator import Simulator
from tests.support.home_assistant import Api

from .hearing import SpeakingVoice
from .report import progress
from .services import SERVICES

_FIRST_VOICE_FORMAT: Final = "mp3"


async def add_voices(api: Api, simulator: Simulator, environment: Mapping[str, str]) -> list[SpeakingVoice]:
    """Add all services' accounts and voices through Orator's forms."""
    voices: dict[str, SpeakingVoice] = {}
    for service in SERVICES:
        is_real = service.is_real(environment)
        progress(f"adding an account for {service.provider} ({'the real service' if is_real else 'simulated'})")
        entry_id = await api.add_entry("orator", *service.account_forms(environment, simulator))
        entity_id, name = await _new_entity(api, entry_id, voices.keys())
        voices[entity_id] = SpeakingVoice(entity_id, name, _FIRST_VOICE_FORMAT, is_real=is_real)
        for wanted in service.all_voices(environment):
            progress(f"adding a voice: {wanted.voice} in {wanted.format}")
            await api.add_subentry(entry_id, "voice", *wanted.forms)
            entity_id, name = await _new_entity(api, entry_id, voices.keys())
            voices[entity_id] = SpeakingVoice(entity_id, name, wanted.format, is_real=is_real)
    return list(voices.values())


async def _new_entity(api: Api, entry_id: str, known: AbstractSet[str]) -> tuple[str, str]:
    """Wait for the voice that has just been added, and for the known ones to be back; return its id and name."""

    async def is_there() -> bool:
        available = await api.available("tts")
        return known < available.keys() and await api.entry_state(entry_id) == "loaded"

    await api.wait_for("the new voice", is_there)
    return next((key, name) for key, name in (await api.available("tts")).items() if key not in known)
