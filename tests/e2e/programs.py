"""Debian's programs: where they are, and how they run."""

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import shutil


class ProgramError(Exception):
    """A program is missing, or did not do what it is for."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs of the system, and such as have been unpacked into a folder beside it.

    prefix: the folder, if any.
    """

    prefix: Path | None

    def find(self, name: str) -> str:
        """Return where a program is."""
        found = shutil.which(name, path=self.environment["PATH"])
        if found is None:
            raise ProgramError(f"{name} is missing")
        return found

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which they find their libraries, plug-ins and fonts."""
        if self.prefix is None:
            return os.environ
        usr = self.prefix / "usr"
        (libraries,) = usr.glob("lib/*-linux-gnu")
        folders = [libraries, *(path for path in libraries.iterdir() if path.is_dir())]
        system = f"/{libraries.relative_to(self.prefix)}"
        return {
            **os.environ,
            "PATH": _joined(usr / "lib/chromium", usr / "bin", os.environ["PATH"], "/usr/sbin", "/sbin"),
            "LD_LIBRARY_PATH": _joined(*folders),
            "GST_PLUGIN_SYSTEM_PATH_1_0": _joined(libraries / "gstreamer-1.0", f"{system}/gstreamer-1.0"),
            "XDG_DATA_HOME": str(usr / "share"),
        }


def _joined(*folders: object) -> str:
    return os.pathsep.join(map(str, folders))
