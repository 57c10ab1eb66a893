"""Tests of the workflows and of the release script."""

from pathlib import Path
import re
import subprocess
from typing import Any
import zipfile

import pytest
import yaml

from tests.support.repository import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
VERSION = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]


def run_release_script(version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the release script."""
    command = [ROOT / "script/release", version, folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> Path:
    """Return each workflow."""
    path: Path = request.param
    return path


def test_actions_are_pinned(workflow: Path) -> None:
    """Actions are pinned to a commit, with the version in a comment."""
    used = re.findall(r"^\s*-? *uses: (.*)$", workflow.read_text(), re.MULTILINE)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # \S.*", action), action


def test_permissions_are_minimal(workflow: Path) -> None:
    """Workflows have minimal permissions, a timeout, and a concurrency group."""
    content: dict[str, Any] = yaml.safe_load(workflow.read_text())
    assert content["permissions"] == {}
    assert content["concurrency"]
    for name, job in content["jobs"].items():
        assert job["timeout-minutes"] <= 60, name
        writes = {scope for scope, access in job["permissions"].items() if access != "read"}
        assert writes <= ({"contents"} if workflow.stem == "release" else set()), name
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, name


def test_release(tmp_path: Path) -> None:
    """A release has the files of the integration at the root of its archive, and the changes as its notes."""
    result = run_release_script(VERSION, tmp_path / "dist")
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(tmp_path / "dist/orator.zip") as archive:
        names = set(archive.namelist())
    assert {"manifest.json", "tts.py", "translations/en.json", "audio/sounds/soft.wav", "brand/icon.png"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("/", ".", "custom_components"))]
    assert (tmp_path / "dist/notes.md").read_text().startswith("### ")


def test_release_with_wrong_version(tmp_path: Path) -> None:
    """A tag that differs from the manifest's version is not released."""
    result = run_release_script("99.0.0", tmp_path / "dist")
    assert result.returncode != 0
    assert VERSION in result.stderr
    assert not (tmp_path / "dist").exists()
