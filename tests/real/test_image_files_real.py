"""Real images of further vendors, against an independent computation or the vendor's own export."""

import os
import re
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from playNano.errors import PlayNanoWarning
from playNano.io.loader import list_channels, load_afm_stack, open_movie

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the folder of real files {DATA} is not there")


def nid_channels(path):
    """Decode all channels of an easyScan file without the reader: name, frame, unit, step, values."""
    data = path.read_bytes()
    text, _, pixels = data.partition(b"\n#!")
    text = text.decode("utf-8").replace("\r", "")
    position = 0
    for section in re.findall(r"Gr\d-Ch\d+=(.+)", text):
        entries = dict(re.findall(r"(\w+)=(.*)", text.split(f"[{section}]\n")[1].split("\n\n")[0]))
        points, lines, bits = (int(entries[key]) for key in ("Points", "Lines", "SaveBits"))
        raw = np.frombuffer(pixels, f"<i{bits // 8}", points * lines, position).astype(float)
        position += points * lines * bits // 8
        step, low = float(entries["Dim2Range"]), float(entries["Dim2Min"])
        values = (raw - -(2.0 ** (bits - 1))) * (step / 2.0**bits) + low
        image = np.array([values[points * row : points * (row + 1)] for row in reversed(range(lines))])
        yield entries["Dim2Name"], entries["Frame"], entries["Dim2Unit"], step / 2.0**bits, image
    assert position == len(pixels)


@pytest.mark.parametrize("name", ["circles", "squares_holes"])
def test_nanosurf_easyscan(name):
    path = DATA / "nanosurf" / f"{name}.nid"
    seen = []
    for title, frame, unit, step, image in nid_channels(path):
        channel = f"{title}_{'trace' if frame == 'Scan forward' else 'retrace'}"
        stack = load_afm_stack(path, channel)
        factor = 1e9 if unit == "m" else 1.0
        assert stack.unit == ("nm" if unit == "m" else unit)
        assert np.abs(stack.data[0] - image * factor).max() < 0.1 * step * factor
        assert stack.pixel_size_nm == pytest.approx(50_000 / 256)
        assert (stack.scan.direction, stack.scan.line_time_s) == ("up", 2.0)
        seen.append(channel)
    assert tuple(seen) == list_channels(path)
    assert len(seen) == 4
    assert open_movie(path).header["start_time"].startswith("2008-01-24T15:")


def test_nanosurf_studio_equals_the_vendors_export():
    path = DATA / "nanosurf" / "SBS-PS_example_data.nhf"
    heights = load_afm_stack(path, "Position Z")
    export = load_afm_stack(path.with_suffix(".gwy"), "Topography")
    assert np.abs(heights.data - export.data).max() < 3e-4
    assert heights.pixel_size_nm == pytest.approx(100.0)
    assert (heights.unit, heights.scan.direction, heights.scan.frame_time_s) == ("nm", "up", 50.0)
    ways = {"trace": 0, "retrace": 1}
    with h5py.File(path) as file:
        names = set()
        for way, number in ways.items():
            for dataset in file[f"measurement_0/segment_{number}"].values():
                if dataset.size != 10_000:
                    continue
                names.add(f"{dataset.attrs['name']}_{way}")
                movie = open_movie(path, f"{dataset.attrs['name']}_{way}")
                raw = dataset[()].astype(float)
                step = 1.0
                if "base_calibration_min" in dataset.attrs:
                    low, high = (dataset.attrs[f"base_calibration_{end}"] for end in ("min", "max"))
                    bits = 8 * dataset.dtype.itemsize
                    step = (high - low) / (2.0**bits - 1) * (1e9 if movie.unit == "nm" else 1.0)
                    raw = (raw + 2.0 ** (bits - 1)) * step + low * (1e9 if movie.unit == "nm" else 1.0)
                rounding = np.abs(raw).max() * 2.0**-24
                image = np.array([raw[100 * row : 100 * row + 100] for row in range(99, -1, -1)])
                assert np.abs(movie.read(0, 1)[0] - image).max() < 0.1 * step + rounding
    assert names == set(list_channels(path))


TRUTH_SCAN = {
    "up.sxm": ("Z_trace", "up", 2.0),
    "down.sxm": ("Z_trace", "down", 2.0),
    "nan.sxm": ("Z_trace", "down", 2.0),
    "b16.mi": ("Topography_trace", "down", 0.5),
    "b32.mi": ("Topography_trace", "down", 0.5),
    "park_i16.tiff": ("Topography_trace", "down", 0.5),
    "park_i32.tiff": ("Topography_trace", "down", 0.5),
    "park_f32.tiff": ("Topography_trace", "down", 0.5),
}


@pytest.mark.parametrize("name", list(TRUTH_SCAN))
def test_small_files_with_a_known_truth(name):
    truth_nm = np.load(DATA / "cases" / "truth_m.npy") * 1e9
    said = pytest.warns(PlayNanoWarning, match=r"nan\.sxm: .* 3 of 4 lines were scanned")
    with said if name == "nan.sxm" else nullcontext():
        stack = load_afm_stack(DATA / "cases" / name)
    channel, direction, line_time_s = TRUTH_SCAN[name]
    seen = np.isfinite(stack.data[0])
    assert seen.all() == (name != "nan.sxm")
    assert seen.any()
    np.testing.assert_allclose(stack.data[0][seen], truth_nm[seen], rtol=1e-6)
    assert (stack.unit, stack.metadata["file_channel"]) == ("nm", channel)
    assert stack.pixel_size_nm == pytest.approx(1.0)
    assert (stack.scan.direction, stack.scan.line_time_s) == (direction, line_time_s)


def test_small_movie_of_ergo():
    truth_nm = np.load(DATA / "cases" / "truth_m.npy") * 1e9
    stack = load_afm_stack(DATA / "cases" / "movie.aris")
    np.testing.assert_allclose(stack.data, [truth_nm * (i + 1) for i in range(3)], rtol=1e-6)
    assert list(stack.get_frame_times()) == [0.0, 0.25, 0.5]
    assert stack.pixel_size_nm == pytest.approx(1.0)
    assert load_afm_stack(DATA / "cases" / "movie.aris", "phase").unit == "deg"


def test_small_ardf_file():
    truth_nm = np.load(DATA / "cases" / "ardf_truth.npy").astype(float) * 1e9
    stack = load_afm_stack(DATA / "cases" / "image.ARDF")
    np.testing.assert_allclose(stack.data[0], truth_nm, rtol=1e-6)
    assert (stack.unit, stack.pixel_size_nm, stack.scan.line_time_s) == ("nm", pytest.approx(1.0), 0.5)


def test_small_imagej_movie():
    stack = load_afm_stack(DATA / "cases" / "movie.tif")
    assert stack.data.shape == (4, 16, 32)
    assert stack.pixel_size_nm == pytest.approx(2.0)
    assert list(stack.get_frame_times()) == [0.0, 0.5, 1.0, 1.5]
    with tifffile.TiffFile(DATA / "cases" / "movie.tif") as file:
        np.testing.assert_array_equal(stack.data, file.asarray())
