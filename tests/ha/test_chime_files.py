"""The files of chimes: changed, lost, and on shares that do not answer."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
import os
from pathlib import Path
from threading import Event
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.audio.effects import CHIME_PAUSE_S
from custom_components.orator.audio.formats import PcmLayout

from ..simulator import Simulator
from ..support.audio import RATE, decode
from ..support.chimes import key_of, replace_file, reported, sound_file, sounded
from ..support.speech import SENTENCE, Hear, account_of, speak, spoken
from ..support.word_decoder import assert_spoken

LAYOUT = PcmLayout(44_100, 2)


class Share:
    """A folder `share` whose disk may not answer."""

    def __init__(self) -> None:
        """Begin with a disk that answers."""
        self.asked: list[Path] = []
        self._answers = Event()
        self.answers = self._answers.set
        self.hangs = self._answers.clear
        self.answers()

    def ask(self, path: Path) -> None:
        """Wait for the disk if a path is on it."""
        if "share" in path.parts:
            self.asked.append(path)
            self._answers.wait(60)


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[Share]:
    """Let `share` in the configuration folder be a share that can hang."""
    disk = Share()
    resolve = Path.resolve

    def resolved(path: Path, strict: bool = False) -> Path:  # noqa: FBT001, FBT002
        disk.ask(path)
        return resolve(path, strict)

    monkeypatch.setattr(Path, "resolve", resolved)
    yield disk
    disk.answers()


async def test_changed_file_is_heard(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Whoever replaces the file hears the new one, although Home Assistant keeps what was spoken with the old one."""
    path = sound_file(hass.config.config_dir, "gong.wav", 0.5)
    first = await sounded(hear, "gong.wav")
    assert (await sounded(hear, "gong.wav")).seconds == first.seconds
    assert len(spoken(simulator)) == 1
    sound_file(hass.config.config_dir, "gong.wav", 1.5, seed=2)
    os.utime(path, (2_000_000_000, 2_000_000_000))
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done(wait_background_tasks=True)
    second = await sounded(hear, "gong.wav")
    assert second.seconds == pytest.approx(first.seconds + 1, abs=0.05)
    assert len(spoken(simulator)) == 2


async def test_file_that_changes_while_home_assistant_is_off(
    hass: HomeAssistant, hass_storage: dict[str, Any], simulator: Simulator, entry: MockConfigEntry
) -> None:
    """What changed meanwhile is noticed at the start, by what was kept of the file."""
    path = sound_file(hass.config.config_dir, "gong.wav")
    (voice_id,) = entry.subentries
    known = {"path": str(path), "file": str(path.resolve()), "stamp": [1, 2], "revision": 3, "callers": {voice_id: 3}}
    kept = {"chimes": {"gong.wav": known}, "revision": 4, "first": 0}
    hass_storage["orator.chimes"] = {"version": 1, "minor_version": 1, "key": "orator.chimes", "data": kept}
    assert await async_setup_component(hass, "homeassistant", {})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert key_of(hass, "tts.ann")["chime_revision"] == {"gong.wav": 5}


