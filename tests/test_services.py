"""The actions: speech as a file or a link with all that is to know about it, and speech made ahead."""

from typing import Any
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from .listening import SENTENCE, spoken
from .simulator import Simulator


async def call(hass, name, **data):
    response = await hass.services.async_call("orator", name, data, target={"entity_id": "tts.ann"}, blocking=True, return_response=True)
    return response["tts.ann"]


async def test_x(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client) -> None:
    print(await call(hass, "synthesize", message=SENTENCE))
    print(await call(hass, "synthesize", message=SENTENCE))
    print(await call(hass, "synthesize", message=SENTENCE, file_name="a/b c"))
    print(await call(hass, "prepare", messages=[SENTENCE, "Fire!", "Water!"]))
