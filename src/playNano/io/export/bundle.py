"""Write a stack with its steps, masks, results and records to one HDF5 file."""

from __future__ import annotations

from pathlib import Path

from playNano.core.edits import note_changed_pixels
from playNano.core.files import atomic_write
from playNano.core.serialize import write_tree
from playNano.core.stack import Stack
from playNano.io.formats.bundle import FORMAT, STACK, VERSION


def write_bundle(stack: Stack, path: str | Path) -> Path:
    """Write a stack with all its results to an HDF5 bundle, which `load_afm_stack` restores completely.

    Parameters
    ----------
    stack
        The movie with its results. An array that occurs several times is stored once.
    path
        The file (``.h5``); its folder is created if necessary.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    import h5py

    note_changed_pixels(stack)
    info = {
        "pixel_size_nm": list(stack.pixel_size_yx_nm),
        "channel": stack.channel,
        "unit": stack.unit,
        "file_path": str(stack.file_path),
        "frame_metadata": stack.frame_metadata,
        "scan": None if stack.scan is None else stack.scan.to_dict(),
        "metadata": stack.metadata,
    }
    tree = {
        "info": info,
        "data": stack.data,
        "processed": stack.processed,
        "masks": stack.masks,
        "analysis": stack.analysis,
        "provenance": stack.provenance,
    }
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"] = FORMAT
        file.attrs["version"] = VERSION
        write_tree(file, STACK, tree)
    return Path(path)
