"""The fields of the forms, built from the options that a model and its provider declare."""

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import copy
from functools import partial
from itertools import chain
from typing import Any, Final, override

from homeassistant.components import tts
from homeassistant.const import CONF_MODEL, CONF_NAME
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectOptionDict,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from .audio.effects import BuiltInChime
from .audio.formats import AudioFormat
from .catalog import Catalog
from .const import (
    CONF_CHIME,
    CONF_CLEAN_TEXT,
    CONF_FALLBACK,
    CONF_FORMAT,
    CONF_REPLACEMENTS,
    CONF_SENTENCE_CACHE,
    CONF_SPEECH_TAGS,
    CONF_SPOKEN_UNITS,
)
from .form_texts import FormTexts
from .providers.models import Model, Voice
from .providers.options import (
    ChoiceOption,
    LanguageOption,
    NumberOption,
    ObjectOption,
    Option,
    OptionGroup,
    TextOption,
)
from .voice_settings import CHIME_OPTIONS, NUMBER_OPTIONS

SECTION_ADVANCED: Final = OptionGroup.ADVANCED.value
SECTION_FINE_TUNING: Final = OptionGroup.FINE_TUNING.value
SECTION_POST_PROCESSING: Final = "effects"

_MAX_SINGLE_LINE_CHARS: Final = 200
"""Maximum length of text in a single-line field; longer text gets a multiline field."""
_FORMAT_LABELS: Final = {AudioFormat.OPUS: "Opus", AudioFormat.OGG: "Ogg"}


class NamePicker(SelectSelector):
    """A dropdown of names that also accepts an ID that is not listed. Its validated value is always an ID.

    While such a dropdown is closed, the frontend shows its value. So names are the values, and must be unique.
    """

    def __init__(self, names: Mapping[str, str], short_names: Mapping[str, str] | None = None) -> None:
        """Initialize the picker with names by ID, and with shorter names that users may type if they are unique."""
        self.names = _unique_names(names)
        self._ids = {name: key for key, name in self.names.items()}
        self._typed_ids = _unambiguous_ids(self.names, {key: key for key in self.names}, short_names or {})
        super().__init__(
            SelectSelectorConfig(
                options=[SelectOptionDict(value=name, label=name) for name in self._ids],
                mode=SelectSelectorMode.DROPDOWN,
                custom_value=True,
            )
        )

    def name(self, value: str) -> str:
        """Return the name of an ID, or the ID itself if it is not listed."""
        return self.names.get(value, value)

    @override
    def __call__(self, data: Any) -> str:
        typed = str(super().__call__(data)).strip()
        if typed in self.names:
            return typed
        return self._ids.get(typed, self._typed_ids.get(typed.casefold(), typed))


def _unique_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return names by ID, with the ID added to a name that another thing has as its name or ID."""
    names = {key: name.strip() or key for key, name in names.items()}
    counts = Counter(name.casefold() for name in names.values())
    unique: dict[str, str] = {}
    taken: set[str] = set()
    for key, name in names.items():
        label = name if counts[name.casefold()] == 1 else f"{name} ({key})"
        while label in taken or (label != key and label in names):
            label = f"{label} ({key})"
        unique[key] = label
        taken.add(label)
    return unique


def _unambiguous_ids(*sources: Mapping[str, str]) -> dict[str, str]:
    """Return the IDs by case-folded name; an ambiguous name is left out, and earlier sources take precedence."""
    found: dict[str, str] = {}
    for names in sources:
        folded = {key: name.strip().casefold() for key, name in names.items()}
        counts = Counter(folded.values())
        found = {name: key for key, name in folded.items() if counts[name] == 1} | found
    return found


class NumberField(NumberSelector):
    """A number field that accepts numbers out of its range: the step reports them at the field, in the user's words."""

    @override
    def __call__(self, data: Any) -> Any:
        return data


def suggested_voice(catalog: Catalog, model: Model) -> str:
    """Return the ID of the voice to select first, or "" if the model lists no voices."""
    return catalog.provider.initial_voice(model) if model.voices else ""


def voice_title(catalog: Catalog, model: Model, voice_id: str) -> str:
    """Return the default title of a voice."""
    return f"{catalog.provider.name} {model.voice_name(voice_id) or model.name}"


def choice_schema(catalog: Catalog, settings: Mapping[str, Any]) -> vol.Schema:
    """Return the choices to make before the model; empty if there are none."""
    choices = [choice for choice in catalog.provider.choices if choice.precedes_model]
    initial = catalog.provider.initial_voice_settings(catalog.document) or {}
    return vol.Schema(_choice_fields(choices, {**initial, **settings}))


