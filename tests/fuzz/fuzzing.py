"""The decorator of fuzz tests: a few fixed examples in `script/test`, many random ones in `script/fuzz`."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
import inspect
import os
import time
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

EXAMPLE_FACTOR: Final = int(os.environ.get("ORATOR_FUZZ", "0"))
"""Multiplier of the number of examples; 0 for the fixed ones."""
_MAX_CPU_S: Final = 10.0  # limit of an example, which usually takes far less

examples: Counter[str] = Counter()
"""Number of examples so far, by test."""


def fuzzed(count: int, **strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test with `count` examples, or a multiple of it in `script/fuzz`."""

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        counted = _counted_async(test) if inspect.iscoroutinefunction(test) else _counted(test)
        configure = settings(
            max_examples=count * max(EXAMPLE_FACTOR, 1),
            derandomize=not EXAMPLE_FACTOR,
            database=None,
            phases=[Phase.explicit, Phase.generate],  # shrinking an example takes long, over sockets
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return configure(given(**strategies)(counted))

    return decorate


def _counted(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        examples[test.__name__] += 1
        started = time.process_time()
        test(*args, **kwargs)
        assert time.process_time() - started < _MAX_CPU_S

    return run


def _counted_async(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        examples[test.__name__] += 1
        started = time.process_time()
        await test(*args, **kwargs)
        assert time.process_time() - started < _MAX_CPU_S

    return run
