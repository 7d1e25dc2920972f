"""A cluttered room, drawn from a seed: what stands behind the synthetic person.

Shelves of books, a window, frames on the wall, a lamp, plants, boxes: edges, textures and colours (skin tones and
the suit's orange among them) that a segmentation model has to tell from a person.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_bg.frame import Size

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

BOOKS: list[Colour] = [
    (38, 52, 110), (60, 90, 160), (96, 66, 40), (40, 84, 58), (150, 150, 160), (52, 60, 190), (120, 160, 205),
    (58, 110, 225), (160, 120, 60), (32, 34, 40), (196, 202, 210), (84, 40, 92), (70, 140, 190), (128, 132, 72),
]  # fmt: skip  # (B, G, R)
WALLS: list[Colour] = [(158, 172, 178), (142, 158, 150), (176, 166, 152), (150, 156, 172)]
HOUSE = 7  # chosen so that seed 0, which everybody sees first, is a handsome room of which nothing sticks to her
BLUR = 10  # standard deviation at 720 lines: a wide open lens, focused on the person
WOODS: list[Colour] = [(188, 196, 200), (150, 178, 196), (206, 208, 206), (120, 116, 108)]


def draw_room(size: Size, seed: int) -> Picture:
    """`(H, W, 3)` uint8 BGR, the same for the same size and seed."""
    width, height = size
    rng = np.random.default_rng((HOUSE, seed))
    # Drawn at a comfortable size whatever is asked for, then brought to it: one set of proportions, clean edges.
    drawn_height = 720
    drawn_width = max(round(720 * width / height), 240)
    room = _wall((drawn_width, drawn_height), rng)
    x = int(rng.integers(-60, 10))
    while x < drawn_width:
        span = int(rng.integers(230, 380))
        draw = (_bookcase, _bookcase, _window, _gallery, _corner)[int(rng.integers(0, 5))]
        draw(room, x, span, rng)
        x += span + int(rng.integers(8, 40))
    _relight(room, rng)
    room = np.asarray(cv2.GaussianBlur(room, (0, 0), BLUR), np.uint8)
    shrink = width < drawn_width
    return np.asarray(cv2.resize(room, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR), np.uint8)


def _wall(size: Size, rng: np.random.Generator) -> Picture:
    width, height = size
    wall = np.empty((height, width, 3), np.uint8)
    base = np.array(WALLS[int(rng.integers(len(WALLS)))], np.int16)
    stripes = (np.arange(width) // int(rng.integers(14, 40)) % 2 * int(rng.integers(0, 9))).astype(np.int16)
    plaster = cv2.resize(rng.normal(0, 6, (height // 6 + 1, width // 6 + 1)).astype(np.float32), size)
    wall[...] = np.clip(base + stripes[None, :, None] + plaster[..., None].astype(np.int16), 0, 255)
    return wall


def _shade(colour: Colour, rng: np.random.Generator, amount: float = 0.25) -> Colour:
    gain = 1 + rng.uniform(-amount, amount)
    blue, green, red = (int(min(c * gain, 255)) for c in colour)
    return blue, green, red


def _box(room: Picture, x0: int, y0: int, x1: int, y1: int, colour: Colour) -> None:
    cv2.rectangle(room, (x0, y0), (x1, y1), colour, -1)


def _bookcase(room: Picture, x: int, span: int, rng: np.random.Generator) -> None:
    height = room.shape[0]
    wood = _shade(WOODS[int(rng.integers(len(WOODS)))], rng)
    dark: Colour = (wood[0] * 2 // 3, wood[1] * 2 // 3, wood[2] * 2 // 3)
    top = int(rng.integers(20, 110))
    _box(room, x, top, x + span, height, wood)
    y = top + 12
    while y < height:
        depth = int(rng.integers(105, 150))
        _box(room, x + 10, y, x + span - 10, y + depth, dark)
        _books(room, x + 12, x + span - 14, y + depth, depth - 12, rng)
        y += depth + 12


def _books(room: Picture, left: int, right: int, floor: int, room_above: int, rng: np.random.Generator) -> None:
    x = left
    while x < right:
        kind = rng.random()
        if kind < 0.08 and x + 50 < right:
            _pot(room, x + 24, floor, rng)
            x += 52
            continue
        if kind < 0.14:  # a stack lying down
            y = floor
            for _ in range(int(rng.integers(2, 5))):
                thick = int(rng.integers(9, 18))
                _box(room, x, y - thick, min(x + 70, right), y, _shade(BOOKS[int(rng.integers(len(BOOKS)))], rng))
                y -= thick + 1
            x += 74
            continue
        wide = int(rng.integers(9, 30))
        tall = int(room_above * rng.uniform(0.6, 0.98))
        colour = _shade(BOOKS[int(rng.integers(len(BOOKS)))], rng)
        end = min(x + wide, right)
        _box(room, x, floor - tall, end, floor, colour)
        if wide > 13:  # a title on the spine
            for line in range(int(rng.integers(1, 4))):
                y = floor - tall + 14 + 10 * line
                cv2.line(room, (x + 4, y), (end - 4, y), _shade((200, 215, 225), rng), 2, cv2.LINE_AA)
        cv2.line(room, (x, floor - tall), (x, floor), (20, 22, 26), 1)
        x += wide + 1


def _pot(room: Picture, x: int, floor: int, rng: np.random.Generator) -> None:
    _box(room, x - 14, floor - 30, x + 14, floor, _shade((72, 108, 190), rng))
    for _ in range(14):
        tip = (x + int(rng.integers(-34, 35)), floor - int(rng.integers(44, 92)))
        cv2.line(room, (x, floor - 28), tip, _shade((54, 118, 62), rng, 0.4), 4, cv2.LINE_AA)
        cv2.ellipse(
            room, tip, (9, 4), int(rng.integers(0, 180)), 0, 360, _shade((60, 132, 74), rng, 0.4), -1, cv2.LINE_AA
        )


def _window(room: Picture, x: int, span: int, rng: np.random.Generator) -> None:
    top, bottom = int(rng.integers(30, 80)), int(rng.integers(400, 520))
    sky = np.linspace(236, 190, bottom - top, dtype=np.float32)[:, None, None] * np.array([1.0, 0.97, 0.9], np.float32)
    left, right = max(x, 0), min(x + span, room.shape[1])
    if right <= left:
        return
    room[top:bottom, left:right] = np.clip(sky, 0, 255).astype(np.uint8)
    for _ in range(26):  # trees outside
        centre = (int(rng.integers(x, x + span)), int(rng.integers((top + 2 * bottom) // 3, bottom)))
        cv2.circle(room, centre, int(rng.integers(12, 34)), _shade((92, 140, 108), rng, 0.3), -1, cv2.LINE_AA)
    room[bottom : bottom + 40, left:right] = np.clip(room[bottom : bottom + 40, left:right] * 0.9, 0, 255)
    frame = (214, 218, 222)
    for bar in (x, x + span // 2, x + span):
        _box(room, bar - 6, top, bar + 6, bottom, frame)
    for level in (top, (top + bottom) // 2, bottom):
        _box(room, x - 6, level - 6, x + span + 6, level + 6, frame)
    curtain = _shade(BOOKS[int(rng.integers(len(BOOKS)))], rng)
    for fold in range(6):
        shade = 0.7 + 0.3 * (fold % 2)
        tint: Colour = (int(curtain[0] * shade), int(curtain[1] * shade), int(curtain[2] * shade))
        _box(room, x - 20 + 13 * fold, top - 16, x - 8 + 13 * fold, min(bottom + 90, room.shape[0]), tint)
    _desk(room, x, span, rng)


def _gallery(room: Picture, x: int, span: int, rng: np.random.Generator) -> None:
    for row in range(2):
        for column in range(2):
            x0 = x + 14 + column * span // 2
            y0 = 40 + row * 190 + int(rng.integers(-14, 14))
            w, h = span // 2 - 34, int(rng.integers(110, 160))
            _box(room, x0 - 7, y0 - 7, x0 + w + 7, y0 + h + 7, _shade((40, 48, 58), rng, 0.5))
            _box(room, x0, y0, x0 + w, y0 + h, _shade((205, 214, 220), rng, 0.1))
            for _ in range(7):
                centre = (int(rng.integers(x0 + 14, x0 + w - 14)), int(rng.integers(y0 + 14, y0 + h - 14)))
                colour = _shade(BOOKS[int(rng.integers(len(BOOKS)))], rng)
                axes = (int(rng.integers(5, 14)), int(rng.integers(5, 14)))
                cv2.ellipse(room, centre, axes, int(rng.integers(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    _desk(room, x, span, rng)


def _corner(room: Picture, x: int, span: int, rng: np.random.Generator) -> None:
    """A standing lamp, lit, and a clock."""
    stem = x + span // 3
    height = room.shape[0]
    cv2.line(room, (stem, 200), (stem, height), (48, 52, 58), 8, cv2.LINE_AA)
    shade = np.array([[stem - 46, 200], [stem + 46, 200], [stem + 28, 110], [stem - 28, 110]], np.int32)
    cv2.fillPoly(room, [shade], (168, 220, 246), cv2.LINE_AA)
    clock = (x + 3 * span // 4, 130)
    cv2.circle(room, clock, 46, (52, 56, 60), -1, cv2.LINE_AA)
    cv2.circle(room, clock, 40, (224, 228, 230), -1, cv2.LINE_AA)
    for length, thick in ((22, 4), (32, 2)):
        turn = rng.uniform(0, 2 * np.pi)
        tip = (clock[0] + int(length * np.cos(turn)), clock[1] + int(length * np.sin(turn)))
        cv2.line(room, clock, tip, (30, 30, 34), thick, cv2.LINE_AA)
    _desk(room, x, span, rng)


def _desk(room: Picture, x: int, span: int, rng: np.random.Generator) -> None:
    height = room.shape[0]
    top = int(rng.integers(520, 580))
    wood = _shade(WOODS[int(rng.integers(len(WOODS)))], rng)
    _books(room, x + 8, x + span - 20, top, int(rng.integers(60, 110)), rng)
    _box(room, x, top, x + span, height, wood)
    for y in range(top + 8, height, 7):  # grain
        offset = int(rng.integers(-3, 4))
        cv2.line(room, (x, y), (x + span, y + offset), _shade(wood, rng, 0.12), 2)
    for drawer in range(top + 26, height, 62):
        cv2.rectangle(room, (x + 12, drawer), (x + span - 12, drawer + 52), _shade(wood, rng, 0.3), 2)
        cv2.circle(room, (x + span // 2, drawer + 26), 5, (170, 190, 196), -1, cv2.LINE_AA)


def _relight(room: Picture, rng: np.random.Generator) -> None:
    """A bright side, darker corners, and fine texture, in place."""
    height, width = room.shape[:2]
    across = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(rng.choice([-1, 1]))
    down = np.linspace(-1, 1, height, dtype=np.float32)
    light = (0.88 + 0.13 * across)[None, :] - (0.1 * down * down)[:, None]
    texture = rng.normal(0, 2.0, (height, width)).astype(np.float32)
    room[...] = np.clip(room * light[..., None] + texture[..., None], 0, 255)
