"""Requests to the host names of providers, as in tests/e2e, where these resolve to the simulator."""

import aiohttp
import pytest

from .nanogpt_client import NANO, speech_body
from .speechbase_client import inline_body


@pytest.mark.parametrize(
    ("host", "path", "body"),
    [
        ("api.nano-gpt.com", "/v1/speech", speech_body("/v1/speech", NANO)),
        ("api.speechbase.ai", "/v1/audio/speech", inline_body()),
        ("api.openai.com", "/v1/audio/speech", {"model": "tts-1", "voice": "nova", "input": "Hello."}),
        ("nano-gpt.com", "/api/v1/audio/speech", {"model": "tts-1", "voice": "nova", "input": "Hello."}),
    ],
)
async def test_speech_at_host(client: aiohttp.ClientSession, host: str, path: str, body: dict[str, object]) -> None:
    """Each provider answers at its own host name, with the paths of its real API."""
    async with client.post(path, json=body, headers={"Host": host}) as response:
        assert response.status == 200, await response.text()


async def test_path_of_other_host(client: aiohttp.ClientSession) -> None:
    """A host does not know the paths of the other providers."""
    async with client.get("/api/v1/audio-models", headers={"Host": "api.nano-gpt.com"}) as response:
        assert response.status == 404
