"""A pipeline on a movie whose truth is known: what it gets right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.estimation.motion import estimate_motion
from playNano.analysis.pipeline import AnalysisPipeline, AnalysisRecord
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table
from playNano.errors import ParameterError, StepError
from playNano.metrics.detection import match_points, score_detections, score_links
from playNano.metrics.identity import score_hota, score_identity
from playNano.simulate.movie import SimulatedMovie
from playNano.validate.likeness import DEBRIS

if TYPE_CHECKING:
    import pandas as pd

Steps = list[tuple[str, dict[str, Any]]]

PLACE = ("y_nm", "x_nm")
HEIGHTS = ("height_nm", "z_max_nm")
"""Columns in which a detection tells a particle's height, the best first."""

SCORED = ("detection", "tracking")
"""Kinds of modules whose results are scored."""


@dataclass(frozen=True)
class Trial:
    """What a pipeline got right on one movie.

    Parameters
    ----------
    scores
        By name; see `playNano.validate.measures.MEASURES`.
    counts
        Score -> (right ones, of how many), for scores that are shares of things counted.
    """

    scores: dict[str, float]
    counts: dict[str, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Ground:
    """A simulated movie, levelled by the user's steps, with the truth that a pipeline can be asked for.

    Parameters
    ----------
    stack
        The movie, processed.
    truth
        True points: those in frames that show the surface; `inner` tells which are away from the border.
    gate_nm
        Farthest that a detection may lie from the particle, nm.
    """

    stack: AFMImageStack
    truth: pd.DataFrame
    gate_nm: float


def prepare(movie: SimulatedMovie, plan: Plan, radius_nm: float) -> Ground:
    """Run the processing steps of a plan on a simulated movie.

    Parameters
    ----------
    movie
        The movie.
    plan
        What the user does with movies.
    radius_nm
        Typical radius of a particle, nm: a detection on the particle is right, and particles so close to the border
        that they are cut by it count neither way.

    Returns
    -------
    Ground
        On which analyses can be tried.

    Raises
    ------
    ParameterError
        A processing step moves pixels, so that true places no longer hold.
    """
    stack = movie.to_stack()
    shape = stack.data.shape
    moving = [call.name for call in plan.processing if "flip" in call.name]
    processing, _ = plan.bind()
    processing.run(stack, keep="none")
    if moving or stack.data.shape != shape:
        raise ParameterError(
            f"validate cannot score pipelines that move pixels or leave out frames ({', '.join(moving) or 'shape'} "
            "changed): leave such steps out"
        )
    return Ground(stack, _visible(movie, radius_nm), max(radius_nm, 1.5 * max(movie.pixel_size_nm)))


def _visible(movie: SimulatedMovie, radius_nm: float) -> pd.DataFrame:
    """Return the true points that are not on lost lines, and mark those away from the border."""
    particles = movie.truth[movie.truth["species"] != DEBRIS].reset_index(drop=True)
    truth: pd.DataFrame = particles.rename(columns={"particle": "track_id"})
    lost = np.zeros(movie.data.shape[:2], dtype=bool)
    faults = movie.faults[movie.faults["kind"].isin(["blank", "torn"])]
    columns: list[list[int]] = [faults[name].tolist() for name in ("frame", "row", "n_rows")]
    for frame, row, n_rows in zip(*columns, strict=True):
        lost[frame, row : row + n_rows] = True
    rows = np.clip(np.rint(truth["y"].to_numpy()).astype(np.int64), 0, movie.data.shape[1] - 1)
    shows = ~lost[truth["frame"].to_numpy(), rows]
    truth = truth.loc[shows].reset_index(drop=True)
    inner = away_from_border(truth, movie.data.shape[1:], movie.pixel_size_nm, radius_nm)
    truth["inner"] = inner
    return truth


def away_from_border(
    table: pd.DataFrame, shape: tuple[int, ...], pixel_size_nm: tuple[float, float], distance_nm: float
) -> npt.NDArray[np.bool_]:
    """Tell which points lie farther from the frame's border than a distance."""
    size = np.array(pixel_size_nm)
    place = table[list(PLACE)].to_numpy(np.float64) + size / 2
    return np.asarray(((place > distance_nm) & (place < np.array(shape) * size - distance_nm)).all(axis=1))


def run_analysis(stack: AFMImageStack, steps: Steps) -> AnalysisRecord:
    """Run analysis modules and return the record.

    Parameters
    ----------
    stack
        The movie.
    steps
        Modules with their parameters.
    """
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    return pipeline.run(stack)


def needed_steps(steps: Steps, record: AnalysisRecord) -> Steps:
    """Return the steps up to the last detection or tracking, without clustering, which changes neither.

    Parameters
    ----------
    steps
        Modules with their parameters.
    record
        The record of a run of them.

    Raises
    ------
    ParameterError
        If no step detects anything.
    """
    entries = record["provenance"]["steps"]
    outputs = record["analysis"]
    scored = [
        k
        for k, entry in enumerate(entries)
        if entry["kind"] in SCORED and "table" in outputs[entry["analysis_key"]]
    ]
    if not scored or latest_table(record, "detection") is None:
        raise ParameterError(
            "the pipeline has no module that detects particles: there is nothing to validate"
        )
    return [step for k, step in enumerate(steps[: scored[-1] + 1]) if entries[k]["kind"] != "clustering"]


def run_trial(ground: Ground, steps: Steps) -> Trial:
    """Run analysis modules on a movie and score what they find.

    Parameters
    ----------
    ground
        The movie with its truth.
    steps
        Modules with their parameters.

    Returns
    -------
    Trial
        Scores; nan where there is nothing to score. A pipeline that fails on the movie gets no scores but is not
        hidden: the error is raised.
    """
    record = run_analysis(ground.stack, steps)
    found = latest_table(record, "detection")
    if found is None:
        raise StepError("the pipeline gave no table of detections")
    trial = _score_points(ground, found)
    tracks = latest_table(record, "tracking")
    if tracks is not None:
        linked = _score_tracks(ground, tracks)
        trial = Trial({**trial.scores, **linked.scores}, {**trial.counts, **linked.counts})
    return trial


def _inner(ground: Ground, found: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return true and found points without those at the border: it counts neither way."""
    truth = ground.truth
    partner = match_points(truth, found, max_distance=ground.gate_nm, columns=PLACE)
    inner = truth["inner"].to_numpy()
    alone = ~away_from_border(found, ground.stack.image_shape, ground.stack.pixel_size_yx_nm, ground.gate_nm)
    at_border = np.where(partner >= 0, ~np.append(inner, False)[partner], alone)
    return truth[inner].reset_index(drop=True), found[~at_border].reset_index(drop=True)


def _score_points(ground: Ground, found: pd.DataFrame) -> Trial:
    truth, found = _inner(ground, found)
    counts, rmse = score_detections(truth, found, max_distance=ground.gate_nm, columns=PLACE)
    scores = {
        "recall": counts.recall,
        "precision": counts.precision,
        "f1": counts.f1,
        "position_error_nm": rmse,
        **_heights(ground, truth, found),
    }
    right = counts.true_positives
    return Trial(scores, {"recall": (right, len(truth)), "precision": (right, len(found))})


def _heights(ground: Ground, truth: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    partner = match_points(truth, found, max_distance=ground.gate_nm, columns=PLACE)
    hit = partner >= 0
    column = next((c for c in HEIGHTS if c in found.columns), None)
    if column is None or not hit.any():
        return {"height_bias_nm": float("nan"), "height_error_nm": float("nan")}
    off = found[column].to_numpy(np.float64)[hit] - truth["z_nm"].to_numpy()[partner[hit]]
    return {"height_bias_nm": float(np.mean(off)), "height_error_nm": float(np.std(off))}


def _score_tracks(ground: Ground, tracks: pd.DataFrame) -> Trial:
    truth, found = _inner(ground, tracks)
    links = score_links(truth, found, max_distance=ground.gate_nm, columns=PLACE)
    identity = score_identity(truth, found, gate=ground.gate_nm, columns=PLACE)
    hota = score_hota(truth, found, gate=2 * ground.gate_nm, columns=PLACE).hota
    asked, told = diffusion(truth), diffusion(found)
    scores = {
        "link_recall": links.recall,
        "link_precision": links.precision,
        "link_error": 1 - links.f1,
        "identity_switches_per_1000": 1000 * identity.switches / max(len(truth), 1),
        "idf1": identity.idf1,
        "hota": hota,
        "diffusion_bias": told / asked - 1 if asked > 0 else float("nan"),
    }
    right = links.true_positives
    return Trial(
        scores,
        {
            "link_recall": (right, right + links.false_negatives),
            "link_precision": (right, right + links.false_positives),
        },
    )


def diffusion(table: pd.DataFrame) -> float:
    """Return the diffusion coefficient of a table of tracks, nm^2/s; nan where there are too few steps."""
    columns: Sequence[npt.NDArray[Any]] = [
        table[name].to_numpy() for name in ("frame", "track_id", "time_s", *PLACE)
    ]
    return estimate_motion(*columns).diffusion_nm2_s
