"""The HTTP client: timeouts, size limits, redirects and errors."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
import logging
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.orator.providers import base, errors
from custom_components.orator.providers.audio_responses import read_all
from custom_components.orator.providers.base import Provider
from custom_components.orator.providers.http import MAX_ERROR_BYTES, HttpClient, HttpSessions, Timeouts
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.simulator import Fault, Simulator, Timing

SPEECH_BODY = {"model": "tts-1", "voice": "nova", "input": "The kettle has boiled.", "response_format": "wav"}
SHORT_TIMEOUTS = Timeouts(connect_s=0.3, first_byte_s=0.3, between_bytes_s=0.2)


@pytest.fixture
async def session(simulator: Simulator) -> AsyncGenerator[ClientSession]:
    """Return an HTTP session."""
    async with ClientSession() as opened:
        yield opened


def create_client(session: ClientSession, simulator: Simulator, timeouts: Timeouts | None = None) -> HttpClient:
    """Return a client of the simulated OpenAI."""
    return HttpClient(
        session, simulator.openai_url, {"Authorization": f"Bearer {simulator.api_key}"}, timeouts or Timeouts()
    )


async def post_speech(client: HttpClient, **kwargs: Any) -> bytes:
    """Return the whole body of a speech response."""
    async with client.request("POST", "audio/speech", SPEECH_BODY) as response:
        return b"".join([block async for block in response.data(**kwargs)])


@pytest.mark.parametrize(
    "fault",
    [Fault(delay=5), Fault(stall_after=0), Fault(stall_after=3000)],
    ids=["no headers", "no first byte", "no more bytes"],
)
async def test_timeouts(session: ClientSession, simulator: Simulator, fault: Fault) -> None:
    """Each phase of a response has its own timeout."""
    simulator.fail(fault)
    async with asyncio.timeout(3):
        with pytest.raises(errors.TimedOutError):
            await post_speech(create_client(session, simulator, SHORT_TIMEOUTS))


@asynccontextmanager
async def dripping_server(head: bytes, block: bytes = b" ") -> AsyncGenerator[str]:
    """Run a server that sends a start line and headers, then a block every few milliseconds until the client leaves."""
    answers: list[asyncio.Task[Any] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 %s\r\nConnection: close\r\n\r\n" % head)
            while not writer.is_closing():
                writer.write(block)
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.abort_clients()
        await asyncio.gather(*filter(None, answers))


async def test_dripping_document(session: ClientSession, simulator: Simulator) -> None:
    """A document has to be complete within a time limit, although it makes progress."""
    async with asyncio.timeout(10), dripping_server(b"200 OK") as address:
        client = HttpClient(session, address, {}, Timeouts(document_s=0.1))
        with pytest.raises(errors.TimedOutError):
            await client.get_json("models")
        async with client.request("GET", "models") as response, aclosing(response.data()) as data:
            with pytest.raises(errors.TimedOutError):
                await read_all(data, 1000, timeout_s=0.1)


async def test_dripping_error(session: ClientSession, simulator: Simulator) -> None:
    """The status of an error decides if its body takes too long."""
    async with asyncio.timeout(10), dripping_server(b"402 Payment Required") as address:
        with pytest.raises(errors.OutOfCreditError):
            await HttpClient(session, address, {}, Timeouts(error_s=0.1)).get_json("models")


@pytest.mark.parametrize("create", [OpenAIProvider, NanoGPTProvider, SpeechbaseProvider])
async def test_endless_catalog(
    create: Callable[..., Provider], sessions: HttpSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog has a time limit of its own, whatever its answers do."""
    monkeypatch.setattr(base, "_CATALOG_TIMEOUT_S", 0.2)
    async with asyncio.timeout(10), dripping_server(b"200 OK") as address:
        provider = create(sessions, {"base_url": f"{address}/v1", "speech_base_url": address}, "sk-1")
        with pytest.raises(errors.TimedOutError):
            await provider.fetch_catalog()


async def test_no_total_timeout(session: ClientSession, simulator: Simulator) -> None:
    """A body that makes progress may take longer than any timeout."""
    simulator.timing = Timing(rate=2)
    assert len(await post_speech(create_client(session, simulator, SHORT_TIMEOUTS))) > 40_000


async def test_oversized_body(session: ClientSession, simulator: Simulator) -> None:
    """A body over the size limit is an error."""
    with pytest.raises(errors.ResponseTooLargeError):
        await post_speech(create_client(session, simulator), max_bytes=1000)


@pytest.mark.parametrize("has_length", [True, False])
async def test_truncated_body(session: ClientSession, simulator: Simulator, *, has_length: bool) -> None:
    """A truncated body is an error, whether or not its length was declared."""
    simulator.fail(Fault(truncate_after=2000, announces_length=has_length))
    with pytest.raises(errors.ConnectionLostError):
        await post_speech(create_client(session, simulator))


