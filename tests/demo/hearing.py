"""Let a voice speak, in both ways that Home Assistant has, and keep what was heard."""

from dataclasses import dataclass
from pathlib import Path
import re
import time
from typing import Final

from tests.support.home_assistant import Api, ApiError

SPEAKER: Final = "media_player.kitchen_speaker"

# Each way has its own sentence, or Home Assistant would answer the second from its cache.
_FOR_SPEAKER: Final = "Good evening. The washing machine has finished, and the kitchen window is still open."
_FOR_URL: Final = "The front door is unlocked. It is seven degrees outside, and it will rain tonight."


@dataclass(frozen=True, slots=True)
class SpeakingVoice:
    """A voice that Home Assistant has. is_real: of the real service, not of the simulated one."""

    entity_id: str
    name: str
    format: str
    is_real: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a voice. first_audio and total: seconds from the request on."""

    voice: SpeakingVoice
    way: str
    text: str
    file: Path
    first_audio: float
    total: float


async def hear_speaker(api: Api, voice: SpeakingVoice, folder: Path) -> Heard:
    """Let a media player say a sentence: `tts.speak`."""
    asked = time.time()
    await api.act(
        "tts.speak", {"entity_id": voice.entity_id, "media_player_entity_id": SPEAKER, "message": _FOR_SPEAKER}
    )
    played = await api.attributes(SPEAKER)
    if played.get("ended_at", 0) < asked:
        raise ApiError(f"{voice.name}: the speaker has played nothing")
    file = _rename(Path(played["recording"]), folder / f"{_slug(voice.name)}-speaker")
    return Heard(voice, "tts.speak", _FOR_SPEAKER, file, played["began_at"] - asked, total=played["ended_at"] - asked)


async def hear_url(api: Api, voice: SpeakingVoice, folder: Path) -> Heard:
    """Ask for the address of a sentence, and fetch it: `tts_get_url`."""
    asked = time.perf_counter()
    answer = await api.post(
        "/api/tts_get_url", {"engine_id": voice.entity_id, "message": _FOR_URL, "options": {}, "cache": False}
    )
    sound = bytearray()
    began = 0.0
    async for chunk in api.download(answer["path"]):
        began = began or time.perf_counter()
        sound += chunk
    ended = time.perf_counter()
    file = folder / f"{_slug(voice.name)}-url{Path(answer['path']).suffix}"
    file.write_bytes(sound)
    return Heard(voice, "tts_get_url", _FOR_URL, file, began - asked, total=ended - asked)


def _rename(file: Path, stem: Path) -> Path:
    """Give a file another place and name; it keeps its extension."""
    return file.rename(stem.with_name(stem.name + file.suffix))


def _slug(name: str) -> str:
    """Return a name that does well as a file's."""
    return re.sub(r"\W+", "-", name.lower()).strip("-")
