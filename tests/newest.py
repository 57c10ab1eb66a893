"""Makes the test harness run on a Home Assistant newer than the one it was made for: `pytest -p tests.newest`.

Pytest loads this before all other plugins. So Home Assistant can put its own HTTP client in httpx' place before anyone
imports the original, and a function is put back where the harness still looks for it. The harness replaces functions
of Home Assistant before it imports anything that uses them: the same order holds here.
"""

from importlib import import_module

import_module("homeassistant")
for part in ("patch_json", "patch_recorder", "patch_time"):
    import_module(f"pytest_homeassistant_custom_component.{part}")
logger = import_module("homeassistant.components.logger")
logger._clear_logger_overwrites = logger.helpers._clear_logger_overwrites
