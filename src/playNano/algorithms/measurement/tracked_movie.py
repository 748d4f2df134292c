"""The tracks of a movie as measurements use them: detections in order, times of the frames, window, cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.window import Window
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Clock: TypeAlias = Literal["line", "frame", "index"]
"""Basis of times: the moment when the tip passed, the start of the frame, or the number of the frame."""

IN_WINDOW = ("y_in_window_nm", "x_in_window_nm")
"""Columns of the places in frames that were shifted, which the window of detection refers to."""

NEEDED = ("track_id", "frame", "time_s", "y_nm", "x_nm")


@dataclass(frozen=True)
class Frames:
    """The frames of a movie: when they began, which show the surface, and when the tip passes a row of them.

    Parameters
    ----------
    start_s
        Start of each frame, (n_frames,) s; the numbers of the frames if no times are known.
    observed
        Whether each frame shows the surface, (n_frames,).
    line_time_s
        Time from line to line, s; 0 if line times are not known.
    rows
        Scan lines in a frame.
    pixel_y_nm
        Distance of lines, nm.
    upwards
        Whether the last line of each frame is scanned first, (n_frames,).
    origin_nm
        Place of line 0 along the slow axis, nm.

    Examples
    --------
    >>> frames = Frames.regular(3, 10.0, line_time_s=0.1, rows=100)
    >>> float(frames.pass_s(1, 20.0)), float(frames.next_pass_s(2, 20.0))
    (12.0, nan)
    """

    start_s: Floats
    observed: Bools
    line_time_s: float = 0.0
    rows: int = 1
    pixel_y_nm: float = 1.0
    upwards: Bools | None = None
    origin_nm: float = 0.0

    @classmethod
    def regular(
        cls, n_frames: int, interval_s: float = 1.0, *, line_time_s: float = 0.0, rows: int = 1
    ) -> Frames:
        """Return frames at equal intervals, all observed, scanned downwards.

        Parameters
        ----------
        n_frames
            Their number.
        interval_s
            From start to start, s.
        line_time_s
            Time from line to line, s.
        rows
            Scan lines in a frame.
        """
        starts = np.arange(n_frames, dtype=np.float64) * float(interval_s)
        return cls(starts, np.ones(n_frames, np.bool_), line_time_s, rows)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.start_s)

    @property
    def interval_s(self) -> float:
        """Median time from frame to frame, s; NaN for fewer than two frames."""
        steps = np.diff(self.start_s)
        return float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else float("nan")

    @property
    def observed_before(self) -> Ints:
        """Number of observed frames before each frame, (n_frames + 1,)."""
        return np.concatenate([[0], np.cumsum(self.observed)]).astype(np.int64)

    def pass_s(self, frame: npt.ArrayLike, y_nm: npt.ArrayLike) -> Floats:
        """Return the times at which the tip passes places in given frames.

        Parameters
        ----------
        frame
            Frames, 0-based.
        y_nm
            Places along the slow axis, nm.

        Returns
        -------
        ndarray of float64
            Seconds; NaN for a frame outside the movie.
        """
        frames, y = np.broadcast_arrays(np.asarray(frame, np.int64), np.asarray(y_nm, np.float64))
        inside = (frames >= 0) & (frames < self.n_frames)
        index = np.where(inside, frames, 0)
        if not self.n_frames:
            return np.full(frames.shape, np.nan)
        rows = (y - self.origin_nm) / self.pixel_y_nm
        if self.upwards is not None:
            rows = np.where(self.upwards[index], self.rows - 1 - rows, rows)
        return np.where(inside, self.start_s[index] + rows * self.line_time_s, np.nan)

    def next_observed(self, frame: npt.ArrayLike) -> Ints:
        """Return the first observed frame after each given one; -1 if there is none.

        Parameters
        ----------
        frame
            Frames, 0-based.
        """
        seen = np.flatnonzero(self.observed)
        place = np.searchsorted(seen, np.asarray(frame, np.int64), side="right")
        return np.append(seen, -1)[place].astype(np.int64)

    def previous_observed(self, frame: npt.ArrayLike) -> Ints:
        """Return the last observed frame before each given one; -1 if there is none.

        Parameters
        ----------
        frame
            Frames, 0-based.
        """
        seen = np.flatnonzero(self.observed)
        place = np.searchsorted(seen, np.asarray(frame, np.int64), side="left")
        return np.append(-1, seen)[place].astype(np.int64)

    def next_pass_s(self, frame: npt.ArrayLike, y_nm: npt.ArrayLike) -> Floats:
        """Return when the tip passes places in the first observed frame after the given ones; NaN: never.

        Parameters
        ----------
        frame
            Frames, 0-based.
        y_nm
            Places along the slow axis, nm.
        """
        return self.pass_s(self.next_observed(frame), y_nm)


@dataclass(frozen=True)
class TrackedMovie:
    """Tracks with all that measurements need to know about the movie; see `tracked_movie`.

    Parameters
    ----------
    table
        A row a detection, by track, then frame: ``track_id, frame, time_s, y_nm, x_nm`` and all that the detector
        gave. ``time_s`` is the number of the frame if `clock` is "index".
    frames
        Times of the frames, and which are observed.
    window
        In which a particle can be detected.
    clock
        Basis of the times.
    confidence
        Probability that the link which ends at a row is correct, (N,); NaN where it is not known.
    cut_before
        Whether a merge or split lies between a row and the one before it in its track, (N,).
    starts_in_split, ends_in_merge
        Ids of the tracks that begin from, or end in, another one.
    """

    table: pd.DataFrame
    frames: Frames
    window: Window
    clock: Clock
    confidence: Floats
    cut_before: Bools
    starts_in_split: frozenset[int] = frozenset()
    ends_in_merge: frozenset[int] = frozenset()

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return int(self.table["track_id"].nunique())

    def column(self, name: str) -> Floats:
        """Return a column as float64, (N,).

        Parameters
        ----------
        name
            Name of the column.

        Raises
        ------
        ParameterError
            The detections do not have it; the message lists those that they have.
        """
        if name not in self.table:
            numbers = self.table.select_dtypes("number").columns
            raise ParameterError(
                f"the detections have no column {name!r}, only: {', '.join(map(str, numbers))}"
            )
        return self.table[name].to_numpy(np.float64)

    def track(self) -> Ints:
        """Return the track of each row, (N,)."""
        return self.table["track_id"].to_numpy(np.int64)

    @property
    def whole(self) -> Bools:
        """Whether the border of the frame does not cut a detection, (N,); True where the detector does not say."""
        if "touches_edge" not in self.table:
            return np.ones(len(self.table), np.bool_)
        return np.asarray(~self.table["touches_edge"].to_numpy(np.bool_), dtype=np.bool_)

    def position_nm(self, *, corrected: bool = True) -> Floats:
        """Return the places along y and x, (N, 2) nm.

        Parameters
        ----------
        corrected
            Whether the drift is subtracted, if the tracking has estimated it; distances from the border of the window
            need places with the drift.
        """
        known = {*self.table.columns}
        names = ["y_nm", "x_nm"]
        if corrected and {"y_corrected_nm", "x_corrected_nm"} <= known:
            names = ["y_corrected_nm", "x_corrected_nm"]
        elif not corrected and {*IN_WINDOW} <= known:
            names = list(IN_WINDOW)
        return self.table[names].to_numpy(np.float64)

    def pieces(self, min_confidence: float = 0.0, *, cut_at_events: bool = True) -> Ints:
        """Return the piece of a track to which each row belongs, (N,), numbered from 0.

        A track is cut at each link whose confidence is too low, and where another track merges into it or splits
        from it.

        Parameters
        ----------
        min_confidence
            Minimum confidence of a link, 0 to 1; links of unknown confidence are kept.
        cut_at_events
            Whether tracks are cut where others merge into or split from them.
        """
        track = self.track()
        if not len(track):
            return np.zeros(0, np.int64)
        begins = np.append(True, track[1:] != track[:-1])
        begins |= self.confidence < min_confidence
        if cut_at_events:
            begins |= self.cut_before
        return np.asarray(np.cumsum(begins) - 1, dtype=np.int64)


def tracked_movie(
    table: pd.DataFrame,
    frames: Frames,
    window: Window,
    *,
    clock: Clock = "line",
    links: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
) -> TrackedMovie:
    """Check and sort the detections of tracks, and gather what measurements use.

    Parameters
    ----------
    table
        A row a detection: ``track_id, frame, time_s, y_nm, x_nm``, and any others. Rows of a negative track are left
        out.
    frames
        Times of the frames, and which are observed.
    window
        In which a particle can be detected.
    clock
        Basis of the times.
    links
        A row a link: ``target`` (row number in `table`) and ``confidence``; None: not known.
    events
        A row a merge or split: ``kind, track_id, source, target`` (row numbers in `table`); None: none.

    Returns
    -------
    TrackedMovie
        The tracks; its table has a new index.

    Raises
    ------
    ParameterError
        A column is missing, a track has two detections in a frame, or time does not increase within it.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = {"track_id": [0, 0], "frame": [1, 0], "time_s": [1.0, 0.0], "y_nm": [5.0, 4.0], "x_nm": [1.0, 2.0]}
    >>> movie = tracked_movie(pd.DataFrame(rows), Frames.regular(2), Window(0, 10, 0, 10))
    >>> movie.table["y_nm"].tolist(), movie.n_tracks
    ([4.0, 5.0], 1)
    """
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise ParameterError(
            f"the table of tracks has no column {missing[0]!r}; it needs {', '.join(NEEDED)}"
        )
    n_rows = len(table)
    confidence, cut = np.full(n_rows, np.nan), np.zeros(n_rows, np.bool_)
    if links is not None and "confidence" in links and len(links):
        confidence[links["target"].to_numpy(np.int64)] = links["confidence"].to_numpy(np.float64)
    splits, merges = _events(events)
    if events is not None and len(events):
        _mark_cuts(cut, table, events)
    track, frame = table["track_id"].to_numpy(np.int64), table["frame"].to_numpy(np.int64)
    order = np.lexsort((frame, track))
    order = order[track[order] >= 0]
    kept = table.iloc[order].reset_index(drop=True)
    _check_order(kept)
    return TrackedMovie(kept, frames, window, clock, confidence[order], cut[order], splits, merges)


def _events(events: pd.DataFrame | None) -> tuple[frozenset[int], frozenset[int]]:
    """Return the tracks that start in a split, and those that end in a merge."""
    if events is None or not len(events):
        return frozenset(), frozenset()
    kind, track = events["kind"].to_numpy(), events["track_id"].to_numpy(np.int64)
    return frozenset(track[kind == "split"].tolist()), frozenset(track[kind == "merge"].tolist())


def _mark_cuts(cut: Bools, table: pd.DataFrame, events: pd.DataFrame) -> None:
    """Mark the rows of partners before which another track merged or split."""
    track, frame = table["track_id"].to_numpy(np.int64), table["frame"].to_numpy(np.int64)
    for kind, source, target in zip(events["kind"], events["source"], events["target"], strict=True):
        if kind == "merge":
            cut[int(target)] = True
        else:
            later = np.flatnonzero((track == track[int(source)]) & (frame > frame[int(source)]))
            if later.size:
                cut[later[np.argmin(frame[later])]] = True


def _check_order(table: pd.DataFrame) -> None:
    """Raise where a track has two detections in a frame, or its time does not increase."""
    track, frame = table["track_id"].to_numpy(np.int64), table["frame"].to_numpy(np.int64)
    time = table["time_s"].to_numpy(np.float64)
    same = track[1:] == track[:-1]
    twice = np.flatnonzero(same & (frame[1:] == frame[:-1]))
    if twice.size:
        raise ParameterError(f"track {track[twice[0]]} has two detections in frame {frame[twice[0]]}")
    back = np.flatnonzero(same & (time[1:] <= time[:-1]))
    if back.size:
        row = back[0] + 1
        raise ParameterError(f"track {track[row]}: time does not increase at frame {frame[row]}")
