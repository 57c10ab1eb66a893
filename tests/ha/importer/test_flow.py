"""Import of accounts and voices through the config flow."""

from html import unescape
from pathlib import Path
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from custom_components.orator.providers.openai import OpenAIProvider
from tests.simulator import CompatibleServer, Fault, Simulator
from tests.simulator.openai_compatible.profiles import KOKORO
from tests.support.chimes import write_audio_file
from tests.support.flows import get_field_names, submit_account_form
from tests.support.import_forms import create_old, get_accounts, get_voices, import_all, open_import_form
from tests.support.imports import OLD_VOICE_ID, load_openai_tts
from tests.support.speech import (
    create_account,
    get_issue,
    get_speech_requests,
    load_account,
    speak,
    wait_for_reload,
)
from tests.support.stored_entries import (
    add_entities,
    groq_tts,
    kokoro_tts,
    openai_conversation,
    openai_tts,
    profile,
)

SUCCESSOR = "gpt-realtime-2.1-mini"
ENDED = "2027-01-06"


async def get_menu(hass: HomeAssistant) -> Any:
    """Return the menu of a new flow."""
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


def get_platform(hass: HomeAssistant) -> str:
    """Return the integration to which the entity ID of the old voice belongs."""
    registered = er.async_get(hass).async_get(OLD_VOICE_ID)
    return registered.platform if registered else ""


async def test_menu_without_other_integrations(hass: HomeAssistant) -> None:
    """Without another integration, the menu does not offer the import."""
    assert "import_accounts" not in (await get_menu(hass))["menu_options"]


async def test_menu(hass: HomeAssistant, old_openai_tts: MockConfigEntry) -> None:
    """The menu offers the import first, and names the integrations."""
    old_openai_tts.add_to_hass(hass)
    groq_tts().add_to_hass(hass)
    menu = await get_menu(hass)
    assert menu["menu_options"][0] == "import_accounts"
    assert menu["description_placeholders"]["integrations"] == "OpenAI TTS, Groq TTS"


async def test_import_of_loaded_integration(hass: HomeAssistant, simulator: Simulator) -> None:
    """Without any change in the form, the voice speaks under the entity ID of the loaded one; only it was free."""
    old = await load_openai_tts(hass, simulator)
    form = await open_import_form(hass)
    assert get_field_names(form) == ["take_over"]
    assert {request.path for request in simulator.requests} == {"/v1/models"}
    result = await submit_account_form(hass, form, {})
    await wait_for_reload(hass)
    assert (result["type"], result["description"]) == (FlowResultType.CREATE_ENTRY, "imported")
    assert result["description_placeholders"]["voices"] == "Kitchen"
    (account,) = get_accounts(hass)
    assert account.data == {
        "provider": "openai",
        "base_url": simulator.openai_url,
        "api_key": simulator.api_key,
    }
    assert get_voices([account]) == {"Kitchen": {"model": "gpt-4o-mini-tts", "voice": "nova"}}
    assert get_platform(hass) == DOMAIN
    assert (old.disabled_by, old.state) == (ConfigEntryDisabler.USER, ConfigEntryState.NOT_LOADED)
    assert await speak(hass, entity_id=OLD_VOICE_ID)
    assert [request["voice"] for request in get_speech_requests(simulator)] == ["nova"]


async def test_without_take_over(hass: HomeAssistant, simulator: Simulator) -> None:
    """On request, the old voice keeps its entity ID."""
    old = await load_openai_tts(hass, simulator)
    await import_all(hass, take_over=False)
    assert old.disabled_by is None
    assert get_platform(hass) == "openai_tts"
    assert (await get_menu(hass))["menu_options"][0] == "import_accounts"  # the entity ID is left
    form = await open_import_form(hass)
    assert form["description_placeholders"]["found"].endswith("You can take over its entity IDs.")
    assert (await submit_account_form(hass, form, {"take_over": False}))["reason"] == "nothing_to_import"
    assert (await import_all(hass))["reason"] == "taken_over"
    assert get_platform(hass) == DOMAIN
    assert len(get_voices(get_accounts(hass))) == 1


@pytest.mark.parametrize("in_import", [True, False])
async def test_take_over_after_new_key(hass: HomeAssistant, simulator: Simulator, *, in_import: bool) -> None:
    """The new API key of the account counts, not that of the other integration; only if it is rejected, a form asks."""
    await load_openai_tts(hass, simulator)
    await import_all(hass, take_over=False)
    (account,) = get_accounts(hass)
    simulator.api_key = "sk-new"
    if not in_import:
        hass.config_entries.async_update_entry(account, data={**account.data, "api_key": "sk-new"})
        await wait_for_reload(hass)
    result = await submit_account_form(hass, await open_import_form(hass), {})
    if in_import:
        assert result["step_id"] == "import_key"
        result = await submit_account_form(hass, result, {"api_key": "sk-new"})
    await wait_for_reload(hass)
    assert result["reason"] == "taken_over"
    assert get_accounts(hass) == [account]
    assert account.data["api_key"] == "sk-new"
    assert get_platform(hass) == DOMAIN
    assert await speak(hass, entity_id=OLD_VOICE_ID)


