"""What is wrong with an account and only its user can mend, as issues in Home Assistant's repairs."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
import logging
import time
from typing import Any, Final, TypedDict

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .health import CircuitBreaker
from .providers.base import Provider
from .providers.errors import Outage, SpeechError
from .providers.models import Model

_LOGGER = logging.getLogger(__name__)

_LOOK_EVERY: Final = timedelta(minutes=5)
_GONE_AFTER: Final = 24 * 60 * 60
"""Seconds for which a service can't be found before it is taken to be gone, rather than the internet."""
_LONG: Final = timedelta(hours=1)
"""How long a provider is not there before its user is told, where nobody may have noticed."""
_TOLD_AHEAD: Final = timedelta(days=60)
"""How long before its end a model is said to end."""
_STILL_SPEAKING: Final = ("model_end", "model_ended", "stand_in_missing")
_OF_VENDORS: Final = ("vendor_key_missing", "vendor_disabled")


class IssueManager:
    """Opens an issue when something goes wrong that will not pass, and closes it when that is mended."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], provider: Provider, connection: CircuitBreaker
    ) -> None:
        """Watch an account; `async_stop` ends it."""
        self._connection = connection
        self._hass = hass
        self._entry = entry
        self._provider = provider
        self._registry = ir.async_get(hass)
        self._lost_since: float | None = None
        self._is_stopped = False
        self._stop_looking: CALLBACK_TYPE | None = None

    @callback
    def inherit(self, previous: IssueManager) -> None:
        """Go on with what was noticed before the account was loaded anew."""
        self._lost_since = previous._lost_since

    @callback
    def async_start(self, models: Mapping[str, Model]) -> None:
        """Close what was mended by changing or removing voices, and go on watching what is still open.

        `models`: those that the account's voices are configured with, by the voices' IDs.
        """
        for issue_id in self._open("voice_gone"):
            data = self._data_of(issue_id)
            voice = self._entry.subentries.get(str(data.get("subentry_id")))
            if voice is None or voice.data.get("voice_id") != data.get("voice_id"):
                self._close(issue_id)
        self._close_of_vendors_except({model.vendor for model in models.values()})
        self._entry.async_on_unload(self._connection.async_add_listener(self._close_of_outage))
        self.async_check_end_dates(models)
        if self._open("out_of_credit"):
            self._look_regularly()

    @callback
    def async_handle_error(
        self, error: SpeechError, voice: ConfigSubentry | None = None, model: Model | None = None
    ) -> None:
        """Take note of what kept the provider from answering, or a voice from speaking.

        `voice`: the one that was to speak, if it was to do so just as it is configured; `model`: what it is
        configured with.
        """
        if self._is_stopped:  # speech may outlive its account, which is none of ours any more
            return
        is_gone = error.outage is Outage.GONE
        if error.status is not None and not is_gone:
            self._found()
        match error.issue:
            case "out_of_credit":
                if not self._open("out_of_credit"):
                    self._report("out_of_credit")
                self._look_regularly()
                self._entry.async_create_background_task(self._hass, self._async_look(), "orator looks at the balance")
            case kind if kind in _OF_VENDORS and voice and model:
                self._report(kind, model.vendor, data={"vendor": model.vendor})
            case "voice_gone" if voice:
                self.async_voice_gone(voice)
            case "service_gone" if is_gone or self._is_lost_for_long():
                self._report("service_gone")
        self._tell_of_outage()

    def _is_lost_for_long(self) -> bool:
        """Take note that nobody is found at the provider's address; tell whether it is no passing trouble any more."""
        self._lost_since = self._lost_since or time.monotonic()
        return time.monotonic() - self._lost_since >= _GONE_AFTER

    def _tell_of_outage(self) -> None:
        """Tell that a provider has not spoken for long."""
        since = self._connection.since
        is_long = since is not None and dt_util.utcnow() - since >= _LONG
        if is_long and self._connection.outage is Outage.UNREACHABLE and not self._open("service_gone"):
            self._report("unreachable")

    @callback
    def _close_of_outage(self) -> None:
        if self._connection.outage is None:
            self._close(self._id("unreachable"))

    @callback
    def async_voice_gone(self, voice: ConfigSubentry) -> None:
        """Tell that a voice is no longer saved at its provider, and let another be picked."""
        if self._is_stopped:
            return
        data = {
            "entry_id": self._entry.entry_id,
            "subentry_id": voice.subentry_id,
            "voice_id": voice.data.get("voice_id"),
            "voice": voice.title,
        }
        issue_id = self._id("voice_gone", voice.subentry_id)
        self._report("voice_gone", voice.title, issue_id=issue_id, data=data, is_fixable=True)

    @callback
    def async_provider_answered(self, models: Mapping[str, Model]) -> None:
        """Take note of what the provider offers now; `models`: what its voices are configured with."""
        self._found()
        self._close_of_outage()
        self._close_of_vendors_except({model.vendor for model in models.values() if not model.is_connected})

    @callback
    def async_check_end_dates(self, models: Mapping[str, Model]) -> None:
        """Tell of models that end soon or have ended, once for each voice; `models`: what they are configured with."""
        if self._is_stopped:
            return
        today = dt_util.utcnow().date()
        ending = {
            voice_id: model for voice_id, model in models.items() if model.ends and model.ends - today <= _TOLD_AHEAD
        }
        for issue_id in self._open("model_end"):
            if self._data_of(issue_id).get("subentry_id") not in ending:
                self._close(issue_id)
        for voice_id, model in ending.items():
            self._tell_of_end(self._entry.subentries[voice_id], model, is_retired=model.is_retired(today))

    @callback
    def async_set_missing_fallbacks(self, missing: Mapping[str, Collection[str]]) -> None:
        """Tell of others who are to speak for a voice and are no more: their entity ids, by the voices' IDs."""
        for issue_id in self._open("stand_in_missing"):
            if self._data_of(issue_id).get("subentry_id") not in missing:
                self._close(issue_id)
        for voice_id, entity_ids in missing.items():
            self._report(
                "stand_in_missing",
                self._entry.subentries[voice_id].title,
                issue_id=self._id("stand_in_missing", voice_id),
                data={"subentry_id": voice_id},
                missing=", ".join(sorted(entity_ids)),
            )

    def _tell_of_end(self, voice: ConfigSubentry, model: Model, *, is_retired: bool) -> None:
        kind = "model_ended" if is_retired else "model_end"
        self._report(
            kind if model.successor else "model_end_alone",
            voice.title,
            issue_id=self._id("model_end", voice.subentry_id),
            data={"entry_id": self._entry.entry_id, "subentry_id": voice.subentry_id, "model": model.id},
            is_fixable=True,
            model=model.id,
            follower=model.successor.id if model.successor else "",
            day=model.ends.isoformat() if model.ends and model.ends.year > 1 else dt_util.utcnow().date().isoformat(),
        )

    @callback
    def async_voice_spoke(self, model: Model, voice: ConfigSubentry | None) -> None:
        """Take note that a model has spoken; `voice` is given if it spoke just as it is configured."""
        self._found()
        self._close_of_outage()
        for kind in _OF_VENDORS:
            self._close(self._id(kind, model.vendor))
        if voice:
            self._close(self._id("voice_gone", voice.subentry_id))
        self._stop_watching_credit()

    @callback
    def _found(self) -> None:
        """Take note that there is somebody at the provider's address."""
        self._lost_since = None
        self._close(self._id("service_gone"))

    @callback
    def _close_of_vendors_except(self, wanting: Collection[str]) -> None:
        """Close what is said of vendors, except of those that voices still want for."""
        for issue_id in (issue_id for kind in _OF_VENDORS for issue_id in self._open(kind)):
            if self._data_of(issue_id).get("vendor") not in wanting:
                self._close(issue_id)

    @callback
    def async_stop(self) -> None:
        """Stop watching; what is open stays open."""
        self._is_stopped = True
        self._stop_to_look()

    @callback
    def _stop_to_look(self) -> None:
        if self._stop_looking:
            self._stop_looking()
            self._stop_looking = None

    def _id(self, kind: str, subject: str = "") -> str:
        return "_".join(filter(None, (self._entry.entry_id, kind, subject.lower())))

    def _open(self, kind: str) -> list[str]:
        """Return the open issues of a kind."""
        return _open_issues(self._hass, self._id(kind))

    def _data_of(self, issue_id: str) -> Mapping[str, Any]:
        """Return what was noted with an issue."""
        issue = self._registry.async_get_issue(DOMAIN, issue_id)
        return (issue and issue.data) or {}

    @callback
    def _report(
        self,
        kind: str,
        subject: str = "",
        *,
        issue_id: str | None = None,
        data: dict[str, Any] | None = None,
        is_fixable: bool = False,
        **placeholders: str,
    ) -> None:
        """Open an issue about a subject, which outlives a restart: it may take days until somebody speaks again."""
        pages = {
            "out_of_credit": self._provider.credit_page,
            "vendor_key_missing": self._provider.key_page,
            "vendor_disabled": self._provider.key_page,
        }
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id or self._id(kind, subject),
            data=data,
            is_fixable=is_fixable,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING if kind in _STILL_SPEAKING else ir.IssueSeverity.ERROR,
            translation_key=kind,
            translation_placeholders={
                "account": self._entry.title,
                "provider": self._provider.label,
                "subject": subject,
                **placeholders,
            },
            learn_more_url=pages.get(kind) or None,
        )

    @callback
    def _close(self, issue_id: str) -> None:
        ir.async_delete_issue(self._hass, DOMAIN, issue_id)

    @callback
    def _look_regularly(self) -> None:
        if self._stop_looking is None:
            self._stop_looking = async_track_time_interval(
                self._hass, self._async_look, _LOOK_EVERY, name="orator balance", cancel_on_shutdown=True
            )

    async def _async_look(self, _now: datetime | None = None) -> None:
        """See whether there is more to spend than when the service refused."""
        try:
            balance = await self._provider.fetch_balance()
        except SpeechError as err:
            _LOGGER.debug("%s did not tell its balance: %s", self._entry.title, err)
            return
        if balance is None or self._stop_looking is None:
            return
        lowest = self._data_of(self._id("out_of_credit")).get("balance")
        if isinstance(lowest, float) and balance.amount > lowest:
            self._stop_watching_credit()
        elif balance.amount != lowest:
            self._report("out_of_credit", data={"balance": balance.amount})

    @callback
    def _stop_watching_credit(self) -> None:
        self._connection.async_record_credit()
        self._stop_to_look()
        self._close(self._id("out_of_credit"))


