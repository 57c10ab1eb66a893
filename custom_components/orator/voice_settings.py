"""What people can have done to speech: the settings of a voice, and the options of a call."""

from collections.abc import Mapping
from typing import Any, Final

from .audio.effects import CHIME_LUFS, Chime, Effects
from .chime_files import ChimeError
from .chimes import ChimeLibrary
from .const import CONF_CHIME, CONF_CHIME_AFTER, CONF_GAIN, CONF_LEAD_IN, CONF_LOUDNESS, CONF_TAIL
from .pipeline.loudness import LoudnessTracker
from .pipeline.post_processing import PostProcessing
from .providers.errors import InvalidSettingError
from .providers.options import NumberOption

CHIME_OPTIONS: Final = (CONF_CHIME, CONF_CHIME_AFTER)
NUMBER_OPTIONS: Final = (
    NumberOption(CONF_LEAD_IN, 0, 5000, 50, 0),
    NumberOption(CONF_TAIL, 0, 5000, 50, 0),
    NumberOption(CONF_GAIN, -20, 20, 0.5, 0),
    NumberOption(CONF_LOUDNESS, -30, -12, 0.5, -18),
)
EFFECT_OPTIONS: Final = (*CHIME_OPTIONS, *(number.key for number in NUMBER_OPTIONS))

_OFF: Final = ("", "none", "off", "false")
"""What a call says to do without what its voice has."""


def parse_effects(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the settings that are effects, as far as they are on. Raises InvalidSettingError."""
    given = {key: settings[key] for key in EFFECT_OPTIONS if not _is_off(settings.get(key))}
    parsed: dict[str, Any] = {
        number.key: number.parse(given[number.key]) for number in NUMBER_OPTIONS if number.key in given
    }
    for key in CHIME_OPTIONS:
        if key in given:
            if not isinstance(given[key], str):
                raise InvalidSettingError(code=key)
            parsed[key] = given[key].strip()
    return {key: value for key, value in parsed.items() if value}


def configured_chimes(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the chimes that are on."""
    return frozenset(str(settings[key]).strip() for key in CHIME_OPTIONS if not _is_off(settings.get(key)))


def _is_off(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str) and value.strip().lower() in _OFF)


def chime_loudness(wanted: Mapping[str, Any]) -> float:
    """Return how loud chimes are, in LUFS: as speech is meant to be."""
    loudness: float = wanted.get(CONF_LOUDNESS, CHIME_LUFS) + wanted.get(CONF_GAIN, 0)
    return loudness


async def async_load_post_processing(
    chimes: ChimeLibrary, wanted: Mapping[str, Any], levels: LoudnessTracker
) -> tuple[PostProcessing, dict[str, ChimeError | None]]:
    """Return what is to be done to speech, and which chimes there were, each with what keeps it from being played.

    `wanted` comes from `parse`.
    """
    played: dict[str, Chime] = {}
    told: dict[str, ChimeError | None] = {}
    for key in CHIME_OPTIONS:
        if name := wanted.get(key):
            try:
                played[key] = await chimes.async_get(name, chime_loudness(wanted))
                told[name] = None
            except ChimeError as err:
                told[name] = err
    effects = Effects(
        lead_in=wanted.get(CONF_LEAD_IN, 0) / 1000,
        chime_before=played.get(CONF_CHIME),
        chime_after=played.get(CONF_CHIME_AFTER),
        tail=wanted.get(CONF_TAIL, 0) / 1000,
    )
    return PostProcessing(effects, wanted.get(CONF_GAIN, 0), wanted.get(CONF_LOUDNESS), levels), told
