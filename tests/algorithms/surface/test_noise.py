"""The noise of a frame against known noise."""

from __future__ import annotations

import numpy as np
import pytest

from playNano.algorithms.surface.noise import robust_noise


def test_noise_is_estimated_through_steps_lines_and_gaps() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 0.4, (200, 200)) + rng.normal(0, 5, (200, 1)) + 30 * (np.arange(200) > 90)
    z[50:60, 50:60] = np.nan
    assert robust_noise(z) == pytest.approx(0.4, rel=0.03)
    assert robust_noise(np.zeros((4, 2))) == 0
