"""The tables of tracks after curation, of the same form as those of the tracking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.linking.merge_split import lineages
from playNano.algorithms.linking.tables import link_table, track_table
from playNano.analysis.curation.graph import Bools, Ints
from playNano.analysis.curation.model import CurationModel
from playNano.analysis.curation.source import CORRECTED, CurationSource, added_rows, with_corrected
from playNano.analysis.points import PIXEL_AXES
from playNano.analysis.tracking.edges import within_step_of_edge
from playNano.analysis.tracking.run import height_column
from playNano.core.tables import LastMasks, RowsByGroup
from playNano.core.value_units import table_by_unit

if TYPE_CHECKING:
    import pandas as pd

CARRIED = ("clock", "trackability", "search", "motion", "parameters")
"""Entries of the tracking's summary that edits do not change."""


def curated_tables(model: CurationModel, source: CurationSource, stack: AFMImageStack) -> dict[str, Any]:
    """Return the outputs of a tracking module for edited tracks.

    Parameters
    ----------
    model
        The edited tracks.
    source
        What they were made from.
    stack
        The movie.

    Returns
    -------
    dict
        ``tracks, track_masks, n_tracks, table, track_table, links, events, drift, usable`` and ``summary``.
    """
    rows, ids = _tracked_rows(model, source, stack)
    at = rows["row"].to_numpy(np.int64)
    table = rows.drop(columns="row")
    confidence, curated = model.confidence[at], model.curated[at]
    places = [name for name in CORRECTED if name in table] or ["y_nm", "x_nm"]
    links = link_table(table, ids, columns=places, unit="nm", confidence=confidence)
    links["curated"] = curated[links["target"].to_numpy(np.int64)]
    tracks = track_table(
        table,
        ids,
        columns=places,
        unit="nm",
        observed=model.usable,
        height=height_column(table, stack),
        confidence=confidence,
        near_edge=_near_edge(table, source.tracking, stack),
    )
    events = _events(source.tracking.get("events"), model, at)
    numbers = tracks["track_id"].to_numpy(np.int64)
    if events is not None and "lineage" in source.tracking.get("track_table", ()):
        own, partner = (
            np.searchsorted(numbers, events[name].to_numpy(np.int64)) for name in ("track_id", "partner_id")
        )
        tracks["lineage"] = lineages(len(numbers), events.assign(track_id=own, partner_id=partner))
    changed = np.bincount(
        np.searchsorted(numbers, ids), weights=curated | table["added"], minlength=len(numbers)
    )
    tracks["curated"] = changed > 0
    outputs = {
        "tracks": _sequence(table, numbers, source.tracking.get("tracks")),
        "track_masks": _masks(table, source.detection),
        "n_tracks": len(numbers),
        "table": table,
        "track_table": table_by_unit(tracks, stack.unit),
        "links": links,
        "usable": model.usable.copy(),
        "summary": _summary(tracks, links, events, source.tracking),
    }
    if events is not None:
        outputs["events"] = events
    if "drift" in source.tracking:
        outputs["drift"] = source.tracking["drift"]
    return outputs


def _tracked_rows(
    model: CurationModel, source: CurationSource, stack: AFMImageStack
) -> tuple[pd.DataFrame, Ints]:
    """Return the detections of tracks by track and frame, with their rows of the model, and their tracks."""
    import pandas as pd

    all_rows, n_known = source.rows, len(source.rows)
    if "added" not in all_rows:
        all_rows = all_rows.assign(added=False)
    if model.n_rows > n_known:
        new = added_rows(model, source, stack)
        flags = [str(name) for name in all_rows if all_rows[name].dtype == np.bool_]
        new = new.assign(**{name: name == "added" for name in flags})
        all_rows = pd.concat([all_rows, new], ignore_index=True)
        all_rows = with_corrected(all_rows, n_known)
    ids = model.track_ids()
    at = np.flatnonzero(model.tracked)
    at = at[np.lexsort((model.frame[at], ids[at]))]
    rows = all_rows.iloc[at].reset_index(drop=True)
    rows.insert(0, "track_id", ids[at])
    return rows.assign(row=at), ids[at]


