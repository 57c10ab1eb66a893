"""A short soak test."""

import os
from pathlib import Path
import subprocess
import sys

_ROOT = Path(__file__).parents[3]


def test_short_soak() -> None:
    """The quick soak test passes in a process of its own, as other tests would disturb the measurement of memory."""
    command = (
        *(sys.executable, "-m", "pytest", "-p", "tests.with_home_assistant", "-p", "no:cacheprovider", "--no-cov"),
        *("-q", "-s", "--show-capture=no", "tests/ha/soak/soak.py"),
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    finished = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
