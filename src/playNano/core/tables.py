"""Views of tables as the nested lists and dicts of the analysis interface.

Detections are stored in one `pandas.DataFrame`, one row each. The classes here present such a table as the
nested lists and dicts that the interface documents; these are created when they are accessed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from playNano.core.html import html_table

if TYPE_CHECKING:
    import pandas as pd

Fields = Mapping[str, str | Sequence[str]]


class TableView(Sequence[Any]):
    """A table as a read-only sequence; equal to the list of the same items.

    Attributes
    ----------
    table
        The rows, in the order of the items. Must not be modified.
    """

    table: pd.DataFrame

    @abstractmethod
    def _item(self, index: int) -> Any: ...

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """Return plain values from which `view_from_spec` reconstructs this view of its table."""

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self._item(i) for i in range(*index.indices(len(self)))]
        position = index.__index__()
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} items")
        return self._item(position)

    def to_list(self) -> list[Any]:
        """Return all items as plain Python lists and dicts."""
        return [self._item(i) for i in range(len(self))]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TableView) and self.spec() == other.spec() and self.table.equals(other.table):
            return True  # NaN at the same positions included
        if isinstance(other, TableView | list | tuple):
            return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} items over a table of {len(self.table)} rows>"

    def _repr_html_(self) -> str:
        """Return the first rows of the table for a notebook."""
        title = f"{type(self).__name__}: {len(self)} items over a table of {len(self.table)} rows"
        return html_table(self.table, title)


class RowsByFrame(TableView):
    """A table of detections as one list of dicts per frame.

    Parameters
    ----------
    table
        One row per detection, with a 0-based column ``frame``, sorted by it.
    n_frames
        Frames of the movie, those without detections included.
    fields
        Key of the dict -> column, or several columns for a tuple.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [1], "y": [2.0], "x": [3.0]})
    >>> RowsByFrame(table, 2, {"centroid": ("y", "x")}).to_list()
    [[], [{'centroid': (2.0, 3.0)}]]
    """

    def __init__(self, table: pd.DataFrame, n_frames: int, fields: Fields) -> None:
        self.table = table
        self.fields = {k: v if isinstance(v, str) else tuple(v) for k, v in fields.items()}
        frames = table["frame"].to_numpy()
        self._bounds = np.searchsorted(frames, np.arange(n_frames + 1))

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def spec(self) -> dict[str, Any]:
        """Return type, number of frames and fields of the view."""
        return {"view": "RowsByFrame", "n_frames": len(self), "fields": dict(self.fields)}

    def counts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the number of detections of each frame, (n_frames,)."""
        return np.diff(self._bounds).astype(np.int64)

    def row_numbers(self, frames: Any, indices: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the row numbers of detections that are given by frame and index within it, (N,) each.

        Parameters
        ----------
        frames
            Frame of each detection.
        indices
            Index of each within its frame.

        Returns
        -------
        ndarray of int64
            Row numbers.
        """
        return np.asarray(
            self._bounds[np.asarray(frames, dtype=np.int64)] + np.asarray(indices, dtype=np.int64)
        )

    def _item(self, index: int) -> list[dict[str, Any]]:
        """Return the dict of one group; with `dense`, frames without a detection give None."""
        start, stop = self._bounds[index], self._bounds[index + 1]
        values = {}
        for key, columns in self.fields.items():
            if isinstance(columns, str):
                values[key] = self.table[columns].iloc[start:stop].tolist()
            else:
                parts = [self.table[column].iloc[start:stop].tolist() for column in columns]
                values[key] = list(zip(*parts, strict=True))
        return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


class RowsByGroup(TableView):
    """A table of grouped detections as one dict per group (a track or a cluster).

    Each dict has ``id``, ``frames``, ``point_indices`` and ``coords`` (a list of tuples).

    Parameters
    ----------
    table
        One row a grouped detection, sorted by group, then frame: columns `group`, ``frame``,
        ``point_index`` (the detection's index within its frame) and `coord_columns`.
    group
        Column with the number of the group: "track_id" or "cluster_id".
    ids
        Number of each group, in the order of the items (a cluster may be empty).
    coord_columns
        Columns of the coordinates.
    dense
        Whether frames run from first to last without gaps; a frame without a detection then has
        None as index and coordinates. A negative ``point_index``, that of a detection that was added by hand, is None
        too.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        group: str,
        ids: Sequence[int],
        coord_columns: Sequence[str],
        dense: bool,
    ) -> None:
        self.table = table
        self.group, self.dense = group, dense
        self.ids = [int(i) for i in ids]
        self.coord_columns = tuple(coord_columns)
        groups = table[group].to_numpy()
        self._starts = np.searchsorted(groups, self.ids, side="left")
        self._stops = np.searchsorted(groups, self.ids, side="right")

    def __len__(self) -> int:
        return len(self.ids)

    def spec(self) -> dict[str, Any]:
        """Return type and constructor arguments of the view."""
        return {
            "view": "RowsByGroup",
            "group": self.group,
            "ids": self.ids,
            "coord_columns": list(self.coord_columns),
            "dense": self.dense,
        }

    def _item(self, index: int) -> dict[str, Any]:
        """Return the dict of one group; with `dense`, frames without a detection give None."""
        rows = self.table.iloc[self._starts[index] : self._stops[index]]
        frames: list[int] = rows["frame"].tolist()
        points: list[int | None] = [p if p >= 0 else None for p in rows["point_index"].tolist()]
        coords: list[tuple[float, ...] | None] = list(
            zip(*(rows[column].tolist() for column in self.coord_columns), strict=True)
        )
        if self.dense and frames:
            seen = {frame: index for index, frame in enumerate(frames)}
            span = range(frames[0], frames[-1] + 1)
            points = [points[seen[f]] if f in seen else None for f in span]
            coords = [coords[seen[f]] if f in seen else None for f in span]
            frames = list(span)
        return {"id": self.ids[index], "frames": frames, "point_indices": points, "coords": coords}


def view_from_spec(table: pd.DataFrame, spec: Mapping[str, Any]) -> TableView:
    """Reconstruct a view of a table from its `TableView.spec`.

    Parameters
    ----------
    table
        The table.
    spec
        Value of `TableView.spec`.

    Returns
    -------
    TableView
        The view.
    """
    if spec["view"] == "RowsByFrame":
        return RowsByFrame(table, int(spec["n_frames"]), spec["fields"])
    return RowsByGroup(table, spec["group"], spec["ids"], spec["coord_columns"], bool(spec["dense"]))


class LastMasks(Mapping[int, "np.ndarray[Any, np.dtype[np.bool_]]"]):
    """Mapping of group number to the mask of its last detection, extracted from the label images when needed.

    Parameters
    ----------
    labels
        Label images, int (n_frames, height, width), in memory or computed when they are read.
    positions
        Group number -> (frame, label) of its last detection.
    """

    def __init__(self, labels: Any, positions: Mapping[int, tuple[int, int]]) -> None:
        self.labels, self.positions = labels, dict(positions)
        self._cut: dict[int, tuple[tuple[slice, ...], Any]] = {}

    @property
    def size(self) -> int:
        """Number of values of all masks."""
        return len(self) * int(np.prod(self.labels.shape[1:]))

    def place_table(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the group number, frame and label of each mask, int64 (n, 3)."""
        rows = [(group, frame, label) for group, (frame, label) in self.positions.items()]
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    def __getitem__(self, group: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return a bool mask (height, width)."""
        frame, label = self.positions[group]
        if isinstance(self.labels, np.ndarray):
            return np.asarray(self.labels[frame] == label)
        if not self._cut:
            self._cut_out()
        mask = np.zeros(self.labels.shape[1:], dtype=np.bool_)
        where, part = self._cut[group]
        mask[where] = part
        return mask

    def _cut_out(self) -> None:
        """Extract the bounding box of each mask in one pass through the frames."""
        for group, (frame, label) in sorted(self.positions.items(), key=lambda item: item[1]):
            mask = self.labels[frame] == label
            spans = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)]
            where = tuple(slice(int(s[0]), int(s[-1]) + 1) if s.size else slice(0, 0) for s in spans)
            self._cut[group] = where, mask[where]

    def __iter__(self) -> Iterator[int]:
        return iter(self.positions)

    def __len__(self) -> int:
        return len(self.positions)
