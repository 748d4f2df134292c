"""The data model of a movie: pixels, calibration, times, and results."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Self, overload

import numpy.typing as npt

from playNano.core import stack_checks as check
from playNano.core.edits import PixelMark, marks_of_part, note_changed_pixels, restore_raw_pixels
from playNano.core.geometry import MovieGeometry
from playNano.core.lazy import FrameArray, computed, is_lazy
from playNano.core.lazy_mapping import LazyMapping
from playNano.core.scan import ScanGeometry
from playNano.core.stack_text import describe
from playNano.core.stack_times import FrameTimes
from playNano.core.value_units import is_length, value_suffix
from playNano.errors import PlayNanoWarning, StackError


class Stack(FrameTimes):
    """An AFM movie with its calibration, and the results of its processing and analysis.

    Parameters
    ----------
    data
        Pixels, (n_frames, height, width), row 0 the top line; any real number type. A numpy array, or a Dask
        array for a movie that is kept on disk: it is computed only when pixels are read.
    pixel_size_nm
        Edge of a pixel, nm: a number, or (y, x) where pixels are not square.
    channel
        Name of the channel.
    file_path
        Source file of the movie.
    frame_metadata
        At most one dict per frame; ``"timestamp"`` is the start of the frame in s.
    scan
        Timing and direction of the scan, where known.
    unit
        Unit of the pixel values: "nm" for all lengths; empty if it is not known.
    metadata
        Further metadata of the file, as plain values.

    Attributes
    ----------
    processed, masks : MutableMapping
        Snapshots and masks by the key of their step; see `playNano.processing.pipeline.ProcessingPipeline`.
    analysis : dict
        Outputs of the latest analysis by ``"step_<n>_<module>"``.
    other_channels : dict
        Pixels of further channels of the same frames, for steps that need two; those of the file need not be here.
    provenance : dict
        ``environment, processing, analysis, warnings``, as in `playNano.afm_stack.AFMImageStack`.
    marks : dict
        Fingerprints of the pixels, by which a pipeline notices that they were changed outside pipelines.

    Raises
    ------
    TypeError
        If `data` is not an array of real numbers.
    ValueError
        If `data` is not 3-D or its frames have no pixels, a pixel size is not positive, or there are more
        metadata than frames.

    Examples
    --------
    >>> import numpy as np
    >>> stack = Stack(np.zeros((3, 4, 5)), 2.0, "height_trace", "movie.asd")
    >>> stack.n_frames, stack.image_shape, stack.time_for_frame(2)
    (3, (4, 5), 2.0)
    """

    def __init__(
        self,
        data: npt.NDArray[Any],
        pixel_size_nm: float | tuple[float, float],
        channel: str,
        file_path: str | os.PathLike[str],
        frame_metadata: Sequence[Mapping[str, Any]] | None = None,
        *,
        scan: ScanGeometry | None = None,
        unit: str = "nm",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Validate pixels, pixel size and metadata, and start without results."""
        self._data: Any = check.checked_pixels(data)
        self._pixel_size_nm = check.checked_pixel_size(pixel_size_nm)
        self.channel = channel
        self.file_path = Path(file_path)
        self.frame_metadata = check.checked_metadata(frame_metadata, len(data))
        self.scan = scan
        self.unit = unit
        self.metadata = dict(metadata or {})
        self.processed: MutableMapping[str, Any] = {}
        self.masks: MutableMapping[str, Any] = {}
        self.analysis: dict[str, dict[str, Any]] = {}
        self.provenance: dict[str, Any] = {
            "environment": {},
            "processing": {"steps": [], "keys_by_name": {}},
            "analysis": {"steps": [], "results_by_name": {}, "frame_times": None},
            "warnings": [],
        }
        self.marks: dict[str, PixelMark] = {}
        self.other_channels: dict[str, Any] = {}
        self._backwards = False
        if (problem := self.clock.problem) is not None:
            self.warn(problem)

    @property
    def data(self) -> Any:
        """The pixels, (n_frames, height, width): a numpy or Dask array."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        """Replace the pixels of the same frames.

        Parameters
        ----------
        value
            Pixels, (n_frames, height, width), of the same shape; to crop, bin, rotate or drop frames use the steps of
            the kind "edit", which change times, pixel size and scan as well.
        """
        self._data = check.checked_replacement(value, self.geometry)

    def warn(self, text: str) -> None:
        """Issue a `PlayNanoWarning` that names the file, and keep it for the record.

        Parameters
        ----------
        text
            Cause and consequence.
        """
        message = f"{self.file_path.name}: {text}"
        if message not in self.provenance["warnings"]:
            self.provenance["warnings"].append(message)
        warnings.warn(message, PlayNanoWarning, stacklevel=3)

    @property
    def pixel_size_nm(self) -> float | tuple[float, float]:
        """Edge of a pixel, nm: a number for square pixels, else (y, x)."""
        y, x = self._pixel_size_nm
        return y if y == x else (y, x)

    @pixel_size_nm.setter
    def pixel_size_nm(self, value: float | tuple[float, float]) -> None:
        """Set the edge of a pixel.

        Parameters
        ----------
        value
            nm: a number, or (y, x); positive.
        """
        self._pixel_size_nm = check.checked_pixel_size(value)

    @property
    def pixel_size_yx_nm(self) -> tuple[float, float]:
        """Height and width of a pixel, nm."""
        return self._pixel_size_nm

    @property
    def origin_nm(self) -> tuple[float, float]:
        """Place (y, x) of the centre of pixel (0, 0) in the movie as recorded, nm: not (0, 0) after a crop."""
        y, x = self.metadata.get("origin_nm", (0.0, 0.0))
        return float(y), float(x)

    @property
    def geometry(self) -> MovieGeometry:
        """Frames, size, calibration and scan, which an edit changes together."""
        entries = tuple(self.frame_metadata)
        return MovieGeometry(entries, self.image_shape, self._pixel_size_nm, self.origin_nm, self.scan)

    def replace_movie(self, data: Any, geometry: MovieGeometry) -> None:
        """Replace pixels and geometry together, as edits do.

        Parameters
        ----------
        data
            Pixels, (n_frames, height, width).
        geometry
            Their frames, size, calibration and scan.

        Raises
        ------
        StackError
            They do not fit together.
        """
        self._data = check.checked_replacement(data, geometry)
        self.frame_metadata = [dict(entry) for entry in geometry.frame_metadata]
        self._pixel_size_nm = check.checked_pixel_size(geometry.pixel_size_nm)
        self.scan = geometry.scan
        if geometry.origin_nm != self.origin_nm:
            self.metadata["origin_nm"] = [float(place) for place in geometry.origin_nm]

    @property
    def is_length(self) -> bool:
        """Whether the pixel values are lengths, nm."""
        return is_length(self.unit)

    @property
    def value_suffix(self) -> str:
        """Last part of the names of quantities in the unit of the pixels: "nm" for lengths, "deg", "V" ..., "au"."""
        return value_suffix(self.unit)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.data.shape[0])

    @property
    def height(self) -> int:
        """Rows of a frame, px."""
        return int(self.data.shape[1])

    @property
    def width(self) -> int:
        """Columns of a frame, px."""
        return int(self.data.shape[2])

    @property
    def image_shape(self) -> tuple[int, int]:
        """(height, width), px."""
        return self.height, self.width

    def get_frame(self, index: int) -> npt.NDArray[Any]:
        """Return one frame, (height, width); negative indices count from the end.

        Parameters
        ----------
        index
            Number of the frame, 0-based.

        Returns
        -------
        ndarray
            Its pixels.

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        return computed(self.data[self._position(index)])

    def get_frames(self) -> list[npt.NDArray[Any]]:
        """Return all frames as a list of (height, width) arrays (views, not copies, unless the stack is lazy)."""
        return list(FrameArray.of(self.data) if self.is_lazy else self.data)

    @property
    def is_lazy(self) -> bool:
        """Whether the pixels are a Dask array, computed when they are read."""
        return is_lazy(self.data)

    def get_frame_metadata(self, index: int) -> dict[str, Any]:
        """Return the metadata of one frame.

        Parameters
        ----------
        index
            Number of the frame.

        Returns
        -------
        dict
            A copy of the metadata.
        """
        return self.frame_metadata[self._position(index)]

    def frames_with_metadata(self) -> Iterator[tuple[int, npt.NDArray[Any], dict[str, Any]]]:
        """Yield (index, frame, metadata) for every frame."""
        frames = FrameArray.of(self.data) if self.is_lazy else self.data
        for index, frame in enumerate(frames):
            yield index, frame, self.frame_metadata[index]

    @overload
    def __getitem__(self, index: int) -> npt.NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> npt.NDArray[Any] | Self:
        if isinstance(index, slice):
            return self._part(index)
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise TypeError(f"a stack is indexed by a frame number or a slice, not {index!r}")
        return self.get_frame(index)

    def __len__(self) -> int:
        return self.n_frames

    def channel_for_frame(self, index: int) -> str:
        """Return the channel of a frame: from its own metadata if it has one, else that of the stack.

        Parameters
        ----------
        index
            Number of the frame.

        Returns
        -------
        str
            The channel.
        """
        return str(self.get_frame_metadata(index).get("channel", self.channel))

    def restore_raw(self) -> npt.NDArray[Any]:
        """Restore and return the pixels as loaded; remove snapshots, masks and processing steps."""
        restore_raw_pixels(self)
        pixels: npt.NDArray[Any] = self.data
        return pixels

    def export_processing_log(self, path: str | os.PathLike[str]) -> None:
        """Write environment, processing steps and warnings as JSON.

        Parameters
        ----------
        path
            The JSON file; its folder is created if necessary.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        from playNano.core.serialize import write_record_json

        note_changed_pixels(self)
        parts = {key: self.provenance[key] for key in ("environment", "processing", "warnings")}
        write_record_json(Path(path), parts)

    def export_analysis_log(self, path: str | os.PathLike[str]) -> None:
        """Write the latest analysis as JSON: environment, outputs and provenance, as in `AnalysisPipeline.run`.

        Parameters
        ----------
        path
            The JSON file; its folder is created if necessary.

        Raises
        ------
        ValueError
            If nothing has been analysed yet.
        OSError
            If the file cannot be written.
        """
        from playNano.core.serialize import write_record_json

        if not self.provenance["analysis"]["steps"]:
            raise StackError("nothing has been analysed yet; run an AnalysisPipeline on this stack first")
        record = {
            "environment": self.provenance["environment"],
            "analysis": self.analysis,
            "provenance": self.provenance["analysis"],
        }
        write_record_json(Path(path), record)

    def channel_pixels(self, channel: str) -> Any:
        """Return the pixels of another channel of the same frames, (n_frames, height, width), as recorded.

        Parameters
        ----------
        channel
            A key of `other_channels`.
        """
        if channel not in self.other_channels:
            raise StackError(
                f"{self.file_path.name}: there is no channel {channel!r} beside {self.channel!r}"
            )
        return self.other_channels[channel]

    def __repr__(self) -> str:
        """Return a summary of a few lines."""
        return describe(self)

    def _position(self, index: int) -> int:
        return check.frame_position(index, self.n_frames, self.file_path.name)

    def _part(self, index: slice) -> Self:
        """Return a stack of a range of frames, with their metadata."""
        start, _, step = index.indices(self.n_frames)
        part = type(self)(
            self.data[index],
            self._pixel_size_nm,
            self.channel,
            self.file_path,
            scan=None if self.scan is None else self.scan.for_frames(start, step),
            unit=self.unit,
            metadata=self.metadata,
        )
        part._backwards = self._backwards ^ (step < 0)  # times that decrease are then no fault
        part.frame_metadata = [dict(entry) for entry in self.frame_metadata[index]]
        part.processed = LazyMapping(self.processed).part(index)
        part.masks = LazyMapping(self.masks).part(index)
        part.marks = marks_of_part(self, part, index)
        part.other_channels = {name: pixels[index] for name, pixels in self.other_channels.items()}
        part.provenance |= check.part_of_provenance(self.provenance, index, self.n_frames)
        return part
