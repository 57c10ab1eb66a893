"""The audio players that are shown after an account or a voice has been added."""

from datetime import timedelta
from html import unescape
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import jwt
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.limits import LimitPeriod
from custom_components.orator.preview import create_voice_player
from tests.simulator import Fault, Simulator
from tests.support.audio import decode
from tests.support.flows import create_account_input
from tests.support.speech import SPEECH_PATH, get_speech_requests


@pytest.fixture
async def url(hass: HomeAssistant, simulator: Simulator, hass_client: ClientSessionGenerator) -> str:
    """Add an account in the frontend, and return the URL of its player."""
    for component in ("homeassistant", "config", "tts", "orator"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    path = "/api/config/config_entries/flow"
    form = await (await client.post(path, json={"handler": "orator"})).json()
    for entered in ({"next_step_id": "cloud_service"}, {"provider": "openai"}, create_account_input(simulator)):
        result = await (await client.post(f"{path}/{form['flow_id']}", json=entered)).json()
    await hass.async_block_till_done()
    assert result["description"] == "with_voice"
    assert result["description_placeholders"]["price"] == "uses 58 characters"
    element = re.fullmatch(
        r"<figure><figcaption>OpenAI Coral</figcaption>"
        r'<audio controls preload="none" src="([^"]+)"></audio></figure>',
        result["description_placeholders"]["player"],
    )
    assert element
    return unescape(element[1])


async def test_preview_of_first_voice(
    hass: HomeAssistant, simulator: Simulator, url: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """The first voice speaks the sample sentence in Home Assistant's language, and not before it is played."""
    player = await hass_client_no_auth()
    assert not get_speech_requests(simulator)
    response = await player.get(url)
    assert (response.status, response.content_type) == (200, "audio/mpeg")
    assert len(await response.read()) > 1000
    (request,) = get_speech_requests(simulator)
    assert request["input"].startswith("Good morning!")
    assert (request["model"], request["voice"]) == ("gpt-4o-mini-tts", "coral")


async def test_preview_is_charged_once(
    hass: HomeAssistant, simulator: Simulator, url: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Playing the preview again plays it from the cache."""
    player = await hass_client_no_auth()
    first, second = [await (await player.get(url)).read() for _ in range(2)]
    assert first == second
    assert len(get_speech_requests(simulator)) == 1


async def test_provider_error(
    hass: HomeAssistant, simulator: Simulator, url: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """An error of the provider is answered as a bad gateway."""
    player = await hass_client_no_auth()
    simulator.fail(Fault(path=SPEECH_PATH, status=400, json={"error": {"message": "No."}}))
    assert (await player.get(url)).status == 502


async def test_usage_limit(
    hass: HomeAssistant, simulator: Simulator, url: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """A preview counts towards the usage limits, and is not requested if it does not fit."""
    player = await hass_client_no_auth()
    (entry,) = hass.config_entries.async_entries("orator")
    hass.config_entries.async_update_entry(entry, options={"daily_limit": 5})
    response = await player.get(url)
    assert response.status == 502
    assert "limit" in await response.text()
    assert not get_speech_requests(simulator)
    hass.config_entries.async_update_entry(entry, options={"daily_limit": 5000})
    await hass.async_block_till_done()
    assert (await player.get(url)).status == 200
    status = entry.runtime_data.limiter.status(LimitPeriod.DAY)
    assert status.used == len(get_speech_requests(simulator)[0]["input"])


async def test_removed_account(
    hass: HomeAssistant, simulator: Simulator, url: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """The URL of the player works until the account is removed."""
    player = await hass_client_no_auth()
    (entry,) = hass.config_entries.async_entries("orator")
    await hass.config_entries.async_remove(entry.entry_id)
    assert (await player.get(url)).status == 404
    assert not get_speech_requests(simulator)


async def test_url_expires(
    hass: HomeAssistant, simulator: Simulator, url: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """The URL of the player expires, and the data that is stored for it does not contain the API key."""
    player = await hass_client_no_auth()
    claims = jwt.decode(url.partition("authSig=")[2], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600
    assert simulator.api_key not in repr(hass.data["orator_setup_previews"])  # type: ignore[arg-type]
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=9))
    assert (await player.get(url)).status == 200
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=11))
    assert (await player.get(url)).status == 404
    assert not hass.data["orator_setup_previews"]  # type: ignore[arg-type]


async def test_unsigned_url(
    simulator: Simulator,
    url: str,
    hass_client_no_auth: ClientSessionGenerator,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
) -> None:
    """Without the signature, the preview requires a user who may control the voice; otherwise nothing is spoken."""
    path, _, signature = url.partition("?")
    assert signature
    assert (await (await hass_client_no_auth()).get(path)).status == 401
    assert (await (await hass_client_no_auth()).get(f"{path}x?{signature}")).status == 401
    reader = await hass_client(hass_read_only_access_token)
    assert (await reader.get(path)).status == 401
    assert (await reader.get(f"{path}x")).status == 404
    assert not get_speech_requests(simulator)
    assert (await (await hass_client()).get(path)).status == 200


@pytest.mark.parametrize("effects", [{}, {"chime": "soft"}, {"lead_in_ms": 5000}])
async def test_player_of_failing_voice(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    effects: dict[str, Any],
) -> None:
    """A voice that cannot speak is an error of the player, also if a chime or silence precedes speech."""
    (subentry,) = account.subentries.values()
    settings = {**subentry.data, **effects}
    hass.config_entries.async_update_subentry(account, subentry, data=settings)
    await hass.async_block_till_done(wait_background_tasks=True)
    player = create_voice_player(hass, account.entry_id, subentry.title, settings)
    link = player.partition('src="')[2].partition("?")[0]
    browser = await hass_client()
    simulator.fail(Fault(path=SPEECH_PATH, status=404, times=99))
    assert (await browser.get(link)).status == 502
    simulator.reset()
    response = await browser.get(link)
    assert (response.status, response.content_type) == (200, "audio/mpeg")
    assert (await decode(await response.read())).seconds > 1
