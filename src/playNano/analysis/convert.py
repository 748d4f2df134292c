"""Convert a movie from any format that is read to any that is written, and report what the target does not keep."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playNano.analysis.exporters import exporter_registry
from playNano.core.lazy import computed
from playNano.core.stack import Stack
from playNano.errors import FileFormatError, ParameterError, PlayNanoWarning
from playNano.io.export import Exporter
from playNano.io.loader import find_reader, load_afm_stack, open_movie

# Keys that describe a file, not the movie in it.
_OF_FILE = {"format", "channels", "dtype", "processing"}


@dataclass(frozen=True)
class Conversion:
    """A converted movie.

    Parameters
    ----------
    path
        The file or folder that was written.
    lost
        What of the movie is not in it, or differs there, in words; empty if everything is kept.
    """

    path: Path
    lost: tuple[str, ...]


def convert_movie(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    to: str | None = None,
    channel: str | None = None,
    lazy: bool | None = None,
    overwrite: bool = False,
    options: Mapping[str, Any] | None = None,
    **reading: Any,
) -> Conversion:
    """Convert a movie to another format, block by block where it is kept on disk.

    Parameters
    ----------
    source
        A file or folder that `load_afm_stack` reads.
    target
        The file or folder to write; its ending selects the format.
    to
        Name of the exporter; None selects it by the ending of `target`.
    channel
        The channel; None means the height, or the first one if there is no height.
    lazy
        As for `load_afm_stack`: None keeps the pixels of a movie on disk that is larger than a quarter of the free
        memory.
    overwrite
        Whether an existing target is replaced.
    options
        Options of the exporter.
    **reading
        Options of the reader, such as ``allow_incomplete``.

    Returns
    -------
    Conversion
        The target, and what it does not keep: it is read again and compared with the movie.

    Raises
    ------
    ParameterError
        No format is written by the ending of `target`; `target` is the source, lies within it or contains it;
        an option is wrong.
    FileExistsError
        `target` exists and `overwrite` is false.
    FileFormatError
        The source cannot be read.
    OSError
        The target cannot be written; an existing one is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> from playNano.afm_stack import AFMImageStack
    >>> from playNano.io.export.bundle import write_bundle
    >>> stack = AFMImageStack(np.ones((2, 4, 4), np.float32), 2.0, "height_trace", "movie.asd")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = write_bundle(stack, Path(folder) / "movie.h5")
    ...     convert_movie(source, Path(folder) / "movie.npz").lost
    ()
    """
    source, target = Path(source), Path(target)
    exporter = exporter_for(target) if to is None else exporter_registry()[to]
    values = exporter.bind(dict(options or {}))
    one, other = source.resolve(), target.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ParameterError(f"{target}: the target must not be the source, lie within it or contain it")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists; give another name, or overwrite=True (--overwrite)")
    if channel is None:
        channel = _default_channel(source, reading)
    stack = load_afm_stack(source, channel, lazy=lazy, **reading)
    path = exporter.export(stack, target, **values)
    return Conversion(path, _lost(stack, exporter, path))


def exporter_for(path: str | os.PathLike[str]) -> Exporter:
    """Return the exporter for the ending of a file name.

    Parameters
    ----------
    path
        The file to write; ".zarr" stands for ".ome.zarr", ".tif" and ".tiff" for ".ome.tif".

    Returns
    -------
    Exporter
        That with the longest ending which fits, and of those the one that keeps the movie.

    Raises
    ------
    ParameterError
        No exporter has such an ending; the message lists those that there are.

    Examples
    --------
    >>> exporter_for("movie.zarr").name
    'ome-zarr'
    """
    name = _plain_name(Path(path).name)
    usable = exporter_registry().usable().values()
    fitting = [one for one in usable if name.endswith(_plain_name(one.suffix))]
    if not fitting:
        ending = Path(name).suffix
        fitting = [one for one in usable if ending and _plain_name(one.suffix).endswith(ending)]
    if not fitting:
        endings = ", ".join(sorted({one.suffix for one in usable if one.keeps}))
        raise ParameterError(
            f"{Path(path).name}: no format is written by this ending; movies end in {endings}"
        )
    return max(fitting, key=lambda one: (len(one.suffix), len(one.keeps)))


def _plain_name(name: str) -> str:
    name = name.casefold()
    return f"{name[:-5]}.tif" if name.endswith(".tiff") else name


def _default_channel(source: Path, reading: Mapping[str, Any]) -> str:
    with warnings.catch_warnings():
        # Loading the movie issues them again.
        warnings.simplefilter("ignore", PlayNanoWarning)
        return open_movie(source, None, **reading).channel


def _lost(stack: Stack, exporter: Exporter, path: Path) -> tuple[str, ...]:
    """Return what a written file does not give back of a stack; by declaration where it cannot be read."""
    try:
        back = _read_again(stack, path)
    except FileFormatError:
        back = None
    if back is None and not exporter.keeps:
        return (exporter.limits or "the movie cannot be read back from it",)
    texts = []
    for name, (present, difference) in PROPERTIES.items():
        if not present(stack):
            continue
        by_declaration = None if name in exporter.keeps else "not kept"
        text = by_declaration if back is None else difference(stack, back)
        if text is not None:
            texts.append(f"{name}: {text}")
    return tuple(texts)


def _read_again(stack: Stack, path: Path) -> Stack | None:
    """Return a written movie, lazily; None if no reader gives it back by itself."""
    reader = find_reader(path)
    if reader.name == "npy":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlayNanoWarning)
        return load_afm_stack(path, open_movie(path, None).channel, lazy=True)


def _values(stack: Stack, back: Stack) -> str | None:
    """Compare the first, the central and the last frame."""
    if stack.data.shape != back.data.shape:
        return f"{back.data.shape} instead of {stack.data.shape}"
    difference = 0.0
    for frame in sorted({0, stack.n_frames // 2, stack.n_frames - 1} if stack.n_frames else set()):
        one, other = (np.asarray(computed(s.data[frame]), dtype=np.float64) for s in (stack, back))
        if not np.array_equal(np.isnan(one), np.isnan(other)):
            return "pixels that are NaN are not kept"
        with np.errstate(invalid="ignore"):
            change = np.abs(one - other)
        difference = max(difference, float(np.nanmax(change, initial=0.0)))
    return f"rounded, by up to {difference:.3g} {back.unit}" if difference else None


def _pixel_size(stack: Stack, back: Stack) -> str | None:
    same = np.allclose(stack.pixel_size_yx_nm, back.pixel_size_yx_nm, rtol=1e-9, atol=0)
    return None if same else f"{back.pixel_size_yx_nm} nm (y, x) instead of {stack.pixel_size_yx_nm}"


def _times(stack: Stack, back: Stack) -> str | None:
    if not back.has_times:
        return "not kept"
    one, other = (np.asarray(s.get_frame_times()) - s.get_frame_times()[0] for s in (stack, back))
    if not np.array_equal(np.isnan(one), np.isnan(other)):
        return "frames without a time have one"
    difference = float(np.nanmax(np.abs(one - other), initial=0.0))
    return f"differ by up to {difference:.6g} s" if difference > 1e-6 else None


def _frame_metadata(stack: Stack, back: Stack) -> str | None:
    lost = sorted({
        str(key)
        for one, other in zip(stack.frame_metadata, back.frame_metadata, strict=False)
        for key in one
        if key != "timestamp" and not _same(one[key], other.get(key))
    })  # fmt: skip
    return f"{', '.join(lost)} not kept" if lost else None


def _metadata(stack: Stack, back: Stack) -> str | None:
    lost = [
        str(key)
        for key, value in stack.metadata.items()
        if key not in _OF_FILE and not _same(value, back.metadata.get(key))
    ]
    more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    return f"{', '.join(lost[:5])}{more} not kept" if lost else None


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal after they have been plain JSON."""
    from playNano.core.serialize import json_safe

    try:
        return bool(json_safe(one) == json_safe(other))
    except TypeError:
        return False


