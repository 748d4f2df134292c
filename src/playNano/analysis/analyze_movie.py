"""The default analysis as one function."""

from __future__ import annotations

import os
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.defaults import Objects
from playNano.analysis.plan import Plan


def analyze(
    movie: AFMImageStack | str | os.PathLike[str],
    objects: Objects = "auto",
    *,
    processing: str | None = None,
    channel: str = "height_trace",
) -> dict[str, Any]:
    """Level a movie, find its objects, follow them through time, and return the record; no number is needed.

    Parameters
    ----------
    movie
        The movie, which is processed in place, or a file to load.
    objects
        What it shows: see `default_analysis`.
    processing
        Processing steps instead of levelling, such as ``"level;gaussian_filter:sigma=1"``; "" for none.
    channel
        Channel to load of a file.

    Returns
    -------
    dict
        The record, as returned by `AnalysisPipeline.run`; ``provenance.automatic`` has the ``objects`` as given, the
        ``detection`` that was taken, and the ``reason``.

    Raises
    ------
    PlayNanoError
        If the file cannot be read, or a parameter is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> movie = np.random.default_rng(0).normal(0, 0.1, (3, 64, 64))
    >>> movie[:, 20:30, 40:52] += 3
    >>> record = analyze(AFMImageStack(movie, 1.0, "height", "movie.npy"))
    >>> [name[7:] for name in record["analysis"]][1:4], record["provenance"]["automatic"]["objects"]
    (['feature_detection', 'particle_tracking', 'diffusion'], 'auto')
    """
    stack = movie if isinstance(movie, AFMImageStack) else AFMImageStack.load_data(movie, channel)
    return Plan.from_options(processing, None, None, objects=objects).run(stack)
