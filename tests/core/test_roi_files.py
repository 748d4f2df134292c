"""Files of regions: round trips, the conventions of ImageJ, and what cannot be read."""

import json

import numpy as np
import pytest
import roifile

from playNano.core.roi import RegionOfInterest
from playNano.core.roi_files import read_rois, region_in_effect, write_rois
from playNano.errors import FileFormatError, ParameterError

SIZE, ORIGIN = (2.0, 1.25), (30.0, -4.0)
REGIONS = [
    RegionOfInterest("left half", "box", ((30.5, 1.25), (71.0, 44.75))),
    RegionOfInterest("ring µ", "ellipse", ((40.1, 2.0), (80.7, 33.0))),
    RegionOfInterest("patch", "polygon", ((30.0, 0.0), (60.5, 3.0), (41.0, 50.25), (33.0, 20.0))),
    RegionOfInterest("axis", "line", ((30.0, 1.0), (55.5, 20.0), (70.0, 21.0))),
]


def same(got, expected, atol):
    assert [(r.name, r.shape, r.unit) for r in got] == [(r.name, r.shape, r.unit) for r in expected]
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one.points, other.points, atol=atol)


@pytest.mark.parametrize("name", ["r.yaml", "r.yml", "r.geojson", "r.json"])
def test_there_and_back(name, tmp_path):
    write_rois(tmp_path / name, REGIONS)
    same(read_rois(tmp_path / name), REGIONS, 0)


def test_imagej_there_and_back(tmp_path):
    path = tmp_path / "rois.zip"
    write_rois(path, REGIONS, pixel_size_nm=SIZE, origin_nm=ORIGIN)
    read = read_rois(path)
    assert {region.unit for region in read} == {"px"}
    same([region.in_nm(SIZE, ORIGIN) for region in read], REGIONS, 1e-5)
    # Written twice, the archive is not appended to.
    write_rois(path, REGIONS[:1], pixel_size_nm=SIZE, origin_nm=ORIGIN)
    assert len(read_rois(path)) == 1
    write_rois(tmp_path / "one.roi", REGIONS[3:], pixel_size_nm=SIZE, origin_nm=ORIGIN)
    same([r.in_nm(SIZE, ORIGIN) for r in read_rois(tmp_path / "one.roi")], REGIONS[3:], 1e-5)


def test_roifile_reads_what_is_written(tmp_path):
    write_rois(tmp_path / "rois.zip", REGIONS, pixel_size_nm=SIZE, origin_nm=ORIGIN)
    box, oval, polygon, line = roifile.roiread(tmp_path / "rois.zip")
    assert [r.roitype.name for r in (box, oval, polygon, line)] == ["RECT", "OVAL", "POLYGON", "POLYLINE"]
    assert (box.name, oval.name) == ("left half", "ring µ")
    # Areas count from the corner of a pixel, lines from its centre.
    assert box.yd == pytest.approx((30.5 - 30) / 2 + 0.5)
    assert box.xd == pytest.approx((1.25 + 4) / 1.25 + 0.5)
    np.testing.assert_allclose(polygon.coordinates()[0], [4 / 1.25 + 0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(line.coordinates()[0], [5 / 1.25, 0.0], atol=1e-6)


def test_a_rectangle_of_imagej_marks_its_pixels(tmp_path):
    """A rectangle with left 3, top 2, width 4 and height 5 in ImageJ is columns 3 to 6 and rows 2 to 6."""
    roi = roifile.ImagejRoi()
    roi.roitype = roifile.ROI_TYPE.RECT
    roi.top, roi.left, roi.bottom, roi.right = 2, 3, 7, 7
    roi.tofile(tmp_path / "corner.roi")
    (region,) = read_rois(tmp_path / "corner.roi")
    expected = np.zeros((10, 12), bool)
    expected[2:7, 3:7] = True
    np.testing.assert_array_equal(region.mask((10, 12)), expected)
    assert region.name == "corner"


def test_a_polygon_of_whole_pixels_of_imagej(tmp_path):
    corners = np.array([[3, 2], [7, 2], [7, 7], [3, 7]], dtype=np.int32)
    roi = roifile.ImagejRoi.frompoints(corners, name="p")
    roi.tofile(tmp_path / "p.roi")
    (region,) = read_rois(tmp_path / "p.roi")
    expected = np.zeros((10, 12), bool)
    expected[2:7, 3:7] = True
    np.testing.assert_array_equal(region.mask((10, 12)), expected)


def test_what_imagej_has_and_playnano_has_not(tmp_path):
    roi = roifile.ImagejRoi.frompoints(np.array([[1, 2], [3, 4]]), name="dots")
    roi.roitype = roifile.ROI_TYPE.POINT
    roi.tofile(tmp_path / "p.roi")
    with pytest.raises(FileFormatError, match=r"p\.roi.*'dots' is a point of ImageJ"):
        read_rois(tmp_path / "p.roi")
    (tmp_path / "bad.roi").write_bytes(b"no region at all, but long enough for a header of 64 bytes.........")
    with pytest.raises(FileFormatError, match=r"bad\.roi"):
        read_rois(tmp_path / "bad.roi")
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    with pytest.raises(FileFormatError, match=r"bad\.zip"):
        read_rois(tmp_path / "bad.zip")
    with pytest.raises(FileNotFoundError):
        read_rois(tmp_path / "missing.roi")
    with pytest.raises(ParameterError, match="give pixel_size_nm"):
        write_rois(tmp_path / "x.zip", REGIONS)
    with pytest.raises(ParameterError, match="holds one region, not 4"):
        write_rois(tmp_path / "x.roi", REGIONS, pixel_size_nm=2.0)


def feature(kind, coordinates, **properties):
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    }


SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]


