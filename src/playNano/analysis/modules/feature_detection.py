"""Detect objects in every frame: connected regions of a mask, or automatically segmented ones."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.regions import RegionOptions, find_regions
from playNano.algorithms.segmentation import Levels, SegmentationOptions, segment
from playNano.analysis.base import LEADING, AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.automatic import (
    levels_record,
    levels_summary,
    movie_levels,
    object_options,
    warn_of_levels,
    warn_of_table,
)
from playNano.analysis.detection.mask_source import (
    FunctionMask,
    MaskFunction,
    StepMask,
    mask_source,
    stored_masks,
)
from playNano.analysis.detection.snapshots import snapshot
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


LOW_MASK = "mask_below_threshold"
"""The registered mask that marks pits."""
REGION_OPTIONS = tuple(field.name for field in fields(RegionOptions))


SEGMENTATION_OPTIONS = ("false_positives",)
"""Options of the automatic segmentation that are parameters of the module, beside those that regions share."""


class FeatureDetectionModule(AnalysisModule):
    """Detect objects in every frame: connected regions of a mask, or automatically segmented ones."""

    name = "feature_detection"
    kind = "detection"
    version = "1.1"

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return the declarations of the parameters: `run`, `RegionOptions` and `SegmentationOptions`."""
        segmentation = Declaration(SegmentationOptions, ("polarity", "smoothing_px"))
        return (Declaration(cls.run, LEADING, closed=True), Declaration(RegionOptions), segmentation)

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
        is_automatic = given.get("mask_fn") is None and given.get("mask_key") is None
        if is_automatic:
            # The segmentation has a minimum area of its own, and marks the objects that the border cuts.
            given = {"min_size": 0, "remove_edge": False, **given}
        declarations = [*self.declarations(), *_mask_declarations(given.get("mask_fn"), at)]
        bound = bind_all(declarations, given, where=at)
        if bound["mask_fn"] is not None and bound["mask_key"] is not None:
            raise ParameterError(f"{at}: give mask_fn (a mask's name or a function) or mask_key, not both")
        if is_automatic and bound["separate"] != "none":
            raise ParameterError(
                f"{at}: separate applies to masks; automatic segmentation separates by itself"
            )
        if bound["mask_fn"] == LOW_MASK and bound["polarity"] == "auto":
            bound["polarity"] = "down"
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
        measure_on: str | None = None,
        **params: Any,
    ) -> AnalysisOutputs:
        """Detect objects in every frame: connected regions of a mask, or automatically segmented ones.

        Without `mask_fn`, `mask_key` and ``threshold`` the movie, which must be levelled, is segmented automatically
        (`playNano.algorithms.segmentation`): background, noise and its correlation, a threshold for an expected number
        of false detections, a minimum area and the polarity are estimated from at most 32 frames, one set for the
        movie; objects are outlined at half of their own height, and touching ones separated. Then the default of
        ``min_size`` is 0, since the segmentation has a minimum area, and objects at the border are kept.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; needed for `mask_key` only.
        mask_fn
            Name of a registered mask, or a function frame -> bool mask. "mask_threshold" if only a ``threshold`` is
            given. The parameters of the mask are parameters of this module too; `playnano modules mask_threshold`
            lists them. With the polarity "down" a registered mask is computed on the inverted frame, so that it marks
            pits, and with "both" on the frame and on the inverted one; "mask_below_threshold", which marks pits
            already, and masks of a function are not inverted.
        mask_key
            Name of a bool array (n_frames, height, width) in `previous_results`, or among the outputs of
            the modules there. Not together with `mask_fn`.
        measure_on
            Pixels on which the detected regions are measured: the key of a snapshot ("raw", "step_2_level"), or the
            name of a step, whose latest result is used; those on which they are detected by default. Detect on a
            denoised movie, and measure on the levelled one: ``measure_on="level"``.
        **params
            Those of `playNano.algorithms.regions.options.RegionOptions`, ``false_positives`` of
            `playNano.algorithms.segmentation.options.SegmentationOptions`, and those of the mask; other names are an
            error.

        Returns
        -------
        dict
            ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s), ``label``,
            ``area`` (px), ``min, max, mean`` (the pixels' unit), ``bbox`` (min_row, min_col, max_row,
            max_col; half open), ``centroid`` (row, col), and all columns of the table.
            ``labeled_masks``: int32 (n_frames, height, width), 0 = background, 8-connected regions numbered
            in raster order as in `skimage.measure.label`; for a lazy stack they are computed when they are read
            (`playNano.core.lazy.FrameArray`).
            ``summary``: ``total_frames, total_features, avg_features_per_frame, avg_per_frame``; of an automatic
            segmentation also ``segmentation``: threshold, minimum area and polarity, as text.
            ``segmentation``: only of an automatic one, the values of `playNano.algorithms.segmentation.levels.Levels`.
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
        options = _region_options(params)
        movies: list[Any] = [stack.data, observed]
        source: StepMask | FunctionMask | Levels | None = None
        if mask_key is not None:
            movies.append(stored_masks(previous_results or {}, mask_key, stack))
        elif mask_fn is not None:
            source = mask_source(mask_fn, _mask_params(params), stack.file_path.name, stack.geometry)
        else:
            source = movie_levels(
                stack, observed, SegmentationOptions(params["polarity"], params["false_positives"])
            )
            options = object_options(options, source)
        if measure_on is not None:
            movies.append(snapshot(stack, measure_on))
        search = RegionSearch(source, stack.pixel_size_yx_nm, options, measure_on is not None)
        table, labels = search_movie(stack, movies, search, self.name)
        n_frames = len(stack.data)
        automatic: dict[str, Any] = {}
        if isinstance(source, Levels):
            warn_of_levels(stack, source, len(table))
            automatic = levels_summary(source, stack.value_suffix)
        else:
            warn_of_table(stack, table, observed, params.get("threshold"))
        # Nothing can be detected in frames that are left out.
        average = len(table) / max(int(np.count_nonzero(observed)), 1)
        return {
            "features_per_frame": RowsByFrame(table, n_frames, {**FIELDS, **_own_fields(table)}),
            "labeled_masks": labels,
            "summary": {
                "total_frames": n_frames,
                "total_features": len(table),
                "avg_features_per_frame": average,
                "avg_per_frame": average,
                **automatic,
            },
            **(
                {"segmentation": levels_record(source, stack.value_suffix)}
                if isinstance(source, Levels)
                else {}
            ),
            "table": table,
            "observed": observed,
            "times_from": times_from(stack),
        }


@dataclass(frozen=True)
class RegionSearch:
    """Detect the regions of a block of frames; for `map_frames`.

    Parameters
    ----------
    source
        Source of the masks, or the thresholds of an automatic segmentation; None if masks are given with the frames.
    pixel_size_nm
        (y, x), nm.
    options
        Options of `find_regions`.
    has_measured
        Whether the last block is that of the pixels that are measured.
    """

    source: StepMask | FunctionMask | Levels | None
    pixel_size_nm: tuple[float, float]
    options: RegionOptions
    has_measured: bool = False

    def __call__(self, start: int, block: Any, observed: Any, *more: Any, out: Any = None) -> tuple[Any, Any]:
        """Return the table and the label images of a block; the latter are written to `out` if it is given.

        The further blocks are stored masks, if there is no source of masks, and the pixels that are measured.
        """
        pixels = as_float_block(block)[0]
        stored: Any = more[0] if self.source is None else None
        objects, masks = None, stored
        if isinstance(self.source, Levels):
            objects = segment(pixels, self.source)
            masks = objects.labels > 0
        elif self.source is not None:
            masks = self._masks(self.source, start, block)
        if not observed.all():
            masks = masks & observed[:, None, None]
        regions = find_regions(
            as_float_block(more[-1])[0] if self.has_measured else pixels,
            masks,
            self.options,
            first_frame=start,
            pixel_size_nm=self.pixel_size_nm,
            objects=objects,
            out=out,
        )
        return regions.table, regions.labels

    def _masks(self, source: StepMask | FunctionMask, start: int, block: Any) -> Any:
        """Return the masks of a block; for pits a registered mask is computed on inverted frames."""
        polarity = self.options.polarity
        if isinstance(source, FunctionMask) or source.step.name == LOW_MASK or polarity in ("auto", "up"):
            return source(start, block)
        inverted = source(start, -as_float_block(block)[0])
        return inverted if polarity == "down" else inverted | source(start, block)


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
        return self.search(start, block, observed, *rest[:-1], out=rest[-1])


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
    own = (*REGION_OPTIONS, *SEGMENTATION_OPTIONS)
    return {name: value for name, value in params.items() if name not in own}


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
