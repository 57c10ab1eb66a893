"""Speech made through Home Assistant's own cache, so that what is made once is found there by everybody."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .providers.models import Usage
from .spoken import noted_voices
from .tts_cache import async_drop_from_memory, async_wait_until_on_disk, cache_key, is_in_memory, is_on_disk
from .usage import Bill, billed

PREFERRED_PREFIX: Final = "preferred_"
"""What the names of the options begin with that every voice takes."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What a voice is to say, with the options of `tts.speak`."""

    message: str
    language: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    is_kept: bool = True
    """Whether it is also kept on disk, and looked for there."""


@dataclass(frozen=True, slots=True)
class SpeechResult:
    """Speech that has begun to be made."""

    stream: tts.ResultStream
    key: str
    """Under which Home Assistant's cache has it."""
    was_made: bool
    """Whether it was in the cache before."""
    bill: Bill
    """What it costs, once all of the sound was read."""
    voices: list[str]
    """Who was heard; nobody where it was made before."""

    async def begun(self) -> None:
        """Return once there is a first sound. Raises HomeAssistantError."""
        async with aclosing(self._chunks()) as chunks:
            if not await anext(chunks, b""):
                raise _nothing()

    async def sound(self) -> bytes:
        """Return all of the sound. Raises HomeAssistantError."""
        if sound := b"".join([chunk async for chunk in self._chunks()]):
            return sound
        raise _nothing()

    async def _chunks(self) -> AsyncGenerator[bytes]:
        """Yield the sound as it is made; whatever goes wrong is told in words that its listener understands."""
        try:
            async for chunk in self.stream.async_stream_result():
                yield chunk
        except HomeAssistantError:
            raise
        except Exception as err:
            raise _nothing() from err

    @property
    def spoken_by(self) -> list[str]:
        """The entities that have spoken; what was made before was made by the own one, as others' is not kept."""
        return self.voices or [str(self.stream.engine)]


@callback
def async_request_speech(hass: HomeAssistant, voice: tts.TextToSpeechEntity, order: SpeechRequest) -> SpeechResult:
    """Have a voice say something, unless it is in Home Assistant's cache. Raises ServiceValidationError."""
    validate_request(voice, order)
    stream, key = _prepared(hass, voice, order)
    was_made = is_in_memory(hass, key) or (order.is_kept and is_on_disk(hass, key))
    with billed() as bill, noted_voices() as voices:
        stream.async_set_message(order.message)
    return SpeechResult(stream, key, was_made, bill, voices)


def _prepared(hass: HomeAssistant, voice: tts.TextToSpeechEntity, order: SpeechRequest) -> tuple[tts.ResultStream, str]:
    """Return a stream that is not yet to say anything, and what it will be kept under."""
    options = dict(order.options)
    stream = tts.async_create_stream(hass, voice.entity_id, language=order.language, options=options)
    stream.use_file_cache = order.is_kept
    return stream, cache_key(voice.entity_id, order.message, str(stream.language), stream.options)


class SpokenByFallbackError(HomeAssistantError):
    """Another voice has spoken, which Home Assistant does not keep."""


class PreparedMessage:
    """A message that is made ahead, in all the ways in which it will be asked for."""

    def __init__(self, hass: HomeAssistant, voice: tts.TextToSpeechEntity) -> None:
        """Begin with nothing made."""
        self._hass = hass
        self._voice = voice
        self._makings: list[SpeechResult] = []

    @property
    def spending(self) -> Usage:
        """What it has cost so far."""
        return sum((making.bill.total for making in self._makings), Usage())

    @property
    def was_made(self) -> bool:
        """Whether all of it was there before."""
        return all(making.was_made for making in self._makings)

    def is_kept(self, order: SpeechRequest) -> bool:
        """Tell whether it is on disk already, without having it said."""
        return is_on_disk(self._hass, _prepared(self._hass, self._voice, order)[1])

    async def async_make(self, order: SpeechRequest) -> None:
        """Have it said and kept on disk. Raises HomeAssistantError, SpokenByOthersError where others have said it.

        What is found only in memory, because it was spoken without being kept, is made again.
        """
        making = await self._async_made(order)
        if making.was_made and not await async_wait_until_on_disk(self._hass, making.key):
            async_drop_from_memory(self._hass, making.key)
            making = await self._async_made(order)
        if not await async_wait_until_on_disk(self._hass, making.key):
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_kept")

    async def _async_made(self, order: SpeechRequest) -> SpeechResult:
        making = async_request_speech(self._hass, self._voice, order)
        self._makings.append(making)
        await making.sound()
        if making.spoken_by != [self._voice.entity_id]:
            raise SpokenByFallbackError(translation_domain=DOMAIN, translation_key="spoken_by_others")
        return making


def validate_request(voice: tts.TextToSpeechEntity, order: SpeechRequest) -> None:
    """Refuse what the voice does not know, before anything is spent. Raises ServiceValidationError."""
    if order.language is not None and order.language not in voice.supported_languages:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="language_not_spoken",
            translation_placeholders={"voice": voice.entity_id, "language": order.language},
        )
    taken = voice.supported_options or []
    unknown = [key for key in order.options if key not in taken and not key.startswith(PREFERRED_PREFIX)]
    if unknown:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="unknown_options",
            translation_placeholders={"voice": voice.entity_id, "options": ", ".join(unknown)},
        )


def _nothing() -> HomeAssistantError:
    return HomeAssistantError(translation_domain=DOMAIN, translation_key="not_made")
