"""Host names that cannot be resolved."""

from collections.abc import AsyncGenerator

from aiohttp import ClientSession, TCPConnector
import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import SynthesisRequest
from custom_components.orator.providers.downloads import Downloads
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.support.resolvers import FailingResolver


@pytest.fixture
def resolver() -> FailingResolver:
    """Return a resolver that fails."""
    return FailingResolver()


@pytest.fixture
async def sessions(resolver: FailingResolver) -> AsyncGenerator[HttpSessions]:
    """Return HTTP sessions that resolve no name."""
    async with ClientSession(connector=TCPConnector(resolver=resolver)) as session:
        yield HttpSessions(session, session, session)


async def test_provider_is_resolved_once(sessions: HttpSessions, resolver: FailingResolver) -> None:
    """A provider that cannot be resolved is not retried, so that a fallback speaks at once."""
    provider = SpeechbaseProvider(sessions, {"base_url": "https://api.speechbase.invalid"}, "sk")
    request = SynthesisRequest("One.", provider.describe_model("openai/tts-1", None, {}), "nova", AudioFormat.MP3)
    with pytest.raises(errors.NameNotFoundError):
        async with synthesize_with_retries(provider, request):
            pass
    assert resolver.names == ["api.speechbase.invalid"]


async def test_file_host_is_resolved_again(sessions: HttpSessions, resolver: FailingResolver) -> None:
    """The host of a file that was charged is retried; its absence does not mean that the provider is gone."""
    with pytest.raises(errors.CannotConnectError) as caught:
        async with Downloads(sessions, may_be_local=False).open("https://files.invalid/speech.mp3"):
            pass
    assert type(caught.value) is errors.CannotConnectError
    assert caught.value.is_retryable
    assert resolver.names == ["files.invalid"] * 3
