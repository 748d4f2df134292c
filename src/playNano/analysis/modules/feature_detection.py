"""Find connected regions above a mask in every frame."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import LEADING, AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.mask_source import (
    FunctionMask,
    MaskFunction,
    StepMask,
    mask_source,
    stored_masks,
)
from playNano.analysis.observed import observed_frames
from playNano.analysis.times import add_times, times_from
from playNano.core.blocks import TABLE_BLOCK_BYTES, Block, ChunkJob
from playNano.core.executor import map_frames
from playNano.core.lazy import FrameArray, computed
from playNano.core.params import Declaration, bind_all
from playNano.core.tables import RowsByFrame
from playNano.errors import ParameterError
from playNano.processing.steps import as_float_block, step_registry

FIELDS: dict[str, str | tuple[str, ...]] = {
    "frame_timestamp": "frame_time_s",
    "label": "label",
    "area": "area_px",
    "min": "min",
    "max": "max",
    "mean": "mean",
    "bbox": ("bbox_min_row", "bbox_min_col", "bbox_max_row", "bbox_max_col"),
    "centroid": ("y", "x"),
}
"""Key of a feature's dict -> column(s) of the table; all further columns follow under their own names."""


class FeatureDetectionModule(AnalysisModule):
    """Find connected regions above a mask in every frame."""

    name = "feature_detection"
    kind = "detection"
    version = "1.0"

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect; those of the mask are bound by the mask's own signature."""
        at, given = where or self.name, dict(params)
        if "threshold" in given and given.get("mask_fn") is None and given.get("mask_key") is None:
            given["mask_fn"] = "mask_threshold"
        own = Declaration(self.run, LEADING, closed=True)
        bound = bind_all([own, *_mask_declarations(given.get("mask_fn"), at)], given, where=at)
        if (bound["mask_fn"] is None) == (bound["mask_key"] is None):
            raise ParameterError(f"{at}: give either mask_fn (a mask's name or a function) or mask_key")
        if bound["hole_area"] is not None and not bound["fill_holes"]:
            raise ParameterError(f"{at}: hole_area needs fill_holes=True")
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        mask_fn: str | MaskFunction | None = None,
        mask_key: str | None = None,
        min_size: Annotated[int, Field(ge=0), Unit("px")] = 10,
        remove_edge: bool = True,
        fill_holes: bool = False,
        hole_area: Annotated[int, Field(ge=1), Unit("px")] | None = None,
        min_area_nm2: Annotated[float, Field(ge=0), Unit("nm2")] | None = None,
        max_area_nm2: Annotated[float, Field(ge=0), Unit("nm2")] | None = None,
        min_height_nm: Annotated[float, Unit("nm")] | None = None,
        max_height_nm: Annotated[float, Unit("nm")] | None = None,
        background: Literal["ring", "frame", "zero"] = "ring",
        ring_gap_px: Annotated[int, Field(ge=0), Unit("px")] | None = None,
        ring_width_px: Annotated[int, Field(ge=1), Unit("px")] = 3,
        separate: Literal["none", "opening", "watershed"] = "none",
        separate_by: Literal["distance", "height"] = "distance",
        separate_depth_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None,
        separate_radius_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None,
        **mask_kwargs: Any,
    ) -> AnalysisOutputs:
        """Find connected regions above a mask in every frame.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; needed for `mask_key` only.
        mask_fn
            Name of a registered mask, or a function frame -> bool mask. Either this or `mask_key`; where
            only a ``threshold`` is given, it is "mask_threshold".
        mask_key
            Name of a bool array (n_frames, height, width) in `previous_results`, or among the outputs of
            the modules there.
        min_size
            Least area, px; a region of just this area stays.
        remove_edge
            Whether regions that touch the frame's border are dropped.
        fill_holes
            Whether holes in the mask are filled.
        hole_area
            Fill only holes of less than this area, px.
        min_area_nm2, max_area_nm2
            Limits of a region's area, nm^2.
        min_height_nm, max_height_nm
            Limits of ``height_nm``, the height of a region's summit above its background, nm.
        background
            What heights and volumes are measured from: "ring", the median of the ground around the region;
            "frame", that of the whole frame; "zero".
        ring_gap_px, ring_width_px
            The ring begins this far from the region, and is this wide, px. None lets the gap follow the region's
            size.
        separate
            How touching particles are parted: "none", by "opening" or by "watershed".
        separate_by, separate_depth_nm, separate_radius_nm
            See `playNano.algorithms.regions.separate.separate_touching`.
        **mask_kwargs
            Parameters of the mask; names that it does not know are an error.

        Returns
        -------
        dict
            ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s), ``label``,
            ``area`` (px), ``min, max, mean`` (the pixels' unit), ``bbox`` (min_row, min_col, max_row,
            max_col; half open), ``centroid`` (row, col), and all columns of the table.
            ``labeled_masks``: int32 (n_frames, height, width), 0 = background, 8-connected regions numbered
            in raster order as in `skimage.measure.label`; for a lazy stack they are made when they are read
            (`playNano.core.lazy.FrameArray`).
            ``summary``: ``total_frames, total_features, avg_features_per_frame, avg_per_frame``.
            ``table``: one row a feature; see `playNano.algorithms.regions.regions.find_regions`; ``time_s`` is when
            the tip passed the centroid, ``frame_time_s`` when the frame began.
            ``observed``: bool (n_frames,); where `frame_quality` has run before, frames that it calls unusable
            are skipped and False here.
            ``times_from``: what ``time_s`` rests on, see `times_from`.

        Raises
        ------
        ParameterError
            If a parameter is unknown or wrong, or the mask is not bool of the frames' shape.
        MissingInputError
            If there is no array of the name `mask_key`.
        StepError
            If the mask function fails; the message names the frame.

        Examples
        --------
        >>> data = np.zeros((1, 16, 16)); data[0, 4:8, 5:9] = 2.0
        >>> stack = AFMImageStack(data, 1.0, "height", "movie.npy")
        >>> out = FeatureDetectionModule().run(stack, mask_fn="mask_threshold", threshold=1)
        >>> out["features_per_frame"][0][0]["centroid"], out["summary"]["total_features"]
        ((5.5, 6.5), 1)
        """
        observed = observed_frames(previous_results, len(stack.data))
        movies, mask = [stack.data, observed], None
        if mask_key is not None:
            movies.append(stored_masks(previous_results or {}, mask_key, stack))
        else:
            mask = mask_source(mask_fn or "", mask_kwargs, stack.file_path.name)
        wanted: dict[str, Any] = {
            "min_size": min_size,
            "remove_edge": remove_edge,
            "fill_holes": fill_holes,
            "hole_area": hole_area,
            "min_area_nm2": min_area_nm2,
            "max_area_nm2": max_area_nm2,
            "min_height_nm": min_height_nm,
            "max_height_nm": max_height_nm,
            "background": background,
            "ring_gap_px": ring_gap_px,
            "ring_width_px": ring_width_px,
            "separate": separate,
            "separate_by": separate_by,
            "separate_depth_nm": separate_depth_nm,
            "separate_radius_nm": separate_radius_nm,
        }
        table, labels = find(stack, movies, RegionSearch(mask, stack.pixel_size_yx_nm, wanted), self.name)
        n_frames = len(stack.data)
        average = len(table) / n_frames if n_frames else 0.0
        return {
            "features_per_frame": RowsByFrame(table, n_frames, {**FIELDS, **_own_fields(table)}),
            "labeled_masks": labels,
            "summary": {
                "total_frames": n_frames,
                "total_features": len(table),
                "avg_features_per_frame": average,
                "avg_per_frame": average,
            },
            "table": table,
            "observed": observed,
            "times_from": times_from(stack),
        }


