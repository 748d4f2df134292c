"""Movies that stay on disk."""

import pickle

import numpy as np
import pytest

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.memory import free_memory_bytes
from playNano.io import loader
from playNano.io.export.asd import write_asd
from playNano.io.export.bundle import write_bundle
from playNano.io.formats.asd import AsdFrames
from playNano.io.loader import load_afm_stack
from playNano.processing.pipeline import ProcessingPipeline

da = pytest.importorskip("dask.array")


@pytest.fixture
def path(make_spots, tmp_path):
    file = tmp_path / "movie.asd"
    write_asd(file, make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    return file


@pytest.fixture
def reads(monkeypatch):
    """Note which frames are decoded."""
    seen, read = [], AsdFrames.__call__

    def note(self, start, stop):
        seen.extend(range(start, stop))
        return read(self, start, stop)

    monkeypatch.setattr(AsdFrames, "__call__", note)
    return seen


def test_a_lazy_stack_is_the_same_movie(path):
    eager, lazy = load_afm_stack(path, lazy=False), load_afm_stack(path, lazy=True)
    assert isinstance(eager.data, np.ndarray)
    assert (eager.is_lazy, lazy.is_lazy) == (False, True)
    assert lazy.data.dtype == eager.data.dtype
    np.testing.assert_array_equal(lazy.data, eager.data)
    np.testing.assert_array_equal(lazy.get_frames(), eager.data)
    for index, frame, entry in lazy.frames_with_metadata():
        np.testing.assert_array_equal(frame, eager.data[index])
        assert entry == eager.get_frame_metadata(index)
    assert lazy.metadata == eager.metadata
    assert repr(lazy).replace(", lazy", "") == repr(eager)


def test_looking_at_a_stack_decodes_nothing(path, reads):
    stack = load_afm_stack(path, lazy=True)
    repr(stack), stack.n_frames, stack.get_frame_times(), stack.image_shape, stack[1:4], stack[::-1]
    assert reads == []


def test_a_frame_decodes_one_frame(path, reads):
    stack = load_afm_stack(path, lazy=True)
    whole = load_afm_stack(path, lazy=False).data
    reads.clear()
    np.testing.assert_array_equal(stack[3], whole[3])
    np.testing.assert_array_equal(stack.data[-2].compute(), whole[-2])
    assert reads == [3, len(whole) - 2]
    np.testing.assert_array_equal(stack[2:][1], whole[3])
    np.testing.assert_array_equal(stack[::-2].data, whole[::-2])
    np.testing.assert_array_equal(stack[1:5:3].get_frame(-1), whole[4])


def test_large_movies_stay_on_disk(path, monkeypatch):
    size = load_afm_stack(path).data.nbytes
    monkeypatch.setattr(loader, "free_memory_bytes", lambda: 4 * size + 4)
    assert not load_afm_stack(path).is_lazy
    monkeypatch.setattr(loader, "free_memory_bytes", lambda: 4 * size - 4)
    assert load_afm_stack(path).is_lazy
    assert not load_afm_stack(path, lazy=False).is_lazy
    monkeypatch.setattr(loader, "free_memory_bytes", lambda: None)
    assert not load_afm_stack(path).is_lazy


def test_another_process_opens_the_file_anew(path, make_spots, tmp_path):
    for file, options in ((path, {}), (tmp_path / "m.npy", {"pixel_size_nm": 2.0})):
        if file.suffix == ".npy":
            np.save(file, make_spots()[0])
        stack = load_afm_stack(file, lazy=True, **options)
        sent = pickle.loads(pickle.dumps(stack))
        np.testing.assert_array_equal(sent.data, load_afm_stack(file, lazy=False, **options).data)


def test_a_lazy_bundle_is_the_whole_stack(make_stack, make_spots, tmp_path):
    stack = make_stack(make_spots()[0])
    ProcessingPipeline(stack).add_steps("mask_threshold:threshold=2;remove_plane").run(keep="all")
    AnalysisPipeline().add_steps(
        "feature_detection:mask_fn=mask_threshold,threshold=2,min_size=5;particle_tracking"
    ).run(stack)
    write_bundle(stack, tmp_path / "a.h5")
    lazy, whole = (load_afm_stack(tmp_path / "a.h5", lazy=lazy) for lazy in (True, False))
    assert lazy.is_lazy and not whole.is_lazy
    np.testing.assert_array_equal(lazy.data, stack.data)
    assert isinstance(pickle.loads(pickle.dumps(lazy)).data, da.Array)
    for slot in ("processed", "masks"):
        assert list(getattr(lazy, slot)) == list(getattr(whole, slot)) != []
        for key, value in getattr(lazy, slot).items():
            assert isinstance(value, da.Array)
            np.testing.assert_array_equal(value, getattr(whole, slot)[key])
    assert list(lazy.analysis) == list(whole.analysis)
    assert lazy.provenance["processing"] == whole.provenance["processing"]
    (found, tracks), (known, known_tracks) = (list(s.analysis.values()) for s in (lazy, whole))
    assert found["table"].equals(known["table"])
    np.testing.assert_array_equal(found["labeled_masks"][1], known["labeled_masks"][1])
    assert tracks["table"].equals(known_tracks["table"])
    for track, mask in known_tracks["track_masks"].items():
        np.testing.assert_array_equal(tracks["track_masks"][track], mask)
    # The file holds the results, so that they need not be found again.
    write_bundle(lazy, tmp_path / "b.h5")
    again = load_afm_stack(tmp_path / "b.h5", lazy=False)
    np.testing.assert_array_equal(
        next(iter(again.analysis.values()))["labeled_masks"], known["labeled_masks"]
    )


def test_a_lazy_stack_goes_into_a_bundle(path, tmp_path):
    stack = load_afm_stack(path, lazy=True)
    stack.apply(["remove_plane", "zero_mean"])
    write_bundle(stack, tmp_path / "a.h5")
    back = load_afm_stack(tmp_path / "a.h5", lazy=False)
    np.testing.assert_array_equal(back.data, stack.data)
    np.testing.assert_array_equal(
        back.processed["step_1_remove_plane"], stack.processed["step_1_remove_plane"]
    )


def test_the_memory_that_is_free():
    free = free_memory_bytes()
    assert free is None or free > 2**20
