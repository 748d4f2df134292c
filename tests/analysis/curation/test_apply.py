"""Edits on the tracks of another run."""

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.curation.apply import apply_edits
from playNano.analysis.curation.edits import Edit, Place
from playNano.analysis.curation.geometry import FrameGeometry
from playNano.analysis.curation.model import CurationModel


def model_at(places, track_id=None, **options):
    """Return a model of detections given as (frame, y, x)."""
    table = pd.DataFrame(places, columns=["frame", "y", "x"])
    ids = np.zeros(len(table)) if track_id is None else track_id
    return CurationModel(table=table, track_id=ids, n_frames=6, **options)


def outcome(model, *edits):
    table = apply_edits(model, edits)
    return table["status"].tolist(), table["why"].tolist()


def at(frame, y, x):
    return Place(frame, y_nm=float(y), x_nm=float(x))


def test_the_distance_is_stated_and_counts_to_its_end():
    for distance, expected in ((2.0, "applied"), (2.0001, "no match")):
        model = model_at([(0, 10, 10), (1, 10, 10)], max_distance_nm=2.0)
        status, why = outcome(model, Edit("delete", at(0, 10, 10 + distance)))
        assert status == [expected]
    assert why == ["the nearest detection in frame 0 is 2 nm away, further than 2 nm"]


def test_the_default_distance_is_3_pixels():
    model = model_at([(0, 10, 10)], geometry=FrameGeometry((2.0, 0.5)))
    assert model.max_distance_nm == 3.0


def test_the_nearest_of_several_only_if_it_is_clearly_nearest():
    model = model_at([(0, 10, 10), (0, 12.2, 10)], [0, 1])
    assert outcome(model, Edit("delete", at(0, 11, 10)))[0] == ["no match"]
    status, _ = outcome(model, Edit("delete", at(0, 10.5, 10)))
    assert status == ["applied"] and model.deleted.tolist() == [True, False]


def test_two_that_may_be_meant_are_named():
    model = model_at([(0, 10, 10), (0, 12, 10)], [0, 1])
    assert outcome(model, Edit("delete", at(0, 10.8, 10)))[1] == [
        "two detections in frame 0 may be meant, 0.8 and 1.2 nm away"
    ]


@pytest.mark.parametrize("kind", ["join", "break", "confirm"])
def test_both_ends_of_a_link_must_match(kind):
    model = model_at([(0, 10, 10), (1, 10, 10)])
    for place, to in (
        (at(0, 30, 10), at(1, 10, 10)),
        (at(0, 10, 10), at(1, 30, 10)),
        (at(0, 10, 10), at(9, 10, 10)),
    ):
        assert outcome(model, Edit(kind, place, to))[0] == ["no match"]
    assert not model.can_undo


def test_what_the_tracks_say_already():
    model = model_at([(0, 10, 10), (1, 10, 10), (2, 30, 30)], [0, 0, 1])
    edits = [
        Edit("join", at(0, 10, 10), at(1, 10, 10)),
        Edit("break", at(1, 10, 10), at(2, 30, 30)),
        Edit("break", at(2, 30, 30)),
        Edit("add", at(0, 11, 10)),
    ]
    assert outcome(model, *edits)[0] == ["already so"] * 4
    assert model.set_aside == edits
    assert not model.can_undo and model.edits == []
    model = model_at([(0, 10, 10), (1, 10, 10)], confidence=[np.nan, 0.5])
    twice = [Edit("confirm", at(0, 10, 10), at(1, 10, 10)), Edit("unusable", Place(5))] * 2
    assert outcome(model, *twice)[0] == ["applied", "applied", "already so", "already so"]


def test_a_detection_that_is_found_now_stays_between_joined_ones():
    """A lower threshold finds the particle that was missed: the join made over the gap is fulfilled."""
    model = model_at([(0, 10, 10), (1, 10, 10), (2, 10, 10)])
    assert outcome(model, Edit("join", at(0, 10, 10), at(2, 10, 10)))[0] == ["already so"]
    assert model.track_rows(0).tolist() == [0, 1, 2]


