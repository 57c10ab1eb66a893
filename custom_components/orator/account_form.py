"""Fields, data and errors of the forms for accounts."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import CONF_API_KEY
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from .client import account_server
from .const import CONF_BASE_URL, CONF_PROVIDER, CONF_SERVER
from .form_errors import WHOLE_FORM, FormError
from .issues import translate_error
from .providers import PROVIDERS
from .providers.base import Provider, Server
from .providers.errors import InvalidKeyError, MissingKeyError, SpeechError, WrongRegionError

SECTION_SERVER: Final = "server"
FIELD_REGION: Final = "region"

_ERRORS_AT_ADDRESS: Final[Mapping[str, str]] = {
    **{key: f"{key}_at_address" for key in ("cannot_connect", "name_not_found", "timed_out")},
    **{key: key for key in ("no_https", "not_a_speech_server", "not_found", "redirected", "untrusted_certificate")},
}
"""Errors that the address may cause, and the texts that they have in a form that shows the address."""

API_KEY_SELECTOR: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
URL_SELECTOR: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))


def form_error(error: SpeechError, provider: Provider, api_key: str) -> FormError:
    """Return how the form shows an error of the provider."""
    field = CONF_BASE_URL if error.translation_key in _ERRORS_AT_ADDRESS else WHOLE_FORM
    if isinstance(error, (InvalidKeyError, MissingKeyError)):
        error, field = error if api_key else MissingKeyError(), CONF_API_KEY
    elif isinstance(error, WrongRegionError):
        field = FIELD_REGION
    placeholders = translate_error(error, provider)["translation_placeholders"]
    return FormError(error.translation_key, field, address=provider.addresses[CONF_BASE_URL], **placeholders)


def place_error(error: FormError, schema: Mapping[Any, Any]) -> dict[str, str]:
    """Return the text of an error by its field, by the section of its field if that is open, or by the whole form.

    Home Assistant's frontend shows no errors of the fields in a section, but those of the section.
    """
    server = schema.get(SECTION_SERVER)
    section_fields = server.schema.schema if server and not server.options["collapsed"] else ()
    # An entered address is used instead of the region.
    for field in (CONF_BASE_URL, FIELD_REGION) if error.field == FIELD_REGION else (error.field,):
        if field in schema or field in section_fields:
            text = _ERRORS_AT_ADDRESS.get(error.translation_key, error.translation_key)
            return {field if field in schema else SECTION_SERVER: text}
    return {WHOLE_FORM: error.translation_key}


def account_data(selected: Mapping[str, Any], entered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of an account. Raises FormError if an address is invalid or a required one is missing."""
    provider, server = PROVIDERS[selected[CONF_PROVIDER]], account_server(selected)
    addresses = {CONF_BASE_URL: server.default_base_url} if server else {}
    addresses |= {key: entered[key] for key in provider.address_keys if entered.get(key, "").strip()}
    for key, address in addresses.items():
        try:
            provider.parse_address(address)
        except ValueError as err:
            raise FormError("invalid_address", key, address=address) from err
    selection = {key: selected[key] for key in (CONF_PROVIDER, CONF_SERVER) if key in selected}
    return {**selection, **provider.resolve_addresses(addresses), CONF_API_KEY: entered_key(entered)}


def entered_key(entered: Mapping[str, Any]) -> str:
    """Return the entered API key without spaces and line breaks, which copying may add."""
    return "".join(entered.get(CONF_API_KEY, "").split())


def api_key_field(server: Server | None) -> dict[vol.Marker, TextSelector]:
    """Return the field for the API key, unless the server does not accept one."""
    return {vol.Optional(CONF_API_KEY): API_KEY_SELECTOR} if server is None or server.accepts_key else {}


def region_field(provider: type[Provider]) -> dict[vol.Marker, SelectSelector]:
    """Return the field for the region, whose base URL is stored, if the provider has several."""
    if not provider.regions:
        return {}
    regions = list(provider.regions)
    config = SelectSelectorConfig(options=regions, mode=SelectSelectorMode.DROPDOWN, translation_key=FIELD_REGION)
    return {vol.Required(FIELD_REGION, default=regions[0]): SelectSelector(config)}
