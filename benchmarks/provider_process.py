"""The process of the simulated provider: `python -m benchmarks.provider_process`.

It runs simulators of different speeds and prints a line of JSON with their URLs. Every line of input is answered with a
line of JSON: the requests since the last one. The process stops at the end of its input.
"""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
import json
import sys
from typing import Any

from tests.simulator import Simulator, Timing
from tests.simulator.openai.api import OpenAI

from .conditions import ANY_KEY, FIRST_BYTE_S, NORMAL_SPEED, SPEEDS, api_key_of
from .prepared_speech import PreparedRecorder, prepare_speech


async def serve() -> None:
    """Serve until the end of the input."""
    speech = await asyncio.to_thread(prepare_speech)
    async with AsyncExitStack() as stack:
        simulators: dict[str, Simulator] = {}
        keys = {name: api_key_of(name) for name in SPEEDS}
        for name, rate in {**SPEEDS, ANY_KEY: SPEEDS[NORMAL_SPEED]}.items():
            simulator = Simulator(timing=Timing(first_byte=FIRST_BYTE_S, rate=rate), api_key=keys.get(name))
            api_key, timing = partial(keys.get, name), partial(getattr, simulator, "timing")
            simulator.openai = OpenAI(PreparedRecorder(speech), api_key, timing)
            simulators[name] = await stack.enter_async_context(simulator)
        _print({name: simulator.openai_url for name, simulator in simulators.items()})
        while await asyncio.to_thread(sys.stdin.readline):
            _print({name: _take_requests(simulator) for name, simulator in simulators.items()})


def _take_requests(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the requests for speech since the last call."""
    requests = [
        {"voice": request.body["voice"], "text": request.body["input"], "status": request.status}
        for request in simulator.requests
        if request.method == "POST" and request.body
    ]
    simulator.reset()
    return requests


def _print(document: object) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
