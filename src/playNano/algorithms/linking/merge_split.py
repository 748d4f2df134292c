"""Detection of merges and splits: tracks that end in another track, or start from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_rows
from playNano.algorithms.linking.detections import Floats, Ints
from playNano.algorithms.linking.rates import field_size
from playNano.algorithms.linking.tables import require_columns, rows_by_track
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

# Number of detections on either side of an event over which the mass of a particle is averaged.
MASS_MEMORY = 3
EM_ITERATIONS = 20
MIN_PROBABILITY = 0.5
# The centre of a pair is displaced from the centres of its parts, so that the step into a merge is longer than
# others, the more so the slower the particles are relative to their size.
FIRST_WIDENINGS = (2.0, 16.0, 128.0)


@dataclass(frozen=True)
class _Tracks:
    """Detections sorted by track and frame.

    `row` is the row of the table; `before` and `after` are indices of the neighbours in the same track, or -1.
    """

    row: Ints
    track: Ints
    frame: Ints
    position: Floats
    mass: Floats | None
    before: Ints
    after: Ints


@dataclass(frozen=True)
class _Search:
    """Scales of the search: rms step, search range, frames that an event may span, and density of the particles."""

    step: float
    max_distance: float
    n_gaps: int
    density: float


@dataclass(frozen=True)
class _Candidates:
    """Candidate merges: end (0 .. n_ends - 1), squared distance, gap in frames and log likelihood ratio of the mass."""

    end: Ints
    n_ends: int
    squared: Floats
    gap: Ints
    mass_log_ratio: Floats


def no_events(columns: Sequence[str] = ("y", "x")) -> pd.DataFrame:
    """Return a table of events without rows; see `find_events` for its columns.

    Parameters
    ----------
    columns
        Coordinate columns.
    """
    import pandas as pd

    whole, real = np.zeros(0, np.int64), np.zeros(0)
    return pd.DataFrame(
        {
            "kind": pd.Series([], dtype="object"),
            "frame": whole,
            "track_id": whole,
            "partner_id": whole,
            "source": whole,
            "target": whole,
            **dict.fromkeys(columns, real),
            "distance": real,
            "probability": real,
        }
    )


def find_events(
    table: pd.DataFrame,
    track_id: npt.ArrayLike,
    *,
    step: float,
    max_distance: float,
    max_missing: int = 0,
    columns: Sequence[str] = ("y", "x"),
    mass: str | None = None,
    observed: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Find merges, where a track ends in another one, and splits, where it starts from another one.

    An end is a merge if another track, which existed before, passes closer in the following frames than is
    explained by chance. With the probability p that an end is a merge, the distribution f(d) of the distance d of
    partners after a merge, and the density rho of other particles, the likelihood ratio of a merge with a given
    partner is p f(d) / (rho (1 - p)); p and the width of f are estimated from all ends by expectation maximisation
    (EM). With a mass, the likelihood ratio that the partner has gained the lost mass is included. Splits are merges
    with time reversed. Each detection belongs to at most one event of a kind, by an exact assignment.

    Parameters
    ----------
    table
        Detections: `frame` and the coordinates.
    track_id
        Track of each detection, (N,); negative: none.
    step
        Root mean squared displacement per frame interval; > 0.
    max_distance
        Maximum distance of an end and its partner over one frame interval; > 0.
    max_missing
        Number of frames that may lie between an end and the detection that it merged into; >= 0.
    columns
        Coordinate columns.
    mass
        Column that adds up in a merge; None: only positions are used.
    observed
        Per frame, whether it was observed, (n_frames,) bool; None: all were.

    Returns
    -------
    DataFrame
        One row per event: `kind` ("merge", "split"), `frame` (first frame after it), `track_id` (the track
        that ended or began), `partner_id`, `source` and `target` (rows of `table` before and after the
        event), the coordinates of the merged particle, `distance`, `probability`; by frame.

    Raises
    ------
    ParameterError
        If a column is missing or a parameter outside its limits.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 1, 2, 3, 0, 1], "y": 0.0, "x": [0.0, 0.0, 1.0, 1.0, 3.0, 2.0]})
    >>> table = pd.concat([table, table.iloc[:1].assign(y=40.0, x=40.0)])
    >>> events = find_events(table, [0, 0, 0, 0, 1, 1, 2], step=1.0, max_distance=3.0)
    >>> events[["kind", "frame", "track_id", "partner_id"]].values.tolist()
    [['merge', 2, 1, 0]]
    """
    import pandas as pd

    _check(table, columns, mass, step, max_distance, max_missing)
    track = np.asarray(track_id, dtype=np.int64)
    if not (track >= 0).any():
        return no_events(columns)
    frame = table["frame"].to_numpy(np.int64)
    seen = np.ones(int(frame.max(initial=-1)) + 1, np.bool_) if observed is None else np.asarray(observed)
    rank = np.cumsum(seen) - 1
    position = table[list(columns)].to_numpy(np.float64)
    masses = None if mass is None else table[mass].to_numpy(np.float64)
    density = _density(position, rank[frame], track >= 0, max_distance)
    search = _Search(step, max_distance, max_missing + 1, density)
    parts = []
    for kind, sign in (("merge", 1), ("split", -1)):
        tracks = _sorted_tracks(sign * rank[frame], track, position, masses)
        last = sign * (int(rank[-1]) if sign > 0 and rank.size else 0)
        parts.append(_as_table(_find_merges(tracks, search, last), tracks, kind, table, columns))
    return pd.concat(parts, ignore_index=True).sort_values(["frame", "kind", "track_id"], ignore_index=True)


