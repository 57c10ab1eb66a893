"""The list, in Markdown, of what can be imported from other integrations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ..account_form import text_at_address
from ..const import CONF_CHIME, CONF_VOICE, DOMAIN
from ..form_errors import FormError
from ..form_texts import FormTexts, as_text, async_get_form_texts
from ..schema import SECTION_ADVANCED, SECTION_FINE_TUNING, SECTION_POST_PROCESSING
from .mapping import PlannedVoice
from .models import Candidate, FoundAccount
from .preview import async_preview_link
from .sources import SOURCES

_SELECTOR: Final = "import"
"""Selector in the translations with the texts of the list."""
_SECTIONS: Final = (None, SECTION_POST_PROCESSING, SECTION_FINE_TUNING, SECTION_ADVANCED)


def source_label(account: FoundAccount) -> str:
    """Return the title of a config entry with the name of its integration, unless the title begins with it."""
    name = SOURCES[account.domain].name
    return account.title if account.title.startswith(name) else f"{name}: {account.title}"


async def async_describe_import(
    hass: HomeAssistant,
    candidates: Iterable[Candidate],
    planned: Mapping[str, Sequence[PlannedVoice]],
    others: Iterable[FoundAccount],
) -> str:
    """Return the list of accounts and voices, what each becomes, and what has no counterpart.

    `planned`: the voices of the candidates that can be imported, by entry ID. `others`: accounts that cannot be, or
    that are imported already.
    """
    texts = await async_get_form_texts(hass)
    errors = await async_get_translations(hass, hass.config.language, "config", [DOMAIN])
    lines: list[str] = []
    for candidate in candidates:
        label = as_text(source_label(candidate.found))
        if not candidate.is_selectable and candidate.error:
            reason = _error_text(errors, candidate.error)
            lines.append(texts.option(_SELECTOR, "unavailable", source=label, reason=reason))
            continue
        voices = planned[candidate.found.entry_id]
        key = "new_account" if candidate.entry is None else "existing_account" if voices else "entity_ids_left"
        lines.append(texts.option(_SELECTOR, key, source=label, account=as_text(candidate.title)))
        if candidate.needs_key:
            lines.append("- " + texts.option(_SELECTOR, "needs_key"))
        for voice in voices:
            lines.append("- " + _describe_voice(texts, voice))
            if candidate.error is None:
                link = async_preview_link(hass, texts, candidate, voice)
                lines += [f"    - {link}"] if link else []
            lines += [f"    - {note}" for note in _notes(texts, voice)]
        lines.append("")
    for account in others:
        reason = texts.option(_SELECTOR, account.problem or "imported")
        lines.append(texts.option(_SELECTOR, "unavailable", source=as_text(source_label(account)), reason=reason))
        lines.append("")
    return "\n".join(lines).strip()


def _describe_voice(texts: FormTexts, voice: PlannedVoice) -> str:
    """Return the title, voice and model."""
    return texts.option(
        _SELECTOR,
        "voice",
        title=as_text(voice.found.title),
        model=as_text(texts.model(voice.model)),
        voice=as_text(voice.model.voice_name(voice.voice_id)),
    )


def _notes(texts: FormTexts, voice: PlannedVoice) -> Iterator[str]:
    """Yield what is changed, and what has no counterpart."""
    if voice.model.id != voice.previous_model_id:
        yield texts.option(_SELECTOR, "new_model", previous=as_text(voice.previous_model_id))
    previous_voice_id: str = voice.found.settings[CONF_VOICE]
    if voice.voice_id.casefold() != previous_voice_id.casefold():
        name = voice.model.voice_name(voice.voice_id)
        yield texts.option(_SELECTOR, "new_voice", previous=as_text(previous_voice_id), voice=as_text(name))
    for key in voice.changed:
        value = voice.data.get(key, voice.model.file_formats[0].value)
        value = texts.number(value) if isinstance(value, int | float) else str(value)
        yield texts.option(_SELECTOR, "changed", setting=_setting_label(texts, key), value=value)
    for key in voice.dropped:
        yield texts.option(_SELECTOR, "dropped", setting=_setting_label(texts, key))
    for key in voice.found.unsupported:
        yield texts.option(_SELECTOR, key)
    if voice.chime_note:
        name = PurePath(voice.found.settings[CONF_CHIME]).name
        yield texts.option(_SELECTOR, voice.chime_note, file=as_text(name), path=as_text(voice.data[CONF_CHIME]))


def _setting_label(texts: FormTexts, key: str) -> str:
    """Return the label of a setting in the voice form, in whichever section it is."""
    labels = (texts.setting(key, section) for section in _SECTIONS)
    return next((label for label in labels if label != key), key)


def _error_text(errors: Mapping[str, str], error: FormError) -> str:
    """Return the text of an error of the account form."""
    text = errors.get(f"component.{DOMAIN}.config.error.{text_at_address(error)}", error.translation_key)
    return text.format(**{key: as_text(value) for key, value in error.placeholders.items()})
