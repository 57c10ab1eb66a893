"""NanoGPT in Home Assistant when something is wrong: with the key, the balance, the offer or the listener."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from decimal import Decimal

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.const import DOMAIN

from ..simulator import Fault, Simulator
from ..support.speech import SENTENCE, Hear, account_of, speak


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account at the simulated NanoGPT, with a voice that answers with a link."""
    return account_of(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


async def test_refused_key_is_believed_only_with_the_balance(
    hass: HomeAssistant, simulator: Simulator, hear: Hear
) -> None:
    """A vendor's 401 does not ask the user for a new key; a key that the service itself refuses does."""
    refusal = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
    simulator.fail(Fault(path="/api/v1/audio/speech", status=401, json=refusal, times=9))
    assert not await hear(SENTENCE)
    assert not hass.config_entries.flow.async_progress()
    simulator.reset()
    simulator.api_key = "sk-another"
    assert not await hear("Another sentence.")
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_empty_balance_is_told_until_it_has_grown(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """An issue says that the balance is empty, stays while it is, and goes by itself after money was added."""
    issues = ir.async_get(hass)
    issue_id = f"{account.entry_id}_out_of_credit"
    simulator.nanogpt.balance = Decimal("0.000001")
    assert not await hear(SENTENCE)
    issue = issues.async_get_issue(DOMAIN, issue_id)
    assert (issue.translation_key, issue.translation_placeholders["account"]) == ("out_of_credit", "NanoGPT")
    assert not hass.config_entries.flow.async_progress()

    await look_later(hass, freezer)
    assert issues.async_get_issue(DOMAIN, issue_id)
    await hass.config_entries.async_reload(account.entry_id)
    await look_later(hass, freezer)
    assert issues.async_get_issue(DOMAIN, issue_id)

    simulator.fail(Fault(path="/api/check-balance", status=503))
    await look_later(hass, freezer)
    simulator.nanogpt.balance = Decimal(10)
    await look_later(hass, freezer)
    assert not issues.async_get_issue(DOMAIN, issue_id)
    simulator.requests.clear()
    await look_later(hass, freezer)
    assert not [request for request in simulator.requests if request.path.endswith("/check-balance")]


async def look_later(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let five minutes pass."""
    freezer.tick(timedelta(minutes=5, seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_empty_balance_is_forgotten_when_it_speaks(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """Whoever speaks has credit."""
    simulator.nanogpt.balance = Decimal(0)
    assert not await hear(SENTENCE)
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"{account.entry_id}_out_of_credit")
    simulator.nanogpt.balance = Decimal(10)
    assert await hear(SENTENCE)
    assert not ir.async_get(hass).async_get_issue(DOMAIN, f"{account.entry_id}_out_of_credit")


async def test_nothing_to_say_proves_nothing(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """A text without words costs nothing, and says nothing about the balance."""
    simulator.nanogpt.balance = Decimal(0)
    assert not await hear(SENTENCE)
    assert await hear("* * *")
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"{account.entry_id}_out_of_credit")


@pytest.mark.parametrize("key", ["right", "wrong"])
async def test_account_removed_while_it_speaks(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, key: str
) -> None:
    """Speech may outlive its account; what goes wrong with it then is nobody's trouble."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    go_on = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCE} "
        await go_on.wait()
        yield "And one more sentence."

    request = tts.TTSAudioRequest("en", {**engine.default_options, "model": "tts-1", "voice": "nova"}, reply())
    response = await engine.async_stream_tts_audio(request)
    await anext(response.data_gen)
    await hass.config_entries.async_remove(account.entry_id)
    simulator.nanogpt.balance = Decimal(0)
    if key == "wrong":
        simulator.api_key = "sk-another"
    go_on.set()
    with pytest.raises(HomeAssistantError):
        async for _ in response.data_gen:
            pass
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not [name for domain, name in ir.async_get(hass).issues if domain == DOMAIN]
    assert not hass.config_entries.flow.async_progress()


async def test_account_loaded_anew_goes_on_with_its_jobs(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A voice that is added between a question and its answer does not make anything be bought twice."""
    ticketed = {"model": "Elevenlabs-Turbo-V2.5", "voice": "Adam"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await speak(hass, SENTENCE, **ticketed)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await speak(hass, SENTENCE, **ticketed)
    assert len(simulator.nanogpt.jobs) == 1


async def test_nobody_waits_for_an_order(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """An account is unloaded at once, though an order on its way is seen through."""
    simulator.fail(Fault(path="/api/v1/audio/speech", delay=0.8))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await speak(hass)
    started = asyncio.get_running_loop().time()
    await hass.config_entries.async_unload(account.entry_id)
    assert asyncio.get_running_loop().time() - started < 0.4
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asyncio.get_running_loop().time() - started > 0.4
    assert simulator.nanogpt.charged == 1


async def test_changing_offer_reloads_once(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A service that never offers the same twice does not keep Home Assistant busy."""
    (row,) = (row for row in simulator.nanogpt.models if row["id"] == "nano-tts-1")
    for number in range(5):
        row["name"] = f"Nano {number}"
        await hass.config_entries.async_reload(account.entry_id)
        for again in range(5):
            row["name"] = f"Nano {number} {again}"
            await hass.async_block_till_done(wait_background_tasks=True)
    lists = [request for request in simulator.requests if request.path.endswith("/audio-models")]
    assert len(lists) <= 1 + 5


async def test_issue_goes_with_its_account(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """Nobody is told of an account that is no more."""
    simulator.nanogpt.balance = Decimal(0)
    assert not await hear(SENTENCE)
    await hass.config_entries.async_remove(account.entry_id)
    assert not ir.async_get(hass).async_get_issue(DOMAIN, f"{account.entry_id}_out_of_credit")


async def test_catalog_is_asked_for_daily_and_kept(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """New models are there a day later, and still known when the service is away at the next start."""
    new = {**simulator.nanogpt.models[0], "id": "Kokoro-2", "name": "Kokoro 2"}
    simulator.nanogpt.models.append(new)
    freezer.tick(timedelta(days=1, seconds=1))
    async_fire_time_changed(hass)
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
    assert "Kokoro-2" in [model.id for model in account.runtime_data.data.models]
    simulator.fail(Fault(close=True, times=99))
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "Kokoro-2" in [model.id for model in account.runtime_data.data.models]


async def test_listener_at_home_who_leaves_and_asks_again(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A satellite that drops out and asks again hears the job that is already paid for."""
    simulator.nanogpt.polls_until_done = 2
    ticketed = {"model": "Elevenlabs-Turbo-V2.5", "voice": "Adam"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await speak(hass, SENTENCE, **ticketed)
    assert len(await speak(hass, SENTENCE, **ticketed)) > 5000
    assert len(simulator.nanogpt.jobs) == 1
