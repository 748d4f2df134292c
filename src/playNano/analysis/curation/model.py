"""Tracks that are edited by hand: join, break, swap, confirm, delete, add, mark frames; undo, redo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playNano.analysis.curation.edits import Edit, EditKind, Place
from playNano.analysis.curation.graph import Change
from playNano.analysis.curation.state import EditedTracks
from playNano.core.provenance import utc_now
from playNano.errors import ParameterError


@dataclass
class Command:
    """What one call has changed, and the edits by which it is repeated.

    Parameters
    ----------
    edits
        The edits.
    changes
        The changes of the graph.
    """

    edits: list[Edit] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


class CurationModel(EditedTracks):
    """Tracks that are edited by hand; knows nothing of any display.

    A detection is named by its row. Rows never change; a detection that is added gets the next row. Every edit can be
    undone and done again exactly. `playNano.analysis.curation.source.model_of` makes the model of an analysis.

    Attributes
    ----------
    version : int
        Grows by one at every change, so that displays know when to read the state anew.
    set_aside : list of Edit
        Edits of a file that had no effect on these tracks, so that they are not lost when edits are saved.

    Parameters
    ----------
    author
        Who makes the edits.
    **state
        The others are those of `playNano.analysis.curation.state.EditedTracks`: ``table, track_id, n_frames`` and, if
        known, ``geometry, confidence, curated, usable, max_distance_nm``.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 1, 2], "y": [5.0, 6.0, 7.0], "x": [3.0, 3.0, 3.0]})
    >>> model = CurationModel(table=table, track_id=[0, 0, 1], n_frames=3)
    >>> model.join(1, 2)[0].kind, model.track_ids().tolist()
    ('join', [0, 0, 0])
    >>> model.undo(), model.track_ids().tolist()
    (True, [0, 0, 1])
    """

    def __init__(self, *, author: str = "", **state: Any) -> None:
        super().__init__(**state)
        self.author = author
        self._done: list[Command] = []
        self._undone: list[Command] = []
        self.version = 0
        self.set_aside: list[Edit] = []

    @property
    def edits(self) -> list[Edit]:
        """The edits that were made and not undone, in order."""
        return [edit for command in self._done for edit in command.edits]

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to do again."""
        return bool(self._undone)

    @property
    def n_edited(self) -> dict[str, int]:
        """Numbers for a line of status.

        ``links`` of the tracking; ``links_edited``: detections to which no link, or another one, leads now;
        ``links_confirmed``; ``detections_deleted`` and ``detections_added`` by hand; ``frames_unusable``.
        """
        graph, kinds = self.graph, [edit.kind for edit in self.edits]
        same, before = graph.preceding == graph.original_preceding, self._curated_before
        return {
            "links": int(np.count_nonzero(graph.original_preceding >= 0)),
            "links_edited": int(np.count_nonzero(~same)),
            "links_confirmed": int(np.count_nonzero((same & graph.curated)[: len(before)] & ~before)),
            "detections_deleted": kinds.count("delete"),
            "detections_added": kinds.count("add"),
            "frames_unusable": kinds.count("unusable"),
        }

    def join(self, a: int, b: int, reason: str = "") -> list[Edit]:
        """Make two detections of different frames follow each other in a track; links against it are broken.

        Parameters
        ----------
        a, b
            Rows of the detections, in any order.
        reason
            Why.

        Returns
        -------
        list of Edit
            What is noted, as of all edits.

        Raises
        ------
        ParameterError
            If they are of one frame or already of one track, or one was deleted.
        """
        a, b = self._ordered(a, b)
        if b in self.track_rows(a):
            raise ParameterError("these detections are of the same track already")
        with self._command() as command:
            self._join(command, a, b, reason)
        return command.edits

    def cut(self, a: int, b: int | None = None, reason: str = "") -> list[Edit]:
        """Break the link between two detections.

        Parameters
        ----------
        a, b
            Rows of its source and its target; without `b` the link that leaves `a`.
        reason
            Why.

        Raises
        ------
        ParameterError
            If there is no such link.
        """
        a, b = self._linked(a, b)
        with self._command() as command:
            command.edits.append(self._edit("break", a, b, reason))
            self.graph.unlink(a)
        return command.edits

    def swap(self, a: int, b: int, reason: str = "") -> list[Edit]:
        """Exchange what follows two detections of different tracks; after one of them nothing may follow.

        Parameters
        ----------
        a, b
            Rows of the detections.
        reason
            Why.

        Raises
        ------
        ParameterError
            If nothing follows either, they are of one track, or a track would go back in time.
        """
        a, b = self._row(a), self._row(b)
        after_a, after_b = int(self.following[a]), int(self.following[b])
        if max(after_a, after_b) < 0:
            raise ParameterError(
                "nothing follows these detections in their tracks: there is nothing to exchange"
            )
        if b in self.track_rows(a):
            raise ParameterError("these detections are of the same track: nothing can be exchanged")
        pairs = [(source, then) for source, then in ((a, after_b), (b, after_a)) if then >= 0]
        if any(self.frame[source] >= self.frame[then] for source, then in pairs):
            raise ParameterError(
                "what follows one detection is not later than the other; take earlier detections"
            )
        with self._command() as command:
            for source, then in pairs:
                self._join(command, source, then, reason)
        return command.edits

    def confirm(self, a: int, b: int | None = None, reason: str = "") -> list[Edit]:
        """Note that a link is correct: it is doubtful no more.

        Parameters
        ----------
        a, b
            Rows of its source and its target; without `b` the link that leaves `a`.
        reason
            Why.

        Raises
        ------
        ParameterError
            If there is no such link, or it was made or confirmed by hand.
        """
        a, b = self._linked(a, b)
        if self.curated[b]:
            raise ParameterError("this link was made or confirmed by hand already")
        with self._command() as command:
            command.edits.append(self._edit("confirm", a, b, reason))
            self.graph.set("curated", b, True)
        return command.edits

    def delete(self, a: int, reason: str = "") -> list[Edit]:
        """Note that there is no particle at a detection; the track goes on over the gap.

        Parameters
        ----------
        a
            Row of the detection.
        reason
            Why.

        Raises
        ------
        ParameterError
            If it was deleted already.
        """
        a = self._row(a)
        with self._command() as command:
            command.edits.append(self._edit("delete", a, None, reason))
            self.graph.remove(a)
        return command.edits

    def add(self, frame: int, y: float, x: float, reason: str = "") -> list[Edit]:
        """Add a detection, as a track of its own; its row is the last one.

        Parameters
        ----------
        frame
            0-based frame.
        y, x
            Place in the frame as analysed, px.
        reason
            Why.

        Raises
        ------
        ParameterError
            If the place is outside the movie or in an unusable frame, or a detection lies within `max_distance_nm`.
        """
        frame = self._usable_frame(frame)
        if not self.geometry.is_inside(y, x):
            raise ParameterError(f"y = {y:.5g} px, x = {x:.5g} px is outside the frame")
        y_nm, x_nm = self.geometry.to_nm([frame], [y], [x])[0].tolist()
        _, distance = self.distances_nm(frame, y_nm, x_nm)
        if distance.size and distance[0] <= self.max_distance_nm:
            raise ParameterError(
                f"there is a detection at a distance of {distance[0]:.3g} nm in frame {frame}; join that one"
            )
        with self._command() as command:
            row = self.graph.append(frame, (float(y), float(x), y_nm, x_nm))
            self.graph.set("tracked", row, True)
            command.edits.append(self._edit("add", row, None, reason))
        return command.edits

    def mark_unusable(self, frame: int, reason: str = "") -> list[Edit]:
        """Note that a frame does not show the surface: its detections leave the tracks, which go on over the gap.

        Parameters
        ----------
        frame
            0-based frame.
        reason
            Why.

        Raises
        ------
        ParameterError
            If it is outside the movie or unusable already.
        """
        frame = self._usable_frame(frame)
        with self._command() as command:
            edit = Edit("unusable", Place(frame), None, self.author, utc_now(), reason)
            command.edits.append(edit)
            for row in np.flatnonzero((self.frame == frame) & ~self.deleted):
                self.graph.remove(int(row))
            self.graph.set("usable", frame, False)
        return command.edits

    def restate(self, edit: Edit) -> None:
        """Note the last edit as another one says it: an edit of a file keeps its author, time, reason and place.

        Parameters
        ----------
        edit
            The edit.
        """
        self._done[-1].edits[:] = [edit]

    def undo(self) -> bool:
        """Undo the last edit; return whether there was one."""
        if not self._done:
            return False
        command = self._done.pop()
        self.graph.undo(command.changes)
        self._undone.append(command)
        self.version += 1
        return True

    def redo(self) -> bool:
        """Do the edit again that was undone last; return whether there was one."""
        if not self._undone:
            return False
        command = self._undone.pop()
        self.graph.redo(command.changes)
        self._done.append(command)
        self.version += 1
        return True

    @contextmanager
    def _command(self) -> Iterator[Command]:
        """Collect the changes of an edit; one that fails leaves nothing behind."""
        command = Command()
        self.graph.changes = command.changes
        try:
            yield command
        except BaseException:
            self.graph.undo(command.changes)
            raise
        self._done.append(command)
        self._undone.clear()
        self.version += 1

    def _join(self, command: Command, a: int, b: int, reason: str) -> None:
        command.edits.append(self._edit("join", a, b, reason))
        self.graph.link(a, b)

    def _edit(self, kind: EditKind, a: int, b: int | None, reason: str) -> Edit:
        """Return the entry of an edit, made now."""
        to = None if b is None else self._place(b)
        return Edit(kind, self._place(a), to, self.author, utc_now(), reason)

    def _place(self, row: int) -> Place:
        return Place(int(self.frame[row]), *self.graph.place[row].tolist())

    def _ordered(self, a: int, b: int) -> tuple[int, int]:
        """Return two rows by frame."""
        a, b = self._row(a), self._row(b)
        if self.frame[a] == self.frame[b]:
            raise ParameterError("two detections of one frame cannot follow each other in a track")
        return (a, b) if self.frame[a] < self.frame[b] else (b, a)

    def _linked(self, a: int, b: int | None) -> tuple[int, int]:
        """Return source and target of a link, after checking that it exists."""
        a = self._row(a)
        a, b = (a, int(self.following[a])) if b is None else self._ordered(a, b)
        if b < 0 or self.following[a] != b:
            raise ParameterError("there is no link between these detections")
        return a, b

    def _usable_frame(self, frame: int) -> int:
        if not 0 <= frame < self.n_frames:
            raise ParameterError(f"there is no frame {frame}; the movie has {self.n_frames}, from 0")
        if not self.usable[frame]:
            raise ParameterError(f"frame {frame} is unusable already")
        return int(frame)
