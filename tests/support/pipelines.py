"""Streams of Home Assistant's pipelines, and their audio."""

import asyncio
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant

from tests.support.streams import SENTENCE, stream_text


async def start_pipeline(hass: HomeAssistant, **options: Any) -> tts.ResultStream:
    """Create a stream as a pipeline does when it starts, and wait for the connection."""
    stream = tts.async_create_stream(hass, "tts.ann", options=options)
    await hass.async_block_till_done(wait_background_tasks=True)
    await asyncio.sleep(0.05)  # until the other end has accepted
    return stream


async def hear(stream: tts.ResultStream, text: str = SENTENCE) -> bytes:
    """Return the audio of a text that is written to a stream."""
    stream.async_set_message_stream(stream_text(text))
    return b"".join([block async for block in stream.async_stream_result()])


async def hear_message(hass: HomeAssistant, *, use_file_cache: bool = False) -> bytes:
    """Return the audio of a complete message."""
    stream = tts.async_create_stream(hass, "tts.ann")
    stream.use_file_cache = use_file_cache
    stream.async_set_message(SENTENCE)
    audio = b"".join([block async for block in stream.async_stream_result()])
    await hass.async_block_till_done(wait_background_tasks=True)
    return audio
