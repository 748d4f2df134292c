"""Conversion: every format gives back what it is declared to keep, and what is lost is reported."""

import numpy as np
import pytest

import playNano
from playNano.analysis import convert as module
from playNano.analysis.convert import PROPERTIES, convert_movie, exporter_for
from playNano.analysis.exporters import exporter_registry
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.errors import ParameterError
from playNano.io.export.asd import write_asd
from playNano.io.export.bundle import write_bundle
from playNano.io.formats import reader_registry
from playNano.io.loader import load_afm_stack, open_movie

pytestmark = pytest.mark.filterwarnings("ignore:.*the tip was changed in frame 3:UserWarning")

MOVIES = [name for name, exporter in exporter_registry().usable().items() if exporter.keeps]


@pytest.fixture
def rich(make_stack, make_spots, tmp_path):
    """A bundle with every property: steps, masks, results, uneven times, per-frame metadata, warnings."""
    data = make_spots()[0]
    times = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    stack = make_stack(
        data,
        pixel_size_nm=(2.0, 0.5),
        channel="height_retrace",
        frame_metadata=[{"timestamp": t, "duration_s": 0.4 + i / 100} for i, t in enumerate(times)],
        scan=ScanGeometry(lines=32, line_time_s=0.01, frame_time_s=0.4, direction="down", trace="retrace"),
        metadata={"comment": "mica", "instrument": "AFM 7", "format": "h5-jpk"},
    )
    with pytest.warns(playNano.errors.PlayNanoWarning):
        stack.warn("the tip was changed in frame 3")
    stack.apply(["remove_plane", "mask_threshold:threshold=1"])
    AnalysisPipeline().add_steps("feature_detection:threshold=1").run(stack)
    return write_bundle(stack, tmp_path / "rich.h5")


@pytest.mark.parametrize("name", MOVIES)
def test_a_format_keeps_what_it_is_declared_to_keep_and_nothing_else(rich, tmp_path, name):
    done = convert_movie(rich, tmp_path / f"target{exporter_registry()[name].suffix}", to=name)
    lost = {text.partition(":")[0] for text in done.lost}
    assert set(PROPERTIES) - lost == set(exporter_registry()[name].keeps)


@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
@pytest.mark.parametrize("name", MOVIES)
@pytest.mark.parametrize("lazy", [False, True])
def test_what_comes_back_is_the_movie(rich, tmp_path, name, lazy):
    """An independent check of the comparison: pixels within the rounding, times, size, unit."""
    exporter = exporter_registry()[name]
    path = convert_movie(rich, tmp_path / f"target{exporter.suffix}", to=name, lazy=lazy).path
    source = load_afm_stack(rich)
    options = {"pixel_size_nm": (2.0, 0.5), "frame_time_s": 0.5} if name == "npy" else {}
    back = load_afm_stack(path, open_movie(path, None, **options).channel, **options)
    rounding = 2 * np.abs(source.data).max() / 4096 * 1.2 if "values" not in exporter.keeps else 0
    np.testing.assert_allclose(back.data, source.data, rtol=0, atol=rounding)
    assert back.pixel_size_nm == source.pixel_size_nm
    assert back.unit == source.unit
    np.testing.assert_allclose(back.get_frame_times(), source.get_frame_times(), atol=1e-9)


@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
def test_the_steps_survive_several_conversions(rich, tmp_path):
    first = convert_movie(rich, tmp_path / "a.npz").path
    second = convert_movie(first, tmp_path / "b.ome.zarr")
    third = convert_movie(second.path, tmp_path / "c.npz")
    assert (second.lost, third.lost) == ((), ())
    steps = load_afm_stack(third.path, "height_retrace").metadata["processing"]
    assert [step["name"] for step in steps] == ["remove_plane", "mask_threshold"]


@pytest.mark.parametrize("name", MOVIES)
def test_an_existing_target_stays_unless_it_may_be_replaced(rich, tmp_path, name):
    target = tmp_path / f"target{exporter_registry()[name].suffix}"
    convert_movie(rich, target, to=name)
    with pytest.raises(FileExistsError, match="--overwrite"):
        convert_movie(rich, target, to=name)
    assert convert_movie(rich, target, to=name, overwrite=True).path == target
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_movie_never_replaces_itself(rich, tmp_path, overwrite):
    before = rich.read_bytes()
    (tmp_path / "link.h5").symlink_to(rich)
    for target in (rich, tmp_path / "link.h5", tmp_path / "." / "rich.h5"):
        with pytest.raises(ParameterError, match="must not be the source"):
            convert_movie(rich, target, overwrite=overwrite)
    with pytest.raises(ParameterError, match="contain it"):
        convert_movie(rich, tmp_path, to="ome-zarr", overwrite=overwrite)
    assert rich.read_bytes() == before
    store = convert_movie(rich, tmp_path / "a.ome.zarr").path
    with pytest.raises(ParameterError, match="lie within it"):
        convert_movie(store, store / "zarr.npz", overwrite=overwrite)


def test_endings():
    names = {"a.h5": "bundle", "a.OME.ZARR": "ome-zarr", "a.zarr": "ome-zarr", "b.npz": "npz", "c.asd": "asd"}
    assert {path: exporter_for(path).name for path in names} == names
    for path in ("a.foo", "a", "zarr"):
        with pytest.raises(ParameterError, match=r"no format is written by this ending; movies end in .asd"):
            exporter_for(path)


