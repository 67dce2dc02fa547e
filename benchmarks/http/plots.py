"""Figures as SVG, by hand: bars with their quartiles, and curves."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import attrs

from benchmarks.http.run import Spread

_COLOURS = ("#3b6fb6", "#e08a2e", "#4c9a5f", "#a24a8f", "#8c6d4a", "#5aa7b5", "#b0413e")
_LABELS = 230
_WIDTH = 820
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2430}.small{font-size:11px}"
    ".title{font-size:15px;font-weight:600}"
)


@attrs.frozen
class Bar:
    label: str
    values: tuple[Spread | None, ...]
    """One value for each name of the legend; None if it was not measured."""


def _document(height: int, title: str, parts: Sequence[str]) -> str:
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<text class="title" x="12" y="24">{escape(title)}</text>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="1.2"/>'
    )


def _legend(names: Sequence[str], y: float) -> list[str]:
    parts, x = [], float(_LABELS)
    for name, colour in zip(names, _COLOURS, strict=False):
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="12" height="12" fill="{colour}"/>'
        )
        parts.append(_text(x + 17, y, name, style="small"))
        x += 32 + 6.5 * len(name)
    return parts


def bars(title: str, legend: Sequence[str], rows: Sequence[Bar], mark: float = 1.0) -> str:
    """Horizontal bars with a line between the quartiles; *mark* is the value of the baseline."""
    thickness, top = 10, 62
    row_height = thickness * len(legend) + 10
    highest = max(value.high for row in rows for value in row.values if value is not None)
    scale = (_WIDTH - _LABELS - 70) / highest
    parts = _legend(legend, 46)
    for number, row in enumerate(rows):
        y = top + number * row_height
        parts.append(_text(_LABELS - 8, y + row_height / 2, row.label, "end"))
        for value, colour in zip(row.values, _COLOURS, strict=False):
            if value is not None:
                parts += _bar(value, colour, y, thickness, scale)
            y += thickness
    bottom = top + len(rows) * row_height
    at = _LABELS + mark * scale
    parts.append(_line(at, top - 4, at, bottom, "#1f2430"))
    return _document(bottom + 12, title, parts)


def _bar(value: Spread, colour: str, y: float, thickness: int, scale: float) -> list[str]:
    middle, width = y + thickness / 2, value.middle * scale
    low, high = (_LABELS + end * scale for end in (value.low, value.high))
    return [
        f'<rect x="{_LABELS}" y="{y:.1f}" width="{width:.1f}" height="{thickness - 1}" '
        f'fill="{colour}"/>',
        _line(low, middle, high, middle, "#1f2430"),
        _text(
            max(high, _LABELS + width) + 5, y + thickness - 1, f"{value.middle:.2f}", style="small"
        ),
    ]


def curves(title: str, axis: str, lines: Mapping[str, Mapping[int, float]]) -> str:
    """One line for each name over the same whole numbers, on a linear axis."""
    left, top, right, bottom = 60.0, 44.0, _WIDTH - 210.0, 360.0
    numbers = sorted({number for points in lines.values() for number in points})
    highest = max(value for points in lines.values() for value in points.values())
    x_scale, y_scale = (right - left) / numbers[-1], (bottom - top) / highest
    parts = [
        _line(left, bottom, right, bottom, "#1f2430"),
        _line(left, top, left, bottom, "#1f2430"),
    ]
    for number in numbers:
        parts.append(_text(left + number * x_scale, bottom + 18, str(number), "middle", "small"))
    parts.append(_text((left + right) / 2, bottom + 38, axis, "middle", "small"))
    for share in (0.25, 0.5, 0.75, 1.0):
        y = bottom - highest * share * y_scale
        parts.append(_line(left - 4, y, left, y, "#1f2430"))
        parts.append(_text(left - 8, y + 4, f"{highest * share:.1f}", "end", "small"))
    ends: list[float] = []
    for (name, points), colour in zip(lines.items(), _COLOURS, strict=False):
        places = [(left + n * x_scale, bottom - v * y_scale) for n, v in sorted(points.items())]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = places[-1][1] + 4
        while any(abs(y - other) < 14 for other in ends):
            y += 2
        ends.append(y)
        parts.append(f'<circle cx="{right + 12:.1f}" cy="{y - 4:.1f}" r="4" fill="{colour}"/>')
        parts.append(_text(right + 22, y, name, style="small"))
    return _document(int(bottom) + 52, title, parts)
