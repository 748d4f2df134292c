"""What the figures show of an analysed movie: a sample of its frames, with everything detected on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.frame_shifts import in_shifted_frames
from playNano.core.lazy import computed
from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.io.export.render import PictureOptions, height_limits

if TYPE_CHECKING:
    import pandas as pd

N_SAMPLED = 10
"""Number of frames that are sampled from a movie."""


@dataclass(frozen=True)
class AnalysedMovie:
    """A movie with its last detection, tracking and clustering, and the frames that figures show.

    Frames are read when they are needed, one by one, and kept: a figure of a movie larger than memory reads only what
    it shows.

    Parameters
    ----------
    stack
        The levelled movie.
    detections, tracks, clusters, quality
        Tables of the last step of each kind; None without one.
    labels
        Label images of the detection, (n_frames, height, width), in memory or computed when read; None without them.
    observed
        Whether each frame was analysed, (n_frames,).
    step
        Record of the detection: ``name``, ``params``; empty without one.
    outputs
        Outputs of the detection.
    options
        Options of pictures.
    """

    stack: AFMImageStack
    detections: pd.DataFrame | None
    tracks: pd.DataFrame | None
    clusters: pd.DataFrame | None
    quality: pd.DataFrame | None
    labels: Any
    observed: npt.NDArray[np.bool_]
    step: Mapping[str, Any]
    outputs: Mapping[str, Any]
    options: PictureOptions
    _pixels: dict[int, Any] = field(default_factory=dict, repr=False)
    _labels: dict[int, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, stack: AFMImageStack, record: Any, options: PictureOptions | None = None) -> AnalysedMovie:
        """Collect what figures show.

        Parameters
        ----------
        stack
            The levelled movie.
        record
            A record as `AnalysisPipeline.run` returns it, or an analysed stack.
        options
            Options of pictures; None for the defaults.
        """
        detections = outputs_of_kind(record, "detection")
        keys = [key for key, outputs in detections.items() if "table" in outputs]
        outputs = detections[keys[-1]] if keys else {}
        quality = latest_table(record, "quality")
        return cls(
            stack,
            in_shifted_frames(latest_table(record, "detection"), stack),
            in_shifted_frames(latest_table(record, "tracking"), stack),
            in_shifted_frames(latest_table(record, "clustering"), stack),
            quality if quality is not None and len(quality) == stack.n_frames else None,
            _fitting(outputs.get("labeled_masks"), stack),
            _observed(outputs, quality, stack.n_frames),
            _step(record, keys[-1]) if keys else {},
            outputs,
            options or PictureOptions(),
        )

    @cached_property
    def sampled(self) -> npt.NDArray[np.intp]:
        """Numbers of at most `N_SAMPLED` frames, evenly spaced among the analysed ones, with the first and the last."""
        frames = np.flatnonzero(self.observed)
        if not len(frames):
            frames = np.arange(self.stack.n_frames)
        if len(frames) <= N_SAMPLED:
            return frames
        return frames[np.linspace(0, len(frames) - 1, N_SAMPLED).round().astype(np.intp)]

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Heights at the ends of the colour map: as given, or from the sampled frames."""
        if self.options.z_range is not None:
            return self.options.z_range
        frames = [self.pixels(int(i)) for i in self.sampled]
        return height_limits(np.stack(frames) if frames else np.empty((0, *self.stack.image_shape)))

    @cached_property
    def counts(self) -> npt.NDArray[np.intp] | None:
        """Number of detections in each frame, (n_frames,); None without a detection."""
        if self.detections is None:
            return None
        return np.bincount(self.detections["frame"].to_numpy(np.intp), minlength=self.stack.n_frames)

    def pixels(self, frame: int) -> npt.NDArray[Any]:
        """Return the levelled heights of a frame, (height, width).

        Parameters
        ----------
        frame
            Number of the frame.
        """
        if frame not in self._pixels:
            self._pixels[frame] = self.stack.get_frame(frame)
        return np.asarray(self._pixels[frame])

    def raw_pixels(self, frame: int) -> npt.NDArray[Any] | None:
        """Return a frame as recorded; None if no step changed it, or if steps changed the shape of the movie.

        Parameters
        ----------
        frame
            Number of the frame.
        """
        raw = self.stack.processed.get("raw")
        if raw is None or raw is self.stack.data or raw.shape != self.stack.data.shape:
            return None
        return computed(raw[frame])

    def label_image(self, frame: int) -> npt.NDArray[np.integer[Any]] | None:
        """Return the label image of a frame, (height, width); None if the detector has none.

        Parameters
        ----------
        frame
            Number of the frame.
        """
        if self.labels is None:
            return None
        if frame not in self._labels:
            # A slice of one frame: an index would compute all frames of the chunk.
            self._labels[frame] = np.asarray(computed(self.labels[frame : frame + 1]))[0]
        image: npt.NDArray[np.integer[Any]] = self._labels[frame]
        return image

    def detections_in(self, frame: int) -> pd.DataFrame | None:
        """Return the rows of the detections in a frame; None without a detection.

        Parameters
        ----------
        frame
            Number of the frame.
        """
        return None if self.detections is None else self.detections[self.detections["frame"] == frame]

    @cached_property
    def typical_frame(self) -> int:
        """Number of the sampled frame whose number of detections, then its spread of heights, is nearest the median."""
        frames = self.sampled
        spread = np.array([_spread(self.pixels(int(i))) for i in frames])
        known = spread[np.isfinite(spread)]
        deviation = np.abs(spread - np.median(known)) if len(known) else np.zeros(len(frames))
        deviation[~np.isfinite(deviation)] = np.inf
        if self.counts is None:
            return int(frames[np.argmin(deviation)])
        counts = self.counts[frames]
        median = np.median(counts[counts > 0]) if (counts > 0).any() else 0
        return int(frames[np.lexsort((deviation, np.abs(counts - median)))[0]])

    def when(self, frame: int) -> str:
        """Return a frame and its time in words.

        Parameters
        ----------
        frame
            Number of the frame.
        """
        known = self.stack.has_times and np.isfinite(self.stack.time_for_frame(frame))
        return f"frame {frame}" + (f", {self.stack.time_for_frame(frame):.2f} s" if known else "")

    def time_axis(self) -> tuple[npt.NDArray[np.float64], str]:
        """Return a coordinate of each frame that increases, (n_frames,), and its label: the time, or the frame."""
        times = np.asarray(self.stack.get_frame_times(), dtype=np.float64)
        if self.stack.has_times and np.isfinite(times).all() and (np.diff(times) > 0).all():
            return times, "time (s)"
        return np.arange(self.stack.n_frames, dtype=np.float64), "frame"