def test_asd_keeps_the_steps_of_its_converter(tmp_path, make_spots):
    write_asd(tmp_path / "a.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    first = load_afm_stack(tmp_path / "a.asd")
    convert_movie(tmp_path / "a.asd", tmp_path / "b.npz")
    convert_movie(tmp_path / "b.npz", tmp_path / "c.asd")
    np.testing.assert_array_equal(load_afm_stack(tmp_path / "c.asd").data, first.data)


@pytest.mark.parametrize("unit", ["nm", "deg"])
@pytest.mark.parametrize("ad_range", [0x40000, 0x3])
def test_asd_keeps_the_steps_of_any_converter(tmp_path, unit, ad_range):
    channel, sign = {"nm": ("TP", 1), "deg": ("PH", -1)}[unit]
    data = -sign * np.linspace(0.01, 1.9, 2 * 4 * 6).reshape(2, 4, 6)
    options = {"z_piezo_extension": 1.0, "z_piezo_gain": 1.0, "channel": channel, "ad_range": ad_range}
    write_asd(tmp_path / "a.asd", data, pixel_size_nm=2.0, frame_time_s=0.5, **options)
    convert_movie(tmp_path / "a.asd", tmp_path / "b.asd")
    first, second = (load_afm_stack(tmp_path / name, channel) for name in ("a.asd", "b.asd"))
    np.testing.assert_array_equal(second.data, first.data)
    assert second.metadata["ad_range"] == ad_range


def test_a_levelled_asd_movie_gets_steps_of_its_own(tmp_path, make_spots):
    write_asd(
        tmp_path / "a.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5, z_piezo_extension=200.0
    )
    stack = load_afm_stack(tmp_path / "a.asd")
    stack.apply(["remove_plane"])
    write_bundle(stack, tmp_path / "b.h5")
    convert_movie(tmp_path / "b.h5", tmp_path / "c.asd")
    step = np.abs(load_afm_stack(tmp_path / "c.asd").data - stack.data).max()
    assert step < 0.01  # the converter of the source has steps of 1 nm


def test_what_asd_refuses(make_stack, make_spots, tmp_path):
    data = make_spots()[0]
    damaged = data.copy()
    damaged[2, 3, 4] = np.nan
    for change, message in (
        ({"unit": "V"}, "unit of this movie is 'V'"),
        ({"data": damaged}, "NaN or infinite, as in frame 2"),
        ({"frame_metadata": []}, "time of a frame, which is not known; give frame_time_s"),
        ({"pixel_size_nm": 1.01}, "whole nm"),
    ):
        write_bundle(make_stack(**{"data": data, **change}), tmp_path / "a.h5")
        with pytest.raises(ParameterError, match=message):
            convert_movie(tmp_path / "a.h5", tmp_path / "a.asd", overwrite=True)
    assert not (tmp_path / "a.asd").exists()
    write_bundle(make_stack(data, frame_metadata=[]), tmp_path / "a.h5")
    convert_movie(tmp_path / "a.h5", tmp_path / "a.asd", options={"frame_time_s": 0.25})
    assert load_afm_stack(tmp_path / "a.asd").time_for_frame(2) == 0.5


def test_uneven_times_that_asd_cannot_hold_are_reported(make_stack, tmp_path):
    stack = make_stack(frame_metadata=[{"timestamp": t} for t in (0.0, 1.0, 2.0, 3.0, 4.0, 9.0)])
    write_bundle(stack, tmp_path / "a.h5")
    done = convert_movie(tmp_path / "a.h5", tmp_path / "a.asd")
    assert "times: differ by up to 4 s" in done.lost


def test_a_picture_keeps_no_values(rich, tmp_path):
    done = convert_movie(rich, tmp_path / "a.gif")
    assert done.lost == ("a picture for the eye, which cannot be read back",)


def test_a_lazy_movie_is_never_in_memory_as_a_whole(make_stack, tmp_path, monkeypatch):
    """Every writer takes blocks: the largest one that is computed is far smaller than the movie."""
    monkeypatch.setattr("playNano.core.lazy.CHUNK_BYTES", 2 * 32 * 40 * 4)
    data = np.tile(np.random.default_rng(0).normal(size=(1, 32, 40)).astype(np.float32), (24, 1, 1))
    source = write_bundle(make_stack(data), tmp_path / "a.h5")
    sizes = []
    stored = playNano.core.serialize.StoredFrames.__getitem__
    monkeypatch.setattr(
        "playNano.core.serialize.StoredFrames.__getitem__",
        lambda self, index: sizes.append((frames := stored(self, index)).size // (32 * 40)) or frames,
    )
    for name in MOVIES:
        sizes.clear()
        convert_movie(source, tmp_path / f"b{exporter_registry()[name].suffix}", to=name, lazy=True)
        assert 0 < max(sizes) <= 4, name


def test_every_movie_that_is_written_is_read_by_a_reader():
    readers, exporters = reader_registry().usable().values(), exporter_registry().usable().values()
    for name in MOVIES:
        suffix = exporter_registry()[name].suffix
        assert any(suffix.endswith(reader.suffixes) for reader in readers), name
    assert set().union(*(exporter.keeps for exporter in exporters)) == set(module.PROPERTIES)
