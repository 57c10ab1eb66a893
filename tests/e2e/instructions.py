"""The instructions of the documents: labels in bold, what to do with them, and paths through Home Assistant.

A path is written as **Settings → Devices & services**.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
import re
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_README: Final = _ROOT / "README.md"
DOCUMENTS: Final = (_README, *sorted((_ROOT / "docs").rglob("*.md")))
_BOLD: Final = re.compile(r"\*\*([^*]+)\*\*")
_STEP: Final = re.compile(r"^\*\*(\d)\. [^*]+\*\*(.*?)\n\n", re.DOTALL | re.MULTILINE)
_FOLLOWED_STEPS: Final = ("2", "3")
"""Steps of the README after the installation, which needs the internet."""
_ALTERNATIVE: Final = re.compile(r",?( or(, if [^,.]+,)?)? ")
"""What stands between labels of which a reader chooses one."""
_SEPARATOR: Final = " → "
_STARTS: Final = ("Media", "Settings")
"""Labels in Home Assistant's sidebar with which a path begins."""
_MIN_PATHS: Final = 10
"""Minimum number of paths in all documents: if fewer are found, they are written in another way."""


class Action(Enum):
    """What a reader does with a label."""

    WALK = auto()
    """Click the labels of the path."""
    CLICK = auto()
    SEARCH = auto()
    ENTER_KEY = auto()
    ENTER_MESSAGE = auto()
    SELECT_SERVICE = auto()
    """Select a service, then click the label."""


_ACTIONS: Final = {
    "search for": Action.SEARCH,
    "Enter your": Action.ENTER_KEY,
    "enter a": Action.ENTER_MESSAGE,
    "select your service or server and choose": Action.SELECT_SERVICE,
    "open the list": Action.CLICK,
    "choose": Action.CLICK,
    "Choose": Action.CLICK,
}
"""Actions by the end of the words before a label; the first that fits."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label in an instruction. before: the words before it; alternatives: labels of which it is the first."""

    text: str
    before: str
    alternatives: tuple[str, ...] = ()

    @property
    def action(self) -> Action:
        """The action that the words before the label describe. Raises ValueError if they are unknown."""
        if _SEPARATOR in self.text:
            return Action.WALK
        for words, action in _ACTIONS.items():
            if self.before.endswith(words):
                return action
        raise ValueError(f"unknown instruction: {self.before} **{self.text}**")


def split_path(path: str) -> list[str]:
    """Return the labels of a path."""
    return path.split(_SEPARATOR)


def find_labels(instruction: str) -> list[Label]:
    """Return the labels in bold, in order."""
    labels: list[Label] = []
    end = 0
    for match in _BOLD.finditer(instruction := " ".join(instruction.split())):
        before, text = instruction[end : match.start()], match[1]
        end = match.end()
        if labels and _ALTERNATIVE.fullmatch(before):
            labels[-1] = replace(labels[-1], alternatives=(*labels[-1].alternatives, text))
        else:
            labels.append(Label(text, before.rstrip()))
    return labels


def find_first_steps() -> list[Label]:
    """Return the labels of the README's followed steps, in order. Raises KeyError if a step is missing."""
    steps = dict(_STEP.findall(_README.read_text(encoding="utf-8")))
    return [label for number in _FOLLOWED_STEPS for label in find_labels(steps[number])]


def find_paths(documents: Iterable[Path] = DOCUMENTS) -> Mapping[str, str]:
    """Return all paths through Home Assistant, each with a document that names it.

    Raises ValueError if too few are found, or none with one of the starts.
    """
    paths: dict[str, str] = {}
    for file in documents:
        for match in _BOLD.finditer(file.read_text(encoding="utf-8")):
            path = " ".join(match[1].split())
            if path.startswith(tuple(f"{start}{_SEPARATOR}" for start in _STARTS)):
                paths.setdefault(path, str(file.relative_to(_ROOT, walk_up=True)))
    missing = [start for start in _STARTS if not any(path.startswith(start) for path in paths)]
    if len(paths) < _MIN_PATHS or missing:
        raise ValueError(f"{len(paths)} paths found; starts without a path: {missing}")
    return paths
