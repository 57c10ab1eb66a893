"""The speakers of a target: entities, groups expanded, and each physical speaker once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
import re
from typing import Any, Final

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN, MediaPlayerEntityFeature as Feature
from homeassistant.const import ATTR_ENTITY_ID, ATTR_SUPPORTED_FEATURES, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er, target as target_helper
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.hass_dict import HassKey

from .player import find_entity, speaker_error
from .routes import MANAGED, NATIVE, ROUTES, SATELLITE, SATELLITE_ROUTES, UNSUPPORTED, Route, RouteKind
from .settings import async_get_settings

SATELLITE_DOMAIN: Final = "assist_satellite"
_DOMAINS: Final = (MEDIA_PLAYER_DOMAIN, SATELLITE_DOMAIN)
_GROUP_PLATFORM: Final = "group"
_UNIVERSAL_PLATFORM: Final = "universal"
_SATELLITE_ANNOUNCES: Final = 1
"""AssistSatelliteEntityFeature.ANNOUNCE, whose module has requirements that only satellites install."""
_HARDWARE_ID: Final = re.compile(
    r"^(?:uuid|ap|up)?((?!0+$)[0-9a-f]{12}|(?!0+$)[0-9a-f]{32}|rincon[0-9a-f]{12,})$", re.ASCII
)
"""MAC address, UUID and Sonos ID without separators; Music Assistant puts "ap" or "up" before a MAC address."""
_MIN_SERIAL_CHARS: Final = 8


_REPLACING: Final[HassKey[set[str]]] = HassKey("orator_replacing_players")
"""Players that announce by replacing their music although their platform overlays it, such as Sonos S1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A physical speaker, and the entity that announces on it."""

    key: str
    """Identity of the physical speaker, whichever of its entities is used."""
    entity_id: str
    route: Route
    volume_entity_ids: tuple[str, ...] = ()
    """Media players whose volume is that of the announcement; empty if the volume cannot be set."""
    name: str = ""
    requested: tuple[str, ...] = ()
    """The requested entities that this speaker stands for, such as a group or a second entity of the same speaker."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The speakers of a target, and the errors of entities that cannot announce, by entity ID."""

    speakers: tuple[Speaker, ...]
    errors: Mapping[str, HomeAssistantError]


@dataclass(slots=True)
class _Candidate:
    """An entity that is a target by its entity ID or, for example, by its area."""

    entity_id: str
    is_explicit: bool
    requested: list[str]


@callback
def async_set_replacing(hass: HomeAssistant, entity_id: str) -> None:
    """Remember that a player has replaced its music, so that Orator pauses it and sets its volume from now on."""
    hass.data.setdefault(_REPLACING, set()).add(entity_id)


async def async_resolve_targets(
    hass: HomeAssistant, selection: ConfigType | TargetSelection, *, include_unavailable: bool = False
) -> Targets:
    """Resolve a target as Home Assistant's actions do.

    An entity that cannot announce is an error if its entity ID was requested, or if the target has no speaker at all.
    Of two entities of one physical speaker, the one whose entity ID was requested is used. If that does not decide, a
    satellite is used rather than its media player, as it shows when an announcement has ended and whether it is in
    a conversation. An unavailable entity is an error, or with `include_unavailable` the last choice.
    """
    if not isinstance(selection, TargetSelection):
        selection = TargetSelection(selection)
    selected = async_extract_referenced_entity_ids(hass, selection)
    excluded = _resolve_excluded(hass, selection)
    candidates: dict[str, _Candidate] = {}
    for entity_id in sorted(selected.referenced):
        _expand(hass, entity_id, candidates, excluded, is_explicit=True)
    for entity_id in sorted(selected.indirectly_referenced):
        if entity_id.partition(".")[0] in _DOMAINS:
            _expand(hass, entity_id, candidates, excluded, is_explicit=False)
    return _choose(hass, candidates, include_unavailable=include_unavailable)


def _resolve_excluded(hass: HomeAssistant, selection: TargetSelection) -> set[str]:
    """Return the excluded entities, which Home Assistant does not remove from groups."""
    resolve = getattr(target_helper, "async_extract_excluded_entity_ids", None)  # since Home Assistant 2026.11
    return set(resolve(hass, selection)) if resolve else set()


