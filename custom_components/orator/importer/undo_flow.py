"""Step of the options flow of an account that undoes its imports."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
import voluptuous as vol

from .takeover import async_undo_import, taken_entity_ids, taken_from


class UndoImportFlow(OptionsFlow):
    """Mixin of the options flow of an account; its menu has the option `undo_import` if `can_undo_import`."""

    async def async_step_undo_import(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Confirm, and give the entity IDs back."""
        placeholders = {
            "entity_ids": "\n".join(f"- `{entity_id}`" for entity_id in taken_entity_ids(self.hass, self.config_entry)),
            "integrations": ", ".join(taken_from(self.hass, self.config_entry)),
        }
        if user_input is None:
            return self.async_show_form(
                step_id="undo_import", data_schema=vol.Schema({}), description_placeholders=placeholders
            )
        kept = await async_undo_import(self.hass, self.config_entry)
        if kept:
            placeholders["entity_ids"] = ", ".join(f"`{entity_id}`" for entity_id in kept)
            return self.async_abort(reason="import_partly_undone", description_placeholders=placeholders)
        return self.async_abort(reason="import_undone", description_placeholders=placeholders)
