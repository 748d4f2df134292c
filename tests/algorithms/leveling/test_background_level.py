"""Levelling on the background, where the truth is known."""

import numpy as np
import pytest
from scipy import ndimage

from playNano.algorithms.leveling.background_level import level_movie
from playNano.algorithms.leveling.frame_level import MovieLevel, level_frame
from playNano.algorithms.leveling.survey import sampled_frames, survey

NOISE = 0.1


def instrument(rng, n=6, shape=(64, 72), row_sd=0.3):
    """Noise, tilt, bow and row offsets, without objects."""
    height, width = shape
    x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
    rows = np.cumsum(rng.normal(0, row_sd / 2, (n, height, 1)), axis=1) - 170
    return rng.normal(0, NOISE, (n, height, width)) + rows + 2 * x - 1.3 * x**2 + 3 * y


def with_object(rows, columns, height=4.0, **kwargs):
    rng = np.random.default_rng(3)
    data = instrument(rng, **kwargs)
    data[:, rows, columns] += height
    return data


@pytest.mark.parametrize("share", [0.1, 0.45, 0.55, 0.75, 0.88])
@pytest.mark.parametrize("height", [1.5, 4.0, 30.0])
def test_height_does_not_depend_on_the_share_of_the_rows_that_an_object_fills(share, height):
    rows, columns = slice(20, 44), slice(4, 4 + int(72 * share))
    levelled, per_frame, _ = level_movie(with_object(rows, columns, height), objects="up")
    assert levelled[:, rows, columns].mean() == pytest.approx(height, abs=0.03)
    outside = np.ones((64, 72), bool)
    outside[rows, columns] = False
    assert abs(levelled[:, outside].mean()) < 0.01
    assert levelled[:, outside].std() == pytest.approx(NOISE, rel=0.1)
    np.testing.assert_allclose(per_frame["background_share"], outside.mean(), atol=0.02)
    assert not per_frame["rows_without_background"].any()


def test_medians_of_rows_are_biased_there():
    data = with_object(slice(20, 44), slice(4, 54))
    medians = data - np.median(data, axis=2, keepdims=True)
    assert medians[:, 20:44, 4:54].mean() < 1


def test_a_terrace_is_a_terrace():
    data = with_object(slice(0, 64), slice(40, 72))
    levelled, *_ = level_movie(data, objects="up")
    assert levelled[:, :, 40:].mean() == pytest.approx(4, abs=0.03)
    assert abs(levelled[:, :, :40].mean()) < 0.02


def test_pits_mirror_bumps():
    data = with_object(slice(20, 44), slice(4, 50))
    up, flags_up, _ = level_movie(data, objects="up")
    down, flags_down, _ = level_movie(-data, objects="down")
    np.testing.assert_allclose(up, -down, atol=1e-3)
    np.testing.assert_allclose(flags_up["background_share"], flags_down["background_share"], atol=1e-3)


PLACES = [(12, 12), (20, 52), (42, 28), (60, 56)]


def round_objects(height, n=4):
    data = instrument(np.random.default_rng(5), shape=(72, 72))
    y, x = np.mgrid[:72, :72]
    for row, column in PLACES[:n]:
        data += height * ((y - row) ** 2 + (x - column) ** 2 < 49)
    return data


@pytest.mark.parametrize(("height", "sign"), [(4.0, 1), (-4.0, -1), (0.0, 1)])
def test_polarity_is_recognized(height, sign):
    levelled, _, movie = level_movie(round_objects(height))
    assert movie.sign == sign
    assert levelled[:, 10:15, 10:15].mean() == pytest.approx(height, abs=0.05)


def test_bumps_and_pits_at_once():
    data = round_objects(4.0, 1)
    data[:, 50:60, 50:60] -= 3
    levelled, _, movie = level_movie(data, objects="both")
    assert movie.sign == 0
    assert levelled[:, 10:15, 10:15].mean() == pytest.approx(4, abs=0.05)
    assert levelled[:, 52:58, 52:58].mean() == pytest.approx(-3, abs=0.05)


