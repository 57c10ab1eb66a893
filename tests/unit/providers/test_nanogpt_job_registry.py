"""What has been bought outlives the connections that it was bought over, and is not kept for ever."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.nanogpt import NanoGPTProvider, jobs
from tests.simulator import Fault, Simulator, Timing

from .nanogpt import PATHS, SENTENCE, assert_heard, heard, ordered, provider_of, request_for

ELEVENLABS = "Elevenlabs-Turbo-V2.5"
KOKORO = "Kokoro-82m"


@pytest.fixture
def first(simulator: Simulator, connections: HttpSessions) -> NanoGPTProvider:
    """Return a provider that is about to be closed; what it says can be read back."""
    simulator.tongue = "tones"
    return provider_of(simulator, connections)


@pytest.fixture
def second(simulator: Simulator, other_connections: HttpSessions) -> NanoGPTProvider:
    """Return another provider of the same account, with connections of its own."""
    return provider_of(simulator, other_connections)


async def leave_after(seconds: float, provider: NanoGPTProvider, model: str = ELEVENLABS) -> None:
    """Ask for speech, and go away."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await heard(provider, request_for(provider, model))


async def test_ticket_is_asked_about_over_the_new_connections(
    simulator: Simulator, first: NanoGPTProvider, second: NanoGPTProvider
) -> None:
    """What one provider has bought, the next one of the same account fetches, also when the first is closed."""
    await leave_after(0.07, first)
    assert second.is_same_account(first)
    second.inherit(first)
    assert not first.has_pending_jobs
    await first.async_close()
    await assert_heard(await heard(second, request_for(second, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


@pytest.mark.parametrize("model", [ELEVENLABS, KOKORO])
async def test_order_on_its_way_is_waited_for(
    simulator: Simulator, first: NanoGPTProvider, second: NanoGPTProvider, model: str
) -> None:
    """An order that was placed over the old connections is seen through, and heard over the new ones."""
    simulator.fail(Fault(path=PATHS[0], delay=0.3))
    await leave_after(0.1, first, model)
    second.inherit(first)
    assert first.has_pending_jobs
    closing = asyncio.create_task(settle_and_close(first))
    await assert_heard(await heard(second, request_for(second, model)))
    await closing
    assert len(ordered(simulator)) == simulator.nanogpt.charged == 1


async def settle_and_close(provider: NanoGPTProvider) -> None:
    """Close a provider as its account does."""
    await provider.async_finish_jobs()
    await provider.async_close()


async def test_two_changes_in_a_row(
    simulator: Simulator, first: NanoGPTProvider, second: NanoGPTProvider, connections: HttpSessions
) -> None:
    """An account that is loaded anew twice while an order is on its way still buys it once."""
    simulator.fail(Fault(path=PATHS[0], delay=0.3))
    await leave_after(0.1, first)
    between = provider_of(simulator, connections)
    between.inherit(first)
    second.inherit(between)
    await assert_heard(await heard(second, request_for(second, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


async def test_sound_that_came_over_the_old_connections_is_ordered_anew(
    simulator: Simulator, first: NanoGPTProvider, second: NanoGPTProvider
) -> None:
    """Sound that comes with the answer belongs to who asked for it."""
    simulator.timing = Timing(first_byte=0.3)
    listener = asyncio.create_task(heard(first, request_for(first)))
    await asyncio.sleep(0.1)
    second.inherit(first)
    both = await asyncio.gather(listener, heard(second, request_for(second)))
    for audio in both:
        await assert_heard(audio)
    assert len(ordered(simulator)) == 2


async def test_order_that_failed_over_the_old_connections(
    simulator: Simulator, first: NanoGPTProvider, second: NanoGPTProvider
) -> None:
    """An order of which nothing came is placed anew."""
    simulator.fail(Fault(path=PATHS[0], delay=0.3, status=503))
    await leave_after(0.1, first)
    second.inherit(first)
    await assert_heard(await heard(second, request_for(second, ELEVENLABS)))
    assert simulator.nanogpt.charged == 1


async def test_model_that_begins_to_answer_with_tickets(simulator: Simulator, first: NanoGPTProvider) -> None:
    """A model whose sound came at once is not waited for together; once it sends tickets, they are shared."""
    first._direct_models.add(("audio_speech", ELEVENLABS))
    await leave_after(0.07, first)
    await assert_heard(await heard(first, request_for(first, ELEVENLABS)))
    assert len(ordered(simulator)) == simulator.nanogpt.charged == 1


async def test_what_one_has_heard_another_still_receives(simulator: Simulator, first: NanoGPTProvider) -> None:
    """A file is kept until everybody has heard it: who was interrupted gets it again."""
    request = request_for(first, KOKORO)
    async with first.synthesize(request) as interrupted, aclosing(interrupted.chunks) as chunks:
        assert await anext(chunks)
        await assert_heard(await heard(first, request))
    await assert_heard(await heard(first, request))
    assert simulator.nanogpt.charged == 1


async def test_job_that_is_asked_about_does_not_keep_connections(
    simulator: Simulator, connections: HttpSessions
) -> None:
    """A ticket is known: nothing would be lost by closing, however long its job takes."""
    provider = provider_of(simulator, connections, limit=0.2)
    simulator.nanogpt.fates["kettle"] = "endless"
    request = request_for(provider, ELEVENLABS)
    for _ in range(2):
        listener = asyncio.create_task(heard(provider, request))
        await asyncio.sleep(0.1)
        assert not provider.has_pending_jobs
        with pytest.raises(errors.TimedOutError):
            await listener


async def test_purchases_are_not_kept_for_ever() -> None:
    """There is room for so many; the oldest goes first. What is too old is not joined either."""
    kept = jobs.JobRegistry()
    first = kept.join("first")
    assert kept.join("first") is first
    for number in range(jobs.MAX_JOBS):
        kept.join(str(number))
    assert kept.join("first") is not first
    last = kept.join("last")
    last.placed_at -= jobs.MAX_JOB_AGE_S
    assert kept.join("last") is not last
    assert SENTENCE not in repr(kept)
