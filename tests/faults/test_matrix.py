"""Every route, and everything that can go wrong on it: words are said once, by who can, or the user is told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
import logging
import time

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.simulator import Simulator
from tests.support.resolver import replace_resolver

from .cases import Case, House, Names, cases_of, load_helper
from .limits import shorten, slowness
from .routes import ROUTES, Route
from .traces import betrayed_by_error, betrayed_by_house, betrayed_by_logs, kept_in, still_running
from .verdict import is_own, problems_of, words_in

_AT_ONCE = 16
_CASE_SECONDS = 40.0


@pytest.fixture
async def house(  # noqa: PLR0913, PLR0917 - fixtures
    hass: HomeAssistant,
    route: Route,
    simulator: Simulator,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
    broken_connections: None,
) -> AsyncGenerator[House]:
    """Open a house with a voice that can help, at a service of its own."""
    shorten(monkeypatch)
    asyncio.get_running_loop().set_debug(False)  # the harness has all tasks remember where they come from
    assert await async_setup_component(hass, "homeassistant", {})
    replace_resolver(hass, names := Names())
    async with AsyncExitStack() as running:
        helping = await running.enter_async_context(Simulator())
        helping.tongue = "tones"
        await load_helper(hass, helping)
        host = await route.host(simulator)
        if host is not simulator:
            await running.enter_async_context(host)
        yield House(hass, await hass_client(), simulator, host, names)


async def problems_with(house: House, case: Case, free: asyncio.Semaphore, foreign: list[Case]) -> list[str]:
    """Let a case happen, and say what is wrong with what comes of it; `foreign` gets what must not be kept."""
    async with free:
        try:
            async with asyncio.timeout(_CASE_SECONDS * slowness()):
                heard = await house.hear(case)
        except TimeoutError:
            return [f"{case}: is not over"]
        words = await asyncio.to_thread(words_in, heard)
    found = list(problems_of(case, heard, words))
    if betrayed := betrayed_by_error(heard):
        found.append(f"the error tells {betrayed}")
    if not is_own(case, words):
        foreign.append(case)
    return [f"{case}: {problem}" for problem in found]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_every_word_is_said_or_the_user_is_told(
    house: House, route: Route, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong, and whenever: nothing is lost in silence, said twice, kept, or told to others."""
    caplog.set_level(logging.INFO)  # what is above is looked at, and the rest takes its time
    cases = cases_of(route)
    foreign: list[Case] = []
    free = asyncio.Semaphore(_AT_ONCE)
    started = time.process_time()
    found = await asyncio.gather(*(problems_with(house, case, free, foreign) for case in cases))
    problems = [problem for of_case in found for problem in of_case]
    await house.hass.async_block_till_done(wait_background_tasks=True)
    kept = await kept_in(house.hass)
    problems += [
        f"{case}: is kept" for case in foreign if any(name.endswith(f"_tts.case_{case.number}") for name in kept)
    ]
    problems += betrayed_by_logs(caplog.records)
    if betrayed := await betrayed_by_house(house.hass):
        problems.append(f"states or diagnostics tell {betrayed}")
    if running := still_running():
        problems.append(f"still running: {running}")
    seconds = time.process_time() - started
    print(f"{route.name}: {len(cases)} cases, {seconds:.0f} s of a processor")  # noqa: T201 - to be quoted
    assert not problems, f"{len(problems)} problems in {len(cases)} cases:\n" + "\n".join(problems)
