"""NanoGPT in Home Assistant: invalid API keys, empty balances, reloads and changed catalogs."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from decimal import Decimal

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.const import DOMAIN
from tests.simulator import Fault, Simulator
from tests.support.speech import Hear, create_account, get_issue, pass_day, speak
from tests.support.streams import SENTENCE


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated NanoGPT, with a voice whose audio is linked."""
    return create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


async def test_unconfirmed_invalid_key(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A 401 starts a reauthentication only if the balance request is refused as well."""
    refusal = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
    simulator.fail(Fault(path="/api/v1/audio/speech", status=401, json=refusal, times=9))
    assert not await hear(SENTENCE)
    assert not hass.config_entries.flow.async_progress()
    simulator.reset()
    simulator.api_key = "sk-another"
    assert not await hear("Another sentence.")
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_out_of_credit_issue(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """The issue about an empty balance stays until credit was added, also across a reload."""
    freezer.move_to(dt_util.start_of_local_day() + timedelta(hours=12))  # the balance is also fetched after midnight
    simulator.nanogpt.balance = Decimal("0.000001")
    assert not await hear(SENTENCE)
    issue = get_issue(hass, account, "out_of_credit")
    assert issue
    assert (issue.translation_key, issue.translation_placeholders["account"]) == ("out_of_credit", "NanoGPT")
    assert not hass.config_entries.flow.async_progress()

    await pass_five_minutes(hass, freezer)
    assert get_issue(hass, account, "out_of_credit")
    await hass.config_entries.async_reload(account.entry_id)
    await pass_five_minutes(hass, freezer)
    assert get_issue(hass, account, "out_of_credit")

    simulator.fail(Fault(path="/api/check-balance", status=503))
    await pass_five_minutes(hass, freezer)
    simulator.nanogpt.balance = Decimal(10)
    await pass_five_minutes(hass, freezer)
    assert not get_issue(hass, account, "out_of_credit")
    simulator.requests.clear()
    await pass_five_minutes(hass, freezer)
    assert not [request for request in simulator.requests if request.path.endswith("/check-balance")]


async def pass_five_minutes(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Advance the time by five minutes."""
    freezer.tick(timedelta(minutes=5, seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_speech_clears_out_of_credit_issue(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """Successful speech clears the issue about an empty balance."""
    simulator.nanogpt.balance = Decimal(0)
    assert not await hear(SENTENCE)
    assert get_issue(hass, account, "out_of_credit")
    simulator.nanogpt.balance = Decimal(10)
    assert await hear(SENTENCE)
    assert not get_issue(hass, account, "out_of_credit")


async def test_text_without_words_keeps_issue(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """A text without words costs nothing and does not clear the issue about an empty balance."""
    simulator.nanogpt.balance = Decimal(0)
    assert not await hear(SENTENCE)
    assert await hear("* * *")
    assert get_issue(hass, account, "out_of_credit")


@pytest.mark.parametrize("key", ["right", "wrong"])
async def test_account_removed_during_speech(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, key: str
) -> None:
    """Errors of an account that was removed during speech create no issues and no flows."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    resume = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCE} "
        await resume.wait()
        yield "And one more sentence."

    request = tts.TTSAudioRequest("en", {**engine.default_options, "model": "tts-1", "voice": "nova"}, reply())
    response = await engine.async_stream_tts_audio(request)
    await anext(response.data_gen)
    await hass.config_entries.async_remove(account.entry_id)
    simulator.nanogpt.balance = Decimal(0)
    if key == "wrong":
        simulator.api_key = "sk-another"
    resume.set()
    with pytest.raises(HomeAssistantError):
        async for _ in response.data_gen:
            pass
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not [name for domain, name in ir.async_get(hass).issues if domain == DOMAIN]
    assert not hass.config_entries.flow.async_progress()


async def test_reload_keeps_jobs(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The audio of a job that was started before a reload is fetched after it."""
    simulator.nanogpt.polls_until_done = 10
    settings = {"model": "Elevenlabs-Turbo-V2.5", "voice": "Adam"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await speak(hass, SENTENCE, **settings)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await speak(hass, SENTENCE, **settings)
    assert len(simulator.nanogpt.jobs) == 1


async def test_unload_while_job_starts(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Unloading does not wait for the request that starts a job, which is still completed."""
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


async def test_catalog_that_always_changes(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A catalog that changes with every request does not cause endless reloads."""
    (row,) = (row for row in simulator.nanogpt.models if row["id"] == "nano-tts-1")
    for number in range(5):
        row["name"] = f"Nano {number}"
        await hass.config_entries.async_reload(account.entry_id)
        for change in range(5):
            row["name"] = f"Nano {number} {change}"
            await hass.async_block_till_done(wait_background_tasks=True)
    lists = [request for request in simulator.requests if request.path.endswith("/audio-models")]
    assert len(lists) <= 1 + 5


async def test_removed_account_has_no_issues(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """Issues are deleted with their account."""
    simulator.nanogpt.balance = Decimal(0)
    assert not await hear(SENTENCE)
    await hass.config_entries.async_remove(account.entry_id)
    assert not get_issue(hass, account, "out_of_credit")


async def test_daily_catalog_update(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """New models appear within a day, and remain known if the provider is unreachable at the next start."""
    new = {**simulator.nanogpt.models[0], "id": "Kokoro-2", "name": "Kokoro 2"}
    simulator.nanogpt.models.append(new)
    await pass_day(hass, freezer)
    assert "Kokoro-2" in [model.id for model in account.runtime_data.data.models]
    simulator.fail(Fault(close=True, times=99))
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "Kokoro-2" in [model.id for model in account.runtime_data.data.models]


async def test_cancelled_call_is_repeated(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A repeated call gets the job that was already charged."""
    simulator.nanogpt.polls_until_done = 10
    settings = {"model": "Elevenlabs-Turbo-V2.5", "voice": "Adam"}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await speak(hass, SENTENCE, **settings)
    assert len(await speak(hass, SENTENCE, **settings)) > 5000
    assert len(simulator.nanogpt.jobs) == 1
