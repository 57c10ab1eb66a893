"""Tests of the texts that forms compose: labels of models, prices, and names in Home Assistant's language."""

from dataclasses import replace

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.form_texts import async_get_form_texts, format_amount
from custom_components.orator.providers.models import Model, Price
from tests.support.flows import get_suggested_values, open_voice_form, submit_voice_form

MODEL = Model(id="m", name="M", max_chars=100, streams=True, formats=(AudioFormat.MP3,))


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (0.6, "USD", "$0.60"),
        (15, "usd", "$15"),
        (1234.5, "EUR", "€1,234.50"),
        (0.01, "GBP", "£0.01"),
        (0.00123, "USD", "$0.0012"),
        (0, "USD", "$0"),
        (2.5, "XNO", "2.50 XNO"),
    ],
)
def test_amounts(amount: float, currency: str, expected: str) -> None:
    """Amounts have the symbol of their currency, or its code, and at least two digits."""
    assert format_amount(amount, currency) == expected


@pytest.mark.parametrize(
    ("price", "label"),
    [
        (None, "M · starts immediately"),
        (Price("USD", per_request=0.1), "M · starts immediately"),
        (Price("USD", per_thousand_chars=0.0006), "M · starts immediately · $0.60 per 1M characters"),
        (Price("USD", per_minute=0.015), "M · starts immediately · ≈ $17 per 1M characters"),
    ],
)
async def test_model_label(hass: HomeAssistant, account: MockConfigEntry, price: Price | None, label: str) -> None:
    """The label of a model has its price only if that depends on the length; by the minute, it is an estimate."""
    texts = await async_get_form_texts(hass)
    assert texts.model(replace(MODEL, price=price)) == label
    slow = texts.model(replace(MODEL, price=price, streams=False))
    assert slow == label.replace("starts immediately", "slow start")


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (None, "uses 10 characters"),
        (Price("USD", per_thousand_chars=0.0006), "costs less than $0.01"),
        (Price("USD", minimum=0.05), "costs about $0.05"),
    ],
)
async def test_preview_price(hass: HomeAssistant, account: MockConfigEntry, price: Price | None, expected: str) -> None:
    """A preview states its estimated cost, or its length if the price is not known."""
    texts = await async_get_form_texts(hass)
    assert texts.preview_price(replace(MODEL, price=price), "0123456789") == expected


async def test_other_language(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Chimes are listed in Home Assistant's language, and stored by their IDs."""
    hass.config.language = "de"
    texts = await async_get_form_texts(hass)
    name = texts.option("chime", "three_tone")
    assert name not in ("three_tone", "Three tones")
    form = await open_voice_form(hass, account, "tts-1")
    form = await submit_voice_form(hass, form, {"voice": "Nova", "chime": name, "lead_in_ms": -1})
    assert get_suggested_values(form)["effects"]["chime"] == name
    assert form["description_placeholders"]["setting"] == texts.setting("lead_in_ms", "effects")
    result = await submit_voice_form(hass, form, {"lead_in_ms": None})
    assert result["data"]["chime"] == "three_tone"
