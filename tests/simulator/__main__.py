"""Run the simulator as a program: `python -m tests.simulator --port 8080 --first-byte 0.3 --rate 10`.

Prints one JSON line with its URLs once connections are accepted. SIGTERM and SIGINT stop it.
"""

import argparse
import asyncio
from dataclasses import dataclass
import json
import signal
import sys

from .audio.recorder import AudioMode
from .exchange import Timing
from .http import DEFAULT_KEY
from .simulator import Simulator


@dataclass(frozen=True, slots=True)
class Options:
    """The command-line options."""

    port: int
    timing: Timing
    api_key: str | None
    audio_mode: AudioMode


def parse_options(arguments: list[str]) -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description="Simulated speech providers.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 selects a free one")
    parser.add_argument("--first-byte", type=float, default=0.0, help="seconds from a request to its first audio byte")
    parser.add_argument("--rate", type=float, help="speed of the audio as a multiple of real time; default: unlimited")
    parser.add_argument("--api-key", default=DEFAULT_KEY, help="the accepted key; if empty, no key is needed")
    parser.add_argument(
        "--audio-mode", choices=("speech", "tones"), default="speech", help="tones: a decodable burst of tones per word"
    )
    parsed = parser.parse_args(arguments)
    try:
        timing = Timing(first_byte=parsed.first_byte, rate=parsed.rate)
    except ValueError as error:
        parser.error(str(error))
    return Options(port=parsed.port, timing=timing, api_key=parsed.api_key or None, audio_mode=parsed.audio_mode)


async def serve(options: Options) -> None:
    """Serve until a signal arrives."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with Simulator(port=options.port, timing=options.timing, api_key=options.api_key) as simulator:
        simulator.audio_mode = options.audio_mode
        urls = {
            "url": simulator.url,
            "openai_url": simulator.openai_url,
            "realtime_url": simulator.realtime_url,
            "nanogpt_url": simulator.nanogpt_url,
            "nanogpt_speech_url": simulator.nanogpt_speech_url,
            "speechbase_url": simulator.speechbase_url,
            "files_url": simulator.files_url,
        }
        sys.stdout.write(json.dumps(urls) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(parse_options(sys.argv[1:])))