def _near_edge(table: pd.DataFrame, tracking: Mapping[str, Any], stack: AFMImageStack) -> Bools | None:
    """Return whether each detection lies within one step of the border; None if no step is known."""
    step_nm = (tracking.get("summary") or {}).get("parameters", {}).get("step_rms_nm")
    if step_nm is None:
        return None
    return within_step_of_edge(table, table["y"], table["x"], float(step_nm), stack)


def _events(events: pd.DataFrame | None, model: CurationModel, at: Ints) -> pd.DataFrame | None:
    """Return the merges and splits that edits have left, with the rows and tracks of the edited tables.

    Parameters
    ----------
    events
        Those of the tracking; ``source`` and ``target`` are rows of the model.
    model
        The edited tracks.
    at
        Row of the model of each row of the edited table.
    """
    if events is None:
        return None
    new_row, ids = np.full(model.n_rows, -1, np.int64), model.track_ids()
    new_row[at] = np.arange(len(at))
    source, target = (events[name].to_numpy(np.int64) for name in ("source", "target"))
    merge = events["kind"].to_numpy() == "merge"
    own, partner = np.where(merge, source, target), np.where(merge, target, source)
    ends = np.where(merge, model.following[source], model.preceding[target]) < 0
    kept = ends & (new_row[source] >= 0) & (new_row[target] >= 0) & (ids[own] != ids[partner])
    edited: pd.DataFrame = events.assign(
        track_id=ids[own], partner_id=ids[partner], source=new_row[source], target=new_row[target]
    )[kept].reset_index(drop=True)
    return edited


def _sequence(table: pd.DataFrame, numbers: Ints, before: Any) -> RowsByGroup:
    """Return the tracks as a sequence of dicts, with the coordinates of the tracking if these are places in px."""
    view = before if isinstance(before, RowsByGroup) else None
    names = ("y", "x") if view is None else view.coord_columns
    if not all(name in table or name in PIXEL_AXES for name in names):
        names = ("y", "x")
    columns = {name: table["yx"[PIXEL_AXES[name]]] for name in names if name in PIXEL_AXES}
    if "point_index" not in table:
        columns["point_index"] = table.groupby("frame").cumcount()
    rows = table.assign(**columns)
    rows = rows[["track_id", "frame", "point_index", *names]]
    return RowsByGroup(rows, "track_id", numbers.tolist(), names, dense=view is None or view.dense)


def _masks(table: pd.DataFrame, detection: Mapping[str, Any]) -> LastMasks | dict[int, Any]:
    """Return the mask of the last detection of each track; an empty dict if detections have no labels."""
    labels = detection.get("labeled_masks")
    if labels is None or "label" not in table or not len(table):
        return {}
    last = table.groupby("track_id", sort=True).tail(1)
    last = last[last["label"] >= 0]
    places = zip(last["frame"].tolist(), last["label"].astype(np.int64).tolist(), strict=True)
    array = np.asarray(labels) if isinstance(labels, list | tuple) else labels
    return LastMasks(array, dict(zip(last["track_id"].tolist(), places, strict=True)))


def _summary(
    tracks: pd.DataFrame, links: pd.DataFrame, events: pd.DataFrame | None, tracking: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the numbers of the edited tracks, and what edits do not change of those of the tracking."""
    before = tracking.get("summary") or {}
    kinds = [] if events is None else events["kind"].tolist()
    confidence = links["confidence"].to_numpy(np.float64)
    length: npt.NDArray[Any] = tracks["length"].to_numpy()
    doubt = np.nansum(1 - confidence)
    known = np.isfinite(confidence).any() or bool(links["curated"].any())
    return {
        "n_tracks": len(tracks),
        "n_links": len(links),
        "median_length": float(np.median(length)) if length.size else 0.0,
        "expected_wrong_links": float(doubt / len(links)) if len(links) and known else float("nan"),
        "n_merges": kinds.count("merge"),
        "n_splits": kinds.count("split"),
        **{name: before[name] for name in CARRIED if name in before},
    }
