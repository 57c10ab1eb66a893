"""What Home Assistant's own checks and the Marketplace (HACS) ask of the files around the code."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
import struct
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
from homeassistant.const import Platform
import pytest
import yaml

from custom_components.orator.const import DOMAIN
from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.base import Provider
from custom_components.orator.providers.errors import SpeechError
from custom_components.orator.sensor import ACCOUNT_SENSORS, USAGE_SENSORS, VOICE_SENSORS

ROOT = Path(__file__).parents[2]
INTEGRATION = ROOT / "custom_components" / DOMAIN
TRANSLATIONS = INTEGRATION / "translations"
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
"""Components that every Home Assistant has, so that hassfest lets anybody import them."""

type Strings = dict[str, Any]


def load(path: Path) -> Strings:
    """Read a JSON object."""
    document = json.loads(path.read_text())
    assert isinstance(document, dict)
    return document


def texts(strings: Strings, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text of a translation with the path of keys to it."""
    for key, value in strings.items():
        if isinstance(value, str):
            yield (*path, key), value
        else:
            yield from texts(value, (*path, key))


def flows(strings: Strings) -> list[Strings]:
    """Return the strings of each flow: of the account and of its subentries."""
    return [strings["config"], *strings.get("config_subentries", {}).values()]


def keywords(name: str) -> set[str]:
    """Return the literals that the integration's code passes as the keyword, or gives to the attribute, of a name."""
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


def error_types(base: type[SpeechError] = SpeechError) -> Iterator[type[SpeechError]]:
    """Yield every kind of error that a provider can report."""
    yield base
    for error in base.__subclasses__():
        yield from error_types(error)


@pytest.fixture(scope="module")
def manifest() -> Strings:
    """Return the integration's manifest."""
    return load(INTEGRATION / "manifest.json")


@pytest.fixture(scope="module")
def english() -> Strings:
    """Return the texts that all translations are made from."""
    return load(TRANSLATIONS / "en.json")


def test_manifest(manifest: Strings) -> None:
    """The manifest passes what hassfest and HACS check."""
    assert list(manifest) == ["domain", "name", *sorted(manifest.keys() - {"domain", "name"})]
    assert MANIFEST_KEYS_REQUIRED <= manifest.keys() <= MANIFEST_KEYS
    assert manifest["domain"] == INTEGRATION.name
    assert manifest["codeowners"]
    assert all(owner.startswith("@") for owner in manifest["codeowners"])
    for key in ("documentation", "issue_tracker"):
        assert manifest[key].startswith("https://")
        assert "home-assistant.io" not in manifest[key]


