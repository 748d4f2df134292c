"""Detect connected regions of a mask in every frame."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.regions import RegionOptions, find_regions
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
from playNano.core.value_units import table_by_unit
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
"""Key of a feature's dict -> column(s) of the table; all other columns follow under their own names."""


REGION_OPTIONS = tuple(field.name for field in fields(RegionOptions))


class FeatureDetectionModule(AnalysisModule):
    """Detect connected regions of a mask in every frame."""

    name = "feature_detection"
    kind = "detection"
    version = "1.0"

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return the declarations of the parameters: `run`, and `RegionOptions`."""
        return (Declaration(cls.run, LEADING, closed=True), Declaration(RegionOptions))

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect; those of the mask are declared by its signature.

        Parameters
        ----------
        params
            Values by name, as given by the caller.
        where
            Name of the step for messages; by default the module's.
        """
        at, given = where or self.name, dict(params)
        if "threshold" in given and given.get("mask_fn") is None and given.get("mask_key") is None:
            given["mask_fn"] = "mask_threshold"
        declarations = [*self.declarations(), *_mask_declarations(given.get("mask_fn"), at)]
        bound = bind_all(declarations, given, where=at)
        if (bound["mask_fn"] is None) == (bound["mask_key"] is None):
            raise ParameterError(f"{at}: give either mask_fn (a mask's name or a function) or mask_key")
        try:
            _region_options(bound)
        except ParameterError as error:
            raise ParameterError(f"{at}: {error}") from error
        return bound

    def declarations_for(self, params: Mapping[str, Any]) -> list[Declaration]:
        """Return the declarations of the parameters of a call: those of `declarations`, and the mask's.

        Parameters
        ----------
        params
            Values by name.
        """
        return [*self.declarations(), *_mask_declarations(params.get("mask_fn"), self.name)]

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        mask_fn: str | MaskFunction | None = None,
        mask_key: str | None = None,
        **params: Any,
    ) -> AnalysisOutputs:
        """Detect connected regions of a mask in every frame.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; needed for `mask_key` only.
        mask_fn
            Name of a registered mask, or a function frame -> bool mask. Either this or `mask_key`; "mask_threshold"
            if only a ``threshold`` is given. The parameters of the mask are parameters of this module too;
            `playnano modules mask_threshold` lists them.
        mask_key
            Name of a bool array (n_frames, height, width) in `previous_results`, or among the outputs of
            the modules there.
        **params
            Those of `playNano.algorithms.regions.options.RegionOptions`, and those of the mask; other names
            are an error.

        Returns
        -------
        dict
            ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s), ``label``,
            ``area`` (px), ``min, max, mean`` (the pixels' unit), ``bbox`` (min_row, min_col, max_row,
            max_col; half open), ``centroid`` (row, col), and all columns of the table.
            ``labeled_masks``: int32 (n_frames, height, width), 0 = background, 8-connected regions numbered
            in raster order as in `skimage.measure.label`; for a lazy stack they are computed when they are read
            (`playNano.core.lazy.FrameArray`).
            ``summary``: ``total_frames, total_features, avg_features_per_frame, avg_per_frame``.
            ``table``: one row per feature; see `playNano.algorithms.regions.regions.find_regions`. Where the channel
            is not a length, heights are named after its unit (``height_deg``), without volumes. ``time_s`` is when
            the tip passed the centroid, ``frame_time_s`` when the frame began.
            ``observed``: bool (n_frames,); where `frame_quality` has run before, frames that it flags as unusable
            are skipped and False here.
            ``times_from``: basis of ``time_s``, see `times_from`.

        Raises
        ------
        ParameterError
            If a parameter is unknown or wrong, or the mask is not a bool array of the shape of the frames.
        MissingInputError
            If there is no array with the name `mask_key`.
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
            mask = mask_source(mask_fn or "", _mask_params(params), stack.file_path.name)
        search = RegionSearch(mask, stack.pixel_size_yx_nm, _region_options(params))
        table, labels = search_movie(stack, movies, search, self.name)
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
    """Detect the regions of a block of frames; for `map_frames`.

    Parameters
    ----------
    mask
        Source of the masks; None if they are given with the frames.
    pixel_size_nm
        (y, x), nm.
    options
        Options of `find_regions`.
    """

    mask: StepMask | FunctionMask | None
    pixel_size_nm: tuple[float, float]
    options: RegionOptions

    def __call__(
        self, start: int, block: Any, observed: Any, stored: Any = None, out: Any = None
    ) -> tuple[Any, Any]:
        """Return the table and the label images of a block; the latter are written to `out` if it is given."""
        masks = stored if self.mask is None else self.mask(start, block)
        if not observed.all():
            masks = masks & observed[:, None, None]
        regions = find_regions(
            as_float_block(block)[0],
            masks,
            self.options,
            first_frame=start,
            pixel_size_nm=self.pixel_size_nm,
            out=out,
        )
        return regions.table, regions.labels


def search_movie(stack: AFMImageStack, movies: list[Any], search: RegionSearch, what: str) -> tuple[Any, Any]:
    """Return the table of all regions, and the label images: in memory, or computed on demand for a lazy stack.

    Parameters
    ----------
    stack
        The movie.
    movies
        Arrays that are divided into blocks: pixels, whether each frame was observed, and stored masks, if any.
    search
        Function that detects the regions of each block.
    what
        Name of the work, for messages and progress.

    Returns
    -------
    tuple
        DataFrame and (n_frames, h, w) int32.
    """
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
    return add_times(table_by_unit(table, stack.unit), stack), labels


@dataclass(frozen=True)
class _IntoLabels:
    """A region search that writes the label images into the last of its array arguments."""

    search: RegionSearch

    def __call__(self, start: int, block: Any, observed: Any, *rest: Any) -> tuple[Any, Any]:
        return self.search(start, block, observed, rest[0] if len(rest) == 2 else None, out=rest[-1])


@dataclass(frozen=True)
class _TableOnly:
    """A region search that returns only the table."""

    search: RegionSearch

    def __call__(self, start: int, *blocks: Any) -> Any:
        return self.search(start, *blocks)[0]


def _label_frames(search: RegionSearch, movies: list[Any], start: int, stop: int) -> Any:
    """Return the label images of a range of frames."""
    whole = Block(0, stop - start)
    return ChunkJob(search, gives_frames=True)(start, whole, *(computed(m[start:stop]) for m in movies))[1]


def _region_options(params: Mapping[str, Any]) -> RegionOptions:
    """Create `RegionOptions` from the parameters that it declares."""
    return RegionOptions(**{name: params[name] for name in REGION_OPTIONS})


def _mask_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the mask: those not declared by the module."""
    return {name: value for name, value in params.items() if name not in REGION_OPTIONS}


def _own_fields(table: Any) -> dict[str, str]:
    return {column: column for column in table.columns if column not in FIELDS and column != "frame_time_s"}


def _mask_declarations(mask: Any, where: str) -> list[Declaration]:
    """Return the declarations of the parameters of a mask, given by its name or as a function."""
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
