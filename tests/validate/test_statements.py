"""Intervals and the comparison of figures."""

import numpy as np
import pytest

from playNano.validate.figures import LIMITS, Figure, compared
from playNano.validate.statements import Measure, stated, wilson_interval

N = {"truth": 400, "detections": 400, "links": 390}


def test_wilson_against_statsmodels_values():
    # statsmodels.stats.proportion.proportion_confint(method="wilson")
    np.testing.assert_allclose(wilson_interval(8, 10), (0.490162, 0.943318), atol=1e-6)
    np.testing.assert_allclose(wilson_interval(0, 20), (0.0, 0.161125), atol=1e-6)
    assert np.isnan(wilson_interval(0, 0)).all()


def test_one_movie_is_one_draw():
    m = stated("recall", 0.9, 0.9, N, 4.0)
    assert (m.low, m.high) == wilson_interval(45, 50)
    few = stated("recall", 0.9, 0.9, {"truth": 40}, 4.0)
    assert few.high - few.low > 2 * (m.high - m.low)


def test_estimates_that_differ_widen_the_interval():
    m, wide = stated("link_error", 0.4, 0.4, N, 4.0), stated("link_error", 0.475, 0.375, N, 4.0)
    assert wide.value == pytest.approx(m.value)
    assert wide.high - wide.low == pytest.approx(m.high - m.low + 0.1, abs=1e-9)
    assert (wide.on_copies, wide.on_movie) == (0.475, 0.375)
    assert stated("recall", 0.9, float("nan"), N, 4.0).value == 0.9


def test_height_and_diffusion():
    h = stated("height_bias_nm", -0.25, -0.25, N, 4.0)
    assert (h.low, h.high) == pytest.approx((-0.25 - 0.18, -0.25 + 0.18))
    d = stated("diffusion_bias", 0.0, 0.0, {**N, "links": 800}, 4.0)
    assert d.high == pytest.approx(1.96 * 2 * 0.7 * np.sqrt(2 / 800), rel=1e-3)


def test_nothing_to_state():
    m = stated("height_bias_nm", float("nan"), float("nan"), N, 4.0)
    assert m.status == "undefined"
    assert np.isnan([m.value, m.low, m.high]).all()
    assert Measure(1.0, 0.5, 1.0).to_dict()["status"] == "ok"


@pytest.mark.parametrize("name", LIMITS)
def test_figures_at_their_limits(name):
    _, limit, kind = LIMITS[name]
    movie = 20.0
    for share, agrees in ((0.9, True), (1.1, False)):
        by = share * limit * (movie if kind == "relative" else 1.0)
        assert Figure(name, movie, movie + by).agrees is agrees
        assert Figure(name, movie, movie - by).agrees is agrees
    assert Figure(name, np.nan, np.nan).agrees
    assert not Figure(name, movie, np.nan).agrees


def test_few_detections_agree_with_none():
    assert Figure("detections", 0.0, 0.2).agrees
    assert not Figure("detections", 0.0, 2.0).agrees


def test_figures_in_order():
    both = dict.fromkeys(["step", "count"], 3.0)
    assert [f.name for f in compared(both, both)] == ["count", "step"]
    assert compared(both, {**both, "step": 4.0})[1].to_dict()["agrees"] is False


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("recall", 0.12),
        ("precision", 0.12),
        ("link_error", 0.12),
        ("diffusion_bias", 0.3),
        ("height_bias_nm", 0.4),
    ],
)
def test_estimates_that_differ_too_much_are_withheld(name, limit):
    assert stated(name, 0.5, 0.5 + 0.98 * limit, N, 4.0).status == "ok"
    m = stated(name, 0.5, 0.5 + 1.02 * limit, N, 4.0)
    assert m.status == "withheld"
    assert "0.5 on the copies" in m.reason
    assert np.isnan([m.value, m.low, m.high, m.on_copies]).all()
