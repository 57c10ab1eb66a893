"""The action that makes speech: a file or a link, and all that is to know about it."""

from pathlib import Path
from typing import Any

from homeassistant.components.media_source import Unresolvable, async_resolve_media
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from ..simulator import Fault, Simulator
from ..support.actions import call_action, call_failing_action, create_media_folder
from ..support.audio import RATE, decode
from ..support.speech import (
    SENTENCE,
    create_account,
    get_post_requests,
    get_speech_requests,
    load_account,
    wait_for_speech_request,
)
from ..support.word_decoder import assert_spoken, voice_of

SPEECH = "/v1/audio/speech"
OUT_OF_CREDIT = Fault(path=SPEECH, status=429, json={"error": {"code": "insufficient_quota"}}, times=99)


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Let media be stored."""
    return create_media_folder(hass, tmp_path)


@pytest.fixture
def entry(simulator: Simulator, folder: Path) -> MockConfigEntry:
    """Describe an account of a Home Assistant that has known its media folder from its start."""
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})


@pytest.fixture(autouse=True)
async def media(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Let media be played by its ID."""
    assert await async_setup_component(hass, "media_source", {})


async def test_what_is_answered_is_what_is_heard(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Link and ID lead to the sound that is described, which is made once."""
    simulator.audio_mode = "tones"
    answer = await call_action(hass, "synthesize", message=SENTENCE)
    client = await hass_client_no_auth()
    heard = await (await client.get(answer["path"])).read()
    sound = await decode(heard)
    assert_spoken(sound.samples, RATE, SENTENCE)
    assert answer["url"].endswith(answer["path"])
    assert answer["size"] == len(heard)
    assert answer["duration"] == pytest.approx(sound.seconds, abs=0.06)
    assert (answer["format"], answer["content_type"]) == ("mp3", "audio/mpeg")
    assert (answer["spoken_by"], answer["from_cache"]) == (["tts.ann"], False)
    media = await async_resolve_media(hass, answer["media_id"], None)
    assert await (await client.get(media.url)).read() == heard
    assert len(get_speech_requests(simulator)) == 1


async def test_same_words_are_made_once(hass: HomeAssistant, simulator: Simulator) -> None:
    """What is in Home Assistant's cache is taken from there, and costs nothing."""
    first = await call_action(hass, "synthesize", message=SENTENCE)
    again = await call_action(hass, "synthesize", message=SENTENCE)
    assert len(get_speech_requests(simulator)) == 1
    assert first["characters"] == len(SENTENCE)
    assert (first["cost"], first["currency"]) == (None, None)  # nobody knows what this server costs
    assert (again["from_cache"], again["characters"], again["cost"]) == (True, 0, 0)
    assert {key: again[key] for key in ("media_id", "size", "duration", "spoken_by")} == {
        key: first[key] for key in ("media_id", "size", "duration", "spoken_by")
    }
    await call_action(hass, "synthesize", message=SENTENCE, options={"speed": 1.5})
    assert [body.get("speed") for body in get_speech_requests(simulator)] == [None, 1.5]


async def test_nothing_is_kept_unless_wanted(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Without the cache nothing is written down, and the ID still plays what was made."""
    answer = await call_action(hass, "synthesize", message=SENTENCE, cache=False)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    media = await async_resolve_media(hass, answer["media_id"], None)
    client = await hass_client_no_auth()
    assert len(await (await client.get(media.url)).read()) == answer["size"]
    assert len(get_speech_requests(simulator)) == 1


async def test_refusal_is_told_once(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    """What is refused at once is not begun a second time."""
    with pytest.raises(HomeAssistantError):
        await call_action(hass, "synthesize", message=SENTENCE, options={"speed": 99})
    assert caplog.text.count("Error getting audio for") == 1


@pytest.mark.parametrize("extension", ["mp3", "wav", "opus", "aac", "flac"])
async def test_duration_is_measured(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator, extension: str
) -> None:
    """How long it lasts is found out by listening, whatever the format."""
    answer = await call_action(hass, "synthesize", message=SENTENCE, options={"preferred_format": extension})
    client = await hass_client_no_auth()
    sound = await decode(await (await client.get(answer["path"])).read())
    assert answer["duration"] == pytest.approx(sound.seconds, abs=0.06)
    assert answer["format"] == extension


async def test_who_really_spoke_is_told(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Where another voice has spoken, the answer says so, and its ID plays just that."""
    simulator.audio_mode = "tones"
    other = create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    simulator.fail(OUT_OF_CREDIT)
    answer = await call_action(hass, "synthesize", message=SENTENCE, options={"fallback": ["tts.ben"]})
    assert (answer["spoken_by"], answer["from_cache"]) == (["tts.ben"], False)
    simulator.reset()
    media = await async_resolve_media(hass, answer["media_id"], None)
    client = await hass_client_no_auth()
    sound = await decode(await (await client.get(media.url)).read())
    assert {word.voice for word in assert_spoken(sound.samples, RATE, SENTENCE)} == {voice_of("nova")}
    assert not get_speech_requests(simulator)


async def test_failure_is_told_without_the_text(hass: HomeAssistant, simulator: Simulator) -> None:
    """What the provider refuses is told in the words of the voice."""
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
        ({"file_name": "there"}, "file_exists"),
        ({"file_name": "there.mp3"}, "file_exists"),
    ],
)
async def test_mistakes_cost_nothing(
    hass: HomeAssistant, simulator: Simulator, folder: Path, data: dict[str, Any], reason: str
) -> None:
    """What can't be done is refused before the provider is asked."""
    (folder / "there.mp3").write_bytes(b"precious")
    (folder / "link").symlink_to(folder.parent)
    assert await call_failing_action(hass, "synthesize", ServiceValidationError, message=SENTENCE, **data) == reason
    assert not get_speech_requests(simulator)
    assert (folder / "there.mp3").read_bytes() == b"precious"


