"""Open the connection of a voice while Home Assistant waits for its text.

If the service has closed the connection, opening a new one takes two or three round trips. Errors are ignored: the
request that follows reports them.
"""

import asyncio
from collections.abc import Mapping, Set as AbstractSet
from contextlib import suppress
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .coordinator import OratorConfigEntry
from .entity import find_voice
from .fallback import first_fallback
from .providers.errors import InvalidSettingError
from .tts_cache import streams_without_text
from .voice_settings import ATTR_FALLBACK_CALL, FallbackCall, VoiceSettings

_MIN_WAIT_S: Final = 0.05
"""Time without a text after which a stream waits for a conversation agent; other texts arrive earlier."""


@callback
def async_warm_up(hass: HomeAssistant, entry: OratorConfigEntry, entity_id: str) -> None:
    """Open the connection of a voice in the background if the stream that is about to be created waits for its text.

    A complete message, which may be cached, is set on its stream at once, before the task starts.
    """
    earlier = streams_without_text(hass, entity_id).keys()
    entry.async_create_background_task(
        hass, _async_warm_up(hass, entity_id, earlier), "orator opens a connection", eager_start=False
    )


async def _async_warm_up(hass: HomeAssistant, entity_id: str, earlier: AbstractSet[str]) -> None:
    """Open the connection for the streams that wait for their text and were created after the `earlier` ones."""
    if not (created := streams_without_text(hass, entity_id).keys() - earlier):
        return
    await asyncio.sleep(_MIN_WAIT_S)
    for token, stream in streams_without_text(hass, entity_id).items():
        if token in created:
            await _async_open_connection(hass, entity_id, stream.options)


async def _async_open_connection(hass: HomeAssistant, entity_id: str, options: Mapping[str, Any]) -> None:
    """Open the connection of a voice, or that of its first fallback if its account's circuit breaker is open.

    Voices of other integrations are ignored.
    """
    entry, voice = find_voice(hass, entity_id)
    engine = tts.get_engine_instance(hass, entity_id)
    if voice is None or entry is None or entry.state is not ConfigEntryState.LOADED or engine is None:
        return
    account = entry.runtime_data
    given = {key: value for key, value in options.items() if value is not None}
    with suppress(InvalidSettingError):  # reported when the voice speaks
        settings = VoiceSettings.parse(account.data, {**(engine.default_options or {}), **given}, voice.data, None)
        if not account.health.is_open:
            await account.provider.warm_up(settings.model, settings.voice_id, settings.provider_settings)
        elif fallback := first_fallback(hass, settings.fallbacks, entity_id):
            await _async_open_connection(hass, fallback, {ATTR_FALLBACK_CALL: FallbackCall.LAST.value})
