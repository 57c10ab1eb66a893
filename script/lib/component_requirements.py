"""Print the packages that components of the installed Home Assistant and their dependencies require.

Usage: component_requirements.py [--defaults] COMPONENT...

COMPONENT is the name of a core component, or the path of a custom component's folder. Home Assistant installs these
packages when it first sets up a component. If they are already installed, tests and demo start faster and need no
network. --defaults adds the packages that every Home Assistant installs at start.
"""

from collections.abc import Iterable, Iterator
import json
from pathlib import Path
import sys

import homeassistant

COMPONENTS = Path(homeassistant.__file__).parent / "components"


def manifests_of(components: Iterable[str]) -> Iterator[dict[str, list[str]]]:
    """Yield the manifests of the components and their dependencies, each once."""
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
    """Return the requirements of the components and their dependencies."""
    return {line for manifest in manifests_of(components) for line in manifest.get("requirements", [])}


def start_requirements() -> set[str]:
    """Return the requirements of every start: the default components and the TOTP login module."""
    from homeassistant.auth.mfa_modules.totp import REQUIREMENTS
    from homeassistant.bootstrap import DEFAULT_INTEGRATIONS

    return requirements_of({*DEFAULT_INTEGRATIONS, "hassio"}).union(REQUIREMENTS)


def main(arguments: list[str]) -> None:
    """Print the sorted requirements, one per line."""
    requirements = requirements_of(argument for argument in arguments if argument != "--defaults")
    if "--defaults" in arguments:
        requirements |= start_requirements()
    print("\n".join(sorted(requirements)))


if __name__ == "__main__":
    main(sys.argv[1:])
