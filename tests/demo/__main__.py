"""The demo's course: a service, Home Assistant, voices, sentences, verdict."""

import argparse
import asyncio
from collections.abc import Mapping
import os
from pathlib import Path
import secrets
import signal
import sys
from typing import Final

import aiohttp

from tests.simulator import Simulator, Timing
from tests.support.home_assistant import Api, ApiError, Instance, StartError, User, run_home_assistant
from tests.support.processes import INTERRUPTED, until_ended

from .hearing import SPEAKER, hear_speaker, hear_url
from .report import Verdict, judge, print_address, print_failures, print_table, progress
from .voices import add_voices

_ROOT: Final = Path(__file__).parents[2]
_FOLDER: Final = _ROOT / "demo"
_COMPONENTS: Final = (
    _ROOT / "custom_components" / "orator",
    _ROOT / "tests" / "support" / "home_assistant" / "recording_speaker",
)
_CONFIGURATION: Final[Mapping[str, object]] = {
    "assist_pipeline": {},
    "frontend": {},
    "media_source": {},
    "media_player": [{"platform": "recording_speaker", "name": "Kitchen speaker", "folder": str(_FOLDER)}],
}
_TIMING: Final = Timing(first_byte=0.3, rate=10)


async def run(*, serve: bool) -> int:
    """Run the demo, and return its exit code."""
    _make_empty(_FOLDER)
    progress("starting the simulated service and Home Assistant")
    try:
        async with (
            Simulator(timing=_TIMING) as simulator,
            run_home_assistant(_COMPONENTS, _CONFIGURATION) as instance,
            aiohttp.ClientSession() as session,
        ):
            user = User("demo", secrets.token_urlsafe(9))
            success = await _perform(Api(session, instance.url), instance, user, simulator)
            if serve:
                await _serve(instance, user)
            progress("ending Home Assistant")
    except StartError as err:
        print_failures([str(err)], "")
        return 1
    progress("done" if success else "FAILED, see above")
    return 0 if success else 1


async def _perform(api: Api, instance: Instance, user: User, simulator: Simulator) -> bool:
    """Set everything up, speak, and say whether all was heard as it should be."""
    failures: list[str] = []
    verdicts: list[Verdict] = []
    try:
        progress("creating the owner")
        await api.onboard(user)
        for voice in await add_voices(api, simulator, os.environ):
            progress(f"{voice.name} speaks")
            for hear in (hear_speaker, hear_url):
                verdict = await judge(await hear(api, voice, _FOLDER))
                verdicts.append(verdict)
                failures += verdict.failures
    except ApiError as err:
        failures.append(str(err))
    print_table(verdicts)
    if failures:
        print_failures(failures, instance.log)
    return not failures


async def _serve(instance: Instance, user: User) -> None:
    """Leave Home Assistant to its visitor until Ctrl+C, or until it ends by itself."""
    print_address(instance.url, user, SPEAKER, _FOLDER.name)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    waits = [asyncio.ensure_future(wait) for wait in (stop.wait(), instance.process.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _make_empty(folder: Path) -> None:
    """Remove what the last run has left."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()


def main() -> int:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(prog="script/demo", description="A real Home Assistant speaks through Orator.")
    parser.add_argument("--serve", action="store_true", help="then leave Home Assistant running, to look around")
    code = asyncio.run(until_ended(run(serve=parser.parse_args().serve)))
    if code is None:
        progress("interrupted; everything has been ended")
    return INTERRUPTED if code is None else code


if __name__ == "__main__":
    sys.exit(main())
