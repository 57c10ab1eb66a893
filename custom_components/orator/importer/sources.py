"""The integrations whose accounts and voices can be imported, and how their config entries are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
import re
from typing import Any, Final

from homeassistant.components.tts import DOMAIN as TTS_DOMAIN
from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_API_KEY, CONF_MODEL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from yarl import URL

from ..account_form import account_data
from ..const import (
    CONF_BASE_URL,
    CONF_CHIME,
    CONF_FORMAT,
    CONF_GAIN,
    CONF_LOUDNESS,
    CONF_PROVIDER,
    CONF_SERVER,
    CONF_VOICE,
)
from ..form_errors import FormError
from ..providers import PROVIDERS
from ..providers.errors import InvalidSettingError
from ..providers.options import parse_id
from .models import FoundAccount, FoundVoice
from .options import NORMALIZED_LUFS, THREE_TONE, parse_payload

_SPEED: Final = "speed"
_INSTRUCTIONS: Final = "instructions"
_EXTRA_BODY: Final = "extra_body"

_OPENAI_ADDRESS: Final = "https://api.openai.com/v1"
_GROQ_ADDRESS: Final = "https://api.groq.com/openai/v1"
_OPENAI: Final = "openai"
"""Provider whose API all these integrations use."""
_KOKORO_SERVER: Final = "kokoro"
_ANY_SERVER: Final = "other"
_NO_KEYS: Final = ("x", "not-needed")
"""Values that integrations store instead of an API key."""
_NO_DIRECTIONS: Final = "__none__"
"""Value that an integration stores for no vocal directions."""
_TEMPLATE: Final = re.compile(r"\{[{%#]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An integration, and the names of its settings."""

    domain: str
    name: str
    version: int
    """Newest major version of its config entries whose data is known."""
    address: str
    """Address of the API unless the entry has one."""
    subentry_types: tuple[str, ...] = ()
    """Types of the subentries that hold a voice; an entry without such subentries may be a voice itself."""
    is_entry_voice: bool = True
    """Whether an entry without subentries can be a voice."""
    address_keys: tuple[str, ...] = ("url",)
    """Keys of addresses, the preferred one first."""
    server: str = ""
    """Preset of the server at an address that belongs to no service."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Names of settings that differ from Orator's, by Orator's names."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Settings, by Orator's names, of a voice that has none."""
    has_other_entities: bool = False
    """Whether its entries have more than speech."""


_OPENAI_TTS_DEFAULTS: Final = {CONF_MODEL: "tts-1", CONF_VOICE: "shimmer"}
SOURCES: Final[Mapping[str, Source]] = {
    source.domain: source
    for source in (
        Source(
            domain="openai_tts",
            name="OpenAI TTS",
            version=2,
            address=_OPENAI_ADDRESS,
            address_keys=("kokoro_url", "url"),
            subentry_types=("profile",),
            defaults=_OPENAI_TTS_DEFAULTS,
        ),
        Source(
            domain="openai_conversation",
            name="OpenAI",
            version=2,
            address=_OPENAI_ADDRESS,
            address_keys=(),
            subentry_types=("tts",),
            is_entry_voice=False,
            keys={CONF_MODEL: "chat_model", _SPEED: "tts_speed", _INSTRUCTIONS: "prompt"},
            defaults={CONF_MODEL: "gpt-4o-mini-tts", CONF_VOICE: "marin"},
            has_other_entities=True,
        ),
        Source(
            domain="groq_tts",
            name="Groq TTS",
            version=1,
            address=_GROQ_ADDRESS,
            defaults={CONF_MODEL: "playai-tts", CONF_VOICE: "Arista-PlayAI"},
        ),
        Source(
            domain="groq",
            name="Groq AI",
            version=1,
            address=_GROQ_ADDRESS,
            address_keys=(),
            subentry_types=("tts", "text_to_speech"),  # two integrations have this domain
            keys={CONF_MODEL: "tts_model", CONF_VOICE: "tts_voice", "audio_format": "response_format"},
            defaults={CONF_MODEL: "canopylabs/orpheus-v1-english", CONF_VOICE: "troy"},
            has_other_entities=True,
        ),
        Source(
            domain="openai_gpt4o_tts",
            name="OpenAI GPT-4o TTS",
            version=1,
            address=_OPENAI_ADDRESS,
            address_keys=(),
            keys={_SPEED: "playback_speed"},
            defaults={CONF_MODEL: "gpt-4o-mini-tts", CONF_VOICE: "sage"},
        ),
        Source(
            domain="openai_speech",
            name="OpenAI Speech",
            version=1,
            address=_OPENAI_ADDRESS,
            address_keys=("base_url",),
            keys={CONF_MODEL: "tts_model", CONF_VOICE: "tts_voice", _SPEED: "tts_speed"},
            defaults={CONF_MODEL: "tts-1", CONF_VOICE: "alloy"},
            has_other_entities=True,
        ),
        Source(
            domain="kokoro_tts",
            name="Kokoro TTS",
            version=1,
            address="",
            address_keys=("base_url",),
            server=_KOKORO_SERVER,
            keys={CONF_VOICE: "persona", "audio_format": CONF_FORMAT},
            defaults={CONF_MODEL: "kokoro", CONF_VOICE: "af_heart", "audio_format": "wav", _SPEED: 0.9},
        ),
    )
}
"""Integrations by domain. Their code was read in November 2026."""

