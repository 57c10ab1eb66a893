"""These rooms know no Home Assistant, so their tests run without one."""

import pytest


@pytest.fixture(autouse=True)
def use_custom_integrations() -> None:
    """Take the place of the fixture that starts Home Assistant for every other test."""
