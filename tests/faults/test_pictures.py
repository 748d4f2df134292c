"""Pictures that hid what was wrong."""

import numpy as np
import pytest
from PIL import Image

from playNano.cli.app import run
from playNano.io.export.numpy_files import write_npz
from playNano.io.export.render import OUTLINE_COLOUR


def analysed(folder, *words):
    with pytest.raises(SystemExit) as stop:
        run(["analyze", str(folder / "movie.npz"), "-o", str(folder / "out"), *words])
    return stop.value.code, folder / "out"


def has_colour(path, colour, frame=0):
    with Image.open(path) as picture:
        picture.seek(frame)
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    return int((np.abs(pixels - np.array(list(bytes.fromhex(colour[1:])))) < 12).all(axis=-1).sum())


def test_pictures_show_what_was_segmented(make_stack, tmp_path):
    write_npz(make_stack(), tmp_path / "movie.npz")
    code, out = analysed(tmp_path, "-s", "feature_detection:threshold=1;particle_tracking")
    assert not code
    for name in ("overview.png", "frames.png", "movie.gif"):
        assert has_colour(out / name, OUTLINE_COLOUR) > 50, name
    # Nothing is above this threshold, and no outline is drawn.
    code, out = analysed(tmp_path, "-s", "feature_detection:threshold=9", "--overwrite")
    for name in ("overview.png", "frames.png", "movie.gif"):
        assert has_colour(out / name, OUTLINE_COLOUR) == 0, name


def test_options_of_pictures_at_the_command_line(make_stack, tmp_path):
    write_npz(make_stack(), tmp_path / "movie.npz")
    words = "--no-outlines --z-range -1,4.5 --cmap gray --figure-format svg"
    code, out = analysed(tmp_path, "-s", "feature_detection:threshold=1", *words.split())
    assert not code
    names = {path.name for path in out.iterdir()}
    assert {"overview.svg", "frames.svg", "threshold.svg", "movie.gif"} <= names
    assert not {"overview.png", "frames.png", "threshold.png"} & names
    assert has_colour(out / "movie.gif", OUTLINE_COLOUR) == 0
    with Image.open(out / "movie.gif") as movie:
        picture = np.asarray(movie.convert("RGB")).astype(int)
    # 0 nm is 1 / 5.5 of the way from black to white.
    assert np.median(picture) == pytest.approx(255 / 5.5, abs=4)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--z-range", "4"], "two heights"),
        (["--z-range", "4,1"], "less than"),
        (["--z-range", "a,b"], "two heights"),
        (["--cmap", "nothing"], "no such colour map"),
        (["--figure-format", "jpg"], "figure_format"),
    ],
)
def test_wrong_options_of_pictures_are_one_line_before_any_work(make_stack, tmp_path, capsys, words, reason):
    code, out = analysed(tmp_path, "-s", "feature_detection:threshold=1", *words)
    assert code == 2
    error = capsys.readouterr().err.strip()
    assert reason in error
    assert "\n" not in error
    assert not out.exists()