def _scan(stack: Stack, back: Stack) -> str | None:
    if stack.scan == back.scan:
        return None
    one = {} if stack.scan is None else stack.scan.to_dict()
    other = {} if back.scan is None else back.scan.to_dict()
    lost = [key for key, value in one.items() if not _near(value, other.get(key))]
    return f"{', '.join(lost)} not kept" if lost else None


def _near(one: Any, other: Any) -> bool:
    numbers = isinstance(one, float) and isinstance(other, float)
    return bool(np.isclose(one, other, rtol=1e-6, atol=0)) if numbers else one == other


def _steps_of(stack: Stack) -> list[str]:
    steps = stack.provenance["processing"]["steps"] or stack.metadata.get("processing", ())
    return [str(step["name"]) for step in steps]


def _missing(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    lost = [key for key in one if key not in other]
    return f"{', '.join(lost)} not kept" if lost else None


Difference = Callable[[Stack, Stack], "str | None"]

PROPERTIES: dict[str, tuple[Callable[[Stack], bool], Difference]] = {
    "values": (lambda stack: True, _values),
    "pixel size": (lambda stack: True, _pixel_size),
    "unit": (
        lambda stack: True,
        lambda stack, back: None if stack.unit == back.unit else f"{back.unit!r} instead of {stack.unit!r}",
    ),
    "channel": (
        lambda stack: True,
        lambda stack, back: None if stack.channel == back.channel else f"named {back.channel!r}",
    ),
    "times": (lambda stack: stack.has_times, _times),
    "frame metadata": (
        lambda stack: any(set(entry) - {"timestamp"} for entry in stack.frame_metadata),
        _frame_metadata,
    ),
    "scan": (lambda stack: stack.scan is not None, _scan),
    "metadata": (lambda stack: bool(set(stack.metadata) - _OF_FILE), _metadata),
    "warnings": (
        lambda stack: bool(stack.provenance["warnings"]),
        lambda stack, back: (
            None
            if set(stack.provenance["warnings"]) <= set(back.provenance["warnings"])
            else "those of the reader are not kept"
        ),
    ),
    "steps": (
        lambda stack: bool(_steps_of(stack)),
        lambda stack, back: None if _steps_of(stack) == _steps_of(back) else "not kept",
    ),
    "snapshots and masks": (
        lambda stack: bool(len(stack.processed) or len(stack.masks)),
        lambda stack, back: _missing({**stack.processed, **stack.masks}, {**back.processed, **back.masks}),
    ),
    "results": (
        lambda stack: bool(stack.analysis),
        lambda stack, back: _missing(stack.analysis, back.analysis),
    ),
}
"""Name -> (whether a stack has it, what of it differs in a file read again, in words or None)."""
