"""What Orator needs on small machines: no process for an utterance, and no PyAV before audio is converted."""

import asyncio
import sys
from typing import Any

from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.core import HomeAssistant
import pytest

from tests.simulator import Simulator
from tests.support.audio import RATE, decode_output
from tests.support.repository import ROOT
from tests.support.speech import IS_OUTPUT_CONVERTED, Hear, create_account, load_account
from tests.support.streams import SATELLITE, SENTENCE

EFFECTS: list[dict[str, Any]] = [
    {},
    {"chime": "ding_dong"},
    {"chime_after": "soft"},
    {"loudness": -18},
    {"chime": "ding_dong", "loudness": -18},
]
FORMATS: list[dict[str, Any]] = [{"preferred_format": name} for name in ("mp3", "wav", "flac", "opus", "ogg", "aac")]
PYAV_MODULES = ("codecs", "libav", "resampler")


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("output_format", [{}] if IS_OUTPUT_CONVERTED else [{}, *FORMATS, SATELLITE])
async def test_no_process(
    hass: HomeAssistant,
    hear: Hear,
    monkeypatch: pytest.MonkeyPatch,
    effects: dict[str, Any],
    output_format: dict[str, Any],
) -> None:
    """Orator and Home Assistant need no ffmpeg for an utterance, whatever its format and effects."""
    expected = await decode_output(await hear(SENTENCE, preferred_format="wav", **effects), {})
    monkeypatch.setattr(get_ffmpeg_manager(hass), "_bin", "/nonexistent")
    sound = await decode_output(await hear(SENTENCE, **effects, **output_format), output_format)
    assert len(sound.samples) == pytest.approx(len(expected.samples), abs=0.2 * RATE)


async def test_idle_account(hass: HomeAssistant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that has not spoken has not imported PyAV."""
    names = [f"custom_components.orator.audio.{name}" for name in PYAV_MODULES]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    entry = create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})
    await load_account(hass, entry)
    assert not sys.modules.keys() & set(names)


async def test_modules() -> None:
    """Importing the integration does not import PyAV."""
    modules = [f"custom_components.orator.{file.stem}" for file in (ROOT / "custom_components/orator").glob("*.py")]
    program = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module(name)
sys.exit("av" in sys.modules)
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    assert await process.wait() == 0
