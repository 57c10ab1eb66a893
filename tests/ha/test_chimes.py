"""Chimes of people's own: found, refused, changed, and told of; in calls and in the form of a voice."""

from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio import wav
from custom_components.orator.audio.effects import CHIME_PAUSE_S, BuiltInChime, load_built_in_chime
from custom_components.orator.audio.formats import PcmLayout

from ..simulator import Simulator
from ..support.audio import RATE, Sound, decode
from ..support.chimes import messages, reported, sound_file, sounded
from ..support.speech import SENTENCE, Hear, issue
from ..support.word_decoder import assert_spoken
from .test_subentry_flow import add_voice

LAYOUT = PcmLayout(44_100, 2)


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
    sound = Sound(sound.samples[round((0.86 + CHIME_PAUSE_S / 2) * RATE) :])
    assert length > len(assert_spoken(sound.samples, RATE, SENTENCE))


async def test_media_source(hass: HomeAssistant, simulator: Simulator, media: None, hear: Hear) -> None:
    """A file of Home Assistant's media is found by its ID."""
    simulator.tongue = "tones"
    sound_file(hass.config.media_dirs["local"], "bells/gong.wav")
    plain = await sounded(hear, "none")
    sound = await sounded(hear, "media-source://media_source/local/bells/gong.wav")
    assert not reported(hass)
    assert sound.seconds == pytest.approx(plain.seconds + 0.8 + CHIME_PAUSE_S, abs=0.03)


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


async def test_message_stays_while_the_chime_is_not_played(
    hass: HomeAssistant, account: MockConfigEntry, hear: Hear
) -> None:
    """Speech without the voice's own chime, as in a sample, tells nothing of it."""
    (voice,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "chime": "gong.wav"})
    await hass.async_block_till_done(wait_background_tasks=True)
    await hear("It is missing.")
    assert messages(hass)
    await hear("It is left out.", chime="none")
    await hear("It is another.", chime="ding_dong")
    assert messages(hass)
    sound_file(hass.config.config_dir, "gong.wav")
    await hear("It is back.")
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
    expected = load_built_in_chime(BuiltInChime.THREE_TONE).seconds + CHIME_PAUSE_S
    assert sound.seconds - plain.seconds == pytest.approx(expected, abs=0.02)
