"""Soft tiles against the same sum over whole planes, and fitted tiles against `numpy.linalg`."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from edge_bg.frame.tiles import TILE, Grid, Scratch
from edge_bg.matte.guided import fit
from edge_bg.matte.soft import SoftTiles


@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (1366, 768)])
@pytest.mark.parametrize("cells", [1, 2])
def test_tiles_are_the_interpolated_sum_wherever_they_lie(size, cells):
    rng = np.random.default_rng(3)
    grid = Grid.of(size)
    tiles = SoftTiles(grid, cells)
    height, width = tiles.shape
    colour = [rng.integers(0, 256, tiles.shape).astype(np.uint8) for _ in range(3)]
    across, down = (cells * count for count in grid.counts)
    terms = rng.normal(0, 0.5, (4, down + 2, across + 2)).astype(np.float32)
    terms[3] = terms[3] * 60 + 120
    cell = tiles.side // cells
    whole = [
        cv2.resize(term, None, fx=cell, fy=cell, interpolation=cv2.INTER_LINEAR)[cell:-cell, cell:-cell]
        for term in terms
    ]
    wanted = np.clip(whole[3] + sum(w * c for w, c in zip(whole, colour, strict=False)), 0, 255)
    out = np.full(tiles.shape, 77, np.uint8)
    person = rng.integers(0, 2, grid.counts[::-1]).astype(np.uint8)
    chosen = np.sort(rng.choice(grid.counts[0] * grid.counts[1], 700, replace=False))
    tiles.draw(chosen, person, terms, colour, out, None)
    drawn = np.zeros(grid.counts[::-1], np.uint8)
    drawn.reshape(-1)[chosen] = 1
    there = np.kron(drawn, np.ones((tiles.side, tiles.side), np.uint8)) > 0
    assert there.shape == (height, width)
    plain = np.kron(person, np.full((tiles.side, tiles.side), 255, np.uint8))
    assert (out[~there] == plain[~there]).all()
    assert np.abs(out[there] - wanted[there]).max() <= 1
    assert (tiles.picture() == out).all()


def test_play_holds_what_is_near_and_hard_values_least():
    grid = Grid.of((1280, 720))
    tiles = SoftTiles(grid)
    terms = np.zeros((1, 38, 66), np.float32)
    person = np.zeros(grid.counts[::-1], np.uint8)
    for new, play, held in ((110, 20, 100), (130, 20, 110), (110, 0, 110), (0, 90, 0), (5, 90, 10), (255, 90, 255)):
        terms[...] = new
        out = np.zeros(tiles.shape, np.uint8)
        tiles.remember(np.full(tiles.shape, 100, np.uint8))
        tiles.draw(np.array([5]), person, terms, [], out, np.array([play], np.uint8))
        assert out[0, 5 * tiles.side] == held, (new, play)


def test_what_was_plain_is_a_past_too():
    grid = Grid.of((1280, 720))
    tiles = SoftTiles(grid)
    terms = np.full((1, 38, 66), 240, np.float32)
    person = np.zeros(grid.counts[::-1], np.uint8)
    person[0, 1] = 1
    out = np.zeros(tiles.shape, np.uint8)
    tiles.draw(np.array([2]), person, terms, [], out, None)
    tiles.draw(np.array([0, 1, 2]), person, terms, [], out, np.full(3, 90, np.uint8))
    assert [out[0, n * tiles.side] for n in range(3)] == [225, 255, 240], "15 levels of play are left at 240"


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_fit_is_weighted_least_squares_in_each_window(radius):
    rng = np.random.default_rng(radius)
    down, across = 10, 12
    values = rng.uniform(0, 255, (4, TILE * down, TILE * across)).astype(np.float32)
    side = 2 * radius + 1
    y, x = np.array([0, 1, down - side]), np.array([across - side, 1, 0])
    planes = np.concatenate((values, np.empty((9, *values.shape[1:]), np.float32)))
    fitted = fit(planes, y * across + x, radius, 4.0, Scratch())
    line = np.repeat([math.comb(2 * radius, k) / 4.0**radius / TILE for k in range(side)], TILE)
    weights = np.outer(line, line).reshape(-1)
    assert weights.sum() == pytest.approx(1)
    for number, (top, left) in enumerate(zip(y * TILE, x * TILE, strict=True)):
        points = values[:, top : top + TILE * side, left : left + TILE * side].reshape(4, -1).astype(float)
        mean = points @ weights
        spread = (points - mean[:, None]) * weights @ (points - mean[:, None]).T
        a = np.linalg.solve(spread[:3, :3] + 16 * np.eye(3), spread[:3, 3])
        assert np.allclose(fitted[:, number], [*a, mean[3] - a @ mean[:3]], rtol=1e-3, atol=5e-3)
