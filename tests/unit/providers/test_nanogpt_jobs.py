"""Jobs are polled until they are done, and charged audio is never bought again."""

import asyncio
from contextlib import suppress
from dataclasses import replace
import gc
import logging
from typing import Any

import pytest

from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.models import Usage
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from tests.simulator import Fault, Simulator, Timing
from tests.support.streams import SENTENCE, wait_until

from .nanogpt import (
    ENDPOINTS,
    PATHS,
    assert_speech,
    create_provider,
    create_request,
    read_all,
    speech_bodies,
    synthesize,
)

ELEVENLABS = "Elevenlabs-Turbo-V2.5"
KOKORO = "Kokoro-82m"
STATUS = "/api/tts/status"


@pytest.fixture
def provider(simulator: Simulator, sessions: HttpSessions) -> NanoGPTProvider:
    """Return a provider; the simulator encodes the words in tones."""
    simulator.audio_mode = "tones"
    return create_provider(simulator, sessions)


async def test_poll_echoes_the_ticket(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Status requests send back all ticket fields that a refund needs."""
    await synthesize(provider, create_request(provider, ELEVENLABS, "tts"))
    (job,) = simulator.nanogpt.jobs
    assert len(job.polls) == simulator.nanogpt.polls_until_done
    assert all(job.is_echoed_by(query) for query in job.polls)


async def test_default_poll_settings(simulator: Simulator, sessions: HttpSessions) -> None:
    """By default a job is polled every two to three seconds for two to three minutes."""
    provider = NanoGPTProvider(sessions, simulator.addresses("nanogpt"), simulator.api_key or "")
    started = asyncio.get_running_loop().time()
    await synthesize(provider, create_request(provider, ELEVENLABS))
    passed = asyncio.get_running_loop().time() - started
    assert 2 <= passed / simulator.nanogpt.polls_until_done <= 3
    assert 120 <= provider._polling.timeout_s <= 180


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=STATUS, status=503, times=4),
        Fault(path=STATUS, close=True, times=4),
        Fault(path=STATUS, body="<html>", times=2),
        Fault(path=STATUS, status=404, body="<html>Not found", times=9),
        Fault(path=STATUS, status=401, body="<html>Log in", times=9),
        Fault(path=STATUS, status=403, body="<html>Blocked", times=9),
        Fault(path=STATUS, json={"error": "upstream timeout"}, times=9),
        Fault(path=STATUS, json={"status": "pending", "error": {"message": "m", "code": "busy"}}, times=9),
        Fault(path=STATUS, json={"error": "slow down", "status": 429}, times=9),
        Fault(path=STATUS, json={"status": "dreaming"}, times=4),
        Fault(path=STATUS, json=["nothing"], times=2),
    ],
)
async def test_failed_poll_is_repeated(simulator: Simulator, provider: NanoGPTProvider, fault: Fault) -> None:
    """A failed status request says nothing about the job."""
    simulator.fail(fault)
    await assert_speech(await synthesize(provider, create_request(provider, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


@pytest.mark.parametrize("http_status", [None, 200])
@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"error": "Invalid API key", "status": 401}, errors.UpstreamRefusedError),
        ({"error": "Insufficient balance", "status": 402}, errors.OutOfCreditError),
        ({"error": "Run not found", "status": 404}, errors.NotFoundError),
    ],
)
async def test_refused_status(
    simulator: Simulator,
    provider: NanoGPTProvider,
    document: dict[str, Any],
    error: type[errors.SpeechError],
    http_status: int | None,
) -> None:
    """A refusal ends polling at once, and is no refund; the audio can be fetched later if NanoGPT knows the job."""
    simulator.fail(Fault(path=STATUS, status=http_status or document["status"], json=document))
    charges: list[Usage] = []
    request = replace(create_request(provider, ELEVENLABS), record_usage=charges.append)
    with pytest.raises(error) as raised:
        await synthesize(provider, request)
    assert type(raised.value) is error
    polls = [received for received in simulator.requests if received.path == STATUS]
    assert len(polls) == 1
    assert [charge.cost for charge in charges] == [simulator.nanogpt.jobs[0].cost]
    await assert_speech(await synthesize(provider, request))
    assert simulator.nanogpt.charged == (2 if error is errors.NotFoundError else 1)


async def test_refund_is_recorded_once(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A failed job that is polled again is refunded once, and so is a job that timed out at the vendor."""
    simulator.fail(Fault(path=STATUS, json={"status": "error", "code": 408, "error": "Timed out"}, times=9))
    charges: list[Usage] = []
    request = replace(create_request(provider, ELEVENLABS), record_usage=charges.append)
    for _ in range(2):
        with pytest.raises(errors.TimedOutError):
            await synthesize(provider, request)
    cost = simulator.nanogpt.jobs[0].cost
    assert [charge.cost for charge in charges] == [cost, -cost]


async def test_close_stops_polling(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """No job is polled after Home Assistant has closed the provider."""
    simulator.nanogpt.outcomes["kettle"] = "endless"
    request = asyncio.create_task(synthesize(provider, create_request(provider, ELEVENLABS)))
    await wait_until(lambda: simulator.nanogpt.jobs and simulator.nanogpt.jobs[0].polls)
    await provider.close()
    with pytest.raises(errors.ConnectionLostError):
        await request
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "orator NanoGPT job"]
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 2)


