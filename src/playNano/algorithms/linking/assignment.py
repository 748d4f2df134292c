"""Exact assignment of detections to tracks: frame after frame, or over candidate links of a whole movie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.threads import frame_blocks, in_threads
from playNano.algorithms.linking.detections import Floats, Ints, Reach, sort_into_cells

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

# A link at the very edge of the reach is worth nothing; this makes it better than none.
SKIP_SURPLUS = 1e-9


def match_frames(points: Detections, reach: Reach) -> npt.NDArray[np.int32]:
    """Return the detection before each detection in its track, or -1, by frame-to-frame assignment.

    Parameters
    ----------
    points
        Detections in canonical order.
    reach
        How far, and over how many frames, a link may go; its `limit2` has no part in this.
    """
    from playNano.algorithms.linking._kernels.assignment import new_matching
    from playNano.algorithms.linking._kernels.frames import link_block

    n, n_gaps = points.frame_of.size, reach.n_gaps
    n_frames = points.frame_ptr.size - 1
    previous = np.full(n, -1, np.int32)
    if not n:
        return previous
    grid = sort_into_cells(points, reach.max_distance)
    taken = np.zeros(n, np.int32)
    most = int(np.diff(points.frame_ptr).max())

    def run(frames: tuple[int, int]) -> None:
        state = new_matching(min(n_gaps, n_frames) * most, most)
        base2 = reach.max_distance**2
        link_block(points, grid, frames, n_gaps, base2, reach.power, SKIP_SURPLUS, state, taken, previous)

    # Without gaps, what is open depends on one frame alone.
    in_threads(run, frame_blocks(points.frame_ptr) if n_gaps == 1 else [(0, n_frames)])
    return previous


def match_rows(
    ptr: Ints, cols: npt.NDArray[np.int32], cost: Floats, n_cols: int, *, skip: float = 0.0
) -> npt.NDArray[np.int64]:
    """Assign rows to columns at least total cost; a row may stay alone at the cost `skip`, a column for free.

    Parameters
    ----------
    ptr
        Edges of row r are ptr[r] .. ptr[r + 1], (n_rows + 1,).
    cols
        Column of each edge, (n_edges,).
    cost
        Cost of each edge, (n_edges,).
    n_cols
        Number of columns.
    skip
        Cost of a row without a column.

    Returns
    -------
    ndarray of int64, (n_rows,)
        Chosen edge of each row, or -1.

    Examples
    --------
    >>> import numpy as np
    >>> ptr, cols = np.array([0, 2, 3]), np.array([0, 1, 0], np.int32)
    >>> match_rows(ptr, cols, np.array([-5.0, -4.0, -3.0]), 2).tolist()
    [1, 2]
    """
    from playNano.algorithms.linking._kernels.assignment import assign_rows, new_matching

    n_rows = ptr.size - 1
    state = new_matching(n_rows, n_cols)
    ptr = np.ascontiguousarray(ptr, dtype=np.int64)
    rows = np.flatnonzero(np.diff(ptr)).astype(np.int64)
    assign_rows(
        rows,
        ptr[:-1],
        ptr[1:],
        np.ascontiguousarray(cols, dtype=np.int32),
        np.ascontiguousarray(cost, dtype=np.float64),
        float(skip),
        state,
    )
    return np.asarray(state.edge_of_row)
