"""Run the simulator as a program: `python -m tests.simulator --port 8080 --first-byte 0.3 --rate 10`.

One JSON line with the addresses is printed as soon as connections are accepted. SIGTERM and SIGINT end it.
"""

import argparse
import asyncio
from dataclasses import dataclass
import json
import signal
import sys

from .audio.recorder import Tongue
from .exchange import Timing
from .simulator import DEFAULT_KEY, Simulator


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    port: int
    timing: Timing
    api_key: str | None
    tongue: Tongue


def parse_options(arguments: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description="A simulated speech provider.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--first-byte", type=float, default=0.0, help="seconds from a request to its first audio byte")
    parser.add_argument("--rate", type=float, help="speed of the audio, as a multiple of real time; default: at once")
    parser.add_argument("--api-key", default=DEFAULT_KEY, help="the key that is accepted; an empty one: none is needed")
    parser.add_argument(
        "--tongue", choices=("speech", "tones"), default="speech", help="tones: a burst of tones per word, to read back"
    )
    chosen = parser.parse_args(arguments)
    try:
        timing = Timing(first_byte=chosen.first_byte, rate=chosen.rate)
    except ValueError as error:
        parser.error(str(error))
    return Options(port=chosen.port, timing=timing, api_key=chosen.api_key or None, tongue=chosen.tongue)


async def serve(options: Options) -> None:
    """Serve until a signal asks to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with Simulator(port=options.port, timing=options.timing, api_key=options.api_key) as simulator:
        simulator.tongue = options.tongue
        ready = {
            "url": simulator.url,
            "openai_url": simulator.openai_url,
            "realtime_url": simulator.realtime_url,
            "nanogpt_url": simulator.nanogpt_url,
            "nanogpt_speech_url": simulator.nanogpt_speech_url,
            "speechbase_url": simulator.speechbase_url,
            "files_url": simulator.files_url,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(parse_options(sys.argv[1:])))
