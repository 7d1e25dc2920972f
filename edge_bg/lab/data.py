"""What can be evaluated: labelled pictures, labelled clips on disk, and videos without labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.errors import PictureError

Bgr = NDArray[np.uint8]
Gray = NDArray[np.uint8]

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
VIDEOS = {".mkv", ".mp4", ".avi", ".mov", ".webm", ".m4v"}
# What people call the folders and files of pictures and their masks, in lower case.
PICTURE_FOLDERS = ("images", "image", "imgs", "img", "im", "pictures", "photos", "rgb", "input", "jpegimages")
MASK_FOLDERS = (
    "masks",
    "mask",
    "alpha",
    "alphas",
    "matte",
    "mattes",
    "gt",
    "labels",
    "annotations",
    "segmentationclass",
)
MASK_ENDINGS = ("mask", "alpha", "matte", "gt", "label")


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
    """A mask file as uint8 (h, w): its alpha channel if it has one, else how bright it is; 0 and 1 count as 0 and 255.

    Raises `PictureError`.
    """
    mask = _read(path, cv2.IMREAD_UNCHANGED, "mask")
    if mask.ndim == 3 and mask.shape[2] == 4:
        mask = np.ascontiguousarray(mask[..., 3])
    elif mask.ndim == 3:
        mask = np.asarray(cv2.cvtColor(mask, cv2.COLOR_BGR2GRAY), np.uint8)
    return np.asarray(mask * 255, np.uint8) if mask.max() == 1 else mask


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
    """Everything that can be evaluated in `root`, or in the folders in it; or one video file.

    - labelled pictures (see `labelled`): of people, or of whatever the model is for;
    - videos, without labels;
    - labelled clips: images/ and masks/ whose pictures are frames in order, beside a `clip.json`, as `benchmarks/clips`
      writes them.

    Pictures of one name in several folders are told apart by their folders' names. Raises `PictureError` when there is
    nothing.
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
            hint="Expected images/NAME.jpg with masks/NAME.png (white = keep), NAME.jpg beside NAME_mask.png, "
            "PNGs with alpha, or videos.",
        )
    counts = Counter(item.name for item in items)
    items = [replace(i, name=f"{_home(i)}-{i.name}") if counts[i.name] > 1 else i for i in items]
    return Data(root, items, videos)


def _home(item: Item) -> str:
    """The name of the folder that an item belongs to."""
    folder = item.picture.parent
    return folder.parent.name if folder.name.lower() in PICTURE_FOLDERS else folder.name


def labelled(folder: Path) -> list[Item]:
    """The labelled pictures of one folder, by name.

    They are in a folder such as images/, their masks in one such as masks/ beside it; or the masks lie beside them as
    NAME_mask.png or NAME-alpha.png, or as a PNG of the name of a JPEG; or the pictures are PNGs with an alpha channel.
    A mask is white where the picture is to be kept.
    """
    if folder.name.lower() in (*PICTURE_FOLDERS, *MASK_FOLDERS):
        return []  # half of a pair, which the folder above has
    inner = {p.name.lower(): p for p in sorted(folder.iterdir()) if p.is_dir()}
    images = next((inner[name] for name in PICTURE_FOLDERS if name in inner), None)
    if images is not None:
        masks: dict[str, Path] = {}
        for name in reversed(MASK_FOLDERS):
            masks |= {_bare(p): p for p in _pictures(inner[name])} if name in inner else {}
        return [Item(p.stem, p, masks[p.stem]) for p in _pictures(images) if p.stem in masks]
    files = _pictures(folder)
    masks = {_bare(p): p for p in files if _bare(p) != p.stem}
    photos = {p.stem for p in files if p.suffix.lower() in (".jpg", ".jpeg")}
    masks |= {p.stem: p for p in files if p.suffix.lower() == ".png" and p.stem in photos and p.stem not in masks}
    pairs = [Item(p.stem, p, masks[p.stem]) for p in files if p.stem in masks and p not in masks.values()]
    taken = {path for item in pairs for path in (item.picture, item.mask)}
    return pairs + [Item(p.stem, p, None) for p in files if p not in taken and p.suffix == ".png" and _has_alpha(p)]


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)


def _bare(path: Path) -> str:
    """A mask's name without what says that it is one: NAME of NAME_mask.png."""
    for ending in MASK_ENDINGS:
        for mark in "_-.":
            if path.stem.lower().endswith(mark + ending):
                return path.stem[: -len(ending) - 1]
    return path.stem


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
