"""Write the parts of the documentation that are generated from the code."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
import json
from pathlib import Path
import re
import sys
from typing import Any, Final

from aiohttp import ClientSession
from homeassistant.util.yaml import load_yaml_dict

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.base import Provider
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.models import Model
from custom_components.orator.providers.nanogpt.model_families import DOCUMENTED_MODELS
from custom_components.orator.providers.openai import documented_models
from custom_components.orator.providers.openai.catalog import EXTRA_BODY_OPTION
from custom_components.orator.providers.openai.servers import SERVERS, SpeechServer
from custom_components.orator.providers.options import (
    ChoiceOption,
    LanguageOption,
    NumberOption,
    ObjectOption,
    Option,
)
from custom_components.orator.voice_settings import NUMBER_OPTIONS
from script.lib.list_blueprints import describe_blueprints
from script.lib.message_docs import NONE, MessageDocs, format_table
from script.lib.readme_tables import (
    compare_services,
    join_words,
    list_chimes,
    list_ssml_limits,
    show_screenshots,
)

ROOT: Final = Path(__file__).parent.parent.parent
ENGLISH: Final = ROOT / "custom_components/orator/translations/en.json"
ACTIONS: Final = ROOT / "custom_components/orator/services.yaml"
_GENERATED: Final = re.compile(r"(<!-- made by script/docs: (\w+)([^>]*) -->\n).*?(<!-- end -->)", re.DOTALL)
_DOCUMENTED_MODELS: Final[Mapping[str, Sequence[str]]] = {
    "nanogpt": DOCUMENTED_MODELS,
    "openai": (*documented_models.DOCUMENTED_IDS, documented_models.SUCCESSOR_ID),
    "speechbase": ("openai/gpt-4o-mini-tts",),
}
"""Models that are known without a request, by provider."""
_PROVIDER_IDS: Final = ("openai", "nanogpt", "speechbase")
_SERVER_OPTION: Final = EXTRA_BODY_OPTION.key
"""The option that only OpenAI-compatible servers have."""
_RANGE: Final = re.compile(r"^From {\w+} to {\w+}\. ")
"""Beginning of the help texts of numbers, whose ranges have a column of their own."""
_MAX_LISTED_NAMES: Final = 15

type Cells = Sequence[str]


def _join_or_count(names: Sequence[str]) -> str:
    """Return the names, or only their number if the list would be long."""
    return join_words(names) if len(names) <= _MAX_LISTED_NAMES else str(len(names))


class DocsGenerator:
    """Generates the parts of the documentation between its markers."""

    def __init__(self, providers: Mapping[str, Provider], english: Mapping[str, Any]) -> None:
        """Take one provider of each kind, by its id, and the English translation."""
        self._providers = providers
        self._english = english
        messages = MessageDocs(english)
        self._generators: dict[str, Callable[..., str]] = {
            "services": self.describe_services,
            "chimes": self.list_chimes,
            "models": self.describe_models,
            "servers": self.describe_servers,
            "ssml_limits": list_ssml_limits,
            "options": self.describe_options,
            "fields": self.describe_fields,
            "blueprints": describe_blueprints,
            "screenshots": show_screenshots,
            "messages": messages.describe_messages,
            "failures": messages.describe_failures,
        }

    def update(self, document: str) -> str:
        """Return a document with new content between its markers."""

        def generate(match: re.Match[str]) -> str:
            return f"{match[1]}\n{self._generators[match[2]](*match[3].split())}\n{match[4]}"

        return _GENERATED.sub(generate, document)

    def _variants(self, name: str) -> Iterator[tuple[Mapping[str, str], Model]]:
        """Yield every documented model of a provider with every combination of choices, such as the endpoint."""
        provider = self._providers[name]
        choices = [choice for choice in provider.choices if not choice.precedes_model]
        for model_id in _DOCUMENTED_MODELS[name]:
            for picked in product(*(choice.choices for choice in choices)):
                chosen = {choice.key: word for choice, word in zip(choices, picked, strict=True)}
                yield chosen, provider.describe_model(model_id, None, chosen)

    def describe_services(self) -> str:
        """Return a table of the services and servers, with prices."""
        return compare_services({name: [model for _, model in self._variants(name)] for name in _PROVIDER_IDS})

    def list_chimes(self) -> str:
        """Return a table of the built-in chimes."""
        return list_chimes(self._english["selector"]["chime"]["options"])

    def describe_models(self, name: str) -> str:
        """Return a table of the documented models of a provider."""
        rows = {
            (
                f"`{model.id}`",
                *(f"`{word}`" for word in chosen.values()),
                "yes" if model.streams else NONE,
                f"{model.max_chars:,}",
                join_words(model.file_formats),
                join_words(_describe_option(option) for option in model.options),
                _join_or_count([voice.name for voice in model.voices]),
                *([model.end_date.isoformat() if model.end_date else NONE] if name == "openai" else []),
            ): None
            for chosen, model in self._variants(name)
        }
        choices = [choice.key for choice in self._providers[name].choices if not choice.precedes_model]
        return format_table(
            (
                "Model",
                *(f"`{key}`" for key in choices),
                "Streaming",
                "Characters per request",
                "Formats",
                "Settings",
                "Built-in voices",
                *(["Ends"] if name == "openai" else []),
            ),
            rows,
        )

    def describe_servers(self) -> str:
        """Return a table of the OpenAI-compatible servers."""
        return format_table(
            (
                "Server",
                "Default address",
                "API key",
                "Speed",
                "Instructions",
                "Formats",
                "Characters per request",
                "Voices",
            ),
            map(_describe_server, SERVERS.values()),
        )

    def describe_options(self) -> str:
        """Return a table of the options of a voice."""
        steps = self._english["config_subentries"]["voice"]["step"]
        parts = [
            part for step in (steps["user"], steps["voice"]) for part in (step, *step.get("sections", {}).values())
        ]
        names = {key: name for part in parts for key, name in part.get("data", {}).items() if key != "name"}
        meanings = {key: meaning for part in parts for key, meaning in part.get("data_description", {}).items()}
        return format_table(
            ("Option", "Field in the form", "Meaning", "Values", "Available for"),
            (
                (
                    f"`{key}`",
                    name,
                    _RANGE.sub("", meanings[key]),
                    self._values(key) or NONE,
                    self._supporting_providers(key),
                )
                for key, name in names.items()
            ),
        )

    def _values(self, key: str) -> str:
        """Return the values of an option, by provider if they differ."""
        options_of: dict[str, list[Option]] = {}
        for name in _PROVIDER_IDS:
            declared = [option for _, model in self._variants(name) for option in model.options]
            options_of[name] = [option for option in (*declared, *self._providers[name].choices) if option.key == key]
        if own := [option for option in NUMBER_OPTIONS if option.key == key]:
            return _describe_values(own)
        ranges = {
            self._providers[name].name: _describe_values(options) for name, options in options_of.items() if options
        }
        if not ranges:
            return join_words(self._english["selector"].get(key, {}).get("options", ()), as_code=True)
        if len(set(ranges.values())) == 1:
            return next(iter(ranges.values()))
        return "; ".join(f"{name}: {values}" for name, values in ranges.items() if values)

    def _supporting_providers(self, key: str) -> str:
        """Return the providers that support an option."""
        supporting = [
            provider.name
            for provider in map(self._providers.__getitem__, _PROVIDER_IDS)
            if key in (*provider.option_keys, *(choice.key for choice in provider.choices))
        ]
        if key == _SERVER_OPTION:
            return "OpenAI-compatible servers"
        return join_words(supporting) if 0 < len(supporting) < len(_PROVIDER_IDS) else "all"

    def describe_fields(self, action: str) -> str:
        """Return a table of the fields of an action."""
        described: dict[str, Any] = load_yaml_dict(str(ACTIONS))[action]["fields"]
        for section in [field for field, content in described.items() if "fields" in content]:
            described |= described.pop(section)["fields"]
        words = self._english["services"][action]["fields"]
        return format_table(
            ("Field", "Meaning", "Required"),
            (
                (f"`{field}`", words[field]["description"], "yes" if content.get("required") else NONE)
                for field, content in described.items()
            ),
        )


def _describe_option(option: Option) -> str:
    """Return the key of an option with its values."""
    values = _describe_values([option])
    return f"`{option.key}` {values}".strip()


def _describe_values(options: Sequence[Option]) -> str:
    """Return the values that at least one of these options with the same key allows."""
    numbers = [option for option in options if isinstance(option, NumberOption)]
    if numbers:
        return f"{min(one.minimum for one in numbers):g} to {max(one.maximum for one in numbers):g}"
    match options[0]:
        case ChoiceOption(choices=words):
            return join_words(words, as_code=True)
        case ObjectOption():
            return "an object"
        case LanguageOption():
            return "a language tag"
    return "text"


def _describe_server(server: SpeechServer) -> Cells:
    """Return the row of a server; most of an unknown server has to be tried."""
    key = "yes" if server.requires_key else "if set" if server.accepts_key else NONE
    speed = f"{server.speed_range[0]:g} to {server.speed_range[1]:g}" if server.speed_range else NONE
    if server.voice_lists:
        voices = "fetched"
    elif server.voices:
        voices = "built in"
    else:
        voices = "fetched with the models" if server.key_page else "enter by hand"
    return (
        "Another server" if server.is_unknown else server.name,
        f"`{server.default_base_url}`" if server.default_base_url else "enter yours",
        key,
        speed,
        ("tried" if server.is_unknown else "if the model supports them") if server.supports_instructions else NONE,
        "tried" if server.is_unknown else join_words(server.formats),
        f"{server.max_chars:,}",
        voices,
    )


def documents() -> Iterator[Path]:
    """Yield every document that may have generated parts."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


async def write(*, is_check: bool) -> list[Path]:
    """Update all documents, or only check them; return those that change."""
    async with ClientSession() as session:
        providers = {
            name: kind(HttpSessions(session, session, session), kind.resolve_addresses({}), "")
            for name, kind in PROVIDERS.items()
        }
        generator = DocsGenerator(providers, json.loads(ENGLISH.read_text()))
        changed: list[Path] = []
        for path in documents():
            before = path.read_text()
            after = generator.update(before)
            if after != before:
                changed.append(path.relative_to(ROOT))
                if not is_check:
                    path.write_text(after)
    return changed


def main() -> None:
    """Write the documents, or check them."""
    is_check = "--check" in sys.argv[1:]
    changed = asyncio.run(write(is_check=is_check))
    for path in changed:
        print(f"{path} {'is out of date: run script/docs' if is_check else 'has been updated'}")
    sys.exit(bool(changed) and is_check)


if __name__ == "__main__":
    main()
