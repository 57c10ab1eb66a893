"""Tells how much was tried."""

import pytest

from .effort import TIMES, examples


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of examples, where they are what is asked for."""
    if TIMES:
        terminalreporter.write_line(f"{examples.total()} examples")
