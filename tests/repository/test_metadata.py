"""Tests of manifest, translations, brand and quality scale, as hassfest and the Marketplace (HACS) check them."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
import re
import struct

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.const import Platform
from homeassistant.helpers.entity import EntityDescription
import pytest
import yaml

from custom_components.orator.const import DOMAIN
from custom_components.orator.limit_alerts import LimitEventType
from custom_components.orator.limits import LimitPeriod
from custom_components.orator.number import LIMIT_NUMBERS
from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.base import Provider
from custom_components.orator.providers.errors import SpeechError
from custom_components.orator.sensor import (
    BALANCE_SENSOR,
    CACHED_SENSOR,
    CONNECTION_SENSOR,
    LEFT_SENSORS,
    USAGE_SENSORS,
    VOICE_SENSORS,
)
from tests.support.repository import INTEGRATION, ROOT, TRANSLATIONS, Strings, load_json, walk_texts

BRAND = INTEGRATION / "brand"

MANIFEST_KEYS_REQUIRED = {
    "codeowners",
    "config_flow",
    "documentation",
    "domain",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "name",
    "requirements",
    "version",
}
MANIFEST_KEYS = MANIFEST_KEYS_REQUIRED | {"after_dependencies", "dependencies", "loggers", "quality_scale"}
HACS_KEYS = {"country", "filename", "hacs", "hide_default_branch", "homeassistant", "name", "zip_release"}
RULES = """
    action-setup appropriate-polling brands common-modules config-flow config-flow-test-coverage dependency-transparency
    docs-actions docs-conditions docs-high-level-description docs-installation-instructions docs-removal-instructions
    docs-triggers entity-event-setup entity-unique-id has-entity-name runtime-data test-before-configure
    test-before-setup unique-config-entry
    action-exceptions config-entry-unloading docs-configuration-parameters docs-installation-parameters
    entity-unavailable integration-owner log-when-unavailable parallel-updates reauthentication-flow test-coverage
    devices diagnostics discovery discovery-update-info docs-data-update docs-examples docs-known-limitations
    docs-supported-devices docs-supported-functions docs-troubleshooting docs-use-cases dynamic-devices entity-category
    entity-device-class entity-disabled-by-default entity-translations exception-translations icon-translations
    reconfiguration-flow repair-issues stale-devices
    async-dependency inject-websession strict-typing
