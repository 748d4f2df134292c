"""Streaks, against loops over the pixels."""

import numpy as np
import pytest

from playNano.algorithms.quality._streaks import streak_depths


def thickness_and_depth(frame, height, r, x, limit):
    """Return the thickness (1 or 2 lines) and depth of a streak at a pixel of its first line; 0 for none."""
    h = len(frame)

    def above(a, b):
        return frame[a, x] - frame[b, x] - (height[a] - height[b])

    sign = 1 if above(r, r - 1) > 0 else -1
    for thickness in (1, 2):
        last = r + thickness - 1
        if last + 1 >= h:
            return 0, 0.0
        depth = min(sign * above(r, r - 1), sign * above(last, last + 1))
        far = max(sign * above(r, max(r - 3, 0)), sign * above(last, min(last + 3, h - 1)))
        if depth > limit and depth >= 0.6 * far:
            return thickness, depth
    return 0, 0.0


def by_loops(frame, steps, limit, min_length):
    height, depths = np.cumsum(steps), np.zeros(len(frame))
    for r in range(1, len(frame) - 1):
        run = []
        for x in range(frame.shape[1]):
            pixel = thickness_and_depth(frame, height, r, x, limit)
            run = [*run, pixel] if pixel[0] else []
            if len(run) >= min_length:
                mean = np.mean([depth for _, depth in run])
                for k in range(max(thickness for thickness, _ in run)):
                    depths[r + k] = max(depths[r + k], mean)
    return depths


@pytest.mark.parametrize("shape", [(2, 9), (3, 9), (12, 20), (40, 30)])
@pytest.mark.parametrize("seed", range(5))
def test_against_loops(shape, seed):
    rng = np.random.default_rng(seed)
    frame = rng.normal(0, 0.3, shape) + 2 * rng.normal(size=(shape[0], 1))
    for r in range(1, shape[0], 3):
        start, size = int(rng.integers(3)), rng.choice([-4, 4])
        for k in range(int(rng.integers(1, 3))):
            # The two lines of a thick streak differ in length.
            frame[r + k : r + k + 1, start + 2 * k : start + 6] += size
    steps = np.concatenate([[0.0], np.median(np.diff(frame, axis=0), axis=1)])
    depths = streak_depths(frame, steps, 1.0, 4)
    np.testing.assert_allclose(depths, by_loops(frame, steps, 1.0, 4), rtol=1e-12)
    assert shape[0] < 12 or np.count_nonzero(depths) > 1
