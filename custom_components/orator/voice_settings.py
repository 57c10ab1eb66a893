"""Parse the settings of a voice: the options of a call and the data of its subentry."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Self

from homeassistant.components.tts import (
    ATTR_PREFERRED_FORMAT,
    ATTR_PREFERRED_SAMPLE_BYTES,
    ATTR_PREFERRED_SAMPLE_CHANNELS,
    ATTR_PREFERRED_SAMPLE_RATE,
    ATTR_VOICE,
)
from homeassistant.const import ATTR_MODEL

from .audio.effects import CHIME_LUFS, Chime, Effects
from .audio.formats import CHANNEL_COUNTS, SAMPLE_RATES, AudioFormat
from .catalog import Catalog
from .chime_files import ChimeError
from .chimes import ChimeLibrary
from .const import (
    CONF_CHIME,
    CONF_CHIME_AFTER,
    CONF_CLEAN_TEXT,
    CONF_FALLBACK,
    CONF_FORMAT,
    CONF_GAIN,
    CONF_LEAD_IN,
    CONF_LOUDNESS,
    CONF_REPLACEMENTS,
    CONF_SENTENCE_CACHE,
    CONF_SPEECH_TAGS,
    CONF_SPOKEN_UNITS,
    CONF_TAIL,
    CONF_VOICE_ID,
)
from .pipeline import LoudnessTracker, OutputFormat, PcmConstraints, PostProcessing, is_output_extension
from .providers.base import Provider
from .providers.errors import InvalidSettingError
from .providers.models import Model
from .providers.options import LanguageOption, NumberOption, parse_id
from .text import Replacement

ATTR_PREFERRED_BITRATE: Final = "preferred_bitrate"
"""Supported by Home Assistant 2026.11 and later, which convert mp3 to this bitrate."""
ATTR_CHIME_REVISION: Final = "chime_revision"
"""Option with the revisions of changed chime files, which is part of the cache key."""
ATTR_FALLBACK_CALL: Final = "fallback_call"
"""Option with a `FallbackCall`, set when another Orator voice calls a voice as its fallback."""

CHIME_OPTIONS: Final = (CONF_CHIME, CONF_CHIME_AFTER)
NUMBER_OPTIONS: Final = (
    NumberOption(CONF_LEAD_IN, 0, 5000, 50, 0, unit="ms"),
    NumberOption(CONF_TAIL, 0, 5000, 50, 0, unit="ms"),
    NumberOption(CONF_GAIN, -20, 20, 0.5, 0, unit="dB"),
    NumberOption(CONF_LOUDNESS, -30, -12, 0.5, -18, unit="LUFS"),
)
POST_PROCESSING_OPTIONS: Final = (*CHIME_OPTIONS, *(number.key for number in NUMBER_OPTIONS))
_LEVEL_OPTIONS: Final = (CONF_GAIN, CONF_LOUDNESS)

_ID_OPTIONS: Final = (ATTR_MODEL, ATTR_VOICE, CONF_VOICE_ID)
_MAX_CHIME_CHARS: Final = 1_000
_MAX_ENTITY_ID_CHARS: Final = 255
_MAX_FALLBACKS: Final = 100
_MAX_REPLACEMENTS: Final = 1_000
_MAX_FIND_CHARS: Final = 200
_MAX_SAY_CHARS: Final = 5_000
_MAX_REPLACEMENT_CHARS: Final = 100_000
"""Maximum length of all replacements of a call."""

_OFF: Final = ("", "none", "off", "false")
"""Values that turn off one of the voice's post-processing options for one call."""
_FALSE: Final = (*_OFF, "no", "disable", "0")
_TRUE: Final = ("true", "on", "yes", "enable", "1")
"""Text that stands for a boolean, as in Home Assistant's actions."""
_SAMPLE_CONSTRAINTS: Final = {
    ATTR_PREFERRED_SAMPLE_RATE: SAMPLE_RATES,
    ATTR_PREFERRED_SAMPLE_CHANNELS: CHANNEL_COUNTS,
    ATTR_PREFERRED_SAMPLE_BYTES: range(1, 5),
}
_BITRATES_KBPS: Final = range(1_000_001)
"""Bitrates that Home Assistant's converter accepts; it uses the nearest possible one."""


