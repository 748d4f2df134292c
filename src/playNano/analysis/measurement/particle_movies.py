"""Animated movies of tracked particles, one each, from their crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.core.provenance import outputs_of_kind
from playNano.errors import MissingInputError, ParameterError
from playNano.io.export.gif import write_gif
from playNano.io.export.render import PictureOptions

MODULE = "particle_regions"


def write_particle_movies(
    stack: AFMImageStack,
    path: str | Path,
    *,
    track_ids: Sequence[int] | None = None,
    max_tracks: Annotated[int, Field(ge=1)] = 20,
    width_px: Annotated[int, Field(ge=16), Unit("px")] = 240,
    frame_ms: Annotated[int, Field(ge=10), Unit("ms")] = 100,
) -> Path:
    """Write an animated GIF of each tracked particle, with scale bar and time stamp.

    Each frame is a detection; frames in which the particle was not detected are left out, and the stamps show their
    gaps. All movies have the same range of heights.

    Parameters
    ----------
    stack
        The movie, on which `particle_regions` has been run.
    path
        Folder for the files ``track_<id>.gif``; other files in it are not changed.
    track_ids
        Tracks to write. None: the longest ones.
    max_tracks
        Maximum number of tracks, where `track_ids` are not given.
    width_px
        Approximate edge of the pictures, px: the nearest whole multiple of the pixels of a crop.
    frame_ms
        Duration of each frame, ms.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    MissingInputError
        If `particle_regions` has not been run.
    ParameterError
        If a track has no crops.
    OSError
        If the files cannot be written.
    """
    ran = {
        key: out for key, out in outputs_of_kind(stack, "measurement").items() if key.endswith(f"_{MODULE}")
    }
    if not ran:
        raise MissingInputError(f"there are no crops of particles to export: run {MODULE}")
    outputs = list(ran.values())[-1]
    counts = outputs["crop_index"].groupby("track_id").size().sort_values(ascending=False, kind="stable")
    tracks = [int(track) for track in counts.index[:max_tracks]] if track_ids is None else list(track_ids)
    missing = [track for track in tracks if track not in counts.index]
    if missing:
        raise ParameterError(f"{path}: there are no crops of track {missing[0]}")
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    options = PictureOptions(z_range=_limits(outputs, tracks)) if tracks else None
    for track in tracks:
        movie = movie_of_track(stack, outputs, track)
        edge = movie.data.shape[1]
        width = edge * max(1, round(width_px / edge))
        file = folder / f"track_{track:04d}.gif"
        write_gif(movie, file, options=options, width_px=width, frame_ms=frame_ms, max_frames=len(movie.data))
    return folder


def movie_of_track(stack: AFMImageStack, outputs: Mapping[str, Any], track_id: int) -> AFMImageStack:
    """Return the crops of one track as a movie, with the times of its detections.

    Parameters
    ----------
    stack
        The movie from which they were cropped.
    outputs
        Outputs of `particle_regions`.
    track_id
        The track.

    Raises
    ------
    ParameterError
        If the track has no crops.
    """
    index = outputs["crop_index"]
    rows = index[index["track_id"] == track_id]
    if not len(rows):
        raise ParameterError(f"there are no crops of track {track_id}")
    crops = np.stack([outputs["crops"][number] for number in rows["crop"].tolist()])
    timed = outputs["clock"] != "index"
    entries: list[dict[str, Any]] = [
        {"timestamp": time, "frame_number": frame} if timed else {"frame_number": frame}
        for frame, time in zip(
            rows["frame"].tolist(), rows.get("time_s", rows["frame"]).tolist(), strict=True
        )
    ]
    name = stack.file_path.with_name(f"{stack.file_path.stem}_track_{track_id}{stack.file_path.suffix}")
    size = float(outputs["pixel_nm"])
    return AFMImageStack(crops, size, stack.channel, name, entries, unit=stack.unit)


def _limits(outputs: Mapping[str, Any], tracks: Sequence[int]) -> tuple[float, float]:
    """Return the range of heights of the crops of tracks, from at most 200 of them."""
    index = outputs["crop_index"]
    numbers: npt.NDArray[np.int64] = index["crop"][index["track_id"].isin(tracks)].to_numpy()
    sample = numbers[:: max(1, len(numbers) // 200)]
    pixels = np.stack([outputs["crops"][int(number)] for number in sample])
    # Not `height_limits`, whose medians over frames would saturate the larger particles.
    finite = pixels[np.isfinite(pixels)]
    low, high = np.percentile(finite, [0.5, 99.8]) if finite.size else (0.0, 1.0)
    return float(low), float(high) if high > low else float(low) + 1