async def test_settings(hass: HomeAssistant, simulator: Simulator) -> None:
    """All settings of a voice are imported."""
    settings = profile(
        instructions="Speak calmly.", speed=1.5, chime=True, normalize_audio=True, gain_db=-3, audio_format="opus"
    )
    create_old(simulator, settings).add_to_hass(hass)
    await import_all(hass)
    assert get_voices(get_accounts(hass)) == {
        "Kitchen": {
            "model": "gpt-4o-mini-tts",
            "voice": "nova",
            "instructions": "Speak calmly.",
            "speed": 1.5,
            "chime": "three_tone",
            "loudness": -16,
            "gain_db": -3,
            "format": "opus",
        }
    }


async def test_what_has_no_counterpart(hass: HomeAssistant, simulator: Simulator) -> None:
    """The list says what is not imported and why, and names are shown as they are."""
    create_old(
        simulator,
        profile(
            "<b>[Attic](x)",
            model="tts-1",
            voice="nova",
            instructions="Calm.",
            extra_payload='{"seed": 1}',
            speed=9,
            audio_format="pcm",
            send_voice=False,
            pause_playback=True,
            chime=True,
            chime_sound="missing.mp3",
        ),
        profile("Hall", instructions="{{ x }}", extra_payload="{{ x }}"),
    ).add_to_hass(hass)
    found = (await open_import_form(hass))["description_placeholders"]["found"]
    assert simulator.api_key not in found
    assert "<b>" not in found
    assert "[Attic]" not in found
    for text in (
        "Speed becomes 4, the nearest value that the model supports.",
        "Audio format becomes mp3",
        "Instructions isn't imported because the model doesn't support it",
        "Extra request parameters isn't imported",
        "Orator always sends the voice",
        "orator.announce",
        "missing.mp3 was not found",
        "The instructions aren't imported because they are a template.",
        "The extra payload isn't imported",
    ):
        assert text in found


async def test_extra_payload(hass: HomeAssistant, compatible: Any) -> None:
    """Extra fields of the request are imported for servers that may know them."""
    server: CompatibleServer = await compatible(KOKORO)
    settings = profile(model="kokoro", voice="AF_Heart", extra_payload='{"volume_multiplier": 2}')
    create_at(server, settings).add_to_hass(hass)
    await import_all(hass)
    (account,) = get_accounts(hass)
    assert account.data == {"provider": "openai", "server": "other", "base_url": server.base_url, "api_key": ""}
    voice = {"model": "kokoro", "voice": "af_heart", "extra_body": {"volume_multiplier": 2}}
    assert get_voices([account]) == {"Kitchen": voice}


def create_at(server: CompatibleServer, settings: dict[str, Any]) -> MockConfigEntry:
    """Return an account of OpenAI TTS at a server without an API key."""
    return openai_tts(settings, url=f"{server.base_url}/audio/speech", provider="custom", api_key="")


@pytest.mark.parametrize(
    ("folder", "imported"),
    [("openai_tts/chime", "openai_tts/chime"), ("custom_components/openai_tts/chime", "orator/chimes")],
)
async def test_chime_file(hass: HomeAssistant, simulator: Simulator, folder: str, imported: str) -> None:
    """The user's own chime is played where it is; one that the other integration brings is copied."""
    await hass.async_add_executor_job(write_audio_file, hass.config.path(folder), "bell.mp3")
    create_old(simulator, profile(chime=True, chime_sound="bell.mp3")).add_to_hass(hass)
    form = await open_import_form(hass)
    assert ("bell.mp3 is copied to" in form["description_placeholders"]["found"]) is (folder != imported)
    await submit_account_form(hass, form, {})
    await wait_for_reload(hass)
    (account,) = get_accounts(hass)
    assert get_voices([account])["Kitchen"]["chime"] == f"{imported}/bell.mp3"
    assert not get_issue(hass, account, "chime_missing")


