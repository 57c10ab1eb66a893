"""Forms built from what a model declares, so that a field which the model ignores is not shown."""

from typing import Final

from homeassistant.const import CONF_MODEL, CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
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

from .account import Account
from .audio.formats import AudioFormat
from .const import CONF_CLEAN_TEXT, CONF_FORMAT, CONF_REPLACEMENTS, CONF_VOICE
from .providers.base import Model, NumberOption, Option, TextOption

_FORMAT_LABELS: Final = {AudioFormat.OPUS: "Opus", AudioFormat.OGG: "Ogg"}


def default_model(account: Account) -> Model:
    """Return the model to begin with: the provider's usual one where it is offered."""
    usual = account.model(account.provider.default_model)
    offered = account.models
    return usual if not offered or usual.id in [model.id for model in offered] else offered[0]


def default_voice(account: Account, model: Model) -> str:
    """Return the voice to begin with: the provider's usual one where the model knows it."""
    known = [voice.id for voice in model.voices]
    usual = account.provider.default_voice
    return usual if not known or usual in known else known[0]


def voice_title(account: Account, model: Model, voice_id: str) -> str:
    """Return what a voice is called until its user names it."""
    name = next((voice.name for voice in model.voices if voice.id == voice_id), voice_id)
    return f"{account.provider.name} {name}"


def model_schema(account: Account) -> vol.Schema:
    """Ask which model speaks."""
    options = [SelectOptionDict(value=model.id, label=model.name) for model in account.models]
    return vol.Schema({vol.Required(CONF_MODEL, default=default_model(account).id): _dropdown(options, is_open=True)})


def voice_schema(account: Account, model: Model) -> vol.Schema:
    """Ask how a model speaks: in whose voice, in which format, and with what else it can be told."""
    voices = [SelectOptionDict(value=voice.id, label=voice.name) for voice in model.voices]
    formats = [
        SelectOptionDict(value=audio_format, label=_FORMAT_LABELS.get(audio_format, audio_format.upper()))
        for audio_format in model.formats
        if audio_format is not AudioFormat.PCM  # no player knows how its samples lie
    ]
    return vol.Schema(
        {
            vol.Required(CONF_VOICE, default=default_voice(account, model)): _dropdown(voices, is_open=True),
            vol.Optional(CONF_NAME): TextSelector(),
            vol.Required(CONF_FORMAT, default=formats[0]["value"]): _dropdown(formats),
            **{vol.Optional(option.key): _selector(option) for option in model.options},
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
        }
    )


def _dropdown(options: list[SelectOptionDict], *, is_open: bool = False) -> SelectSelector:
    """Offer a choice; an open one also takes what is typed."""
    return SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, custom_value=is_open))


def _selector(option: Option) -> Selector[NumberSelectorConfig] | Selector[TextSelectorConfig]:
    """Return the field for a model's option. It can be left empty: only what is set is sent."""
    match option:
        case NumberOption():
            return NumberSelector(
                NumberSelectorConfig(
                    min=option.minimum, max=option.maximum, step=option.step, mode=NumberSelectorMode.BOX
                )
            )
        case TextOption():
            return TextSelector(TextSelectorConfig(multiline=True))
    msg = f"no field for {type(option).__name__}"
    raise TypeError(msg)
