"""The model of new voices: one that lasts."""

from datetime import date, timedelta
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.base import Provider
from custom_components.orator.providers.models import Balance
from custom_components.orator.providers.openai import OpenAIProvider
from tests.support.flows import start_account_flow

ALL: Final = ("gpt-4o-mini-tts", "gpt-realtime", "gpt-realtime-2.1", "gpt-realtime-2.1-mini", "tts-1")
SPEECHBASE_CATALOG: Final = {
    "vendors": [{"id": "openai", "name": "OpenAI", "is_connected": True, "models": ["openai/gpt-4o-mini-tts"]}],
    "voices": [],
}
FIRST_DAY: Final = date(2026, 11, 30)
ENDS: Final = [date(2027, 1, day) for day in (5, 6, 7, 19, 20, 21)]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the models that OpenAI lists, which a test may change."""
    models: list[str] = []

    async def fetch_catalog(_self: OpenAIProvider, _known: Any = None) -> dict[str, Any]:
        return {"models": models, "ends": {}}

    monkeypatch.setattr(OpenAIProvider, "fetch_catalog", fetch_catalog)
    return models


@pytest.mark.parametrize(
    ("today", "case"),
    [
        ("2026-10-30", (ALL, "gpt-4o-mini-tts")),
        ("2026-10-30", ((), "gpt-4o-mini-tts")),
        ("2026-11-30", (ALL, "gpt-realtime-2.1-mini")),
        ("2027-01-05", (ALL, "gpt-realtime-2.1-mini")),
        ("2027-01-06", (ALL, "gpt-realtime-2.1-mini")),
        ("2026-11-30", ((), "gpt-realtime-2.1-mini")),
        ("2026-11-30", (("gpt-4o-mini-tts", "gpt-realtime-mini", "gpt-realtime-2.1"), "gpt-realtime-2.1")),
        ("2026-11-30", (("gpt-4o-mini-tts", "tts-1", "tts-2"), "tts-2")),
    ],
)
async def test_model(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, listed: list[str], today: str, case: tuple[Any, str]
) -> None:
    """New voices use no model whose end has been announced, so an account does not begin with a repair issue."""
    freezer.move_to(today)
    models, expected = case
    listed += models
    entered = {"region": "global", "api_key": "sk-1", "server": {}}
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass), entered)
    await hass.async_block_till_done()
    assert result["title"] == "OpenAI"
    (voice,) = result["result"].subentries.values()
    assert (voice.title, voice.data) == ("OpenAI Coral", {"model": expected, "voice": "coral"})
    assert not ir.async_get(hass).issues
    flow = (result["result"].entry_id, "voice")
    form = await hass.config_entries.subentries.async_init(flow, context={"source": SOURCE_USER})
    assert form["data_schema"]({})["model"] == expected


@pytest.mark.parametrize(
    ("provider", "catalog"),
    [
        ("openai", {"models": list(ALL), "ends": {}}),
        ("openai", {"models": [], "ends": {}}),
        ("nanogpt", {"models": []}),
        ("speechbase", SPEECHBASE_CATALOG),
    ],
)
async def test_no_issue_next_year(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    catalog: dict[str, Any],
) -> None:
    """A new account at a provider's own address begins without a repair issue, whatever the date."""

    async def fetch_catalog(_self: Provider, _known: Any = None) -> dict[str, Any]:
        return catalog

    async def fetch_balance(_self: Provider) -> Balance:
        return Balance(5, "USD")

    monkeypatch.setattr(PROVIDERS[provider], "fetch_catalog", fetch_catalog)
    monkeypatch.setattr(PROVIDERS[provider], "fetch_balance", fetch_balance)
    region = {"region": "eu"} if PROVIDERS[provider].regions else {}
    for day in (*ENDS, *(FIRST_DAY + timedelta(days=28 * number) for number in range(14))):
        freezer.move_to(day)
        flow_id = await start_account_flow(hass, provider)
        result = await hass.config_entries.flow.async_configure(flow_id, {"api_key": "sk-1", "server": {}, **region})
        await hass.async_block_till_done()
        account = result["result"]
        assert len(account.subentries) == 1
        assert account.state is ConfigEntryState.LOADED
        assert not ir.async_get(hass).issues, day
        await hass.config_entries.async_remove(account.entry_id)
