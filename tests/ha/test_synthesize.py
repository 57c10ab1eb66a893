"""The action `orator.synthesize`: its response, URLs, media IDs, files and errors."""

import errno
import io
from pathlib import Path
from typing import Any

from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import User
from homeassistant.components.media_source import Unresolvable, async_resolve_media
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, flush_store
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from custom_components.orator import media_files
from custom_components.orator.media_files import MediaFile
from tests.simulator import Fault, Simulator
from tests.support.actions import TARGET, call_action, call_failing_action, create_media_folder
from tests.support.audio import RATE, decode
from tests.support.speech import (
    OUT_OF_CREDIT,
    SPEECH_PATH,
    create_account,
    get_post_requests,
    get_speech_requests,
    wait_for_speech_request,
)
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken, voice_of


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return a media folder."""
    return create_media_folder(hass, tmp_path)


@pytest.fixture
def entry(simulator: Simulator, folder: Path) -> MockConfigEntry:
    """Return an account that is loaded after the media folder was created."""
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})


@pytest.fixture(autouse=True)
async def media(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Set up media sources."""
    assert await async_setup_component(hass, "media_source", {})


async def test_response(hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator) -> None:
    """The URL and the media ID play the described audio, which is synthesized once."""
    simulator.audio_mode = "tones"
    response = await call_action(hass, "synthesize", message=SENTENCE)
    client = await hass_client_no_auth()
    audio = await (await client.get(response["path"])).read()
    sound = await decode(audio)
    assert_spoken(sound.samples, RATE, SENTENCE)
    assert response["url"].endswith(response["path"])
    assert response["size"] == len(audio)
    assert response["duration"] == pytest.approx(sound.seconds, abs=0.06)
    assert (response["format"], response["content_type"]) == ("mp3", "audio/mpeg")
    assert (response["spoken_by"], response["from_cache"]) == (["tts.ann"], False)
    media = await async_resolve_media(hass, response["media_id"], None)
    assert await (await client.get(media.url)).read() == audio
    assert len(get_speech_requests(simulator)) == 1


async def test_cached_message(hass: HomeAssistant, simulator: Simulator) -> None:
    """A cached message is not synthesized again, and costs nothing."""
    first = await call_action(hass, "synthesize", message=SENTENCE)
    again = await call_action(hass, "synthesize", message=SENTENCE)
    assert len(get_speech_requests(simulator)) == 1
    assert first["characters"] == len(SENTENCE)
    assert (first["cost"], first["currency"]) == (None, None)  # the price of this server is unknown
    assert (again["from_cache"], again["characters"], again["cost"]) == (True, 0, 0)
    assert {key: again[key] for key in ("media_id", "size", "duration", "spoken_by")} == {
        key: first[key] for key in ("media_id", "size", "duration", "spoken_by")
    }
    await call_action(hass, "synthesize", message=SENTENCE, options={"speed": 1.5})
    assert [body.get("speed") for body in get_speech_requests(simulator)] == [None, 1.5]


