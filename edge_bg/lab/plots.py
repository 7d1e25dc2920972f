"""Plots as inline SVG: bars with confidence intervals, lines, histograms. No library; text stays text."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

COLORS = ("#2563a8", "#c2571a", "#2f8f5b", "#8a4fa3", "#8c6d1f", "#b03a5b")
_W = 860


def _svg(width: int, height: int, body: Sequence[str], title: str) -> str:
    name = html.escape(title)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{name}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{name}</title>{''.join(body)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{html.escape(text)}</text>'


def _scale(x0: float, x1: float, y: float, height: float) -> list[str]:
    """Vertical lines at 0, 0.2 ... 1 with numbers above."""
    lines = []
    for i in range(6):
        x = x0 + (x1 - x0) * i / 5
        lines.append(f'<line x1="{x:.1f}" y1="{y}" x2="{x:.1f}" y2="{y + height}" stroke="#8884" />')
        lines.append(_text(x, y - 4, f"{i / 5:.1f}", "middle", 11))
    return lines


def bars(rows: Sequence[str], series: Mapping[str, Sequence[tuple[float, float, float] | None]], title: str) -> str:
    """Horizontal bars 0..1, one row per name, one bar per series: (value, low, high), the interval as a whisker."""
    thick = 13
    step = thick * len(series) + 9
    left, top, right = 300, 22 + 16 * (len(series) > 1), _W - 60
    body = _scale(left, right, top, step * len(rows))
    for number, name in enumerate(rows):
        y = top + 5 + number * step
        body.append(_text(left - 8, y + thick * len(series) / 2 + 4, name, "end"))
        for s, (label, values) in enumerate(series.items()):
            value = values[number]
            if value is None:
                continue
            mean, low, high = value
            x, yy = left + (right - left) * mean, y + s * thick
            color = COLORS[s % len(COLORS)]
            body.append(
                f'<rect x="{left}" y="{yy}" width="{max(0.0, x - left):.1f}" height="{thick - 2}" fill="{color}">'
                f"<title>{html.escape(label)}: {mean:.3f} ({low:.3f} to {high:.3f})</title></rect>"
            )
            x0, x1, ym = left + (right - left) * low, left + (right - left) * high, yy + thick / 2 - 1
            body.append(
                f'<path d="M{x0:.1f} {ym}H{x1:.1f}M{x0:.1f} {ym - 3}v6M{x1:.1f} {ym - 3}v6" stroke="currentColor"/>'
            )
            body.append(_text(max(x, x1) + 5, yy + thick - 3, f"{mean:.3f}", size=11))
    if len(series) > 1:
        body += _legend(list(series), left)
    return _svg(_W, top + step * len(rows) + 6, body, title)


def _legend(names: Sequence[str], left: float) -> list[str]:
    body, x = [], left
    for s, name in enumerate(names):
        body.append(f'<rect x="{x}" y="3" width="10" height="10" fill="{COLORS[s % len(COLORS)]}"/>')
        body.append(_text(x + 14, 12, name, size=11))
        x += 26 + 6.5 * len(name)
    return body


def lines(xs: Sequence[float], series: Mapping[str, Sequence[float]], title: str, x_name: str) -> str:
    """Lines over `xs`, values 0..1."""
    left, top, width, height = 46, 24, 380, 190
    low, high = min(xs), max(xs)
    body = []
    for i in range(6):
        y = top + height * (1 - i / 5)
        body.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#8884"/>')
        body.append(_text(left - 6, y + 4, f"{i / 5:.1f}", "end", 11))
    for s, values in enumerate(series.values()):
        points = " ".join(
            f"{left + width * (x - low) / ((high - low) or 1):.1f},{top + height * (1 - v):.1f}"
            for x, v in zip(xs, values, strict=True)
        )
        body.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[s % len(COLORS)]}" stroke-width="2"/>')
    for x in (low, (low + high) / 2, high):
        body.append(_text(left + width * (x - low) / ((high - low) or 1), top + height + 15, f"{x:.2f}", "middle", 11))
    body.append(_text(left + width / 2, top + height + 31, x_name, "middle"))
    return _svg(left + width + 20, top + height + 40, [*body, *_legend(list(series), left)], title)


def histogram(series: Mapping[str, Sequence[float]], title: str, x_name: str, bins: int = 25) -> str:
    """How the values 0..1 are spread."""
    left, top, width, height = 46, 24, 380, 190
    counts = {k: [0] * bins for k in series}
    for name, values in series.items():
        for v in values:
            counts[name][min(bins - 1, int(v * bins))] += 1
    peak = max([n for c in counts.values() for n in c] or [1]) or 1
    body = [f'<line x1="{left}" y1="{top + height}" x2="{left + width}" y2="{top + height}" stroke="currentColor"/>']
    thick = width / bins / max(1, len(series))
    for s, c in enumerate(counts.values()):
        for i, n in enumerate(c):
            high = height * n / peak
            x = left + width * i / bins + s * thick
            body.append(
                f'<rect x="{x:.1f}" y="{top + height - high:.1f}" width="{thick - 0.5:.1f}" height="{high:.1f}" '
                f'fill="{COLORS[s % len(COLORS)]}"><title>{i / bins:.2f} to {(i + 1) / bins:.2f}: {n}</title></rect>'
            )
    for i in range(6):
        body.append(_text(left + width * i / 5, top + height + 15, f"{i / 5:.1f}", "middle", 11))
    body.append(_text(left - 6, top + 8, str(peak), "end", 11))
    body.append(_text(left + width / 2, top + height + 31, x_name, "middle"))
    return _svg(left + width + 20, top + height + 40, [*body, *_legend(list(series), left)], title)
