"""Write a stack as OME-Zarr (NGFF 0.5, zarr v3), block by block."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.core.executor import map_frames
from playNano.core.files import atomic_folder
from playNano.core.lazy import frames_per_chunk
from playNano.core.stack import Stack
from playNano.errors import ParameterError
from playNano.io.formats.zarr_store import METADATA, METADATA_V2
from playNano.io.own_metadata import OWN, frame_interval_s, own_metadata

_STORED_BYTES = 8 * 2**20
"""Size of one chunk of the store, bytes."""


def write_ome_zarr(stack: Stack, path: str | Path) -> Path:
    """Write the pixels and metadata of a stack as an OME-Zarr store, which `load_afm_stack` reads.

    Frames are written block by block as they are computed, on the cluster if a client is active; a lazy
    movie is never loaded into memory as a whole. `path` is created only when all data are written; the metadata of
    the store are written last, so that the temporary store of an interrupted run cannot be opened.

    Parameters
    ----------
    stack
        The movie. Its current pixels, times, scan geometry, metadata and list of processing
        steps are written; masks and results are not (see `playNano.io.export.bundle.write_bundle`).
    path
        The store, a folder whose name should end in ``.ome.zarr``; an existing store is replaced.

    Returns
    -------
    Path
        The store.

    Raises
    ------
    OSError
        If the store cannot be written, or `path` is a folder that is not a zarr store. An existing store is kept.
    ParameterError
        If zarr is not installed.
    """
    try:
        import zarr
        from zarr.codecs import BloscCodec, Crc32cCodec
    except ImportError as error:
        raise ParameterError('zarr stores need `pip install "playNano[cluster]"`') from error
    target = Path(path)
    if target.exists() and not any((target / name).is_file() for name in (METADATA, METADATA_V2)):
        raise FileExistsError(f"{target} exists and is not a zarr store; give another name")
    data = stack.data
    frames = frames_per_chunk(data.shape, data.dtype.itemsize)
    if stack.is_lazy:
        data = data.rechunk({0: frames})
    with atomic_folder(target) as temporary:
        array = zarr.create_array(
            store=str(temporary / "0"),
            shape=data.shape,
            chunks=(_stored_frames(data, frames), *data.shape[1:]),
            dtype=np.uint8 if data.dtype == np.bool_ else data.dtype,
            # Blosc decodes a truncated chunk to wrong numbers without an error; the checksum detects it.
            compressors=[BloscCodec(cname="zstd", clevel=1, shuffle="shuffle"), Crc32cCodec()],
            dimension_names=("t", "y", "x"),
            # A chunk that is not there must mean that it was lost, not that its pixels are all 0.
            config={"write_empty_chunks": True},
        )
        # Blocks are aligned with the chunks of the store, so that no two blocks write the same chunk.
        map_frames(_Writer(array), data, what="ome-zarr", block_frames=frames)
        content = {"zarr_format": 3, "node_type": "group", "attributes": _attributes(stack)}
        (temporary / METADATA).write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
    return target


@dataclass(frozen=True)
class _Writer:
    """Write a block of frames to the array, which other processes open by themselves."""

    array: Any

    def __call__(self, start: int, block: npt.NDArray[Any]) -> None:
        self.array[start : start + len(block)] = block


def _stored_frames(data: Any, frames: int) -> int:
    """Return the number of frames in a chunk of the store: a divisor of that in a block."""
    fitting = max(1, _STORED_BYTES // max(1, data.dtype.itemsize * int(np.prod(data.shape[1:]))))
    return max(n for n in range(1, min(fitting, frames) + 1) if frames % n == 0)


def _attributes(stack: Stack) -> dict[str, Any]:
    """Return the attributes of the store: OME multiscales, and metadata specific to playNano."""
    y, x = stack.pixel_size_yx_nm
    interval = frame_interval_s(stack)
    time: dict[str, Any] = {"name": "t", "type": "time"}
    if interval is not None:
        time["unit"] = "second"
    image = {
        "name": stack.file_path.name,
        "axes": [
            time,
            {"name": "y", "type": "space", "unit": "nanometer"},
            {"name": "x", "type": "space", "unit": "nanometer"},
        ],
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [interval or 1.0, y, x]}]}
        ],
    }
    return {"ome": {"version": "0.5", "multiscales": [image]}, OWN: own_metadata(stack)}
