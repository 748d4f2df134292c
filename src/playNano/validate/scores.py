"""Scores of the detections and tracks of a pipeline against a known truth, away from the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.estimation.motion import estimate_motion
from playNano.metrics.detection import match_points
from playNano.metrics.identity import score_hota, score_identity
from playNano.metrics.links import score_links

if TYPE_CHECKING:
    import pandas as pd

Mask = npt.NDArray[np.bool_]

POSITION = ("y_nm", "x_nm")
HEIGHT_COLUMNS = ("height_nm", "z_max_nm")
"""Columns that may hold the height of a detected particle, in order of preference."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores, and the numbers of items they are based on.

    Parameters
    ----------
    scores
        Name -> score; nan where it is undefined.
    n
        Number of true positions (`truth`), detections (`detections`), true links (`links`) and matches with a height
        (`heights`).
    hit
        Whether each row of the truth was detected, (m,) bool.
    inner
        Whether each row of the truth is scored, (m,) bool.
    """

    scores: dict[str, float]
    n: dict[str, int]
    hit: Mask
    inner: Mask


def away_from_border(
    table: pd.DataFrame,
    shape: tuple[int, ...],
    pixel_size_nm: tuple[float, float],
    distance_nm: float,
    origin_nm: tuple[float, float] = (0.0, 0.0),
) -> Mask:
    """Return whether points are farther from the border of the frame than a distance.

    Parameters
    ----------
    table
        Points: columns `y_nm`, `x_nm`.
    shape
        (height, width) of the frame, px.
    pixel_size_nm
        (y, x), nm.
    distance_nm
        The distance, nm.
    origin_nm
        Centre (y, x) of pixel (0, 0), nm.
    """
    size = np.array(pixel_size_nm)
    position = table[list(POSITION)].to_numpy(np.float64) + size / 2 - np.array(origin_nm)
    inside = (position > distance_nm) & (position < np.array(shape) * size - distance_nm)
    return np.asarray(inside.all(axis=1))


def score_result(
    truth: pd.DataFrame,
    detections: pd.DataFrame,
    tracks: pd.DataFrame | None = None,
    *,
    shape: tuple[int, ...],
    pixel_size_nm: tuple[float, float],
    gate_nm: float,
    border_nm: float,
    origin_nm: tuple[float, float] = (0.0, 0.0),
) -> dict[str, float]:
    """Score detections and tracks against the truth.

    True positions nearer to the border than `border_nm`, and the detections that belong to them, are not scored.

    Parameters
    ----------
    truth
        Columns `frame`, `track_id`, `y_nm`, `x_nm`, `time_s`, and `z_nm`, the height of the particle.
    detections
        Columns `frame`, `y_nm`, `x_nm`, and `height_nm` or `z_max_nm`.
    tracks
        Columns `frame`, `track_id`, `time_s`, `y_nm`, `x_nm`; None: links are not scored.
    shape
        (height, width) of the frame, px.
    pixel_size_nm
        (y, x), nm.
    gate_nm
        Maximum distance of a detection from the particle, nm.
    border_nm
        Distance from the border, nm.
    origin_nm
        Centre (y, x) of pixel (0, 0), nm.

    Returns
    -------
    dict
        ``recall``, ``precision``, ``f1``, ``position_error_nm``, ``height_bias_nm``, ``height_error_nm``; with tracks
        also ``link_recall``, ``link_precision``, ``link_error``, ``identity_switches_per_1000``, ``idf1``, ``hota``,
        ``diffusion_bias``. nan where undefined.

    Examples
    --------
    >>> import pandas as pd
    >>> truth = pd.DataFrame({"frame": [0, 0], "track_id": [0, 1], "y_nm": [20.0, 40.0], "x_nm": [30.0, 30.0],
    ...                       "time_s": [0.0, 0.0], "z_nm": [5.0, 5.0]})
    >>> detections = truth.iloc[:1].rename(columns={"z_nm": "height_nm"})
    >>> found = score_result(truth, detections, shape=(60, 60), pixel_size_nm=(1.0, 1.0), gate_nm=4.0, border_nm=5.0)
    >>> found["recall"], found["precision"], found["height_bias_nm"]
    (0.5, 1.0, 0.0)
    """
    place = Place(shape, pixel_size_nm, gate_nm, border_nm, origin_nm)
    return score_tables(truth, detections, tracks, place).scores


@dataclass(frozen=True)
class Place:
    """Frame in which is scored: see `score_result`.

    Parameters
    ----------
    shape, pixel_size_nm, gate_nm, border_nm, origin_nm
        As for `score_result`.
    """

    shape: tuple[int, ...]
    pixel_size_nm: tuple[float, float]
    gate_nm: float
    border_nm: float
    origin_nm: tuple[float, float] = (0.0, 0.0)

    def inner(self, table: pd.DataFrame, distance_nm: float) -> Mask:
        """Return whether points are farther from the border than a distance.

        Parameters
        ----------
        table
            Points: columns `y_nm`, `x_nm`.
        distance_nm
            The distance, nm.
        """
        return away_from_border(table, self.shape, self.pixel_size_nm, distance_nm, self.origin_nm)


def score_tables(
    truth: pd.DataFrame, detections: pd.DataFrame, tracks: pd.DataFrame | None, place: Place
) -> Scored:
    """Score detections and tracks against the truth; see `score_result`.

    Parameters
    ----------
    truth, detections, tracks
        As for `score_result`.
    place
        Frame, gate and border.
    """
    inner = place.inner(truth, place.border_nm)
    true, detected, _ = _scored(truth, detections, inner, place)
    partner = match_points(true, detected, max_distance=place.gate_nm, columns=POSITION)
    correct = int((partner >= 0).sum())
    scores = {
        "recall": _ratio(correct, len(true)),
        "precision": _ratio(correct, len(detected)),
        "f1": _ratio(2 * correct, len(true) + len(detected)),
        "position_error_nm": _rms(detected, true, partner),
        **_heights(true, detected, partner),
    }
    n = {"truth": len(true), "detections": len(detected), "links": 0, "heights": correct}
    hit = np.zeros(len(truth), dtype=bool)
    hit[np.flatnonzero(inner)[partner[partner >= 0]]] = True
    if tracks is not None:
        more, n["links"] = _track_scores(truth, tracks, inner, place)
        scores.update(more)
    return Scored(scores, n, hit, inner)


def _scored(
    truth: pd.DataFrame, detected: pd.DataFrame, inner: Mask, place: Place
) -> tuple[pd.DataFrame, pd.DataFrame, Mask]:
    """Return true and detected points without those at the border, and which detected ones these are."""
    partner = match_points(truth, detected, max_distance=place.gate_nm, columns=POSITION)
    alone = ~place.inner(detected, place.border_nm)
    at_border = np.where(partner >= 0, ~np.append(inner, False)[partner], alone)
    return truth[inner].reset_index(drop=True), detected[~at_border].reset_index(drop=True), ~at_border


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _rms(detected: pd.DataFrame, true: pd.DataFrame, partner: npt.NDArray[np.int64]) -> float:
    hit = partner >= 0
    if not hit.any():
        return float("nan")
    apart = detected[list(POSITION)].to_numpy()[hit] - true[list(POSITION)].to_numpy()[partner[hit]]
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


def _heights(true: pd.DataFrame, detected: pd.DataFrame, partner: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return mean and standard deviation of measured minus true height."""
    column = next((c for c in HEIGHT_COLUMNS if c in detected.columns), None)
    hit = partner >= 0
    if column is None or not hit.any():
        return {"height_bias_nm": float("nan"), "height_error_nm": float("nan")}
    error = detected[column].to_numpy(np.float64)[hit] - true["z_nm"].to_numpy()[partner[hit]]
    error = error[np.isfinite(error)]
    if not error.size:
        return {"height_bias_nm": float("nan"), "height_error_nm": float("nan")}
    return {"height_bias_nm": float(error.mean()), "height_error_nm": float(error.std())}


def _track_scores(
    truth: pd.DataFrame, tracks: pd.DataFrame, inner: Mask, place: Place
) -> tuple[dict[str, float], int]:
    """Score tracks: links, identities and the diffusion coefficient."""
    true, detected, _ = _scored(truth, tracks, inner, place)
    links = score_links(true, detected, max_distance=place.gate_nm, columns=POSITION)
    identity = score_identity(true, detected, gate=place.gate_nm, columns=POSITION)
    hota = score_hota(true, detected, gate=2 * place.gate_nm, columns=POSITION).hota
    true_d, measured_d = diffusion(true), diffusion(detected)
    scores = {
        "link_recall": links.recall,
        "link_precision": links.precision,
        "link_error": 1 - links.f1,
        "identity_switches_per_1000": 1000 * identity.switches / max(len(true), 1),
        "idf1": identity.idf1,
        "hota": hota,
        "diffusion_bias": measured_d / true_d - 1 if true_d > 0 else float("nan"),
    }
    return scores, links.true_positives + links.false_negatives


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
