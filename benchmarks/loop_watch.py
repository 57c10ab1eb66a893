"""How long the event loop is kept from turning, and by whom.

Every turn of the loop runs handles. Each is timed, and so is the part of it in which Orator's code is on the stack:
from the moment when one of its coroutines is entered until that has returned or awaits, with everything that it calls
meanwhile. (What Home Assistant calls in Orator without awaiting is not seen: watching every function would slow them.)
Collections of garbage come when they come, and are neither's: they are timed by themselves.

When the operating system meanwhile gave the processor to somebody else, the clock says nothing about this process, and
the processor's time is taken instead.
"""

import asyncio
from dataclasses import dataclass, field
import gc
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from resource import RUSAGE_THREAD, getrusage
import sys
from threading import get_ident
from time import perf_counter, thread_time
from types import CodeType, TracebackType
from typing import Any, Final, Self

_TOOL: Final = 4  # the monitoring slots 3 and 4 belong to nobody
_ORATOR: Final = "custom_components/orator/"
_monitoring: Final = sys.monitoring
_events: Final = sys.monitoring.events


def _is_watched(code: CodeType) -> bool:
    """Tell whether this is one of Orator's coroutines or asynchronous generators."""
    return bool(code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) and _ORATOR in code.co_filename


@dataclass(slots=True)
class Longest:
    """The longest time of a kind, in seconds, and what it was spent on."""

    seconds: float = 0.0
    on: str = ""

    def see(self, seconds: float, on: str) -> None:
        """Keep what is longer."""
        if seconds > self.seconds:
            self.seconds, self.on = seconds, on


class _Stopwatch:
    """Measures the time from a start on that this thread has had for itself."""

    __slots__ = ("_clock", "_preemptions", "_processor")

    def start(self) -> None:
        """Begin anew."""
        self._preemptions = getrusage(RUSAGE_THREAD).ru_nivcsw
        self._processor = thread_time()
        self._clock = perf_counter()

    def seconds(self) -> float:
        """Return the time since the start."""
        clock = perf_counter() - self._clock
        if getrusage(RUSAGE_THREAD).ru_nivcsw == self._preemptions:
            return clock
        return thread_time() - self._processor


@dataclass(slots=True)
class LoopWatch:
    """Watches the running loop during the `with`.

    whole: the longest handle, whoever it belongs to. orator: the longest time with Orator on the stack, in one handle.
    orator_total: all of it. collection: the longest collection of garbage.
    """

    whole: Longest = field(default_factory=Longest)
    orator: Longest = field(default_factory=Longest)
    orator_total: float = 0.0
    collection: float = 0.0
    _thread: int = field(default_factory=get_ident)
    _depth: int = 0
    _handle: _Stopwatch = field(default_factory=_Stopwatch)
    _entry: _Stopwatch = field(default_factory=_Stopwatch)
    _inside: float = 0.0
    _entering: str = ""
    _name: str = ""
    _longest_entry: float = 0.0
    _collecting: float = 0.0
    _collected: float = 0.0
    _original: Any = None

    def __enter__(self) -> Self:
        """Begin."""
        self._original = asyncio.Handle._run  # noqa: SLF001 - there is no other place where all of them pass
        asyncio.Handle._run = self._timed(self._original)  # type: ignore[method-assign]  # noqa: SLF001
        gc.callbacks.append(self._on_collection)
        _monitoring.use_tool_id(_TOOL, "orator benchmark")
        for event in (_events.PY_START, _events.PY_RESUME, _events.PY_THROW):
            _monitoring.register_callback(_TOOL, event, self._enter if event != _events.PY_THROW else self._thrown)
        for event in (_events.PY_RETURN, _events.PY_YIELD):
            _monitoring.register_callback(_TOOL, event, self._leave)
        _monitoring.register_callback(_TOOL, _events.PY_UNWIND, self._unwound)
        _monitoring.set_events(
            _TOOL,
            _events.PY_START
            | _events.PY_RESUME
            | _events.PY_THROW
            | _events.PY_RETURN
            | _events.PY_YIELD
            | _events.PY_UNWIND,
        )
        _monitoring.restart_events()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        _monitoring.set_events(_TOOL, 0)
        _monitoring.free_tool_id(_TOOL)
        gc.callbacks.remove(self._on_collection)
        asyncio.Handle._run = self._original  # type: ignore[method-assign]  # noqa: SLF001

    def forget(self) -> None:
        """Begin anew, once everything has been used for the first time and the watching itself costs little."""
        self.whole, self.orator = Longest(), Longest()
        self.orator_total = self.collection = 0.0

    def _timed(self, run: Any) -> Any:
        """Wrap the method that runs a handle."""

        def timed(handle: asyncio.Handle) -> None:
            self._depth = 0
            self._inside = self._collected = self._longest_entry = 0.0
            self._handle.start()
            run(handle)
            if self._depth:
                self._close()
            inside = max(0.0, self._inside - self._collected)
            self.whole.see(self._handle.seconds(), "")
            self.orator.see(inside, self._name)
            self.orator_total += inside

        return timed

    def _close(self) -> None:
        """Orator has left the stack."""
        self._depth = 0
        took = self._entry.seconds()
        self._inside += took
        if took > self._longest_entry:
            self._longest_entry, self._name = took, self._entering

    def _enter(self, code: CodeType, _offset: int) -> Any:
        """Something is called, or goes on after an await; what is not Orator's is never asked for again."""
        if not _is_watched(code):
            return _monitoring.DISABLE
        if get_ident() == self._thread:
            if not self._depth:
                self._entering = code.co_qualname
                self._entry.start()
            self._depth += 1
        return None

    def _leave(self, code: CodeType, _offset: int, _value: object) -> Any:
        """Something returns, yields or awaits."""
        if not _is_watched(code):
            return _monitoring.DISABLE
        self._left()
        return None

    def _thrown(self, code: CodeType, offset: int, _error: BaseException) -> None:
        """Something goes on with an exception."""
        if _is_watched(code):
            self._enter(code, offset)

    def _unwound(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        """Something ends with an exception."""
        if _is_watched(code):
            self._left()

    def _left(self) -> None:
        if self._depth and get_ident() == self._thread:
            if self._depth == 1:
                self._close()
            else:
                self._depth -= 1

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        if get_ident() != self._thread:
            return
        now = perf_counter()
        if phase == "start":
            self._collecting = now
            return
        took = now - self._collecting
        self.collection = max(self.collection, took)
        if self._depth:
            self._collected += took
