"""Outputs of the modules that have run, as later modules see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playNano.core.tables import RowsByFrame, RowsByGroup


class PreviousResults(dict[str, Any]):
    """Module name -> its latest outputs, in the order in which they were made, with the kind of each module.

    A table of detections or tracks is also there as the sequence that modules take, if the module gave none.

    Attributes
    ----------
    kinds : dict of str to str
        Module name -> its kind.

    Examples
    --------
    >>> previous = PreviousResults()
    >>> previous.put("my_quality", "quality", {"usable": [True]}, 1)
    >>> of_kind(previous, "quality")
    ['my_quality']
    """

    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[str, str] = {}

    def put(self, name: str, kind: str, outputs: Mapping[str, Any], n_frames: int) -> None:
        """Add the outputs of a module as the latest.

        Parameters
        ----------
        name
            Name of the module.
        kind
            Its kind.
        outputs
            What it returned.
        n_frames
            Frames of the movie.
        """
        self.pop(name, None)
        self[name] = _with_sequences(kind, outputs, n_frames)
        self.kinds[name] = kind

    def copy(self) -> PreviousResults:
        """Return a copy, which a module may change."""
        other = PreviousResults()
        other.update(self)
        other.kinds = dict(self.kinds)
        return other


def of_kind(previous_results: Mapping[str, Any] | None, kind: str) -> list[str]:
    """Return the names of the modules of a kind that have run, the latest last.

    Parameters
    ----------
    previous_results
        Module name -> its latest outputs. A plain dict does not say kinds: none is of any kind then.
    kind
        "quality", "detection", "tracking", "clustering", "measurement" or "analysis".
    """
    kinds: Mapping[str, str] = getattr(previous_results, "kinds", {})
    return [name for name in previous_results or {} if kinds.get(name) == kind]


def _with_sequences(kind: str, outputs: Mapping[str, Any], n_frames: int) -> dict[str, Any]:
    """Return outputs with the table of detections or tracks as a sequence too, where only the table is given."""
    complete, table = dict(outputs), outputs.get("table")
    if table is None:
        return complete
    if kind == "detection" and "features_per_frame" not in outputs and "frame" in table:
        ordered = table.sort_values("frame", kind="stable", ignore_index=True)
        fields = {str(name): str(name) for name in table.columns if name != "frame"}
        complete["features_per_frame"] = RowsByFrame(ordered, n_frames, fields)
    if kind == "tracking" and "tracks" not in outputs and {"track_id", "frame", "y", "x"} <= {*table}:
        ordered = table.sort_values(["track_id", "frame"], kind="stable", ignore_index=True)
        index = {} if "point_index" in ordered else {"point_index": ordered.groupby("frame").cumcount()}
        ids = ordered["track_id"].unique().tolist()
        complete["tracks"] = RowsByGroup(ordered.assign(**index), "track_id", ids, ("y", "x"), dense=False)
    return complete
