"""Names and statuses in the tables of measurements."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from playNano.algorithms.measurement.tracked_movie import Clock

if TYPE_CHECKING:
    import pandas as pd

Status: TypeAlias = Literal[
    "ok",
    "too_few_tracks",
    "too_few_movies",
    "too_short",
    "no_events",
    "all_censored",
    "at_bound",
    "unresolved",
    "no_time",
    "one_frame",
]
"""Why a number is not given, or is one-sided; "ok" if it is given."""

STATUSES: tuple[Status, ...] = get_args(Status)

CIMethod: TypeAlias = Literal["profile", "wald_log", "jackknife_t", "bootstrap", "gamma", "t"]
"""How an interval was computed."""

CIUnit: TypeAlias = Literal["track", "movie", "event", "block", "step"]
"""What counts as one replicate in an interval."""


def named_by_clock(table: pd.DataFrame, clock: Clock) -> pd.DataFrame:
    """Return a table whose columns name frames instead of seconds, if no times are known.

    Parameters
    ----------
    table
        Columns that end in the unit s (``time_s``), its inverse (``rate_1_s``) or a quotient by it
        (``diffusion_nm2_s``).
    clock
        Basis of the times; only "index" changes names.

    Examples
    --------
    >>> import pandas as pd
    >>> named_by_clock(pd.DataFrame({"diffusion_nm2_s": [], "n_tracks": []}), "index").columns.tolist()
    ['diffusion_nm2_frame', 'n_tracks']
    """
    if clock != "index":
        return table
    names = [str(name) for name in table.columns]
    return table.set_axis([f"{n.removesuffix('_s')}_frame" if n.endswith("_s") else n for n in names], axis=1)


@dataclass(frozen=True)
class Headline:
    """One result as it stands in a summary: value, interval, unit, number of replicates, status.

    Parameters
    ----------
    name
        What it is, in the symbols of the field: "D", "k_off", "height".
    value
        The estimate; NaN where there is none.
    unit
        Its unit as in names of columns: "nm2_s", "1_s", "nm"; "" for a plain number.
    low, high
        Ends of its interval; NaN where it has none.
    n
        Number of replicates.
    n_of
        What they are: "tracks", "movies", "ends".
    status
        "ok", or why the number is not given.
    remark
        What a reader must know, in words; "" for nothing.

    Examples
    --------
    >>> Headline("D", 54.2, "nm2_s", 49.4, 59.8, 38, "tracks").text()
    'D = 54 nm2/s (49 to 60), 38 tracks'
    >>> Headline("k_off", 0.0198, "1_s", 0.0083, 0.0441, 5, "ends").text()
    'k_off = 0.020 1/s (0.0083 to 0.044), 5 ends'
    >>> Headline("alpha", 0.907, "", 0.69, 1.128, 16).text()
    'alpha = 0.91 (0.69 to 1.13), 16 tracks'
    >>> Headline("k_off", float("nan"), "1_s", n=3, n_of="tracks", status="too_few_tracks").text()
    'k_off: not given (too few tracks), 3 tracks'
    """

    name: str
    value: float
    unit: str = ""
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    n_of: str = "tracks"
    status: Status = "ok"
    remark: str = ""

    def text(self) -> str:
        """Return the result on one line."""
        counted = f"{self.n} {self.n_of.removesuffix('s') if self.n == 1 else self.n_of}"
        if not math.isfinite(self.value):
            given = f"{self.name}: not given ({self.status.replace('_', ' ')})"
        else:
            unit = f" {spelt_unit(self.unit)}" if self.unit else ""
            given = f"{self.name} = {rounded(self.value, self.low, self.high)}{unit}"
            if math.isfinite(self.low) or math.isfinite(self.high):
                ends = (rounded(end, self.low, self.high, self.value) for end in (self.low, self.high))
                given += f" ({' to '.join(ends)})"
            if self.status != "ok":
                given += f" [{self.status.replace('_', ' ')}]"
        return f"{given}, {counted}" + (f"; {self.remark}" if self.remark else "")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a plain dict, with ``text``."""
        return {**asdict(self), "text": self.text()}


def spelt_unit(unit: str) -> str:
    """Return a unit as it is printed, from its form in names of columns.

    Parameters
    ----------
    unit
        "nm2_s", "1_s", "1_nm2_s", "nm".

    Examples
    --------
    >>> spelt_unit("nm2_s"), spelt_unit("1_s"), spelt_unit("1_nm2_s"), spelt_unit("nm")
    ('nm2/s', '1/s', '1/(nm2 s)', 'nm')
    """
    top, *bottom = unit.split("_")
    if not bottom:
        return top
    return f"{top}/{bottom[0]}" if len(bottom) == 1 else f"{top}/({' '.join(bottom)})"


def rounded(value: float, low: float, high: float, like: float | None = None) -> str:
    """Return a number to two significant digits of its interval's width, and at least two of its own.

    An end of an interval has the decimals of the estimate, `like`, unless it is ten times larger or smaller.

    Parameters
    ----------
    value
        The number.
    low, high
        Ends of its interval; NaN where it has none.
    like
        The estimate, if the number is an end of its interval.

    Examples
    --------
    >>> rounded(54.2, 49.4, 59.8), rounded(49.4, 49.4, 59.8, like=54.2)
    ('54', '49')
    """
    if not math.isfinite(value):
        return str(value)
    width = high - low
    if not math.isfinite(width) or width <= 0:
        return f"{value:.3g}"
    digits = -math.floor(math.log10(width / 2))
    similar = like is not None and 0.1 < abs(value / like if like else 0.0) < 10
    for number in (value, like if similar else None):
        if number:
            digits = max(digits, 1 - math.floor(math.log10(abs(number))))
    rounded = round(value, max(digits, -12))
    return f"{rounded:.{max(digits, 0)}f}" if 1e-4 <= abs(value) < 1e7 or value == 0 else f"{value:.2g}"
