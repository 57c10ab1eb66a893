"""The form of the usage limits of an account."""

from typing import Any

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from custom_components.orator.options_flow import AccountOptionsFlow
from tests.simulator import Simulator
from tests.support.announce import add_announcements
from tests.support.flows import get_field_names, get_suggested_values
from tests.support.limits import set_limits, use
from tests.support.speech import create_account, load_account

LIMITS = {"daily_limit": 0.5, "monthly_limit": 5.0, "critical_may_exceed": True}


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account with prices in dollars."""
    return create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


async def open_form(hass: HomeAssistant, account: MockConfigEntry) -> Any:
    """Open the options flow of an account."""
    return await hass.config_entries.options.async_init(account.entry_id)


async def submit(hass: HomeAssistant, form: Any, **entered: Any) -> Any:
    """Submit the form, and return the result."""
    result = await hass.config_entries.options.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done()
    return result


def get_units(form: Any) -> set[str]:
    """Return the units of the limits."""
    fields = form["data_schema"].schema
    return {fields[key].config["unit_of_measurement"] for key in ("daily_limit", "monthly_limit")}


async def test_set_change_and_remove_limits(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form shows what is used and the stored limits, and an empty field means no limit; nothing is reloaded."""
    coordinator = account.runtime_data
    await use(hass, account, 1.25)
    form = await open_form(hass, account)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "limits")
    assert form["description_placeholders"]["account"] == "NanoGPT"
    assert form["description_placeholders"]["used_today"] == "$1.25"
    assert form["description_placeholders"]["used_month"] == "$1.25"
    assert get_field_names(form) == list(LIMITS)
    assert get_suggested_values(form) == dict.fromkeys(LIMITS)
    assert get_units(form) == {"USD"}

    result = await submit(hass, form, **LIMITS)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert account.options == {**LIMITS, "limit_currency": "USD"}
    assert get_suggested_values(await open_form(hass, account)) == LIMITS

    await submit(hass, await open_form(hass, account), monthly_limit=7, critical_may_exceed=False)
    assert account.options == {"monthly_limit": 7, "limit_currency": "USD"}
    await submit(hass, await open_form(hass, account), daily_limit=0, critical_may_exceed=False)
    assert account.options == {}
    assert account.runtime_data is coordinator


async def test_other_options_are_kept(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form changes no other option of the account."""
    await set_limits(hass, account, **LIMITS, other="kept")
    await submit(hass, await open_form(hass, account), critical_may_exceed=False)
    assert account.options == {"other": "kept"}


@pytest.mark.parametrize("value", [-0.01, 1e12, float("nan"), float("inf"), "many"])
async def test_invalid_limit(hass: HomeAssistant, account: MockConfigEntry, value: Any) -> None:
    """An invalid limit is reported at its field, and can be corrected."""
    form = await submit(hass, await open_form(hass, account), daily_limit=value, monthly_limit=5)
    assert form["errors"] == {"daily_limit": "limit_out_of_range"}
    assert form["description_placeholders"]["maximum"]
    assert get_suggested_values(form)["monthly_limit"] == 5
    assert account.options == {}
    await submit(hass, form, daily_limit=1)
    assert account.options == {"daily_limit": 1, "limit_currency": "USD"}


async def test_account_without_prices(hass: HomeAssistant, simulator: Simulator) -> None:
    """Without known prices, limits are in characters."""
    entry = create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    account = await load_account(hass, entry)
    await use(hass, account, None, characters=12_345)
    form = await open_form(hass, account)
    assert form["description_placeholders"]["used_month"] == "12,345 characters"
    assert get_units(form) == {"characters"}
    await submit(hass, form, monthly_limit=20_000)
    assert account.options == {"monthly_limit": 20_000, "limit_currency": ""}


async def test_account_not_loaded(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form needs a loaded account, which knows what is used."""
    await hass.config_entries.async_set_disabled_by(account.entry_id, ConfigEntryDisabler.USER)
    result = await open_form(hass, account)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")


async def test_menu(hass: HomeAssistant, account: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more than one choice, a menu leads to the form."""
    monkeypatch.setattr(AccountOptionsFlow, "_choices", lambda _: ["limits", "other"])
    menu = await open_form(hass, account)
    assert (menu["type"], menu["menu_options"]) == (FlowResultType.MENU, ["limits", "other"])
    form = await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": "limits"})
    await submit(hass, form, **LIMITS)
    assert account.options == {**LIMITS, "limit_currency": "USD"}


async def test_only_accounts_have_options(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The settings of announcements have no options flow."""
    await add_announcements(hass)
    support = {entry.title: entry.supports_options for entry in hass.config_entries.async_entries(DOMAIN)}
    assert support == {"NanoGPT": True, "Announcements": False}
