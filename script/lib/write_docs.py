"""Write what the documentation takes from the code between its markers."""

import ast
import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import inspect
from itertools import chain, product
import json
from pathlib import Path
import re
import sys
from typing import Any, ClassVar, Final, get_origin

from aiohttp import ClientSession
from homeassistant.util.yaml import load_yaml_dict

from custom_components.orator.providers import PROVIDERS, errors
from custom_components.orator.providers.base import HttpSessions, Provider
from custom_components.orator.providers.errors import SpeechError
from custom_components.orator.providers.models import Model
from custom_components.orator.providers.nanogpt.model_families import DOCUMENTED_MODELS
from custom_components.orator.providers.openai import models, models as openai_models
from custom_components.orator.providers.openai.catalog import EXTRA_BODY
from custom_components.orator.providers.openai.servers import SERVERS, SpeechServer
from custom_components.orator.providers.options import (
    ChoiceOption,
    IntegerChoiceOption,
    NumberOption,
    ObjectOption,
    Option,
)
from custom_components.orator.voice_settings import NUMBER_OPTIONS

ROOT: Final = Path(__file__).parent.parent.parent
ENGLISH: Final = ROOT / "custom_components/orator/translations/en.json"
ACTIONS: Final = ROOT / "custom_components/orator/services.yaml"
SCREENSHOTS: Final = ROOT / "docs/screenshots"
_RAW: Final = "https://raw.githubusercontent.com/orator-tts/orator/main"
_MADE: Final = re.compile(r"(<!-- made by script/docs: (\w+)([^>]*) -->\n).*?(<!-- end -->)", re.DOTALL)
_DOCUMENTED: Final[Mapping[str, Sequence[str]]] = {
    "nanogpt": DOCUMENTED_MODELS,
    "openai": (*openai_models.DOCUMENTED, models.SUCCESSOR),
    "speechbase": ("openai/gpt-4o-mini-tts",),
}
"""The models of each service that are known without asking it."""
_ORDER: Final = ("openai", "nanogpt", "speechbase")
_OF_SERVERS: Final = EXTRA_BODY.key
"""What only servers take that imitate a service."""
_NONE: Final = "\N{EN DASH}"


type Cells = Sequence[str]


def table(head: Cells, rows: Iterable[Cells]) -> str:
    """Return a table."""
    lines = (head, ["---"] * len(head), *rows)
    return "".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |\n" for line in lines)


def _counted(names: Sequence[str]) -> str:
    """Return names, or only how many they are where nobody would read them."""
    return listed(names) if len(names) <= 15 else str(len(names))


def listed(words: Iterable[str], *, as_code: bool = False) -> str:
    """Return words with commas between them."""
    return ", ".join(f"`{word}`" if as_code else word for word in words) or _NONE


