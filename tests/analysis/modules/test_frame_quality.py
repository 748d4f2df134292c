"""The module of frame quality: its parameters, and the heights that it judges."""

from dataclasses import fields

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.quality.limits import QualityLimits
from playNano.analysis.modules.frame_quality import FrameQualityModule
from playNano.errors import ParameterError


def stack_of(movie):
    return AFMImageStack(movie, 1.0, "height", "movie.npy")


def noisy_movie(n=8, h=64, w=64):
    return np.random.default_rng(0).normal(size=(n, h, w))


def test_it_has_every_limit_with_the_same_default():
    declared = {p.name: p.default for d in FrameQualityModule.declarations() for p in d.parameters()}
    limits = {field.name: field.default for field in fields(QualityLimits)}
    assert declared == {"source": "raw", **limits}
    stack = stack_of(noisy_movie(4))
    for name, default in limits.items():
        value = (not default) if isinstance(default, bool) else type(default)(default * 1.5 + 0.25)
        value = min(value, 0.9) if 0 < default <= 0.5 else value
        got = FrameQualityModule().run(stack, **{name: value})["thresholds"]
        assert got[name] == value, name


def test_the_heights_as_loaded_are_judged_unless_the_current_ones_are_chosen():
    movie = noisy_movie()
    movie[5, 20:] += 200 * np.sin(0.8 * np.arange(20, 64))[:, None]
    stack = stack_of(movie)
    # Row offsets are all that shows the lost lines.
    stack.apply(["row_median_align"])
    lost = [k == 5 for k in range(8)]
    for params, partly_torn in (({}, lost), ({"source": "raw"}, lost), ({"source": "current"}, [False] * 8)):
        outputs = FrameQualityModule().run(stack, **params)
        assert outputs["table"]["partly_torn"].tolist() == partly_torn, params
        assert outputs["summary"]["usable_frames"] == 8 - sum(partly_torn)


@pytest.mark.parametrize("wrong", [{"rail_share": 2}, {"source": "other"}, {"no_such": 1}])
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        FrameQualityModule().run(stack_of(noisy_movie(2)), **wrong)
