"""Link detections into tables of tracks: convert units, times and features for the linking algorithm and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.linking import FeatureCost, LinkedMovie, LinkingOptions, link_movie
from playNano.algorithms.linking.tables import link_table, track_table
from playNano.analysis.points import PIXEL_AXES
from playNano.analysis.tracking.doubts import tracking_doubts
from playNano.analysis.tracking.edges import near_edge
from playNano.analysis.tracking.messages import clipping_warning, describe_motion, describe_search
from playNano.analysis.tracking.options import FeatureWeights
from playNano.analysis.tracking.units import CoordinateUnits, axis_of, corrected_name, left_drift
from playNano.core.tables import RowsByFrame
from playNano.core.value_units import missing_column_reason, named_by_unit, table_by_unit
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

FEATURE_COLUMNS = {
    "area": ("area_nm2", "area_px", "area"),
    "height": ("height_nm", "z_max_nm", "z_mean_nm", "max"),
    "orientation": ("orientation_rad",),
}
"""Feature -> columns that may contain it, in nm; the first that exists is used."""

PERIODS = {"orientation": float(np.pi)}
LENGTHS = ("step_rms", "step_rms_of_share")
VOLUME = "volume_"


@dataclass(frozen=True)
class TrackingTables:
    """Tables of tracks, with lengths in the report unit.

    Parameters
    ----------
    rows
        Detections that belong to a track, sorted by track and frame.
    links
        One row per link; `source` and `target` are rows of `rows`.
    tracks
        One row per track.
    events
        One row per merge or split; `source` and `target` are rows of `rows`.
    drift
        Common motion that was removed, one row per observed frame.
    summary
        Statistics of all tracks, and the estimated parameters.
    """

    rows: pd.DataFrame
    links: pd.DataFrame
    tracks: pd.DataFrame
    events: pd.DataFrame
    drift: pd.DataFrame
    summary: dict[str, Any]


@dataclass(frozen=True)
class DetectionSource:
    """Detections to be linked.

    Parameters
    ----------
    points
        One row per detection; see `playNano.analysis.points.detected_points`.
    outputs
        Outputs of the detection module.
    coord_key
        Name of the output from which the points were taken.
    """

    points: pd.DataFrame
    outputs: Mapping[str, Any]
    coord_key: str

    @property
    def observed(self) -> Any:
        """Whether each frame was observed, or None if all were."""
        return self.outputs.get("observed")


def track_detections(
    stack: AFMImageStack,
    source: DetectionSource,
    units: CoordinateUnits,
    options: LinkingOptions,
    weights: FeatureWeights,
    mass_column: str | None = None,
) -> TrackingTables:
    """Link detections into tracks and describe them in tables.

    Parameters
    ----------
    stack
        The movie.
    source
        The detections.
    units
        Units of the coordinates.
    options
        Options of linking, with lengths in the unit of linking.
    weights
        Weights of features in the cost of a link.
    mass_column
        Column that is conserved in a merge; None to detect merges by position alone.

    Returns
    -------
    TrackingTables
        Detections by track, links, tracks, events, drift and summary.

    Raises
    ------
    ParameterError
        If the detections lack a feature with a non-zero weight, or the mass column.
    """
    table = _linking_table(source, units)
    time_column, interval = _frame_times(stack, table)
    mass = _mass_of(mass_column, table, stack) if options.merge_split else None
    if options.merge_split and mass is None and len(table):
        stack.warn(
            "particle_tracking: the detections have no volume, so that merges and splits are distinguished from "
            "passing particles by position alone; use a detection with a volume, or set mass_column"
        )
    drift = left_drift(stack, units, table)
    linked = link_movie(
        table if drift is None else _moved(table, units, -drift),
        options,
        columns=units.columns,
        features=_feature_costs(weights, table, stack),
        mass=mass,
        observed=source.observed,
        time_column=time_column,
        frame_interval_s=interval,
    )
    warning = clipping_warning(linked, units)
    if warning:
        stack.warn(f"particle_tracking: {warning}")
    tables = _tracking_tables(
        source,
        table,
        linked,
        units,
        height=height_column(table, stack),
        timed=time_column is not None,
        at_edge=near_edge(table, linked, units, stack),
    )
    if drift is not None and len(tables.events):
        _as_recorded(tables.events, stack)
    n_observed = stack.n_frames if source.observed is None else int(np.count_nonzero(source.observed))
    for doubt in tracking_doubts(tables.summary, n_observed):
        stack.warn(f"particle_tracking: {doubt}")
    if linked.search is not None and linked.motion is not None:
        tables.summary["messages"] = [
            describe_search(linked.search, units, given=options.max_distance is not None),
            describe_motion(linked.motion, given=options.motion != "auto"),
        ]
    return replace(tables, tracks=table_by_unit(tables.tracks, stack.unit))


def _moved(table: pd.DataFrame, units: CoordinateUnits, by: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Return a table with moved coordinates."""
    return table.assign(**{name: table[name] + by[:, axis] for axis, name in enumerate(units.columns)})