def _expand(
    hass: HomeAssistant, requested: str, candidates: dict[str, _Candidate], excluded: set[str], *, is_explicit: bool
) -> None:
    """Add an entity, or the members of a group, which may be nested or contain itself."""
    pending, seen = [requested], set(excluded)
    while pending:
        current = pending.pop(0)
        if current in seen:
            continue
        seen.add(current)
        state = hass.states.get(current)
        members = (
            state.attributes.get(ATTR_ENTITY_ID) if state and _platform(hass, current) == _GROUP_PLATFORM else None
        )
        if members:
            pending.extend(members)
            continue
        candidate = candidates.setdefault(current, _Candidate(current, is_explicit, []))
        candidate.is_explicit |= is_explicit
        candidate.requested.append(requested)


def _choose(hass: HomeAssistant, candidates: Mapping[str, _Candidate], *, include_unavailable: bool = False) -> Targets:
    """Choose one entity of each physical speaker."""
    keys = _speaker_keys(hass)
    by_key: defaultdict[str, list[tuple[_Candidate, Speaker]]] = defaultdict(list)
    errors: dict[str, HomeAssistantError] = {}
    for candidate in candidates.values():
        try:
            speaker = _create_speaker(hass, candidate.entity_id, keys, include_unavailable=include_unavailable)
        except HomeAssistantError as err:
            errors[candidate.entity_id] = err
        else:
            by_key[speaker.key].append((candidate, speaker))
    speakers = []
    for entities in by_key.values():
        _, speaker = min(
            entities,
            key=lambda item: (_is_unavailable(hass, item[1].entity_id), not item[0].is_explicit, _rank(item[1])),
        )
        requested = dict.fromkeys(name for item, _ in entities for name in (*item.requested, item.entity_id))
        speakers.append(replace(speaker, requested=tuple(requested)))
    reached = {name for speaker in speakers for name in speaker.requested} | {
        entity_id for entity_id in errors if keys.get(entity_id, entity_id) in by_key
    }
    return Targets(
        tuple(sorted(speakers, key=lambda speaker: speaker.entity_id)),
        {
            entity_id: error
            for entity_id, error in errors.items()
            if entity_id not in reached and (candidates[entity_id].is_explicit or not speakers)
        },
    )


def _is_unavailable(hass: HomeAssistant, entity_id: str) -> bool:
    return (state := hass.states.get(entity_id)) is not None and state.state == STATE_UNAVAILABLE


def _rank(speaker: Speaker) -> tuple[int, str]:
    """Return the order in which the entities of one speaker are preferred."""
    route = speaker.route
    kinds = (
        route.kind is RouteKind.SATELLITE,
        route.is_native and route.is_overlay,
        route.is_native and route.volume is not None,
        route.is_native,
    )
    return kinds.index(True) if any(kinds) else len(kinds), speaker.entity_id


def _create_speaker(
    hass: HomeAssistant, entity_id: str, keys: Mapping[str, str], *, include_unavailable: bool
) -> Speaker:
    """Return the speaker of an entity. Raises HomeAssistantError if it cannot announce."""
    domain = entity_id.partition(".")[0]
    if domain not in _DOMAINS:
        raise speaker_error(hass, entity_id, "speaker_not_supported")
    if (state := hass.states.get(entity_id)) is None:
        raise speaker_error(hass, entity_id, "speaker_not_found", entity_id)
    platform = _platform(hass, entity_id)
    if domain == MEDIA_PLAYER_DOMAIN and platform in UNSUPPORTED:
        raise speaker_error(hass, entity_id, UNSUPPORTED[platform])
    if state.state == STATE_UNAVAILABLE and not include_unavailable:
        raise speaker_error(hass, entity_id, "speaker_unavailable")
    features = int(state.attributes.get(ATTR_SUPPORTED_FEATURES, 0))
    key = keys.get(entity_id, entity_id)
    if domain == SATELLITE_DOMAIN:
        if not features & _SATELLITE_ANNOUNCES:
            raise speaker_error(hass, entity_id, "satellite_cannot_announce")
        route = SATELLITE_ROUTES.get(platform, SATELLITE)
        return Speaker(
            key=key,
            entity_id=entity_id,
            route=route,
            volume_entity_ids=_satellite_player(hass, entity_id),
            name=state.name,
        )
    if platform == _UNIVERSAL_PLATFORM:
        if not (child := state.attributes.get("active_child")):
            raise speaker_error(hass, entity_id, "speaker_is_universal")
        key = keys.get(child, child)
    if not features & Feature.PLAY_MEDIA:
        raise speaker_error(hass, entity_id, "speaker_cannot_play")
    route = _player_route(hass, entity_id, announces=bool(features & Feature.MEDIA_ANNOUNCE))
    leader, members = _joined_players(hass, state) if route.includes_group else (entity_id, (entity_id,))
    return Speaker(
        key=key if leader == entity_id else keys.get(leader, leader),
        entity_id=leader,
        route=route,
        volume_entity_ids=members,
        name=state.name,
    )


