"""Constants: keys of stored data and of options."""

DOMAIN = "orator"

SUBENTRY_VOICE = "voice"

CONF_PROVIDER = "provider"
CONF_BASE_URL = "base_url"
CONF_CLEAN_TEXT = "clean_text"
CONF_FORMAT = "format"
CONF_REPLACEMENTS = "replacements"
CONF_SPOKEN_UNITS = "spoken_units"
CONF_SERVER = "server"
CONF_VOICE = "voice"
CONF_VOICE_ID = "voice_id"
CONF_FALLBACK = "fallback"

CONF_CHIME = "chime"
CONF_CHIME_AFTER = "chime_after"
CONF_LEAD_IN = "lead_in_ms"
CONF_TAIL = "tail_ms"
CONF_GAIN = "gain_db"
CONF_LOUDNESS = "loudness"
