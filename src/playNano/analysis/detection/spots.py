"""Run the detectors of spots (blobs, peaks, copies of a template) over a movie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.segmentation import Levels
from playNano.analysis.base import AnalysisOutputs
from playNano.analysis.detection.automatic import warn_of_levels, warn_of_table
from playNano.analysis.observed import observed_frames
from playNano.analysis.times import add_times, times_from
from playNano.core.blocks import TABLE_BLOCK_BYTES
from playNano.core.executor import map_frames
from playNano.core.tables import RowsByFrame
from playNano.core.value_units import table_by_unit
from playNano.errors import ParameterError
from playNano.processing.steps import as_float_block

Options = TypeVar("Options")


@dataclass(frozen=True)
class SpotDetector:
    """Detect the spots of a block of frames; for `map_frames`.

    Parameters
    ----------
    function
        ``function(block, first_frame=..., pixel_size_nm=..., options=...)`` -> table.
    options
        Options of the function: a dataclass.
    pixel_size_nm
        (y, x), nm.
    """

    function: Callable[..., Any]
    options: Any
    pixel_size_nm: tuple[float, float]

    def __call__(self, start: int, block: Any, observed: Any) -> Any:
        """Return the table of a block, without the spots of unobserved frames."""
        pixels = as_float_block(block)[0]
        table = self.function(
            pixels, first_frame=start, pixel_size_nm=self.pixel_size_nm, options=self.options
        )
        return table[observed[table["frame"].to_numpy() - start]]


@dataclass(frozen=True)
class MovieThresholds:
    """Thresholds that were found from the movie.

    Parameters
    ----------
    summary
        Entries of the summary.
    record
        Values for the output ``segmentation``.
    levels
        Background and noise of the movie.
    """

    summary: dict[str, Any]
    record: dict[str, Any]
    levels: Levels


def options_from(kind: type[Options], params: Mapping[str, Any], where: str) -> Options:
    """Create the options of an algorithm from the module parameters that it declares.

    Parameters
    ----------
    kind
        The dataclass of options.
    params
        Parameters of the module by name.
    where
        Context for error messages.

    Returns
    -------
    Options
        An instance of ``kind``; fields that are not parameters of the module keep their defaults.

    Raises
    ------
    ParameterError
        If a value is out of range, or two values are incompatible.

    Examples
    --------
    >>> from playNano.algorithms.peaks import PeakOptions
    >>> options_from(PeakOptions, {"min_height_nm": 2.0, "other": 1}, "peaks").min_height_nm
    2.0
    """
    names = [field.name for field in fields(kind) if field.name in params]  # type: ignore[arg-type]
    try:
        return kind(**{name: params[name] for name in names})
    except ParameterError as error:
        raise ParameterError(f"{where}: {error}") from error


def detect_spots(
    stack: AFMImageStack,
    previous_results: dict[str, Any] | None,
    function: Callable[..., Any],
    options: Any,
    *,
    name: str,
    noun: str = "features",
    hidden_columns: tuple[str, ...] = (),
    automatic: MovieThresholds | None = None,
) -> AnalysisOutputs:
    """Run a detector of spots over a movie, and return its outputs by name.

    Parameters
    ----------
    stack
        The movie.
    previous_results
        Outputs of earlier modules; with those of `frame_quality`, frames that it flags as unusable are skipped.
    function
        The detector: ``function(block, first_frame=..., pixel_size_nm=..., options=...)`` -> table.
    options
        Its options.
    name
        Name of the module, for the progress display.
    noun
        Plural name of the detections in the summary: ``total_<noun>``, ``avg_<noun>_per_frame``.
    hidden_columns
        Columns of the table that are omitted from the dicts of ``features_per_frame``.
    automatic
        Thresholds that were found from the movie; None where they were given.

    Returns
    -------
    dict
        ``features_per_frame``: per frame, a sequence of dicts with ``frame_timestamp`` (s) and the table's
        columns. ``summary``. ``table``: with ``time_s`` (when the tip passed the spot) and ``frame_time_s``
        (when the frame began); where the channel is not a length, heights are named after its unit
        (``height_deg``). ``observed``: bool (n_frames,); where `frame_quality` has run before, frames
        that it flags as unusable are skipped and False here. ``times_from``: basis of ``time_s``, see
        `playNano.analysis.times.times_from`.
    """
    import pandas as pd

    observed = observed_frames(previous_results, len(stack.data))
    detector = SpotDetector(function, options, stack.pixel_size_yx_nm)
    parts = map_frames(detector, stack.data, observed, what=name, block_bytes=TABLE_BLOCK_BYTES)
    if not parts:
        parts = [detector(0, np.zeros((0, *stack.data.shape[1:])), np.ones(0, np.bool_))]
    table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    table = add_times(table_by_unit(table.reset_index(drop=True), stack.unit), stack)
    if automatic is not None:
        warn_of_levels(stack, automatic.levels, len(table))
    else:
        warn_of_table(stack, table, observed)
    fields = {"frame_timestamp": "frame_time_s"}
    fields |= {c: c for c in table.columns if c not in ("frame_time_s", *hidden_columns)}
    n_frames = len(stack.data)
    return {
        "features_per_frame": RowsByFrame(table, n_frames, fields),
        "summary": {
            "total_frames": n_frames,
            f"total_{noun}": len(table),
            # Nothing can be detected in frames that are left out.
            f"avg_{noun}_per_frame": len(table) / max(int(np.count_nonzero(observed)), 1),
            **(automatic.summary if automatic is not None else {}),
        },
        **({"segmentation": automatic.record} if automatic is not None else {}),
        "table": table,
        "observed": observed,
        "times_from": times_from(stack),
    }
