"""Targets: groups, twins, areas, and entities that cannot announce."""

from typing import Any

from homeassistant.components.media_player import MediaPlayerEntityFeature as Feature
from homeassistant.const import ATTR_ENTITY_ID, ATTR_SUPPORTED_FEATURES, MAJOR_VERSION, MINOR_VERSION
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import CONNECTION_NETWORK_MAC, DeviceInfo
import pytest

from custom_components.orator.announce.targets import Targets, async_resolve_targets
from tests.support.players import Stage
from tests.support.players.stage import device

MAC = "b8:e9:37:2c:87:d4"
SONOS_UID = "RINCON_B8E9372C87D401400"


async def resolve(hass: HomeAssistant, *entity_ids: str, **target: Any) -> Targets:
    """Return the speakers of a target."""
    return await async_resolve_targets(hass, {**({"entity_id": list(entity_ids)} if entity_ids else {}), **target})


def chosen(targets: Targets) -> list[str]:
    """Return the entity IDs that announce."""
    assert not targets.errors
    return [speaker.entity_id for speaker in targets.speakers]


def move(hass: HomeAssistant, area: str, *entity_ids: str) -> str:
    """Put entities into an area, and return its ID."""
    area_id = ar.async_get(hass).async_get_or_create(area).id
    registry = er.async_get(hass)
    for entity_id in entity_ids:
        if device_id := registry.entities[entity_id].device_id:
            dr.async_get(hass).async_update_device(device_id, area_id=area_id)
        else:
            registry.async_update_entity(entity_id, area_id=area_id)
    return area_id


def set_group(hass: HomeAssistant, entity_id: str, *members: str) -> None:
    """Create a media player group."""
    entry = er.async_get(hass).async_get_or_create(
        "media_player", "group", entity_id, suggested_object_id=entity_id.partition(".")[2]
    )
    attributes = {ATTR_ENTITY_ID: list(members), ATTR_SUPPORTED_FEATURES: Feature.PLAY_MEDIA | Feature.MEDIA_ANNOUNCE}
    hass.states.async_set(entry.entity_id, "idle", attributes)


ERRORS = {
    "alexa_devices": "speaker_is_alexa",
    "snapcast": "speaker_is_snapcast",
    "roon": "speaker_plays_no_addresses",
    "spotify": "speaker_plays_no_addresses",
    "universal": "speaker_is_universal",
}


@pytest.mark.parametrize(("platform", "key"), ERRORS.items())
async def test_unsupported_platform(hass: HomeAssistant, stage: Stage, platform: str, key: str) -> None:
    """A player that cannot announce is an error that says why."""
    player = await stage.add_player(platform)
    targets = await resolve(hass, player.entity_id)
    assert not targets.speakers
    assert targets.errors[player.entity_id].translation_key == key
    assert "Kitchen" in str(targets.errors[player.entity_id])


async def test_other_errors(hass: HomeAssistant, stage: Stage) -> None:
    """Entities that do not exist, are unavailable, are no players or cannot play are errors; others are speakers."""
    gone = await stage.add_player("sonos", "Gone")
    gone.vanish()
    deaf = await stage.add_player("sonos", "Deaf")
    deaf._attr_supported_features = Feature.VOLUME_SET
    deaf.async_write_ha_state()
    fine = await stage.add_player("sonos", "Fine")
    targets = await resolve(hass, gone.entity_id, deaf.entity_id, fine.entity_id, "light.lamp", "media_player.nowhere")
    assert [speaker.entity_id for speaker in targets.speakers] == [fine.entity_id]
    assert {entity_id: error.translation_key for entity_id, error in targets.errors.items()} == {
        gone.entity_id: "speaker_unavailable",
        deaf.entity_id: "speaker_cannot_play",
        "light.lamp": "speaker_not_supported",
        "media_player.nowhere": "speaker_not_found",
    }


async def test_area(hass: HomeAssistant, stage: Stage) -> None:
    """What cannot announce in an area is ignored, unless nothing else is there."""
    sonos = await stage.add_player("sonos", "Shelf")
    alexa = await stage.add_player("alexa_devices", "Echo")
    area_id = move(hass, "Kitchen", sonos.entity_id, alexa.entity_id)
    assert chosen(await resolve(hass, area_id=[area_id])) == [sonos.entity_id]
    hall = move(hass, "Hall", alexa.entity_id)
    targets = await resolve(hass, area_id=[hall])
    assert targets.errors[alexa.entity_id].translation_key == "speaker_is_alexa"


