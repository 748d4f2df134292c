"""Movies as videos and pictures: what is in the files, pixel by pixel."""

import subprocess
import tracemalloc
from dataclasses import replace

import dask.array
import numpy as np
import pandas as pd
import pytest
import tifffile
from matplotlib import colormaps
from matplotlib.colors import Normalize, to_rgb
from PIL import Image

from playNano.core import lazy
from playNano.errors import ParameterError, PlayNanoWarning
from playNano.io.export import encoders
from playNano.io.export.movie import MovieOptions, write_movie
from playNano.io.export.render import MISSING_COLOUR, OUTLINE_COLOUR, PictureOptions

ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="needs the extra video")

PLAIN = MovieOptions(stamp=False, colour_bar=False)
GREY = PictureOptions(cmap="gray", z_range=(0.0, 1.0))


def frames_of(path, size):
    """All pictures of a video, (n, height, width, 3), decoded by FFmpeg."""
    words = [ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    words += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(words, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3).astype(int)


def described(path):
    """What FFmpeg says of a file."""
    words = [ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=False).stderr


def png(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def timed(make_stack, data, times):
    return make_stack(data, frame_metadata=[{"timestamp": float(time)} for time in times])


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_video_has_all_frames_its_size_and_duration(make_stack, tmp_path, suffix):
    """31 x 41 pixels, doubled nowhere: odd sizes get a black row and column."""
    data = np.linspace(0, 1, 12 * 31 * 41, dtype=np.float32).reshape(12, 31, 41)
    options = replace(PLAIN, scale=1, fps=7.5)
    written = write_movie(make_stack(data), tmp_path / f"m{suffix}", pictures=GREY, options=options)
    assert ffmpeg.count_frames_and_secs(str(written.path)) == (12, pytest.approx(1.6, abs=0.02))
    assert written.size == (42, 32)
    text = described(written.path)
    assert "42x32" in text
    assert "7.50 fps" in text or "7.5 fps" in text
    assert "yuv420p(tv, bt709" in text
    shown = frames_of(written.path, written.size)
    assert shown.shape == (12, 32, 42, 3)
    assert shown[:, -1].max() < 12
    assert np.abs(shown[:, :30, :40, 0] - 255 * data[:, :30, :40]).max() < 16


def test_colours_survive_the_video(make_stack, tmp_path):
    """Blocks of pure colours, which another matrix of the codec would shift by ten and more."""
    data = np.zeros((3, 32, 32), np.float32)
    data[:, :, 16:] = 1.0
    data[:, 16:, :16] = np.nan
    pictures = PictureOptions(cmap="brg", z_range=(0.0, 1.0))
    write_movie(make_stack(data), tmp_path / "m.mp4", pictures=pictures, options=replace(PLAIN, scale=8))
    shown = frames_of(tmp_path / "m.mp4", (256, 256))[1]
    for place, colour in (((60, 60), "blue"), ((60, 200), "lime"), ((200, 60), MISSING_COLOUR)):
        assert np.abs(shown[place] - np.array(to_rgb(colour)) * 255).max() < 6


def test_without_overlays_a_picture_has_exactly_the_colours_of_the_heights(make_stack, tmp_path):
    rng = np.random.default_rng(0)
    data = rng.integers(-300, 600, (2, 20, 30)).astype(np.float32) / 64
    data[1, 3, 4] = np.nan
    pictures = PictureOptions(cmap="viridis", z_range=(-2.0, 6.0))
    labels = (data > 5).astype(np.int32)
    written = write_movie(
        make_stack(data), tmp_path / "m.png", labels=labels, options=replace(PLAIN, scale=3),
        pictures=replace(pictures, outlines=False),
    )  # fmt: skip
    assert written.path == tmp_path / "m"
    colours = colormaps["viridis"].with_extremes(bad=MISSING_COLOUR)
    for frame in range(2):
        expected = colours(Normalize(-2, 6)(np.ma.masked_invalid(data[frame])))[..., :3] * 255
        shown = png(tmp_path / "m" / f"m_{frame:04d}.png")
        assert shown.shape == (60, 90, 3)
        np.testing.assert_array_equal(shown, np.round(expected).astype(int).repeat(3, 0).repeat(3, 1))


def test_ends_of_the_height_range(make_stack, tmp_path):
    data = np.array([[[-5.0, 0.0, 0.5, 1.0, 9.0, np.inf]]], np.float32)
    write_movie(make_stack(data), tmp_path / "m.png", pictures=GREY, options=replace(PLAIN, scale=1))
    assert png(tmp_path / "m.png")[0, :5, 0].tolist() == [0, 0, 128, 255, 255]
    np.testing.assert_array_equal(
        png(tmp_path / "m.png")[0, 5], np.round(np.array(to_rgb(MISSING_COLOUR)) * 255)
    )


@pytest.mark.parametrize(("size_nm", "scale"), [(2.0, 4), ((4.0, 2.0), 3), ((1.0, 3.0), 2)])
def test_the_scale_bar_has_its_length_and_a_black_edge(make_stack, tmp_path, size_nm, scale):
    for level in (0.0, 1.0):
        stack = make_stack(np.full((1, 100, 100), level, np.float32), pixel_size_nm=size_nm)
        options = MovieOptions(colour_bar=False, scale=scale)
        write_movie(stack, tmp_path / "m.png", pictures=GREY, options=options)
        shown = png(tmp_path / "m.png")[..., 0]
        py, px = stack.pixel_size_yx_nm
        shorter = min(py, px)
        assert shown.shape == (100 * py / shorter * scale, 100 * px / shorter * scale)
        row = shown[len(shown) - 11]
        # A quarter of the width or less, of a round length.
        length_nm = {2.0: 50, 3.0: 50}[px]
        length = int(length_nm * scale / shorter)
        assert (row[10 : 10 + length] == 255).all()
        assert row[9] == row[10 + length] == 0


def test_the_time_stamp_is_white_with_a_black_edge_and_changes(make_stack, tmp_path):
    data = np.zeros((3, 64, 64), np.float32)
    for level in (0.0, 1.0):
        stack = timed(make_stack, data + level, (0.0, 1.0, 1.0 + 1e-3))
        write_movie(
            stack, tmp_path / "m.png", pictures=GREY, options=MovieOptions(colour_bar=False), overwrite=True
        )
        shown = [png(tmp_path / "m" / f"m_000{frame}.png")[:40, :200, 0] for frame in range(3)]
        assert (shown[0] != shown[1]).sum() > 50
        for picture in shown:
            assert (picture == 255).any()
            assert (picture == 0).any()
    with pytest.raises(ParameterError, match="overwrite"):
        write_movie(stack, tmp_path / "m.png", overwrite=False)
    (tmp_path / "m" / "mine.txt").touch()
    with pytest.raises(ParameterError, match="another name"):
        write_movie(stack, tmp_path / "m.png")
    assert (tmp_path / "m" / "mine.txt").exists()


def test_the_time_stamp_has_the_digits_that_differ(make_stack, tmp_path):
    from playNano.io.export.painter import Painter, View

    data = np.zeros((3, 8, 8), np.float32)
    for times, expected in (
        ((0, 1, 2), "1.00 s"),
        ((0, 0.004, 0.008), "0.004 s"),
        ((5.1, 5.16, 5.2), "5.16 s"),
    ):
        painter = Painter(timed(make_stack, data, times), None, GREY, View())
        assert painter._when(1) == expected
    entries = [{"frame_number": number} for number in (20, 24, 30)]
    assert Painter(make_stack(data, frame_metadata=entries), None, GREY, View())._when(1) == "frame 24"


def test_real_time_shows_frames_as_long_as_they_took(make_stack, tmp_path):
    data = np.zeros((4, 16, 16), np.float32) + np.array([0.0, 0.3, 0.6, 1.0], np.float32)[:, None, None]
    stack = timed(make_stack, data, (0.0, 0.2, 1.0, 1.2))
    options = replace(PLAIN, speed=1, scale=4)
    written = write_movie(stack, tmp_path / "m.mp4", pictures=GREY, options=options)
    levels = frames_of(tmp_path / "m.mp4", (64, 64))[:, 32, 32, 0]
    seen = [int((np.abs(levels - level) < 20).sum()) for level in (0, 77, 153, 255)]
    assert seen == [6, 24, 6, 6]
    assert written.duration_s == pytest.approx(1.4)
    write_movie(stack, tmp_path / "m.gif", pictures=GREY, options=options)
    with Image.open(tmp_path / "m.gif") as movie:
        lasting = []
        for frame in range(movie.n_frames):
            movie.seek(frame)
            lasting.append(movie.info["duration"])
    assert lasting == [200, 800, 200, 200]


def test_frames_that_are_left_out_are_a_warning(make_stack, tmp_path):
    stack = timed(make_stack, np.zeros((40, 16, 16), np.float32), np.arange(40) * 0.001)
    with pytest.warns(PlayNanoWarning, match="left out"):
        write_movie(stack, tmp_path / "m.gif", options=replace(PLAIN, speed=1, scale=1))


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".tif", ".png"])
def test_a_movie_of_one_frame(make_stack, tmp_path, suffix):
    stack = make_stack(np.random.default_rng(0).normal(size=(1, 40, 40)).astype(np.float32))
    written = write_movie(stack, tmp_path / f"m{suffix}")
    assert written.path == tmp_path / f"m{suffix}"
    assert written.n_pictures == 1
    assert written.path.stat().st_size > 500


