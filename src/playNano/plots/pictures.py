"""Write all figures of an analysed movie into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.io.export.render import PictureOptions
from playNano.plots.analysed import AnalysedMovie
from playNano.plots.clusters import write_cluster_pictures
from playNano.plots.drift import draw_drift
from playNano.plots.frames import draw_frames
from playNano.plots.measurement import write_measurement_figures
from playNano.plots.overview import overview_of
from playNano.plots.style import save_figure
from playNano.plots.threshold import draw_threshold, threshold_curve


def write_pictures(
    stack: AFMImageStack, record: Any, folder: str | Path, options: PictureOptions | None = None
) -> dict[str, Path]:
    """Write the figures of an analysis: overview, sampled frames, threshold, clusters.

    Parameters
    ----------
    stack
        The levelled movie; of a lazy one, only the frames that are shown are read (and, for clusters, all).
    record
        A record as `AnalysisPipeline.run` returns it, or an analysed stack.
    folder
        Folder for the files, created if needed.
    options
        Colour map, height range and format; None for the defaults.

    Returns
    -------
    dict
        Name of the file -> its path: ``overview``, ``frames`` (movies only), ``threshold`` (where the detection
        compares heights with a threshold), ``drift`` (where the step ``align_drift`` has run), ``clusters`` (where
        there are any), and those of the measurements (``msd``, ``survival``, ...), each with the ending of the format.

    Raises
    ------
    OSError
        If a file cannot be written; an existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from playNano import AFMImageStack, AnalysisPipeline
    >>> movie = np.random.default_rng(0).normal(0, 0.1, (3, 48, 48))
    >>> movie[:, 20:30, 22:32] += 3
    >>> stack = AFMImageStack(movie, 1.0, "height", "movie.npy")
    >>> record = AnalysisPipeline().add_steps("feature_detection").run(stack)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     "frames.png" in [path.name for path in write_pictures(stack, record, folder).values()]
    True
    """
    return write_pictures_of(AnalysedMovie.of(stack, record, options), record, folder)


def write_pictures_of(movie: AnalysedMovie, record: Any, folder: str | Path) -> dict[str, Path]:
    """Write the figures of `write_pictures` for a movie whose frames may have been read already.

    Parameters
    ----------
    movie
        The movie with its detections and tracks.
    record
        The record, for the clusters of all steps.
    folder
        Folder for the files, created if needed.
    """
    ending = movie.options.figure_format
    figures = {"overview": overview_of(movie)}
    if movie.stack.n_frames > 1:
        figures["frames"] = draw_frames(movie)
    curve = threshold_curve(movie)
    if curve is not None:
        figures["threshold"] = draw_threshold(curve, movie.stack)
    drift = draw_drift(movie.stack)
    if drift is not None:
        figures["drift"] = drift
    written = {f"{name}.{ending}": Path(folder) / f"{name}.{ending}" for name in figures}
    for figure, path in zip(figures.values(), written.values(), strict=True):
        save_figure(figure, path)
    written |= write_cluster_pictures(movie.stack, record, folder, movie.options)
    return written | write_measurement_figures(record, folder, ending)
