"""The overview figure."""

import numpy as np
import pytest
from PIL import Image

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.render import height_limits
from playNano.plots import draw_overview, write_overview
from playNano.processing.pipeline import ProcessingPipeline


@pytest.fixture
def analysed(make_stack, make_spots):
    stack = make_stack(make_spots()[0] - 170, pixel_size_nm=(4.0, 2.0))
    ProcessingPipeline(stack).add_filter("remove_plane").run()
    pipeline = AnalysisPipeline()
    pipeline.add("frame_quality")
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=1)
    pipeline.add("particle_tracking")
    pipeline.add("k_means_clustering", k=3)
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=2, min_size=3)
    return stack, pipeline.run(stack)


def image_axes(figure):
    return [axes for axes in figure.axes if axes.images]


def titles(figure):
    return [axes.get_title(loc="left") for axes in image_axes(figure)]


def test_the_overview_is_a_picture_with_and_without_detections(analysed, make_stack, tmp_path):
    stack, record = analysed
    write_overview(stack, record, tmp_path / "sub" / "overview.png")
    with Image.open(tmp_path / "sub" / "overview.png") as picture:
        assert picture.format == "PNG"
        # Two columns of a journal, 180 mm, at 200 px per inch.
        assert picture.size[0] == 1418
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 50
    write_overview(make_stack(frame_metadata=None), make_stack(), tmp_path / "plain.png")
    assert (tmp_path / "plain.png").stat().st_size > 1000


def test_each_stage_has_its_panel(analysed):
    stack, record = analysed
    figure = draw_overview(stack, record, frame=3)
    assert titles(figure) == [
        "a  as recorded",
        "b  after processing",
        "c  outlines of 3 regions",
        "d  3 tracks; + 3 cluster centres",
    ]
    raw, levelled, outlined, tracked = image_axes(figure)
    np.testing.assert_array_equal(raw.images[0].get_array(), stack.processed["raw"][3])
    # A scale of its own: heights as recorded lie elsewhere.
    assert raw.images[0].get_clim() == height_limits(stack.processed["raw"][3:4])
    for axes in (levelled, outlined, tracked):
        np.testing.assert_array_equal(axes.images[0].get_array(), stack.data[3])
        assert axes.images[0].get_clim() == levelled.images[0].get_clim()
    # Four images, their colour bars, numbers against time, and the strip of quality.
    assert len(figure.axes) == 10
    assert figure.texts[0].get_text() == "movie.asd, height_trace: frame 3, 1.50 s; 6 frames"


def test_the_overview_shows_what_the_tables_hold(analysed):
    """Lines, crosses and numbers are those of the last detection, tracking and clustering."""
    stack, record = analysed
    figure = draw_overview(stack, record, frame=3)
    tracked = image_axes(figure)[3]
    lines = tracked.collections[0].get_segments()
    tracks = record["analysis"]["step_3_particle_tracking"]["table"]
    expected = [rows[["x_nm", "y_nm"]].to_numpy() for _, rows in tracks.groupby("track_id")]
    assert sorted(map(np.ndarray.tolist, lines)) == sorted(map(np.ndarray.tolist, expected))
    crosses = [line for line in tracked.lines if line.get_marker() == "+"]
    clusters = record["analysis"]["step_4_k_means_clustering"]["table"]
    means = clusters.groupby("cluster_id")[["x_nm", "y_nm"]].mean().to_numpy()
    np.testing.assert_allclose([[*c.get_xdata(), *c.get_ydata()] for c in crosses], means)
    over_time = next(axes for axes in figure.axes if axes.get_ylabel() == "number in frame")
    features = record["analysis"]["step_5_feature_detection"]["table"]
    counts = next(p for p in over_time.patches if p.get_label() == "detections").get_data().values
    per_frame = features.groupby("frame").size().reindex(range(stack.n_frames), fill_value=0)
    np.testing.assert_array_equal(counts, per_frame)
    (marker,) = [line for line in over_time.lines if line.get_label() == "frame shown"]
    assert marker.get_xdata() == [1.5, 1.5]


def test_legends_are_outside_of_images_and_panels(analysed):
    figure = draw_overview(*analysed)
    figure.draw_without_rendering()
    assert not any(axes.get_legend() for axes in image_axes(figure))
    legends = [(axes, axes.get_legend()) for axes in figure.axes if axes.get_legend()]
    assert len(legends) == 2
    for axes, legend in legends:
        assert legend.get_window_extent().x0 > axes.get_window_extent().x1


def test_nothing_in_the_figure_overlaps_or_leaves_it(analysed):
    figure = draw_overview(*analysed)
    figure.draw_without_rendering()
    inside = figure.bbox
    boxes = []
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= inside.x1 and box.y1 <= inside.y1
        boxes.append(axes.get_window_extent())
    for number, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[number + 1 :])


def test_fonts_can_be_read_in_a_journal(analysed):
    from matplotlib.text import Text

    figure = draw_overview(*analysed)
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text()]
    assert min(sizes) >= 6
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180, abs=0.2)


def test_a_single_image_has_no_panel_against_time(make_stack, make_spots):
    stack = make_stack(make_spots()[0][:1])
    record = (
        AnalysisPipeline()
        .add_steps("frame_quality;feature_detection:threshold=1;particle_tracking")
        .run(stack)
    )
    figure = draw_overview(stack, record)
    assert titles(figure) == ["a  image analysed", "b  outlines of 3 regions"]
    assert len(figure.axes) == 4
    assert "time (s)" not in [axes.get_xlabel() for axes in figure.axes]
    assert figure.texts[0].get_text() == "movie.asd, height_trace"


def test_without_steps_there_is_one_image_and_without_times_the_axis_counts_frames(make_stack):
    stack = make_stack(frame_metadata=None)
    figure = draw_overview(stack, {})
    assert titles(figure) == ["image analysed"]
    assert figure.axes[-1].get_xlabel() == "frame"
    assert "s;" not in figure.texts[0].get_text()


def test_raw_frames_of_another_shape_are_not_shown(make_stack):
    stack = make_stack()
    stack.processed["raw"] = np.zeros((6, 64, 64), np.float32)
    assert titles(draw_overview(stack, {})) == ["image analysed"]
