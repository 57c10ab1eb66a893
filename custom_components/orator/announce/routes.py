"""What each media player and satellite platform does with an announcement: facts as data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RouteKind(StrEnum):
    """The way an announcement takes to a speaker."""

    NATIVE = "native"
    """The player announces by itself and returns to what it played before."""
    SATELLITE = "satellite"
    """`assist_satellite.announce`."""
    MANAGED = "managed"
    """Orator pauses, sets the volume, plays, and restores both."""


class Resume(StrEnum):
    """How music is started again after a managed announcement has replaced it."""

    ADDRESS = "address"
    """Play the content ID again if it is an address or a media source ID."""
    CONTENT_ID = "content_id"
    """Play any content ID again."""
    NONE = "none"
    """Not at all."""


@dataclass(frozen=True, slots=True)
class NativeVolume:
    """The volume of an announcement in the `extra` data of `media_player.play_media`.

    Home Assistant's volume of 0 to 1 is multiplied by `scale`. `minimum` is the lowest value that the platform accepts.
    """

    key: str
    scale: int
    minimum: float
    is_integer: bool

    def value(self, volume: float) -> float:
        """Return the platform's value of a volume from 0 to 1."""
        value = max(self.minimum, min(1.0, volume) * self.scale)
        return round(value) if self.is_integer else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a platform announces."""

    kind: RouteKind
    volume: NativeVolume | None = None
    """Volume that the platform sets and restores by itself; None if Orator does it."""
    has_fixed_volume: bool = False
    """Whether announcements have the volume that is set in the platform's options."""
    is_blocking: bool = False
    """Whether the action returns only after the announcement was heard."""
    is_overlay: bool = False
    """Whether the player's state does not show the announcement."""
    formats: tuple[str, ...] = ()
    """The only audio formats that can be announced; empty if all can."""
    includes_group: bool = False
    """Whether all players that are joined to this one play the announcement as well."""
    speaks_text: bool = False
    """Whether the satellite accepts only a text, which the voice of its Assist pipeline speaks."""
    resume: Resume = Resume.ADDRESS

    @property
    def is_native(self) -> bool:
        """Whether the player returns to its music by itself."""
        return self.kind is RouteKind.NATIVE

    @property
    def is_managed(self) -> bool:
        """Whether Orator pauses and resumes the music."""
        return self.kind is RouteKind.MANAGED


NATIVE: Final = Route(kind=RouteKind.NATIVE)
"""A player of an unknown platform that has MEDIA_ANNOUNCE; Orator sets and restores the volume."""
MANAGED: Final = Route(kind=RouteKind.MANAGED, includes_group=True)
SATELLITE: Final = Route(kind=RouteKind.SATELLITE, is_blocking=True)

ROUTES: Final[Mapping[str, Route]] = MappingProxyType(
    {
        # Native with volume.
        "sonos": replace(
            NATIVE, volume=NativeVolume("volume", 100, 0, is_integer=True), is_overlay=True, formats=("mp3", "wav"),
            resume=Resume.CONTENT_ID,
        ),
        "music_assistant": replace(
            NATIVE, volume=NativeVolume("announce_volume", 100, 1, is_integer=True), is_blocking=True
        ),
        # The library waits until the server has restored the player.
        "squeezebox": replace(
            NATIVE, volume=NativeVolume("announce_volume", 1, 0.01, is_integer=False), is_blocking=True,
            includes_group=True,
        ),
        # A volume of 0 means that none was given.
        "bang_olufsen": replace(
            NATIVE, volume=NativeVolume("overlay_absolute_volume", 100, 1, is_integer=True), is_overlay=True
        ),
        # Native, volume by Orator.
        "esphome": NATIVE,
        "forked_daapd": replace(NATIVE, has_fixed_volume=True, is_blocking=True),
        # Managed. `media_player.play_media` of these platforms returns after the end, their content IDs can be played
        # again although they are not addresses, or they have no content IDs and add the announcement to the end of
        # their playlist, from where nothing leads back to the music (tried with VLC 3.0).
        "apple_tv": replace(MANAGED, is_blocking=True),
        "mpd": replace(MANAGED, resume=Resume.CONTENT_ID),
        "vlc_telnet": replace(MANAGED, resume=Resume.NONE),
    }
)  # fmt: skip
"""Routes of media player platforms. Other ones are NATIVE with MEDIA_ANNOUNCE, and otherwise MANAGED."""

SATELLITE_ROUTES: Final[Mapping[str, Route]] = MappingProxyType(
    {"voip": replace(SATELLITE, speaks_text=True)},
)
"""Routes of satellite platforms that differ from SATELLITE.

VoIP refuses every media ID, those of text-to-speech included: only a `message` gets the source "tts".
"""

UNSUPPORTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("alexa_devices", "alexa_media"), "speaker_is_alexa"),
        "snapcast": "speaker_is_snapcast",
        **dict.fromkeys(
            # `play_media` of these platforms takes only channels, apps or items of their own library.
            ("androidtv_remote", "arcam_fmj", "braviatv", "cambridge_audio", "channels", "cmus", "denon_rs232",
             "directv", "frontier_silicon", "hdmi_cec", "horizon", "itunes", "jellyfin", "lg_netcast", "mediaroom",
             "philips_js", "plex", "roon", "russound_rio", "samsungtv", "shelly", "spotify", "xbox", "yoto"),
            "speaker_plays_no_addresses",
        ),
    }
)  # fmt: skip
"""Translation keys of the errors of platforms that cannot announce."""
