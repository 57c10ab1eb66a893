"""Text-to-speech entities, one per voice."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, override

from homeassistant.components.tts import (
    ATTR_PREFERRED_FORMAT,
    ATTR_VOICE,
    TTSAudioRequest,
    TTSAudioResponse,
    Voice,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_MODEL, CONF_MODEL, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_track_state_change_event

from .audio.formats import AudioFormat
from .chimes import ChimeLibrary, async_get_chimes
from .const import CONF_FALLBACK, CONF_FORMAT, CONF_SENTENCE_CACHE, SUBENTRY_VOICE
from .coordinator import OratorConfigEntry
from .entity import default_language, entity_name, voice_device
from .estimates import EstimatingVoice
from .fallback import can_be_heard, create_fallbacks, create_named_voice
from .importer.options import accepted_options, translate_options
from .issues import translate_error
from .pipeline import AudioResponse, PostProcessing, SpeechPipeline, SynthesisJob, SynthesisReport
from .providers.errors import InvalidSettingError, NotAudioError, NotFoundError, SpeechError
from .text import unit_replacements
from .tts_cache import async_discard, async_get_cache_revisions, cache_revision, is_cacheable
from .tts_requests import (
    SpeechRequest,
    async_speak_and_check,
    can_wait,
    deliver_begin,
    deliver_report,
    is_critical,
    must_be_fresh,
    record_deltas,
)
from .voice_settings import (
    ATTR_CHIME_REVISION,
    ATTR_FALLBACK_CALL,
    VoiceSettings,
    async_load_post_processing,
    chime_loudness,
    configured_chimes,
    default_format,
    parse_post_processing,
    supported_options,
)
from .warm_up import async_warm_up

PARALLEL_UPDATES = 0

_CACHE_REVISION: Final = "cache_revision"


async def async_setup_entry(
    hass: HomeAssistant, entry: OratorConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entity for every voice of an account."""
    await async_get_cache_revisions(hass)
    chimes = await async_get_chimes(hass)
    voices = [subentry for subentry in entry.subentries.values() if subentry.subentry_type == SUBENTRY_VOICE]
    entry.async_on_unload(
        chimes.files.async_watch({voice.subentry_id: configured_chimes(voice.data) for voice in voices})
    )
    for voice in voices:
        entity = VoiceEntity(hass, entry, voice, chimes)
        async_add_entities([entity], config_subentry_id=voice.subentry_id)


