"""Helpers of the tests of chimes: audio files, speech with a chime, and issues."""

import os
from pathlib import Path
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import PcmLayout

from .audio import Sound, decode
from .signals import encode, voice
from .speech import Hear, pass_time
from .streams import SENTENCE

LAYOUT = PcmLayout(44_100, 2)


def write_audio_file(folder: str | Path, name: str, seconds: float = 0.8, seed: int = 1) -> Path:
    """Write an audio file of synthetic speech, in the format of its extension."""
    samples = voice(LAYOUT.rate, LAYOUT.channels, seconds, seed)
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        path.write_bytes(wav.make_header(LAYOUT, len(samples)) + samples)
    else:
        encoder = {".mp3": ("-c:a", "libmp3lame", "-f", "mp3"), ".flac": ("-f", "flac"), ".ogg": ("-f", "ogg")}
        path.write_bytes(encode(samples, LAYOUT.rate, LAYOUT.channels, *encoder[path.suffix]))
    return path


async def hear_with_chime(hear: Hear, chime: str, **options: Any) -> Sound:
    """Return the decoded audio of a sentence with a chime."""
    options = {"chime": chime, "preferred_format": "flac", "sentence_cache": False, **options}
    return await decode(await hear(SENTENCE, **options))


def get_chime_issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return the open issues about chimes."""
    return [issue for (_, issue_id), issue in ir.async_get(hass).issues.items() if "_chime_" in issue_id]


def get_chime_issue_keys(hass: HomeAssistant) -> set[str]:
    """Return the translation keys of the open issues about chimes."""
    return {str(issue.translation_key) for issue in get_chime_issues(hass)}


def get_cache_options(hass: HomeAssistant, entity_id: str) -> dict[str, Any]:
    """Return the options of a voice that are part of Home Assistant's cache key."""
    return dict(tts.get_engine_instance(hass, entity_id).default_options)


async def replace_file(hass: HomeAssistant, path: Path, name: str, mtime_ns: int) -> None:
    """Replace an audio file, and wait until the change was found."""
    write_audio_file(hass.config.config_dir, name, 1.5, seed=2)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    await pass_time(hass, seconds=31)
