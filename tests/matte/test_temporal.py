"""Time: what is calm is hard to change, what creeps is followed, what moves is taken at once."""

from __future__ import annotations

import numpy as np
import pytest

from edge_bg.frame import Picture
from edge_bg.frame.tiles import Scratch
from edge_bg.matte.temporal import Motion, Smoother, mix

SHAPE = (18, 32)


class Eyes:
    """A smoother with its motion, fed plain pictures of one luma."""

    def __init__(self) -> None:
        self.motion = Motion()
        self.smoother = Smoother(0.9, 0.3, 28.0)

    def __call__(self, mask: int, luma: int, shape: tuple[int, int] = SHAPE) -> int:
        colour = np.full((3, *shape), luma, np.uint8)
        steady, _ = self.smoother(np.full(shape, mask, np.uint8), colour, self.motion(colour))
        assert steady.shape == shape and (steady == steady[0, 0]).all()
        return int(steady[0, 0])

    def rest(self, mask: int, luma: int, frames: int) -> None:
        for _ in range(frames):
            self(mask, luma)


def follow(eyes: Eyes, lumas: list[int]) -> int:
    """The mask after it has jumped from 0 to 255 for as many frames as there are lumas."""
    return [eyes(255, luma) for luma in lumas][-1]


def test_a_sure_mask_counts_less_the_longer_nothing_stirs() -> None:
    fresh, calm = Eyes(), Eyes()
    fresh.rest(0, 100, 1)
    calm.rest(0, 100, 25)
    assert follow(fresh, [100] * 3) > 170
    assert 20 < follow(calm, [100] * 3) < 60


def test_a_calm_mask_still_gives_in() -> None:
    eyes = Eyes()
    eyes.rest(0, 100, 25)
    assert follow(eyes, [100] * 60) > 217  # from where the curve makes it a person


def test_what_creeps_is_not_calm() -> None:
    """One level a frame is far below what counts as motion."""
    eyes, creeping = Eyes(), Eyes()
    for luma in range(100, 130):
        eyes(0, 100)
        creeping(0, luma)
    assert follow(creeping, [130, 131, 132]) > 1.5 * follow(eyes, [100] * 3)


@pytest.mark.parametrize("frames", [1, 25])
def test_what_moves_is_taken_whole_however_calm_it_was(frames: int) -> None:
    eyes = Eyes()
    eyes.rest(0, 100, frames)
    assert eyes(255, 140) == 255


def test_in_the_dark_fewer_levels_are_motion() -> None:
    """A person steps by ten levels where the whole picture has twenty."""
    day, dark = Eyes(), Eyes()
    day.rest(0, 100, 25)
    dark.rest(0, 12, 25)
    assert day(255, 110) < 100
    assert dark(255, 22) == 255


def test_unrest_outlasts_the_motion() -> None:
    """A mask that came with the motion may have been wrong: for some frames it can be put right."""
    eyes = Eyes()
    eyes.rest(0, 100, 25)
    assert eyes(120, 140) == 120
    assert follow(eyes, [140] * 4) > 200


def test_another_size_or_a_reset_starts_anew() -> None:
    eyes = Eyes()
    eyes.rest(0, 100, 25)
    assert eyes(77, 100, (20, 30)) == 77
    eyes.smoother.reset()
    assert eyes(200, 100, (20, 30)) == 200


def test_colours_are_steadied_and_never_left_behind() -> None:
    """Noise of a few levels is dropped; what stays is reached, as the mask's calm does not hold the colours."""
    smoother, motion = Smoother(0.9, 0.3, 28.0), Motion()
    mask: Picture = np.zeros(SHAPE, np.uint8)
    for luma in [100] * 25 + [103, 97] * 5:
        colour = np.full((3, *SHAPE), luma, np.uint8)
        _, faded = smoother(mask, colour, motion(colour))
        assert (faded == 100).all()
    for _ in range(40):
        colour = np.full((3, *SHAPE), 112, np.uint8)
        _, faded = smoother(mask, colour, motion(colour))
    assert (np.abs(faded.astype(int) - 112) <= 5).all()


def test_mixing_rounds_on_every_processor() -> None:
    """What is dropped at small gains must not depend on the board: OpenCV's multiply cuts off on Arm."""
    draw = np.random.default_rng(0)
    new, old, gain = (draw.integers(0, 256, SHAPE, dtype=np.uint8) for _ in range(3))
    step = (new.astype(float) - old) * gain / 255
    right = old + np.sign(step) * np.floor(np.abs(step) + 0.5)
    mix(new, old, gain.astype(np.float32), Scratch())
    assert np.array_equal(old, right)