class VoiceEntity(EstimatingVoice):
    """A voice of an account."""

    # Home Assistant refuses a text-to-speech entity whose name is None, so the entity cannot use its device's name.
    _attr_has_entity_name = False

    def __init__(
        self, hass: HomeAssistant, entry: OratorConfigEntry, subentry: ConfigSubentry, chimes: ChimeLibrary
    ) -> None:
        """Initialize the entity."""
        self._chimes = chimes
        self._entry = entry
        self._account = entry.runtime_data
        self._subentry = subentry
        provider = self._account.provider
        self._model = model = self._account.data.configured_model(subentry.data)
        self._attr_unique_id = subentry.subentry_id
        self._attr_name = subentry.title
        self._attr_device_info = voice_device(entry, subentry)
        languages = model.languages or provider.languages
        self._attr_supported_languages = list(languages)
        self._attr_default_language = default_language(hass, subentry.data, model, languages)
        self._attr_supported_options = [*supported_options(provider), *accepted_options(entry.options)]
        self._voice_id: str = subentry.data.get(model.voice_key, "")
        self._format = default_format(subentry.data)
        # Home Assistant's cache key contains these options, so they include everything that changes the audio.
        self._attr_default_options = {
            **provider.addresses,
            ATTR_PREFERRED_FORMAT: self._format,
            CONF_FORMAT: self._format,
            **{key: value for key, value in subentry.data.items() if key != CONF_SENTENCE_CACHE},
        }

    @property
    @override
    def default_options(self) -> Mapping[str, Any]:
        """Options of the voice, including the revisions of changed chime files and of unusable cached audio."""
        subentry_id = self._subentry.subentry_id
        revisions = {
            ATTR_CHIME_REVISION: self._chimes.files.revisions(subentry_id, self._own_chimes),
            _CACHE_REVISION: cache_revision(self.hass, subentry_id),
        }
        return {**(self._attr_default_options or {}), **{key: value for key, value in revisions.items() if value}}

    @property
    def _own_chimes(self) -> frozenset[str]:
        return configured_chimes(self._subentry.data)

    @override
    async def async_added_to_hass(self) -> None:
        """Track the account's health and the fallbacks' states, and load the chimes."""
        await super().async_added_to_hass()
        self.async_on_remove(self._account.health.async_add_listener(self.async_write_ha_state))
        fallbacks = self._subentry.data.get(CONF_FALLBACK, ())
        self.async_on_remove(async_track_state_change_event(self.hass, fallbacks, self._handle_fallback_change))
        self._entry.async_create_background_task(self.hass, self._async_load_chimes(), "orator loads chimes")

    @callback
    def _handle_fallback_change(self, _event: Event[EventStateChangedData]) -> None:
        state = self.hass.states.get(self.entity_id)
        if state is not None and (state.state != STATE_UNAVAILABLE) != self.available:
            self.async_write_ha_state()

    async def _async_load_chimes(self) -> None:
        """Load the voice's chimes, and encode those that mp3 players hear before speech."""
        with suppress(InvalidSettingError, NotAudioError):  # reported when the voice speaks
            post_processing, _ = await self._async_post_processing(parse_post_processing(self._subentry.data))
            if self._format == AudioFormat.MP3:
                await post_processing.prepare(self._model)

    @property
    @override
    def available(self) -> bool:
        """Whether the voice, a fallback or cached audio is available.

        Home Assistant does not use its cache if an entity is unavailable.
        """
        health = self._account.health
        is_down = health.outage is not None and health.outage.is_lasting and health.is_open
        return not is_down or can_be_heard(self.hass, self._subentry.data.get(CONF_FALLBACK, ()), self.entity_id)

    @callback
    @override
    def async_get_supported_voices(self, language: str) -> list[Voice] | None:
        """Return the voices for Assist's voice picker, the configured voice first because the picker selects it."""
        configured = self._subentry.data
        catalog = self._account.data
        model, settings = catalog.resolve_retired(catalog.configured_model(configured), configured)
        base_language = language.partition("-")[0]
        names = {
            voice.id: voice.name
            for voice in model.voices
            if not voice.languages or any(tag.partition("-")[0] == base_language for tag in voice.languages)
        }
        own_voice_id = settings.get(model.voice_key)
        if own_voice_id and (own_voice_id in names or own_voice_id not in model.voice_ids):
            names = {own_voice_id: own_voice_id} | names
        return [Voice(voice_id, name) for voice_id, name in names.items()]

    @callback
    @override
    def async_supports_streaming_input(self) -> bool:
        """Return whether the voice speaks text as it is written.

        Home Assistant asks whenever it creates a stream. A pipeline creates one seconds before there is text.
        """
        async_warm_up(self.hass, self._entry, self.entity_id)
        return super().async_supports_streaming_input()

    @override
    async def async_speak(
        self,
        media_player_entity_id: list[str],
        message: str,
        cache: bool,
        language: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Speak on media players. Raises ServiceValidationError if the model, the voice or a setting is invalid.

        Home Assistant only logs errors of the audio. They are awaited if the model has never spoken with the voice, and
        not otherwise, so that an action for one player does not delay the next action.
        """
        merged = self._without_none({**self.default_options, **(options or {})})
        try:
            settings = self._parse(merged, language)
        except InvalidSettingError as err:
            raise self._exception_for(err) from err
        play = partial(super().async_speak, media_player_entity_id, message, cache, language, options)
        last = self._account.usage.last_synthesis(self._subentry.subentry_id)
        has_spoken = last.first_sound is not None and self._is_configured_voice(merged)
        if has_spoken or self._account.voice_stats(settings.model, settings.voice_id).has_spoken:
            await play()
        else:
            request = SpeechRequest(message, language, options or {}, cache)
            await async_speak_and_check(self.hass, self, request, play)

    @override
    async def async_stream_tts_audio(self, request: TTSAudioRequest) -> TTSAudioResponse:
        """Return the audio once it has begun. Options that are None are ignored."""
        options = self._without_none(request.options)
        is_configured = self._is_configured_voice(options)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._account.keep_open())
            text: list[str] = []
            try:
                call = await self._async_start_call(request, options, text, is_configured=is_configured)
                stack.callback(self._finish_call, call)
                response = await stack.enter_async_context(call.pipeline.respond())
            except SpeechError as err:
                if is_configured and isinstance(err, InvalidSettingError):
                    self._account.usage.async_record_error(self._subentry.subentry_id, err.translation_key)
                error = self._exception_for(err)
                deliver_begin(self.hass, self.entity_id, request, "".join(text), error)
                raise error from err
            deliver_begin(self.hass, self.entity_id, request, "".join(text))
            return TTSAudioResponse(response.extension, self._stream(call, response, stack.pop_all()))

    @override
    async def async_estimate(self, request: TTSAudioRequest, *, reads_cache: bool) -> SynthesisReport:
        try:
            call = await self._async_start_call(request, self._without_none(request.options), [], is_configured=False)
        except SpeechError as err:
            raise self._exception_for(err) from err
        return await call.pipeline.estimate(reads_cache=reads_cache)

    async def _async_start_call(
        self, request: TTSAudioRequest, options: Mapping[str, Any], text: list[str], *, is_configured: bool
    ) -> _Call:
        """Create the pipeline for a request, which adds the deltas that are read to `text`.

        Raises InvalidSettingError.
        """
        account = self._account
        critical = partial(is_critical, self.hass, self.entity_id, request, text)
        settings = self._parse(options, request.language)
        post_processing, misses_chime = await self._async_post_processing(settings.post_processing)
        prefers_mp3 = settings.output.extension == AudioFormat.MP3 and not settings.post_processing
        fallback_format = AudioFormat.MP3 if prefers_mp3 else AudioFormat.WAV
        job = SynthesisJob(
            name=self.entity_id,
            deltas=record_deltas(request.message_gen, text),
            model=settings.model,
            voice=settings.voice_id,
            settings=settings.provider_settings,
            format=settings.format,
            clean_text=settings.clean_text,
            language=request.language,
            allows_tags=settings.allows_tags,
            is_fallback_call=bool(options.get(ATTR_FALLBACK_CALL)),
            replacements=(
                *settings.replacements,
                *(unit_replacements(request.language) if settings.has_spoken_units else ()),
            ),
            fallbacks=create_fallbacks(
                self.hass, settings.fallbacks, self.entity_id, request.language, fallback_format, is_critical=critical
            ),
            prefers_fallback=lambda: account.prefers_fallback(critical),
            expects_fallback=settings.expects_fallback,
            stats=account.voice_stats(settings.model, settings.voice_id),
            post_processing=post_processing,
            can_wait=lambda: can_wait(self.hass, self.entity_id, request, "".join(text)),
            record_usage=account.usage.async_add,
            reserve=partial(account.limiter.reserve, may_exceed=critical),
            cache=account.sentence_cache if settings.uses_sentence_cache else None,
            is_cache_read=lambda: not must_be_fresh(self.hass, self.entity_id, request, "".join(text)),
            find_voice=partial(create_named_voice, self.hass, request.language, critical),
            load_clip=partial(
                self._chimes.async_get_clip,
                lufs=chime_loudness(settings.post_processing),
                subentry_id=self._subentry.subentry_id,
            ),
        )
        pipeline = SpeechPipeline(account.provider, job, settings.output)
        return _Call(request, text, settings, pipeline, is_configured=is_configured, misses_chime=misses_chime)

    async def _async_post_processing(self, options: Mapping[str, Any]) -> tuple[PostProcessing, bool]:
        """Return the post-processing, and whether a chime is missing."""
        post_processing, errors = await async_load_post_processing(
            self._chimes, options, self._account.loudness_tracker
        )
        self._chimes.files.async_record_call(self._subentry.subentry_id, errors.keys() - self._own_chimes)
        self._account.issues.async_update_chime_issue(self._subentry, errors, self._own_chimes)
        return post_processing, any(error and error.is_temporary for error in errors.values())

    async def _stream(self, call: _Call, response: AudioResponse, stack: AsyncExitStack) -> AsyncGenerator[bytes]:
        """Yield the audio, then exit the contexts of the call."""
        async with stack:
            try:
                event_count = 0
                async for block in response.data:
                    if event_count != call.pipeline.event_count:
                        event_count = call.pipeline.event_count
                        self._apply_report(call)
                    yield block
            except SpeechError as err:
                raise self._exception_for(err) from err
            if not is_cacheable(call.pipeline.report, misses_chime=call.misses_chime):
                async_discard(self.hass, "".join(call.text), self.entity_id, self._subentry.subentry_id)

    def _finish_call(self, call: _Call) -> None:
        """Apply the final report, and deliver it to waiting callers."""
        self._apply_report(call)
        deliver_report(self.hass, call.applied, call.request, "".join(call.text))

    def _apply_report(self, call: _Call) -> None:
        """Apply the new part of the report to the account's health, issues, usage and statistics."""
        account, model, subentry_id = self._account, call.settings.model, self._subentry.subentry_id
        is_own_voice = (model.id, call.settings.voice_id) == (self._model.id, self._voice_id)
        voice = self._subentry if is_own_voice else None  # the successor of a retired model counts as another voice
        stats = account.voice_stats(model, call.settings.voice_id)
        report, applied = call.pipeline.report, call.applied
        call.applied = report
        for error in report.failures[len(applied.failures) :]:
            account.async_handle_error(error, voice)
            if call.is_configured:
                account.usage.async_record_error(subentry_id, error.translation_key)
        for seconds in report.first_audio_s[len(applied.first_audio_s) :]:
            stats.record_first_audio(seconds)
            if call.is_configured:
                account.usage.async_record_first_audio(subentry_id, seconds)
        for is_truncated in report.looked_truncated[len(applied.looked_truncated) :]:
            stats.record_ending(is_truncated=is_truncated)
        if chunks := report.cached_chunks - applied.cached_chunks:
            account.usage.async_add_cached(chunks, report.cached_characters - applied.cached_characters)
        if report.has_own_audio and not applied.has_own_audio:
            account.async_handle_speech(model, voice)

    def _without_none(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options without those that are None, which stand for the default.

        Home Assistant itself reads the preferred format, and cannot convert to None.
        """
        given = {key: value for key, value in options.items() if value is not None or key == ATTR_PREFERRED_FORMAT}
        return {ATTR_PREFERRED_FORMAT: self._format, CONF_FORMAT: self._format, **given}

    def _parse(self, options: Mapping[str, Any], language: str | None) -> VoiceSettings:
        """Parse the options of a call. Raises InvalidSettingError."""
        other_language = language if language != self._attr_default_language else None
        configured = self._subentry.data
        return VoiceSettings.parse(
            self._account.data, translate_options(options, configured), configured, other_language
        )

    def _exception_for(self, error: SpeechError) -> HomeAssistantError:
        """Return the exception for an error, whose message names the voice and the account."""
        # A proxy answers 404 without a JSON document while its server restarts.
        is_page = isinstance(error, NotFoundError) and not error.has_error_document
        kind = ServiceValidationError if error.is_request_invalid and not is_page else HomeAssistantError
        return kind(**translate_error(error, self._account.provider, entity_name(self.hass, self.entity_id)))

    def _is_configured_voice(self, options: Mapping[str, Any]) -> bool:
        """Return whether a call uses the configured model and voice, so that its result applies to them."""
        configured, choices = self._subentry.data, self._account.provider.choices
        return (
            all(options.get(one.key, one.default) == configured.get(one.key, one.default) for one in choices)
            and options.get(ATTR_MODEL) == configured.get(CONF_MODEL)
            and options.get(self._model.voice_key) == configured.get(self._model.voice_key)
            and options.get(ATTR_VOICE) in (configured.get(ATTR_VOICE), self._voice_id)
        )


@dataclass(slots=True)
class _Call:
    """A request that is being spoken."""

    request: TTSAudioRequest
    text: list[str]
    """Deltas of the message that have been read."""
    settings: VoiceSettings
    pipeline: SpeechPipeline
    is_configured: bool
    """Whether the options select the configured model and voice."""
    misses_chime: bool
    """Whether a chime is missing, so that the audio must not be cached."""
    applied: SynthesisReport = field(default_factory=SynthesisReport)
    """Part of the report that has been applied to the account."""