def model_schema(catalog: Catalog, texts: FormTexts, settings: Mapping[str, Any]) -> vol.Schema:
    """Return the model field, and a section with the choices to make together with the model."""
    marker, selector = model_field(catalog, texts, settings.get(CONF_MODEL))
    fields: dict[vol.Marker, object] = {marker: selector}
    if choices := [choice for choice in catalog.provider.choices if not choice.precedes_model]:
        has_defaults = all(settings.get(choice.key, choice.default) == choice.default for choice in choices)
        fields[vol.Required(SECTION_ADVANCED)] = section(
            vol.Schema(_choice_fields(choices, settings)), {"collapsed": has_defaults}
        )
    return vol.Schema(fields)


def _choice_fields(choices: Iterable[ChoiceOption], settings: Mapping[str, Any]) -> dict[vol.Marker, Selector[Any]]:
    """Return a field for each choice, with its setting as the default."""
    return {
        vol.Required(choice.key, default=_offered_choice(choice, settings)): _selector(choice) for choice in choices
    }


def _offered_choice(choice: ChoiceOption, settings: Mapping[str, Any]) -> str:
    """Return the setting of a choice, or its default if the setting is not among the choices."""
    value = settings.get(choice.key)
    return value if value in choice.choices else choice.default


def model_field(catalog: Catalog, texts: FormTexts, model_id: str | None = None) -> tuple[vol.Required, NamePicker]:
    """Return the marker and the picker of the model field."""
    models = catalog.models
    picker = NamePicker({model.id: texts.model(model) for model in models}, {model.id: model.name for model in models})
    default = model_id or catalog.provider.initial_model(catalog.document).id
    return vol.Required(CONF_MODEL, default=picker.name(default)), picker


def voice_field(catalog: Catalog, model: Model) -> tuple[vol.Marker, NamePicker]:
    """Return the marker and the picker of the voice field, which is optional if the provider has a default voice."""
    picker = NamePicker(
        {voice.id: _voice_label(voice) for voice in model.voices}, {voice.id: voice.name for voice in model.voices}
    )
    if not model.needs_voice:
        return vol.Optional(model.voice_key), picker
    default = suggested_voice(catalog, model)
    return vol.Required(model.voice_key, default=picker.name(default) if default else vol.UNDEFINED), picker


def _voice_label(voice: Voice) -> str:
    """Return a voice's name and, if it is limited to some, its languages."""
    return f"{voice.name} ({', '.join(voice.languages)})" if voice.languages else voice.name


def voice_schema(  # noqa: PLR0913
    catalog: Catalog,
    model: Model,
    texts: FormTexts,
    values: Mapping[str, Any],
    *,
    own_entity_id: str | None = None,
    error_field: str | None = None,
) -> vol.Schema:
    """Return all settings of a voice that the model supports, except the model itself, with their values.

    The entity of the voice is not offered as its own fallback.
    A section is open if it contains a value other than its default, or the field with an error.
    """
    marker, picker = voice_field(catalog, model)
    fields: dict[vol.Marker, Any] = {
        marker: picker,
        vol.Optional(CONF_NAME): TextSelector(),
        vol.Optional(CONF_FALLBACK): EntitySelector(
            EntitySelectorConfig(
                domain=tts.DOMAIN,
                exclude_entities=[own_entity_id] if own_entity_id else [],
                multiple=True,
                reorder=True,
            )
        ),
        **_option_fields(model, OptionGroup.COMMON),
    }
    sections = {
        SECTION_POST_PROCESSING: _post_processing_fields(texts),
        SECTION_FINE_TUNING: {**_option_fields(model, OptionGroup.FINE_TUNING), **_text_fields()},
        SECTION_ADVANCED: {
            **_format_field(model),
            vol.Required(CONF_SENTENCE_CACHE, default=True): BooleanSelector(),
            **_option_fields(model, OptionGroup.ADVANCED),
        },
    }
    offered = dict(chain(fields.items(), *(contained.items() for contained in sections.values())))
    values = {key: value for key, value in values.items() if _is_offered(offered.get(key), value)}
    if own_entity_id in values.get(CONF_FALLBACK, ()):
        values[CONF_FALLBACK] = [entity_id for entity_id in values[CONF_FALLBACK] if entity_id != own_entity_id]
    fields = _with_values(fields, values)
    for key, contained in sections.items():
        is_open = error_field in contained or any(map(partial(_has_value, values), contained))
        fields[vol.Optional(key)] = section(vol.Schema(_with_values(contained, values)), {"collapsed": not is_open})
    return vol.Schema(fields)


