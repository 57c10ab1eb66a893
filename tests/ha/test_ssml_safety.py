"""Texts of an assistant with SSML: they name no files and no sources that they may not, and start no loops."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

from homeassistant.components.media_source import MediaSource, MediaSourceItem, PlayMedia, async_resolve_media
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockModule, mock_integration, mock_platform

from tests.simulator import Simulator
from tests.support.audio import RATE, decode
from tests.support.chimes import write_audio_file
from tests.support.speech import Hear, get_post_requests
from tests.support.word_decoder import assert_spoken

FIRST, SECOND = "Dinner is ready.", "Come down at once."


@pytest.fixture(autouse=True)
def speak_tones(simulator: Simulator) -> None:
    """Let the providers speak words that can be decoded."""
    simulator.audio_mode = "tones"


def get_bodies(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the bodies of the requests for speech."""
    return [body for body in get_post_requests(simulator) if body]


async def test_words_of_other_voice_are_no_markup(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """Markup in entities or character data is words, also for another Orator voice: it names no voice in turn."""
    (voice,) = fallback_account.subentries.values()
    data = {**voice.data, "speech_tags": True, "clean_text": False}
    hass.config_entries.async_update_subentry(fallback_account, voice, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)
    inner = '<speak><break time="9s"/><voice name="tts.ann">Loop.</voice></speak>'
    await hear(f'<speak>{FIRST} <voice name="tts.ben"><![CDATA[{inner}]]></voice></speak>')
    requests = [(body["voice"], str(body.get("input", body.get("text"))).strip()) for body in get_bodies(simulator)]
    assert requests == [("coral", FIRST), ("nova", inner)]


async def test_voices_that_name_each_other(
    simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """Voices within each other speak their own words once."""
    text = FIRST
    for number in range(40):
        text = f'<voice name="tts.{"ben" if number % 2 else "ann"}">{text}</voice>'
    await hear(f"<speak>{text} {SECOND}</speak>")
    assert [body["input"].strip() for body in get_bodies(simulator)] == [f"{FIRST} {SECOND}"]


@pytest.mark.parametrize(
    "markup",
    [
        f'<audio src="data:audio/mpeg;base64,{"SUQzBAAA+/ 1\n" * 2000}"/>',
        f"<!-- {'Nobody hears this. ' * 2000} -->",
        f'<sub alias="{"It is > 5. " * 300}"></sub>',
    ],
    ids=["base64", "comment", "value"],
)
async def test_long_markup_is_not_charged(simulator: Simulator, hear: Hear, markup: str) -> None:
    """Markup that is too long is neither spoken nor sent to the provider."""
    sound = await decode(await hear(f"<speak>{FIRST} {markup} {SECOND}</speak>"))
    assert [body["input"].strip() for body in get_bodies(simulator)] == [f"{FIRST} {SECOND}"]
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")


@pytest.mark.parametrize(
    "source",
    [
        "https://192.168.1.1/private.mp3",
        "http://example.com/a.mp3",
        "file:///etc/hostname",
        "/etc/hostname",
        "../outside.wav",
        ".storage/hidden.wav",
        "custom_components/hidden.wav",
        "/local/../.storage/hidden.wav",
        "concat:gong.wav|gong.wav",
        "playlist.m3u8",
        "link.wav",
        "media-source://tts/tts.ann?message=Loop",
        "media-source://orator/",
        "media-source://",
        "media-source://media_source/local/../../.storage/hidden.wav",
        "gong.wav\x00",
    ],
)
async def test_forbidden_source(hass: HomeAssistant, simulator: Simulator, hear: Hear, source: str) -> None:
    """A file, address or source that may not be played is not opened; the text in the element is spoken."""
    config = Path(hass.config.config_dir)
    for folder in (config / ".storage", config / "custom_components"):
        folder.mkdir(exist_ok=True)
        write_audio_file(str(folder), "hidden.wav", 1)
    write_audio_file(str(config), "gong.wav", 1)
    write_audio_file(str(config.parent), "outside.wav", 1)
    (config / "playlist.m3u8").write_text("#EXTM3U\n#EXTINF:1,\ngong.wav\n#EXT-X-ENDLIST\n")
    (config / "link.wav").symlink_to(config / ".storage" / "hidden.wav")
    sound = await decode(await hear(f'<speak>{FIRST} <audio src="{source}">{SECOND}</audio></speak>'))
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")
    assert " ".join(body["input"].strip() for body in get_bodies(simulator)) == f"{FIRST} {SECOND}"


async def test_web_address_is_cached(simulator: Simulator, hear: Hear) -> None:
    """A message whose recording can never be played is cached; it is not generated and charged again."""
    text = f'<speak>{FIRST} <audio src="https://sounds.example/gong.mp3">{SECOND}</audio></speak>'
    assert await hear(text, sentence_cache=False)
    count = len(get_bodies(simulator))
    assert await hear(text, sentence_cache=False)
    assert len(get_bodies(simulator)) == count


async def test_stream_of_other_integration(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A media source that is no file, such as a camera, is not even resolved: that could start a stream."""
    resolved: list[str] = []

    class Cameras(MediaSource):
        async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
            resolved.append(item.identifier)
            return PlayMedia("/api/stream", "audio/mpeg")

    async def async_get_media_source(_hass: HomeAssistant) -> MediaSource:
        return Cameras("cameras")

    mock_integration(hass, MockModule("cameras"))
    mock_platform(hass, "cameras.media_source", Mock(async_get_media_source=async_get_media_source))
    assert await async_setup_component(hass, "media_source", {})
    assert await async_setup_component(hass, "cameras", {})
    await hass.async_block_till_done()
    media = await async_resolve_media(hass, "media-source://cameras/door", None)
    assert (media.url, resolved) == ("/api/stream", ["door"])
    await hear(f'<speak>{FIRST} <audio src="media-source://cameras/garden">{SECOND}</audio></speak>')
    assert " ".join(body["input"].strip() for body in get_bodies(simulator)) == f"{FIRST} {SECOND}"
    assert resolved == ["door"]
