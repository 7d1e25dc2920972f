"""What can be evaluated: labelled pictures, labelled clips on disk, and videos without labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import PictureError

Bgr = NDArray[np.uint8]
Gray = NDArray[np.uint8]

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
VIDEOS = {".mkv", ".mp4", ".avi", ".mov", ".webm", ".m4v"}
MASK_FOLDERS = ("masks", "alpha", "matte")


def _read(path: Path, flags: int, what: str) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise PictureError(f"{path}: not a readable {what}")
    if picture.dtype != np.uint8:
        raise PictureError(f"{path}: {picture.dtype} pixels, 8 bits a channel were expected")
    return np.asarray(picture, np.uint8)


def read_bgr(path: Path) -> Bgr:
    """A picture file as BGR uint8 (h, w, 3); raises `PictureError`."""
    return _read(path, cv2.IMREAD_COLOR, "picture")


def read_gray(path: Path) -> Gray:
    """A mask file as uint8 (h, w); raises `PictureError`."""
    return _read(path, cv2.IMREAD_GRAYSCALE, "mask")


def read_bgra(path: Path) -> NDArray[np.uint8]:
    """A cut-out as BGRA uint8 (h, w, 4); raises `PictureError` where the file has no alpha."""
    picture = _read(path, cv2.IMREAD_UNCHANGED, "picture")
    if picture.ndim != 3 or picture.shape[2] != 4:
        raise PictureError(f"{path}: it has no alpha channel")
    return picture


@dataclass(frozen=True)
class Item:
    """One labelled picture: `mask` is its file of the true alpha, None where `picture` carries it itself."""

    name: str
    picture: Path
    mask: Path | None

    def read(self) -> tuple[Bgr, Gray]:
        """(BGR uint8 (h, w, 3), true alpha uint8 (h, w)); raises `PictureError`."""
        if self.mask is None:
            bgra = read_bgra(self.picture)
            return np.ascontiguousarray(bgra[..., :3]), np.ascontiguousarray(bgra[..., 3])
        bgr, truth = read_bgr(self.picture), read_gray(self.mask)
        if bgr.shape[:2] != truth.shape:
            raise PictureError(
                f"{self.mask}: {truth.shape[1]}x{truth.shape[0]}, its picture is {bgr.shape[1]}x{bgr.shape[0]}"
            )
        return bgr, truth


@dataclass(frozen=True)
class Data:
    """What a folder holds."""

    root: Path
    items: list[Item] = field(default_factory=list)
    videos: list[Path] = field(default_factory=list)  # files without labels, and folders that are labelled clips


def collect(root: Path) -> Data:
    """Everything that can be evaluated in `root`: a folder with `images/` and `masks/` (or `alpha/`), a folder of
    pictures with an alpha channel, videos, labelled clips (images/ and masks/ whose pictures are frames in order,
    beside a `clip.json`, as `benchmarks/clips` writes them), or folders of these (two levels deep); or one video file.

    Raises `PictureError` when there is nothing.
    """
    if not root.exists():
        raise PictureError(f"{root}: no such folder", hint="Give a folder with images/ and masks/, or with videos.")
    if root.is_file():
        if root.suffix.lower() not in VIDEOS:
            raise PictureError(f"{root}: neither a folder nor a video")
        return Data(root, [], [root])
    items: list[Item] = []
    videos: list[Path] = []
    for folder in (root, *sorted(p for p in root.iterdir() if p.is_dir())):
        if (folder / "clip.json").is_file():
            videos.append(folder)
            continue
        items += labelled(folder)
        videos += sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEOS)
    if not items and not videos:
        raise PictureError(
            f"{root}: nothing to evaluate",
            hint="Expected images/NAME.jpg with masks/NAME.png (255 = person), PNGs with alpha, or videos.",
        )
    return Data(root, items, videos)


def labelled(folder: Path) -> list[Item]:
    """The labelled pictures of one folder, by name."""
    images = folder / "images"
    if images.is_dir():
        masks = {p.stem: p for name in MASK_FOLDERS for p in sorted((folder / name).glob("*")) if p.suffix in PICTURES}
        pictures = sorted(p for p in images.iterdir() if p.suffix.lower() in PICTURES)
        return [Item(p.stem, p, masks[p.stem]) for p in pictures if p.stem in masks]
    if folder.name in MASK_FOLDERS:
        return []
    return [Item(p.stem, p, None) for p in sorted(folder.glob("*.png")) if _has_alpha(p)]


def _has_alpha(path: Path) -> bool:
    # A PNG's colour type is byte 25: 4 and 6 carry alpha.
    with path.open("rb") as file:
        head = file.read(26)
    return len(head) == 26 and head[25] in (4, 6)


def frames(video: Path, limit: int | None = None) -> Iterator[Bgr]:
    """The frames of a video as BGR uint8 (h, w, 3), both sides even; raises `PictureError` where it cannot be read."""
    reader = cv2.VideoCapture(str(video))
    try:
        count = 0
        while limit is None or count < limit:
            ok, frame = reader.read()
            if not ok:
                break
            count += 1
            yield even(np.asarray(frame, np.uint8))
        if count == 0:
            raise PictureError(f"{video}: not a readable video")
    finally:
        reader.release()


def even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`picture` (h, w[, c]) without its last row or column where a side is odd."""
    h, w = picture.shape[:2]
    return np.ascontiguousarray(picture[: h & ~1, : w & ~1])
