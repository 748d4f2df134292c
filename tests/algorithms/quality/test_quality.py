"""Frame quality: planted faults are found, sound movies are left alone, odd input gives valid results."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playNano.algorithms.quality.figures import figure_type, frame_figures
from playNano.algorithms.quality.limits import QualityLimits
from playNano.algorithms.quality.quality import frame_quality, judge_frames
from playNano.errors import ParameterError

SPEC = importlib.util.spec_from_file_location("fault_movies", Path(__file__).with_name("fault_movies.py"))
fault_movies = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fault_movies)
FLAGS = ("blank", "saturated", "torn", "partly_torn", "repeat", "scrambled", "scars", "jump", "rough")


def noise(n=6, h=64, w=64, seed=0):
    return np.random.default_rng(seed).normal(size=(n, h, w))


def flagged(block, name, **limits):
    table = frame_quality(block, **limits).table
    return table["frame"][table[name]].tolist()


def score(seeds, **kind):
    total = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        movie = fault_movies.faulty_movie(rng, **kind)
        for name, counts in fault_movies.compare(movie, frame_quality(movie.block).table).items():
            total[name] = total.get(name, 0) + counts
    return total


def test_planted_faults_are_found_and_nothing_else():
    for name, (hit, false, missed) in score(range(20), size=(100, 128)).items():
        assert hit >= 0.95 * (hit + missed), name
        assert hit >= 0.95 * (hit + false), name


def test_movies_of_which_most_frames_are_lost():
    total = score(range(100, 110), share=0.75, faults=("blank", "torn", "partly_torn"), size=(128, 64))
    for name in ("unusable", "blank", "torn", "partly_torn"):
        hit, false, missed = total[name]
        assert hit >= 0.95 * (hit + missed), name
        assert hit >= 0.95 * (hit + false), name


@pytest.mark.parametrize("kind", fault_movies.KINDS)
@pytest.mark.parametrize("n", [2, 12])
def test_sound_movies_have_no_flag(kind, n):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        block, *_ = fault_movies.clean_movie(rng, n=n, kind=kind, size=(100, 128))
        assert not frame_quality(block).table[list(FLAGS)].to_numpy().any()


@pytest.mark.parametrize("step", [0.5, 2.0, 4.0])
def test_coarse_converters_are_no_fault(step):
    rng = np.random.default_rng(5)
    block, _, pixel_noise, _, relief = fault_movies.clean_movie(rng, n=10, kind="particles", size=(100, 128))
    rail = np.abs(block).max() + 60 * relief
    coarse = fault_movies.convert(block, step * pixel_noise, rail)
    assert frame_quality(coarse).table["usable"].all()
    block[4] = rail
    block[7, 30:] = rail
    coarse = fault_movies.convert(block, step * pixel_noise, rail)
    assert flagged(coarse, "blank") == [4]
    assert flagged(coarse, "partly_torn") == [7]


def flickering(flat_share, n=6, h=64, w=256):
    """Return heights of two neighbouring converter steps of which a share of the neighbour pixels are equal."""
    rare = 0.5 - np.sqrt((flat_share - 0.5) / 2)
    return 10.0 + (np.random.default_rng(3).random((n, h, w)) < rare)


@pytest.mark.parametrize("flat_share, coarse", [(0.55, False), (0.7, True), (0.8, True)])
def test_equal_neighbours_are_normal_in_coarse_heights(flat_share, coarse):
    block = flickering(flat_share)
    # A terrace one step lower: most pixels of its lines lie at the movie's minimum, as those of saturated ones do.
    block[2, 40:] -= 1
    quality = frame_quality(block)
    assert quality.thresholds["coarse_heights"] == coarse
    assert quality.table["dead_rows"].tolist() == [0, 0, 0 if coarse else 24, 0, 0, 0]


def test_dead_lines():
    block = noise()
    block[2, 5:] = 300.0
    block[3, 40:] = np.nan
    block[4, 20:40] = 0.0
    assert flagged(block, "torn") == [2]
    assert flagged(block, "partly_torn") == [3, 4]
    table = frame_quality(block).table
    assert table["dead_rows"].tolist() == [0, 0, 59, 24, 20, 0]
    assert table["saturated_fraction"][2] == pytest.approx(59 / 64)
    assert table["reason"][3] == "partly torn: 24 of 64 lines off the surface"
    assert table["usable"].tolist() == [True, True, False, False, False, True]
    assert flagged(block, "usable", use_partly_torn=True) == [0, 1, 3, 4, 5]


@pytest.mark.parametrize("value", [450.0, 0.0, np.nan, -np.inf])
def test_blank_by_any_value(value):
    block = noise()
    block[[0, 3]] = value
    assert flagged(block, "blank") == [0, 3]


def test_blank_with_the_flicker_of_the_converter():
    rng = np.random.default_rng(1)
    block = np.round(noise(8, 64, 64) * 20)
    block[5] = 4000 + rng.integers(0, 2, (64, 64))
    assert flagged(block, "blank") == [5]


def test_blank_with_the_noise_of_a_height_sensor():
    rng = np.random.default_rng(2)
    block, *_ = fault_movies.clean_movie(rng, n=10, kind="rough", size=(64, 64))
    limit = np.abs(block).max() * 3
    block[6:9] = limit + rng.normal(0, np.abs(np.diff(block, axis=2)).mean() / 20, (3, 64, 64))
    assert flagged(block, "blank") == [6, 7, 8]


def test_waves_of_a_tip_without_surface():
    block = noise(8)
    rows = np.arange(64)
    block[2] += 200 * np.sin(rows * 0.8)[:, None]
    block[5, 20:] += 200 * np.sin(rows[20:] * 0.8)[:, None]
    assert flagged(block, "torn") == [2]
    assert flagged(block, "partly_torn") == [5]


def test_lines_far_noisier_than_the_others():
    block = noise(8, 100, 100)
    block[3, 40:] *= 30
    block[5] *= 30
    assert flagged(block, "partly_torn") == [3]
    assert flagged(block, "rough") == [5]


def test_scars_of_part_and_full_width():
    block = noise(8, 100, 100)
    block[1, [20, 50], 10:60] += 30
    block[3, 40] += 50
    block[5, 60:62] -= 50
    assert flagged(block, "scars") == [1, 3, 5]
    table = frame_quality(block).table
    assert table["n_scar_rows"].tolist() == [0, 2, 0, 1, 0, 2, 0, 0]
    assert table["usable"].all()


def test_thin_horizontal_objects_are_no_scars():
    y = np.arange(100)[:, None] * np.ones(100)
    block = noise(6, 100, 100) * 0.05 + 5 * np.exp(-0.5 * ((y - 40.3) / 1.2) ** 2)
    assert flagged(block, "scars") == []


def test_jumps_come_back_or_stay():
    block = noise(20, 48, 48)
    block[4] += 60
    block[12:] += 90
    block[16] = 1e4
    assert flagged(block, "jump") == [4, 12]
    table = frame_quality(block).table
    assert np.isnan(table["height_jump_nm"][16])
    assert table["height_jump_nm"][17] == pytest.approx(0, abs=1)


def test_drift_alone_is_no_jump():
    block = noise(12, 48, 48) + 25.0 * np.arange(12)[:, None, None]
    assert flagged(block, "jump") == []


def test_terraces_that_pass_are_no_jumps():
    y = np.arange(100)[None, :, None] + 9 * np.arange(14)[:, None, None]
    block = noise(14, 100, 64) * 0.2 + 30.0 * (y > 110)
    assert frame_quality(block).table["usable"].all()
    assert flagged(block, "jump") == []


def test_a_terrace_edge_that_leaves_the_frame_is_no_jump():
    block = noise(14, 100, 64) * 0.2
    # The level of the frames with the edge is that of the lower terrace, of which the last frames show nothing.
    block[:11, 70:] += 30.0
    block[11:] += 30.0
    table = frame_quality(block).table
    assert table["height_jump_nm"][11] == pytest.approx(30, abs=0.5)
    assert table["level_range_nm"][11] < 5
    assert flagged(block, "jump") == []
    assert flagged(block[::-1], "jump") == []


def test_units_do_not_matter():
    rng = np.random.default_rng(7)
    movie = fault_movies.faulty_movie(rng, n=12, size=(64, 64)).block.astype(np.float64)
    first = frame_quality(movie).table[list(FLAGS)]
    for factor in (1e-9, 1024.0, -1.0):
        assert first.equals(frame_quality(movie * factor).table[list(FLAGS)])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7))
def test_blocks_change_nothing(seed, size):
    movie = fault_movies.faulty_movie(np.random.default_rng(seed), n=8, size=(40, 56)).block
    whole = frame_figures(movie)
    parts = [frame_figures(movie[i : i + size]) for i in range(0, len(movie), size)]
    assert whole.tobytes() == np.concatenate(parts).tobytes()
    assert judge_frames(whole).table.equals(frame_quality(movie).table)


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(0, 4), st.integers(1, 12), st.integers(1, 12)),
    st.sampled_from(["float32", "float64", "int16", "uint8", "bool"]),
    st.integers(0, 2**32 - 1),
)
def test_any_small_block_gives_a_full_table(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    block = (rng.normal(size=shape) * rng.choice([0, 1, 50])).astype(dtype)
    if block.dtype.kind == "f":
        block[rng.random(shape) < rng.choice([0, 0.1, 1])] = rng.choice([np.nan, np.inf])
    before = block.copy()
    table = frame_quality(block).table
    assert len(table) == shape[0]
    assert not (table["blank"] & table["usable"]).any()
    assert not (table["torn"] & table["partly_torn"]).any()
    assert ((table["reason"] == "") == ~table[list(FLAGS)].any(axis=1)).all()
    np.testing.assert_array_equal(block, before)


def test_noiseless_drawings_are_blank_only_where_constant():
    block = np.zeros((6, 40, 40))
    for k in range(6):
        block[k, 10 + k : 18 + k, 12:20] = 10
    assert frame_quality(block).table["usable"].all()
    block[3] = 0
    assert flagged(block, "blank") == [3]


def test_layout_does_not_matter():
    block = noise(4, 30, 50).astype(np.float32)
    turned = np.asfortranarray(block)
    assert frame_quality(block).table.equals(frame_quality(turned).table)


def test_line_figures_against_numpy():
    block = noise(3, 40, 30)
    found = frame_figures(block)
    np.testing.assert_array_equal(found["minimum"], block.min(axis=2))
    np.testing.assert_array_equal(found["maximum"], block.max(axis=2))
    np.testing.assert_allclose(found["change"], np.abs(np.diff(block, axis=2)).mean(axis=2), rtol=1e-12)
    np.testing.assert_allclose(found["level"], np.median(block, axis=2), rtol=1e-12)
    np.testing.assert_allclose(found["minimum_share"], 1 / 30, rtol=1e-6)
    assert (found["n_distinct"] == 16).all()
    assert found.dtype == figure_type(40)


def test_measured_noise_is_that_of_the_movie():
    rng = np.random.default_rng(3)
    block = rng.normal(0, 0.5, (20, 128, 128)) + rng.normal(0, 0.2, (20, 128, 1))
    table = frame_quality(block).table
    assert table["pixel_noise_nm"].median() == pytest.approx(0.5, rel=0.1)
    assert table["roughness_nm"].median() == pytest.approx(0.5, rel=0.05)
    assert table["row_noise_nm"].median() == pytest.approx(
        np.sqrt(2) * np.hypot(0.2, 0.5 / np.sqrt(128)), rel=0.1
    )


def test_limits_in_effect_are_reported():
    limits = QualityLimits(jump_sigma=7.5, use_partly_torn=True)
    assert vars(QualityLimits()).items() <= frame_quality(noise(2)).thresholds.items()
    assert vars(limits).items() <= judge_frames(frame_figures(noise(2)), limits).thresholds.items()
    changed = frame_quality(noise(2), limits, rail_share=0.75).thresholds
    assert vars(replace(limits, rail_share=0.75)).items() <= changed.items()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rail_share": 2},
        {"min_bad_rows": -0.1},
        {"min_scar_rows": 0},
        {"rough_ratio": 0.5},
        {"step_factor": "a"},
        {"jump_sigma": float("nan")},
        {"jump_sigma": float("inf")},
        {"use_partly_torn": 1},
        {"rail_share": True},
        {"noise_factor": "4"},
    ],
)
def test_wrong_limits_are_named(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        frame_quality(noise(2), **wrong)


def test_unknown_limits_are_named():
    with pytest.raises(ParameterError, match="no_such"):
        frame_quality(noise(2), no_such=1)


@pytest.mark.parametrize("shape", [(4, 4), (2, 0, 4), (2, 4, 0)])
def test_wrong_blocks_are_refused(shape):
    with pytest.raises(ParameterError, match="block"):
        frame_quality(np.zeros(shape))
