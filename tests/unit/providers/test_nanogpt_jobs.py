"""Tickets are polled to their end, and what is paid for is never ordered again."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.models import Usage
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from tests.simulator import Fault, Simulator, Timing

from .nanogpt import PATHS, ROUTES, SENTENCE, assert_heard, heard, ordered, provider_of, request_for, whole

ELEVENLABS = "Elevenlabs-Turbo-V2.5"
KOKORO = "Kokoro-82m"
STATUS = "/api/tts/status"


@pytest.fixture
def provider(simulator: Simulator, connections: HttpSessions) -> NanoGPTProvider:
    """Return the provider; what it says can be read back."""
    simulator.tongue = "tones"
    return provider_of(simulator, connections)


async def test_job_is_asked_for_as_its_ticket_says(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A question about a job passes back all that a refund needs."""
    await heard(provider, request_for(provider, ELEVENLABS, "tts"))
    (job,) = simulator.nanogpt.jobs
    assert len(job.polls) == simulator.nanogpt.polls_until_done
    assert all(job.is_echoed_by(query) for query in job.polls)


async def test_usual_pace_is_the_documented_one(simulator: Simulator, connections: HttpSessions) -> None:
    """Left to itself it asks every two to three seconds, for two to three minutes."""
    addresses = {"base_url": simulator.nanogpt_url, "speech_base_url": simulator.nanogpt_speech_url}
    provider = NanoGPTProvider(connections, addresses, simulator.api_key or "")
    started = asyncio.get_running_loop().time()
    await heard(provider, request_for(provider, ELEVENLABS))
    passed = asyncio.get_running_loop().time() - started
    assert 2 <= passed / simulator.nanogpt.polls_until_done <= 3
    assert 120 <= provider._poll_interval.limit <= 180


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path=STATUS, status=503, times=4),
        Fault(path=STATUS, close=True, times=4),
        Fault(path=STATUS, body="<html>", times=2),
        Fault(path=STATUS, status=404, json={"error": "Run not found", "status": 404}, times=9),
        Fault(path=STATUS, status=403, body="<html>Blocked", times=9),
        Fault(path=STATUS, json={"error": "upstream timeout"}, times=9),
        Fault(path=STATUS, json={"status": "pending", "error": {"message": "m", "code": "busy"}}, times=9),
        Fault(path=STATUS, json={"error": "slow down", "status": 429}, times=9),
        Fault(path=STATUS, json={"status": "dreaming"}, times=4),
        Fault(path=STATUS, json=["nothing"], times=2),
    ],
)
async def test_failed_question_is_asked_again(simulator: Simulator, provider: NanoGPTProvider, fault: Fault) -> None:
    """A poll that fails says nothing about the job."""
    simulator.fail(fault)
    await assert_heard(await heard(provider, request_for(provider, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


async def test_endless_job_times_out_and_can_still_be_had(simulator: Simulator, connections: HttpSessions) -> None:
    """After the limit the listener is told; who asks again later gets the same job, if it was done meanwhile."""
    provider = provider_of(simulator, connections, limit=0.4, interval=1.0)
    simulator.nanogpt.fates["kettle"] = "endless"
    request = request_for(provider, ELEVENLABS)
    with pytest.raises(errors.TimedOutError):
        await heard(provider, request)
    simulator.nanogpt.jobs[0].fate = None
    assert await heard(provider, request)
    assert len(ordered(simulator)) == simulator.nanogpt.charged == 1


async def test_refused_content_is_refused_once(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A violation is said as such, refunded, and not tried again."""
    simulator.nanogpt.fates["kettle"] = "violation"
    with pytest.raises(errors.ContentRefusedError):
        async with synthesize_with_retries(provider, request_for(provider, ELEVENLABS)):
            pass
    assert len(ordered(simulator)) == simulator.nanogpt.refunded == 1


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": "error", "error": {"code": "CONTENT_POLICY_VIOLATION"}},
        {"status": "CONTENT_POLICY_VIOLATION"},
        {"status": "failed", "code": "content_policy_violation"},
        {"error": {"message": "m", "code": "content_policy_violation"}},
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_refusal_in_all_its_forms(
    simulator: Simulator, provider: NanoGPTProvider, refusal: dict[str, object], status: int
) -> None:
    """A refusal is believed at once, however it is put."""
    if status == 400 and "error" not in refusal:
        refusal = {"error": refusal}
    simulator.fail(Fault(path=STATUS, status=status, json=refusal))
    simulator.nanogpt.polls_until_done = 99
    with pytest.raises(errors.ContentRefusedError):
        await heard(provider, request_for(provider, ELEVENLABS))


async def test_job_that_failed_for_want_of_money(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A job that says why it failed is believed."""
    simulator.fail(Fault(path=STATUS, json={"status": "error", "error": "Insufficient balance"}))
    with pytest.raises(errors.OutOfCreditError):
        await heard(provider, request_for(provider, ELEVENLABS))


async def test_ticket_that_breaks_off_is_not_bought_again(connections: HttpSessions, socket_enabled: None) -> None:
    """A ticket of which only half arrives is charged and lost; buying one more could end the same way."""
    orders = 0
    charges: list[Usage] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal orders
        orders += 1
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n"
        writer.write(head + b'{"status":"pending","run')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    provider = NanoGPTProvider(connections, {"base_url": address, "speech_base_url": address}, "sk")
    async with server:
        with pytest.raises(errors.GenerationFailedError):
            async with synthesize_with_retries(
                provider, replace(request_for(provider, ELEVENLABS), record_usage=charges.append)
            ):
                pass
    assert orders == 1
    assert [(charge.characters, charge.requests) for charge in charges] == [(len(SENTENCE), 1)]


async def test_everybody_hears_of_the_end(simulator: Simulator, connections: HttpSessions) -> None:
    """All who wait for a job are told at the same time that it takes too long, or that it has failed."""
    provider = provider_of(simulator, connections, limit=0.5)
    loop = asyncio.get_running_loop()
    for fate in ("endless", "error"):
        simulator.nanogpt.fates["kettle"] = fate  # type: ignore[assignment]
        request = request_for(provider, ELEVENLABS, text=f"The {fate} kettle.")
        started = loop.time()
        outcomes = await asyncio.gather(*(heard(provider, request) for _ in range(4)), return_exceptions=True)
        assert all(isinstance(outcome, errors.SpeechError) for outcome in outcomes)
        assert loop.time() - started < 0.9
    assert [len(job.polls) for job in simulator.nanogpt.jobs][1:] == [simulator.nanogpt.polls_until_done]


async def test_failed_job_is_not_ordered_again_by_itself(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A job that came to nothing is refunded, and bought anew only if somebody asks anew."""
    simulator.nanogpt.fates["kettle"] = "error"
    with pytest.raises(errors.GenerationFailedError):
        async with synthesize_with_retries(provider, request_for(provider, ELEVENLABS)):
            pass
    assert len(ordered(simulator)) == simulator.nanogpt.refunded == 1
    simulator.nanogpt.fates.clear()
    assert await heard(provider, request_for(provider, ELEVENLABS))


async def test_done_without_sound(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A job that is said to be done and has no sound is over."""
    simulator.fail(Fault(path=STATUS, json={"status": "completed"}))
    with pytest.raises(errors.GenerationFailedError):
        await heard(provider, request_for(provider, ELEVENLABS))


@pytest.mark.parametrize("endpoint", ROUTES)
@pytest.mark.parametrize("leaves_after", [0.02, 0.12, 0.4], ids=["order", "poll", "download"])
async def test_listener_who_leaves_and_comes_back(
    simulator: Simulator, provider: NanoGPTProvider, endpoint: str, leaves_after: float
) -> None:
    """Whenever a listener leaves, whoever asks for the same words soon gets what is already being made."""
    path = PATHS[ROUTES.index(endpoint)]
    simulator.fail(Fault(path=path, delay=0.1))
    simulator.nanogpt.polls_until_done = 5
    simulator.files.timing = Timing(first_byte=0.2, rate=8)
    request = request_for(provider, ELEVENLABS, endpoint)
    with suppress(TimeoutError):
        async with asyncio.timeout(leaves_after):
            await heard(provider, request)
    await assert_heard(await heard(provider, request))
    assert len(ordered(simulator)) == simulator.nanogpt.charged == len(simulator.nanogpt.jobs) == 1


@pytest.mark.parametrize("model", [ELEVENLABS, KOKORO])
async def test_two_listeners_share_what_is_ordered(simulator: Simulator, provider: NanoGPTProvider, model: str) -> None:
    """Two who ask for the same words at the same moment both hear them, for one price."""
    simulator.timing = Timing(first_byte=0.1)
    request = request_for(provider, model)
    both = await asyncio.gather(*(heard(provider, request) for _ in range(2)))
    for audio in both:
        await assert_heard(audio)
    assert simulator.nanogpt.charged == 1


async def test_first_of_two_listeners_leaves(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """The one who stays takes over what the other has begun."""
    simulator.fail(Fault(path=PATHS[0], delay=0.1))
    request = request_for(provider, ELEVENLABS)
    first = asyncio.create_task(heard(provider, request))
    second = asyncio.create_task(heard(provider, request))
    await asyncio.sleep(0.05)
    first.cancel()
    await assert_heard(await second)
    assert simulator.nanogpt.charged == 1


async def test_sound_that_comes_at_once_is_nobody_elses(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A stream has one listener; others with the same words get streams of their own, side by side."""
    simulator.timing = Timing(first_byte=0.5)
    await heard(provider, request_for(provider, text="Something else."))
    request = request_for(provider)
    async with asyncio.timeout(0.9):
        all_five = await asyncio.gather(*(heard(provider, request) for _ in range(5)))
    for audio in all_five:
        await assert_heard(audio)


async def test_stream_whose_listener_left_is_ended(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Nobody goes on receiving what nobody hears."""
    simulator.timing = Timing(first_byte=0.1, rate=1)
    listener = asyncio.create_task(heard(provider, request_for(provider)))
    while not simulator.requests:  # noqa: ASYNC110 - the simulator does not tell
        await asyncio.sleep(0.01)
    listener.cancel()
    (received,) = simulator.requests
    async with asyncio.timeout(20):
        await received.finished.wait()
    assert received.disconnected


async def test_waiting_listener_takes_the_stream_of_one_who_left(
    simulator: Simulator, provider: NanoGPTProvider
) -> None:
    """A stream that was ordered by somebody who left is heard by who waits for the same words."""
    simulator.timing = Timing(first_byte=0.2)
    request = request_for(provider)
    first = asyncio.create_task(heard(provider, request))
    second = asyncio.create_task(heard(provider, request))
    await asyncio.sleep(0.1)
    first.cancel()
    await assert_heard(await second)
    assert len(ordered(simulator)) == 1


@pytest.mark.parametrize("model", [ELEVENLABS, KOKORO])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(status=status) for status in (503, 429, 408, 425, 404, 403)),
        Fault(close=True),
        Fault(truncate_after=0),
    ],
)
async def test_download_that_fails_is_tried_again(
    simulator: Simulator, provider: NanoGPTProvider, model: str, fault: Fault
) -> None:
    """What is paid for is fetched again, not ordered again, before anybody has heard a part of it."""
    simulator.files.fail(fault)
    async with synthesize_with_retries(provider, request_for(provider, model)) as audio:
        await assert_heard(await whole(audio))
    assert len(simulator.files.requests) == 2
    assert simulator.nanogpt.charged == 1


async def test_download_that_breaks_off_can_be_had_again(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A file that broke off in the middle is still paid for when the same words are asked for again."""
    simulator.files.fail(Fault(truncate_after=4000))
    request = request_for(provider, KOKORO)
    with pytest.raises(errors.ConnectionLostError):
        await heard(provider, request)
    await assert_heard(await heard(provider, request))
    assert simulator.nanogpt.charged == 1


async def test_what_was_heard_is_made_anew(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Words that were heard to their end are not kept: who asks again without a cache wants them spoken again."""
    request = request_for(provider, KOKORO)
    await heard(provider, request)
    await heard(provider, request)
    assert simulator.nanogpt.charged == 2


async def test_other_words_are_another_order(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Only the very same request is joined."""
    requests = [
        request_for(provider, KOKORO),
        request_for(provider, KOKORO, text="Something else."),
        request_for(provider, KOKORO, speed=1.5),
        request_for(provider, KOKORO, "tts"),
    ]
    await asyncio.gather(*(heard(provider, request) for request in requests))
    assert simulator.nanogpt.charged == len(requests)


async def test_order_that_failed_is_not_joined(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """An order that was refused can be placed again at once."""
    simulator.fail(Fault(path=PATHS[0], status=503))
    request = request_for(provider, ELEVENLABS)
    with pytest.raises(errors.ProviderFaultError):
        await heard(provider, request)
    assert await heard(provider, request)
