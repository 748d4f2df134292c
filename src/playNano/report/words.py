"""Numbers, units and quantities as they are printed in a report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from playNano.algorithms.measurement.results import rounded, spelt_unit

QUANTITIES = {
    "D": "diffusion coefficient",
    "alpha": "exponent of anomalous diffusion",
    "k_off": "rate of leaving",
    "k_on": "rate of arrival per area",
    "dwell": "mean dwell time",
    "height": "height, mean over tracks",
    "volume": "volume, mean over tracks",
}
"""Symbol of a headline -> what it is."""

_SIGNS = {"nm2": "nm²", "nm3": "nm³", "rad2": "rad²", "px2": "px²", "um2": "µm²"}


def number(value: Any) -> str:
    """Return a number with four significant digits, "-" where there is none.

    Parameters
    ----------
    value
        A number, a text, or None.

    Examples
    --------
    >>> number(3.14159), number(float("nan")), number(7), number(12345678.0), number(None)
    ('3.142', '-', '7', '12345678', '-')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return f"{value:.4g}"
    return str(value)


def printed_unit(unit: str) -> str:
    """Return a unit with signs instead of letters.

    Parameters
    ----------
    unit
        As in names of columns: "nm2_s", "1_s", "nm".

    Examples
    --------
    >>> printed_unit("nm2_s"), printed_unit("1_nm2_s"), printed_unit("deg")
    ('nm²/s', '1/(nm² s)', 'deg')
    """
    return with_signs(spelt_unit(unit)) if unit else ""


def with_signs(text: str) -> str:
    """Return a text in which nm2 and similar units have signs.

    Parameters
    ----------
    text
        Any text.

    Examples
    --------
    >>> with_signs("they leave at 7 nm2/s")
    'they leave at 7 nm²/s'
    """
    return re.sub(
        r"(?<![A-Za-z_])(nm2|nm3|rad2|px2|um2)(?![A-Za-z0-9_])", lambda found: _SIGNS[found[1]], text
    )


def symbol(name: str) -> tuple[str, str]:
    """Return the symbol of a quantity and its index.

    Parameters
    ----------
    name
        "k_off", "D of state 1".

    Examples
    --------
    >>> symbol("k_off"), symbol("D of state 1"), symbol("height")
    (('k', 'off'), ('D of state 1', ''), ('height', ''))
    """
    stem, _, index = name.partition("_")
    return (stem, index) if len(stem) == 1 and index.isalpha() else (name, "")


def headline_row(headline: Mapping[str, Any]) -> dict[str, Any]:
    """Return a headline as the cells of a table.

    Parameters
    ----------
    headline
        As `playNano.algorithms.measurement.results.Headline.to_dict` returns it; of another module, with fewer entries.

    Returns
    -------
    dict
        ``symbol, index, words, value, unit, interval, rests_on, remark``: texts; ``given``: whether there is a value.

    Examples
    --------
    >>> row = headline_row({"name": "D", "value": 7.21, "unit": "nm2_s", "low": 5.8, "high": 9.0, "n": 236})
    >>> row["value"], row["unit"], row["interval"], row["rests_on"]
    ('7.2', 'nm²/s', '5.8 to 9.0', '236 tracks')
    """
    value, low, high = (_float(headline.get(key)) for key in ("value", "low", "high"))
    given = math.isfinite(value)
    status = str(headline.get("status", "ok")).replace("_", " ")
    remarks = [headline.get("remark") or "", "" if status == "ok" else status]
    name = str(headline.get("name", ""))
    n, n_of = headline.get("n"), str(headline.get("n_of", "tracks"))
    interval = ""
    if math.isfinite(low) or math.isfinite(high):
        interval = " to ".join(_end(end, low, high, value) for end in (low, high))
    return {
        "symbol": symbol(name)[0],
        "index": symbol(name)[1],
        "words": QUANTITIES.get(name, ""),
        "value": rounded(value, low, high) if given else "-",
        "unit": printed_unit(str(headline.get("unit") or "")),
        "interval": interval or "-",
        "rests_on": "" if n is None else f"{n} {n_of.removesuffix('s') if n == 1 else n_of}",
        "remark": with_signs("; ".join(text for text in remarks if text)),
        "given": given,
    }


def _end(end: float, low: float, high: float, value: float) -> str:
    return rounded(end, low, high, value) if math.isfinite(end) else "no limit"


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def title(name: str) -> str:
    """Return the name of a step or module as a heading.

    Parameters
    ----------
    name
        "dwell_times".

    Examples
    --------
    >>> title("dwell_times")
    'Dwell times'
    """
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
