"""Texts that forms compose of translated parts, which the frontend cannot do: labels of models, prices, settings."""

from collections.abc import Mapping
from html import escape
from math import floor, log10
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .providers.models import Model

_CURRENCY_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}
_MILLION: Final = 1_000_000
_LOW_COST: Final = 0.01
"""Costs below this amount of any currency are not shown exactly."""
_MAX_DECIMALS: Final = 8


class FormTexts:
    """Texts in Home Assistant's language."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Take the translations of the integration by key."""
        self._texts = texts

    def option(self, selector: str, option: str, **placeholders: object) -> str:
        """Return the text of a selector's option, or the option itself if it has no text."""
        text = self._texts.get(f"component.{DOMAIN}.selector.{selector}.options.{option}", option)
        return text.format(**placeholders) if placeholders else text

    def setting(self, key: str, section: str | None = None) -> str:
        """Return the label of a field of the voice form."""
        step = f"component.{DOMAIN}.config_subentries.voice.step.voice"
        path = f"{step}.sections.{section}.data.{key}" if section else f"{step}.data.{key}"
        return self._texts.get(path, key)

    def model(self, model: Model) -> str:
        """Return a model's name, how soon it starts to speak, and its price if it has one by length.

        The price comes last: its unit is what a narrow screen cuts off, and the help text repeats it.
        """
        parts = [model.name, self.option("model_label", "starts_immediately" if model.streams else "starts_later")]
        if price := _price_per_million_chars(model):
            parts.append(self.option("model_label", "price", price=price))
        return " · ".join(parts)

    def preview_price(self, model: Model, sentence: str) -> str:
        """Return the estimated price of a sample sentence, or its length if the model has no price."""
        if model.price is None:
            return self.option("preview", "characters", characters=len(sentence))
        cost, currency = model.price.cost(len(sentence)), model.price.currency
        if cost < _LOW_COST:
            return self.option("preview", "low_cost", cost=format_amount(_LOW_COST, currency))
        return self.option("preview", "cost", cost=format_amount(cost, currency))

    def preview_link(self, path: str, voice: str, price: str) -> str:
        """Return a link to a preview, which opens a new tab: the frontend follows other links in place of the form."""
        link = f'<a href="{escape(path)}" target="_blank">'
        return self.option("preview", "listen", link=link, link_end="</a>", voice=escape(voice), price=price)


async def async_get_form_texts(hass: HomeAssistant) -> FormTexts:
    """Return the texts in Home Assistant's language; Home Assistant does not tell a flow the user's own language."""
    texts: dict[str, str] = {}
    for category in ("selector", "config_subentries"):
        texts |= await async_get_translations(hass, hass.config.language, category, [DOMAIN])
    return FormTexts(texts)


def format_amount(amount: float, currency: str) -> str:
    """Return an amount of money with two decimals, or with two significant digits if it is small."""
    decimals = min(1 - floor(log10(amount)), _MAX_DECIMALS) if 0 < amount < _LOW_COST else 2
    number = f"{amount:,.{decimals}f}".removesuffix(".00")
    symbol = _CURRENCY_SYMBOLS.get(currency.upper())
    return f"{symbol}{number}" if symbol else f"{number} {currency}"


def _price_per_million_chars(model: Model) -> str | None:
    """Return the price of a million characters, or None if it does not depend on the length."""
    price = model.price
    if price is None or not (price.per_thousand_chars or price.per_minute):
        return None
    amount = price.per_thousand_chars * 1000
    if not price.per_minute:
        return format_amount(amount, price.currency)
    amount = price.cost(_MILLION) - price.per_request  # estimated: speed differs between languages
    return "≈ " + format_amount(float(f"{amount:.2g}"), price.currency)
