"""Fields, data and errors of the forms for accounts."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.const import CONF_API_KEY
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol
from yarl import URL

from .catalog import Catalog
from .client import account_server, async_create_provider, async_may_send_key
from .const import CONF_BASE_URL, CONF_PROVIDER, CONF_SERVER
from .form_errors import WHOLE_FORM, FormError
from .form_texts import async_get_form_texts
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
            return {field if field in schema else SECTION_SERVER: text_at_address(error)}
    return {WHOLE_FORM: error.translation_key}


def text_at_address(error: FormError) -> str:
    """Return the key of an error's text where the user sees the address."""
    return _ERRORS_AT_ADDRESS.get(error.translation_key, error.translation_key)


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


def account_identity(data: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the values that identify an account.

    Without an API key, the path of the address is included: several servers may share an origin.
    """
    address, api_key = URL(data[CONF_BASE_URL]), data[CONF_API_KEY]
    return data[CONF_PROVIDER], str(address.origin() if api_key else address), api_key


async def async_fetch_catalog(hass: HomeAssistant, data: Mapping[str, Any]) -> Catalog:
    """Return the catalog of an account, whose API key this checks. Raises FormError."""
    api_key: str = data[CONF_API_KEY]
    provider = async_create_provider(hass, data)
    try:
        if provider.is_key_missing:
            raise MissingKeyError
        for key, address in provider.addresses.items() if api_key else ():
            if not await async_may_send_key(hass, [address]):
                raise FormError("insecure_address", key, address=address)
        if not (api_key.isascii() and api_key.isprintable()):
            raise InvalidKeyError
        return Catalog(provider, await provider.fetch_catalog())
    except SpeechError as err:
        raise form_error(err, provider, api_key) from err
    finally:
        await provider.close()


async def async_default_title(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return the name of the provider or server, with the host unless it is a hosted service at its address."""
    provider, server = PROVIDERS[data[CONF_PROVIDER]], account_server(data)
    name = (server or provider).name
    if server and server.is_unknown:
        name = (await async_get_form_texts(hass)).option("server", data[CONF_SERVER])
    address = URL(data[CONF_BASE_URL])
    is_public = address.host == URL((server or provider).default_base_url).host
    if is_public and (server is None or server.is_service):
        return name
    return f"{name} ({address.host if address.is_default_port() else address.authority})"
