"""OME-TIFF: what is written is read back exactly, other programs' files are read as they state, damage is refused."""

import json

import numpy as np
import pytest
import tifffile

from playNano.core.scan import ScanGeometry
from playNano.errors import ChannelError, FileFormatError, MissingInputError, ParameterError, PlayNanoWarning
from playNano.io.export import ome_tiff
from playNano.io.export.ome_tiff import write_label_tiff, write_mask_tiff, write_ome_tiff
from playNano.io.loader import find_reader, load_afm_stack, open_movie

da = pytest.importorskip("dask.array")

FRAMES = np.random.default_rng(0).normal(size=(3, 6, 5)).astype(np.float32)
SIZES = {"PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.005, "PhysicalSizeYUnit": "µm"}
unknown_unit = pytest.mark.filterwarnings("ignore:.*unit of the pixel values")


@pytest.fixture
def stack(make_stack):
    scan = ScanGeometry(lines=32, line_time_s=0.01, frame_time_s=0.5, direction="down", alternating=True)
    stack = make_stack(
        pixel_size_nm=(2.1, 1.1),
        scan=scan,
        unit="deg",
        channel="phase <&> \u00b0",
        metadata={"operator": "m\x00e"},
    )
    stack.apply(["remove_plane", "mask_threshold"], threshold=1.0)
    return stack


def ome_file(path, data=FRAMES, axes="TYX", xml=None, **metadata):
    """Write a file with tifffile, and change its description."""
    tifffile.imwrite(
        path, data, ome=True, photometric="minisblack", metadata={"axes": axes, **SIZES, **metadata}
    )
    if xml is not None:
        with tifffile.TiffFile(path) as file:
            text = xml(file.ome_metadata)
        tifffile.imwrite(path, data, description=text.encode(), metadata=None, photometric="minisblack")
    return path


def assert_same(back, stack):
    np.testing.assert_array_equal(np.asarray(back.data), np.asarray(stack.data))
    assert back.pixel_size_nm == stack.pixel_size_nm
    assert (back.channel, back.unit, back.scan) == (stack.channel, stack.unit, stack.scan)
    assert back.frame_metadata == stack.frame_metadata
    assert back.metadata["operator"] == stack.metadata["operator"]
    assert [step["name"] for step in back.metadata["processing"]] == ["remove_plane", "mask_threshold"]
    assert back.provenance["warnings"] == stack.provenance["warnings"]


@pytest.mark.parametrize("lazy", [False, True])
def test_round_trip(stack, tmp_path, lazy):
    path = write_ome_tiff(stack, tmp_path / "new" / "movie.ome.tif")
    back = load_afm_stack(path, lazy=lazy)
    assert back.is_lazy is lazy
    assert_same(back, stack)


@pytest.mark.parametrize("channel", ["", "a\tb\n", "\x01 h\uffff", " ", "\u00e9"])
def test_names_that_xml_cannot_hold(make_stack, tmp_path, channel):
    path = write_ome_tiff(make_stack(FRAMES, channel=channel), tmp_path / "a.ome.tif")
    assert (load_afm_stack(path).channel, open_movie(path).channels) == (channel, (channel,))


def test_times_that_are_not_uniform_or_not_known(make_stack, tmp_path):
    times = [1.5, 2.0, 4.0]
    stack = make_stack(FRAMES, frame_metadata=[{"timestamp": t, "n": 1} for t in times])
    path = write_ome_tiff(stack, tmp_path / "a.ome.tif")
    assert load_afm_stack(path).get_frame_times() == times
    with tifffile.TiffFile(path) as file:
        assert 'DeltaT="4.0" DeltaTUnit="s"' in file.ome_metadata
        assert "TimeIncrement" not in file.ome_metadata
    stack = make_stack(FRAMES, frame_metadata=[{}, {}, {}])
    path = write_ome_tiff(stack, tmp_path / "b.ome.tif")
    back = load_afm_stack(path)
    assert (back.has_times, back.frame_metadata) == (False, [{}, {}, {}])
    with tifffile.TiffFile(path) as file:
        assert "DeltaT" not in file.ome_metadata
    entries = [{"timestamp": 0.0}, {"timestamp": np.nan}, {"timestamp": 1.0}]
    with pytest.warns(PlayNanoWarning):
        write_ome_tiff(make_stack(FRAMES, frame_metadata=entries), path)
        np.testing.assert_array_equal(load_afm_stack(path).get_frame_times(), [0.0, np.nan, 1.0])


def test_what_other_programs_read(stack, tmp_path):
    path = write_ome_tiff(stack, tmp_path / "movie.ome.tif")
    with tifffile.TiffFile(path) as file:
        assert (file.is_ome, file.is_bigtiff, len(file.series)) == (True, False, 1)
        series = file.series[0]
        assert (series.axes, series.shape, series.dtype) == ("TYX", stack.data.shape, np.float32)
        np.testing.assert_array_equal(series.asarray(), stack.data)
        ome = tifffile.xml2dict(file.ome_metadata)["OME"]
        resolution = [file.pages[0].tags[name].value for name in ("XResolution", "YResolution")]
        assert file.pages[0].tags["ResolutionUnit"].value == 3
        assert file.pages[0].tags["ImageDescription"].value.isascii()
    np.testing.assert_allclose([a / b for a, b in resolution], [1e7 / 1.1, 1e7 / 2.1], rtol=1e-6)
    pixels = ome["Image"]["Pixels"]
    sizes = [pixels[f"PhysicalSize{axis}"] for axis in "XY"]
    np.testing.assert_allclose(sizes, [0.0011, 0.0021], rtol=1e-12)
    assert (pixels["PhysicalSizeXUnit"], pixels["PhysicalSizeYUnit"]) == ("µm", "µm")
    assert (pixels["TimeIncrement"], pixels["TimeIncrementUnit"]) == (0.5, "s")
    assert [plane["DeltaT"] for plane in pixels["Plane"]] == stack.get_frame_times()
    assert {plane["DeltaTUnit"] for plane in pixels["Plane"]} == {"s"}
    assert pixels["Channel"]["Name"] == "phase <&> \u00b0"
    assert "values in deg" in ome["Image"]["Description"]
    originals = [a["Value"]["OriginalMetadata"] for a in ome["StructuredAnnotations"]["XMLAnnotation"]]
    assert {"Key": "playNano unit", "Value": "deg"} in originals


def test_a_lazy_movie_is_streamed(stack, tmp_path, monkeypatch):
    monkeypatch.setattr("playNano.core.lazy.CHUNK_BYTES", 2 * 32 * 40 * 4)
    whole, seen = np.asarray(stack.data), []

    def note(block):
        seen.append(len(block))
        return block

    lazy = stack[:]
    lazy.data = da.from_array(whole, chunks=(2, 32, 40)).map_blocks(note, dtype=whole.dtype)
    seen.clear()
    back = load_afm_stack(write_ome_tiff(lazy, tmp_path / "movie.ome.tif"))
    assert max(seen) <= 2
    assert sum(seen) == len(whole)
    np.testing.assert_array_equal(back.data, whole)


def test_large_files_are_bigtiff(make_stack, tmp_path, monkeypatch):
    monkeypatch.setattr(ome_tiff, "_CLASSIC_BYTES", 1000)
    path = write_ome_tiff(make_stack(FRAMES), tmp_path / "a.ome.tif")
    with tifffile.TiffFile(path) as file:
        assert file.is_bigtiff
    np.testing.assert_array_equal(load_afm_stack(path).data, FRAMES)


def test_an_interrupted_write_leaves_the_old_file(make_stack, tmp_path):
    path = write_ome_tiff(make_stack(FRAMES), tmp_path / "a.ome.tif")
    before = path.read_bytes()
    bad = FRAMES.astype(np.float64)
    bad[2, 0, 0] = 1e300
    with pytest.raises(ParameterError, match="too large for float32"):
        write_ome_tiff(make_stack(bad), path)
    assert path.read_bytes() == before
    with pytest.raises(ParameterError, match="does not fit"):
        write_ome_tiff(make_stack(np.full((1, 2, 2), 2**24 + 1)), path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.tif"]


@pytest.mark.parametrize("lazy", [False, True])
def test_masks(stack, tmp_path, lazy):
    mask = np.asarray(stack.masks["step_2_mask_threshold"])
    assert 0 < mask.sum() < mask.size
    if lazy:
        stack.masks = {"step_2_mask_threshold": da.from_array(mask, chunks=(2, 32, 40))}
    for name in (None, "mask_threshold", "step_2_mask_threshold"):
        path = write_mask_tiff(stack, tmp_path / "mask.ome.tif", mask=name)
    stored = tifffile.imread(path)
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored, mask * 255)
    back = load_afm_stack(path)
    np.testing.assert_array_equal(back.data, mask * 255)
    assert (back.unit, back.pixel_size_nm, back.scan) == ("", stack.pixel_size_nm, stack.scan)
    assert back.channel == "mask step_2_mask_threshold"
    with pytest.raises(MissingInputError, match="there is no mask 'mask'"):
        write_mask_tiff(stack, path, mask="mask")
    stack.masks["step_3_mask_threshold"] = ~mask
    for name in (None, "mask_threshold"):
        write_mask_tiff(stack, path, mask=name)
        np.testing.assert_array_equal(tifffile.imread(path), ~mask * np.uint8(255))


@pytest.mark.parametrize(("largest", "dtype"), [(65535, np.uint16), (65536, np.int32)])
def test_labels(make_stack, tmp_path, largest, dtype):
    labels = np.zeros(FRAMES.shape, np.int32)
    labels[1, 2:4] = largest
    stack, path = make_stack(FRAMES), tmp_path / "labels.ome.tif"
    write_label_tiff(stack, labels, path, name="labels", largest=largest)
    stored = tifffile.imread(path)
    assert stored.dtype == dtype
    np.testing.assert_array_equal(stored, labels)
    np.testing.assert_array_equal(load_afm_stack(path).data, labels)
    with pytest.raises(ParameterError, match="do not fit the movie"):
        write_label_tiff(stack, labels[:2], path, name="labels", largest=1)
    if dtype == np.uint16:
        with pytest.raises(ParameterError, match="does not fit into uint16"):
            write_label_tiff(stack, labels + 1, path, name="labels", largest=largest)


@unknown_unit
def test_a_file_of_another_program(tmp_path):
    path = ome_file(
        tmp_path / "a.ome.tif", TimeIncrement=250.0, TimeIncrementUnit="ms", Channel={"Name": ["Height"]}
    )
    movie = open_movie(path)
    np.testing.assert_array_equal(movie.read(0, 3), FRAMES)
    assert (movie.format, movie.channels, movie.unit) == ("ome-tiff", ("Height",), "")
    assert movie.pixel_size_nm == (5.0, 2.0)
    assert [entry["timestamp"] for entry in movie.frame_metadata] == [0.0, 0.25, 0.5]
    assert (movie.scan.frame_time_s, movie.scan.direction) == (0.25, None)
    given = open_movie(path, unit="um", pixel_size_nm=3.0, frame_time_s=2.0, bottom_first=True)
    np.testing.assert_array_equal(given.read(1, 3), FRAMES[1:, ::-1] * np.float32(1e3))
    assert (given.unit, given.pixel_size_nm, given.warnings) == ("nm", (3.0, 3.0), ())
    assert [entry["timestamp"] for entry in given.frame_metadata] == [0.0, 2.0, 4.0]


def test_an_unknown_unit_is_a_warning(tmp_path):
    with pytest.warns(
        PlayNanoWarning, match=r"a\.ome\.tif: the unit of the pixel values is not known; give unit"
    ):
        load_afm_stack(ome_file(tmp_path / "a.ome.tif"))


@unknown_unit
@pytest.mark.parametrize("axes", ["TCYX", "CTYX", "TCZYX", "CZTYX"])
def test_channels_by_name(tmp_path, axes):
    data = np.arange(60, dtype=np.uint16).reshape(3, 2, 2, 5)
    order = ["TCYX".index(axis) for axis in axes if axis != "Z"]
    stored = data.transpose(order).reshape([{"T": 3, "C": 2, "Z": 1, "Y": 2, "X": 5}[axis] for axis in axes])
    times = np.array([[0.0, 0.1], [1.0, 1.1], [3.0, 3.1]])
    planes = times if axes.index("T") < axes.index("C") else times.T
    path = ome_file(
        tmp_path / "a.ome.tif",
        stored,
        axes=axes,
        Channel={"Name": ["phase", "height"]},
        Plane={"DeltaT": planes.ravel().tolist()},
    )
    assert open_movie(path).channel == "height"
    for index, name in enumerate(("phase", "height")):
        movie = open_movie(path, name)
        np.testing.assert_array_equal(movie.read(0, 3), data[:, index])
        assert [entry["timestamp"] for entry in movie.frame_metadata] == pytest.approx([0.0, 1.0, 3.0])
    with pytest.raises(ChannelError, match="phase, height"):
        open_movie(path, "error")


@unknown_unit
@pytest.mark.parametrize(
    "change", [{"compression": "zlib"}, {"tile": (16, 16)}, {"bigtiff": True}, {"byteorder": ">"}]
)
def test_storage(tmp_path, change):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path, FRAMES, ome=True, photometric="minisblack", metadata={"axes": "TYX", **SIZES}, **change
    )
    np.testing.assert_array_equal(open_movie(path).read(1, 3), FRAMES[1:])