"""

BUILT_IN = {"homeassistant", "media_source", "persistent_notification", "system_health", "websocket_api"}
"""Components of every Home Assistant, which hassfest allows to import undeclared."""


def get_flows(strings: Strings) -> list[Strings]:
    """Return the texts of the config flow, of the options flow and of each subentry flow."""
    return [strings["config"], strings["options"], *strings.get("config_subentries", {}).values()]


def find_keywords(name: str) -> set[str]:
    """Return the string literals that the code passes as a keyword, or assigns to an attribute, of this name."""
    found: set[str] = set()
    for file in INTEGRATION.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case (
                    ast.keyword(arg=target, value=ast.Constant(value=str(literal)))
                    | ast.Assign(targets=[ast.Name(id=target)], value=ast.Constant(value=str(literal)))
                    | ast.AnnAssign(target=ast.Name(id=target), value=ast.Constant(value=str(literal)))
                ) if target in {name, f"_attr_{name}"}:
                    found.add(literal)
    return found


def get_error_types(base: type[SpeechError] = SpeechError) -> Iterator[type[SpeechError]]:
    """Yield every error class of the providers."""
    yield base
    for error in base.__subclasses__():
        yield from get_error_types(error)


@pytest.fixture(scope="module")
def manifest() -> Strings:
    """Return the manifest."""
    return load_json(INTEGRATION / "manifest.json")


@pytest.fixture(scope="module")
def english() -> Strings:
    """Return the English texts."""
    return load_json(TRANSLATIONS / "en.json")


def test_manifest(manifest: Strings) -> None:
    """The manifest has the keys, order and URLs that hassfest and HACS require."""
    assert list(manifest) == ["domain", "name", *sorted(manifest.keys() - {"domain", "name"})]
    assert MANIFEST_KEYS_REQUIRED <= manifest.keys() <= MANIFEST_KEYS
    assert manifest["domain"] == INTEGRATION.name
    assert manifest["codeowners"]
    assert all(owner.startswith("@") for owner in manifest["codeowners"])
    for key in ("documentation", "issue_tracker"):
        assert manifest[key].startswith("https://")
        assert "home-assistant.io" not in manifest[key]


def test_version(manifest: Strings) -> None:
    """The version is semantic, and the newest one in the changelog."""
    assert AwesomeVersion(manifest["version"]).strategy is AwesomeVersionStrategy.SEMVER
    headings = re.findall(r"^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == manifest["version"]


def test_repository(manifest: Strings) -> None:
    """The repository has the files and keys that the Marketplace (HACS) requires."""
    hacs = load_json(ROOT / "hacs.json")
    assert {"homeassistant", "name"} <= hacs.keys() <= HACS_KEYS
    assert hacs["name"] == manifest["name"]
    assert AwesomeVersion(hacs["homeassistant"]).strategy is AwesomeVersionStrategy.CALVER
    folders = [path.name for path in INTEGRATION.parent.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert folders == [DOMAIN]


def test_fields_are_described(english: Strings) -> None:
    """Every field of every form has a name and a description."""
    for flow in get_flows(english):
        for step in flow["step"].values():
            for part in (step, *step.get("sections", {}).values()):
                assert part.get("data", {}).keys() == part.get("data_description", {}).keys()


def test_flow_texts_exist(english: Strings) -> None:
    """Every step and every abort reason of the flows has a text."""
    steps = {step for flow in get_flows(english) for step in flow["step"]}
    assert find_keywords("step_id") <= steps
    reasons = {reason for flow in get_flows(english) for reason in flow.get("abort", {})}
    assert find_keywords("reason") <= reasons


def test_translation_keys_exist(english: Strings) -> None:
    """Every translation key in the code has a text."""
    known: set[str] = set()
    for category in ("exceptions", "issues", "selector", *(f"entity.{name}" for name in english.get("entity", {}))):
        strings = english
        for name in category.split("."):
            strings = strings.get(name, {})
        known |= strings.keys()
    assert find_keywords("translation_key") <= known


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_settings_have_texts(provider: type[Provider], english: Strings) -> None:
    """Every setting of every provider has a text in each form that shows it, and every choice has a name."""
    steps = english["config_subentries"]["voice"]["step"]
    parts = (steps["voice"], *steps["voice"]["sections"].values())
    for key in provider.option_keys:
        assert [key in part["data"] for part in parts].count(True) == 1
    for choice in provider.choices:
        assert set(choice.choices) == english["selector"][choice.key]["options"].keys()
        for step in ("user", "reconfigure"):
            form = steps[step] if choice.precedes_model else steps[step]["sections"]["advanced"]
            assert choice.key in form["data"]
    for step in ("account", "reconfigure"):
        form = english["config"]["step"][step]
        assert set(provider.address_keys) <= form.get("sections", {}).get("server", form)["data"].keys()


def test_issue_placeholders(english: Strings) -> None:
    """The texts of issues use only placeholders that are set."""
    for kind, issue in english["issues"].items():
        text = issue["title"] + issue.get("description", str(issue.get("fix_flow")))
        known = {"account", "provider", "subject", "voice"}
        known |= {"day", "model", "follower"} if kind.startswith("model_end") else set()
        known |= {"limit", "day"} if "_limit_" in kind else set()
        known |= {"missing"} if kind == "fallback_missing" else set()
        assert set(re.findall(r"{(\w+)}", text)) <= known, kind


def test_issues_of_errors_have_texts(english: Strings) -> None:
    """Every issue that an error class names has a text."""
    assert {error.issue for error in get_error_types() if error.issue} <= english["issues"].keys()


@pytest.mark.parametrize("error", sorted({error.translation_key for error in get_error_types()}))
def test_errors_have_texts(error: str, english: Strings) -> None:
    """Every error of a provider has a text for the config flow and one for synthesis."""
    assert error in english["config"]["error"]
    assert error in english["exceptions"]


def test_sensors_have_names_and_icons(english: Strings) -> None:
    """Every sensor has a name and an icon, and every error that a sensor can show has a short name."""
    icons = load_json(INTEGRATION / "icons.json")["entity"]["sensor"]
    sensors = (CONNECTION_SENSOR, *USAGE_SENSORS, CACHED_SENSOR, *VOICE_SENSORS, BALANCE_SENSOR)
    keys = {sensor.translation_key for sensor in sensors} | get_limit_keys(LEFT_SENSORS)
    assert keys == english["entity"]["sensor"].keys() == icons.keys()
    assert english["entity"]["sensor"]["last_error"]["state"].keys() == {
        error.translation_key for error in get_error_types()
    }


def get_limit_keys(descriptions: Iterable[EntityDescription]) -> set[str]:
    """Return the translation keys of entities that show a limit in a currency or in characters."""
    return {key for description in descriptions for key in (description.key, f"{description.key}_characters")}


def test_numbers_and_events_have_names_and_icons(english: Strings) -> None:
    """Every number and every type of event has a name, and every number an icon."""
    icons = load_json(INTEGRATION / "icons.json")["entity"]
    assert english["entity"]["number"].keys() == icons["number"].keys() == get_limit_keys(LIMIT_NUMBERS)
    attributes = english["entity"]["event"]["limit"]["state_attributes"]
    assert attributes["event_type"]["state"].keys() == set(LimitEventType)
    assert attributes["period"]["state"].keys() == set(LimitPeriod)


@pytest.mark.parametrize("theme", ["", "dark_"])
@pytest.mark.parametrize(("resolution", "scale"), [("", 1), ("@2x", 2)])
def test_brand(theme: str, resolution: str, scale: int) -> None:
    """The images have the sizes that Home Assistant requires."""
    assert read_png_size(BRAND / f"{theme}icon{resolution}.png") == (256 * scale, 256 * scale)
    shortest_side = min(read_png_size(BRAND / f"{theme}logo{resolution}.png"))
    assert 128 * scale <= shortest_side <= 256 * scale


def read_png_size(path: Path) -> tuple[int, int]:
    """Return the width and height of a PNG image."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_quality_scale() -> None:
    """Every rule is done, with existing files as evidence, or exempt with a reason."""
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    assert sorted(rules) == sorted(RULES.split())
    assert all(rule["status"] in ("done", "exempt") and rule["comment"] for rule in rules.values())
    for name, rule in rules.items():
        evidence = re.findall(r"\b[\w./]+\.(?:py|md|json|yaml|toml|png)\b|\bscript/\w+", rule["comment"])
        assert evidence or rule["status"] != "done", name
        assert all((ROOT / path).is_file() for path in evidence), f"{name}: {evidence}"


