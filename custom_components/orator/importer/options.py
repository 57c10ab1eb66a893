"""Options of `tts.speak` that automations have written for another integration, whose entity ID a voice took over."""

from collections.abc import Mapping
import json
from typing import Any, Final

from ..audio.effects import BuiltInChime
from ..const import CONF_CHIME, CONF_FORMAT, CONF_LOUDNESS
from ..providers.errors import InvalidSettingError
from .takeover import CONF_IMPORTS

_CHIME_SOUND: Final = "chime_sound"
_NORMALIZE: Final = "normalize_audio"
_EXTRA_PAYLOAD: Final = "extra_payload"
_AUDIO_FORMAT: Final = "audio_format"
_EXTRA_BODY: Final = "extra_body"

_OTHER_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai_tts": (_CHIME_SOUND, _NORMALIZE, _EXTRA_PAYLOAD, _AUDIO_FORMAT),
    "groq_tts": (_CHIME_SOUND, _NORMALIZE),
}
"""Names of options that Orator does not have, by integration."""
_OTHER_NAMES: Final = frozenset(name for names in _OTHER_OPTIONS.values() for name in names)
THREE_TONE: Final = BuiltInChime.THREE_TONE.value
"""Built-in chime that replaces the one that the other integrations play by default."""
NORMALIZED_LUFS: Final = -16.0
"""Loudness to which the other integrations normalize speech."""


def accepted_options(account_options: Mapping[str, Any]) -> list[str]:
    """Return the names of the options of other integrations that the voices of an account accept."""
    domains = {record["domain"] for record in account_options.get(CONF_IMPORTS, ())}
    return sorted({name for domain in domains for name in _OTHER_OPTIONS.get(domain, ())})


def translate_options(options: Mapping[str, Any], configured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a call with Orator's names and values; `configured` is the data of the voice.

    The chimes of the other integrations become the voice's own chime, or the built-in chime with three tones. Raises
    InvalidSettingError.
    """
    translated = {name: value for name, value in options.items() if name not in _OTHER_NAMES}
    if _is_true(options.get(CONF_CHIME)):
        translated[CONF_CHIME] = configured.get(CONF_CHIME, THREE_TONE)
    if (normalize := options.get(_NORMALIZE)) is not None:
        own = configured.get(CONF_LOUDNESS, NORMALIZED_LUFS)
        translated[CONF_LOUDNESS] = own if _is_true(normalize) else None
    if payload := options.get(_EXTRA_PAYLOAD):
        translated[_EXTRA_BODY] = parse_payload(payload)
    if audio_format := options.get(_AUDIO_FORMAT):
        translated[CONF_FORMAT] = audio_format
    return translated


def _is_true(value: Any) -> bool:
    """Return whether a value turns something on; templates may return text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def parse_payload(payload: Any) -> dict[str, Any]:
    """Return the extra fields of the request from their JSON. Raises InvalidSettingError, also for a template."""
    try:
        fields = json.loads(payload) if isinstance(payload, str) else payload
    except (RecursionError, ValueError) as err:
        raise InvalidSettingError(code=_EXTRA_PAYLOAD) from err
    if not isinstance(fields, Mapping):
        raise InvalidSettingError(code=_EXTRA_PAYLOAD)
    return dict(fields)
