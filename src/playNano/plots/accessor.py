"""Figures as methods: of a record, ``record.plot.tracks()``, and of a movie, ``stack.plot()``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.afm_stack import AFMImageStack
from playNano.errors import MissingInputError, ParameterError, RecordError
from playNano.io.export.render import COLOUR_MAP, PictureOptions
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.figures import DRIFT, OF_MOVIE, ResultFigures, levelled_movie, write_figure
from playNano.plots.fit_width import fit_width
from playNano.plots.single import draw_frame
from playNano.plots.style import figure_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from playNano.analysis.run_record import AnalysisRecord


class RecordPlots:
    """Figures of the results of a record, each as a method; ``dir(record.plot)`` lists them.

    The methods take ``frame, path, width_mm, dpi, cmap, z_range``, as `playNano.plots.figures.figure`, and return the
    figure, which a notebook shows. Where the movie is needed and no longer in memory, it is read from its file and
    processed again.

    Parameters
    ----------
    record
        The record.

    Examples
    --------
    >>> import numpy as np
    >>> from playNano.analysis.pipeline import AnalysisPipeline
    >>> data = np.zeros((3, 32, 32)); data[:, 8:13, 9:14] = 5
    >>> stack = AFMImageStack(data, 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("feature_detection:threshold=1;particle_tracking").run(stack)
    >>> record.plot.tracks(frame=1).axes[0].get_xlabel()
    'x (nm)'
    """

    def __init__(self, record: AnalysisRecord) -> None:
        self._record = record

    def __call__(
        self,
        name: str = "overview",
        *,
        frame: int | None = None,
        path: str | PathLike[str] | None = None,
        width_mm: float | None = None,
        dpi: float | None = None,
        cmap: str | None = None,
        z_range: tuple[float, float] | None = None,
    ) -> Figure:
        """Draw a figure by its name.

        Parameters
        ----------
        name
            Name of the figure.
        frame
            Index of the frame that is shown, for figures of one frame; None for a typical one.
        path
            File to write: .png, .svg or .pdf; None for none.
        width_mm
            Width, mm, 40 to 600; None: as the figure is laid out.
        dpi
            Resolution of the file, pixels per inch; None for 200.
        cmap
            Colour map of heights; None for the usual one.
        z_range
            Heights at the ends of the colour map; None: from the movie.
        """
        options = PictureOptions(cmap or COLOUR_MAP, z_range)
        drawn = self._figures(options).draw(name, frame=frame, width_mm=width_mm)
        if path is not None:
            write_figure(drawn, path, dpi)
        return drawn

    def __getattr__(self, name: str) -> Callable[..., Figure]:
        """Return a method that draws the figure of a name."""
        if name.startswith("_") or (name not in OF_MOVIE and name != DRIFT and name not in dir(self)):
            raise AttributeError(f"these results have no figure {name!r}")

        def draw(**options: Any) -> Figure:
            return self(name, **options)

        draw.__name__ = name
        draw.__doc__ = f"Draw the figure {name!r}: {OF_MOVIE.get(name, 'of a measurement')}."
        return draw

    def __dir__(self) -> list[str]:
        """Return the names of the figures that these results have."""
        return self._figures(PictureOptions()).names()

    def _figures(self, options: PictureOptions) -> ResultFigures:
        return ResultFigures(self._record, self._movie, options)

    def _movie(self) -> AFMImageStack:
        """Return the levelled movie, from memory or from its file."""
        stack = self._record.stack
        if isinstance(stack, AFMImageStack):
            return stack
        try:
            return levelled_movie(self._record, self._record.path or Path("record.json"))
        except RecordError as error:
            raise MissingInputError(
                f"this figure needs the movie, which is neither in memory nor in its file: {error}"
            ) from error


def plot_stack(
    stack: AFMImageStack,
    frame: int | None = None,
    *,
    outlines: bool = False,
    cmap: str | None = None,
    z_range: tuple[float, float] | None = None,
    width_mm: float | None = None,
) -> Figure:
    """Draw a frame of a movie with scale and colour bar; see `playNano.afm_stack.AFMImageStack.plot`.

    Parameters
    ----------
    stack
        The movie.
    frame
        Index of the frame; None for one of typical heights.
    outlines
        Whether the detections of the latest analysis are outlined.
    cmap
        Colour map; None for the usual one.
    z_range
        Heights at the ends of the colour map; None: from the movie.
    width_mm
        Width, mm; None for 88.
    """
    if not stack.n_frames:
        raise ParameterError(f"{stack.file_path.name} has no frames to plot")
    if frame is not None and not (isinstance(frame, Integral) and -stack.n_frames <= frame < stack.n_frames):
        raise ParameterError(f"there is no frame {frame}; the movie has {stack.n_frames}, from 0")
    index = None if frame is None else frame % stack.n_frames
    source: Any = stack if stack.analysis else _NOTHING
    movie = AnalysedMovie.of(stack, source, PictureOptions(cmap or COLOUR_MAP, z_range))
    drawn = draw_frame(movie, index, outlines=outlines)
    if width_mm is not None:
        with figure_style():
            fit_width(drawn, width_mm)
    return drawn


_NOTHING: Mapping[str, Any] = {"analysis": {}, "provenance": {"steps": []}}
