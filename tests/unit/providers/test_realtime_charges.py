"""What a realtime model has read is charged, and nothing else."""

from dataclasses import replace

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.models import Usage
from custom_components.orator.providers.openai import OpenAIProvider
from custom_components.orator.providers.openai.models import price_for
from tests.simulator import Fate, Simulator
from tests.simulator.realtime.script import SERVER_ERROR

from .realtime import MODEL, TEXT, heard, request_for


async def test_tokens_are_charged_by_their_price(simulator: Simulator, reader: OpenAIProvider) -> None:
    """What was read is charged by its tokens; what was cut short because of something else, by its length."""
    charges: list[Usage] = []
    request = request_for(reader)
    priced = replace(request, model=replace(request.model, price=price_for(MODEL)), record_usage=charges.append)
    await heard(reader, priced)
    (whole,) = charges
    assert (whole.characters, whole.requests, whole.currency, whole.is_estimate) == (len(TEXT), 1, "USD", True)
    seconds = len(await heard(reader, request)) / 48_000
    assert whole.cost == pytest.approx(seconds * 20 * 20 / 1e6, rel=0.2)
    charges.clear()
    async with reader.synthesize(priced) as audio:
        await anext(audio.chunks)
    (left,) = charges
    assert left.cost
    assert 0 < left.cost <= whole.cost


async def test_refusal_is_not_charged(simulator: Simulator, reader: OpenAIProvider) -> None:
    """A reading that never began costs nothing."""
    charges: list[Usage] = []
    simulator.openai.realtime.befall(Fate(failure=SERVER_ERROR))
    with pytest.raises(errors.SpeechError):
        await heard(reader, replace(request_for(reader), record_usage=charges.append))
    assert not charges
