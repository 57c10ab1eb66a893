"""Names that lead nowhere: the service's, which is told at once, and that of a file's host, which is asked again."""

from collections.abc import AsyncGenerator
from typing import override

from aiohttp import ClientSession, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions, SynthesisRequest
from custom_components.orator.providers.downloads import Downloads
from custom_components.orator.providers.speechbase import SpeechbaseProvider


class Nowhere(AbstractResolver):
    """Knows no name, and keeps those that it was asked for."""

    def __init__(self) -> None:
        """Begin with none."""
        self.asked: list[str] = []

    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        self.asked.append(host)
        raise OSError(f"{host}:{port} ({family}) leads nowhere")

    @override
    async def close(self) -> None:
        pass


@pytest.fixture
def nowhere() -> Nowhere:
    """Return what resolves names."""
    return Nowhere()


@pytest.fixture
async def connections(nowhere: Nowhere) -> AsyncGenerator[HttpSessions]:
    """Open connections that find nothing."""
    async with ClientSession(connector=TCPConnector(resolver=nowhere)) as session:
        yield HttpSessions(session, session)


async def test_service_is_looked_for_once(connections: HttpSessions, nowhere: Nowhere) -> None:
    """Where the service can't be found, nobody waits for another try: another voice is to speak."""
    provider = SpeechbaseProvider(connections, {"base_url": "https://api.speechbase.invalid"}, "sk")
    request = SynthesisRequest("One.", provider.describe_model("openai/tts-1", None, {}), "nova", AudioFormat.MP3)
    with pytest.raises(errors.NameNotFoundError):
        async with synthesize_with_retries(provider, request):
            pass
    assert nowhere.asked == ["api.speechbase.invalid"]


async def test_file_is_looked_for_again(connections: HttpSessions, nowhere: Nowhere) -> None:
    """A file has been paid for, so its host is worth another try; and it is no sign of the service's end."""
    with pytest.raises(errors.CannotConnectError) as caught:
        async with Downloads(connections, may_be_local=False).open("https://files.invalid/speech.mp3"):
            pass
    assert type(caught.value) is errors.CannotConnectError
    assert caught.value.is_retryable
    assert nowhere.asked == ["files.invalid"] * 3