def test_tiff_pages_have_scale_and_interval(make_stack, tmp_path):
    stack = timed(make_stack, np.zeros((3, 20, 20), np.float32), (0, 0.5, 1.0))
    write_movie(stack, tmp_path / "m.tif", pictures=GREY, options=replace(PLAIN, scale=2))
    with tifffile.TiffFile(tmp_path / "m.tif") as file:
        assert file.asarray().shape == (3, 40, 40, 3)
        assert file.imagej_metadata["finterval"] == 0.5
        assert file.imagej_metadata["unit"] == "nm"
        numerator, denominator = file.pages[0].tags["XResolution"].value
        assert numerator / denominator == pytest.approx(1.0)  # 2 nm a pixel, drawn with 2 px


def test_raw_beside_processed_with_colour_bars(make_stack, tmp_path):
    stack = make_stack(np.random.default_rng(0).normal(50, 1, (2, 64, 64)).astype(np.float32))
    stack.apply(["remove_plane"])
    written = write_movie(
        stack, tmp_path / "m.png", pictures=GREY, options=MovieOptions(pixels="both", scale=4)
    )
    shown = png(tmp_path / "m" / "m_0000.png")
    assert written.size == shown.shape[1::-1]
    # The right view is processed, in the range 0 to 1; the left one has a range of its own.
    colours = colormaps["gray"](Normalize(0, 1)(stack.data[0]))[..., :1] * 255
    right = np.round(colours).astype(int).repeat(4, 0).repeat(4, 1)[..., 0]
    wide = written.size[0] // 2
    at = next(
        n for n in range(wide - 40, wide + 40) if (shown[100:200, n : n + 256, 0] == right[100:200]).all()
    )
    assert at > 256
    stack.apply(["crop:y=0,x=0,height=20,width=20"])
    write_movie(stack, tmp_path / "c.png", options=MovieOptions(pixels="raw"))


