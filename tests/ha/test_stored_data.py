"""A configuration stored by version 0.1.0 (commit ae864fe) is loaded completely.

The fixture contains the stored data of that version: accounts of all providers, voices with every option, catalogs,
detected capabilities, loudness, usage and chime files, and the entities and default options that it made of them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
import json
import os
from pathlib import Path
from typing import Any

from freezegun import freeze_time
from homeassistant.components import tts
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from tests.simulator import Fault, Simulator
from tests.support.chimes import write_audio_file

FIXTURE = Path(__file__).parent / "fixtures/stored_by_0_1_0.json"
LATER_ENTITIES = ("_cached_today", "_left_today", "_left_month", "_limit")
"""Ends of the unique IDs of the entities that were added later."""
STORED_ON = datetime(2026, 11, 29, 20, tzinfo=UTC)


@pytest.fixture
def stored(hass: HomeAssistant, simulator: Simulator) -> dict[str, Any]:
    """Return the stored data, with the addresses of the simulator and this Home Assistant's folder."""
    text = FIXTURE.read_text().replace("{simulator}", simulator.url).replace("{config_dir}", hass.config.config_dir)
    stored: dict[str, Any] = json.loads(text)
    simulator.api_key = stored["api_key"]
    return stored


@pytest.fixture
def stored_day() -> Iterator[None]:
    """Set the clock to the day on which the data was stored."""
    with freeze_time(STORED_ON, tick=True, real_asyncio=True):
        yield


def register_entities(hass: HomeAssistant, entities: list[list[str]]) -> None:
    """Register the stored entities, which keep their IDs although some have other names now."""
    for entity_id, unique_id, entry_id, subentry_id in entities:
        platform, object_id = entity_id.split(".")
        is_disabled = unique_id.endswith("_first_sound")
        er.async_get(hass).async_get_or_create(
            platform,
            DOMAIN,
            unique_id,
            suggested_object_id=object_id,
            config_entry=hass.config_entries.async_get_entry(entry_id),
            config_subentry_id=subentry_id,
            disabled_by=er.RegistryEntryDisabler.INTEGRATION if is_disabled else None,
        )


@pytest.fixture
async def entries(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    simulator: Simulator,
    stored: dict[str, Any],
    stored_day: None,
) -> list[MockConfigEntry]:
    """Load the stored accounts while the providers cannot be reached, so that all data comes from the storage."""
    hass_storage.update(json.loads(json.dumps(stored["stores"])))
    for name, seconds, seed in (("gong.wav", 0.8, 1), ("www/bell.wav", 0.9, 3)):
        path = write_audio_file(hass.config.config_dir, name, seconds, seed)
        known = stored["stores"]["orator.chimes"]["data"]["chimes"]
        (stamp,) = [chime["stamp"] for chime in known.values() if chime["path"] == str(path)]
        os.utime(path, ns=(stamp[0], stamp[0]))
        assert path.stat().st_size == stamp[1]
    simulator.fail(Fault(path="*", close=True, times=9999))
    assert await async_setup_component(hass, "homeassistant", {})
    entries = [
        MockConfigEntry(
            domain=DOMAIN,
            entry_id=entry["entry_id"],
            title=entry["title"],
            data=entry["data"],
            version=entry["version"],
            minor_version=entry["minor_version"],
            subentries_data=entry["subentries"],
        )
        for entry in stored["entries"]
    ]
    for entry in entries:
        entry.add_to_hass(hass)
        register_entities(hass, [entity for entity in stored["entities"] if entity[2] == entry.entry_id])
        assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entries


async def test_entities_and_devices(
    hass: HomeAssistant, stored: dict[str, Any], entries: list[MockConfigEntry]
) -> None:
    """Entity IDs, unique IDs and devices are the same, apart from entities that were added later."""
    entities = er.async_get(hass).entities.values()
    found = [
        [entity.entity_id, entity.unique_id, entity.config_entry_id, entity.config_subentry_id]
        for entity in entities
        if not entity.unique_id.endswith(LATER_ENTITIES)
    ]
    assert sorted(found) == stored["entities"]
    devices = [
        [sorted(map(list, device.identifiers)), device.name]
        for entry in entries
        for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    ]
    assert sorted(devices, key=str) == sorted(stored["devices"], key=str)


async def test_default_options(hass: HomeAssistant, stored: dict[str, Any], entries: list[MockConfigEntry]) -> None:
    """The options of each voice are the same, so that Home Assistant finds what it has cached."""
    for entity_id, options in stored["default_options"].items():
        found = json.loads(json.dumps(dict(tts.get_engine_instance(hass, entity_id).default_options)))
        assert found == options, entity_id


def add_counts(stored: dict[str, Any]) -> dict[str, Any]:
    """Return totals with the counts that were added later."""
    added = {"cached_requests": 0, "cached_characters": 0, "unpriced_characters": 0}
    return {period: {**total, **added} for period, total in stored["usage"].items()}


async def test_stored_again(
    hass: HomeAssistant, hass_storage: dict[str, Any], stored: dict[str, Any], entries: list[MockConfigEntry]
) -> None:
    """The data that is stored after a reload is the same as before."""
    for entry in entries:
        coordinator = entry.runtime_data
        data = stored["stores"][f"orator.{entry.entry_id}"]["data"]
        assert coordinator.data.document == data["catalogue"]
        assert coordinator.provider.detected == data["learned"]
        if usage := stored["stores"].get(f"orator.{entry.entry_id}.usage"):
            assert coordinator.usage.totals.as_dict() == add_counts(usage["data"])
            coordinator.usage._changed()
        coordinator.loudness_tracker.has_changes = True
        async with coordinator.keep_open():
            pass
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done(wait_background_tasks=True)
    for key, store in stored["stores"].items():
        again, expected = hass_storage[key]["data"], store["data"]
        if key.endswith(".usage"):  # version 0.1.0 reads the totals without the new counts
            counts = add_counts(expected)
            expected = {**expected, "days": [counts["today"]], "months": [counts["month"]]}
        assert again == expected, key
    for entry, before in zip(entries, stored["entries"], strict=True):
        assert dict(entry.data) == before["data"]
        assert [dict(subentry.data) for subentry in entry.subentries.values()] == [
            subentry["data"] for subentry in before["subentries"]
        ]
