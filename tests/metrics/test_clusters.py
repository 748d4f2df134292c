"""The adjusted Rand index against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from playNano.errors import ParameterError
from playNano.metrics import score_clusters

labels = st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 5)), min_size=2, max_size=40)


@settings(deadline=None, max_examples=100)
@given(labels)
def test_it_is_scikit_learns(pairs):
    truth, found = np.array(pairs).T
    assert score_clusters(truth, found) == pytest.approx(adjusted_rand_score(truth, found), abs=1e-12)
    kept = found >= 0
    if kept.sum() > 1:
        told = score_clusters(truth, found, noise="leave out")
        assert told == pytest.approx(adjusted_rand_score(truth[kept], found[kept]), abs=1e-12)


def test_names_do_not_matter_and_chance_is_nought():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 5000)
    assert score_clusters(truth, 100 - 7 * truth) == 1.0
    assert abs(score_clusters(truth, rng.permutation(truth))) < 0.01
    assert score_clusters([], []) == score_clusters([3], [4]) == 1.0


def test_wrong_input():
    with pytest.raises(ParameterError, match="the same length"):
        score_clusters([1, 2], [1])
    with pytest.raises(ParameterError, match="noise"):
        score_clusters([1, 2], [1, 2], noise="drop")