def test_the_colour_bar_runs_from_end_to_end(make_stack, tmp_path):
    stack = make_stack(np.full((1, 200, 100), 0.5, np.float32))
    written = write_movie(
        stack, tmp_path / "m.png", pictures=GREY, options=MovieOptions(stamp=False, scale=2)
    )
    bar = png(written.path)[:, 220, 0]
    bar[:27] = 0  # the unit
    inside = np.flatnonzero(bar > 0)
    assert bar[inside[0]] == 255
    assert (np.diff(bar[inside[0] :]) <= 0).all()
    assert len(inside) > 300


def test_outlines_and_tracks_are_drawn_and_left_out(make_stack, tmp_path):
    data = np.zeros((3, 40, 40), np.float32)
    labels = np.zeros((3, 40, 40), np.int32)
    labels[:, 10:20, 10:20] = 1
    tracks = pd.DataFrame(
        {"track_id": 0, "frame": range(3), "y_nm": [30.0, 40.0, 50.0], "x_nm": [60.0, 60.0, 60.0]}
    )
    options = replace(PLAIN, scale=4)
    write_movie(make_stack(data), tmp_path / "m.png", tracks, labels=labels, pictures=GREY, options=options)
    shown = png(tmp_path / "m" / "m_0002.png")
    is_outline = (np.abs(shown - np.array(to_rgb(OUTLINE_COLOUR)) * 255) < 2).all(axis=-1)
    rows, columns = np.nonzero(is_outline)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 79, 40, 79)
    assert is_outline.sum() == 4 * 39
    # The tail, from 30 to 50 nm: 2 nm a pixel, four picture pixels each.
    column = shown[:, 122]
    assert (column[62:100] > 0).any(axis=1).all()
    write_movie(
        make_stack(data), tmp_path / "short.png", tracks, labels=labels, pictures=GREY,
        options=replace(options, trail=1),
    )  # fmt: skip
    short = png(tmp_path / "short" / "short_0002.png")[:, 122]
    assert not (short[62:75] > 0).any()


