"""Write movies, masks and label images as OME-TIFF, block by block."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from playNano._version import __version__
from playNano.core.files import atomic_write
from playNano.core.lazy import FrameArray, is_lazy
from playNano.core.stack import Stack
from playNano.errors import MissingInputError, ParameterError
from playNano.io.own_metadata import OWN, own_metadata

_UM, _NM_PER_CM = "\u00b5m", 1e7
_ORIGINAL = "openmicroscopy.org/OriginalMetadata"
_CLASSIC_BYTES = 2**32 - 2**25
"""Size above which a file is a BigTIFF; classic TIFF has 32-bit offsets."""
_PAGE_BYTES = 400
"""Upper limit of the bytes of the tags of a page."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLOCK_BYTES = 16 * 2**20
_MASKED = 255


def write_ome_tiff(stack: Stack, path: str | Path) -> Path:
    """Write the pixels and metadata of a stack as an OME-TIFF movie, which Fiji and `load_afm_stack` open.

    Pixels are float32, with the size of a pixel, the time of each frame, and the channel. The unit of the values,
    for which OME has no place, the scan geometry and the processing steps are annotations; Fiji shows the unit in
    the description of the image and under *Show Info*. Frames are written block by block as they are computed; a
    lazy movie is never loaded into memory as a whole. Above 4 GB the file is a BigTIFF.

    Parameters
    ----------
    stack
        The movie. Its current pixels, times, scan geometry, metadata and list of processing steps are written;
        results are not (see `playNano.io.export.bundle.write_bundle`).
    path
        The file, whose name should end in ``.ome.tif``; its folder is created if necessary.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    ParameterError
        If a pixel is too large for float32, or the stack has no frames.

    Examples
    --------
    >>> import tempfile
    >>> stack = Stack(np.zeros((2, 4, 5)), (2.0, 1.5), "height_trace", "movie.asd")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_ome_tiff(stack, Path(folder) / "movie.ome.tif").name
    'movie.ome.tif'
    """
    return _write(stack, stack.data, path, np.dtype(np.float32), _named(stack, stack.unit, "pixels"))


def write_mask_tiff(stack: Stack, path: str | Path, *, mask: str | None = None) -> Path:
    """Write a mask of a stack as an OME-TIFF movie of uint8: 255 within the mask, else 0.

    Parameters
    ----------
    stack
        The movie, with masks in ``stack.masks``; sizes and times of the file are those of the movie.
    path
        The file, whose name should end in ``.ome.tif``; its folder is created if necessary.
    mask
        Key of the mask, as in ``"step_2_mask_threshold"``, or the name of its step; by default the latest one.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingInputError
        If the stack has no such mask.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    key = _mask_key(stack, mask)
    dtype = np.dtype(np.uint8)
    return _write(stack, stack.masks[key], path, dtype, _named(stack, "", f"mask {key}"))


def write_label_tiff(stack: Stack, labels: Any, path: str | Path, *, name: str, largest: int) -> Path:
    """Write label images as an OME-TIFF movie: uint16 where that holds the largest label, else int32.

    Parameters
    ----------
    stack
        The movie; sizes and times of the file are those of the movie.
    labels
        (n_frames, height, width) integers; 0 is no region. A lazy array is written block by block.
    path
        The file, whose name should end in ``.ome.tif``; its folder is created if necessary.
    name
        Name of the channel.
    largest
        The largest label.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ParameterError
        If the label images are not those of the frames, or a label exceeds `largest`.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    if tuple(labels.shape) != tuple(stack.data.shape):
        raise ParameterError(f"label images of {labels.shape} do not fit the movie of {stack.data.shape}")
    dtype = np.dtype(np.uint16 if largest <= np.iinfo(np.uint16).max else np.int32)
    return _write(stack, labels, path, dtype, _named(stack, "", name))


def _mask_key(stack: Stack, mask: str | None) -> str:
    """Return the key of a mask, given by its key or by the name of its step; by default the latest one."""
    keys = list(stack.masks)
    fitting = [
        key
        for key in keys
        if mask is None or key == mask or re.fullmatch(rf"step_\d+_{re.escape(mask)}", key)
    ]
    if not fitting:
        known = ", ".join(keys) or "none; run a mask step first"
        raise MissingInputError(f"there is no mask {mask or ''!r} to write; masks: {known}")
    return fitting[-1]


def _named(stack: Stack, unit: str, content: str) -> dict[str, Any]:
    """Return the metadata of a stack for a file of its pixels, or of a mask or label images."""
    own = {**own_metadata(stack), "unit": unit, "content": content}
    if content == "pixels":
        return own
    return {**own, "channel": content, "metadata": {**own["metadata"], "file_channel": content}}


