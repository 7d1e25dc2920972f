"""`edge-bg image`: people cut out of pictures, one after another; a bad one does not stop the rest."""

from __future__ import annotations

import glob
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from edge_bg.board.logs import debugging
from edge_bg.commands import debug_option, examples

OUTPUTS = (".png", ".webp", ".tif", ".tiff", ".jpg", ".jpeg")


@click.command(
    epilog=examples(
        "edge-bg image me.jpg -o me.png",
        "edge-bg image party/ -o cutouts/                       a folder",
        "edge-bg image a.jpg b.jpg 'more/*.png' -o cutouts/",
        'edge-bg image me.jpg --background "#00b140" -o me.jpg   never over the input itself: this is refused',
    )
)
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="OUT",
    help="A file for one picture, else a folder. Without it: NAME-cutout.png beside each picture.",
)  # fmt: skip
@click.option("--background", default="transparent", metavar="BG", help='transparent, "#00b140", a picture, or blur.')
@click.option("--model", default="general", show_default=True, metavar="NAME", help="A name from `edge-bg models`.")
@click.option("--delegate", "delegates", multiple=True, metavar="NAME", help="cpu, edgetpu; several: in this order.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that are there (never an input).")
@click.option("--max-megapixels", type=click.FloatRange(0, min_open=True), default=64.0, show_default=True)
@debug_option
def image(
    inputs: tuple[str, ...], output: Path | None, background: str, model: str, delegates: tuple[str, ...],
    overwrite: bool, max_megapixels: float,
) -> int:  # fmt: skip
    """Cut people out of pictures at full size, as PNG with transparency, or on a new background.

    IN is a picture, a folder or a glob in quotes. Exit code 1 when any picture failed; the others are done all the
    same.
    """
    jobs, failures = plan(inputs, output)
    finish = _finish(background, output)
    from tqdm import tqdm

    from edge_bg.errors import EdgeBgError
    from edge_bg.network.card import find
    from edge_bg.still import Cutter, read_photo

    done = nobody = 0
    try:
        with Cutter(find(model), delegates=delegates or ("cpu",)) as cutter, _sigterm():
            for source, target in tqdm(jobs, unit="picture", disable=None if len(jobs) > 1 else True):
                try:
                    _may_write(source, target, {each for each, _ in jobs}, overwrite)
                    photo = read_photo(source, max_megapixels=max_megapixels)
                    cutout = cutter(photo)
                    _write(target, finish(photo, cutout))
                except (EdgeBgError, OSError, MemoryError) as error:
                    if debugging():
                        raise
                    failures.append(_reason(source, error))
                    tqdm.write(failures[-1], file=sys.stderr)
                    continue
                done += 1
                if not cutout.alpha.any():
                    nobody += 1
                    tqdm.write(
                        f"{source}: nobody found, so the cut-out is empty; people are cut out, not things or animals",
                        file=sys.stderr,
                    )
    except KeyboardInterrupt:
        click.echo(f"interrupted: {done} of {len(jobs)} pictures done", err=True)
        return 130
    left = f", {len(failures)} failed" if failures else ""
    empty = f", {nobody} without anybody" if nobody else ""
    where = f" -> {jobs[0][1] if len(jobs) == 1 else jobs[0][1].parent}" if done else ""
    click.echo(f"{done} of {done + len(failures)} pictures done{left}{empty}{where}", err=True)
    return 1 if failures else 0


