"""Check a version and pack its release, with the standard library only."""

import json
from pathlib import Path
import re
import shutil
import sys
import zipfile

INTEGRATION = Path("custom_components/orator")


def read_notes(version: str) -> str:
    """Return the changelog's text about a version.

    Raises:
        ValueError: the version is not the first one in the changelog, or has no text.

    """
    changelog = Path("CHANGELOG.md").read_text()
    sections = re.findall(
        r"^## \[(\d[^]]*)\] - [\d-]+\n(.*?)(?=^## \[|^\[\S+\]: |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    newest, text = sections[0] if sections else ("no version", "")
    if newest != version or not text.strip():
        raise ValueError(f"CHANGELOG.md begins with {newest}, not with {version}")
    return str(text).strip() + "\n"


def check_manifest(version: str) -> None:
    """Raise ValueError if the manifest has another version."""
    found = json.loads((INTEGRATION / "manifest.json").read_text())["version"]
    if found != version:
        raise ValueError(f"{INTEGRATION}/manifest.json has version {found}, not {version}")


def pack(target: Path) -> None:
    """Zip the integration's files with paths relative to its folder, for manual installation."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(INTEGRATION.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(INTEGRATION))


def main(version: str, target: Path) -> None:
    """Write the release into a folder, which is emptied first."""
    try:
        check_manifest(version)
        notes = read_notes(version)
    except ValueError as err:
        sys.exit(str(err))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    pack(target / "orator.zip")
    (target / "notes.md").write_text(notes)
    print(f"{target}/orator.zip and {target}/notes.md contain {version}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
