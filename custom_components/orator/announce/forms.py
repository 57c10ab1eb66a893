"""Fields and data of the forms for announcements and announcers."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN
from homeassistant.components.tts import DOMAIN as TTS_DOMAIN
from homeassistant.const import (
    ATTR_AREA_ID,
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
    CONF_ENTITY_ID,
    CONF_NAME,
    CONF_TARGET,
)
from homeassistant.helpers.selector import (
    EntityFilterSelectorConfig,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TargetSelector,
    TargetSelectorConfig,
    TextSelector,
    TimeSelector,
)
import voluptuous as vol

from ..audio.effects import BuiltInChime
from ..const import CONF_CHIME
from ..form_errors import FormError
from ..form_texts import FormTexts
from ..providers.errors import InvalidSettingError
from ..providers.options import parse_id
from ..schema import NamePicker, NumberField
from .models import Priority, QuietBehavior
from .settings import (
    CONF_PLAYERS,
    CONF_PRIORITY,
    CONF_QUIET,
    CONF_QUIET_END,
    CONF_QUIET_SCHEDULE,
    CONF_QUIET_START,
    CONF_SAME_SPEAKER,
    CONF_VOICE_ENTITY,
    CONF_VOLUME_LEVEL,
    NO_CHIME,
)

FIELD_QUIET_HOURS: Final = "quiet_hours"
FIELD_VOLUME: Final = "volume"
"""Volume in percent, as Home Assistant shows it; the stored volume is from 0 to 1, as in its actions."""


class QuietHours(StrEnum):
    """How quiet hours are set."""

    OFF = "off"
    TIMES = "times"
    SCHEDULE = "schedule"


_QUIET_HOURS_KEYS: Final = (CONF_QUIET, CONF_QUIET_START, CONF_QUIET_END, CONF_QUIET_SCHEDULE)
_SUGGESTED_TIMES: Final = {CONF_QUIET_START: "22:00:00", CONF_QUIET_END: "07:00:00"}
_SCHEDULE_DOMAINS: Final = ["schedule", "input_boolean", "binary_sensor"]
_SPEAKER_DOMAINS: Final = [MEDIA_PLAYER_DOMAIN, "assist_satellite"]
_TARGET_KEYS: Final = (ATTR_ENTITY_ID, ATTR_DEVICE_ID, ATTR_AREA_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID)
_MAX_PERCENT: Final = 100


def announcements_schema() -> vol.Schema:
    """Return the fields of the settings of all announcements, except how quiet hours are set."""
    return vol.Schema(
        {
            vol.Optional(CONF_VOICE_ENTITY): _voice_selector(),
            vol.Required(FIELD_QUIET_HOURS, default=QuietHours.OFF.value): _select(FIELD_QUIET_HOURS, list(QuietHours)),
            vol.Optional(CONF_PLAYERS): ObjectSelector(
                ObjectSelectorConfig(
                    multiple=True,
                    fields={
                        # Home Assistant 2026.3 accepts only dictionaries as selectors here.
                        CONF_ENTITY_ID: ObjectSelectorField(
                            required=True, selector={"entity": {"domain": _SPEAKER_DOMAINS}}
                        ),
                        FIELD_VOLUME: ObjectSelectorField(
                            selector={"number": {"mode": "box", "unit_of_measurement": "%"}}
                        ),
                        CONF_SAME_SPEAKER: ObjectSelectorField(selector={"entity": {"domain": _SPEAKER_DOMAINS}}),
                    },
                    label_field=CONF_ENTITY_ID,
                    translation_key=CONF_PLAYERS,
                )
            ),
        }
    )


def quiet_hours_schema(quiet_hours: QuietHours) -> vol.Schema:
    """Return the fields for one way of setting quiet hours."""
    fields: Mapping[QuietHours, dict[vol.Marker, Any]] = {
        QuietHours.TIMES: {vol.Required(key, default=time): TimeSelector() for key, time in _SUGGESTED_TIMES.items()},
        QuietHours.SCHEDULE: {
            vol.Required(CONF_QUIET_SCHEDULE): EntitySelector(EntitySelectorConfig(domain=_SCHEDULE_DOMAINS))
        },
    }
    behavior = vol.Required(CONF_QUIET, default=QuietBehavior.SKIP.value)
    return vol.Schema({**fields[quiet_hours], behavior: _select(CONF_QUIET, list(QuietBehavior))})


def announcements_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field values of stored settings."""
    quiet_hours = QuietHours.TIMES if CONF_QUIET_START in options else QuietHours.OFF
    return {
        **options,
        FIELD_QUIET_HOURS: QuietHours.SCHEDULE.value if CONF_QUIET_SCHEDULE in options else quiet_hours.value,
        CONF_PLAYERS: [_with_percent(player) for player in options.get(CONF_PLAYERS, [])],
    }


