"""Movies, records and results in a notebook: HTML, figures as methods, progress bars."""

import base64
import copy
import gc
import io
import pickle
import re
import sys
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import playNano
from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.measured import Measured
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.record_file import read_record
from playNano.core import progress_bars as bars_module
from playNano.core.executor import map_frames
from playNano.core.progress_bars import NotebookBars, in_notebook, progress_bars
from playNano.core.tables import RowsByFrame
from playNano.errors import MissingInputError, ParameterError
from playNano.io.export.asd import write_asd
from playNano.simulate import simulate_movie

pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>.asd"


class Parsed(HTMLParser):
    """Tags of a page, of which every one that is opened must be closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.sources = [], [], "", []
        self.feed(text)
        assert self.open == [], "tags are not closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("img", "br", "col"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def stack():
    flat = {"noise_nm": 0.1, "tilt_nm": (0.0, 0.0), "row_offset_nm": 0.0}
    return simulate_movie(6, (64, 80), n_particles=4, disappear_rate_s=0, seed=4, **flat).to_stack()


@pytest.fixture
def record(stack):
    return (
        AnalysisPipeline().add_steps("feature_detection:threshold=1.5;particle_tracking;diffusion").run(stack)
    )


def picture_of(page):
    (source,) = page.sources
    assert source.startswith("data:image/png;base64,")
    return base64.b64decode(source.partition(",")[2])


def test_a_movie(stack):
    html = stack._repr_html_()
    page = Parsed(html)
    assert "6 frames of 64 x 80 px" in page.text and "height_trace" in page.text
    assert len(html) < 60_000, "small"
    with Image.open(io.BytesIO(picture_of(page))) as image:
        assert max(image.size) <= 160 and image.width > image.height > 60
        shown = np.asarray(image.convert("L"), dtype=float)
    # The thumbnail shows the frame: bright where it is high.
    frame = stack.data[3]
    y, x = np.unravel_index(np.argmax(frame), frame.shape)
    assert shown[int((y + 0.5) * shown.shape[0] / 64), int((x + 0.5) * shown.shape[1] / 80)] > 150
    assert np.median(shown) < 100


def test_warnings_come_first_and_no_text_is_html():
    data = np.full((3, 8, 8), np.nan)
    movie = AFMImageStack(data, 1.0, EVIL, EVIL, unit="<b>nm")
    for k in range(12):
        movie.provenance["warnings"].append(f"doubt {k} {EVIL}")
    html = movie._repr_html_()
    page = Parsed(html)
    assert "script" not in page.tags and page.tags.count("img") == 1 and "<script" not in html
    assert page.text.index("doubt 0") < page.text.index("3 frames of")
    assert "doubt 7" in page.text and "doubt 8" not in page.text and "and 4 more warnings" in page.text
    assert len(picture_of(page)) > 50  # of a frame without values too
    assert "0 frames" in Parsed(AFMImageStack(np.zeros((0, 8, 8)), 1.0, "h", "m")._repr_html_()).text


def test_pixels_that_are_not_square_keep_their_shape():
    movie = AFMImageStack(np.random.default_rng(0).random((2, 40, 40)), (4.0, 1.0), "h", "m.npy")
    with Image.open(io.BytesIO(picture_of(Parsed(movie._repr_html_())))) as image:
        assert image.height == 160 and image.width == 40
    big = AFMImageStack(np.random.default_rng(0).random((1, 700, 900)), 1.0, "h", "m.npy")
    with Image.open(io.BytesIO(picture_of(Parsed(big._repr_html_())))) as image:
        assert max(image.size) == 160 or max(image.size) == 150


def test_a_record(record, stack):
    assert isinstance(record, dict) and record == dict(record)
    assert repr(record).startswith("<AnalysisRecord of ") and len(repr(record)) < 200
    html = record._repr_html_()
    page = Parsed(html)
    assert "6 frames of 64 x 80 px" in page.text and "step_2_particle_tracking" in page.text
    assert re.search(r"step_3_diffusion.*D = .*nm2/s", page.text, re.S)
    assert len(html) < 20_000
    record["provenance"]["warnings"].insert(0, f"doubt {EVIL}")
    record["provenance"]["input"] = {**record["provenance"]["input"], "file": EVIL}
    page = Parsed(record._repr_html_())
    assert page.text.index("doubt") < page.text.index("record of") and "script" not in page.tags
    assert Parsed(type(record)({})._repr_html_()).text.startswith("record of a movie")


def test_a_record_can_be_copied_and_sent_to_other_processes(record):
    for other in (pickle.loads(pickle.dumps(record)), copy.deepcopy(record), copy.copy(record)):
        assert type(other) is type(record) and list(other["analysis"]) == list(record["analysis"])


def test_tables():
    table = pd.DataFrame({"frame": range(9), "y": 1.0, "name": EVIL})
    page = Parsed(RowsByFrame(table, 9, {"y": "y"})._repr_html_())
    assert "9 items over a table of 9 rows" in page.text and "3 more rows" in page.text
    assert "script" not in page.tags
    measured = Measured({"msd": table}, messages=(EVIL,), warnings=("too short",))
    page = Parsed(measured._repr_html_())
    assert "msd (9 rows)" in page.text and "script" not in page.tags
    assert page.text.index("too short") < page.text.index("alert")


def test_a_movie_plots_a_frame(stack):
    drawn = stack.plot(2, cmap="viridis", z_range=(-1, 6), width_mm=60)
    image = drawn.axes[0].images[0]
    assert image.get_cmap().name == "viridis" and image.get_clim() == (-1, 6)
    np.testing.assert_array_equal(np.asarray(image.get_array()), stack.data[2])
    assert drawn.get_figwidth() * 25.4 == pytest.approx(60)
    np.testing.assert_array_equal(np.asarray(stack.plot(-1).axes[0].images[0].get_array()), stack.data[5])
    assert len(stack.plot().axes[0].images) == 1
    with Image.open(io.BytesIO(drawn._repr_png_())) as picture:  # what a notebook shows
        assert picture.width == pytest.approx(60 / 25.4 * drawn.dpi, abs=1)
    assert {label.get_fontsize() for label in drawn.axes[0].get_xticklabels()} == {6.5}
    with pytest.raises(ParameterError, match="there is no frame 6; the movie has 6"):
        stack.plot(6)
    with pytest.raises(ParameterError, match="no frames to plot"):
        AFMImageStack(np.zeros((0, 8, 8)), 1.0, "h", "m").plot()


def test_a_movie_plots_the_outlines_of_its_analysis(stack, record):
    assert [line.get_label() for line in stack.plot(2, outlines=True).axes[0].lines] == ["outlines"]
    assert stack.plot(2).axes[0].lines[:] == []


def test_figures_of_a_record_are_methods(record, stack, tmp_path):
    assert set(dir(record.plot)) >= {"overview", "tracks", "heights", "msd"}
    assert "tracks over frame 2" in record.plot.tracks(frame=2).axes[0].get_title(loc="left")
    drawn = record.plot.msd(width_mm=85, path=tmp_path / "msd.pdf")
    assert drawn.get_figwidth() * 25.4 == pytest.approx(85) and (tmp_path / "msd.pdf").exists()
    assert len(record.plot("overview").axes) > 4
    with pytest.raises(AttributeError, match="no figure 'trakcs'"):
        record.plot.trakcs
    assert not hasattr(record.plot, "_repr_png_")


def test_a_record_keeps_no_movie_in_memory(make_spots):
    movie = AFMImageStack(make_spots()[0], 1.0, "height", "nowhere.npy")
    made = AnalysisPipeline().add_steps("feature_detection:threshold=1;particle_tracking").run(movie)
    assert made.stack is movie
    del movie
    gc.collect()
    assert made.stack is None
    with pytest.raises(MissingInputError, match="neither in memory nor in its file"):
        made.plot.tracks()


def test_a_record_of_a_folder_finds_its_movie(make_spots, tmp_path, monkeypatch):
    from playNano.cli.app import run

    monkeypatch.chdir(tmp_path)
    write_asd(tmp_path / "m.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    steps = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5;particle_tracking:max_distance=4"
    with pytest.raises(SystemExit):
        run(["analyze", "m.asd", "--process", "remove_plane", "-s", steps, "--no-gif", "-o", "one"])
    record = read_record("one")
    monkeypatch.chdir("/")
    stack = playNano.load_afm_stack(tmp_path / "m.asd")
    stack.apply(["remove_plane"])
    shown = record.plot.frame(frame=1).axes[0].images[0]
    np.testing.assert_array_equal(np.asarray(shown.get_array()), stack.data[1])
    # So does a record whose movie was loaded by the function that made it.
    made = playNano.analyze(tmp_path / "m.asd", processing="remove_plane")
    gc.collect()
    shown = made.plot.frame(frame=1).axes[0].images[0]
    np.testing.assert_array_equal(np.asarray(shown.get_array()), stack.data[1])


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(t=100.0)
    monkeypatch.setattr(bars_module.time, "monotonic", lambda: now.t)
    return now


def test_bars_in_a_notebook(clock):
    shown = []
    bars = NotebookBars(shown.append)
    bars("detect <b>", 1, 100)
    assert shown == [], "a short job has no bar"
    clock.t += 1.1
    bars("detect <b>", 50, 100)
    assert len(shown) == 1
    page = Parsed(shown[0])
    assert page.tags == ["div", "progress"] and "detect <b>: 50 of 100" in page.text
    clock.t += 0.05
    bars("detect <b>", 51, 100)
    assert len(shown) == 1, "not more often than needed"
    clock.t += 0.2
    bars("inner", 1, 3)
    bars("detect <b>", 60, 100)
    bars("detect <b>", 100, 100)
    assert "detect" not in shown[-1]
    bars.close()
    assert shown[-1] == ""


def test_a_notebook_is_known_by_its_shell(monkeypatch):
    assert not in_notebook()
    for shell, expected in (("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False)):
        ipython = ModuleType("IPython")
        instance = type(shell, (), {})()
        ipython.get_ipython = lambda instance=instance: instance
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert in_notebook() is expected


def test_progress_bars_use_the_display_of_a_notebook(monkeypatch, clock):
    shown, updated = [], []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    shell = type("ZMQInteractiveShell", (), {})()
    ipython.get_ipython = lambda: shell
    display.HTML = lambda text: text

    def show(html, display_id):
        assert display_id is True
        shown.append(html)
        return SimpleNamespace(update=updated.append)

    display.display = show
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)

    def slow(start, block):
        clock.t += 2.0
        return None

    with progress_bars() as bars:
        assert isinstance(bars, NotebookBars)
        map_frames(slow, np.zeros((4000, 64, 64)), what="levelling")
        bars("other", 1, 5)
        clock.t += 2
        bars("other", 2, 5)
    assert len(shown) == 1 and updated[-1] == ""
    assert any("other: 2 of 5" in html for html in updated + shown)
