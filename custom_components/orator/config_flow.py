"""Config flow of an account."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_API_KEY
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow, section
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol
from yarl import URL

from .client import account_addresses, account_server, async_create_provider, async_may_send_key
from .const import CONF_BASE_URL, CONF_PROVIDER, CONF_SERVER, DOMAIN, SUBENTRY_VOICE, SUBMITTED_FLOWS
from .coordinator import Catalog, OratorConfigEntry
from .issues import translate_error
from .preview import async_create_setup_player
from .providers import PROVIDERS
from .providers.base import Provider, Server
from .providers.errors import InvalidKeyError, MissingKeyError, SpeechError
from .schema import voice_title
from .subentry_flow import VoiceSubentryFlow

_SECTION_SERVER: Final = "server"
_FIELD_REGION: Final = "region"

_API_KEY_SELECTOR: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
_URL_SELECTOR: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))


class OratorConfigFlow(ConfigFlow, domain=DOMAIN):
    """Handle a config flow for Orator."""

    VERSION = 1

    def __init__(self) -> None:
        """Initialize the config flow."""
        self._selection: dict[str, str] = {}
        """Provider and, if chosen, compatible server of a new account, as stored in its data."""
        self._error_placeholders: dict[str, str] = {}

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: OratorConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        return {SUBENTRY_VOICE: VoiceSubentryFlow}

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a provider or a compatible server."""
        if user_input is not None:
            provider_id, _, server_id = user_input[CONF_PROVIDER].partition(".")
            self._selection = {CONF_PROVIDER: provider_id} | ({CONF_SERVER: server_id} if server_id else {})
            server = account_server(self._selection)
            if server is None:
                return await self.async_step_account()
            return await (self.async_step_cloud() if server.is_service else self.async_step_server())
        options = [
            SelectOptionDict(value=provider_id, label=provider.name) for provider_id, provider in PROVIDERS.items()
        ]
        default = options[0]["value"]
        options += [
            SelectOptionDict(value=f"{provider_id}.{server_id}", label=server.list_label or server.name)
            for provider_id, provider in PROVIDERS.items()
            for server_id, server in provider.servers.items()
        ]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id="user", data_schema=vol.Schema({vol.Required(CONF_PROVIDER, default=default): selector})
        )

    async def async_step_account(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account with a provider."""
        provider = PROVIDERS[self._selection[CONF_PROVIDER]]
        addresses: dict[str, str] = user_input[_SECTION_SERVER] if user_input else {}
        schema = {
            vol.Optional(CONF_API_KEY): _API_KEY_SELECTOR,
            **_region_field(provider),
            vol.Required(_SECTION_SERVER): section(
                vol.Schema({vol.Optional(key): _URL_SELECTOR for key in provider.address_keys}),
                {"collapsed": not any(addresses.values())},
            ),
        }
        entered = {**(user_input or {}), **addresses}
        if region := entered.pop(_FIELD_REGION, None):
            entered[CONF_BASE_URL] = entered.get(CONF_BASE_URL, "").strip() or provider.regions[region]
        data = _account_data(self._selection, entered)
        return await self._async_handle_form(
            "account", schema, user_input, data, provider=provider.name, key_page=provider.key_page
        )

    async def async_step_server(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account on a self-hosted server."""
        return await self._async_step_server("server", user_input)

    async def async_step_cloud(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account on a hosted server."""
        return await self._async_step_server("cloud", user_input)

    async def _async_step_server(self, step_id: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        """Add an account on a server that is compatible with a provider."""
        server = PROVIDERS[self._selection[CONF_PROVIDER]].servers[self._selection[CONF_SERVER]]
        schema = {vol.Required(CONF_BASE_URL): _URL_SELECTOR, **_api_key_field(server)}
        data = _account_data(self._selection, user_input or {})
        suggested = {CONF_BASE_URL: server.default_base_url}
        return await self._async_handle_form(
            step_id,
            schema,
            user_input,
            data,
            suggested,
            provider=server.list_label or server.name,
            key_page=server.key_page,
        )

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Handle an API key that the provider has refused."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Replace the API key."""
        entry = self._get_reauth_entry()
        schema = {vol.Required(CONF_API_KEY): _API_KEY_SELECTOR}
        data = {**entry.data, CONF_API_KEY: _entered_key(user_input or {})}
        return await self._async_handle_form("reauth_confirm", schema, user_input, data, account=entry.title)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change the API key, the addresses, or both.

        An empty API key keeps the old one, unless an address changes to another origin.
        """
        entry = self._get_reconfigure_entry()
        addresses = account_addresses(entry.data)
        schema = {
            **_api_key_field(account_server(entry.data)),
            **{vol.Optional(key): _URL_SELECTOR for key in addresses},
        }
        entered = user_input or {}
        data = _account_data(entry.data, entered)
        if data and not entered.get(CONF_API_KEY) and _origins(data) <= _origins(entry.data):
            data[CONF_API_KEY] = entry.data[CONF_API_KEY]
        return await self._async_handle_form("reconfigure", schema, user_input, data, addresses, account=entry.title)

    async def _async_handle_form(
        self,
        step_id: str,
        schema: dict[Any, Any],
        user_input: dict[str, Any] | None,
        data: dict[str, Any] | None,
        suggested: Mapping[str, Any] | None = None,
        **placeholders: str,
    ) -> ConfigFlowResult:
        """Submit an account form, or show the form with its errors.

        `data` is derived from the user's input, and is None if an address is invalid.
        """
        errors: dict[str, str] = {}
        if user_input is not None:
            submitted = self.hass.data.setdefault(SUBMITTED_FLOWS, set())
            submitted.add(self.flow_id)
            try:
                if result := await self._async_submit(data, errors):
                    return result
            finally:
                submitted.discard(self.flow_id)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(vol.Schema(schema), user_input or suggested),
            errors=errors,
            description_placeholders={**self._error_placeholders, **placeholders},
        )

    async def _async_submit(self, data: dict[str, Any] | None, errors: dict[str, str]) -> ConfigFlowResult | None:
        """Create or update the account, or add the reason for the failure to `errors`."""
        if data is None:
            errors["base"] = "invalid_address"
            return None
        self._abort_if_configured(data)
        catalog = await self._async_fetch_catalog(data, errors)
        if catalog is None:
            return None
        self._abort_if_configured(data)  # by another flow meanwhile
        if self.source == SOURCE_USER:
            return self._create_account(data, catalog)
        entry = self._get_reauth_entry() if self.source == SOURCE_REAUTH else self._get_reconfigure_entry()
        has_default_title = entry.title == _account_title(entry.data)
        title = _account_title(data) if has_default_title else entry.title
        if entry.update_listeners:  # a loaded account reloads itself if it has changed
            if entry.data == data:  # the provider may accept the key again
                self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return self.async_update_and_abort(entry, data=data, title=title)
        return self.async_update_reload_and_abort(entry, data=data, title=title)

    def _abort_if_configured(self, data: Mapping[str, Any]) -> None:
        """Abort if another config entry has the same account."""
        own_id = self.context.get("entry_id")
        others = [entry.data for entry in self._async_current_entries() if entry.entry_id != own_id]
        if _account_identity(data) in map(_account_identity, others):
            raise AbortFlow(reason="already_configured")

    async def _async_fetch_catalog(self, data: Mapping[str, Any], errors: dict[str, str]) -> Catalog | None:
        """Return the provider's catalog, or add the reason for the failure to `errors`."""
        api_key: str = data[CONF_API_KEY]
        provider = async_create_provider(self.hass, data)
        try:
            if provider.is_key_missing:
                raise MissingKeyError
            if api_key and not await async_may_send_key(self.hass, provider.addresses.values()):
                errors["base"] = "insecure_address"
                return None
            if not (api_key.isascii() and api_key.isprintable()):
                raise InvalidKeyError
            return Catalog(provider, await provider.fetch_catalog())
        except SpeechError as err:
            is_about_key = isinstance(err, (InvalidKeyError, MissingKeyError))
            error = MissingKeyError() if is_about_key and not api_key else err
            field = CONF_API_KEY if is_about_key and provider.accepts_key else "base"
            errors[field] = error.translation_key
            self._error_placeholders = translate_error(error, provider)["translation_placeholders"]
            return None
        finally:
            await provider.close()

    def _create_account(self, data: dict[str, Any], catalog: Catalog) -> ConfigFlowResult:
        """Create the account, with a first voice if the catalog has a voice that can speak."""
        title = _account_title(data)
        settings = catalog.provider.initial_voice_settings(catalog.document)
        if settings is None:
            return self.async_create_entry(title=title, data=data)
        model = catalog.model_for(settings)
        voice = ConfigSubentryData(
            subentry_type=SUBENTRY_VOICE,
            title=voice_title(catalog, model, settings[model.voice_key]),
            data=settings,
            unique_id=None,
        )
        return self.async_create_entry(
            title=title,
            data=data,
            subentries=[voice],
            description="with_voice",
            description_placeholders={"player": async_create_setup_player(self.hass, data)},
        )


def _account_data(selected: Mapping[str, Any], entered: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the data of an account, or None if an address is invalid or a required one is missing."""
    provider, server = PROVIDERS[selected[CONF_PROVIDER]], account_server(selected)
    addresses = {CONF_BASE_URL: server.default_base_url} if server else {}
    addresses |= {key: entered[key] for key in provider.address_keys if entered.get(key, "").strip()}
    if not all(addresses.values()):
        return None
    try:
        resolved = provider.resolve_addresses(addresses)
    except ValueError:
        return None
    selection = {key: selected[key] for key in (CONF_PROVIDER, CONF_SERVER) if key in selected}
    return {**selection, **resolved, CONF_API_KEY: _entered_key(entered)}


def _entered_key(entered: Mapping[str, Any]) -> str:
    """Return the entered API key without spaces and line breaks, which copying may add."""
    return "".join(entered.get(CONF_API_KEY, "").split())


def _api_key_field(server: Server | None) -> dict[vol.Marker, TextSelector]:
    """Return the field for the API key, unless the server does not accept one."""
    return {vol.Optional(CONF_API_KEY): _API_KEY_SELECTOR} if server is None or server.accepts_key else {}


def _region_field(provider: type[Provider]) -> dict[vol.Marker, SelectSelector]:
    """Return the field for the region, whose base URL is stored, if the provider has several."""
    if not provider.regions:
        return {}
    regions = list(provider.regions)
    config = SelectSelectorConfig(options=regions, mode=SelectSelectorMode.DROPDOWN, translation_key=_FIELD_REGION)
    return {vol.Required(_FIELD_REGION, default=regions[0]): SelectSelector(config)}


def _account_identity(data: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the values that identify an account.

    Without an API key, the path of the address is included: several servers may share an origin.
    """
    address, api_key = URL(data[CONF_BASE_URL]), data[CONF_API_KEY]
    return data[CONF_PROVIDER], str(address.origin() if api_key else address), api_key


def _origins(data: Mapping[str, Any]) -> set[str]:
    """Return the origins that the API key is sent to."""
    return {str(URL(address).origin()) for address in account_addresses(data).values()}


def _account_title(data: Mapping[str, Any]) -> str:
    """Return the name of the provider or server, with the host unless it is a hosted service at its public address."""
    provider, server = PROVIDERS[data[CONF_PROVIDER]], account_server(data)
    name, default_url = (server.name, server.default_base_url) if server else (provider.name, provider.default_base_url)
    address = URL(data[CONF_BASE_URL])
    is_public = address.host == URL(default_url).host and (server is None or server.is_service)
    return name if is_public else f"{name} ({address.host if address.is_default_port() else address.authority})"
