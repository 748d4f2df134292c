"""OME-Zarr: what is written is read back, streamed, and never half."""

import json

import numpy as np
import pytest

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError, PlayNanoWarning
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
            partly.append(next(tmp_path.glob(".m.ome-*.zarr")))
            # Neither can what stands there now be opened, should the process be killed.
            with pytest.raises(FileFormatError, match="not a complete zarr store"):
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


def foreign(path, axes, units, shape, scale, *, version="0.5", **more):
    """Write a store as other programs do, and return its numbers."""
    old = version == "0.4"
    array = zarr.create_array(
        store=str(path / "s0"),
        shape=shape,
        dtype="uint16",
        chunks=shape,
        zarr_format=2 if old else 3,
        **({"chunk_key_encoding": {"name": "v2", "separator": "/"}} if old else {}),
    )
    array[...] = np.arange(np.prod(shape)).reshape(shape)
    image = {
        "axes": [{"name": a} | ({"unit": u} if u else {}) for a, u in zip(axes, units, strict=True)],
        "datasets": [{"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
    }
    if old:
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps({"multiscales": [{"version": "0.4", **image}], **more}))
    else:
        ome = {"version": version, "multiscales": [image], **more}
        content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
        (path / "zarr.json").write_text(json.dumps(content))
    return np.asarray(array[...])


both = pytest.mark.parametrize("version", ["0.4", "0.5"])
unknown_unit = pytest.mark.filterwarnings("ignore:.*unit of the pixel values")


@both
@unknown_unit
def test_a_store_of_another_program(tmp_path, version):
    path = tmp_path / "other.zarr"
    labels = {"omero": {"channels": [{"label": "height"}, {"label": "phase"}]}}
    units = ["millisecond", None, "micrometer", "micrometer"]
    whole = foreign(path, "tcyx", units, (3, 2, 4, 5), [500, 1, 0.002, 0.001], version=version, **labels)
    if version == "0.4":
        assert list(path.rglob("0/0/0/0"))  # the separator of chunks
    assert list_channels(path) == ("height", "phase")
    phase = load_afm_stack(path, "phase")
    np.testing.assert_array_equal(phase.data, whole[:, 1])
    np.testing.assert_array_equal(load_afm_stack(path, lazy=True).data, whole[:, 0])
    assert phase.data.dtype == np.float32
    assert phase.pixel_size_nm == (2.0, 1.0)
    assert phase.get_frame_times() == [0.0, 0.5, 1.0]
    with pytest.raises(ChannelError):
        load_afm_stack(path, "error")


@both
def test_the_image_of_a_converted_series(tmp_path, version):
    path, units = tmp_path / "series.zarr", [None, "nanometer", "nanometer"]
    whole = foreign(path / "0", "zyx", units, (1, 4, 5), [1, 2, 3], version=version)
    layout = {"bioformats2raw.layout": 3}
    if version == "0.4":
        (path / ".zattrs").write_text(json.dumps(layout))
    else:
        ome = {"version": "0.5", **layout}
        (path / "zarr.json").write_text(json.dumps({"attributes": {"ome": ome}}))
    stack = load_afm_stack(path, unit="um")
    np.testing.assert_array_equal(stack.data, whole * np.float32(1e3))
    assert (stack.unit, stack.pixel_size_nm, stack.channel) == ("nm", (2.0, 3.0), "channel_0")
    (path / "1").mkdir()
    with pytest.raises(FileFormatError, match="several images"):
        load_afm_stack(path)


def test_units_are_never_guessed(tmp_path):
    path = tmp_path / "other.zarr"
    foreign(path, "tyx", [None, None, None], (3, 4, 5), [1, 2, 2])
    with pytest.raises(FileFormatError, match="give pixel_size_nm"):
        load_afm_stack(path)
    with pytest.warns(PlayNanoWarning, match=r"other\.zarr: the unit of the pixel values is not known"):
        stack = load_afm_stack(path, pixel_size_nm=3.0)
    assert (stack.pixel_size_nm, stack.has_times, stack.unit) == (3.0, False, "")


def change(path, **values):
    """Change the attributes of a v3 store; the keys are those of the image, of OME, or of playNano."""
    content = json.loads((path / "zarr.json").read_text())
    for parts in (content["attributes"]["ome"], content["attributes"]["ome"]["multiscales"][0]):
        parts.update({key: value for key, value in values.items() if key in parts})
    content["attributes"].update({key: value for key, value in values.items() if key == "playNano"})
    (path / "zarr.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"version": "0.6"}, r"version 0\.6"),
        ({"multiscales": []}, "without an OME-Zarr image"),
        ({"datasets": [{"path": "../s0"}]}, "outside of the store"),
        ({"datasets": [{"path": "s1"}]}, "missing or damaged"),
        ({"datasets": [{}]}, "damaged"),
        ({"axes": [{"name": "y"}, {"name": "x"}]}, "damaged|axes"),
        ({"playNano": {"channel": 1, "unit": "nm"}}, "playNano's metadata are damaged: channel"),
        ({"playNano": {"channel": "a", "unit": "nm", "scan": {"lines": "x"}}}, "damaged: scan.lines"),
        ({"playNano": {"channel": "a", "unit": "nm", "frame_metadata": [{}]}}, "3 frames with metadata of 1"),
    ],
)
def test_damaged_metadata(tmp_path, values, message):
    path = tmp_path / "a.zarr"
    foreign(path, "tyx", [None, "nanometer", "nanometer"], (3, 4, 5), [1, 1, 1])
    change(path, **values)
    with pytest.raises(FileFormatError, match=message):
        load_afm_stack(path)


def test_stores_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.zarr"
    foreign(path, "zyx", [None, "nanometer", "nanometer"], (3, 4, 5), [1, 1, 1])
    with pytest.raises(FileFormatError, match="3 planes in z"):
        load_afm_stack(path)
    (path / "zarr.json").write_text("{")
    with pytest.raises(FileFormatError, match="damaged"):
        find_reader(path)
    (path / "zarr.json").unlink()
    (path / ".zattrs").write_text('{"multiscales": [{"version": "0.3", "axes": ["y", "x"]}]}')
    with pytest.raises(FileFormatError, match=r"version 0\.3"):
        load_afm_stack(path)


def test_the_warnings_of_a_movie_come_back(stack, tmp_path):
    with pytest.warns(PlayNanoWarning):
        stack.warn("half of it is missing")
    write_ome_zarr(stack, tmp_path / "m.ome.zarr")
    with pytest.warns(PlayNanoWarning, match=r"movie\.asd: half of it is missing"):
        back = load_afm_stack(tmp_path / "m.ome.zarr")
    assert back.provenance["warnings"] == stack.provenance["warnings"]
