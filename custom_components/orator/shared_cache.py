"""The sentence cache that all accounts share."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.const import ATTR_DOMAIN, ATTR_SERVICE, EVENT_CALL_SERVICE
from homeassistant.core import CALLBACK_TYPE, Event, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.util.hass_dict import HassKey

from .pipeline import SentenceCache

_CLEANUP_INTERVAL: Final = timedelta(hours=1)
_CLEAR_DELAY: Final = timedelta(minutes=1)
"""Time for which the audio is kept while no account is loaded, so that it survives a reload."""
_SHARED_CACHE: Final[HassKey[SharedCache]] = HassKey("orator_sentence_cache")


class SharedCache:
    """The sentence cache, whose audio is dropped after a day, without accounts, and by the action Clear TTS cache."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Create an empty cache."""
        self._hass = hass
        self.sentences = SentenceCache()
        self._accounts = 0
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._stop_listening: CALLBACK_TYPE | None = None

    @callback
    def async_open(self) -> CALLBACK_TYPE:
        """Keep the audio of a loaded account until the returned function is called."""
        self._accounts += 1
        if self._accounts == 1:
            self._stop_listening = self._hass.bus.async_listen(
                EVENT_CALL_SERVICE, self._async_clear, event_filter=_clears_cache
            )
            self._set_timer(
                async_track_time_interval(
                    self._hass,
                    self._async_drop_expired,
                    _CLEANUP_INTERVAL,
                    name="orator drops old sentences",
                    cancel_on_shutdown=True,
                )
            )
        return self._async_close

    @callback
    def _async_close(self) -> None:
        self._accounts -= 1
        if not self._accounts:
            if self._stop_listening:
                self._stop_listening()
            job = HassJob(self._async_clear, "orator drops sentences", cancel_on_shutdown=True)
            self._set_timer(async_call_later(self._hass, _CLEAR_DELAY, job))

    @callback
    def _async_drop_expired(self, _now: datetime) -> None:
        self.sentences.drop_expired()

    @callback
    def _async_clear(self, _reason: datetime | Event) -> None:
        self.sentences.clear()

    def _set_timer(self, cancel: CALLBACK_TYPE) -> None:
        if self._cancel_timer:
            self._cancel_timer()
        self._cancel_timer = cancel


@callback
def _clears_cache(data: Mapping[str, Any]) -> bool:
    """Return whether an action clears Home Assistant's cache of speech."""
    return (data[ATTR_DOMAIN], data[ATTR_SERVICE]) == (tts.DOMAIN, tts.SERVICE_CLEAR_CACHE)


@callback
def async_open_sentence_cache(hass: HomeAssistant) -> CALLBACK_TYPE:
    """Keep the sentences of a loaded account until the returned function is called."""
    return _shared_cache(hass).async_open()


@callback
def async_get_sentence_cache(hass: HomeAssistant) -> SentenceCache:
    """Return the sentence cache, which all accounts share."""
    return _shared_cache(hass).sentences


def _shared_cache(hass: HomeAssistant) -> SharedCache:
    if _SHARED_CACHE not in hass.data:
        hass.data[_SHARED_CACHE] = SharedCache(hass)
    return hass.data[_SHARED_CACHE]
