"""Forms built from what a model declares, so that a field which the model ignores is not shown."""

from collections import Counter
from collections.abc import Iterator, Mapping
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
from .const import CONF_CHIME, CONF_CLEAN_TEXT, CONF_FALLBACK, CONF_FORMAT, CONF_REPLACEMENTS
from .coordinator import Catalog
from .providers.models import Model, Voice
from .providers.options import ChoiceOption, IntegerChoiceOption, NumberOption, ObjectOption, Option, TextOption
from .voice_settings import CHIME_OPTIONS, EFFECT_OPTIONS, NUMBER_OPTIONS

SECTION_ADVANCED: Final = "advanced"
SECTION_EFFECTS: Final = "effects"

_LINE: Final = 200
"""Characters up to which a text needs no more than a line."""
_FORMAT_LABELS: Final = {AudioFormat.OPUS: "Opus", AudioFormat.OGG: "Ogg"}


def default_model(offer: Catalog) -> Model:
    """Return the model to begin with: the provider's usual one where it is offered and can speak."""
    usual = offer.model(offer.provider.default_model)
    offered = offer.models
    is_offered = usual.is_connected and usual.id in [model.id for model in offered]
    return usual if is_offered or not offered else offered[0]


def default_voice(offer: Catalog, model: Model) -> str | vol.Undefined:
    """Return the voice to begin with: the provider's usual one where the model knows it, none where none is known."""
    known = [voice.id for voice in model.voices]
    usual = offer.provider.default_voice
    if usual in known:
        return usual
    return known[0] if known else vol.UNDEFINED


def voice_title(offer: Catalog, model: Model, voice_id: str) -> str:
    """Return what a voice is called until its user names it."""
    name = next((voice.name for voice in model.voices if voice.id == voice_id), voice_id)
    return f"{offer.provider.name} {name}"


def choice_schema(offer: Catalog, chosen: Mapping[str, Any]) -> vol.Schema:
    """Ask what decides whether there is a model to choose; empty where nothing does."""
    return vol.Schema(
        {
            vol.Required(choice.key, default=chosen.get(choice.key, _first_choice(offer, choice))): _selector(choice)
            for choice in offer.provider.choices
            if choice.precedes_model
        }
    )


def _first_choice(offer: Catalog, choice: ChoiceOption) -> str:
    """Return what to choose at first: what the account's first voice would."""
    usual = offer.provider.initial_voice_settings(offer.document) or {}
    return str(usual.get(choice.key, choice.default))


def model_schema(offer: Catalog, chosen: Mapping[str, Any]) -> vol.Schema:
    """Ask which model speaks, and what its provider wants to be decided with it."""
    marker, selector = model_field(offer, chosen.get(CONF_MODEL))
    fields: dict[vol.Marker, object] = {marker: selector}
    if choices := [choice for choice in offer.provider.choices if not choice.precedes_model]:
        is_usual = all(chosen.get(choice.key, choice.default) == choice.default for choice in choices)
        fields[vol.Required(SECTION_ADVANCED)] = section(
            vol.Schema(
                {
                    vol.Required(choice.key, default=chosen.get(choice.key, choice.default)): _selector(choice)
                    for choice in choices
                }
            ),
            {"collapsed": is_usual},
        )
    return vol.Schema(fields)


def model_field(offer: Catalog, chosen: str | None = None) -> tuple[vol.Required, SelectSelector]:
    """Ask for a model."""
    options = [SelectOptionDict(value=model.id, label=model_label(model)) for model in offer.models]
    return vol.Required(CONF_MODEL, default=chosen or default_model(offer).id), _dropdown(options, is_open=True)


def model_label(model: Model) -> str:
    """Return a model's name and, where known, what it costs."""
    price = model.price
    if price is None or not price.per_thousand_chars:
        return model.name
    return f"{model.name} · {price.per_thousand_chars * 1000:.4g} {price.currency} / 1M"


def _voice_label(voice: Voice) -> str:
    """Return a voice's name and, where it speaks only some, its languages."""
    return f"{voice.name} ({', '.join(voice.languages)})" if voice.languages else voice.name


def voice_field(offer: Catalog, model: Model) -> tuple[vol.Required, SelectSelector]:
    """Ask who speaks."""
    names = Counter(_voice_label(voice) for voice in model.voices)
    voices = [
        SelectOptionDict(value=voice.id, label=name if names[name] == 1 else f"{name} ({voice.id})")
        for voice in model.voices
        for name in [_voice_label(voice)]
    ]
    return vol.Required(model.voice_key, default=default_voice(offer, model)), _dropdown(voices, is_open=True)


def voice_schema(offer: Catalog, model: Model) -> vol.Schema:
    """Ask how a model speaks: in whose voice, in which format, and with what else it can be told."""
    marker, selector = voice_field(offer, model)
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
                        # Home Assistant 2026.3 takes only descriptions of selectors here.
                        "find": ObjectSelectorField(required=True, selector={"text": {}}),
                        "say": ObjectSelectorField(selector={"text": {}}),
                    },
                    label_field="find",
                    description_field="say",
                    translation_key=CONF_REPLACEMENTS,
                )
            ),
            vol.Optional(SECTION_EFFECTS): section(
                vol.Schema({vol.Optional(key): field for key, field in _effect_fields()}), {"collapsed": True}
            ),
        }
    )


def _effect_fields() -> Iterator[tuple[str, Selector[Any]]]:
    """Yield what can be done to speech."""
    chime = SelectSelectorConfig(
        options=list(BuiltInChime), mode=SelectSelectorMode.DROPDOWN, custom_value=True, translation_key=CONF_CHIME
    )
    yield from ((key, SelectSelector(chime)) for key in CHIME_OPTIONS)
    yield from ((number.key, _selector(number)) for number in NUMBER_OPTIONS)


def form_values(model: Model, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the fields of a form show them: a list to choose from knows only words."""
    values = [option.key for option in model.options if isinstance(option, IntegerChoiceOption)]
    effects = {key: settings[key] for key in EFFECT_OPTIONS if key in settings}
    return {SECTION_EFFECTS: effects, **settings, **{key: str(settings[key]) for key in values if key in settings}}


def _dropdown(options: list[SelectOptionDict], *, is_open: bool = False) -> SelectSelector:
    """Offer a choice; an open one also takes what is typed."""
    return SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, custom_value=is_open))


def _selector(
    option: Option,
) -> (
    Selector[NumberSelectorConfig]
    | Selector[ObjectSelectorConfig]
    | Selector[SelectSelectorConfig]
    | Selector[TextSelectorConfig]
):
    """Return the field for an option of a model or provider."""
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
        case IntegerChoiceOption():
            values = [SelectOptionDict(value=str(rung), label=str(rung)) for rung in option.values]
            return _dropdown(values)
        case ObjectOption():
            return ObjectSelector()
        case TextOption():
            return TextSelector(TextSelectorConfig(multiline=option.max_chars > _LINE))
    msg = f"no field for {type(option).__name__}"
    raise TypeError(msg)
