"""What tests of chimes have in common: files that sound, what is heard, and what is told."""

from datetime import timedelta
import os
from pathlib import Path
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import PcmLayout

from ..unit.audio.signals import encode, voice
from .audio import Sound, decode
from .speech import SENTENCE, Hear

LAYOUT = PcmLayout(44_100, 2)


def sound_file(folder: str | Path, name: str, seconds: float = 0.8, seed: int = 1) -> Path:
    """Write a sound into a folder."""
    samples = voice(LAYOUT.rate, LAYOUT.channels, seconds, seed)
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        path.write_bytes(wav.header(LAYOUT, len(samples)) + samples)
    else:
        encoder = {".mp3": ("-c:a", "libmp3lame", "-f", "mp3"), ".flac": ("-f", "flac"), ".ogg": ("-f", "ogg")}
        path.write_bytes(encode(samples, LAYOUT.rate, LAYOUT.channels, *encoder[path.suffix]))
    return path


async def sounded(hear: Hear, chime: str, **options: Any) -> Sound:
    """Return what is heard of a sentence with a chime."""
    return await decode(await hear(SENTENCE, chime=chime, preferred_format="flac", **options))


def messages(hass: HomeAssistant) -> list[ir.IssueEntry]:
    """Return what is told of chimes."""
    return [entry for (_, name), entry in ir.async_get(hass).issues.items() if "_chime_" in name]


def reported(hass: HomeAssistant) -> set[str]:
    """Return what kinds of trouble with chimes are told."""
    return {str(entry.translation_key) for entry in messages(hass)}


def key_of(hass: HomeAssistant, entity_id: str) -> dict[str, Any]:
    """Return what Home Assistant finds by what a voice has spoken."""
    return dict(tts.get_engine_instance(hass, entity_id).default_options)


async def replace_file(hass: HomeAssistant, path: Path, name: str, moment: int) -> None:
    """Put another sound in a file's place, and let that be noticed."""
    sound_file(hass.config.config_dir, name, 1.5, seed=2)
    os.utime(path, ns=(moment, moment))
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done(wait_background_tasks=True)