def test_quality_scale_evidence() -> None:
    """Tests and headings that the quality scale names exist."""
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    pages = "".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")))
    for comment in (rule["comment"] for rule in rules.values()):
        assert all(f"def {name}(" in tests for name in re.findall(r"\btest_\w+\b(?!\.py)", comment)), comment
        headings = re.findall(r'\.md, "([^"]+)"', comment)
        assert all(re.search(rf"^#+ {re.escape(heading)}$", pages, re.MULTILINE) for heading in headings), comment


def test_parallel_updates() -> None:
    """Every platform sets PARALLEL_UPDATES."""
    platforms = [path for path in INTEGRATION.glob("*.py") if "async_add_entities" in path.read_text()]
    assert platforms
    for path in platforms:
        assert re.search(r"^PARALLEL_UPDATES = \d+$", path.read_text(), re.MULTILINE), path.name


def test_keys_are_plain(english: Strings) -> None:
    """The keys of texts pass hassfest."""
    for path, _ in walk_texts(english):
        assert re.fullmatch(r"(?!.*[_-]{2})[a-z0-9][a-z0-9_-]*(?<![_-])", path[-1]), path


def test_components_are_declared(manifest: Strings) -> None:
    """Every imported component of Home Assistant is a declared dependency, as hassfest requires."""
    allowed = {*Platform, *manifest["dependencies"], *manifest.get("after_dependencies", ()), *BUILT_IN}
    allowed |= {path.stem for path in INTEGRATION.glob("*.py")}  # the component of that name loads the file
    imported: set[str] = set()
    for file in INTEGRATION.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "homeassistant.components":
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("homeassistant.components."):
                imported.add(str(node.module).split(".")[2])
    assert "tts" in imported
    assert imported <= allowed


def test_components_are_declared_once(manifest: Strings) -> None:
    """No component is both in `dependencies` and in `after_dependencies`."""
    both = [*manifest["dependencies"], *manifest["after_dependencies"]]
    assert len(both) == len(set(both))


def test_actions_are_described(english: Strings) -> None:
    """Every action has texts for itself and its fields, and an icon; rarely used fields are in collapsed sections."""
    path = INTEGRATION / "services.yaml"
    services = yaml.safe_load(path.read_text())
    texts_of = english["services"]
    icons = load_json(INTEGRATION / "icons.json")["services"]
    assert services.keys() == texts_of.keys() == icons.keys()
    for name, service in services.items():
        fields = set((service or {}).get("fields", {}))
        for section in [field for field in fields if "fields" in service["fields"][field]]:
            assert section in texts_of[name]["sections"]
            fields = (fields - {section}) | set(service["fields"][section]["fields"])
            assert service["fields"][section]["collapsed"]
        assert fields == texts_of[name]["fields"].keys()
    assert "advanced: true" not in path.read_text()  # Home Assistant 2026.11 ignores it


def test_icons(english: Strings) -> None:
    """Every icon is a Material Design icon, and for an entity that has a text."""
    icons = load_json(INTEGRATION / "icons.json")
    for platform, entities in icons["entity"].items():
        assert entities.keys() <= english["entity"][platform].keys()
    assert all(re.fullmatch(r"mdi:[a-z0-9-]+", icon) for _, icon in walk_texts(icons))


def test_licence_is_open(manifest: Strings) -> None:
    """The licence is an open source one, and requirements have versions."""
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert all(re.fullmatch(r"[\w-]+(?:[<>=]=?[\w.]+,?)+", requirement) for requirement in manifest["requirements"])


def test_oldest_home_assistant() -> None:
    """The README names the oldest Home Assistant version that the Marketplace (HACS) allows."""
    oldest = load_json(ROOT / "hacs.json")["homeassistant"].rpartition(".")[0]
    assert f"Home Assistant {oldest} or later" in (ROOT / "README.md").read_text()
