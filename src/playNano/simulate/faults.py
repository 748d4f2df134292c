"""Faults of a movie: scars, blank frames and torn frames, drawn at random and injected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.simulate import _checks as check
from playNano.simulate.scanner import Scanner

if TYPE_CHECKING:
    import pandas as pd

Image = npt.NDArray[np.float32]

_COLUMNS = ("kind", "frame", "row", "n_rows", "col", "n_cols", "size_nm")


@dataclass(frozen=True)
class Faults:
    """Faults to inject.

    Parameters
    ----------
    scars_per_frame
        Mean number of scars per frame (parts of a line where the tip jumped), >= 0.
    scar_nm
        Standard deviation of the height of scars, nm, >= 0; heights of both signs occur.
    scar_px
        Mean length of scars, px, > 0 (exponential distribution).
    blank_share, torn_share
        Probability that a frame is blank, or torn, from 0 to 1.
    blank_frames, torn_frames
        Indices of frames that are blank, or torn, whatever the probabilities.
    blank_nm
        Height of every pixel of a blank frame, nm.
    torn_nm
        Standard deviation of the jump at the tear, nm, > 0: all lines scanned after it are offset by the jump, and
        do not show the particles, because the tip parachutes.

    Examples
    --------
    >>> Faults(scars_per_frame=0.5, blank_frames=(7,)).blank_frames
    (7,)
    """

    scars_per_frame: float = 0.0
    scar_nm: float = 5.0
    scar_px: float = 30.0
    blank_share: float = 0.0
    torn_share: float = 0.0
    blank_frames: tuple[int, ...] = ()
    torn_frames: tuple[int, ...] = ()
    blank_nm: float = 0.0
    torn_nm: float = 30.0

    def __post_init__(self) -> None:
        check.not_negative(self, scars_per_frame=self.scars_per_frame, scar_nm=self.scar_nm)
        check.positive(self, scar_px=self.scar_px, torn_nm=self.torn_nm)
        check.fraction(self, blank_share=self.blank_share, torn_share=self.torn_share)
        check.number(self, blank_nm=self.blank_nm)
        for name in ("blank_frames", "torn_frames"):
            frames = tuple(getattr(self, name))
            for frame in frames:
                check.whole(self, 0, **{name: frame})
            object.__setattr__(self, name, tuple(int(f) for f in frames))


def plan_faults(faults: Faults, scanner: Scanner, seed: np.random.SeedSequence) -> pd.DataFrame:
    """Draw the faults of a movie at random.

    Parameters
    ----------
    faults, scanner
        Probabilities and sizes of the faults, and the raster of the movie.
    seed
        Seed.

    Returns
    -------
    pandas.DataFrame
        One row per fault: `kind` ("scar", "blank", "torn"), `frame`, `row` and `n_rows` (first row in the image
        and their number), `col`, `n_cols`, `size_nm` (height of the scar, height of the blank frame, jump at the
        tear).
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    h, w = scanner.shape
    rows: list[tuple[str, int, int, int, int, int, float]] = []
    for f in range(scanner.n_frames):
        draws = rng.uniform(size=2)
        blank = draws[0] < faults.blank_share or f in faults.blank_frames
        torn = draws[1] < faults.torn_share or f in faults.torn_frames
        tear, jump = int(rng.integers(1, h)), float(rng.normal(0.0, faults.torn_nm))
        for _ in range(int(rng.poisson(faults.scars_per_frame))):
            col = int(rng.integers(0, w))
            length = min(1 + int(rng.exponential(faults.scar_px)), w - col)
            rows.append(
                ("scar", f, int(rng.integers(0, h)), 1, col, length, float(rng.normal(0, faults.scar_nm)))
            )
        if blank:
            rows = [row for row in rows if row[1] != f]
            rows.append(("blank", f, 0, h, 0, w, faults.blank_nm))
        elif torn:
            order = scanner.row_order(f)[tear:]
            rows.append(("torn", f, int(order.min()), len(order), 0, w, jump))
    return pd.DataFrame(rows, columns=list(_COLUMNS)).sort_values(["frame", "kind"], ignore_index=True)


def inject_faults(frames: Image, first: int, table: pd.DataFrame, scanner: Scanner) -> None:
    """Inject the faults of a table into frames, in place.

    Parameters
    ----------
    frames
        Heights with noise, nm, float32 (k, height, width).
    first
        Index of the first frame in the movie.
    table
        Faults as `plan_faults` returns them.
    scanner
        The raster.
    """
    here = table[(table["frame"] >= first) & (table["frame"] < first + len(frames))]
    columns = (here[name].to_list() for name in _COLUMNS)
    for kind, frame, row, n_rows, col, n_cols, size_nm in zip(*columns, strict=True):
        image = frames[frame - first]
        rows = slice(row, row + n_rows)
        if kind == "scar":
            image[rows, col : col + n_cols] += np.float32(size_nm)
        elif kind == "blank":
            image[:] = np.float32(size_nm)
        else:
            # A parachuting tip does not trace the surface: only the mean of each line is left.
            lost = image[rows]
            lost[:] = lost.mean(axis=1, keepdims=True) + np.float32(size_nm)
