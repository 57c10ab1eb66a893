"""Announcements and their results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final, Protocol

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN

QUEUE_EXPIRY: Final = timedelta(minutes=10)
"""Default time after which a queued announcement is dropped."""
DEFERRAL_EXPIRY: Final = timedelta(hours=12)
"""Default time after which an announcement that waits for the end of quiet hours is dropped."""


class Priority(IntEnum):
    """Priority of an announcement; a higher one is played first."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3


class IfBusy(StrEnum):
    """What happens to an announcement while another one is played on the same speaker."""

    QUEUE = "queue"
    INTERRUPT = "interrupt"
    SKIP = "skip"


class QuietBehavior(StrEnum):
    """What quiet hours do to an announcement."""

    SKIP = "skip"
    DEFER = "defer"
    WHISPER = "whisper"
    IGNORE = "ignore"


class Status(StrEnum):
    """Result of an announcement on a speaker."""

    PLAYED = "played"
    STARTED = "started"
    """The player has started, but does not show when it ends."""
    DEFERRED = "deferred"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """An announcement, as requested."""

    id: str
    message: str | None = None
    """Text to speak; None if `media_id` is set."""
    media_id: str | None = None
    """Media source ID to play instead of a text."""
    voice: str | None = None
    """Entity ID of the voice, of any integration; None for media."""
    language: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the voice, as for `tts.speak`, including the chime."""
    volume_level: float | None = None
    """Volume from 0 to 1; None keeps the volume of the player."""
    volume_levels: Mapping[str, float] = field(default_factory=dict)
    """Volumes by entity ID that differ from `volume_level`."""
    priority: Priority = Priority.NORMAL
    if_busy: IfBusy = IfBusy.QUEUE
    expires_after: timedelta | None = None
    """Time after which it is dropped; None for the default of the queue or of quiet hours."""
    quiet: QuietBehavior = QuietBehavior.SKIP
    repeat: int = 1
    """Number of times that it is played."""
    repeat_delay: timedelta = timedelta()
    until: str | None = None
    """Entity that acknowledges the announcement, which ends the repetitions."""
    resume: bool = True
    """Whether to resume what was playing before."""
    announcer_id: str | None = None
    """Subentry ID of the announcer, if one was used."""
    context_id: str | None = None
    """ID of the context of the action, to which Home Assistant's logbook attributes what the players do."""

    def volume_for(self, *entity_ids: str) -> float | None:
        """Return the volume for a speaker with these entities, the most specific first, or None to keep its volume."""
        levels = self.volume_levels
        return next((levels[entity_id] for entity_id in entity_ids if entity_id in levels), self.volume_level)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerResult:
    """Result of an announcement on one speaker."""

    status: Status
    error: HomeAssistantError | None = None
    route: str | None = None
    spoken_by: tuple[str, ...] = ()
    """Entity IDs of the voices that were heard."""
    duration: float | None = None
    """Seconds of audio; None if it is not known."""
    volume_before: float | None = None


def announcement_error(*, translation_key: str, **placeholders: str) -> HomeAssistantError:
    """Return the error of an announcement that could not be played, or the reason why it was skipped."""
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key=translation_key, translation_placeholders=placeholders
    )


def skipped_result(translation_key: str) -> SpeakerResult:
    """Return the result of an announcement that was skipped, with the reason."""
    return SpeakerResult(status=Status.SKIPPED, error=announcement_error(translation_key=translation_key))


def failed_result() -> SpeakerResult:
    """Return the result of an announcement that has failed unexpectedly."""
    return SpeakerResult(status=Status.FAILED, error=announcement_error(translation_key="announcement_failed"))


def request_error(*, translation_key: str, **placeholders: str) -> ServiceValidationError:
    """Return the error of an action with invalid data, whose message says what to do."""
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=translation_key, translation_placeholders=placeholders
    )


class AnnouncementAudio(Protocol):
    """Audio of an announcement, which is generated once for all speakers with the same format."""

    @property
    def media_id(self) -> str:
        """Media source ID that a player or a satellite accepts."""

    @property
    def message(self) -> str | None:
        """Text of the announcement, for satellites that accept only a text; None for media."""

    @property
    def duration(self) -> float | None:
        """Seconds of audio, once all of it was generated; None before that, or if it cannot be measured."""

    @property
    def spoken_by(self) -> tuple[str, ...]:
        """Entity IDs of the voices that were heard, once all audio was generated."""

    async def async_wait_for_begin(self) -> None:
        """Wait for the first audio. Raises HomeAssistantError if there is none."""

    async def async_wait_for_end(self) -> None:
        """Wait until all audio was generated. Raises HomeAssistantError if the audio is incomplete."""
