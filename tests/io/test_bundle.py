"""Bundles: a stack with everything made of it, written and read back."""

import h5py
import numpy as np
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError
from playNano.io.export.bundle import write_bundle
from playNano.io.loader import load_afm_stack, open_movie
from playNano.processing.pipeline import ProcessingPipeline


@pytest.fixture
def worked(make_stack):
    scan = ScanGeometry(lines=32, line_time_s=0.01, frame_time_s=0.5, direction="up", alternating=True)
    stack = make_stack(pixel_size_nm=(3.0, 2.0), scan=scan, metadata={"comment": "a", "numbers": [1, 2.0]})
    ProcessingPipeline(stack).add_mask("mask_threshold", threshold=2).add_filter("remove_plane").run()
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=1)
    pipeline.add("particle_tracking")
    pipeline.run(stack)
    return stack


def test_a_bundle_gives_the_whole_stack_back(worked, tmp_path):
    write_bundle(worked, tmp_path / "new" / "movie.h5")
    back = load_afm_stack(tmp_path / "new" / "movie.h5")
    np.testing.assert_array_equal(back.data, worked.data)
    assert back.data.dtype == worked.data.dtype
    assert back.pixel_size_nm == (3.0, 2.0)
    assert back.scan == worked.scan
    assert back.metadata == worked.metadata
    assert back.frame_metadata == worked.frame_metadata
    assert list(back.processed) == list(worked.processed)
    np.testing.assert_array_equal(back.masks["step_1_mask_threshold"], worked.masks["step_1_mask_threshold"])
    assert back.provenance["processing"] == worked.provenance["processing"]
    assert back.provenance["analysis"]["steps"] == worked.provenance["analysis"]["steps"]
    detection = "step_1_feature_detection"
    assert back.analysis[detection]["features_per_frame"] == worked.analysis[detection]["features_per_frame"]
    assert (
        back.analysis["step_2_particle_tracking"]["tracks"]
        == worked.analysis["step_2_particle_tracking"]["tracks"]
    )


def test_an_array_in_two_slots_is_stored_once_and_comes_back_shared(worked, tmp_path):
    write_bundle(worked, tmp_path / "movie.h5")
    back = load_afm_stack(tmp_path / "movie.h5")
    assert back.data is back.processed["step_2_remove_plane"]


def test_a_bundle_opens_without_its_pixels(worked, tmp_path):
    write_bundle(worked, tmp_path / "movie.h5")
    movie = open_movie(tmp_path / "movie.h5")
    assert movie.shape == worked.data.shape
    np.testing.assert_array_equal(movie.read(2, 4), worked.data[2:4])


def test_a_bundle_knows_its_channel(worked, tmp_path):
    worked.channel = "PH"
    write_bundle(worked, tmp_path / "movie.h5")
    assert load_afm_stack(tmp_path / "movie.h5").channel == "PH"
    with pytest.raises(ChannelError, match=r"movie\.h5.*'ER'.*PH"):
        load_afm_stack(tmp_path / "movie.h5", channel="ER")


def test_a_newer_bundle_and_a_damaged_one_are_refused(worked, tmp_path):
    path = tmp_path / "movie.h5"
    write_bundle(worked, path)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 99
    with pytest.raises(FileFormatError, match="version 99"):
        load_afm_stack(path)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 1
        del file["stack"]["info"]
    with pytest.raises(FileFormatError, match="damaged"):
        load_afm_stack(path)


def test_a_foreign_hdf5_file_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="was not written by playNano"):
        load_afm_stack(tmp_path / "other.h5")


def test_a_failed_write_leaves_the_old_bundle_whole(worked, tmp_path):
    path = tmp_path / "movie.h5"
    write_bundle(worked, path)
    before = path.read_bytes()
    worked.metadata["strange"] = object()
    with pytest.raises(TypeError, match="strange"):
        write_bundle(worked, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["movie.h5"]
