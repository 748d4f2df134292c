import numpy as np
import pytest

from playNano.algorithms.measurement.diffusion.search_range import needed_range_nm, range_message


def cut_steps(limit, rms=10.0, n=200_000):
    length = np.hypot(*np.random.default_rng(0).normal(0, rms / np.sqrt(2), (2, n)))
    return length[length <= limit]


@pytest.mark.parametrize("limit", [6.0, 10.0, 15.0])
def test_proposed_range_leaves_half_a_percent_in_its_last_fifth(limit):
    """The square of a step has an exponential distribution."""
    steps = cut_steps(limit)
    share = (steps > 0.8 * limit).mean()
    needed = needed_range_nm(share, limit)
    uncut = cut_steps(needed)
    if needed < 2.9 * limit:
        assert (uncut > 0.8 * needed).mean() == pytest.approx(0.005, abs=0.001)


def test_message_only_where_more_than_two_percent_lie_there():
    assert "set max_distance_nm of the tracking to" in range_message(cut_steps(15.0), 15.0)
    assert range_message(cut_steps(40.0), 40.0) == ""
    assert range_message(np.full(20, 9.9), 10.0) == ""
