"""Trial run of a pipeline on part of the user's movie: steps needed, and minimum height of detected particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.estimation.dynamics import locate_particles
from playNano.algorithms.quality.quality import frame_quality
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.errors import ParameterError
from playNano.metrics.detection import match_points
from playNano.validate.movie_model import MAX_FRAMES, best_span
from playNano.validate.trial import (
    POSITION,
    Steps,
    diffusion,
    needed_steps,
    run_analysis,
)

if TYPE_CHECKING:
    import pandas as pd

# Peaks below this fraction of the median height of the pipeline's detections are not particles.
_MIN_HEIGHT = 0.4
# Minimum number of detections on the movie from which that median is taken.
_MIN_DETECTIONS = 10


@dataclass(frozen=True, eq=False)
class PipelineProbe:
    """Result of a pipeline on a part of the user's movie.

    Parameters
    ----------
    steps
        The steps needed for scoring, with the parameter values in effect.
    scored
        Indices of the steps that detect or track.
    on_movie
        Detections per frame, and the diffusion coefficient where the pipeline tracks.
    min_height_nm
        Minimum height of a particle, nm; 0 where the pipeline detects too few.
    frame
        The central frame of the part, unprocessed, (height, width).
    caveats
        Limitations of the result, in words.
    """

    steps: Steps
    scored: list[int]
    on_movie: dict[str, float]
    min_height_nm: float
    frame: npt.NDArray[Any]
    caveats: tuple[str, ...]


def probe_pipeline(stack: AFMImageStack, plan: Plan) -> PipelineProbe:
    """Run a pipeline on a part of the user's movie.

    Parameters
    ----------
    stack
        The movie.
    plan
        The pipeline.

    Returns
    -------
    PipelineProbe
        Needed steps, detections per frame, and the minimum height of a particle.

    Raises
    ------
    ParameterError
        The pipeline detects nothing, or its detections have no positions.
    """
    usable = (
        frame_quality(np.asarray(stack.processed.get("raw", stack.data)[:MAX_FRAMES]))
        .table["usable"]
        .to_numpy()
    )
    span = best_span(usable, (len(usable), *stack.image_shape))
    part = stack[span]
    part.restore_raw()
    raw = np.asarray(part.data)
    plan.bind()[0].run(part, keep="none")
    steps = plan.for_movie(part).bind()[1].steps
    record = run_analysis(part, steps)
    needed = needed_steps(steps, record)
    kept = [key for step, key in zip(steps, record["analysis"], strict=True) if step in needed]
    scored = {**outputs_of_kind(record, "detection"), **outputs_of_kind(record, "tracking")}
    table, tracks = latest_table(record, "detection"), latest_table(record, "tracking")
    if table is None or not {*POSITION, "frame"} <= set(table.columns):
        raise ParameterError(
            "the detections have no table with 'frame', 'y_nm' and 'x_nm'; they cannot be scored"
        )
    on_movie = {"per_frame": len(table) / max(int(usable[span].sum()), 1)}
    if tracks is not None:
        on_movie["diffusion_nm2_s"] = diffusion(tracks)
    usable_frames = np.flatnonzero(usable[span])
    min_height = _min_particle_height(raw, usable_frames, part, table)
    caveat = (
        "the pipeline detects almost nothing on the movie; all objects above the noise count as particles"
    )
    return PipelineProbe(
        steps=needed,
        scored=[k for k, key in enumerate(kept) if key in scored],
        on_movie=on_movie,
        min_height_nm=min_height,
        frame=raw[usable_frames[len(usable_frames) // 2]] if len(usable_frames) else raw[0],
        caveats=(caveat,) if min_height == 0 else (),
    )


def _min_particle_height(
    raw: npt.NDArray[Any], usable_frames: npt.NDArray[np.int64], part: AFMImageStack, detections: pd.DataFrame
) -> float:
    """Return two fifths of the median height of the peaks that the pipeline detects; 0 if these are too few."""
    import pandas as pd

    # Twenty frames are enough.
    usable_frames = usable_frames[:: max(len(usable_frames) // 20, 1)]
    if not len(usable_frames):
        return 0.0
    frame, positions, height = locate_particles(raw[usable_frames], part.pixel_size_yx_nm)
    y, x = (positions + np.asarray(part.origin_nm)).T
    peaks = pd.DataFrame({"frame": usable_frames[frame], "y_nm": y, "x_nm": x})
    known = np.isfinite(height)
    peaks, height = peaks[known].reset_index(drop=True), height[known]
    partner = match_points(peaks, detections, max_distance=5 * max(part.pixel_size_yx_nm), columns=POSITION)
    hit = partner[partner >= 0]
    return float(_MIN_HEIGHT * np.median(height[hit])) if len(hit) >= _MIN_DETECTIONS else 0.0
