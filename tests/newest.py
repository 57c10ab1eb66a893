"""Former name of the plugin `tests.with_home_assistant`."""

import tests.with_home_assistant  # noqa: F401
