"""Compiled fits of paraboloids against numpy's least squares."""

from __future__ import annotations

import numpy as np
import pytest

from playNano.algorithms._common._paraboloid_kernels import refine, solve, tops


def test_solve_is_numpy_s() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(9, 5))
    matrix, right = rows.T @ rows, rng.normal(size=5)
    expected = np.linalg.solve(matrix, right)
    assert solve(matrix, right)
    np.testing.assert_allclose(right, expected, rtol=1e-10)
    assert not solve(np.ones((5, 5)), np.ones(5))


def test_refine_goes_to_the_vertex() -> None:
    """A paraboloid with mixed terms, sampled exactly, has its vertex where it was drawn."""
    vertex = np.array([2.2, 3.9, 4.3])
    k, y, x = np.indices((5, 8, 9)) - vertex[:, None, None, None]
    cube = np.full((7, 10, 11), -np.inf, dtype=np.float32)
    cube[1:-1, 1:-1, 1:-1] = 5 - 0.5 * k**2 - y**2 - 0.8 * x**2 + 0.3 * k * y - 0.2 * y * x
    where = np.array([[2, 4, 4]])
    moves, response = np.empty((1, 3)), np.empty(1)
    refine(cube, where, moves, response)
    np.testing.assert_allclose(where[0] + moves[0], vertex, atol=1e-5)
    assert response[0] == pytest.approx(5, abs=1e-5)


def test_refine_holds_an_axis_that_ends() -> None:
    cube = np.full((3, 5, 5), -np.inf, dtype=np.float32)
    cube[1, 1:4, 1:4] = [[0, 1, 0], [1, 3, 2], [0, 1, 0]]
    moves, response = np.empty((1, 3)), np.empty(1)
    refine(cube, np.array([[0, 1, 1]]), moves, response)
    np.testing.assert_allclose(moves[0], [0, 0, 0.5 / 3])


@pytest.mark.parametrize("centre", [(10.3, 12.8), (1.2, 22.0)])
def test_tops_are_those_of_least_squares(centre: tuple[float, float]) -> None:
    rng = np.random.default_rng(2)
    z, pixel, sigma = rng.normal(size=(20, 24)), np.array([1.0, 1.5]), 4.0
    z[9, 12] = np.nan
    out = np.empty(1)
    tops(z, np.array([[*centre, sigma]]), pixel, out)
    scale = pixel[:, None, None] / (0.8 * sigma)
    near_y, near_x = (np.indices(z.shape) - np.round(centre)[:, None, None]) * scale
    used = (near_y**2 + near_x**2 <= 1) & np.isfinite(z)
    y, x = (np.indices(z.shape) - np.array(centre)[:, None, None]) * scale
    y, x = y[used], x[used]
    basis = np.column_stack([np.ones_like(y), y, x, y * y, y * x, x * x])
    assert out[0] == pytest.approx(np.linalg.lstsq(basis, z[used], rcond=None)[0][0], rel=1e-9)


def test_tops_of_too_few_pixels_are_their_mean() -> None:
    out = np.empty(1)
    tops(np.array([[1.0, 2.0, 4.5]]), np.array([[0.0, 1.0, 1.0]]), np.ones(2), out)
    assert out[0] == pytest.approx(2.5)