def lineages(n_tracks: int, events: pd.DataFrame) -> Ints:
    """Return the lineage of each track: connected components of the tracks that events join.

    Parameters
    ----------
    n_tracks
        Number of tracks.
    events
        Merges and splits, with `track_id` and `partner_id`.

    Returns
    -------
    ndarray of int64, (n_tracks,)
        Number of the lineage, in the order of the first tracks.

    Examples
    --------
    >>> import pandas as pd
    >>> lineages(3, pd.DataFrame({"track_id": [2], "partner_id": [0]})).tolist()
    [0, 1, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = events["track_id"].to_numpy(np.int64), events["partner_id"].to_numpy(np.int64)
    graph = coo_array((np.ones(len(events)), pairs), shape=(n_tracks, n_tracks))
    labels = connected_components(graph, directed=False)[1]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], dtype=np.int64)


def _check(
    table: pd.DataFrame,
    columns: Sequence[str],
    mass: str | None,
    step: float,
    max_distance: float,
    max_missing: int,
) -> None:
    """Raise `ParameterError` where a column is missing or a parameter outside its limits."""
    require_columns(table, ("frame", *columns, *(() if mass is None else (mass,))))
    for label, value in (("step", step), ("max_distance", max_distance)):
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"{label} must be a positive number; got {value!r}")
    if max_missing < 0:
        raise ParameterError(f"max_missing must be 0 or more; got {max_missing!r}")


def _density(position: Floats, rank: Ints, used: npt.NDArray[np.bool_], min_width: float) -> float:
    """Return the mean number of tracked particles per frame and unit of area, in a field of a minimum width."""
    if not used.any():
        return 1.0
    return float(used.sum()) / (np.unique(rank[used]).size * field_size(position[used], min_width))


def _sorted_tracks(frame: Ints, track: Ints, position: Floats, mass: Floats | None) -> _Tracks:
    """Sort the detections that have a track by track and frame."""
    row = rows_by_track(track, frame)
    same = track[row][1:] == track[row][:-1]
    index = np.arange(row.size)
    before, after = np.full(row.size, -1), np.full(row.size, -1)
    before[1:][same], after[:-1][same] = index[:-1][same], index[1:][same]
    return _Tracks(
        row, track[row], frame[row], position[row], None if mass is None else mass[row], before, after
    )


def _find_merges(tracks: _Tracks, search: _Search, last_frame: int) -> dict[str, npt.NDArray[Any]]:
    """Match track ends to the detections into which they may have merged."""
    ends = np.flatnonzero((tracks.after < 0) & (tracks.frame < last_frame))
    rows, cols = _near_passes(tracks, ends, search.max_distance, search.n_gaps)
    gap = tracks.frame[cols] - tracks.frame[ends[rows]]
    squared = ((tracks.position[cols] - tracks.position[ends[rows]]) ** 2).sum(axis=1)
    candidates = _Candidates(rows, ends.size, squared, gap, _mass_log_ratio(tracks, ends[rows], cols))
    probability = _merge_probabilities(candidates, search, tracks.position.shape[1])
    likely = probability > MIN_PROBABILITY
    rows, cols, probability, squared = rows[likely], cols[likely], probability[likely], squared[likely]
    ptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=ends.size))])
    cost = np.log(MIN_PROBABILITY) - np.log(probability)
    edge = match_rows(ptr, cols.astype(np.int32), cost, tracks.row.size)
    edge = edge[edge >= 0]
    return {
        "end": ends[rows[edge]],
        "into": cols[edge],
        "probability": probability[edge],
        "distance": np.sqrt(squared[edge]),
    }


def _near_passes(tracks: _Tracks, ends: Ints, max_distance: float, n_gaps: int) -> tuple[Ints, Ints]:
    """Pair each end with the later detections in the search range that belong to tracks that existed before."""
    from scipy.spatial import KDTree

    by_frame = np.argsort(tracks.frame, kind="stable")
    frames, starts = np.unique(tracks.frame[by_frame], return_index=True)
    edges = dict(
        zip(frames.tolist(), zip(starts, np.append(starts[1:], by_frame.size), strict=True), strict=True)
    )
    rows, cols = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    end_frame = tracks.frame[ends]
    for f in np.unique(end_frame):
        here = np.flatnonzero(end_frame == f)
        for g in range(1, n_gaps + 1):
            if int(f) + g not in edges:
                continue
            first, last = edges[int(f) + g]
            partners = by_frame[first:last]
            # The partner existed at the end: its previous detection lies in that frame or up to a gap earlier.
            earlier = tracks.before[partners]
            known = (earlier >= 0) & (tracks.frame[earlier] <= f) & (tracks.frame[earlier] > f - n_gaps)
            partners = partners[known]
            if not partners.size:
                continue
            tree = KDTree(tracks.position[partners])
            near = tree.query_ball_point(tracks.position[ends[here]], max_distance * np.sqrt(g))
            for m, neighbours in zip(here, near, strict=True):
                passing = partners[np.sort(np.asarray(neighbours, dtype=np.int64))]
                passing = passing[tracks.track[passing] != tracks.track[ends[m]]]
                rows.append(np.full(passing.size, m))
                cols.append(passing)
    row, col = np.concatenate(rows), np.concatenate(cols)
    order = np.lexsort([col, row])
    return row[order], col[order]


def _mass_log_ratio(tracks: _Tracks, end: Ints, into: Ints) -> Floats:
    """Return the log likelihood ratio that the partner has gained the lost mass; 0 without masses."""
    if tracks.mass is None or not end.size:
        return np.zeros(end.size)
    linked = np.flatnonzero(tracks.before >= 0)
    change = tracks.mass[linked] - tracks.mass[tracks.before[linked]]
    noise = max((1.4826 * float(np.median(np.abs(change)))) ** 2 / 2.0, 1e-12)
    lost, n_lost = _mean_mass(tracks, end, tracks.before)
    old, n_old = _mean_mass(tracks, tracks.before[into], tracks.before)
    new, n_new = _mean_mass(tracks, into, tracks.after)
    variance_pass = noise * (1.0 / n_old + 1.0 / n_new)
    variance_merge = variance_pass + noise / n_lost
    gain = new - old
    squares = gain**2 / variance_pass - (gain - lost) ** 2 / variance_merge
    return np.clip(0.5 * (squares + np.log(variance_pass / variance_merge)), -8.0, 8.0)


def _mean_mass(tracks: _Tracks, start: Ints, neighbour: Ints) -> tuple[Floats, Floats]:
    """Average the mass over up to MASS_MEMORY detections from `start` along the track; return mean and number."""
    assert tracks.mass is not None
    total, count = np.zeros(start.size), np.zeros(start.size)
    here = start.copy()
    for _ in range(MASS_MEMORY):
        valid = here >= 0
        total[valid] += tracks.mass[here[valid]]
        count[valid] += 1
        here = np.where(valid, neighbour[here], -1)
    return total / np.maximum(count, 1), np.maximum(count, 1)


def _merge_probabilities(candidates: _Candidates, search: _Search, dims: int) -> Floats:
    """Return the probability of each candidate, with the fraction of merges and their width estimated by EM.

    EM may converge to a local maximum: it starts from narrow and from wide merges, and the higher likelihood is used.
    """
    rows, squared, gap = candidates.end, candidates.squared, candidates.gap
    step_variance = search.step**2 / dims
    best, max_log_likelihood = np.zeros(rows.size), -np.inf
    for widening in FIRST_WIDENINGS:
        share, variance = 0.5, widening * step_variance
        for _ in range(EM_ITERATIONS):
            width = variance + (gap - 1) * step_variance
            log_norm = 0.5 * dims * np.log(2 * np.pi * width) + np.log(search.density)
            log_ratio = candidates.mass_log_ratio - 0.5 * squared / width - log_norm
            ratio = share * np.exp(np.clip(log_ratio, -50.0, 50.0))
            total = (1.0 - share) + np.bincount(rows, weights=ratio, minlength=candidates.n_ends)
            probability = ratio / total[rows]
            expected = float(probability.sum())
            share = float(np.clip((expected + 0.5) / (candidates.n_ends + 1.0), 0.01, 0.99))
            if expected > 3.0:
                variance = float((probability * squared / (1.0 + 0.5 * (gap - 1))).sum()) / (dims * expected)
                variance = max(variance, 0.25 * step_variance)
        log_likelihood = float(np.log(total).sum())
        if log_likelihood > max_log_likelihood:
            best, max_log_likelihood = probability, log_likelihood
    return best


def _as_table(
    merges: dict[str, npt.NDArray[Any]],
    tracks: _Tracks,
    kind: str,
    table: pd.DataFrame,
    columns: Sequence[str],
) -> pd.DataFrame:
    """Return the events of a kind as a table; with time reversed, an end is a start."""
    import pandas as pd

    end, into = tracks.row[merges["end"]], tracks.row[merges["into"]]
    # With time reversed, the merged particle comes first.
    source, target = (end, into) if kind == "merge" else (into, end)
    joint = table[list(columns)].to_numpy(np.float64)[into]
    return pd.DataFrame(
        {
            "kind": np.full(end.size, kind, dtype=object),
            "frame": table["frame"].to_numpy(np.int64)[target],
            "track_id": tracks.track[merges["end"]],
            "partner_id": tracks.track[merges["into"]],
            "source": source,
            "target": target,
            **{name: joint[:, k] for k, name in enumerate(columns)},
            "distance": merges["distance"],
            "probability": merges["probability"],
        }
    )
