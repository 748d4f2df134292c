"""The default analysis: what is taken for which movie, and that it says so."""

import warnings

import numpy as np
import pytest

import playNano
from playNano.afm_stack import AFMImageStack
from playNano.algorithms.segmentation import estimate_levels
from playNano.analysis.defaults import default_analysis, default_processing, explained_share
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table
from playNano.errors import ParameterError, PlayNanoWarning

CENTRES = ((15, 20), (40, 70), (62, 25), (75, 60))


def movie(height=4.0, n_frames=6, seed=0, noise=0.1, unit_nm=2.0):
    """Return discs on a noisy tilted background with row offsets; they move by a pixel a frame."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    frames = []
    for k in range(n_frames):
        frame = rng.normal(0, noise, y.shape) + 0.05 * x + rng.normal(0, 0.3, (96, 1))
        for cy, cx in CENTRES:
            frame[(y - cy) ** 2 + (x - cx - k) ** 2 < 36] += height
        frames.append(frame)
    times = [{"timestamp": float(k)} for k in range(n_frames)]
    return AFMImageStack(np.array(frames), unit_nm, "height", "m.npy", frame_metadata=times)


def lattice(amplitude=0.25, period=12, n_frames=4, side=96):
    """Return bumps on a square lattice that are hardly higher than the noise of 0.15 nm."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:side, :side]
    bumps = np.cos(2 * np.pi * x / period) * np.cos(2 * np.pi * y / period)
    frames = amplitude * bumps + rng.normal(0, 0.15, (n_frames, side, side))
    return AFMImageStack(frames, 1.5, "height", "lattice.npy")


@pytest.mark.parametrize(("height", "side", "polarity"), [(4.0, "above", "up"), (-3.0, "below", "down")])
def test_objects_and_pits_are_detected_without_any_number(height, side, polarity):
    record = playNano.analyze(movie(height))
    automatic = record["provenance"]["automatic"]
    assert (automatic["objects"], automatic["detection"]) == ("auto", "feature_detection")
    assert f"objects {side} it stand out" in automatic["reason"]
    outputs = record["analysis"]["step_2_feature_detection"]
    assert outputs["summary"]["detected_as"] == automatic["reason"]
    assert outputs["segmentation"]["polarity"] == polarity
    assert outputs["table"]["frame"].value_counts().eq(4).all()
    assert outputs["table"]["height_nm"].to_numpy() == pytest.approx(height, rel=0.05)
    tracks = latest_table(record, "tracking")
    assert tracks.groupby("track_id").size().tolist() == [6] * 4
    assert [step["name"] for step in record["provenance"]["processing"]] == ["level"]


def test_a_lattice_is_detected_as_blobs_of_the_size_of_its_units():
    analysis = default_analysis(lattice())
    assert analysis.detection == "log_blob_detection"
    # The nearest repeat of the product of two cosines is the diagonal of half a period.
    period = 6 * np.sqrt(2) * 1.5
    assert f"repeat every {period:.3g} nm" in analysis.reason
    pipeline = AnalysisPipeline()
    pipeline.add(analysis.calls[1].name, **analysis.calls[1].params)
    table = pipeline.run(lattice())["analysis"]["step_1_log_blob_detection"]["table"]
    # Bumps beyond the last row and column show at the border.
    table = table[(table["y"] < 93) & (table["x"] < 93)]
    assert table["frame"].value_counts().between(0.95 * 2 * 64, 1.05 * 2 * 64).all()
    at_bump = np.cos(2 * np.pi * table["x"] / 12) * np.cos(2 * np.pi * table["y"] / 12)
    assert np.mean(at_bump > 0.5) > 0.9


def test_a_movie_without_a_period_is_not_detected_as_a_lattice_in_silence():
    stack = movie()
    with pytest.warns(PlayNanoWarning, match="no period was found"):
        record = Plan.default("lattice").run(stack)
    assert record["provenance"]["automatic"]["detection"] == "feature_detection"
    assert any("template_detection" in text for text in record["provenance"]["warnings"])


def test_filaments_are_not_divided():
    rng = np.random.default_rng(0)
    frames = rng.normal(0, 0.1, (2, 64, 64))
    # Five discs in a chain, which automatic segmentation separates.
    y, x = np.mgrid[:64, :64]
    for cx in range(10, 60, 11):
        frames[:, (y - 30) ** 2 + (x - cx) ** 2 < 36] += 3
    stack = AFMImageStack(frames, 1.0, "height", "f.npy")
    apart, whole = (
        Plan(objects=objects).run(stack[:1])["analysis"]["step_2_feature_detection"]["table"]
        for objects in ("particles", "filaments")
    )
    assert len(apart) == 5
    assert len(whole) == 1
    assert whole["area_px"].min() > 4 * apart["area_px"].max()


def test_one_frame_is_not_tracked():
    record = playNano.analyze(movie(n_frames=1))
    assert list(record["analysis"]) == ["step_1_frame_quality", "step_2_feature_detection"]


def test_warnings_of_quality_control_are_given_once():
    stack = movie(n_frames=6)
    stack.data[1:4] = 450.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        record = playNano.analyze(stack)
    given = [str(item.message) for item in caught if "frames are unusable" in str(item.message)]
    assert len(given) == 1
    assert sum("frames are unusable" in text for text in record["provenance"]["warnings"]) == 1


def test_what_the_objects_do_not_contain_is_noticed():
    frames = movie(noise=0.05).data[:2] - 0.05 * np.arange(96)
    frames = frames - np.median(frames, axis=2, keepdims=True)
    levels = estimate_levels(frames)
    assert explained_share(frames, levels) > 0.8
    from dataclasses import replace

    with_large_only = replace(levels, min_area_px=10_000)
    assert explained_share(frames, with_large_only) == 0.0
    empty = np.random.default_rng(0).normal(0, 0.1, (2, 64, 64))
    assert np.isnan(explained_share(empty, estimate_levels(empty)))


def test_processing_is_that_of_the_user_where_it_is_given():
    stack = movie()
    record = playNano.analyze(stack, processing="level:order=1;gaussian_filter:sigma=1")
    steps = [(s["name"], s["params"].get("order")) for s in record["provenance"]["processing"]]
    assert steps == [("level", 1), ("gaussian_filter", None)]
    assert default_processing("pits")[0].params == {"objects": "down"}


def test_objects_that_do_not_exist_are_an_error():
    with pytest.raises(ParameterError, match="auto, particles, pits, lattice, filaments, not 'cats'"):
        playNano.analyze(movie(), objects="cats")
    with pytest.raises(ParameterError, match="leave out the analysis steps"):
        Plan.from_options(None, "feature_detection", None, "pits")