def plan(inputs: Iterable[str], output: Path | None) -> tuple[list[tuple[Path, Path]], list[str]]:
    """(picture, output) pairs, and what could not be found (said at once). UsageError when the two do not fit."""
    from edge_bg.pictures.kinds import PICTURES

    sources: list[Path] = []
    missing: list[str] = []
    for text in inputs:
        place = Path(text).expanduser()
        if place.is_dir():
            found = sorted(p for p in place.iterdir() if p.suffix.lower() in PICTURES and p.is_file())
            problem = "no pictures in this folder"
        elif place.exists() or not glob.has_magic(text):
            found, problem = ([place] if place.exists() else []), "no such file"
        else:
            found = sorted(p for p in map(Path, glob.glob(str(place), recursive=True)) if p.is_file())  # noqa: PTH207
            problem = "no picture matches"
        if not found:
            missing.append(f"{text}: {problem}")
            click.echo(missing[-1], err=True)
        sources += [path for path in found if path not in sources]
    if output is not None and output.suffix.lower() in OUTPUTS and not output.is_dir():
        if len(sources) > 1:
            raise click.UsageError(f"{output} is one file, but there are {len(sources)} pictures; name a folder")
        return [(source, output) for source in sources], missing
    if output is not None and output.suffix and not output.is_dir():
        raise click.UsageError(f"{output}: unknown ending; use one of {' '.join(OUTPUTS)}, or name a folder with a /")
    return list(zip(sources, _names(sources, output), strict=True)), missing


def _names(sources: list[Path], folder: Path | None) -> Iterator[Path]:
    """An output per picture, all different: x.jpg and x.png become x.png and x-2.png."""
    taken: set[Path] = set()
    for source in sources:
        stem = f"{source.stem}-cutout" if folder is None else source.stem
        place = source.parent if folder is None else folder
        name, number = place / f"{stem}.png", 1
        while name in taken:
            number += 1
            name = place / f"{stem}-{number}.png"
        taken.add(name)
        yield name


def _may_write(source: Path, target: Path, inputs: set[Path], overwrite: bool) -> None:
    from edge_bg.errors import PictureError

    if not target.exists():
        return
    if any(target.resolve() == each.resolve() for each in inputs):
        raise PictureError(f"{target} is a picture to be read", hint="choose another output: -o cutouts/")
    if not overwrite:
        raise PictureError(f"{target} is there already", hint="--overwrite replaces it")


def _finish(background: str, output: Path | None) -> Callable[[Any, Any], Any]:
    """(photo, cutout) -> picture to write, uint8 (H, W, 3 or 4), RGB. Raises ConfigError, UsageError."""
    import numpy as np

    from edge_bg import config

    part = config.from_dict({"background": background}, check_files=True).background
    if part.kind == "transparent":
        if output is not None and output.suffix.lower() in (".jpg", ".jpeg"):
            raise click.UsageError("JPEG has no transparency: write .png, or give a --background")
        return lambda photo, cutout: cutout.rgba()
    if part.kind == "color":
        red, green, blue = (int(part.color[at : at + 2], 16) for at in (1, 3, 5))
        return lambda photo, cutout: cutout.on((red, green, blue))
    if part.kind == "image":
        from edge_bg.composite.backgrounds import fit_picture
        from edge_bg.still import read_photo

        behind, fit = read_photo(part.path).rgb, part.fit
        return lambda photo, cutout: cutout.on(fit_picture(behind, cutout.alpha.shape[::-1], fit))
    if part.kind == "blur":
        from edge_bg.still import blurred_room

        strength = part.strength
        return lambda photo, cutout: cutout.on(np.asarray(blurred_room(photo.rgb, cutout.alpha, strength)))
    raise click.UsageError(
        f"--background {part.kind} is not for pictures; use transparent, a colour, a picture or blur"
    )


def _write(target: Path, picture: Any) -> None:
    """Write beside, then rename: an interruption leaves no half picture."""
    import cv2

    from edge_bg.errors import PictureError

    code = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_PNG_COMPRESSION, 6]
    flags = quality[:2] if target.suffix.lower() in (".jpg", ".jpeg") else quality[2:]
    ok, data = cv2.imencode(
        target.suffix.lower(), cv2.cvtColor(picture, code), flags if target.suffix != ".webp" else []
    )
    if not ok:
        raise PictureError(f"{target}: cannot be encoded as {target.suffix}")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(data.tobytes())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _reason(source: Path, error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"{source}: too large for this machine's memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or source}: {error.strerror}"
    text = str(error)
    return text if text.startswith(str(source)) else f"{source}: {text}"


@contextmanager
def _sigterm() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
