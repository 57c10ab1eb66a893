"""Speech in both ways that Home Assistant offers: on a media player, and as a URL."""

from dataclasses import dataclass
from pathlib import Path
import re
import time
from typing import Final

from tests.support.home_assistant import Api, ApiError

SPEAKER: Final = "media_player.kitchen_speaker"

# Two messages: Home Assistant would answer the second request from its cache.
_SPEAKER_MESSAGE: Final = "Good evening. The washing machine has finished, and the kitchen window is still open."
_URL_MESSAGE: Final = "The front door is unlocked. It is seven degrees outside, and it will rain tonight."


@dataclass(frozen=True, slots=True)
class DemoVoice:
    """A voice in Home Assistant. is_real: whether its provider is the real one rather than the simulated one."""

    entity_id: str
    name: str
    format: str
    is_real: bool


@dataclass(frozen=True, slots=True)
class DemoRecording:
    """The audio of a message. first_audio and total: seconds since the request."""

    voice: DemoVoice
    method: str
    text: str
    file: Path
    first_audio: float
    total: float


async def play_on_speaker(api: Api, voice: DemoVoice, folder: Path, message: str = _SPEAKER_MESSAGE) -> DemoRecording:
    """Speak a message on a media player with `tts.speak`."""
    started = time.time()
    await api.perform_action(
        "tts.speak", {"entity_id": voice.entity_id, "media_player_entity_id": SPEAKER, "message": message}
    )
    played = await api.attributes(SPEAKER)
    if played.get("ended_at", 0) < started:
        raise ApiError(f"{voice.name}: the speaker did not play anything")
    file = _move(Path(played["recording"]), folder / f"{_slug(voice.name)}-speaker")
    return DemoRecording(
        voice, "tts.speak", message, file, played["began_at"] - started, total=played["ended_at"] - started
    )


async def play_url(api: Api, voice: DemoVoice, folder: Path, message: str = _URL_MESSAGE) -> DemoRecording:
    """Fetch a message from the URL that `tts_get_url` returns."""
    started = time.perf_counter()
    response = await api.post(
        "/api/tts_get_url", {"engine_id": voice.entity_id, "message": message, "options": {}, "cache": False}
    )
    audio = bytearray()
    first_audio_at = 0.0
    async for chunk in api.download(response["path"]):
        first_audio_at = first_audio_at or time.perf_counter()
        audio += chunk
    ended_at = time.perf_counter()
    file = folder / f"{_slug(voice.name)}-url{Path(response['path']).suffix}"
    file.write_bytes(audio)
    return DemoRecording(voice, "tts_get_url", message, file, first_audio_at - started, ended_at - started)


def _move(file: Path, stem: Path) -> Path:
    """Move a file to `stem`, keeping its extension."""
    return file.rename(stem.with_name(stem.name + file.suffix))


def _slug(name: str) -> str:
    """Return a name usable in a file name."""
    return re.sub(r"\W+", "-", name.lower()).strip("-")
