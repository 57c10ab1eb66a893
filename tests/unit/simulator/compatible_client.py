"""Asking the simulated compatible servers, by what each of them has, and reading what they answer."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import struct
from typing import Any

import aiohttp
import numpy as np
import numpy.typing as npt
import pytest

from tests.simulator import Compatible
from tests.simulator.openai_compatible.profile import Profile
from tests.simulator.openai_compatible.profiles import PROFILES
from tests.support.audio import RATE, decode

from .openai_client import TEXT

type Start = Callable[[Profile], Awaitable[Compatible]]


def named(value: object) -> str:
    """Return what a parameter of a test is called."""
    return value.name if isinstance(value, Profile) else str(value)


EACH = pytest.mark.parametrize("profile", PROFILES, ids=named)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, read to its end; json is None where it is something else."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    json: Any

    @property
    def content_type(self) -> str:
        """What it is declared as."""
        return self.headers["Content-Type"]


def body_for(profile: Profile, **changes: Any) -> dict[str, Any]:
    """Return a valid request with changes; a value of ... leaves a field out."""
    model = next((model for model in profile.models if model.speaks), None)
    voice = model.voices[0] if model and model.voices else "alloy"
    body = {"model": model.name if model else "any", "input": TEXT, "voice": voice} | changes
    return {key: value for key, value in body.items() if value is not ...}


@asynccontextmanager
async def client_of(server: Compatible, key: str | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that has the server's key, or another one, or none: an empty one."""
    key = server.api_key if key is None else key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        yield session


async def asked(server: Compatible, *, key: str | None = None, path: str | None = None, **changes: Any) -> Answered:
    """Return the answer to a request for speech."""
    path = path or server.profile.prefixes[0] + "/audio/speech"
    return await requested(server, path, "POST", key=key, json=body_for(server.profile, **changes))


async def requested(
    server: Compatible, path: str, method: str = "GET", *, key: str | None = None, **more: Any
) -> Answered:
    """Return the answer to any request."""
    async with client_of(server, key) as client, client.request(method, path, **more) as response:
        content = await response.read()
        json = await response.json() if response.content_type == "application/json" else None
        return Answered(response.status, response.headers, content, json)


async def samples_of(answer: Answered, rate: int = RATE) -> tuple[npt.NDArray[Any], int]:
    """Return an answer's samples and their rate; what has no container is at the given one."""
    assert answer.status == 200, answer.content
    if answer.content.startswith(b"RIFF"):
        parts = chunks(answer.content)
        kind, _, rate = struct.unpack_from("<HHI", parts[b"fmt "])
        return np.frombuffer(parts[b"data"], "<f4" if kind == 3 else "<i2"), rate
    if answer.content_type.startswith("audio/pcm"):
        return np.frombuffer(answer.content, "<i2"), rate
    return (await decode(answer.content)).samples, RATE


def chunks(audio: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a wav in their order; samples go on to the end, whatever their size is said to be."""
    found, at = {}, 12
    while at < len(audio):
        name, (size,) = audio[at : at + 4], struct.unpack_from("<I", audio, at + 4)
        end = len(audio) if name == b"data" else at + 8 + size
        found[name] = audio[at + 8 : end]
        at = end
    return found


def sizes(audio: bytes) -> tuple[int, int]:
    """Return the two sizes in a wav's header: the file's and the samples'."""
    return struct.unpack_from("<I", audio, 4)[0], struct.unpack_from("<I", audio, audio.index(b"data") + 4)[0]
