"""The geometry of a movie: which frames it has, when they were scanned, and where their pixels lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playNano.core.frame_shifts import mapped_vectors
from playNano.core.scan import ScanGeometry


@dataclass(frozen=True)
class MovieGeometry:
    """Frames, size, calibration and scan of a movie, which an edit changes together with the pixels.

    Parameters
    ----------
    frame_metadata
        Metadata of each frame, its time among them.
    shape
        Rows and columns of a frame.
    pixel_size_nm
        Height and width of a pixel, nm.
    origin_nm
        Place (y, x) of the centre of pixel (0, 0) in the movie as recorded, nm.
    scan
        Timing and direction of the scan, if known.

    Examples
    --------
    >>> whole = MovieGeometry(({},) * 3, (10, 20), (2.0, 1.0))
    >>> part = whole.cropped(2, 5, (4, 10))
    >>> part.shape, part.origin_nm
    ((4, 10), (4.0, 5.0))
    """

    frame_metadata: tuple[Mapping[str, Any], ...]
    shape: tuple[int, int]
    pixel_size_nm: tuple[float, float]
    origin_nm: tuple[float, float] = (0.0, 0.0)
    scan: ScanGeometry | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.frame_metadata)

    def selected(self, frames: Sequence[int]) -> MovieGeometry:
        """Return the geometry of some frames; their times stay, and where none are known, their numbers.

        Parameters
        ----------
        frames
            Their numbers, increasing.
        """
        timed = any(entry.get("timestamp") is not None for entry in self.frame_metadata)
        entries = [dict(self.frame_metadata[frame]) for frame in frames]
        if not timed:
            for frame, entry in zip(frames, entries, strict=True):
                entry.setdefault("frame_number", int(frame))
        scan = None if self.scan is None else self.scan.for_selected([int(frame) for frame in frames])
        return replace(self, frame_metadata=tuple(entries), scan=scan)

    def cropped(self, top: float, left: float, shape: tuple[int, int]) -> MovieGeometry:
        """Return the geometry of a rectangle; its places stay those of the movie as recorded.

        Parameters
        ----------
        top, left
            Row and column of its pixel (0, 0); negative outside the frame.
        shape
            Its rows and columns.
        """
        return self.resampled(top, left, self.pixel_size_nm, shape)

    def resampled(
        self, top: float, left: float, pixel_size_nm: tuple[float, float], shape: tuple[int, int]
    ) -> MovieGeometry:
        """Return the geometry of frames with other pixels.

        Parameters
        ----------
        top, left
            Row and column, in the frames before, of the centre of the new pixel (0, 0).
        pixel_size_nm
            Height and width of a new pixel, nm.
        shape
            Rows and columns.
        """
        old_y, old_x = self.pixel_size_nm
        origin = self.origin_nm[0] + top * old_y, self.origin_nm[1] + left * old_x
        scan = None if self.scan is None else self.scan.rows_from(top, pixel_size_nm[0] / old_y)
        return replace(self, shape=shape, pixel_size_nm=pixel_size_nm, origin_nm=origin, scan=scan)

    def of_unknown_rows(self, shape: tuple[int, int]) -> MovieGeometry:
        """Return the geometry of frames whose rows are no scan lines any more: times are those of the frames.

        Parameters
        ----------
        shape
            Rows and columns.
        """
        scan = None if self.scan is None else replace(self.scan, line_time_s=None, direction=None)
        return replace(self, shape=shape, scan=scan)

    def flipped(self, axis: str) -> MovieGeometry:
        """Return the geometry of mirrored frames, whose origin is that of the frames before.

        Parameters
        ----------
        axis
            "y" for rows in reverse order, whose scan direction is reversed, "x" for columns in reverse order.
        """
        mirrored = self.with_vectors([[-1, 0], [0, 1]] if axis == "y" else [[1, 0], [0, -1]])
        if self.scan is None:
            return mirrored
        if axis == "y":
            return replace(mirrored, scan=self.scan.turned(self.shape[0]))
        ways = {"trace": "retrace", "retrace": "trace"}
        trace: Any = ways.get(self.scan.trace or "")
        return replace(mirrored, scan=replace(self.scan, trace=trace))

    def with_vectors(self, matrix: Any) -> MovieGeometry:
        """Return the geometry with the drift and shift of the frames in mirrored or rotated directions.

        Parameters
        ----------
        matrix
            New (y, x) = matrix @ (y, x).
        """
        return replace(self, frame_metadata=mapped_vectors(self.frame_metadata, matrix))

    def index_of(self, place_nm: float, axis: int) -> float:
        """Return the row (axis 0) or column (axis 1) at a place, with fractions.

        Parameters
        ----------
        place_nm
            Place along the axis in the movie as recorded, nm.
        axis
            0 for y, 1 for x.
        """
        return float((place_nm - self.origin_nm[axis]) / self.pixel_size_nm[axis])

    def to_record(self) -> dict[str, Any]:
        """Return the geometry as plain values, for the record; of the frames only their number."""
        return {
            "n_frames": self.n_frames,
            "shape": list(self.shape),
            "pixel_size_nm": list(map(float, self.pixel_size_nm)),
            "origin_nm": list(map(float, np.round(self.origin_nm, 9))),
            "scan": None if self.scan is None else self.scan.to_dict(),
        }
