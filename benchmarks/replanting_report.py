"""Tables of what validation states beside what is so."""

import numpy as np
from replanting_scores import (
    NOT_FLAT,
    QUANTITIES,
    TOLERANCE,
    WRONG,
    error_of,
    holds,
    is_withheld,
    wrong_figures,
)

BARS = {"recall": 0.015, "link_error": 0.015, "diffusion_bias": 0.05}
INTRODUCTION = f"""
Movies: `benchmarks/other_movies`, a simulator that shares nothing with `playNano.simulate` or with validation; 40
frames of 96 x 96 px, 0.3 s each; pixel size, sizes, heights, speeds, numbers and noise differ between seeds.
Pipelines: *readme* (plane; row medians; Gaussian 1 px; threshold 1.5 nm, at least 20 px; search range 8 px, 2
missing), *masked* (the same after two rounds of levelling with the particles masked), *default* (`playNano.analyze`).
Stated is what `validate_pipeline` returns without the truth; actual is the score of the same pipeline on the same
movie by its truth, with the gate and border of the validation (`Validation.gate_nm`, `border_nm`) and the matching of
`playNano.metrics`. The bias of D compares the tracks with the true tracks in view by the same estimator. Heights are
compared with the top of the particle; errors of the height are shares of the mean height of the detected particles. A
95 % statement holds if the actual value lies in its interval or within {TOLERANCE} of it. The pipelines of one movie
are not independent.
"""


def _number(value, form=".3f"):
    return "-" if value is None or not np.isfinite(value) else format(value, form)


def _share(part, whole):
    return f"{part} of {whole}" + (f" ({100 * part / whole:.0f} %)" if whole else "")


def _told_errors(name, rows):
    values = [abs(error_of(name, r)) for r in rows if not is_withheld(r, name)]
    return np.array([v for v in values if np.isfinite(v)])


def _held(name, rows):
    values = [holds(name, r) for r in rows if not is_withheld(r, name)]
    values = [v for v in values if v is not None]
    return sum(values), len(values)


def _width(name, rows):
    widths = [
        t["high"] - t["low"]
        for r in rows
        if not is_withheld(r, name) and (t := r["told"].get(name)) and None not in (t["high"], t["low"])
    ]
    return float(np.median(widths)) if widths else float("nan")


def _used(name, rows):
    """Return the 95 % quantile of the errors in half widths of their intervals; 1 where the intervals suit."""
    parts = []
    for r in rows:
        t, actual = r["told"].get(name), r["actual"][name]
        if t and None not in (t["high"], t["low"], actual) and not is_withheld(r, name):
            end = t["high"] if actual > t["value"] else t["low"]
            parts.append(abs(actual - t["value"]) / max(abs(end - t["value"]), TOLERANCE))
    return float(np.quantile(parts, 0.95)) if parts else float("nan")


