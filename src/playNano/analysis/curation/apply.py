"""Make edits again on tracks of another run: each is found by its frame and place, and one that is not is listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playNano.analysis.curation.edits import COLUMNS, Edit, Place
from playNano.analysis.curation.model import CurationModel
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

APPLIED, SO_ALREADY, NO_MATCH = "applied", "already so", "no match"
"""What has become of an edit: it was made; the tracks say so already; what it is about is not there."""

CLEARER = 2.0
"""How many times further away the second nearest detection must be, if it too is within the distance."""


class NotMatchedError(ParameterError):
    """An edit is about something that is not there."""


class DeletedError(NotMatchedError):
    """An edit is about a detection that was deleted."""


@dataclass(frozen=True)
class Match:
    """The detection of a place.

    Parameters
    ----------
    row
        Its row.
    distance_nm
        Its distance from the place, nm.
    """

    row: int
    distance_nm: float


def apply_edits(model: CurationModel, edits: Sequence[Edit]) -> pd.DataFrame:
    """Make edits, each found by its frame and place.

    Parameters
    ----------
    model
        The tracks; each edit is a step of its own for undo. Author, time and reason of the edits are kept; edits
        without effect are added to ``model.set_aside``.
    edits
        The edits, in order: a later one may be about a detection that an earlier one has added.

    Returns
    -------
    DataFrame
        One row an edit: the columns of a file of edits; ``status``, "applied", "already so" or "no match"; ``why``, for
        the latter; and ``distance_nm``, the larger distance of its detections from its places (NaN: none).

    See Also
    --------
    playNano.analysis.curation.edits.read_edits : Read a file of edits.
    """
    import pandas as pd

    rows = []
    for edit in edits:
        distance = np.nan
        try:
            status, distance = _apply(model, edit)
            why = ""
        except NotMatchedError as error:
            status, why = NO_MATCH, str(error)
        if status == APPLIED:
            model.restate(edit)
        else:
            model.set_aside.append(edit)
        rows.append({**edit.to_dict(), "status": status, "why": why, "distance_nm": distance})
    table = pd.DataFrame(rows, columns=[*COLUMNS, "status", "why", "distance_nm"])
    numbers = [name for name in COLUMNS if name.startswith(("y_", "x_", "to_"))]
    texts = ["edit", "author", "time", "reason", "status", "why"]
    table[texts] = table[texts].astype(object).where(table[texts].notna(), "")
    return table.astype({**dict.fromkeys((*numbers, "distance_nm"), float), "frame": np.int64})


def _apply(model: CurationModel, edit: Edit) -> tuple[str, float]:
    """Make one edit, and return what has become of it and the distance of its detections."""
    frame = edit.place.frame
    if frame >= model.n_frames:
        raise NotMatchedError(f"there is no frame {frame}")
    if edit.kind == "unusable":
        if not model.usable[frame]:
            return SO_ALREADY, np.nan
        model.mark_unusable(frame)
        return APPLIED, np.nan
    if edit.kind == "add":
        return _add(model, edit)
    try:
        source = match(model, edit.place)
    except DeletedError:
        if edit.kind == "delete":
            return SO_ALREADY, np.nan
        raise
    if edit.kind == "delete":
        model.delete(source.row)
        return APPLIED, source.distance_nm
    if edit.to is None:
        follows = int(model.following[source.row])
        if follows < 0 and edit.kind == "confirm":
            raise NotMatchedError("no link leaves this detection")
        return _change_link(model, edit.kind, source.row, follows), source.distance_nm
    target = match(model, edit.to)
    larger = max(source.distance_nm, target.distance_nm)
    return _change_link(model, edit.kind, source.row, target.row), larger


def _add(model: CurationModel, edit: Edit) -> tuple[str, float]:
    """Add a detection, unless there is one."""
    y_nm, x_nm = model.geometry.place_nm(edit.place)
    if not model.usable[edit.place.frame]:
        raise NotMatchedError(f"frame {edit.place.frame} is unusable")
    _, distance = model.distances_nm(edit.place.frame, y_nm, x_nm)
    if distance.size and distance[0] <= model.max_distance_nm:
        return SO_ALREADY, float(distance[0])
    y, x = model.geometry.place_px(edit.place)
    if not model.geometry.is_inside(y, x):
        raise NotMatchedError("the place is outside the frame")
    model.add(edit.place.frame, y, x)
    return APPLIED, 0.0


def _change_link(model: CurationModel, kind: str, source: int, target: int) -> str:
    """Join, break or confirm, and return what has become of the edit."""
    linked = target >= 0 and model.following[source] == target
    together = target >= 0 and target in model.track_rows(source)
    if kind == "join":
        if together:
            return SO_ALREADY
        model.join(source, target)
        return APPLIED
    if kind == "break":
        if not together:
            return SO_ALREADY
        if not linked:
            raise NotMatchedError("the track has other detections between these two now")
        model.cut(source, target)
        return APPLIED
    if not linked:
        raise NotMatchedError("these detections are not linked now")
    if model.curated[target]:
        return SO_ALREADY
    model.confirm(source, target)
    return APPLIED


def match(model: CurationModel, place: Place) -> Match:
    """Return the detection at a place.

    Parameters
    ----------
    model
        The tracks.
    place
        The place.

    Raises
    ------
    NotMatchedError
        If no detection lies within ``model.max_distance_nm``, or several do and none is clearly the nearest; or if
        the nearest one was deleted, so that another is not taken for it.
    """
    if place.frame >= model.n_frames:
        raise NotMatchedError(f"there is no frame {place.frame}")
    y_nm, x_nm = model.geometry.place_nm(place)
    rows, distance = model.distances_nm(place.frame, y_nm, x_nm)
    gone = np.flatnonzero((model.frame == place.frame) & model.deleted & model.usable[place.frame])
    lost = np.hypot(model.y_nm[gone] - y_nm, model.x_nm[gone] - x_nm).min(initial=np.inf)
    if lost <= model.max_distance_nm and lost < distance.min(initial=np.inf):
        raise DeletedError(f"the detection there in frame {place.frame} was deleted")
    if not rows.size:
        raise NotMatchedError(f"there is no detection in frame {place.frame}")
    if not distance[0] <= model.max_distance_nm:
        raise NotMatchedError(
            f"the nearest detection in frame {place.frame} is {distance[0]:.3g} nm away, further than "
            f"{model.max_distance_nm:.3g} nm"
        )
    near = distance <= model.max_distance_nm
    if np.count_nonzero(near) > 1 and distance[1] < CLEARER * distance[0]:
        raise NotMatchedError(
            f"two detections in frame {place.frame} may be meant, {distance[0]:.3g} and {distance[1]:.3g} nm away"
        )
    return Match(int(rows[0]), float(distance[0]))
