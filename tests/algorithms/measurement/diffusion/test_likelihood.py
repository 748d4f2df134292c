import numpy as np
import pytest
from scipy import stats

from playNano.algorithms.measurement.diffusion.likelihood import Noise, log_likelihoods, whiten
from playNano.algorithms.measurement.diffusion.steps import Steps


def dense(steps, track, d, s):
    """Return the covariance of the steps of a track along one axis."""
    rows = np.flatnonzero(steps.track == track)
    covariance = np.diag(2 * d * steps.time_s[rows] + 2 * s)
    for k in range(1, len(rows)):
        if not steps.begins[rows[k]]:
            covariance[k, k - 1] = covariance[k - 1, k] = -s
    return rows, covariance


@pytest.fixture
def steps():
    rng = np.random.default_rng(3)
    begins = np.isin(np.arange(14), [0, 5, 9])
    return Steps(
        rng.normal(0, 5, (14, 2)), rng.uniform(0.4, 1.2, 14), np.ones(14, np.int64), begins,
        np.array([0, 9, 9, 14]), np.zeros(3, np.int64), np.zeros(3, np.int64),
    )  # fmt: skip


@pytest.mark.parametrize("variances", [(4.0, 4.0), (1.0, 9.0)])
def test_recursion_is_the_dense_multivariate_normal(steps, variances):
    noise = Noise(np.array(variances), blur_s=0.05)
    values = log_likelihoods(steps, [7.0, 40.0], noise)
    for track in (0, 2):
        for k, d in enumerate((7.0, 40.0)):
            expected = 0.0
            for axis in (0, 1):
                rows, covariance = dense(steps, track, d, variances[axis] - 0.05 * d)
                zero = np.zeros(len(rows))
                expected += stats.multivariate_normal.logpdf(steps.step_nm[rows, axis], zero, covariance)
            assert values[track, k] == pytest.approx(expected, rel=1e-12)
    assert values[1].tolist() == [0.0, 0.0]


def test_whitened_steps_have_the_quadratic_form_of_the_covariance(steps):
    step, time = whiten(steps, np.array([7.0, 7.0, 20.0]), Noise(np.array([4.0, 1.0])))
    for track, d in ((0, 7.0), (2, 20.0)):
        for axis, variance in enumerate((4.0, 1.0)):
            rows, covariance = dense(steps, track, d, variance)
            inverse = np.linalg.inv(covariance)
            y, t = steps.step_nm[rows, axis], steps.time_s[rows]
            assert (step[rows, axis] ** 2).sum() == pytest.approx(y @ inverse @ y, rel=1e-10)
            assert (step[rows, axis] * time[rows, axis]).sum() == pytest.approx(y @ inverse @ t, rel=1e-10)


def test_a_covariance_that_is_not_positive_definite_is_impossible(steps):
    assert log_likelihoods(steps, [0.0], Noise(np.zeros(2)))[0, 0] == -np.inf
