"""The text-to-speech entity: Home Assistant's request in, Home Assistant's response out."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, override

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.components.tts import (
    ATTR_PREFERRED_FORMAT,
    ATTR_PREFERRED_SAMPLE_BYTES,
    ATTR_PREFERRED_SAMPLE_CHANNELS,
    ATTR_PREFERRED_SAMPLE_RATE,
    ATTR_VOICE,
    TextToSpeechEntity,
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
from homeassistant.util import language as language_util

from .audio.formats import CHANNEL_COUNTS, SAMPLE_RATES, AudioFormat
from .chimes import ChimeLibrary, async_get_chimes
from .const import CONF_CLEAN_TEXT, CONF_FALLBACK, CONF_FORMAT, CONF_REPLACEMENTS, SUBENTRY_VOICE
from .coordinator import OratorConfigEntry
from .entity import voice_device
from .fallback import EntitySynthesizer, can_be_heard, fallback_synthesizers
from .issues import translate_error
from .pipeline.fallback_chain import LatencyStats, SynthesisCallbacks
from .pipeline.output import PcmConstraints
from .pipeline.pipeline import AudioResponse, OutputFormat, SynthesisJob, synthesize_speech
from .pipeline.post_processing import DEFAULT_LAYOUT, PostProcessing, encode_lead_in
from .providers.errors import InvalidSettingError, NotAudioError, SpeechError
from .providers.models import Model, Usage
from .spoken import note_voice
from .text import Replacement
from .tts_cache import async_discard
from .usage import Bill, current_bill
from .voice_settings import EFFECT_OPTIONS, async_load_post_processing, configured_chimes, parse_effects

PARALLEL_UPDATES = 0

_ATTR_PREFERRED_BITRATE: Final = "preferred_bitrate"
"""Only Home Assistant 2026.11 and later know it, and convert mp3 to it."""
_CHIME_REVISION: Final = "chime_revision"
_PATIENCE: Final = {True: (1.5, 6.0), False: (3.0, 20.0)}
"""How many seconds of waiting for the first sound are usual, at least and at most, by whether a model streams."""
_SAMPLE_WISHES: Final = {
    ATTR_PREFERRED_SAMPLE_RATE: SAMPLE_RATES,
    ATTR_PREFERRED_SAMPLE_CHANNELS: CHANNEL_COUNTS,
    ATTR_PREFERRED_SAMPLE_BYTES: range(1, 5),
}
"""What a receiver may wish for, and what of it makes sense."""


async def async_setup_entry(
    hass: HomeAssistant, entry: OratorConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entity for every voice of an account."""
    chimes = await async_get_chimes(hass)
    entry.async_on_unload(chimes.files.async_use())
    for subentry in entry.subentries.values():
        if subentry.subentry_type == SUBENTRY_VOICE:
            voice = VoiceEntity(hass, entry, subentry, chimes)
            async_add_entities([voice], config_subentry_id=subentry.subentry_id)