def quantities(rows):
    """Return a table: error and coverage of each figure that was told.

    The last column is the 95 % quantile of the errors in half widths of the interval.
    """
    lines = [
        "| figure | told | median error | 90 % within | greatest | statement holds | median width | errors |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in QUANTITIES:
        errors, (right, total) = _told_errors(name, rows), _held(name, rows)
        cells = [np.median(errors), np.quantile(errors, 0.9), errors.max()] if len(errors) else [np.nan] * 3
        lines.append(
            f"| {name} | {len(errors)} | "
            + " | ".join(map(_number, cells))
            + f" | {_share(right, total)} | {_number(_width(name, rows))} | {_number(_used(name, rows), '.2f')} |"
        )
    return lines


def _recommendations(rows):
    """Return, of the rows with a recommendation, by how much it changed HOTA and the F1 of the links."""
    given = [r for r in rows if r["recommended"] and "after" in r]
    return [
        (
            r,
            (r["after"]["hota"] or 0) - (r["actual"]["hota"] or 0),
            r["actual"]["link_error"] - r["after"]["link_error"],
        )
        for r in given
    ]


def _estimate_is_wrong(row):
    """Return whether a figure that was withheld would have been wrong; None where it is not known."""
    wrong, known = [], False
    for name in QUANTITIES:
        estimate, actual = row["told"].get(name, {}).get("estimate"), row["actual"][name]
        if estimate is None or actual is None or not is_withheld(row, name):
            continue
        known = True
        scale = row["actual"]["height_nm"] or 1.0 if name == "height_bias_nm" else 1.0
        if abs(estimate - actual) / scale > WRONG[name]:
            wrong.append(name)
    return wrong if known else None


def bars(rows):
    """Return a table of the bars, and whether they are reached."""
    lines = ["| bar | reached | met |", "|---|---|---|"]

    def line(text, value, met):
        lines.append(f"| {text} | {value} | {'yes' if met else '**no**'} |")

    for name, bar in BARS.items():
        errors = _told_errors(name, rows)
        value = float(np.median(errors)) if len(errors) else float("nan")
        line(f"median error of {name} at most {bar}", _number(value), value <= bar)
    errors = _told_errors("height_bias_nm", rows)
    line(
        "height within 5 % in every movie",
        _share(int((errors <= 0.05).sum()), len(errors)),
        (errors <= 0.05).all(),
    )
    held = np.sum([_held(name, rows) for name in QUANTITIES], axis=0)
    line(
        "95 % statements hold in at least 92 %",
        _share(*map(int, held)),
        held[1] and held[0] / held[1] >= 0.92,
    )
    rough = [r for r in rows if r["kind"] in NOT_FLAT]
    right = [r for r in rough if is_withheld(r) or not wrong_figures(r)]
    line(
        "terraces and strands withheld or right in all",
        _share(len(right), len(rough)),
        len(right) == len(rough),
    )
    others = [r for r in rows if r["kind"] not in NOT_FLAT]
    out = [r for r in others if is_withheld(r)]
    line("others withheld in at most 10 %", _share(len(out), len(others)), len(out) <= 0.1 * len(others))
    changes = _recommendations(rows)
    better = [c for c in changes if c[1] > 0]
    line(
        "recommendations improve HOTA in at least 90 %",
        _share(len(better), len(changes)),
        len(better) >= 0.9 * len(changes),
    )
    return lines


def withheld(rows):
    """Return a table of what was withheld, and whether the figures would have been wrong."""
    lines = ["| movie | withheld | would have been wrong | why |", "|---|---|---|---|"]
    for r in rows:
        single = [n for n in QUANTITIES if is_withheld(r, n)]
        if not single:
            continue
        wrong = _estimate_is_wrong(r)
        verdict = "not known" if wrong is None else ", ".join(wrong) or "no"
        why = "; ".join(r["withheld"]) or "; ".join(sorted({r["told"][n]["reason"] for n in single}))
        lines.append(
            f"| {_name(r)} | {'all' if is_withheld(r) else ', '.join(single)} | {verdict} | {why[:300]} |"
        )
    return lines


def missed(rows):
    """Return a table of the figures that were told and are farther off than they may be."""
    lines = ["| movie | figure | told | actual |", "|---|---|---|---|"]
    for r in rows:
        for n in wrong_figures(r):
            if not is_withheld(r, n):
                t = r["told"][n]
                stated = f"{_number(t['value'])} ({_number(t['low'])} to {_number(t['high'])})"
                lines.append(f"| {_name(r)} | {n} | {stated} | {_number(r['actual'][n])} |")
    return lines


def _name(row):
    return f"{row['kind']} {row['seed']} {row['pipeline']}"


def every_row(rows):
    """Return a table of all that was told, beside what is so."""
    lines = ["| movie | " + " | ".join(QUANTITIES) + " |", "|---" * (1 + len(QUANTITIES)) + "|"]
    for r in rows:
        cells = []
        for n in QUANTITIES:
            t = r["told"].get(n, {})
            stated = "withheld" if is_withheld(r, n) else _number(t.get("value"))
            mark = "" if holds(n, r) in (True, None) or is_withheld(r, n) else " !"
            cells.append(f"{stated} / {_number(r['actual'][n])}{mark}")
        lines.append(f"| {_name(r)} | " + " | ".join(cells) + " |")
    return lines


def changes(rows):
    """Return a table of the recommendations and what they did."""
    lines = ["| movie | recommended | HOTA | F1 of links |", "|---|---|---|---|"]
    for r, hota, links in _recommendations(rows):
        text = "; ".join(f"{c['parameter']} {c['yours']} -> {c['recommended']}" for c in r["recommended"])
        lines.append(f"| {_name(r)} | {text} | {hota:+.3f} | {links:+.3f} |")
    return lines


def report(rows, before, options):
    """Return the whole text."""
    seeds, kinds = sorted({r["seed"] for r in rows}), sorted({r["kind"] for r in rows})
    movies = len({(r["kind"], r["seed"]) for r in rows})
    command = f"python benchmarks/replanting.py --seeds {' '.join(map(str, options.seeds))}"
    command += f" --pipelines {' '.join(options.pipelines)}"
    command += " --quick" if options.quick else ""
    text = [
        "# Validation beside the truth of movies of another simulator", "", f"Made by `{command}`.", INTRODUCTION,
        f"{movies} movies of {len(kinds)} kinds, seeds {', '.join(map(str, seeds))}; {len(rows)} validations, median "
        f"{np.median([r['cpu_s'] for r in rows]):.0f} s of processor time each.",
        "", "## Bars", "", *bars(rows), "", "## Figures", "",
        "The last column is the 95 % quantile of the errors in half widths of the intervals: 1 where these suit, less",
        "where they are wider than needed.",
        "", *quantities(rows),
    ]  # fmt: skip
    for pipeline in options.pipelines:
        text += ["", f"### {pipeline}", "", *quantities([r for r in rows if r["pipeline"] == pipeline])]
    if before:
        old = len({(r["kind"], r["seed"]) for r in before})
        text += [
            "", f"## Before replanting ({old} movies, simulations fitted to the movie)", "",
            *bars(before), "", *quantities(before),
        ]  # fmt: skip
    text += ["", "## Told, and farther off than it may be", "", *missed(rows)]
    text += ["", "## Withheld", "", *withheld(rows), "", "## Recommendations", "", *changes(rows)]
    text += [
        "",
        "## Every movie: told / actual",
        "",
        "!: the 95 % statement does not hold.",
        "",
        *every_row(rows),
        "",
    ]
    return "\n".join(text)
