"""Tests of the media source with previews of voices."""

from html import unescape
from typing import Any

from homeassistant.components.media_player import BrowseError, BrowseMedia
from homeassistant.components.media_source import Unresolvable, async_browse_media, async_resolve_media
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.orator.sample_sentences import SAMPLE_SENTENCES
from tests.simulator import Simulator
from tests.support.audio import RATE, decode
from tests.support.flows import open_voice_form
from tests.support.speech import (
    INVALID_KEY,
    create_account,
    get_post_requests,
    get_speech_requests,
    load_account,
)
from tests.support.word_decoder import assert_spoken, voice_of

ROOT = "media-source://orator"


@pytest.fixture(autouse=True)
async def media_source(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Set up media sources."""
    assert await async_setup_component(hass, "media_source", {})


async def browse(hass: HomeAssistant, media_id: str = ROOT) -> dict[str, BrowseMedia]:
    """Return the children of a media source item by title."""
    item = await async_browse_media(hass, media_id)
    return {child.title: child for child in item.children or ()}


async def browse_to(hass: HomeAssistant, *titles: str) -> BrowseMedia:
    """Return the media source item that these titles lead to."""
    item = await async_browse_media(hass, ROOT)
    for title in titles:
        children = {child.title: child for child in item.children or ()}
        item = await async_browse_media(hass, children[title].media_content_id)
    return item


async def add_account(
    hass: HomeAssistant, simulator: Simulator, provider: str, voice: dict[str, Any]
) -> MockConfigEntry:
    """Load another account."""
    entry = create_account(simulator, provider, voice, "Ben")
    return await load_account(hass, entry, wait_background_tasks=True)


async def test_browse(hass: HomeAssistant, simulator: Simulator) -> None:
    """Accounts, models, voices and languages are listed without any request to the provider."""
    before = len(simulator.requests)
    assert "Orator" in await browse(hass, "media-source://")
    assert list(await browse(hass)) == ["OpenAI"]
    models = (await browse_to(hass, "OpenAI")).children or ()
    assert "tts-1" in [model.title for model in models]
    assert not any(model.can_play for model in models)
    voices = (await browse_to(hass, "OpenAI", "tts-1")).children or ()
    assert {"Coral", "Nova"} <= {voice.title for voice in voices}
    assert all(voice.can_play and voice.can_expand for voice in voices)
    nova = await browse_to(hass, "OpenAI", "tts-1", "Nova")
    assert {"Deutsch", "English", "日本語"} <= {sample.title for sample in nova.children or ()}
    assert all(sample.media_content_type.startswith("audio/") for sample in nova.children or ())
    assert len(simulator.requests) == before


async def test_sample_is_charged_once(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """A sample is synthesized once in its language, and its URL plays without a login, as media players need it."""
    simulator.audio_mode = "tones"
    nova = await browse_to(hass, "OpenAI", "tts-1", "Nova")
    german = {sample.title: sample for sample in nova.children or ()}["Deutsch"]
    client = await hass_client_no_auth()
    for _ in range(2):
        media = await async_resolve_media(hass, german.media_content_id, "media_player.kitchen")
        assert media.mime_type == "audio/mpeg"
        response = await client.get(media.url)
        assert response.content_type == "audio/mpeg"
        sound = await decode(await response.read())
        words = assert_spoken(sound.samples, RATE, SAMPLE_SENTENCES["de"].sentence)
        assert {word.voice for word in words} == {voice_of("nova")}
    assert [body["input"] for body in get_speech_requests(simulator)] == [SAMPLE_SENTENCES["de"].sentence]


async def test_voice_plays_default_language(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice itself plays the sample in Home Assistant's language, which also comes first among its languages."""
    hass.config.language = "de"
    nova = await browse_to(hass, "OpenAI", "tts-1", "Nova")
    assert [sample.title for sample in nova.children or ()][:2] == ["Deutsch", "Afrikaans"]
    voices = (await browse_to(hass, "OpenAI", "tts-1")).children or ()
    await async_resolve_media(hass, voices[0].media_content_id, None)
    assert [body["input"] for body in get_speech_requests(simulator)] == [SAMPLE_SENTENCES["de"].sentence]


async def test_sample_ignores_settings_of_configured_voice(hass: HomeAssistant, simulator: Simulator) -> None:
    """A sample uses none of the settings of the entity that speaks it, and no fallback."""
    settings = {"model": "gpt-4o-mini-tts", "voice": "ash", "speed": 2, "instructions": "Whisper.", "format": "wav"}
    replacements = [{"find": "coffee", "say": "tea"}]
    account = await add_account(
        hass,
        simulator,
        "openai",
        {**settings, "clean_text": False, "replacements": replacements, "fallback": ["tts.ann"]},
    )
    media_id = f"{ROOT}/{account.entry_id}?model=gpt-4o-mini-tts&voice=coral&language=en"
    await async_resolve_media(hass, media_id, None)
    assert get_speech_requests(simulator) == [
        {
            "model": "gpt-4o-mini-tts",
            "voice": "coral",
            "input": SAMPLE_SENTENCES["en"].sentence,
            "response_format": "mp3",
        }
    ]
    simulator.fail(INVALID_KEY)
    with pytest.raises(Unresolvable) as error:
        await async_resolve_media(hass, media_id.replace("=en", "=fr"), None)
    assert (error.value.translation_domain, error.value.translation_key) == ("orator", "invalid_key")
    assert "rejected the account's API key" in str(error.value)


async def test_speechbase_modes(hass: HomeAssistant, simulator: Simulator) -> None:
    """Saved voices and the voices of models are listed, and play."""
    account = await add_account(hass, simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    simulator.reset()
    groups = await browse(hass, f"{ROOT}/{account.entry_id}")
    (saved,) = [group for group in groups.values() if "mode=voice" in group.media_content_id]
    assert saved.title == "Saved voice"
    voices = (await async_browse_media(hass, saved.media_content_id)).children or ()
    titles = {voice.title: voice for voice in voices}
    assert "Reception (no key)" not in titles
    await async_resolve_media(hass, titles["Kitchen, evening"].media_content_id, None)
    listed = [group for group in groups.values() if group is not saved]
    of_model = (await async_browse_media(hass, listed[0].media_content_id)).children or ()
    await async_resolve_media(hass, of_model[-1].media_content_id, None)
    assert [body["mode"] for body in get_post_requests(simulator)] == ["voice", "inline"]
    assert get_post_requests(simulator)[1]["voice"] == of_model[-1].title.partition(" ")[0].lower()


async def test_unconnected_vendor_is_not_listed(hass: HomeAssistant, simulator: Simulator) -> None:
    """Models that cannot speak are not listed."""
    (openai,) = (row for row in simulator.speechbase.providers if row["id"] == "openai")
    openai["byok"] = openai["managed"] = False
    account = await add_account(hass, simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    assert list(await browse(hass, f"{ROOT}/{account.entry_id}")) == ["Saved voice"]


async def test_voice_with_one_language(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice with one language has it in its title, and its sample is in that language."""
    account = await add_account(hass, simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})
    simulator.reset()
    item = await async_browse_media(hass, f"{ROOT}/{account.entry_id}?model=Kokoro-82m")
    japanese = [voice for voice in item.children or () if "日本語" in voice.title]
    assert japanese
    assert not japanese[0].can_expand
    await async_resolve_media(hass, japanese[0].media_content_id, None)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert SAMPLE_SENTENCES["ja"].sentence == "".join(body["input"] for body in get_post_requests(simulator))


async def test_account_not_loaded(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """An account that is not loaded is not listed, and its media source IDs raise an error that says so."""
    await hass.config_entries.async_unload(account.entry_id)
    assert not await browse(hass)
    for media_id in (f"{ROOT}/{account.entry_id}", f"{ROOT}/nothing"):
        with pytest.raises(BrowseError) as error:
            await async_browse_media(hass, media_id)
        assert error.value.translation_key == "account_not_loaded"
        with pytest.raises(Unresolvable) as unresolvable:
            await async_resolve_media(hass, f"{media_id}?model=tts-1&voice=nova", None)
        assert unresolvable.value.translation_key == "account_not_loaded"


async def test_invalid_identifiers(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """An invalid media source ID raises an error without any request to the provider."""
    speechbase = await add_account(hass, simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    simulator.reset()
    for identifier in (
        account.entry_id,
        f"{account.entry_id}?model=tts-1",
        f"{speechbase.entry_id}?mode=else&voice=nova",
        "http://[",
        f"{account.entry_id}?model=gpt-4o{'tts' * 70}&voice=nova",
        f"{account.entry_id}?model=tts%0A-1&voice=nova",
        f"{account.entry_id}?model=tts-1&voice={'n' * 201}",
        f"{account.entry_id}?model=tts-1&voice=nova&language={'e' * 201}",
        f"{account.entry_id}?model=tts-1&voice=nova&{'x' * 201}=1",
        f"{account.entry_id}?{'&' * 8_000}",
    ):
        with pytest.raises(Unresolvable) as error:
            await async_resolve_media(hass, f"{ROOT}/{identifier}", None)
        assert error.value.translation_key == "preview_voice_missing"
    with pytest.raises(BrowseError):
        await async_browse_media(hass, f"{ROOT}/{account.entry_id}?model=gpt-4o{'tts' * 70}%0A")
    with pytest.raises(BrowseError):
        await async_browse_media(hass, f"{ROOT}/{speechbase.entry_id}?mode=else")
    assert not get_post_requests(simulator)


async def test_account_without_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """An account without an entity cannot play samples, and the error says to add a voice."""
    for subentry_id in list(account.subentries):
        hass.config_entries.async_remove_subentry(account, subentry_id)
    await hass.async_block_till_done()
    with pytest.raises(Unresolvable) as error:
        await async_resolve_media(hass, f"{ROOT}/{account.entry_id}?model=tts-1&voice=nova", None)
    assert error.value.translation_key == "no_voice_for_preview"
    assert "OpenAI has no voice" in str(error.value)


async def test_websocket_api(hass: HomeAssistant, account: MockConfigEntry, hass_ws_client: WebSocketGenerator) -> None:
    """Home Assistant's frontend can browse and play samples."""
    client = await hass_ws_client()
    media_id = f"{ROOT}/{account.entry_id}?model=tts-1&voice=nova"
    await client.send_json_auto_id({"type": "media_source/browse_media", "media_content_id": media_id})
    item = (await client.receive_json())["result"]
    assert item["can_play"]
    await client.send_json_auto_id(
        {"type": "media_source/resolve_media", "media_content_id": item["children"][0]["media_content_id"]}
    )
    resolved = (await client.receive_json())["result"]
    assert resolved["url"].startswith("/api/tts_proxy/")
    assert resolved["mime_type"] == "audio/mpeg"


async def test_read_only_user(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_read_only_access_token: str,
) -> None:
    """A user who may not control the voices can list them, but not let them speak, as that may be charged."""
    client = await hass_ws_client(hass, hass_read_only_access_token)
    await client.send_json_auto_id({"type": "media_source/browse_media", "media_content_id": ROOT})
    assert (await client.receive_json())["success"]
    media_id = f"{ROOT}/{account.entry_id}?model=tts-1&voice=nova"
    await client.send_json_auto_id({"type": "media_source/resolve_media", "media_content_id": media_id})
    response = await client.receive_json()
    assert response["error"]["code"] == "unauthorized"
    assert not get_speech_requests(simulator)


async def test_links_in_voice_form(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The voice form links to the preview of the voice, signed for the user, and to the media browser, in a new tab."""
    assert await async_setup_component(hass, "config", {})
    client = await hass_client()
    path = "/api/config/config_entries/subentries/flow"
    form = await (await client.post(path, json={"handler": [account.entry_id, "voice"]})).json()
    form = await (await client.post(f"{path}/{form['flow_id']}", json={"model": "tts-1"})).json()
    placeholders = form["description_placeholders"]
    assert placeholders["samples"] == '<a href="/media-browser" target="_blank">'
    assert placeholders["preview"].endswith('target="_blank">Listen to Coral</a> (uses 58 characters).')
    link = unescape(placeholders["preview"].partition('href="')[2].partition('"')[0])
    browser = await hass_client_no_auth()
    assert (await browser.get(link.partition("&")[0])).status == 401
    assert not get_speech_requests(simulator)
    response = await browser.get(link)
    assert (response.status, response.content_type) == (200, "audio/mpeg")
    (request,) = get_speech_requests(simulator)
    assert (request["model"], request["voice"]) == ("tts-1", "coral")
    assert (await client.get("/api/orator/voice_preview?item=x%3Fmodel%3D%2520")).status == 404


async def test_no_link_without_entity(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form of an account's first voice has no link, because no entity could play the preview."""
    (subentry_id,) = account.subentries
    assert (await open_voice_form(hass, account, "tts-1"))["description_placeholders"]["preview"]
    hass.config_entries.async_remove_subentry(account, subentry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not (await open_voice_form(hass, account, "tts-1"))["description_placeholders"]["preview"]


async def test_sample_stays_cached_when_voice_changes(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A sample is played from the cache after the settings of the account's voice have changed."""
    media_id = f"{ROOT}/{account.entry_id}?model=gpt-4o-mini-tts&voice=nova&language=en"
    await async_resolve_media(hass, media_id, None)
    (voice,) = account.subentries.values()
    for more in ({"speed": 1.5, "instructions": "Whisper."}, {"gain_db": 3, "chime": "soft", "format": "wav"}):
        hass.config_entries.async_update_subentry(account, voice, data={**voice.data, **more})
        await hass.async_block_till_done(wait_background_tasks=True)
        await async_resolve_media(hass, media_id, None)
    assert len(get_speech_requests(simulator)) == 1