def parse_announcements(entered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings to store, except quiet hours. Raises FormError."""
    voice = {CONF_VOICE_ENTITY: entered[CONF_VOICE_ENTITY]} if entered.get(CONF_VOICE_ENTITY) else {}
    players = _parse_players(entered.get(CONF_PLAYERS) or [])
    return voice | ({CONF_PLAYERS: players} if players else {})


def parse_quiet_hours(entered: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of quiet hours to store. Raises FormError."""
    if CONF_QUIET_START in entered and entered[CONF_QUIET_START] == entered[CONF_QUIET_END]:
        raise FormError("times_equal", CONF_QUIET_END)
    return {key: entered[key] for key in _QUIET_HOURS_KEYS if key in entered}


def _parse_players(entered: list[dict[str, Any]]) -> list[dict[str, Any]]:
    players: dict[str, dict[str, Any]] = {}
    for item in entered:
        entity_id = item[CONF_ENTITY_ID]
        if entity_id in players:
            raise FormError("player_twice", CONF_PLAYERS, player=entity_id)
        player = players[entity_id] = {CONF_ENTITY_ID: entity_id}
        if item.get(FIELD_VOLUME) is not None:
            player[CONF_VOLUME_LEVEL] = _parse_volume(item[FIELD_VOLUME], CONF_PLAYERS)
        if other := item.get(CONF_SAME_SPEAKER):
            if other == entity_id:
                raise FormError("same_player", CONF_PLAYERS, player=entity_id)
            player[CONF_SAME_SPEAKER] = other
    return list(players.values())


def announcer_schema(texts: FormTexts) -> vol.Schema:
    """Return the fields of an announcer."""
    volume = NumberSelectorConfig(min=0, max=_MAX_PERCENT, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement="%")
    return vol.Schema(
        {
            vol.Required(CONF_NAME): TextSelector(),
            vol.Required(CONF_TARGET): TargetSelector(
                TargetSelectorConfig(entity=[EntityFilterSelectorConfig(domain=_SPEAKER_DOMAINS)])
            ),
            vol.Optional(CONF_VOICE_ENTITY): _voice_selector(),
            vol.Optional(FIELD_VOLUME): NumberField(volume),
            vol.Optional(CONF_CHIME): _chime_picker(texts),
            vol.Required(CONF_PRIORITY, default=_priority_name(Priority.NORMAL)): _select(
                CONF_PRIORITY, [_priority_name(priority) for priority in Priority]
            ),
            vol.Optional(CONF_QUIET): _select(CONF_QUIET, list(QuietBehavior)),
        }
    )


def announcer_values(name: str, data: Mapping[str, Any], texts: FormTexts) -> dict[str, Any]:
    """Return the field values of the stored settings of an announcer."""
    values = {CONF_NAME: name, **_with_percent(data)}
    if CONF_CHIME in values:
        values[CONF_CHIME] = _chime_picker(texts).name(values[CONF_CHIME])
    return values


def parse_announcer(entered: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of an announcer and the settings to store. Raises FormError."""
    try:
        name = parse_id(CONF_NAME, entered[CONF_NAME].strip())
    except InvalidSettingError as err:
        raise FormError("invalid_text", CONF_NAME) from err
    target = {key: value for key, value in entered[CONF_TARGET].items() if value}
    if not any(key in target for key in _TARGET_KEYS):
        raise FormError("target_missing", CONF_TARGET)
    data: dict[str, Any] = {CONF_TARGET: target}
    if entered.get(FIELD_VOLUME) is not None:
        data[CONF_VOLUME_LEVEL] = _parse_volume(entered[FIELD_VOLUME], FIELD_VOLUME)
    data |= {key: entered[key] for key in (CONF_VOICE_ENTITY, CONF_CHIME, CONF_QUIET) if entered.get(key)}
    if entered[CONF_PRIORITY] != _priority_name(Priority.NORMAL):
        data[CONF_PRIORITY] = entered[CONF_PRIORITY]
    return name, data


def _voice_selector() -> EntitySelector:
    return EntitySelector(EntitySelectorConfig(domain=TTS_DOMAIN))


def _select(key: str, options: list[str]) -> SelectSelector:
    """Return a dropdown, whose options have texts under this key."""
    mode = SelectSelectorMode.DROPDOWN
    return SelectSelector(SelectSelectorConfig(options=options, mode=mode, translation_key=key))


def _chime_picker(texts: FormTexts) -> NamePicker:
    return NamePicker({name: texts.option(CONF_CHIME, name) for name in (NO_CHIME, *BuiltInChime)})


def _priority_name(priority: Priority) -> str:
    return priority.name.lower()


def _parse_volume(percent: float, key: str) -> float:
    """Return a volume from 0 to 1. Raises FormError."""
    if not 0 <= percent <= _MAX_PERCENT:
        raise FormError("volume_out_of_range", key)
    return percent / _MAX_PERCENT


def _with_percent(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored settings with the volume in percent."""
    values = dict(stored)
    if (level := values.pop(CONF_VOLUME_LEVEL, None)) is not None:
        values[FIELD_VOLUME] = round(level * _MAX_PERCENT, 1)
    return values
