"""Chimes of people's own: found, refused, changed, and told of; in calls and in the form of a voice."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
import os
from pathlib import Path
from threading import Event
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.audio import wav
from custom_components.orator.audio.chime import BuiltIn, built_in
from custom_components.orator.audio.effects import PAUSE
from custom_components.orator.audio.formats import PcmLayout

from .audio.sound import encode, voice
from .listening import SENTENCE, Hear, account_of, issue, speak, spoken
from .simulator import Simulator
from .sounds import RATE, Sound, decode
from .test_voice_flow import add_voice
from .words import assert_spoken

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


@pytest.fixture
async def media(hass: HomeAssistant, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load Home Assistant's media sources, with a folder of media outside of its configuration."""
    folder = tmp_path_factory.mktemp("media")
    hass.config.media_dirs = {"local": str(folder)}
    assert await async_setup_component(hass, "media_source", {})
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("name", ["www/gong.wav", "/local/gong.mp3", "sounds/gong.flac", "gong.ogg"])
async def test_own_file(hass: HomeAssistant, simulator: Simulator, hear: Hear, name: str) -> None:
    """A file under the configuration folder sounds, whatever its kind, and then the words."""
    simulator.tongue = "tones"
    sound_file(hass.config.config_dir, name.replace("/local/", "www/"))
    sound = await sounded(hear, name)
    assert not reported(hass)
    assert np.abs(sound.samples[: round(0.7 * RATE)]).max() > 0.05
    length = len(sound.samples)
    sound = Sound(sound.samples[round((0.86 + PAUSE / 2) * RATE) :])
    assert length > len(assert_spoken(sound.samples, RATE, SENTENCE))


async def test_media_source(hass: HomeAssistant, simulator: Simulator, media: None, hear: Hear) -> None:
    """A file of Home Assistant's media is found by its ID."""
    simulator.tongue = "tones"
    sound_file(hass.config.media_dirs["local"], "bells/gong.wav")
    plain = await sounded(hear, "none")
    sound = await sounded(hear, "media-source://media_source/local/bells/gong.wav")
    assert not reported(hass)
    assert sound.seconds == pytest.approx(plain.seconds + 0.8 + PAUSE, abs=0.03)


async def test_all_are_as_loud(hass: HomeAssistant, hear: Hear) -> None:
    """A chime is as loud as speech is meant to be, also one's own."""
    sound_file(hass.config.config_dir, "gong.wav", 1.5)
    quiet, loud = [(await sounded(hear, "gong.wav", loudness=level)).samples[:RATE] for level in (-28, -18)]
    assert 20 * np.log10(np.std(loud) / np.std(quiet)) == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dingdong", "chime_missing"),
        ("www/none.mp3", "chime_missing"),
        ("www", "chime_missing"),
        ("", None),
        ("none", None),
        ("../outside.wav", "chime_forbidden"),
        ("/etc/hostname", "chime_forbidden"),
        ("link.wav", "chime_forbidden"),
        (".storage/hidden.wav", "chime_forbidden"),
        ("custom_components/orator/gong.wav", "chime_forbidden"),
        ("configuration.yaml", "chime_unusable"),
        ("list.m3u", "chime_unusable"),
        ("silent.wav", "chime_unusable"),
        ("long.wav", "chime_unusable"),
        ("media-source://media_source/local/none.wav", "chime_missing"),
        ("media-source://nowhere/none.wav", "chime_missing"),
    ],
)
async def test_unusable_chime_is_told_once_and_the_words_are_spoken(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant, simulator: Simulator, media: None, hear: Hear, tmp_path: Path, name: str, told: str | None
) -> None:
    """Nobody misses a word because a file is gone; and no file is opened that is nobody's business."""
    simulator.tongue = "tones"
    folder = Path(hass.config.config_dir)
    outside = sound_file(tmp_path.parent, "outside.wav")
    for inside in (".storage/hidden.wav", "custom_components/orator/gong.wav"):
        sound_file(folder, inside)
    (folder / "link.wav").symlink_to(outside)
    (folder / "configuration.yaml").write_text("homeassistant:\n")
    (folder / "list.m3u").write_text(f"{outside}\n")
    (folder / "silent.wav").write_bytes(wav.header(LAYOUT, 200_000) + bytes(200_000))
    sound_file(folder, "long.wav", 15.5)
    sound = await sounded(hear, name)
    assert_spoken(sound.samples, RATE, SENTENCE)
    assert reported(hass) == ({told} if told else set())
    await hear("Once more.", chime=name)
    assert len(reported(hass)) == (told is not None)


