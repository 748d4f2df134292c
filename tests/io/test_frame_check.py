"""The quick check of frames: each kind of bad frame is listed by its number, and good ones are not."""

from functools import partial

import numpy as np
import pytest

from playNano.core.blocks import frame_blocks
from playNano.io.frame_check import check_frames, frame_ranges
from playNano.io.movie import Movie


def movie_of(data, **change):
    values = {
        "path": "movie.asd", "format": "asd", "channel": "TP", "channels": ("TP",), "shape": data.shape,
        "pixel_size_nm": (2.0, 2.0), "unit": "nm", "read": lambda start, stop: data[start:stop].copy(),
        "frame_metadata": [{"timestamp": 0.5 * i} for i in range(len(data))],
    }  # fmt: skip
    return Movie(**{**values, **change})


@pytest.fixture
def good():
    return np.random.default_rng(0).normal(size=(12, 64, 64)).astype(np.float32)


def test_a_good_movie_has_no_bad_frame(good):
    check = check_frames(movie_of(good))
    assert check.checked == list(range(12))
    assert check.is_complete
    for name in ("blank", "torn", "partly_torn", "saturated", "constant", "repeated", "unusable"):
        assert getattr(check, name) == [], name
    assert (check.lines_with_values, check.not_finite) == ({}, {})


def test_every_kind_is_listed(good):
    data = good.copy()
    data[:3] = 450.0
    data[4, 40:] = 450.0
    data[6] = data[5]
    data[8, 20:] = np.nan
    data[9, 3, 4] = np.inf
    data[10] = np.nan
    check = check_frames(movie_of(data))
    assert check.blank == [0, 1, 2, 10]
    assert check.saturated == [0, 1, 2, 4]
    assert check.constant == [0, 1, 2]
    assert check.partly_torn == [4]
    assert check.repeated == [6]
    assert check.lines_with_values == {8: 20, 10: 0}
    assert check.not_finite == {9: 1}
    assert check.torn == []
    assert check.unusable == [0, 1, 2, 4, 10]


def test_blocks_change_nothing(good, monkeypatch):
    data = good.copy()
    data[5], data[7] = data[4], 3.0
    whole = check_frames(movie_of(data))
    one_by_one = partial(frame_blocks, block_frames=1)
    monkeypatch.setattr("playNano.io.frame_check.frame_blocks", one_by_one)
    assert check_frames(movie_of(data)) == whole
    assert (whole.repeated, whole.constant) == ([5], [7])


def test_a_long_movie_is_sampled(good):
    data = np.tile(good, (20, 1, 1))
    data[-1] = 450.0
    read = []

    def count(start, stop):
        read.append((start, stop))
        return data[start:stop].copy()

    check = check_frames(movie_of(data, read=count), max_pixels=40 * 64 * 64)
    assert not check.is_complete
    assert len(check.checked) == 40 == sum(stop - start for start, stop in read)
    assert check.checked == sorted(set(check.checked))
    assert (check.checked[0], check.checked[-1]) == (0, 239)
    assert check.blank == [239]


@pytest.mark.parametrize("n_frames", [1, 2, 9])
@pytest.mark.parametrize("limit", [1, 8, 17])
def test_any_length_and_limit(good, n_frames, limit):
    check = check_frames(movie_of(good[:n_frames]), max_pixels=limit * 64 * 64)
    expected = n_frames if n_frames <= limit else min(n_frames, max(8, limit // 8 * 8))
    assert len(check.checked) == len(set(check.checked)) == expected


def test_small_images_are_not_saturated():
    data = np.arange(64.0, dtype=np.float32).reshape(1, 8, 8)
    assert check_frames(movie_of(data)).saturated == []


def test_ranges():
    assert frame_ranges([]) == ""
    assert frame_ranges([3]) == "3"
    assert frame_ranges([0, 1, 3, 5, 6, 7]) == "0-1, 3, 5-7"
