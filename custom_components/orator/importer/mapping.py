"""Turn a voice of another integration into a voice of an Orator account, with settings that its model accepts."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any, Final

from homeassistant.const import CONF_MODEL
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..audio.effects import BuiltInChime
from ..catalog import Catalog
from ..chime_files import ChimeError
from ..chimes import async_get_chimes
from ..const import CONF_CHIME, CONF_FORMAT, CONF_VOICE
from ..providers.models import Model
from ..providers.options import Option
from ..voice_settings import NUMBER_OPTIONS, chime_loudness, default_format
from .models import FoundVoice

_COMPONENTS_FOLDER: Final = "custom_components"
"""Folder, in the configuration folder, of the integrations that bring chimes."""
_COPIES_FOLDER: Final = "orator/chimes"
"""Folder, in the configuration folder, of copied chimes."""


@dataclass(slots=True)
class PlannedVoice:
    """A voice that is to be imported."""

    found: FoundVoice
    data: dict[str, Any]
    """Data of the voice subentry."""
    model: Model
    """Model that the voice speaks with."""
    previous_model_id: str
    """Model in the other integration."""
    dropped: list[str] = field(default_factory=list)
    """Settings that the model does not support."""
    changed: list[str] = field(default_factory=list)
    """Settings that were changed to the nearest value that the model supports."""
    chime_note: str | None = None
    """What the user should know about the chime, as the key of a translated text."""
    copied_chime: Path | None = None
    """File of the other integration that is copied when the voice is imported."""

    def replace_chime(self) -> None:
        """Replace a chime that cannot be played with a built-in one."""
        self.data[CONF_CHIME], self.chime_note = BuiltInChime.THREE_TONE.value, "chime_missing"

    @property
    def voice_id(self) -> str:
        """The provider's ID of the voice."""
        return str(self.data[self.model.voice_key])


def has_replacement(catalog: Catalog, found: FoundVoice) -> bool:
    """Return whether the model of a voice has ended or ends soon, and another model can replace it."""
    return _replacement_of(catalog, catalog.model_for(found.settings)) is not None


def _replacement_of(catalog: Catalog, model: Model) -> Model | None:
    """Return the model that replaces a model that has ended or ends soon, if any."""
    if model.successor and model.ends_soon(dt_util.utcnow().date()):
        return model.successor
    is_listed = any(one.id == model.id for one in catalog.models)
    server = catalog.provider.server
    if not is_listed and catalog.document and server and server.is_service:
        return catalog.provider.initial_model(catalog.document)
    return None


def plan_voice(catalog: Catalog, found: FoundVoice, *, uses_replacement: bool) -> PlannedVoice:
    """Return a voice with settings that its model accepts, or with those of the model that replaces it."""
    provider = catalog.provider
    settings = dict(found.settings)
    model = previous = catalog.model_for(settings)
    if uses_replacement and (replacement := _replacement_of(catalog, model)):
        settings = dict(provider.migrate_settings(settings, replacement))
        if not model.successor:  # the voices of another model are unrelated
            settings[CONF_VOICE] = provider.initial_voice(replacement)
        model = catalog.model_for(settings)
    data: dict[str, Any] = {CONF_MODEL: model.id}
    data[model.voice_key] = _find_voice(model, settings[CONF_VOICE])
    planned = PlannedVoice(found, data, model, previous.id)
    for option in (*model.options, *NUMBER_OPTIONS):
        _add_option(planned, option)
    planned.dropped += [key for key in provider.option_keys if key in found.settings and key not in data]
    _add_format(planned)
    if chime := found.settings.get(CONF_CHIME):
        data[CONF_CHIME] = chime
    return planned


def _find_voice(model: Model, voice_id: str) -> str:
    """Return a voice ID as the model lists it; a voice that is not listed may exist, too."""
    if voice_id in model.voice_ids:
        return voice_id
    return next((listed for listed in model.voice_ids if listed.casefold() == voice_id.casefold()), voice_id)


def _add_option(planned: PlannedVoice, option: Option) -> None:
    """Add a setting of the voice, changed to the nearest value that the option accepts."""
    if (value := planned.found.settings.get(option.key)) is None:
        return
    if (nearest := option.nearest(value)) is None:
        return
    planned.data[option.key] = nearest
    if nearest != value:
        planned.changed.append(option.key)


def _add_format(planned: PlannedVoice) -> None:
    """Add the format, or the first one of a model that lacks it."""
    formats = [audio_format.value for audio_format in planned.model.file_formats]
    wanted = str(planned.found.settings.get(CONF_FORMAT, default_format({})))
    chosen = wanted if wanted in formats else formats[0]
    if chosen != wanted and CONF_FORMAT in planned.found.settings:
        planned.changed.append(CONF_FORMAT)
    if chosen != default_format({}):
        planned.data[CONF_FORMAT] = chosen


async def async_check_chime(hass: HomeAssistant, planned: PlannedVoice) -> None:
    """Find the file of the chime, or replace the chime with a built-in one if the file cannot be played.

    A file that the other integration brings has to be copied, because its folder is removed with the integration.
    """
    chime = planned.data.get(CONF_CHIME)
    if chime is None or chime in BuiltInChime or await _async_is_playable(hass, planned, chime):
        return
    brought = Path(hass.config.path(_COMPONENTS_FOLDER, chime))
    if await hass.async_add_executor_job(brought.is_file):
        planned.copied_chime, planned.chime_note = brought, "chime_copied"
        planned.data[CONF_CHIME] = f"{_COPIES_FOLDER}/{brought.name}"
    else:
        planned.replace_chime()


async def async_copy_chime(hass: HomeAssistant, planned: PlannedVoice) -> None:
    """Copy the chime that the other integration brings, or replace it with a built-in one if that fails."""
    if planned.copied_chime is None:
        return
    copy = Path(hass.config.path(planned.data[CONF_CHIME]))
    with suppress(OSError):
        await hass.async_add_executor_job(_copy, planned.copied_chime, copy)
    if not await _async_is_playable(hass, planned, planned.data[CONF_CHIME]):
        planned.replace_chime()


async def _async_is_playable(hass: HomeAssistant, planned: PlannedVoice, chime: str) -> bool:
    """Return whether a chime can be played."""
    try:
        await (await async_get_chimes(hass)).async_get(chime, chime_loudness(planned.data))
    except ChimeError:
        return False
    return True


def _copy(file: Path, copy: Path) -> None:
    """Copy a file, unless its copy exists. Raises OSError."""
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copyfile(file, copy)
