"""Figures of results by name, in the width of a journal's column."""

import re
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

import playNano
from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.cli.app import run
from playNano.errors import MissingInputError, ParameterError
from playNano.plots.figures import figure, figures_of
from playNano.plots.fit_width import fit_width
from playNano.plots.style import add_axes, figure_style, new_figure
from playNano.simulate import simulate_movie

pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")

STEPS = (
    "frame_quality;feature_detection:threshold=1.5;particle_tracking;k_means_clustering:k=2;diffusion;dwell_times;"
    "populations;states;arrangement;fluctuation;particle_regions"
)
EXPECTED = {
    "overview", "frame", "frames", "outlines", "heights", "threshold", "tracks", "clusters",
    "msd", "diffusion_by_track", "counts", "survival", "populations_height_nm", "fluctuation", "particles",
}  # fmt: skip


@pytest.fixture(scope="module")
def analysed():
    stack = simulate_movie(
        10, (64, 80), n_particles=6, disappear_rate_s=0.05, noise_nm=0.1, seed=2
    ).to_stack()
    stack.apply(["remove_plane"])
    AnalysisPipeline().add_steps(STEPS).run(stack)
    return stack


@pytest.fixture(scope="module")
def figures(analysed):
    return figures_of(analysed)


def test_all_names_can_be_drawn(figures):
    names = figures.names()
    assert set(names) >= EXPECTED and len(names) == len(set(names)) and "drift" not in names
    for name in names:
        assert figures.draw(name).axes, name


@pytest.mark.parametrize("width", [85.0, 180.0])
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_width_and_text_of_each_figure(figures, name, width):
    drawn = figures.draw(name, width_mm=width)
    wide, tall = drawn.get_size_inches()
    assert wide * 25.4 == pytest.approx(width)
    sizes = {t.get_fontsize() for t in drawn.findobj(Text) if t.get_visible() and t.get_text().strip()}
    assert sizes and min(sizes) >= 5 and max(sizes) <= 8
    # Nothing is cut off, and axes do not cover each other.
    extent = drawn.get_tightbbox()
    if name != "particles":  # ten columns of crops, whose times are wider than these
        assert extent.x0 > -0.03 and extent.y0 > -0.03 and extent.x1 < wide + 0.03 and extent.y1 < tall + 0.03
    boxes = [axes.get_position() for axes in drawn.axes]
    for k, one in enumerate(boxes):
        assert one.x0 >= -1e-6 and one.x1 <= 1 + 1e-6 and one.y0 >= -1e-6 and one.y1 <= 1 + 1e-6
        for two in boxes[:k]:
            across = min(one.x1, two.x1) - max(one.x0, two.x0)
            down = min(one.y1, two.y1) - max(one.y0, two.y0)
            assert across < 1e-6 or down < 1e-6


def test_axes_beside_each_other_are_put_below_each_other_where_they_would_be_narrow():
    def two(width):
        with figure_style():
            drawn = new_figure(7.0, 2.0)
            axes = [add_axes(drawn, left, 0.3, 2.8, 1.3) for left in (0.5, 4.0)]
            for one in axes:
                one.set_xlabel("x")
                one.set_ylabel("y")
            fit_width(drawn, width)
        return [axes[k].get_position() for k in (0, 1)], drawn.get_size_inches() * 25.4

    (left, right), size = two(150)
    assert left.y0 == pytest.approx(right.y0) and left.x1 < right.x0
    assert size == pytest.approx([150, 2.0 * 25.4])
    (above, below), size = two(85)
    assert above.y0 > below.y1 and above.x0 == pytest.approx(below.x0) and above.x1 == pytest.approx(below.x1)
    assert above.width > 0.75 and size[1] > 85
    # The height of axes that are no image is kept, in inches.
    assert above.height * size[1] / 25.4 == pytest.approx(1.3)


def test_images_keep_their_shape(figures):
    for width in (60, 85, 180):
        drawn = figures.draw("frame", width_mm=width)
        drawn.axes[0].apply_aspect()
        box, (wide, tall) = drawn.axes[0].get_position(), drawn.get_size_inches()
        assert box.height * tall / (box.width * wide) == pytest.approx(64 / 80, rel=0.01)


