"""Pytest plugin for tests that use Home Assistant: `pytest -p tests.with_home_assistant`.

It lets the test harness run on a newer Home Assistant than it supports. Pytest loads this plugin before the
harness, so Home Assistant installs its replacement for httpx before anything imports the original. The harness patches
functions of Home Assistant before it imports the modules that use them; this plugin does the same.
"""

from importlib import import_module

_debug = import_module("tests.support.asyncio_debug")
import_module("homeassistant")
for _name in ("patch_json", "patch_recorder", "patch_time"):
    import_module(f"pytest_homeassistant_custom_component.{_name}")
# The harness looks for this function where it was before Home Assistant moved it.
_logger = import_module("homeassistant.components.logger")
_logger._clear_logger_overwrites = _logger.helpers._clear_logger_overwrites
_debug.shorten_stacks_of_aiohttp()
