"""Voices can be heard before they are imported."""

from html import unescape
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.const import DOMAIN
from tests.simulator import Simulator
from tests.support.audio import decode
from tests.support.import_forms import import_all, open_import_form
from tests.support.speech import OUT_OF_CREDIT, get_speech_requests, pass_time


def get_preview_link(form: Any) -> str:
    """Return the only link in the list of the form."""
    (link,) = re.findall(r'<a href="([^"]+)" target="_blank">', form["description_placeholders"]["found"])
    return unescape(link)


@pytest.mark.parametrize("has_ended", [False, True])
async def test_preview_before_import(
    hass: HomeAssistant,
    simulator: Simulator,
    old_openai_tts: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    *,
    has_ended: bool,
) -> None:
    """A voice can be heard before it is imported, with the model that it will have; it is paid once."""
    await async_setup_component(hass, DOMAIN, {})
    if has_ended:
        simulator.openai.set_shutdown_date("gpt-4o-mini-tts", "2020-01-01")
    old_openai_tts.add_to_hass(hass)
    link = get_preview_link(await open_import_form(hass))
    assert simulator.api_key not in link
    client = await hass_client()
    for _ in range(2):
        response = await client.get(link)
        assert (response.status, response.content_type) == (200, "audio/wav" if has_ended else "audio/mpeg")
        assert (await decode(await response.read())).seconds > 1
    spoken = simulator.openai.realtime.responses if has_ended else get_speech_requests(simulator)
    assert len(spoken) == 1
    assert (await client.get(link.split("?")[0] + "x")).status == 404
    await pass_time(hass, seconds=3700)
    assert (await client.get(link.split("?")[0])).status == 404


async def test_failing_preview(
    hass: HomeAssistant, simulator: Simulator, old_openai_tts: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A preview that fails says why."""
    await async_setup_component(hass, DOMAIN, {})
    old_openai_tts.add_to_hass(hass)
    link = get_preview_link(await open_import_form(hass))
    simulator.fail(OUT_OF_CREDIT)
    response = await (await hass_client()).get(link)
    assert response.status == 502
    assert simulator.api_key not in await response.text()


async def test_preview_with_existing_account(
    hass: HomeAssistant,
    simulator: Simulator,
    old_openai_tts: MockConfigEntry,
    account: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """An existing account speaks the preview itself, so that it counts towards the account's usage."""
    old_openai_tts.add_to_hass(hass)
    await async_setup_component(hass, DOMAIN, {})
    response = await (await hass_client()).get(get_preview_link(await open_import_form(hass)))
    assert response.status == 200
    assert get_speech_requests(simulator)[0]["voice"] == "nova"
    assert account.runtime_data.usage.totals.today.requests == 1


async def test_player_after_import(
    hass: HomeAssistant, simulator: Simulator, old_openai_tts: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """The first imported voice can be heard after the import."""
    await async_setup_component(hass, DOMAIN, {})
    old_openai_tts.add_to_hass(hass)
    result = await import_all(hass)
    (path,) = re.findall(r'src="([^"]+)"', result["description_placeholders"]["player"])
    response = await (await hass_client()).get(unescape(path))
    assert response.status == 200
    assert await response.read()
    assert get_speech_requests(simulator)[0]["voice"] == "nova"
