"""Speech that was ordered, and may have been paid for: it is fetched, and never ordered again while it can be had."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
import time
from typing import Final

from ..errors import ConnectionLostError, SpeechError
from .answers import Ticket

MAX_KEPT: Final = 64
MAX_AGE: Final = 600.0
"""Seconds that something ordered is kept for somebody who asks for the same words again."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound that comes with the answer. Whoever takes it has to leave the stack, which ends the answer."""

    chunks: AsyncGenerator[bytes]
    content_type: str
    stack: AsyncExitStack


@dataclass(slots=True, eq=False)
class Purchase:
    """Speech that was ordered. One of its listeners at a time looks after it."""

    listeners: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    submission: asyncio.Task[None] | None = None
    """The order on its way. Who ordered may leave; the order is paid all the same, so it is seen through."""
    error: SpeechError | None = None
    sound: Sound | None = None
    came_at_once: bool = False
    ticket: Ticket | None = None
    link: str | None = None
    placed: float = field(default_factory=time.monotonic)

    async def submit(self, send: Callable[[], Awaitable[Sound | Ticket | str]]) -> None:
        """Order the speech unless that was done, and keep what came of it. Raises SpeechError where nothing did."""
        if self.submission is None:
            self.submission = asyncio.create_task(self._submit(send), name="orator orders speech")
        await asyncio.shield(self.submission)
        if self.error:
            raise self.error

    async def _submit(self, send: Callable[[], Awaitable[Sound | Ticket | str]]) -> None:
        try:
            result = await send()
        except SpeechError as err:
            self.error = err
        except asyncio.CancelledError:  # at the end of everything; a listener who is still there is told
            self.error = ConnectionLostError()
        else:
            match result:
                case Sound():
                    self.sound, self.came_at_once = result, True
                    await self._end_unheard()
                case Ticket():
                    self.ticket = result
                case str():
                    self.link = result

    def take_sound(self) -> Sound | None:
        """Return the sound to its one listener."""
        sound, self.sound = self.sound, None
        return sound

    @asynccontextmanager
    async def attended(self) -> AsyncGenerator[None]:
        """Count a listener while the context lasts."""
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1
            await self._end_unheard()

    async def _end_unheard(self) -> None:
        if not self.listeners and (sound := self.take_sound()):
            await sound.stack.aclose()

    @property
    def is_kept(self) -> bool:
        """Whether it is worth being kept for the next who asks."""
        return self.error is None and not self.came_at_once and time.monotonic() - self.placed < MAX_AGE


class Purchases:
    """What has been ordered and not been heard to its end, by what was asked for."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._purchases: dict[str, Purchase] = {}

    def of(self, order: str) -> Purchase:
        """Return the purchase of an order, a new one unless there is one to join."""
        purchase = self._purchases.get(order)
        if purchase is None or not purchase.is_kept:
            self._purchases.pop(order, None)
            self._make_room()
            purchase = self._purchases[order] = Purchase()
        return purchase

    def forget(self, purchase: Purchase) -> None:
        """Let nobody join a purchase any more: it was heard to its end, or is of no use."""
        self._purchases = {order: kept for order, kept in self._purchases.items() if kept is not purchase}

    def _make_room(self) -> None:
        """Drop what is not worth keeping, and the oldest where there is too much."""
        kept = {order: purchase for order, purchase in self._purchases.items() if purchase.is_kept}
        surplus = list(kept)[: max(0, len(kept) - MAX_KEPT + 1)]
        self._purchases = {order: purchase for order, purchase in kept.items() if order not in surplus}
