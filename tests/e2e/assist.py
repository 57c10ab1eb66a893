"""Chapter `assist`: a slow reply is heard while it is being generated, over the WebSocket and on a satellite."""

import asyncio
from pathlib import Path
import time
from typing import Final
import wave

from tests.support.home_assistant import Api, WebSocket
from tests.support.processes import LOCALHOST

from .audio import assert_spoken_in_file
from .context import Context
from .entities import get_voice, wait_for_new_entity
from .report import Report
from .satellite import SatelliteRecording, WyomingServices, run_wyoming_services

_WORDS_PER_SECOND: Final = 8
_REPLY: Final = (
    "The heating in the bathroom is switched on. It takes about half an hour until the room is warm. "
    "The window was still open, so please close it first. It is two degrees outside, and it may snow tonight. "
    "I will tell you when the bathroom is ready, and switch the heating off again at nine."
)
_ANNOUNCEMENT: Final = "Good morning. It is seven o'clock, and there is snow outside."
_SATELLITE_RATE: Final = 22_050  # requested by Home Assistant's Wyoming integration
_MAX_FIRST_AUDIO_SHARE: Final = 0.5  # share of the duration of the reply


async def run_assist(context: Context, report: Report) -> None:
    """Talk to a slow assistant."""
    async with report.step("a voice is available"):
        voice = await get_voice(context)
    async with report.step("a slow conversation agent is added"):
        agent = await wait_for_new_entity(
            context.api,
            "conversation",
            context.api.add_entry("slow_conversation", {"words_per_second": _WORDS_PER_SECOND}),
        )
    async with run_wyoming_services() as services, context.websocket() as websocket:
        async with report.step("a speech recognizer and a satellite are added with Home Assistant's own integration"):
            recognizer = await wait_for_new_entity(
                context.api, "stt", add_wyoming_service(context.api, services.recognizer_port)
            )
            satellite = await wait_for_new_entity(
                context.api, "assist_satellite", add_wyoming_service(context.api, services.satellite_port)
            )
        async with report.step("an Assist pipeline is created"):
            pipeline = await create_pipeline(websocket, agent, recognizer, voice)
        async with report.step("a reply over the WebSocket is heard completely, and starts while it is generated"):
            await _assert_websocket_reply(context, websocket, pipeline)
        async with report.step(
            "a reply on the satellite is heard completely, at its sample rate, and starts while it is generated"
        ):
            await _assert_satellite_reply(context, services)
        async with report.step("an announcement on the satellite is heard completely, at its sample rate"):
            announcing = asyncio.create_task(_announce(context, satellite))
            await assert_recorded(context, await services.next_recording(), _ANNOUNCEMENT)
            await announcing


async def add_wyoming_service(api: Api, port: int) -> None:
    """Add a Wyoming service."""
    await api.add_entry("wyoming", {"host": LOCALHOST, "port": port})


async def create_pipeline(websocket: WebSocket, agent: str, recognizer: str, voice: str) -> str:
    """Create the preferred pipeline, and return its id."""
    pipeline = await websocket.send(
        "assist_pipeline/pipeline/create",
        name="Slow",
        language="en",
        conversation_engine=agent,
        conversation_language="en",
        stt_engine=recognizer,
        stt_language="en",
        tts_engine=voice,
        tts_language="en-US",
        tts_voice=None,
        wake_word_entity=None,
        wake_word_id=None,
    )
    await websocket.send("assist_pipeline/pipeline/set_preferred", pipeline_id=pipeline["id"])
    return str(pipeline["id"])


async def _assert_websocket_reply(context: Context, websocket: WebSocket, pipeline: str) -> None:
    """Send text to the pipeline, and fetch the audio as soon as Home Assistant offers it."""
    first_audio = generated = 0.0
    audio = bytearray()
    path = ""

    async def fetch() -> None:
        nonlocal first_audio
        async for chunk in context.api.download(path):
            first_audio = first_audio or time.monotonic()
            audio.extend(chunk)

    fetching: asyncio.Task[None] | None = None
    started = time.monotonic()
    events = websocket.subscribe(
        "assist_pipeline/run", start_stage="intent", end_stage="tts", input={"text": _REPLY}, pipeline=pipeline
    )
    async for event in events:
        match event["type"]:
            case "run-start":
                path = event["data"]["tts_output"]["url"]
            case "intent-progress" if event["data"].get("tts_start_streaming"):
                fetching = asyncio.create_task(fetch())
            case "intent-end":
                generated = time.monotonic()
            case "error":
                raise AssertionError(event["data"])
            case "run-end":
                break
    await events.aclose()
    assert fetching, "Home Assistant did not offer the audio while the reply was generated"
    await fetching
    _assert_early(started, first_audio, generated)
    file = context.folder / path.rpartition("/")[2]
    file.write_bytes(audio)
    await assert_spoken_in_file(file, _REPLY)


def _assert_early(started: float, first_audio: float, generated: float) -> None:
    """Assert that audio started well before the reply was complete."""
    audio_after, reply_after = first_audio - started, generated - started
    assert first_audio, "nothing was heard"
    assert audio_after < _MAX_FIRST_AUDIO_SHARE * reply_after, f"audio after {audio_after:.2f} s of {reply_after:.2f} s"


async def _assert_satellite_reply(context: Context, services: WyomingServices) -> None:
    """Speak to the satellite."""
    started = await services.speak(_REPLY)
    recording = await services.next_recording()
    _assert_early(started, recording.started, started + len(_REPLY.split()) / _WORDS_PER_SECOND)
    await assert_recorded(context, recording, _REPLY)


async def _announce(context: Context, satellite: str) -> None:
    """Perform `assist_satellite.announce` as an automation does."""
    data = {"entity_id": satellite, "message": _ANNOUNCEMENT, "preannounce": False}
    await context.api.perform_action("assist_satellite.announce", data)


async def assert_recorded(context: Context, recording: SatelliteRecording, text: str) -> None:
    """Assert that a satellite received a text, in its sample format."""
    file = context.folder / "satellite.wav"
    save_recording(recording, file)
    await assert_spoken_in_file(file, text)


def save_recording(recording: SatelliteRecording, file: Path) -> None:
    """Write what a satellite received to a WAV, and assert that it has the sample format of satellites."""
    layout = (recording.rate, recording.width, recording.channels)
    assert layout == (_SATELLITE_RATE, 2, 1), f"wrong sample format: {layout}"
    with wave.open(str(file), "wb") as wav:
        wav.setparams((recording.channels, recording.width, recording.rate, 0, "NONE", ""))
        wav.writeframes(recording.samples)
