"""Cutting out, erasing and putting back particles."""

import numpy as np
import pytest
from tests.validate.scenes import PIXEL, cap, movie, rod

from playNano.afm_stack import AFMImageStack
from playNano.metrics import match_points
from playNano.validate.cutouts import _alone, cut_out, kind_of, peak_height, peak_pixel, unlike
from playNano.validate.erasing import Eraser
from playNano.validate.reference import detect_reference
from playNano.validate.replanting import Replanter
from playNano.validate.sightings import Sightings, track_reference

SHAPES = {"caps": (cap(), 4.0), "low caps": (cap(2.0), 2.0), "rods": (rod(), 3.0)}


@pytest.fixture(scope="module", params=SHAPES)
def kind(request):
    shape, height = SHAPES[request.param]
    stack, truth = movie((shape,), (height,), turn=0.3, apart_nm=32.0, n=6, n_frames=30)
    return stack, truth, Replanter(stack, np.ones(30, bool)), height


def test_heights_of_the_images(kind):
    _, _, replanter, height = kind
    assert len(replanter.cutouts) > 60
    assert np.mean(replanter.cutouts.height_nm) == pytest.approx(height, rel=0.025)


def test_images_lose_their_noise(kind):
    _, _, replanter, height = kind
    images = replanter.cutouts.images
    centre = images.shape[1] // 2
    assert images[:, centre, centre].mean() > 0.8 * height
    assert (images[:, 0] == 0).mean() > 0.99
    assert images.min() >= 0


def test_nothing_is_left_on_the_erased_movie(kind):
    stack, truth, replanter, _ = kind
    erased = replanter.erased(np.random.default_rng(0))
    again = detect_reference(np.asarray(erased.data), opening_px=8, sign=1)
    assert (~again.at_border).sum() <= 0.03 * len(truth)
    # The noise continues under the particles.
    mask = replanter._eraser.mask
    level, free = again.level_nm, ~mask & (np.abs(again.relief_nm) < 0.25)
    assert level[mask].std() == pytest.approx(level[free].std(), rel=0.15)
    assert level[mask].mean() == pytest.approx(0, abs=0.06)
    np.testing.assert_array_equal(np.asarray(erased.data)[~mask], np.asarray(stack.data)[~mask])


def test_the_truth_is_where_the_particles_are(kind):
    _, truth, replanter, _ = kind
    copy, planted = replanter.replant(np.random.default_rng(0))
    partner = match_points(truth, planted, max_distance=4.0, columns=("y_nm", "x_nm"))
    assert (partner >= 0).mean() > 0.99
    own = track_reference(detect_reference(np.asarray(copy.data), sign=1))
    table = planted.iloc[:0].copy()
    table["frame"], table["y_nm"], table["x_nm"] = own.frame, own.y * PIXEL, own.x * PIXEL
    found = match_points(planted, table, max_distance=3.0, columns=("y_nm", "x_nm"))
    at = table[["y_nm", "x_nm"]].to_numpy()[found >= 0]
    apart = at - planted[["y_nm", "x_nm"]].to_numpy()[found[found >= 0]]
    assert (found >= 0).mean() > 0.98
    assert np.abs(apart.mean(axis=0)).max() < 0.1
    assert np.sqrt((apart**2).mean()) < 0.4


def test_copies_differ_in_noise_only_by_their_seed(kind):
    _, _, replanter, _ = kind
    one, same, other = (np.asarray(replanter.replant(np.random.default_rng(s))[0].data) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_the_movie_itself_is_not_changed(kind):
    stack, _, replanter, _ = kind
    before = np.array(stack.data)
    replanter.replant(np.random.default_rng(0))
    np.testing.assert_array_equal(stack.data, before)


def test_particles_at_the_border_stay():
    stack, _ = movie(n_frames=8)
    part = np.array(stack.data)[:, 20:, 25:]
    cut = AFMImageStack(part, PIXEL, "height", "cut.npy")
    replanter = Replanter(cut, np.ones(8, bool))
    assert replanter.reference.at_border.any()
    copy, truth = replanter.replant(np.random.default_rng(0))
    stays = np.append(False, replanter.reference.at_border)[replanter.reference.labels]
    others = np.append(False, ~replanter.reference.at_border)[replanter.reference.labels]
    np.testing.assert_array_equal(np.asarray(copy.data)[stays], part[stays])
    assert (np.asarray(copy.data)[others] != part[others]).mean() > 0.9
    assert truth["z_nm"].isna().sum() == replanter.sightings.at_border.sum()


def test_frames_that_show_no_surface_are_left_alone():
    stack, _ = movie(n_frames=8)
    usable = np.ones(8, bool)
    usable[3] = False
    copy, truth = Replanter(stack, usable).replant(np.random.default_rng(0))
    np.testing.assert_array_equal(copy.data[3], stack.data[3])
    assert 3 not in set(truth["frame"])
    assert {0, 1, 2, 4, 5, 6, 7} == set(truth["frame"])


def test_the_height_of_a_noisy_flat_top_is_not_its_highest_pixel():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-12:13, -12:13]
    disc = 3.0 * (np.hypot(y, x) < 7)
    noisy = disc + rng.normal(0, 0.2, (200, 25, 25))
    at = peak_pixel(disc)
    assert np.mean([peak_height(image, at) for image in noisy]) == pytest.approx(3.0, abs=0.03)
    assert np.mean([image.max() for image in noisy]) > 3.3


def test_a_movie_without_single_particles():
    stack, _ = movie(n=2, n_frames=3, pixels=40, apart_nm=12.0)
    reference = detect_reference(stack.data)
    cutouts = cut_out(reference, track_reference(reference))
    assert len(cutouts) < 6
    empty = detect_reference(np.random.default_rng(0).normal(0, 0.1, (3, 40, 40)))
    assert len(empty) == 0
    nothing = track_reference(empty)
    assert len(cut_out(empty, nothing)) == 0
    assert not Eraser(empty, np.zeros(0, bool)).fill(np.random.default_rng(0)).any()


def test_kinds_that_are_never_alone_are_cut_out_near_others():
    """Track 2 is of another kind and always near: it is taken; an odd region of a track that has images is not."""
    frame = np.tile(np.arange(60), 3)
    track = np.repeat([0, 1, 2], 60)
    x = np.repeat([20.0, 60.0, 29.0, 69.0], [60, 60, 30, 30])
    height, area = np.where(track == 2, 9.0, 3.0), np.full(180, 50.0)
    area[110] = 200.0
    no = np.zeros(180, bool)
    s = Sightings(frame, np.full(180, 30.0), x, track, height, area, np.arange(180), ~no, no)
    taken = _alone(s, np.arange(180), 7.0)
    assert set(track[taken]) == {0, 1, 2}
    assert set(frame[taken][track[taken] == 2]) == set(range(60))
    assert 110 not in taken
    kinds = kind_of(s)
    assert unlike(kinds[[0, 179]], kinds[:60]).tolist() == [False, True]
    assert unlike(kinds[:2], kinds[:0]).all()
