"""The step `curation` of an analysis: its outputs, and that errors of linking can be corrected by it."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.curation.edits import Edit, Place
from playNano.analysis.curation.model import CurationModel
from playNano.analysis.curation.planned import with_curation
from playNano.analysis.curation.source import CurationSource, model_of
from playNano.analysis.curation.tables import curated_tables
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.plan import Plan
from playNano.analysis.record_use import plan_of
from playNano.core.serialize import json_safe
from playNano.core.step_text import parse_steps
from playNano.errors import MissingInputError, ParameterError, PlayNanoWarning
from playNano.metrics.detection import match_points
from playNano.metrics.links import score_edges
from playNano.simulate import simulate_movie

pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")

DETECT = "feature_detection:threshold=1.5"
OTHERS = "diffusion;states;dwell_times;populations;arrangement;particle_regions;particle_region_extraction"


def simulated(n_particles=8, diffusion_nm2_s=150.0):
    return simulate_movie(
        14,
        (72, 80),
        pixel_size_nm=(2.0, 1.5),
        n_particles=n_particles,
        radius_nm=6.0,
        diffusion_nm2_s=diffusion_nm2_s,
        disappear_rate_s=0.01,
        noise_nm=0.1,
        tilt_nm=(0.0, 0.0),
        row_offset_nm=0.0,
        seed=5,
    )


@pytest.fixture(scope="module")
def movie():
    return simulated()


def run(movie, steps, *edits, then=""):
    """Return the record of an analysis with edits."""
    calls = parse_steps(f"{DETECT};{steps}")
    if edits:
        calls = with_curation(calls, edits)
    calls += parse_steps(then)
    return AnalysisPipeline().add_steps([{call.name: call.params} for call in calls]).run(movie.to_stack())


def last(record, name="curation"):
    return record["provenance"]["results_by_name"][name][-1]


UNUSABLE = Edit("unusable", Place(0))


@pytest.mark.parametrize(
    "tracking",
    [
        "particle_tracking",
        "particle_tracking:min_length=3,max_distance=8",
        "particle_tracking:drift=global,method=frame,max_distance=9",
        "particle_tracking:merge_split=True",
        "particle_tracking:max_distance_nm=15",
    ],
)
def test_no_edit_changes_nothing(movie, tracking):
    record = run(movie, tracking, then="")
    stack = movie.to_stack()
    steps = [*[{c.name: c.params} for c in parse_steps(f"{DETECT};{tracking}")], {"curation": {"edits": []}}]
    curated = last(AnalysisPipeline().add_steps(steps).run(stack))
    before = last(record, "particle_tracking")
    assert {*before} <= {*curated}
    for name in ("table", "links", "track_table", "events", "drift"):
        new = curated[name][[*before[name].columns]]
        pd.testing.assert_frame_equal(new, before[name], rtol=1e-9)
    assert curated["tracks"] == before["tracks"]
    assert dict(curated["track_masks"]).keys() == dict(before["track_masks"]).keys()
    for key, mask in before["track_masks"].items():
        np.testing.assert_array_equal(curated["track_masks"][key], mask)
    for name in ("n_tracks", "n_links", "median_length", "n_merges", "n_splits", "clock", "search"):
        assert curated["summary"][name] == before["summary"][name]
    assert curated["summary"]["expected_wrong_links"] == pytest.approx(
        before["summary"]["expected_wrong_links"]
    )
    assert not curated["links"]["curated"].any() and not curated["table"]["added"].any()
    assert curated["summary"]["messages"][0].startswith("0 links edited of ")


def particles(movie, table):
    """Return the true particle of each detection; -1 for clutter."""
    rows = match_points(movie.truth, table, max_distance=8.0, columns=("y_nm", "x_nm"))
    return np.where(rows >= 0, movie.truth["particle"].to_numpy()[rows], -1)


def edits_by_truth(model, particle):
    """Return the edits of someone who knows the truth: first what is no particle goes, then every link is corrected."""
    rng = np.random.default_rng(1)
    for row in np.flatnonzero((particle < 0) & model.tracked):
        model.delete(int(row), reason="clutter")
    wanted = []
    for one in np.unique(particle[particle >= 0]):
        rows = np.flatnonzero(particle == one)
        rows = rows[np.argsort(model.frame[rows])]
        wanted += list(pairwise(rows.tolist()))
    for a in np.flatnonzero(model.following >= 0):
        b = int(model.following[a])
        if (a, b) not in wanted:
            model.cut(int(a), b, reason="wrong")
    for k in rng.permutation(len(wanted)):
        a, b = map(int, wanted[k])
        if model.following[a] != b:
            model.join(a, b)
    return model.edits


@pytest.mark.parametrize(
    ("tracking", "particles_and_diffusion"),
    [
        ("particle_tracking:max_distance=3,max_missing=0", (8, 150.0)),  # links are missing
        ("particle_tracking:max_distance=25,method=frame", (13, 600.0)),  # particles are exchanged
    ],
)
def test_errors_of_linking_fall_to_zero_and_stay_there(tracking, particles_and_diffusion):
    movie = simulated(*particles_and_diffusion)
    record = run(movie, tracking)
    stack = movie.to_stack()
    model = model_of(record, stack, author="someone")
    truth_of = particles(movie, pd.DataFrame({n: getattr(model, n) for n in ("frame", "y_nm", "x_nm")}))
    wrong = score_edges(model.frame, truth_of, model.track_ids())
    assert wrong.false_positives + wrong.false_negatives > 5, "the movie must have errors to correct"
    edits = edits_by_truth(model, truth_of)
    right = score_edges(model.frame, truth_of, model.track_ids())
    assert (right.false_positives, right.false_negatives) == (0, 0)
    # The same in the record of a run, where the edits are found by their places.
    curated = run(movie, tracking, *edits, then="diffusion")
    out = last(curated)
    table = out["table"]
    again = score_edges(table["frame"], particles(movie, table), table["track_id"])
    assert (again.false_positives, again.false_negatives) == (0, 0) and again.true_positives > 60
    assert set(out["edits"]["status"]) == {"applied"}
    numbers = model.n_edited
    assert out["summary"]["links_edited"] == numbers["links_edited"] > 5
    # The diffusion is that of the edited tracks.
    assert set(last(curated, "diffusion")["track_diffusion"]["track_id"]) - {-1} == set(table["track_id"])
    # A record that went through JSON gives the same tracks.
    plan = plan_of(json.loads(json.dumps(json_safe(curated))))
    repeated = last(plan.bind()[1].run(movie.to_stack()))
    for name in ("table", "links", "track_table", "edits"):
        pd.testing.assert_frame_equal(repeated[name], out[name])


def test_another_threshold_keeps_the_edits_that_still_match(movie):
    tracking = "particle_tracking:max_distance=3,max_missing=0"
    record = run(movie, tracking)
    model = model_of(record, movie.to_stack())
    truth_of = particles(movie, pd.DataFrame({n: getattr(model, n) for n in ("frame", "y_nm", "x_nm")}))
    edits = edits_by_truth(model, truth_of)
    far = Edit("delete", Place(3, y_nm=3.0, x_nm=3.0))
    calls = with_curation(parse_steps(f"feature_detection:threshold=2.2;{tracking}"), [*edits, far])
    pipeline = AnalysisPipeline().add_steps([{call.name: call.params} for call in calls])
    with pytest.warns(PlayNanoWarning, match=r"1 of \d+ edits do not match.*curation.csv"):
        out = last(pipeline.run(movie.to_stack()))
    table = out["edits"]
    assert len(table) == len(edits) + 1 and table["status"].tolist()[-1] == "no match"
    assert "nm away, further than" in table["why"].iloc[-1]
    assert (table["status"].iloc[:-1] == "applied").mean() > 0.9
    assert 0 < table["distance_nm"].iloc[:-1].max() < 5  # the regions are smaller, their centroids elsewhere

    def errors(rows):
        scores = score_edges(rows["frame"], particles(movie, rows), rows["track_id"])
        return scores.false_positives, scores.false_negatives

    # What the edits say still holds; a link that was right and is lost now is no subject of an edit.
    assert (
        errors(out["table"])
        <= (0, 2)
        < (0, 30)
        < errors(last(pipeline.run(movie.to_stack()), "particle_tracking")["table"])
    )
    assert out["summary"]["n_not_matched"] == 1
    assert out["summary"]["messages"][-1] == f"1 of {len(edits) + 1} edits do not match and were not applied"


def places(record, row):
    table = last(record, "particle_tracking")["table"]
    return Place(int(table["frame"].iloc[row]), y_nm=table["y_nm"].iloc[row], x_nm=table["x_nm"].iloc[row])


def test_an_added_detection_has_no_measured_values_and_disturbs_no_module(movie):
    record = run(movie, "particle_tracking")
    track = last(record, "particle_tracking")["table"].groupby("track_id").size().idxmax()
    rows = np.flatnonzero(last(record, "particle_tracking")["table"]["track_id"] == track)
    before, gone, after = (places(record, rows[k]) for k in (4, 5, 6))
    new = Place(gone.frame, y_nm=gone.y_nm + 0.5, x_nm=gone.x_nm - 0.5)
    edits = [Edit("delete", gone), Edit("add", new), Edit("join", before, new), Edit("join", new, after)]
    curated = run(movie, "particle_tracking", *edits, then=OTHERS)
    out, plain = last(curated), last(record, "particle_tracking")
    row = out["table"][out["table"]["added"]].iloc[0]
    assert len(out["table"]) == len(plain["table"])
    assert row["track_id"] == track and (row["y_nm"], row["x_nm"]) == (new.y_nm, new.x_nm)
    assert row["y"] == pytest.approx(new.y_nm / 2.0) and row["x"] == pytest.approx(new.x_nm / 1.5)
    old = plain["table"].iloc[rows[5]]
    assert row["time_s"] == pytest.approx(old["time_s"], abs=0.01)
    assert np.isnan(row[["area_nm2", "z_max_nm", "height_nm", "volume_nm3"]].astype(float)).all()
    assert (row["label"], row["point_index"]) == (-1, -1)
    sequence = next(t for t in out["tracks"] if t["id"] == track)
    at = sequence["frames"].index(gone.frame)
    assert sequence["point_indices"][at] is None and sequence["coords"][at] is not None
    heights = plain["table"]["z_mean_nm"].iloc[[r for r in rows if r != rows[5]]]
    line = out["track_table"].set_index("track_id").loc[track]
    mean = out["table"][out["table"]["track_id"] == track]["height_nm"].mean()
    assert np.isfinite(line["mean_height_nm"]) and line["mean_height_nm"] in (
        pytest.approx(mean),
        pytest.approx(heights.mean()),
    )
    assert line["length"] == len(rows) and line["curated"]
    kept = out["links"][~out["links"]["curated"] & (out["links"]["track_id"] == track)]
    assert line["mean_confidence"] == pytest.approx(kept["confidence"].mean())
    assert out["links"]["curated"].sum() == 2 and out["links"]["confidence"].isna().sum() == 2
    # Nothing takes the last detection of the frame for the added one.
    crops = last(curated, "particle_region_extraction")
    of_track = next(t for t in crops["per_track"] if t["track_id"] == track)
    assert of_track["regions"][of_track["frames"].index(gone.frame)] is None
    values = last(curated, "populations")["track_values"]
    assert np.isfinite(values.set_index("track_id").loc[track, "height_nm"])


def test_an_unusable_frame_is_no_missed_detection(movie):
    record = run(movie, "particle_tracking")
    curated = run(movie, "particle_tracking", Edit("unusable", Place(6)), then="diffusion;dwell_times")
    out, plain = last(curated), last(record, "particle_tracking")
    assert np.flatnonzero(~out["usable"]).tolist() == [6]
    assert not (out["table"]["frame"] == 6).any()
    through = plain["track_table"][
        (plain["track_table"]["start_frame"] < 6) & (plain["track_table"]["end_frame"] > 6)
    ]
    assert len(through) > 3
    new = out["track_table"].set_index("track_id").loc[through["track_id"]]
    assert new["missed"].tolist() == through["missed"].tolist()
    assert new["length"].tolist() == (through["length"] - 1).tolist()
    ends_at_5 = out["track_table"][out["track_table"]["end_frame"] == 5]
    assert ends_at_5["censored_end"].all()
    over = out["links"][(out["links"]["frame_from"] < 6) & (out["links"]["frame_to"] > 6)]
    assert len(over) >= len(through) and over["curated"].all() and (over["gap"] == 2).all()


def test_detections_that_the_tracking_left_out_can_be_joined(movie):
    plain = run(movie, "particle_tracking:min_length=1,max_distance=3,max_missing=0")
    record = run(movie, "particle_tracking:min_length=6,max_distance=3,max_missing=0")
    model = model_of(record, movie.to_stack())
    n_tracked = len(last(record, "particle_tracking")["table"])
    assert model.n_rows == len(last(plain, "particle_tracking")["table"]) > n_tracked
    assert model.tracked.sum() == n_tracked and not model.deleted.any()
    out_of = np.flatnonzero(~model.tracked)
    a = next(int(r) for r in out_of if (model.frame == model.frame[r] + 1).any())
    b = int(np.flatnonzero(model.frame == model.frame[a] + 1)[0])
    (edit,) = model.join(a, b)
    out = last(run(movie, "particle_tracking:min_length=6,max_distance=3,max_missing=0", edit))
    assert len(out["table"]) > n_tracked
    joined = out["table"][(out["table"]["y_nm"] == model.y_nm[a]) & (out["table"]["frame"] == model.frame[a])]
    assert np.isfinite(joined["height_nm"]).all() and len(joined) == 1 and not joined["added"].any()


def test_two_steps_of_curation(movie):
    record = run(movie, "particle_tracking")
    table = last(record, "particle_tracking")["table"]
    rows = np.flatnonzero(table["track_id"] == table.groupby("track_id").size().idxmax())
    first = Edit("break", places(record, rows[2]), places(record, rows[3]))
    second = Edit("break", places(record, rows[6]), places(record, rows[7]))
    added = Edit("add", Place(2, y_px=2.0, x_px=2.0))
    confirmed = Edit("confirm", places(record, rows[4]), places(record, rows[5]))
    once = last(run(movie, "particle_tracking", first, confirmed, added, second))
    steps = [{c.name: c.params} for c in parse_steps(f"{DETECT};particle_tracking")]
    steps += [
        {"curation": {"edits": [e.to_dict() for e in part]}} for part in ([first, confirmed, added], [second])
    ]
    twice = last(AnalysisPipeline().add_steps(steps).run(movie.to_stack()))
    for name in ("table", "links", "track_table"):
        pd.testing.assert_frame_equal(twice[name], once[name])
    assert twice["summary"]["links_confirmed"] == 0 and twice["summary"]["links_edited"] == 1
    # In a plan, the edits are gathered in one step.
    calls = with_curation(with_curation(parse_steps("particle_tracking;states"), [first]), [first, second])
    assert [call.name for call in calls] == ["particle_tracking", "curation", "states"]
    assert calls[1].params["edits"] == [first.to_dict(), second.to_dict()]
    assert with_curation(calls, [second], anew=True)[1].params["edits"] == [second.to_dict()]


def test_modules_that_named_the_tracking_take_the_edited_one():
    calls = parse_steps("particle_tracking;k_means_clustering:k=2,detection_module=particle_tracking")
    calls += parse_steps("particle_region_extraction:tracking_module=particle_tracking")
    params = [call.params for call in with_curation(calls, [UNUSABLE])]
    assert params[2]["detection_module"] == "curation" and params[3]["tracking_module"] == "curation"
    with pytest.raises(ParameterError, match="no tracking among the steps"):
        with_curation(parse_steps("feature_detection"), [UNUSABLE])


def test_the_default_analysis_takes_edits(movie):
    plan = Plan.default().curated([Edit("unusable", Place(2))])
    record = plan.run(movie.to_stack())
    names = [step["name"] for step in record["provenance"]["steps"]]
    assert names.index("curation") == names.index("particle_tracking") + 1 < names.index("diffusion")
    assert last(record)["summary"]["frames_unusable"] == 1


def test_curation_needs_tracks(movie):
    pipeline = AnalysisPipeline().add_steps([DETECT, {"curation": {"edits": []}}])
    with pytest.raises(MissingInputError, match="run particle_tracking before it"):
        pipeline.run(movie.to_stack())
    with pytest.raises(MissingInputError, match="no tracks to edit"):
        model_of(AnalysisPipeline().add_steps(DETECT).run(movie.to_stack()), movie.to_stack())


def test_merges_and_splits_keep_their_rows_and_tracks(movie):
    """Track 1 merges into track 0 at frame 3; track 2 splits from track 0 at frame 5."""
    frames = {0: range(8), 1: range(3), 2: range(5, 8)}
    rows = [(t, f, 10.0 * t + 10, 20.0) for t in frames for f in frames[t]]
    table = pd.DataFrame(rows, columns=["track_id", "frame", "y", "x"])
    table = table.assign(y_nm=table["y"], x_nm=table["x"], time_s=table["frame"] * 0.5)
    events = pd.DataFrame(
        {
            "kind": ["merge", "split"],
            "frame": [3, 5],
            "track_id": [1, 2],
            "partner_id": [0, 0],
            "source": [10, 4],
            "target": [3, 11],
            "probability": [0.9, 0.8],
        }
    )
    tracks = pd.DataFrame({"track_id": [0, 1, 2], "lineage": [0, 0, 0]})
    n = len(table)
    source = CurationSource(
        table.drop(columns="track_id"),
        table["track_id"].to_numpy(),
        np.full(n, np.nan),
        np.zeros(n, np.bool_),
        np.ones(14, np.bool_),
        {"table": table, "events": events, "track_table": tracks},
        {},
    )
    stack = movie.to_stack()

    def edited(*calls):
        model: CurationModel = source.model(stack)
        for call in calls:
            call(model)
        return curated_tables(model, source, stack)

    plain = edited()
    pd.testing.assert_frame_equal(plain["events"], events)
    assert plain["track_table"]["lineage"].tolist() == [0, 0, 0]
    # Track 0 is cut at frame 4: the merge is with its head, the split from its tail, which has a new number.
    cut = edited(lambda m: m.cut(3))
    assert cut["events"][["track_id", "partner_id"]].values.tolist() == [[1, 0], [2, 3]]
    table_after = cut["table"]
    for end, frame in (("source", [2, 4]), ("target", [3, 5])):
        assert table_after["frame"].iloc[cut["events"][end]].tolist() == frame
    assert cut["track_table"][["track_id", "lineage"]].values.tolist() == [[0, 0], [1, 0], [2, 1], [3, 1]]
    # A track that goes on, or a partner that is deleted, merges no more.
    assert edited(lambda m: m.join(10, 3))["events"]["kind"].tolist() == ["split"]
    assert edited(lambda m: m.delete(3))["events"]["kind"].tolist() == ["split"]
    assert edited(lambda m: m.join(4, 11))["events"]["kind"].tolist() == ["merge"]
