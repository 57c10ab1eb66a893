"""Chapter: a slow assistant is heard while it still writes, over the websocket and on a voice satellite."""

import asyncio
import time
from typing import Final
import wave

from tests.support.home_assistant import WebSocket
from tests.support.processes import LOCALHOST

from .entities import new_entity, some_voice
from .hearing import assert_heard
from .report import Report
from .satellite import Recording, Room, furnished_room
from .stage import Stage

_WORDS_PER_SECOND: Final = 8
_REPLY: Final = (
    "The heating in the bathroom is switched on. It takes about half an hour until the room is warm. "
    "The window was still open, so please close it first. Outside it has two degrees, and it may snow tonight. "
    "I will tell you when the bathroom is ready, and switch the heating off again at nine."
)
_ANNOUNCEMENT: Final = "Good morning. It is seven o'clock, and there is snow outside."
_SATELLITE_RATE: Final = 22_050  # Hz, what Home Assistant's wyoming integration asks for
_EARLY: Final = 0.5  # of the time that the reply takes to be written


async def assist(stage: Stage, report: Report) -> None:
    """Talk to an assistant."""
    async with report.step("there is a voice"):
        voice = await some_voice(stage)
    async with report.step("an assistant writes slowly"):
        agent = await new_entity(
            stage.api, "conversation", stage.api.add_entry("slow_talker", {"words_per_second": _WORDS_PER_SECOND})
        )
    async with furnished_room() as room, stage.websocket() as websocket:
        async with report.step("Home Assistant's own integration adds a recogniser and a satellite"):
            ears = await new_entity(stage.api, "stt", _add(stage, room.recogniser_port))
            satellite = await new_entity(stage.api, "assist_satellite", _add(stage, room.satellite_port))
        async with report.step("an Assist pipeline is put together"):
            pipeline = await _make_pipeline(websocket, agent, ears, voice)
        async with report.step("a reply over the websocket is heard whole, and begins while it is written"):
            await _listen_over_websocket(stage, websocket, pipeline)
        async with report.step("a reply on the satellite is heard whole, at its rate, and begins while it is written"):
            await _listen_to_satellite(stage, room)
        async with report.step("an announcement on the satellite is heard whole, at its rate"):
            announcing = asyncio.create_task(_announce(stage, satellite))
            await _assert_recorded(stage, await room.heard(), _ANNOUNCEMENT)
            await announcing


async def _add(stage: Stage, port: int) -> None:
    """Add a Wyoming service."""
    await stage.api.add_entry("wyoming", {"host": LOCALHOST, "port": port})


async def _make_pipeline(websocket: WebSocket, agent: str, ears: str, voice: str) -> str:
    """Put a pipeline together, which satellites use from then on; return its id."""
    pipeline = await websocket.ask(
        "assist_pipeline/pipeline/create",
        name="Slow",
        language="en",
        conversation_engine=agent,
        conversation_language="en",
        stt_engine=ears,
        stt_language="en",
        tts_engine=voice,
        tts_language="en-US",
        tts_voice=None,
        wake_word_entity=None,
        wake_word_id=None,
    )
    await websocket.ask("assist_pipeline/pipeline/set_preferred", pipeline_id=pipeline["id"])
    return str(pipeline["id"])


async def _listen_over_websocket(stage: Stage, websocket: WebSocket, pipeline: str) -> None:
    """Type to the assistant, and fetch its voice as soon as Home Assistant says that there is one."""
    began = ended = written = 0.0
    sound = bytearray()
    path = ""

    async def fetch() -> None:
        nonlocal began, ended
        async for chunk in stage.api.download(path):
            began = began or time.monotonic()
            sound.extend(chunk)
        ended = time.monotonic()

    fetching: asyncio.Task[None] | None = None
    asked = time.monotonic()
    events = websocket.follow(
        "assist_pipeline/run", start_stage="intent", end_stage="tts", input={"text": _REPLY}, pipeline=pipeline
    )
    async for event in events:
        match event["type"]:
            case "run-start":
                path = event["data"]["tts_output"]["url"]
            case "intent-progress" if event["data"].get("tts_start_streaming"):
                fetching = asyncio.create_task(fetch())
            case "intent-end":
                written = time.monotonic()
            case "error":
                raise AssertionError(event["data"])
            case "run-end":
                break
    await events.aclose()
    assert fetching, "Home Assistant never said that the voice could be fetched"
    await fetching
    _assert_early(asked, began, written)
    file = stage.folder / path.rpartition("/")[2]
    file.write_bytes(sound)
    await assert_heard(file, _REPLY)


def _assert_early(asked: float, began: float, written: float) -> None:
    """Fail unless a reply began to sound well before it had been written."""
    sounding, writing = began - asked, written - asked
    assert began, "nothing was heard"
    assert sounding < _EARLY * writing, f"first sound after {sounding:.2f} s, reply after {writing:.2f} s"


async def _listen_to_satellite(stage: Stage, room: Room) -> None:
    """Speak to the assistant in a room with a satellite."""
    asked = await room.ask(_REPLY)
    recording = await room.heard()
    _assert_early(asked, recording.began, asked + len(_REPLY.split()) / _WORDS_PER_SECOND)
    await _assert_recorded(stage, recording, _REPLY)


async def _announce(stage: Stage, satellite: str) -> None:
    """Perform what an automation does."""
    data = {"entity_id": satellite, "message": _ANNOUNCEMENT, "preannounce": False}
    await stage.api.act("assist_satellite.announce", data)


async def _assert_recorded(stage: Stage, recording: Recording, text: str) -> None:
    """Fail unless a satellite was given a text, in the samples that it plays."""
    made = (recording.rate, recording.width, recording.channels)
    assert made == (_SATELLITE_RATE, 2, 1), f"{made} instead of what the satellite plays"
    file = stage.folder / "satellite.wav"
    with wave.open(str(file), "wb") as wav:
        wav.setparams((recording.channels, recording.width, recording.rate, 0, "NONE", ""))
        wav.writeframes(recording.samples)
    await assert_heard(file, text)
