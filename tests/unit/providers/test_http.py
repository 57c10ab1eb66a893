"""The one place that talks HTTP: how long it waits, how much it reads, and what it makes of what comes."""

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

SPEECH = {"model": "tts-1", "voice": "nova", "input": "The kettle has boiled.", "response_format": "wav"}
QUICK = Timeouts(connect=0.3, first_byte=0.3, between_bytes=0.2)


@pytest.fixture
async def session(simulator: Simulator) -> AsyncGenerator[ClientSession]:
    """Give a session of its own."""
    async with ClientSession() as opened:
        yield opened


def client_of(session: ClientSession, simulator: Simulator, limits: Timeouts | None = None) -> HttpClient:
    """Return a client of the simulated OpenAI."""
    return HttpClient(
        session, simulator.openai_url, {"Authorization": f"Bearer {simulator.api_key}"}, limits or Timeouts()
    )


async def spoken(client: HttpClient, **limits: Any) -> bytes:
    """Return a body, read to its end."""
    async with client.request("POST", "audio/speech", SPEECH) as answer:
        return b"".join([chunk async for chunk in answer.chunks(**limits)])


@pytest.mark.parametrize(
    "fault",
    [Fault(delay=5), Fault(stall_after=0), Fault(stall_after=3000)],
    ids=["no headers", "no first byte", "no more bytes"],
)
async def test_nobody_waits_for_ever(session: ClientSession, simulator: Simulator, fault: Fault) -> None:
    """Each wait has its own limit, and ends in a time-out."""
    simulator.fail(fault)
    async with asyncio.timeout(3):
        with pytest.raises(errors.TimedOutError):
            await spoken(client_of(session, simulator, QUICK))


async def test_a_body_that_moves_may_take_longer_than_any_limit(session: ClientSession, simulator: Simulator) -> None:
    """There is no limit on the whole."""
    simulator.timing = Timing(rate=2)
    assert len(await spoken(client_of(session, simulator, QUICK))) > 40_000


async def test_too_much_is_not_read(session: ClientSession, simulator: Simulator) -> None:
    """A body that is larger than any true one is given up."""
    with pytest.raises(errors.ResponseTooLargeError):
        await spoken(client_of(session, simulator), max_bytes=1000)


@pytest.mark.parametrize("promised", [True, False])
async def test_body_that_breaks_off(session: ClientSession, simulator: Simulator, *, promised: bool) -> None:
    """A body that ends before its end is an error, whether its length was promised or not."""
    simulator.fail(Fault(truncate_after=2000, content_length=promised))
    with pytest.raises(errors.ConnectionLostError):
        await spoken(client_of(session, simulator))


async def test_redirects_stay_on_the_origin(session: ClientSession, simulator: Simulator) -> None:
    """A redirect within the origin is followed, with the key; one to elsewhere is told and not followed."""
    client = client_of(session, simulator)
    simulator.fail(Fault(path="/v1/audio/speech", status=307, headers={"Location": "/v1/audio/speech?again"}))
    assert await spoken(client)
    async with Simulator(api_key=simulator.api_key) as other:
        target = f"{other.openai_url}/audio/speech"
        simulator.fail(Fault(path="/v1/audio/speech", status=307, headers={"Location": target}))
        with pytest.raises(errors.RedirectedError) as told:
            await spoken(client)
        assert told.value.code == other.url
        assert not other.requests


async def test_redirects_do_not_go_round_for_ever(session: ClientSession, simulator: Simulator) -> None:
    """A server that sends visitors in circles is left."""
    simulator.fail(Fault(status=307, headers={"Location": "/v1/audio/speech"}, times=99))
    with pytest.raises(errors.RedirectedError):
        await spoken(client_of(session, simulator))
    assert len(simulator.requests) < 6


async def test_post_is_never_turned_into_something_else(session: ClientSession, simulator: Simulator) -> None:
    """A 302 would turn the request into one without a body: it is not followed."""
    simulator.fail(Fault(status=302, headers={"Location": "/v1/audio/speech"}))
    with pytest.raises(errors.RedirectedError):
        await spoken(client_of(session, simulator))


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
async def test_codes_say_more_than_the_status(
    session: ClientSession, simulator: Simulator, body: str, error: type[errors.SpeechError], code: str | None
) -> None:
    """The provider's code decides, wherever its envelope has it, and nothing longer than a word gets out."""
    simulator.fail(Fault(status=429, body=body))
    with pytest.raises(error) as told:
        await spoken(client_of(session, simulator))
    assert told.value.code == code


SCOPES = "You have insufficient permissions for this operation. Missing scopes: model.request."