def test_the_unit_and_the_zero_of_the_pixels_do_not_matter():
    data = with_object(slice(20, 44), slice(4, 50))
    levelled, *_ = level_movie(data, objects="up")
    scaled, *_ = level_movie(data * 2.0**-30, objects="up")
    np.testing.assert_allclose(scaled * 2.0**30, levelled, atol=1e-9)
    shifted, *_ = level_movie(data + 1000, objects="up")
    np.testing.assert_allclose(shifted, levelled, atol=1e-6)


def test_order_of_the_polynomial():
    data = instrument(np.random.default_rng(0), row_sd=0.0)
    rms = [level_movie(data, objects="up", order=order)[0].std() for order in (0, 1, 2, 3)]
    assert rms[0] > 0.5
    assert rms[1] > 0.25
    assert rms[2] == pytest.approx(NOISE, rel=0.05)
    assert rms[3] == pytest.approx(NOISE, rel=0.05)


def test_without_noise_heights_are_exact():
    y, x = np.mgrid[:60.0, :60.0]
    data = np.broadcast_to(0.05 * x + 0.08 * y, (2, 60, 60)).copy()
    data[:, 20:40, 10:50] += 4
    levelled, *_ = level_movie(data, objects="up")
    np.testing.assert_allclose(levelled[:, 20:40, 10:50], 4, atol=1e-3)
    np.testing.assert_allclose(levelled[:, :20], 0, atol=1e-3)


def test_a_high_object_does_not_coarsen_the_level():
    data = with_object(slice(20, 44), slice(4, 20))
    data[:, 5:12, 50:60] += 800
    levelled, *_ = level_movie(data, objects="up")
    assert levelled[:, 20:44, 4:20].mean() == pytest.approx(4, abs=0.03)


def test_quantised_heights():
    data = np.round(with_object(slice(20, 44), slice(4, 50)) / 0.3) * 0.3
    levelled, *_ = level_movie(data, objects="up")
    assert levelled[:, 20:44, 4:50].mean() == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32, np.float32])
def test_integers_and_floats(dtype):
    data = ((with_object(slice(20, 44), slice(4, 50)) + 178) / 0.1).astype(dtype)
    levelled, *_ = level_movie(data, objects="up")
    assert levelled.dtype == np.float32
    assert levelled[:, 20:44, 4:50].mean() == pytest.approx(40, abs=0.6)


def test_pixels_that_are_not_finite_stay_and_take_no_part():
    data = with_object(slice(20, 44), slice(4, 50))
    whole, *_ = level_movie(data, objects="up")
    spoiled = data.copy()
    spoiled[0, 30:33] = np.nan
    spoiled[1, :, 60] = np.nan
    spoiled[2] = np.nan
    spoiled[3, 2, 2], spoiled[3, 3, 3] = np.inf, -np.inf
    levelled, per_frame, _ = level_movie(spoiled, objects="up")
    finite = np.isfinite(spoiled)
    np.testing.assert_array_equal(levelled[~finite], spoiled[~finite])
    np.testing.assert_allclose(levelled[finite], whole[finite], atol=0.05)
    assert np.isnan(per_frame["background_share"]).tolist() == [False, False, True, False, False, False]


def test_rows_below_a_gap_keep_their_level():
    data = with_object(slice(0, 64), slice(4, 60))
    data[:, 30:36] = np.nan
    levelled, *_ = level_movie(data, objects="up")
    assert np.nanmean(levelled[:, 36:, 4:60]) == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (8, 8)])
@pytest.mark.parametrize("objects", ["auto", "both"])
def test_tiny_frames(shape, objects):
    data = np.random.default_rng(0).normal(5, 1, (3, *shape))
    levelled, *_ = level_movie(data, objects=objects)
    assert np.isfinite(levelled).all()
    assert np.abs(levelled).max() < 8


def test_constant_and_saturated_frames():
    for value in (0.0, 5.0, -1e-9, 1e9):
        levelled, per_frame, _ = level_movie(np.full((2, 9, 9), value))
        np.testing.assert_allclose(levelled, 0, atol=1e-12 + 1e-6 * abs(value))
        assert not per_frame["no_background"].any()
    data = with_object(slice(20, 44), slice(4, 50))
    data[[0, 4]] = 450.0
    levelled, *_ = level_movie(data, objects="up")
    np.testing.assert_allclose(levelled[[0, 4]], 0, atol=0.01)
    assert levelled[1, 20:44, 4:50].mean() == pytest.approx(4, abs=0.05)


