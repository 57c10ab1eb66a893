"""Sound that does not starve its player."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from ..audio.formats import PcmLayout

_SILENCE_SECONDS: Final = 0.1
_MAX_SILENCE_SECONDS: Final = 60.0
"""Silence fed in one go: a provider that needs longer will not come back."""


async def fill_gaps_with_silence(
    chunks: AsyncGenerator[bytes],
    layout: PcmLayout,
    *,
    max_silence: float = _MAX_SILENCE_SECONDS,
    tell: Callable[[], None] = lambda: None,
) -> AsyncGenerator[bytes]:
    """Yield samples, and silence at the pace of playback while there are none, up to so many seconds in one go.

    Some satellites give up, or hang until they are restarted, when a stream pauses for seconds after it has begun: a
    provider slower than speech, or an assistant that looks something up in mid-reply. Silence begins when all that was
    yielded must have been heard, so it delays nothing. `tell` is called for every piece of it.
    """
    silence = bytes(int(layout.rate * _SILENCE_SECONDS) * layout.frame_size)
    loop = asyncio.get_running_loop()
    heard_at: float | None = None  # when all that was yielded will have been heard
    fed = 0.0
    pending = asyncio.ensure_future(anext(chunks, None))
    try:
        while True:
            can_wait = heard_at is None or fed >= max_silence
            timeout = None if can_wait or heard_at is None else max(0, heard_at - loop.time())
            await asyncio.wait([pending], timeout=timeout)
            if pending.done():
                chunk = pending.result()
                if chunk is None:
                    return
                fed = 0.0
                pending = asyncio.ensure_future(anext(chunks, None))
            else:
                chunk = silence
                tell()
                fed += _SILENCE_SECONDS
            heard_at = max(heard_at or 0, loop.time()) + len(chunk) / layout.byte_rate
            yield chunk
    finally:
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)
        await chunks.aclose()
