"""Keep what refers to another integration working: assistants, fallbacks of other voices, and actions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from homeassistant.components.tts import TextToSpeechEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.helpers.script import Script
from homeassistant.util import language as language_util

from ..const import CONF_FALLBACK
from ..coordinator import OratorConfigEntry, async_get_accounts
from ..entity import voice_entity_id

_ASSIST_PIPELINE: Final = "assist_pipeline"
_LANGUAGE: Final = "tts_language"
_VOICE: Final = "tts_voice"
_BEFORE: Final = "before"
_AFTER: Final = "after"

_SCRIPTS: Final = {"action_script": "automation", "script": "script"}
"""Domains whose entities run scripts, by the name of the attribute, which invalid configurations do not have."""
_ACTION_KEYS: Final = ("action", "service")
"""Keys of the name of an action, the current one and the former one."""

type Changes[T] = dict[str, dict[str, T]]
"""What was changed, by ID: the values before and after the change. What the user changes later is not restored."""


async def async_adapt_pipelines(
    hass: HomeAssistant, engines: Mapping[str, TextToSpeechEntity]
) -> Changes[dict[str, str | None]]:
    """Replace the languages and voices of assistants that the entities, by their new entity IDs, do not have."""
    changes: Changes[dict[str, str | None]] = {}
    for pipeline in _get_pipelines(hass):
        if pipeline.tts_engine in engines:
            before = {_LANGUAGE: pipeline.tts_language, _VOICE: pipeline.tts_voice}
            after = _adapt(hass, engines[pipeline.tts_engine], pipeline.tts_language, pipeline.tts_voice)
            if after != before:
                await _async_update_pipeline(hass, pipeline, after)
                changes[pipeline.id] = {_BEFORE: before, _AFTER: after}
    return changes


async def async_restore_pipelines(hass: HomeAssistant, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Restore the languages and voices of assistants."""
    for pipeline in _get_pipelines(hass) if changes else ():
        change = changes.get(pipeline.id)
        if change and change[_AFTER] == {_LANGUAGE: pipeline.tts_language, _VOICE: pipeline.tts_voice}:
            await _async_update_pipeline(hass, pipeline, change[_BEFORE])


@callback
def async_adapt_fallbacks(hass: HomeAssistant, renamed: Mapping[str, str]) -> Changes[list[str]]:
    """Replace the IDs of renamed voices in the fallbacks of all voices, and remove voices from their own fallbacks."""
    changes: Changes[list[str]] = {}
    for entry, voice in _get_voices(hass):
        before: list[str] = voice.data.get(CONF_FALLBACK, [])
        own_entity_id = voice_entity_id(hass, voice.subentry_id)
        after = list(dict.fromkeys(renamed.get(one, one) for one in before))
        if own_entity_id in renamed.values():
            after = [one for one in after if one != own_entity_id]
        if after != before:
            _update_fallbacks(hass, entry, voice, after)
            changes[voice.subentry_id] = {_BEFORE: before, _AFTER: after}
    return changes


@callback
def async_restore_fallbacks(hass: HomeAssistant, changes: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Restore the fallbacks of voices."""
    for entry, voice in list(_get_voices(hass)):
        change = changes.get(voice.subentry_id)
        if change and change[_AFTER] == voice.data.get(CONF_FALLBACK, []):
            _update_fallbacks(hass, entry, voice, change[_BEFORE])


@callback
def uses_actions(hass: HomeAssistant, domain: str) -> bool:
    """Return whether an automation or script uses an action of an integration."""
    components = {name: hass.data.get(domain) for name, domain in _SCRIPTS.items()}
    scripts = [
        getattr(entity, name, None)
        for name, component in components.items()
        if isinstance(component, EntityComponent)
        for entity in component.entities
    ]
    sequences = [script.sequence for script in scripts if isinstance(script, Script)]
    return _contains_action(sequences, f"{domain}.")


def _contains_action(config: Any, prefix: str) -> bool:
    """Return whether a part of a validated configuration contains an action whose name has a prefix."""
    if isinstance(config, Mapping):
        names = [config[key] for key in _ACTION_KEYS if isinstance(config.get(key), str)]
        return any(name.startswith(prefix) for name in names) or _contains_action(list(config.values()), prefix)
    if isinstance(config, Sequence) and not isinstance(config, str):
        return any(_contains_action(part, prefix) for part in config)
    return False


def _adapt(
    hass: HomeAssistant, engine: TextToSpeechEntity, language: str | None, voice: str | None
) -> dict[str, str | None]:
    """Return the language and voice of an assistant as an entity supports them; None stands for the entity's own."""
    if language and language not in engine.supported_languages:
        similar = language_util.matches(language, engine.supported_languages, hass.config.country)
        language = next(iter(similar), engine.default_language)
    voices = engine.async_get_supported_voices(language or engine.default_language)
    if voice and voices and voice not in {one.voice_id for one in voices}:
        voice = None
    return {_LANGUAGE: language, _VOICE: voice}


def _get_pipelines(hass: HomeAssistant) -> list[Any]:
    """Return the pipelines of the assistants, none if Assist is not set up."""
    if _ASSIST_PIPELINE not in hass.config.components:
        return []
    from homeassistant.components.assist_pipeline import async_get_pipelines  # noqa: PLC0415 - may be missing

    return list(async_get_pipelines(hass))


async def _async_update_pipeline(hass: HomeAssistant, pipeline: Any, settings: Mapping[str, str | None]) -> None:
    from homeassistant.components.assist_pipeline import async_update_pipeline  # noqa: PLC0415

    await async_update_pipeline(hass, pipeline, tts_language=settings[_LANGUAGE], tts_voice=settings[_VOICE])


def _get_voices(hass: HomeAssistant) -> Iterable[tuple[OratorConfigEntry, ConfigSubentry]]:
    return [(entry, voice) for entry in async_get_accounts(hass) for voice in entry.subentries.values()]


def _update_fallbacks(hass: HomeAssistant, entry: OratorConfigEntry, voice: ConfigSubentry, ids: list[str]) -> None:
    data = {key: value for key, value in voice.data.items() if key != CONF_FALLBACK}
    hass.config_entries.async_update_subentry(entry, voice, data={**data, CONF_FALLBACK: ids} if ids else data)
