import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.dwell.dwell_times import measure_dwell_times
from playNano.algorithms.measurement.dwell.options import DwellOptions
from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.algorithms.measurement.states.measure import measure_states
from playNano.algorithms.measurement.states.options import StatesOptions
from playNano.plots.measurement import measurement_figures
from playNano.plots.style import save_figure


def movie(n_tracks=30, seed=0, interval=0.5):
    rng = np.random.default_rng(seed)
    rows = []
    for track in range(n_tracks):
        first, n = int(rng.integers(0, 30)), 2 + int(rng.exponential(10))
        state = 0
        for frame in range(first, min(first + n, 60)):
            state = state if rng.random() < 0.8 else 1 - state
            rows.append((track, frame, 3.0 + state + rng.normal(0, 0.1)))
    table = pd.DataFrame(rows, columns=["track_id", "frame", "height_nm"]).assign(y_nm=0.0, x_nm=0.0)
    return tracks_from_table(table, frame_interval_s=interval)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("interval", [0.5, None])
def test_survival_and_counts(interval, tmp_path):
    measured = measure_dwell_times(movie(interval=interval), DwellOptions(miss_rate=0.0))
    figures = measurement_figures("dwell_times", measured.outputs())
    assert sorted(figures) == ["counts", "survival"]
    axes = figures["survival"].axes[0]
    curve = axes.lines[0].get_ydata()
    end = len(curve)
    np.testing.assert_allclose(curve, measured.survival["survival"][:end])
    assert axes.get_xlabel() == f"time since first detection ({'s' if interval else 'frames'})"
    legend = axes.get_legend().get_texts()
    assert any("k_off =" in text.get_text() and "ends" in text.get_text() for text in legend)
    assert "at risk" in texts(figures["survival"])
    assert f"{measured.survival['at_risk'][0]:.0f}" in texts(figures["survival"])
    for name, figure in figures.items():
        save_figure(figure, tmp_path / f"{name}.svg")


def test_no_tracks_have_no_survival():
    empty = tracks_from_table(
        pd.DataFrame({"track_id": [0], "frame": [3], "y_nm": 0.0, "x_nm": 0.0}).iloc[:0]
    )
    measured = measure_dwell_times(empty, DwellOptions())
    assert measurement_figures("dwell_times", measured.outputs()) == {}
    assert measurement_figures("states", measure_states(empty, StatesOptions()).outputs()) == {}


def test_traces_and_diagram(tmp_path):
    measured = measure_states(movie(), StatesOptions(n_states=2, offsets=False, outliers=False))
    figures = measurement_figures("states", measured.outputs())
    assert sorted(figures) == ["state_diagram", "state_traces"]
    assert len(figures["state_traces"].axes) == 6
    diagram, rates = figures["state_diagram"].axes
    shares = measured.state_table["occupancy"]
    assert {text.get_text().split("\n")[1] for text in diagram.texts[-3:-1]} == {
        f"{100 * s:.0f} %" for s in shares
    }
    drawn = rates.collections[-2].get_offsets()[:, 0]
    np.testing.assert_allclose(drawn, measured.transitions["rate_1_s"])
    assert [label.get_text() for label in rates.get_yticklabels()] == ["0 → 1", "1 → 0"]
    save_figure(figures["state_diagram"], tmp_path / "diagram.png")


def test_one_state_has_no_diagram():
    measured = measure_states(movie(), StatesOptions(n_states=1, offsets=False, outliers=False))
    assert sorted(measurement_figures("states", measured.outputs())) == ["state_traces"]