def shuffled(text):
    """State that the pages are in reverse order of time."""
    places = "".join(f'<TiffData IFD="{2 - t}" FirstT="{t}"/>' for t in range(3))
    return text.replace('<TiffData IFD="0" PlaneCount="3"/>', places)


@unknown_unit
def test_planes_in_any_order(tmp_path):
    movie = open_movie(ome_file(tmp_path / "a.ome.tif", xml=shuffled))
    np.testing.assert_array_equal(movie.read(0, 3), FRAMES[::-1])
    one = ome_file(tmp_path / "b.ome.tif", xml=lambda text: text.replace(' IFD="0" PlaneCount="3"', ""))
    np.testing.assert_array_equal(open_movie(one).read(0, 3), FRAMES)


@unknown_unit
def test_planes_of_several_channels_in_any_order(tmp_path):
    data = np.arange(3 * 2 * 30, dtype=np.float32).reshape(3, 2, 6, 5)
    places = [(t, c) for c in range(2) for t in range(3)]

    def changed(text):
        whole = '<TiffData IFD="0" PlaneCount="6"/>'
        assert whole in text
        parts = [f'<TiffData IFD="{i}" FirstT="{t}" FirstC="{c}"/>' for i, (t, c) in enumerate(places)]
        return text.replace(whole, "".join(reversed(parts)))

    path = ome_file(tmp_path / "a.ome.tif", data, axes="TCYX", xml=changed)
    for channel in range(2):
        pages = [data.reshape(6, 6, 5)[places.index((t, channel))] for t in range(3)]
        np.testing.assert_array_equal(open_movie(path, f"channel {channel + 1}").read(0, 3), pages)


