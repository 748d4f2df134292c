"""The dock "Inspect" in a real viewer: rows, traces, profiles and kymographs."""

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.measurement import kymograph
from playNano.viewer.figure_view import FigureView
from playNano.viewer.inspect_dock import LINES, InspectDock
from playNano.viewer.particles import draw_trace, particle_at, track_of
from playNano.viewer.reader import read_layers
from playNano.viewer.results import results_in
from playNano.viewer.show import add_layers


@pytest.fixture
def dock(viewer, results):
    add_layers(viewer, read_layers(str(results)))
    dock = InspectDock(viewer)
    yield dock
    dock.shut_down()
    dock.close()


def shown(dock):
    table = dock.table
    return {table.item(k, 0).text(): table.item(k, 1).text() for k in range(table.rowCount())}


def test_a_click_shows_the_particle(dock, viewer):
    results = results_in(viewer)
    tracks = results.analysed.tracks
    row = tracks[tracks["frame"] == 4].iloc[1]
    world = viewer.layers["detections"].data_to_world((4, row["y"] + 0.6, row["x"] - 0.6))
    dock.clicks.at(world)
    assert shown(dock)["track_id"] == str(int(row["track_id"]))
    assert float(shown(dock)["y_nm"]) == pytest.approx(row["y_nm"], rel=1e-5)
    line = dock.trace.figure.axes[0].lines[0]
    own = tracks[tracks["track_id"] == row["track_id"]].sort_values("frame")
    drawn = line.get_ydata()
    assert np.allclose(drawn[np.isfinite(drawn)], own["height_nm"])
    dock.clicks.at(viewer.layers["detections"].data_to_world((4, 45.0, 1.0)))
    assert "no detection here" in dock.status.text()
    assert dock.table.rowCount() == 0


def test_a_drag_is_no_click(dock, viewer):
    class Event:
        type = "mouse_press"
        position = (0.0, 0.0, 0.0)

    event, calls = Event(), []
    dock.clicks._clicked = lambda *place: calls.append(place)
    for kinds in (["mouse_move", "mouse_release"], ["mouse_release"]):
        event.type = "mouse_press"
        pressed = dock.clicks._pressed(viewer, event)
        next(pressed)
        for kind in kinds:
            event.type = kind
            next(pressed, None)
    assert len(calls) == 1


def test_profile_and_kymograph_are_those_of_the_measurement(dock, viewer, results, movie_file, qtbot):
    dock.show_profile()
    assert "draw a line first" in dock.status.text()
    dock.draw_line()
    layer = viewer.layers[LINES]
    layer.add_paths([np.array([[8.0, 4.0], [8.0, 40.0]])])
    layer.mode = "pan_zoom"
    assert dock.line_nm() == [(16.0, 8.0), (16.0, 80.0)]
    viewer.dims.set_current_step(0, 3)
    stack = AFMImageStack.load_data(movie_file)
    stack.apply(["zero_mean"])
    expected = kymograph(stack, line_nm=[(16.0, 8.0), (16.0, 80.0)])
    dock.show_profile()
    drawn = dock.profile.figure.axes[0].lines[0]
    assert np.allclose(drawn.get_xdata(), expected["distance_nm"])
    assert np.allclose(drawn.get_ydata(), expected["kymograph"][3])
    dock.show_kymograph()
    qtbot.waitUntil(lambda: dock.outputs is not None, timeout=60_000)
    assert np.array_equal(dock.outputs["kymograph"], expected["kymograph"])
    assert dock.kymograph.figure is not None
    viewer.dims.set_current_step(0, 5)
    qtbot.waitUntil(
        lambda: np.allclose(dock.profile.figure.axes[0].lines[0].get_ydata(), expected["kymograph"][5]),
        timeout=60_000,
    )


def test_a_gap_breaks_the_line(viewer, results):
    add_layers(viewer, read_layers(str(results)))
    found = results_in(viewer)
    row = particle_at(found, 0, *found.analysed.tracks[["y", "x"]].iloc[0])
    track = track_of(found, row)
    track = track[track["frame"] != 4]
    figure = draw_trace(track, "height_nm", 3, timed=True)
    drawn = figure.axes[0].lines[0].get_ydata()
    assert np.isnan(drawn).sum() == 1
    marked = figure.axes[0].lines[2]
    assert marked.get_xdata().tolist() == track["time_s"][track["frame"] == 3].tolist()


@pytest.mark.parametrize("width_in", [None, 4.6])
def test_figures_fit_every_width(qtbot, width_in):
    """A figure in a scroll area that changes its width again and again: its height is a function of the width."""
    from matplotlib.figure import Figure
    from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget

    view, inside, scroll = FigureView(width_in), QWidget(), QScrollArea()
    qtbot.addWidget(scroll)
    QVBoxLayout(inside).addWidget(view)
    scroll.setWidgetResizable(True)
    scroll.setWidget(inside)
    view.show_figure(Figure(figsize=(7.0, 3.0), dpi=100))
    scroll.show()
    for width in (*range(150, 700, 25), *range(700, 150, -25)):
        scroll.resize(width, 120)
        qtbot.wait(1)
        shown = min(view.width(), 700 if width_in is None else 460)
        assert view.heightForWidth(view.width()) == int(shown * 300 / (700 if width_in is None else 460))
    view.show_figure(None)
    assert not view.isVisible()