async def test_job_that_times_out(simulator: Simulator, sessions: HttpSessions) -> None:
    """A request fails at the time limit; the next one gets the same job if it is done by then."""
    provider = create_provider(simulator, sessions, timeout_s=0.4, interval_s=1.0)
    simulator.nanogpt.outcomes["kettle"] = "endless"
    request = create_request(provider, ELEVENLABS)
    with pytest.raises(errors.TimedOutError):
        await synthesize(provider, request)
    simulator.nanogpt.jobs[0].outcome = None
    assert await synthesize(provider, request)
    assert len(speech_bodies(simulator)) == simulator.nanogpt.charged == 1


async def test_content_violation(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A content violation is reported as such, refunded and not retried."""
    simulator.nanogpt.outcomes["kettle"] = "violation"
    with pytest.raises(errors.ContentRefusedError):
        async with synthesize_with_retries(provider, create_request(provider, ELEVENLABS)):
            pass
    assert len(speech_bodies(simulator)) == simulator.nanogpt.refunded == 1


@pytest.mark.parametrize(
    "violation",
    [
        {"status": "error", "error": {"code": "CONTENT_POLICY_VIOLATION"}},
        {"status": "CONTENT_POLICY_VIOLATION"},
        {"status": "failed", "code": "content_policy_violation"},
        {"error": {"message": "m", "code": "content_policy_violation"}},
        {"status": "error", "error": "CONTENT_POLICY_VIOLATION"},
        {"status": "error", "message": "Rejected with CONTENT_POLICY_VIOLATION"},
        {"data": {"status": "content_policy_violation"}},
    ],
)
@pytest.mark.parametrize("status", [200, 400, 422])
async def test_forms_of_content_violations(
    simulator: Simulator, provider: NanoGPTProvider, violation: dict[str, object], status: int
) -> None:
    """A content violation ends polling at once, in every form."""
    simulator.fail(Fault(path=STATUS, status=status, json=violation))
    simulator.nanogpt.polls_until_done = 99
    with pytest.raises(errors.ContentRefusedError):
        await synthesize(provider, create_request(provider, ELEVENLABS))


async def test_job_without_credit(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """The reason for which a job failed is reported."""
    simulator.fail(Fault(path=STATUS, json={"status": "error", "error": "Insufficient balance"}))
    with pytest.raises(errors.OutOfCreditError):
        await synthesize(provider, create_request(provider, ELEVENLABS))


async def test_truncated_ticket(sessions: HttpSessions, socket_enabled: None) -> None:
    """A ticket that arrives in part was charged and is lost; the request is not repeated."""
    submissions = 0
    charges: list[Usage] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal submissions
        submissions += 1
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n"
        writer.write(head + b'{"status":"pending","run')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    provider = NanoGPTProvider(sessions, {"base_url": address, "speech_base_url": address}, "sk")
    async with server:
        with pytest.raises(errors.GenerationFailedError):
            async with synthesize_with_retries(
                provider, replace(create_request(provider, ELEVENLABS), record_usage=charges.append)
            ):
                pass
    assert submissions == 1
    assert [(charge.characters, charge.requests) for charge in charges] == [(len(SENTENCE), 1)]


async def test_failure_of_a_shared_job(simulator: Simulator, sessions: HttpSessions) -> None:
    """All requests that wait for a job fail at the same time, whether it times out or fails."""
    provider = create_provider(simulator, sessions, timeout_s=0.5)
    loop = asyncio.get_running_loop()
    for outcome in ("endless", "error"):
        simulator.nanogpt.outcomes["kettle"] = outcome  # type: ignore[assignment]
        request = create_request(provider, ELEVENLABS, text=f"The {outcome} kettle.")
        started = loop.time()
        outcomes = await asyncio.gather(*(synthesize(provider, request) for _ in range(4)), return_exceptions=True)
        assert all(isinstance(outcome, errors.SpeechError) for outcome in outcomes)
        assert loop.time() - started < 0.9
    assert [len(job.polls) for job in simulator.nanogpt.jobs][1:] == [simulator.nanogpt.polls_until_done]


async def test_failed_job_is_not_retried(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A failed job is refunded, and submitted again only by another request."""
    simulator.nanogpt.outcomes["kettle"] = "error"
    with pytest.raises(errors.GenerationFailedError):
        async with synthesize_with_retries(provider, create_request(provider, ELEVENLABS)):
            pass
    assert len(speech_bodies(simulator)) == simulator.nanogpt.refunded == 1
    simulator.nanogpt.outcomes.clear()
    assert await synthesize(provider, create_request(provider, ELEVENLABS))


async def test_completed_job_without_audio(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A job that is completed without audio has failed."""
    simulator.fail(Fault(path=STATUS, json={"status": "completed"}))
    with pytest.raises(errors.GenerationFailedError):
        await synthesize(provider, create_request(provider, ELEVENLABS))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("cancelled_after", [0.02, 0.12, 0.4], ids=["submission", "poll", "download"])
async def test_cancelled_request_is_repeated(
    simulator: Simulator, provider: NanoGPTProvider, endpoint: str, cancelled_after: float
) -> None:
    """Whenever a request is cancelled, the next identical one continues its job."""
    path = PATHS[ENDPOINTS.index(endpoint)]
    simulator.fail(Fault(path=path, delay=0.1))
    simulator.nanogpt.polls_until_done = 5
    simulator.files.timing = Timing(first_byte=0.2, rate=8)
    request = create_request(provider, ELEVENLABS, endpoint)
    with suppress(TimeoutError):
        async with asyncio.timeout(cancelled_after):
            await synthesize(provider, request)
    await assert_speech(await synthesize(provider, request))
    assert len(speech_bodies(simulator)) == simulator.nanogpt.charged == len(simulator.nanogpt.jobs) == 1


@pytest.mark.parametrize("model", [ELEVENLABS, KOKORO])
async def test_identical_requests_share_a_job(simulator: Simulator, provider: NanoGPTProvider, model: str) -> None:
    """Two identical requests at the same time both get the audio for one charge."""
    simulator.timing = Timing(first_byte=0.1)
    request = create_request(provider, model)
    both = await asyncio.gather(*(synthesize(provider, request) for _ in range(2)))
    for audio in both:
        await assert_speech(audio)
    assert simulator.nanogpt.charged == 1


async def test_first_of_two_requests_is_cancelled(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """The other request continues the job."""
    simulator.fail(Fault(path=PATHS[0], delay=0.1))
    request = create_request(provider, ELEVENLABS)
    first = asyncio.create_task(synthesize(provider, request))
    second = asyncio.create_task(synthesize(provider, request))
    await asyncio.sleep(0.05)
    first.cancel()
    await assert_speech(await second)
    assert simulator.nanogpt.charged == 1


async def test_failure_after_cancellation_is_not_logged(
    simulator: Simulator, provider: NanoGPTProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """A submission that fails after its request was cancelled logs nothing, and the next request repeats it."""
    simulator.fail(Fault(path=PATHS[0], delay=0.1, status=503))
    request = create_request(provider, ELEVENLABS)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await synthesize(provider, request)
    await provider.finish_jobs()
    assert await synthesize(provider, request)
    gc.collect()
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_direct_audio_is_not_shared(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Audio in the response serves one request; identical ones are submitted in parallel."""
    simulator.timing = Timing(first_byte=0.5)
    await synthesize(provider, create_request(provider, text="Something else."))
    request = create_request(provider)
    async with asyncio.timeout(0.9):
        results = await asyncio.gather(*(synthesize(provider, request) for _ in range(5)))
    for audio in results:
        await assert_speech(audio)


async def test_cancelled_stream_is_closed(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """The connection of a cancelled request is closed."""
    simulator.timing = Timing(first_byte=0.1, rate=1)
    running = asyncio.create_task(synthesize(provider, create_request(provider)))
    await wait_until(lambda: simulator.requests)
    running.cancel()
    (received,) = simulator.requests
    async with asyncio.timeout(20):
        await received.finished.wait()
    assert received.is_disconnected


async def test_stream_of_a_cancelled_request(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A waiting identical request receives the stream that a cancelled one started."""
    simulator.timing = Timing(first_byte=0.2)
    request = create_request(provider)
    first = asyncio.create_task(synthesize(provider, request))
    second = asyncio.create_task(synthesize(provider, request))
    await asyncio.sleep(0.1)
    first.cancel()
    await assert_speech(await second)
    assert len(speech_bodies(simulator)) == 1


@pytest.mark.parametrize("model", [ELEVENLABS, KOKORO])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(status=status) for status in (503, 429, 408, 425, 404, 403)),
        Fault(close=True),
        Fault(truncate_after=0),
    ],
)
async def test_failed_download_is_retried(
    simulator: Simulator, provider: NanoGPTProvider, model: str, fault: Fault
) -> None:
    """A failed download is repeated without another submission as long as no audio has arrived."""
    simulator.files.fail(fault)
    async with synthesize_with_retries(provider, create_request(provider, model)) as audio:
        await assert_speech(await read_all(audio))
    assert len(simulator.files.requests) == 2
    assert simulator.nanogpt.charged == 1


async def test_truncated_download_is_repeated(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """After a truncated download, the next identical request fetches the same file."""
    simulator.files.fail(Fault(truncate_after=4000))
    request = create_request(provider, KOKORO)
    with pytest.raises(errors.ConnectionLostError):
        await synthesize(provider, request)
    await assert_speech(await synthesize(provider, request))
    assert simulator.nanogpt.charged == 1


async def test_played_audio_is_requested_again(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Audio that was played to its end is discarded: repeating the request submits the text again."""
    request = create_request(provider, KOKORO)
    await synthesize(provider, request)
    await synthesize(provider, request)
    assert simulator.nanogpt.charged == 2


async def test_different_requests_are_different_jobs(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Only identical requests share a job."""
    requests = [
        create_request(provider, KOKORO),
        create_request(provider, KOKORO, text="Something else."),
        create_request(provider, KOKORO, speed=1.5),
        create_request(provider, KOKORO, "tts"),
    ]
    await asyncio.gather(*(synthesize(provider, request) for request in requests))
    assert simulator.nanogpt.charged == len(requests)


async def test_failed_submission_is_repeated(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """After a failed submission, the next identical request submits the text again."""
    simulator.fail(Fault(path=PATHS[0], status=503))
    request = create_request(provider, ELEVENLABS)
    with pytest.raises(errors.ProviderFaultError):
        await synthesize(provider, request)
    assert await synthesize(provider, request)