def _as_recorded(events: pd.DataFrame, stack: AFMImageStack) -> None:
    """Add the drift of the movie to the places of merges and splits, in place."""
    drift = stack.drift_of(events["frame"], (events["y_nm"] - stack.origin_nm[0]) / stack.pixel_size_yx_nm[0])
    if drift is not None:
        events["y_nm"], events["x_nm"] = events["y_nm"] + drift[:, 0], events["x_nm"] + drift[:, 1]


def _linking_table(source: DetectionSource, units: CoordinateUnits) -> pd.DataFrame:
    """Return the points with all columns of their detections, and coordinates in the unit of linking."""
    points = source.points
    table = detection_rows(points, source.outputs.get(source.coord_key))
    table["frame"] = points["frame"].to_numpy()
    if "time_s" not in table:
        table["time_s"] = points["time_s"].to_numpy()
    for name, factor in zip(units.columns, units.linking_factor, strict=True):
        table[name] = points[name].to_numpy() * factor
    return table


def detection_rows(points: pd.DataFrame, detections: Any) -> pd.DataFrame:
    """Return all columns of the detections of points, row by row.

    Parameters
    ----------
    points
        One row per detection, with ``frame`` and ``point_index``.
    detections
        Per frame, a sequence of detections: a view of a table, or dicts (of which only plain values are kept).
    """
    import pandas as pd

    if isinstance(detections, RowsByFrame):
        at = detections.row_numbers(points["frame"], points["point_index"])
        rows: pd.DataFrame = detections.table.iloc[at].reset_index(drop=True)
        return rows
    plain = [
        {key: value for key, value in detections[frame][point].items() if np.ndim(value) == 0}
        for frame, point in zip(points["frame"].tolist(), points["point_index"].tolist(), strict=True)
    ]
    return pd.DataFrame(plain, index=range(len(points)))


def _frame_times(stack: AFMImageStack, table: pd.DataFrame) -> tuple[str | None, float | None]:
    """Return the time column and the frame interval, s; None if times are unknown or do not increase."""
    if not stack.has_times:
        return None, None
    times = np.array(stack.get_frame_times(), dtype=np.float64)
    steps = np.diff(times)
    own = table["time_s"].to_numpy(np.float64)
    if not steps.size or not (np.isfinite(times).all() and np.isfinite(own).all() and (steps > 0).all()):
        return None, None
    frame = table["frame"].to_numpy()
    count = np.bincount(frame)
    mean = np.bincount(frame, weights=own)[count > 0] / count[count > 0]
    return ("time_s", float(np.median(steps))) if (np.diff(mean) > 0).all() else (None, None)


def _columns_of(feature: str, stack: AFMImageStack) -> list[str]:
    """Return the columns that may contain a feature, named after the unit of the channel."""
    return list(named_by_unit(FEATURE_COLUMNS[feature], stack.unit).values())


def height_column(table: pd.DataFrame, stack: AFMImageStack) -> str:
    """Return the column with the heights of the detections; empty if there is none.

    Parameters
    ----------
    table
        Detections.
    stack
        The movie, whose unit names the columns.
    """
    return next((name for name in _columns_of("height", stack) if name in table), "")


def _feature_costs(
    weights: FeatureWeights, table: pd.DataFrame, stack: AFMImageStack
) -> dict[str, FeatureCost]:
    """Return the cost of each feature with a non-zero weight, by its column."""
    by_feature = {
        "area": (weights.area_weight, weights.area_scale_nm2),
        "height": (weights.height_weight, weights.height_scale_nm),
        "orientation": (weights.orientation_weight, weights.orientation_scale_rad),
    }
    costs = {}
    for feature, (weight, scale) in by_feature.items():
        if not weight or not len(table):
            continue
        names = _columns_of(feature, stack)
        column = next((name for name in names if name in table.columns), None)
        if column is None:
            raise ParameterError(
                f"{feature}_weight is {weight:g}, but the detections have no {' or '.join(names)}"
            )
        costs[column] = FeatureCost(weight, scale, PERIODS.get(feature))
    return costs


