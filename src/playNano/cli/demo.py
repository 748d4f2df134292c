"""``playnano demo``: the main job on a simulated movie with known ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.analysis.record_file import write_record
from playNano.cli.console import out, progress_bars
from playNano.cli.job import analyze_stack, report
from playNano.core.provenance import latest_table
from playNano.core.result_folder import Existing, result_folder
from playNano.io.export.numpy_files import write_npz
from playNano.report.write import write_result_report

if TYPE_CHECKING:
    import pandas as pd

MIN_FRAMES = 5
"""Minimum length of the true tracks that are counted, frames."""

MIN_FRACTION = 0.8
"""Minimum fraction of a true track that one detected track must contain to recover it."""


def run_demo(folder: Path, seed: int, existing: Existing = "refuse") -> None:
    """Simulate a movie, analyse it, and print the folder of results and the number of recovered true tracks.

    Parameters
    ----------
    folder
        Folder for the movie, its ground truth and all results; created if necessary.
    seed
        Seed of the simulated movie, at least 0.
    existing
        What happens if the folder contains the results of a run; see `result_folder`.
    """
    from playNano.simulate.movie import simulate_movie

    out.print("simulating a movie of particles that diffuse, land and leave ...")
    movie = simulate_movie(n_frames=60, shape=(128, 128), n_particles=12, seed=seed)
    with result_folder(folder, existing=existing) as run, progress_bars() as bars:
        write_npz(movie.to_stack(), run.path / "movie.npz")
        movie.truth.to_csv(run.path / "truth.csv", index=False)
        out.print("levelling, detecting, tracking ...")
        stack = AFMImageStack.load_data(run.path / "movie.npz")
        record, stored = analyze_stack(stack, Plan.default(), run.path, movie_kind="gif", bars=bars)
        write_result_report(run, record, stack)
        write_record(run, record, stored)
    report(stack, record, run.target)
    tracks = latest_table(record, "tracking")
    assert tracks is not None
    recovered, true = recovered_tracks(movie.truth, tracks, max_distance_nm=8.0)
    out.print(
        f"{recovered} of {true} true tracks recovered (one detected track contains {MIN_FRACTION:.0%} or more of each)"
    )
    out.print(f"repeat: playnano analyze {run.target}/movie.npz -o again", markup=False)


def recovered_tracks(
    truth: pd.DataFrame, detected: pd.DataFrame, *, max_distance_nm: float
) -> tuple[int, int]:
    """Count the true tracks of which one detected track contains at least `MIN_FRACTION`.

    Parameters
    ----------
    truth
        ``frame, particle, y_nm, x_nm``.
    detected
        ``frame, track_id, y_nm, x_nm``.
    max_distance_nm
        Maximum distance of a detection from the particle, nm.

    Returns
    -------
    tuple of int
        Number of recovered tracks, and of all true tracks with `MIN_FRAMES` frames or more.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": range(6), "particle": 3, "y_nm": 1.0, "x_nm": 2.0})
    >>> detected = pd.DataFrame({"frame": range(5), "track_id": 0, "y_nm": 1.0, "x_nm": 2.5})
    >>> recovered_tracks(truth, detected, max_distance_nm=2.0)
    (1, 1)
    """
    from playNano.metrics.detection import match_points

    partner = match_points(truth, detected, max_distance=max_distance_nm, columns=("y_nm", "x_nm"))
    hit = partner >= 0
    particles = truth["particle"].to_numpy()
    lengths = truth["particle"].value_counts()
    pairs = detected.loc[hit, ["track_id"]].assign(particle=particles[partner[hit]])
    best = pairs.groupby("particle")["track_id"].agg(lambda ids: ids.value_counts().iloc[0])
    counted = lengths[lengths >= MIN_FRAMES]
    n_recovered = best.reindex(counted.index).fillna(0).to_numpy()
    return int(np.sum(n_recovered >= MIN_FRACTION * counted.to_numpy())), len(counted)
