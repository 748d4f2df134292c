from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.plain_tables import options_from, tracks_from_table
from playNano.algorithms.measurement.tracked_movie import Frames, tracked_movie
from playNano.algorithms.measurement.window import Window, detection_window, frame_window
from playNano.errors import ParameterError

FIELD = Window(0.0, 100.0, 0.0, 100.0)


def rows(track, frame, **others):
    n = len(track)
    given = {
        "track_id": track,
        "frame": frame,
        "time_s": np.asarray(frame, float),
        "y_nm": np.arange(n) * 1.0,
    }
    return pd.DataFrame({**given, "x_nm": np.zeros(n), **others})


def test_window_is_the_frame_less_half_the_particles_that_do_not_touch_the_border():
    table = pd.DataFrame(
        {
            "bbox_min_row": [10, 0], "bbox_max_row": [14, 2], "bbox_min_col": [10, 5], "bbox_max_col": [20, 7],
            "touches_edge": [False, True],
        }
    )  # fmt: skip
    assert detection_window(table, (50, 50), (2.0, 1.0)) == Window(3.0, 95.0, 4.5, 44.5)
    assert detection_window(table, (50, 50), (2.0, 1.0), 0.0) == frame_window((50, 50), (2.0, 1.0))
    with pytest.raises(ParameterError, match="edge_nm"):
        detection_window(table, (50, 50), (2.0, 1.0), -1.0)


def test_passes_of_an_alternating_scan():
    frames = Frames(
        np.array([0.0, 10.0, 20.0]), np.array([True, False, True]), 0.1, 100, 2.0,
        np.array([False, True, False]),
    )  # fmt: skip
    assert frames.pass_s([0, 1, 3], 20.0).tolist()[:2] == pytest.approx([1.0, 10.0 + 8.9])
    assert np.isnan(frames.pass_s(3, 20.0))
    assert frames.next_pass_s([0, 2], 20.0).tolist()[0] == pytest.approx(21.0)
    assert np.isnan(frames.next_pass_s(2, 20.0))
    assert frames.previous_observed([0, 1, 2]).tolist() == [-1, 0, 0]


def test_tracks_are_cut_at_doubtful_links_and_where_others_merge_or_split():
    table = rows([0, 0, 0, 0, 1, 1, 2, 2], [0, 1, 2, 3, 0, 1, 2, 3])
    links = pd.DataFrame({"target": [1, 2, 3, 5, 7], "confidence": [0.9, 0.9, 0.2, 0.9, 0.9]})
    events = pd.DataFrame(
        {"kind": ["merge", "split"], "track_id": [1, 2], "source": [5, 1], "target": [2, 6]}
    )
    movie = tracked_movie(table, Frames.regular(4), FIELD, links=links, events=events)
    assert movie.pieces(0.5).tolist() == [0, 0, 1, 2, 3, 3, 4, 4]
    assert movie.pieces(cut_at_events=False).tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert (movie.starts_in_split, movie.ends_in_merge) == ({2}, {1})


def test_order_of_rows_does_not_count():
    table = rows([1, 0, 1, 0, -1], [1, 1, 0, 0, 0])
    links = pd.DataFrame({"target": [0, 1], "confidence": [0.1, 0.9]})
    movie = tracked_movie(table, Frames.regular(2), FIELD, links=links)
    assert movie.table[["track_id", "frame"]].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert movie.confidence.tolist()[1::2] == [0.9, 0.1]


@pytest.mark.parametrize(
    ("frame", "time", "message"),
    [
        ([0, 3, 3], [0.0, 3.0, 3.5], "track 7 has two detections in frame 3"),
        ([0, 1, 2], [0.0, 2.0, 1.0], "frame 2"),
    ],
)
def test_impossible_tracks_are_refused(frame, time, message):
    table = rows([7, 7, 7], frame).assign(time_s=time)
    with pytest.raises(ParameterError, match=message):
        tracked_movie(table, Frames.regular(4), FIELD)


def test_drift_is_subtracted_where_it_is_known():
    table = rows([0, 0], [0, 1], y_corrected_nm=[5.0, 5.0], x_corrected_nm=[1.0, 1.0])
    movie = tracked_movie(table, Frames.regular(2), FIELD)
    assert movie.position_nm()[:, 0].tolist() == [5.0, 5.0]
    assert movie.position_nm(corrected=False)[:, 0].tolist() == [0.0, 1.0]


def test_tables_of_other_programs():
    table = pd.DataFrame({"particle": [0, 0, np.nan], "frame": [0, 2, 1], "y": [1.0, 2, 3], "x": [0.0, 1, 2]})
    movie = tracks_from_table(table, pixel_size_nm=(2.0, 3.0))
    assert movie.clock == "index"
    assert movie.table[["time_s", "y_nm", "x_nm"]].values.tolist() == [[0, 2, 0], [2, 4, 3]]
    with pytest.raises(ParameterError, match="pixel_size_nm"):
        tracks_from_table(table)
    with pytest.raises(ParameterError, match="track_id"):
        tracks_from_table(table.drop(columns="particle"))
    with pytest.raises(ParameterError, match="frame_interval_s"):
        tracks_from_table(table, pixel_size_nm=1.0, frame_interval_s=0.0)


@dataclass(frozen=True)
class Widths:
    band: float = 3.0


def test_options_from_keywords():
    assert options_from(Widths, {"band": 2.0}) == Widths(2.0)
    with pytest.raises(ParameterError, match="unknown option 'bands'; did you mean 'band'"):
        options_from(Widths, {"bands": 2.0})
