"""Texts that forms compose of translated parts, which the frontend cannot do: labels of models, prices, settings."""

from collections.abc import Mapping
from html import escape
from math import floor, log10
import re
from typing import Final, NamedTuple

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN
from .providers.models import Model

_CURRENCY_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}
_ANNOUNCEMENTS: Final = 1_000
_ANNOUNCEMENT_CHARS: Final = 100
"""The numbers that the price of a model refers to, and that the help texts state: it includes prices per request."""
_LOW_COST: Final = 0.01
"""Smallest amount with two decimals; smaller costs are not shown exactly."""
_MAX_DECIMALS: Final = 8
_MARKUP_CHARS: Final = re.compile(r"""[\\`*_\[\]<>&~|"'@:]|(?<=www)\.""")
"""Characters that can be Markdown or HTML within a line, or turn an address into a link."""


class _NumberFormat(NamedTuple):
    """How a language writes numbers."""

    decimal_sign: str
    separator: str
    """Sign between thousands."""
    min_separated_digits: int = 4
    """Number of digits from which thousands are separated."""


_ENGLISH_NUMBERS: Final = _NumberFormat(".", ",")
_NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"
_NUMBER_FORMATS: Final = {
    "cs": _NumberFormat(",", _NO_BREAK_SPACE, 5),
    "de": _NumberFormat(",", "."),
    "el": _NumberFormat(",", "."),
    "es": _NumberFormat(",", ".", 5),
    "fr": _NumberFormat(",", _NO_BREAK_SPACE),
    "it": _NumberFormat(",", "."),
    "nl": _NumberFormat(",", "."),
    "pl": _NumberFormat(",", _NO_BREAK_SPACE, 5),
    "pt-BR": _NumberFormat(",", "."),
    "sv": _NumberFormat(",", _NO_BREAK_SPACE),
    "zh-Hans": _NumberFormat(".", ",", 5),
}
"""Number formats of the translations that differ from English; Home Assistant has none for texts of the server."""


class FormTexts:
    """Texts and numbers in Home Assistant's language."""

    def __init__(self, texts: Mapping[str, str], language: str) -> None:
        """Initialize with the translations of the integration by key, and their language."""
        self._texts = texts
        self._numbers = _NUMBER_FORMATS.get(language, _ENGLISH_NUMBERS)

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
        """Return a model's name, how soon it starts to speak, and its price if it is known.

        The price comes last: its unit is what a narrow screen cuts off, and the help text repeats it.
        """
        parts = [model.name, self.option("model_label", "starts_immediately" if model.streams else "starts_later")]
        if price := self._price_of_announcements(model):
            parts.append(self.option("model_label", "announcements_price", price=price))
        return " · ".join(parts)

    def preview_price(self, model: Model, sentence: str) -> str:
        """Return the estimated price of a sample sentence, or its length if the model has no price."""
        if model.price is None:
            return self.option("preview", "characters", characters=len(sentence))
        cost, currency = model.price.cost(len(sentence)), model.price.currency
        if 0 < cost < _LOW_COST and currency.upper() in _CURRENCY_SYMBOLS:
            return self.option("preview", "low_cost", cost=self.amount(_LOW_COST, currency))
        return self.option("preview", "cost", cost=self.amount(cost, currency))

    def preview_link(self, path: str, voice: str, price: str) -> str:
        """Return a link to a preview, which opens a new tab: the frontend follows other links in place of the form."""
        link = f'<a href="{escape(path)}" target="_blank">'
        return self.option("preview", "listen", link=link, link_end="</a>", voice=as_text(voice), price=price)

    def number(self, value: float, decimals: int | None = None) -> str:
        """Return a number with these decimals, or with those that it has."""
        text = f"{value:,.12g}" if decimals is None else f"{value:,.{decimals}f}"
        if abs(value) < 10 ** (self._numbers.min_separated_digits - 1):
            text = text.replace(",", "")
        return text.translate(str.maketrans(".,", self._numbers.decimal_sign + self._numbers.separator))

    def amount(self, amount: float, currency: str) -> str:
        """Return an amount of money with two decimals, or with two significant digits if it is small."""
        smallest = 10**-_MAX_DECIMALS
        if 0 < amount < smallest:
            return f"< {self.amount(smallest, currency)}"
        if amount < _LOW_COST:
            amount = float(f"{amount:.1e}")
        decimals = min(1 - floor(log10(amount)), _MAX_DECIMALS) if 0 < amount < _LOW_COST else 2
        number = self.number(amount, 0 if f"{amount:.{decimals}f}".endswith(".00") else decimals)
        symbol = _CURRENCY_SYMBOLS.get(currency.upper())
        return f"{symbol}{number}" if symbol else f"{number} {currency}"

    def usage(self, amount: float, currency: str | None) -> str:
        """Return an amount of money, or of characters if there is no currency."""
        return (
            self.amount(amount, currency)
            if currency
            else self.option("usage", "characters", number=self.number(amount))
        )

    def _price_of_announcements(self, model: Model) -> str | None:
        """Return the price of a thousand announcements, or None if it is not known."""
        if model.price is None:
            return None
        amount = _ANNOUNCEMENTS * model.price.cost(_ANNOUNCEMENT_CHARS)
        if not model.price.per_minute:
            return self.amount(amount, model.price.currency)
        # An estimate, because the speed of speech differs between languages.
        return "≈ " + self.amount(float(f"{amount:.2g}"), model.price.currency)


def as_text(name: str) -> str:
    """Return a provider's name for a description, which the frontend renders as Markdown and HTML."""
    return _MARKUP_CHARS.sub(lambda found: f"&#{ord(found[0])};", " ".join(name.split()))


async def async_get_form_texts(hass: HomeAssistant) -> FormTexts:
    """Return the texts in Home Assistant's language; Home Assistant does not tell a flow the user's own language."""
    texts: dict[str, str] = {}
    for category in ("selector", "config_subentries"):
        texts |= await async_get_translations(hass, hass.config.language, category, [DOMAIN])
    return FormTexts(texts, hass.config.language)
