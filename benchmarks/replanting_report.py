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
    return f"{part} of {whole}" + (f" ({100 * part / whole:.3g} %)" if whole else "")


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
        verdict = "not tested" if value == "0 of 0" else "yes" if met else "**no**"
        lines.append(f"| {text} | {value} | {verdict} |")

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


def section(title, rows, pipelines):
    """Return the tables of one version."""
    movies, kinds = len({(r["kind"], r["seed"]) for r in rows}), len({r["kind"] for r in rows})
    seeds = ", ".join(map(str, sorted({r["seed"] for r in rows})))
    cpu = np.median([r["cpu_s"] for r in rows])
    text = [
        "", f"## {title}", "",
        f"{movies} movies of {kinds} kinds, seeds {seeds}; {len(rows)} validations, median {cpu:.0f} s of processor.",
        "", *bars(rows), "", *quantities(rows),
    ]  # fmt: skip
    for pipeline in pipelines:
        of_it = [r for r in rows if r["pipeline"] == pipeline]
        text += ["", f"### {pipeline}", "", *quantities(of_it)] if of_it else []
    return text


def definitions(rows):
    """Return what depends on the definition of the figures, and is not an error of what is stated."""
    lines = [
        "The actual scores change with the gate and the border: below are the actual scores with a gate and border by",
        "the truth (radius of a disc of equal area; greatest half length), minus those with the gate and border of the",
        "validation. The last line is the D of the tracks beside that with which the particles were moved: in a small",
        "field, 40 frames, and with walls at the border in most kinds, the true tracks themselves show less.",
        "", "| figure | median difference | 10 % to 90 % | greatest |", "|---|---|---|---|",
    ]  # fmt: skip
    pairs = {n: [(r["own_gate"][n], r["actual"][n]) for r in rows if not is_withheld(r)] for n in QUANTITIES}
    values = {n: [a - b for a, b in pair if None not in (a, b)] for n, pair in pairs.items()}
    against = [r["actual"]["diffusion_against_set"] for r in rows if not is_withheld(r)]
    values["D of the tracks / D as set - 1"] = [v for v in against if v is not None]
    for name, v in values.items():
        low, mid, high = np.quantile(v, [0.1, 0.5, 0.9]) if v else [np.nan] * 3
        greatest = max(v, key=abs) if v else np.nan
        lines.append(
            f"| {name} | {_number(mid, '+.3f')} | {_number(low, '+.3f')} to {_number(high, '+.3f')} | "
            f"{_number(greatest, '+.3f')} |"
        )
    return lines


def report(rows, earlier, options):
    """Return the whole text: `rows`, and for each of `earlier` its title and rows."""
    command = f"python benchmarks/replanting.py --seeds {' '.join(map(str, options.seeds))}"
    command += f" --pipelines {' '.join(options.pipelines)}" + (" --quick" if options.quick else "")
    text = [
        "# Validation beside the truth of movies of another simulator",
        "", f"Made by `{command}`.", options.note, INTRODUCTION,
        "The last column of the tables of figures is the 95 % quantile of the errors in half widths of the intervals:",
        "1 where these suit, less where they are wider than needed.",
        *section(options.title, rows, options.pipelines),
        "", "### Told, and farther off than it may be", "", *missed(rows), "", "### Withheld", "", *withheld(rows),
        "", "### Not in these errors", "", *definitions(rows),
    ]  # fmt: skip
    if any(r["recommended"] for r in rows):
        text += ["", "### Recommendations", "", *changes(rows)]
    for title, others in earlier:
        text += section(title, others, ())
        if any(r["withheld"] for r in others):
            text += ["", *withheld(others)]
        if any(r["recommended"] for r in others):
            text += ["", *changes(others)]
    text += [
        "",
        f"## Every movie of: {options.title}",
        "",
        "Told / actual; !: the 95 % statement does not hold.",
        "",
    ]
    return "\n".join([*text, *every_row(rows), ""])
