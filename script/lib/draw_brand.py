"""Draw the brand images for Home Assistant: icon and logo, light and dark, in two resolutions."""

from io import BytesIO
from pathlib import Path

from PIL import Image
import resvg_py

SOURCE = Path("docs/brand")
TARGET = Path("custom_components/orator/brand")
HEIGHTS = {"icon": 256, "logo": 192}
THEMES = {"": None, "dark_": (SOURCE / "dark.css").read_text()}
RESOLUTIONS = {"": 1, "@2x": 2}


def draw(name: str, height: int, style: str | None) -> Image.Image:
    """Render an SVG and crop the transparent margin that rounding may leave."""
    svg = (SOURCE / f"{name}.svg").read_text()
    image = Image.open(BytesIO(resvg_py.svg_to_bytes(svg_string=svg, style_sheet=style, height=height)))
    return image.crop(image.getbbox())


def main() -> None:
    """Write every image."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, height in HEIGHTS.items():
        for prefix, style in THEMES.items():
            for suffix, scale in RESOLUTIONS.items():
                draw(name, height * scale, style).save(TARGET / f"{prefix}{name}{suffix}.png", optimize=True)


if __name__ == "__main__":
    main()
