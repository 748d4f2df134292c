"""The reference detection against movies of known truth, and the separation of regions."""

import numpy as np
import pandas as pd
import pytest
from tests.validate.scenes import PIXEL, cap, movie, rod

from playNano.metrics import match_points
from playNano.validate.merged import merged_pairs, pair_offset
from playNano.validate.reference import detect_reference
from playNano.validate.sightings import Sightings, hidden_share, track_reference
from playNano.validate.still import still_structures


def as_table(s):
    return pd.DataFrame({"frame": s.frame, "track_id": s.track, "y_nm": s.y * PIXEL, "x_nm": s.x * PIXEL})


@pytest.mark.parametrize(("shape", "turn"), [(cap(), 0.0), (rod(), 0.3)])
def test_particles_are_detected_and_tracked(shape, turn):
    stack, truth = movie((shape,), turn=turn, apart_nm=32.0, n=6)
    sightings = track_reference(detect_reference(stack.data))
    found = as_table(sightings)
    partner = match_points(truth, found, max_distance=4.0, columns=("y_nm", "x_nm"))
    assert (partner >= 0).mean() > 0.99
    assert len(found) == len(truth)
    at = found[["y_nm", "x_nm"]].to_numpy() - truth[["y_nm", "x_nm"]].to_numpy()[partner]
    assert np.sqrt((at**2).mean()) < 0.3
    pairs = pd.DataFrame({"true": truth["track_id"].to_numpy()[partner], "found": found["track_id"]})
    assert pairs.drop_duplicates().shape[0] == 6


def test_the_opening_follows_the_size_of_the_particles():
    small, large = (movie((cap(4.0, r),), n=4, n_frames=6, apart_nm=40.0)[0] for r in (4.5, 15.0))
    radii = [detect_reference(s.data).opening_px for s in (small, large)]
    assert 1.0 < radii[0] / (4.5 / PIXEL) < 2.2
    assert 1.0 < radii[1] / (15.0 / PIXEL) < 1.7


def test_pits_are_particles_that_point_down():
    stack, truth = movie(n_frames=6)
    reference = detect_reference(-stack.data)
    assert reference.sign == -1
    assert len(reference) == pytest.approx(len(truth), abs=2)
    assert np.median(reference.height_nm) == pytest.approx(3.7, abs=0.2)


def test_regions_of_two_particles_are_separated():
    y, x = np.mgrid[:64, :64] * PIXEL
    shape = cap()
    # A saddle below half of the height: two parts; two caps that overlap more: one region of twice the area.
    for apart, n in ((14.0, 2), (9.0, 1)):
        pair = np.maximum(shape(y - 48, x - 48 + apart / 2), shape(y - 48, x - 48 - apart / 2))
        frame = pair + np.random.default_rng(0).normal(0, 0.1, pair.shape)
        assert len(detect_reference(frame[None].repeat(2, axis=0))) == 2 * n


def test_areas_of_two_particles():
    rng = np.random.default_rng(1)
    area, height = 50 * np.exp(rng.normal(0, 0.05, 80)), 4 + rng.normal(0, 0.1, 80)
    area[[3, 40]] = 98, 88
    area[[10, 11]] = 160, 66  # three particles; one that is a little larger
    merged, usual = merged_pairs(height, area, np.ones(80, bool))
    assert np.flatnonzero(merged).tolist() == [3, 40]
    np.testing.assert_allclose(usual, 50, rtol=0.03)
    # Large particles that are also higher are compared with their own kind.
    both = merged_pairs(
        np.append(height, np.full(80, 9.0)), np.append(area, np.full(80, 100.0)), np.ones(160, bool)
    )[0]
    assert not both[80:].any()
    assert not merged_pairs(height[:5], area[:5], np.ones(5, bool))[0].any()


def test_the_centres_of_a_pair():
    y, x = np.mgrid[:80, :80]
    pair = np.minimum(np.hypot(y - 40, x - 33), np.hypot(y - 40, x - 47)) < 7
    variance = np.var(np.nonzero(pair)[1])
    assert pair_offset(np.array([variance]), np.array([pair.sum() / 2]))[0] == pytest.approx(7, abs=0.2)


def test_gaps_are_filled_only_where_something_is_seen():
    stack, truth = movie(n=4, n_frames=10, step_nm=1.0, apart_nm=40.0, seed=3)
    data = np.array(stack.data)
    at = truth[(truth["track_id"] == 0) & (truth["frame"] == 5)].iloc[0]
    row, col = round(at["y_nm"] / PIXEL), round(at["x_nm"] / PIXEL)
    window = (slice(max(row - 7, 0), row + 8), slice(max(col - 7, 0), col + 8))
    gone = data.copy()
    gone[5][window] = np.median(data[5], axis=1)[window[0], None]
    absent = track_reference(detect_reference(gone))
    assert (absent.frame == 5).sum() == 3
    assert len(np.unique(absent.track)) == 4


def test_structures_that_stay_are_told_from_particles():
    def steps(y, x):
        return np.where(x > 60, 4.0, 0.0)

    def strand(y, x):
        return 2.0 * np.exp(-((y - 0.6 * x - 30) ** 2) / 12)

    for surface in (steps, strand):
        n, height = still_structures(detect_reference(movie(surface=surface)[0].data))
        assert n >= 1
        assert 1.0 < height < 5.0
    assert still_structures(detect_reference(movie()[0].data)) == (0, 0.0)
    # Particles at rest are no larger than those that move.
    moving = np.array(movie(n=4, seed=1)[0].data)
    resting = moving.copy()
    resting += movie(n=4, step_nm=1e-3, noise_nm=0.0, seed=7)[0].data
    assert still_structures(detect_reference(resting))[0] == 0


def test_particles_that_hide_in_others_are_noticed():
    def sightings(frames_of_track, interpolated=()):
        frame = np.concatenate([np.array(f) for f in frames_of_track])
        track = np.repeat(np.arange(len(frames_of_track)), [len(f) for f in frames_of_track])
        m = len(frame)
        region = np.zeros(m, np.int64)
        region[list(interpolated)] = -1
        at = np.where(track == 0, 40.0, 48.0)
        no = np.zeros(m, bool)
        return Sightings(frame, at, at, track, np.ones(m), np.ones(m), region, ~no, no)

    whole = [range(20), range(20)]
    assert hidden_share(sightings(whole), 20, (80, 80), 6.0) == (0.0, 0.0)
    lost = sightings([range(20), range(8), range(12, 20)], interpolated=[3, 4])
    bridged, per_sighting = hidden_share(lost, 20, (80, 80), 6.0)
    assert bridged == pytest.approx(2 / 36)
    assert per_sighting == pytest.approx(2 / 36)
    # Ends far from others, or at the border of the frame, have other reasons.
    assert hidden_share(lost, 20, (80, 80), 3.0)[1] == 0.0
    assert hidden_share(lost, 20, (52, 52), 6.0)[1] == 0.0