def _spread(image: npt.NDArray[Any]) -> float:
    heights = image[::4, ::4]
    heights = heights[np.isfinite(heights)]
    return float(heights.std()) if heights.size else np.nan


def _fitting(labels: Any, stack: AFMImageStack) -> Any:
    """Return label images, if they are those of the frames of the stack; else None."""
    return labels if getattr(labels, "shape", None) == stack.data.shape else None


def _observed(
    outputs: Mapping[str, Any], quality: pd.DataFrame | None, n_frames: int
) -> npt.NDArray[np.bool_]:
    """Return which frames the detection was run on; without one, which are usable."""
    flags = outputs.get("observed")
    if flags is None and quality is not None:
        flags = quality.get("usable")
    fits = flags is not None and len(flags) == n_frames
    return np.asarray(flags, dtype=np.bool_) if fits else np.ones(n_frames, dtype=np.bool_)


def _step(record: Any, key: str) -> Mapping[str, Any]:
    """Return the entry of an analysis step in a record or an analysed stack."""
    is_record = isinstance(record, Mapping)
    provenance = record.get("provenance", {}) if is_record else record.provenance.get("analysis", {})
    steps = [step for step in provenance.get("steps", ()) if step.get("analysis_key") == key]
    return steps[-1] if steps else {}
