"""Print the packages that components of the installed Home Assistant need, their dependencies included.

Usage: component_requirements.py [--defaults] COMPONENT...

A component is named as Home Assistant names it or, a custom one, by the path of its folder.
Home Assistant installs these when it first sets a component up. Installed beforehand, tests and demo start at once
and without a network. With --defaults also what every Home Assistant installs when it starts.
"""

from collections.abc import Iterable, Iterator
import json
from pathlib import Path
import sys

import homeassistant

COMPONENTS = Path(homeassistant.__file__).parent / "components"


def with_dependencies(components: Iterable[str]) -> Iterator[dict[str, list[str]]]:
    """Yield the manifest of each component and of everything it depends on, once."""
    waiting = list(components)
    seen: set[str] = set()
    while waiting:
        component = waiting.pop()
        if component in seen:
            continue
        seen.add(component)
        folder = Path(component) if "/" in component else COMPONENTS / component
        manifest = json.loads((folder / "manifest.json").read_text())
        waiting += manifest.get("dependencies", [])
        yield manifest


def requirements_of(components: Iterable[str]) -> set[str]:
    """Return what the components and their dependencies need."""
    return {line for manifest in with_dependencies(components) for line in manifest.get("requirements", [])}


def requirements_of_start() -> set[str]:
    """Return what every Home Assistant needs to start: its default components, and the second factor of its log-in."""
    from homeassistant.auth.mfa_modules.totp import REQUIREMENTS
    from homeassistant.bootstrap import DEFAULT_INTEGRATIONS

    return requirements_of({*DEFAULT_INTEGRATIONS, "hassio"}).union(REQUIREMENTS)


def main(arguments: list[str]) -> None:
    """Print what was asked for, sorted, one a line."""
    requirements = requirements_of(argument for argument in arguments if argument != "--defaults")
    if "--defaults" in arguments:
        requirements |= requirements_of_start()
    print("\n".join(sorted(requirements)))


if __name__ == "__main__":
    main(sys.argv[1:])
