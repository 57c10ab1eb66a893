"""The fields of the forms, built from the options that a model and its provider declare."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

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
from .const import CONF_CHIME, CONF_CLEAN_TEXT, CONF_FALLBACK, CONF_FORMAT, CONF_REPLACEMENTS, CONF_SPOKEN_UNITS
from .coordinator import Catalog
from .providers.models import Model, Voice
from .providers.options import ChoiceOption, LanguageOption, NumberOption, ObjectOption, Option, TextOption
from .voice_settings import CHIME_OPTIONS, NUMBER_OPTIONS, POST_PROCESSING_OPTIONS

SECTION_ADVANCED: Final = "advanced"
SECTION_POST_PROCESSING: Final = "effects"

_MAX_SINGLE_LINE_CHARS: Final = 200
"""Maximum length of text in a single-line field; longer text gets a multiline field."""
_FORMAT_LABELS: Final = {AudioFormat.OPUS: "Opus", AudioFormat.OGG: "Ogg"}


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


def model_schema(catalog: Catalog, settings: Mapping[str, Any]) -> vol.Schema:
    """Return the model field, and a section with the choices to make together with the model."""
    marker, selector = model_field(catalog, settings.get(CONF_MODEL))
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
        vol.Required(choice.key, default=settings.get(choice.key, choice.default)): _selector(choice)
        for choice in choices
    }


def model_field(catalog: Catalog, model_id: str | None = None) -> tuple[vol.Required, SelectSelector]:
    """Return the marker and the selector of the model field."""
    options = [SelectOptionDict(value=model.id, label=model_label(model)) for model in catalog.models]
    default = model_id or catalog.provider.initial_model(catalog.document).id
    return vol.Required(CONF_MODEL, default=default), _dropdown(options, takes_other_values=True)


def model_label(model: Model) -> str:
    """Return a model's name and, if known, its price."""
    price = model.price
    if price is None or not price.per_thousand_chars:
        return model.name
    return f"{model.name} · {price.per_thousand_chars * 1000:.4g} {price.currency} / 1M"


def voice_field(catalog: Catalog, model: Model) -> tuple[vol.Marker, SelectSelector]:
    """Return the marker and the selector of the voice field, which is optional if the provider has a default voice."""
    labels = [_voice_label(voice) for voice in model.voices]
    counts = Counter(labels)
    options = [
        SelectOptionDict(value=voice.id, label=label if counts[label] == 1 else f"{label} ({voice.id})")
        for voice, label in zip(model.voices, labels, strict=True)
    ]
    selector = _dropdown(options, takes_other_values=True)
    if not model.needs_voice:
        return vol.Optional(model.voice_key), selector
    return vol.Required(model.voice_key, default=suggested_voice(catalog, model) or vol.UNDEFINED), selector


def _voice_label(voice: Voice) -> str:
    """Return a voice's name and, if it is limited to some, its languages."""
    return f"{voice.name} ({', '.join(voice.languages)})" if voice.languages else voice.name


def voice_schema(catalog: Catalog, model: Model) -> vol.Schema:
    """Return all settings of a voice that the model supports, except the model itself."""
    marker, selector = voice_field(catalog, model)
    formats = [
        SelectOptionDict(value=audio_format, label=_FORMAT_LABELS.get(audio_format, audio_format.upper()))
        for audio_format in model.file_formats
    ]
    return vol.Schema(
        {
            marker: selector,
            vol.Optional(CONF_NAME): TextSelector(),
            vol.Required(CONF_FORMAT, default=formats[0]["value"]): _dropdown(formats),
            **{vol.Optional(option.key): _selector(option) for option in model.options},
            vol.Optional(CONF_FALLBACK): EntitySelector(EntitySelectorConfig(domain=tts.DOMAIN, multiple=True)),
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
            vol.Optional(SECTION_POST_PROCESSING): section(vol.Schema(_post_processing_fields()), {"collapsed": True}),
        }
    )


def _post_processing_fields() -> dict[vol.Marker, Selector[Any]]:
    """Return the fields of the post-processing settings."""
    chime = SelectSelector(
        SelectSelectorConfig(
            options=list(BuiltInChime), mode=SelectSelectorMode.DROPDOWN, custom_value=True, translation_key=CONF_CHIME
        )
    )
    return {
        **{vol.Optional(key): chime for key in CHIME_OPTIONS},
        **{vol.Optional(number.key): _selector(number) for number in NUMBER_OPTIONS},
    }


def form_values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as form values: post-processing is in its section."""
    post_processing = {key: settings[key] for key in POST_PROCESSING_OPTIONS if key in settings}
    return {SECTION_POST_PROCESSING: post_processing, **settings}


def _dropdown(options: list[SelectOptionDict], *, takes_other_values: bool = False) -> SelectSelector:
    """Return a dropdown list."""
    return SelectSelector(
        SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, custom_value=takes_other_values)
    )


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
            return NumberSelector(
                NumberSelectorConfig(
                    min=option.minimum, max=option.maximum, step=option.step, mode=NumberSelectorMode.BOX
                )
            )
        case ObjectOption():
            return ObjectSelector()
        case LanguageOption():
            return TextSelector()
        case TextOption():
            return TextSelector(TextSelectorConfig(multiline=option.max_chars > _MAX_SINGLE_LINE_CHARS))
    msg = f"no selector for {type(option).__name__}"
    raise TypeError(msg)
