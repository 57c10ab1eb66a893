"""Tests of chime files that change, and of shares that hang."""

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
from tests.simulator import Simulator
from tests.support.audio import RATE, decode
from tests.support.chimes import (
    get_cache_options,
    get_chime_issue_keys,
    get_chime_issues,
    hear_with_chime,
    replace_file,
    write_audio_file,
)
from tests.support.speech import Hear, create_account, get_speech_requests, load_account, pass_time, speak, write_store
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

LAYOUT = PcmLayout(44_100, 2)


class Share:
    """A folder `share` whose disk may hang."""

    def __init__(self) -> None:
        """Initialize a share that answers."""
        self.accesses: list[Path] = []
        self._is_answering = Event()
        self.answer = self._is_answering.set
        self.hang = self._is_answering.clear
        self.answer()

    def access(self, path: Path) -> None:
        """Wait for the disk if a path is on the share."""
        if "share" in path.parts:
            self.accesses.append(path)
            self._is_answering.wait(60)


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[Share]:
    """Make `share` in the configuration folder a share that can hang."""
    disk = Share()
    resolve = Path.resolve

    def patched_resolve(path: Path, strict: bool = False) -> Path:  # noqa: FBT001, FBT002
        disk.access(path)
        return resolve(path, strict)

    monkeypatch.setattr(Path, "resolve", patched_resolve)
    yield disk
    disk.answer()


