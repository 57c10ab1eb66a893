"""How the simulator starts and ends, alone and as a program."""

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
from tests.simulator.audio.recorder import Shelf

from .openai_client import LONGEST, SHORTEST, SPEECH, request_body, seconds, speech

ROOT = Path(__file__).parents[3]


async def test_nothing_outlives_the_simulator() -> None:
    """Neither tasks nor threads are left, whatever was going on."""
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    loop = asyncio.get_running_loop()
    async with Simulator(timing=Timing(rate=0.1)) as simulator:
        headers = {"Authorization": f"Bearer {simulator.api_key}"}
        async with aiohttp.ClientSession(simulator.url, headers=headers) as client:
            simulator.fail(Fault(stall_after=10))
            responses = [await client.post(SPEECH, json=request_body()) for _ in range(2)]
            assert [response.status for response in responses] == [200, 200]
            started = asyncio.create_task(client.post(SPEECH, json=request_body(input="Nor these words. " * 200)))
            await asyncio.sleep(0.1)
            before = loop.time()
            await simulator.__aexit__(None, None, None)
            assert loop.time() - before < 15  # what is being encoded is finished; what is being sent is not
            assert not any(received.disconnected for received in simulator.requests)
            await asyncio.gather(started, return_exceptions=True)
            for response in responses:
                response.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= tasks
    assert set(threading.enumerate()) <= threads


async def test_chosen_port(simulator: Simulator) -> None:
    """A port can be chosen, and is free again afterwards."""
    port = int(simulator.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        async with Simulator(port=port):
            pass
    await simulator.__aexit__(None, None, None)
    async with Simulator(port=port) as successor:
        assert successor.url == simulator.url
        assert successor.openai_url == f"{successor.url}/v1"


def test_shelf_is_bounded() -> None:
    """Recordings leave in the order of their last use."""
    shelf: Shelf[str, bytes] = Shelf(100, len)
    shelf.put("first", bytes(50))
    shelf.put("second", bytes(50))
    assert shelf.get("first") == bytes(50)
    shelf.put("third", bytes(50))
    assert [shelf.get(key) is not None for key in ("first", "second", "third")] == [True, False, True]
    shelf.put("first", bytes(40))
    assert [shelf.get(key) is not None for key in ("first", "third")] == [True, True]
    shelf.put("too large", bytes(101))
    assert [shelf.get(key) for key in ("first", "third", "too large")] == [None, None, None]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_program(stop: signal.Signals) -> None:
    """As a program it says where it is, keeps to its options, and ends when told."""
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
            assert SHORTEST < seconds(await speech(client)) < LONGEST
        process.send_signal(stop)
        _, complaints = await asyncio.wait_for(process.communicate(), 120)
        assert (process.returncode, complaints) == (0, b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_program_refuses_impossible_timing() -> None:
    """Options are checked."""
    command = (sys.executable, "-m", "tests.simulator", "--rate", "0")
    result = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert result.returncode == 2
    assert b"rate must be above zero" in result.stderr
