"""A client of the simulated OpenAI-compatible servers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import struct
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from tests.simulator import CompatibleServer
from tests.simulator.openai_compatible.profile import Profile
from tests.simulator.openai_compatible.profiles import PROFILES
from tests.support.audio import RATE, decode

from .openai_client import TEXT

type Start = Callable[[Profile], Awaitable[CompatibleServer]]


def create_id(value: object) -> str:
    """Return the id of a test parameter."""
    return value.name if isinstance(value, Profile) else str(value)


EACH_PROFILE = pytest.mark.parametrize("profile", PROFILES, ids=create_id)


@dataclass(frozen=True, slots=True)
class Response:
    """A response, read to its end; `json` is None if it is not JSON."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    json: Any

    @property
    def content_type(self) -> str:
        """The declared content type."""
        return self.headers["Content-Type"]


def speech_body(profile: Profile, **changes: Any) -> dict[str, Any]:
    """Return a valid request body with changes; ... removes a field."""
    model = next((model for model in profile.models if model.speaks), None)
    voice = model.voices[0] if model and model.voices else "alloy"
    body = {"model": model.name if model else "any", "input": TEXT, "voice": voice} | changes
    return {key: value for key, value in body.items() if value is not ...}


@asynccontextmanager
async def open_client(server: CompatibleServer, key: str | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session with the server's key, with another one, or with none for an empty key."""
    key = server.api_key if key is None else key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield session


async def post_speech(
    server: CompatibleServer, *, key: str | None = None, path: str | None = None, **changes: Any
) -> Response:
    """Send a speech request."""
    path = path or server.profile.prefixes[0] + "/audio/speech"
    return await send(server, path, "POST", key=key, json=speech_body(server.profile, **changes))


async def send(
    server: CompatibleServer, path: str, method: str = "GET", *, key: str | None = None, **options: Any
) -> Response:
    """Send a request."""
    async with open_client(server, key) as client, client.request(method, path, **options) as response:
        content = await response.read()
        json = await response.json() if response.content_type == "application/json" else None
        return Response(response.status, response.headers, content, json)


async def decode_audio(response: Response, rate: int = RATE) -> tuple[npt.NDArray[Any], int]:
    """Return the samples of a successful response and their rate; `rate` is that of raw samples."""
    assert response.status == 200, response.content
    if response.content.startswith(b"RIFF"):
        chunks = parse_wav_chunks(response.content)
        encoding, _, rate = struct.unpack_from("<HHI", chunks[b"fmt "])
        return np.frombuffer(chunks[b"data"], "<f4" if encoding == 3 else "<i2"), rate
    if response.content_type.startswith("audio/pcm"):
        return np.frombuffer(response.content, "<i2"), rate
    return (await decode(response.content)).samples, RATE


def parse_wav_chunks(audio: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a wav in order; the samples extend to the end, whatever their declared size."""
    found, position = {}, 12
    while position < len(audio):
        name, (size,) = audio[position : position + 4], struct.unpack_from("<I", audio, position + 4)
        end = len(audio) if name == b"data" else position + 8 + size
        found[name] = audio[position + 8 : end]
        position = end
    return found


def read_wav_sizes(audio: bytes) -> tuple[int, int]:
    """Return the declared sizes of a wav file and of its samples."""
    return struct.unpack_from("<I", audio, 4)[0], struct.unpack_from("<I", audio, audio.index(b"data") + 4)[0]