class Writer:
    """Knows what the code says, and how it reads in a document."""

    def __init__(self, providers: Mapping[str, Provider], english: Mapping[str, Any]) -> None:
        """Take services, by the names that accounts keep them under, and the texts that people read."""
        self._providers = providers
        self._english = english
        self._makers: dict[str, Callable[..., str]] = {
            "services": self.services,
            "models": self.models,
            "servers": self.servers,
            "options": self.options,
            "faults": self.faults,
            "fields": self.fields,
            "screenshots": screenshots,
            "texts": self.texts,
        }

    def written(self, document: str) -> str:
        """Return a document with everything between its markers made anew."""
        return _MADE.sub(lambda found: f"{found[1]}\n{self._makers[found[2]](*found[3].split())}\n{found[4]}", document)

    def _variants(self, name: str) -> Iterator[tuple[Mapping[str, str], Model]]:
        """Yield every documented model of a service in every way to ask for it."""
        provider = self._providers[name]
        choices = [choice for choice in provider.choices if not choice.precedes_model]
        for model_id in _DOCUMENTED[name]:
            for picked in product(*(choice.choices for choice in choices)):
                chosen = {choice.key: word for choice, word in zip(choices, picked, strict=True)}
                yield chosen, provider.describe_model(model_id, None, chosen)

    def services(self) -> str:
        """Say what each service can do."""
        return table(
            ("Service", "Models known beforehand", "Sound while it is made", "File types", "Settings", "Balance"),
            map(self._service, _ORDER),
        )

    def _service(self, name: str) -> Cells:
        provider = self._providers[name]
        models = [model for _, model in self._variants(name)]
        streaming = list(dict.fromkeys(model.id for model in models if model.streams))
        has_balance = type(provider).fetch_balance is not Provider.fetch_balance
        keys = [
            key for key in (*(choice.key for choice in provider.choices), *provider.option_keys) if key != _OF_SERVERS
        ]
        return (
            f"[{provider.name}](docs/providers/{name}.md)",
            listed(dict.fromkeys(model.id for model in models), as_code=True),
            "yes" if len(streaming) == len({model.id for model in models}) else listed(streaming, as_code=True),
            listed(dict.fromkeys(chain.from_iterable(model.file_formats for model in models))),
            listed(keys, as_code=True),
            "shown" if has_balance else _NONE,
        )

    def models(self, name: str) -> str:
        """Say what the documented models of a service can do."""
        rows = {
            (
                f"`{model.id}`",
                *(f"`{word}`" for word in chosen.values()),
                "yes" if model.streams else _NONE,
                f"{model.max_chars:,}",
                listed(model.file_formats),
                listed(_ranged(option) for option in model.options),
                _counted([voice.name for voice in model.voices]),
                *([model.end_date.isoformat() if model.end_date else _NONE] if name == "openai" else []),
            ): None
            for chosen, model in self._variants(name)
        }
        choices = [choice.key for choice in self._providers[name].choices if not choice.precedes_model]
        return table(
            (
                "Model",
                *(f"`{key}`" for key in choices),
                "Sound while it is made",
                "Characters of one request",
                "File types",
                "Settings",
                "Voices known beforehand",
                *(["Ends"] if name == "openai" else []),
            ),
            rows,
        )

    def servers(self) -> str:
        """Say what each server that imitates OpenAI does."""
        return table(
            ("Choose", "Usual address", "Key", "Speed", "Instructions", "Makes", "Characters of one request", "Voices"),
            map(_server, SERVERS.values()),
        )

    def options(self) -> str:
        """Say what every setting of a voice means, and who takes it."""
        steps = self._english["config_subentries"]["voice"]["step"]
        parts = [
            part for step in (steps["user"], steps["voice"]) for part in (step, *step.get("sections", {}).values())
        ]
        names = {key: name for part in parts for key, name in part.get("data", {}).items() if key != "name"}
        meanings = {key: meaning for part in parts for key, meaning in part.get("data_description", {}).items()}
        return table(
            ("Option", "In the form", "Meaning", "Values", "For"),
            (
                (f"`{key}`", name, meanings[key], self._values(key) or _NONE, self._takers(key))
                for key, name in names.items()
            ),
        )

    def _values(self, key: str) -> str:
        """Say which values an option has, at each service that declares them."""
        said: dict[str, list[Option]] = {}
        for name in _ORDER:
            declared = [option for _, model in self._variants(name) for option in model.options]
            said[name] = [option for option in (*declared, *self._providers[name].choices) if option.key == key]
        if own := [option for option in NUMBER_OPTIONS if option.key == key]:
            return _spanned(own)
        ranges = {self._providers[name].name: _spanned(options) for name, options in said.items() if options}
        if not ranges:
            return listed(self._english["selector"].get(key, {}).get("options", ()), as_code=True)
        if len(set(ranges.values())) == 1:
            return next(iter(ranges.values()))
        return "; ".join(f"{name}: {values}" for name, values in ranges.items() if values)

    def _takers(self, key: str) -> str:
        """Say which services take an option."""
        takers = [
            provider.name
            for provider in map(self._providers.__getitem__, _ORDER)
            if key in (*provider.option_keys, *(choice.key for choice in provider.choices))
        ]
        if key == _OF_SERVERS:
            return "servers that imitate OpenAI"
        return listed(takers) if 0 < len(takers) < len(_ORDER) else "all"

    def fields(self, action: str) -> str:
        """Say what every field of an action means."""
        described: dict[str, Any] = load_yaml_dict(str(ACTIONS))[action]["fields"]
        for section in [field for field, content in described.items() if "fields" in content]:
            described |= described.pop(section)["fields"]
        words = self._english["services"][action]["fields"]
        return table(
            ("Field", "Meaning", "Needed"),
            (
                (f"`{field}`", words[field]["description"], "yes" if content.get("required") else _NONE)
                for field, content in described.items()
            ),
        )

    def faults(self) -> str:
        """Say what follows from everything that can go wrong."""
        columns = _decisions()
        rows = table(
            ("Error", "What happened", *(name.replace("_", " ") for name in columns)),
            (
                (f"`{fault.__name__}`", _summary(fault), *(_told(getattr(fault, name)) for name in columns))
                for fault in faults_of(SpeechError)
            ),
        )
        legend = "".join(f"- **{name.replace('_', ' ')}**: {meaning}\n" for name, meaning in columns.items() if meaning)
        return f"{rows}\n{legend}"

    def texts(self, *names: str) -> str:
        """Quote every text that people are shown under some names."""
        found = [text for name in names for text in texts_named(self._english, name)]
        return "".join(f"> {_readable(text)}\n>\n" for text in dict.fromkeys(found)).removesuffix(">\n")


def texts_named(english: Mapping[str, Any], name: str) -> list[str]:
    """Return what errors, endings of flows, exceptions and issues of a name say, shortest way to write it first."""
    flows = [english["config"], *english.get("config_subentries", {}).values()]
    texts = [flow.get(kind, {}).get(name) for flow in flows for kind in ("error", "abort")]
    texts.append(english["exceptions"].get(name, {}).get("message"))
    texts.append(english["issues"].get(name, {}).get("title"))
    return [text for text in texts if text]