def test_geojson_of_other_programs(tmp_path):
    path = tmp_path / "r.geojson"
    path.write_text(json.dumps([feature("Polygon", [SQUARE], name="a", unit="px")]))
    (region,) = read_rois(path)
    assert (region.name, region.shape, region.unit, len(region.points)) == ("a", "polygon", "px", 4)
    for wrong, text in [
        (feature("Polygon", [SQUARE], name="a"), "unit of 'a' is not known"),
        (feature("Polygon", [SQUARE, SQUARE], name="a", unit="nm"), "without holes"),
        (feature("Point", [1, 2], name="a", unit="nm"), "neither a LineString nor a Polygon"),
        (feature("LineString", [1, 2], name="a", unit="nm"), "not pairs of numbers"),
    ]:
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [wrong]}))
        with pytest.raises(FileFormatError, match=rf"r\.geojson.*{text}"):
            read_rois(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regions: 3", "no list of regions"),
        ("- 1", "no list of regions"),
        ("regions: [{name: a, shape: box}]", "points_nm or points_px"),
        ("regions: [{name: a, shape: box, points_nm: [[0, 0]]}]", "2 points, not 1"),
        ("a: [", "not YAML"),
    ],
)
def test_yaml_that_is_wrong(text, message, tmp_path):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(FileFormatError, match=rf"r\.yaml.*{message}"):
        read_rois(tmp_path / "r.yaml")


def test_names_are_unique(tmp_path):
    write_rois(tmp_path / "r.yaml", [REGIONS[0], REGIONS[0]])
    with pytest.raises(FileFormatError, match="two regions have the name 'left half'"):
        read_rois(tmp_path / "r.yaml")
    with pytest.raises(FileFormatError, match=r"end in \.yaml"):
        read_rois(tmp_path / "r.txt")


def test_the_value_in_effect(tmp_path):
    path = tmp_path / "r.yaml"
    write_rois(path, REGIONS)
    expected = REGIONS[3].to_dict()
    assert region_in_effect(f"{path}#axis") == expected
    assert region_in_effect(REGIONS[3]) == region_in_effect(expected) == expected
    with pytest.raises(ParameterError, match="no region 'axes'; it has: 'left half'"):
        region_in_effect(f"{path}#axes")
    with pytest.raises(ParameterError, match="holds 4 regions; name one"):
        region_in_effect(str(path))
    with pytest.raises(ParameterError, match="cannot be read"):
        region_in_effect(str(tmp_path / "none.yaml"))
    write_rois(path, REGIONS[:1])
    assert region_in_effect(str(path))["name"] == "left half"
