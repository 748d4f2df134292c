"""Surfaces of single frames: what they are made of, and that they depend on nothing else."""

import numpy as np
import pytest

from playNano.algorithms.leveling.surfaces import subtract_surface


def frames(n=6, shape=(40, 56)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (np.random.default_rng(0).normal(size=(n, *shape)) + 0.1 * x - 0.2 * y + 300).astype(np.float32)


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_least_squares_solution_of_numpy(order, masked):
    frame = frames(1)[0]
    mask = np.random.default_rng(1).random(frame.shape) < 0.3 if masked else np.zeros(frame.shape, bool)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in frame.shape), indexing="ij")
    terms = np.stack([x**p * y**q for p in range(order + 1) for q in range(order + 1 - p)], axis=-1)
    fit, *_ = np.linalg.lstsq(terms[~mask], frame[~mask].astype(np.float64), rcond=None)
    np.testing.assert_allclose(subtract_surface(frame, order, mask), frame - terms @ fit, rtol=0, atol=2e-6)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_same_to_the_bit_wherever_the_frame_lies_in_memory(order):
    block = frames()
    mask = np.random.default_rng(1).random(block.shape) < 0.3
    offset = np.empty(block[0].nbytes + 4, np.uint8)[4:].view(np.float32).reshape(block[0].shape)
    for k, frame in enumerate(block):
        offset[:] = frame
        for m in (None, mask[k]):
            first = subtract_surface(frame.copy(), order, m)
            np.testing.assert_array_equal(subtract_surface(frame, order, m), first)
            np.testing.assert_array_equal(subtract_surface(offset, order, m), first)
            np.testing.assert_array_equal(subtract_surface(np.asfortranarray(frame), order, m), first)
