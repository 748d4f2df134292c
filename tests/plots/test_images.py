"""Images in figures: scale bar, outlines, tracks."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.render import MISSING_COLOUR, OUTLINE_COLOUR
from playNano.plots import images
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.outlines import outline


def bare_axes(width_px, height_px):
    """Axes that fill a figure of a size in pixels."""
    figure = Figure(figsize=(width_px / 100, height_px / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return figure, axes


def rendered(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


@pytest.mark.parametrize(("pixel_size_nm", "shape"), [((2.0, 2.0), (200, 200)), ((4.0, 1.0), (50, 200))])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_the_scale_bar_has_the_length_it_says_on_any_image(make_stack, pixel_size_nm, shape, level):
    """On black, grey and white, the white bar with its black edge spans the pixels of its length."""
    py, px = pixel_size_nm
    wide, tall = shape[1] * px, shape[0] * py
    scale = 400 / wide
    figure, axes = bare_axes(400, round(tall * scale))
    stack = make_stack(np.full((1, *shape), level, np.float32), pixel_size_nm=pixel_size_nm)
    images.draw_heights(axes, stack, stack.get_frame(0), (0.0, 1.0), "gray")
    length = {400.0: 100.0, 200.0: 50.0}[wide]
    assert f"{length:g} nm" in [text.get_text() for text in axes.texts]
    picture = rendered(figure)
    row = picture[round(0.955 * tall * scale - 2), :, 0]
    left = round(0.04 * wide * scale)
    right = left + round(length * scale)
    # Inside the bar white, its edge black, whatever the image is.
    assert (row[left + 4 : right - 4] > 250).all()
    edges = np.flatnonzero(row < 100) if level > 0.4 else np.flatnonzero(row > 100)
    assert abs(edges.min() - left) <= 2
    assert abs(edges.max() - right) <= 2


def test_pixels_without_a_height_have_their_own_colour(make_stack):
    figure, axes = bare_axes(160, 160)
    data = np.zeros((1, 16, 16), np.float32)
    data[0, :8] = np.nan
    stack = make_stack(data)
    images.draw_heights(axes, stack, data[0], (0.0, 1.0), scale_bar=False)
    picture = rendered(figure)
    assert tuple(picture[20, 80]) == tuple(bytes.fromhex(MISSING_COLOUR[1:]))
    assert tuple(picture[140, 80]) == (0, 0, 0)


def test_outlines_lie_on_the_borders_of_the_labels(make_stack):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    record = AnalysisPipeline().add_steps("feature_detection:threshold=1").run(stack)
    movie = AnalysedMovie.of(stack, record)
    axes = Figure().subplots()
    images.draw_detections(axes, movie, 3)
    (line,) = axes.lines
    y, x = outline(record["analysis"]["step_1_feature_detection"]["labeled_masks"][3])
    np.testing.assert_allclose(line.get_ydata(), 4 * y)
    np.testing.assert_allclose(line.get_xdata(), 2 * x)
    assert line.get_color() == OUTLINE_COLOUR


def test_blobs_are_circles_of_their_radius_and_peaks_are_marks(make_stack):
    stack = make_stack(pixel_size_nm=2.0)
    record = AnalysisPipeline().add_steps("log_blob_detection:threshold=0.5").run(stack)
    rows = record["analysis"]["step_1_log_blob_detection"]["table"].query("frame == 2")
    axes = Figure().subplots()
    images.draw_detections(axes, AnalysedMovie.of(stack, record), 2)
    (circles,) = axes.collections
    assert len(rows) == 3
    np.testing.assert_allclose(circles.get_widths(), 2 * rows["radius_nm"])
    np.testing.assert_allclose(circles.get_heights(), 2 * rows["radius_nm"])
    np.testing.assert_allclose(circles.get_offsets(), rows[["x_nm", "y_nm"]])
    record = AnalysisPipeline().add_steps("peak_detection:min_height_nm=2").run(stack)
    axes = Figure().subplots()
    images.draw_detections(axes, AnalysedMovie.of(stack, record), 2)
    assert len(axes.collections[0].get_offsets()) == 3


def tracks_of(lengths):
    return pd.DataFrame(
        [
            {"track_id": track, "frame": frame, "y_nm": 3.0 * track, "x_nm": 1.0 * frame}
            for track, length in enumerate(lengths)
            for frame in reversed(range(length))
        ]
    )


def test_of_many_tracks_the_longest_are_drawn():
    lengths = [*range(1, 101), *range(300, 100, -1)]
    paths, total = images.longest_tracks(tracks_of(lengths))
    assert total == 300
    assert [len(path) for _, path in paths] == list(range(300, 300 - images.MAX_TRACKS, -1))
    track, path = paths[0]
    # In the order of frames.
    np.testing.assert_array_equal(path, [(frame, 3.0 * track) for frame in range(300)])
    axes = Figure().subplots()
    assert images.draw_tracks(axes, tracks_of(lengths)) == "50 longest of 300 tracks"
    assert len(axes.collections[0].get_segments()) == 50


def test_of_tracks_of_equal_length_an_even_selection_is_drawn():
    paths, _ = images.longest_tracks(tracks_of([9, *[5] * 98, 9]))
    drawn = np.array(sorted(track for track, _ in paths))
    assert len(drawn) == len(set(drawn.tolist())) == images.MAX_TRACKS
    assert {0, 99} <= set(drawn.tolist())
    assert np.diff(drawn).max() <= 3


@pytest.mark.parametrize(
    ("lengths", "text"),
    [
        ([4], "1 track"),
        ([4, 3], "2 tracks"),
        ([4, 1, 1], "1 track; 2 of one frame not drawn"),
        ([], "0 tracks"),
    ],
)
def test_which_tracks_are_drawn_is_said(lengths, text):
    table = tracks_of(lengths) if lengths else tracks_of([1]).iloc[:0]
    assert images.draw_tracks(Figure().subplots(), table) == text


def test_labels_are_written_where_they_can_be_read():
    rows = pd.DataFrame({"label": range(1, 5), "y_nm": 1.0, "x_nm": range(4)})
    axes = Figure().subplots()
    images.draw_numbers(axes, rows)
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3", "4"]
    assert [text.xy for text in axes.texts] == [(x, 1.0) for x in range(4)]
    axes = Figure().subplots()
    images.draw_numbers(axes, pd.concat([rows] * 11))
    assert not axes.texts


@pytest.mark.parametrize(("size", "label", "tick"), [(400, "x (nm)", "200"), (20000, "x (µm)", "10")])
def test_axes_of_large_images_are_in_micrometres(size, label, tick):
    figure = Figure()
    axes = figure.subplots()
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    axes.set_xticks([size / 2])
    images.label_axes(axes)
    figure.draw_without_rendering()
    assert axes.get_xlabel() == label
    assert [text.get_text() for text in axes.get_xticklabels()] == [tick]