def _write(stack: Stack, frames: Any, path: str | Path, dtype: np.dtype[Any], own: dict[str, Any]) -> Path:
    """Write frames with the sizes and times of a stack."""
    import tifffile

    shape = tuple(int(n) for n in frames.shape)
    if 0 in shape:
        raise ParameterError(f"{path}: a movie without frames cannot be written as OME-TIFF")
    description = _ome_xml(stack, shape, dtype, own)
    y, x = stack.pixel_size_yx_nm
    plain = dtype.kind == "f"
    size = len(description) + shape[0] * (shape[1] * shape[2] * dtype.itemsize + _PAGE_BYTES)
    with (
        atomic_write(path) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=size > _CLASSIC_BYTES) as tiff,
    ):
        tiff.write(
            _pages(frames, dtype, str(path)),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            planarconfig=None,
            # Masks and labels are long runs of equal numbers; heights are noise, which does not compress.
            compression=None if plain else "zlib",
            description=description,
            metadata=None,
            software=f"playNano {__version__}",
            **_resolution(_NM_PER_CM / x, _NM_PER_CM / y),
        )
    return Path(path)


def _resolution(x: float, y: float) -> dict[str, Any]:
    """Return the pixels per centimetre for programs that do not read OME-XML, where TIFF's fractions hold them."""
    if not 1e-3 < min(x, y) <= max(x, y) < 2**32:
        return {}
    return {"resolution": (_rational(x), _rational(y)), "resolutionunit": "CENTIMETER"}


def _rational(value: float) -> tuple[int, int]:
    """Return the nearest quotient of two 32-bit numbers; tifffile before 2026 is wrong by 0.1 % with a float."""
    return (
        Fraction(value).limit_denominator(max(1, int((2**32 - 1) / max(value, 1.0)) - 1)).as_integer_ratio()
    )


def _pages(frames: Any, dtype: np.dtype[Any], where: str) -> Iterator[npt.NDArray[Any]]:
    """Yield every frame, converted; frames are computed block by block."""
    for block in _blocks(frames):
        if block.dtype == np.bool_:
            block = block * np.uint8(_MASKED)
        try:
            with np.errstate(over="raise"):
                pixels = block.astype(dtype, copy=False)
        except FloatingPointError as error:
            raise ParameterError(f"{where}: a pixel is too large for float32") from error
        if block.dtype.kind in "iu" and not np.array_equal(pixels, block):
            raise ParameterError(f"{where}: a number does not fit into {dtype}")
        yield from pixels


def _blocks(frames: Any) -> Iterator[npt.NDArray[Any]]:
    """Yield frames in order, in blocks of bounded size."""
    if isinstance(frames, FrameArray) or is_lazy(frames):
        array = frames if isinstance(frames, FrameArray) else FrameArray.of(frames)
        for _, _, block in array.parts():
            yield block
        return
    step = max(1, _BLOCK_BYTES // max(1, frames[:1].nbytes))
    for start in range(0, len(frames), step):
        yield np.asarray(frames[start : start + step])


def _ome_xml(stack: Stack, shape: tuple[int, ...], dtype: np.dtype[Any], own: dict[str, Any]) -> bytes:
    """Return the OME-XML description of a file, as ASCII text with character references."""
    import tifffile

    y, x = stack.pixel_size_yx_nm
    image = tifffile.OmeXml(Creator=f"playNano {__version__}")
    image.addimage(
        dtype,
        shape,
        (shape[0], 1, 1, shape[1], shape[2], 1),
        axes="TYX",
        Name=_clean(stack.file_path.name),
        Description=_clean(_sentence(own)),
        # Programs that pass over the unit take micrometres, the schema's default.
        PhysicalSizeX=x * 1e-3,
        PhysicalSizeXUnit=_UM,
        PhysicalSizeY=y * 1e-3,
        PhysicalSizeYUnit=_UM,
        Channel={"Name": [_clean(own["channel"])]},
        CommentAnnotation={"Namespace": OWN, "Value": json.dumps(own, allow_nan=False)},
        **_times(stack),
    )
    shown = {
        "unit": own["unit"],
        "channel": own["channel"],
        "content": own["content"],
        "source": own["file_path"],
    }
    for name, value in shown.items():
        image.annotations.append(_original(len(image.annotations), f"{OWN} {name}", _clean(value)))
    return image.tostring(declaration=True).encode("ascii", errors="xmlcharrefreplace")


def _sentence(own: dict[str, Any]) -> str:
    """Return what the numbers of a file are."""
    if own["content"] != "pixels":
        return f"{own['content']} of {own['file_path']}"
    return f"{own['channel']}, values in {own['unit'] or 'an unknown unit'}"


def _original(number: int, key: str, value: str) -> str:
    """Return an annotation that Bio-Formats shows among the original metadata."""
    return (
        f'<XMLAnnotation ID="Annotation:{number}" Namespace="{_ORIGINAL}"><Value><OriginalMetadata>'
        f"<Key>{escape(key)}</Key><Value>{escape(value)}</Value></OriginalMetadata></Value></XMLAnnotation>"
    )


def _clean(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)


def _times(stack: Stack) -> dict[str, Any]:
    """Return the time of each plane, s, and the interval where it is the same throughout."""
    times = np.asarray(stack.get_frame_times(), dtype=np.float64)
    if not stack.has_times or not np.isfinite(times).all():
        return {}
    stated: dict[str, Any] = {"Plane": {"DeltaT": times.tolist(), "DeltaTUnit": ["s"] * len(times)}}
    intervals = np.diff(times)
    if len(intervals) and np.allclose(intervals, intervals[0], rtol=1e-6, atol=0) and intervals[0] > 0:
        stated.update(TimeIncrement=float((times[-1] - times[0]) / len(intervals)), TimeIncrementUnit="s")
    return stated
