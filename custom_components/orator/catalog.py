"""The catalog of an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.const import CONF_MODEL
from homeassistant.util import dt as dt_util

from .providers.base import Provider
from .providers.json_documents import Json
from .providers.models import Model


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """The models and voices that a provider offers."""

    provider: Provider
    document: Json = None
    """Catalog as fetched by the provider; None stands for the models in the provider's documentation."""

    @property
    def models(self) -> tuple[Model, ...]:
        """Models to choose from."""
        return self.provider.models(self.document)

    @property
    def currency(self) -> str | None:
        """Currency of the prices, or None if no price is known."""
        return next((model.price.currency for model in self.models if model.price), None)

    def model(self, model_id: str) -> Model:
        """Return a model, whether or not it is listed, with the provider's default choices."""
        return self.model_for({CONF_MODEL: model_id})

    def model_for(self, settings: Mapping[str, Any]) -> Model:
        """Return the model selected by a voice's settings, whether or not it is listed. Raises InvalidSettingError."""
        model_id = str(settings.get(CONF_MODEL, ""))
        return self.provider.describe_model(model_id, self.document, {**settings, **self.parse_choices(settings)})

    def configured_model(self, settings: Mapping[str, Any]) -> Model:
        """Return the model selected by a voice's stored settings, even if they contain an unknown choice."""
        return self.model_for(self.replace_unknown_choices(settings))

    def resolve_retired(self, model: Model, settings: Mapping[str, Any]) -> tuple[Model, Mapping[str, Any]]:
        """Return a retired model's successor with migrated settings, or any other model unchanged."""
        if not model.successor or not model.is_retired(dt_util.utcnow().date()):
            return model, settings
        migrated = self.provider.migrate_settings(settings, model.successor)
        return self.model_for(migrated), migrated

    def parse_choices(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Return the provider's choices in a voice's settings. Raises InvalidSettingError."""
        choices = self.provider.choices
        return {choice.key: choice.parse(settings[choice.key]) for choice in choices if choice.key in settings}

    def replace_unknown_choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return a voice's stored settings with the default of each choice that this version does not know.

        Another version of Orator may have stored it. Only speaking with it is an error, so that the account loads.
        """
        known = {
            choice.key: choice.nearest(settings[choice.key]) or choice.default
            for choice in self.provider.choices
            if choice.key in settings
        }
        return {**settings, **known}
