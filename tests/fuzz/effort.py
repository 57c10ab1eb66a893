"""How much is tried: always the same few examples in `script/test`, ever new and many ones in `script/fuzz`."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
import inspect
import os
import time
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

TIMES: Final = int(os.environ.get("ORATOR_FUZZ", "0"))
"""How many times as many examples as usual are to be tried; 0 for the usual ones, which are always the same."""
MOST_SECONDS: Final = 10.0
"""Of the processor, for one example; nothing comes near unless it is stuck."""

examples: Counter[str] = Counter()
"""How many were tried, by test."""


def fuzzed(usual: int, **drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test with examples of these arguments; `usual`: how many where time is short."""

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        counted = _counted_async(test) if inspect.iscoroutinefunction(test) else _counted(test)
        effort = settings(
            max_examples=usual * max(TIMES, 1),
            derandomize=not TIMES,
            database=None,
            phases=[Phase.explicit, Phase.generate],  # to make an example smaller takes long, over sockets
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return effort(given(**drawn)(counted))

    return decorate


def _counted(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        examples[test.__name__] += 1
        started = time.process_time()
        test(*args, **kwargs)
        assert time.process_time() - started < MOST_SECONDS

    return run


def _counted_async(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        examples[test.__name__] += 1
        started = time.process_time()
        await test(*args, **kwargs)
        assert time.process_time() - started < MOST_SECONDS

    return run
