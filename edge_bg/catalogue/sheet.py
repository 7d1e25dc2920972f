"""The contact sheet: one page that shows before and after, the doubtful ones first. It needs no other file, no host."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from edge_bg.catalogue import store
from edge_bg.catalogue.manifest import FOLDER, Entry
from edge_bg.catalogue.plan import SHEET
from edge_bg.pictures.write import part_of
from edge_bg.still.confidence import DOUBTFUL

THUMBS = "thumbs.bin"

_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Cut-outs: {count}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.4 system-ui, sans-serif; }}
body {{ margin: 1rem auto; max-width: 90rem; padding: 0 1rem; }}
h2 {{ margin-top: 2rem; }}
ul {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: .75rem; padding: 0; }}
li {{ list-style: none; border: 1px solid #8886; border-radius: .5rem; padding: .5rem; content-visibility: auto;
     contain-intrinsic-size: auto 12rem; }}
li.doubt {{ border: 2px solid #c60; }} li.failed {{ border: 2px solid #c00; }}
figure {{ display: grid; grid-template-columns: 1fr 1fr; gap: .25rem; margin: 0 0 .4rem; height: 9rem; }}
img {{ width: 100%; height: 9rem; object-fit: contain; background: #dee8de; border-radius: .25rem; }}
a {{ overflow-wrap: anywhere; }} small {{ display: block; opacity: .8; }}
</style>
<h1>{count} pictures</h1>
<p>{words}</p>
"""


class Thumbs:
    """Small pictures in one file beside the manifest: memory does not grow with the folder."""

    def __init__(self, folder: str) -> None:
        self._place = Path(folder, FOLDER, THUMBS) if not store.is_address(folder) else None

    def add(self, before: bytes, after: bytes) -> tuple[int, int, int] | None:
        """Where they were put: offset and two lengths; None for an address, where there is no sheet."""
        if self._place is None or not before:
            return None
        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            with self._place.open("ab") as file:
                at = file.seek(0, os.SEEK_END)
                file.write(before + after)
        except OSError:  # the disk is full; the sheet does without
            return None
        return at, len(before), len(after)

    def get(self, thumbs: tuple[int, int, int] | None) -> tuple[bytes, bytes]:
        """The two pictures; empty where they are lost."""
        if thumbs is None or self._place is None:
            return b"", b""
        at, first, second = thumbs
        try:
            with self._place.open("rb") as file:
                file.seek(at)
                data = file.read(first + second)
        except OSError:
            return b"", b""
        return data[:first], data[first:]


def write_sheet(folder: str, entries: Iterable[Entry], thumbs: Thumbs) -> Path:
    """Write the page into `folder`; returns its path. Raises OSError."""
    done = sorted(entries, key=lambda entry: (entry.state == "done", entry.confidence, entry.source))
    doubtful = [entry for entry in done if entry.state != "done" or entry.confidence < DOUBTFUL]
    marks = {entry.source for entry in doubtful}
    sure = [entry for entry in done if entry.source not in marks]
    path = Path(folder, SHEET)
    part = part_of(path)
    words = (
        f"{len(doubtful)} may want a look, {len(sure)} look fine. The figure is how much of a cut-out can be expected "
        "to be right; glass, and white on white, are always worth a look."
    )
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(_HEAD.format(count=len(done), words=words))
            for title, group in (("Look at these", doubtful), ("These look fine", sure)):
                if group:
                    file.write(f"<h2>{title} ({len(group)})</h2>\n<ul>\n")
                    file.writelines(_item(folder, entry, thumbs, title != "These look fine") for entry in group)
                    file.write("</ul>\n")
            file.write("</html>\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _item(folder: str, entry: Entry, thumbs: Thumbs, doubt: bool) -> str:
    name = html.escape(Path(entry.target).name)
    kind = ' class="failed"' if entry.state != "done" else ' class="doubt"' if doubt else ""
    pictures = "".join(
        f'<img loading="lazy" alt="{what}" src="data:image/webp;base64,{base64.b64encode(data).decode()}">'
        for what, data in zip(("before", "after"), thumbs.get(entry.thumbs), strict=True)
        if data
    )
    if entry.state != "done":
        why = entry.words.removeprefix(f"{entry.source}: ") or "could not be done"
        why = why.replace("\n  ", "; ")
        shown = f"<figure>{pictures}</figure>" if pictures else ""
        return f"<li{kind}>{shown}{html.escape(entry.source)}<small>{html.escape(why)}</small></li>\n"
    where = quote(os.path.relpath(entry.target, folder))
    sure = f"{entry.confidence:.0%} sure, {html.escape(entry.subject)}"
    return f'<li{kind}><figure>{pictures}</figure><a href="{where}">{name}</a><small>{sure}</small></li>\n'


def of_run(entries: Iterable[Entry], sources: set[str]) -> Iterator[Entry]:
    """Those of the pictures that are there now."""
    return (entry for entry in entries if entry.source in sources and entry.state in ("done", "failed"))