async def test_change_concerns_only_voices_that_play_the_file(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """What other voices have prepared is found again; a voice is concerned as well if calls of it name the file."""
    gong = sound_file(hass.config.config_dir, "gong.wav")
    bell = sound_file(hass.config.config_dir, "bell.wav")
    voice_of_gong = {"model": "gpt-4o-mini-tts", "voice": "nova", "chime": "gong.wav"}
    other = account_of(simulator, "openai", voice_of_gong, "Ben")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    plain, chiming = key_of(hass, "tts.ann"), key_of(hass, "tts.ben")
    await hear(SENTENCE)
    await hear("Ding.", chime="ding_dong")
    await replace_file(hass, gong, "gong.wav", moment=2 * 10**18)
    assert key_of(hass, "tts.ann") == plain
    assert key_of(hass, "tts.ben") == {**chiming, "chime_revision": {"gong.wav": 1}}
    await hear(SENTENCE)
    await hear("Ding.", chime="ding_dong")
    assert len(spoken(simulator)) == 2

    await hear("Dong.", chime="gong.wav")
    assert key_of(hass, "tts.ann") == plain
    await replace_file(hass, bell, "bell.wav", moment=2 * 10**18)
    assert key_of(hass, "tts.ann") == plain
    await replace_file(hass, gong, "gong.wav", moment=3 * 10**18)
    assert key_of(hass, "tts.ann") == {**plain, "chime_revision": {"gong.wav": 2}}
    await hear("Dong.", chime="gong.wav")
    await hear("Dong.", chime="gong.wav")
    assert len(spoken(simulator)) == 4


async def test_share_that_hangs_delays_nobody(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, share: Share
) -> None:
    """Words are spoken in time, with the chime if that was played before; and no file takes two threads."""
    simulator.tongue = "tones"
    for name in ("gong.wav", "bell.wav"):
        sound_file(hass.config.config_dir, f"share/{name}")
    usual = await decode(await speak(hass, chime="share/gong.wav"))
    share.hangs()
    asked = len(share.asked)
    for _ in range(3):
        async with asyncio.timeout(4):
            sound = await decode(await speak(hass, chime="share/gong.wav"))
        assert sound.seconds == pytest.approx(usual.seconds, abs=0.03)
    assert not reported(hass)
    for _ in range(3):
        async with asyncio.timeout(4):
            sound = await decode(await speak(hass, chime="share/bell.wav"))
        assert_spoken(sound.samples, RATE, SENTENCE)
    assert reported(hass) == {"chime_missing"}
    for turn in range(1, 4):
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31 * turn))
        await asyncio.sleep(0.1)
    assert len(share.asked) == asked + 2
    for number in range(20):
        await speak(hass, "Hi.", chime=f"share/{number}.wav")
    assert len(share.asked) <= asked + 8
    share.answers()
    await hass.async_block_till_done(wait_background_tasks=True)
    await speak(hass, chime="share/bell.wav")
    assert not reported(hass)


async def test_speech_without_a_chime_that_hangs_is_not_kept(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, share: Share
) -> None:
    """Once the share is back, the same words come with the chime."""
    sound_file(hass.config.config_dir, "share/gong.wav")

    async def listen() -> float:
        stream = tts.async_create_stream(hass, "tts.ann", options={"chime": "share/gong.wav"})
        stream.async_set_message(SENTENCE)
        return (await decode(b"".join([chunk async for chunk in stream.async_stream_result()]))).seconds

    share.hangs()
    without = await listen()
    share.answers()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await listen() == pytest.approx(without + 0.8 + CHIME_PAUSE_S, abs=0.1)
    await hass.async_block_till_done(wait_background_tasks=True)
    await listen()
    assert len(spoken(simulator)) == 2


async def test_share_that_hangs_at_the_start(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, share: Share
) -> None:
    """Voices are there before the share is; what has changed on it is noticed once it answers."""
    path = sound_file(hass.config.config_dir, "share/gong.wav")
    known = {"path": str(path), "file": str(path.resolve()), "stamp": [1, 2], "revision": 0, "callers": {}}
    kept = {"chimes": {"share/gong.wav": known}, "revision": 0, "first": 0}
    hass_storage["orator.chimes"] = {"version": 1, "minor_version": 1, "key": "orator.chimes", "data": kept}
    assert await async_setup_component(hass, "homeassistant", {})
    entry.add_to_hass(hass)
    (subentry,) = entry.subentries.values()
    data = {**subentry.data, "chime": "share/gong.wav"}
    hass.config_entries.async_update_subentry(entry, subentry, data=data)
    share.hangs()
    async with asyncio.timeout(5):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await speak(hass)
    assert "chime_revision" not in key_of(hass, "tts.ann")
    share.answers()
    await hass.async_block_till_done(wait_background_tasks=True)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert key_of(hass, "tts.ann")["chime_revision"] == {"share/gong.wav": 1}


async def test_nobody_looks_for_voices_that_are_unloaded(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, share: Share
) -> None:
    """Files are looked after for as long as one account is loaded, and again from when one is loaded anew."""
    other = account_of(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "nova"}, "Ben")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    sound_file(hass.config.config_dir, "share/gong.wav")
    await speak(hass, chime="share/gong.wav")

    async def looks() -> int:
        before = len(share.asked)
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
        await hass.async_block_till_done(wait_background_tasks=True)
        return len(share.asked) - before

    assert await looks() == 1
    assert await hass.config_entries.async_unload(account.entry_id)
    assert await looks() == 1
    assert await hass.config_entries.async_unload(other.entry_id)
    assert await looks() == 0
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await looks() == 1
