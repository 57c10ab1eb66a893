"""What satellites ask a voice for when they announce something: what is made ahead has to be made just so."""

from collections.abc import Iterable, Mapping
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN

_SATELLITES = "assist_satellite"
_PREFERRED_ASSISTANT = "preferred"


@callback
def announcing(
    hass: HomeAssistant, satellites: Iterable[str], voice: str
) -> list[tuple[str | None, Mapping[str, Any]]]:
    """Return the language and the options of each satellite, same ones once. Raises ServiceValidationError."""
    found: list[tuple[str | None, Mapping[str, Any]]] = []
    for entity_id in satellites:
        wish = _wish(hass, entity_id, voice)
        if wish not in found:
            found.append(wish)
    return found


def _wish(hass: HomeAssistant, entity_id: str, voice: str) -> tuple[str | None, Mapping[str, Any]]:
    """Return what `assist_satellite.announce` asks the voice of a satellite's assistant for."""
    component = hass.data.get(_SATELLITES)
    satellite = component.get_entity(entity_id) if component else None
    if satellite is None:
        raise _refusal("satellite_not_found", entity_id, voice)
    # It needs components that only those have who have a satellite.
    from homeassistant.components.assist_pipeline import async_get_pipeline, async_get_pipelines  # noqa: PLC0415

    chosen = satellite.pipeline_entity_id and hass.states.get(satellite.pipeline_entity_id)
    named = chosen.state if chosen and chosen.state != _PREFERRED_ASSISTANT else None
    by_name = {pipeline.name: pipeline for pipeline in reversed(async_get_pipelines(hass))}
    pipeline = (by_name.get(named) if named else None) or async_get_pipeline(hass)
    if tts.async_resolve_engine(hass, pipeline.tts_engine) != voice:
        raise _refusal("satellite_speaks_otherwise", entity_id, voice)
    picked = {} if pipeline.tts_voice is None else {tts.ATTR_VOICE: pipeline.tts_voice}
    return pipeline.tts_language, {**picked, **(satellite.tts_options or {})}


def _refusal(key: str, satellite: str, voice: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders={"satellite": satellite, "voice": voice},
    )
