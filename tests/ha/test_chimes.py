"""Tests of chimes from the user's files: in calls, in the voice form, and their issues."""

from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio import wav
from custom_components.orator.audio.effects import CHIME_PAUSE_S, BuiltInChime, load_built_in_chime
from custom_components.orator.audio.formats import PcmLayout
from tests.simulator import Simulator
from tests.support.audio import RATE, decode
from tests.support.chimes import get_chime_issue_keys, get_chime_issues, hear_with_chime, write_audio_file
from tests.support.flows import get_open_sections, get_suggested_values, open_voice_form
from tests.support.speech import Hear, create_account, get_issue, get_speech_requests, load_account, speak
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

LAYOUT = PcmLayout(44_100, 2)


@pytest.fixture
async def media(hass: HomeAssistant, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Set up media sources with a media folder outside the configuration folder."""
    folder = tmp_path_factory.mktemp("media")
    hass.config.media_dirs = {"local": str(folder)}
    assert await async_setup_component(hass, "media_source", {})
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("name", ["www/gong.wav", "/local/gong.mp3", "sounds/gong.flac", "gong.ogg"])
async def test_audio_file(hass: HomeAssistant, simulator: Simulator, hear: Hear, name: str) -> None:
    """An audio file in the configuration folder is played before the speech, whatever its format."""
    simulator.audio_mode = "tones"
    write_audio_file(hass.config.config_dir, name.replace("/local/", "www/"))
    sound = await hear_with_chime(hear, name)
    assert not get_chime_issue_keys(hass)
    assert np.abs(sound.samples[: round(0.7 * RATE)]).max() > 0.05
    speech = sound.samples[round((0.86 + CHIME_PAUSE_S / 2) * RATE) :]
    assert_spoken(speech, RATE, SENTENCE)


async def test_media_source(hass: HomeAssistant, simulator: Simulator, media: None, hear: Hear) -> None:
    """A media source ID is played as a chime."""
    simulator.audio_mode = "tones"
    write_audio_file(hass.config.media_dirs["local"], "bells/gong.wav")
    plain = await hear_with_chime(hear, "none")
    sound = await hear_with_chime(hear, "media-source://media_source/local/bells/gong.wav")
    assert not get_chime_issue_keys(hass)
    assert sound.seconds == pytest.approx(plain.seconds + 0.8 + CHIME_PAUSE_S, abs=0.03)


async def test_loudness(hass: HomeAssistant, hear: Hear) -> None:
    """An audio file is played at the loudness of the voice."""
    write_audio_file(hass.config.config_dir, "gong.wav", 1.5)
    quiet, loud = [(await hear_with_chime(hear, "gong.wav", loudness=level)).samples[:RATE] for level in (-28, -18)]
    assert 20 * np.log10(np.std(loud) / np.std(quiet)) == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize(
    ("name", "issue_key"),
    [
        ("dingdong", "chime_missing"),
        ("www/none.mp3", "chime_missing"),
        ("www", "chime_missing"),
        ("", None),
        ("none", None),
        ("../outside.wav", "chime_missing"),
        ("/etc/hostname", "chime_missing"),
        ("link.wav", "chime_missing"),
        (".storage/hidden.wav", "chime_missing"),
        ("custom_components/orator/gong.wav", "chime_missing"),
        ("configuration.yaml", "chime_unusable"),
        ("list.m3u", "chime_unusable"),
        ("silent.wav", "chime_unusable"),
        ("long.wav", "chime_unusable"),
        ("media-source://media_source/local/none.wav", "chime_missing"),
        ("media-source://nowhere/none.wav", "chime_missing"),
    ],
)
async def test_unusable_chime(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant, simulator: Simulator, media: None, hear: Hear, tmp_path: Path, name: str, issue_key: str | None
) -> None:
    """Speech is complete without a chime that is missing, forbidden or unusable, which opens one issue."""
    simulator.audio_mode = "tones"
    folder = Path(hass.config.config_dir)
    outside = write_audio_file(tmp_path.parent, "outside.wav")
    for inside in (".storage/hidden.wav", "custom_components/orator/gong.wav"):
        write_audio_file(folder, inside)
    (folder / "link.wav").symlink_to(outside)
    (folder / "configuration.yaml").write_text("homeassistant:\n")
    (folder / "list.m3u").write_text(f"{outside}\n")
    (folder / "silent.wav").write_bytes(wav.make_header(LAYOUT, 200_000) + bytes(200_000))
    write_audio_file(folder, "long.wav", 15.5)
    sound = await hear_with_chime(hear, name)
    assert_spoken(sound.samples, RATE, SENTENCE)
    assert get_chime_issue_keys(hass) == ({issue_key} if issue_key else set())
    await hear("Once more.", chime=name)
    assert len(get_chime_issue_keys(hass)) == (issue_key is not None)


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize("source", ["orator/{entry_id}?model=tts-1&voice=nova", "tts/tts.ann?message=Ding", "orator"])
async def test_speech_is_not_generated_for_chime(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, source: str
) -> None:
    """A media source that generates speech is refused as a chime before it costs anything."""
    assert await hear(chime=f"media-source://{source.format(entry_id=account.entry_id)}")
    assert [request["input"] for request in get_speech_requests(simulator)] == [SENTENCE]
    assert get_chime_issue_keys(hass) == {"chime_missing"}


async def test_issue_is_deleted_when_chime_is_back(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """The issue is deleted once the chime was played."""
    await hear_with_chime(hear, "gong.wav")
    assert get_issue(hass, account, "chime")
    write_audio_file(hass.config.config_dir, "gong.wav")
    await hear("It is back.", chime="gong.wav")
    assert not get_issue(hass, account, "chime")


async def test_one_issue_per_voice(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """All unusable chimes of a voice share one issue, which is deleted once a chime was played."""
    for name in ("dingdong", "dongding", "/etc/hostname"):
        await hear(f"This is {name}.", chime=name)
    assert len(get_chime_issues(hass)) == 1
    found = get_issue(hass, account, "chime")
    assert found is not None
    assert found.translation_placeholders == {"subject": "/etc/hostname", "voice": "Ann", "account": "OpenAI"}
    await hear("It is right.", chime="ding_dong")
    assert not get_chime_issues(hass)


async def test_issues_name_their_voices(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Each voice has an issue of its own, which names the voice and its account."""
    other = create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben")
    await load_account(hass, other)
    for entity_id in ("tts.ann", "tts.ben"):
        await speak(hass, entity_id=entity_id, chime="gong.wav")
    named = [(issue.translation_placeholders or {}) for issue in get_chime_issues(hass)]
    assert sorted((names["voice"], names["account"]) for names in named) == [("Ann", "OpenAI"), ("Ben", "Speechbase")]
    await speak(hass, "It is right.", chime="ding_dong")
    (found,) = get_chime_issues(hass)
    assert found.translation_placeholders == {"subject": "gong.wav", "voice": "Ben", "account": "Speechbase"}


async def test_issue_stays_without_the_chime(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """Speech without the configured chime, as in a preview, does not delete its issue."""
    (voice,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "chime": "gong.wav"})
    await hass.async_block_till_done(wait_background_tasks=True)
    await hear("It is missing.")
    assert get_chime_issues(hass)
    await hear("It is left out.", chime="none")
    await hear("It is another.", chime="ding_dong")
    assert get_chime_issues(hass)
    write_audio_file(hass.config.config_dir, "gong.wav")
    await hear("It is back.")
    assert not get_chime_issues(hass)


async def test_issue_is_deleted_when_voice_changes(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The issue is deleted when the chime is no longer configured, or the voice is removed."""

    async def configure(chime: str) -> None:
        (subentry,) = account.subentries.values()
        hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, "chime": chime})
        await hass.async_block_till_done(wait_background_tasks=True)

    await configure("dingdong")
    assert len(get_chime_issues(hass)) == 1
    await configure("none")
    assert not get_chime_issues(hass)
    await configure("dingdong")
    assert len(get_chime_issues(hass)) == 1
    hass.config_entries.async_remove_subentry(account, next(iter(account.subentries)))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not get_chime_issues(hass)


async def test_form(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form has a section for post-processing, whose settings are stored, suggested again, and can be cleared."""
    form = await open_voice_form(hass, account, "tts-1")
    names = ["chime", "chime_after", "lead_in_ms", "tail_ms", "gain_db", "loudness"]
    assert [str(key) for key in form["data_schema"].schema["effects"].schema.schema] == names
    write_audio_file(hass.config.config_dir, "www/gong.wav")
    effects = {"chime": "www/gong.wav", "chime_after": "soft", "lead_in_ms": 400, "gain_db": -3.5, "loudness": -18}
    entered = {"voice": "nova", "name": "Ben", "effects": effects}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3", **effects}
    (subentry_id,) = [key for key, subentry in account.subentries.items() if subentry.title == "Ben"]
    flow = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    flow = await hass.config_entries.subentries.async_configure(flow["flow_id"], {"model": "tts-1"})
    assert get_suggested_values(flow)["effects"] == {**effects, "chime_after": "Soft", "tail_ms": None}
    assert get_open_sections(flow) == ["effects"]
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
    [("dingdong", "chime_missing"), ("/etc/hostname", "chime_missing"), ("long.wav", "chime_unusable")],
)
@pytest.mark.parametrize("field", ["chime", "chime_after"])
async def test_form_with_unusable_chime(
    hass: HomeAssistant, account: MockConfigEntry, field: str, name: str, error: str
) -> None:
    """The form reports an unusable chime by name at its section, which is open, and accepts a corrected one."""
    write_audio_file(hass.config.config_dir, "long.wav", 15.5)
    form = await open_voice_form(hass, account, "tts-1")
    entered = {"voice": "nova", "name": "Ben", "effects": {field: name}}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert form["errors"] == {"effects": error}
    placeholders = form["description_placeholders"]
    setting = {"chime": "Chime before speech", "chime_after": "Chime after speech"}[field]
    assert (placeholders["setting"], placeholders["chime"]) == (setting, name)
    assert get_open_sections(form) == ["effects"]
    assert get_suggested_values(form)["effects"][field] == name
    entered["effects"] = {field: "alarm"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["data"][field] == "alarm"
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_configured_chime(hass: HomeAssistant, account: MockConfigEntry, hear: Hear) -> None:
    """The configured chime of a voice is played before every message."""
    (subentry,) = account.subentries.values()
    plain = await decode(await hear(preferred_format="flac"))
    data = {**subentry.data, "chime": "three_tone"}
    hass.config_entries.async_update_subentry(account, subentry, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)
    sound = await decode(await hear(preferred_format="flac"))
    expected = load_built_in_chime(BuiltInChime.THREE_TONE).seconds + CHIME_PAUSE_S
    assert sound.seconds - plain.seconds == pytest.approx(expected, abs=0.02)