class VoiceEntity(TextToSpeechEntity):
    """A voice of an account."""

    # Home Assistant refuses a speech entity whose name is None, so a voice can't borrow its device's name.
    _attr_has_entity_name = False

    def __init__(
        self, hass: HomeAssistant, entry: OratorConfigEntry, subentry: ConfigSubentry, chimes: ChimeLibrary
    ) -> None:
        """Describe a voice to Home Assistant."""
        self._chimes = chimes
        self._entry = entry
        self._account = entry.runtime_data
        self._subentry = subentry
        provider = self._account.provider
        self._model = model = self._account.model(subentry.data.get(CONF_MODEL, ""), subentry.data)
        self._attr_unique_id = subentry.subentry_id
        self._attr_name = subentry.title
        self._attr_device_info = voice_device(entry, subentry)
        languages = model.languages or provider.languages
        self._attr_supported_languages = list(languages)
        own = language_util.matches(hass.config.language, languages, hass.config.country)
        self._attr_default_language = next(iter(own), "en" if "en" in languages else languages[0])
        self._attr_supported_options = [
            ATTR_MODEL,
            ATTR_VOICE,
            CONF_FORMAT,
            CONF_CLEAN_TEXT,
            CONF_REPLACEMENTS,
            CONF_FALLBACK,
            *EFFECT_OPTIONS,
            *(choice.key for choice in provider.choices),
            *provider.option_keys,
            _CHIME_REVISION,  # so that a sample can do without it
            # What Home Assistant's receivers wish for. Declared, it is ours to deliver, and no converter runs for it.
            ATTR_PREFERRED_FORMAT,
            ATTR_PREFERRED_SAMPLE_RATE,
            ATTR_PREFERRED_SAMPLE_CHANNELS,
            ATTR_PREFERRED_SAMPLE_BYTES,
            _ATTR_PREFERRED_BITRATE,
        ]
        # Home Assistant finds cached speech by these, so everything that changes the sound is among them.
        self._voice_id: str = subentry.data.get(model.voice_key, "")
        self._format: str = subentry.data.get(CONF_FORMAT, AudioFormat.MP3.value)
        self._attr_default_options = {
            **provider.addresses,
            ATTR_PREFERRED_FORMAT: self._format,
            CONF_FORMAT: self._format,
            **subentry.data,
        }

    @property
    @override
    def default_options(self) -> Mapping[str, Any]:
        """What Home Assistant finds cached speech by, with what it can't know of chimes: their files can change."""
        changed = self._chimes.files.revisions(self._subentry.subentry_id, self._own_chimes)
        return {**(self._attr_default_options or {}), **({_CHIME_REVISION: changed} if changed else {})}

    @property
    def _own_chimes(self) -> frozenset[str]:
        """The names of the chimes that the voice is configured with."""
        return configured_chimes(self._subentry.data)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow whether the account can speak, and have the chimes ready."""
        await super().async_added_to_hass()
        self.async_on_remove(self._account.health.async_add_listener(self.async_write_ha_state))
        others = self._subentry.data.get(CONF_FALLBACK, ())
        self.async_on_remove(async_track_state_change_event(self.hass, others, self._follow))
        self._entry.async_create_background_task(self.hass, self._async_prepare(), "orator loads chimes")

    @callback
    def _follow(self, _event: Event[EventStateChangedData]) -> None:
        """Show whether anything could be heard, now that somebody else has come or gone."""
        state = self.hass.states.get(self.entity_id)
        if state is not None and (state.state != STATE_UNAVAILABLE) != self.available:
            self.async_write_ha_state()

    async def _async_prepare(self) -> None:
        """Load the voice's chimes, and make the file's beginning that needs no speech."""
        finish, _ = await self._async_finish(self._subentry.data)
        if finish.effects.chime_before and self._format == AudioFormat.MP3:
            with suppress(NotAudioError):
                binary = get_ffmpeg_manager(self.hass).binary
                await encode_lead_in(finish.effects, self._model.pcm or DEFAULT_LAYOUT, binary)

    @property
    @override
    def available(self) -> bool:
        """Whether anything could be heard: Home Assistant asks no voice that is not available, not even its cache."""
        outage = self._account.health.outage
        is_silent = outage is not None and outage.is_lasting and self._account.health.is_open
        return not is_silent or can_be_heard(self.hass, self._subentry.data.get(CONF_FALLBACK, ()), self.entity_id)

    @callback
    @override
    def async_get_supported_voices(self, language: str) -> list[Voice] | None:
        """List the voices for Assist's voice picker, which takes the first one unless told otherwise: our own."""
        configured = self._subentry.data
        asked = self._account.model(configured.get(CONF_MODEL, ""), configured)
        model, settings = self._account.resolve_retired(asked, configured)
        wanted = language.partition("-")[0]
        speaking = {
            voice.id: voice.name
            for voice in model.voices
            if not voice.languages or any(tag.partition("-")[0] == wanted for tag in voice.languages)
        }
        own = settings[model.voice_key]
        if own in speaking or own not in [voice.id for voice in model.voices]:
            speaking = {own: own} | speaking
        return [Voice(voice_id, name) for voice_id, name in speaking.items()]

    @override
    async def async_stream_tts_audio(self, request: TTSAudioRequest) -> TTSAudioResponse:
        """Begin to speak; return once the first sound is there, or at once where something is done to sound.

        An option that is null is as if it were not set.
        """
        usual = {ATTR_PREFERRED_FORMAT: self._format, CONF_FORMAT: self._format}
        asked = {key: value for key, value in request.options.items() if value is not None}
        request = replace(request, options=usual | asked)
        is_own = self._is_as_configured(request.options)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._account.keep_open())
            said: list[str] = []
            try:
                utterance = self._utterance(request, said, is_own=is_own)
                finish, is_whole = await self._async_finish(request.options)
                utterance = replace(utterance, finish=finish)
                delivery = await stack.enter_async_context(
                    synthesize_speech(
                        self._account.provider,
                        utterance,
                        _wanted(request.options),
                        get_ffmpeg_manager(self.hass).binary,
                    )
                )
            except SpeechError as err:
                raise self._told(err, is_own=is_own) from err
            configured = self._configured_in(utterance.model.id, utterance.voice)
            spoken = partial(self._spoken, utterance.model, configured)
            told = partial(self._told, is_own=is_own)
            sound = self._sound(stack.pop_all(), delivery, spoken, told, said, is_whole=is_whole)
            return TTSAudioResponse(delivery.extension, sound)

    async def _async_finish(self, settings: Mapping[str, Any]) -> tuple[PostProcessing, bool]:
        """Read what is to be done to speech, and whether that is all: a chime may come back that is not there now."""
        finish, chimes = await async_load_post_processing(
            self._chimes, parse_effects(settings), self._account.loudness_tracker
        )
        self._chimes.files.async_called(self._subentry.subentry_id, chimes.keys() - self._own_chimes)
        self._account.issues.async_update_chime_issue(self._subentry, chimes, self._own_chimes)
        return finish, not any(error and error.is_temporary for error in chimes.values())

    def _utterance(self, request: TTSAudioRequest, said: list[str], *, is_own: bool) -> SynthesisJob:
        """Read a call's options; those that the model does not take are left out. To `said` is added what is said."""
        asked = self._account.model(str(request.options.get(ATTR_MODEL, "")), request.options)
        model, options = self._account.resolve_retired(asked, request.options)
        chosen = self._account.parse_choices(options)
        taken = {option.key: option.parse(options[option.key]) for option in model.options if option.key in options}
        voice = self._speaker(options, model)
        habit = self._account.latency(model, voice)
        configured = self._configured_in(model.id, voice)
        return SynthesisJob(
            deltas=_noted(request.message_gen, said),
            model=model,
            voice=voice,
            settings=chosen | taken,
            format=self._format_of_call(options, asked, model),
            clean_text=bool(options.get(CONF_CLEAN_TEXT, True)),
            replacements=_replacements(options.get(CONF_REPLACEMENTS, ())),
            fallback=self._fallback(request),
            prefers_fallback=self._account.health.is_open,
            patience=habit.patience(*_PATIENCE[model.streams]),
            is_always_truncated=habit.is_always_truncated,
            listener=SynthesisCallbacks(
                failed=partial(self._failed, configured, is_own=is_own),
                began=partial(self._began, habit, is_own=is_own),
                ended=lambda is_always_truncated: habit.end(is_always_truncated=is_always_truncated),
                spent=partial(self._spent, current_bill()),
            ),
        )

    def _fallback(self, request: TTSAudioRequest) -> list[EntitySynthesizer]:
        """Return who speaks if the account can't."""
        entity_ids = request.options.get(CONF_FALLBACK, [])
        if not isinstance(entity_ids, list) or not all(isinstance(entity_id, str) for entity_id in entity_ids):
            raise InvalidSettingError(code=CONF_FALLBACK)
        is_mp3 = request.options[ATTR_PREFERRED_FORMAT] == AudioFormat.MP3 and not parse_effects(request.options)
        convenient = AudioFormat.MP3 if is_mp3 else AudioFormat.WAV
        return fallback_synthesizers(self.hass, entity_ids, self.entity_id, request.language, convenient)

    def _speaker(self, options: Mapping[str, Any], model: Model) -> str:
        """Return who is to speak. A voice picker names everyone as `voice`, however the provider calls it."""
        picked = options.get(ATTR_VOICE)
        if model.voice_key == ATTR_VOICE or picked in (None, self._subentry.data.get(ATTR_VOICE)):
            picked = options.get(model.voice_key)
        if not picked:
            raise InvalidSettingError(code=model.voice_key)
        return str(picked)

    def _format_of_call(self, options: Mapping[str, Any], asked: Model, model: Model) -> AudioFormat | None:
        """Return the format that a call wants from the provider, None where it leaves that to us.

        `model` speaks for the one that was `asked` for, and may not make what that made.
        """
        wanted = options[CONF_FORMAT]
        if wanted == self._format:
            return None
        if wanted not in (*asked.file_formats, *model.file_formats):
            raise InvalidSettingError(code=CONF_FORMAT)
        return AudioFormat(wanted) if wanted in model.formats else None

    def _is_as_configured(self, options: Mapping[str, Any]) -> bool:
        """Tell whether the voice itself is asked: what others do whom a call names says nothing of how it does."""
        own = self._subentry.data
        choices = self._account.provider.choices
        return (
            all(options.get(choice.key, choice.default) == own.get(choice.key, choice.default) for choice in choices)
            and options.get(ATTR_MODEL) == own.get(CONF_MODEL)
            and options.get(self._model.voice_key) == own.get(self._model.voice_key)
            and options.get(ATTR_VOICE) in (own.get(ATTR_VOICE), self._voice_id)
        )

    def _configured_in(self, model_id: str, voice: str) -> ConfigSubentry | None:
        """Return the voice if it is to speak with its own model and its own voice, not with those of a call."""
        return self._subentry if (model_id, voice) == (self._model.id, self._voice_id) else None

    async def _sound(  # noqa: PLR0913
        self,
        stack: AsyncExitStack,
        delivery: AudioResponse,
        spoken: Callable[[], None],
        told: Callable[[SpeechError], HomeAssistantError],
        said: list[str],
        *,
        is_whole: bool,
    ) -> AsyncGenerator[bytes]:
        """Yield what Home Assistant hands on, then end what `stack` holds. `spoken` is called when the voice speaks."""
        is_told = False
        async with stack:
            try:
                async for chunk in delivery.chunks:
                    if not is_told and delivery.heard().own:
                        is_told = True
                        spoken()
                    yield chunk
            except SpeechError as err:
                raise told(err) from err
            heard = delivery.heard()
            if heard.others or heard.has_gaps or not is_whole:
                async_discard(self.hass, "".join(said), self.entity_id)

    def _spoken(self, model: Model, voice: ConfigSubentry | None) -> None:
        """Take note that the voice is heard; `voice` is given if it speaks just as it is configured."""
        note_voice(self.entity_id)
        self._account.async_voice_spoke(model, voice)

    def _failed(self, voice: ConfigSubentry | None, error: SpeechError, *, is_own: bool) -> None:
        """Take note of an error; `voice` is given if it was to speak just as it is configured."""
        self._account.async_handle_error(error, voice=voice, model=self._model)
        if is_own:
            self._account.usage.async_record_error(self._subentry.subentry_id, error.translation_key)

    def _began(self, habit: LatencyStats, seconds: float, *, is_own: bool) -> None:
        """Take note of how long the first sound has taken."""
        habit.add(seconds)
        if is_own:
            self._account.usage.async_record_first_audio(self._subentry.subentry_id, seconds)

    def _spent(self, bill: Bill, spending: Usage) -> None:
        """Take note of what the provider has charged."""
        self._account.usage.async_add(spending)
        bill.add(self.entity_id, spending)

    def _told(self, error: SpeechError, *, is_own: bool) -> HomeAssistantError:
        """Return an error in the user's words."""
        message = translate_error(error, self._account.provider)
        if isinstance(error, InvalidSettingError):
            if is_own:
                self._account.usage.async_record_error(self._subentry.subentry_id, error.translation_key)
            return ServiceValidationError(**message)
        return HomeAssistantError(**message)


