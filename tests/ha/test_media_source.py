"""Voices in the media browser: to listen to before they are chosen."""

from typing import Any
from urllib.parse import unquote

from homeassistant.components.media_player import BrowseError, BrowseMedia
from homeassistant.components.media_source import Unresolvable, async_browse_media, async_resolve_media
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.base import Provider
from custom_components.orator.sample_sentences import SAMPLE_SENTENCES, pick_sample_sentence, sample_sentences_for

from ..simulator import Fault, Simulator
from ..support.audio import RATE, decode
from ..support.speech import account_of, asked, spoken
from ..support.word_decoder import assert_spoken, voice_of

ROOT = "media-source://orator"
ISSUE_LANGUAGES = ["de", "fr", "es", "it", "nl", "pl", "pt-BR", "sv", "cs", "el", "ja", "ko", "zh-Hans", "en"]


@pytest.fixture(autouse=True)
async def media_source(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Let media be browsed."""
    assert await async_setup_component(hass, "media_source", {})


async def shown(hass: HomeAssistant, media_id: str = ROOT) -> dict[str, BrowseMedia]:
    """Return what the media browser shows at a place, by its titles."""
    place = await async_browse_media(hass, media_id)
    return {child.title: child for child in place.children or ()}


async def at(hass: HomeAssistant, *titles: str) -> BrowseMedia:
    """Click one's way through the media browser."""
    place = await async_browse_media(hass, ROOT)
    for title in titles:
        children = {child.title: child for child in place.children or ()}
        place = await async_browse_media(hass, children[title].media_content_id)
    return place


async def add(hass: HomeAssistant, simulator: Simulator, provider: str, voice: dict[str, Any]) -> MockConfigEntry:
    """Load another account."""
    entry = account_of(simulator, provider, voice, "Ben")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def test_browsing_leads_to_voices_and_costs_nothing(hass: HomeAssistant, simulator: Simulator) -> None:
    """Accounts, their models, the models' voices, the languages of each; nobody is asked for any of it."""
    before = len(simulator.requests)
    assert "Orator" in await shown(hass, "media-source://")
    assert list(await shown(hass)) == ["OpenAI"]
    models = (await at(hass, "OpenAI")).children or ()
    assert "tts-1" in [model.title for model in models]
    assert not any(model.can_play for model in models)
    voices = (await at(hass, "OpenAI", "tts-1")).children or ()
    assert {"Coral", "Nova"} <= {voice.title for voice in voices}
    assert all(voice.can_play and voice.can_expand for voice in voices)
    nova = await at(hass, "OpenAI", "tts-1", "Nova")
    assert {"Deutsch", "English", "日本語"} <= {sample.title for sample in nova.children or ()}
    assert all(sample.media_content_type.startswith("audio/") for sample in nova.children or ())
    assert len(simulator.requests) == before


async def test_sample_is_spoken_in_its_language_and_bought_once(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Whoever listens twice pays once; the link plays without a login, as players need it."""
    simulator.tongue = "tones"
    nova = await at(hass, "OpenAI", "tts-1", "Nova")
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
    assert [body["input"] for body in spoken(simulator)] == [SAMPLE_SENTENCES["de"].sentence]


async def test_voice_itself_is_played_in_the_language_of_the_house(hass: HomeAssistant, simulator: Simulator) -> None:
    """One click on a voice is enough."""
    hass.config.language = "de"
    voices = (await at(hass, "OpenAI", "tts-1")).children or ()
    await async_resolve_media(hass, voices[0].media_content_id, None)
    assert [body["input"] for body in spoken(simulator)] == [SAMPLE_SENTENCES["de"].sentence]


async def test_sample_has_nothing_of_the_voice_that_lends_its_mouth(hass: HomeAssistant, simulator: Simulator) -> None:
    """A sample sounds as the model does, whatever the account's own voice is set to; nobody else speaks it."""
    settings = {"model": "gpt-4o-mini-tts", "voice": "ash", "speed": 2, "instructions": "Whisper.", "format": "wav"}
    replacements = [{"find": "coffee", "say": "tea"}]
    account = await add(
        hass,
        simulator,
        "openai",
        {**settings, "clean_text": False, "replacements": replacements, "fallback": ["tts.ann"]},
    )
    media_id = f"{ROOT}/{account.entry_id}?model=gpt-4o-mini-tts&voice=coral&language=en"
    await async_resolve_media(hass, media_id, None)
    assert spoken(simulator) == [
        {
            "model": "gpt-4o-mini-tts",
            "voice": "coral",
            "input": SAMPLE_SENTENCES["en"].sentence,
            "response_format": "mp3",
        }
    ]
    simulator.fail(Fault(path="*/audio/speech", status=401, json={"error": {"code": "invalid_api_key"}}, times=9))
    with pytest.raises(Unresolvable) as error:
        await async_resolve_media(hass, media_id.replace("=en", "=fr"), None)
    assert (error.value.translation_domain, error.value.translation_key) == ("orator", "invalid_key")
    assert "does not accept the account's key" in str(error.value)


async def test_saved_voices_and_vendors_voices_of_speechbase(hass: HomeAssistant, simulator: Simulator) -> None:
    """Both ways to say who speaks are there, and speak."""
    account = await add(hass, simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    simulator.reset()
    groups = await shown(hass, f"{ROOT}/{account.entry_id}")
    (saved,) = [group for group in groups.values() if "mode=voice" in group.media_content_id]
    assert saved.title == "A saved voice"
    voices = (await async_browse_media(hass, saved.media_content_id)).children or ()
    titles = {voice.title: voice for voice in voices}
    assert "Reception (no key)" not in titles
    await async_resolve_media(hass, titles["Kitchen, evening"].media_content_id, None)
    listed = [group for group in groups.values() if group is not saved]
    of_model = (await async_browse_media(hass, listed[0].media_content_id)).children or ()
    await async_resolve_media(hass, of_model[-1].media_content_id, None)
    assert [body["mode"] for body in asked(simulator)] == ["voice", "inline"]
    assert asked(simulator)[1]["voice"] == of_model[-1].title.partition(" ")[0].lower()


async def test_model_without_a_key_is_left_out(hass: HomeAssistant, simulator: Simulator) -> None:
    """What can't speak at the moment has no samples: they would end in an error."""
    (openai,) = (row for row in simulator.speechbase.providers if row["id"] == "openai")
    openai["byok"] = openai["managed"] = False
    account = await add(hass, simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    assert list(await shown(hass, f"{ROOT}/{account.entry_id}")) == ["A saved voice"]


async def test_voices_that_speak_one_language(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice with a language of its own says so, and its sample is in that."""
    account = await add(hass, simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})
    simulator.reset()
    place = await async_browse_media(hass, f"{ROOT}/{account.entry_id}?model=Kokoro-82m")
    japanese = [voice for voice in place.children or () if "日本語" in voice.title]
    assert japanese
    assert not japanese[0].can_expand
    await async_resolve_media(hass, japanese[0].media_content_id, None)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert SAMPLE_SENTENCES["ja"].sentence == "".join(body["input"] for body in asked(simulator))


async def test_account_that_is_not_loaded_is_left_out(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """What cannot speak is not offered; a link that was kept says what is wrong."""
    await hass.config_entries.async_unload(account.entry_id)
    assert not await shown(hass)
    for media_id in (f"{ROOT}/{account.entry_id}", f"{ROOT}/nothing"):
        with pytest.raises(BrowseError) as error:
            await async_browse_media(hass, media_id)
        assert error.value.translation_key == "account_not_loaded"
        with pytest.raises(Unresolvable) as unresolvable:
            await async_resolve_media(hass, f"{media_id}?model=tts-1&voice=nova", None)
        assert unresolvable.value.translation_key == "account_not_loaded"


async def test_what_is_not_there_is_told(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Whatever somebody writes into a link, they are told, and nothing is bought."""
    speechbase = await add(hass, simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    simulator.reset()
    for identifier in (
        account.entry_id,
        f"{account.entry_id}?model=tts-1",
        f"{speechbase.entry_id}?mode=else&voice=nova",
        "http://[",
    ):
        with pytest.raises(Unresolvable) as error:
            await async_resolve_media(hass, f"{ROOT}/{identifier}", None)
        assert error.value.translation_key == "no_such_sample"
    with pytest.raises(BrowseError):
        await async_browse_media(hass, f"{ROOT}/{speechbase.entry_id}?mode=else")
    assert not asked(simulator)


async def test_account_without_a_voice_says_what_to_do(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Home Assistant speaks only with speech entities: there has to be one."""
    for subentry_id in list(account.subentries):
        hass.config_entries.async_remove_subentry(account, subentry_id)
    await hass.async_block_till_done()
    with pytest.raises(Unresolvable) as error:
        await async_resolve_media(hass, f"{ROOT}/{account.entry_id}?model=tts-1&voice=nova", None)
    assert error.value.translation_key == "no_voice_yet"
    assert "OpenAI has no voice" in str(error.value)


async def test_web_page_browses_and_plays(
    hass: HomeAssistant, account: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    """Home Assistant's own page gets what it shows and plays."""
    client = await hass_ws_client()
    media_id = f"{ROOT}/{account.entry_id}?model=tts-1&voice=nova"
    await client.send_json_auto_id({"type": "media_source/browse_media", "media_content_id": media_id})
    place = (await client.receive_json())["result"]
    assert place["can_play"]
    await client.send_json_auto_id(
        {"type": "media_source/resolve_media", "media_content_id": place["children"][0]["media_content_id"]}
    )
    resolved = (await client.receive_json())["result"]
    assert resolved["url"].startswith("/api/tts_proxy/")
    assert resolved["mime_type"] == "audio/mpeg"


async def test_form_leads_to_the_sample(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """In the form of a voice, one click leads to the voice in the media browser, without leaving the form."""
    flows = hass.config_entries.subentries
    form = await flows.async_init((account.entry_id, "voice"), context={"source": SOURCE_USER})
    form = await flows.async_configure(form["flow_id"], {"model": "tts-1"})
    texts = form["description_placeholders"]
    assert texts["voice"] == "Coral"
    titles = []
    for name in ("sample", "samples"):
        assert 'target="_blank"' in texts[name]
        path = texts[name].partition('href="')[2].partition('"')[0]
        kind, media_id = unquote(path.removeprefix("/media-browser/browser/")).split(",", 1)
        place = await async_browse_media(hass, media_id)
        assert kind == "audio/mpeg"
        titles.append((place.title, place.can_play))
    assert titles == [("Coral", True), ("tts-1", False)]


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_every_language_has_a_sample(provider: type[Provider]) -> None:
    """No language that a service names is answered in English."""
    for tag in provider.languages:
        (sample,) = sample_sentences_for((tag,))
        assert (sample.tag == "en") is tag.startswith("en"), tag


def test_samples_fit_whoever_listens() -> None:
    """The languages that Orator itself is translated into are there; unknown ones fall back."""
    samples = sample_sentences_for(tuple(ISSUE_LANGUAGES))
    assert len(samples) == len(ISSUE_LANGUAGES)
    assert len({sample.sentence for sample in SAMPLE_SENTENCES.values()}) == len(SAMPLE_SENTENCES)
    assert all(len(sample.sentence) < 100 for sample in SAMPLE_SENTENCES.values())
    assert pick_sample_sentence(samples, "pt-BR", "BR").tag == "pt"
    assert pick_sample_sentence(samples, "xx", None).tag == "en"
    assert pick_sample_sentence(sample_sentences_for(("de", "fr")), "xx", None).tag == "de"
    assert pick_sample_sentence(sample_sentences_for(("zh-TW", "zh")), "zh-Hant", None).sentence.startswith("早安")
    assert [sample.tag for sample in sample_sentences_for(("tlh",))] == ["en"]
    assert [sample.tag for sample in sample_sentences_for(("no", "nb-NO"))] == ["nb"]


async def test_sample_stays_bought_whatever_becomes_of_the_voice(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Listening again is free also after the account's first voice has got other settings, a chime among them."""
    media_id = f"{ROOT}/{account.entry_id}?model=gpt-4o-mini-tts&voice=nova&language=en"
    await async_resolve_media(hass, media_id, None)
    (voice,) = account.subentries.values()
    for more in ({"speed": 1.5, "instructions": "Whisper."}, {"gain_db": 3, "chime": "soft", "format": "wav"}):
        hass.config_entries.async_update_subentry(account, voice, data={**voice.data, **more})
        await hass.async_block_till_done(wait_background_tasks=True)
        await async_resolve_media(hass, media_id, None)
    assert len(spoken(simulator)) == 1
