"""Previews of voices before they are imported."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
import secrets
from typing import Any, Final

from aiohttp import web
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.components.http.auth import async_sign_path
from homeassistant.const import CONF_MODEL
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from ..audio.effects import Effects
from ..audio.formats import AudioFormat
from ..client import async_create_provider
from ..const import DOMAIN
from ..form_texts import FormTexts
from ..pipeline import LoudnessTracker, OutputFormat, PostProcessing, SpeechPipeline, SynthesisJob
from ..pipeline.synthesizer import VoiceStats
from ..preview import PreviewItem, find_preview_entity, sample_of_voice
from ..providers.errors import SpeechError
from ..providers.models import NO_RESERVATION
from .mapping import PlannedVoice
from .models import Candidate

_PATH: Final = f"/api/{DOMAIN}/import_preview/"
_LIFETIME: Final = timedelta(hours=1)
"""Time for which the links in the form can be used."""
_CONTENT_TYPES: Final = {AudioFormat.MP3.value: "audio/mpeg", AudioFormat.WAV.value: "audio/wav"}


@dataclass(slots=True)
class _Preview:
    """A voice whose account does not exist yet."""

    account: Mapping[str, Any] = field(repr=False)
    """Data of the account."""
    voice: PlannedVoice
    sentence: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    audio: tuple[bytes, str] | None = field(default=None, repr=False)
    """The audio and its content type: browsers request it twice, but it is paid once."""


_PREVIEWS: Final[HassKey[dict[str, _Preview]]] = HassKey("orator_import_previews")
"""Previews by the token in their URL."""


@callback
def async_preview_link(hass: HomeAssistant, texts: FormTexts, candidate: Candidate, planned: PlannedVoice) -> str:
    """Return a link that plays a voice, with its price.

    An existing account speaks itself, so that the preview counts towards its usage and limits.
    """
    model, voice_id = planned.model, planned.voice_id
    sentence = sample_of_voice(hass, candidate.catalog.provider, model, planned.data).sentence
    if (entry := candidate.entry) is None:
        token = secrets.token_urlsafe()
        _async_store(hass, token, _Preview(candidate.data, planned, sentence))
        path = async_sign_path(hass, _PATH + token, _LIFETIME)
    elif find_preview_entity(hass, entry):
        path = PreviewItem(entry.entry_id, {CONF_MODEL: model.id, model.voice_key: voice_id}).signed_path(hass)
    else:
        return ""
    return texts.preview_link(path, model.voice_name(voice_id), texts.preview_price(model, sentence))


@callback
def _async_store(hass: HomeAssistant, token: str, preview: _Preview) -> None:
    """Store a preview while its link is valid."""
    previews = hass.data.setdefault(_PREVIEWS, {})
    previews[token] = preview

    @callback
    def expire(_now: datetime) -> None:
        del previews[token]

    async_call_later(hass, _LIFETIME, HassJob(expire, "orator import preview", cancel_on_shutdown=True))


class ImportPreviewView(HomeAssistantView):
    """View that plays a voice before it is imported, signed for the user who has opened the form."""

    url = _PATH + "{token}"
    name = f"api:{DOMAIN}:import_preview"

    async def get(self, request: web.Request, token: str) -> web.Response:
        """Synthesize the sample sentence, unless that has been done."""
        hass = request.app[KEY_HASS]
        preview = hass.data.get(_PREVIEWS, {}).get(token)
        if preview is None:
            raise web.HTTPNotFound
        async with preview.lock:
            if preview.audio is None:
                try:
                    preview.audio = await _async_synthesize(hass, preview)
                except SpeechError as err:
                    return web.Response(text=str(err), status=HTTPStatus.BAD_GATEWAY)
        body, content_type = preview.audio
        return web.Response(body=body, content_type=content_type)


async def _async_synthesize(hass: HomeAssistant, preview: _Preview) -> tuple[bytes, str]:
    """Return the audio of a preview and its content type. Raises SpeechError."""
    model, data = preview.voice.model, preview.voice.data
    extension = AudioFormat.MP3 if AudioFormat.MP3 in model.formats else AudioFormat.WAV
    job = SynthesisJob(
        name=preview.voice.found.title,
        deltas=_deltas(preview.sentence),
        model=model,
        voice=preview.voice.voice_id,
        settings={option.key: data[option.key] for option in model.options if option.key in data},
        format=None,
        clean_text=True,
        language=hass.config.language,
        allows_tags=False,
        is_fallback_call=False,
        replacements=(),
        fallbacks=(),
        prefers_fallback=lambda: False,
        expects_fallback=False,
        stats=VoiceStats(),
        post_processing=PostProcessing(Effects(), 0, None, LoudnessTracker()),
        can_wait=lambda: False,
        record_usage=lambda _usage: None,
        reserve=lambda _usage: NO_RESERVATION,
        cache=None,
        is_cache_read=lambda: False,
        find_voice=lambda _name: None,
        load_clip=_load_no_clip,
    )
    provider = async_create_provider(hass, preview.account)
    try:
        async with SpeechPipeline(provider, job, OutputFormat(extension.value)).respond() as response:
            body = b"".join([block async for block in response.data])
            return body, _CONTENT_TYPES.get(response.extension, f"audio/{response.extension}")
    finally:
        await provider.close()


async def _load_no_clip(_source: str) -> None:
    """Return nothing: a sample sentence names no recording."""


async def _deltas(sentence: str) -> AsyncGenerator[str]:
    yield sentence
