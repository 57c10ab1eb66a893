"""The assistant: an agent that streams its reply."""

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
    """Add the assistant."""
    async_add_entities([SlowTalker(entry)])


class SlowTalker(conversation.ConversationEntity):
    """Who writes back what it is told."""

    _attr_supports_streaming = True

    def __init__(self, entry: ConfigEntry) -> None:
        """Learn how fast to write."""
        self._attr_name = entry.title
        self._attr_unique_id = entry.entry_id
        self._pause = 1 / entry.data[CONF_WORDS_PER_SECOND]

    @property
    @override
    def supported_languages(self) -> list[str] | Literal["*"]:
        return MATCH_ALL

    @override
    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        deltas = self._write(user_input.text)
        async for _ in chat_log.async_add_delta_content_stream(self.entity_id, deltas):
            pass
        return conversation.async_get_result_from_chat_log(user_input, chat_log)

    async def _write(self, text: str) -> AsyncGenerator[conversation.AssistantContentDeltaDict]:
        """Write a text, one word after the other."""
        yield {"role": "assistant"}
        for word in text.split():
            await asyncio.sleep(self._pause)
            yield {"content": f"{word} "}