def _open_issues(hass: HomeAssistant, begins: str) -> list[str]:
    """Return the open issues whose names begin in a way."""
    issues = ir.async_get(hass).issues
    return [issue_id for domain, issue_id in issues if domain == DOMAIN and issue_id.startswith(begins)]


@callback
def async_delete_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Close every issue of an account that is no more."""
    for issue_id in _open_issues(hass, entry_id):
        ir.async_delete_issue(hass, DOMAIN, issue_id)


class TranslatedError(TypedDict):
    """The arguments with which every exception of Home Assistant takes a translated message."""

    translation_domain: str
    translation_key: str
    translation_placeholders: dict[str, str]


def translate_error(error: SpeechError, provider: Provider) -> TranslatedError:
    """Return the translated message for an error of a provider. It holds neither the key nor the spoken text."""
    return TranslatedError(
        translation_domain=DOMAIN,
        translation_key=error.translation_key,
        translation_placeholders={"provider": provider.label, "detail": _detail(error), "subject": error.subject},
    )


def _detail(error: SpeechError) -> str:
    """Return what the provider said of an error, in its own short words; a dash, as in every language, if nothing."""
    status = f"HTTP {error.status}" if error.status else None
    return ", ".join(detail for detail in (error.code, status) if detail) or "\N{EN DASH}"
