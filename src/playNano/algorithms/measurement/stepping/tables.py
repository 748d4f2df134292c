"""The tables of motors: speeds, runs, steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playNano.algorithms.measurement.measured import table_of

if TYPE_CHECKING:
    import pandas as pd

ALL = -1
"""Track of the row that is about all tracks."""

_COUNTS = {"n_detections": "int64", "n_tracks": "int64", "n_movies": "int64"}
_HOW = {**_COUNTS, "ci_method": "str", "ci_unit": "str", "status": "str"}

SPEEDS = {
    "track_id": "int64",
    **dict.fromkeys(
        ("velocity_nm_s", "velocity_low_nm_s", "velocity_high_nm_s", "velocity_sd_nm_s", "path_rms_nm", "duration_s",
         "diffusion_nm2_s", "localization_nm", "step_nm", "randomness"), "float64",
    ),
    "n_steps": "int64", "step_status": "str", **_HOW,
}  # fmt: skip

RUNS = {
    "track_id": "int64", "start_frame": "int64", "last_frame": "int64",
    **dict.fromkeys(
        ("start_time_s", "last_time_s", "run_length_nm", "run_length_low_nm", "run_length_high_nm", "travelled_nm"),
        "float64",
    ),
    "n_ends": "int64", "censored_end": "bool", "end_reason": "str", **_HOW,
}  # fmt: skip

STEPS = {
    "track_id": "int64", "frame": "int64", "time_s": "float64", "step_nm": "float64", "step_error_nm": "float64",
    "dwell_before_s": "float64", "dwell_censored": "bool", **_COUNTS, "status": "str",
}  # fmt: skip

_EMPTY = {"int64": 0, "float64": float("nan"), "str": "", "bool": False}


def filled_table(rows: list[dict[str, Any]], dtypes: dict[str, str]) -> pd.DataFrame:
    """Return rows as a table with all its columns and types, also without rows; what a row lacks is NaN or 0.

    Parameters
    ----------
    rows
        Column -> value.
    dtypes
        Column -> dtype.
    """
    empty = {name: _EMPTY[dtype] for name, dtype in dtypes.items()}
    return table_of([{**empty, **row} for row in rows], dtypes)
