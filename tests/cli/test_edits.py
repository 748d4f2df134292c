"""Frames and crops from the command line."""

import pandas as pd
import pytest

from playNano.cli.app import run


def play(*arguments):
    """Run a command, and return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        run([str(part) for part in arguments])
    return stopped.value.code or 0


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    path = tmp_path_factory.mktemp("edits") / "movie.npz"
    assert play("simulate", "-o", path, "--frames", 12, "--size", "64x64", "--seed", 1) == 0
    return path


def test_a_part_of_a_movie_is_analysed_and_repeated(movie, tmp_path):
    options = ["--frames", "2:10", "--crop", "16,20,80,90", "--crop-unit", "nm", "--no-gif"]
    assert play("analyze", movie, "-o", tmp_path / "a", *options) == 0
    table = pd.read_csv(tmp_path / "a" / "features.csv")
    assert len(table)
    assert table["y_nm"].between(15, 97).all()
    assert table["x_nm"].between(19, 111).all()
    assert table["frame"].max() <= 7
    assert play("replay", tmp_path / "a") == 0
    pipeline = tmp_path / "a" / "pipeline.yaml"
    assert play("analyze", movie, "-o", tmp_path / "b", "-p", pipeline, "--no-gif") == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "b" / "features.csv"), table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--crop", "1,2,3"], "Y,X,HEIGHT,WIDTH"),
        (["--frames", "0-3"], "'frames' must be"),
        (["--frames", "90"], "no frame 90"),
    ],
)
def test_what_cannot_be_kept_is_refused(movie, tmp_path, capsys, options, message):
    assert play("analyze", movie, "-o", tmp_path / "a", *options) == 2
    assert message in capsys.readouterr().err