@pytest.mark.parametrize(
    ("status", "document", "error"),
    [
        # Where nothing else tells, words do.
        (401, {"error": {"message": SCOPES, "type": "invalid_request_error", "code": None}}, errors.NotPermittedError),
        (400, {"error": "Insufficient balance"}, errors.OutOfCreditError),
        (400, {"error": {"message": "Insufficient balance", "code": 400}}, errors.OutOfCreditError),
        (400, {"message": "Payment required", "code": "bad_request"}, errors.OutOfCreditError),
        (400, {"detail": {"message": "Insufficient balance"}}, errors.OutOfCreditError),
        # A known code says what is meant.
        (401, {"error": {"message": SCOPES, "code": "invalid_api_key"}}, errors.InvalidKeyError),
        (429, {"error": {"message": "Add credit to go faster", "type": "rate_limit_error"}}, errors.RateLimitedError),
        (400, {"error": {"message": "No voice 'out of balance'", "code": "invalid_voice"}}, errors.RejectedError),
        (400, {"error": {"message": "Say 'out of funds'", "code": "string_above_max_length"}}, errors.TextTooLongError),
        (400, {"error": {"message": "Insufficient balance", "code": 429}}, errors.RateLimitedError),
        # What was asked for is not taken for what is wrong.
        (404, {"error": {"message": "There is no model 'out of credit'"}}, errors.NotFoundError),
        (422, {"error": {"message": "Not speakable: 'not enough funds'"}}, errors.RejectedError),
        (400, {"detail": "Not speakable: 'Your balance is empty, add funds'"}, errors.RejectedError),
        (400, {"detail": [{"msg": "Wrong", "input": "add funds"}]}, errors.RejectedError),
        (403, {"error": {"detail": "Not speakable: 'missing scopes'"}, "code": "forbidden"}, errors.NotPermittedError),
        (500, {"error": "insufficient balance upstream"}, errors.ProviderFaultError),
    ],
)
async def test_words_say_less_than_codes(
    session: ClientSession, simulator: Simulator, status: int, document: Json, error: type[errors.SpeechError]
) -> None:
    """Words are believed where no code is known, and where they can't be somebody else's."""
    simulator.fail(Fault(status=status, json=document))
    with pytest.raises(error) as told:
        await spoken(client_of(session, simulator))
    assert type(told.value) is error


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
async def test_fields_that_are_named(
    session: ClientSession, simulator: Simulator, document: Json, fields: set[str]
) -> None:
    """What a refusal is about is kept, and nothing else of its words."""
    simulator.fail(Fault(status=400, json=document))
    client = HttpClient(session, simulator.openai_url, {}, optional_fields=frozenset({"mode"}))
    with pytest.raises(errors.RejectedError) as told:
        await spoken(client)
    assert told.value.fields == fields
    assert told.value.has_error_document


@pytest.mark.parametrize("body", ["", "<html>", '"text"', "[]"])
async def test_what_explains_nothing(session: ClientSession, simulator: Simulator, body: str) -> None:
    """A page, or nothing, is told from a document."""
    simulator.fail(Fault(status=404, body=body))
    with pytest.raises(errors.NotFoundError) as told:
        await spoken(client_of(session, simulator))
    assert not told.value.has_error_document


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
    """A wish to be left alone is understood in seconds and as a date."""
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header, usegmt=True)
    simulator.fail(Fault(status=503, headers={"Retry-After": header}))
    with pytest.raises(errors.ProviderFaultError) as told:
        await spoken(client_of(session, simulator))
    assert told.value.retry_after == (None if seconds is None else pytest.approx(seconds, abs=5))


async def test_error_that_comes_in_pieces_is_read_whole(socket_enabled: None) -> None:
    """A code in the second packet of an error's body is not missed."""
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


async def test_closed_session_is_told(session: ClientSession, simulator: Simulator) -> None:
    """An account that was removed in mid-speech ends in an error of ours."""
    client = client_of(session, simulator)
    await session.close()
    with pytest.raises(errors.ConnectionLostError):
        await client.get_json("models")


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_has_an_error(status: int) -> None:
    """What can pass by itself is told from what can't."""
    error = error_for(status)
    assert error.status == status
    assert error.is_retryable is (status in (408, 429) or (status >= 500 and status != 501))


def test_errors_tell_neither_text_nor_key() -> None:
    """An error's own words are its kind, a status and a short code."""
    assert str(errors.RejectedError(status=400, code="invalid_value")) == "rejected (400, invalid_value)"
    assert str(errors.TimedOutError()) == "timed_out"