def test_a_long_heading_is_wrapped():
    with figure_style():
        drawn = new_figure(7.0, 2.0)
        add_axes(drawn, 0.5, 0.4, 6.0, 1.2)
        text = drawn.text(
            0.01, 0.95, "a name of a movie that is as long as names of files of movies are " * 2
        )
        fit_width(drawn, 85)
    assert "\n" in text.get_text()
    box = text.get_window_extent()
    assert box.x1 <= 85 / 25.4 * drawn.dpi + 1 and box.y1 <= drawn.get_size_inches()[1] * drawn.dpi + 1
    axes = drawn.axes[0].get_position().y1 * drawn.get_size_inches()[1] * drawn.dpi
    assert box.y0 > axes


@pytest.mark.parametrize("width", [39.9, 601, float("nan")])
def test_widths_out_of_range(figures, width):
    with pytest.raises(ParameterError, match="the width of a figure is 40 to 600 mm"):
        figures.draw("heights", width_mm=width)


def test_png_has_its_size_in_pixels(analysed, tmp_path):
    figure(analysed, "heights", tmp_path / "h.png", width_mm=85, dpi=300)
    with Image.open(tmp_path / "h.png") as image:
        assert image.width == pytest.approx(85 / 25.4 * 300, abs=1)
        assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_svg_parses_and_its_text_is_text(analysed, tmp_path):
    figure(analysed, "tracks", tmp_path / "t.svg", width_mm=85)
    root = ElementTree.parse(tmp_path / "t.svg").getroot()
    assert float(root.get("width").removesuffix("pt")) / 72 * 25.4 == pytest.approx(85, abs=0.01)
    texts = ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "x (nm)" in texts and "height (nm)" in texts and any("tracks over frame" in t for t in texts)