_VOICE_STYLE_KEYS: Final = {
    "affect_personality": "Affect",
    "tone": "Tone",
    "pronunciation": "Pronunciation",
    "pause": "Pauses",
    "emotion": "Emotion",
}
"""Keys of instructions that OpenAI GPT-4o TTS stores in parts, and how they begin as one text."""


@callback
def async_find_accounts(hass: HomeAssistant) -> list[FoundAccount]:
    """Return the config entries of other integrations that have voices, with the reasons of those that are unusable."""
    return [
        account
        for source in SOURCES.values()
        for entry in hass.config_entries.async_entries(source.domain)
        if entry.source != SOURCE_IGNORE and (account := _read_entry(hass, source, entry)) is not None
    ]


def _read_entry(hass: HomeAssistant, source: Source, entry: ConfigEntry) -> FoundAccount | None:
    """Return the account and voices of a config entry, or None if it has no voice."""
    account: dict[str, Any] = {}
    voices: tuple[FoundVoice, ...] = ()
    problem: str | None = None
    try:
        stored = _read_voices(source, entry)
        if not stored:
            return None
        voices = tuple(_read_voice(hass, source, entry, subentry, data) for subentry, data in stored)
        account = _read_account(source, entry)
    except FormError:
        problem = "unsupported_address"
    except AttributeError, InvalidSettingError, KeyError, TypeError, ValueError:
        problem = "damaged"
    if entry.version > source.version:
        problem = "newer_version"
    return FoundAccount(
        domain=source.domain,
        entry_id=entry.entry_id,
        title=entry.title,
        data={} if problem else account,
        voices=() if problem else voices,
        has_other_entities=source.has_other_entities,
        problem=problem,
    )


def _read_account(source: Source, entry: ConfigEntry) -> dict[str, Any]:
    """Return the data of an account. Raises FormError or TypeError."""
    stored = {**entry.data, **entry.options}
    address = next((stored[key] for key in source.address_keys if stored.get(key)), source.address)
    api_key = stored.get(CONF_API_KEY) or ""
    if not isinstance(address, str) or not isinstance(api_key, str):
        raise TypeError
    api_key = "" if api_key.strip() in _NO_KEYS else api_key
    if stored.get("provider") == _OPENAI:  # a proxy of OpenAI
        return account_data({CONF_PROVIDER: _OPENAI}, {CONF_BASE_URL: address, CONF_API_KEY: api_key})
    is_kokoro = _KOKORO_SERVER in (source.server, stored.get("provider")) or bool(stored.get("kokoro_url"))
    return _account_at(address, api_key, _KOKORO_SERVER if is_kokoro else _ANY_SERVER)


def _account_at(address: str, api_key: str, server: str) -> dict[str, Any]:
    """Return the data of an account at the address of an OpenAI-compatible API.

    `server`: preset of a server in the home network; the one for any server has to be used with an API key.
    Raises FormError.
    """
    try:
        url = PROVIDERS[_OPENAI].parse_address(address)
    except ValueError as err:
        raise FormError("invalid_address") from err
    for provider_id, provider in PROVIDERS.items():
        if provider.is_official(url):
            entered = {CONF_BASE_URL: address} if provider.regions else {}
            return account_data({CONF_PROVIDER: provider_id}, {**entered, CONF_API_KEY: api_key})
    servers = PROVIDERS[_OPENAI].servers
    known = [key for key, preset in servers.items() if preset.is_service and _has_host(preset.default_base_url, url)]
    chosen = known[0] if known else _ANY_SERVER if api_key else server
    selected = {CONF_PROVIDER: _OPENAI, CONF_SERVER: chosen}
    return account_data(selected, {CONF_BASE_URL: address, CONF_API_KEY: api_key})


def _has_host(address: str, url: URL) -> bool:
    return URL(address).host == url.host


