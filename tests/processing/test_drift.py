"""Drift is estimated and removed from pixels or coordinates; places as recorded, times and tracks stay true."""

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.errors import ParameterError, PlayNanoWarning, StepError
from playNano.io.export.tables import movie_drift, write_tables
from playNano.plots.drift import draw_drift, write_drift
from playNano.processing.edits.shifting import Shifted
from playNano.processing.pipeline import ProcessingPipeline

SIZE, N = 72, 14
PIXEL = (2.0, 1.5)
WAY = np.stack([np.linspace(0, 5.5, N), 2.5 * np.sin(np.linspace(0, 2, N))], axis=1)
FIXED = np.array([(12, 20), (50, 14), (30, 58), (60, 50), (20, 40), (44, 34), (8, 62), (64, 30)], float)


def frames(way=WAY, *, movers=None, seed=0, noise=0.08):
    """Return fixed particles that drift, and particles that move by themselves."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    out = rng.normal(0, noise, (len(way), SIZE, SIZE))
    for k, shift in enumerate(way):
        places = FIXED if movers is None else np.concatenate([FIXED, movers[k]])
        for y, x in places + shift:
            out[k] += 3.0 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 1.8**2))
    return out.astype(np.float32)


def movie(data=None, *, lazy=False, chunk=3, alternating=False, times=True, direction="down"):
    pixels = frames() if data is None else data
    if lazy:
        import dask.array

        pixels = dask.array.from_array(pixels, chunks=(chunk, -1, -1))
    scan = ScanGeometry(SIZE, 0.01, 1.0, direction, alternating=alternating, trace="trace")
    entries = [{"timestamp": 1.0 * k} for k in range(len(pixels))] if times else None
    return AFMImageStack(pixels, PIXEL, "height", "movie.asd", entries, scan=scan)


def aligned(stack=None, **params):
    stack = movie() if stack is None else stack
    ProcessingPipeline(stack).add_filter("align_drift", **{"method": "image", **params}).run()
    return stack


def doubted(text, stack, **params):
    with pytest.warns(PlayNanoWarning):
        aligned(stack, **params)
    assert any(text in warning for warning in stack.provenance["warnings"])
    return stack


def drift_px(stack):
    return np.array([entry["drift_nm"] for entry in stack.frame_metadata]) / PIXEL


def summary(stack):
    return stack.provenance["processing"]["steps"][-1]["drift"]


def detected(stack, tracked=False, **params):
    steps = [{"log_blob_detection": {"min_sigma": 1.5, "max_sigma": 3, "threshold": 0.8, "subpixel": True}}]
    if tracked:
        steps.append(
            {"particle_tracking": {"detection_module": "log_blob_detection", "max_distance": 4, **params}}
        )
    record = AnalysisPipeline().add_steps(steps).run(stack)
    return list(record["analysis"].values())[-1]


def errors(table, way=WAY, name="{}_nm"):
    """Return how far detections are from the nearest fixed particle, px."""
    place = table[[name.format("y"), name.format("x")]].to_numpy() / PIXEL - way[table["frame"]]
    away = place[:, None] - FIXED[None]
    return np.hypot(away[..., 0], away[..., 1]).min(axis=1)


@pytest.mark.parametrize("params", [{}, {"border": "crop"}, {"apply": "coordinates"}], ids=str)
def test_detections_have_places_as_recorded_and_without_drift(params):
    stack = aligned(**params)
    np.testing.assert_allclose(drift_px(stack), WAY, atol=0.05)
    table = detected(stack)["table"]
    inside = (
        (table[["y", "x"]] > 5).all(axis=1) & (table["y"] < stack.height - 6) & (table["x"] < stack.width - 6)
    )
    table = table[inside]
    assert len(table) > 60
    assert np.quantile(errors(table), 0.95) < 0.15
    still = np.zeros_like(WAY)
    assert np.quantile(errors(table, still, "{}_corrected_nm"), 0.95) < 0.15
    assert np.median(errors(table, still)) > 1


def test_a_crop_to_the_common_field_has_no_unknown_pixel():
    stack = aligned(border="crop")
    assert np.isfinite(stack.data).all()
    assert stack.image_shape[0] == SIZE - 6
    whole = aligned()
    rows, columns = (round(o / p) for o, p in zip(stack.origin_nm, PIXEL, strict=True))
    same = whole.data[:, rows : rows + stack.image_shape[0], columns : columns + stack.image_shape[1]]
    np.testing.assert_array_equal(stack.data, same)


@pytest.mark.parametrize("chunk", [1, 4, 14])
def test_lazy_is_eager_for_any_block(chunk):
    eager, lazy = aligned(border="crop"), aligned(movie(lazy=True, chunk=chunk), border="crop")
    assert lazy.is_lazy
    np.testing.assert_array_equal(np.asarray(lazy.data), eager.data)
    assert lazy.frame_metadata == eager.frame_metadata
    np.testing.assert_array_equal(np.asarray(lazy.processed["raw"]), eager.processed["raw"])


@pytest.mark.parametrize("alternating", [False, True])
def test_times_are_those_of_the_lines_that_were_scanned(alternating):
    recorded = movie(alternating=alternating)
    stack = aligned(movie(alternating=alternating), border="crop")
    table = detected(stack)["table"]
    rows = table["y_nm"].to_numpy() / PIXEL[0]
    np.testing.assert_allclose(table["time_s"], recorded.detection_times(table["frame"], rows), atol=1e-9)


def test_tracks_and_diffusion_are_without_drift():
    rng = np.random.default_rng(4)
    movers = np.array([[25, 25], [50, 60]]) + rng.normal(0, 0.7, (N, 2, 2)).cumsum(axis=0)
    data = frames(3 * WAY, movers=movers)
    steps = {}
    for params in ({}, {"apply": "coordinates"}):
        stack = aligned(movie(data), **params)
        tracked = detected(stack, tracked=True)
        table = tracked["table"]
        assert {"y_corrected_nm", "x_corrected_nm"} <= {*table.columns}
        np.testing.assert_allclose(drift_px(stack), 3 * WAY, atol=0.25)
        fixed = tracked["track_table"].query("length > 8 and net_displacement_nm < 2")
        assert len(fixed) >= 6
        steps[str(params)] = np.sort(tracked["links"]["displacement_nm"])
    a, b = steps.values()
    assert abs(np.median(a) - np.median(b)) < 0.1


@pytest.mark.parametrize(
    ("steps", "matrix"),
    [("flip:axis=y", [[-1, 0], [0, 1]]), ("flip:axis=x", [[1, 0], [0, -1]]), ("vertical_flip", [[-1, 0], [0, 1]]),
     ("rotate:angle_deg=90", [[0, -1], [1, 0]]), ("rotate:angle_deg=270", [[0, 1], [-1, 0]]),
     ("bin_pixels", [[1, 0], [0, 1]]), ("crop:y=4,x=4,height=60,width=60", [[1, 0], [0, 1]])],
)  # fmt: skip
def test_edits_take_the_drift_along(steps, matrix):
    """Aligning before the edit and after it gives the same drift."""
    stack = aligned(apply="coordinates")
    known = np.array([entry["drift_nm"] for entry in stack.frame_metadata])
    ProcessingPipeline(stack).add_steps(steps).run()
    now = np.array([entry["drift_nm"] for entry in stack.frame_metadata])
    np.testing.assert_allclose(now, known @ np.array(matrix).T)
    again = movie()
    ProcessingPipeline(again).add_steps(f"{steps};align_drift:method=image,apply=coordinates").run()
    np.testing.assert_allclose([e["drift_nm"] for e in again.frame_metadata], now, atol=0.35)


def test_raw_pixels_of_a_flipped_movie_have_their_drift():
    stack = aligned()
    before = [dict(entry) for entry in stack.frame_metadata]
    ProcessingPipeline(stack).add_steps("vertical_flip").run()
    assert stack.frame_metadata != before
    stack.restore_raw()
    assert stack.frame_metadata == before


def test_a_second_alignment_adds_up():
    stack = aligned(interpolation="linear")
    shift = np.array([entry["shift_nm"] for entry in stack.frame_metadata])
    aligned(stack)
    np.testing.assert_allclose(drift_px(stack), WAY, atol=0.06)
    np.testing.assert_allclose([entry["shift_nm"] for entry in stack.frame_metadata], shift, atol=0.1)


def test_slices_keep_the_drift():
    part = aligned()[3:9]
    np.testing.assert_allclose(drift_px(part), WAY[3:9], atol=0.05)
    assert np.quantile(errors(detected(part)["table"], WAY[3:9]), 0.95) < 0.15


def test_unusable_frames_and_missing_pixels_take_no_part():
    data = frames()
    data[5] = 400.0
    data[2, 10:30, 10:40] = np.nan
    stack = aligned(movie(data))
    assert summary(stack)["frames_interpolated"] == [5]
    np.testing.assert_allclose(drift_px(stack), WAY, atol=0.12)
    assert np.isnan(movie_drift(stack)["score"][5])
    assert np.isnan(stack.data[2]).sum() > 100


def test_landmarks_and_tracks_and_regions():
    boxes = [[y - 6, x - 6, 13, 13] for y, x in FIXED[:4]]
    stack = aligned(method="landmarks", landmarks=boxes)
    np.testing.assert_allclose(drift_px(stack), WAY, atol=0.15)
    table = movie_drift(stack)
    assert list(table) == ["frame", "time_s", "y_nm", "x_nm", "error_nm", "score"]
    assert table["error_nm"].max() < 0.5
    tracks = doubted("common motion of the objects", movie(), method="tracks")
    np.testing.assert_allclose(drift_px(tracks), WAY, atol=0.3)
    rng = np.random.default_rng(1)
    moving = frames(np.zeros((N, 2)), movers=rng.uniform(0, SIZE, (1, 20, 2)) + WAY[:, None] * -2)
    moving[:, :, :40] = frames(noise=0.02)[:, :, :40]
    half = aligned(movie(moving), region=[0, 0, SIZE, 34])
    np.testing.assert_allclose(drift_px(half), WAY, atol=0.2)


def test_auto_says_why_and_doubts_where_nothing_is_fixed():
    assert "auto: image, because" in summary(aligned(method="auto"))["messages"][0]
    rng = np.random.default_rng(2)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    places = rng.uniform(0, SIZE, (1, 12, 2)) + rng.normal(0, 2, (40, 12, 2)).cumsum(axis=0)
    data = rng.normal(0, 0.05, (40, SIZE, SIZE))
    for frame, at in zip(data, places % SIZE, strict=True):
        for y, x in at:
            frame += 3 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 2.5**2))
    stack = doubted("cannot be told apart", movie(data), method="auto")
    assert summary(stack)["verdict"] == "not separable"


def test_stripes_and_lattices_are_doubted():
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    stripes = np.cos((rows + 1.3 * columns) / 3) + rng.normal(0, 0.1, (6, SIZE, SIZE))
    stack = doubted("aperture problem", movie(stripes))
    angle = summary(stack)["uncertain_direction_deg_from_y"]
    assert abs(angle - np.rad2deg(np.arctan2(-1, 1.3)) % 180) < 4
    lattice = np.cos(rows / 1.5) * np.cos(columns / 1.8) + rng.normal(0, 0.1, (6, SIZE, SIZE))
    stack = doubted("modulo lattice vectors", movie(lattice))
    lengths = [np.hypot(*v) for v in summary(stack)["lattice_vectors_px"]]
    np.testing.assert_allclose(lengths, np.pi * np.hypot(1.5, 1.8), atol=0.2)


@pytest.mark.parametrize("alternating", [False, True])
def test_lines_are_shifted_by_the_drift_at_their_time(alternating):
    speed = np.array([1.5, -0.9])  # px/s; frames take 0.72 s
    scan = ScanGeometry(SIZE, 0.01, 1.0, "down", alternating=alternating)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    data = np.random.default_rng(0).normal(0, 0.03, (10, SIZE, SIZE))
    for k, frame in enumerate(data):
        time = k + scan.delay_s(np.arange(SIZE), np.full(SIZE, k))[:, None]
        for y, x in FIXED:
            away = (rows - y - speed[0] * time) ** 2 + (columns - x - speed[1] * time) ** 2
            frame += 3.0 * np.exp(-away / (2 * 1.8**2))
    still = [
        detected(aligned(movie(data, alternating=alternating), line_wise=w))["table"] for w in (True, False)
    ]
    spread = [
        table.groupby(table["x_corrected_nm"].round(-1))["x_corrected_nm"].std().median() for table in still
    ]
    away = np.array([errors(t, np.zeros((10, 2)), "{}_corrected_nm") for t in still[:1]])
    start = np.median(away)
    assert start < 0.8  # the origin of time is the central line of frame 0
    assert spread[0] < 0.2


def test_what_does_not_belong_together_is_refused():
    for params, match in (
        ({"method": "landmarks"}, "needs landmarks"),
        ({"landmarks": [[0, 0, 9, 9]]}, "method='landmarks' only"),
        ({"method": "tracks", "band_px": [1, 5]}, "no band_px"),
        ({"region": [0, 0, 100, 10]}, "is not a box"),
        ({"band_px": [5, 1]}, "from small to large"),
        ({"apply": "coordinates", "border": "crop"}, "nothing to cut"),
        ({"line_wise": True, "interpolation": "fourier"}, "cannot"),
    ):
        with pytest.raises(StepError, match=match):
            aligned(**params)
    bare = AFMImageStack(frames(), PIXEL, "height", "movie.asd")
    with pytest.raises(StepError, match="times of the scan lines"):
        aligned(bare, line_wise=True)
    with pytest.raises(ParameterError, match="method"):
        ProcessingPipeline().add_filter("align_drift", method="magic")


def test_interpolations_shift_by_half_a_pixel():
    rows, columns = np.mgrid[:40, :40]
    bump = np.exp(-((rows - 20) ** 2 + (columns - 20) ** 2) / (2 * 3.0**2))[None]
    true = np.exp(-((rows - 20.5) ** 2 + (columns - 18.75) ** 2) / (2 * 3.0**2))
    limits = {"nearest": 0.2, "linear": 0.03, "cubic": 2e-3, "fourier": 1e-4}
    for name, limit in limits.items():
        made = Shifted(np.array([[0.5, -1.25]]), name, 0, 0, (40, 40))(bump, np.array([0]))[0]
        assert np.isnan(made[0]).all() == (name != "none")
        known = np.isfinite(made)
        assert np.abs(made - true)[known].max() < limit


def test_tables_and_figure(tmp_path):
    stack = aligned()
    write_drift(stack, tmp_path)
    table = pd.read_csv(tmp_path / "drift.csv")
    assert list(table) == ["frame", "time_s", "y_nm", "x_nm", "score"]
    np.testing.assert_allclose(table[["y_nm", "x_nm"]].to_numpy() / PIXEL, WAY, atol=0.05)
    assert (tmp_path / "drift.png").stat().st_size > 10_000
    steps = [{"log_blob_detection": {"threshold": 0.8}},
             {"particle_tracking": {"detection_module": "log_blob_detection"}}]  # fmt: skip
    record = AnalysisPipeline().add_steps(steps).run(stack)
    write_tables(record, tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "drift.csv"), table)
    assert draw_drift(movie()) is None


def test_one_particle_stays_in_the_centre(tmp_path):
    path = FIXED[4] + WAY
    rows = pd.DataFrame(
        {"track_id": 7, "frame": range(N), "y_nm": path[:, 0] * 2.0, "x_nm": path[:, 1] * 1.5}
    )
    rows.drop(index=[0, 4]).to_csv(tmp_path / "tracks.csv", index=False)
    file = str(tmp_path / "tracks.csv")
    for lazy in (False, True):
        stack = movie(lazy=lazy)
        ProcessingPipeline(stack).add_filter("centre_on", tracks=file, track_id=7, size_px=21).run()
        assert stack.n_frames == N - 1
        assert stack.get_frame_times()[0] == 1.0
        data = np.asarray(stack.data)
        assert data.shape == (N - 1, 21, 21)
        weight = np.clip(data[:, 3:18, 3:18], 0.5, None) - 0.5
        centre = np.tensordot(weight, np.arange(3, 18), axes=([1], [0])).sum(axis=1) / weight.sum(axis=(1, 2))
        np.testing.assert_allclose(centre, 10, atol=0.15)
        table = detected(stack)["table"]
        middle = table[(abs(table["y"] - 10) < 2) & (abs(table["x"] - 10) < 2)]
        np.testing.assert_allclose(middle["y_nm"], path[middle["frame"] + 1, 0] * 2.0, atol=0.4)
    for params, match in (({"track_id": 8, "size_px": 9}, "no track 8"), ({"track_id": 7}, "one of both"),
                          ({"size_px": 9}, "tracks and track_id")):  # fmt: skip
        with pytest.raises(StepError, match=match):
            ProcessingPipeline(movie()).add_filter("centre_on", tracks=file, **params).run()
