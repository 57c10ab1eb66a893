"""The documents' instructions can be followed by tests/e2e, which would otherwise skip or misread them."""

from pathlib import Path

import pytest

from tests.e2e.instructions import DOCUMENTS, Action, find_first_steps, find_labels, find_paths


def test_first_steps() -> None:
    """Every instruction of the README's first steps is known."""
    actions = [label.action for label in find_first_steps()]
    assert set(actions) == set(Action)


def test_unknown_instruction() -> None:
    """An unknown instruction is an error, and not a click."""
    (label,) = find_labels("Hold down **Submit**.")
    with pytest.raises(ValueError, match=r"Hold down \*\*Submit\*\*"):
        _ = label.action


@pytest.mark.parametrize(("old", "new"), [("→", "->"), ("**", "__"), ("**Media ", "**Sources ")])
def test_paths_written_in_another_way(tmp_path: Path, old: str, new: str) -> None:
    """All paths of the documents are found; if they are written in another way, finding none is an error."""
    assert find_paths()
    document = tmp_path / "document.md"
    document.write_text("".join(file.read_text(encoding="utf-8") for file in DOCUMENTS).replace(old, new))
    with pytest.raises(ValueError, match="paths found"):
        find_paths([document])
