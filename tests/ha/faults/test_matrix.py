"""The fault matrix: at every endpoint and with every failure, each word is heard once or an error is raised."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
import logging
import time
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.simulator import Simulator
from tests.support.resolvers import LoopbackResolver
from tests.support.speech import replace_resolver

from .cases import Case, create_cases
from .endpoints import ENDPOINTS, Endpoint
from .leaks import (
    find_secrets_in_error,
    find_secrets_in_logs,
    find_secrets_in_states_and_diagnostics,
    get_cache_keys,
    get_running_tasks,
)
from .limits import load_voices_only, measure_load, shorten_limits
from .runner import CaseRunner, load_fallback
from .verification import decode_outcome, find_problems, is_spoken_by_account

_CONCURRENT_CASES: Final = 16
_CASE_TIMEOUT_S: Final = 40.0


@pytest.fixture
async def runner(  # noqa: PLR0913, PLR0917 - fixtures
    hass: HomeAssistant,
    endpoint: Endpoint,
    simulator: Simulator,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    ignore_broken_connections: None,
) -> AsyncGenerator[CaseRunner]:
    """Return a runner for the cases of an endpoint; the fallback has a server of its own."""
    shorten_limits(monkeypatch)
    asyncio.get_running_loop().set_debug(False)  # in debug mode every task records a stack trace
    resolver = LoopbackResolver()
    assert await async_setup_component(hass, "homeassistant", {})
    replace_resolver(hass, resolver)
    async with AsyncExitStack() as running:
        fallback = await running.enter_async_context(Simulator())
        fallback.audio_mode = "tones"
        await load_fallback(hass, fallback)
        load_voices_only(monkeypatch)
        host = endpoint.prepare_host(simulator)
        if host is not simulator:
            await running.enter_async_context(host)
        yield CaseRunner(hass, await hass_client(), simulator, host, resolver)


async def run_case(runner: CaseRunner, case: Case, slots: asyncio.Semaphore, not_cacheable: list[Case]) -> list[str]:
    """Run a case and return its problems; append it to `not_cacheable` unless its own voice spoke all of it."""
    async with slots:
        try:
            async with asyncio.timeout(_CASE_TIMEOUT_S * measure_load()):
                outcome = await runner.run(case)
        except TimeoutError:
            return [f"{case}: does not end"]
        words = await asyncio.to_thread(decode_outcome, outcome)
    problems = list(find_problems(case, outcome, words))
    if secrets := find_secrets_in_error(outcome.error):
        problems.append(f"the error contains {secrets}")
    if not is_spoken_by_account(case, words):
        not_cacheable.append(case)
    return [f"{case}: {problem}" for problem in problems]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
async def test_words_are_heard_once_or_error_is_raised(
    runner: CaseRunner, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """No failure loses or repeats a word without an error, fills the cache, leaks a secret or leaves a task."""
    caplog.set_level(logging.INFO)  # DEBUG may contain secrets, and takes time
    cases = create_cases(endpoint)
    not_cacheable: list[Case] = []
    slots = asyncio.Semaphore(_CONCURRENT_CASES)
    started = time.process_time()
    results = await asyncio.gather(*(run_case(runner, case, slots, not_cacheable) for case in cases))
    problems = [problem for result in results for problem in result]
    await runner.hass.async_block_till_done(wait_background_tasks=True)
    cached = await get_cache_keys(runner.hass)
    problems += [
        f"{case}: is cached"
        for case in not_cacheable
        if any(name.endswith(f"_tts.case_{case.number}") for name in cached)
    ]
    problems += find_secrets_in_logs(caplog.records)
    if secrets := await find_secrets_in_states_and_diagnostics(runner.hass):
        problems.append(f"states or diagnostics contain {secrets}")
    if tasks := get_running_tasks():
        problems.append(f"still running: {tasks}")
    print(f"{endpoint.name}: {len(cases)} cases, {time.process_time() - started:.0f} s of CPU time")  # noqa: T201
    assert not problems, f"{len(problems)} problems in {len(cases)} cases:\n" + "\n".join(problems)
