"""Damaged storage and damaged settings: accounts load, and an invalid value is the documented error."""

from contextlib import suppress
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
from hypothesis import strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.providers.errors import InvalidSettingError
from custom_components.orator.text import TextCleaner
from custom_components.orator.usage_totals import UsageByPeriod
from custom_components.orator.voice_settings import parse_replacements
from tests.fuzz.fuzzing import fuzzed
from tests.fuzz.strategies import hostile_values
from tests.simulator import Simulator
from tests.support.flows import submit_voice_form
from tests.support.speech import create_account, load_account, speak, wait_for_reload, write_store

GONG = {"path": "/gong.wav", "file": "/gong.wav", "stamp": [1, 2], "revision": 1, "callers": {}}


@pytest.mark.parametrize(
    "stored",
    [
        {},
        [],
        {"catalogue": {"models": 5}, "learned": {}, "addresses": {}},
        {"catalogue": {"models": [{}], "voices": [1]}, "learned": {}},
        {"catalogue": [], "learned": []},
        {"catalogue": {"models": []}, "learned": {"gpt-4o-mini-tts takes speed": {}}},
        {"catalogue": {"models": ["tts-1"], "ends": {"tts-1": "2027-13-99"}}, "learned": {}},
    ],
    ids=["empty", "list", "no list", "invalid entries", "lists", "invalid capabilities", "invalid date"],
)
async def test_damaged_store(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, stored: Any
) -> None:
    """An account with a damaged store is loaded, and stores the catalog again."""
    key = f"orator.{entry.entry_id}"
    write_store(hass_storage, key, stored)
    await load_account(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert hass_storage[key]["data"]["catalogue"] == entry.runtime_data.data.document
    assert hass.states.get("tts.ann")


VENDOR = {"id": "openai", "name": "OpenAI", "is_connected": True, "models": ["openai/tts-1"]}
MODEL = {"id": "tts-1", "name": "TTS", "max_chars": 50, "voices": [], "languages": [], "takes": [], "currency": "USD"}


@pytest.mark.parametrize(
    ("provider", "catalog"),
    [
        ("speechbase", {"vendors": [{**VENDOR, "name": ["x"]}], "voices": []}),
        (
            "speechbase",
            {"vendors": [VENDOR, {**VENDOR, "id": "hume", "name": {}, "models": ["hume/octave-2"]}], "voices": []},
        ),
        ("nanogpt", {"models": [{**MODEL, "price": {"per_request": 1}, "currency": []}]}),
        ("nanogpt", {"models": [{**MODEL, "price": {"per_request": 1}, "currency": "sk-secret"}]}),
    ],
)
async def test_damaged_names(
    hass: HomeAssistant, simulator: Simulator, hass_storage: dict[str, Any], provider: str, catalog: Any
) -> None:
    """An account whose stored catalog has lists instead of names fetches the catalog again."""
    model = {"speechbase": "openai/tts-1", "nanogpt": "tts-1"}[provider]
    entry = create_account(simulator, provider, {"model": model, "voice": "nova"})
    write_store(hass_storage, f"orator.{entry.entry_id}", {"catalogue": catalog, "learned": {}})
    await load_account(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.data.document != catalog
    assert hass.states.get("sensor.ann_last_error")


@pytest.mark.parametrize(
    "damage",
    [
        {"characters": "x"},
        {"requests": None},
        {"cost": float("nan")},
        {"currency": 5},
        {"currency": "sk-secret"},
        {"since": 0},
    ],
    ids=str,
)
async def test_damaged_usage(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, damage: dict[str, Any]
) -> None:
    """An account with a damaged record of its usage starts a new one."""
    total = UsageByPeriod.starting(dt_util.now().date()).as_dict()
    totals = {name: {**total[name], "requests": 7, **damage} for name in total}
    write_store(hass_storage, f"orator.{entry.entry_id}.usage", {"usage": totals, "voices": {}})
    await load_account(hass, entry)
    assert entry.runtime_data.usage.totals.month.requests == 0
    assert hass.states.get("sensor.openai_characters_this_month").state == "0"


@pytest.mark.parametrize(
    "stored",
    [
        [],
        {"chimes": 5},
        {"chimes": {"gong.wav": {"path": "/gong.wav", "size": 5}}, "revision": 1, "first": 0},
        {"chimes": {"gong.wav": {**GONG, "stamp": None}}, "revision": 1, "first": 0},
        {"chimes": {"gong.wav": {**GONG, "callers": []}}, "revision": 1, "first": 0},
        {"chimes": {"gong.wav": GONG}, "revision": "many", "first": 0},
    ],
    ids=["list", "no chimes", "missing keys", "no stamp", "invalid callers", "invalid revision"],
)
async def test_damaged_chime_store(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, stored: Any
) -> None:
    """A voice speaks with a chime although the store of chimes is damaged."""
    write_store(hass_storage, "orator.chimes", stored)
    await load_account(hass, entry)
    assert await speak(hass, chime="ding_dong")


async def test_damaged_post_processing(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A voice whose stored post-processing is damaged is added, and speaks with other values."""
    (voice,) = entry.subentries.values()
    entry.add_to_hass(hass)
    hass.config_entries.async_update_subentry(entry, voice, data={**voice.data, "lead_in_ms": "long", "chime": 5})
    await load_account(hass, entry, wait_background_tasks=True)
    assert await speak(hass, lead_in_ms=0, chime="none")
    assert "orator loads chimes" not in caplog.text
    assert "Traceback" not in caplog.text


@fuzzed(80, value=st.one_of(hostile_values(), st.lists(st.fixed_dictionaries({"find": hostile_values()}))))
def test_replacements(value: Any) -> None:
    """Any replacements are applied, or rejected with the documented error."""
    with suppress(InvalidSettingError):
        rules = parse_replacements(value)
        cleaner = TextCleaner(rules)
        cleaner.feed("A text with x in it, and 1.")
        cleaner.finish()


@pytest.mark.parametrize(
    ("provider", "voice"),
    [
        ("nanogpt", {"model": "nano-tts-1", "voice": "luna", "endpoint": "of_another_version"}),
        ("speechbase", {"model": "openai/tts-1", "voice": "nova", "mode": ["inline"]}),
    ],
)
async def test_unknown_choice(hass: HomeAssistant, simulator: Simulator, provider: str, voice: dict[str, Any]) -> None:
    """A stored choice that this version does not know is an error of its voice only, and can be changed in the form."""
    account = create_account(simulator, provider, voice)
    await load_account(hass, account)
    assert account.state is ConfigEntryState.LOADED
    with pytest.raises(ServiceValidationError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "invalid_setting"
    await account.runtime_data.async_refresh()
    (subentry_id,) = account.subentries
    form = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    (choice,) = account.runtime_data.provider.choices
    chosen = {choice.key: choice.default}
    entered = chosen if choice.precedes_model else {"model": voice["model"], "advanced": chosen}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    if choice.precedes_model:
        form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": voice["model"]})
    assert (await submit_voice_form(hass, form, {"voice": voice["voice"]}))["type"] == "abort"
    await wait_for_reload(hass)
    assert choice.key not in account.subentries[subentry_id].data
    assert await speak(hass)
