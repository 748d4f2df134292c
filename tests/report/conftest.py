"""A small movie that was analysed, and its report."""

import warnings

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.plots.analysed import AnalysedMovie
from playNano.report import ReportOptions, write_report
from playNano.simulate.movie import simulate_movie

STEPS = ("frame_quality", "feature_detection", "particle_tracking", "diffusion", "dwell_times", "populations")


def analysed(stack, steps=STEPS):
    """Return the record of an analysis of a stack."""
    pipeline = AnalysisPipeline()
    for name in steps:
        pipeline.add(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline.run(stack)


def small_movie(n_frames=24, shape=(48, 64), **change):
    """Return a simulated movie of moving particles with unequal frame times and two frames that are blank."""
    movie = simulate_movie(n_frames=n_frames, shape=shape, n_particles=5, seed=4).to_stack()
    data = np.asarray(movie.data, np.float32).copy()
    data[7:9] = 0.0
    times = np.cumsum(np.where(np.arange(n_frames) % 3, 0.5, 0.9)) - 0.9
    values = {
        "pixel_size_nm": (2.0, 1.5),
        "channel": "height_trace",
        "file_path": "small.asd",
        "frame_metadata": [{"timestamp": float(t)} for t in times],
    }
    stack = AFMImageStack(data, **{**values, **change})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stack.apply(["level"])
    return stack


@pytest.fixture(scope="session")
def small():
    """A movie and its record."""
    stack = small_movie()
    return stack, analysed(stack)


@pytest.fixture(scope="session")
def make_report(small, tmp_path_factory):
    """Write a report, by default of the small movie, and return its text."""

    def make(stack=None, record=None, folder=None, **options):
        stack = small[0] if stack is None else stack
        record = small[1] if record is None else record
        path = tmp_path_factory.mktemp("report") / "report.html"
        write_report(record, AnalysedMovie.of(stack, record), path, ReportOptions(**options), folder=folder)
        return path

    return make
