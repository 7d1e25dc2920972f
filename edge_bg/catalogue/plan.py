"""Which pictures there are to do, and what each becomes: folders mirrored, own outputs left out, the rest named."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_bg.catalogue import store
from edge_bg.catalogue.job import Job
from edge_bg.endings import PICTURES

MARK = "-cutout"  # ends the name of a cut-out that lies beside its picture
SHEET = "contact-sheet.html"
VIDEOS = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".gif"}
RAW = {".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"}


@dataclass
class Plan:
    """jobs: what is to be done.  problems: inputs that are not there, a line each.  notes: what was left out, and why.

    folder: where the manifest and the sheet go; None for single files, which have neither.
    """

    jobs: list[Job] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folder: str | None = None


def plan(
    inputs: Iterable[str],
    output: str | None,
    ending: str = ".png",
    *,
    known: Mapping[str, str] | None = None,
    writing: bool = True,
) -> Plan:
    """The plan for `inputs` (pictures, folders, globs, addresses) and an output folder, or None for beside each.

    known: source -> target of earlier runs; those keep their names, and what is a target there is no input.
    writing: whether anything will be; if not, nothing is said of the names of outputs.
    """
    known = known or {}
    made = set(known.values())
    out = Plan()
    found: dict[str, str] = {}  # source -> where in the output it goes, without its ending
    left: Counter[str] = Counter()
    roots = []
    for text in inputs:
        folder, places = _found(text, out)
        if folder is not None:
            roots.append(folder)
        inside = None if output is None else _absolute(output) + "/"
        names = set(places)
        for place in places:
            ending_here = Path(place).suffix.lower()
            if place in found or Path(place).name == SHEET:
                continue
            if folder is not None and _lies_in(place, inside) and _absolute(folder) + "/" != inside:
                continue  # the output lies in the input
            if place in made or (folder is not None and _is_own(place, names)):
                continue
            if ending_here not in PICTURES:
                if folder is None and not glob.has_magic(text):
                    found[place] = Path(place).stem  # named outright: it is tried whatever its name
                elif ending_here:
                    left[ending_here] += 1
                continue
            relative = place[len(folder.rstrip("/")) + 1 :] if folder is not None else Path(place).name
            found[place] = str(Path(relative).with_suffix(""))
    out.notes += _left(left)
    several = len(found) > 1 or bool(roots)
    out.folder = output if output is not None and several else roots[0] if roots and output is None else None
    taken = set(made)
    renamed = out.notes if writing else []
    for place, relative in found.items():
        out.jobs.append(Job(place, known.get(place) or _name(place, relative, output, ending, taken, renamed)))
    return out


def _name(place: str, relative: str, output: str | None, ending: str, taken: set[str], notes: list[str]) -> str:
    """An output of its own: x.jpg and x.png become x.png and x-2.png, and that is said."""
    if output is None:
        base = (
            store.join(place.rpartition("/")[0], Path(place).stem + MARK) if "/" in place else Path(place).stem + MARK
        )
    else:
        base = store.join(output, relative)
    target, number = base + ending, 1
    while target in taken:
        number += 1
        target = f"{base}-{number}{ending}"
    if number > 1:
        notes.append(
            f"{place}: {Path(base + ending).name} is another picture's already, so it becomes {Path(target).name}"
        )
    taken.add(target)
    return target


def _found(text: str, out: Plan) -> tuple[str | None, list[str]]:
    """(the folder, or None, files) that one input means; what is wrong goes into `out`."""
    if store.is_address(text):
        if Path(text).suffix.lower() in PICTURES:
            return None, [text]
        places = list(store.walk(text, out.notes))
        if not places:
            out.problems.append(f"{text}: no pictures there")
        return text.rstrip("/"), places
    place = Path(text).expanduser()
    if place.is_dir():
        places = list(store.walk(str(place), out.notes))
        if not any(Path(each).suffix.lower() in PICTURES for each in places):
            out.problems.append(f"{text}: no pictures in this folder")
        return str(place), places
    if place.exists() or not glob.has_magic(text):
        if place.exists():
            return None, [str(place)]
        out.problems.append(f"{text}: no such file")
        return None, []
    found = sorted(p for p in map(Path, glob.glob(str(place), recursive=True)) if p.is_file())  # noqa: PTH207
    if not found:
        out.problems.append(f"{text}: no picture matches")
    return None, [str(each) for each in found]


def _is_own(place: str, names: Collection[str]) -> bool:
    """Is it a cut-out of a picture that lies beside it?"""
    found = re.fullmatch(rf"(.+){MARK}(?:-\d+)?\.(?:png|jpg|webp|tif)", place)
    return found is not None and any(f"{found[1]}{ending}" in names for ending in _both_cases())


def _lies_in(place: str, inside: str | None) -> bool:
    return inside is not None and _absolute(place).startswith(inside)


def _both_cases() -> list[str]:
    return [*PICTURES, *(ending.upper() for ending in PICTURES)]


def _left(left: Mapping[str, int]) -> list[str]:
    """Files of a folder that are no pictures here, by kind, and what would read them."""
    lines = []
    for ending, count in sorted(left.items()):
        files = f"{count} {ending} file{'s' if count > 1 else ''}"
        if ending in VIDEOS:
            lines.append(f"{files} left out: moving pictures; `edge-bg run --source FILE` takes them")
        elif ending in RAW:
            lines.append(
                f"{files} left out: raw photographs; export them as JPEG or TIFF first, with darktable for instance"
            )
        elif ending in (".svg", ".pdf", ".psd", ".eps", ".ai", ".xcf"):
            lines.append(f"{files} left out: drawings and layers; export them as PNG first")
        elif ending not in (".txt", ".json", ".html", ".xmp", ".md", ".csv", ".yaml", ".db", ".ini", ".log"):
            lines.append(f"{files} left out: not a kind of picture that is known")
    return lines


def _absolute(place: str) -> str:
    return place.rstrip("/") if store.is_address(place) else str(Path(place).expanduser().absolute())
