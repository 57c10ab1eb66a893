"""The text-to-speech entity: Home Assistant's request in, Home Assistant's response out."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, override

from homeassistant.components.tts import (
    ATTR_PREFERRED_FORMAT,
    ATTR_VOICE,
    TextToSpeechEntity,
    TTSAudioRequest,
    TTSAudioResponse,
    Voice,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_MODEL, CONF_MODEL
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import language as language_util

from .account import OratorConfigEntry
from .audio import wav
from .audio.formats import AudioFormat, is_same_container
from .const import CONF_BASE_URL, CONF_FORMAT, DOMAIN, SUBENTRY_VOICE
from .messages import message_of
from .providers.base import Model, SpeechAudio, SpeechRequest
from .providers.errors import InvalidKeyError, InvalidSettingError, NotAudioError, SpeechError, TextTooLongError
from .speech.attempts import synthesize

PARALLEL_UPDATES = 0

_FORMATS_BY_EXTENSION: Final[Mapping[str, AudioFormat]] = {
    **{audio_format.value: audio_format for audio_format in AudioFormat},
    "oga": AudioFormat.OGG,
    "raw": AudioFormat.PCM,
}
_CAUSED_BY_THE_CALLER: Final = (InvalidSettingError, TextTooLongError)


async def async_setup_entry(
    hass: HomeAssistant, entry: OratorConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entity for every voice of an account."""
    for subentry in entry.subentries.values():
        if subentry.subentry_type == SUBENTRY_VOICE:
            async_add_entities([VoiceEntity(hass, entry, subentry)], config_subentry_id=subentry.subentry_id)


class VoiceEntity(TextToSpeechEntity):
    """A voice of an account."""

    # Home Assistant refuses a speech entity whose name is None, so a voice can't borrow its device's name.
    _attr_has_entity_name = False

    def __init__(self, hass: HomeAssistant, entry: OratorConfigEntry, subentry: ConfigSubentry) -> None:
        """Describe a voice to Home Assistant."""
        self._entry = entry
        self._account = entry.runtime_data
        self._model_id: str = subentry.data[CONF_MODEL]
        provider = self._account.provider
        self._attr_unique_id = subentry.subentry_id
        self._attr_name = subentry.title
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, subentry.subentry_id)},
            name=subentry.title,
            manufacturer=provider.name,
            model=self._model_id,
            entry_type=DeviceEntryType.SERVICE,
        )
        self._attr_supported_languages = list(provider.languages)
        own = language_util.matches(hass.config.language, provider.languages, hass.config.country)
        self._attr_default_language = next(iter(own), "en")
        self._attr_supported_options = [
            ATTR_MODEL,
            ATTR_VOICE,
            CONF_FORMAT,
            ATTR_PREFERRED_FORMAT,
            *self._account.option_keys,
        ]
        # Home Assistant finds cached speech by these, so everything that changes the sound is among them.
        audio_format = subentry.data.get(CONF_FORMAT, AudioFormat.MP3.value)
        self._attr_default_options = {
            CONF_BASE_URL: provider.base_url,
            ATTR_PREFERRED_FORMAT: audio_format,
            CONF_FORMAT: audio_format,
            **subentry.data,
        }

    @callback
    @override
    def async_get_supported_voices(self, language: str) -> list[Voice] | None:
        """List the voices for Assist's voice picker."""
        model = self._account.model(self._model_id)
        wanted = language.partition("-")[0]
        return [
            Voice(voice.id, voice.name)
            for voice in model.voices
            if not voice.languages or any(tag.partition("-")[0] == wanted for tag in voice.languages)
        ] or None

    @override
    async def async_stream_tts_audio(self, request: TTSAudioRequest) -> TTSAudioResponse:
        """Begin to speak, and return once it is known what the provider's sound is."""
        text = "".join([delta async for delta in request.message_gen])
        wanted = request.options[ATTR_PREFERRED_FORMAT]
        async with AsyncExitStack() as stack:
            try:
                speech_request = self._speech_request(text, wanted, request.options)
                audio = await stack.enter_async_context(synthesize(self._account.provider, speech_request))
            except SpeechError as err:
                raise self._reported(err) from err
            return TTSAudioResponse(_extension(audio, wanted), self._sound(stack.pop_all(), audio, wanted))

    def _speech_request(self, text: str, wanted: str, options: Mapping[str, Any]) -> SpeechRequest:
        """Make the request for a call's options; those that the model does not take are left out."""
        model = self._account.model(options[ATTR_MODEL])
        return SpeechRequest(
            text=text,
            model=model,
            voice=str(options[ATTR_VOICE]),
            format=_provider_format(model, wanted),
            settings={
                option.key: option.parse(options[option.key]) for option in model.options if option.key in options
            },
        )

    async def _sound(self, stack: AsyncExitStack, audio: SpeechAudio, wanted: str) -> AsyncGenerator[bytes]:
        """Yield what Home Assistant hands on, then end what `stack` holds."""
        async with stack:
            try:
                async for chunk in _delivered(audio, wanted):
                    yield chunk
            except SpeechError as err:
                raise self._reported(err) from err

    def _reported(self, error: SpeechError) -> HomeAssistantError:
        """Start what helps against an error, and return it in the user's words."""
        if isinstance(error, InvalidKeyError):
            self._entry.async_start_reauth(self.hass)
        message = message_of(error, self._account.provider)
        if isinstance(error, _CAUSED_BY_THE_CALLER):
            return ServiceValidationError(**message)
        return HomeAssistantError(**message)


def _provider_format(model: Model, extension: str) -> AudioFormat:
    """Choose what to ask the provider for.

    Where it can't make what is wanted, Home Assistant converts, and begins soonest with samples.
    """
    wanted = _FORMATS_BY_EXTENSION.get(extension)
    exact = [audio_format for audio_format in model.formats if audio_format is wanted]
    same = [audio_format for audio_format in model.formats if wanted and is_same_container(audio_format, wanted)]
    samples = [audio_format for audio_format in (AudioFormat.PCM, AudioFormat.WAV) if audio_format in model.formats]
    return [*exact, *same, *samples, *model.formats][0]


def _extension(audio: SpeechAudio, wanted: str) -> str:
    """Say what `_delivered` yields: where that is not what is wanted, Home Assistant converts it."""
    wanted_format = _FORMATS_BY_EXTENSION.get(wanted)
    if wanted_format and is_same_container(audio.format, wanted_format):
        return wanted
    return AudioFormat.WAV if audio.format is AudioFormat.PCM else audio.format


async def _delivered(audio: SpeechAudio, wanted: str) -> AsyncGenerator[bytes]:
    """Yield a provider's sound as its receiver needs it.

    A player that asked for wav gets it with its true length, so that one is read to its end first. Samples that Home
    Assistant is going to convert follow a header without a length, and so do not wait.
    """
    extension = _extension(audio, wanted)
    if audio.format is AudioFormat.PCM and extension == AudioFormat.WAV and audio.pcm:
        yield wav.header(audio.pcm)
    elif audio.format is AudioFormat.WAV and extension == wanted:
        try:
            yield wav.with_true_lengths(b"".join([chunk async for chunk in audio.chunks]))
        except wav.MalformedWavError as err:
            raise NotAudioError from err
        return
    async for chunk in audio.chunks:
        yield chunk
