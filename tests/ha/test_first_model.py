"""The model of new voices: one that lasts."""

from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.orator.providers.openai import OpenAIProvider
from tests.support.flows import start_account_flow

ALL: Final = ("gpt-4o-mini-tts", "gpt-realtime", "gpt-realtime-2.1", "gpt-realtime-2.1-mini", "tts-1")


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
