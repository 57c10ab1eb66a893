"""The simulated provider as a process: `python -m benchmarks.provider`.

Several simulators of different speeds. One JSON line with their addresses is printed once they accept connections.
After that each line of input is answered with a JSON line: all requests since the line before. The end of input ends
it.
"""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
import json
import sys
from typing import Any

from tests.simulator import Simulator, Timing
from tests.simulator.openai import OpenAI

from .conditions import FIRST_BYTE, SPEEDS, key_of
from .recordings import PreparedStudio, record_reels


async def serve() -> None:
    """Serve until the input ends."""
    reels = await asyncio.to_thread(record_reels)
    async with AsyncExitStack() as stack:
        simulators: dict[str, Simulator] = {}
        for name, rate in SPEEDS.items():
            simulator = Simulator(timing=Timing(first_byte=FIRST_BYTE, rate=rate), api_key=key_of(name))
            key, timing = partial(key_of, name), partial(getattr, simulator, "timing")
            simulator.openai = OpenAI(PreparedStudio(reels), key, timing)
            simulators[name] = await stack.enter_async_context(simulator)
        _print({name: simulator.openai_url for name, simulator in simulators.items()})
        while await asyncio.to_thread(sys.stdin.readline):
            _print({name: _requests(simulator) for name, simulator in simulators.items()})


def _requests(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the requests for speech so far, and forget them."""
    found = [
        {"voice": request.body["voice"], "text": request.body["input"], "status": request.status}
        for request in simulator.requests
        if request.method == "POST" and request.body
    ]
    simulator.reset()
    return found


def _print(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
