"""Constants: keys of stored data and of options."""

from typing import Final

from homeassistant.util.hass_dict import HassKey

DOMAIN = "orator"

SUBENTRY_VOICE = "voice"
SUBENTRY_ANNOUNCER = "announcer"

CONF_KIND = "kind"
KIND_ANNOUNCEMENTS = "announcements"
"""Marker in the data of the config entry for announcements, which is no account, and its unique ID."""

CONF_PROVIDER = "provider"
CONF_BASE_URL = "base_url"
CONF_CLEAN_TEXT = "clean_text"
CONF_FORMAT = "format"
CONF_REPLACEMENTS = "replacements"
CONF_SENTENCE_CACHE = "sentence_cache"
CONF_SPEECH_TAGS = "speech_tags"
CONF_SPOKEN_UNITS = "spoken_units"
CONF_SERVER = "server"
CONF_VOICE = "voice"
CONF_VOICE_ID = "voice_id"
CONF_FALLBACK = "fallback"

CONF_DAILY_LIMIT = "daily_limit"
CONF_MONTHLY_LIMIT = "monthly_limit"
CONF_CRITICAL_MAY_EXCEED = "critical_may_exceed"
CONF_LIMIT_CURRENCY = "limit_currency"
MAX_USAGE_LIMIT: Final = 1_000_000_000
"""Largest usage limit that can be entered, in a currency or in characters."""

CONF_CHIME = "chime"
CONF_CHIME_AFTER = "chime_after"
CONF_LEAD_IN = "lead_in_ms"
CONF_TAIL = "tail_ms"
CONF_GAIN = "gain_db"
CONF_LOUDNESS = "loudness"

SUBMITTED_FLOWS: Final[HassKey[set[str]]] = HassKey("orator_submitted_flows")
"""IDs of the config flows whose submitted forms are being checked."""
