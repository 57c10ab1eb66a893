"""Config flow of the settings of announcements, and subentry flow of an announcer."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_TARGET
from homeassistant.core import HomeAssistant
from homeassistant.helpers.target import TargetSelection

from ..chime_files import ChimeError
from ..chimes import async_get_chimes
from ..const import CONF_CHIME, CONF_KIND, KIND_ANNOUNCEMENTS
from ..form_errors import FormError
from ..form_texts import async_get_form_texts
from .forms import (
    FIELD_QUIET_HOURS,
    QuietHours,
    announcements_schema,
    announcements_values,
    announcer_schema,
    announcer_values,
    parse_announcements,
    parse_announcer,
    parse_quiet_hours,
    quiet_hours_schema,
)
from .routes import UNSUPPORTED
from .settings import NO_CHIME
from .targets import async_resolve_targets


class AnnouncementsConfigFlow(ConfigFlow):
    """The steps of the config flow with the settings of all announcements."""

    _announcements: dict[str, Any]
    """Settings from the first of these steps."""

    async def async_step_announcements(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set the default voice and the volumes, and choose how quiet hours are set."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            try:
                self._announcements = parse_announcements(user_input)
            except FormError as err:
                errors[err.field] = err.translation_key
                placeholders = err.placeholders
            else:
                match QuietHours(user_input[FIELD_QUIET_HOURS]):
                    case QuietHours.TIMES:
                        return await self.async_step_quiet_times()
                    case QuietHours.SCHEDULE:
                        return await self.async_step_quiet_schedule()
                return await self._async_finish(self._announcements)
        values = user_input or announcements_values(self._stored_options)
        return self.async_show_form(
            step_id="announcements",
            data_schema=self.add_suggested_values_to_schema(announcements_schema(), values),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_quiet_times(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set quiet hours at set times."""
        return await self._async_step_quiet_hours("quiet_times", QuietHours.TIMES, user_input)

    async def async_step_quiet_schedule(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set quiet hours by schedule."""
        return await self._async_step_quiet_hours("quiet_schedule", QuietHours.SCHEDULE, user_input)

    async def _async_step_quiet_hours(
        self, step_id: str, quiet_hours: QuietHours, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                return await self._async_finish(self._announcements | parse_quiet_hours(user_input))
            except FormError as err:
                errors[err.field] = err.translation_key
        values = user_input or self._stored_options
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(quiet_hours_schema(quiet_hours), values),
            errors=errors,
            last_step=True,
        )

    @property
    def _stored_options(self) -> Mapping[str, Any]:
        """Settings that are changed; empty for a new config entry."""
        return self._get_reconfigure_entry().options if self.source == SOURCE_RECONFIGURE else {}

    async def _async_finish(self, options: dict[str, Any]) -> ConfigFlowResult:
        """Create or change the config entry."""
        if self.source == SOURCE_RECONFIGURE:
            return self._update_announcements(self._get_reconfigure_entry(), options)
        return await self._async_create_announcements(options)

    async def _async_create_announcements(self, options: dict[str, Any]) -> ConfigFlowResult:
        """Create the config entry for announcements, unless another flow has created it meanwhile."""
        if await self.async_set_unique_id(KIND_ANNOUNCEMENTS, raise_on_progress=False):
            return self.async_abort(reason="single_instance_allowed")
        title = (await async_get_form_texts(self.hass)).option("entry_title", KIND_ANNOUNCEMENTS)
        return self.async_create_entry(
            title=title, data={CONF_KIND: KIND_ANNOUNCEMENTS}, options=options, description="announcements"
        )

    def _update_announcements(self, entry: ConfigEntry, options: dict[str, Any]) -> ConfigFlowResult:
        """Change the settings of all announcements; the config entry reloads itself if it is loaded."""
        reason = "announcements_updated"
        if entry.update_listeners:
            return self.async_update_and_abort(entry, options=options, reason=reason)
        return self.async_update_reload_and_abort(entry, options=options, reason=reason)


class AnnouncerSubentryFlow(ConfigSubentryFlow):
    """Handle a subentry flow for an announcer."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add an announcer."""
        return await self.async_step_announcer(user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change an announcer."""
        return await self.async_step_announcer(user_input)

    async def async_step_announcer(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose where and how the announcer speaks."""
        texts = await async_get_form_texts(self.hass)
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        values = user_input or {}
        if user_input is not None:
            try:
                name, data = parse_announcer(user_input)
                await _async_check_target(self.hass, data[CONF_TARGET])
                await _async_check_chime(self.hass, data.get(CONF_CHIME))
            except FormError as err:
                errors[err.field] = err.translation_key
                placeholders = err.placeholders
                values = announcer_values(user_input["name"], user_input, texts)
            else:
                return self._finish(name, data)
        elif self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            values = announcer_values(subentry.title, subentry.data, texts)
        return self.async_show_form(
            step_id="announcer",
            data_schema=self.add_suggested_values_to_schema(announcer_schema(texts), values),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _finish(self, name: str, data: dict[str, Any]) -> SubentryFlowResult:
        """Create or update the announcer, after which the config entry reloads itself."""
        if self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            return self.async_update_and_abort(self._get_entry(), subentry, title=name, data=data)
        return self.async_create_entry(title=name, data=data)


async def _async_check_target(hass: HomeAssistant, target: dict[str, Any]) -> None:
    """Raise FormError if a target is a player that can never announce; others may only be off."""
    for error in (await async_resolve_targets(hass, TargetSelection(target))).errors.values():
        if (key := error.translation_key) and key in UNSUPPORTED.values():
            raise FormError(key, CONF_TARGET, **(error.translation_placeholders or {}))


async def _async_check_chime(hass: HomeAssistant, chime: str | None) -> None:
    """Raise FormError if a chime cannot be played."""
    if chime and chime != NO_CHIME:
        try:
            await (await async_get_chimes(hass)).async_get(chime)
        except ChimeError as err:
            raise FormError(err.translation_key, CONF_CHIME, chime=chime) from err