def screenshots(*names: str) -> str:
    """Show the screenshots of some names, or all there are; the Marketplace shows only what has a whole address."""
    paths = [SCREENSHOTS / f"{name}.png" for name in names] or sorted(SCREENSHOTS.glob("*.png"))
    images = [f'<img src="{_RAW}/{path.relative_to(ROOT)}" alt="{_caption(path)}" width="32%">' for path in paths]
    return "".join(f"{image}\n" for image in images)


def _caption(path: Path) -> str:
    """Return what a screenshot is called: its name without the number that it may begin with."""
    return re.sub(r"^\d+", "", path.stem).replace("_", " ").replace("-", " ").strip().capitalize()


def _readable(text: str) -> str:
    """Return a text as it reads with what is filled in told in words."""
    return re.sub(r"{(\w+)}", lambda found: f"*{found[1].replace('_', ' ')}*", text)


def faults_of(base: type[SpeechError]) -> Iterator[type[SpeechError]]:
    """Yield every kind of error in the order in which they are written down."""
    yield from (fault for fault in vars(errors).values() if inspect.isclass(fault) and issubclass(fault, base))


def _decisions() -> dict[str, str]:
    """Return what every kind of error says of itself beside its name, with its explanation."""
    (definition,) = (
        node
        for node in ast.parse(Path(errors.__file__).read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == SpeechError.__name__
    )
    meanings: dict[str, str] = {}
    for node, following in zip(definition.body, definition.body[1:], strict=False):
        match node, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(meaning))):
                meanings[name] = " ".join(meaning.split())
    declared = [name for name, kind in SpeechError.__annotations__.items() if _is_of_class(kind)]
    return {name: meanings.get(name, "") for name in declared if name != "translation_key"}


def _is_of_class(annotation: object) -> bool:
    return get_origin(annotation) is ClassVar


def _told(value: object) -> str:
    """Return how a decision reads in a table."""
    if isinstance(value, bool):
        return "yes" if value else _NONE
    return f"`{value}`" if value else _NONE


def _summary(fault: type[SpeechError]) -> str:
    return (inspect.getdoc(fault) or "").split("\n\n")[0]


def _ranged(option: Option) -> str:
    """Return a setting with its values."""
    values = _spanned([option])
    return f"`{option.key}` {values}".strip()


def _spanned(options: Sequence[Option]) -> str:
    """Return the values that any of some settings of the same name has."""
    numbers = [option for option in options if isinstance(option, NumberOption)]
    if numbers:
        return f"{min(one.minimum for one in numbers):g} to {max(one.maximum for one in numbers):g}"
    match options[0]:
        case ChoiceOption(choices=words):
            return listed(words, as_code=True)
        case IntegerChoiceOption(values=values):
            return listed(map(str, values))
        case ObjectOption():
            return "an object"
    return "text"


def _server(server: SpeechServer) -> Cells:
    """Say what a server does; nothing is certain of one that nobody knows."""
    key = "yes" if server.requires_key else "if set" if server.accepts_key else _NONE
    speed = f"{server.speed[0]:g} to {server.speed[1]:g}" if server.speed else _NONE
    if server.voice_lists:
        voices = "asked for"
    elif server.voices:
        voices = "known beforehand"
    else:
        voices = "told with the models" if server.key_page else "to be typed"
    return (
        server.label,
        f"`{server.default_address}`" if server.default_address else "you tell",
        key,
        speed,
        ("tried" if server.is_unknown else "if the model does") if server.takes_instructions else _NONE,
        "tried" if server.is_unknown else listed(server.formats),
        f"{server.max_chars:,}",
        voices,
    )


def documents() -> Iterator[Path]:
    """Yield every document that may take something from the code."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


async def write(*, is_check: bool) -> list[Path]:
    """Make all documents anew, or only see which ones would change; return those."""
    async with ClientSession() as session:
        providers = {
            name: kind(HttpSessions(session, session), kind.resolve_addresses({}), "")
            for name, kind in PROVIDERS.items()
        }
        writer = Writer(providers, json.loads(ENGLISH.read_text()))
        changed: list[Path] = []
        for path in documents():
            before = path.read_text()
            after = writer.written(before)
            if after != before:
                changed.append(path.relative_to(ROOT))
                if not is_check:
                    path.write_text(after)
    return changed


def main() -> None:
    """Write, or check."""
    is_check = "--check" in sys.argv[1:]
    changed = asyncio.run(write(is_check=is_check))
    for path in changed:
        print(f"{path} {'is not what the code says: run script/docs' if is_check else 'has been written'}")
    sys.exit(bool(changed) and is_check)


if __name__ == "__main__":
    main()
