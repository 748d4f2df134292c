import warnings

import numpy as np
import pandas as pd
import pytest

from playNano.measurement import diffusion
from playNano.plots.measurement import measurement_figures
from playNano.plots.style import save_figure


def tracks(n_tracks=8, n=30, d=60.0, seed=0):
    rng = np.random.default_rng(seed)
    parts = []
    for track in range(n_tracks):
        place = np.cumsum(rng.normal(0, np.sqrt(d), (n, 2)), axis=0) + rng.normal(0, 2, (n, 2))
        rows = {"track_id": track, "frame": range(n), "time_s": np.arange(n) * 0.5}
        parts.append(pd.DataFrame({**rows, "y_nm": place[:, 0], "x_nm": place[:, 1]}))
    return pd.concat(parts, ignore_index=True)


def figures(table, **options):
    return measurement_figures("diffusion", diffusion(table, **options).tables())


def texts(figure):
    axes = figure.axes[0]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    return [axes.get_xlabel(), axes.get_ylabel(), *legend]


def test_axes_have_units_and_numbers_their_intervals(tmp_path):
    drawn = figures(tracks())
    assert list(drawn) == ["msd", "diffusion_by_track"]
    msd, by_track = (texts(figure) for figure in drawn.values())
    assert msd[:2] == ["lag (s)", "mean squared displacement (nm²)"]
    assert "8 tracks, 95 % interval" in msd
    assert any("nm²/s" in text and " to " in text for text in msd)
    assert by_track[0] == "D (nm²/s)"
    for name, figure in drawn.items():
        save_figure(figure, tmp_path / f"{name}.png")


def test_without_times_axes_have_frames():
    drawn = figures(tracks().drop(columns="time_s"), pixel_size_nm=1.0)
    assert texts(drawn["msd"])[0] == "lag (frames)"
    assert texts(drawn["diffusion_by_track"])[0] == "D (nm²/frame)"


def test_states_and_particles_at_rest(tmp_path):
    both = pd.concat([tracks(12, d=0.0), tracks(12, seed=5).assign(track_id=lambda t: t["track_id"] + 12)])
    drawn = figures(both)
    label = next(text for text in texts(drawn["diffusion_by_track"]) if "states" in text)
    assert label.startswith("states, with 5")
    low, high = drawn["diffusion_by_track"].axes[0].get_xlim()
    assert 0 < low < high < 1e4


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_show(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert figures(tracks().iloc[:rows]) == {}
