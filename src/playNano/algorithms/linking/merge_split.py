"""Merges and splits: where a track ends in another one, or begins from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.linking.assignment import match_rows
from playNano.algorithms.linking.rates import field_size
from playNano.algorithms.linking.tables import rows_by_track
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Detections on either side that tell a particle's mass.
MASS_MEMORY = 3
ROUNDS = 20
LEAST_PROBABILITY = 0.5
# The centre of a pair lies off the centres of its parts: the step into a merge is wider than others, the more
# so the slower the particles are for their size.
FIRST_WIDENINGS = (2.0, 16.0, 128.0)


@dataclass(frozen=True)
class _Tracks:
    """Detections sorted by track and frame, with neighbours in their track."""

    row: Ints
    track: Ints
    frame: Ints
    where: Floats
    mass: Floats | None
    before: Ints
    after: Ints


def no_events(columns: Sequence[str] = ("y", "x")) -> pd.DataFrame:
    """Return the table of events without a row."""
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
    """Find where tracks merge into others, and where they split from them.

    An end is a merge if another track, which was there before, passes so near in the frames after it that
    chance does not explain it. With the probability p that an end is a merge, partners at distance d after
    a merge distributed as f(d), and other particles about at the density rho, the odds of a merge with a
    given partner are p f(d) / rho to 1 - p; p and the width of f are estimated from all ends. With a mass,
    the odds also hold that the partner has gained what was lost. Splits are merges with time turned round.
    Each detection takes part in one event of a kind at most, by an exact assignment.

    Parameters
    ----------
    table
        Detections: `frame` and the coordinates.
    track_id
        Track of each detection, (N,); negative: none.
    step
        Root mean squared displacement per frame interval; > 0.
    max_distance
        Farthest that an end and its partner may lie apart; > 0.
    max_missing
        Number of frames that may lie between an end and the detection that it merged into.
    columns
        Coordinate columns.
    mass
        Column that adds up in a merge; None: place alone decides.
    observed
        Per frame, whether it was observed, (n_frames,) bool; None: all were.

    Returns
    -------
    DataFrame
        One row an event: `kind` ("merge", "split"), `frame` (first frame after it), `track_id` (the track
        that ended or began), `partner_id`, `source` and `target` (rows of `table` before and after the
        event), the coordinates of the joint particle, `distance`, `probability`; by frame.

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
    where = table[list(columns)].to_numpy(np.float64)
    weight = None if mass is None else table[mass].to_numpy(np.float64)
    density = _density(where, rank[frame], track >= 0, max_distance)
    parts = []
    for kind, sign in (("merge", 1), ("split", -1)):
        tracks = _sorted_tracks(sign * rank[frame], track, where, weight)
        last = sign * (int(rank[-1]) if sign > 0 and rank.size else 0)
        found = _joins(tracks, step, max_distance, max_missing + 1, density, last)
        parts.append(_as_table(found, tracks, kind, table, columns))
    return pd.concat(parts, ignore_index=True).sort_values(["frame", "kind", "track_id"], ignore_index=True)


