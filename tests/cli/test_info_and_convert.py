"""`playnano info` and `playnano convert`, run as a person or a script would."""

import json

import numpy as np
import pytest
from tests.cli.test_cli import call

from playNano.io.export.asd import write_asd
from playNano.io.export.bundle import write_bundle
from playNano.io.export.ome_zarr import write_ome_zarr
from playNano.io.loader import load_afm_stack


@pytest.fixture
def movie(make_spots, tmp_path):
    data = make_spots()[0]
    data[:2] = 60.0
    path = tmp_path / "movie.asd"
    write_asd(path, data, pixel_size_nm=(2.0, 1.0), frame_time_s=0.5)
    return path


def test_info_lists_what_a_person_needs(movie, capsys):
    assert call("info", movie) == 0
    text = capsys.readouterr().out
    for part in (
        "AFM 0", "file version 1", "TP (nm)", "6 of 32 x 40 px", "2 nm (y) x 1 nm (x), not square",
        "0.5 s per frame", "64 lines/s", "scanned up (from the file: scan direction code of the header)",
        "the bottom line is stored first", "all 6 frames; 2 of them blank or torn", "the first 2 frames are blank",
    ):  # fmt: skip
        assert part in text, part


def test_json_is_all_there_is_on_stdout(make_stack, tmp_path, capsys):
    stack = make_stack()
    with pytest.warns(UserWarning):
        stack.warn("the tip changed :smile: [bold]")
    for path in (write_bundle(stack, tmp_path / "a.h5"), write_ome_zarr(stack, tmp_path / "a.ome.zarr")):
        assert call("info", path, "--json") == 0
        printed = capsys.readouterr()
        summary = json.loads(printed.out)
        assert summary["warnings"] == ["movie.asd: the tip changed :smile: [bold]"]
        assert "playnano: warning: movie.asd: the tip changed :smile: [bold]" in printed.err
        assert (summary["frames"], summary["check"]["all_frames"]) == (6, True)
        assert call("info", path) == 0
        printed = capsys.readouterr()
        assert printed.out.count("the tip changed :smile: [bold]") == 1
        assert printed.err == ""


def test_convert_reports_what_is_lost(movie, tmp_path, capsys):
    assert call("convert", movie, tmp_path / "a.npz") == 0
    assert "everything is kept" in capsys.readouterr().out
    assert call("convert", tmp_path / "a.npz", tmp_path / "b.npy") == 0
    text = capsys.readouterr().out
    assert "pixel size: not kept" in text
    assert "values" not in text
    np.testing.assert_array_equal(np.load(tmp_path / "b.npy"), load_afm_stack(movie).data)
    assert call("info", tmp_path / "b.npy", "--pixel-size-nm", 3) == 0
    assert "pixel          3 nm" in capsys.readouterr().out
    assert call("convert", tmp_path / "b.npy", tmp_path / "c.h5", "--pixel-size-nm", 3) == 0
    assert load_afm_stack(tmp_path / "c.h5").pixel_size_nm == 3.0


def test_convert_refuses(movie, tmp_path, capsys):
    for target, message in (
        (movie, "must not be the source"),
        (tmp_path / "a.xyz", "no format is written by this ending"),
    ):
        assert call("convert", movie, target, "--overwrite") == 2
        assert message in capsys.readouterr().err
    assert call("convert", movie, tmp_path / "a.npz") == 0
    assert call("convert", movie, tmp_path / "a.npz") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert call("convert", movie, tmp_path / "a.npz", "--overwrite", "--lazy") == 0


def test_convert_several(movie, make_stack, tmp_path, capsys):
    other = write_bundle(make_stack(), tmp_path / "other.h5")
    assert call("convert", movie, other, tmp_path / "out") == 2
    assert "--to" in capsys.readouterr().err
    assert call("convert", movie, other, tmp_path / "out", "--to", "npz") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["movie.npz", "other.npz"]
    write_bundle(make_stack(), tmp_path / "movie.h5")
    assert call("convert", movie, tmp_path / "movie.h5", tmp_path / "new", "--to", "npz") == 2
    assert "two of the movies would be written to movie.npz" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
