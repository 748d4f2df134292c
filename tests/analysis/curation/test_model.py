"""Edits of tracks, undo and redo."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.analysis.curation.apply import apply_edits
from playNano.analysis.curation.edits import Edit, Place
from playNano.analysis.curation.geometry import FrameGeometry
from playNano.analysis.curation.model import CurationModel
from playNano.errors import ParameterError

N_FRAMES = 8


def straight(n_tracks=3, n_frames=N_FRAMES, **options):
    """Return a model of particles that move along x, 10 px apart, each in all frames, in the order of the frames."""
    frame = np.repeat(np.arange(n_frames), n_tracks)
    track = np.tile(np.arange(n_tracks), n_frames)
    table = pd.DataFrame({"frame": frame, "y": 10.0 * track + 5, "x": frame + 3.0})
    options.setdefault("confidence", np.where(frame > 0, 1 - 0.01 * np.arange(len(frame)), np.nan))
    return CurationModel(table=table, track_id=track, n_frames=n_frames, **options)


def row(model, track, frame):
    (found,) = np.flatnonzero(
        (model.frame == frame) & (np.round((model.y - 5) / 10) == track) & ~model.deleted
    )
    return int(found)


def members(model):
    """Return the set of tracks, each a tuple of rows by frame: what an edit may change, without any numbers."""
    ids = model.track_ids()
    out = set()
    for one in np.unique(ids[ids >= 0]):
        rows = np.flatnonzero(ids == one)
        out.add(tuple(rows[np.argsort(model.frame[rows])].tolist()))
    return out


def chain(model):
    """Return the same by following the links from each first detection."""
    first = [r for r in range(model.n_rows) if model.tracked[r] and model.preceding[r] < 0]
    out = set()
    for r in first:
        rows = [r]
        while model.following[rows[-1]] >= 0:
            rows.append(int(model.following[rows[-1]]))
        out.add(tuple(rows))
    return out


def test_cut():
    model = straight(2)
    model.cut(row(model, 0, 3))
    ids = model.track_ids()
    assert [ids[row(model, 0, f)] for f in range(8)] == [0] * 4 + [2] * 4  # the head keeps its number
    assert [ids[row(model, 1, f)] for f in range(8)] == [1] * 8
    assert np.isnan(model.confidence[row(model, 0, 4)])
    with pytest.raises(ParameterError, match="no link between these"):
        model.cut(row(model, 0, 3))
    with pytest.raises(ParameterError, match="no link between these"):
        model.cut(row(model, 0, 3), row(model, 1, 4))


def test_a_confirmed_link_that_is_broken_is_no_link_by_hand():
    model = straight(1)
    model.confirm(2, 3)
    assert model.curated[3]
    model.cut(2, 3)
    assert not model.curated.any()


def test_join_in_any_order_breaks_what_stands_against_it():
    model = straight(2)
    a, b = row(model, 0, 2), row(model, 1, 5)
    model.join(b, a)
    ids = model.track_ids()
    assert [ids[row(model, 0, f)] for f in range(8)] == [0, 0, 0, 2, 2, 2, 2, 2]
    assert [ids[row(model, 1, f)] for f in range(8)] == [1, 1, 1, 1, 1, 0, 0, 0]
    assert model.curated[b] and np.isnan(model.confidence[b])
    with pytest.raises(ParameterError, match="of the same track already"):
        model.join(a, b)
    with pytest.raises(ParameterError, match="of one frame"):
        model.join(row(model, 0, 2), row(model, 1, 2))


def test_swap_is_two_joins_and_one_step_of_undo():
    model = straight(2)
    before = members(model)
    edits = model.swap(row(model, 0, 3), row(model, 1, 3))
    assert [edit.kind for edit in edits] == ["join", "join"]
    ids = model.track_ids()
    assert [ids[row(model, 0, f)] for f in range(8)] == [0] * 4 + [1] * 4
    assert [ids[row(model, 1, f)] for f in range(8)] == [1] * 4 + [0] * 4
    assert model.undo() and members(model) == before and model.edits == []


def test_swap_where_one_track_ends():
    model = straight(2)
    model.cut(row(model, 0, 3))
    edits = model.swap(row(model, 0, 3), row(model, 1, 3))
    assert len(edits) == 1
    ids = model.track_ids()
    assert ids[row(model, 1, 4)] == 0 and ids[row(model, 1, 3)] == 1
    with pytest.raises(ParameterError, match="nothing follows these"):
        model.swap(row(model, 0, 7), row(model, 1, 7))
    with pytest.raises(ParameterError, match="of the same track"):
        model.swap(row(model, 0, 1), row(model, 0, 2))


def test_swap_never_goes_back_in_time():
    model = straight(2)
    with pytest.raises(ParameterError, match="not later than the other"):
        model.swap(row(model, 0, 1), row(model, 1, 5))
    assert not model.can_undo


def test_a_deleted_detection_leaves_a_gap_in_its_track():
    model = straight(2)
    gone = row(model, 0, 3)
    model.delete(gone)
    before, after = row(model, 0, 2), row(model, 0, 4)
    assert model.following[before] == after and model.curated[after]
    assert model.track_ids()[gone] == -1 and model.deleted[gone]
    assert model.nearest(3, model.y[gone], model.x[gone]) == row(model, 1, 3)
    for call in (model.delete, lambda r: model.join(r, after), model.track_rows):
        with pytest.raises(ParameterError, match="was deleted"):
            call(gone)
    model.delete(row(model, 0, 0))  # the first: no link is made
    assert model.preceding[row(model, 0, 1)] == -1 and model.track_ids()[row(model, 0, 1)] == 0


def test_add_and_join():
    model = straight(1)
    model.delete(row(model, 0, 3))
    (edit,) = model.add(3, 6.0, 7.5, reason="seen by eye")
    new = model.n_rows - 1
    assert (edit.kind, edit.place) == ("add", Place(3, 6.0, 7.5, 6.0, 7.5))
    assert model.track_ids()[new] == 1
    model.join(row(model, 0, 2), new)
    model.join(new, row(model, 0, 4))
    assert model.track_rows(new).tolist() == [0, 1, 2, new, 4, 5, 6, 7]
    assert (model.track_ids()[[0, new, 7]] == 0).all()
    for frame, y, message in ((4, 5.5, "at a distance of 0.5"), (8, 0, "no frame 8"), (-1, 0, "no frame -1")):
        with pytest.raises(ParameterError, match=message):
            model.add(frame, y, 7.0)


def test_added_places_in_nm():
    geometry = FrameGeometry((2.0, 1.5), (40, 20), (100.0, 50.0))
    model = straight(1, geometry=geometry)
    (edit,) = model.add(0, 30.0, 3.0)
    assert (edit.place.y_nm, edit.place.x_nm) == (160.0, 54.5)
    with pytest.raises(ParameterError, match="outside the frame"):
        model.add(0, 39.6, 3.0)


def test_an_unusable_frame():
    model = straight(2)
    model.mark_unusable(3)
    model.mark_unusable(4)
    assert np.flatnonzero(~model.usable).tolist() == [3, 4]
    for track in (0, 1):
        assert model.following[row(model, track, 2)] == row(model, track, 5)
    assert model.n_edited["frames_unusable"] == 2 and model.n_edited["detections_deleted"] == 0
    with pytest.raises(ParameterError, match="unusable already"):
        model.mark_unusable(3)
    with pytest.raises(ParameterError, match="unusable already"):
        model.add(3, 1.0, 1.0)


def test_doubtful_links_in_turn():
    model = straight(2)
    order = model.doubtful()
    assert len(order) == 14 and (np.diff(order["confidence"]) > 0).all()
    assert order["target"].iloc[0] == 15 and len(model.doubtful(5)) == 5
    first = model.next_doubtful()
    assert first == (13, 15)
    model.confirm(*first)
    assert model.next_doubtful() == (12, 14) == model.next_doubtful(after=first)
    model.cut(12, 14)
    assert model.next_doubtful(after=(12, 14)) == (11, 13)
    last = tuple(model.doubtful()[["source", "target"]].iloc[-1])
    assert model.next_doubtful(after=last) is None
    with pytest.raises(ParameterError, match="made or confirmed by hand already"):
        model.confirm(13)
    assert model.n_edited | {} == {
        "links": 14,
        "links_edited": 1,
        "links_confirmed": 1,
        "detections_deleted": 0,
        "detections_added": 0,
        "frames_unusable": 0,
    }


def test_links_of_unknown_confidence_are_not_doubtful():
    model = straight(1, confidence=None)
    assert model.next_doubtful() is None and len(model.doubtful(3)) == 0 and len(model.links()) == 7


def test_numbers_of_tracks():
    model = straight(3)
    model.delete(row(model, 0, 0))
    assert model.track_ids()[row(model, 0, 1)] == 0  # the first left one keeps the number
    model.cut(row(model, 1, 0))
    assert model.track_ids()[row(model, 1, 0)] == 1 and model.track_ids()[row(model, 1, 1)] == 3
    model.join(row(model, 2, 0), row(model, 1, 1))
    # track 2 lost its tail to a new number, and took that of track 1
    assert model.track_ids()[[row(model, 2, 0), row(model, 1, 1), row(model, 2, 1)]].tolist() == [2, 2, 3]


def arrays(model):
    graph = model.graph
    names = (
        "frame",
        "place",
        "following",
        "preceding",
        "tracked",
        "deleted",
        "curated",
        "usable",
        "original_id",
    )
    return [getattr(graph, name).copy() for name in names]


def snapshot(model):
    return [*arrays(model), model.confidence, model.track_ids()]


def same(one, two):
    return all(
        a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in zip(one, two, strict=True)
    )


def random_edit(model, rng):
    """Make an edit of any kind at random places; many are impossible."""
    a, b = rng.integers(0, model.n_rows, 2)
    kind = rng.integers(0, 8)
    if kind == 0:
        model.join(a, b)
    elif kind == 1:
        model.cut(a)
    elif kind == 2:
        model.swap(a, b)
    elif kind == 3 and rng.random() < 0.3:
        model.delete(a)
    elif kind == 4:
        model.add(int(rng.integers(0, N_FRAMES)), *rng.uniform(0, 60, 2))
    elif kind == 5:
        model.confirm(a)
    elif kind == 6 and rng.random() < 0.02:
        model.mark_unusable(int(rng.integers(0, N_FRAMES)))
    elif kind == 7:
        model.join(a, model.n_rows - 1)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_100_random_edits_undone_give_the_identical_table(seed):
    rng = np.random.default_rng(seed)
    model = straight(6)
    states, tables = [snapshot(model)], (model.tracks(), model.links())
    tries = 0
    while len(states) <= 100 and tries < 4000:
        tries += 1
        before = arrays(model)
        version = model.version
        try:
            random_edit(model, rng)
        except ParameterError:
            assert same(arrays(model), before), "an edit that is refused changes nothing"
        if model.version > version:
            states.append(snapshot(model))
            # What must hold of tracks whatever was done:
        linked = np.flatnonzero(model.following >= 0)
        assert (model.preceding[model.following[linked]] == linked).all()
        assert (model.frame[model.following[linked]] > model.frame[linked]).all()
        assert not (model.deleted & model.tracked).any()
    assert members(model) == chain(model)
    edits = model.edits
    done = len(states) - 1
    assert done == 100
    for k in range(done, 0, -1):
        assert same(snapshot(model), states[k])
        assert model.undo()
    assert same(snapshot(model), states[0]) and not model.undo() and model.edits == []
    pd.testing.assert_frame_equal(model.tracks(), tables[0], check_exact=True)
    pd.testing.assert_frame_equal(model.links(), tables[1], check_exact=True)
    for _ in range(done):
        assert model.redo()
    assert same(snapshot(model), states[-1]) and not model.redo() and model.edits == edits
    # The edits, which know nothing of rows, give the same tracks again, with the same numbers.
    again = straight(6)
    outcome = apply_edits(again, [Edit.from_dict(edit.to_dict()) for edit in edits])
    assert (outcome["status"] == "applied").all()
    assert same(snapshot(again), states[-1])


def test_an_edit_ends_what_can_be_done_again():
    model = straight(1)
    model.cut(2)
    model.undo()
    assert model.can_redo
    model.cut(4)
    assert not model.can_redo and not model.redo()