@dataclass(frozen=True)
class RegionSearch:
    """Find the regions of a block of frames; for `map_frames`.

    Parameters
    ----------
    mask
        What makes the masks; None where they are given with the frames.
    pixel_size_nm
        (y, x), nm.
    wanted
        Further parameters of `find_regions`.
    """

    mask: StepMask | FunctionMask | None
    pixel_size_nm: tuple[float, float]
    wanted: dict[str, Any]

    def __call__(
        self, start: int, block: Any, observed: Any, stored: Any = None, out: Any = None
    ) -> tuple[Any, Any]:
        """Return the table and the label images of a block; the latter are written to `out` where that is given."""
        from playNano.algorithms.regions.regions import find_regions

        masks = stored if self.mask is None else self.mask(start, block)
        if not observed.all():
            masks = masks & observed[:, None, None]
        found = find_regions(
            as_float_block(block)[0],
            masks,
            first_frame=start,
            pixel_size_nm=self.pixel_size_nm,
            out=out,
            **self.wanted,
        )
        return found.table, found.labels


def find(stack: AFMImageStack, movies: list[Any], search: RegionSearch, what: str) -> tuple[Any, Any]:
    """Return the table of all regions, and the label images: in memory, or made on demand for a lazy stack."""
    import pandas as pd

    shape = stack.data.shape
    if stack.is_lazy:
        labels: Any = FrameArray(partial(_label_frames, search, movies), shape, np.int32, by_chunk=True)
        parts = map_frames(_TableOnly(search), *movies, what=what, block_bytes=TABLE_BLOCK_BYTES)
    else:
        labels = np.empty(shape, dtype=np.int32)
        parts = map_frames(
            _IntoLabels(search), *movies, labels, what=what, out=labels, block_bytes=TABLE_BLOCK_BYTES
        )
    if not parts:
        nothing = np.zeros((0, *shape[1:]))
        parts = [search(0, nothing, np.ones(0, np.bool_), *(m[:0] for m in movies[2:]))[0]]
    table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    return add_times(table, stack), labels


@dataclass(frozen=True)
class _IntoLabels:
    search: RegionSearch

    def __call__(self, start: int, block: Any, observed: Any, *rest: Any) -> tuple[Any, Any]:
        return self.search(start, block, observed, rest[0] if len(rest) == 2 else None, out=rest[-1])


@dataclass(frozen=True)
class _TableOnly:
    search: RegionSearch

    def __call__(self, start: int, *blocks: Any) -> Any:
        return self.search(start, *blocks)[0]


def _label_frames(search: RegionSearch, movies: list[Any], start: int, stop: int) -> Any:
    whole = Block(0, stop - start)
    return ChunkJob(search, gives_frames=True)(start, whole, *(computed(m[start:stop]) for m in movies))[1]


def _own_fields(table: Any) -> dict[str, str]:
    return {column: column for column in table.columns if column not in FIELDS and column != "frame_time_s"}


def _mask_declarations(mask: Any, where: str) -> list[Declaration]:
    """Return what declares the parameters of a mask, given by its name or as a function."""
    if isinstance(mask, str):
        step = step_registry()[mask]
        if step.kind != "mask":
            raise ParameterError(f"{where}: {mask!r} is a {step.kind}, not a mask")
        return [step.declaration]
    if mask is None:
        return []
    if not callable(mask):
        raise ParameterError(
            f"{where}: parameter 'mask_fn' must be a mask's name or a function, got {mask!r}"
        )
    first = next(iter(inspect.signature(mask).parameters), "frame")
    return [Declaration(mask, (first,))]
