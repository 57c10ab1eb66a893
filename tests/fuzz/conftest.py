"""Report of the number of examples."""

import pytest

from .fuzzing import EXAMPLE_FACTOR, examples


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of examples for `script/fuzz`."""
    if EXAMPLE_FACTOR:
        terminalreporter.write_line(f"{examples.total()} examples")
