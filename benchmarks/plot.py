"""Plot of the audio delivered over time, as SVG."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

from .results import FLOOR, OPENAI, ORATOR, Curve, Results

_WIDTH: Final = 860
_HEIGHT: Final = 380
_MARGINS: Final = (70, 50, 30, 60)  # left, top, right, bottom
_COLORS: Final = {FLOOR: "#8a8f98", ORATOR: "#0b6bcb", OPENAI: "#d9541e"}
_MAX_POINTS: Final = 400
_TICKS: Final = 8
_FONT: Final = "font-family='system-ui, sans-serif'"


@dataclass(frozen=True, slots=True)
class _Panel:
    """Position and scale of a plot: its top in pixels, and the maxima of both axes in seconds."""

    top: float
    seconds: float
    audio: float

    def x(self, seconds: float) -> float:
        left, _, right, _ = _MARGINS
        return left + seconds / self.seconds * (_WIDTH - left - right)

    def y(self, audio: float) -> float:
        _, top, _, bottom = _MARGINS
        return self.top + _HEIGHT - bottom - audio / self.audio * (_HEIGHT - top - bottom)


def svg(results: Results) -> str:
    """Return all plots, one below the other."""
    plots = list(dict.fromkeys(curve.plot for curve in results.curves))
    height = max(1, len(plots)) * _HEIGHT
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{height}' viewBox='0 0 {_WIDTH} {height}'>",
        f"<rect width='{_WIDTH}' height='{height}' fill='#ffffff'/>",
    ]
    for index, plot in enumerate(plots):
        lines += _plot(plot, [curve for curve in results.curves if curve.plot == plot], index * _HEIGHT)
    return "\n".join([*lines, "</svg>", ""])


def _plot(title: str, curves: list[Curve], top: float) -> Iterator[str]:
    """Draw a plot: axes, the audio of each candidate, and playback of it in real time."""
    ends = [curve.points[-1] for curve in curves if curve.points] or [(1.0, 1.0)]
    last, longest = (max(values) for values in zip(*ends, strict=True))
    panel = _Panel(top, last * 1.03, longest * 1.08)
    yield f"<text x='{_MARGINS[0]}' y='{top + 24}' font-size='16' font-weight='600' {_FONT}>{escape(title)}</text>"
    yield from _axes(panel)
    for index, curve in enumerate(curves):
        yield from _legend(panel, index, curve)
        if not curve.points:
            continue
        color = _COLORS[curve.candidate]
        yield _line(panel, _steps(curve), f"stroke='{color}' stroke-width='2.2'")
        yield _line(panel, _playback(curve, panel), f"stroke='{color}' stroke-width='1.2' stroke-dasharray='2 4'")


def _axes(panel: _Panel) -> Iterator[str]:
    for step in _ticks(panel.seconds):
        x, bottom = panel.x(step), panel.y(0)
        yield f"<line x1='{x:.1f}' y1='{panel.y(panel.audio):.1f}' x2='{x:.1f}' y2='{bottom:.1f}' stroke='#e6e8eb'/>"
        yield f"<text x='{x:.1f}' y='{bottom + 18:.1f}' font-size='12' text-anchor='middle' {_FONT}>{step:g}</text>"
    for step in _ticks(panel.audio):
        y, left = panel.y(step), panel.x(0)
        yield f"<line x1='{left:.1f}' y1='{y:.1f}' x2='{panel.x(panel.seconds):.1f}' y2='{y:.1f}' stroke='#e6e8eb'/>"
        yield f"<text x='{left - 8:.1f}' y='{y + 4:.1f}' font-size='12' text-anchor='end' {_FONT}>{step:g}</text>"
    middle, below = panel.x(panel.seconds / 2), panel.y(0) + 42
    label = "seconds since the start of the text (dotted: playback that starts with the first audio)"
    yield f"<text x='{middle:.1f}' y='{below:.1f}' font-size='13' text-anchor='middle' {_FONT}>{label}</text>"
    x, y = panel.x(0) - 46, panel.y(panel.audio / 2)
    rotation = f"transform='rotate(-90 {x:.1f} {y:.1f})'"
    place = f"x='{x:.1f}' y='{y:.1f}' {rotation}"
    yield f"<text {place} font-size='13' text-anchor='middle' {_FONT}>seconds of audio</text>"


def _legend(panel: _Panel, index: int, curve: Curve) -> Iterator[str]:
    x, y = panel.x(0) + 14, panel.y(panel.audio) + 16 + 20 * index
    outcome = f"first audio after {curve.points[0][0]:.2f} s" if curve.points else "failed"
    text = f"{curve.candidate}: {outcome}"
    yield f"<line x1='{x}' y1='{y}' x2='{x + 24}' y2='{y}' stroke='{_COLORS[curve.candidate]}' stroke-width='3'/>"
    yield f"<text x='{x + 32}' y='{y + 4}' font-size='13' {_FONT}>{escape(text)}</text>"


def _steps(curve: Curve) -> list[tuple[float, float]]:
    """Return at most _MAX_POINTS points, including the first and the last."""
    stride = max(1, ceil(len(curve.points) / _MAX_POINTS))
    points = [*curve.points[::stride], curve.points[-1]]
    return [(points[0][0], 0.0), *points]


def _playback(curve: Curve, panel: _Panel) -> list[tuple[float, float]]:
    """Return the line of a playback without gaps."""
    start = curve.points[0][0]
    end = min(panel.seconds, start + curve.points[-1][1])
    return [(start, 0.0), (end, end - start)]


def _line(panel: _Panel, points: list[tuple[float, float]], style: str) -> str:
    path = " ".join(f"{panel.x(x):.1f},{panel.y(y):.1f}" for x, y in points)
    return f"<polyline points='{path}' fill='none' {style}/>"


def _ticks(maximum: float) -> list[float]:
    """Return round numbers from 0 to a maximum."""
    rough = maximum / _TICKS
    magnitude = 10 ** floor(log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough)
    return [index * step for index in range(floor(maximum / step) + 1)]
