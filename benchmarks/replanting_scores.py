"""Score a pipeline on a movie of known truth, and judge what `playnano validate` states about it.

Nothing here comes from `playNano.validate`: points are matched by `playNano.metrics`.
"""

import numpy as np

from playNano.algorithms.estimation.motion import estimate_motion
from playNano.metrics import match_points, score_detections, score_hota, score_links

QUANTITIES = ("recall", "precision", "link_error", "height_bias_nm", "diffusion_bias")
POSITION = ["y_nm", "x_nm"]
TOLERANCE = 0.005
"""By how much a 95 % statement may be missed."""
WRONG = {
    "recall": 0.05,
    "precision": 0.05,
    "link_error": 0.05,
    "height_bias_nm": 0.05,
    "diffusion_bias": 0.15,
}
"""Errors beyond which a figure ought to be withheld; that of the height as a share of the height."""
NOT_FLAT = ("terraces", "on strands")


def _away(table, shape, pixel_nm, border_nm):
    y, x = table["y_nm"].to_numpy() + pixel_nm / 2, table["x_nm"].to_numpy() + pixel_nm / 2
    high = np.array(shape) * pixel_nm - border_nm
    return (y > border_nm) & (y < high[0]) & (x > border_nm) & (x < high[1])


def _inner(truth, found, movie, gate_nm, border_nm):
    """Return the true and detected points that count: those at the border are left out on both sides."""
    shape = movie.data.shape[1:]
    partner = match_points(truth, found, max_distance=gate_nm, columns=POSITION)
    counts = _away(truth, shape, movie.pixel_nm, border_nm)
    alone = _away(found, shape, movie.pixel_nm, border_nm)
    of_found = np.where(partner >= 0, np.append(counts, False)[partner], alone)
    return truth[counts].reset_index(drop=True), found[of_found].reset_index(drop=True)


def _plain_diffusion(truth):
    """Return the mean squared step of exact positions over 4 times its time, without their common velocity."""
    table = truth.sort_values(["track_id", "frame"])
    step = np.diff(table[["y_nm", "x_nm", "time_s"]].to_numpy(), axis=0)
    step = step[(np.diff(table.track_id) == 0) & (np.diff(table.frame) == 1)]
    if len(step) < 2:
        return float("nan")
    move = step[:, :2] - step[:, 2:] * step[:, :2].sum(axis=0) / step[:, 2].sum()
    return float((move**2).sum() / (4 * step[:, 2].sum()))


def _measured_diffusion(tracks):
    columns = [tracks[c].to_numpy() for c in ("frame", "track_id", "time_s", "y_nm", "x_nm")]
    return estimate_motion(*columns).diffusion_nm2_s


def score(movie, detections, tracks, gate_nm, border_nm):
    """Return the actual scores of a pipeline.

    Parameters
    ----------
    movie
        The movie with its truth.
    detections, tracks
        Tables of the pipeline.
    gate_nm
        Greatest distance of a detection from its particle.
    border_nm
        Particles nearer to the border are not scored.
    """
    seen = movie.seen
    truth, found = _inner(seen, detections, movie, gate_nm, border_nm)
    counts, _ = score_detections(truth, found, max_distance=gate_nm, columns=POSITION)
    partner = match_points(truth, found, max_distance=gate_nm, columns=POSITION)
    hit = partner >= 0
    column = next((c for c in ("height_nm", "z_max_nm") if c in found), None)
    error = found[column].to_numpy(float)[hit] - truth["z_nm"].to_numpy()[partner[hit]] if column else []
    in_view, linked = _inner(seen, tracks, movie, gate_nm, border_nm)
    links = score_links(in_view, linked, max_distance=gate_nm, columns=POSITION)
    measured, exact = _measured_diffusion(linked), _measured_diffusion(in_view)
    hota = score_hota(in_view, linked, gate=2 * gate_nm, columns=POSITION).hota
    by_height = _recall_by_height(truth, partner[hit]) if len(truth) else {}
    return {
        "recall": counts.recall,
        "precision": counts.precision,
        "link_error": 1 - links.f1,
        "height_bias_nm": float(np.mean(error)) if len(error) else float("nan"),
        "diffusion_bias": measured / exact - 1 if exact > 0 else float("nan"),
        "diffusion_against_steps": measured / _plain_diffusion(in_view) - 1,
        "diffusion_against_set": _measured_diffusion(tracks) / movie.about["diffusion_nm2_s"] - 1,
        "hota": hota,
        "n_true": len(truth),
        "n_found": len(found),
        "height_nm": float(truth.z_nm.iloc[partner[hit]].mean()) if hit.any() else float("nan"),
        "recall_by_species": by_height,
    }


def _recall_by_height(truth, hit):
    found = np.zeros(len(truth), bool)
    found[hit] = True
    return {str(s): float(found[truth.species == s].mean()) for s in np.unique(truth.species)}


def error_of(name, row):
    """Return told minus actual, or nan where either is undefined; of the height as a share of the height."""
    told, actual = row["told"].get(name, {}).get("value"), row["actual"][name]
    if told is None or actual is None:
        return float("nan")
    return (told - actual) / (row["actual"]["height_nm"] if name == "height_bias_nm" else 1.0)


def holds(name, row):
    """Return whether the actual value lies in the told interval; None where nothing is told."""
    told, actual = row["told"].get(name, {}), row["actual"][name]
    if told.get("low") is None or told.get("high") is None or actual is None:
        return None
    return bool(told["low"] - TOLERANCE <= actual <= told["high"] + TOLERANCE)


def is_withheld(row, name=None):
    """Return whether a figure, or else the whole movie, is withheld."""
    if name is None:
        return bool(row["withheld"])
    return bool(row["withheld"]) or row["told"].get(name, {}).get("status") == "withheld"


def wrong_figures(row):
    """Return the figures that are told and farther off than they may be."""
    return [name for name in QUANTITIES if abs(error_of(name, row)) > WRONG[name]]
