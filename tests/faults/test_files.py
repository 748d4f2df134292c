"""Files that a reader took for another image than they hold: scale, size, unit, orientation, completeness."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from playNano.errors import PlayNanoWarning
from playNano.io.loader import load_afm_stack, open_movie

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


def case(name):
    path = DATA / "cases" / name
    if not path.exists():
        pytest.skip(f"no file at {path}; set PLAYNANO_TEST_DATA to the folder that holds it")
    return path


def limits(movie):
    values = movie.read(0, 1)
    return float(values.min()), float(values.max())


@pytest.mark.parametrize(
    ("name", "shape", "pixel_size_nm"),
    [
        ("bpp2_stored4.spm", (1, 16, 32), (62.5, 31.25)),
        ("partial.spm", (1, 16, 32), (31.25, 31.25)),
        ("aspect2b.spm", (1, 16, 32), (31.25, 31.25)),
        ("v5_keys.001", (1, 16, 32), (62.5, 31.25)),
        ("ec.spm", (1, 16, 32), (62.5, 31.25)),
        ("valid_len.001", (1, 16, 32), (31.25, 31.25)),
    ],
)
def test_nanoscope_images(name, shape, pixel_size_nm):
    interrupted = name == "valid_len.001"
    with pytest.warns(PlayNanoWarning, match="16 of 32 lines") if interrupted else nullcontext():
        movie = open_movie(case(name))
    assert movie.shape == shape
    assert movie.pixel_size_nm == pytest.approx(pixel_size_nm)
    assert movie.unit == "nm"
    assert limits(movie) == pytest.approx((-5.0, 4.98047), abs=1e-4)


def test_a_nanoscope_channel_without_its_sensitivity_is_no_length():
    with pytest.warns(PlayNanoWarning, match=r"nosens\.spm: channel Height: .*no 'Sens\. Zsens'.* in V"):
        stack = load_afm_stack(case("nosens.spm"))
    assert stack.unit == "V"
    assert stack.data.max() == pytest.approx(0.498047, abs=1e-5)
    assert "Sens. Zsens" in stack.provenance["warnings"][0]
