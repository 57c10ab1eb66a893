"""Names that the rooms of the integration share with its users."""

DOMAIN = "orator"

SUBENTRY_VOICE = "voice"

CONF_PROVIDER = "provider"
CONF_BASE_URL = "base_url"
CONF_CLEAN_TEXT = "clean_text"
CONF_FORMAT = "format"
CONF_REPLACEMENTS = "replacements"
CONF_SERVER = "server"
CONF_VOICE = "voice"
CONF_FALLBACK = "fallback"