async def _noted(deltas: AsyncGenerator[str], said: list[str]) -> AsyncGenerator[str]:
    """Yield a text, and keep it."""
    async for delta in deltas:
        said.append(delta)
        yield delta


def _wanted(options: Mapping[str, Any]) -> OutputFormat:
    """Read what the receiver wishes for."""
    rate, channels, width = (_whole_number(options, key, allowed) for key, allowed in _SAMPLE_WISHES.items())
    return OutputFormat(
        str(options[ATTR_PREFERRED_FORMAT]),
        PcmConstraints(rate, channels, width),
        is_converted=options.get(_ATTR_PREFERRED_BITRATE) is not None,
    )


def _whole_number(options: Mapping[str, Any], key: str, allowed: range) -> int | None:
    """Read a number that need not be there, and that Home Assistant has read as one. Raises InvalidSettingError."""
    if options.get(key) is None:
        return None
    number = int(options[key])
    if number not in allowed:
        raise InvalidSettingError(code=key)
    return number


def _replacements(value: Any) -> tuple[Replacement, ...]:
    """Read the words to be said otherwise. Raises InvalidSettingError."""
    try:
        replacements = tuple(Replacement(find=str(rule["find"]), say=str(rule.get("say", ""))) for rule in value)
    except (AttributeError, KeyError, TypeError) as err:
        raise InvalidSettingError(code=CONF_REPLACEMENTS) from err
    if not all(replacement.find.strip() for replacement in replacements):
        raise InvalidSettingError(code=CONF_REPLACEMENTS)
    return replacements
