"""Chapter: announcements on real players, through Home Assistant's own integrations for them."""

import asyncio
from typing import Final

from tests.demo.sound import decode
from tests.support.home_assistant.api import CONFIG_FLOW, ApiError, Json
from tests.support.processes import LOCALHOST

from .entities import new_entity, some_voice
from .hearing import assert_heard, fetched
from .players import Mpd, Renderer, run_mpd, run_renderer
from .report import Report
from .stage import Stage

_MP3_TEXT: Final = "The washing machine has finished, and the kitchen window is still open."
_OTHER_MP3_TEXT: Final = "The front door is unlocked, and nobody is at home."
_FLAC_TEXT: Final = "It is seven degrees outside, and it will rain tonight."
_WAV_TEXT: Final = "Dinner is ready in five minutes. Please lay the table."
_DLNA: Final = "dlna_dmr"
_ATTEMPTS: Final = 10
_LOOKS: Final = 100
_LOOK_EVERY: Final = 0.05
_TOLERANCE: Final = 0.3  # seconds between what was made and what a player has counted


async def announce(stage: Stage, report: Report) -> None:
    """Let a voice speak on both players."""
    async with report.step("there is a voice"):
        voice = await some_voice(stage)
    async with run_mpd(stage.programs, stage.folder) as mpd:
        await _announce_on_mpd(stage, report, mpd, voice)
    async with run_renderer(stage.programs, stage.folder) as renderer:
        await _announce_on_renderer(stage, report, renderer, voice)


async def _announce_on_mpd(stage: Stage, report: Report, mpd: Mpd, voice: str) -> None:
    """Let a voice speak on MPD, in two formats."""
    async with report.step("Home Assistant's own integration adds an MPD"):
        speaker = await new_entity(
            stage.api, "media_player", stage.api.add_entry("mpd", {"host": LOCALHOST, "port": mpd.port})
        )

    async def announce(text: str, audio_format: str) -> None:
        await _speak(stage, voice, speaker, text, audio_format)
        song, elapsed = await mpd.play_to_end()
        await _assert_format(stage, song, audio_format)
        sound = await assert_heard(mpd.tape, text)
        assert abs(sound.duration - elapsed) < _TOLERANCE, f"MPD has played {elapsed} s of {sound.duration} s"

    async with report.step("an announcement on MPD is heard whole, in mp3"):
        await announce(_MP3_TEXT, "mp3")
    async with report.step("an announcement on MPD is heard whole, in flac"):
        await announce(_FLAC_TEXT, "flac")


async def _add_renderer(stage: Stage, renderer: Renderer) -> str:
    """Add a renderer as Home Assistant offers it: found by itself, to be chosen, or at its address.

    It looks for renderers all the while, so that one form may be over when another one comes.
    """
    async with stage.websocket() as websocket:
        for _ in range(_ATTEMPTS):
            flows = await websocket.ask("config_entries/flow/progress")
            found = [flow for flow in flows if flow["handler"] == _DLNA]
            form = found[0] if found else await stage.api.post(CONFIG_FLOW, {"handler": _DLNA})
            result = await stage.api.post(f"{CONFIG_FLOW}/{form['flow_id']}", _entered(form, renderer))
            if result["type"] == "create_entry":
                return str(result["result"]["entry_id"])
            await asyncio.sleep(1)
    raise ApiError(f"no renderer was added: {result}")


def _entered(form: Json, renderer: Renderer) -> Json:
    """Return what is entered: nothing where only agreement is asked for, or else the renderer's name or address."""
    fields = {field["name"]: field for field in form.get("data_schema", ())}
    if "host" in fields:
        return {"host": fields["host"]["options"][0][0]}
    return {"url": renderer.url} if "url" in fields else {}


async def _announce_on_renderer(stage: Stage, report: Report, renderer: Renderer, voice: str) -> None:
    """Let a voice speak on a DLNA renderer, in two formats."""
    async with report.step("Home Assistant's own integration adds a DLNA renderer"):
        speaker = await new_entity(stage.api, "media_player", _add_renderer(stage, renderer))

    async def announce(text: str, audio_format: str) -> None:
        renderer.forget()
        await _speak(stage, voice, speaker, text, audio_format)
        song = await _address_played(stage, speaker, audio_format)
        await renderer.play_to_end()
        await _assert_format(stage, song, audio_format)
        await assert_heard(renderer.tape, text)

    async with report.step("an announcement on the DLNA renderer is heard whole, in mp3"):
        await announce(_OTHER_MP3_TEXT, "mp3")
    async with report.step("an announcement on the DLNA renderer is heard whole, in wav"):
        await announce(_WAV_TEXT, "wav")


async def _speak(stage: Stage, voice: str, speaker: str, text: str, audio_format: str) -> None:
    """Perform what an automation does."""
    options = {"preferred_format": audio_format}
    data = {"entity_id": voice, "media_player_entity_id": speaker, "message": text, "options": options}
    await stage.api.act("tts.speak", data)


async def _address_played(stage: Stage, speaker: str, audio_format: str) -> str:
    """Return the address of what a player plays, which it may not tell at once."""
    for _ in range(_LOOKS):
        address = str((await stage.api.attributes(speaker)).get("media_content_id"))
        if address.endswith(f".{audio_format}"):
            return address
        await asyncio.sleep(_LOOK_EVERY)
    raise ApiError(f"{speaker} plays {address}, nothing of {audio_format}")


async def _assert_format(stage: Stage, url: str, audio_format: str) -> None:
    """Fail unless what a player has fetched is in a format."""
    sound = await decode(await fetched(stage, url))
    assert sound.container == audio_format, f"{url} is {sound.container}, not {audio_format}"
