"""Run the interoperability test."""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import shutil
import sys
import tempfile
from typing import Final

import aiohttp

from tests.e2e.assist import add_wyoming_service
from tests.e2e.entities import wait_for_new_entity
from tests.e2e.report import ChapterFailedError, Report, print_progress
from tests.e2e.satellite import run_wyoming_services
from tests.simulator import Simulator, Timing
from tests.support.home_assistant import Api, Instance, StartError, User, open_websocket, run_home_assistant
from tests.support.processes import INTERRUPTED, run_until_signal

from .checks import WORDS_PER_SECOND, Assist, Checks
from .servers import ROOT, SERVERS, LogReader, ServerSetup, environment_of, run_server
from .words import Recognizer, assert_tones, run_recognizer

_HELPERS: Final = ROOT / "tests" / "support" / "home_assistant"
_COMPONENTS: Final = (
    ROOT / "custom_components" / "orator",
    _HELPERS / "recording_speaker",
    _HELPERS / "slow_conversation",
)
_USER: Final = User("demo", "opens-nothing-but-the-demo")
_TIMING: Final = Timing(first_byte=0.3, rate=10)


@dataclass(frozen=True, slots=True)
class Context:
    """The running programs that all servers share. folder: for temporary files."""

    simulator: Simulator
    instance: Instance
    api: Api
    assist: Assist
    recognizer: Recognizer
    folder: Path


async def run(names: Sequence[str]) -> int:
    """Check servers, and return the exit code."""
    report = Report("interop")
    folder = Path(tempfile.mkdtemp(prefix="orator-interop-"))
    log = ""
    print_progress(f"starting Home Assistant; logs are in {folder}")
    try:
        async with run_context(folder) as context:
            for name in names:
                print_progress(f"starting {name}")
                await _check_server(context, report, SERVERS[name])
            log = context.instance.log
    except StartError as err:
        report.failed += 1
        log = str(err)
    if not report.failed:
        shutil.rmtree(folder)
    return report.conclude(log)


@asynccontextmanager
async def run_context(folder: Path) -> AsyncGenerator[Context]:
    """Start the simulator, the recognizer and Home Assistant, and add all parts of an Assist pipeline but the voice."""
    speaker = {"platform": "recording_speaker", "name": "Kitchen speaker", "folder": str(folder)}
    configuration = {"assist_pipeline": {}, "media_source": {}, "media_player": [speaker]}
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(timing=_TIMING))
        simulator.audio_mode = "tones"
        recognizer = await stack.enter_async_context(run_recognizer(environment_of("recognizer"), folder))
        instance = await stack.enter_async_context(run_home_assistant(_COMPONENTS, configuration))
        api = Api(await stack.enter_async_context(aiohttp.ClientSession()), instance.url)
        tokens = await api.onboard(_USER)
        services = await stack.enter_async_context(run_wyoming_services())
        agent = await wait_for_new_entity(
            api, "conversation", api.add_entry("slow_conversation", {"words_per_second": WORDS_PER_SECOND})
        )
        heard_by = await wait_for_new_entity(api, "stt", add_wyoming_service(api, services.recognizer_port))
        await wait_for_new_entity(api, "assist_satellite", add_wyoming_service(api, services.satellite_port))
        open_socket = partial(open_websocket, instance.url, str(tokens["access_token"]))
        yield Context(simulator, instance, api, Assist(services, open_socket, agent, heard_by), recognizer, folder)


async def _check_server(context: Context, report: Report, setup: ServerSetup) -> None:
    """Start a server and check it; a failed check shows what the server has logged."""
    folder = context.folder / setup.name
    folder.mkdir()

    log = LogReader(folder)
    report.on_failure = log.describe_news
    assert_spoken = assert_tones if setup.has_simulated_voice else context.recognizer.assert_spoken
    async with AsyncExitStack() as stack:
        with suppress(ChapterFailedError):
            async with report.step(f"{setup.name}: the server starts"):
                server = await stack.enter_async_context(run_server(setup, folder, context.simulator))
            await Checks(context.api, context.assist, report, server, assert_spoken, context.folder).run()
    report.on_failure = None


def main() -> int:
    """Parse the command line, and check the servers."""
    parser = argparse.ArgumentParser(prog="script/interop", description="Test Orator with real servers.")
    parser.add_argument("servers", nargs="*", metavar="SERVER", help=f"only these: {' '.join(SERVERS)}")
    chosen = parser.parse_args().servers
    if unknown := set(chosen) - SERVERS.keys():
        parser.error(f"no such server: {' '.join(sorted(unknown))}")
    code = asyncio.run(run_until_signal(run([name for name in SERVERS if not chosen or name in chosen])))
    if code is None:
        print_progress("interrupted; all processes have been stopped")
    return INTERRUPTED if code is None else code


if __name__ == "__main__":
    sys.exit(main())
