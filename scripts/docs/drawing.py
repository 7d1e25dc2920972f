"""The drawing of the loop, made from what the code says of itself."""

from __future__ import annotations

import ast
from html import escape
from pathlib import Path

BOX, GAP, TOP = 190, 46, 40  # pixels
INK, PAPER, LINE = "#1f2933", "#f2f6f4", "#3d7a66"


def stages(root: Path) -> list[str]:
    """Names of the threads that the pipeline starts, in order."""
    tree = ast.parse((root / "edge_bg" / "pipeline.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    starts = [
        (call.lineno, call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "start" and len(call.args) == 3
        if isinstance(call.args[0], ast.Constant)
    ]
    return [str(name) for _, name in sorted(starts)]


def parts(root: Path) -> dict[str, str]:
    """What each part of the loop is, by the first sentence of its protocol."""
    tree = ast.parse((root / "edge_bg" / "loop" / "parts.py").read_text(encoding="utf-8"))
    return {
        node.name: (ast.get_docstring(node) or "").partition("\n")[0]
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def data_flow(root: Path) -> str:
    """An SVG: a box for each part, its thread above it, what it gives on the arrow behind it."""
    said, threads = parts(root), stages(root)
    flow = [
        ("Source", threads[0], "frame"),
        ("Segmenter", threads[1], "mask"),
        ("Matte", threads[2], "alpha"),
        ("Compositor", "caller's thread", "frame"),
        ("Sinks", "a thread each", ""),
    ]
    missing = [name for name, _, _ in flow if name not in said]
    if missing or len(threads) != 3:
        raise SystemExit(f"the loop has changed: {missing or threads}; bring scripts/docs/drawing.py up to it")
    width, height = len(flow) * BOX + (len(flow) - 1) * GAP + 20, 210
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'role="img" aria-label="The way of a frame through edge_bg">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for index, (name, thread, gives) in enumerate(flow):
        x = 10 + index * (BOX + GAP)
        out.append(f'<text x="{x + BOX / 2}" y="{TOP - 14}" font-size="13" fill="{LINE}" text-anchor="middle">')
        out.append(f"{escape(thread)}</text>")
        out.append(f'<rect x="{x}" y="{TOP}" width="{BOX}" height="120" rx="10" fill="{PAPER}" stroke="{LINE}"/>')
        out.append(f'<text x="{x + BOX / 2}" y="{TOP + 30}" font-size="18" font-weight="bold" fill="{INK}" ')
        out.append(f'text-anchor="middle">{name}</text>')
        for row, words in enumerate(wrapped(said[name])):
            out.append(f'<text x="{x + BOX / 2}" y="{TOP + 54 + 16 * row}" font-size="12" fill="{INK}" ')
            out.append(f'text-anchor="middle">{escape(words)}</text>')
        if gives:
            left, middle = x + BOX, TOP + 60
            out.append(f'<path d="M{left + 3} {middle}h{GAP - 12}" stroke="{LINE}" stroke-width="3"/>')
            out.append(f'<path d="M{left + GAP - 2} {middle}l-10 -6v12z" fill="{LINE}"/>')
            out.append(f'<text x="{left + GAP / 2}" y="{middle - 10}" font-size="12" fill="{INK}" ')
            out.append(f'text-anchor="middle">{gives}</text>')
    out.append(
        f'<text x="10" y="{height - 18}" font-size="13" fill="{INK}">Between two stages: a mailbox with one slot. '
    )
    out.append("The newest wins; every drop is counted. No valid mask in time: the cover goes out instead.</text>")
    return "\n".join([*out, "</svg>", ""])


def wrapped(text: str, width: int = 28) -> list[str]:
    """Lines of at most `width` characters, four of them."""
    lines = [""]
    for word in text.replace("`", "").split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:4]
