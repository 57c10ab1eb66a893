"""Fixtures of the import: accounts with imported voices, whose words can be decoded."""

from collections.abc import Awaitable, Callable

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from custom_components.orator.importer.models import TakeOver
from custom_components.orator.importer.takeover import with_take_over
from tests.simulator import Simulator
from tests.support.import_forms import create_old
from tests.support.speech import load_account
from tests.support.stored_entries import profile

type ImportVoices = Callable[..., Awaitable[MockConfigEntry]]
"""The fixture that imports voices of an entry of another integration."""


@pytest.fixture
def import_voices(hass: HomeAssistant, simulator: Simulator) -> ImportVoices:
    """Return a function that loads an account with imported voices, which speak as Coral, and take over entity IDs."""
    simulator.audio_mode = "tones"

    async def import_voices(
        old: MockConfigEntry, *entity_ids: str, has_other_entities: bool = False
    ) -> MockConfigEntry:
        unique_ids = {f"{old.domain}_{number}": entity_id for number, entity_id in enumerate(entity_ids)}
        take_over = TakeOver(old.domain, old.entry_id, unique_ids, has_other_entities)
        account = MockConfigEntry(
            domain=DOMAIN,
            title="OpenAI",
            data={"provider": "openai", "api_key": simulator.api_key, **simulator.addresses("openai")},
            options=with_take_over({}, take_over),
            subentries_data=[
                {
                    "subentry_type": "voice",
                    "title": "Ann" if number == 0 else f"Ann {number + 1}",
                    "unique_id": unique_id,
                    "data": {"model": "gpt-4o-mini-tts", "voice": "coral"},
                }
                for number, unique_id in enumerate(unique_ids)
            ],
        )
        return await load_account(hass, account)

    return import_voices


@pytest.fixture
def old_openai_tts(simulator: Simulator) -> MockConfigEntry:
    """Return an account of OpenAI TTS at the simulated OpenAI, whose voice has no special settings."""
    return create_old(simulator, profile())
