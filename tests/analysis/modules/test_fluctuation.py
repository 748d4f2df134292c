"""The module of fluctuations: lazy movies, bands of rows, scars, unusable frames, warnings, figure."""

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.measurement import fluctuation as shared
from playNano.analysis.modules.fluctuation import FluctuationModule
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.literals import Text
from playNano.errors import PlayNanoWarning
from playNano.io.export.tables import write_tables
from playNano.measurement import fluctuation
from playNano.plots.measurement import measurement_figures


def movie_of(n=60, slow=False):
    rng = np.random.default_rng(0)
    movie = rng.normal(0, 0.1, (n, 24, 32))
    steps = rng.normal(0, 1.0, n)
    movie[:, 8:14, 8:14] += (np.cumsum(steps) * 0.3 if slow else 0.5 * steps)[:, None, None]
    return movie


def stack_of(data, **change):
    return AFMImageStack(data, (2.0, 1.5), "height", "movie.npy", **change)


def test_the_map_shows_what_moves():
    out = fluctuation(stack_of(movie_of()))
    row = out["fluctuation"].iloc[0]
    assert out["rmsf_nm"][9:13, 9:13].mean() == pytest.approx(0.5, rel=0.15)
    assert row["floor_nm"] == pytest.approx(0.1, rel=0.1)
    assert (row["status"], row["n_frames"], row["robust"]) == ("ok", 60, False)
    assert row["correlation_frames"] < 1
    np.testing.assert_allclose(out["sd_nm"], movie_of().std(axis=0, ddof=1))


def test_lazy_movies_and_bands_give_the_same(monkeypatch):
    import dask.array as da

    movie = movie_of()
    movie[5, 3, 4] = np.nan
    whole = fluctuation(stack_of(movie), robust=True)
    monkeypatch.setattr(shared, "BAND_BYTES", 5 * 8 * 60 * 32)
    for data in (movie, da.from_array(movie, chunks=(7, 24, 32))):
        part = fluctuation(stack_of(data), robust=True)
        for name in ("rmsf_nm", "mean_nm", "sd_nm"):
            np.testing.assert_array_equal(part[name], whole[name])
        pd.testing.assert_frame_equal(part["fluctuation"], whole["fluctuation"])


def test_scars_in_used_frames_make_it_robust():
    stack, usable = stack_of(movie_of()), np.arange(60) != 7
    for frame, robust in ((7, False), (8, True)):
        quality = {"usable": usable, "table": pd.DataFrame({"scars": np.arange(60) == frame})}
        out = FluctuationModule().run(stack, {"frame_quality": quality})
        assert out["fluctuation"]["robust"][0] == robust
        assert out["fluctuation"]["n_frames"][0] == 59
        given = FluctuationModule().run(stack, {"frame_quality": quality}, robust=Text("false"))
        assert not given["fluctuation"]["robust"][0]
        assert ("scars" in out["summary"]["messages"][0]) == robust


def test_unusable_frames_do_not_count():
    movie = movie_of()
    spoilt = movie.copy()
    spoilt[7] = 100.0
    usable = np.arange(60) != 7
    out = FluctuationModule().run(stack_of(spoilt), {"frame_quality": {"usable": usable}})
    np.testing.assert_allclose(out["sd_nm"], movie[usable].std(axis=0, ddof=1))


def test_slow_fluctuations_and_displaced_frames_are_warned_of():
    with pytest.warns(PlayNanoWarning, match="low by about"):
        out = fluctuation(stack_of(movie_of(slow=True)))
    assert out["fluctuation"]["correlation_frames"][0] > 3
    peak = 5 * np.exp(-((np.mgrid[:60, :60] - 30) ** 2).sum(axis=0) / 200)
    shift = np.random.default_rng(0).integers(-5, 6, (80, 2))
    drifting = np.array([np.roll(peak, s, axis=(0, 1)) for s in shift])
    drifting += np.random.default_rng(1).normal(0, 0.02, drifting.shape)
    with pytest.warns(PlayNanoWarning, match="align them first"):
        fluctuation(stack_of(drifting))


@pytest.mark.parametrize(("n", "status"), [(0, "one_frame"), (1, "one_frame"), (5, "too_short")])
def test_short_movies(n, status):
    out = fluctuation(stack_of(movie_of()[:n]))
    assert out["fluctuation"]["status"].tolist() == [status]
    assert np.isnan(out["rmsf_nm"]).all() == (n < 2)


def test_tables_and_figure(tmp_path):
    stack = stack_of(movie_of(), unit="deg")
    pipeline = AnalysisPipeline()
    pipeline.add("fluctuation")
    record = pipeline.run(stack)
    assert "fluctuation.csv" in write_tables(record, tmp_path)
    outputs = record["analysis"]["step_1_fluctuation"]
    assert outputs["rmsf_deg"].shape == (24, 32)
    assert "floor_deg" in outputs["fluctuation"]
    assert list(measurement_figures("fluctuation", outputs)) == ["fluctuation"]
    assert measurement_figures("fluctuation", fluctuation(stack_of(movie_of()[:1]))) == {}
