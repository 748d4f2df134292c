"""The animated movie."""

import numpy as np
import pandas as pd
from PIL import Image

from playNano.io.export.gif import write_gif


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
