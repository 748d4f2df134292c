"""From detections to the tables of tracks: units, times and features between the stack and the linker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.points import PIXEL_AXES
from playNano.core.tables import RowsByFrame
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from playNano.algorithms.linking.features import FeatureCost
    from playNano.algorithms.linking.movie import LinkedMovie

COLUMNS_OF = {
    "area": ("area_nm2", "area_px", "area"),
    "height": ("height_nm", "z_max_nm", "z_mean_nm", "max"),
    "orientation": ("orientation_rad",),
}
"""Feature -> columns of a detection that may hold it, the first that is there."""

PERIODS = {"orientation": float(np.pi)}
LENGTHS = ("step_rms", "step_rms_of_share")


@dataclass(frozen=True)
class Followed:
    """Tables of tracks. Rows of `rows` are sorted by track and frame; links and events name them by place."""

    rows: pd.DataFrame
    links: pd.DataFrame
    tracks: pd.DataFrame
    events: pd.DataFrame
    drift: pd.DataFrame
    summary: dict[str, Any]


@dataclass(frozen=True)
class Ruler:
    """Units of the coordinates that are followed.

    `columns` are those to follow, y first; `in_nm` how many nm their unit is, by column; `work` what they are
    multiplied by before linking. `unit` is that of reported lengths: "nm", or "au" for coordinates of an
    unknown unit.
    """

    columns: tuple[str, ...]
    in_nm: npt.NDArray[np.float64]
    work: npt.NDArray[np.float64]
    unit: str

    @property
    def report(self) -> npt.NDArray[np.float64]:
        """Factors from the unit of linking to that of the report, by column."""
        return self.in_nm / self.work

    @property
    def length(self) -> float:
        """Factor for lengths in any direction: the geometric mean."""
        return float(np.exp(np.log(self.report).mean()))


def ruler_for(stack: AFMImageStack, coord_columns: Sequence[str], *, in_nm: bool) -> Ruler:
    """Say in which unit coordinates are followed, and in which they are reported."""
    names = list(coord_columns)
    if all(name in PIXEL_AXES for name in names):
        columns = tuple(sorted(names, key=lambda name: PIXEL_AXES[name]))
        edge = np.array([stack.pixel_size_yx_nm[PIXEL_AXES[name]] for name in columns], dtype=np.float64)
        return Ruler(columns, edge, edge if in_nm else np.ones(len(names)), "nm")
    columns = tuple(sorted(names, key=lambda name: not name.startswith(("y", "centroid_y"))))
    unit = "nm" if all(name.endswith("_nm") for name in names) else "au"
    return Ruler(columns, np.ones(len(names)), np.ones(len(names)), unit)


def follow(
    stack: AFMImageStack,
    points: pd.DataFrame,
    outputs: Mapping[str, Any],
    coord_key: str,
    ruler: Ruler,
    asked: Mapping[str, Any],
) -> Followed:
    """Link detections into tracks and describe them.

    Parameters
    ----------
    stack
        The movie.
    points
        One row a detection; see `playNano.analysis.points.detected_points`.
    outputs, coord_key
        Outputs of the detection, and which of them the points come from.
    ruler
        Units of the coordinates.
    asked
        Parameters of `ParticleTrackingModule.run` that say how to link.
    """
    from playNano.algorithms.linking.movie import link_movie

    table = _table(points, outputs, coord_key, ruler)
    clock, interval = _clock(stack, table)
    reach = asked["max_distance_nm"] if asked["max_distance_nm"] is not None else asked["max_distance"]
    step = None if asked["step_nm"] is None else asked["step_nm"] / ruler.length
    same = ("method", "max_missing", "min_length", "motion", "distance_scale", "drift", "merge_split")
    rates = ("miss_rate", "end_rate", "start_rate", "false_per_frame")
    linked = link_movie(
        table,
        max_distance=reach,
        columns=ruler.columns,
        features=_features(asked, table),
        mass=_mass(asked["mass_column"], table) if asked["merge_split"] else None,
        observed=outputs.get("observed"),
        time_column=clock,
        frame_interval_s=interval,
        step=step,
        **{name: asked[name] for name in (*same, *rates)},
    )
    return _described(points, table, linked, ruler, outputs.get("observed"), timed=clock is not None)


def _table(points: pd.DataFrame, outputs: Mapping[str, Any], coord_key: str, ruler: Ruler) -> pd.DataFrame:
    """Return the points in the unit of linking, with all that is known of each."""
    table = detection_rows(points, outputs.get(coord_key))
    table["frame"] = points["frame"].to_numpy()
    if "time_s" not in table:
        table["time_s"] = points["time_s"].to_numpy()
    for name, factor in zip(ruler.columns, ruler.work, strict=True):
        table[name] = points[name].to_numpy() * factor
    return table


def detection_rows(points: pd.DataFrame, detections: Any) -> pd.DataFrame:
    """Return all columns of the detections that points stand for, row by row."""
    import pandas as pd

    if isinstance(detections, RowsByFrame):
        places = detections.places(points["frame"], points["point_index"])
        rows: pd.DataFrame = detections.table.iloc[places].reset_index(drop=True)
        return rows
    plain = [
        {key: value for key, value in detections[frame][point].items() if np.ndim(value) == 0}
        for frame, point in zip(points["frame"].tolist(), points["point_index"].tolist(), strict=True)
    ]
    return pd.DataFrame(plain, index=range(len(points)))


def _clock(stack: AFMImageStack, table: pd.DataFrame) -> tuple[str | None, float | None]:
    """Return the column of times and the frame interval, s; None where there are none that run on."""
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


def _features(asked: Mapping[str, Any], table: pd.DataFrame) -> dict[str, FeatureCost]:
    from playNano.algorithms.linking.features import FeatureCost

    scales = {"area": "area_scale_nm2", "height": "height_scale_nm", "orientation": "orientation_scale_rad"}
    costs = {}
    for feature, names in COLUMNS_OF.items():
        weight = asked[f"{feature}_weight"]
        if not weight or not len(table):
            continue
        column = next((name for name in names if name in table.columns), None)
        if column is None:
            raise ParameterError(
                f"{feature}_weight is {weight:g}, but the detections have no {' or '.join(names)}"
            )
        costs[column] = FeatureCost(weight, asked[scales[feature]], PERIODS.get(feature))
    return costs


def _mass(column: str | None, table: pd.DataFrame) -> str | None:
    if column is not None and len(table) and column not in table.columns:
        raise ParameterError(
            f"mass_column is {column!r}, but the detections have {', '.join(map(str, table.columns))}"
        )
    return column if len(table) else None


def _described(
    points: pd.DataFrame,
    table: pd.DataFrame,
    linked: LinkedMovie,
    ruler: Ruler,
    observed: Any,
    *,
    timed: bool,
) -> Followed:
    """Bring everything into nm and seconds, and into the order of the tracks."""
    from playNano.algorithms.linking.tables import link_table, track_table

    links, tracks = linked.links, linked.tracks
    confidence = np.full(len(table), np.nan)
    confidence[links["target"]] = links["confidence"]
    scaled = table.assign(
        **{name: table[name] * factor for name, factor in zip(ruler.columns, ruler.report, strict=True)}
    )
    height = next((name for name in COLUMNS_OF["height"] if name in table), "")
    known: dict[str, Any] = {"columns": ruler.columns, "unit": ruler.unit, "confidence": confidence}
    links = link_table(scaled, linked.track_id, **known)
    tracks = track_table(scaled, linked.track_id, **known, observed=observed, height=height)
    if "lineage" in linked.tracks:
        tracks["lineage"] = linked.tracks["lineage"].to_numpy()
    rows = points.assign(track_id=linked.track_id)
    rows = rows[rows["track_id"] >= 0].sort_values(["track_id", "frame"], kind="stable")
    place = np.full(len(points), -1, np.int64)
    place[rows.index.to_numpy()] = np.arange(len(rows))
    for ends in (links, linked.events):
        for name in ("source", "target"):
            ends[name] = place[ends[name].to_numpy()]
    return Followed(
        rows.reset_index(drop=True),
        links,
        tracks,
        _renamed(linked.events, ruler).rename(columns={"distance": f"distance_{ruler.unit}"}),
        _renamed(linked.drift, ruler),
        _summary(linked, ruler, timed=timed),
    )


def _renamed(table: pd.DataFrame, ruler: Ruler) -> pd.DataFrame:
    """Give coordinates in the unit of the report, under names that tell it."""
    out = table.copy()
    for name, factor in zip(ruler.columns, ruler.report, strict=True):
        out[name] = out[name] * factor
    if "distance" in out:
        out["distance"] *= ruler.length
    if ruler.unit == "au":
        return out
    axes = {name: f"{'yx'[PIXEL_AXES[name]]}_nm" for name in ruler.columns if name in PIXEL_AXES}
    return out.rename(columns=axes)


def _summary(linked: LinkedMovie, ruler: Ruler, *, timed: bool) -> dict[str, Any]:
    summary = linked.summary()
    given = dict(summary.pop("parameters"))
    parameters: dict[str, Any] = {}
    for name, value in given.items():
        if name in LENGTHS:
            parameters[f"{name}_{ruler.unit}"] = (np.asarray(value) * ruler.length).tolist()
        elif name == "area":
            parameters[f"area_{ruler.unit}{len(ruler.columns)}"] = value * float(ruler.report.prod())
        else:
            parameters[name] = value
    judged = summary.pop("trackability")
    if judged is not None:
        for name in ("step", "neighbour_distance"):
            judged[f"{name}_{ruler.unit}"] = judged.pop(name) * ruler.length
    clock = "time_s" if timed else "frame"
    return summary | {"clock": clock, "trackability": judged, "parameters": parameters}