def _read_voices(source: Source, entry: ConfigEntry) -> list[tuple[ConfigSubentry | None, Mapping[str, Any]]]:
    """Return the stored data of each voice, with its subentry unless the entry itself is the voice."""
    subentries = [one for one in entry.subentries.values() if one.subentry_type in source.subentry_types]
    if subentries:
        return [(subentry, subentry.data) for subentry in subentries]
    stored = {**entry.data, **entry.options}
    has_voice = any({key, source.keys.get(key)} & stored.keys() for key in (CONF_MODEL, CONF_VOICE))
    return [(None, stored)] if source.is_entry_voice and has_voice else []


def _read_voice(
    hass: HomeAssistant, source: Source, entry: ConfigEntry, subentry: ConfigSubentry | None, data: Mapping[str, Any]
) -> FoundVoice:
    """Return a voice. Raises InvalidSettingError or ValueError."""
    stored = {**source.defaults, **_rename_keys(source, data)}
    unsupported: list[str] = []
    settings: dict[str, Any] = {key: parse_id(key, stored[key]) for key in (CONF_MODEL, CONF_VOICE)}
    if stored.get(_SPEED) not in (None, 1):
        settings[_SPEED] = stored[_SPEED]
    if instructions := _read_instructions(stored):
        if _TEMPLATE.search(instructions):
            unsupported.append("template")
        else:
            settings[_INSTRUCTIONS] = instructions
    if payload := stored.get("extra_payload"):
        try:
            if extra_body := parse_payload(payload):
                settings[_EXTRA_BODY] = extra_body
        except InvalidSettingError:
            unsupported.append("extra_payload")
    settings |= _read_post_processing(source, stored)
    if audio_format := stored.get("audio_format"):
        settings[CONF_FORMAT] = audio_format
    unsupported += _find_unsupported(stored)
    entity = _find_entity(hass, source, entry, subentry, stored.get("unique_id"))
    return FoundVoice(
        unique_id="_".join((source.domain, entry.entry_id, *((subentry.subentry_id,) if subentry else ()))),
        title=(entity and entity.name) or (subentry and subentry.title) or entry.title,
        settings=settings,
        entity_id=entity.entity_id if entity else None,
        unsupported=tuple(unsupported),
    )


def _rename_keys(source: Source, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored settings under Orator's names, without those that are empty."""
    renamed = {**data, **{own: data[key] for own, key in source.keys.items() if data.get(key) not in (None, "")}}
    return {key: value for key, value in renamed.items() if value not in (None, "")}


def _read_instructions(stored: Mapping[str, Any]) -> str:
    """Return the instructions of a voice, which may be stored in parts."""
    if instructions := str(stored.get(_INSTRUCTIONS, "")).strip():
        return instructions
    parts = {label: str(stored.get(key, "")).strip() for key, label in _VOICE_STYLE_KEYS.items()}
    return "\n".join(f"{label}: {text}" for label, text in parts.items() if text)


def _read_post_processing(source: Source, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the chime, loudness and gain. A chime is a path below the configuration folder."""
    settings: dict[str, Any] = {}
    if stored.get("chime") is True:
        file = PurePath(str(stored.get("chime_sound", "threetone.mp3"))).name
        settings[CONF_CHIME] = THREE_TONE if file == "threetone.mp3" else f"{source.domain}/chime/{file}"
    if stored.get("normalize_audio") is True:
        settings[CONF_LOUDNESS] = NORMALIZED_LUFS
    if gain := stored.get(CONF_GAIN):
        settings[CONF_GAIN] = gain
    return settings


def _find_unsupported(stored: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the texts about settings that have no counterpart."""
    if stored.get("vocal_directions", _NO_DIRECTIONS) != _NO_DIRECTIONS:
        yield "vocal_directions"
    if stored.get("send_voice") is False:
        yield "send_voice"
    if stored.get("volume_restore") or stored.get("pause_playback"):
        yield "playback"


def _find_entity(
    hass: HomeAssistant, source: Source, entry: ConfigEntry, subentry: ConfigSubentry | None, unique_id: Any
) -> er.RegistryEntry | None:
    """Return the entity of a voice."""
    entities = [
        entity
        for entity in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
        if entity.domain == TTS_DOMAIN and entity.platform == source.domain
    ]
    subentry_id = subentry.subentry_id if subentry else None
    by_subentry = (entity for entity in entities if entity.config_subentry_id == subentry_id)
    by_unique_id = (entity for entity in entities if entity.unique_id in (unique_id, subentry_id))
    return next(by_subentry, None) or next(by_unique_id, None)
