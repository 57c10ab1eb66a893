"""Who speaks: a bare request, Orator, Home Assistant's own OpenAI voice. All yield sound as it reaches its listener."""

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
from .texts import Speech

_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10)


class Place(StrEnum):
    """Where sound is received."""

    STREAM = "stream"
    """Home Assistant's stream: what the satellites in it read from."""
    URL = "url"
    """Home Assistant's web server, from which a speaker fetches."""


class NoSoundError(Exception):
    """A contender has failed."""


class Contender(Protocol):
    """Somebody who speaks."""

    @property
    def name(self) -> str:
        """What the table calls them."""
        ...

    def speak(self, speech: Speech, options: Mapping[str, Any], place: Place) -> AsyncGenerator[bytes]:
        """Yield the file that a listener gets. Raises NoSoundError."""
        ...


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of Home Assistant."""

    name: str
    hass: HomeAssistant
    entity_id: str
    session: aiohttp.ClientSession
    base_url: str

    def say(self, speech: Speech, options: Mapping[str, Any]) -> tts.ResultStream:
        """Begin a speech as Assist and its actions do, without Home Assistant's cache on disk."""
        stream = tts.async_create_stream(self.hass, self.entity_id, options=dict(options))
        stream.use_file_cache = False
        if speech.words_per_second is None:
            speech.begin()
            stream.async_set_message(speech.text)
        else:
            stream.async_set_message_stream(speech.deltas())
        return stream

    async def speak(self, speech: Speech, options: Mapping[str, Any], place: Place) -> AsyncGenerator[bytes]:
        """Yield the file that a listener gets. Raises NoSoundError."""
        stream = self.say(speech, options)
        chunks = stream.async_stream_result() if place is Place.STREAM else self._fetch(stream.url)
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        except NoSoundError:
            raise
        except Exception as err:
            raise NoSoundError(f"{type(err).__name__}: {err}") from err
        finally:
            stream.delete()

    async def _fetch(self, path: str) -> AsyncGenerator[bytes]:
        """Fetch as a speaker does."""
        async with self.session.get(self.base_url + path, timeout=_TIMEOUT) as response:
            if not response.ok:
                raise NoSoundError(f"status {response.status}")
            async for chunk in response.content.iter_any():
                yield chunk


@dataclass(frozen=True, slots=True)
class Floor:
    """Nobody can be quicker: bare requests, as soon as there is something to say, for all of it at the same time."""

    name: str
    session: aiohttp.ClientSession
    url: str
    key: str

    async def speak(self, speech: Speech, options: Mapping[str, Any], place: Place) -> AsyncGenerator[bytes]:
        """Yield the sound of all requests in order, as one file after the other. Raises NoSoundError."""
        del place  # there is only one
        answers: asyncio.Queue[_Answer | None] = asyncio.Queue()
        audio_format = str(options.get("preferred_format", "mp3"))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._request_all(speech, audio_format, answers, group))
            while answer := await answers.get():
                async for chunk in answer.chunks():
                    yield chunk

    async def _request_all(
        self,
        speech: Speech,
        audio_format: str,
        answers: asyncio.Queue[_Answer | None],
        group: asyncio.TaskGroup,
    ) -> None:
        """Request each piece of the speech when it is known."""
        is_first = True
        async with aclosing(speech.pieces(MAX_CHARS)) as pieces:
            async for piece in pieces:
                answer = _Answer(skips_header=audio_format == "wav" and not is_first)
                is_first = False
                answers.put_nowait(answer)
                group.create_task(self._request(piece, audio_format, answer))
        answers.put_nowait(None)

    async def _request(self, text: str, audio_format: str, answer: _Answer) -> None:
        body = {
            "model": "gpt-4o-mini-tts",
            "voice": "alloy",
            "input": text,
            "response_format": audio_format,
        }
        headers = {"Authorization": f"Bearer {self.key}"}
        url = f"{self.url}/audio/speech"
        async with self.session.post(url, json=body, headers=headers, timeout=_TIMEOUT) as response:
            if not response.ok:
                raise NoSoundError(f"status {response.status}")
            async for chunk in response.content.iter_any():
                answer.add(chunk)
        answer.end()


_WAV_HEADER: Final = 44


@dataclass(slots=True)
class _Answer:
    """The sound of one request, until it is its turn; a wav after the first goes on without its header."""

    skips_header: bool
    _queue: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    def add(self, chunk: bytes) -> None:
        """Take sound."""
        if self.skips_header:
            self.skips_header = False
            chunk = chunk[_WAV_HEADER:]
        self._queue.put_nowait(chunk)

    def end(self) -> None:
        """There is no more."""
        self._queue.shutdown()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the sound as it arrives."""
        with suppress(asyncio.QueueShutDown):
            while True:
                yield await self._queue.get()