async def test_message_goes_when_the_chime_is_back(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """What is told goes by itself."""
    await sounded(hear, "gong.wav")
    assert issue(hass, account, "chime")
    sound_file(hass.config.config_dir, "gong.wav")
    await hear("It is back.", chime="gong.wav")
    assert not issue(hass, account, "chime")


async def test_one_message_for_a_voice(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """Wrong names of all sorts are one message, which goes as soon as the name is right."""
    for name in ("dingdong", "dongding", "/etc/hostname"):
        await hear(f"This is {name}.", chime=name)
    assert len(messages(hass)) == 1
    found = issue(hass, account, "chime")
    assert found is not None
    assert found.translation_placeholders == {"subject": "/etc/hostname", "account": "OpenAI"}
    await hear("It is right.", chime="ding_dong")
    assert not messages(hass)


async def test_message_goes_with_the_configured_chime(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Whoever corrects a voice, or removes it, is not told any more of what it had."""

    async def configure(chime: str) -> None:
        (subentry,) = account.subentries.values()
        hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, "chime": chime})
        await hass.async_block_till_done(wait_background_tasks=True)

    await configure("dingdong")
    assert len(messages(hass)) == 1
    await configure("none")
    assert not messages(hass)
    await configure("dingdong")
    assert len(messages(hass)) == 1
    hass.config_entries.async_remove_subentry(account, next(iter(account.subentries)))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not messages(hass)


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
    assert await listen() == pytest.approx(without + 0.8 + PAUSE, abs=0.1)
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


async def test_form(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """All effects are in a section of their own; what was set is kept, shown again, and can be cleared."""
    form = await add_voice(hass, account, "tts-1")
    names = ["chime", "chime_after", "lead_in_ms", "tail_ms", "gain_db", "loudness"]
    assert [str(key) for key in form["data_schema"].schema["effects"].schema.schema] == names
    sound_file(hass.config.config_dir, "www/gong.wav")
    chosen = {"chime": "www/gong.wav", "chime_after": "soft", "lead_in_ms": 400, "gain_db": -3.5, "loudness": -18}
    entered = {"voice": "nova", "name": "Ben", "format": "mp3", "effects": chosen}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3", **chosen}
    (subentry_id,) = [key for key, one in account.subentries.items() if one.title == "Ben"]
    flow = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    flow = await hass.config_entries.subentries.async_configure(flow["flow_id"], {"model": "tts-1"})
    section = flow["data_schema"].schema["effects"].schema.schema
    assert {str(key): key.description["suggested_value"] for key in section if key.description} == chosen
    cleared = {**entered, "effects": {"loudness": -16}}
    await hass.config_entries.subentries.async_configure(flow["flow_id"], cleared)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert account.subentries[subentry_id].data == {
        "model": "tts-1",
        "voice": "nova",
        "format": "mp3",
        "loudness": -16,
    }


@pytest.mark.parametrize(
    ("name", "error"),
    [("dingdong", "chime_missing"), ("/etc/hostname", "chime_forbidden"), ("long.wav", "chime_unusable")],
)
@pytest.mark.parametrize("field", ["chime", "chime_after"])
async def test_form_refuses_what_cannot_be_played(
    hass: HomeAssistant, account: MockConfigEntry, field: str, name: str, error: str
) -> None:
    """A chime that is not there is told where it is entered, and what else was entered stays."""
    sound_file(hass.config.config_dir, "long.wav", 15.5)
    form = await add_voice(hass, account, "tts-1")
    entered = {"voice": "nova", "name": "Ben", "format": "mp3", "effects": {field: name}}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert form["errors"] == {"effects": error}
    entered["effects"] = {field: "alarm"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["data"][field] == "alarm"
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_voice_with_a_chime_is_ready_for_it(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """A voice's own chime is played with whatever it says."""
    (subentry,) = account.subentries.values()
    plain = await decode(await hear(preferred_format="flac"))
    data = {**subentry.data, "chime": "three_tone"}
    hass.config_entries.async_update_subentry(account, subentry, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)
    sound = await decode(await hear(preferred_format="flac"))
    expected = built_in(BuiltIn.THREE_TONE).seconds + PAUSE
    assert sound.seconds - plain.seconds == pytest.approx(expected, abs=0.02)
