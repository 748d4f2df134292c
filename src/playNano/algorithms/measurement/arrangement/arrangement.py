"""Arrangement of molecules in a field: pair correlation, nearest neighbours, test against a null model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.measurement.arrangement.nearest import (
    distance_function,
    mean_distance,
    nearest_distances,
)
from playNano.algorithms.measurement.arrangement.null_models import GlobalTest, global_test, random_patterns
from playNano.algorithms.measurement.arrangement.options import ArrangementOptions
from playNano.algorithms.measurement.arrangement.pair_sums import pair_correlation, pair_sums, ripley_k
from playNano.algorithms.measurement.arrangement.points import FramePoints, frame_points
from playNano.algorithms.measurement.intervals import jackknife_t
from playNano.algorithms.measurement.measured import Measured, table_of
from playNano.algorithms.measurement.results import Headline, Status
from playNano.algorithms.measurement.tracked_movie import TrackedMovie
from playNano.errors import ParameterError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NAN = float("nan")

COUNTS = {
    "status": "str",
    "ci_method": "str",
    "ci_unit": "str",
    "n_frames": "int64",
    "n_blocks": "int64",
    "n_detections": "int64",
    "n_tracks": "int64",
    "n_movies": "int64",
}
PAIR_CORRELATION = {
    **dict.fromkeys(
        ("r_nm", "r_low_nm", "r_high_nm", "g", "g_low", "g_high", "k_nm2", "l_nm", "g_tested", "g_null",
         "envelope_low", "envelope_high"),
        "float64",
    ),
    **COUNTS,
}  # fmt: skip
NEIGHBOURS = {**dict.fromkeys(("distance_nm", "g_cdf", "g_low", "g_high"), "float64"), **COUNTS}
TEST = {
    "null": "str",
    "statistic": "str",
    "p": "float64",
    "p_min": "float64",
    "deviation": "float64",
    "n_simulations": "int64",
    "n_frames_tested": "int64",
    **dict.fromkeys(
        ("exclusion_nm", "resolution_nm", "density_1_nm2", "clark_evans", "clark_evans_low", "clark_evans_high",
         "max_shear_nm", "block_s"),
        "float64",
    ),
    **COUNTS,
}  # fmt: skip

MAX_SIMULATED_PAIRS = 4e8
"""Pairs in all simulated patterns; where it is exceeded, fewer blocks are tested."""


def measure_arrangement(
    movie: TrackedMovie,
    options: ArrangementOptions | None = None,
    *,
    resolution_nm: float = 0.0,
    tracked: bool = True,
) -> Measured:
    """Measure how molecules lie to each other, and test it against a null model.

    Frames are no replicates: the curves are averages over frames, intervals come from blocks of frames that are
    longer than the molecules need to change places, and the test uses one frame of each block.

    Parameters
    ----------
    movie
        Detections with their window, which must be bounded.
    options
        See `ArrangementOptions`.
    resolution_nm
        Distance below which the detection cannot separate molecules, nm, where the options do not give it.
    tracked
        Whether the detections are linked; if not, how fast the arrangement changes is not known, and all frames are
        one block.

    Returns
    -------
    Measured
        ``pair_correlation``: a row per bin of distance: ``g`` with its interval, Ripley's ``k_nm2`` and ``l_nm`` at
        ``r_high_nm``, ``g_tested`` of the tested frames, mean and envelope of the null model. ``neighbours``:
        distribution function of nearest-neighbour distances. ``test``: one row: p, ``clark_evans`` and what both are
        based on.

    Raises
    ------
    ParameterError
        The window is unbounded, or the bins are wider than the largest distance.

    References
    ----------
    Baddeley, Rubak, Turner: Spatial Point Patterns, 2015, chapters 7, 8 and 10.
    """
    options = options or ArrangementOptions()
    if not np.isfinite(movie.window.area_nm2):
        raise ParameterError("the arrangement needs the window in which molecules are detected: give window")
    frames = frame_points(movie, options, resolution_nm, tracked)
    if isinstance(frames, str):
        return _without_pairs(movie, frames, options)
    sums = np.array([pair_sums(p, frames.window, frames.dr, frames.n_bins) for p in frames.places])
    tested_frames = _tested(frames, options.n_simulations)
    exclusion = _exclusion(frames, options)
    test, status = _test(frames, sums, tested_frames, options, exclusion)
    tested = {"test": test, "frames": tested_frames, "exclusion": exclusion, "status": status}
    correlation = _correlation(frames, sums, tested, options.level)
    distances = [nearest_distances(place, frames.window) for place in frames.places]
    neighbours = _neighbours(frames, distances, options.level)
    row = _summary(frames, distances, tested, options, movie)
    tables = {
        "pair_correlation": table_of(correlation, PAIR_CORRELATION),
        "neighbours": table_of(neighbours, NEIGHBOURS),
        "test": table_of([row], TEST),
    }
    return Measured(tables, _headlines(row), _messages(row, frames), _warnings(row, frames))


def _exclusion(frames: FramePoints, options: ArrangementOptions) -> float:
    """Return the diameter of the molecules in the null model, nm."""
    if options.null == "csr":
        return 0.0
    return frames.smallest if options.exclusion_nm is None else options.exclusion_nm


def _tested(frames: FramePoints, n_simulations: int) -> Ints:
    """Return the frame nearest the middle of each block that has a pair, of fewer blocks where all take too long."""
    chosen = []
    for number in range(frames.n_blocks):
        of_block = np.flatnonzero(frames.block == number)
        with_pair = of_block[frames.n_pairs[of_block] > 0]
        if len(with_pair):
            chosen.append(with_pair[np.argmin(np.abs(with_pair - of_block.mean()))])
    rows = np.array(chosen, np.int64)
    pairs = frames.n_pairs[rows].mean() / 2 * n_simulations
    kept = max(1, min(len(rows), int(MAX_SIMULATED_PAIRS / pairs)))
    return np.asarray(rows[np.linspace(0, len(rows) - 1, kept).round().astype(np.int64)], np.int64)


def _test(
    frames: FramePoints, sums: Floats, tested: Ints, options: ArrangementOptions, exclusion: float
) -> tuple[GlobalTest, Status]:
    """Test the tested frames together against as many patterns of the null model as are simulated."""
    rng = np.random.default_rng(options.seed)
    simulated = np.zeros((options.n_simulations, frames.n_bins))
    blank = np.full(frames.n_bins, NAN)
    used = np.arange(frames.n_bins) * frames.dr >= frames.resolution
    if not used.any():
        return GlobalTest(NAN, NAN, blank, blank, blank), "unresolved"
    for row in tested:
        n = len(frames.places[row])
        patterns = random_patterns(n, frames.window, exclusion, options.n_simulations, rng)
        if patterns is None:
            return GlobalTest(NAN, NAN, blank, blank, blank), "unresolved"
        simulated += pair_sums(patterns, frames.window, frames.dr, frames.n_bins)
    n_pairs = float(frames.n_pairs[tested].sum())
    observed = pair_correlation(sums[tested].sum(axis=0), n_pairs, frames.window, frames.dr)
    curves = pair_correlation(simulated, n_pairs, frames.window, frames.dr)
    part = global_test(observed[used], curves[:, used], options.statistic, options.level)
    wide = [blank.copy() for _ in range(3)]
    for whole, values in zip(wide, (part.mean, part.low, part.high), strict=True):
        whole[used] = values
    return GlobalTest(part.p, part.deviation, *wide), "ok"


def _correlation(
    frames: FramePoints, sums: Floats, tested: dict[str, Any], level: float
) -> list[dict[str, Any]]:
    """Return the rows of the table of g(r)."""
    total, rows, test = float(frames.n_pairs.sum()), tested["frames"], tested["test"]
    of = (frames.window, frames.dr)
    g = pair_correlation(sums.sum(axis=0), total, *of)
    others = frames.without_block(frames.n_pairs)[:, None].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):  # all pairs in one block: no interval
        left_out = pair_correlation(frames.without_block(sums), others, *of)
    k = ripley_k(sums.sum(axis=0), total, frames.window)
    g_tested = pair_correlation(sums[rows].sum(axis=0), float(frames.n_pairs[rows].sum()), *of)
    table = []
    for number in range(frames.n_bins):
        low, high = number * frames.dr, (number + 1) * frames.dr
        resolved = low >= frames.resolution
        ends = jackknife_t(float(g[number]), left_out[:, number], level)
        table.append(
            {
                "r_nm": (low + high) / 2,
                "r_low_nm": low,
                "r_high_nm": high,
                "g": g[number] if resolved else NAN,
                "g_low": max(ends[0], 0.0) if resolved else NAN,
                "g_high": ends[1] if resolved else NAN,
                "k_nm2": k[number],
                "l_nm": np.sqrt(k[number] / np.pi),
                "g_tested": g_tested[number] if resolved else NAN,
                "g_null": test.mean[number],
                "envelope_low": np.maximum(test.low[number], 0.0),
                "envelope_high": test.high[number],
                **frames.counts(frames.status if resolved else "unresolved"),
            }
        )
    return table


def _neighbours(
    frames: FramePoints, distances: list[tuple[Floats, Bools]], level: float
) -> list[dict[str, Any]]:
    """Return the rows of the table of nearest-neighbour distances."""
    distance = np.concatenate([d for d, _ in distances])
    seen = np.concatenate([s for _, s in distances])
    block = np.repeat(frames.block, frames.n_points)
    at: Floats = np.arange(frames.n_bins + 1, dtype=np.float64) * frames.dr
    cdf = distance_function(distance, seen, at)
    left_out = np.array(
        [distance_function(distance[block != b], seen[block != b], at) for b in range(frames.n_blocks)]
    )
    table = []
    for number, place in enumerate(at):
        known = bool(np.isfinite(cdf[number]))
        low, high = jackknife_t(float(cdf[number]), left_out[:, number], level)
        status: Status = frames.status if known else "all_censored"
        ends = {"g_low": max(low, 0.0), "g_high": min(high, 1.0)} if np.isfinite(low) else {}
        row = {"distance_nm": place, "g_cdf": cdf[number], "g_low": NAN, "g_high": NAN}
        table.append({**row, **ends, **frames.counts(status)})
    return table


def _summary(
    frames: FramePoints,
    distances: list[tuple[Floats, Bools]],
    tested: dict[str, Any],
    options: ArrangementOptions,
    movie: TrackedMovie,
) -> dict[str, Any]:
    """Return the row of the table of the test."""
    distance = np.concatenate([d for d, _ in distances])
    seen = np.concatenate([s for _, s in distances])
    block = np.repeat(frames.block, frames.n_points)
    area = frames.window.area_nm2
    density = frames.n_points.sum() / (area * len(frames.places))

    def clark_evans(kept: Bools, of_frames: Bools) -> float:
        mean_density = frames.n_points[of_frames].mean() / area
        return float(mean_distance(distance[kept], seen[kept]) / (0.5 / np.sqrt(mean_density)))

    every = clark_evans(block >= 0, frames.block >= 0)
    blocks = range(frames.n_blocks if frames.n_blocks > 1 else 0)
    left_out = [clark_evans(block != b, frames.block != b) for b in blocks]
    low, high = jackknife_t(every, left_out, options.level)
    clock, scan = movie.frames, movie.frames.line_time_s * movie.frames.rows
    shear = np.sqrt(4 * frames.renewal.diffusion_nm2_s * (scan if scan > 0 else clock.interval_s))
    length = options.block_frames * clock.interval_s if options.block_frames else frames.renewal.time_s
    status = tested["status"] if tested["status"] != "ok" else frames.status
    return {
        "null": options.null,
        "statistic": options.statistic,
        "p": tested["test"].p,
        "p_min": 1 / (options.n_simulations + 1),
        "deviation": tested["test"].deviation,
        "n_simulations": options.n_simulations,
        "n_frames_tested": len(tested["frames"]),
        "exclusion_nm": tested["exclusion"],
        "resolution_nm": frames.resolution,
        "density_1_nm2": density,
        "clark_evans": every,
        "clark_evans_low": low,
        "clark_evans_high": high,
        "max_shear_nm": float(shear),
        "block_s": length,
        **frames.counts(status),
    }


def _without_pairs(movie: TrackedMovie, status: Status, options: ArrangementOptions) -> Measured:
    """Return empty tables, with a row of the test that says why."""
    n = len(movie.table)
    row: dict[str, Any] = dict.fromkeys((c for c, kind in TEST.items() if kind == "float64"), NAN)
    row |= dict.fromkeys((c for c, kind in TEST.items() if kind == "int64"), 0)
    row |= {
        "null": options.null,
        "statistic": options.statistic,
        "status": status,
        "ci_method": "",
        "ci_unit": "",
    }
    row |= {"n_detections": n, "n_tracks": movie.n_tracks, "n_movies": 1}
    tables = {
        "pair_correlation": table_of([], PAIR_CORRELATION),
        "neighbours": table_of([], NEIGHBOURS),
        "test": table_of([row] if n else [], TEST),
    }
    said = "no frame has two molecules in the window" if status == "too_few_tracks" else "the window is empty"
    return Measured(tables, _headlines(row), (said,))


def _headlines(row: dict[str, Any]) -> tuple[Headline, ...]:
    """Return the results as lines."""
    status: Status = row["status"]
    blocks = {"n": row["n_frames_tested"], "n_of": "independent frames"}
    p_status: Status = "ok" if np.isfinite(row["p"]) else status
    remark = (
        "" if np.isfinite(row["clark_evans_low"]) or not np.isfinite(row["clark_evans"]) else "no interval"
    )
    return (
        Headline(f"p ({row['null']})", row["p"], **blocks, status=p_status),
        Headline(
            "Clark-Evans index", row["clark_evans"], "", row["clark_evans_low"], row["clark_evans_high"], **blocks,
            status="ok" if np.isfinite(row["clark_evans"]) else status, remark=remark,
        ),
    )  # fmt: skip


def _messages(row: dict[str, Any], frames: FramePoints) -> tuple[str, ...]:
    """Return remarks on what the results are based."""
    said = []
    if frames.n_blocks == 1 and row["n_frames"] > 1:
        said.append(
            f"the arrangement is not known to change within the {row['n_frames']} frames: one frame is tested, and "
            "there are no intervals"
        )
    if row["status"] == "unresolved":
        said.append(
            f"no test: {row['n_detections'] // row['n_frames']} molecules of {row['exclusion_nm']:.3g} nm cannot be "
            "placed at random in the window, or no distance is resolved: give their diameter as exclusion_nm, or "
            "null=csr"
        )
    return tuple(said)


def _warnings(row: dict[str, Any], frames: FramePoints) -> tuple[str, ...]:
    """Return doubts about the results."""
    if row["max_shear_nm"] > frames.dr:
        return (
            f"arrangement: molecules diffuse by {row['max_shear_nm']:.3g} nm while a frame is scanned, more than the "
            f"width of the bins ({frames.dr:.3g} nm): g(r) is smoothed over that distance",
        )
    return ()