def _mass_of(column: str | None, table: pd.DataFrame, stack: AFMImageStack) -> str | None:
    """Return the mass column, by default the volume; None if there is none or there are no detections."""
    if column is None:
        return next((name for name in table.columns if str(name).startswith(VOLUME)), None)
    if column is not None and len(table) and column not in table.columns:
        raise ParameterError(
            f"mass_column is {column!r}, but the detections have {', '.join(map(str, table.columns))}"
            + missing_column_reason(column, stack)
        )
    return column if len(table) else None


def _tracking_tables(
    source: DetectionSource,
    table: pd.DataFrame,
    linked: LinkedMovie,
    units: CoordinateUnits,
    *,
    height: str,
    timed: bool,
    at_edge: npt.NDArray[np.bool_] | None,
) -> TrackingTables:
    """Return all tables in nm and s, in the order of the tracks."""
    points, links, tracks = source.points, linked.links, linked.tracks
    confidence = np.full(len(table), np.nan)
    confidence[links["target"]] = links["confidence"]
    corrected = dict(
        zip(units.columns, (linked.corrected * units.report_factor + units.origin).T, strict=True)
    )
    scaled = table.assign(**corrected)
    links = link_table(scaled, linked.track_id, columns=units.columns, unit=units.unit, confidence=confidence)
    tracks = track_table(
        scaled,
        linked.track_id,
        columns=units.columns,
        unit=units.unit,
        observed=source.observed,
        height=height,
        confidence=confidence,
        near_edge=at_edge,
    )
    if "lineage" in linked.tracks:
        tracks["lineage"] = linked.tracks["lineage"].to_numpy()
    rows = points.assign(track_id=linked.track_id)
    if len(linked.drift):
        rows = rows.assign(**{corrected_name(name, units): corrected[name] for name in units.columns})
    rows = rows[rows["track_id"] >= 0].sort_values(["track_id", "frame"], kind="stable")
    new_row = np.full(len(points), -1, np.int64)
    new_row[rows.index.to_numpy()] = np.arange(len(rows))
    for ends in (links, linked.events):
        for name in ("source", "target"):
            ends[name] = new_row[ends[name].to_numpy()]
    return TrackingTables(
        rows.reset_index(drop=True),
        links,
        tracks,
        _in_report_units(linked.events, units).rename(columns={"distance": f"distance_{units.unit}"}),
        _in_report_units(linked.drift, units),
        _summary(linked, units, timed=timed),
    )


def _in_report_units(table: pd.DataFrame, units: CoordinateUnits) -> pd.DataFrame:
    """Convert coordinates and distances of a table to the report unit, and rename px columns to nm."""
    out = table.copy()
    at = np.zeros(len(units.columns)) if "distance" not in out else units.origin  # a drift has no place
    for name, factor, origin in zip(units.columns, units.report_factor, at, strict=True):
        out[name] = out[name] * factor + origin
    if "distance" in out:
        out["distance"] *= units.length_factor
    if units.unit == "au":
        return out
    return out.rename(columns={name: f"{axis_of(name)}_nm" for name in units.columns if name in PIXEL_AXES})


def _summary(linked: LinkedMovie, units: CoordinateUnits, *, timed: bool) -> dict[str, Any]:
    """Return the summary with lengths and areas in the report unit, which is the suffix of their names."""
    summary = linked.summary()
    parameters: dict[str, Any] = {}
    for name, value in dict(summary.pop("parameters")).items():
        if name in LENGTHS:
            parameters[f"{name}_{units.unit}"] = (np.asarray(value) * units.length_factor).tolist()
        elif name == "area":
            parameters[f"area_{units.unit}{len(units.columns)}"] = value * units.area_factor
        else:
            parameters[name] = value
    trackability = summary.pop("trackability")
    if trackability is not None:
        _convert_lengths(trackability, ("step", "neighbour_distance"), units)
    search = summary.pop("search")
    if search is not None:
        _convert_lengths(search, ("max_distance", "estimated_range", "neighbour_distance"), units)
    clock = "time_s" if timed else "frame"
    return summary | {
        "clock": clock,
        "trackability": trackability,
        "search": search,
        "parameters": parameters,
    }


def _convert_lengths(values: dict[str, Any], names: tuple[str, ...], units: CoordinateUnits) -> None:
    """Convert lengths to the report unit, which becomes the suffix of their names, in place."""
    for name in names:
        values[f"{name}_{units.unit}"] = values.pop(name) * units.length_factor