class FallbackCall(StrEnum):
    """Way in which a voice is called as a fallback."""

    FOLLOWED = "followed"
    """Another voice takes over if this one fails."""
    LAST = "last"


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """The parsed options of a call: the settings with which a voice speaks."""

    model: Model
    """Model, or its successor if it is retired."""
    voice_id: str
    """The provider's ID of the voice."""
    provider_settings: Mapping[str, Any]
    """Parsed choices of the provider and options of the model."""
    format: AudioFormat | None
    """Format to request from the provider, or None to choose it by the output."""
    output: OutputFormat
    """Format for the player or satellite."""
    clean_text: bool
    replacements: tuple[Replacement, ...]
    has_spoken_units: bool
    """Whether units after numbers are spoken as words of the language."""
    allows_tags: bool
    """Whether single tags of SSML are read in texts that are no SSML documents."""
    fallbacks: tuple[str, ...]
    """Entity IDs of the fallback voices."""
    post_processing: Mapping[str, Any]
    """Parsed post-processing options, without those that are off."""
    expects_fallback: bool
    """Whether another voice takes over if this one fails."""
    uses_sentence_cache: bool
    """Whether sentences that the voice has spoken are kept in memory, and used again."""

    @classmethod
    def parse(
        cls, catalog: Catalog, options: Mapping[str, Any], configured: Mapping[str, Any], language: str | None
    ) -> Self:
        """Parse the options of a call to a voice that is `configured` with the data of its subentry.

        `language`: the language of the call if it is not the voice's. Options that the model does not support are
        ignored. Raises InvalidSettingError.
        """
        options = {**options, **_parse_ids(options, configured)}
        choices = catalog.parse_choices(options)
        requested = catalog.model_for(options)
        model, options = catalog.resolve_retired(requested, options)
        fallback_call = options.get(ATTR_FALLBACK_CALL)
        post_processing = parse_post_processing(options)
        if fallback_call:
            post_processing = {key: value for key, value in post_processing.items() if key in _LEVEL_OPTIONS}
        return cls(
            model=model,
            voice_id=_parse_voice_id(options, model, configured),
            provider_settings=choices | _parse_options(model, options, configured, language),
            format=_parse_requested_format(options, requested, model, configured),
            output=_parse_output_format(options),
            clean_text=not _is_false(options.get(CONF_CLEAN_TEXT, True)),
            replacements=_parse_requested_replacements(options, configured),
            has_spoken_units=_parse_switch(options, CONF_SPOKEN_UNITS),
            # The voice that calls its fallback has read the tags.
            allows_tags=_parse_switch(options, CONF_SPEECH_TAGS) and not fallback_call,
            fallbacks=() if fallback_call else _parse_fallbacks(options.get(CONF_FALLBACK, [])),
            post_processing=post_processing,
            expects_fallback=fallback_call == FallbackCall.FOLLOWED,
            uses_sentence_cache=not _is_false(
                options.get(CONF_SENTENCE_CACHE, configured.get(CONF_SENTENCE_CACHE, True))
            ),
        )


def supported_options(provider: Provider) -> list[str]:
    """Return the names of the options that `tts.speak` accepts."""
    return [
        ATTR_MODEL,
        ATTR_VOICE,
        CONF_FORMAT,
        CONF_CLEAN_TEXT,
        CONF_REPLACEMENTS,
        CONF_SPOKEN_UNITS,
        CONF_SPEECH_TAGS,
        CONF_SENTENCE_CACHE,
        CONF_FALLBACK,
        *POST_PROCESSING_OPTIONS,
        *(choice.key for choice in provider.choices),
        *provider.option_keys,
        ATTR_CHIME_REVISION,  # a preview is independent of it
        ATTR_FALLBACK_CALL,
        # Home Assistant does not convert audio to formats that the entity supports.
        ATTR_PREFERRED_FORMAT,
        ATTR_PREFERRED_SAMPLE_RATE,
        ATTR_PREFERRED_SAMPLE_CHANNELS,
        ATTR_PREFERRED_SAMPLE_BYTES,
        ATTR_PREFERRED_BITRATE,
    ]


def default_format(configured: Mapping[str, Any]) -> str:
    """Return the file format of a voice."""
    return str(configured.get(CONF_FORMAT, AudioFormat.MP3.value))


