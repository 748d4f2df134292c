"""A frame of the movie beside the same frame of its replanted copy, for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.validate.reference import Reference
from playNano.validate.replanting import Replanter
from playNano.validate.running import Run
from playNano.validate.samples import Sample
from playNano.validate.scores import Scored

if TYPE_CHECKING:
    import pandas as pd

    from playNano.afm_stack import AFMImageStack


@dataclass(frozen=True, eq=False)
class Example:
    """A frame of the movie and the same frame of its replanted copy.

    Parameters
    ----------
    movie, copy
        Levelled heights in which particles rise, nm, (h, w).
    outlines, copy_outlines
        Regions of the reference in the movie and in the copy, bool, (h, w).
    true, hit
        Positions (x, y) of the particles put back, px, (k, 2), and whether the pipeline detected them, (k,).
    detected_in_movie, detected_in_copy
        Detections (x, y) of the pipeline, px.
    frame
        Number of the frame in the movie.
    """

    movie: npt.NDArray[np.float32]
    copy: npt.NDArray[np.float32]
    outlines: npt.NDArray[np.bool_]
    copy_outlines: npt.NDArray[np.bool_]
    true: npt.NDArray[np.float64]
    hit: npt.NDArray[np.bool_]
    detected_in_movie: npt.NDArray[np.float64]
    detected_in_copy: npt.NDArray[np.float64]
    frame: int


def example_of(
    replanter: Replanter,
    run: Run,
    raw: AFMImageStack | None,
    again: Reference | None,
    copies: Sequence[Sample],
    runs: Sequence[Run],
    scored: Sequence[Scored],
) -> Example:
    """Return the middle frame of the movie and of its first copy.

    Parameters
    ----------
    replanter
        The movie and its reference.
    run
        Result of the pipeline on the movie.
    raw, again
        The first copy, and the reference detection of it; None where there is none.
    copies, runs, scored
        Processed copies, results of the pipeline on them, and their scores.
    """
    r, stack = replanter.reference, replanter.stack
    good = np.flatnonzero(replanter.usable)
    k = int(good[len(good) // 2])
    size, origin = np.array(stack.pixel_size_yx_nm)[::-1], np.array(stack.origin_nm)[::-1]

    def places(table: pd.DataFrame, which: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
        """Return (x, y) in the frame, px."""
        here = (table["frame"] == k).to_numpy()
        if which is not None:
            here = here & which
        return np.asarray((table.loc[here, ["x_nm", "y_nm"]].to_numpy(np.float64) - origin) / size)

    none, outlines = np.zeros((0, 2)), r.labels[k] > 0
    if raw is None or again is None:
        return Example(
            r.level_nm[k],
            r.level_nm[k],
            outlines,
            outlines,
            none,
            np.zeros(0, bool),
            places(run.detections),
            none,
            k,
        )
    change = np.asarray(raw.data[k], dtype=np.float64) - np.asarray(stack.data[k])
    truth, inner = copies[0].truth, scored[0].inner
    return Example(
        movie=r.level_nm[k],
        copy=(r.level_nm[k] + r.sign * change).astype(np.float32),
        outlines=outlines,
        copy_outlines=again.labels[k] > 0,
        true=places(truth, inner),
        hit=scored[0].hit[(truth["frame"] == k).to_numpy() & inner],
        detected_in_movie=places(run.detections),
        detected_in_copy=places(runs[0].detections),
        frame=k,
    )
