"""Config flow of an account or of the settings of announcements."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
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
)
import voluptuous as vol
from yarl import URL

from .account_form import (
    API_KEY_SELECTOR,
    FIELD_REGION,
    SECTION_SERVER,
    URL_SELECTOR,
    account_data,
    account_identity,
    api_key_field,
    async_default_title,
    async_fetch_catalog,
    entered_key,
    place_error,
    region_field,
)
from .announce.flow import AnnouncementsConfigFlow, AnnouncerSubentryFlow
from .catalog import Catalog
from .client import account_addresses, account_server
from .const import (
    CONF_BASE_URL,
    CONF_PROVIDER,
    CONF_SERVER,
    DOMAIN,
    SUBENTRY_ANNOUNCER,
    SUBENTRY_VOICE,
    SUBMITTED_FLOWS,
)
from .coordinator import OratorConfigEntry, is_account
from .form_errors import FormError
from .form_texts import async_get_form_texts
from .importer.flow import ImportConfigFlow
from .options_flow import AccountOptionsFlow
from .preview import async_create_setup_player, sample_of_voice
from .providers import PROVIDERS
from .providers.base import Server
from .schema import voice_title
from .subentry_flow import VoiceSubentryFlow

_SERVERS: Final[Mapping[str, Server]] = {
    f"{provider_id}.{server_id}": server
    for provider_id, provider in PROVIDERS.items()
    for server_id, server in provider.servers.items()
}
"""Compatible servers by the value of their choice in a form."""
_CLOUD_SERVICES: Final = {provider_id: provider.name for provider_id, provider in PROVIDERS.items()} | {
    choice: server.name for choice, server in _SERVERS.items() if server.is_service
}
_SELF_HOSTED: Final = {
    choice: server for choice, server in _SERVERS.items() if not (server.is_service or server.is_unknown)
}
_OTHER_SERVER: Final = next(choice for choice, server in _SERVERS.items() if server.is_unknown)


class OratorConfigFlow(AnnouncementsConfigFlow, ImportConfigFlow, domain=DOMAIN):
    """Handle a config flow for Orator: an account, an import, or the settings of announcements."""

    VERSION = 1

    def __init__(self) -> None:
        """Initialize the config flow."""
        self._selection: dict[str, str] = {}
        """Provider and, if chosen, compatible server of a new account, as stored in its data."""

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: OratorConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        if not is_account(config_entry):
            return {SUBENTRY_ANNOUNCER: AnnouncerSubentryFlow}
        return {SUBENTRY_VOICE: VoiceSubentryFlow}

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: OratorConfigEntry) -> bool:
        return is_account(config_entry)

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: OratorConfigEntry) -> AccountOptionsFlow:
        return AccountOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose where the speech is generated, or set up announcements."""
        has_announcements = not all(map(is_account, self._async_current_entries()))
        return self.async_show_menu(
            step_id="user",
            menu_options=[
                *(("import_accounts",) if self._importable_names() else ()),
                *("cloud_service", "self_hosted", "other_server"),
                *(() if has_announcements else ("announcements",)),
            ],
            description_placeholders={
                "services": ", ".join(_CLOUD_SERVICES.values()),
                "servers": _join_names(_SELF_HOSTED.values()),
                "integrations": self._importable_names(),
            },
        )

    async def async_step_cloud_service(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a cloud service."""
        if user_input is None:
            return self._show_choice("cloud_service", _CLOUD_SERVICES)
        self._selection = _parse_choice(user_input[CONF_PROVIDER])
        return await (self.async_step_service() if CONF_SERVER in self._selection else self.async_step_account())

    async def async_step_self_hosted(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose a self-hosted server."""
        if user_input is None:
            names = {choice: server.name for choice, server in _SELF_HOSTED.items()}
            keyless = [server for server in _SELF_HOSTED.values() if not server.accepts_key]
            return self._show_choice("self_hosted", names, keyless=_join_names(keyless))
        self._selection = _parse_choice(user_input[CONF_PROVIDER])
        return await self.async_step_server()

    def _show_choice(self, step_id: str, names: Mapping[str, str], **placeholders: str) -> ConfigFlowResult:
        """Show a list of services or servers, with the first one selected."""
        options = [SelectOptionDict(value=choice, label=name) for choice, name in names.items()]
        selector = SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST))
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema({vol.Required(CONF_PROVIDER, default=next(iter(names))): selector}),
            description_placeholders=placeholders,
        )

    async def async_step_account(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account with a provider."""
        provider = PROVIDERS[self._selection[CONF_PROVIDER]]
        addresses: dict[str, str] = user_input[SECTION_SERVER] if user_input else {}
        schema = {
            vol.Optional(CONF_API_KEY): API_KEY_SELECTOR,
            **region_field(provider),
            vol.Required(SECTION_SERVER): section(
                vol.Schema({vol.Optional(key): URL_SELECTOR for key in provider.address_keys}),
                {"collapsed": not any(addresses.values())},
            ),
        }
        entered = {**(user_input or {}), **addresses}
        if region := entered.pop(FIELD_REGION, None):
            entered[CONF_BASE_URL] = entered.get(CONF_BASE_URL, "").strip() or provider.regions[region]
        return await self._async_handle_form(
            "account",
            schema,
            user_input,
            lambda: account_data(self._selection, entered),
            name=provider.name,
            key_page=provider.key_page,
        )

    async def async_step_service(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account with a compatible cloud service."""
        return await self._async_step_server("service", user_input)

    async def async_step_server(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account on a self-hosted server."""
        return await self._async_step_server("server", user_input)

    async def async_step_other_server(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Add an account on any other compatible server."""
        self._selection = _parse_choice(_OTHER_SERVER)
        return await self._async_step_server("other_server", user_input)

    async def _async_step_server(self, step_id: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        """Add an account on a server that is compatible with a provider."""
        server = PROVIDERS[self._selection[CONF_PROVIDER]].servers[self._selection[CONF_SERVER]]
        return await self._async_handle_form(
            step_id,
            {vol.Required(CONF_BASE_URL): URL_SELECTOR, **api_key_field(server)},
            user_input,
            lambda: account_data(self._selection, user_input or {}),
            {CONF_BASE_URL: server.default_base_url},
            name=server.name,
            key_page=server.key_page,
        )

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Handle an API key that the provider has refused."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Replace the API key."""
        entry = self._get_reauth_entry()
        schema = {vol.Required(CONF_API_KEY): API_KEY_SELECTOR}
        return await self._async_handle_form(
            "reauth_confirm",
            schema,
            user_input,
            lambda: {**entry.data, CONF_API_KEY: entered_key(user_input or {})},
            account=entry.title,
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Change the API key, the addresses, or both.

        An empty API key keeps the old one, unless an address changes to another origin.
        """
        entry = self._get_reconfigure_entry()
        if not is_account(entry):
            return await self.async_step_announcements()
        addresses = account_addresses(entry.data)
        schema = {
            **api_key_field(account_server(entry.data)),
            **{vol.Optional(key): URL_SELECTOR for key in addresses},
        }
        entered = user_input or {}

        def parse() -> dict[str, Any]:
            data = account_data(entry.data, entered)
            if not entered.get(CONF_API_KEY) and _origins(data) <= _origins(entry.data):
                data[CONF_API_KEY] = entry.data[CONF_API_KEY]
            return data

        return await self._async_handle_form("reconfigure", schema, user_input, parse, addresses, account=entry.title)

    async def _async_handle_form(
        self,
        step_id: str,
        schema: dict[Any, Any],
        user_input: dict[str, Any] | None,
        parse: Callable[[], dict[str, Any]],
        suggested: Mapping[str, Any] | None = None,
        **placeholders: str,
    ) -> ConfigFlowResult:
        """Submit an account form, or show the form with its error.

        `parse` returns the account's data from the user's input, and raises FormError if an address is invalid.
        """
        errors: dict[str, str] = {}
        if user_input is not None:
            submitted = self.hass.data.setdefault(SUBMITTED_FLOWS, set())
            submitted.add(self.flow_id)
            try:
                return await self._async_submit(parse())
            except FormError as err:
                errors = place_error(err, schema)
                placeholders |= err.placeholders
            finally:
                submitted.discard(self.flow_id)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(vol.Schema(schema), user_input or suggested),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_submit(self, data: dict[str, Any]) -> ConfigFlowResult:
        """Create or update the account. Raises FormError."""
        self._abort_if_configured(data)
        catalog = await async_fetch_catalog(self.hass, data)
        self._abort_if_configured(data)  # by another flow meanwhile
        title = await async_default_title(self.hass, data)
        if self.source == SOURCE_USER:
            return await self._async_create_account(title, data, catalog)
        entry = self._get_reauth_entry() if self.source == SOURCE_REAUTH else self._get_reconfigure_entry()
        if entry.title != await async_default_title(self.hass, entry.data):
            title = entry.title
        if entry.update_listeners:  # a loaded account reloads itself if it has changed
            if entry.data == data:  # the provider may accept the key again
                self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return self.async_update_and_abort(entry, data=data, title=title)
        return self.async_update_reload_and_abort(entry, data=data, title=title)

    def _abort_if_configured(self, data: Mapping[str, Any]) -> None:
        """Abort if another config entry has the same account."""
        own_id = self.context.get("entry_id")
        entries = filter(is_account, self._async_current_entries())
        others = [entry.data for entry in entries if entry.entry_id != own_id]
        if account_identity(data) in map(account_identity, others):
            raise AbortFlow(reason="already_configured")

    async def _async_create_account(self, title: str, data: dict[str, Any], catalog: Catalog) -> ConfigFlowResult:
        """Create the account, with a first voice if the catalog has a voice that can speak."""
        settings = catalog.provider.initial_voice_settings(catalog.document)
        if settings is None:
            return self.async_create_entry(title=title, data=data)
        model = catalog.model_for(settings)
        sample = sample_of_voice(self.hass, catalog.provider, model, settings)
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
            description_placeholders={
                "price": (await async_get_form_texts(self.hass)).preview_price(model, sample.sentence),
                "player": async_create_setup_player(self.hass, data, voice["title"]),
            },
        )


def _parse_choice(choice: str) -> dict[str, str]:
    """Return the provider and, if any, the compatible server of a choice, as stored in an account's data."""
    provider_id, _, server_id = choice.partition(".")
    return {CONF_PROVIDER: provider_id} | ({CONF_SERVER: server_id} if server_id else {})


def _join_names(servers: Iterable[Server]) -> str:
    return ", ".join(server.name for server in servers)


def _origins(data: Mapping[str, Any]) -> set[str]:
    """Return the origins that the API key is sent to."""
    return {str(URL(address).origin()) for address in account_addresses(data).values()}
