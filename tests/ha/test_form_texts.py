"""Tests of the texts that forms compose: labels of models, prices, and names in Home Assistant's language."""

from dataclasses import replace
from html import unescape
import re

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.form_texts import FormTexts, as_text, async_get_form_texts
from custom_components.orator.providers.models import Model, Price
from tests.support.flows import get_suggested_values, open_voice_form, submit_voice_form
from tests.support.repository import TRANSLATIONS, load_json

MODEL = Model(id="m", name="M", max_chars=100, streams=True, formats=(AudioFormat.MP3,))


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (0.6, "USD", "$0.60"),
        (15, "usd", "$15"),
        (1234.5, "EUR", "€1,234.50"),
        (0.01, "GBP", "£0.01"),
        (0.00123, "USD", "$0.0012"),
        (0.009996, "USD", "$0.01"),
        (1e-9, "USD", "< $0.00000001"),
        (0, "USD", "$0"),
        (2.5, "XNO", "2.50 XNO"),
    ],
)
def test_amounts(amount: float, currency: str, expected: str) -> None:
    """Amounts have the symbol of their currency, or its code, and at least two digits."""
    assert FormTexts({}, "en").amount(amount, currency) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["0.25", "999", "4,096", "-1,234.5", "99,999"]),
        ("de", ["0,25", "999", "4.096", "-1.234,5", "99.999"]),
        ("es", ["0,25", "999", "4096", "-1234,5", "99.999"]),
        ("fr", ["0,25", "999", "4\xa0096", "-1\xa0234,5", "99\xa0999"]),
        ("unknown", ["0.25", "999", "4,096", "-1,234.5", "99,999"]),
    ],
)
def test_numbers(language: str, expected: list[str]) -> None:
    """Numbers are written as the language does, and in English without a translation."""
    texts = FormTexts({}, language)
    assert [texts.number(value) for value in (0.25, 999, 4096, -1234.5, 99999)] == expected


def test_numbers_match_help_text() -> None:
    """In every language, an error writes the maximum length of the instructions as their help text does."""
    for path in TRANSLATIONS.glob("*.json"):
        step = load_json(path)["config_subentries"]["voice"]["step"]["voice"]
        number = FormTexts({}, path.stem).number(4096)
        help_text = re.sub(r"\s", "\xa0", step["data_description"]["instructions"])
        assert re.search(rf"(?<!\d){re.escape(number)}(?!\d)", help_text), path.stem


@pytest.mark.parametrize(
    ("price", "label"),
    [
        (None, "M · starts immediately"),
        (Price("USD"), "M · starts immediately · $0 per 1,000 announcements"),
        (Price("USD", per_request=0.1), "M · starts immediately · $100 per 1,000 announcements"),
        (Price("USD", per_thousand_chars=0.0006), "M · starts immediately · $0.06 per 1,000 announcements"),
        (
            Price("USD", per_thousand_chars=0.051, per_request=0.0005),
            "M · starts immediately · $5.60 per 1,000 announcements",
        ),
        (Price("USD", per_thousand_chars=0.015, minimum=0.01), "M · starts immediately · $10 per 1,000 announcements"),
        (Price("USD", per_minute=0.015), "M · starts immediately · ≈ $1.70 per 1,000 announcements"),
    ],
)
async def test_model_label(hass: HomeAssistant, account: MockConfigEntry, price: Price | None, label: str) -> None:
    """The label of a model has its price for announcements of 100 characters; by the minute, it is an estimate."""
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
        (Price("USD"), "costs about $0"),
        (Price("XNO", minimum=0.004), "costs about 0.0040 XNO"),
    ],
)
async def test_preview_price(hass: HomeAssistant, account: MockConfigEntry, price: Price | None, expected: str) -> None:
    """A preview states its estimated cost, or its length if the price is not known."""
    texts = await async_get_form_texts(hass)
    assert texts.preview_price(replace(MODEL, price=price), "0123456789") == expected


@pytest.mark.parametrize(
    "name",
    [
        "*Bold* __b__ `code` ~~s~~",
        '<img src=x onerror="f()">',
        "[a](http://b) https://c www.d.e f@g.h",
        "a | b \\* &amp; it's",
    ],
)
def test_names_as_text(name: str) -> None:
    """A provider's name is shown as it stands in a description, without formatting, images and links."""
    shown = as_text(name)
    assert unescape(shown) == name
    assert not re.search(r"[*_`~<>\[\]\\|\"'@:]|www\.|&(?!#\d+;)", shown)


async def test_names_in_description(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The description of the voice form shows the names of the model and the voice as text."""
    form = await open_voice_form(hass, account, "*m*")
    assert form["description_placeholders"]["model"].startswith("&#42;m&#42; ")
    form = await submit_voice_form(hass, form, {"voice": "_v_", "speed": 9})
    assert "&#95;v&#95;</a>" in form["description_placeholders"]["preview"]


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