@unknown_unit
def test_times_of_some_planes_only(tmp_path):
    planes = (
        '<Plane TheC="0" TheZ="0" TheT="1" DeltaT="2000" DeltaTUnit="ms"/><Plane TheC="0" TheZ="0" TheT="2" '
    )
    planes += 'DeltaT="3.5"/></Pixels>'
    path = ome_file(tmp_path / "a.ome.tif", xml=lambda text: text.replace("</Pixels>", planes))
    assert open_movie(path).frame_metadata == [{}, {"timestamp": 0.0}, {"timestamp": 1.5}]


UUID = '<TiffData IFD="0" PlaneCount="3"><UUID FileName="{}">{}</UUID></TiffData>'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.replace('SizeZ="1"', 'SizeZ="3"').replace('SizeT="3"', 'SizeT="1"'),
            "3 planes in depth",
        ),
        (lambda t: t.replace('IFD="0" PlaneCount="3"', 'IFD="0" PlaneCount="2"'), "lacks 1 of 3 planes"),
        (lambda t: t.replace('IFD="0" PlaneCount="3"', 'IFD="1" PlaneCount="3"'), "lacks 1 of 3 planes"),
        (lambda t: shuffled(t).replace('IFD="0"', 'IFD="1"'), "refer to the same page"),
        (lambda t: t.replace('SizeT="3"', 'SizeT="2147483647"'), "describes 2147483647 planes and has 3"),
        (lambda t: t.replace('SizeT="3"', 'SizeT="-1"'), "SizeT is '-1'"),
        (lambda t: t.replace('SizeX="5"', 'SizeX="6"'), r"shape \(6, 5\); its description states \(6, 6\)"),
        (lambda t: t.replace('Type="float"', 'Type="int32"'), "are float32; its description states 'int32'"),
        (lambda t: t.replace('DimensionOrder="XYCZT"', 'DimensionOrder="XYCT"'), "has the axes 'XYCT'"),
        (lambda t: t.replace('PhysicalSizeX="2.0"', 'PhysicalSizeX="nan"'), "PhysicalSizeX is 'nan'"),
        (lambda t: t.replace('PhysicalSizeX="2.0"', 'PhysicalSizeX="-2"'), "must be positive"),
        (lambda t: t.replace('SamplesPerPixel="1"', 'SamplesPerPixel="3"'), "colour image"),
        (lambda t: t.replace("</OME>", t[t.index("<Image") : t.index("</OME>")] + "</OME>"), "has 2 images"),
        (lambda t: t.replace("</Image>", ""), "description is damaged"),
        (lambda t: '<!DOCTYPE OME [<!ENTITY a "b">]>' + t[t.index("<OME") :], "defines entities"),
        (
            lambda t: t.replace('<TiffData IFD="0" PlaneCount="3"/>', UUID.format("b.ome.tif", "urn:uuid:1")),
            "another",
        ),
        (
            lambda t: (
                t[: t.index("<Image")]
                + '<BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:1"/></OME>'
            ),
            "one of several of a movie, which set.companion.ome describes",
        ),
    ],
)
def test_files_that_are_refused(tmp_path, change, message):
    path = ome_file(tmp_path / "a.ome.tif", xml=change)
    with pytest.raises(FileFormatError, match=message) as caught:
        open_movie(path)
    assert str(path) in str(caught.value)