async def test_changed_file(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A replaced file is played, although speech with the old one is in the cache."""
    path = write_audio_file(hass.config.config_dir, "gong.wav", 0.5)
    first = await hear_with_chime(hear, "gong.wav")
    assert (await hear_with_chime(hear, "gong.wav")).seconds == first.seconds
    assert len(get_speech_requests(simulator)) == 1
    write_audio_file(hass.config.config_dir, "gong.wav", 1.5, seed=2)
    os.utime(path, (2_000_000_000, 2_000_000_000))
    await pass_time(hass, seconds=31)
    second = await hear_with_chime(hear, "gong.wav")
    assert second.seconds == pytest.approx(first.seconds + 1, abs=0.05)
    assert len(get_speech_requests(simulator)) == 2


async def test_file_changed_while_home_assistant_was_stopped(
    hass: HomeAssistant, hass_storage: dict[str, Any], simulator: Simulator, entry: MockConfigEntry
) -> None:
    """A file that differs from its stored stamp at the start has changed."""
    path = write_audio_file(hass.config.config_dir, "gong.wav")
    (voice_id,) = entry.subentries
    known = {"path": str(path), "file": str(path.resolve()), "stamp": [1, 2], "revision": 3, "callers": {voice_id: 3}}
    stored = {"chimes": {"gong.wav": known}, "revision": 4, "first": 0}
    write_store(hass_storage, "orator.chimes", stored)
    await load_account(hass, entry, wait_background_tasks=True)
    assert get_cache_options(hass, "tts.ann")["chime_revision"] == {"gong.wav": 5}


async def test_unused_files_are_not_checked(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, share: Share
) -> None:
    """Files are checked while a loaded voice is configured with them or was called with them, and no longer."""
    write_audio_file(hass.config.config_dir, "share/gong.wav")
    write_audio_file(hass.config.config_dir, "share/bell.wav")
    voice = {"model": "gpt-4o-mini-tts", "voice": "nova", "chime": "share/gong.wav"}
    other = await load_account(hass, create_account(simulator, "openai", voice, "Ben"), wait_background_tasks=True)
    assert await speak(hass, entity_id="tts.ben", chime="share/bell.wav")
    share.accesses.clear()
    await pass_time(hass, seconds=31)
    assert {path.name for path in share.accesses} == {"gong.wav", "bell.wav"}
    await hass.config_entries.async_unload(other.entry_id)
    share.accesses.clear()
    await pass_time(hass, seconds=62)
    assert not share.accesses
    await hass.config_entries.async_setup(other.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert {path.name for path in share.accesses} == {"gong.wav", "bell.wav"}


async def test_changed_file_invalidates_only_its_voices(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """A changed file invalidates the cache of voices that are configured with it or were called with it."""
    gong = write_audio_file(hass.config.config_dir, "gong.wav")
    bell = write_audio_file(hass.config.config_dir, "bell.wav")
    voice_of_gong = {"model": "gpt-4o-mini-tts", "voice": "nova", "chime": "gong.wav"}
    other = create_account(simulator, "openai", voice_of_gong, "Ben")
    await load_account(hass, other, wait_background_tasks=True)
    plain, chiming = get_cache_options(hass, "tts.ann"), get_cache_options(hass, "tts.ben")
    await hear(SENTENCE)
    await hear("Ding.", chime="ding_dong")
    await replace_file(hass, gong, "gong.wav", mtime_ns=2 * 10**18)
    assert get_cache_options(hass, "tts.ann") == plain
    assert get_cache_options(hass, "tts.ben") == {**chiming, "chime_revision": {"gong.wav": 1}}
    await hear(SENTENCE)
    await hear("Ding.", chime="ding_dong")
    assert len(get_speech_requests(simulator)) == 2

    await hear("Dong.", chime="gong.wav", sentence_cache=False)
    assert get_cache_options(hass, "tts.ann") == plain
    await replace_file(hass, bell, "bell.wav", mtime_ns=2 * 10**18)
    assert get_cache_options(hass, "tts.ann") == plain
    await replace_file(hass, gong, "gong.wav", mtime_ns=3 * 10**18)
    assert get_cache_options(hass, "tts.ann") == {**plain, "chime_revision": {"gong.wav": 2}}
    await hear("Dong.", chime="gong.wav", sentence_cache=False)
    await hear("Dong.", chime="gong.wav", sentence_cache=False)
    assert len(get_speech_requests(simulator)) == 4


async def test_share_that_hangs(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, share: Share
) -> None:
    """Speech is not delayed, has the chime if it is in memory, and a file blocks no second thread."""
    simulator.audio_mode = "tones"
    for name in ("gong.wav", "bell.wav"):
        write_audio_file(hass.config.config_dir, f"share/{name}")
    expected = await decode(await speak(hass, chime="share/gong.wav"))
    share.hang()
    accesses = len(share.accesses)
    for _ in range(3):
        async with asyncio.timeout(4):
            sound = await decode(await speak(hass, chime="share/gong.wav"))
        assert sound.seconds == pytest.approx(expected.seconds, abs=0.03)
    assert not get_chime_issue_keys(hass)
    for _ in range(3):
        async with asyncio.timeout(4):
            sound = await decode(await speak(hass, chime="share/bell.wav"))
        assert_spoken(sound.samples, RATE, SENTENCE)
    assert get_chime_issue_keys(hass) == {"chime_missing"}
    for turn in range(1, 4):
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31 * turn))
        await asyncio.sleep(0.1)
    assert len(share.accesses) == accesses + 2
    for number in range(20):
        await speak(hass, "Hi.", chime=f"share/{number}.wav")
    assert len(share.accesses) <= accesses + 8
    share.answer()
    await hass.async_block_till_done(wait_background_tasks=True)
    await speak(hass, chime="share/bell.wav")
    assert not get_chime_issue_keys(hass)


async def test_speech_without_chime_is_not_cached(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, share: Share
) -> None:
    """Speech that lacks its chime because a share hangs is not cached, and has it once the share answers."""
    write_audio_file(hass.config.config_dir, "share/gong.wav")

    async def speech_seconds() -> float:
        options = {"chime": "share/gong.wav", "sentence_cache": False}
        stream = tts.async_create_stream(hass, "tts.ann", options=options)
        stream.async_set_message(SENTENCE)
        return (await decode(b"".join([chunk async for chunk in stream.async_stream_result()]))).seconds

    share.hang()
    without = await speech_seconds()
    share.answer()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await speech_seconds() == pytest.approx(without + 0.8 + CHIME_PAUSE_S, abs=0.1)
    await hass.async_block_till_done(wait_background_tasks=True)
    await speech_seconds()
    assert len(get_speech_requests(simulator)) == 2


@pytest.mark.parametrize("was_known", [True, False])
async def test_chime_that_comes_back(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hear: Hear,
    was_known: bool,  # noqa: FBT001
) -> None:
    """Speech made while its chime file was away, as on a share that is not mounted, has the chime afterwards."""
    path = write_audio_file(hass.config.config_dir, "share/gong.wav")
    if was_known:
        await hear("Before.", chime="share/gong.wav")
    away = path.rename(path.with_name("away.wav"))
    simulator.reset()
    without = await hear_with_chime(hear, "share/gong.wav")
    assert get_chime_issue_keys(hass) == {"chime_missing"}
    away.rename(path)
    sound = await hear_with_chime(hear, "share/gong.wav")
    assert sound.seconds == pytest.approx(without.seconds + 0.8 + CHIME_PAUSE_S, abs=0.1)
    await hear_with_chime(hear, "share/gong.wav")
    assert len(get_speech_requests(simulator)) == 2


async def test_chime_name_in_issue(hass: HomeAssistant, hear: Hear) -> None:
    """A name from a call is no Markdown in the issue, and a forbidden file is reported like a missing one."""
    issues = []
    for name in ("/etc/hostname", "/etc/none", "x` [click](https://evil.example)\n# y"):
        await hear("Ding.", chime=name)
        issues += [(issue.translation_key, issue.translation_placeholders or {}) for issue in get_chime_issues(hass)]
    assert {key for key, _ in issues} == {"chime_missing"}
    assert issues[-1][1]["subject"] == "x' [click](https://evil.example) # y"


async def test_share_that_hangs_at_start(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, share: Share
) -> None:
    """Voices are set up and speak before the share answers; changes are found once it does."""
    path = write_audio_file(hass.config.config_dir, "share/gong.wav")
    known = {"path": str(path), "file": str(path.resolve()), "stamp": [1, 2], "revision": 0, "callers": {}}
    stored = {"chimes": {"share/gong.wav": known}, "revision": 0, "first": 0}
    write_store(hass_storage, "orator.chimes", stored)
    assert await async_setup_component(hass, "homeassistant", {})
    entry.add_to_hass(hass)
    (subentry,) = entry.subentries.values()
    data = {**subentry.data, "chime": "share/gong.wav"}
    hass.config_entries.async_update_subentry(entry, subentry, data=data)
    share.hang()
    async with asyncio.timeout(5):
        assert await hass.config_entries.async_setup(entry.entry_id)
        await speak(hass)
    assert "chime_revision" not in get_cache_options(hass, "tts.ann")
    share.answer()
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(hass, seconds=31)
    assert get_cache_options(hass, "tts.ann")["chime_revision"] == {"share/gong.wav": 1}


async def test_checks_stop_when_all_accounts_are_unloaded(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, share: Share
) -> None:
    """Files are checked while at least one account with voices that use them is loaded, and again after a reload."""
    other = create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "nova"}, "Ben")
    await load_account(hass, other)
    write_audio_file(hass.config.config_dir, "share/gong.wav")
    for entity_id in ("tts.ann", "tts.ben"):
        await speak(hass, entity_id=entity_id, chime="share/gong.wav")

    async def count_checks() -> int:
        before = len(share.accesses)
        await pass_time(hass, seconds=31)
        return len(share.accesses) - before

    assert await count_checks() == 1
    assert await hass.config_entries.async_unload(account.entry_id)
    assert await count_checks() == 1
    assert await hass.config_entries.async_unload(other.entry_id)
    assert await count_checks() == 0
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await count_checks() == 1