async def test_without_cache(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Without the cache the audio is not stored on disk, and its media ID plays it from memory."""
    response = await call_action(hass, "synthesize", message=SENTENCE, cache=False)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    media = await async_resolve_media(hass, response["media_id"], None)
    client = await hass_client_no_auth()
    assert len(await (await client.get(media.url)).read()) == response["size"]
    assert len(get_speech_requests(simulator)) == 1


async def test_error_is_logged_once(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    """An invalid option is an error that Home Assistant logs once."""
    with pytest.raises(HomeAssistantError):
        await call_action(hass, "synthesize", message=SENTENCE, options={"speed": 99})
    assert caplog.text.count("Error getting audio for") == 1


@pytest.mark.parametrize("extension", ["mp3", "wav", "opus", "aac", "flac"])
async def test_duration_is_measured(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator, extension: str
) -> None:
    """The duration in the response is that of the audio, in each format."""
    response = await call_action(hass, "synthesize", message=SENTENCE, options={"preferred_format": extension})
    client = await hass_client_no_auth()
    sound = await decode(await (await client.get(response["path"])).read())
    assert response["duration"] == pytest.approx(sound.seconds, abs=0.06)
    assert response["format"] == extension


@pytest.mark.usefixtures("fallback_account")
async def test_response_of_fallback(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """The response names the fallback that has spoken, and its media ID plays that audio."""
    simulator.audio_mode = "tones"
    simulator.fail(OUT_OF_CREDIT)
    response = await call_action(hass, "synthesize", message=SENTENCE, options={"fallback": ["tts.ben"]})
    assert (response["spoken_by"], response["from_cache"]) == (["tts.ben"], False)
    simulator.reset()
    media = await async_resolve_media(hass, response["media_id"], None)
    client = await hass_client_no_auth()
    sound = await decode(await (await client.get(media.url)).read())
    assert {word.voice for word in assert_spoken(sound.samples, RATE, SENTENCE)} == {voice_of("nova")}
    assert not get_speech_requests(simulator)


async def test_error_without_message(hass: HomeAssistant, simulator: Simulator) -> None:
    """An error of the provider is translated and does not contain the message."""
    simulator.fail(OUT_OF_CREDIT)
    with pytest.raises(HomeAssistantError) as error:
        await call_action(hass, "synthesize", message=SENTENCE)
    assert error.value.translation_key == "out_of_credit"
    assert SENTENCE[:10] not in str(error.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"language": "tlh"}, "language_not_spoken"),
        ({"options": {"loudnes": 3}}, "unknown_options"),
        ({"file_name": "../escaped"}, "unsafe_file_name"),
        ({"file_name": "/etc/passwd"}, "unsafe_file_name"),
        ({"file_name": "a//b"}, "unsafe_file_name"),
        ({"file_name": ".hidden"}, "unsafe_file_name"),
        ({"file_name": "CON\x00"}, "unsafe_file_name"),
        ({"file_name": "a\\b"}, "unsafe_file_name"),
        ({"file_name": "link/in"}, "unsafe_file_name"),
        ({"file_name": "alarm.wav"}, "wrong_extension"),
        ({"file_name": "page.html"}, "wrong_extension"),
        ({"file_name": "漢" * 100}, "unsafe_file_name"),
        ({"options": {1: 2}}, "unknown_options"),
        ({"options": {"preferred_format": "mp4"}}, "invalid_setting"),
        ({"options": {"preferred_format": ["mp3"]}, "file_name": "alarm"}, "invalid_setting"),
        ({"options": {"preferred_format": "x/../../escaped"}, "file_name": "alarm"}, "invalid_setting"),
        ({"file_name": "there"}, "file_exists"),
        ({"file_name": "there.mp3"}, "file_exists"),
    ],
)
async def test_invalid_input(
    hass: HomeAssistant, simulator: Simulator, folder: Path, data: dict[str, Any], reason: str
) -> None:
    """Invalid input is an error before any request, and changes no file."""
    (folder / "there.mp3").write_bytes(b"precious")
    (folder / "link").symlink_to(folder.parent)
    assert await call_failing_action(hass, "synthesize", ServiceValidationError, message=SENTENCE, **data) == reason
    assert not get_speech_requests(simulator)
    assert (folder / "there.mp3").read_bytes() == b"precious"


async def test_file(hass: HomeAssistant, folder: Path, hass_client_no_auth: ClientSessionGenerator) -> None:
    """A file is stored in the media folder, its URL needs no login, and `overwrite` replaces it."""
    response = await call_action(hass, "synthesize", message=SENTENCE, file_name="alarms/Große Wäsche")
    stored = folder / "alarms" / "Große Wäsche.mp3"
    assert stored.stat().st_size == response["size"]
    assert response["media_id"] == "media-source://media_source/local/alarms/Große Wäsche.mp3"
    client = await hass_client_no_auth()
    fetched = await client.get(response["path"])
    assert (fetched.status, fetched.content_type) == (200, "audio/mpeg")
    assert await fetched.read() == stored.read_bytes()
    media = await async_resolve_media(hass, response["media_id"], None)
    assert media.mime_type == "audio/mpeg"
    other = await call_action(
        hass, "synthesize", message="Now this.", file_name="alarms/Große Wäsche.mp3", overwrite=True
    )
    assert stored.stat().st_size == other["size"] != response["size"]
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]


async def test_overwrite_during_playback(hass: HomeAssistant, folder: Path) -> None:
    """A player that has opened a file reads it to its end after it was replaced."""
    stored = folder / "fire.mp3"
    await call_action(hass, "synthesize", message=SENTENCE, file_name="fire")
    old = stored.read_bytes()
    with stored.open("rb", buffering=0) as playing:
        await call_action(hass, "synthesize", message="Now this.", file_name="fire", overwrite=True)
        assert playing.read() == old
    assert stored.read_bytes() != old


async def test_overwriting_needs_an_administrator(
    hass: HomeAssistant, simulator: Simulator, folder: Path, hass_read_only_user: User, hass_admin_user: User
) -> None:
    """A user without administrator rights cannot replace a file; an administrator and an automation can."""
    stored = folder / "fire.mp3"
    stored.write_bytes(b"precious")
    data = {"message": SENTENCE, "file_name": "fire", "overwrite": True}
    hass_read_only_user.groups = [await hass.auth.async_get_group(GROUP_ID_USER)]

    async def call(user: User) -> None:
        context = Context(user_id=user.id)
        await hass.services.async_call(
            "orator", "synthesize", data, target=TARGET, blocking=True, return_response=True, context=context
        )

    with pytest.raises(Unauthorized):
        await call(hass_read_only_user)
    assert stored.read_bytes() == b"precious"
    assert not get_speech_requests(simulator)
    await call(hass_admin_user)
    assert stored.read_bytes() != b"precious"


async def test_long_message(hass: HomeAssistant, simulator: Simulator) -> None:
    """A message of more than 100,000 characters is an error before any request."""
    with pytest.raises(vol.Invalid, match="length of value must be at most 100000"):
        await call_action(hass, "synthesize", message="x" * 100_001)
    assert not get_speech_requests(simulator)


@pytest.mark.parametrize("limit", [{"_MAX_STORED_FILES": 2}, {"_MAX_STORED_GIB": 1e-9}])
async def test_stored_files_are_limited(
    hass: HomeAssistant, simulator: Simulator, folder: Path, monkeypatch: pytest.MonkeyPatch, limit: dict[str, float]
) -> None:
    """The number and the size of stored files are limited at no cost, and other files in the folder do not count."""
    for name in "abc":
        (folder / f"{name}.mp3").write_bytes(bytes(100))
    await call_action(hass, "synthesize", message=SENTENCE, file_name="first")
    await call_action(hass, "synthesize", message=SENTENCE, file_name="second")
    monkeypatch.setattr(media_files, *next(iter(limit.items())))
    simulator.reset()
    data = {"message": "Now this.", "file_name": "third"}
    assert await call_failing_action(hass, "synthesize", ServiceValidationError, **data) == "too_many_files"
    assert not get_speech_requests(simulator)
    (folder / "first.mp3").unlink()
    (folder / "second.mp3").unlink()
    await call_action(hass, "synthesize", **data)
    assert (folder / "third.mp3").exists()


async def test_stored_files_across_restarts(
    hass: HomeAssistant, folder: Path, monkeypatch: pytest.MonkeyPatch, hass_storage: dict[str, Any]
) -> None:
    """Files that were stored before a restart count, as do files that other calls are about to write."""
    monkeypatch.setattr(media_files, "_MAX_STORED_FILES", 1)
    await call_action(hass, "synthesize", message=SENTENCE, file_name="first")
    await flush_store(hass.data[media_files._STORED_FILES]._store)
    del hass.data[media_files._STORED_FILES]
    data = {"message": SENTENCE, "file_name": "second"}
    assert await call_failing_action(hass, "synthesize", ServiceValidationError, **data) == "too_many_files"
    await call_action(hass, "synthesize", message="Now this.", file_name="first", overwrite=True)
    (folder / "first.mp3").unlink()
    async with media_files.reserve_file(hass, MediaFile("local", folder, "first.mp3", may_replace=False)):
        assert await call_failing_action(hass, "synthesize", ServiceValidationError, **data) == "too_many_files"
    await call_action(hass, "synthesize", **data)


def test_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be written to its end does not exist afterwards."""
    open_file = Path.open

    class FullDisk(io.FileIO):
        def write(self, data: Any) -> int:
            super().write(bytes(data)[:3])
            raise OSError(errno.ENOSPC, "No space left on device")

    def open_on_full_disk(path: Path, mode: str = "r", *args: Any) -> Any:
        return FullDisk(path, "x") if mode == "xb" else open_file(path, mode, *args)

    monkeypatch.setattr(Path, "open", open_on_full_disk)
    with pytest.raises(HomeAssistantError) as error:
        MediaFile("local", folder, "fire.mp3", may_replace=False).write(b"speech")
    assert error.value.translation_key == "file_not_written"
    assert not list(folder.iterdir())


async def test_unwritable_folder(hass: HomeAssistant, folder: Path) -> None:
    """A file in place of the folder and a missing media folder are errors."""
    (folder / "alarms").write_bytes(b"precious")
    reason = await call_failing_action(
        hass, "synthesize", HomeAssistantError, message=SENTENCE, file_name="alarms/fire"
    )
    assert reason == "file_not_written"
    hass.config.media_dirs = {}
    reason = await call_failing_action(hass, "synthesize", ServiceValidationError, message=SENTENCE, file_name="fire")
    assert reason == "no_media_folder"


@pytest.mark.usefixtures("fallback_account")
async def test_one_file_for_two_voices(hass: HomeAssistant, simulator: Simulator, folder: Path) -> None:
    """A file name for several voices is an error before any request, and can be used afterwards."""
    simulator.reset()
    for overwrite in (False, True):
        data = {"message": SENTENCE, "file_name": "fire", "overwrite": overwrite}
        target = {"entity_id": ["tts.ann", "tts.ben"]}
        with pytest.raises(ServiceValidationError) as error:
            await hass.services.async_call(
                "orator", "synthesize", data, target=target, blocking=True, return_response=True
            )
        assert error.value.translation_key == "file_in_use"
    assert not get_post_requests(simulator)
    assert not (folder / "fire.mp3").exists()
    await call_action(hass, "synthesize", message=SENTENCE, file_name="fire")
    assert (folder / "fire.mp3").exists()


async def test_file_in_use(hass: HomeAssistant, simulator: Simulator, folder: Path) -> None:
    """A file name that another call is using is an error before any request."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=0.5))
    first = hass.async_create_task(call_action(hass, "synthesize", message=SENTENCE, file_name="fire", overwrite=True))
    await wait_for_speech_request(simulator)
    again = {"message": "Another one.", "file_name": "fire.mp3", "overwrite": True}
    assert await call_failing_action(hass, "synthesize", ServiceValidationError, **again) == "file_in_use"
    assert not (folder / "fire.mp3").exists()
    response = await first
    assert len(get_speech_requests(simulator)) == 1
    assert (folder / "fire.mp3").stat().st_size == response["size"]


async def test_media_ids_without_memory(hass: HomeAssistant, simulator: Simulator, folder: Path) -> None:
    """Without Home Assistant's memory, the media IDs of cached speech and of files still play, others do not."""
    cached = await call_action(hass, "synthesize", message=SENTENCE)
    stored = await call_action(hass, "synthesize", message=SENTENCE, file_name="fire")
    uncached = await call_action(hass, "synthesize", message=SENTENCE, cache=False)
    await hass.async_block_till_done(wait_background_tasks=True)
    manager = hass.data[DATA_TTS_MANAGER]
    manager.token_to_stream.clear()
    manager.mem_cache.clear()
    before = len(get_speech_requests(simulator))
    for response in (cached, stored):
        assert (await async_resolve_media(hass, response["media_id"], None)).mime_type == "audio/mpeg"
    assert len(get_speech_requests(simulator)) == before
    with pytest.raises(Unresolvable):
        await async_resolve_media(hass, uncached["media_id"], None)
