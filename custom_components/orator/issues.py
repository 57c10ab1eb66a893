"""Repair issues of an account, and translated error messages."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
import logging
import time
from typing import Any, Final, TypedDict

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .chime_files import ChimeError
from .const import DOMAIN
from .health import CircuitBreaker
from .providers.base import Provider
from .providers.errors import Outage, SpeechError
from .providers.models import Model

_LOGGER = logging.getLogger(__name__)

_CREDIT_CHECK_INTERVAL: Final = timedelta(minutes=5)
_GONE_AFTER_S: Final = 24 * 60 * 60
"""Time for which the service seems gone before this is reported: the internet may just be down."""
_LONG_OUTAGE: Final = timedelta(hours=1)
"""Duration from which an outage is reported, because fallbacks hide it."""
_WARNING_ISSUES: Final = ("model_end", "model_ended", "fallback_missing")
"""Issues with severity warning, because the voice still speaks."""
_MAX_NAME_CHARS: Final = 200
_VENDOR_ISSUES: Final = ("vendor_key_missing", "vendor_disabled")


class IssueManager:
    """Manager that creates the repair issues of an account, and deletes them once they are resolved."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry[Any], provider: Provider, health: CircuitBreaker
    ) -> None:
        """Initialize the manager, which is active from `async_start` to `async_stop`."""
        self._hass = hass
        self._entry = entry
        self._provider = provider
        self._health = health
        self._seems_gone_since: float | None = None
        """Monotonic time of the first error since which the host name is not found or the certificate is invalid."""
        self._cancel_credit_checks: CALLBACK_TYPE | None = None
        self._is_stopped = False

    @callback
    def inherit(self, previous: IssueManager) -> None:
        """Copy the state of the manager from before the reload."""
        self._seems_gone_since = previous._seems_gone_since

    @callback
    def async_start(self, models: Mapping[str, Model]) -> None:
        """Delete issues of removed and changed voices, and resume checking the credit.

        `models`: the configured model of each voice, by subentry ID.
        """
        for issue_id in self._issue_ids("voice_gone"):
            data = self._issue_data(issue_id)
            subentry_id = str(data.get("subentry_id"))
            voice = self._entry.subentries.get(subentry_id)
            if voice is None or voice.data.get(models[subentry_id].voice_key) != data.get("voice_id"):
                self._delete(issue_id)
        for issue_id in self._issue_ids("chime"):
            if issue_id.removeprefix(self._issue_id("chime_")) not in self._entry.subentries:
                self._delete(issue_id)
        self._delete_vendor_issues_except({model.vendor for model in models.values()})
        self._entry.async_on_unload(self._health.async_add_listener(self._async_delete_outage_issue))
        self.async_check_end_dates(models)
        if self._issue_ids("out_of_credit"):
            self._schedule_credit_checks()

    @callback
    def async_stop(self) -> None:
        """Stop checking the credit and creating issues; existing issues are kept."""
        self._is_stopped = True
        self._unschedule_credit_checks()

    @callback
    def async_handle_error(
        self, error: SpeechError, voice: ConfigSubentry | None = None, model: Model | None = None
    ) -> None:
        """Create the issue that an error of the provider requires, if any.

        `voice`: the voice that failed, if it was used as configured; `model`: its configured model.
        """
        if self._is_stopped:  # speech may end after its account was unloaded
            return
        is_gone = error.outage is Outage.GONE
        if error.status is not None and not is_gone:
            self._handle_service_found()
        match error.issue:
            case "out_of_credit":
                if not self._issue_ids("out_of_credit"):
                    self._create("out_of_credit")
                self._schedule_credit_checks()
                self._entry.async_create_background_task(
                    self._hass, self._async_check_credit(), "orator checks the credit"
                )
            case key if key in _VENDOR_ISSUES and voice and model:
                self._create(key, model.vendor, data={"vendor": model.vendor})
            case "voice_gone" if voice and model:
                self.async_report_voice_gone(voice, model)
            case "service_gone":
                self._handle_service_missing(is_certain=is_gone)
        self._report_long_outage()

    @callback
    def async_handle_speech(self, model: Model, voice: ConfigSubentry | None) -> None:
        """Delete the issues that speech resolves; `voice` is the voice that spoke, if it was used as configured."""
        self._handle_service_found()
        self._async_delete_outage_issue()
        for key in _VENDOR_ISSUES:
            self._delete(self._issue_id(key, model.vendor))
        if voice:
            self._delete(self._issue_id("voice_gone", voice.subentry_id))
        self._handle_credit_added()

    @callback
    def async_handle_new_catalog(self, models: Mapping[str, Model]) -> None:
        """Delete the issues that a new catalog resolves; `models`: the configured model of each voice."""
        self._handle_service_found()
        self._async_delete_outage_issue()
        self._delete_vendor_issues_except({model.vendor for model in models.values() if not model.is_connected})

    @callback
    def async_report_voice_gone(self, voice: ConfigSubentry, model: Model) -> None:
        """Report that a saved voice no longer exists; the repair selects another one."""
        if self._is_stopped:
            return
        data = {
            "entry_id": self._entry.entry_id,
            "subentry_id": voice.subentry_id,
            "voice_id": voice.data.get(model.voice_key),
            "voice": voice.title,
        }
        issue_id = self._issue_id("voice_gone", voice.subentry_id)
        self._create("voice_gone", voice.title, issue_id=issue_id, data=data, is_fixable=True)

    @callback
    def async_check_end_dates(self, models: Mapping[str, Model]) -> None:
        """Report voices whose model ends soon or has ended; `models`: the configured model of each voice."""
        if self._is_stopped:
            return
        today = dt_util.utcnow().date()
        ending = {subentry_id: model for subentry_id, model in models.items() if model.ends_soon(today)}
        self._delete_except("model_end", "subentry_id", ending)
        for subentry_id, model in ending.items():
            self._report_model_end(self._entry.subentries[subentry_id], model, today)

    @callback
    def async_set_missing_fallbacks(self, missing: Mapping[str, Collection[str]]) -> None:
        """Report missing fallbacks, given as names by the subentry ID of their voice."""
        self._delete_except("fallback_missing", "subentry_id", missing)
        for subentry_id, names in missing.items():
            self._create(
                "fallback_missing",
                self._entry.subentries[subentry_id].title,
                issue_id=self._issue_id("fallback_missing", subentry_id),
                data={"subentry_id": subentry_id},
                missing=", ".join(sorted(names)),
            )

    @callback
    def async_update_chime_issue(
        self, voice: ConfigSubentry, errors: Mapping[str, ChimeError | None], configured: Collection[str]
    ) -> None:
        """Report a chime that cannot be played, or delete the issue once all configured chimes can be played.

        `errors`: the error of each loaded chime, by name.
        """
        issue_id = self._issue_id(f"chime_{voice.subentry_id}")
        failed = next(((name, error) for name, error in errors.items() if error), None)
        if failed:
            name, error = failed
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key=error.translation_key,
                translation_placeholders={
                    "subject": _as_code(name),
                    "voice": voice.title,
                    "account": self._entry.title,
                },
            )
        elif errors.keys() >= set(configured):
            self._delete(issue_id)

    @callback
    def _async_delete_outage_issue(self) -> None:
        if self._health.outage is None:
            self._delete(self._issue_id("unreachable"))

    def _report_model_end(self, voice: ConfigSubentry, model: Model, today: date) -> None:
        key = "model_ended" if model.is_retired(today) else "model_end"
        is_day_known = model.end_date not in (None, date.min)
        self._create(
            key if model.successor else "model_end_alone",
            voice.title,
            issue_id=self._issue_id("model_end", voice.subentry_id),
            data={"entry_id": self._entry.entry_id, "subentry_id": voice.subentry_id, "model": model.id},
            is_fixable=True,
            model=model.id,
            follower=model.successor.id if model.successor else "",
            day=str(model.end_date if is_day_known else today),
        )

    def _report_long_outage(self) -> None:
        since = self._health.since
        is_long = since is not None and dt_util.utcnow() - since >= _LONG_OUTAGE
        if is_long and self._health.outage is Outage.UNREACHABLE and not self._issue_ids("service_gone"):
            self._create("unreachable")

    def _handle_service_missing(self, *, is_certain: bool) -> None:
        """Report that the service is gone, if this is certain or has seemed so for long."""
        if not is_certain:
            now = time.monotonic()
            self._seems_gone_since = self._seems_gone_since or now
            if now - self._seems_gone_since < _GONE_AFTER_S:
                return
        self._create("service_gone")

    def _handle_service_found(self) -> None:
        self._seems_gone_since = None
        self._delete(self._issue_id("service_gone"))

    def _delete_vendor_issues_except(self, vendors: Collection[str]) -> None:
        for key in _VENDOR_ISSUES:
            self._delete_except(key, "vendor", vendors)

    def _schedule_credit_checks(self) -> None:
        if self._cancel_credit_checks is None:
            self._cancel_credit_checks = async_track_time_interval(
                self._hass,
                self._async_check_credit,
                _CREDIT_CHECK_INTERVAL,
                name="orator credit check",
                cancel_on_shutdown=True,
            )

    def _unschedule_credit_checks(self) -> None:
        if self._cancel_credit_checks:
            self._cancel_credit_checks()
            self._cancel_credit_checks = None

    async def _async_check_credit(self, _now: datetime | None = None) -> None:
        """Delete the issue if the balance is higher than the lowest known one, which is stored in the issue's data."""
        try:
            balance = await self._provider.fetch_balance()
        except SpeechError as err:
            _LOGGER.debug("Could not fetch the balance of %s: %s", self._entry.title, err)
            return
        if balance is None or self._cancel_credit_checks is None:
            return
        lowest = self._issue_data(self._issue_id("out_of_credit")).get("balance")
        if isinstance(lowest, float) and balance.amount > lowest:
            self._handle_credit_added()
        elif balance.amount != lowest:
            self._create("out_of_credit", data={"balance": balance.amount})

    def _handle_credit_added(self) -> None:
        self._health.async_record_credit()
        self._unschedule_credit_checks()
        self._delete(self._issue_id("out_of_credit"))

    def _issue_id(self, key: str, subject: str = "") -> str:
        return "_".join(filter(None, (self._entry.entry_id, key, subject.lower())))

    def _issue_ids(self, key: str) -> list[str]:
        """Return the IDs of the existing issues of a kind."""
        return _existing_issues(self._hass, self._issue_id(key))

    def _issue_data(self, issue_id: str) -> Mapping[str, Any]:
        issue = ir.async_get(self._hass).async_get_issue(DOMAIN, issue_id)
        return (issue and issue.data) or {}

    def _create(
        self,
        key: str,
        subject: str = "",
        *,
        issue_id: str | None = None,
        data: dict[str, Any] | None = None,
        is_fixable: bool = False,
        **placeholders: str,
    ) -> None:
        """Create an issue that persists across restarts: days may pass before the voice is used again."""
        pages = {
            "out_of_credit": self._provider.credit_page,
            "vendor_key_missing": self._provider.key_page,
            "vendor_disabled": self._provider.key_page,
        }
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            issue_id or self._issue_id(key, subject),
            data=data,
            is_fixable=is_fixable,
            is_persistent=True,
            severity=ir.IssueSeverity.WARNING if key in _WARNING_ISSUES else ir.IssueSeverity.ERROR,
            translation_key=key,
            translation_placeholders={
                "account": self._entry.title,
                "provider": self._provider.label,
                "subject": subject,
                **placeholders,
            },
            learn_more_url=pages.get(key) or None,
        )

    def _delete(self, issue_id: str) -> None:
        ir.async_delete_issue(self._hass, DOMAIN, issue_id)

    def _delete_except(self, key: str, field: str, values: Collection[str]) -> None:
        """Delete the issues of a kind, except those whose data has one of the values in a field."""
        for issue_id in self._issue_ids(key):
            if self._issue_data(issue_id).get(field) not in values:
                self._delete(issue_id)


