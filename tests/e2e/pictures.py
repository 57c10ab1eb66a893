"""Pictures of the page: those that the README shows, and those of what went wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from .browser import Visitor

_ROOT: Final = Path(__file__).parents[2]
_FOLDER: Final = _ROOT / "docs" / "screenshots"
_COLORS: Final = 128  # enough for a page; a third of the size


@dataclass(frozen=True, slots=True)
class Album:
    """The README's pictures, which are only taken anew when asked for. spare: where others go."""

    visitor: Visitor
    renews: bool
    spare: Path

    async def take(self, name: str) -> None:
        """Take one of the README's pictures."""
        file = (_FOLDER if self.renews else self.spare) / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        await self.visitor.picture(file)
        with Image.open(file) as picture:
            small = picture.convert("RGB").quantize(_COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(file, optimize=True)

    async def take_failure(self) -> str:
        """Show what went wrong."""
        file = self.spare / "failure.png"
        await self.visitor.picture(file)
        return f"what the page shows is in {file}"
