"""Chapter `players`: announcements on real players, through Home Assistant's own integrations."""

import asyncio
from typing import Final

from tests.support.audio_checks import decode_file
from tests.support.home_assistant.api import CONFIG_FLOW, ApiError, Json
from tests.support.processes import LOCALHOST

from .audio import assert_spoken_in_file, download
from .context import Context
from .entities import get_voice, wait_for_new_entity
from .player_programs import Mpd, Renderer, run_mpd, run_renderer
from .report import Report

_MP3_TEXT: Final = "The washing machine has finished, and the kitchen window is still open."
_SECOND_MP3_TEXT: Final = "The front door is unlocked, and nobody is at home."
_FLAC_TEXT: Final = "It is seven degrees outside, and it will rain tonight."
_WAV_TEXT: Final = "Dinner is ready in five minutes. Please lay the table."
_SPEECH_TEXT: Final = "The post has arrived, and it is snowing in the garden."
_SPEECH_OPTIONS: Final = {"endpoint": "speech", "model": "nano-tts-1", "voice": "luna"}
"""Options of NanoGPT's other speech endpoint, which has a host name of its own."""
_DLNA_DOMAIN: Final = "dlna_dmr"
_ATTEMPTS: Final = 10
_MAX_POLLS: Final = 100
_POLL_S: Final = 0.05
_DURATION_TOLERANCE_S: Final = 0.3


async def run_players(context: Context, report: Report) -> None:
    """Make announcements on both players."""
    async with report.step("a voice is available"):
        voice = await get_voice(context)
    async with run_mpd(context.programs, context.folder) as mpd:
        await _announce_on_mpd(context, report, mpd, voice)
    async with run_renderer(context.programs, context.folder) as renderer:
        await _announce_on_renderer(context, report, renderer, voice)


async def _announce_on_mpd(context: Context, report: Report, mpd: Mpd, voice: str) -> None:
    """Make announcements on MPD in two formats."""
    async with report.step("MPD is added with Home Assistant's own integration"):
        speaker = await wait_for_new_entity(
            context.api, "media_player", context.api.add_entry("mpd", {"host": LOCALHOST, "port": mpd.port})
        )

    async def announce(text: str, audio_format: str, options: Json | None = None) -> None:
        await _speak(context, voice, speaker, text, {"preferred_format": audio_format, **(options or {})})
        song, elapsed = await mpd.play_to_end()
        await _assert_format(context, song, audio_format)
        audio = await assert_spoken_in_file(mpd.recording, text)
        assert abs(audio.duration - elapsed) < _DURATION_TOLERANCE_S, f"MPD played {elapsed} s of {audio.duration} s"

    async with report.step("an announcement on MPD is heard completely, in mp3"):
        await announce(_MP3_TEXT, "mp3")
    async with report.step("an announcement on MPD is heard completely, in flac"):
        await announce(_FLAC_TEXT, "flac")
    async with report.step("an announcement through NanoGPT's /v1/speech is heard completely"):
        context.simulator.requests.clear()
        await announce(_SPEECH_TEXT, "mp3", _SPEECH_OPTIONS)
        assert "/v1/speech" in [request.path for request in context.simulator.requests]


async def add_renderer(context: Context, renderer: Renderer) -> str:
    """Add the renderer through the form that Home Assistant offers: discovered, to be selected, or with its URL.

    Discovery runs at the same time, so a form may be gone when it is submitted.
    """
    async with context.websocket() as websocket:
        for _ in range(_ATTEMPTS):
            flows = await websocket.send("config_entries/flow/progress")
            discovered = [flow for flow in flows if flow["handler"] == _DLNA_DOMAIN]
            form = discovered[0] if discovered else await context.api.post(CONFIG_FLOW, {"handler": _DLNA_DOMAIN})
            result = await context.api.post(f"{CONFIG_FLOW}/{form['flow_id']}", _form_input(form, renderer))
            if result["type"] == "create_entry":
                return str(result["result"]["entry_id"])
            await asyncio.sleep(1)
    raise ApiError(f"the renderer could not be added: {result}")


def _form_input(form: Json, renderer: Renderer) -> Json:
    """Return the input of a form: the renderer's name or URL, or nothing to confirm."""
    fields = {field["name"]: field for field in form.get("data_schema", ())}
    if "host" in fields:
        return {"host": fields["host"]["options"][0][0]}
    return {"url": renderer.url} if "url" in fields else {}


async def _announce_on_renderer(context: Context, report: Report, renderer: Renderer, voice: str) -> None:
    """Make announcements on the DLNA renderer in two formats."""
    async with report.step("a DLNA renderer is added with Home Assistant's own integration"):
        speaker = await wait_for_new_entity(context.api, "media_player", add_renderer(context, renderer))

    async def announce(text: str, audio_format: str) -> None:
        renderer.delete_recording()
        await _speak(context, voice, speaker, text, {"preferred_format": audio_format})
        song = await _wait_for_url(context, speaker, audio_format)
        await renderer.play_to_end()
        await _assert_format(context, song, audio_format)
        await assert_spoken_in_file(renderer.recording, text)

    async with report.step("an announcement on the DLNA renderer is heard completely, in mp3"):
        await announce(_SECOND_MP3_TEXT, "mp3")
    async with report.step("an announcement on the DLNA renderer is heard completely, in wav"):
        await announce(_WAV_TEXT, "wav")


async def _speak(context: Context, voice: str, speaker: str, text: str, options: Json) -> None:
    """Perform `tts.speak` as an automation does."""
    data = {"entity_id": voice, "media_player_entity_id": speaker, "message": text, "options": options}
    await context.api.perform_action("tts.speak", data)


async def _wait_for_url(context: Context, speaker: str, audio_format: str) -> str:
    """Return the URL that a player plays, once its state shows it."""
    for _ in range(_MAX_POLLS):
        url = str((await context.api.attributes(speaker)).get("media_content_id"))
        if url.endswith(f".{audio_format}"):
            return url
        await asyncio.sleep(_POLL_S)
    raise ApiError(f"{speaker} plays {url} instead of {audio_format}")


async def _assert_format(context: Context, url: str, audio_format: str) -> None:
    """Assert that the audio at a URL is in a format."""
    audio = await decode_file(await download(context, url))
    assert audio.container == audio_format, f"{url} is {audio.container}, not {audio_format}"