async def test_group(hass: HomeAssistant, stage: Stage) -> None:
    """A group is its members, each by its own route, also in nested groups that contain each other."""
    sonos = await stage.add_player("sonos", "One")
    mpd = await stage.add_player("mpd", "Two")
    set_group(hass, "media_player.inner", mpd.entity_id, "media_player.outer")
    set_group(hass, "media_player.outer", sonos.entity_id, "media_player.inner")
    targets = await resolve(hass, "media_player.outer", sonos.entity_id)
    assert chosen(targets) == [sonos.entity_id, mpd.entity_id]
    assert [speaker.route.kind for speaker in targets.speakers] == ["native", "managed"]
    assert targets.speakers[1].requested == ("media_player.outer", mpd.entity_id)


@pytest.mark.skipif((MAJOR_VERSION, MINOR_VERSION) < (2026, 11), reason="Home Assistant has no exclusions")
async def test_exclude(hass: HomeAssistant, stage: Stage) -> None:
    """Excluded entities do not announce, neither as a part of an area nor as members of a group."""
    hall = await stage.add_player("sonos", "Hall")
    bedroom = await stage.add_player("sonos", "Bedroom")
    kitchen = await stage.add_player("dlna_dmr")
    set_group(hass, "media_player.all", hall.entity_id, bedroom.entity_id)
    area_id = move(hass, "Kitchen", kitchen.entity_id, bedroom.entity_id)
    exclude = {"entity_id": [bedroom.entity_id]}
    targets = await resolve(hass, "media_player.all", area_id=[area_id], exclude=exclude)
    assert chosen(targets) == [hall.entity_id, kitchen.entity_id]
    target = {"area_id": area_id, "exclude": {"entity_id": [bedroom.entity_id, kitchen.entity_id]}}
    for action, data in (("announce", {"message": "Dinner."}), ("replay_announcement", {})):
        with pytest.raises(ServiceValidationError, match="no media player or satellite"):
            await hass.services.async_call("orator", action, data, target=target, blocking=True)
    await hass.services.async_call("orator", "cancel_announcement", target=target, blocking=True)


async def test_joined_players(hass: HomeAssistant, stage: Stage) -> None:
    """Players that are joined are one speaker, which the first of them plays for, with the volumes of all."""
    leader = await stage.add_player("heos", "Leader")
    follower = await stage.add_player("heos", "Follower")
    for player in (leader, follower):
        player._attr_supported_features |= Feature.GROUPING
        player._attr_group_members = [leader.entity_id, follower.entity_id]
        player.async_write_ha_state()
    targets = await resolve(hass, leader.entity_id, follower.entity_id)
    assert chosen(targets) == [leader.entity_id]
    assert targets.speakers[0].volume_entity_ids == (leader.entity_id, follower.entity_id)
    alone = await resolve(hass, follower.entity_id)
    assert alone.speakers[0].key == targets.speakers[0].key


@pytest.mark.usefixtures("assist_satellite")
async def test_satellite_and_its_player(hass: HomeAssistant, stage: Stage) -> None:
    """A satellite and the media player of its device speak once."""
    player = await stage.add_player("esphome", "Voice player", device=device("Voice"))
    satellite = await stage.add_satellite("esphome", "Voice", device=device("Voice"))
    area_id = move(hass, "Office", player.entity_id, satellite.entity_id)
    by_area = await resolve(hass, area_id=[area_id])
    assert chosen(by_area) == [satellite.entity_id]
    assert by_area.speakers[0].volume_entity_ids == (player.entity_id,)
    assert chosen(await resolve(hass, player.entity_id, area_id=[area_id])) == [player.entity_id]
    assert chosen(await resolve(hass, player.entity_id, satellite.entity_id)) == [satellite.entity_id]
    by_player = await resolve(hass, player.entity_id)
    assert chosen(by_player) == [player.entity_id]
    assert by_player.speakers[0].key == by_area.speakers[0].key


TWINS: list[tuple[str, DeviceInfo, DeviceInfo]] = [
    (
        "sonos",
        DeviceInfo(identifiers={("sonos", SONOS_UID)}, connections={(CONNECTION_NETWORK_MAC, MAC)}),
        DeviceInfo(identifiers={("music_assistant", SONOS_UID)}),
    ),
    (
        "squeezebox",
        DeviceInfo(identifiers={("squeezebox", MAC)}, connections={(CONNECTION_NETWORK_MAC, MAC)}),
        DeviceInfo(identifiers={("music_assistant", MAC)}),
    ),
    (
        "dlna_dmr",
        DeviceInfo(connections={(dr.CONNECTION_UPNP, "uuid:5f9ec1b3-ed59-1900-4530-00a0deb6a2b1")}),
        DeviceInfo(identifiers={("music_assistant", "uuid:5f9ec1b3-ed59-1900-4530-00a0deb6a2b1")}),
    ),
    (
        "apple_tv",
        DeviceInfo(identifiers={("apple_tv", "x")}, connections={(CONNECTION_NETWORK_MAC, MAC)}),
        DeviceInfo(identifiers={("music_assistant", "apb8e9372c87d4")}),
    ),
    (
        "heos",
        DeviceInfo(identifiers={("heos", "1")}, serial_number="ADAG9180917029"),
        DeviceInfo(identifiers={("music_assistant", "y")}, serial_number="ADAG9180917029"),
    ),
]