def test_pdf_embeds_its_fonts_as_truetype(analysed, tmp_path):
    figure(analysed, "heights", tmp_path / "h.pdf", width_mm=85)
    content = (tmp_path / "h.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    box = [float(v) for v in re.search(rb"/MediaBox \[ ([\d. ]+) \]", content)[1].split()]
    assert box[2] / 72 * 25.4 == pytest.approx(85, abs=0.01)
    parts = [content]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    whole = b"".join(parts)
    assert b"/FontFile2" in whole and b"/Type3" not in whole


def test_colour_map_and_range_are_applied(analysed):
    drawn = figure(analysed, "frame", cmap="viridis", z_range=(-1.0, 7.0), frame=3)
    image = drawn.axes[0].images[0]
    assert image.get_cmap().name == "viridis" and image.get_clim() == (-1.0, 7.0)
    np.testing.assert_array_equal(np.asarray(image.get_array()), analysed.data[3])
    assert "frame 3" in drawn.axes[0].get_title(loc="left")
    assert figure(analysed, "tracks", cmap="viridis").axes[0].images[0].get_cmap().name == "viridis"
    assert figure(analysed, "tracks").axes[0].images[0].get_cmap().name == "gray"


def test_heights_are_those_of_the_detections(analysed):
    table = analysed.analysis["step_2_feature_detection"]["table"]
    drawn = figure(analysed, "heights")
    bars = drawn.axes[0].patches
    known = table["height_nm"].dropna()
    assert sum(p.get_height() for p in bars if p.get_width() > 0 and p.get_facecolor()[3] > 0.5) == len(known)
    (label,) = [t.get_text() for t in drawn.axes[0].get_legend().get_texts()]
    assert label.startswith(f"median {known.median():.3g}")


def test_what_is_wrong_is_said(analysed, tmp_path):
    with pytest.raises(
        ParameterError, match=r"no figure 'track'; did you mean 'tracks'.*there are: overview"
    ):
        figure(analysed, "track")
    with pytest.raises(ParameterError, match="there is no frame 10; the movie has 10"):
        figure(analysed, "overview", frame=10)
    with pytest.raises(MissingInputError, match="add the step align_drift"):
        figure(analysed, "drift")
    with pytest.raises(ParameterError, match=r"written as \.png, \.svg, \.pdf"):
        figure(analysed, "tracks", tmp_path / "t.jpg")
    for dpi in (5, 1e5, float("nan")):
        with pytest.raises(ParameterError, match="20 to 2400 pixels per inch"):
            figure(analysed, "tracks", dpi=dpi)
    with pytest.raises(ParameterError, match="colour map"):
        figure(analysed, "frame", cmap="no_such_map")
    bare = AFMImageStack(np.zeros((2, 8, 8)), 1.0, "height", "m.npy")
    AnalysisPipeline().add_steps("count_nonzero").run(bare)
    assert figures_of(bare).names() == ["overview", "frame", "frames"]
    for name in ("tracks", "heights", "outlines", "clusters", "threshold"):
        with pytest.raises(MissingInputError, match="do not have"):
            figure(bare, name)


def test_another_movie_than_that_of_the_results_is_refused(analysed):
    other = AFMImageStack(np.zeros((4, 64, 80)), 1.0, "height", "other.npy")
    message = "4 frames of 64 x 80 px, the results are of 10 frames of 64 x 80 px"
    record = {"analysis": analysed.analysis, "provenance": analysed.provenance["analysis"]}
    for name in ("tracks", "overview", "outlines"):
        with pytest.raises(MissingInputError, match=message):
            figure(record, name, movie=other)
    assert figure(record, "msd", movie=other).axes  # needs no movie


def test_nothing_to_show(analysed):
    nothing = AFMImageStack(np.zeros((0, 8, 8)), 1.0, "height", "m.npy")
    AnalysisPipeline().add_steps("feature_detection:threshold=1").run(nothing)
    for name in ("overview", "frame", "frames", "outlines"):
        with pytest.raises(MissingInputError, match=r"m\.npy has no frames to show"):
            figure(nothing, name)
    flat = AFMImageStack(np.zeros((2, 16, 16)), 1.0, "height", "m.npy")
    AnalysisPipeline().add_steps("feature_detection:threshold=1").run(flat)
    assert "heights" not in figures_of(flat).names()
    with pytest.raises(MissingInputError, match="two or more detections with heights"):
        figure(flat, "heights")


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


def test_the_command_draws_from_a_folder_of_results(make_spots, tmp_path, monkeypatch, capsys):
    from playNano.io.export.asd import write_asd

    monkeypatch.chdir(tmp_path)
    write_asd(tmp_path / "m.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    steps = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5;particle_tracking:max_distance=4;diffusion"
    words = ("--process", "remove_plane", "-s", steps, "--no-gif", "-o", "one")
    assert call("analyze", "m.asd", *words) == 0
    capsys.readouterr()
    assert call("figure", "one", "--list") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("overview", "tracks", "heights", "msd"))
    assert re.search(r"^msd +Mean squared displacement", listed, re.M)
    assert call("figure", "one", "tracks", "--width-mm", 85, "--dpi", 150, "--cmap", "magma") == 0
    assert "tracks.png: 85 x " in capsys.readouterr().out
    with Image.open("tracks.png") as image:
        assert image.width == pytest.approx(85 / 25.4 * 150, abs=1)
    assert call("figure", "one", "tracks") == 2
    assert "tracks.png exists" in capsys.readouterr().err
    assert call("figure", "one", "msd", "--format", "svg", "-o", "f/msd.svg") == 0
    assert (tmp_path / "f" / "msd.svg").exists()
    assert call("figure", "one", "msd", "--format", "svg", "-o", "msd.pdf") == 2
    assert call("figure", "one", "msd", "--format", "gif") == 2
    assert call("figure", "one", "trakcs") == 2
    assert "did you mean 'tracks'" in capsys.readouterr().err
    # The levelled frame is that of the analysis, though the folder does not contain its pixels.
    stack = playNano.load_afm_stack("m.asd")
    stack.apply(["remove_plane"])
    shown = playNano.figure("one", "frame", frame=2).axes[0].images[0]
    np.testing.assert_array_equal(np.asarray(shown.get_array()), stack.data[2])
    (tmp_path / "m.asd").unlink()
    assert call("figure", "one", "msd", "-o", "again.png") == 0, "a measurement needs no pixels"
    assert call("figure", "one", "frame") == 2