def test_a_break_is_not_guessed():
    model = model_at([(0, 10, 10), (1, 10, 10), (2, 10, 10)])
    status, why = outcome(model, Edit("break", at(0, 10, 10), at(2, 10, 10)))
    assert status == ["no match"] and "other detections between" in why[0]
    assert model.track_rows(0).tolist() == [0, 1, 2]
    status, why = outcome(model, Edit("confirm", at(0, 10, 10), at(2, 10, 10)))
    assert status == ["no match"] and "not linked now" in why[0]


def test_a_break_without_a_target_is_of_the_link_that_leaves():
    model = model_at([(0, 10, 10), (1, 10, 10), (2, 10, 10)])
    assert outcome(model, Edit("break", at(1, 10, 10)))[0] == ["applied"]
    assert model.track_ids().tolist() == [0, 0, 1]


def test_a_later_edit_finds_what_an_earlier_one_added():
    model = model_at([(0, 10, 10), (2, 10, 10)], [0, 1])
    edits = [Edit("add", at(1, 10, 10)), Edit("join", at(0, 10, 10), at(1, 10, 10))]
    edits += [Edit("join", at(1, 10, 10), at(2, 10, 10))]
    assert outcome(model, *edits)[0] == ["applied"] * 3
    assert model.track_rows(0).tolist() == [0, 2, 1]


def test_places_in_px_and_nm_of_a_movie_whose_frames_were_cropped():
    """The place in nm is that in the movie as recorded, so it counts where both are given."""
    geometry = FrameGeometry((2.0, 2.0), origin_nm=(100.0, 50.0))
    model = model_at([(0, 10, 10), (0, 30, 30)], [0, 1], geometry=geometry)
    both = Place(0, y_px=10.0, x_px=10.0, y_nm=160.0, x_nm=110.0)
    assert outcome(model, Edit("delete", both))[0] == ["applied"]
    assert model.deleted.tolist() == [False, True]
    assert outcome(model, Edit("delete", Place(0, y_px=10.0, x_px=10.0)))[0] == ["applied"]


def test_places_in_frames_that_were_shifted():
    def shift(frame, y):
        return np.column_stack([np.asarray(frame) * 3.0, np.zeros(np.size(frame))])

    geometry = FrameGeometry(shift=shift)
    model = model_at([(0, 10, 10), (2, 16, 10)], geometry=geometry)
    assert model.y_nm.tolist() == [10.0, 10.0]
    assert outcome(model, Edit("add", at(4, 20, 10)))[0] == ["applied"]
    assert model.y[-1] == 32.0 and model.y_nm[-1] == 20.0


def test_who_made_an_edit_and_why_is_kept():
    model = model_at([(0, 10, 10), (1, 10, 10)], author="replay")
    edit = Edit("break", at(0, 10, 10), at(1, 10, 10), "ada", "2026-01-01", "jump")
    apply_edits(model, [edit])
    assert model.edits == [edit]


def test_an_empty_list_gives_an_empty_table():
    table = apply_edits(model_at([(0, 10, 10)]), [])
    assert len(table) == 0 and {"edit", "status", "why", "distance_nm"} <= {*table.columns}


def test_a_neighbour_is_not_taken_for_a_deleted_detection():
    places = [(0, 10, 10), (0, 10, 12.5), (1, 10, 10), (1, 10, 12.5)]
    model = model_at(places, [0, 1, 0, 1])
    again, link = Edit("delete", Place(0, y_px=10.0, x_px=10.2)), Edit("break", at(0, 10, 10), at(1, 10, 10))
    status, why = outcome(model, Edit("delete", at(0, 10, 10)), again, link)
    assert status == ["applied", "already so", "no match"]
    assert why[-1] == "the detection there in frame 0 was deleted"
    assert model.deleted.tolist() == [True, False, False, False]