def parse_post_processing(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the post-processing options that are on. Raises InvalidSettingError."""
    given = {key: settings[key] for key in POST_PROCESSING_OPTIONS if not _is_off(settings.get(key))}
    parsed: dict[str, Any] = {
        number.key: number.parse(given[number.key]) for number in NUMBER_OPTIONS if number.key in given
    }
    for key in CHIME_OPTIONS:
        if key in given:
            if not isinstance(given[key], str) or len(given[key]) > _MAX_CHIME_CHARS:
                raise InvalidSettingError(code=key)
            parsed[key] = given[key].strip()
    return {key: value for key, value in parsed.items() if value}


def parse_replacements(value: Any) -> tuple[Replacement, ...]:
    """Parse a list of replacements. Raises InvalidSettingError."""
    if not isinstance(value, list | tuple) or len(value) > _MAX_REPLACEMENTS:
        raise InvalidSettingError(code=CONF_REPLACEMENTS)
    replacements = tuple(map(_parse_replacement, value))
    if sum(len(replacement.find) + len(replacement.say) for replacement in replacements) > _MAX_REPLACEMENT_CHARS:
        raise InvalidSettingError(code=CONF_REPLACEMENTS)
    return replacements


def _parse_configured_replacements(value: Any) -> tuple[Replacement, ...]:
    """Return the valid ones of a voice's own replacements: the others must not keep the voice from speaking."""
    replacements: list[Replacement] = []
    for rule in value[:_MAX_REPLACEMENTS] if isinstance(value, list) else ():
        with suppress(InvalidSettingError):
            replacements.append(_parse_replacement(rule))
    return tuple(replacements)


def _parse_replacement(rule: Any) -> Replacement:
    if not isinstance(rule, Mapping):
        raise InvalidSettingError(code=CONF_REPLACEMENTS)
    find = _parse_words(rule.get("find"), _MAX_FIND_CHARS)
    if not find.strip():
        raise InvalidSettingError(code=CONF_REPLACEMENTS)
    return Replacement(find, _parse_words(rule.get("say"), _MAX_SAY_CHARS))


def _parse_words(value: Any, max_chars: int) -> str:
    """Return a text, or a number from YAML, as words; None stands for no words."""
    words = "" if value is None else str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float | date | None) or len(words) > max_chars:
        raise InvalidSettingError(code=CONF_REPLACEMENTS)
    return words


def _parse_switch(options: Mapping[str, Any], key: str) -> bool:
    """Return whether an option is on that is off by default; templates may return text. Raises InvalidSettingError."""
    value = options.get(key, False)
    if isinstance(value, str) and value.strip().lower() in _TRUE:
        return True
    if value is True or _is_false(value):
        return value is True
    raise InvalidSettingError(code=key)


