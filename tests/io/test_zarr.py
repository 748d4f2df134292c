"""OME-Zarr: what is written is read back, streamed, and never half."""

import json

import numpy as np
import pytest

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError
from playNano.io.export import ome_zarr
from playNano.io.export.ome_zarr import write_ome_zarr
from playNano.io.loader import find_reader, list_channels, load_afm_stack

zarr = pytest.importorskip("zarr")
da = pytest.importorskip("dask.array")


@pytest.fixture
def stack(make_stack):
    scan = ScanGeometry(lines=32, line_time_s=0.01, frame_time_s=0.5, direction="down")
    stack = make_stack(pixel_size_nm=(2.0, 1.5), scan=scan, metadata={"operator": "me"})
    stack.apply(["remove_plane"])
    return stack


def assert_same(back, stack):
    np.testing.assert_array_equal(np.asarray(back.data), np.asarray(stack.data))
    assert back.data.dtype == stack.data.dtype
    assert back.pixel_size_nm == stack.pixel_size_nm
    assert back.get_frame_times() == stack.get_frame_times()
    assert (back.channel, back.unit, back.scan) == (stack.channel, stack.unit, stack.scan)
    assert back.metadata["operator"] == "me"
    assert [step["name"] for step in back.metadata["processing"]] == ["remove_plane"]


@pytest.mark.parametrize("lazy", [False, True])
def test_round_trip(stack, tmp_path, lazy):
    write_ome_zarr(stack, tmp_path / "movie.ome.zarr")
    back = load_afm_stack(tmp_path / "movie.ome.zarr", lazy=lazy)
    assert back.is_lazy is lazy
    assert_same(back, stack)


def test_a_lazy_movie_is_streamed(stack, tmp_path, monkeypatch):
    path = tmp_path / "movie.ome.zarr"
    monkeypatch.setattr("playNano.core.lazy.CHUNK_BYTES", 2 * 32 * 40 * 4)
    whole, seen = stack.data, []

    def note(block):
        seen.append(len(block))
        return block

    lazy = stack[:]
    lazy.data = da.from_array(whole, chunks=(4, 32, 40)).map_blocks(note, dtype=whole.dtype)
    seen.clear()
    write_ome_zarr(lazy, path)
    assert sum(seen) >= len(whole)
    assert max(seen) <= 4
    assert zarr.open_array(store=str(path / "0"), mode="r").chunks == (2, 32, 40)
    assert_same(load_afm_stack(path), stack)


def test_the_metadata_are_those_of_ngff(stack, tmp_path):
    write_ome_zarr(stack, tmp_path / "m.ome.zarr")
    group = zarr.open_group(str(tmp_path / "m.ome.zarr"), mode="r")
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    (image,) = ome["multiscales"]
    assert [(a["name"], a["type"], a["unit"]) for a in image["axes"]] == [
        ("t", "time", "second"),
        ("y", "space", "nanometer"),
        ("x", "space", "nanometer"),
    ]
    (dataset,) = image["datasets"]
    assert dataset["coordinateTransformations"] == [{"type": "scale", "scale": [0.5, 2.0, 1.5]}]
    assert group[dataset["path"]].shape == stack.data.shape
    assert group[dataset["path"]].metadata.dimension_names == ("t", "y", "x")


class StopError(Exception):
    pass


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_nothing_half(stack, tmp_path, monkeypatch, error, older):
    path = tmp_path / "m.ome.zarr"
    if older:
        write_ome_zarr(stack, path)
    monkeypatch.setattr("playNano.core.lazy.CHUNK_BYTES", 2 * 32 * 40 * 4)
    write, partly = ome_zarr._Writer.__call__, []

    def fail(self, start, block):
        if start >= 2:
            partly.append(next(tmp_path.glob(".m.ome.zarr-*")))
            # Neither can what stands there now be opened, should the process be killed.
            with pytest.raises(FileFormatError, match="not a complete zarr v3 store"):
                load_afm_stack(partly[0])
            raise error
        write(self, start, block)

    monkeypatch.setattr(ome_zarr._Writer, "__call__", fail)
    with pytest.raises(error):
        write_ome_zarr(stack, path)
    assert partly
    assert [p.name for p in tmp_path.iterdir()] == (["m.ome.zarr"] if older else [])
    if older:
        assert_same(load_afm_stack(path), stack)


def test_a_folder_that_is_no_store_is_not_replaced(stack, tmp_path):
    (tmp_path / "notes").mkdir()
    with pytest.raises(FileExistsError, match="not a zarr store"):
        write_ome_zarr(stack, tmp_path / "notes")


def foreign(path, axes, units, shape, scale, **more):
    array = zarr.create_array(store=str(path / "s0"), shape=shape, dtype="uint16", chunks=shape)
    array[...] = np.arange(np.prod(shape)).reshape(shape)
    image = {
        "axes": [{"name": a} | ({"unit": u} if u else {}) for a, u in zip(axes, units, strict=True)],
        "datasets": [{"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
    }
    ome = {"version": "0.5", "multiscales": [image], **more}
    content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    (path / "zarr.json").write_text(json.dumps(content))
    return np.asarray(array[...])


def test_a_store_of_another_program(tmp_path):
    path = tmp_path / "other.zarr"
    labels = {"omero": {"channels": [{"label": "height"}, {"label": "phase"}]}}
    units = ["millisecond", None, "micrometer", "micrometer"]
    whole = foreign(path, "tcyx", units, (3, 2, 4, 5), [500, 1, 0.002, 0.001], **labels)
    assert list_channels(path) == ("height", "phase")
    phase = load_afm_stack(path, "phase")
    np.testing.assert_array_equal(phase.data, whole[:, 1])
    np.testing.assert_array_equal(load_afm_stack(path, lazy=True).data, whole[:, 0])
    assert phase.data.dtype == np.float32
    assert phase.pixel_size_nm == (2.0, 1.0)
    assert phase.get_frame_times() == [0.0, 0.5, 1.0]
    with pytest.raises(ChannelError):
        load_afm_stack(path, "error")


def test_units_are_never_guessed(tmp_path):
    path = tmp_path / "other.zarr"
    foreign(path, "tyx", [None, None, None], (3, 4, 5), [1, 2, 2])
    with pytest.raises(FileFormatError, match="give pixel_size_nm"):
        load_afm_stack(path)
    stack = load_afm_stack(path, pixel_size_nm=3.0)
    assert (stack.pixel_size_nm, stack.has_times) == (3.0, False)


def test_stores_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.zarr"
    foreign(path, "zyx", [None, "nanometer", "nanometer"], (3, 4, 5), [1, 1, 1])
    with pytest.raises(FileFormatError, match="3 planes in z"):
        load_afm_stack(path)
    (path / "zarr.json").write_text("{")
    with pytest.raises(FileFormatError, match="damaged"):
        find_reader(path)
    (path / "zarr.json").write_text('{"attributes": {"ome": {"version": "0.6"}}}')
    with pytest.raises(FileFormatError, match=r"version 0\.6"):
        load_afm_stack(path)
