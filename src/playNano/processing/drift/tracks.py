"""Drift from the common motion of objects that are detected and linked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.blobs.blobs import find_blobs
from playNano.algorithms.blobs.options import BlobOptions
from playNano.algorithms.linking import LinkingOptions, link_movie
from playNano.algorithms.surface.noise import robust_noise
from playNano.processing.drift.frames import each_frame
from playNano.processing.drift.image import box_mask
from playNano.processing.drift.motion import DriftSettings, Motion

SIGMAS_PX = (1.5, 5.0)
NOISES = 6.0
"""Blobs must exceed this multiple of the noise of the frames."""

MAX_PER_FRAME = 200
"""The highest blobs of a frame that are linked."""

MIN_PER_FRAME = 3.0
"""Fewer objects a frame do not distinguish drift from their own motion."""


def motion_from_tracks(data: Any, usable: npt.NDArray[np.bool_], settings: DriftSettings) -> Motion:
    """Return the common motion of the blobs of a movie.

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width); a lazy movie is read once.
    usable
        Whether each frame takes part, (n_frames,).
    settings
        Region, and largest movement from frame to frame.
    """
    import pandas as pd

    n = len(data)
    mask = None if settings.region is None else box_mask((data.shape[1], data.shape[2]), settings.region)
    parts = []
    threshold: float | None = None
    for number, frame in enumerate(each_frame(data)):
        if not usable[number]:
            continue
        if threshold is None:
            threshold = NOISES * robust_noise(frame) / 2
        options = BlobOptions(
            min_sigma=SIGMAS_PX[0],
            max_sigma=SIGMAS_PX[1],
            num_sigma=3,
            threshold=threshold,
            mode="fast",
            subpixel=True,
        )
        blobs = find_blobs(frame[None], options, first_frame=number)[["frame", "y", "x", "height_nm"]]
        if mask is not None:
            blobs = blobs[mask[blobs["y"].round().astype(int), blobs["x"].round().astype(int)]]
        parts.append(blobs.nlargest(MAX_PER_FRAME, "height_nm"))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"frame": [], "y": [], "x": []})
    per_frame = len(table) / max(int(usable.sum()), 1)
    if per_frame < MIN_PER_FRAME or np.count_nonzero(usable) < 2:
        return _nothing(n, per_frame)
    linking = LinkingOptions(drift="global", max_distance=settings.max_shift_px)
    linked = link_movie(table, linking, observed=usable, time_column=None)
    return _from_links(n, usable, linked, per_frame)


def _nothing(n: int, per_frame: float) -> Motion:
    """Return no motion, where there are too few objects."""
    text = f"only {per_frame:.1f} objects a frame were detected: too few to estimate the drift from tracks"
    return Motion(
        "tracks",
        np.zeros((n, 2)),
        np.zeros(n, np.bool_),
        np.full(n, np.nan),
        verdict="none",
        warnings=(text,),
    )


def _from_links(n: int, usable: npt.NDArray[np.bool_], linked: Any, per_frame: float) -> Motion:
    """Return the motion with its scatter: how far the steps of objects differ from the common one."""
    drift = linked.drift
    numbers = drift["frame"].to_numpy(np.int64)
    position = np.stack(
        [np.interp(np.arange(n), numbers, drift[name].to_numpy(np.float64)) for name in ("y", "x")], axis=1
    )
    source, target = (linked.links[name].to_numpy(np.int64) for name in ("source", "target"))
    steps = linked.corrected[target] - linked.corrected[source]
    scatter = 1.4826 * np.median(np.abs(steps - np.median(steps, axis=0))) if len(steps) else float("nan")
    placed = np.zeros(n, np.bool_)
    placed[numbers] = True
    messages = (
        f"{per_frame:.1f} objects a frame; their steps differ from the common motion by {scatter:.2f} px",
    )
    warning = (
        "drift from tracks is the common motion of the objects: where all move together by themselves, it is not the "
        "drift of the surface"
    )
    return Motion(
        "tracks",
        position - position[int(np.argmax(usable))],
        placed,
        np.full(n, np.nan),
        None,
        float(scatter),
        "drift",
        messages,
        (warning,),
        {"objects_per_frame": per_frame},
    )
