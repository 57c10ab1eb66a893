"""Files of the repository, and the texts in its translations."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / "orator"
TRANSLATIONS = INTEGRATION / "translations"
LANGUAGES = ["cs", "de", "el", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt-BR", "sv", "zh-Hans"]
"""The languages that Orator is translated into, as Home Assistant's frontend names them."""

type Strings = dict[str, Any]


def load_json(path: Path) -> Strings:
    """Read a JSON object."""
    document = json.loads(path.read_text())
    assert isinstance(document, dict)
    return document


def walk_texts(strings: Strings, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text of a translation with its path of keys."""
    for key, value in strings.items():
        if isinstance(value, str):
            yield (*path, key), value
        else:
            yield from walk_texts(value, (*path, key))
