"""The HTTP client: timeouts, size limits, redirects and errors."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.error_responses import error_for
from custom_components.orator.providers.http import MAX_ERROR_BYTES, HttpClient, Timeouts
from custom_components.orator.providers.json_documents import Json
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
        return b"".join([chunk async for chunk in response.chunks(**kwargs)])


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
    simulator.fail(Fault(truncate_after=2000, content_length=has_length))
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


@pytest.mark.parametrize(
    ("body", "error", "code"),
    [
        ('{"error": {"code": "insufficient_quota", "type": "t"}}', errors.OutOfCreditError, "insufficient_quota"),
        ('{"error": {"code": null, "type": "insufficient_quota"}}', errors.OutOfCreditError, "insufficient_quota"),
        ('{"detail": {"error": {"type": "model_not_found"}}}', errors.NotFoundError, "model_not_found"),
        ('{"code": "content_policy_violation"}', errors.ContentRefusedError, "content_policy_violation"),
        ('{"error": "slow down"}', errors.RateLimitedError, None),
        ('{"error": {"code": "a sentence with the key sk-1 in it"}}', errors.RateLimitedError, None),
        ("<html>", errors.RateLimitedError, None),
        ("[" * 100_000, errors.RateLimitedError, None),
        ("x" * (MAX_ERROR_BYTES * 2), errors.RateLimitedError, None),
    ],
)
async def test_error_codes(
    session: ClientSession, simulator: Simulator, body: str, error: type[errors.SpeechError], code: str | None
) -> None:
    """The provider's code outranks the status, in every envelope; longer strings are not codes."""
    simulator.fail(Fault(status=429, body=body))
    with pytest.raises(error) as caught:
        await post_speech(create_client(session, simulator))
    assert caught.value.code == code


SCOPES_MESSAGE = "You have insufficient permissions for this operation. Missing scopes: model.request."


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        # Without a known code, the message decides.
        (
            401,
            {"error": {"message": SCOPES_MESSAGE, "type": "invalid_request_error", "code": None}},
            errors.NotPermittedError,
        ),
        (400, {"error": "Insufficient balance"}, errors.OutOfCreditError),
        (400, {"error": {"message": "Insufficient balance", "code": 400}}, errors.OutOfCreditError),
        (400, {"message": "Payment required", "code": "bad_request"}, errors.OutOfCreditError),
        (400, {"detail": {"message": "Insufficient balance"}}, errors.OutOfCreditError),
        # A known code outranks the message.
        (401, {"error": {"message": SCOPES_MESSAGE, "code": "invalid_api_key"}}, errors.InvalidKeyError),
        (429, {"error": {"message": "Add credit to go faster", "type": "rate_limit_error"}}, errors.RateLimitedError),
        (400, {"error": {"message": "No voice 'out of balance'", "code": "invalid_voice"}}, errors.RejectedError),
        (400, {"error": {"message": "Say 'out of funds'", "code": "string_above_max_length"}}, errors.TextTooLongError),
        (400, {"error": {"message": "Insufficient balance", "code": 429}}, errors.RateLimitedError),
        # A message that may quote the request is ignored.
        (404, {"error": {"message": "There is no model 'out of credit'"}}, errors.NotFoundError),
        (422, {"error": {"message": "Not speakable: 'not enough funds'"}}, errors.RejectedError),
        (400, {"detail": "Not speakable: 'Your balance is empty, add funds'"}, errors.RejectedError),
        (400, {"detail": [{"msg": "Wrong", "input": "add funds"}]}, errors.RejectedError),
        (403, {"error": {"detail": "Not speakable: 'missing scopes'"}, "code": "forbidden"}, errors.NotPermittedError),
        (500, {"error": "insufficient balance upstream"}, errors.ProviderFaultError),
    ],
)
async def test_error_messages(
    session: ClientSession, simulator: Simulator, status: int, document: Json, error: type[errors.SpeechError]
) -> None:
    """Messages are searched only without a known code, and only if they cannot quote the request."""
    simulator.fail(Fault(status=status, json=document))
    with pytest.raises(error) as caught:
        await post_speech(create_client(session, simulator))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"validation": [{"path": ["output", 0, "bitrate"], "message": "No"}]}, {"output", "bitrate"}),
        ({"validation": [{"path": "body.voice"}, {"path": None}, "odd"]}, {"body", "voice"}),
        ({"validation": "voice", "detail": 7}, set()),
        ({"detail": "Unrecognized keys: 'speed', \"tone\"."}, {"speed", "tone"}),
        ({"message": "Unrecognised key(s) in object: `speed`"}, {"speed"}),
        ({"error": {"message": "unrecognized key: speed", "validation": [{"path": ["a"]}]}}, {"speed", "a"}),
        ({"error": "A secret text about the mode of things"}, {"mode"}),
        ({"detail": "Modern models"}, set()),
    ],
)
async def test_error_fields(session: ClientSession, simulator: Simulator, document: Json, fields: set[str]) -> None:
    """An error has the fields that the response names, but not the message."""
    simulator.fail(Fault(status=400, json=document))
    client = HttpClient(session, simulator.openai_url, {}, optional_fields=frozenset({"mode"}))
    with pytest.raises(errors.RejectedError) as caught:
        await post_speech(client)
    assert caught.value.fields == fields
    assert caught.value.has_error_document


@pytest.mark.parametrize("body", ["", "<html>", '"text"', "[]"])
async def test_body_without_error_document(session: ClientSession, simulator: Simulator, body: str) -> None:
    """A page or an empty body is not an error document."""
    simulator.fail(Fault(status=404, body=body))
    with pytest.raises(errors.NotFoundError) as caught:
        await post_speech(create_client(session, simulator))
    assert not caught.value.has_error_document


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


@pytest.mark.parametrize("status", range(400, 600))
def test_retryable_statuses(status: int) -> None:
    """Every error status becomes an error, and the temporary ones a retryable error."""
    error = error_for(status)
    assert error.status == status
    assert error.is_retryable is (status in (408, 429) or (status >= 500 and status != 501))


def test_error_string() -> None:
    """The string of an error holds its key, status and short code only."""
    assert str(errors.RejectedError(status=400, code="invalid_value")) == "rejected (400, invalid_value)"
    assert str(errors.TimedOutError()) == "timed_out"
