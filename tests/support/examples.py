"""The YAML examples of the documentation: read them, set them up, and find their actions."""

from collections.abc import Iterator
from dataclasses import dataclass
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import slugify
from homeassistant.util.yaml import parse_yaml

from .repository import ROOT

_HEADING_OR_BLOCK = re.compile(r"^#+ (?P<heading>[^\n]*)$|^```yaml\n(?P<yaml>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """An automation, a script, or the actions of one."""

    page: str
    heading: str
    config: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the automation or script, or the heading above it."""
        return str(self.config.get("alias", self.heading))

    @property
    def domain(self) -> str:
        """Whether the example is an automation or a script."""
        return "automation" if "triggers" in self.config else "script"

    @property
    def object_id(self) -> str:
        """The object ID of the automation or script."""
        return slugify(self.name)

    @property
    def entity_id(self) -> str:
        """The entity ID of the automation or script."""
        return f"{self.domain}.{self.object_id}"

    @property
    def script(self) -> dict[str, Any]:
        """The example as a script."""
        rest = {key: value for key, value in self.config.items() if key != "actions"}
        return {"sequence": self.config.get("actions"), **rest}


def read_examples(page: str) -> list[Example]:
    """Return the YAML examples of a page."""
    examples: list[Example] = []
    heading = ""
    for match in _HEADING_OR_BLOCK.finditer((ROOT / page).read_text()):
        heading = match["heading"] or heading
        if match["yaml"]:
            config: Any = parse_yaml(match["yaml"])
            assert isinstance(config, dict)
            examples.append(Example(page, heading, config))
    return examples


def find_pages_with_examples() -> list[str]:
    """Return the pages of the documentation that have YAML examples."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(page.relative_to(ROOT)) for page in pages if "```yaml" in page.read_text()]


def find_actions(config: object) -> Iterator[dict[str, Any]]:
    """Yield every action in an automation or script."""
    if isinstance(config, dict):
        if isinstance(config.get("action"), str):
            yield config
        for value in config.values():
            yield from find_actions(value)
    elif isinstance(config, list):
        for value in config:
            yield from find_actions(value)


async def turn_off_automations(hass: HomeAssistant) -> None:
    """Turn off all automations, which removes their timers."""
    for state in hass.states.async_all("automation"):
        await hass.services.async_call("automation", "turn_off", {"entity_id": state.entity_id}, blocking=True)


def _create_states(hass: HomeAssistant, trigger: dict[str, Any]) -> None:
    """Create the entities of a trigger that do not exist."""
    entity_ids = trigger.get("entity_id", [])
    for entity_id in [entity_ids] if isinstance(entity_ids, str) else entity_ids:
        if hass.states.get(entity_id) is None:
            hass.states.async_set(entity_id, "0", {trigger.get("attribute", "unused"): 0})


async def set_up_examples(hass: HomeAssistant, *examples: Example) -> None:
    """Set up automations, or scripts."""
    for example in examples:
        for trigger in example.config.get("triggers", []):
            _create_states(hass, trigger)
    (domain,) = {example.domain for example in examples}
    config: Any
    if domain == "automation":
        config = [{"id": example.object_id, "alias": example.name, **example.config} for example in examples]
    else:
        config = {example.object_id: example.script for example in examples}
    assert await async_setup_component(hass, domain, {domain: config})
    await hass.async_block_till_done()