def flatten_sections(entered: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was entered in a form and its sections, without the fields that are empty."""
    flat = dict(entered)
    for key in (SECTION_POST_PROCESSING, SECTION_FINE_TUNING, SECTION_ADVANCED):
        flat |= flat.pop(key, None) or {}
    return {key: value for key, value in flat.items() if value not in (None, "")}


def section_of(schema: vol.Schema, field: str) -> str | None:
    """Return the section of a form that contains a field, if any."""
    sections = {str(key): value for key, value in schema.schema.items() if isinstance(value, section)}
    return next((key for key, contained in sections.items() if field in contained.schema.schema), None)


def _with_values(fields: Mapping[vol.Marker, Any], values: Mapping[str, Any]) -> dict[vol.Marker, Any]:
    """Return fields that suggest the given values."""
    suggested: dict[vol.Marker, Any] = {}
    for marker, selector in fields.items():
        key = str(marker)
        if key in values:
            value = selector.name(values[key]) if isinstance(selector, NamePicker) else values[key]
            marker = copy(marker)  # noqa: PLW2901 - the markers of a schema are not changed
            marker.description = {"suggested_value": value}
        suggested[marker] = selector
    return suggested


def _is_offered(selector: object, value: Any) -> bool:
    """Return whether a field can show a value: a list of options shows no other value, for example a lost format."""
    if not isinstance(selector, SelectSelector) or selector.config["custom_value"]:
        return True
    try:
        selector(value)
    except vol.Invalid:
        return False
    return True


def _has_value(values: Mapping[str, Any], marker: vol.Marker) -> bool:
    """Return whether the value of a field differs from its default."""
    default = None if isinstance(marker.default, vol.Undefined) else marker.default()
    return values.get(str(marker), default) not in (default, None, [], {})


def _option_fields(model: Model, group: OptionGroup) -> dict[vol.Marker, Selector[Any]]:
    """Return the fields of a model's options that belong to a group."""
    return {vol.Optional(option.key): _selector(option) for option in model.options if option.group is group}


def _format_field(model: Model) -> dict[vol.Marker, Selector[Any]]:
    """Return the field of the audio format."""
    formats = [
        SelectOptionDict(value=audio_format, label=_FORMAT_LABELS.get(audio_format, audio_format.upper()))
        for audio_format in model.file_formats
    ]
    selector = SelectSelector(SelectSelectorConfig(options=formats, mode=SelectSelectorMode.DROPDOWN))
    return {vol.Required(CONF_FORMAT, default=formats[0]["value"]): selector}


def _text_fields() -> dict[vol.Marker, Selector[Any]]:
    """Return the fields that change the text before it is spoken."""
    return {
        vol.Required(CONF_CLEAN_TEXT, default=True): BooleanSelector(),
        vol.Optional(CONF_REPLACEMENTS): ObjectSelector(
            ObjectSelectorConfig(
                multiple=True,
                fields={
                    # Home Assistant 2026.3 accepts only dictionaries as selectors here.
                    "find": ObjectSelectorField(required=True, selector={"text": {}}),
                    "say": ObjectSelectorField(selector={"text": {}}),
                },
                label_field="find",
                description_field="say",
                translation_key=CONF_REPLACEMENTS,
            )
        ),
        vol.Required(CONF_SPOKEN_UNITS, default=False): BooleanSelector(),
        vol.Required(CONF_SPEECH_TAGS, default=False): BooleanSelector(),
    }


def _post_processing_fields(texts: FormTexts) -> dict[vol.Marker, Selector[Any]]:
    """Return the fields of the post-processing settings."""
    chime = NamePicker({name: texts.option(CONF_CHIME, name) for name in BuiltInChime})
    return {
        **{vol.Optional(key): chime for key in CHIME_OPTIONS},
        **{vol.Optional(number.key): _selector(number) for number in NUMBER_OPTIONS},
    }


def _selector(option: Option) -> Selector[Any]:
    """Return the selector for an option of a model or provider."""
    match option:
        case ChoiceOption():
            return SelectSelector(
                SelectSelectorConfig(
                    options=list(option.choices), mode=SelectSelectorMode.LIST, translation_key=option.key
                )
            )
        case NumberOption():
            config = NumberSelectorConfig(
                min=option.minimum, max=option.maximum, step=option.step, mode=NumberSelectorMode.BOX
            )
            if option.unit:
                config["unit_of_measurement"] = option.unit
            return NumberField(config)
        case ObjectOption():
            return ObjectSelector()
        case LanguageOption():
            return TextSelector()
        case TextOption():
            return TextSelector(TextSelectorConfig(multiline=option.max_chars > _MAX_SINGLE_LINE_CHARS))
    msg = f"no selector for {type(option).__name__}"
    raise TypeError(msg)