def _as_code(name: str) -> str:
    """Return a name from a call for use in backticks: without line breaks and backticks, which would end the code."""
    return " ".join(name.replace("`", "'").split())[:_MAX_NAME_CHARS]


@callback
def async_delete_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Delete all issues of a removed account."""
    for issue_id in _existing_issues(hass, entry_id):
        ir.async_delete_issue(hass, DOMAIN, issue_id)


def _existing_issues(hass: HomeAssistant, prefix: str) -> list[str]:
    issues = ir.async_get(hass).issues
    return [issue_id for domain, issue_id in issues if domain == DOMAIN and issue_id.startswith(prefix)]


class TranslatedError(TypedDict):
    """Keyword arguments of Home Assistant's exceptions for a translated message."""

    translation_domain: str
    translation_key: str
    translation_placeholders: dict[str, str]


def translate_error(error: SpeechError, provider: Provider, voice: str = "") -> TranslatedError:
    """Return the translated message of an error, which contains neither the API key nor the text.

    `voice`: the name of the voice that could not speak, which precedes the message.
    """
    status = f"HTTP {error.status}" if error.status else None
    details = ", ".join(detail for detail in (error.code, status) if detail)
    return TranslatedError(
        translation_domain=DOMAIN,
        translation_key=error.translation_key,
        translation_placeholders={
            "voice": f"{voice}: " if voice else "",
            "provider": provider.label,
            "detail": details or "\N{EN DASH}",  # neutral in every language
            "subject": error.subject,
        },
    )