def lineages(n_tracks: int, events: pd.DataFrame) -> Ints:
    """Give each group of tracks that events join a number, in order of the first tracks.

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
    table: pd.DataFrame, columns: Sequence[str], mass: str | None, step: float, reach: float, missing: int
) -> None:
    for name in ("frame", *columns, *(() if mass is None else (mass,))):
        if name not in table.columns:
            raise ParameterError(
                f"the table has no column {name!r}; it has {', '.join(map(str, table.columns))}"
            )
    for label, value in (("step", step), ("max_distance", reach)):
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"{label} must be a positive number; got {value!r}")
    if missing < 0:
        raise ParameterError(f"max_missing must be 0 or more; got {missing!r}")


def _density(where: Floats, rank: Ints, used: npt.NDArray[np.bool_], reach: float) -> float:
    """Return the mean number of tracked particles per frame and unit of area; a field is as wide as the reach."""
    if not used.any():
        return 1.0
    return float(used.sum()) / (np.unique(rank[used]).size * field_size(where[used], reach))


def _sorted_tracks(frame: Ints, track: Ints, where: Floats, mass: Floats | None) -> _Tracks:
    row = rows_by_track(track, frame)
    same = track[row][1:] == track[row][:-1]
    index = np.arange(row.size)
    before, after = np.full(row.size, -1), np.full(row.size, -1)
    before[1:][same], after[:-1][same] = index[:-1][same], index[1:][same]
    return _Tracks(
        row, track[row], frame[row], where[row], None if mass is None else mass[row], before, after
    )


def _joins(
    tracks: _Tracks, step: float, reach: float, n_gaps: int, density: float, last_frame: int
) -> dict[str, npt.NDArray[Any]]:
    """Match track ends to the detections that they may have merged into."""
    ends = np.flatnonzero((tracks.after < 0) & (tracks.frame < last_frame))
    rows, cols = _near_passes(tracks, ends, reach, n_gaps)
    gap = tracks.frame[cols] - tracks.frame[ends[rows]]
    squared = ((tracks.where[cols] - tracks.where[ends[rows]]) ** 2).sum(axis=1)
    evidence = _mass_evidence(tracks, ends[rows], cols)
    probability = _probabilities(
        rows, ends.size, squared, gap, evidence, step, density, tracks.where.shape[1]
    )
    likely = probability > LEAST_PROBABILITY
    rows, cols, probability, squared = rows[likely], cols[likely], probability[likely], squared[likely]
    ptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=ends.size))])
    cost = np.log(LEAST_PROBABILITY) - np.log(probability)
    edge = match_rows(ptr, cols.astype(np.int32), cost, tracks.row.size)
    edge = edge[edge >= 0]
    return {
        "end": ends[rows[edge]],
        "into": cols[edge],
        "probability": probability[edge],
        "distance": np.sqrt(squared[edge]),
    }


def _near_passes(tracks: _Tracks, ends: Ints, reach: float, n_gaps: int) -> tuple[Ints, Ints]:
    """Pair each end with the detections just after it of other tracks, there before, that pass near."""
    from scipy.spatial import KDTree

    by_frame = np.argsort(tracks.frame, kind="stable")
    frames, starts = np.unique(tracks.frame[by_frame], return_index=True)
    edges = dict(
        zip(frames.tolist(), zip(starts, np.append(starts[1:], by_frame.size), strict=True), strict=True)
    )
    rows, cols = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    end_frame = tracks.frame[ends]
    for f in np.unique(end_frame):
        mine = np.flatnonzero(end_frame == f)
        for g in range(1, n_gaps + 1):
            if int(f) + g not in edges:
                continue
            lo, hi = edges[int(f) + g]
            there = by_frame[lo:hi]
            # The partner was there when the end was: its detection before lies at that frame or a gap
            # earlier.
            earlier = tracks.before[there]
            known = (earlier >= 0) & (tracks.frame[earlier] <= f) & (tracks.frame[earlier] > f - n_gaps)
            there = there[known]
            if not there.size:
                continue
            near = KDTree(tracks.where[there]).query_ball_point(tracks.where[ends[mine]], reach * np.sqrt(g))
            for m, found in zip(mine, near, strict=True):
                chosen = there[np.sort(np.asarray(found, dtype=np.int64))]
                chosen = chosen[tracks.track[chosen] != tracks.track[ends[m]]]
                rows.append(np.full(chosen.size, m))
                cols.append(chosen)
    row, col = np.concatenate(rows), np.concatenate(cols)
    order = np.lexsort([col, row])
    return row[order], col[order]


def _mass_evidence(tracks: _Tracks, end: Ints, into: Ints) -> Floats:
    """Return the log-likelihood ratio that the partner gained the mass that was lost."""
    if tracks.mass is None or not end.size:
        return np.zeros(end.size)
    linked = np.flatnonzero(tracks.before >= 0)
    change = tracks.mass[linked] - tracks.mass[tracks.before[linked]]
    noise = max((1.4826 * float(np.median(np.abs(change)))) ** 2 / 2.0, 1e-12)
    lost, n_lost = _mean_mass(tracks, end, tracks.before)
    had, n_had = _mean_mass(tracks, tracks.before[into], tracks.before)
    has, n_has = _mean_mass(tracks, into, tracks.after)
    alone = noise * (1.0 / n_had + 1.0 / n_has)
    merged = alone + noise / n_lost
    gain = has - had
    ratio = 0.5 * (gain**2 / alone - (gain - lost) ** 2 / merged + np.log(alone / merged))
    return np.clip(ratio, -8.0, 8.0)


def _mean_mass(tracks: _Tracks, at: Ints, way: Ints) -> tuple[Floats, Floats]:
    """Average the mass over a few detections from `at` along the track."""
    assert tracks.mass is not None
    total, count = np.zeros(at.size), np.zeros(at.size)
    here = at.copy()
    for _ in range(MASS_MEMORY):
        valid = here >= 0
        total[valid] += tracks.mass[here[valid]]
        count[valid] += 1
        here = np.where(valid, way[here], -1)
    return total / np.maximum(count, 1), np.maximum(count, 1)


def _probabilities(
    rows: Ints,
    n_ends: int,
    squared: Floats,
    gap: Ints,
    evidence: Floats,
    step: float,
    density: float,
    dims: int,
) -> Floats:
    """Estimate how many ends are merges and how wide they are; return the probability of each candidate.

    The estimate climbs from narrow and from wide merges, for it may stay where it began; the likelier one counts.
    """
    best, most = np.zeros(rows.size), -np.inf
    for widening in FIRST_WIDENINGS:
        share, variance = 0.5, widening * step**2 / dims
        for _ in range(ROUNDS):
            wide = variance + (gap - 1) * step**2 / dims
            height = 0.5 * dims * np.log(2 * np.pi * wide) + np.log(density)
            odds = share * np.exp(np.clip(evidence - 0.5 * squared / wide - height, -50.0, 50.0))
            total = (1.0 - share) + np.bincount(rows, weights=odds, minlength=n_ends)
            probability = odds / total[rows]
            expected = float(probability.sum())
            share = float(np.clip((expected + 0.5) / (n_ends + 1.0), 0.01, 0.99))
            if expected > 3.0:
                variance = float((probability * squared / (1.0 + 0.5 * (gap - 1))).sum()) / (dims * expected)
                variance = max(variance, 0.25 * step**2 / dims)
        likely = float(np.log(total).sum())
        if likely > most:
            best, most = probability, likely
    return best


def _as_table(
    found: dict[str, npt.NDArray[Any]],
    tracks: _Tracks,
    kind: str,
    table: pd.DataFrame,
    columns: Sequence[str],
) -> pd.DataFrame:
    import pandas as pd

    end, into = tracks.row[found["end"]], tracks.row[found["into"]]
    # Seen backwards, an end is a beginning, and the joint particle comes first.
    source, target = (end, into) if kind == "merge" else (into, end)
    joint = table[list(columns)].to_numpy(np.float64)[into]
    return pd.DataFrame(
        {
            "kind": np.full(end.size, kind, dtype=object),
            "frame": table["frame"].to_numpy(np.int64)[target],
            "track_id": tracks.track[found["end"]],
            "partner_id": tracks.track[found["into"]],
            "source": source,
            "target": target,
            **{name: joint[:, k] for k, name in enumerate(columns)},
            "distance": found["distance"],
            "probability": found["probability"],
        }
    )
