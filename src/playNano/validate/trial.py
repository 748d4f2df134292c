"""Scores of a pipeline on a simulated movie with known truth."""

from __future__ import annotations

import warnings
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
from playNano.errors import ParameterError, PlayNanoWarning, StepError
from playNano.metrics.detection import match_points, score_detections
from playNano.metrics.identity import score_hota, score_identity
from playNano.metrics.links import score_links
from playNano.simulate.movie import SimulatedMovie
from playNano.validate.movie_model import DEBRIS

if TYPE_CHECKING:
    import pandas as pd

Steps = list[tuple[str, dict[str, Any]]]

POSITION = ("y_nm", "x_nm")
HEIGHT_COLUMNS = ("height_nm", "z_max_nm")
"""Columns that may hold the height of a detected particle, in order of preference."""

SCORED = ("detection", "tracking")
"""Kinds of modules whose results are scored."""


@dataclass(frozen=True)
class Trial:
    """Scores of a pipeline on one movie.

    Parameters
    ----------
    scores
        Name -> score; see `playNano.validate.measures.MEASURES`.
    counts
        Score -> (number correct, total), for scores that are proportions of counts.
    """

    scores: dict[str, float]
    counts: dict[str, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class ReferenceMovie:
    """A simulated movie, processed by the user's steps, with its truth.

    Parameters
    ----------
    stack
        The processed movie.
    truth
        True positions on lines that show the surface; column `inner` marks those away from the border.
    gate_nm
        Maximum distance of a detection from the particle, nm.
    """

    stack: AFMImageStack
    truth: pd.DataFrame
    gate_nm: float


def prepare(movie: SimulatedMovie, plan: Plan, radius_nm: float) -> ReferenceMovie:
    """Run the processing steps of a plan on a simulated movie.

    Parameters
    ----------
    movie
        The movie.
    plan
        The user's pipeline.
    radius_nm
        Typical radius of a particle, nm: a detection within it is correct, and particles nearer to the border are not
        scored.

    Returns
    -------
    ReferenceMovie
        Processed movie and truth, for scoring.

    Raises
    ------
    ParameterError
        A processing step moves pixels, so that the true positions no longer hold.
    """
    stack = movie.to_stack()
    shape = stack.data.shape
    moving = [call.name for call in plan.processing if "flip" in call.name]
    processing, _ = plan.bind()
    processing.run(stack, keep="none")
    if moving or stack.data.shape != shape:
        raise ParameterError(
            f"pipelines that move pixels or remove frames cannot be validated ({', '.join(moving) or 'shape'} "
            "changed): leave such steps out"
        )
    return ReferenceMovie(stack, _visible(movie, radius_nm), max(radius_nm, 1.5 * max(movie.pixel_size_nm)))


def _visible(movie: SimulatedMovie, radius_nm: float) -> pd.DataFrame:
    """Return the true positions on lines that show the surface, and mark those away from the border."""
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
    """Return whether points are farther from the border of the frame than a distance.

    Parameters
    ----------
    table
        Points: columns `y_nm`, `x_nm` from the centre of pixel (0, 0).
    shape
        (height, width) of the frame, px.
    pixel_size_nm
        (y, x), nm.
    distance_nm
        The distance, nm.
    """
    size = np.array(pixel_size_nm)
    position = table[list(POSITION)].to_numpy(np.float64) + size / 2
    return np.asarray(
        ((position > distance_nm) & (position < np.array(shape) * size - distance_nm)).all(axis=1)
    )


def run_analysis(stack: AFMImageStack, steps: Steps) -> AnalysisRecord:
    """Run analysis modules on a movie and return the record.

    Parameters
    ----------
    stack
        The movie, processed.
    steps
        Modules with their parameters.
    """
    pipeline = AnalysisPipeline()
    for name, params in steps:
        pipeline.add(name, **params)
    return pipeline.run(stack)


def needed_steps(steps: Steps, record: AnalysisRecord) -> Steps:
    """Return the steps up to the last detection or tracking, without those that do not affect them.

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
    entries, outputs = record["provenance"]["steps"], record["analysis"]
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


def run_trial(reference: ReferenceMovie, steps: Steps) -> Trial:
    """Run analysis modules on a movie and score their detections and tracks.

    Parameters
    ----------
    reference
        The movie with its truth.
    steps
        Modules with their parameters.

    Returns
    -------
    Trial
        Scores; nan where there is nothing to score.

    Raises
    ------
    StepError
        The pipeline returns no table of detections. Errors of its steps are propagated.
    """
    with warnings.catch_warnings():
        # Doubts about a simulated movie, with settings that are only tried, are not about the user's.
        warnings.simplefilter("ignore", PlayNanoWarning)
        record = run_analysis(reference.stack, steps)
    detected = latest_table(record, "detection")
    if detected is None:
        raise StepError("the pipeline returned no table of detections")
    trial = _score_points(reference, detected)
    tracks = latest_table(record, "tracking")
    if tracks is not None:
        linked = _score_tracks(reference, tracks)
        trial = Trial({**trial.scores, **linked.scores}, {**trial.counts, **linked.counts})
    return trial


def _exclude_border(reference: ReferenceMovie, detected: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return true and detected points without those at the border, which are not scored."""
    truth = reference.truth
    partner = match_points(truth, detected, max_distance=reference.gate_nm, columns=POSITION)
    inner = truth["inner"].to_numpy()
    alone = ~away_from_border(
        detected, reference.stack.image_shape, reference.stack.pixel_size_yx_nm, reference.gate_nm
    )
    at_border = np.where(partner >= 0, ~np.append(inner, False)[partner], alone)
    return truth[inner].reset_index(drop=True), detected[~at_border].reset_index(drop=True)


def _score_points(reference: ReferenceMovie, detected: pd.DataFrame) -> Trial:
    """Score detections: recall, precision, errors of position and height."""
    truth, detected = _exclude_border(reference, detected)
    counts, rmse = score_detections(truth, detected, max_distance=reference.gate_nm, columns=POSITION)
    scores = {
        "recall": counts.recall,
        "precision": counts.precision,
        "f1": counts.f1,
        "position_error_nm": rmse,
        **_heights(reference, truth, detected),
    }
    correct = counts.true_positives
    return Trial(scores, {"recall": (correct, len(truth)), "precision": (correct, len(detected))})


def _heights(reference: ReferenceMovie, truth: pd.DataFrame, detected: pd.DataFrame) -> dict[str, float]:
    """Return mean and standard deviation of measured minus true height."""
    partner = match_points(truth, detected, max_distance=reference.gate_nm, columns=POSITION)
    hit = partner >= 0
    column = next((c for c in HEIGHT_COLUMNS if c in detected.columns), None)
    if column is None or not hit.any():
        return {"height_bias_nm": float("nan"), "height_error_nm": float("nan")}
    error = detected[column].to_numpy(np.float64)[hit] - truth["z_nm"].to_numpy()[partner[hit]]
    return {"height_bias_nm": float(np.mean(error)), "height_error_nm": float(np.std(error))}


def _score_tracks(reference: ReferenceMovie, tracks: pd.DataFrame) -> Trial:
    """Score tracks: links, identities and the diffusion coefficient."""
    truth, detected = _exclude_border(reference, tracks)
    links = score_links(truth, detected, max_distance=reference.gate_nm, columns=POSITION)
    identity = score_identity(truth, detected, gate=reference.gate_nm, columns=POSITION)
    hota = score_hota(truth, detected, gate=2 * reference.gate_nm, columns=POSITION).hota
    true_d, measured_d = diffusion(truth), diffusion(detected)
    scores = {
        "link_recall": links.recall,
        "link_precision": links.precision,
        "link_error": 1 - links.f1,
        "identity_switches_per_1000": 1000 * identity.switches / max(len(truth), 1),
        "idf1": identity.idf1,
        "hota": hota,
        "diffusion_bias": measured_d / true_d - 1 if true_d > 0 else float("nan"),
    }
    correct = links.true_positives
    return Trial(
        scores,
        {
            "link_recall": (correct, correct + links.false_negatives),
            "link_precision": (correct, correct + links.false_positives),
        },
    )


def diffusion(table: pd.DataFrame) -> float:
    """Return the diffusion coefficient of a table of tracks.

    Parameters
    ----------
    table
        Columns `frame`, `track_id`, `time_s`, `y_nm`, `x_nm`.

    Returns
    -------
    float
        Diffusion coefficient, nm^2/s; nan with too few steps, and without times.
    """
    if "time_s" not in table:
        return float("nan")
    columns: Sequence[npt.NDArray[Any]] = [
        table[name].to_numpy() for name in ("frame", "track_id", "time_s", *POSITION)
    ]
    return estimate_motion(*columns).diffusion_nm2_s
