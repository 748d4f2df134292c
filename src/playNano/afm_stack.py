"""The public class of AFM movies: calibrated pixels, loading from files, and processing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt

from playNano.core.accessors import accessor
from playNano.core.edits import frame_range
from playNano.core.stack import Stack
from playNano.errors import StackError
from playNano.io.loader import load_afm_stack
from playNano.processing.pipeline import ProcessingPipeline

__all__ = ["AFMImageStack"]


class AFMImageStack(Stack):
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
        Unit of the pixel values.
    metadata
        Further metadata of the file, as plain values.

    Attributes
    ----------
    data : numpy.ndarray or dask.array.Array
        The pixels after the processing steps that have been run.
    processed : MutableMapping
        Snapshots: ``"raw"`` and ``"step_<n>_<name>"``. Those between raw pixels and the latest are computed
        when they are read; see `playNano.processing.pipeline.ProcessingPipeline`.
    masks : MutableMapping
        Masks, bool (n_frames, height, width), by ``"step_<n>_<name>"``; computed when they are read.
    analysis : dict
        Outputs of the latest analysis by ``"step_<n>_<module>"``.
    provenance : dict
        ``environment``; ``processing`` (``steps``, ``keys_by_name``); ``analysis`` (``steps``,
        ``results_by_name``, ``frame_times``); ``warnings`` (what makes the movie doubtful, one text each).

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
    >>> stack = AFMImageStack(np.zeros((3, 4, 5)), 2.0, "height_trace", "movie.asd")
    >>> stack.n_frames, stack.image_shape, stack.time_for_frame(2)
    (3, (4, 5), 2.0)
    """

    @classmethod
    def load_data(cls, path: str | os.PathLike[str], channel: str = "height_trace", **options: Any) -> Self:
        """Read a movie from a file.

        Parameters
        ----------
        path
            A file in a vendor's format, a bundle, or a folder of images.
        channel
            Name of the channel.
        **options
            Options of `playNano.io.loader.load_afm_stack`, such as the pixel size for files without one, or
            whether the pixels are kept on disk.

        Raises
        ------
        FileFormatError, OSError
            If the file cannot be read, or has no such channel.
        """
        stack: Any = load_afm_stack(Path(path), channel=channel, **options)
        loaded: Self = stack
        return loaded

    def channel_pixels(self, channel: str) -> Any:
        """Return the pixels of another channel of the same frames as recorded, lazy if the movie is.

        Parameters
        ----------
        channel
            A key of `other_channels`, or a channel of the file.

        Returns
        -------
        numpy.ndarray or dask.array.Array
            (n_frames, height, width), before any processing.

        Raises
        ------
        ChannelError
            If the file has no such channel; the message lists its channels.
        StackError
            If the movie is not of a file, or the frames of the channel do not match.
        """
        source = self.provenance.get("source") or {}
        if channel in self.other_channels or "path" not in source:
            return super().channel_pixels(channel)
        other = load_afm_stack(source["path"], channel, lazy=self.is_lazy, **source["options"])
        frames = source["frames"]
        first, step, count = frames["first"], frames["step"], frames["count"]
        other = other[frame_range(first, step, count)]
        if other.unit != self.unit:
            raise StackError(
                f"{self.file_path.name}: the channel {channel!r} is in {other.unit or 'unknown units'}, "
                f"{self.channel!r} in {self.unit or 'unknown units'}"
            )
        return other.data

    def plot(
        self,
        frame: int | None = None,
        *,
        outlines: bool = False,
        cmap: str | None = None,
        z_range: tuple[float, float] | None = None,
        width_mm: float | None = None,
    ) -> Any:
        """Draw a frame with scale and colour bar, and return the figure of Matplotlib, which a notebook shows.

        Parameters
        ----------
        frame
            Index of the frame; None for one of typical heights.
        outlines
            Whether the detections of the latest analysis are outlined.
        cmap
            Colour map; None for the usual one.
        z_range
            Heights at the ends of the colour map, in the unit of the channel; None: from the movie.
        width_mm
            Width, mm, 40 to 600; None for 88.

        Raises
        ------
        ParameterError
            If there is no such frame or colour map.

        Examples
        --------
        >>> import numpy as np
        >>> stack = AFMImageStack(np.eye(8)[None], 2.0, "height", "movie.npy")
        >>> stack.plot().axes[0].get_xlabel()
        'x (nm)'
        """
        options = {"outlines": outlines, "cmap": cmap, "z_range": z_range, "width_mm": width_mm}
        return accessor("plot of a movie")(self, frame, **options)

    def _repr_html_(self) -> str:
        """Return warnings, a thumbnail and a summary for a notebook."""
        return str(accessor("movie in a notebook")(self))

    def apply(self, steps: Sequence[str], **kwargs: Any) -> npt.NDArray[Any]:
        """Run processing steps in order, in place, and return the new pixels.

        Parameters
        ----------
        steps
            Step names, or step strings such as ``"gaussian_filter:sigma=2"``.
        **kwargs
            Parameters, each passed to the steps that accept it.

        Raises
        ------
        ValueError
            If no step accepts a given parameter, a step is unknown, or a value is wrong.
        """
        return ProcessingPipeline().add_steps(steps, **kwargs).run(self)