def _player_route(hass: HomeAssistant, entity_id: str, *, announces: bool) -> Route:
    """Return the route of a media player."""
    route = ROUTES.get(_platform(hass, entity_id), NATIVE if announces else MANAGED)
    if entity_id in hass.data.get(_REPLACING, ()):
        return replace(MANAGED, resume=route.resume, includes_group=False)
    return MANAGED if route.is_native and not announces else route


def _joined_players(hass: HomeAssistant, state: State) -> tuple[str, tuple[str, ...]]:
    """Return the player that plays for all players that are joined, the first of them, and all of them."""
    members = [member for member in state.attributes.get("group_members") or () if hass.states.get(member)]
    if len(members) < 2 or state.entity_id not in members:
        return state.entity_id, (state.entity_id,)
    return members[0], tuple(members)


def _satellite_player(hass: HomeAssistant, entity_id: str) -> tuple[str, ...]:
    """Return the media player of a satellite's device, whose volume is that of announcements."""
    registry = er.async_get(hass)
    entry = registry.async_get(entity_id)
    if entry is None or entry.device_id is None:
        return ()
    players = sorted(
        other.entity_id
        for other in er.async_entries_for_device(registry, entry.device_id)
        if other.domain == MEDIA_PLAYER_DOMAIN and other.platform == entry.platform
    )
    return tuple(players[:1])


@callback
def _platform(hass: HomeAssistant, entity_id: str) -> str:
    """Return the platform of an entity, also if it has no unique ID."""
    if entry := er.async_get(hass).async_get(entity_id):
        return entry.platform
    entity = find_entity(hass, entity_id)
    return entity.platform.platform_name if entity else ""


@callback
def _speaker_keys(hass: HomeAssistant) -> dict[str, str]:
    """Return the key of the physical speaker of each entity, the first entity ID of the speaker.

    Entities belong to one speaker if they share a device, or a MAC address, UUID or serial number of their devices, or
    if the settings of announcements say so.
    Two media players of one platform on one device are two speakers, such as the zones of a receiver.
    """
    entries = [entry for entry in er.async_get(hass).entities.values() if entry.domain in _DOMAINS]
    zones = Counter((entry.domain, entry.platform, entry.device_id) for entry in entries)
    devices = dr.async_get(hass)
    first_of_id: dict[str, str] = {}
    parents: dict[str, str] = {entry.entity_id: entry.entity_id for entry in entries}

    def find(entity_id: str) -> str:
        while (parent := parents[entity_id]) != entity_id:
            entity_id = parent
        return entity_id

    for entry in sorted(entries, key=lambda item: item.entity_id):
        if entry.device_id is None or zones[entry.domain, entry.platform, entry.device_id] > 1:
            continue
        device = devices.async_get(entry.device_id)
        for hardware_id in (entry.device_id, *(_hardware_ids(device) if isinstance(device, dr.DeviceEntry) else ())):
            first = find(first_of_id.setdefault(hardware_id, entry.entity_id))
            own = find(entry.entity_id)
            parents[max(first, own)] = min(first, own)
    for pair in async_get_settings(hass).same_speakers.items():
        first, own = (find(parents.setdefault(entity_id, entity_id)) for entity_id in pair)
        parents[max(first, own)] = min(first, own)
    return {entity_id: find(entity_id) for entity_id in parents}


def _hardware_ids(device: dr.DeviceEntry) -> Iterator[str]:
    """Yield the MAC addresses, UUIDs and the serial number of a device in one spelling."""
    values: Iterable[Any] = (
        *(value for _, value in device.connections),
        *(identifier[1] for identifier in device.identifiers),
    )
    for value in values:
        if match := _HARDWARE_ID.match(re.sub(r"[^0-9a-z]", "", str(value).lower())):
            yield match[1]
    serial = (device.serial_number or "").strip().lower()
    if len(serial) >= _MIN_SERIAL_CHARS and len(set(serial)) > 1:
        yield f"serial {serial}"
