"""Read and write regions of interest: YAML, GeoJSON and ImageJ ROI files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator

from playNano.core.files import atomic_write
from playNano.core.roi import RegionOfInterest
from playNano.errors import FileFormatError, ParameterError

_ELLIPSE_VERTICES = 72
_LINES = ("LINE", "POLYLINE", "FREELINE")
_POLYGONS = ("POLYGON", "FREEHAND", "TRACED")


def read_rois(path: str | PathLike[str]) -> list[RegionOfInterest]:
    """Read regions of interest from a file.

    Parameters
    ----------
    path
        ``.yaml`` or ``.yml``, ``.geojson`` or ``.json``, or ``.roi`` or ``.zip`` of ImageJ, whose regions are in px.

    Returns
    -------
    list of RegionOfInterest
        In the order of the file.

    Raises
    ------
    FileFormatError
        If the file is of another kind, or a region cannot be represented; the message names it.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "regions.yaml"
    ...     write_rois(path, [RegionOfInterest("axis", "line", ((0, 0), (3, 4)))])
    ...     read_rois(path)[0].points
    ((0.0, 0.0), (3.0, 4.0))
    """
    path = Path(path)
    reader: Callable[[Path], list[RegionOfInterest]] = _by_ending(path, _READERS)
    try:
        regions = reader(path)
    except (ParameterError, FileFormatError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    names = [region.name for region in regions]
    for name in names:
        if names.count(name) > 1:
            raise FileFormatError(f"{path}: two regions have the name {name!r}")
    return regions


def write_rois(
    path: str | PathLike[str],
    regions: Sequence[RegionOfInterest],
    *,
    pixel_size_nm: float | Sequence[float] | None = None,
    origin_nm: Sequence[float] = (0.0, 0.0),
) -> None:
    """Write regions of interest to a file.

    Parameters
    ----------
    path
        The file, whose ending is one of those that `read_rois` reads; ``.roi`` holds one region.
    regions
        The regions.
    pixel_size_nm
        Pixel size of the image to which regions of ImageJ belong, (y, x) or one number, nm. Only needed for
        regions in nm that are written as ``.roi`` or ``.zip``.
    origin_nm
        Place (y, x) of the centre of its pixel (0, 0) in the movie as recorded, nm.

    Raises
    ------
    ParameterError
        If the pixel size is needed and missing, or a ``.roi`` file is to hold several regions.
    OSError
        If the file cannot be written; an existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> from playNano.core.roi import RegionOfInterest
    >>> patch = RegionOfInterest("patch", "box", ((10, 10), (30, 50)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_rois(f"{folder}/regions.yaml", [patch])
    ...     [region.name for region in read_rois(f"{folder}/regions.yaml")]
    ['patch']
    """
    path = Path(path)
    writer = _by_ending(path, _WRITERS)
    if writer is _write_imagej and any(region.unit == "nm" for region in regions):
        if pixel_size_nm is None:
            raise ParameterError(f"{path}: files of ImageJ are in px; give pixel_size_nm")
        size = np.broadcast_to(np.asarray(pixel_size_nm, dtype=np.float64), (2,)).tolist()
        regions = [region.in_px(size, origin_nm) for region in regions]
    writer(path, regions)


def region_in_effect(value: Any) -> Any:
    """Return a region as plain values, read from a file if it is given as text.

    Parameters
    ----------
    value
        ``"file.yaml#name"``, or ``"file.yaml"`` if the file holds one region; a `RegionOfInterest`, or its plain
        values.

    Returns
    -------
    dict
        As `RegionOfInterest.to_dict`: what the record of a run contains, so that it does not depend on the file.

    Raises
    ------
    ParameterError
        If there is no such file or region.
    """
    if isinstance(value, RegionOfInterest):
        return value.to_dict()
    if isinstance(value, Mapping):
        return RegionOfInterest.from_dict(value).to_dict()
    if not isinstance(value, str | PathLike):
        raise ParameterError("give file#name, or shape and points_nm")
    file, _, name = str(value).partition("#")
    try:
        regions = read_rois(file)
    except OSError as error:
        raise ParameterError(f"{file} cannot be read: {error.strerror or error}") from error
    except FileFormatError as error:
        raise ParameterError(str(error)) from error
    known = ", ".join(repr(region.name) for region in regions) or "none"
    taken = [region for region in regions if region.name == name] if name else regions
    if len(taken) != 1:
        raise ParameterError(
            f"{file} has no region {name!r}; it has: {known}"
            if name
            else f"{file} holds {len(regions)} regions; name one as {file}#name: {known}"
        )
    return taken[0].to_dict()


RegionValue = Annotated[str | dict[str, Any], BeforeValidator(region_in_effect)]
"""Type of a parameter that is a region: ``file#name`` or plain values; the value in effect is always the latter."""


def _by_ending(path: Path, known: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Return the reader or writer of a file."""
    if path.suffix.lower() not in known:
        raise FileFormatError(f"{path}: files of regions end in {', '.join(known)}")
    return known[path.suffix.lower()]


def _read_yaml(path: Path) -> list[RegionOfInterest]:
    """Read the list ``regions`` of a YAML file."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileFormatError(f"it is not YAML: {error}") from error
    listed = content.get("regions") if isinstance(content, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(entry, Mapping) for entry in listed):
        raise FileFormatError("it has no list of regions, each with name, shape and points_nm")
    return [RegionOfInterest.from_dict(entry) for entry in listed]


def _write_yaml(path: Path, regions: Sequence[RegionOfInterest]) -> None:
    import yaml

    text = yaml.safe_dump(
        {"regions": [region.to_dict() for region in regions]},
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
    )
    with atomic_write(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def _read_geojson(path: Path) -> list[RegionOfInterest]:
    """Read the features of a GeoJSON file, whose coordinates are (x, y)."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(f"it is not JSON: {error}") from error
    features = content.get("features") if isinstance(content, dict) else content
    if isinstance(content, dict) and content.get("type") == "Feature":
        features = [content]
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise FileFormatError("it is not a GeoJSON collection of features")
    return [_of_feature(number, feature) for number, feature in enumerate(features, start=1)]


def _of_feature(number: int, feature: Mapping[str, Any]) -> RegionOfInterest:
    """Return the region that a GeoJSON feature describes."""
    geometry, properties = feature.get("geometry") or {}, feature.get("properties") or {}
    name, unit = str(properties.get("name", f"region {number}")), properties.get("unit")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if unit not in ("nm", "px"):
        raise FileFormatError(
            f'the unit of {name!r} is not known: give the property "unit", "nm" or "px", as for regions of playNano'
        )
    if kind == "Polygon" and isinstance(coordinates, list) and len(coordinates) == 1:
        (outline,), shape = coordinates, properties.get("shape", "polygon")
    elif kind == "LineString":
        outline, shape = coordinates, "line"
    else:
        raise FileFormatError(f"{name!r} is neither a LineString nor a Polygon without holes")
    try:
        points = [(float(y), float(x)) for x, y, *_ in outline]
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"the coordinates of {name!r} are not pairs of numbers") from error
    if shape != "line" and len(points) > 1 and points[0] == points[-1]:
        points = points[:-1]
    if shape in ("box", "ellipse"):
        ys, xs = zip(*points, strict=True)
        points = [(min(ys), min(xs)), (max(ys), max(xs))]
    return RegionOfInterest(name, shape, tuple(points), unit)


def _write_geojson(path: Path, regions: Sequence[RegionOfInterest]) -> None:
    """Write regions as GeoJSON features; ellipses as polygons that are read as ellipses again."""
    features = []
    for region in regions:
        outline = [[x, y] for y, x in _outline(region)]
        is_line = region.shape == "line"
        geometry = {
            "type": "LineString" if is_line else "Polygon",
            "coordinates": outline if is_line else [[*outline, outline[0]]],
        }
        properties = {"name": region.name, "shape": region.shape, "unit": region.unit}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    text = json.dumps({"type": "FeatureCollection", "features": features}, indent=1)
    with atomic_write(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def _outline(region: RegionOfInterest) -> list[tuple[float, float]]:
    """Return the vertices (y, x) of a region; of an ellipse 72, those at its axes exactly."""
    top, left, bottom, right = region.bounds
    if region.shape == "box":
        return [(top, left), (top, right), (bottom, right), (bottom, left)]
    if region.shape == "ellipse":
        angle = 2 * np.pi * np.arange(_ELLIPSE_VERTICES) / _ELLIPSE_VERTICES
        y = (top + bottom) / 2 + (bottom - top) / 2 * np.sin(angle)
        x = (left + right) / 2 + (right - left) / 2 * np.cos(angle)
        quarter = _ELLIPSE_VERTICES // 4
        y[quarter], y[3 * quarter], x[0], x[2 * quarter] = bottom, top, right, left
        return list(zip(y.tolist(), x.tolist(), strict=True))
    return list(region.points)


def _read_imagej(path: Path) -> list[RegionOfInterest]:
    """Read the regions of ImageJ, in px."""
    import struct
    from zipfile import BadZipFile

    from roifile import roiread

    if not path.exists():
        raise FileNotFoundError(2, "No such file or directory", str(path))
    try:
        content = roiread(path)
    except (ValueError, BadZipFile, struct.error, IndexError, KeyError) as error:
        raise FileFormatError(f"it is not a file of ImageJ regions: {error}") from error
    listed = content if isinstance(content, list) else [content]
    return [_of_imagej(roi, path.stem) for roi in listed]


def _of_imagej(roi: Any, stem: str) -> RegionOfInterest:
    """Return a region of ImageJ, whose areas count from the corner of pixel (0, 0), and lines from its centre."""
    kind, name = roi.roitype.name, roi.name or stem
    if roi.composite:
        raise FileFormatError(f"{name!r} is a composite of several outlines; save them one by one")
    if kind == "RECT" and roi.rounded_rect_arc_size:
        raise FileFormatError(f"{name!r} is a rectangle with rounded corners; save it as a polygon")
    if kind in ("RECT", "OVAL"):
        if roi.subpixelrect:
            top, left, height, width = roi.yd, roi.xd, roi.heightd, roi.widthd
        else:
            top, left, height, width = roi.top, roi.left, roi.bottom - roi.top, roi.right - roi.left
        shape: Literal["box", "ellipse"] = "box" if kind == "RECT" else "ellipse"
        corners = (top - 0.5, left - 0.5), (top + height - 0.5, left + width - 0.5)
        return RegionOfInterest(name, shape, corners, "px")
    if kind not in (*_LINES, *_POLYGONS):
        raise FileFormatError(f"{name!r} is a {kind.lower()} of ImageJ, and neither an area nor a line")
    is_line = kind in _LINES
    points = np.asarray(roi.coordinates(), dtype=np.float64)[:, ::-1] - (0.0 if is_line else 0.5)
    if not is_line and len(points) > 1 and (points[0] == points[-1]).all():
        points = points[:-1]
    vertices = tuple((float(y), float(x)) for y, x in points)
    return RegionOfInterest(name, "line" if is_line else "polygon", vertices, "px")


def _write_imagej(path: Path, regions: Sequence[RegionOfInterest]) -> None:
    """Write regions in px for ImageJ."""
    from roifile import roiwrite

    if path.suffix.lower() == ".roi" and len(regions) != 1:
        raise ParameterError(f"{path}: a .roi file holds one region, not {len(regions)}; write a .zip file")
    made = [_to_imagej(region) for region in regions]
    with atomic_write(path) as temporary:
        # The ending decides between a single region and an archive.
        roiwrite(temporary, made if path.suffix.lower() == ".zip" else made[0], mode="w")


def _to_imagej(region: RegionOfInterest) -> Any:
    """Return a region in px as one of ImageJ, with fractions of pixels."""
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    is_line = region.shape == "line"
    points = np.array(_outline(region) if region.shape == "box" else region.points) + (
        0.0 if is_line else 0.5
    )
    roi = ImagejRoi.frompoints(points[:, ::-1], name=region.name)
    if is_line:
        roi.roitype = ROI_TYPE.POLYLINE
    elif region.shape == "polygon":
        roi.roitype = ROI_TYPE.POLYGON
    else:
        roi = ImagejRoi()
        roi.roitype = ROI_TYPE.RECT if region.shape == "box" else ROI_TYPE.OVAL
        top, left, bottom, right = (edge + 0.5 for edge in region.bounds)
        roi.version, roi.name = 228, region.name
        roi.top, roi.left = int(np.floor(top)), int(np.floor(left))
        roi.bottom, roi.right = int(np.ceil(bottom)), int(np.ceil(right))
        roi.yd, roi.xd, roi.heightd, roi.widthd = top, left, bottom - top, right - left
        roi.options |= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    return roi


_READERS: dict[str, Callable[[Path], list[RegionOfInterest]]] = {
    **dict.fromkeys((".yaml", ".yml"), _read_yaml),
    **dict.fromkeys((".geojson", ".json"), _read_geojson),
    **dict.fromkeys((".roi", ".zip"), _read_imagej),
}
_WRITERS: dict[str, Callable[..., None]] = {
    **dict.fromkeys((".yaml", ".yml"), _write_yaml),
    **dict.fromkeys((".geojson", ".json"), _write_geojson),
    **dict.fromkeys((".roi", ".zip"), _write_imagej),
}
