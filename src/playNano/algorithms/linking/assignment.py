"""Optimal assignment (sparse LAPJV) of detections to open tracks from frame to frame, or of rows to columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.threads import frame_blocks, in_threads
from playNano.algorithms.linking.detections import Floats, Indices, Ints, SearchRange, build_grid

if TYPE_CHECKING:
    from playNano.algorithms.linking._kernels.grid import Detections

# A link at the edge of the search range costs 0; this makes it better than none.
SKIP_SURPLUS = 1e-9


def match_frames(points: Detections, search: SearchRange, velocity: Floats | None = None) -> Indices:
    """Link detections from frame to frame by optimal assignment; return the previous one in each track, or -1.

    Parameters
    ----------
    points
        Detections in canonical order.
    search
        Search range, and number of frames that a link may span; its `cap` is not used.
    velocity
        Velocity after each detection, (N, D), per frame interval, if no link leads to it: distances are then measured
        from positions predicted by the velocity of the track. None: from the last position.
    """
    from playNano.algorithms.linking._kernels.assignment import new_matching
    from playNano.algorithms.linking._kernels.frames import FrameLinks, link_block

    n, n_frames = points.frame_of.size, points.frame_ptr.size - 1
    previous = np.full(n, -1, np.int32)
    if not n:
        return previous
    grid, limits = build_grid(points, search.max_distance), search.limits()
    max_detections = int(np.diff(points.frame_ptr).max())
    predicted = np.zeros((0, points.position.shape[1])) if velocity is None else velocity.copy()
    links = FrameLinks(np.zeros(n, np.int32), previous, predicted)

    def run(frames: tuple[int, int]) -> None:
        state = new_matching(min(search.n_gaps, n_frames) * max_detections, max_detections)
        link_block(points, grid, limits, frames, SKIP_SURPLUS, state, links)

    # Without gap closing and prediction, the open tracks depend only on the previous frame.
    independent = search.n_gaps == 1 and velocity is None
    in_threads(run, frame_blocks(points.frame_ptr) if independent else [(0, n_frames)])
    return previous


def match_rows(
    ptr: Ints, cols: npt.NDArray[np.int32], cost: Floats, n_cols: int, *, skip: float = 0.0
) -> npt.NDArray[np.int64]:
    """Assign rows to columns at minimum total cost (sparse linear assignment problem, solved exactly).

    A row may stay unassigned at the cost `skip`, a column for free.

    Parameters
    ----------
    ptr
        Row r has the edges ptr[r] .. ptr[r + 1], (n_rows + 1,).
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

    References
    ----------
    Jonker, Volgenant: A shortest augmenting path algorithm for dense and sparse linear assignment problems,
    Computing 38, 1987, doi 10.1007/BF02278710.

    Examples
    --------
    >>> import numpy as np
    >>> ptr, cols = np.array([0, 2, 3]), np.array([0, 1, 0], np.int32)
    >>> match_rows(ptr, cols, np.array([-5.0, -4.0, -3.0]), 2).tolist()
    [1, 2]
    """
    from playNano.algorithms.linking._kernels.assignment import Edges, assign_rows, new_matching

    n_rows = ptr.size - 1
    state = new_matching(n_rows, n_cols)
    ptr = np.ascontiguousarray(ptr, dtype=np.int64)
    col, cost = np.ascontiguousarray(cols, dtype=np.int32), np.ascontiguousarray(cost, dtype=np.float64)
    assign_rows(np.flatnonzero(np.diff(ptr)), Edges(ptr[:-1], ptr[1:], col, cost), float(skip), state)
    return np.asarray(state.edge_of_row)
