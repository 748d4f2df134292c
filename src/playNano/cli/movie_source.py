"""The movie that a picture command shows: a file with processing steps, or a result folder with its detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.defaults import default_processing
from playNano.analysis.plan import Plan
from playNano.analysis.record_file import is_result_folder, read_record, record_path
from playNano.analysis.record_use import movie_of, plan_of
from playNano.cli.job import Options
from playNano.cli.plans import with_edits
from playNano.core.lazy import FrameArray, is_lazy
from playNano.errors import ParameterError
from playNano.plots.analysed import AnalysedMovie
from playNano.processing.edits.field import Cut
from playNano.processing.edits.frames import frame_numbers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Part:
    """The part of a movie that is shown.

    Parameters
    ----------
    frames
        Frames as text, such as "20:60"; None for all.
    crop
        Rectangle as text, "Y,X,HEIGHT,WIDTH"; None for the whole field.
    crop_unit
        Its unit, "px" or "nm".
    """

    frames: str | None = None
    crop: str | None = None
    crop_unit: str = "px"

    def of(self, plan: Plan) -> Plan:
        """Return a plan that begins with the edits of this part.

        Parameters
        ----------
        plan
            The plan.
        """
        return with_edits(plan, self.frames, self.crop, self.crop_unit)


@dataclass(frozen=True)
class Shown:
    """A processed movie with what was detected on it.

    Parameters
    ----------
    stack
        The movie.
    detections, tracks
        Tables of the last detection and tracking; None without one.
    labels
        Label images of the detection; None without them.
    """

    stack: AFMImageStack
    detections: pd.DataFrame | None = None
    tracks: pd.DataFrame | None = None
    labels: Any = None


def is_result(path: Path) -> bool:
    """Return whether a path is record.json, or a folder of results.

    Parameters
    ----------
    path
        Any path.
    """
    return path.name == "record.json" or is_result_folder(path)


def shown_movie(
    path: Path, options: Options, part: Part, steps: str | None = None, *, raw: bool = False
) -> Shown:
    """Load and process the movie to be shown.

    Parameters
    ----------
    path
        The movie; or record.json or its folder: then processing and detections are those of the record.
    options
        Options for reading the movie.
    part
        Frames and field of view. Those of a movie are cut before processing, as by `playnano analyze`, those of a
        record after it.
    steps
        Processing steps of a movie as text; None for the usual levelling.
    raw
        Whether a movie is left as recorded.

    Raises
    ------
    PlayNanoError, OSError
        The movie or record cannot be read, or a step or option is wrong.
    """
    if is_result(path):
        if steps is not None:
            raise ParameterError(f"{path} has processing steps of its own: for others give the movie instead")
        return _of_record(path, options, part)
    if raw and steps is not None:
        raise ParameterError("--raw and --process exclude each other; --side-by-side shows both")
    plan = Plan(default_processing("auto")) if steps is None else Plan.from_options(steps, None, None)
    plan = part.of(Plan() if raw else plan)
    plan.bind()  # all names and parameters are validated before the movie is read
    return Shown(plan.process(options.load(path)))


def _of_record(path: Path, options: Options, part: Part) -> Shown:
    """Return the processed movie of a record with its detections, or a part of it."""
    record = read_record(record_path(path))
    plan = replace(plan_of(record), analysis=[])
    stack = plan.process(options.load(movie_of(record, record_path(path)), plan.input))
    movie = AnalysedMovie.of(stack, record)
    shape, (top, left), (py, px) = stack.image_shape, stack.origin_nm, stack.pixel_size_yx_nm
    count = stack.n_frames
    edits = part.of(Plan())
    if not edits.processing:
        return Shown(stack, movie.detections, movie.tracks, movie.labels)
    stack = edits.process(stack)
    numbers = list(range(count)) if part.frames is None else frame_numbers(part.frames, count)
    y, x = stack.origin_nm
    cut = Cut(round((y - top) / py), round((x - left) / px), stack.image_shape)
    inside = (cut.top, cut.left, cut.shape) == (0, 0, shape)
    labels = None if movie.labels is None else _selected(movie.labels, numbers, None if inside else cut)
    return Shown(stack, _renumbered(movie.detections, numbers), _renumbered(movie.tracks, numbers), labels)


def _renumbered(table: pd.DataFrame | None, numbers: Sequence[int]) -> pd.DataFrame | None:
    """Return the rows of selected frames, which are counted anew; positions in nm stay."""
    if table is None:
        return None
    rows = table[table["frame"].isin(numbers)]
    new = {old: position for position, old in enumerate(numbers)}
    return rows.assign(frame=rows["frame"].map(new).astype(np.int64))


def _selected(labels: Any, numbers: Sequence[int], cut: Cut | None) -> FrameArray:
    """Return the label images of selected frames, cut like them, computed when they are read."""
    source = FrameArray.of(labels) if is_lazy(labels) else labels
    shape = (len(numbers), *(labels.shape[1:] if cut is None else cut.shape))

    def read(start: int, stop: int) -> npt.NDArray[np.int32]:
        frames = np.stack([np.asarray(source[number]) for number in numbers[start:stop]])
        if cut is not None:
            frames = np.nan_to_num(cut(frames.astype(np.float64)))
        return frames.astype(np.int32)

    return FrameArray(read, shape, np.int32)
