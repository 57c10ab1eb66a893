"""Speech made through Home Assistant's own cache, so that what is made once is found there by everybody."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
import hashlib
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .providers.spending import Spending
from .spoken import noted_voices
from .usage import Bill, billed

PREFERENCES: Final = "preferred_"
"""What the names of the options begin with that every voice takes."""
_LOOKS: Final = 40
_LOOK_EVERY: Final = 0.25


@dataclass(frozen=True, slots=True)
class Order:
    """What a voice is to say, with the options of `tts.speak`."""

    message: str
    language: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    is_kept: bool = True
    """Whether it is also kept on disk, and looked for there."""


@dataclass(frozen=True, slots=True)
class Making:
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
def async_begin(hass: HomeAssistant, voice: tts.TextToSpeechEntity, order: Order) -> Making:
    """Have a voice say something, unless it is in Home Assistant's cache. Raises ServiceValidationError."""
    check_order(voice, order)
    manager = hass.data[DATA_TTS_MANAGER]
    stream = manager.async_create_result_stream(
        voice.entity_id, use_file_cache=order.is_kept, language=order.language, options=dict(order.options)
    )
    known = manager.mem_cache.keys() | (manager.file_cache.keys() if order.is_kept else set())
    with billed() as bill, noted_voices() as voices:
        stream.async_set_message(order.message)
    cache = manager.async_cache_message_in_memory(  # finds what was just begun, and tells its key
        engine=voice.entity_id,
        message=order.message,
        use_file_cache=order.is_kept,
        language=str(stream.language),
        options=stream.options,
    )
    return Making(stream, cache.cache_key, cache.cache_key in known, bill, voices)


class SpokenByOthersError(HomeAssistantError):
    """Another voice has spoken, which Home Assistant does not keep."""


class Ahead:
    """A message that is made ahead, in all the ways in which it will be asked for."""

    def __init__(self, hass: HomeAssistant, voice: tts.TextToSpeechEntity) -> None:
        """Begin with nothing made."""
        self._hass = hass
        self._voice = voice
        self._makings: list[Making] = []

    @property
    def spending(self) -> Spending:
        """What it has cost so far."""
        return sum((making.bill.total for making in self._makings), Spending())

    @property
    def was_made(self) -> bool:
        """Whether all of it was there before."""
        return all(making.was_made for making in self._makings)

    def is_kept(self, order: Order) -> bool:
        """Tell whether it is on disk already, without having it said."""
        manager = self._hass.data[DATA_TTS_MANAGER]
        language, options = manager.process_options(self._voice, order.language, dict(order.options))
        return _key(self._voice, order.message, language, options) in manager.file_cache

    async def async_make(self, order: Order) -> None:
        """Have it said and kept on disk. Raises HomeAssistantError, SpokenByOthersError where others have said it.

        What is found only in memory, because it was spoken without being kept, is made again.
        """
        making = await self._async_made(order)
        if making.was_made and not await _async_is_kept(self._hass, making.key):
            self._hass.data[DATA_TTS_MANAGER].mem_cache.pop(making.key, None)
            making = await self._async_made(order)
        if not await _async_is_kept(self._hass, making.key):
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_kept")

    async def _async_made(self, order: Order) -> Making:
        making = async_begin(self._hass, self._voice, order)
        self._makings.append(making)
        await making.sound()
        if making.spoken_by != [self._voice.entity_id]:
            raise SpokenByOthersError(translation_domain=DOMAIN, translation_key="spoken_by_others")
        return making


def _key(voice: tts.TextToSpeechEntity, message: str, language: str, options: dict[str, Any]) -> str:
    """Return what Home Assistant's cache has speech under; it tells that itself only once it has it spoken."""
    words = hashlib.sha1(message.encode(), usedforsecurity=False).hexdigest()
    how = tts._hash_options(options)  # noqa: SLF001
    return tts.KEY_PATTERN.format(words, language.replace("_", "-"), how, voice.entity_id).lower()


async def _async_is_kept(hass: HomeAssistant, key: str) -> bool:
    """Tell whether Home Assistant has something on disk, where it writes it a moment after the last sound."""
    manager = hass.data[DATA_TTS_MANAGER]
    for _ in range(_LOOKS):
        if key in manager.file_cache:
            return True
        await asyncio.sleep(_LOOK_EVERY)
    return False


def check_order(voice: tts.TextToSpeechEntity, order: Order) -> None:
    """Refuse what the voice does not know, before anything is spent. Raises ServiceValidationError."""
    if order.language is not None and order.language not in voice.supported_languages:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="language_not_spoken",
            translation_placeholders={"voice": voice.entity_id, "language": order.language},
        )
    taken = voice.supported_options or []
    unknown = [key for key in order.options if key not in taken and not key.startswith(PREFERENCES)]
    if unknown:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="unknown_options",
            translation_placeholders={"voice": voice.entity_id, "options": ", ".join(unknown)},
        )


def _nothing() -> HomeAssistantError:
    return HomeAssistantError(translation_domain=DOMAIN, translation_key="not_made")