def test_no_frames():
    levelled, per_frame, _ = level_movie(np.zeros((0, 5, 6), np.float32))
    assert levelled.shape == (0, 5, 6)
    assert all(len(values) == 0 for values in per_frame.values())


def test_frames_wider_than_the_tracked_columns():
    data = with_object(slice(20, 44), slice(40, 560), shape=(64, 640), n=2)
    levelled, *_ = level_movie(data, objects="up")
    assert levelled[:, 20:44, 40:560].mean() == pytest.approx(4, abs=0.02)
    assert levelled[:, :20].std() == pytest.approx(NOISE, rel=0.03)


def test_a_row_that_jumps_as_a_whole_is_not_an_object():
    data = with_object(slice(20, 44), slice(4, 20))
    data[2, 30:33] += 6
    data[3, 50] -= 900
    levelled, *_ = level_movie(data, objects="up")
    assert np.abs(levelled[2, 30:33, 20:]).mean() < 0.15
    assert np.abs(levelled[3, 50]).mean() < 0.15


def test_a_full_width_object_that_stays_is_kept_and_flagged():
    data = with_object(slice(20, 40), slice(0, 72), row_sd=0.05, n=12)
    levelled, per_frame, movie = level_movie(data, objects="up")
    assert np.flatnonzero(movie.edges).tolist() == [20, 40]
    assert levelled[:, 22:38].mean() == pytest.approx(4, abs=0.4)
    assert (per_frame["rows_without_background"] == 20).all()


def test_little_background_is_reported():
    data = with_object(slice(2, 62), slice(2, 68))
    _, per_frame, _ = level_movie(data, objects="up")
    truth = 1 - 60 * 66 / (64 * 72)
    np.testing.assert_allclose(per_frame["background_share"], truth, atol=0.02)


def test_no_background_at_all_is_reported():
    relief = 30 * ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(2, 64, 72)), (0, 3, 3))
    model = MovieLevel(1, 0.001, 0.01, np.zeros(2), np.zeros(64, bool))
    levelled, per_frame, _ = level_movie(relief, movie=model)
    assert per_frame["no_background"].all()
    np.testing.assert_allclose(np.median(levelled, axis=(1, 2)), 0, atol=1e-6)


def test_a_rough_surface_has_little_background():
    relief = 30 * ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(2, 64, 72)), (0, 3, 3))
    _, per_frame, _ = level_movie(relief, objects="up")
    assert (per_frame["background_share"] < 0.2).all()
    assert (per_frame["rows_without_background"] > 10).all()


def test_noise_is_that_of_the_background():
    for objects in ("up", "both"):
        _, per_frame, movie = level_movie(round_objects(4.0), objects=objects)
        assert movie.noise == pytest.approx(NOISE, rel=0.12)
        np.testing.assert_allclose(per_frame["noise"], NOISE, rtol=0.15)


def test_each_frame_depends_on_the_survey_only():
    data = with_object(slice(20, 44), slice(4, 50))
    movie = survey(list(data), "up", 2)
    whole, per_frame, _ = level_movie(data, movie=movie)
    for k, frame in enumerate(data):
        alone, how = level_frame(frame, movie)
        np.testing.assert_array_equal(alone, whole[k])
        assert how.background_share == per_frame["background_share"][k]
    part, *_ = level_movie(data[2:4], movie=movie)
    np.testing.assert_array_equal(part, whole[2:4])


def test_sampled_frames():
    assert sampled_frames(0) == []
    assert sampled_frames(5) == [0, 1, 2, 3, 4]
    many = sampled_frames(1000)
    assert len(many) == 32
    assert set(np.diff(many)) <= {31, 32}
    assert abs(many[0] - (999 - many[-1])) <= 1


def test_pits_that_the_border_cuts_in_some_frames_are_pits():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    frames = rng.normal(0, 0.1, (6, 64, 64)) + rng.normal(0, 0.2, (6, 64, 1))
    for k in range(6):
        # In every second frame all pits lie on the border.
        for cy, cx in ((0, 16), (63, 40), (20, 0)) if k % 2 else ((18, 16), (45, 40), (20, 44)):
            frames[k, (y - cy) ** 2 + (x - cx) ** 2 < 36] -= 3.0
    assert survey(list(frames)).sign == -1
    assert survey(list(-frames)).sign == 1
