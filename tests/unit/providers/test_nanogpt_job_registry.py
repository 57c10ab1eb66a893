"""Jobs outlive the HTTP sessions over which they were submitted, but not indefinitely."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.nanogpt import NanoGPTProvider, jobs
from tests.simulator import Fault, Simulator, Timing
from tests.support.streams import SENTENCE, wait_until

from .nanogpt import PATHS, assert_speech, create_provider, create_request, speech_bodies, synthesize

ELEVENLABS = "Elevenlabs-Turbo-V2.5"
KOKORO = "Kokoro-82m"


@pytest.fixture
def provider(simulator: Simulator, sessions: HttpSessions) -> NanoGPTProvider:
    """Return a provider; the simulator encodes the words in tones."""
    simulator.audio_mode = "tones"
    return create_provider(simulator, sessions)


@pytest.fixture
def new_provider(simulator: Simulator, new_sessions: HttpSessions) -> NanoGPTProvider:
    """Return another provider of the same account, with other HTTP sessions."""
    return create_provider(simulator, new_sessions)


async def cancel_after(seconds: float, provider: NanoGPTProvider, model: str = ELEVENLABS) -> None:
    """Start a request and cancel it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await synthesize(provider, create_request(provider, model))


async def cancel_while_polling(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """Start a request and cancel it after the first status request for its job."""
    simulator.nanogpt.polls_until_done = 5
    running = asyncio.create_task(synthesize(provider, create_request(provider, ELEVENLABS)))
    await wait_until(lambda: any(job.polls for job in simulator.nanogpt.jobs))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_ticket_after_reload(
    simulator: Simulator, provider: NanoGPTProvider, new_provider: NanoGPTProvider
) -> None:
    """The new provider fetches the job that the old one submitted, even after the old sessions were closed."""
    await cancel_while_polling(simulator, provider)
    assert new_provider.is_same_account(provider)
    new_provider.inherit(provider)
    assert not provider.has_pending_jobs
    await provider.close()
    await assert_speech(await synthesize(new_provider, create_request(new_provider, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


@pytest.mark.parametrize("model", [ELEVENLABS, KOKORO])
async def test_pending_submission_after_reload(
    simulator: Simulator, provider: NanoGPTProvider, new_provider: NanoGPTProvider, model: str
) -> None:
    """A submission that is under way is completed over the old sessions, and its audio fetched over the new ones."""
    simulator.fail(Fault(path=PATHS[0], delay=0.3))
    await cancel_after(0.1, provider, model)
    new_provider.inherit(provider)
    assert provider.has_pending_jobs
    closing = asyncio.create_task(finish_and_close(provider))
    await assert_speech(await synthesize(new_provider, create_request(new_provider, model)))
    await closing
    assert len(speech_bodies(simulator)) == simulator.nanogpt.charged == 1


async def finish_and_close(provider: NanoGPTProvider) -> None:
    """Close a provider as its account does."""
    await provider.finish_jobs()
    await provider.close()


async def test_pending_submission_after_two_reloads(
    simulator: Simulator, provider: NanoGPTProvider, new_provider: NanoGPTProvider, sessions: HttpSessions
) -> None:
    """An account that is reloaded twice during a submission submits the text once."""
    simulator.fail(Fault(path=PATHS[0], delay=0.3))
    await cancel_after(0.1, provider)
    between = create_provider(simulator, sessions)
    between.inherit(provider)
    new_provider.inherit(between)
    await assert_speech(await synthesize(new_provider, create_request(new_provider, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


async def test_direct_audio_after_reload(
    simulator: Simulator, provider: NanoGPTProvider, new_provider: NanoGPTProvider
) -> None:
    """Audio in the response belongs to the old provider's request; the new provider requests it again."""
    simulator.timing = Timing(first_byte=0.3)
    running = asyncio.create_task(synthesize(provider, create_request(provider)))
    await asyncio.sleep(0.1)
    new_provider.inherit(provider)
    both = await asyncio.gather(running, synthesize(new_provider, create_request(new_provider)))
    for audio in both:
        await assert_speech(audio)
    assert len(speech_bodies(simulator)) == 2


async def test_failed_submission_after_reload(
    simulator: Simulator, provider: NanoGPTProvider, new_provider: NanoGPTProvider
) -> None:
    """A submission that failed over the old sessions is repeated."""
    simulator.fail(Fault(path=PATHS[0], delay=0.3, status=503))
    await cancel_after(0.1, provider)
    new_provider.inherit(provider)
    await assert_speech(await synthesize(new_provider, create_request(new_provider, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


async def test_model_that_starts_to_send_tickets(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A model known to respond with audio shares its jobs as soon as it sends tickets."""
    provider._direct_models.add(("audio_speech", ELEVENLABS))
    await cancel_while_polling(simulator, provider)
    await assert_speech(await synthesize(provider, create_request(provider, ELEVENLABS)))
    assert len(speech_bodies(simulator)) == simulator.nanogpt.charged == 1


async def test_job_is_stored_while_another_request_receives_it(simulator: Simulator, provider: NanoGPTProvider) -> None:
    """A job is stored until all its requests have received the audio: an interrupted one can be repeated."""
    request = create_request(provider, KOKORO)
    async with provider.synthesize(request) as interrupted, aclosing(interrupted.data) as chunks:
        assert await anext(chunks)
        await assert_speech(await synthesize(provider, request))
    await assert_speech(await synthesize(provider, request))
    assert simulator.nanogpt.charged == 1


async def test_polling_does_not_keep_sessions_open(simulator: Simulator, sessions: HttpSessions) -> None:
    """Nothing is lost by closing the sessions once the ticket is known, however long the job takes."""
    provider = create_provider(simulator, sessions, timeout_s=0.2)
    simulator.nanogpt.outcomes["kettle"] = "endless"
    request = create_request(provider, ELEVENLABS)
    for _ in range(2):
        running = asyncio.create_task(synthesize(provider, request))
        await asyncio.sleep(0.1)
        assert not provider.has_pending_jobs
        with pytest.raises(errors.TimedOutError):
            await running


async def test_limits_of_the_registry() -> None:
    """The oldest job is removed when there are too many, and an old job is not joined."""
    registry = jobs.JobRegistry()
    oldest = registry.join("oldest")
    assert registry.join("oldest") is oldest
    for number in range(jobs.MAX_JOBS):
        registry.join(str(number))
    assert registry.join("oldest") is not oldest
    last = registry.join("last")
    last.submitted_at -= jobs.MAX_JOB_AGE_S
    assert registry.join("last") is not last
    assert SENTENCE not in repr(registry)
