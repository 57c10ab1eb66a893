"""Starting and stopping the simulator, also as a program, and its recordings cache."""

import asyncio
import json
from pathlib import Path
import signal
import subprocess
import sys
import threading

import aiohttp
import pytest

from tests.simulator import Fault, Simulator, Timing
from tests.simulator.audio.recorder import LruCache

from .openai_client import MAX_SECONDS, MIN_SECONDS, SPEECH, measure_duration, speech_body, synthesize

ROOT = Path(__file__).parents[3]


async def test_no_leaks() -> None:
    """Closing leaves no tasks or threads, whatever is in progress."""
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    loop = asyncio.get_running_loop()
    async with Simulator(timing=Timing(rate=0.1)) as simulator:
        headers = {"Authorization": f"Bearer {simulator.api_key}"}
        async with aiohttp.ClientSession(simulator.url, headers=headers) as client:
            simulator.fail(Fault(stall_after=10))
            responses = [await client.post(SPEECH, json=speech_body()) for _ in range(2)]
            assert [response.status for response in responses] == [200, 200]
            started = asyncio.create_task(client.post(SPEECH, json=speech_body(input="Nor these words. " * 200)))
            await asyncio.sleep(0.1)
            before = loop.time()
            await simulator.__aexit__(None, None, None)
            assert loop.time() - before < 15  # encoding finishes, sending is cancelled
            assert not any(received.is_disconnected for received in simulator.requests)
            await asyncio.gather(started, return_exceptions=True)
            for response in responses:
                response.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks
    assert set(threading.enumerate()) <= threads


async def test_chosen_port(simulator: Simulator) -> None:
    """A port can be chosen, and is free again after closing."""
    port = int(simulator.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with Simulator(port=port):
            pass
    await simulator.__aexit__(None, None, None)
    async with Simulator(port=port) as restarted:
        assert restarted.url == simulator.url
        assert restarted.openai_url == f"{restarted.url}/v1"


def test_cache_limit() -> None:
    """The cache evicts the least recently used recordings."""
    cache: LruCache[str, bytes] = LruCache(100, len)
    cache.put("first", bytes(50))
    cache.put("second", bytes(50))
    assert cache.get("first") == bytes(50)
    cache.put("third", bytes(50))
    assert [cache.get(key) is not None for key in ("first", "second", "third")] == [True, False, True]
    cache.put("first", bytes(40))
    assert [cache.get(key) is not None for key in ("first", "third")] == [True, True]
    cache.put("too large", bytes(101))
    assert [cache.get(key) for key in ("first", "third", "too large")] == [None, None, None]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_program(stop: signal.Signals) -> None:
    """The program prints its URLs, applies its options, and stops on a signal."""
    options = ("--port", "0", "--first-byte", "0.1", "--rate", "20", "--api-key", "sk-chosen")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.simulator", *options, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 120))
        assert ready["openai_url"] == f"{ready['url']}/v1"
        assert ready["realtime_url"] == f"{ready['openai_url'].replace('http', 'ws')}/realtime"
        assert ready["speechbase_url"] == f"{ready['url']}/speechbase"
        headers = {"Authorization": "Bearer sk-chosen"}
        async with aiohttp.ClientSession(ready["url"], headers=headers) as client:
            assert MIN_SECONDS < measure_duration(await synthesize(client)) < MAX_SECONDS
        process.send_signal(stop)
        _, errors = await asyncio.wait_for(process.communicate(), 120)
        assert (process.returncode, errors) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_program_with_invalid_timing() -> None:
    """The program rejects invalid timings."""
    command = (sys.executable, "-m", "tests.simulator", "--rate", "0")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert result.returncode == 2
    assert b"rate must be above zero" in result.stderr