async def test_redirects(session: ClientSession, simulator: Simulator) -> None:
    """A redirect within the origin is followed with the API key; one to another origin is an error."""
    client = create_client(session, simulator)
    simulator.fail(Fault(path="/v1/audio/speech", status=307, headers={"Location": "/v1/audio/speech?again"}))
    assert await post_speech(client)
    async with Simulator(api_key=simulator.api_key) as other:
        target = f"{other.openai_url}/audio/speech"
        simulator.fail(Fault(path="/v1/audio/speech", status=307, headers={"Location": target}))
        with pytest.raises(errors.RedirectedError) as caught:
            await post_speech(client)
        assert caught.value.code == other.url
        assert not other.requests


async def test_redirect_with_credentials(session: ClientSession, simulator: Simulator) -> None:
    """A redirect with a user name or password is an error that does not repeat them."""
    for credentials in ("user:secret@", "user@", ":secret@"):
        location = simulator.openai_url.replace("://", f"://{credentials}") + "/audio/speech?again"
        simulator.fail(Fault(status=307, headers={"Location": location}))
        with pytest.raises(errors.RedirectedError) as caught:
            await post_speech(create_client(session, simulator))
        assert caught.value.code == simulator.url


async def test_endless_redirects(session: ClientSession, simulator: Simulator) -> None:
    """Endless redirects are an error."""
    simulator.fail(Fault(status=307, headers={"Location": "/v1/audio/speech"}, times=99))
    with pytest.raises(errors.RedirectedError):
        await post_speech(create_client(session, simulator))
    assert len(simulator.requests) < 6


async def test_redirect_that_changes_the_method(session: ClientSession, simulator: Simulator) -> None:
    """A 302, which would turn the POST into a GET, is not followed."""
    simulator.fail(Fault(status=302, headers={"Location": "/v1/audio/speech"}))
    with pytest.raises(errors.RedirectedError):
        await post_speech(create_client(session, simulator))


async def test_debug_log(session: ClientSession, simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """The log of a refusal repeats nothing of its body, which may quote the text and the key."""
    caplog.set_level(logging.DEBUG)
    simulator.fail(Fault(status=400, json={"error": {"message": SPEECH_BODY["input"], "code": simulator.api_key}}))
    with pytest.raises(errors.RejectedError):
        await post_speech(create_client(session, simulator))
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("custom_components.orator")]
    assert len(logged) == 1
    assert "400" in logged[0]
    assert "kettle" not in logged[0]
    assert simulator.api_key
    assert simulator.api_key not in logged[0]


async def test_oversized_error_body(session: ClientSession, simulator: Simulator) -> None:
    """An error body beyond the limit is ignored; the status decides."""
    simulator.fail(Fault(status=429, body="x" * (MAX_ERROR_BYTES * 2)))
    with pytest.raises(errors.RateLimitedError) as caught:
        await post_speech(create_client(session, simulator))
    assert caught.value.code is None


async def test_optional_fields(session: ClientSession, simulator: Simulator) -> None:
    """An error that mentions an optional field of the client names it."""
    simulator.fail(Fault(status=400, json={"error": "A secret text about the mode of things"}))
    client = HttpClient(session, simulator.openai_url, {}, optional_fields=frozenset({"mode"}))
    with pytest.raises(errors.RejectedError) as caught:
        await post_speech(client)
    assert caught.value.fields == {"mode"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (timedelta(seconds=90), 90),
        (timedelta(hours=-1), 0),
        ("Sat, 21 Nov 2020 07:28:00 -0000", 0),
        ("soon", None),
        ("", None),
    ],
)
async def test_retry_after(
    session: ClientSession, simulator: Simulator, header: str | timedelta, seconds: float | None
) -> None:
    """Retry-After is understood in seconds and as a date."""
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header, usegmt=True)
    simulator.fail(Fault(status=503, headers={"Retry-After": header}))
    with pytest.raises(errors.ProviderFaultError) as caught:
        await post_speech(create_client(session, simulator))
    assert caught.value.retry_after == (None if seconds is None else pytest.approx(seconds, abs=5))


async def test_error_in_several_packets(socket_enabled: None) -> None:
    """A code in the second packet of an error body is found."""
    head, rest = b'{"error": {"message": "m", ', b'"code": "insufficient_quota"}}'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = len(head) + len(rest)
        writer.write(b"HTTP/1.1 429 Too Many\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (length, head))
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.write(rest)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, ClientSession() as session:
        client = HttpClient(session, f"http://127.0.0.1:{port}", {})
        with pytest.raises(errors.OutOfCreditError):
            await client.get_json("models")


async def test_closed_session(session: ClientSession, simulator: Simulator) -> None:
    """A request over a closed session fails with a connection error."""
    client = create_client(session, simulator)
    await session.close()
    with pytest.raises(errors.ConnectionLostError):
        await client.get_json("models")
