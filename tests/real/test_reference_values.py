"""Real files against the table that an independent reader made of them."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from playNano.io.loader import list_channels, open_movie

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
TOLERANCE = 1e-4

# Of each path and channel: shape, (y, x) in nm, unit; mean, min, max of frame 0; its corners [0,0] [0,-1]
# [-1,0]; mean of the last frame.
TABLE = {
    ("asd/sbccd_v1.asd", "TP"): (
        ((197, 200, 200), (2.0, 2.0), "nm"),
        (-176.712611, -178.350225, -173.330694),
        (-178.036504, -176.624756, -176.781621),
        -126.590315,
    ),
    ("asd/sbccd_v1.asd", "PH"): (
        ((197, 200, 200), (2.0, 2.0), "deg"),
        (0.041945, -0.134277, 0.229492),
        (0.046387, 0.014648, 0.053711),
        0.034186,
    ),
    ("asd/dna_v0.asd", "TP"): (
        ((64, 256, 256), (1.953125, 1.953125), "nm"),
        (450.0, 450.0, 450.0),
        (450.0, 450.0, 450.0),
        450.0,
    ),
    ("asd/lattice_v1_unipolar.asd", "TP"): (
        ((32, 200, 200), (0.5, 0.5), "nm"),
        (-218.621968, -219.581770, -217.816349),
        (-218.668621, -218.607742, -219.033881),
        -94.348572,
    ),
    ("asd/two_frames_v1.asd", "TP"): (
        ((2, 250, 250), (0.636, 0.636), "nm"),
        (-48.668343, -58.328525, -42.240431),
        (-58.255063, -57.226601, -44.003509),
        -60.146231,
    ),
    ("sample.h5-jpk", "height_trace"): (
        ((4, 128, 128), (1.171875, 1.171875), "nm"),
        (733.335719, 722.573372, 740.408950),
        (740.408950, 732.912969, 729.303276),
        746.672604,
    ),
    ("jpk_movie", "height_trace"): (
        ((4, 512, 512), (0.166015625, 0.166015625), "nm"),
        (442.753563, 432.262139, 445.951320),
        (445.448807, 441.793854, 435.898469),
        447.890024,
    ),
    ("spm_movie", "Height Sensor"): (
        ((4, 256, 512), (3.90625, 1.953125), "nm"),
        (158.452671, 150.354667, 164.765515),
        (164.408590, 161.776268, 152.540833),
        -0.657351,
    ),
    ("spm_movie", "Height"): (
        ((4, 256, 512), (3.90625, 1.953125), "nm"),
        (-149.846230, -156.562880, -143.154396),
        (-144.450047, -148.246607, -152.886846),
        -148.620008,
    ),
    ("single/sample.gwy", "Topography"): (
        ((1, 100, 100), (100.0, 100.0), "nm"),
        (7696.545998, 7648.121062, 7739.218563),
        (7707.079366, 7718.533718, 7699.611604),
        7696.545998,
    ),
    ("single/sample.ibw", "HeightTrace"): (
        ((1, 256, 256), (78.125, 78.125), "nm"),
        (0.0, -0.683769, 1.264155),
        (0.195627, 0.630109, 0.175760),
        0.0,
    ),
    ("single/sample.topostats", "image"): (
        ((1, 64, 64), (1.976011719, 1.976011719), "nm"),
        (0.287256, -0.412924, 2.648565),
        (2.292652, 0.037608, 0.012010),
        0.287256,
    ),
    # Turned by half a turn: WSxM stores an image from its lower right corner.
    ("single/sample.stp", "Topography"): (
        ((1, 512, 512), (0.9765625, 0.9765625), "nm"),
        (-57.489854, -80.799841, -21.054941),
        (-80.384800, -80.658728, -21.432627),
        -57.489854,
    ),
    ("single/sample.jpk", "height_trace"): (
        ((1, 256, 256), (1.277017634, 1.277017634), "nm"),
        (3345.370527, 3302.591820, 3360.950042),
        (3304.327633, 3353.646729, 3334.485032),
        3345.370527,
    ),
}


def real(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real data at {path}; set PLAYNANO_TEST_DATA to the folder that holds them")
    return path


@pytest.mark.parametrize(("name", "channel"), list(TABLE))
def test_pixels(name, channel):
    (shape, pixel_size_nm, unit), statistics, corners, last_mean = TABLE[name, channel]
    movie = open_movie(real(name), channel)
    assert movie.shape == shape
    assert movie.pixel_size_nm == pytest.approx(pixel_size_nm, rel=1e-6)
    assert movie.unit == unit
    first = movie.read(0, 1)[0].astype(np.float64)
    assert (first.mean(), first.min(), first.max()) == pytest.approx(statistics, abs=TOLERANCE, rel=1e-7)
    # A float32 of thousands of nm is no finer than some 1e-4 nm.
    assert (first[0, 0], first[0, -1], first[-1, 0]) == pytest.approx(corners, abs=TOLERANCE, rel=1e-7)
    last = movie.read(shape[0] - 1, shape[0])[0].astype(np.float64)
    assert last.mean() == pytest.approx(last_mean, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "start_s", "frame_s", "lines_hz"),
    [
        ("asd/sbccd_v1.asd", 0.59, 0.59, 200 / 0.59),
        ("asd/dna_v0.asd", 1.0075813598632812, 1.0075813598632812, 256 / 1.0075813598632812),
        ("asd/lattice_v1_unipolar.asd", 1.0, 1.0, 200),
        ("asd/two_frames_v1.asd", 1.0, 1.0, 250),
        ("sample.h5-jpk", 3.275, 3.262, 40),
        # Interlaced: the lines of the picture share the time of the frame, 5.05 ms each.
        ("jpk_movie", 2.59, 2.585, 512 / 2.585),
        ("spm_movie", 256 / 24.4141, 256 / 24.4141, 24.4141),
    ],
)
def test_times(name, start_s, frame_s, lines_hz):
    movie = open_movie(real(name))
    times = [frame["timestamp"] for frame in movie.frame_metadata]
    assert len(times) == movie.shape[0]
    np.testing.assert_allclose(np.diff(times), start_s, atol=1e-9)
    assert movie.scan.frame_time_s == pytest.approx(frame_s)
    assert movie.scan.line_rate_hz == pytest.approx(lines_hz)
    assert movie.scan.direction == ("down" if name == "spm_movie" else "up")


@pytest.mark.parametrize(
    ("name", "blank"), [("asd/sbccd_v1.asd", [113, 114, 115, 117, 122]), ("asd/dna_v0.asd", [0, 1, 2, 63])]
)
def test_blank_frames_are_where_they_were(name, blank):
    movie = open_movie(real(name))
    values = movie.read(0, movie.shape[0])
    assert [i for i, frame in enumerate(values) if np.ptp(frame) == 0] == blank


@pytest.mark.parametrize(
    ("name", "channel", "frames"),
    [
        ("asd/sbccd_v1.asd", "TP", (0, 100)),
        ("asd/dna_v0.asd", "TP", (4, 62)),
        ("sample.h5-jpk", "height_trace", (0, 4)),
        ("jpk_movie", "height_trace", (0, 4)),
        ("spm_movie", "Height", (0, 4)),
    ],
)
def test_direction_is_the_order_of_time(name, channel, frames):
    """The surface drifts in z; the row scanned last goes on in the next frame's row scanned first."""
    movie = open_movie(real(name), channel)
    values = movie.read(*frames)
    top, bottom = np.median(values[:, :5], axis=(1, 2)), np.median(values[:, -5:], axis=(1, 2))
    jumps = {"down": top[1:] - bottom[:-1], "up": bottom[1:] - top[:-1]}
    other = "up" if movie.scan.direction == "down" else "down"
    # A tilt of the surface makes every jump alike; only their spread tells.
    assert np.std(jumps[movie.scan.direction]) < 0.2 * np.std(jumps[other])


