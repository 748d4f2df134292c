"""Segmentation of drawn objects."""

import numpy as np
import pytest

from playNano.algorithms.segmentation import SegmentationOptions, estimate_levels, segment
from playNano.algorithms.segmentation._smooth import repair_lines

SIZE = 96
Y, X = np.mgrid[:SIZE, :SIZE]


def disc(row, col, radius=6.0, height=4.0):
    return height * np.clip(0.5 - (np.hypot(Y - row, X - col) - radius) / 2, 0, 1)


def movie(*objects, n=4, sd=0.15, seed=0):
    frame = np.max([np.zeros((SIZE, SIZE)), *objects], axis=0)
    return frame + np.random.default_rng(seed).normal(0, sd, (n, SIZE, SIZE))


def centres(objects, frame=0):
    """Return the sorted centroids of the objects of a frame, in whole pixels."""
    labels = objects.labels[frame]
    numbers = range(1, labels.max() + 1)
    return sorted((round(Y[labels == k].mean()), round(X[labels == k].mean())) for k in numbers)


def segmented(frames, **options):
    return segment(frames, estimate_levels(frames, SegmentationOptions(**options)))


def test_objects_are_outlined_at_half_of_their_own_height():
    frames = movie(disc(25, 25, height=8), disc(60, 60, height=1.5), disc(25, 70, height=3))
    objects = segmented(frames)
    assert centres(objects) == [(25, 25), (25, 70), (60, 60)]
    areas = np.bincount(objects.labels[0].ravel())[1:]
    assert areas == pytest.approx([np.pi * 36] * 3, rel=0.12)


def test_low_object_on_the_flank_of_a_high_one():
    flank = 12 * np.exp(-np.hypot(Y - 40, X - 40) / 5)
    objects = segmented(movie(flank, disc(40, 58, radius=4, height=2.5)))
    assert [round(c[1], -1) for c in centres(objects)] == [40, 60]


def test_touching_discs_are_separated_where_there_are_single_ones():
    row = [disc(30, 15 + 13 * i, 6.4) for i in range(5)]
    singles = [disc(70, 15 + 22 * i, 6.4) for i in range(4)]
    objects = segmented(movie(*row, *singles))
    assert [c for c in centres(objects) if c[0] < 50] == [(30, 15 + 13 * i) for i in range(5)]


def test_long_objects_are_not_divided():
    rods = [
        np.where((np.abs(Y - row) < 4) & (np.abs(X - col) < 18), 4.0, 0.0)
        for row, col in ((20, 25), (50, 60), (80, 30))
    ]
    assert len(centres(segmented(movie(*rods)))) == 3


def test_discs_on_a_terrace_and_beside_it():
    terrace = np.where(X > 48, 4.0, 0.0)
    frame = terrace + disc(30, 20) + disc(30, 75) + disc(70, 70)
    frames = frame + np.random.default_rng(0).normal(0, 0.15, (4, SIZE, SIZE))
    levels = estimate_levels(frames)
    objects = segment(frames, levels)
    assert levels.has_terraces
    assert centres(objects) == [(30, 20), (30, 75), (70, 70)]
    at = {c: objects.labels[0][c] for c in centres(objects)}
    base = {c: objects.base_nm[0, k] for c, k in at.items()}
    assert base[30, 20] == 0
    assert base[30, 75] == pytest.approx(4, abs=0.2)


def test_a_patch_at_the_border_is_kept():
    patch = np.where((Y < 40) & (np.abs(X - 40) < 25), 4.0, 0.0)
    objects = segmented(movie(patch, disc(75, 75)))
    assert len(centres(objects)) == 2
    assert objects.labels[0, 0, 40] > 0


def test_pits_and_both():
    frames = movie(disc(25, 25)) - disc(70, 70, height=3)
    both = segmented(frames, polarity="both")
    assert centres(both) == [(25, 25), (70, 70)]
    assert sorted(both.polarity[0, 1:]) == [-1, 1]
    assert centres(segmented(frames, polarity="down")) == [(70, 70)]
    assert centres(segmented(frames, polarity="up")) == [(25, 25)]


def test_a_disturbed_line_is_no_object():
    frames = movie(disc(25, 25))
    frames[0, 60, 20:60] += 2.0
    assert centres(segmented(frames)) == [(25, 25)]


def test_missing_pixels_belong_to_no_object():
    frames = movie(disc(25, 25), disc(60, 60))
    frames[:, 20:24, 22:30] = np.nan
    objects = segmented(frames)
    assert not objects.labels[:, 20:24, 22:30].any()
    assert objects.labels[0, 60, 60] > 0


def test_frames_are_segmented_independently():
    frames = movie(disc(25, 25), disc(60, 60, height=2))
    levels = estimate_levels(frames)
    whole = segment(frames, levels)
    for i in range(len(frames)):
        np.testing.assert_array_equal(segment(frames[i : i + 1], levels).labels[0], whole.labels[i])


def test_neighbouring_infinite_pixels_give_no_warning():
    frame = movie(n=1)[0]
    frame[10:20, 5], frame[40] = -np.inf, np.inf
    repaired = repair_lines(frame, 0.15)
    np.testing.assert_array_equal(repaired[10:20, 5], -np.inf)
