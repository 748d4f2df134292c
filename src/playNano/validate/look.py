"""What the pipeline makes of the user's own movie."""

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
from playNano.validate.likeness import LONGEST, longest_sound
from playNano.validate.trial import (
    PLACE,
    Steps,
    diffusion,
    needed_steps,
    run_analysis,
)

if TYPE_CHECKING:
    import pandas as pd

# What is less high than this part of the median of what the pipeline takes for particles is none.
_LOWEST = 0.4
# Detections on the user's own movie below which nothing can be learnt from them.
_ENOUGH = 10


@dataclass(frozen=True, eq=False)
class Look:
    """What the pipeline does with a part of the user's own movie.

    `steps` are those needed and `scored` tells which of them detect or track; from `least_nm` on something is a
    particle; `frame` is one of the movie's own.
    """

    steps: Steps
    scored: list[int]
    on_movie: dict[str, float]
    least_nm: float
    frame: npt.NDArray[Any]
    caveats: tuple[str, ...]


def look(stack: AFMImageStack, plan: Plan) -> Look:
    """Run the pipeline on a part of the user's own movie: what it takes for particles is to be simulated."""
    usable = (
        frame_quality(np.asarray(stack.processed.get("raw", stack.data)[:LONGEST])).table["usable"].to_numpy()
    )
    stretch = longest_sound(usable, (len(usable), *stack.image_shape))
    part = stack[stretch]
    part.restore_raw()
    raw = np.asarray(part.data)
    processing, analysis = plan.bind()
    processing.run(part, keep="none")
    steps = analysis.steps
    record = run_analysis(part, steps)
    needed = needed_steps(steps, record)
    made = [key for step, key in zip(steps, record["analysis"], strict=True) if step in needed]
    scored = {**outputs_of_kind(record, "detection"), **outputs_of_kind(record, "tracking")}
    table, tracks = latest_table(record, "detection"), latest_table(record, "tracking")
    if table is None or not {*PLACE, "frame"} <= set(table.columns):
        raise ParameterError(
            "the detections have no table with 'frame', 'y_nm' and 'x_nm'; they cannot be scored"
        )
    on_movie = {"per_frame": len(table) / max(int(usable[stretch].sum()), 1)}
    if tracks is not None:
        on_movie["diffusion_nm2_s"] = diffusion(tracks)
    sound = np.flatnonzero(usable[stretch])
    least = _least_height(raw, sound, part, table)
    told = "the pipeline finds next to nothing on the movie; all that stands out is taken for particles"
    return Look(
        steps=needed,
        scored=[k for k, key in enumerate(made) if key in scored],
        on_movie=on_movie,
        least_nm=least,
        frame=raw[sound[len(sound) // 2]] if len(sound) else raw[0],
        caveats=(told,) if least == 0 else (),
    )


def _least_height(
    raw: npt.NDArray[Any], sound: npt.NDArray[np.int64], part: AFMImageStack, found: pd.DataFrame
) -> float:
    """Return two fifths of the median height of what the pipeline takes for particles; 0 where it finds too little."""
    import pandas as pd

    # Twenty frames tell it well enough.
    sound = sound[:: max(len(sound) // 20, 1)]
    if not len(sound):
        return 0.0
    frame, places, height = locate_particles(raw[sound], part.pixel_size_yx_nm)
    peaks = pd.DataFrame({"frame": sound[frame], "y_nm": places[:, 0], "x_nm": places[:, 1]})
    known = np.isfinite(height)
    peaks, height = peaks[known].reset_index(drop=True), height[known]
    partner = match_points(peaks, found, max_distance=5 * max(part.pixel_size_yx_nm), columns=PLACE)
    hit = partner[partner >= 0]
    return float(_LOWEST * np.median(height[hit])) if len(hit) >= _ENOUGH else 0.0
