"""Those who speak for an account's voices: followed when they are renamed, missed when they are gone."""

from homeassistant.components import tts
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.start import async_at_started

from .account import OratorConfigEntry
from .const import CONF_FALLBACK


@callback
def async_follow_stand_ins(hass: HomeAssistant, entry: OratorConfigEntry) -> CALLBACK_TYPE:
    """Keep what an account's voices say of others true, until what is returned is called."""

    @callback
    def review(_hass: HomeAssistant) -> None:
        entry.runtime_data.troubles.async_missing(_missing(hass, entry))

    @callback
    def is_voice(data: er.EventEntityRegistryUpdatedData) -> bool:
        return data["entity_id"].startswith(f"{tts.DOMAIN}.")

    @callback
    def follow(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] == "update" and "old_entity_id" in data:
            _rename(hass, entry, data["old_entity_id"], data["entity_id"])
        if hass.is_running:
            review(hass)

    stop_to_follow = hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, follow, event_filter=is_voice)
    stop_to_wait = async_at_started(hass, review)  # others may come later than this account

    @callback
    def stop() -> None:
        stop_to_follow()
        stop_to_wait()

    return stop


def _rename(hass: HomeAssistant, entry: OratorConfigEntry, old: str, new: str) -> None:
    """Let an entity go on speaking for others under its new name."""
    for voice in list(entry.subentries.values()):
        names = voice.data.get(CONF_FALLBACK, [])
        if old in names:
            renamed = [new if name == old else name for name in names]
            hass.config_entries.async_update_subentry(entry, voice, data={**voice.data, CONF_FALLBACK: renamed})


def _missing(hass: HomeAssistant, entry: OratorConfigEntry) -> dict[str, list[str]]:
    """Return who is to speak and is no more, or is switched off, by the IDs of those they are to speak for."""
    registry = er.async_get(hass)

    def is_missing(entity_id: str) -> bool:
        known = registry.async_get(entity_id)
        if known is not None:
            return known.disabled_by is not None
        return hass.states.get(entity_id) is None

    missing = {
        voice_id: [name for name in voice.data.get(CONF_FALLBACK, ()) if is_missing(name)]
        for voice_id, voice in entry.subentries.items()
    }
    return {voice_id: names for voice_id, names in missing.items() if names}
