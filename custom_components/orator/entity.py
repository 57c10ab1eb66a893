"""Base entity, devices of accounts and voices, entity IDs and languages of voices."""

from collections.abc import Mapping, Sequence
from typing import Any, override

from homeassistant.components.tts import DOMAIN as TTS_DOMAIN
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_FRIENDLY_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.util import language as language_util

from .const import DOMAIN
from .coordinator import OratorConfigEntry
from .providers.models import Model
from .providers.options import LanguageOption


class OratorEntity(Entity):
    """Base of the entities with a description, for an account or one of its voices."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(
        self, entry: OratorConfigEntry, description: EntityDescription, voice: ConfigSubentry | None = None
    ) -> None:
        """Initialize the entity."""
        self.entity_description = description
        self._account = entry.runtime_data
        self._attr_unique_id = f"{voice.subentry_id if voice else entry.entry_id}_{description.key}"
        self._attr_device_info = voice_device(entry, voice) if voice else _account_device(entry)


class LimitEntity(OratorEntity):
    """Base of the entities with an amount of a usage limit, in the account's currency or in characters."""

    @property
    @override
    def translation_key(self) -> str:
        """The key of the texts, which contain the unit if it is characters."""
        key = self.entity_description.key
        return key if self.native_unit_of_measurement else f"{key}_characters"

    @property
    def native_unit_of_measurement(self) -> str | None:
        """The currency of the limits; None if they are in characters."""
        return self._account.limiter.unit

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._account.limiter.async_add_listener(self.async_write_ha_state))


def _account_device(entry: OratorConfigEntry) -> DeviceInfo:
    """Return the device of an account."""
    return DeviceInfo(identifiers={(DOMAIN, entry.entry_id)})


def voice_device(entry: OratorConfigEntry, voice: ConfigSubentry) -> DeviceInfo:
    """Return the device of a voice."""
    account = entry.runtime_data
    return DeviceInfo(
        identifiers={(DOMAIN, voice.subentry_id)},
        name=voice.title,
        manufacturer=account.provider.name,
        model=account.data.configured_model(voice.data).id,
        entry_type=DeviceEntryType.SERVICE,
    )


@callback
def async_register_account_device(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Register the device of an account; its entities refer to it."""
    provider = entry.runtime_data.provider
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        manufacturer=provider.name,
        entry_type=DeviceEntryType.SERVICE,
        configuration_url=provider.credit_page or provider.key_page or None,
    )


@callback
def async_link_voice_devices(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Set the account as the parent device of its voices.

    Entities cannot do this: `DeviceInfo` has `via_device` before Home Assistant 2026.8, and `via_device_id` from then
    on.
    """
    registry = dr.async_get(hass)
    devices = {
        identifier: device
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
        for _, identifier in device.identifiers
    }
    account_id = devices[entry.entry_id].id
    for subentry_id in entry.subentries.keys() & devices.keys():
        registry.async_update_device(devices[subentry_id].id, via_device_id=account_id)


@callback
def voice_entity_id(hass: HomeAssistant, subentry_id: str) -> str | None:
    """Return the entity ID of a voice, or None if it has no entity yet."""
    return er.async_get(hass).async_get_entity_id(TTS_DOMAIN, DOMAIN, subentry_id)


@callback
def is_orator_voice(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether an entity is one of Orator's voices."""
    registered = er.async_get(hass).async_get(entity_id)
    return registered is not None and (registered.domain, registered.platform) == (TTS_DOMAIN, DOMAIN)


@callback
def entity_name(hass: HomeAssistant, entity_id: str) -> str:
    """Return the name of an entity for a message, or its entity ID if it has none; a voice's account is added."""
    state, registered = hass.states.get(entity_id), er.async_get(hass).async_get(entity_id)
    known = (
        state and state.attributes.get(ATTR_FRIENDLY_NAME),
        registered and (registered.name or registered.original_name),
    )
    name = next(filter(None, known), entity_id)
    entry, _ = find_voice(hass, entity_id)
    return f"{name} ({entry.title})" if entry else name


@callback
def find_voice(hass: HomeAssistant, entity_id: str) -> tuple[OratorConfigEntry | None, ConfigSubentry | None]:
    """Return the account and the subentry of one of Orator's voices."""
    registered = er.async_get(hass).async_get(entity_id)
    if registered is None or registered.config_entry_id is None or not is_orator_voice(hass, entity_id):
        return None, None
    entry: OratorConfigEntry | None = hass.config_entries.async_get_entry(registered.config_entry_id)
    return entry, entry.subentries.get(registered.config_subentry_id or "") if entry else None


def default_language(hass: HomeAssistant, configured: Mapping[str, Any], model: Model, languages: Sequence[str]) -> str:
    """Return the language that a voice is set to, or otherwise that of Home Assistant, if it speaks the language."""
    own = [configured.get(option.key) for option in model.options if isinstance(option, LanguageOption)]
    wanted = next(filter(None, own), hass.config.language)
    preferred = language_util.matches(wanted, languages, hass.config.country)
    return next(iter(preferred), "en" if "en" in languages else languages[0])