def test_version(manifest: Strings) -> None:
    """The version is one that Home Assistant accepts, and the newest one that the changelog tells of."""
    assert AwesomeVersion(manifest["version"]).strategy is AwesomeVersionStrategy.SEMVER
    headings = re.findall(r"^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == manifest["version"]


def test_repository(manifest: Strings) -> None:
    """The repository is one that the Marketplace (HACS) accepts."""
    hacs = load(ROOT / "hacs.json")
    assert {"homeassistant", "name"} <= hacs.keys() <= HACS_KEYS
    assert hacs["name"] == manifest["name"]
    assert AwesomeVersion(hacs["homeassistant"]).strategy is AwesomeVersionStrategy.CALVER
    folders = [path.name for path in INTEGRATION.parent.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert folders == [DOMAIN]


def test_fields_are_described(english: Strings) -> None:
    """Every field of every form has a name and an explanation."""
    for flow in flows(english):
        for step in flow["step"].values():
            for part in (step, *step.get("sections", {}).values()):
                assert part.get("data", {}).keys() == part.get("data_description", {}).keys()


def test_flow_texts_exist(english: Strings) -> None:
    """Every step that a flow shows and every reason that it ends for has its text."""
    steps = {step for flow in flows(english) for step in flow["step"]}
    assert keywords("step_id") <= steps
    reasons = {reason for flow in flows(english) for reason in flow.get("abort", {})}
    assert keywords("reason") <= reasons


def test_translation_keys_exist(english: Strings) -> None:
    """Every translation key in the code leads to a text."""
    known: set[str] = set()
    for category in ("exceptions", "issues", "selector", *(f"entity.{name}" for name in english.get("entity", {}))):
        strings = english
        for name in category.split("."):
            strings = strings.get(name, {})
        known |= strings.keys()
    assert keywords("translation_key") <= known


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_settings_are_explained(provider: type[Provider], english: Strings) -> None:
    """Every setting of every provider has its words wherever it is asked for, and every choice has its name."""
    steps = english["config_subentries"]["voice"]["step"]
    for key in provider.option_keys:
        assert key in steps["voice"]["data"]
    for choice in provider.choices:
        assert set(choice.choices) == english["selector"][choice.key]["options"].keys()
        for step in ("user", "reconfigure"):
            asked = steps[step] if choice.precedes_model else steps[step]["sections"]["advanced"]
            assert choice.key in asked["data"]
    for step in ("account", "reconfigure"):
        part = english["config"]["step"][step]
        assert set(provider.address_keys) <= part.get("sections", {}).get("server", part)["data"].keys()


def test_issues_are_explained(english: Strings) -> None:
    """Every issue says what is wrong and what to do, with what is put into it."""
    for kind, issue in english["issues"].items():
        words = issue["title"] + issue.get("description", str(issue.get("fix_flow")))
        known = {"account", "provider", "subject", "voice"}
        known |= {"day", "model", "follower"} if kind.startswith("model_end") else set()
        known |= {"missing"} if kind == "stand_in_missing" else set()
        assert set(re.findall(r"{(\w+)}", words)) <= known, kind


def test_errors_open_issues_that_are_there(english: Strings) -> None:
    """Every issue that an error names has its words."""
    assert {error.issue for error in error_types() if error.issue} <= english["issues"].keys()


@pytest.mark.parametrize("error", sorted({error.translation_key for error in error_types()}))
def test_errors_are_explained(error: str, english: Strings) -> None:
    """Every error of a provider is explained both where it is set up and where it speaks."""
    assert error in english["config"]["error"]
    assert error in english["exceptions"]


def test_sensors_have_words_and_icons(english: Strings) -> None:
    """Every sensor has a name and an icon, and every error that one may show has a short name of its own."""
    icons = load(INTEGRATION / "icons.json")["entity"]["sensor"]
    keys = {sensor.translation_key for sensor in (*ACCOUNT_SENSORS, *USAGE_SENSORS, *VOICE_SENSORS)} | {"balance"}
    assert keys == english["entity"]["sensor"].keys() == icons.keys()
    assert english["entity"]["sensor"]["last_error"]["state"].keys() == {
        error.translation_key for error in error_types()
    }


@pytest.mark.parametrize("theme", ["", "dark_"])
@pytest.mark.parametrize(("resolution", "scale"), [("", 1), ("@2x", 2)])
def test_brand(theme: str, resolution: str, scale: int) -> None:
    """The images have the sizes that Home Assistant asks for."""
    assert png_size(BRAND / f"{theme}icon{resolution}.png") == (256 * scale, 256 * scale)
    shortest_side = min(png_size(BRAND / f"{theme}logo{resolution}.png"))
    assert 128 * scale <= shortest_side <= 256 * scale


def png_size(path: Path) -> tuple[int, int]:
    """Return the width and height that a PNG's header tells."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_quality_scale() -> None:
    """Every rule is done, with evidence that is there, or exempt for a reason."""
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    assert sorted(rules) == sorted(RULES.split())
    assert all(rule["status"] in ("done", "exempt") and rule["comment"] for rule in rules.values())
    for name, rule in rules.items():
        evidence = re.findall(r"\b[\w./]+\.(?:py|md|json|yaml|toml|png)\b|\bscript/\w+", rule["comment"])
        assert evidence or rule["status"] != "done", name
        assert all((ROOT / path).is_file() for path in evidence), f"{name}: {evidence}"


def test_evidence_names_tests_and_headings_that_exist() -> None:
    """A test or a heading that is evidence is there by that name."""
    rules = yaml.safe_load((INTEGRATION / "quality_scale.yaml").read_text())["rules"]
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    pages = "".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")))
    for comment in (rule["comment"] for rule in rules.values()):
        assert all(f"def {name}(" in tests for name in re.findall(r"\btest_\w+\b(?!\.py)", comment)), comment
        headings = re.findall(r'\.md, "([^"]+)"', comment)
        assert all(re.search(rf"^#+ {re.escape(heading)}$", pages, re.MULTILINE) for heading in headings), comment


def test_platforms_say_how_many_updates_run_at_once() -> None:
    """Every platform sets PARALLEL_UPDATES."""
    platforms = [path for path in INTEGRATION.glob("*.py") if "async_add_entities" in path.read_text()]
    assert platforms
    for path in platforms:
        assert re.search(r"^PARALLEL_UPDATES = \d+$", path.read_text(), re.MULTILINE), path.name


def test_translations_have_no_references_and_no_markup(english: Strings) -> None:
    """Texts and their names are as hassfest wants them: plain, with addresses in placeholders."""
    for path, text in texts(english):
        assert not re.search(r"<[a-zA-Z/]", text), path
        assert not re.search(r"https?://\w+\.\w", text), path
        assert not re.search(r"'{\w+}'", text), path
        assert re.fullmatch(r"(?!.*[_-]{2})[a-z0-9][a-z0-9_-]*(?<![_-])", path[-1]), path
        assert text == text.strip(), path


def test_components_are_declared(manifest: Strings) -> None:
    """Every component of Home Assistant that is imported is there by then, as hassfest demands."""
    allowed = {*Platform, *manifest["dependencies"], *manifest.get("after_dependencies", ()), *BUILT_IN}
    allowed |= {path.stem for path in INTEGRATION.glob("*.py")}  # a file of that name is only loaded by its component
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
    """What has to be there is not also something to wait for where it happens to be, which hassfest refuses."""
    both = [*manifest["dependencies"], *manifest["after_dependencies"]]
    assert len(both) == len(set(both))


def test_actions_are_described(english: Strings) -> None:
    """Every action and each of its fields has words, and every action has an icon."""
    described = INTEGRATION / "services.yaml"
    services = yaml.safe_load(described.read_text()) if described.exists() else {}
    words = english.get("services", {})
    icons = load(INTEGRATION / "icons.json").get("services", {}) if services else {}
    assert services.keys() == words.keys() == icons.keys()
    for name, service in services.items():
        fields = set((service or {}).get("fields", {}))
        for section in [field for field in fields if "fields" in service["fields"][field]]:
            assert section in words[name]["sections"]
            fields = (fields - {section}) | set(service["fields"][section]["fields"])
        assert fields == words[name]["fields"].keys()


def test_icons_belong_to_something(english: Strings) -> None:
    """Every icon is one of Material Design's, and of something that has words."""
    path = INTEGRATION / "icons.json"
    icons = load(path) if path.exists() else {}
    for platform, entities in icons.get("entity", {}).items():
        assert entities.keys() <= english["entity"][platform].keys()
    assert all(re.fullmatch(r"mdi:[a-z0-9-]+", icon) for _, icon in texts(icons))


def test_licence_is_open(manifest: Strings) -> None:
    """The licence is one that the Open Source Initiative knows, and what is required is named with its versions."""
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert all(re.fullmatch(r"[\w-]+(?:[<>=]=?[\w.]+,?)+", requirement) for requirement in manifest["requirements"])


def test_hacs_asks_for_the_oldest_home_assistant_that_is_tested() -> None:
    """The oldest Home Assistant that the Marketplace lets install it is the one that the README tells."""
    oldest = load(ROOT / "hacs.json")["homeassistant"].rpartition(".")[0]
    assert f"Home Assistant {oldest} or later" in (ROOT / "README.md").read_text()