async def test_file_is_stored_in_the_media_folder(
    hass: HomeAssistant, folder: Path, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """The file is the sound; its link needs no login, and it is replaced only by who says so."""
    answer = await call_action(hass, "synthesize", message=SENTENCE, file_name="alarms/Große Wäsche")
    stored = folder / "alarms" / "Große Wäsche.mp3"
    assert stored.stat().st_size == answer["size"]
    assert answer["media_id"] == "media-source://media_source/local/alarms/Große Wäsche.mp3"
    client = await hass_client_no_auth()
    fetched = await client.get(answer["path"])
    assert (fetched.status, fetched.content_type) == (200, "audio/mpeg")
    assert await fetched.read() == stored.read_bytes()
    media = await async_resolve_media(hass, answer["media_id"], None)
    assert media.mime_type == "audio/mpeg"
    other = await call_action(
        hass, "synthesize", message="Now this.", file_name="alarms/Große Wäsche.mp3", overwrite=True
    )
    assert stored.stat().st_size == other["size"] != answer["size"]
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]


async def test_player_hears_the_old_file_to_its_end(hass: HomeAssistant, folder: Path) -> None:
    """A file that is replaced while it is played is another one for the next who plays it, and for nobody else."""
    stored = folder / "fire.mp3"
    await call_action(hass, "synthesize", message=SENTENCE, file_name="fire")
    old = stored.read_bytes()
    with stored.open("rb", buffering=0) as playing:
        await call_action(hass, "synthesize", message="Now this.", file_name="fire", overwrite=True)
        assert playing.read() == old
    assert stored.read_bytes() != old


async def test_folder_that_can_not_be_written_is_told(hass: HomeAssistant, folder: Path) -> None:
    """A file where a folder is needed is somebody's, and stays."""
    (folder / "alarms").write_bytes(b"precious")
    reason = await call_failing_action(
        hass, "synthesize", HomeAssistantError, message=SENTENCE, file_name="alarms/fire"
    )
    assert reason == "file_not_written"
    hass.config.media_dirs = {}
    reason = await call_failing_action(hass, "synthesize", ServiceValidationError, message=SENTENCE, file_name="fire")
    assert reason == "no_media_folder"


async def test_file_is_for_one_voice(hass: HomeAssistant, simulator: Simulator, folder: Path) -> None:
    """Several voices and one name: it is refused before any of them begins, and the name is free afterwards."""
    other = create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben")
    await load_account(hass, other)
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


async def test_file_that_is_being_made_is_not_made_twice(
    hass: HomeAssistant, simulator: Simulator, folder: Path
) -> None:
    """Whoever comes first has the file; the other one is told before anything is spent."""
    simulator.fail(Fault(path=SPEECH, delay=0.5))
    first = hass.async_create_task(call_action(hass, "synthesize", message=SENTENCE, file_name="fire", overwrite=True))
    await wait_for_speech_request(simulator)
    again = {"message": "Another one.", "file_name": "fire.mp3", "overwrite": True}
    assert await call_failing_action(hass, "synthesize", ServiceValidationError, **again) == "file_in_use"
    assert not (folder / "fire.mp3").exists()
    made = await first
    assert len(get_speech_requests(simulator)) == 1
    assert (folder / "fire.mp3").stat().st_size == made["size"]


async def test_what_lasts_is_what_the_documentation_says(
    hass: HomeAssistant, simulator: Simulator, folder: Path
) -> None:
    """When links are forgotten, the IDs of kept speech and of stored files still play, and others don't."""
    kept = await call_action(hass, "synthesize", message=SENTENCE)
    stored = await call_action(hass, "synthesize", message=SENTENCE, file_name="fire")
    passing = await call_action(hass, "synthesize", message=SENTENCE, cache=False)
    await hass.async_block_till_done(wait_background_tasks=True)
    manager = hass.data[DATA_TTS_MANAGER]
    manager.token_to_stream.clear()
    manager.mem_cache.clear()
    before = len(get_speech_requests(simulator))
    for answer in (kept, stored):
        assert (await async_resolve_media(hass, answer["media_id"], None)).mime_type == "audio/mpeg"
    assert len(get_speech_requests(simulator)) == before
    with pytest.raises(Unresolvable):
        await async_resolve_media(hass, passing["media_id"], None)
