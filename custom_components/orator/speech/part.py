"""The sound of one segment: from whoever can speak."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from ..providers.base import SpeechAudio
from ..providers.errors import AnswerTooLargeError, IncompleteError, SpeechError, TimedOutError
from .cast import Cast, Speaker
from .take import Take

_MOST_AT_ONCE: Final = 2
"""Speakers that try at a time: more would ask everybody whenever the network is away."""


class Part:
    """What a segment's listener gets: the first sound that begins, and another one as long as nobody has heard it."""

    def __init__(self, cast: Cast, text: str) -> None:
        """Let a cast say a text; `fill` does it."""
        self._cast = cast
        self._text = text
        self._running: list[Take] = []
        self._tried: set[Speaker] = set()
        self._asked_again: set[Speaker] = set()
        self._take: Take | None = None
        self._remnant: Take | None = None
        """What could be heard of somebody who has failed since."""
        self._error: Exception | None = None
        self._begun = asyncio.Event()
        self._is_over = asyncio.Event()
        self._awaited: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def audio(self) -> SpeechAudio:
        """Return the sound once it has begun. Raises what kept it from beginning."""
        if not self._awaited.done():
            self._awaited.set_result(asyncio.get_running_loop().time())
        await self._begun.wait()
        if self._take is None or self._take.audio is None:
            raise self._error or asyncio.CancelledError
        self._cast.heard.add(self._take.speaker)
        return replace(self._take.audio, chunks=self._chunks(self._take.audio.chunks))

    async def fill(self) -> None:
        """Get the sound from whoever can speak, as long as nobody has heard any of it."""
        try:
            while not await self._is_filled():
                self._begun.clear()
        except Exception as err:  # noqa: BLE001 - it is raised where the sound is missed
            self._error = err
        finally:
            self._begun.set()
            self._is_over.set()
            await self._end_all_but(None)

    async def _is_filled(self) -> bool:
        """Let somebody say it, and tell whether it is said, or as much of it as there will be."""
        take = await self._first_to_begin()
        if not self._cast.is_gathered:
            self._publish(take)
        await take.wait()
        error = take.error
        if error is not None and not self._is_heard and self._can_be_replaced(take, error):
            self._take = None
            self._fail(take, error)
            return False
        is_whole = error is None or (isinstance(error, IncompleteError) and take.speaker.is_abrupt)
        self._cast.note_ending(take.speaker, error)
        if error is not None and not is_whole:  # the others go on, but words are missing
            self._cast.break_off(take.speaker, error)
        self._publish(take)
        return True

    @property
    def _is_heard(self) -> bool:
        """Whether somebody has the sound already, so that it can't be replaced."""
        return self._awaited.done() and self._take is not None

    def _can_be_replaced(self, take: Take, error: SpeechError) -> bool:
        """Tell whether somebody may do better. Else some words are better than none."""
        if take is self._remnant or self._is_habit(take):
            return False
        is_worth_asking = error.is_transient and take.speaker not in self._asked_again
        return is_worth_asking or self._cast.next_but(self._tried) is not None

    def _is_habit(self, take: Take) -> bool:
        """Tell whether somebody states a wrong length, or ends in mid-frame, each time: the sound is all right."""
        is_known = take.speaker.is_abrupt or take.speaker in self._asked_again
        return is_known and isinstance(take.error, IncompleteError)

    def _publish(self, take: Take) -> None:
        self._take = take
        self._begun.set()

    async def _first_to_begin(self) -> Take:
        """Let the speaker of the moment say it, and the next one as well if that keeps its listener waiting."""
        while True:
            free = self._cast.next_but(self._tried)
            is_helped = free is not None and len(self._running) < _MOST_AT_ONCE
            if free and (not self._running or (is_helped and self._patience() <= 0)):
                self._start(free)
                continue
            if not self._running and self._remnant:
                return self._remnant
            if not self._running:
                raise self._cast.error or TimedOutError
            await self._wait_for_turn(self._patience() if is_helped else None)
            for take in list(self._running):
                if take.error and not self._is_habit(take):
                    self._fail(take, take.error)
                elif take.audio:
                    await self._win(take)
                    return take

    def _start(self, speaker: Speaker) -> None:
        self._tried.add(speaker)
        self._running.append(
            Take(speaker, self._text, is_reply=self._cast.is_reply, is_gathered=self._cast.is_gathered)
        )

    def _patience(self) -> float:
        """Return how many more seconds the listener waits for who was asked first, before somebody else is too."""
        take = self._running[0]
        if not self._awaited.done() or take.has_sounded:
            return float("inf")
        since = max(take.started, self._awaited.result())
        return since + take.speaker.patience - asyncio.get_running_loop().time()

    async def _wait_for_turn(self, patience: float | None) -> None:
        """Wait until somebody has begun or failed, the listener waits (inf), or has waited for so many seconds."""
        turns = [take.turned for take in self._running]
        if not self._awaited.done():
            await asyncio.wait([*turns, self._awaited], return_when=asyncio.FIRST_COMPLETED)
        else:
            timeout = None if patience == float("inf") else patience
            await asyncio.wait(turns, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def _win(self, winner: Take) -> None:
        """Take who has begun. Who was asked before has kept the listener waiting for too long."""
        now = asyncio.get_running_loop().time()
        for take in self._running[: self._running.index(winner)]:
            self._cast.note_beginning(take.speaker, now - take.started)
            self._cast.fail(take.speaker, TimedOutError())
        self._cast.note_beginning(winner.speaker, winner.seconds)
        await self._end_all_but(winner)

    async def _end_all_but(self, winner: Take | None) -> None:
        others = [take for take in self._running if take is not winner]
        self._running = []
        for take in others:
            await take.end()
        if winner:
            self._running = [winner]

    def _fail(self, take: Take, error: SpeechError) -> None:
        """Take note that somebody has failed, unless it is worth asking once more. Raises what nobody else can help."""
        if take in self._running:
            self._running.remove(take)
        if take.audio and not isinstance(error, AnswerTooLargeError):
            self._remnant = take
        if take.has_arrived and error.is_transient and take.speaker not in self._asked_again:
            self._asked_again.add(take.speaker)
            self._tried.discard(take.speaker)
            return
        self._cast.fail(take.speaker, error)
        if not error.lets_others_speak:
            raise error

    async def _chunks(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield the sound. Where it ends too early, what follows goes on; that it did is raised after that."""
        async for chunk in chunks:
            yield chunk
        await self._is_over.wait()
        if self._error and not isinstance(self._error, SpeechError):
            raise self._error
