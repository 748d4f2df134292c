"""The animated movie."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from PIL import Image

from playNano.core.lazy import FrameArray
from playNano.io.export.gif import write_gif
from playNano.io.export.render import MISSING_COLOUR, OUTLINE_COLOUR, PictureOptions


def test_the_movie_has_every_frame_in_true_proportions(make_stack, tmp_path):
    stack = make_stack(pixel_size_nm=(4.0, 2.0))
    tracks = pd.DataFrame({"track_id": 0, "frame": range(3), "y_nm": 20.0, "x_nm": 30.0})
    seen = []
    write_gif(
        stack,
        tmp_path / "movie.gif",
        tracks,
        width_px=256,
        progress=lambda done, total: seen.append((done, total)),
    )
    with Image.open(tmp_path / "movie.gif") as movie:
        assert movie.n_frames == stack.n_frames
        # 32 rows of 4 nm and 40 columns of 2 nm: taller than wide.
        assert movie.size == (160, 256)
    assert seen[-1] == (stack.n_frames, stack.n_frames)


def test_the_movie_shows_tracks_and_survives_blank_frames(make_stack, make_spots, tmp_path):
    data, _ = make_spots()
    data[2] = np.nan
    data[3] = 450.0
    stack = make_stack(data)
    write_gif(stack, tmp_path / "without.gif", width_px=128)
    table = pd.DataFrame({"track_id": [0, 0], "frame": [0, 1], "y_nm": [20.0, 24.0], "x_nm": [30.0, 44.0]})
    write_gif(stack, tmp_path / "with.gif", table, width_px=128)
    with Image.open(tmp_path / "without.gif") as plain, Image.open(tmp_path / "with.gif") as traced:
        plain.seek(1)
        traced.seek(1)
        assert np.any(np.asarray(plain.convert("RGB")) != np.asarray(traced.convert("RGB")))


def test_a_long_movie_is_thinned(make_stack, tmp_path):
    # Frames differ, or the format would merge them.
    data = np.random.default_rng(0).normal(size=(31, 8, 8)).astype(np.float32)
    write_gif(make_stack(data), tmp_path / "movie.gif", width_px=64, max_frames=10)
    with Image.open(tmp_path / "movie.gif") as movie:
        assert movie.n_frames == 8


def colours_at(path, frame):
    """A frame of a movie as (height, width, 3)."""
    with Image.open(path) as movie:
        movie.seek(frame)
        return np.asarray(movie.convert("RGB")).astype(int)


def is_colour(picture, colour):
    return (np.abs(picture - np.array(to_rgb(colour)) * 255) < 2).all(axis=-1)


def test_outlines_lie_just_inside_the_borders_of_the_labels(make_stack, tmp_path):
    """Four image pixels a pixel: every outline pixel is in its region, and touches what is not."""
    data = np.random.default_rng(0).normal(size=(3, 40, 40)).astype(np.float32)
    labels = np.zeros((3, 40, 40), np.int32)
    labels[:, 15:25, 20:30] = 1
    labels[:, 15:25, 30:36] = 2
    labels[2] = 0
    write_gif(make_stack(data), tmp_path / "movie.gif", labels=labels, width_px=160)
    large = labels[1].repeat(4, 0).repeat(4, 1)
    shifted = [np.roll(large, step, axis) for axis in (0, 1) for step in (1, -1)]
    border = (large > 0) & np.any([other != large for other in shifted], axis=0)
    np.testing.assert_array_equal(is_colour(colours_at(tmp_path / "movie.gif", 1), OUTLINE_COLOUR), border)
    assert not is_colour(colours_at(tmp_path / "movie.gif", 2), OUTLINE_COLOUR).any()
    options = PictureOptions(outlines=False)
    write_gif(make_stack(data), tmp_path / "bare.gif", labels=labels, width_px=160, options=options)
    assert not is_colour(colours_at(tmp_path / "bare.gif", 1), OUTLINE_COLOUR).any()


def test_blobs_are_outlined_by_circles_of_their_radius(make_stack, tmp_path):
    table = pd.DataFrame({"frame": [1], "y_nm": [40.0], "x_nm": [30.0], "radius_nm": [12.0]})
    stack = make_stack(np.random.default_rng(0).normal(size=(3, 40, 40)).astype(np.float32))
    write_gif(stack, tmp_path / "movie.gif", detections=table, width_px=160)
    rows, columns = np.nonzero(is_colour(colours_at(tmp_path / "movie.gif", 1), OUTLINE_COLOUR))
    # 2 nm a pixel, four image pixels each; the centre of pixel (0, 0) is at 2 image pixels.
    distance = np.hypot(rows + 0.5 - (40 * 2 + 2), columns + 0.5 - (30 * 2 + 2))
    assert len(rows) > 100
    assert np.abs(distance - 24).max() < 1.5
    assert not is_colour(colours_at(tmp_path / "movie.gif", 0), OUTLINE_COLOUR).any()


def test_range_colours_and_missing_pixels(make_stack, tmp_path):
    data = np.zeros((2, 40, 40), np.float32)
    data[:, :, :10] = 10.0
    data[0, 20:] = np.nan
    options = PictureOptions(cmap="viridis", z_range=(-10.0, 5.0))
    write_gif(make_stack(data), tmp_path / "movie.gif", width_px=160, options=options)
    picture = colours_at(tmp_path / "movie.gif", 0)
    assert np.abs(picture[60, 20] - np.array(colormaps["viridis"](1.0)[:3]) * 255).max() < 3
    assert np.abs(picture[60, 80] - np.array(colormaps["viridis"](2 / 3)[:3]) * 255).max() < 5
    assert is_colour(picture, MISSING_COLOUR)[100, 120]


def test_the_scale_bar_has_its_length_and_a_black_edge(make_stack, tmp_path):
    """On a white movie as on a black one."""
    for level in (0.0, 1.0):
        data = np.full((2, 100, 100), level, np.float32)
        data[1] += 0.001
        path = tmp_path / "movie.gif"
        write_gif(
            make_stack(data), path, width_px=400, options=PictureOptions(cmap="gray", z_range=(0.0, 1.0))
        )
        row = colours_at(path, 0)[388, :, 0]
        # 50 nm of 200 nm are 100 of 400 image pixels.
        assert (row[10:110] == 255).all()
        assert row[9] == row[110] == 0


def test_labels_computed_when_read_are_those_in_memory(make_stack, tmp_path):
    stack = make_stack()
    labels = (stack.data > 1).astype(np.int32)
    later = FrameArray(lambda start, stop: labels[start:stop], labels.shape, np.int32, by_chunk=True)
    for name, given in (("now", labels), ("later", later)):
        write_gif(stack, tmp_path / f"{name}.gif", labels=given, width_px=128)
    assert (tmp_path / "now.gif").read_bytes() == (tmp_path / "later.gif").read_bytes()


def test_tracks_without_positions_in_nm_are_not_drawn(make_stack, tmp_path):
    tracks = pd.DataFrame({"track_id": [0, 0], "frame": [0, 1], "y": [3.0, 4.0], "x": [3.0, 4.0]})
    write_gif(make_stack(), tmp_path / "with.gif", tracks, width_px=64)
    write_gif(make_stack(), tmp_path / "without.gif", width_px=64)
    assert (tmp_path / "with.gif").read_bytes() == (tmp_path / "without.gif").read_bytes()
