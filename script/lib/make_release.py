"""Check a version, and pack what is released of it. Nothing but Python's own library is needed."""

import json
from pathlib import Path
import re
import shutil
import sys
import zipfile

INTEGRATION = Path("custom_components/orator")


def notes(version: str) -> str:
    """Return what the changelog says of a version. Raises ValueError where that is nothing, or not its first entry."""
    changelog = Path("CHANGELOG.md").read_text()
    sections = re.findall(
        r"^## \[(\d[^]]*)\] - [\d-]+\n(.*?)(?=^## \[|^\[\S+\]: |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    told, text = sections[0] if sections else ("no version", "")
    if told != version or not text.strip():
        raise ValueError(f"CHANGELOG.md begins with {told}, not with {version}")
    return str(text).strip() + "\n"


def check_manifest(version: str) -> None:
    """Raise ValueError where the manifest has another version."""
    told = json.loads((INTEGRATION / "manifest.json").read_text())["version"]
    if told != version:
        raise ValueError(f"{INTEGRATION}/manifest.json says {told}, not {version}")


def pack(target: Path) -> None:
    """Zip the integration's files: the archive is unpacked in the integration's own folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(INTEGRATION.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(INTEGRATION))


def main(version: str, target: Path) -> None:
    """Make the release in a folder, which is emptied."""
    try:
        check_manifest(version)
        told = notes(version)
    except ValueError as err:
        sys.exit(str(err))
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    pack(target / "orator.zip")
    (target / "notes.md").write_text(told)
    print(f"{target}/orator.zip and {target}/notes.md are {version}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
