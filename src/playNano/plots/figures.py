"""All figures that can be drawn of the results of an analysis, by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.inputs import load_planned
from playNano.analysis.record_file import read_record, record_path
from playNano.analysis.record_use import movie_of, plan_of
from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.errors import MissingInputError, ParameterError, PlayNanoWarning
from playNano.io.export.render import PictureOptions
from playNano.io.export.tables import movie_drift
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.fit_width import fit_width
from playNano.plots.measurement import measurement_figures
from playNano.plots.style import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
NARROW_MM = 120.0
"""Width below which the page of frames has two columns."""

OF_MOVIE: dict[str, str] = {
    "overview": "a frame as recorded, levelled, with outlines and tracks; numbers and quality against time",
    "frame": "a levelled frame with scale and colour bar",
    "outlines": "a levelled frame with the outlines of the detections",
    "frames": "ten frames of the movie with the detections",
    "tracks": "the tracks over a levelled frame",
    "heights": "histogram of the heights of the detections",
    "threshold": "number of detections against the threshold",
    "clusters": "clusters over the mean image, and their occupancy",
}
"""Name of a figure that needs the pixels of the movie -> what it shows."""

DRIFT = "drift"


class ResultFigures:
    """The figures of the results of an analysis.

    Parameters
    ----------
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack.
    movie
        The levelled movie; or a function that returns it, which is called when the first figure needs its pixels.
    options
        Colour map and height range; None for the defaults.

    Examples
    --------
    >>> import numpy as np
    >>> from playNano.analysis.pipeline import AnalysisPipeline
    >>> data = np.zeros((3, 32, 32)); data[:, 8:13, 9:14] = 5
    >>> stack = AFMImageStack(data, 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("feature_detection:threshold=1;particle_tracking").run(stack)
    >>> figures = ResultFigures(record, stack)
    >>> "tracks" in figures.names(), "msd" in figures.names()
    (True, False)
    """

    def __init__(
        self,
        record: Any,
        movie: AFMImageStack | Callable[[], AFMImageStack],
        options: PictureOptions | None = None,
    ) -> None:
        self.record = record
        self._movie = movie
        self._options = options
        self._analysed: AnalysedMovie | None = None

    @property
    def analysed(self) -> AnalysedMovie:
        """The movie with what was detected on it."""
        if self._analysed is None:
            stack = self._movie() if callable(self._movie) else self._movie
            _check_movie(stack, self.record)
            self._analysed = AnalysedMovie.of(stack, self.record, self._options)
        return self._analysed

    def names(self) -> list[str]:
        """Return the names of the figures that these results have."""
        names = ["overview", "frame", "frames"]
        detections = latest_table(self.record, "detection")
        if detections is not None:
            names.append("outlines")
            heights = [name for name in detections if str(name).startswith("height_")]
            names += ["heights"] if any(detections[name].count() > 1 for name in heights) else []
            names.append("threshold")
        if latest_table(self.record, "tracking") is not None:
            names.append("tracks")
        if any("cluster_table" in outputs for outputs in outputs_of_kind(self.record, "clustering").values()):
            names.append("clusters")
        if movie_drift(self.record) is not None:
            names.append(DRIFT)
        return [*names, *sorted(self._of_measurements())]

    def _of_measurements(self, name: str | None = None) -> dict[str, Figure]:
        """Return the figures of measurements by name, of the last step of each; or at least the one of a name."""
        found: dict[str, Figure] = {}
        for key, outputs in reversed(outputs_of_kind(self.record, "measurement").items()):
            found = {**measurement_figures(key.split("_", 2)[2], outputs), **found}
            if name in found:
                break
        return found

    def draw(self, name: str, *, frame: int | None = None, width_mm: float | None = None) -> Figure:
        """Draw a figure.

        Parameters
        ----------
        name
            One of `names`.
        frame
            Index of the frame that is shown, for figures of one frame; None for a typical one.
        width_mm
            Width, mm; None: as the figure is laid out, for one column (88 mm) or two (180 mm).

        Raises
        ------
        ParameterError
            If there is no such figure, frame or width.
        MissingInputError
            If the results do not have what the figure shows.
        """
        from playNano.plots.style import figure_style

        measured = {} if name in OF_MOVIE or name == DRIFT else self._of_measurements(name)
        if name not in OF_MOVIE and name != DRIFT and name not in measured:
            known = self.names()
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(
                f"these results have no figure {name!r}{hint} (there are: {', '.join(known)})"
            )
        figure = measured[name] if name in measured else self._draw_of_movie(name, frame, width_mm)
        if width_mm is not None:
            with figure_style():
                fit_width(figure, width_mm)
        return figure

    def _draw_of_movie(self, name: str, frame: int | None, width_mm: float | None) -> Figure:
        """Draw a figure that needs the movie, or its drift."""
        from playNano.plots import clusters, drift, frames, overview, single, threshold

        if name == DRIFT:
            return _needed(drift.draw_drift(self.record), "the drift: add the step align_drift")
        movie = self.analysed
        if frame is not None and not 0 <= frame < movie.stack.n_frames:
            raise ParameterError(f"there is no frame {frame}; the movie has {movie.stack.n_frames}, from 0")
        if name == "overview":
            return overview.overview_of(movie, frame)
        if name == "frame":
            return single.draw_frame(movie, frame)
        if name == "frames":
            narrow = width_mm is not None and width_mm < NARROW_MM
            return frames.draw_frames(movie, 2 if narrow else frames.N_COLUMNS)
        if name == "threshold":
            curve = threshold.threshold_curve(movie)
            what = "a detection that compares heights with a threshold"
            return _needed(None if curve is None else threshold.draw_threshold(curve, movie.stack), what)
        if name == "clusters":
            return _needed(clusters.draw_last_clusters(movie.stack, self.record, movie.options), "clusters")
        if name == "tracks":
            what = "tracks: add a step particle_tracking"
            return _needed(None if movie.tracks is None else single.draw_tracks_figure(movie, frame), what)
        if name == "outlines":
            drawn = None if movie.detections is None else single.draw_frame(movie, frame, outlines=True)
            return _needed(drawn, "detections")
        return _needed(single.draw_detected_heights(movie), "two or more detections with heights")


def _check_movie(stack: AFMImageStack, record: Any) -> None:
    """Raise if a movie has no frames, or not those of the results."""
    if not stack.n_frames:
        raise MissingInputError(f"{stack.file_path.name} has no frames to show")
    provenance = (
        record.provenance.get("analysis", {}) if isinstance(record, AFMImageStack) else record["provenance"]
    )
    analysed = provenance.get("input", {}).get("shape")
    if analysed is not None and tuple(analysed) != stack.data.shape:
        (n, tall, wide), (of, *size) = stack.data.shape, analysed
        raise MissingInputError(
            f"the movie has {n} frames of {tall} x {wide} px, the results are of {of} frames of {size[0]} x {size[1]} "
            "px: give the movie as it was analysed"
        )


def _needed(figure: Figure | None, what: str) -> Figure:
    """Return a figure; raise if the results do not have what it shows."""
    if figure is None:
        raise MissingInputError(f"these results do not have {what}")
    return figure


def figures_of(
    results: str | PathLike[str] | Mapping[str, Any] | AFMImageStack,
    *,
    movie: str | PathLike[str] | AFMImageStack | None = None,
    options: PictureOptions | None = None,
) -> ResultFigures:
    """Return the figures of a folder of results, a record, or an analysed stack.

    Parameters
    ----------
    results
        The folder, or its record.json; a record; or a stack after its analysis.
    movie
        The movie, if it is not where the record says: a file, or the levelled stack.
    options
        Colour map and height range; None for the defaults.

    Raises
    ------
    RecordError, OSError
        If there is no such record.
    """
    if isinstance(results, AFMImageStack):
        return ResultFigures(results, results, options)
    folder = not isinstance(results, Mapping)
    path = record_path(Path(results)) if not isinstance(results, Mapping) else Path("record.json")
    record: Mapping[str, Any] = read_record(path) if folder else results  # type: ignore[assignment]
    if isinstance(movie, AFMImageStack):
        return ResultFigures(record, movie, options)
    file = None if movie is None else Path(movie)
    return ResultFigures(record, lambda: levelled_movie(record, path, file), options)


def levelled_movie(record: Mapping[str, Any], path: Path, movie: Path | None = None) -> AFMImageStack:
    """Load the movie of a record and process it as for the analysis.

    Parameters
    ----------
    record
        The record.
    path
        Its file.
    movie
        The movie, if it is not where the record says.

    Raises
    ------
    RecordError
        The movie is missing, or another one.
    """
    file, plan = movie_of(record, path, movie), plan_of(record)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlayNanoWarning)  # the record has these warnings
        stack = load_planned(
            lambda channel, **options: AFMImageStack.load_data(file, channel, **options), plan.input, None, {}
        )
        return plan.process(stack)


def figure(
    results: str | PathLike[str] | Mapping[str, Any] | AFMImageStack,
    name: str,
    path: str | PathLike[str] | None = None,
    *,
    frame: int | None = None,
    width_mm: float | None = None,
    dpi: float | None = None,
    cmap: str | None = None,
    z_range: tuple[float, float] | None = None,
    movie: str | PathLike[str] | AFMImageStack | None = None,
) -> Figure:
    """Draw a figure of the results of an analysis, for a paper or a notebook.

    Text has 6 to 7.5 points at every width; fonts are embedded in .pdf as TrueType, and text in .svg stays text.

    Parameters
    ----------
    results
        The folder of the results, or its record.json; a record; or a stack after its analysis.
    name
        Name of the figure, such as "overview", "tracks" or "msd"; an unknown name lists all of these results.
    path
        File to write: .png, .svg or .pdf; None for none.
    frame
        Index of the frame that is shown, for figures of one frame; None for a typical one.
    width_mm
        Width, mm, 40 to 600, such as 85 or 180; None: as the figure is laid out, 88 or 180 mm.
    dpi
        Resolution, pixels per inch; None for 200.
    cmap
        Colour map of heights; None for the usual one.
    z_range
        Heights at the ends of the colour map, in the unit of the channel; None: from the movie.
    movie
        The movie, if it is not where the record says: a file, or the levelled stack.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; a notebook shows it.

    Raises
    ------
    ParameterError
        If there is no such figure, frame, colour map or format, or a width or resolution is out of range.
    MissingInputError
        If the results do not have what the figure shows.
    RecordError, OSError
        If there is no such record or movie, or the file cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> from playNano.analysis.pipeline import AnalysisPipeline
    >>> data = np.zeros((3, 32, 32)); data[:, 8:13, 9:14] = 5
    >>> stack = AFMImageStack(data, 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("feature_detection:threshold=1;particle_tracking").run(stack)
    >>> round(float(figure(stack, "tracks", width_mm=85).get_figwidth()) * 25.4)
    85
    """
    given: dict[str, Any] = {"z_range": z_range, **({} if cmap is None else {"cmap": cmap})}
    options = PictureOptions(**given)
    check_file(path, dpi)
    drawn = figures_of(results, movie=movie, options=options).draw(name, frame=frame, width_mm=width_mm)
    if path is not None:
        write_figure(drawn, path, dpi)
    return drawn


def check_file(path: str | PathLike[str] | None, dpi: float | None) -> None:
    """Raise if a figure cannot be written to a file of this name with this resolution.

    Parameters
    ----------
    path
        The file; None for none.
    dpi
        Resolution, pixels per inch; None for the usual one.

    Raises
    ------
    ParameterError
        If the format is unknown, or the resolution out of range.
    """
    if path is not None and Path(path).suffix.lower().lstrip(".") not in FORMATS:
        raise ParameterError(f"{path}: a figure is written as .{', .'.join(FORMATS)}")
    if dpi is not None and not 20 <= dpi <= 2400:
        raise ParameterError(f"dpi is {dpi:g}; the resolution is 20 to 2400 pixels per inch")


def write_figure(drawn: Figure, path: str | PathLike[str], dpi: float | None = None) -> None:
    """Write a figure to a file.

    Parameters
    ----------
    drawn
        The figure.
    path
        The file: .png, .svg or .pdf.
    dpi
        Resolution, pixels per inch; None for 200.

    Raises
    ------
    ParameterError
        If the format is unknown, or the resolution out of range.
    OSError
        If the file cannot be written.
    """
    check_file(path, dpi)
    save_figure(drawn, Path(path), dpi)
