"""Candidates of the comparison: bare requests, Orator, and Home Assistant's own OpenAI integration."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

import aiohttp
from homeassistant.components import tts
from homeassistant.core import HomeAssistant

from .conditions import MAX_CHARS
from .texts import Message

_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10)
_WAV_HEADER_BYTES: Final = 44


class Delivery(StrEnum):
    """Place where Home Assistant delivers audio."""

    STREAM = "stream"
    """Home Assistant's result stream, which feeds satellites."""
    URL = "url"
    """Home Assistant's web server, from which speakers fetch audio."""


class NoAudioError(Exception):
    """A candidate delivered no audio."""


class Candidate(Protocol):
    """A candidate, which turns a message into audio."""

    @property
    def name(self) -> str:
        """Name in the table."""
        ...

    def speak(self, message: Message, options: Mapping[str, Any], delivery: Delivery) -> AsyncGenerator[bytes]:
        """Yield the audio of a message. Raises NoAudioError."""
        ...


@dataclass(frozen=True, slots=True)
class HomeAssistantVoice:
    """A tts entity of Home Assistant."""

    name: str
    hass: HomeAssistant
    entity_id: str
    session: aiohttp.ClientSession
    base_url: str

    async def speak(self, message: Message, options: Mapping[str, Any], delivery: Delivery) -> AsyncGenerator[bytes]:
        """Yield the audio of a message. Raises NoAudioError."""
        stream = self._create_stream(options)
        if message.lead_s:
            await asyncio.sleep(message.lead_s)
        writer = _set_message(stream, message)
        chunks = stream.async_stream_result() if delivery is Delivery.STREAM else self._fetch(stream.url)
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        except NoAudioError:
            raise
        except Exception as err:
            raise NoAudioError(f"{type(err).__name__}: {err}") from err
        finally:
            if writer:
                writer.cancel()
            stream.delete()

    def _create_stream(self, options: Mapping[str, Any]) -> tts.ResultStream:
        """Create a stream as Assist and its actions do, without Home Assistant's cache on disk."""
        stream = tts.async_create_stream(self.hass, self.entity_id, options=dict(options))
        stream.use_file_cache = False
        return stream

    async def _fetch(self, path: str) -> AsyncGenerator[bytes]:
        """Yield the audio as a speaker fetches it."""
        async with self.session.get(self.base_url + path, timeout=_TIMEOUT) as response:
            if not response.ok:
                raise NoAudioError(f"status {response.status}")
            async for chunk in response.content.iter_any():
                yield chunk


def _set_message(stream: tts.ResultStream, message: Message) -> asyncio.Task[None] | None:
    """Start a message on a stream; return the task that writes a reply of Assist."""
    if message.is_complete:
        message.start()
        stream.async_set_message(message.text)
    elif message.is_assist_reply:
        return asyncio.create_task(message.write_through_gate(stream.async_set_message_stream), name="assistant")
    else:
        stream.async_set_message_stream(message.deltas())
    return None


@dataclass(frozen=True, slots=True)
class BareRequests:
    """The floor: bare HTTP requests, each sent as soon as its text is known, all at the same time."""

    name: str
    session: aiohttp.ClientSession
    url: str
    api_key: str

    async def speak(self, message: Message, options: Mapping[str, Any], delivery: Delivery) -> AsyncGenerator[bytes]:
        """Yield the audio of all requests in order. Raises NoAudioError."""
        del delivery  # Home Assistant is not involved
        responses: asyncio.Queue[_Response | None] = asyncio.Queue()
        audio_format = str(options.get("preferred_format", "mp3"))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._request_all(message, audio_format, responses, group))
            while response := await responses.get():
                async for chunk in response.chunks():
                    yield chunk

    async def _request_all(
        self,
        message: Message,
        audio_format: str,
        responses: asyncio.Queue[_Response | None],
        group: asyncio.TaskGroup,
    ) -> None:
        """Request each chunk of the message as soon as it is known."""
        is_first = True
        async with aclosing(message.chunks(MAX_CHARS)) as chunks:
            async for chunk in chunks:
                response = _Response(skips_header=audio_format == "wav" and not is_first)
                is_first = False
                responses.put_nowait(response)
                group.create_task(self._request(chunk, audio_format, response))
        responses.put_nowait(None)

    async def _request(self, text: str, audio_format: str, target: _Response) -> None:
        body = {
            "model": "gpt-4o-mini-tts",
            "voice": "alloy",
            "input": text,
            "response_format": audio_format,
        }
        headers = {"Authorization": f"Bearer {self.api_key}"}
        url = f"{self.url}/audio/speech"
        async with self.session.post(url, json=body, headers=headers, timeout=_TIMEOUT) as response:
            if not response.ok:
                raise NoAudioError(f"status {response.status}")
            async for chunk in response.content.iter_any():
                target.add(chunk)
        target.end()


@dataclass(slots=True)
class _Response:
    """The audio of a request, buffered until its turn. skips_header: whether to drop the header of a WAV."""

    skips_header: bool
    _queue: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    def add(self, chunk: bytes) -> None:
        """Add audio."""
        if self.skips_header:
            self.skips_header = False
            chunk = chunk[_WAV_HEADER_BYTES:]
        self._queue.put_nowait(chunk)

    def end(self) -> None:
        """Mark the audio as complete."""
        self._queue.shutdown()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the audio as it arrives."""
        with suppress(asyncio.QueueShutDown):
            while True:
                yield await self._queue.get()