def test_a_lazy_movie_is_drawn_frame_by_frame(make_stack, tmp_path, monkeypatch):
    """300 frames of 256 x 256, 79 MB: in memory are a chunk of 2 MB and its pictures."""
    monkeypatch.setattr(lazy, "CHUNK_BYTES", 2 * 2**20)
    frames = dask.array.random.default_rng(0).random((300, 256, 256), chunks=(8, 256, 256)).astype(np.float32)
    write_movie(make_stack(frames[:8]), tmp_path / "m.mp4", pictures=GREY)  # imports
    tracemalloc.start()
    write_movie(make_stack(frames), tmp_path / "m.mp4", pictures=GREY, options=replace(PLAIN, scale=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ffmpeg.count_frames_and_secs(str(tmp_path / "m.mp4"))[0] == 300
    assert peak < 20e6


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".tif", ".png"])
def test_an_interrupted_write_leaves_the_old_file(make_stack, tmp_path, suffix):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(b"old")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_movie(make_stack(), path, progress=stop)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_failure_of_ffmpeg_is_an_error(make_stack, tmp_path, monkeypatch):
    monkeypatch.setitem(encoders._CODECS, ".mp4", ("no_such_codec", []))
    with pytest.raises(OSError, match="FFmpeg"):
        write_movie(make_stack(), tmp_path / "m.mp4")
    assert not list(tmp_path.iterdir())


def test_without_the_package_there_is_a_cure(make_stack, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(ParameterError, match=r"pip install 'playNano\[video\]'"):
        write_movie(make_stack(), tmp_path / "m.mp4")
    write_movie(make_stack(), tmp_path / "m.gif")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [("m.avi", {}, "ends in"), ("m.gif", {"fps": 60}, "at most 50"), ("m.mp4", {"scale": 2, "width_px": 90}, "exclude"),
     ("m.mp4", {"fps": 0}, "fps"), ("m.mp4", {"speed": -1}, "speed")],
)  # fmt: skip
def test_wrong_options(make_stack, tmp_path, name, options, words):
    with pytest.raises(ParameterError, match=words):
        write_movie(make_stack(), tmp_path / name, options=MovieOptions(**options))
