"""Sites: places to which molecules at rest come back, and what each pass of the tip shows there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.dwell.passes import RARE, Passes
from playNano.algorithms.measurement.results import Status
from playNano.algorithms.measurement.tracked_movie import Bools, Floats, Ints, TrackedMovie

RADIUS_IN_ERRORS = 3 * np.sqrt(2)
"""Radius of a site in errors of localisation along one axis: 99 % of pairs of detections at one place are nearer."""

REST = 0.25
"""Maximum step, in errors of localisation, of molecules at rest."""

GAP_IF_UNKNOWN = 2
"""Undetected passes that do not end a visit, if the probability of a missed detection is not known."""

Outcomes: TypeAlias = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Sites:
    """Places with at least two visits.

    Parameters
    ----------
    site
        Site of each piece of a track, (n_pieces,); -1: none.
    place_nm
        Places along y and x, (n_sites, 2) nm, without the drift.
    spread_nm
        Root mean square distance of the detections from the site along one axis, (n_sites,) nm.
    n_visits, n_detections, n_passes
        Of each site, (n_sites,); passes from the first to the last frame that show the site.
    first_frame
        Frame of the first detection of each site, (n_sites,).
    status
        Of each site, (n_sites,): "ok"; "unresolved" if two molecules were there at once, or the tracks lie farther
        apart than the radius.
    wait_s
        Times from pass to pass since the first detection, (n_sites, m) s; 0 behind the end.
    outcome
        Of these passes, (n_sites, m): 1 detected, 0 not detected, -1 behind the end.
    radius_nm
        Radius of a site, nm.
    max_gap
        Number of passes without a detection that do not end a visit.
    n_by_chance
        Expected number of pairs of places that lie within the radius by chance; NaN if no window is known.
    """

    site: Ints
    place_nm: Floats
    spread_nm: Floats
    n_visits: Ints
    n_detections: Ints
    n_passes: Ints
    first_frame: Ints
    status: tuple[Status, ...]
    wait_s: Floats
    outcome: Outcomes
    radius_nm: float
    max_gap: int
    n_by_chance: float

    @property
    def resolved(self) -> Bools:
        """Which sites have the status "ok", (n_sites,)."""
        return np.array([status == "ok" for status in self.status], dtype=np.bool_)


def localisation_error_nm(movie: TrackedMovie, piece: Ints) -> float:
    """Return the error of localisation along one axis from displacements between successive detections, nm.

    A molecule that walks has larger displacements too, but by less than its track spreads.

    Parameters
    ----------
    movie
        The tracks, of molecules at rest.
    piece
        Piece of a track to which each row belongs, (N,).

    Returns
    -------
    float
        NaN if no track has two detections.
    """
    linked = piece[1:] == piece[:-1]
    if not linked.any():
        return float("nan")
    displacement = np.diff(movie.position_nm(), axis=0)[linked]
    return float(np.sqrt((displacement**2).mean() / 2))


def are_at_rest(movie: TrackedMovie, passes: Passes) -> bool:
    """Return whether the step from pass to pass is small against the error of localisation.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    """
    step = max(passes.bands.step_nm)
    return step == 0 or step <= REST * localisation_error_nm(movie, passes.piece)


def find_sites(movie: TrackedMovie, passes: Passes, radius_nm: float | None = None) -> Sites:
    """Group the places of molecules at rest into sites, and gather what each pass shows there.

    Tracks whose mean places are nearer than the radius belong to one place. A visit ends when more passes in a row show
    no molecule than are missed by chance.

    Parameters
    ----------
    movie
        The tracks.
    passes
        What each pass says.
    radius_nm
        Maximum distance of the mean places of two visits, nm; None: from the error of localisation.

    Returns
    -------
    Sites
        Those with at least two visits.

    Examples
    --------
    >>> import pandas as pd
    >>> from playNano.algorithms.measurement.dwell.options import DwellOptions
    >>> from playNano.algorithms.measurement.dwell.passes import observe
    >>> from playNano.algorithms.measurement.plain_tables import tracks_from_table
    >>> table = pd.DataFrame({"track_id": [0, 0, 1, 2], "frame": [0, 1, 6, 3], "y_nm": 0.0, "x_nm": [0.0, 0, 0, 9]})
    >>> movie = tracks_from_table(table)
    >>> sites = find_sites(movie, observe(movie, DwellOptions()))
    >>> sites.site.tolist(), sites.outcome.tolist()
    ([0, 0, -1], [[1, 1, 0, 0, 0, 0, 1]])
    """
    error = localisation_error_nm(movie, passes.piece)
    radius = radius_nm if radius_nm is not None else RADIUS_IN_ERRORS * (error if np.isfinite(error) else 0.0)
    place = movie.position_nm()
    means = _means(place, passes.piece)
    group = _group(means, radius)
    n_places = int(group.max(initial=-1)) + 1
    by_chance = _pairs_by_chance(means, group, radius, movie.window.area_nm2)
    max_gap = _max_gap(passes)
    drift = _drift_nm(movie)
    rows: list[tuple[Floats, Outcomes]] = []
    kept: list[int] = []
    counts: list[tuple[int, int, int, int]] = []
    for number in np.flatnonzero(np.bincount(group, minlength=n_places) > 1):
        of_site = (group == number)[passes.piece]
        wait, outcome, first, n_passes = _outcomes(movie, passes, of_site, place[of_site].mean(axis=0), drift)
        visits = count_visits(outcome, max_gap)
        if visits > 1:
            kept.append(int(number))
            rows.append((wait, outcome))
            counts.append((visits, int(of_site.sum()), n_passes, first))
    numbers = np.full(n_places, -1)
    numbers[kept] = np.arange(len(kept))
    site = numbers[group].astype(np.int64)
    table = np.array(counts, np.int64).reshape(-1, 4)
    places, spread, status = _describe(movie, passes, site, len(kept), radius)
    wait_s, outcomes = _padded(rows)
    return Sites(
        site,
        places,
        spread,
        table[:, 0],
        table[:, 1],
        table[:, 2],
        table[:, 3],
        status,
        wait_s,
        outcomes,
        float(radius),
        max_gap,
        float(by_chance),
    )


def count_visits(outcome: npt.ArrayLike, max_gap: int) -> int:
    """Return the number of visits in a row of passes: runs of detections, with gaps of at most `max_gap` passes.

    Parameters
    ----------
    outcome
        1 for each pass with a detection, else 0, (m,).
    max_gap
        Number of passes without a detection that do not end a visit.

    Examples
    --------
    >>> count_visits([1, 0, 1, 0, 0, 1], 1)
    2
    """
    seen = np.flatnonzero(np.asarray(outcome) == 1)
    return int((np.diff(seen) > max_gap + 1).sum()) + int(seen.size > 0)


def _means(values: Floats, piece: Ints) -> Floats:
    """Return the mean of the rows of each piece, (n_pieces, 2)."""
    count = np.bincount(piece)
    sums = [np.bincount(piece, weights=column) for column in values.T]
    return np.column_stack(sums) / count[:, None]


def _group(means: Floats, radius: float) -> Ints:
    """Return the place of each piece: connected components of pairs within the radius."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    n = len(means)
    if n == 0:
        return np.zeros(0, np.int64)
    pairs = cKDTree(means).query_pairs(radius, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _pairs_by_chance(means: Floats, group: Ints, radius: float, area_nm2: float) -> float:
    """Return the expected number of pairs of places at random within the radius; NaN in an unbounded window.

    In a place that is wider than the radius each track counts as a place of its own: in crowded fields tracks join to
    few wide places.
    """
    if not len(group) or not np.isfinite(area_nm2):
        return 0.0 if not len(group) else float("nan")
    distance = np.hypot(*(means - _means(means, group)[group]).T)
    wide = np.zeros(int(group.max()) + 1, np.bool_)
    np.logical_or.at(wide, group, distance > radius)
    n = int((~wide).sum() + wide[group].sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(n * (n - 1) / 2 * np.pi * radius**2) / area_nm2)


def _max_gap(passes: Passes) -> int:
    """Return the number of undetected passes after which a molecule that is present would have been detected."""
    miss = passes.miss_rate
    if not np.isfinite(miss):
        return max(passes.max_missing, GAP_IF_UNKNOWN)
    needed = int(np.ceil(np.log(RARE) / np.log(miss))) - 1 if miss > 0 else 0
    return max(passes.max_missing, needed)


def _drift_nm(movie: TrackedMovie) -> Floats:
    """Return the displacement of the sample in each frame along y and x, (n_frames, 2) nm; 0 if it is not known."""
    shift = movie.position_nm(corrected=False) - movie.position_nm()
    n_frames = movie.frames.n_frames
    if not shift.any():
        return np.zeros((n_frames, 2))
    frame, start = np.unique(movie.table["frame"].to_numpy(np.int64), return_index=True)
    return np.column_stack([np.interp(np.arange(n_frames), frame, shift[start, axis]) for axis in (0, 1)])


def _outcomes(
    movie: TrackedMovie, passes: Passes, of_site: Bools, place: Floats, drift: Floats
) -> tuple[Floats, Outcomes, int, int]:
    """Return waiting times and outcomes since the first detection, its frame, and the number of passes of all frames.

    Frames that are lost, or in which the site is outside the window, and those between a merge and the next detection
    say nothing and are left out.
    """
    frames = movie.frames
    frame = movie.table["frame"].to_numpy(np.int64)
    detected = np.zeros(frames.n_frames, np.bool_)
    detected[frame[of_site]] = True
    shows = frames.observed & (movie.window.distance_nm(*(place + drift).T) >= 0)
    last = passes.last[of_site[passes.last]]
    merged = passes.reason[passes.piece[last]] == "merge"
    for end in frame[last[merged]]:
        later = np.flatnonzero(detected[end + 1 :])
        shows[end + 1 : end + 1 + later[0] if later.size else None] = False
    shows |= detected
    time = frames.pass_s(np.arange(frames.n_frames), place[0] + drift[:, 0])
    first = int(np.flatnonzero(detected)[0])
    used = np.flatnonzero(shows)
    used = used[used >= first]
    wait = np.maximum(np.diff(time[used], prepend=time[first]), 0.0)
    return wait, detected[used].astype(np.int8), first, int(shows.sum())


def _describe(
    movie: TrackedMovie, passes: Passes, site: Ints, n_sites: int, radius: float
) -> tuple[Floats, Floats, tuple[Status, ...]]:
    """Return places, spreads and statuses of the sites."""
    place, frame = movie.position_nm(), movie.table["frame"].to_numpy(np.int64)
    of_row = site[passes.piece]
    used = of_row >= 0
    places = _means(place[used], of_row[used]) if n_sites else np.zeros((0, 2))
    away = ((place[used] - places[of_row[used]]) ** 2).sum(axis=1)
    count = np.bincount(of_row[used], minlength=n_sites)
    spread = np.sqrt(np.bincount(of_row[used], weights=away, minlength=n_sites) / (2 * count))
    at_once, number = np.unique(np.column_stack([of_row[used], frame[used]]), axis=0, return_counts=True)
    twice = set(at_once[number > 1, 0].tolist())
    means = _means(place, passes.piece)
    far = np.zeros(n_sites, np.bool_)
    inside = site >= 0
    distance = np.hypot(*(means[inside] - places[site[inside]]).T)
    np.logical_or.at(far, site[inside], distance > radius)
    status: list[Status] = ["unresolved" if far[k] or k in twice else "ok" for k in range(n_sites)]
    return places, spread, tuple(status)


def _padded(rows: list[tuple[Floats, Outcomes]]) -> tuple[Floats, Outcomes]:
    """Return rows of different lengths as arrays."""
    length = max((len(wait) for wait, _ in rows), default=0)
    wait_s, outcome = np.zeros((len(rows), length)), np.full((len(rows), length), -1, np.int8)
    for number, (wait, seen) in enumerate(rows):
        wait_s[number, : len(wait)] = wait
        outcome[number, : len(seen)] = seen
    return wait_s, outcome
