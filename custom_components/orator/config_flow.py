"""The flow of an account: its first voice comes with it."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_API_KEY, CONF_MODEL
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

from .client import addresses_of, async_create_provider, async_may_send_key
from .const import CONF_BASE_URL, CONF_PROVIDER, CONF_SERVER, DOMAIN, SUBENTRY_VOICE
from .coordinator import Catalog, OratorConfigEntry
from .issues import translate_error
from .preview import async_setup_preview
from .providers import PROVIDERS
from .providers.base import Server
from .providers.errors import InvalidKeyError, MissingKeyError, SpeechError
from .schema import voice_title
from .subentry_flow import VoiceSubentryFlow

_SECTION_SERVER: Final = "server"

_KEY = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
_ADDRESS = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))


class OratorConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set up an account, or change its key or address."""

    VERSION = 1

    def __init__(self) -> None:
        """Begin with nothing to complain about."""
        self._service: dict[str, str] = {}
        """Which service was chosen, and which of the servers that speak its API, as an account keeps it."""
        self._errors: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: OratorConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        return {SUBENTRY_VOICE: VoiceSubentryFlow}

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the service, or for one of the servers that speak the API of one."""
        if user_input is not None:
            provider, _, name = user_input[CONF_PROVIDER].partition(".")
            self._service = {CONF_PROVIDER: provider} | ({CONF_SERVER: name} if name else {})
            server = _server(self._service)
            if server is None:
                return await self.async_step_account()
            return await (self.async_step_cloud() if server.is_service else self.async_step_server())
        services = [SelectOptionDict(value=name, label=provider.name) for name, provider in PROVIDERS.items()]
        servers = [
            SelectOptionDict(value=f"{provider}.{name}", label=server.label)
            for provider in PROVIDERS
            for name, server in PROVIDERS[provider].servers.items()
        ]
        selector = SelectSelector(SelectSelectorConfig(options=services + servers, mode=SelectSelectorMode.LIST))
        return self._show("user", {vol.Required(CONF_PROVIDER, default=services[0]["value"]): selector}, None)

    async def async_step_account(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key, and create the account with a first voice."""
        if user_input is not None:
            data = self._account_data(self._service, user_input[_SECTION_SERVER], user_input.get(CONF_API_KEY, ""))
            if data and (offer := await self._async_ask(data)):
                return self._create(offer, data)
        has_address = bool(user_input and any(user_input[_SECTION_SERVER].values()))
        provider = PROVIDERS[self._service[CONF_PROVIDER]]
        schema = {
            vol.Optional(CONF_API_KEY): _KEY,
            vol.Required(_SECTION_SERVER): section(
                vol.Schema({vol.Optional(key): _ADDRESS for key in provider.address_keys}),
                {"collapsed": not has_address},
            ),
        }
        self._placeholders |= {"provider": provider.name, "key_page": provider.key_page}
        return self._show("account", schema, user_input)

    async def async_step_server(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where a server of one's own is."""
        return await self._async_add_server("server", user_input)

    async def async_step_cloud(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key of a server that somebody else runs."""
        return await self._async_add_server("cloud", user_input)

    async def _async_add_server(self, step_id: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        """Ask for the address and, where there is one, the key; create the account with a first voice."""
        if user_input is not None:
            data = self._account_data(self._service, user_input, user_input.get(CONF_API_KEY, ""))
            if data and (offer := await self._async_ask(data)):
                return self._create(offer, data)
        provider = PROVIDERS[self._service[CONF_PROVIDER]]
        server = provider.servers[self._service[CONF_SERVER]]
        schema = {vol.Required(CONF_BASE_URL): _ADDRESS, **_key_field(server)}
        self._placeholders |= {"provider": server.label, "key_page": server.key_page}
        return self._show(step_id, schema, user_input or {CONF_BASE_URL: server.address})

    def _create(self, offer: Catalog, data: dict[str, Any]) -> ConfigFlowResult:
        voices = _first_voices(offer)
        return self.async_create_entry(
            title=_title(data),
            data=data,
            subentries=voices,
            description="with_voice" if voices else None,
            description_placeholders={"player": async_setup_preview(self.hass, data)} if voices else None,
        )

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin to replace a key that the provider refuses."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a new key."""
        entry = self._get_reauth_entry()
        if user_input is not None:
            data = {**entry.data, CONF_API_KEY: _pasted(user_input[CONF_API_KEY])}
            if await self._async_ask(data):
                return self._update(entry, data)
        return self._show("reauth_confirm", {vol.Required(CONF_API_KEY): _KEY}, user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a new key, a new address, or both. An empty key keeps the old one, which stays on its origin."""
        entry = self._get_reconfigure_entry()
        if user_input is not None:
            key = user_input.get(CONF_API_KEY, "")
            data = self._account_data(_service(entry.data), user_input, key)
            if data and not key and _origins(data) <= _origins(entry.data):
                data[CONF_API_KEY] = entry.data[CONF_API_KEY]
            if data and await self._async_ask(data):
                return self._update(entry, data)
        addresses = addresses_of(entry.data)
        schema = {**_key_field(_server(entry.data)), **{vol.Optional(key): _ADDRESS for key in addresses}}
        return self._show("reconfigure", schema, user_input or addresses)

    def _account_data(self, service: Mapping[str, str], entered: Mapping[str, str], key: str) -> dict[str, Any] | None:
        """Return an account's data, or None and an error where an address is none, or there is none."""
        server = _server(service)
        usual = {CONF_BASE_URL: server.address} if server else {}
        wanted = usual | {key: entered[key] for key in entered if key != CONF_API_KEY and entered[key].strip()}
        try:
            addresses = PROVIDERS[service[CONF_PROVIDER]].resolve_addresses(wanted) if all(wanted.values()) else None
        except ValueError:
            addresses = None
        if addresses is None:
            self._errors = {"base": "invalid_address"}
            return None
        return {**service, **addresses, CONF_API_KEY: _pasted(key)}

    async def _async_ask(self, data: Mapping[str, Any]) -> Catalog | None:
        """Return what the provider offers once it has accepted the account, or None and an error.

        Aborts the flow where there is such an account already.
        """
        self._abort_if_known(data)
        provider = async_create_provider(self.hass, data)
        try:
            key = data[CONF_API_KEY]
            if provider.lacks_key:
                raise MissingKeyError
            if key and not await async_may_send_key(self.hass, provider.addresses.values()):
                self._errors = {"base": "insecure_address"}
                return None
            if not (key.isascii() and key.isprintable()):
                raise InvalidKeyError
            return Catalog(provider, await provider.fetch_catalog())
        except SpeechError as err:
            is_about_key = isinstance(err, (InvalidKeyError, MissingKeyError))
            error = MissingKeyError() if is_about_key and not data[CONF_API_KEY] else err
            self._errors = {
                CONF_API_KEY if is_about_key and _key_field(_server(data)) else "base": error.translation_key
            }
            self._placeholders = dict(translate_error(error, provider)["translation_placeholders"])
            return None
        finally:
            await provider.async_close()

    def _abort_if_known(self, data: Mapping[str, Any]) -> None:
        """Abort where another account has the same provider, origin and key."""
        own_id = self.context.get("entry_id")
        for entry in self._async_current_entries():
            same = _account(entry.data) == _account(data) and entry.data[CONF_API_KEY] == data[CONF_API_KEY]
            if same and entry.entry_id != own_id:
                raise AbortFlow("already_configured")

    def _update(self, entry: OratorConfigEntry, data: dict[str, Any]) -> ConfigFlowResult:
        """Change an account. A loaded one listens for that and loads itself anew; another has to be told."""
        if entry.update_listeners:
            return self.async_update_and_abort(entry, data=data, title=_title(data))
        return self.async_update_reload_and_abort(entry, data=data, title=_title(data))

    def _show(self, step_id: str, schema: dict[Any, Any], user_input: Mapping[str, Any] | None) -> ConfigFlowResult:
        """Show a form with what the user has entered and what is wrong with it."""
        errors, self._errors = self._errors, {}
        if self.source != SOURCE_USER:
            self._placeholders["account"] = self.hass.config_entries.async_get_known_entry(
                self.context["entry_id"]
            ).title
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(vol.Schema(schema), user_input),
            errors=errors,
            description_placeholders=self._placeholders,
        )


def _first_voices(offer: Catalog) -> list[ConfigSubentryData]:
    """Return a voice to hear at once, where any is certain to speak."""
    data = offer.provider.initial_voice_settings(offer.document)
    if data is None:
        return []
    model = offer.model(data.get(CONF_MODEL, ""), data)
    title = voice_title(offer, model, data[model.voice_key])
    return [ConfigSubentryData(subentry_type=SUBENTRY_VOICE, title=title, data=data, unique_id=None)]


def _service(data: Mapping[str, Any]) -> dict[str, str]:
    """Return which service and server an account is at."""
    return {key: data[key] for key in (CONF_PROVIDER, CONF_SERVER) if key in data}


def _server(data: Mapping[str, Any]) -> Server | None:
    """Return which of the servers that speak its service's API an account is at, if that was chosen."""
    return PROVIDERS[data[CONF_PROVIDER]].servers.get(data.get(CONF_SERVER, ""))


def _key_field(server: Server | None) -> dict[vol.Marker, TextSelector]:
    """Ask for a key where there may be one."""
    return {vol.Optional(CONF_API_KEY): _KEY} if server is None or server.takes_key else {}


def _pasted(key: str) -> str:
    """Return a key without the spaces and line feeds that come along when it is copied."""
    return "".join(key.split())


def _account(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return whose account this is: provider and origin; without a key there may be several servers at one."""
    address = URL(data[CONF_BASE_URL])
    return data[CONF_PROVIDER], str(address.origin() if data[CONF_API_KEY] else address)


def _origins(data: Mapping[str, Any]) -> set[str]:
    """Return who gets the key of an account."""
    return {str(URL(address).origin()) for address in addresses_of(data).values()}


def _title(data: Mapping[str, Any]) -> str:
    """Name an account after its service, and after its address where only its user has that."""
    provider, server = PROVIDERS[data[CONF_PROVIDER]], _server(data)
    name, usual = (server.title, server.address) if server else (provider.name, provider.default_base_url)
    address = URL(data[CONF_BASE_URL])
    is_own = address.host != URL(usual).host or (server is not None and not server.is_service)
    return f"{name} ({address.authority})" if is_own else name
