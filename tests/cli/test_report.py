"""``playnano report``, and the report that `analyze` writes."""

import json
import re

import pytest
from tests.report.conftest import small_movie

from playNano.cli.app import run
from playNano.io.export.numpy_files import write_npz

STEPS = "frame_quality; feature_detection:threshold=1; particle_tracking:max_distance=8; diffusion"


def call(*words):
    with pytest.raises(SystemExit) as end:
        run([str(word) for word in words])
    return end.value.code or 0


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Folder with a movie, and its results with a report."""
    folder = tmp_path_factory.mktemp("report")
    stack = small_movie()
    stack.restore_raw()
    write_npz(stack, folder / "movie.npz")
    assert call("analyze", folder / "movie.npz", "-o", folder / "out", "-s", STEPS, "--no-gif") == 0
    return folder


def test_analyze_writes_a_report_that_belongs_to_the_run(analysed):
    record = json.loads((analysed / "out" / "record.json").read_text())
    assert "report.html" in [entry["name"] for entry in record["provenance"]["files"]]
    assert call("verify", analysed / "out") == 0


def test_it_is_written_again_to_the_byte(analysed, tmp_path):
    assert call("report", analysed / "out", "-o", tmp_path / "r.html") == 0
    assert (tmp_path / "r.html").read_bytes() == (analysed / "out" / "report.html").read_bytes()
    assert call("report", analysed / "out" / "record.json", "-o", tmp_path / "s.html") == 0
    assert (tmp_path / "s.html").read_bytes() == (tmp_path / "r.html").read_bytes()


def test_analyze_without_a_report(analysed, tmp_path):
    words = (
        "analyze",
        analysed / "movie.npz",
        "-o",
        tmp_path / "out",
        "-s",
        STEPS,
        "--no-gif",
        "--no-report",
    )
    assert call(*words) == 0
    assert not (tmp_path / "out" / "report.html").exists()


def test_an_existing_file_is_replaced_on_demand_alone(analysed, tmp_path, capsys):
    path = tmp_path / "r.html"
    path.write_text("mine")
    assert call("report", analysed / "out", "-o", path) == 2
    assert "exists: give another name with -o, or --overwrite" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert call("report", analysed / "out", "-o", path, "--overwrite", "--no-movie") == 0
    assert "the movie was left out (--no-movie)" in path.read_text()


def test_without_the_file_of_the_movie_the_rest_is_reported_with_a_warning(analysed, tmp_path, capsys):
    movie = analysed / "movie.npz"
    movie.rename(analysed / "elsewhere.npz")
    try:
        assert call("report", analysed / "out", "-o", tmp_path / "r.html") == 0
    finally:
        (analysed / "elsewhere.npz").rename(movie)
    assert "the movie cannot be read" in capsys.readouterr().err
    text = (tmp_path / "r.html").read_text()
    assert "The frames are not in this report: the movie cannot be read" in text
    assert "Table of tracks" in text


def test_a_reduction_is_printed(analysed, tmp_path, capsys):
    assert call("report", analysed / "out", "-o", tmp_path / "r.html", "--report-size-mb", "0.01") == 0
    assert "the movie is reduced: 2 x 2 pixels are shown as one" in " ".join(capsys.readouterr().out.split())


def test_a_record_without_its_movie_is_named(tmp_path, capsys):
    (tmp_path / "record.json").write_text('{"provenance": {}, "analysis": {}}')
    figure = ("figure", tmp_path, "tracks", "-o", tmp_path / "f.png")
    for words in (("report", tmp_path, "-o", tmp_path / "r.html"), figure):
        assert call(*words) == 2
        assert "not a record: it does not name its input" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_report_larger_than_wanted_says_so(analysed, tmp_path, capsys):
    words = ("report", analysed / "out", "-o", tmp_path / "r.html", "--report-size-mb")
    assert call(*words, 0.001) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "r.html is larger than 0.001 MB" in said and "--no-movie leaves it out" in said
    assert call(*words, 20, "--overwrite") == 0
    assert "larger" not in capsys.readouterr().err


@pytest.mark.parametrize("size", ["0", "-1", "nan"])
def test_a_size_without_meaning_is_an_error(analysed, tmp_path, capsys, size):
    assert call("report", analysed / "out", "-o", tmp_path / "r.html", f"--report-size-mb={size}") == 2
    assert "size_mb" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_the_range_of_colours_can_be_given(analysed, tmp_path):
    assert call("report", analysed / "out", "-o", tmp_path / "r.html", "--z-range=-2,7.5") == 0
    assert re.search(r'"zrange":\[-2.0,7.5\]', (tmp_path / "r.html").read_text())


def test_a_folder_without_results_is_an_error(tmp_path, capsys):
    assert call("report", tmp_path, "-o", tmp_path / "r.html") == 2
    assert "contains no results" in capsys.readouterr().err
