"""Conversation agent that streams its reply slowly."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal, override

from homeassistant.components import conversation
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import MATCH_ALL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .config_flow import CONF_WORDS_PER_SECOND


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up the conversation entity."""
    async_add_entities([SlowConversationEntity(entry)])


class SlowConversationEntity(conversation.ConversationEntity):
    """A conversation agent that repeats its input."""

    _attr_supports_streaming = True

    def __init__(self, entry: ConfigEntry) -> None:
        """Initialize the entity."""
        self._attr_name = entry.title
        self._attr_unique_id = entry.entry_id
        self._delta_interval = 1 / entry.data[CONF_WORDS_PER_SECOND]

    @property
    @override
    def supported_languages(self) -> list[str] | Literal["*"]:
        return MATCH_ALL

    @override
    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        deltas = self._deltas(user_input.text)
        async for _ in chat_log.async_add_delta_content_stream(self.entity_id, deltas):
            pass
        return conversation.async_get_result_from_chat_log(user_input, chat_log)

    async def _deltas(self, text: str) -> AsyncGenerator[conversation.AssistantContentDeltaDict]:
        """Yield a text word by word."""
        yield {"role": "assistant"}
        for word in text.split():
            await asyncio.sleep(self._delta_interval)
            yield {"content": f"{word} "}
