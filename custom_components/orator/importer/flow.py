"""Config flow steps that import accounts and voices from other integrations."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_IMPORT,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowContext,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
)
from homeassistant.const import CONF_API_KEY
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from ..account_form import (
    API_KEY_SELECTOR,
    account_identity,
    async_default_title,
    async_fetch_catalog,
    entered_key,
    place_error,
)
from ..catalog import Catalog
from ..client import async_create_provider
from ..const import SUBENTRY_VOICE
from ..coordinator import async_get_accounts
from ..form_errors import FormError
from ..preview import async_create_setup_player
from ..subentry_flow import unique_voice_title
from .description import async_describe_import, source_label
from .mapping import PlannedVoice, async_check_chime, async_copy_chime, has_replacement, plan_voice
from .models import Candidate, FoundAccount, TakeOver
from .sources import SOURCES, async_find_accounts
from .takeover import CONF_IMPORTS, with_take_over

_FIELD_SOURCES: Final = "sources"
_FIELD_USE_SUCCESSORS: Final = "use_successors"
_FIELD_TAKE_OVER: Final = "take_over"
_CHECK_TIMEOUT_S: Final = 10.0
"""Time after which a server counts as unreachable while its accounts are checked for the form."""

type _Identity = tuple[str, str, str]


class ImportConfigFlow(ConfigFlow):
    """The steps of the config flow that import from other integrations."""

    _candidates: Mapping[str, Candidate] = {}
    """Accounts to choose from, by the ID of the other integration's config entry."""
    _selected: list[Candidate]
    _import_options: Mapping[str, Any]

    async def async_step_import_accounts(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose what to import, with a list of everything that was found."""
        found = async_find_accounts(self.hass)
        if not any(one.is_selectable for one in self._candidates.values()):
            user_input = None  # checked again
        if user_input is None:
            unusable = [account for account in found if account.problem or self._is_imported(account)]
            usable = [account for account in found if account not in unusable]
            self._candidates = {one.found.entry_id: one for one in await self._async_check(usable)}
        selectable = [one for one in self._candidates.values() if one.is_selectable]
        errors: dict[str, str] = {}
        if user_input is not None:
            chosen = user_input.get(_FIELD_SOURCES, [one.found.entry_id for one in selectable])
            self._selected = [one for one in selectable if one.found.entry_id in chosen]
            self._import_options = user_input
            if self._selected:
                return await self.async_step_import_key()
            errors[_FIELD_SOURCES] = "nothing_selected"
        planned = {
            one.found.entry_id: await self._async_plan(one, uses_replacements=True)
            for one in self._candidates.values()
            if one.is_selectable
        }
        others = [account for account in found if account.entry_id not in self._candidates]
        description = await async_describe_import(self.hass, self._candidates.values(), planned, others)
        return self.async_show_form(
            step_id="import_accounts",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(_fields(selectable)), user_input),
            errors=errors,
            description_placeholders={"found": description},
        )

    async def async_step_import_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for a new API key for each account whose key is rejected, then import."""
        candidate = next((one for one in self._selected if one.needs_key), None)
        if candidate is None:
            return await self._async_import()
        error = candidate.error
        if user_input is not None:
            data = {**candidate.data, CONF_API_KEY: entered_key(user_input)}
            try:
                catalog = await async_fetch_catalog(self.hass, data)
            except FormError as err:
                error = err
            else:
                identity = account_identity(candidate.data)
                for one in self._selected:
                    if account_identity(one.data) == identity:
                        one.data, one.catalog, one.error = data, catalog, None
                return await self.async_step_import_key()
        schema = {vol.Optional(CONF_API_KEY): API_KEY_SELECTOR}
        return self.async_show_form(
            step_id="import_key",
            data_schema=vol.Schema(schema),
            errors=place_error(error, schema) if error and user_input is not None else {},
            description_placeholders={
                "account": source_label(candidate.found),
                **(error.placeholders if error else {}),
            },
        )

    async def async_step_import(self, import_data: dict[str, Any]) -> ConfigFlowResult:
        """Create another account of the same import."""
        return self.async_create_entry(**import_data)

    async def _async_check(self, accounts: Sequence[FoundAccount]) -> list[Candidate]:
        """Return the accounts with their catalogs, or with the reasons why they cannot speak.

        An account that exists may have another API key than the other integration by now.
        """
        existing = self._find_accounts()
        entries = {
            account.entry_id: self._account_with_voices(account) or existing.get(account_identity(account.data))
            for account in accounts
        }
        used = {account.entry_id: dict((entries[account.entry_id] or account).data) for account in accounts}
        distinct = {account_identity(data): data for data in used.values()}
        checked = await asyncio.gather(*(self._async_check_account(data) for data in distinct.values()))
        results = dict(zip(distinct, checked, strict=True))
        candidates: list[Candidate] = []
        for account in accounts:
            data, entry = used[account.entry_id], entries[account.entry_id]
            catalog, error = results[account_identity(data)]
            title = entry.title if entry else await async_default_title(self.hass, data)
            candidates.append(Candidate(account, data, catalog, title, entry, error))
        return candidates

    async def _async_check_account(self, data: dict[str, Any]) -> tuple[Catalog, FormError | None]:
        """Return the catalog of an account, or that of the documentation with the error."""
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                return await async_fetch_catalog(self.hass, data), None
        except (FormError, TimeoutError) as err:
            provider = async_create_provider(self.hass, data)
            await provider.close()
            name = provider.name
            error = err if isinstance(err, FormError) else FormError("timed_out", provider=name)
            return Catalog(provider), error

    def _find_accounts(self) -> dict[_Identity, ConfigEntry]:
        """Return the existing accounts."""
        return {account_identity(entry.data): entry for entry in async_get_accounts(self.hass)}

    def _imported_ids(self) -> set[str | None]:
        """Return the unique IDs of the voices that have been imported."""
        accounts = async_get_accounts(self.hass)
        return {voice.unique_id for entry in accounts for voice in entry.subentries.values()}

    def _account_with_voices(self, account: FoundAccount) -> ConfigEntry | None:
        """Return the account with imported voices, which may have another API key meanwhile."""
        unique_ids = {voice.unique_id for voice in account.voices}
        accounts = async_get_accounts(self.hass)
        return next((one for one in accounts if any(v.unique_id in unique_ids for v in one.subentries.values())), None)

    def _is_imported(self, account: FoundAccount) -> bool:
        """Return whether all voices have been imported and nothing is left to take over."""
        if account.problem or not self._imported_ids().issuperset(voice.unique_id for voice in account.voices):
            return False
        return self._is_taken_over(account) or not any(voice.entity_id for voice in account.voices)

    def _is_taken_over(self, account: FoundAccount) -> bool:
        """Return whether the entity IDs of the voices were taken over."""
        records = (entry.options.get(CONF_IMPORTS, ()) for entry in async_get_accounts(self.hass))
        return any(record.get("entry_id") == account.entry_id for taken in records for record in taken)

    def _importable_names(self) -> str:
        """Return the names of the integrations that have something to import."""
        importable = [one for one in async_find_accounts(self.hass) if not (one.problem or self._is_imported(one))]
        return ", ".join(dict.fromkeys(SOURCES[account.domain].name for account in importable))

    async def _async_plan(self, candidate: Candidate, *, uses_replacements: bool) -> list[PlannedVoice]:
        """Return the voices of an account that are not imported yet."""
        imported = self._imported_ids()
        planned = [
            plan_voice(candidate.catalog, voice, uses_replacement=uses_replacements)
            for voice in candidate.found.voices
            if voice.unique_id not in imported
        ]
        for voice in planned:
            await async_check_chime(self.hass, voice)
        return planned

    async def _async_import(self) -> ConfigFlowResult:
        """Add the voices to existing accounts, and create the others."""
        existing = self._find_accounts()
        groups: dict[_Identity, list[Candidate]] = {}
        for candidate in self._selected:
            candidate.entry = candidate.entry or existing.get(account_identity(candidate.data))
            identity = account_identity(candidate.entry.data if candidate.entry else candidate.data)
            groups.setdefault(identity, []).append(candidate)
        created: list[dict[str, Any]] = []
        titles: set[str] = set()
        for candidates in groups.values():
            voices = [voice async for voice in self._async_create_voices(candidates, titles)]
            entry = candidates[0].entry
            options = self._take_over_options(entry.options if entry else {}, candidates)
            if entry is None:
                data = candidates[0].data
                title = await async_default_title(self.hass, data)
                created.append({"title": title, "data": data, "subentries": voices, "options": options})
                continue
            data = {**entry.data, CONF_API_KEY: candidates[0].data[CONF_API_KEY]}  # the user may have entered a new one
            self.hass.config_entries.async_update_entry(entry, data=data, options=options)
            for voice in voices:
                self.hass.config_entries.async_add_subentry(entry, _create_subentry(voice))
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        for account in created[1:]:
            context = ConfigFlowContext(source=SOURCE_IMPORT)
            await self.hass.config_entries.flow.async_init(self.handler, context=context, data=account)
        placeholders = {"voices": ", ".join(sorted(titles))}
        if not titles:
            return self.async_abort(reason="taken_over" if self._takes_over else "nothing_to_import")
        if not created:
            return self.async_abort(reason="imported", description_placeholders=placeholders)
        first = created[0]
        placeholders["player"] = async_create_setup_player(self.hass, first["data"], first["subentries"][0]["title"])
        return self.async_create_entry(**first, description="imported", description_placeholders=placeholders)

    async def _async_create_voices(
        self, candidates: Iterable[Candidate], titles: set[str]
    ) -> AsyncIterator[ConfigSubentryData]:
        """Yield the voice subentries of an account, and add their titles."""
        uses_replacements = self._import_options.get(_FIELD_USE_SUCCESSORS, False)
        for candidate in candidates:
            for planned in await self._async_plan(candidate, uses_replacements=uses_replacements):
                await async_copy_chime(self.hass, planned)
                title = unique_voice_title(self.hass, planned.found.title, reserved=titles)
                titles.add(title)
                yield ConfigSubentryData(
                    subentry_type=SUBENTRY_VOICE, title=title, data=planned.data, unique_id=planned.found.unique_id
                )

    @property
    def _takes_over(self) -> bool:
        """Whether the voices take over the entity IDs."""
        return bool(self._import_options.get(_FIELD_TAKE_OVER))

    def _take_over_options(self, options: Mapping[str, Any], candidates: Iterable[Candidate]) -> dict[str, Any]:
        """Return the options of an account with the take-overs of the selected accounts."""
        changed = dict(options)
        if self._takes_over:
            for account in (one.found for one in candidates if not self._is_taken_over(one.found)):
                entity_ids = {voice.unique_id: voice.entity_id for voice in account.voices if voice.entity_id}
                if entity_ids:
                    take_over = TakeOver(account.domain, account.entry_id, entity_ids, account.has_other_entities)
                    changed = with_take_over(changed, take_over)
        return changed


def _fields(selectable: list[Candidate]) -> dict[vol.Marker, Any]:
    """Return the fields of the form: what to import, and how."""
    fields: dict[vol.Marker, Any] = {}
    if len(selectable) > 1:
        options = [SelectOptionDict(value=one.found.entry_id, label=source_label(one.found)) for one in selectable]
        config = SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST, multiple=True)
        default = [option["value"] for option in options]
        fields[vol.Optional(_FIELD_SOURCES, default=default)] = SelectSelector(config)
    voices = [(one.catalog, voice) for one in selectable for voice in one.found.voices]
    if any(has_replacement(catalog, voice) for catalog, voice in voices):
        fields[vol.Required(_FIELD_USE_SUCCESSORS, default=True)] = BooleanSelector()
    if any(voice.entity_id for _, voice in voices):
        fields[vol.Required(_FIELD_TAKE_OVER, default=True)] = BooleanSelector()
    return fields


def _create_subentry(voice: ConfigSubentryData) -> ConfigSubentry:
    return ConfigSubentry(
        subentry_type=voice["subentry_type"],
        title=voice["title"],
        unique_id=voice["unique_id"],
        data=MappingProxyType(dict(voice["data"])),
    )
