"""Detections and the links between them, changed by steps that can be undone and done again exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NEW_ROW = {"following": -1, "preceding": -1, "tracked": False, "deleted": False, "curated": False}


@dataclass(frozen=True)
class Change:
    """One change of one value.

    Parameters
    ----------
    name
        Array that was changed; "rows" for a row that was appended.
    index
        Its index.
    before, after
        The values; of an appended row, `after` is its frame and place.
    """

    name: str
    index: int
    before: Any
    after: Any


class TrackGraph:
    """Detections, each with the one that follows and the one that precedes it in its track.

    Parameters
    ----------
    frame
        Frame of each detection, (N,).
    place
        Its place: ``y, x`` (px) and ``y_nm, x_nm``, (N, 4).
    track_id
        Its track, (N,); -1: none.
    usable
        Whether each frame shows the surface, (n_frames,).
    """

    def __init__(self, frame: Ints, place: Floats, track_id: Ints, usable: Bools) -> None:
        self.frame, self.place, self.original_id = frame, place, track_id
        n_rows = len(frame)
        self.following, self.preceding = _links_of(track_id, frame)
        self.original_preceding = self.preceding.copy()
        self.tracked = track_id >= 0
        self.deleted, self.curated = np.zeros(n_rows, np.bool_), np.zeros(n_rows, np.bool_)
        self.usable = usable.copy()
        self.changes: list[Change] = []

    @property
    def n_rows(self) -> int:
        """Number of detections, those that were added and deleted included."""
        return len(self.frame)

    def set(self, name: str, index: int, value: Any) -> None:
        """Change one value of an array, and note it.

        Parameters
        ----------
        name
            ``following, preceding, tracked, deleted, curated`` or ``usable``.
        index
            Its index.
        value
            The new value.
        """
        array = getattr(self, name)
        before = array[index].item()
        if before != value:
            self.changes.append(Change(name, index, before, value))
            array[index] = value

    def append(self, frame: int, place: tuple[float, float, float, float]) -> int:
        """Append a detection without links, and return its row.

        Parameters
        ----------
        frame
            Its frame.
        place
            ``y, x`` (px) and ``y_nm, x_nm``.
        """
        change = Change("rows", self.n_rows, None, (frame, place))
        self._redo_one(change)
        self.changes.append(change)
        return change.index

    def unlink(self, source: int) -> None:
        """Remove the link that leaves a detection, if there is one.

        Parameters
        ----------
        source
            Row of the detection.
        """
        target = int(self.following[source])
        if target >= 0:
            self.set("following", source, -1)
            self.set("preceding", target, -1)
            self.set("curated", target, False)

    def link(self, source: int, target: int) -> None:
        """Link two detections by hand; links that stand against it are removed.

        Parameters
        ----------
        source, target
            Rows of the detections.
        """
        self.unlink(source)
        if self.preceding[target] >= 0:
            self.unlink(int(self.preceding[target]))
        self.set("following", source, target)
        self.set("preceding", target, source)
        self.set("curated", target, True)
        self.set("tracked", source, True)
        self.set("tracked", target, True)

    def remove(self, row: int) -> None:
        """Delete a detection; its neighbours in the track are linked.

        Parameters
        ----------
        row
            Row of the detection.
        """
        before, after = int(self.preceding[row]), int(self.following[row])
        self.unlink(row)
        if before >= 0:
            self.unlink(before)
        if before >= 0 and after >= 0:
            self.link(before, after)
        self.set("tracked", row, False)
        self.set("deleted", row, True)

    def undo(self, changes: list[Change]) -> None:
        """Take back changes.

        Parameters
        ----------
        changes
            The last changes, in order.
        """
        for change in reversed(changes):
            if change.name != "rows":
                getattr(self, change.name)[change.index] = change.before
                continue
            for name in ("frame", "place", "original_id", "original_preceding", *NEW_ROW):
                setattr(self, name, getattr(self, name)[: change.index])

    def redo(self, changes: list[Change]) -> None:
        """Make changes again that were taken back.

        Parameters
        ----------
        changes
            The changes, in order.
        """
        for change in changes:
            self._redo_one(change)

    def _redo_one(self, change: Change) -> None:
        """Make one change."""
        if change.name != "rows":
            getattr(self, change.name)[change.index] = change.after
            return
        frame, place = change.after
        self.frame = np.append(self.frame, np.int64(frame))
        self.place = np.vstack([self.place, np.asarray(place, np.float64)])
        for name in ("original_id", "original_preceding"):
            setattr(self, name, np.append(getattr(self, name), np.int64(-1)))
        for name, value in NEW_ROW.items():
            array = getattr(self, name)
            setattr(self, name, np.append(array, np.asarray(value, array.dtype)))

    def roots(self) -> Ints:
        """Return the first row of the track of each row, (N,); a row without links is its own."""
        root = np.where(self.preceding >= 0, self.preceding, np.arange(self.n_rows))
        while True:
            further = root[root]
            if np.array_equal(further, root):
                return np.asarray(root, dtype=np.int64)
            root = further

    def track_ids(self) -> Ints:
        """Return the track of each row, (N,), -1 for none; see `CurationModel.track_ids`."""
        root = self.roots()
        ids = np.full(self.n_rows, -1, np.int64)
        rows = np.flatnonzero(self.tracked)
        if not rows.size:
            return ids
        # The earliest row of each piece that the tracking had in a track claims the number of that track.
        known = rows[self.original_id[rows] >= 0]
        known = known[np.lexsort((known, self.frame[known]))]
        first_of_piece = known[np.unique(root[known], return_index=True)[1]]
        first_of_piece = first_of_piece[np.lexsort((first_of_piece, self.frame[first_of_piece]))]
        claimed = self.original_id[first_of_piece]
        winners = first_of_piece[np.unique(claimed, return_index=True)[1]]
        of_root = np.full(self.n_rows, -1, np.int64)
        of_root[root[winners]] = self.original_id[winners]
        pieces = np.unique(root[rows])
        new = pieces[of_root[pieces] < 0]
        new = new[np.lexsort((new, self.frame[new]))]
        of_root[new] = self.original_id.max(initial=-1) + 1 + np.arange(new.size)
        ids[rows] = of_root[root[rows]]
        return ids


def _links_of(track_id: Ints, frame: Ints) -> tuple[Ints, Ints]:
    """Return the row that follows, and the row that precedes each row in its track; -1 for none."""
    following, preceding = (np.full(len(frame), -1, np.int64) for _ in range(2))
    rows = np.flatnonzero(track_id >= 0)
    rows = rows[np.lexsort((frame[rows], track_id[rows]))]
    same = track_id[rows][1:] == track_id[rows][:-1]
    source, target = rows[:-1][same], rows[1:][same]
    following[source], preceding[target] = target, source
    return following, preceding
