"""Measurement of how long the event loop is blocked, and by which code.

Every handle that the event loop runs is timed, and so is the part of it in which Orator's code is on the stack: from
the call of one of its coroutines until it returns or awaits, including everything that it calls. Functions that Home
Assistant calls without awaiting are not measured: monitoring every function would slow them down. Garbage collections
are measured separately, since they can happen in any code.

While the operating system runs another process, wall-clock time says nothing about this one; CPU time is used then.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import gc
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from resource import RUSAGE_THREAD, getrusage
import sys
from threading import get_ident
from time import perf_counter, thread_time
from types import CodeType, TracebackType
from typing import Any, Final, Self

_TOOL_ID: Final = 4  # 3 and 4 are unassigned
_ORATOR: Final = "custom_components/orator/"
_monitoring: Final = sys.monitoring
_events: Final = sys.monitoring.events
_MONITORED_EVENTS: Final = (
    _events.PY_START | _events.PY_RESUME | _events.PY_THROW | _events.PY_RETURN | _events.PY_YIELD | _events.PY_UNWIND
)


def _is_monitored(code: CodeType) -> bool:
    """Return whether code is a coroutine or an asynchronous generator of Orator."""
    return bool(code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) and _ORATOR in code.co_filename


@dataclass(slots=True)
class Longest:
    """The longest of several durations in seconds, and the function that took it."""

    seconds: float = 0.0
    function: str = ""

    def update(self, seconds: float, function: str) -> None:
        """Keep a duration if it is the longest."""
        if seconds > self.seconds:
            self.seconds, self.function = seconds, function


class _Stopwatch:
    """Measures time during which this thread runs."""

    __slots__ = ("_clock", "_cpu", "_preemptions")

    def start(self) -> None:
        """Start or restart."""
        self._preemptions = getrusage(RUSAGE_THREAD).ru_nivcsw
        self._cpu = thread_time()
        self._clock = perf_counter()

    def seconds(self) -> float:
        """Return the seconds since the start: CPU time if the thread was preempted."""
        elapsed = perf_counter() - self._clock
        if getrusage(RUSAGE_THREAD).ru_nivcsw == self._preemptions:
            return elapsed
        return thread_time() - self._cpu


@dataclass(slots=True)
class LoopMonitor:
    """Monitors the running event loop inside a `with` block.

    handle: the longest handle.
    orator, orator_total: the longest time in Orator's code within a handle, and the sum of these.
    collection: the longest garbage collection in seconds.
    """

    handle: Longest = field(default_factory=Longest)
    orator: Longest = field(default_factory=Longest)
    orator_total: float = 0.0
    collection: float = 0.0
    _thread: int = field(default_factory=get_ident)
    _depth: int = 0
    _handle_stopwatch: _Stopwatch = field(default_factory=_Stopwatch)
    _orator_stopwatch: _Stopwatch = field(default_factory=_Stopwatch)
    _orator_seconds: float = 0.0
    _current_function: str = ""
    _longest_function: str = ""
    _longest_call: float = 0.0
    _collection_started: float = 0.0
    _collection_seconds: float = 0.0
    _original: Any = None

    def __enter__(self) -> Self:
        """Start monitoring."""
        self._original = asyncio.Handle._run  # noqa: SLF001 - the only place that all handles pass
        asyncio.Handle._run = self._wrap(self._original)  # type: ignore[method-assign]  # noqa: SLF001
        gc.callbacks.append(self._on_collection)
        _monitoring.use_tool_id(_TOOL_ID, "orator benchmark")
        callbacks: dict[int, Callable[..., Any]] = {
            _events.PY_START: self._on_enter,
            _events.PY_RESUME: self._on_enter,
            _events.PY_THROW: self._on_throw,
            _events.PY_RETURN: self._on_leave,
            _events.PY_YIELD: self._on_leave,
            _events.PY_UNWIND: self._on_unwind,
        }
        for event, callback in callbacks.items():
            _monitoring.register_callback(_TOOL_ID, event, callback)
        _monitoring.set_events(_TOOL_ID, _MONITORED_EVENTS)
        _monitoring.restart_events()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop monitoring."""
        _monitoring.set_events(_TOOL_ID, 0)
        _monitoring.free_tool_id(_TOOL_ID)
        gc.callbacks.remove(self._on_collection)
        asyncio.Handle._run = self._original  # type: ignore[method-assign]  # noqa: SLF001

    def reset(self) -> None:
        """Discard the measurements so far, for example those of first uses, which take longer."""
        self.handle, self.orator = Longest(), Longest()
        self.orator_total = self.collection = 0.0

    def _wrap(self, run: Any) -> Any:
        """Wrap the method that runs a handle."""

        def run_measured(handle: asyncio.Handle) -> None:
            self._depth = 0
            self._orator_seconds = self._collection_seconds = self._longest_call = 0.0
            self._handle_stopwatch.start()
            run(handle)
            if self._depth:
                self._end_call()
            seconds = max(0.0, self._orator_seconds - self._collection_seconds)
            self.handle.update(self._handle_stopwatch.seconds(), "")
            self.orator.update(seconds, self._longest_function)
            self.orator_total += seconds

        return run_measured

    def _end_call(self) -> None:
        """Add the time of a call of Orator's code that has ended."""
        self._depth = 0
        seconds = self._orator_stopwatch.seconds()
        self._orator_seconds += seconds
        if seconds > self._longest_call:
            self._longest_call, self._longest_function = seconds, self._current_function

    def _on_enter(self, code: CodeType, _offset: int) -> Any:
        """Handle the start or continuation of a function; other code than Orator's is not reported again."""
        if not _is_monitored(code):
            return _monitoring.DISABLE
        if get_ident() == self._thread:
            if not self._depth:
                self._current_function = code.co_qualname
                self._orator_stopwatch.start()
            self._depth += 1
        return None

    def _on_leave(self, code: CodeType, _offset: int, _value: object) -> Any:
        """Handle a return, yield or await."""
        if not _is_monitored(code):
            return _monitoring.DISABLE
        self._leave()
        return None

    def _on_throw(self, code: CodeType, offset: int, _error: BaseException) -> None:
        """Handle the continuation of a function with an exception."""
        if _is_monitored(code):
            self._on_enter(code, offset)

    def _on_unwind(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        """Handle the end of a function with an exception."""
        if _is_monitored(code):
            self._leave()

    def _leave(self) -> None:
        if self._depth and get_ident() == self._thread:
            if self._depth == 1:
                self._end_call()
            else:
                self._depth -= 1

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        if get_ident() != self._thread:
            return
        now = perf_counter()
        if phase == "start":
            self._collection_started = now
            return
        seconds = now - self._collection_started
        self.collection = max(self.collection, seconds)
        if self._depth:
            self._collection_seconds += seconds
