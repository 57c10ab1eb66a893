"""Speech that was ordered, and may have been paid for: it is fetched, and never ordered again while it can be had."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
import time
from typing import Final

from ..errors import ConnectionLostError, SpeechError
from .responses import JobTicket

MAX_KEPT: Final = 64
MAX_AGE: Final = 600.0
"""Seconds that something ordered is kept for somebody who asks for the same words again."""


@dataclass(frozen=True, slots=True)
class ResponseAudio:
    """Sound that comes with the answer. Whoever takes it has to leave the stack, which ends the answer."""

    chunks: AsyncGenerator[bytes]
    content_type: str
    stack: AsyncExitStack


@dataclass(slots=True, eq=False)
class Job:
    """Speech that was ordered, and what came of it; all who want it wait for the same work."""

    order: str
    """What was asked for."""
    placed: float = field(default_factory=time.monotonic)
    ticket: JobTicket | None = None
    link: str | None = None
    sound: ResponseAudio | None = None
    came_at_once: bool = False
    error: SpeechError | None = None
    hearers: int = 0
    """How many receive what is behind the link."""
    predecessor: Job | None = None
    """The same order, on its way through connections that are about to be closed."""
    _listeners: int = 0
    _work: asyncio.Task[None] | None = None
    _is_answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def age(self) -> float:
        """Seconds since the order was placed."""
        return time.monotonic() - self.placed

    @property
    def is_kept(self) -> bool:
        """Whether it is worth being kept for the next who asks: it can still be had, and can be shared."""
        is_broken = (
            self._work is not None and self._work.done() and not self._work.cancelled() and self._work.exception()
        )
        is_lost = self.error is not None and (self.ticket is None or not self.error.is_retryable)
        return not (is_broken or is_lost or self.came_at_once or self.age > MAX_AGE)

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits for it."""
        return self._listeners > 0

    @property
    def is_being_ordered(self) -> bool:
        """Whether the order is on its way, and may be paid for before it is known what was bought."""
        return self._work is not None and not self._is_answered.is_set()

    def succession(self) -> Job:
        """Return the same purchase for other connections."""
        predecessor = self if self.is_being_ordered else self.predecessor
        return Job(self.order, self.placed, self.ticket, self.link, predecessor=predecessor)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Count somebody who receives what is behind the link, while the context lasts."""
        self.hearers += 1
        try:
            yield
        finally:
            self.hearers -= 1

    async def inherit(self) -> None:
        """Take what came of the same order on other connections, unless it was sound, which can't be shared."""
        if predecessor := self.predecessor:
            await predecessor.answered()
            self.placed, self.ticket, self.link = predecessor.placed, predecessor.ticket, predecessor.link
            self.predecessor = None

    async def answered(self) -> None:
        """Wait until it is known what came of an order on its way."""
        await self.inherit()
        if self.is_being_ordered:
            await self._is_answered.wait()

    def take_answer(
        self, *, ticket: JobTicket | None = None, link: str | None = None, sound: ResponseAudio | None = None
    ) -> None:
        """Keep what came of the order."""
        self.ticket, self.link, self.sound = ticket, link, sound
        self.came_at_once = sound is not None
        self._is_answered.set()

    async def outcome(self, work: Callable[[Job], Awaitable[None]]) -> ResponseAudio | str | None:
        """Return the sound, or a link to it; None where the sound came at once and somebody else has it.

        Raises SpeechError. Whoever waits may leave: an order on its way is seen through all the same, and what is
        known of it is kept.
        """
        self._listeners += 1
        try:
            while not (self.link or self.came_at_once):
                if self._work is None or self._work.done():
                    self.error = None
                    if self.ticket is None:
                        self._is_answered.clear()
                    self._work = asyncio.create_task(self._do(work), name="orator gets speech")
                await self._wait(self._work)
                if self.error:
                    raise self.error
            return self._take_sound() if self.came_at_once else self.link
        finally:
            self._listeners -= 1
            await self._end_unheard()

    async def _wait(self, work: asyncio.Task[None]) -> None:
        """Wait for the work, which ends early when everybody else has left."""
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not work.cancelled() or (me and me.cancelling()):
                raise

    async def _do(self, work: Callable[[Job], Awaitable[None]]) -> None:
        try:
            await work(self)
        except SpeechError as err:
            self.error = err
        except asyncio.CancelledError:
            if self.ticket is None:  # at the end of everything; a listener who is still there is told
                self.error = ConnectionLostError()
            raise
        finally:
            self._is_answered.set()
            await self._end_unheard()

    def _take_sound(self) -> ResponseAudio | None:
        """Return the sound to its one listener."""
        sound, self.sound = self.sound, None
        return sound

    async def _end_unheard(self) -> None:
        """End what nobody waits for, except an order on its way."""
        if self._listeners:
            return
        if sound := self._take_sound():
            await sound.stack.aclose()
        if self.ticket and self._work and self._work is not asyncio.current_task():
            self._work.cancel()


class JobRegistry:
    """What has been ordered and not been heard to its end, by what was asked for."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._purchases: dict[str, Job] = {}

    def of(self, order: str) -> Job:
        """Return the purchase of an order, a new one unless there is one to join."""
        self.keep(Job(order))
        return self._purchases[order]

    def keep(self, purchase: Job) -> None:
        """Let others join a purchase, unless there is one like it to join."""
        known = self._purchases.get(purchase.order)
        if known is None or not known.is_kept:
            self._purchases.pop(purchase.order, None)
            self._make_room()
            self._purchases[purchase.order] = purchase

    def inherit(self, others: JobRegistry) -> None:
        """Keep what was bought over other connections, which are about to be closed."""
        for purchase in others._purchases.values():
            if purchase.is_kept:
                self.keep(purchase.succession())

    def forget(self, purchase: Job) -> None:
        """Let nobody join a purchase any more: it was heard to its end, or is of no use."""
        self._purchases = {order: kept for order, kept in self._purchases.items() if kept is not purchase}

    @property
    def is_waiting(self) -> bool:
        """Whether any order is on its way."""
        return any(purchase.is_being_ordered for purchase in self._purchases.values())

    async def answered(self) -> None:
        """Wait until it is known what came of all orders on their way."""
        for purchase in list(self._purchases.values()):
            if purchase.is_being_ordered:
                await purchase.answered()

    def _make_room(self) -> None:
        """Drop what is not worth keeping, and the oldest where there is too much."""
        kept = {order: purchase for order, purchase in self._purchases.items() if purchase.is_kept}
        surplus = list(kept)[: max(0, len(kept) - MAX_KEPT + 1)]
        self._purchases = {order: purchase for order, purchase in kept.items() if order not in surplus}
