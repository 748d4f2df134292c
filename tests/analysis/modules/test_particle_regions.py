"""Crops of particles: centred to a twentieth of a pixel, at true places, lazy or not; montage, movies, record."""

import dask.array
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from playNano.afm_stack import AFMImageStack
from playNano.analysis.exporters import export_stack
from playNano.analysis.measurement import particle_crops
from playNano.analysis.measurement.particle_movies import movie_of_track
from playNano.analysis.modules.particle_regions import ParticleRegionsModule
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.lazy import FrameArray
from playNano.core.serialize import read_record_json, write_record_json
from playNano.errors import MissingInputError, ParameterError
from playNano.plots.measurement import measurement_figures
from playNano.processing.pipeline import ProcessingPipeline

SIZE = (2.0, 1.25)
SIGMA = 5.0


def gaussians(n=8, seed=1):
    """A movie of two Gaussians (sigma 5 nm, height 3 nm) at places between pixels, and the table of their tracks."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((60, 90))
    data, listed = np.zeros((n, 60, 90)), []
    for track, start in enumerate([(40.0, 30.0), (80.0, 80.0)]):
        for frame in range(n):
            if track == 1 and frame in (2, 3):
                continue
            y, x = np.array(start) + rng.uniform(-3, 3, 2)
            data[frame] += 3 * np.exp(
                -((rows * SIZE[0] - y) ** 2 + (columns * SIZE[1] - x) ** 2) / 2 / SIGMA**2
            )
            listed.append(
                {
                    "track_id": track,
                    "frame": frame,
                    "time_s": 0.5 * frame,
                    "y_nm": y,
                    "x_nm": x,
                    "radius_nm": 8.0,
                }
            )
    return data, pd.DataFrame(listed)


def stack_of(data):
    return AFMImageStack(
        data, SIZE, "height", "movie.npy", [{"timestamp": 0.5 * k} for k in range(len(data))]
    )


def run(data, table, **params):
    return ParticleRegionsModule().run(stack_of(data), {"particle_tracking": {"table": table}}, **params)


def centre_of(crop, step):
    """The centre of a Gaussian by its moments, nm from the centre of the crop."""
    offsets = (np.arange(len(crop)) - len(crop) // 2) * step
    return np.array([(crop.sum(axis=1 - axis) * offsets).sum() / crop.sum() for axis in (0, 1)])


def test_a_gaussian_is_centred():
    data, table = gaussians()
    out = run(data, table, size_nm=40)
    crops, index = out["crops"], out["crop_index"]
    assert crops.shape == (14, 33, 33)
    assert (out["pixel_nm"], out["size_nm"]) == (1.25, 41.25)
    errors = np.array([centre_of(crop, 1.25) for crop in crops])
    assert np.abs(errors).max() < 0.05 * 1.25
    offsets = (np.arange(33) - 16) * 1.25
    truth = 3 * np.exp(-(offsets[:, None] ** 2 + offsets**2) / 2 / SIGMA**2)
    np.testing.assert_allclose(crops, np.broadcast_to(truth, crops.shape), atol=0.02)
    merged = index.merge(table, on=["track_id", "frame"], suffixes=("", "_true"))
    for name in ("y_nm", "x_nm", "time_s"):
        np.testing.assert_array_equal(merged[name], merged[f"{name}_true"])
    assert list(index["crop"]) == list(range(14))
    assert index["frame"].is_monotonic_increasing
    assert not index["is_cut"].any()


def test_places_are_those_of_the_movie_as_recorded():
    data, table = gaussians()
    stack = stack_of(data)
    ProcessingPipeline(stack).add_steps([{"crop": {"y": 6, "x": 4, "height": 50, "width": 80}}]).run()
    out = ParticleRegionsModule().run(stack, {"particle_tracking": {"table": table}}, size_nm=20)
    expected = run(data, table, size_nm=20)
    np.testing.assert_allclose(out["crops"], expected["crops"], atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_lazy_and_large_movies_give_the_same(chunk, monkeypatch):
    data, table = gaussians()
    expected = run(data, table)
    lazy = run(dask.array.from_array(data, chunks=(chunk, 60, 90)), table)
    assert isinstance(lazy["crops"], FrameArray)
    np.testing.assert_array_equal(np.asarray(lazy["crops"]), expected["crops"])
    np.testing.assert_array_equal(lazy["crops"][5:9], expected["crops"][5:9])
    np.testing.assert_array_equal(lazy["crops"][7], expected["crops"][7])
    monkeypatch.setattr(particle_crops, "CHUNK_BYTES", 100)
    large = run(data, table)
    assert isinstance(large["crops"], FrameArray)
    np.testing.assert_array_equal(np.asarray(large["crops"]), expected["crops"])


def test_nan_outside_the_frame_and_beside_missing_pixels():
    data = np.ones((3, 20, 20))
    data[1, 10, 10] = np.nan
    table = pd.DataFrame({"track_id": 0, "frame": [0, 1, 2], "y_nm": [4.0, 20.0, 20.0], "x_nm": [12.5] * 3})
    out = run(data, table, size_nm=14, step_nm=2)
    assert out["crop_index"]["is_cut"].tolist() == [True, False, False]
    missing = np.isnan(out["crops"])
    assert missing[0, :1].all()
    assert not missing[0, 1:].any()
    assert missing[1, 3, 3]
    assert 1 < missing[1].sum() <= 9
    assert not missing[2].any()
    np.testing.assert_allclose(out["crops"][2], 1)
    assert "1 crops extend beyond the frame" in " ".join(out["summary"]["messages"])


def test_the_size_is_that_of_the_particles():
    data, table = gaussians()
    assert run(data, table)["size_nm"] == pytest.approx(
        1.25 * 21
    )  # 1.5 * 16 nm, up to an odd number of pixels
    boxes = table.drop(columns="radius_nm").assign(
        bbox_min_row=3, bbox_max_row=8, bbox_min_col=10, bbox_max_col=14
    )
    assert run(data, boxes)["size_nm"] == pytest.approx(1.25 * 13)  # 1.5 * 10 nm along y
    with pytest.raises(ParameterError, match=r"no extent.*give size_nm"):
        run(data, table.drop(columns="radius_nm"))
    with pytest.raises(ParameterError, match="not known; give size_nm"):
        run(data, table.assign(radius_nm=np.nan))


def test_which_tracks():
    data, table = gaussians()
    assert set(run(data, table, track_ids=[1])["crop_index"]["track_id"]) == {1}
    assert set(run(data, table, min_detections=7)["crop_index"]["track_id"]) == {0}
    assert len(run(data, table, min_detections=9)["crops"]) == 0
    with pytest.raises(ParameterError, match="there is no track 7"):
        run(data, table, track_ids=[1, 7])
    with pytest.raises(MissingInputError, match="run particle_tracking before"):
        ParticleRegionsModule().run(stack_of(data), {})


def analysed(make_stack):
    stack = make_stack()
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", threshold=1.0)
    pipeline.add("particle_tracking")
    pipeline.add("particle_regions")
    return stack, pipeline.run(stack)


def test_record_montage_and_movies(make_stack, tmp_path):
    stack, record = analysed(make_stack)
    outputs = record["analysis"]["step_3_particle_regions"]
    write_record_json(tmp_path / "record.json", record)
    back = read_record_json(tmp_path / "record.json")["analysis"]["step_3_particle_regions"]
    np.testing.assert_array_equal(back["crops"], outputs["crops"])
    pd.testing.assert_frame_equal(back["crop_index"], outputs["crop_index"])
    figure = measurement_figures("particle_regions", back)["particles"]
    pictures = [axes for axes in figure.axes if axes.images]
    assert len(pictures) == len(outputs["crops"]) == 18
    np.testing.assert_array_equal(pictures[0].images[0].get_array(), outputs["crops"][0])
    folder = export_stack(stack, "particle-movies", tmp_path)
    assert folder == tmp_path / "particle_movies"
    assert sorted(path.name for path in folder.iterdir()) == [f"track_{k:04d}.gif" for k in range(3)]
    with Image.open(folder / "track_0001.gif") as gif:
        assert gif.n_frames == 6
        assert gif.size[0] % outputs["crops"].shape[1] == 0
    (folder / "mine.txt").write_text("kept")
    export_stack(stack, "particle-movies", folder, track_ids=[2])
    assert (folder / "mine.txt").exists()
    with pytest.raises(ParameterError, match="no crops of track 9"):
        export_stack(stack, "particle-movies", tmp_path, track_ids=[9])
    with pytest.raises(MissingInputError, match="run particle_regions"):
        export_stack(make_stack(), "particle-movies", tmp_path)


def test_the_movie_of_a_track_has_the_times_of_its_detections():
    data, table = gaussians()
    out = run(data, table)
    movie = movie_of_track(stack_of(data), out, 1)
    np.testing.assert_array_equal(movie.get_frame_times(), table["time_s"][table["track_id"] == 1])
    numbers = out["crop_index"]["crop"][out["crop_index"]["track_id"] == 1]
    np.testing.assert_array_equal(movie.data, out["crops"][numbers])
