"""All figures of an analysis, and their formats."""

import numpy as np
import pytest
from PIL import Image

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.export.render import PictureOptions
from playNano.plots import write_pictures
from playNano.plots.style import new_figure, save_figure

STEPS = "frame_quality;feature_detection:threshold=1;particle_tracking;k_means_clustering:k=2"


@pytest.mark.parametrize(
    ("figure_format", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_every_figure_is_written_in_the_format(make_stack, tmp_path, figure_format, start):
    stack = make_stack()
    record = AnalysisPipeline().add_steps(STEPS).run(stack)
    options = PictureOptions(figure_format=figure_format)
    written = write_pictures(stack, record, tmp_path, options)
    assert list(written) == [f"{n}.{figure_format}" for n in ("overview", "frames", "threshold", "clusters")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(written)
    for path in written.values():
        assert path.read_bytes().startswith(start)
    if figure_format == "png":
        for path in written.values():
            with Image.open(path) as picture:
                picture.load()
    if figure_format == "svg":
        from xml.etree import ElementTree

        root = ElementTree.parse(tmp_path / "overview.svg").getroot()
        words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert "time (s)" in words
    again = write_pictures(stack, record, tmp_path / "again", options)
    for name, path in written.items():
        assert path.read_bytes() == again[name].read_bytes()


def test_a_single_image_has_no_page_of_frames(make_stack, make_spots, tmp_path):
    stack = make_stack(make_spots()[0][:1])
    record = AnalysisPipeline().add_steps("feature_detection:threshold=1").run(stack)
    assert list(write_pictures(stack, record, tmp_path)) == ["overview.png", "threshold.png"]


def test_an_interrupted_write_leaves_the_figure(make_stack, tmp_path, monkeypatch):
    path = tmp_path / "overview.png"
    path.write_bytes(b"before")
    figure = new_figure(1, 1)

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        save_figure(figure, path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_colour_map_and_range_are_those_given(make_stack):
    from playNano.plots import draw_overview

    options = PictureOptions(cmap="viridis", z_range=(-1.0, 3.0))
    image = draw_overview(make_stack(), {}, options=options).axes[0].images[0]
    assert image.get_clim() == (-1.0, 3.0)
    assert image.get_cmap().name == "viridis"
    assert np.ptp(image.get_array()) > 4
