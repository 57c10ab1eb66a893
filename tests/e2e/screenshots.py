"""Screenshots for the README and of failures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from .browser_page import BrowserPage

_ROOT: Final = Path(__file__).parents[2]
_FOLDER: Final = _ROOT / "docs" / "screenshots"
_COLORS: Final = 128  # reduces the size to a third


@dataclass(frozen=True, slots=True)
class Screenshots:
    """Screenshots of a page, saved in `folder` or, if `updates_readme`, in the repository."""

    page: BrowserPage
    updates_readme: bool
    folder: Path

    async def take(self, name: str) -> None:
        """Take a screenshot of the README."""
        file = (_FOLDER if self.updates_readme else self.folder) / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        await self.page.take_screenshot(file)
        with Image.open(file) as image:
            reduced = image.convert("RGB").quantize(_COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        reduced.save(file, optimize=True)

    async def take_failure(self) -> str:
        """Take a screenshot of a failure, and return where it is."""
        file = self.folder / "failure.png"
        await self.page.take_screenshot(file)
        return f"screenshot: {file}"
