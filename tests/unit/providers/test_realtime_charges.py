"""Usage of realtime models."""

from dataclasses import replace

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.models import Usage
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.models import price_for
from tests.simulator import ScriptedResponse, Simulator
from tests.simulator.realtime.script import SERVER_ERROR

from .realtime import MODEL, TEXT, request_for, synthesize


async def test_charge(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A complete response is charged by its tokens, an interrupted one by its duration."""
    charges: list[Usage] = []
    request = request_for(realtime_provider)
    priced = replace(request, model=replace(request.model, price=price_for(MODEL)), record_usage=charges.append)
    await synthesize(realtime_provider, priced)
    (complete,) = charges
    assert (complete.characters, complete.requests, complete.currency, complete.is_estimate) == (
        len(TEXT),
        1,
        "USD",
        True,
    )
    seconds = len(await synthesize(realtime_provider, request)) / 48_000
    assert complete.cost == pytest.approx(seconds * 20 * 20 / 1e6, rel=0.2)
    charges.clear()
    async with realtime_provider.synthesize(priced) as audio:
        await anext(audio.chunks)
    (interrupted,) = charges
    assert interrupted.cost
    assert 0 < interrupted.cost <= complete.cost


async def test_failed_response(simulator: Simulator, realtime_provider: OpenAIProvider) -> None:
    """A response that fails before its first audio is not charged."""
    charges: list[Usage] = []
    simulator.openai.realtime.script_responses(ScriptedResponse(failure=SERVER_ERROR))
    with pytest.raises(errors.SpeechError):
        await synthesize(realtime_provider, replace(request_for(realtime_provider), record_usage=charges.append))
    assert not charges
