"""The metadata of OME-Zarr stores: version 0.4 on zarr v2, and version 0.5 on zarr v3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from playNano.errors import FileFormatError
from playNano.io.own_metadata import OWN, OwnMetadata, read_own

METADATA = "zarr.json"
"""File with the metadata of a zarr v3 store."""
METADATA_V2 = ".zattrs"
"""File with the attributes of a zarr v2 store."""
_LAYOUT = "bioformats2raw.layout"
_SERIES = "0"


@dataclass(frozen=True)
class ZarrImage:
    """The metadata of an image.

    Parameters
    ----------
    metadata
        The file with the metadata of the image.
    array
        The array of the finest level.
    axes
        Names of its axes.
    units
        Unit of each axis, by its name; None where there is none.
    scale
        Size of a step along each axis, by its name.
    labels
        Names of the channels; empty if there are none.
    own
        Metadata that playNano wrote, or None.
    """

    metadata: Path
    array: Path
    axes: tuple[str, ...]
    units: dict[str, str | None]
    scale: dict[str, float]
    labels: tuple[str, ...]
    own: OwnMetadata | None


def read_image(path: Path) -> ZarrImage:
    """Return the metadata of the image of a store.

    Parameters
    ----------
    path
        The store, a folder; also one in the layout of bioformats2raw with a single image.

    Returns
    -------
    ZarrImage
        Of the first, finest level of the pyramid.

    Raises
    ------
    FileFormatError
        The store is not an OME-Zarr image of version 0.4 or 0.5, has several images, or is damaged.
    """
    attributes, ome = _ome(path)
    folder = path
    if _LAYOUT in ome and "multiscales" not in ome:
        if (path / "1").is_dir():
            raise FileFormatError(
                f"{path}: the store has several images; open one of them, as in {path / _SERIES}"
            )
        folder = path / _SERIES
        attributes, ome = _ome(folder)
    image = _multiscale(path, ome)
    try:
        return _image(path, folder, image, ome, attributes)
    except FileFormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise FileFormatError(
            f"{path}: the metadata of the OME-Zarr image are damaged: {type(error).__name__}: {error}"
        ) from error


def _image(
    path: Path, folder: Path, image: Mapping[str, Any], ome: Mapping[str, Any], attributes: Mapping[str, Any]
) -> ZarrImage:
    """Return the metadata of an image, from its entries."""
    axes = tuple(str(axis["name"]) for axis in image["axes"])
    dataset = image["datasets"][0]
    inside = PurePosixPath(str(dataset["path"]))
    if inside.is_absolute() or ".." in inside.parts:
        raise FileFormatError(f"{path}: the image refers to {inside}, outside of the store")
    channels = (ome.get("omero") or {}).get("channels") or []
    return ZarrImage(
        metadata=folder / (METADATA if (folder / METADATA).is_file() else METADATA_V2),
        array=folder / inside,
        axes=axes,
        units={str(axis["name"]): axis.get("unit") for axis in image["axes"]},
        scale=dict(zip(axes, _scale(dataset, image, len(axes)), strict=True)),
        labels=tuple(str(entry.get("label", f"channel_{i}")) for i, entry in enumerate(channels)),
        own=read_own(attributes.get(OWN), path),
    )


def _ome(folder: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Return all attributes of a group, and those of OME among them."""
    if (folder / METADATA).is_file():
        content = _json(folder, METADATA)
        attributes = content.get("attributes") or {}
        ome = attributes.get("ome") if isinstance(attributes, Mapping) else None
        if not isinstance(ome, Mapping):
            raise FileFormatError(f"{folder}: it is a zarr v3 store, but not an OME-Zarr one of version 0.5")
        if str(ome.get("version")) != "0.5":
            raise FileFormatError(
                f"{folder}: it is OME-Zarr of version {ome.get('version')}; 0.4 and 0.5 are read"
            )
        return dict(attributes), ome
    if (folder / METADATA_V2).is_file():
        attributes = _json(folder, METADATA_V2)
        return attributes, attributes
    raise FileFormatError(
        f"{folder}: it has neither {METADATA} nor {METADATA_V2}, so it is not a complete zarr store"
    )


def _multiscale(path: Path, ome: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first image, and check its version, which version 0.4 states there."""
    images = ome.get("multiscales")
    if not isinstance(images, list) or not images or not isinstance(images[0], Mapping):
        raise FileFormatError(f"{path}: it is a zarr store without an OME-Zarr image")
    image: Mapping[str, Any] = images[0]
    version = str(ome.get("version", image.get("version")))
    if version not in ("0.4", "0.5"):
        raise FileFormatError(f"{path}: it is OME-Zarr of version {version}; 0.4 and 0.5 are read")
    if not image.get("axes") or not image.get("datasets"):
        raise FileFormatError(f"{path}: it is an OME-Zarr store without axes or arrays")
    return image


def _json(folder: Path, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of a store."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileFormatError(f"{folder}: {name} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise FileFormatError(f"{folder}: {name} is damaged: it is not a JSON object")
    return content


def _scale(dataset: Mapping[str, Any], image: Mapping[str, Any], n_axes: int) -> list[float]:
    """Return the size of a step along each axis: the product of that of the array and that of the image."""
    scale = [1.0] * n_axes
    for transformations in (dataset, image):
        for one in transformations.get("coordinateTransformations") or []:
            if one.get("type") == "scale":
                scale = [a * float(b) for a, b in zip(scale, one["scale"], strict=True)]
    return scale