@pytest.mark.parametrize("name", ["jpk_movie/save-2023.02.16-12.08.46.436.jpk", "single/sample.jpk-qi-image"])
def test_rows_are_those_of_the_vendors_own_thumbnail(name):
    """The file's first page is the picture that the instrument's software showed."""
    path = real(name)
    with tifffile.TiffFile(path) as tiff:
        thumbnail = tiff.pages[0].asarray().astype(np.float64)
    image = open_movie(path, "height_trace").read(0, 1)[0]
    rows, columns = (np.linspace(0, n, 65).astype(int) for n in image.shape)
    small = np.add.reduceat(np.add.reduceat(image, rows[:-1], 0), columns[:-1], 1)
    small /= np.outer(np.diff(rows), np.diff(columns))

    def agreement(picture):
        level = [a - a.mean(axis=1, keepdims=True) for a in (thumbnail, picture)]
        x = np.arange(64.0) - 31.5
        level = [a - np.outer(a @ x, x) / (x @ x) for a in level]
        return np.corrcoef(level[0].ravel(), level[1].ravel())[0, 1]

    assert agreement(small) > 0.6
    assert abs(agreement(small[::-1])) < 0.1


@pytest.mark.parametrize(("name", "corners"), [("r0.jpk", (961, 1023, 1)), ("r1.jpk", (1, 63, 961))])
def test_rows_of_jpk_files_go_by_their_grid(name, corners):
    image = open_movie(real(f"cases/{name}")).read(0, 1)[0]
    assert (image[0, 0], image[0, -1], image[-1, 0]) == pytest.approx(corners, abs=TOLERANCE)


def test_two_files_of_one_image_agree():
    """The same image as integers and as real numbers."""
    stp, top = (open_movie(real(f"single/sample.{suffix}")).read(0, 1) for suffix in ("stp", "top"))
    np.testing.assert_allclose(stp, top, atol=TOLERANCE)


def test_jpk_qi_image():
    path = real("single/sample.jpk-qi-image")
    assert list_channels(path)[4:] == ("height_trace", "slope_trace")
    movie = open_movie(path)
    assert movie.pixel_size_nm == pytest.approx((5.0, 5.0))
    assert movie.read(0, 1).mean(dtype=np.float64) == pytest.approx(3159.314616, abs=1e-3)


def test_the_nine_channels_of_the_jpk_movie():
    path = real("sample.h5-jpk")
    assert list_channels(path) == (
        "amplitude_retrace",
        "amplitude_trace",
        "error_retrace",
        "error_trace",
        "height_retrace",
        "height_trace",
        "measuredHeight_trace",
        "phase_retrace",
        "phase_trace",
    )
    for name in list_channels(path):
        movie = open_movie(path, name)
        assert movie.unit == ("deg" if name.startswith("phase") else "nm")
        assert np.isfinite(movie.read(0, 4)).all()
    trace, retrace = (open_movie(path, f"height_{way}").read(0, 1) for way in ("trace", "retrace"))
    assert 0.0 < np.abs(trace - retrace).mean() < 1.0
