"""Write a simulated movie to a file, and its truth to tables beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from playNano.core.files import atomic_write
from playNano.errors import ParameterError
from playNano.simulate.movie import SimulatedMovie

TABLES = ("truth", "particles", "events", "faults")

_VOLTS = 5.0
# Fraction of the converter's range that the movie covers.
_FILLED = 0.95
# A code that no instrument writes, so that readers do not assume an upward scan.
_NOT_UP = -1


def save_movie(movie: SimulatedMovie, path: str | Path, *, asd_version: int = 1) -> list[Path]:
    """Write a movie to one file, and its truth tables beside it.

    Parameters
    ----------
    movie
        A simulated movie.
    path
        File that ends in ``.npz`` (numpy), ``.h5`` (bundle of playNano) or ``.asd`` (the format of high-speed AFMs,
        which rounds heights to 4096 steps of a converter whose range is adapted to the movie, and supports upward scans
        only: other movies are written without a direction, and detections in them have the times of their frames). Its
        folder is created if needed; existing files are replaced.
    asd_version
        Header version of an ``.asd`` file: 0, 1 or 2.

    Returns
    -------
    list of pathlib.Path
        The movie; then ``<name>_truth.csv``, ``_particles.csv``, ``_events.csv``, ``_faults.csv`` (the tables of
        `SimulatedMovie`), and ``<name>_simulation.json`` (the description of the simulation, seed included).

    Raises
    ------
    ParameterError
        The file name has another ending, or the format cannot hold the movie.
    OSError
        A file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from playNano.simulate.movie import simulate_movie
    >>> movie = simulate_movie(2, (32, 32), n_particles=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [p.name for p in save_movie(movie, Path(folder) / "a.npz")[:2]]
    ['a.npz', 'a_truth.csv']
    """
    path = check_path(path)
    _WRITERS[path.suffix](movie, path, asd_version)
    written = [path]
    for name in TABLES:
        target = path.with_name(f"{path.stem}_{name}.csv")
        with atomic_write(target) as temporary:
            getattr(movie, name).to_csv(temporary, index=False)
        written.append(target)
    target = path.with_name(f"{path.stem}_simulation.json")
    with atomic_write(target) as temporary:
        temporary.write_text(json.dumps(movie.description, indent=1, default=str) + "\n", encoding="utf-8")
    return [*written, target]


def check_path(path: str | Path) -> Path:
    """Return a path to which a movie can be written.

    Parameters
    ----------
    path
        File that ends in ``.npz``, ``.h5`` or ``.asd``.

    Raises
    ------
    ParameterError
        If the file name does not have one of the endings of `save_movie`.
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise ParameterError(f"{path.name} must end in one of {', '.join(_WRITERS)}")
    return path


def _write_npz(movie: SimulatedMovie, path: Path, _: int) -> None:
    from playNano.io.export.numpy_files import write_npz

    write_npz(movie.to_stack(), path)


def _write_bundle(movie: SimulatedMovie, path: Path, _: int) -> None:
    from playNano.io.export.bundle import write_bundle

    write_bundle(movie.to_stack(), path)


def _write_asd(movie: SimulatedMovie, path: Path, version: int) -> None:
    """Write a movie as .asd, with a converter range adapted to its heights."""
    from playNano.io.export.asd import write_asd

    scan = movie.scan
    up = scan.direction == "up" and not scan.alternating
    # Rounded to 0.1 nm/V, like the calibrations of scanners.
    largest = float(np.abs(movie.data).max()) / _VOLTS / _FILLED
    write_asd(
        path,
        movie.data,
        pixel_size_nm=movie.pixel_size_nm,
        frame_time_s=movie.frame_time_s,
        version=version,
        z_piezo_extension=max(math.ceil(10 * largest), 1) / 10,
        z_piezo_gain=1.0,
        comment="simulated by playNano",
        scan_direction=None if up else _NOT_UP,
    )


_WRITERS: dict[str, Callable[[SimulatedMovie, Path, int], None]] = {
    ".npz": _write_npz,
    ".h5": _write_bundle,
    ".asd": _write_asd,
}
