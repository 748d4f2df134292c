"""The page of sampled frames."""

import numpy as np

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.frames import draw_frames


def test_ten_frames_with_their_outlines_numbers_and_counts(make_stack, make_spots):
    data = make_spots((25, 32, 48))[0]
    data[7] = 450.0
    stack = make_stack(data)
    record = AnalysisPipeline().add_steps("frame_quality;feature_detection:threshold=1").run(stack)
    movie = AnalysedMovie.of(stack, record)
    figure = draw_frames(movie)
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 10
    assert len(figure.axes) == 11
    table = record["analysis"]["step_2_feature_detection"]["table"]
    for axes, frame in zip(panels, movie.sampled.tolist(), strict=True):
        rows = table[table["frame"] == frame]
        assert axes.get_title(loc="left") == f"frame {frame}, {frame * 0.5:.2f} s: {len(rows)}"
        np.testing.assert_array_equal(axes.images[0].get_array(), data[frame])
        assert [line.get_label() for line in axes.lines] == ["outlines"]
        numbers = [text.get_text() for text in axes.texts if text.get_text().isdigit()]
        assert numbers == [str(label) for label in rows["label"]]
    assert 7 not in movie.sampled
    assert panels[0].get_title(loc="left").startswith("frame 0,")
    assert panels[-1].get_title(loc="left").startswith("frame 24,")
    # One scale bar: all frames have the same scale.
    assert [len(axes.patches) for axes in panels] == [1] + 9 * [0]
    assert figure.axes[-1].get_xlabel() == "height (nm)"
    assert (
        figure.texts[0].get_text() == "movie.asd, height_trace: 10 of 25 frames, without 1 that is not usable"
    )


def test_a_short_movie_shows_all_frames(make_stack):
    figure = draw_frames(AnalysedMovie.of(make_stack(unit="deg", channel="phase"), {}))
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in panels][:2] == ["frame 0, 0.00 s", "frame 1, 0.50 s"]
    assert len(panels) == 6
    assert figure.axes[-1].get_xlabel() == "phase (deg)"


def test_nothing_leaves_the_page(make_stack):
    record = AnalysisPipeline().add_steps("feature_detection:threshold=1").run(make_stack())
    figure = draw_frames(AnalysedMovie.of(make_stack(), record))
    figure.draw_without_rendering()
    for artist in (*figure.axes, *figure.texts):
        box = artist.get_tightbbox() if artist in figure.axes else artist.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
