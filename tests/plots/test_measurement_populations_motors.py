import numpy as np
import pandas as pd

from playNano.measurement import compare, populations, stepping
from playNano.plots.measurement import measurement_figures
from playNano.plots.measurement.comparison import draw_comparison
from playNano.plots.style import save_figure


def tracks(n_tracks=12, n=20):
    rng = np.random.default_rng(0)
    track, frame = np.repeat(range(n_tracks), n), np.tile(range(n), n_tracks)
    x = 8.0 * frame / 4 + rng.normal(0, 1, track.size)
    height = np.where(track % 2, 4.0, 7.0) + rng.normal(0, 0.2, track.size)
    return pd.DataFrame({"track_id": track, "frame": frame, "y_nm": 0.0, "x_nm": x, "height_nm": height})


def texts(axes):
    return " ".join(text.get_text() for text in axes.texts) + axes.get_title()


def test_populations_with_means_and_shares(tmp_path):
    figures = measurement_figures("populations", populations(tracks()))
    assert list(figures) == ["populations_height_nm"]
    (axes,) = figures["populations_height_nm"].axes
    assert "50%" in texts(axes)
    assert axes.get_xlabel() == "height, median of each track (nm)"
    save_figure(figures["populations_height_nm"], tmp_path / "a.svg")
    assert measurement_figures("populations", populations(tracks().head(0))) == {}
    assert measurement_figures("populations", populations(tracks(1))) == {}


def test_motors_in_three_panels(tmp_path):
    figure = measurement_figures("stepping", stepping(tracks(), frame_interval_s=0.5))["stepping"]
    speeds, runs, _ = figure.axes
    assert speeds.get_ylabel() == "velocity (nm/s)"
    assert "not given (all censored)" in runs.get_title()
    save_figure(figure, tmp_path / "a.png")
    without_times = measurement_figures("stepping", stepping(tracks()))["stepping"]
    assert without_times.axes[0].get_ylabel() == "velocity (nm/frame)"
    assert measurement_figures("stepping", stepping(tracks().head(0))) == {}


def test_estimation_plot(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.concat(
        [
            pd.DataFrame({"condition": c, "movie": f"{c}{m}", "height_nm": mean + rng.normal(0, 1, 9)})
            for c, mean in (("A", 5.0), ("B", 6.0), ("C", 6.5)) for m in range(3)
        ]
    )  # fmt: skip
    figures = draw_comparison({**compare(table), "tracks": table})
    left, right = figures["comparison_height_nm"].axes
    assert left.get_xticklabels()[0].get_text() == "A\n3 movies\n27 tracks"
    assert len(right.get_xticklabels()) == 3
    save_figure(figures["comparison_height_nm"], tmp_path / "a.png")