@unknown_unit
def test_the_file_may_be_renamed(tmp_path):
    def named(text):
        own = text.partition('UUID="')[2].partition('"')[0]
        return text.replace('<TiffData IFD="0" PlaneCount="3"/>', UUID.format("old.ome.tif", own))

    path = ome_file(tmp_path / "new.ome.tif", xml=named)
    np.testing.assert_array_equal(open_movie(path).read(0, 3), FRAMES)


@pytest.mark.parametrize("unit", ["pixel", "reference frame"])
def test_sizes_that_are_no_lengths(tmp_path, unit):
    path = ome_file(tmp_path / "a.ome.tif", PhysicalSizeXUnit=unit)
    with pytest.raises(ParameterError, match="give pixel_size_nm"):
        open_movie(path)
    assert open_movie(path, pixel_size_nm=(2.0, 1.0), unit="nm").pixel_size_nm == (2.0, 1.0)


@unknown_unit
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace('PhysicalSizeX="0.0015"', 'PhysicalSizeX="0.003"'),
        lambda t: t.replace('TheT="1" DeltaT="0.5"', 'TheT="1" DeltaT="0.7"'),
        lambda t: t.replace('Name="height_trace"', 'Name="other"'),
    ],
)
def test_a_file_that_another_program_changed(make_stack, tmp_path, change):
    """Then our own metadata are no longer those of the pixels, and aren't taken for them."""
    path = write_ome_tiff(make_stack(FRAMES, pixel_size_nm=(2.0, 1.5)), tmp_path / "a.ome.tif")
    with tifffile.TiffFile(path) as file:
        text, data = change(file.pages[0].description), file.asarray()
        assert text != file.pages[0].description
    tifffile.imwrite(path, data, description=text.encode(), metadata=None, photometric="minisblack")
    with pytest.warns(PlayNanoWarning, match="another program changed the file"):
        stack = load_afm_stack(path)
    assert (stack.unit, stack.scan.direction) == ("", None)
    changed = (stack.pixel_size_nm, stack.get_frame_times()[1], stack.channel)
    assert changed != ((2.0, 1.5), 0.5, "height_trace")


def test_damaged_metadata_of_ours(make_stack, tmp_path):
    path = write_ome_tiff(make_stack(FRAMES), tmp_path / "a.ome.tif")
    with tifffile.TiffFile(path) as file:
        text, data = file.pages[0].description, file.asarray()
    start = text.index("<Value>") + len("<Value>")
    end = text.index("</Value>")
    for own in ("{", "[[[", json.dumps({"channel": 1, "unit": "nm"}), json.dumps({"unit": "nm"})):
        changed = text[:start] + own.replace('"', "&quot;") + text[end:]
        tifffile.imwrite(path, data, description=changed.encode(), metadata=None, photometric="minisblack")
        with pytest.raises(FileFormatError, match=r"a\.ome\.tif: playNano's metadata are damaged"):
            open_movie(path)


def test_colour_pages_and_plain_files(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path, np.zeros((2, 6, 5, 3), np.uint8), ome=True, photometric="rgb", metadata={"axes": "TYXS"}
    )
    with pytest.raises(FileFormatError, match="colour image"):
        open_movie(path)
    tifffile.imwrite(path, FRAMES, imagej=True)
    assert find_reader(path).name == "tiff"
