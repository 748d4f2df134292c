"""Plain tables with mistakes in them end with an error that names the column and the row, never with numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.plain_tables import tracks_from_table
from playNano.errors import ParameterError


def _table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "particle": np.repeat([0, 1], 3),
            "frame": np.tile([0, 1, 2], 2),
            "y": np.arange(6.0),
            "x": np.arange(6.0) + 1,
        }
    )


@pytest.mark.parametrize(
    "size", [0, 0.0, -2.0, np.nan, np.inf, (2.0, 0.0), (2.0, np.nan), "2", (1.0, 2.0, 3.0)]
)
def test_a_pixel_size_that_is_none_is_an_error(size: object) -> None:
    with pytest.raises(ParameterError, match="pixel_size_nm"):
        tracks_from_table(_table(), pixel_size_nm=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("interval", [0.0, -1.0, np.nan, np.inf])
def test_a_frame_interval_that_is_none_is_an_error(interval: float) -> None:
    with pytest.raises(ParameterError, match="frame_interval_s"):
        tracks_from_table(_table(), pixel_size_nm=2.0, frame_interval_s=interval)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["y", "x", "time_s"])
def test_a_missing_place_or_time_names_track_and_frame(name: str, value: float) -> None:
    table = _table().assign(time_s=lambda rows: rows["frame"] * 0.5)
    table.loc[4, name] = value
    with pytest.raises(ParameterError, match=rf"'{name}' .* 1 of 6 rows, first for track 1 in frame 1"):
        tracks_from_table(table, pixel_size_nm=2.0)


@pytest.mark.parametrize("name", ["y", "x"])
def test_places_as_text_are_an_error(name: str) -> None:
    with pytest.raises(ParameterError, match=f"'{name}'.*numbers"):
        tracks_from_table(
            _table().assign(**{name: ["1.0", "2.0", "3.0", "4.0", "5.0", "6,0"]}), pixel_size_nm=2.0
        )
    with pytest.raises(ParameterError, match=f"'{name}'.*numbers"):
        tracks_from_table(_table().assign(**{name: ["1.0"] * 6}), pixel_size_nm=2.0)


def test_times_in_the_place_of_frames_are_an_error_and_are_not_cut_to_whole_numbers() -> None:
    table = _table().assign(frame=lambda rows: rows["frame"] * 1.5)  # 0, 1.5, 3: cut, no two would be equal
    with pytest.raises(ParameterError, match=r"'frame' must contain whole numbers, and has 1\.5"):
        tracks_from_table(table, pixel_size_nm=2.0)


@pytest.mark.parametrize("name", ["particle", "frame"])
def test_names_in_the_place_of_numbers_are_an_error(name: str) -> None:
    with pytest.raises(ParameterError, match="other than numbers"):
        tracks_from_table(_table().assign(**{name: list("abcdef")}), pixel_size_nm=2.0)


def test_whole_numbers_as_floats_and_pixels_that_are_not_square_are_taken() -> None:
    movie = tracks_from_table(_table().astype(np.float64), pixel_size_nm=(2.0, 3.0), frame_interval_s=0.5)
    np.testing.assert_allclose(movie.table[["y_nm", "x_nm"]], _table()[["y", "x"]] * [2.0, 3.0])
    assert movie.table["frame"].dtype == np.int64


def test_an_empty_table_is_taken() -> None:
    assert len(tracks_from_table(_table()[:0], pixel_size_nm=2.0).table) == 0
    assert len(tracks_from_table(_table()[:0].astype(object), pixel_size_nm=2.0).table) == 0