@pytest.mark.usefixtures("assist_satellite")
async def test_unavailable_twin(hass: HomeAssistant, stage: Stage) -> None:
    """An unavailable entity is used only if it may be, and if no other one of its speaker is available."""
    player = await stage.add_player("esphome", "Voice player", device=device("Voice"))
    satellite = await stage.add_satellite("esphome", "Voice", device=device("Voice"), player=player)
    both = (player.entity_id, satellite.entity_id)
    for include_unavailable in (False, True):
        hass.states.async_set(satellite.entity_id, "unavailable", {ATTR_SUPPORTED_FEATURES: 1})
        selection = {"entity_id": list(both)}
        targets = await async_resolve_targets(hass, selection, include_unavailable=include_unavailable)
        assert chosen(targets) == [player.entity_id]
    player.vanish()
    assert chosen(await async_resolve_targets(hass, selection, include_unavailable=True)) == [satellite.entity_id]
    targets = await resolve(hass, *both)
    assert not targets.speakers
    assert {error.translation_key for error in targets.errors.values()} == {"speaker_unavailable"}


@pytest.mark.parametrize(("platform", "native", "twin"), TWINS, ids=[twin[0] for twin in TWINS])
async def test_music_assistant_twin(
    hass: HomeAssistant, stage: Stage, platform: str, native: DeviceInfo, twin: DeviceInfo
) -> None:
    """A player and its entity of Music Assistant are one speaker, whichever of them is requested."""
    player = await stage.add_player(platform, "Player", device=native)
    mass = await stage.add_player("music_assistant", "Twin", device=twin)
    both = await resolve(hass, player.entity_id, mass.entity_id)
    assert len(chosen(both)) == 1
    assert set(both.speakers[0].requested) == {player.entity_id, mass.entity_id}
    keys = {(await resolve(hass, entity_id)).speakers[0].key for entity_id in (player.entity_id, mass.entity_id)}
    assert keys == {both.speakers[0].key}
    if platform == "sonos":
        player.vanish()
        assert chosen(await resolve(hass, player.entity_id, mass.entity_id)) == [mass.entity_id]


async def test_zones(hass: HomeAssistant, stage: Stage) -> None:
    """Two players of one platform on one device are two speakers, as are devices without anything in common."""
    zones = [await stage.add_player("yamaha_musiccast", name, device=device("Receiver")) for name in ("Main", "Zone 2")]
    other = await stage.add_player("cast", "Other", device=device("Other", serial_number="00000000"))
    more = await stage.add_player("cast", "More", device=device("More", serial_number="00000000"))
    targets = await resolve(hass, *(player.entity_id for player in (*zones, other, more)))
    assert len(targets.speakers) == 4


async def test_universal_player(hass: HomeAssistant, stage: Stage) -> None:
    """A universal player is the speaker of its active child."""
    child = await stage.add_player("cast", "Child")
    universal = await stage.add_player("universal", "Universal")
    universal._attr_extra_state_attributes = {"active_child": child.entity_id}
    universal.async_write_ha_state()
    both = await resolve(hass, child.entity_id, universal.entity_id)
    assert len(chosen(both)) == 1
    assert chosen(await resolve(hass, universal.entity_id)) == [universal.entity_id]


async def test_player_without_unique_id(hass: HomeAssistant, stage: Stage) -> None:
    """A player from YAML without a unique ID is a speaker of its own, by the route of its platform."""
    player = await stage.add_player("sonos", unique_id=False)
    assert er.async_get(hass).async_get(player.entity_id) is None
    targets = await resolve(hass, player.entity_id)
    assert targets.speakers[0].route.volume
    assert targets.speakers[0].key == player.entity_id


async def test_unknown_platforms(hass: HomeAssistant, stage: Stage) -> None:
    """Players of unknown platforms are native if they announce, and managed otherwise; sonos without it is managed."""
    for platform, announces, kind in (("a", True, "native"), ("b", False, "managed"), ("sonos", False, "managed")):
        player = await stage.add_player(platform, platform)
        if announces:
            player._attr_supported_features |= Feature.MEDIA_ANNOUNCE
        else:
            player._attr_supported_features &= ~Feature.MEDIA_ANNOUNCE
        player.async_write_ha_state()
        route = (await resolve(hass, player.entity_id)).speakers[0].route
        assert (route.kind, route.volume) == (kind, None)
