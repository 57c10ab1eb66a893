"""List the blueprints for the documentation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from homeassistant.util.yaml import load_yaml_dict

from script.lib.message_docs import format_table

ROOT: Final = Path(__file__).parent.parent.parent
_IMPORT_URL: Final = "https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url="


def describe_blueprints() -> str:
    """Return a table of the blueprints, with links to the file and to its import."""
    return format_table(
        ("Blueprint", "What it does", ""), map(_describe, sorted((ROOT / "blueprints").rglob("*.yaml")))
    )


def _describe(path: Path) -> Sequence[str]:
    metadata = load_yaml_dict(str(path))["blueprint"]
    return (
        f"[{metadata['name']}](../{path.relative_to(ROOT)})",
        metadata["description"],
        f"[Import]({_IMPORT_URL}{quote(metadata['source_url'], safe='')})",
    )