def configured_chimes(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the chimes that are on."""
    return frozenset(str(settings[key]).strip() for key in CHIME_OPTIONS if not _is_off(settings.get(key)))


def chime_loudness(options: Mapping[str, Any]) -> float:
    """Return the loudness of chimes in LUFS, which equals that of speech."""
    loudness: float = options.get(CONF_LOUDNESS, CHIME_LUFS) + options.get(CONF_GAIN, 0)
    return loudness


async def async_load_post_processing(
    chimes: ChimeLibrary, options: Mapping[str, Any], tracker: LoudnessTracker
) -> tuple[PostProcessing, dict[str, ChimeError | None]]:
    """Return the post-processing, and the error of each chime that cannot be played.

    `options` come from `parse_post_processing`.
    """
    loaded: dict[str, Chime] = {}
    errors: dict[str, ChimeError | None] = {}
    for key in CHIME_OPTIONS:
        if name := options.get(key):
            try:
                loaded[key] = await chimes.async_get(name, chime_loudness(options))
                errors[name] = None
            except ChimeError as err:
                errors[name] = err
    around_speech = Effects(
        lead_in_s=options.get(CONF_LEAD_IN, 0) / 1000,
        chime_before=loaded.get(CONF_CHIME),
        chime_after=loaded.get(CONF_CHIME_AFTER),
        tail_s=options.get(CONF_TAIL, 0) / 1000,
    )
    return PostProcessing(around_speech, options.get(CONF_GAIN, 0), options.get(CONF_LOUDNESS), tracker), errors


def _is_off(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str) and value.strip().lower() in _OFF)


def _is_false(value: Any) -> bool:
    """Return whether a value turns something off; templates may return text."""
    return not value or (isinstance(value, str) and value.strip().lower() in _FALSE)


def _parse_ids(options: Mapping[str, Any], configured: Mapping[str, Any]) -> dict[str, str]:
    """Return the IDs in the options of a call that differ from those of the voice. Raises InvalidSettingError."""
    given = {key: options[key] for key in _ID_OPTIONS if options.get(key) not in (None, "", configured.get(key))}
    return {key: parse_id(key, value) for key, value in given.items()}


def _parse_options(
    model: Model, options: Mapping[str, Any], configured: Mapping[str, Any], language: str | None
) -> dict[str, Any]:
    """Parse the options of the model. A stored value that an option no longer accepts is ignored."""
    parsed: dict[str, Any] = {}
    for option in model.options:
        value, own = options.get(option.key), configured.get(option.key)
        if language and isinstance(option, LanguageOption) and value == own:
            value = language
        if value is not None:
            parsed[option.key] = option.nearest(value) if value == own else option.parse(value)
    return {key: value for key, value in parsed.items() if value is not None}


def _parse_voice_id(options: Mapping[str, Any], model: Model, configured: Mapping[str, Any]) -> str:
    """Return the provider's ID of the voice, or "" for the provider's default voice.

    Assist's voice picker passes the ID as `voice` for every provider.
    """
    voice_id = options.get(ATTR_VOICE)
    if model.voice_key == ATTR_VOICE or voice_id in (None, configured.get(ATTR_VOICE)):
        voice_id = options.get(model.voice_key)
    if not voice_id and model.needs_voice:
        raise InvalidSettingError(code=model.voice_key)
    return str(voice_id or "")


def _parse_requested_format(
    options: Mapping[str, Any], requested: Model, model: Model, configured: Mapping[str, Any]
) -> AudioFormat | None:
    """Return the format that a call requests from the provider, or None to choose it by the output.

    None stands for the voice's own format, and for a format that the successor of a retired `requested` model lacks.
    """
    audio_format = options[CONF_FORMAT]
    if audio_format == default_format(configured):
        return None
    if audio_format not in (*requested.file_formats, *model.file_formats):
        raise InvalidSettingError(code=CONF_FORMAT)
    return AudioFormat(audio_format) if audio_format in model.formats else None


def _parse_requested_replacements(options: Mapping[str, Any], configured: Mapping[str, Any]) -> tuple[Replacement, ...]:
    """Return the replacements of a call, or the voice's own."""
    replacements = options.get(CONF_REPLACEMENTS, ())
    if replacements == configured.get(CONF_REPLACEMENTS):
        return _parse_configured_replacements(replacements)
    return parse_replacements(replacements)


def _parse_output_format(options: Mapping[str, Any]) -> OutputFormat:
    """Return the format that the player or satellite requests. Raises InvalidSettingError."""
    if not is_output_extension(options[ATTR_PREFERRED_FORMAT]):
        raise InvalidSettingError(code=ATTR_PREFERRED_FORMAT)
    rate, channels, width = (_parse_whole_number(options, key, allowed) for key, allowed in _SAMPLE_CONSTRAINTS.items())
    return OutputFormat(
        options[ATTR_PREFERRED_FORMAT],
        PcmConstraints(rate, channels, width),
        is_converted=_parse_whole_number(options, ATTR_PREFERRED_BITRATE, _BITRATES_KBPS) is not None,
    )


def _parse_fallbacks(value: Any) -> tuple[str, ...]:
    """Parse a list of entity IDs. Raises InvalidSettingError."""
    if not isinstance(value, list) or len(value) > _MAX_FALLBACKS:
        raise InvalidSettingError(code=CONF_FALLBACK)
    if not all(isinstance(entity_id, str) and len(entity_id) <= _MAX_ENTITY_ID_CHARS for entity_id in value):
        raise InvalidSettingError(code=CONF_FALLBACK)
    return tuple(value)


def _parse_whole_number(options: Mapping[str, Any], key: str, allowed: range) -> int | None:
    """Parse an optional whole number. Raises InvalidSettingError."""
    if options.get(key) is None:
        return None
    try:
        number = int(options[key])
    except (OverflowError, TypeError, ValueError) as err:
        raise InvalidSettingError(code=key) from err
    if number not in allowed:
        raise InvalidSettingError(code=key)
    return number
