"""Crops of tracked particles: squares of one size, centred on each detection with sub-pixel accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit, check_options
from playNano.afm_stack import AFMImageStack
from playNano.algorithms.measurement.kymograph import interpolated
from playNano.algorithms.measurement.results import Headline, named_by_clock
from playNano.analysis.measurement.source import frames_of, tracking_outputs
from playNano.analysis.observed import observed_frames
from playNano.analysis.times import times_from
from playNano.core.lazy import CHUNK_BYTES, FrameArray, chunk_borders, computed, is_lazy
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

MARGIN = 1.5
"""Edge of a crop, as a multiple of the extent of the largest particles, where the edge is not given."""


@dataclass(frozen=True)
class CropOptions:
    """Options of the crops of particles.

    Parameters
    ----------
    size_nm
        Edge of a crop, nm, > 0, rounded up to an odd number of pixels. None: 1.5 times the extent that 95 % of the
        detections do not exceed.
    step_nm
        Edge of a pixel of the crops, nm, > 0. None: the shorter edge of a pixel of the movie.
    min_detections
        Tracks with fewer detections are left out, >= 1.
    track_ids
        Tracks to crop. None: all.
    """

    size_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None
    step_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None
    min_detections: Annotated[int, Field(ge=1)] = 2
    track_ids: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)


@dataclass(frozen=True)
class CropReader:
    """Computes crops when they are read, chunk by chunk of the movie.

    Parameters
    ----------
    data
        The movie, (n_frames, height, width), numpy or lazy.
    frames
        Frame of each crop, in ascending order, (n,).
    rows, columns
        Centre of each crop, px, (n,).
    steps
        Distance of the pixels of a crop along rows and columns, px.
    edge
        Pixels along the edge of a crop, an odd number.
    """

    data: Any
    frames: npt.NDArray[np.int64]
    rows: Floats
    columns: Floats
    steps: tuple[float, float]
    edge: int

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return some of the crops, (stop - start, edge, edge).

        Parameters
        ----------
        start, stop
            The first crop, and that after the last.
        """
        out = np.empty((stop - start, self.edge, self.edge), np.float32)
        offsets = np.arange(self.edge) - self.edge // 2
        down, across = np.meshgrid(offsets * self.steps[0], offsets * self.steps[1], indexing="ij")
        done = start
        for last, frames in self._chunks(self.frames[start:stop]):
            while done < stop and self.frames[done] < last + len(frames):
                frame = frames[self.frames[done] - last]
                out[done - start] = interpolated(frame, self.rows[done] + down, self.columns[done] + across)
                done += 1
        return out

    def _chunks(self, needed: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield the frames that are needed, with the number of the first of each chunk."""
        if not is_lazy(self.data):
            yield 0, self.data
            return
        for first, after in chunk_borders(self.data):
            inside = needed[(needed >= first) & (needed < after)]
            if len(inside):
                yield int(inside[0]), computed(self.data[int(inside[0]) : int(inside[-1]) + 1])


def particle_crops(
    stack: AFMImageStack,
    previous_results: Mapping[str, Any] | None,
    options: CropOptions,
    tracking_module: str | None = None,
) -> dict[str, Any]:
    """Return the crops of all detections of tracks.

    Parameters
    ----------
    stack
        The movie.
    previous_results
        Outputs of earlier modules, among them the tracking's.
    options
        Size, and which tracks.
    tracking_module
        Name of the tracking; None: the latest.

    Returns
    -------
    dict
        As `playNano.analysis.modules.particle_regions.ParticleRegionsModule` returns it.

    Raises
    ------
    MissingInputError
        No tracking has run.
    ParameterError
        A track does not exist, or the extent of the particles is not known and no size is given.
    """
    name = "particle_regions"
    tracked = tracking_outputs(previous_results, tracking_module, name)
    table = _selected(tracked["table"], options)
    size, origin, shape = stack.pixel_size_yx_nm, stack.origin_nm, stack.image_shape
    step = options.step_nm or min(size)
    extent = options.size_nm or MARGIN * _extent_nm(table, size)
    edge = 2 * int(np.ceil((extent / step - 1) / 2 - 1e-9)) + 1
    rows, columns = (
        (table[f"{axis}_nm"].to_numpy(np.float64) - origin[n]) / size[n] for n, axis in enumerate("yx")
    )
    reader = CropReader(
        stack.data, table["frame"].to_numpy(np.int64), rows, columns, (step / size[0], step / size[1]), edge
    )
    crops: Any = FrameArray(reader, (len(table), edge, edge), np.float32, by_chunk=stack.is_lazy)
    if not stack.is_lazy and crops.nbytes <= CHUNK_BYTES:
        crops = reader(0, len(table))
    half = (edge // 2) * step
    cut = (rows * size[0] < half) | (rows * size[0] + half > (shape[0] - 1) * size[0])
    cut |= (columns * size[1] < half) | (columns * size[1] + half > (shape[1] - 1) * size[1])
    clock: Any = times_from(stack)
    index = _index(stack, table, cut, previous_results)
    n_tracks = int(index["track_id"].nunique())
    said = [f"{len(index)} crops of {edge} x {edge} px of {step:.4g} nm"]
    if cut.any():
        said.append(f"{int(cut.sum())} crops extend beyond the frame, where they are NaN")
    headline = Headline("edge of a crop", edge * step if len(index) else np.nan, "nm", n=n_tracks)
    return {
        "crops": crops,
        "crop_index": named_by_clock(index, clock),
        "pixel_nm": float(step),
        "size_nm": float(edge * step),
        "unit": stack.unit,
        "clock": clock,
        "summary": {"headlines": [headline.to_dict()] if len(index) else [], "messages": said},
    }


def _selected(table: pd.DataFrame, options: CropOptions) -> pd.DataFrame:
    """Return the detections of the tracks that are cropped, by frame, then track."""
    if not {"track_id", "frame", "y_nm", "x_nm"} <= {*table}:
        raise ParameterError(
            "particle_regions: the table of the tracks has no track_id, frame, y_nm and x_nm"
        )
    table = table[np.isfinite(table["y_nm"]) & np.isfinite(table["x_nm"])]
    if options.track_ids is not None:
        missing = sorted(set(options.track_ids) - set(table["track_id"]))
        if missing:
            raise ParameterError(f"particle_regions: there is no track {missing[0]}")
        table = table[table["track_id"].isin(options.track_ids)]
    counts = table.groupby("track_id")["frame"].transform("size")
    kept = table[counts >= options.min_detections]
    return kept.sort_values(["frame", "track_id"], kind="stable", ignore_index=True)


def _extent_nm(table: pd.DataFrame, size: tuple[float, float]) -> float:
    """Return the extent that 95 % of the detections do not exceed, nm."""
    if not len(table):
        return min(size)
    if {"bbox_min_row", "bbox_min_col", "bbox_max_row", "bbox_max_col"} <= {*table}:
        tall = (table["bbox_max_row"] - table["bbox_min_row"]) * size[0]
        extents = np.maximum(tall, (table["bbox_max_col"] - table["bbox_min_col"]) * size[1])
    elif "radius_nm" in table:
        extents = 2 * table["radius_nm"]
    elif "area_nm2" in table:
        extents = np.sqrt(4 / np.pi * table["area_nm2"])
    else:
        raise ParameterError(
            "particle_regions: the detections have no extent (bbox, radius_nm or area_nm2); give size_nm"
        )
    extent = float(np.nanpercentile(extents, 95)) if np.isfinite(extents).any() else np.nan
    if not extent > 0:
        raise ParameterError("particle_regions: the extent of the detections is not known; give size_nm")
    return extent


def _index(
    stack: AFMImageStack,
    table: pd.DataFrame,
    cut: npt.NDArray[np.bool_],
    previous_results: Mapping[str, Any] | None,
) -> pd.DataFrame:
    """Return which detection each crop shows."""
    import pandas as pd

    times: Any = table["time_s"] if "time_s" in table else pd.Series(np.nan, index=table.index)
    if times.isna().any():
        frames = frames_of(stack, observed_frames(previous_results, stack.n_frames))
        times = frames.pass_s(table["frame"], table["y_nm"])
    return pd.DataFrame(
        {
            "crop": np.arange(len(table), dtype=np.int64),
            "track_id": table["track_id"].to_numpy(np.int64),
            "frame": table["frame"].to_numpy(np.int64),
            "time_s": np.asarray(times, dtype=np.float64),
            "y_nm": table["y_nm"].to_numpy(np.float64),
            "x_nm": table["x_nm"].to_numpy(np.float64),
            "is_cut": cut,
        }
    )