async def test_unplayable_chime(hass: HomeAssistant, simulator: Simulator) -> None:
    """A chime that turns out not to be audio is replaced with a built-in one."""
    folder = hass.config.path("custom_components/openai_tts/chime")
    await hass.async_add_executor_job(write_text, Path(folder, "bell.mp3"))
    create_old(simulator, profile(chime=True, chime_sound="bell.mp3")).add_to_hass(hass)
    await import_all(hass)
    assert get_voices(get_accounts(hass))["Kitchen"]["chime"] == "three_tone"


def write_text(file: Path) -> None:
    """Write a file that is no audio."""
    file.parent.mkdir(parents=True)
    file.write_text("no audio")


async def test_import_twice(hass: HomeAssistant, old_openai_tts: MockConfigEntry) -> None:
    """After an import nothing is offered; a voice that is added later is imported alone."""
    add_entities(hass, old_openai_tts)
    await import_all(hass)
    assert "import_accounts" not in (await get_menu(hass))["menu_options"]
    assert len(get_voices(get_accounts(hass))) == 1


async def test_voice_added_later(hass: HomeAssistant, simulator: Simulator, old_openai_tts: MockConfigEntry) -> None:
    """A voice that the other integration gets later is added to the account of the same key."""
    old_openai_tts.add_to_hass(hass)
    await import_all(hass)
    create_old(simulator, profile("Attic", voice="onyx")).add_to_hass(hass)
    form = await open_import_form(hass)
    found = form["description_placeholders"]["found"]
    assert "is added to your account" in found
    assert "it has been imported already" in found
    result = await submit_account_form(hass, form, {})
    await wait_for_reload(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "imported")
    assert result["description_placeholders"] == {"voices": "Attic"}
    (account,) = get_accounts(hass)
    assert list(get_voices([account])) == ["Kitchen", "Attic"]
    assert account.state is ConfigEntryState.LOADED
    assert len(hass.states.async_entity_ids("tts")) == 2


async def test_existing_account(hass: HomeAssistant, simulator: Simulator, old_openai_tts: MockConfigEntry) -> None:
    """Voices are added to an account that was set up by hand; an equal title gets a number."""
    account = create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"}, "Kitchen")
    await load_account(hass, account)
    old_openai_tts.add_to_hass(hass)
    assert (await import_all(hass))["reason"] == "imported"
    assert list(get_voices(get_accounts(hass))) == ["Kitchen", "Kitchen 2"]


async def test_several_accounts(
    hass: HomeAssistant, simulator: Simulator, old_openai_tts: MockConfigEntry, compatible: Any
) -> None:
    """Entries of the same account become one account, others an account each; entries can be left out."""
    server: CompatibleServer = await compatible(KOKORO)
    others = [
        create_old(simulator, profile("Attic")),
        kokoro_tts(base_url=server.url, persona="af_bella"),
        openai_tts(profile(), url="http://127.0.0.1:9/v1/audio/speech"),  # no server listens on this port
    ]
    for entry in (old_openai_tts, *others):
        entry.add_to_hass(hass)
    form = await open_import_form(hass)
    found = form["description_placeholders"]["found"]
    assert "can't be imported: No server could be reached at http://127.0.0.1:9/v1." in unescape(found)
    options = form["data_schema"].schema["sources"].config["options"]
    assert [option["value"] for option in options] == [old_openai_tts.entry_id, others[0].entry_id, others[1].entry_id]
    result = await submit_account_form(hass, form, {"sources": []})
    assert result["errors"] == {"sources": "nothing_selected"}
    result = await submit_account_form(
        hass, result, {"sources": [one.entry_id for one in (old_openai_tts, *others[:2])]}
    )
    await wait_for_reload(hass)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    accounts = {account.data.get("server", ""): account for account in get_accounts(hass)}
    assert list(get_voices([accounts[""]])) == ["Kitchen", "Attic"]
    assert get_voices([accounts["kokoro"]]) == {
        "Kokoro TTS (192.168.1.20)": {"model": "kokoro", "voice": "af_bella", "speed": 0.9, "format": "wav"}
    }
    assert all(account.state is ConfigEntryState.LOADED for account in accounts.values())


async def test_dead_key(hass: HomeAssistant, simulator: Simulator) -> None:
    """An account whose key is rejected is listed; the next form asks for a new key until one is accepted."""
    for name in ("Kitchen", "Attic"):
        create_old(simulator, profile(name), api_key="sk-dead").add_to_hass(hass)
    form = await open_import_form(hass)
    assert "no longer valid" in form["description_placeholders"]["found"]
    form = await submit_account_form(hass, form, {})
    assert (form["step_id"], form["errors"]) == ("import_key", {})
    form = await submit_account_form(hass, form, {"api_key": "sk-wrong"})
    assert form["errors"] == {"api_key": "invalid_key"}
    form = await submit_account_form(hass, form, {})
    assert form["errors"] == {"api_key": "missing_key"}
    result = await submit_account_form(hass, form, {"api_key": f" {simulator.api_key}\n"})
    await wait_for_reload(hass)
    assert result["data"]["api_key"] == simulator.api_key
    (account,) = get_accounts(hass)
    assert list(get_voices([account])) == ["Kitchen", "Attic"]


