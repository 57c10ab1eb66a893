"""Run the demo: start Home Assistant, add accounts and voices, speak, check the audio."""

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
from tests.support.processes import INTERRUPTED, run_until_signal

from .playback import SPEAKER, play_on_speaker, play_url
from .report import Check, check, print_address, print_failures, print_progress, print_table
from .setup import add_voices

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
    _empty_folder(_FOLDER)
    print_progress("starting the simulated providers and Home Assistant")
    try:
        async with (
            Simulator(timing=_TIMING) as simulator,
            run_home_assistant(_COMPONENTS, _CONFIGURATION) as instance,
            aiohttp.ClientSession() as session,
        ):
            user = User("demo", secrets.token_urlsafe(9))
            success = await _speak(Api(session, instance.url), instance, user, simulator)
            if serve:
                await _serve(instance, user)
            print_progress("stopping Home Assistant")
    except StartError as err:
        print_failures([str(err)], "")
        return 1
    print_progress("done" if success else "FAILED, see above")
    return 0 if success else 1


async def _speak(api: Api, instance: Instance, user: User, simulator: Simulator) -> bool:
    """Set up Home Assistant, speak with every voice, and return whether all audio is correct."""
    failures: list[str] = []
    checks: list[Check] = []
    try:
        print_progress("creating the owner")
        await api.onboard(user)
        for voice in await add_voices(api, simulator, os.environ):
            print_progress(f"{voice.name} speaks")
            for play in (play_on_speaker, play_url):
                result = await check(await play(api, voice, _FOLDER))
                checks.append(result)
                failures += result.failures
    except ApiError as err:
        failures.append(str(err))
    print_table(checks)
    if failures:
        print_failures(failures, instance.log)
    return not failures


async def _serve(instance: Instance, user: User) -> None:
    """Keep Home Assistant running until Ctrl+C, or until it exits."""
    print_address(instance.url, user, SPEAKER, _FOLDER.name)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    waits = [asyncio.ensure_future(wait) for wait in (stop.wait(), instance.process.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _empty_folder(folder: Path) -> None:
    """Create a folder, and remove the files in it."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if file.is_file():
            file.unlink()


def main() -> int:
    """Parse the command line, and run the demo."""
    parser = argparse.ArgumentParser(
        prog="script/demo", description="Generate speech with Orator in a real Home Assistant."
    )
    parser.add_argument("--serve", action="store_true", help="keep Home Assistant running afterwards")
    code = asyncio.run(run_until_signal(run(serve=parser.parse_args().serve)))
    if code is None:
        print_progress("interrupted; all processes have been stopped")
    return INTERRUPTED if code is None else code


if __name__ == "__main__":
    sys.exit(main())