async def test_unreachable_server(
    hass: HomeAssistant, simulator: Simulator, old_openai_tts: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is down is listed with the reason, and checked again when the form is submitted."""
    old_openai_tts.add_to_hass(hass)
    fault = Fault(path="/v1/models", status=503, times=10)
    simulator.fail(fault)
    form = await open_import_form(hass)
    assert "can't be imported" in form["description_placeholders"]["found"]
    assert get_field_names(form) == []
    simulator.reset()
    form = await submit_account_form(hass, form, {})
    assert "becomes the account" in form["description_placeholders"]["found"]
    assert simulator.api_key not in caplog.text


@pytest.mark.parametrize("uses_successor", [True, False])
async def test_model_that_ends(hass: HomeAssistant, simulator: Simulator, *, uses_successor: bool) -> None:
    """A voice whose model ends gets the successor, with the nearest voice and settings, unless that is turned off."""
    simulator.openai.set_shutdown_date("gpt-4o-mini-tts", "2020-01-01")
    create_old(simulator, profile(speed=3.0, instructions="Calm.")).add_to_hass(hass)
    form = await open_import_form(hass)
    found = form["description_placeholders"]["found"]
    assert "The model replaces gpt-4o-mini-tts, which has ended or ends soon." in found
    assert "The model doesn't have the voice nova, so Coral is used." in found
    await submit_account_form(hass, form, {"use_successors": uses_successor})
    await wait_for_reload(hass)
    (account,) = get_accounts(hass)
    (voice,) = get_voices([account]).values()
    successor = {"model": SUCCESSOR, "voice": "coral", "speed": 1.5, "instructions": "Calm."}
    kept = {"model": "gpt-4o-mini-tts", "voice": "nova", "speed": 3, "instructions": "Calm."}
    assert voice == (successor if uses_successor else kept)
    assert bool(get_issue(hass, account, "model_end")) is not uses_successor


async def test_model_without_successor(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that its service does not list any more is replaced with the default model and voice."""

    async def fetch_catalog(_self: OpenAIProvider, _known: Any = None) -> dict[str, Any]:
        return {"models": [{"id": "canopylabs/orpheus-v1-english"}], "voices": {}, "prices": {}}

    monkeypatch.setattr(OpenAIProvider, "fetch_catalog", fetch_catalog)
    groq_tts("playai-tts", "Arista-PlayAI").add_to_hass(hass)
    groq_tts().add_to_hass(hass)
    await import_all(hass)
    (account,) = get_accounts(hass)
    assert [voice.data for voice in account.subentries.values()] == [
        {"model": "canopylabs/orpheus-v1-english", "voice": "hannah", "format": "wav"},
        {"model": "canopylabs/orpheus-v1-english", "voice": "daniel", "format": "wav"},
    ]


async def test_openai_conversation(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The voice of OpenAI Conversation is imported; its account and agents stay enabled."""

    async def fetch_catalog(_self: OpenAIProvider, _known: Any = None) -> dict[str, Any]:
        return {"models": ["gpt-4o-mini-tts", SUCCESSOR], "ends": {"gpt-4o-mini-tts": "2020-01-01"}}

    monkeypatch.setattr(OpenAIProvider, "fetch_catalog", fetch_catalog)
    old = openai_conversation(prompt="Calm.")
    (entity_id,) = add_entities(hass, old, subentry_type="tts")
    result = await import_all(hass)
    assert result["title"] == "OpenAI"
    assert get_voices(get_accounts(hass)) == {
        "OpenAI TTS": {"model": SUCCESSOR, "voice": "marin", "instructions": "Calm."}
    }
    registered = er.async_get(hass).async_get(entity_id)
    assert registered
    assert registered.platform == DOMAIN
    assert old.disabled_by is None


async def test_damaged_entry(hass: HomeAssistant, old_openai_tts: MockConfigEntry) -> None:
    """A damaged entry is listed beside those that can be imported, and alone it is not offered."""
    damaged = openai_tts(profile(voice=5.5))
    damaged.add_to_hass(hass)
    assert "import_accounts" not in (await get_menu(hass))["menu_options"]
    old_openai_tts.add_to_hass(hass)
    assert "its settings are damaged" in (await open_import_form(hass))["description_placeholders"]["found"]
