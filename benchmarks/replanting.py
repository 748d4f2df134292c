"""Compare what `playnano validate` states about movies with what is so, on movies of another simulator.

    python benchmarks/replanting.py --seeds 5000 5001 --pipelines readme default

writes `benchmarks/results/replanting.md`. The movies are those of `other_movies`, whose truth validation does not
see. Each pipeline is run on each movie and scored against the truth; then it is validated. Results are kept in
`--cache` by version of the code, kind, seed and pipeline, so that a run that was stopped goes on where it was.
`--earlier TITLE=FOLDER` adds the results of another version, kept by the same script run with that version.
"""

import argparse
import hashlib
import inspect
import json
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from other_movies import FURTHER, KINDS, make_movie
from replanting_report import report
from replanting_scores import score

import playNano.validate
from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.core.provenance import latest_table
from playNano.errors import PlayNanoError
from playNano.validate import validate_pipeline

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(tempfile.gettempdir()) / "playnano_replanting"
FOUND = (
    "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=20;"
    "particle_tracking:max_distance=8,max_missing=2"
)
MASKED = "remove_plane;row_median_align;mask_mean_offset:factor=2;remove_plane;row_median_align;clear_mask"
PIPELINES = {
    "readme": ("remove_plane;row_median_align;gaussian_filter:sigma=1", FOUND),
    "masked": (f"{MASKED};gaussian_filter:sigma=1", FOUND),
    "default": None,
    "low": (
        "remove_plane;row_median_align",
        "feature_detection:mask_fn=mask_threshold,threshold=0.45,min_size=4,remove_edge=false;"
        "particle_tracking:max_distance_nm=15",
    ),
    "smooth": (
        "remove_plane;row_median_align;gaussian_filter:sigma=3",
        "log_blob_detection:min_sigma=3,threshold=0.3;particle_tracking:max_distance_nm=6,max_missing=0",
    ),
}
"""Processing and analysis; "low" finds much noise, "smooth" merges and loses."""


def plan_of(pipeline):
    steps = PIPELINES[pipeline]
    return Plan.default() if steps is None else Plan.from_options(*steps, None)


def stack_of(movie):
    times = [{"timestamp": k * movie.interval_s} for k in range(len(movie.data))]
    return AFMImageStack(movie.data, movie.pixel_nm, "height", f"{movie.kind}.npy", frame_metadata=times)


def analysed(movie, plan):
    """Return detections and tracks of a pipeline, and the plan with its modules."""
    stack = stack_of(movie)
    plan.bind()[0].run(stack, keep="none")
    plan = plan.for_movie(stack)
    record = plan.bind()[1].run(stack)
    return latest_table(record, "detection"), latest_table(record, "tracking"), plan


def changed(plan, recommended):
    """Return the plan with the recommended values."""
    calls = list(plan.analysis)
    for change in recommended:
        k = max(i for i, call in enumerate(calls) if call.name == change["module"])
        params = {**calls[k].params, change["parameter"]: change["recommended"]}
        if change["parameter"] == "max_distance_nm":
            params.pop("max_distance", None)
        calls[k] = replace(calls[k], params=params)
    return replace(plan, analysis=calls, objects=None, taken=None)


def validated(stack, plan, quick):
    """Return the validation by the version at hand, the gate and the border, nm."""
    if "quick" in inspect.signature(validate_pipeline).parameters:
        result = validate_pipeline(stack, plan, quick=quick)
        return result, result.gate_nm, result.border_nm
    from playNano.validate import QUICK, Effort

    result = validate_pipeline(stack, plan, effort=QUICK if quick else Effort())
    radius = result.calibrated.particles.radius_nm
    return result, max(radius, 1.5 * stack.pixel_size_nm), radius


def told_of(result):
    told = {}
    for name, m in result.measures.items():
        told[name] = {
            "value": m.value,
            "low": m.low,
            "high": m.high,
            "status": getattr(m, "status", "ok"),
            "reason": getattr(m, "reason", ""),
            "estimate": getattr(m, "estimate", None),
        }
    return told


def judged(kind, seed, pipeline, quick):
    """Validate a pipeline on one movie and score it against the truth; a refusal withholds all figures."""
    movie, plan = make_movie(kind, seed), plan_of(pipeline)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        detections, tracks, taken = analysed(movie, plan)
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            result, gate, border = validated(stack_of(movie), plan, quick)
            told, withheld = told_of(result), list(getattr(result, "withheld", ()))
            recommended, caveats = result.recommended, list(getattr(result, "caveats", ()))
        except PlayNanoError as error:
            (gate, border), told, recommended, caveats = own_gate(movie), {}, [], []
            withheld = [f"refused: {error}"]
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    row = {
        "kind": kind, "seed": seed, "pipeline": pipeline, "gate_nm": gate, "border_nm": border,
        "actual": score(movie, detections, tracks, gate, border), "told": told, "withheld": withheld,
        "caveats": caveats, "recommended": recommended, "cpu_s": cpu, "wall_s": wall, "about": movie.about,
        "own_gate": score(movie, detections, tracks, *own_gate(movie)),
        "warnings": sorted({str(w.message)[:160] for w in caught}),
    }  # fmt: skip
    if recommended:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, linked, _ = analysed(movie, changed(taken, recommended))
        row["after"] = score(movie, found, linked, gate, border)
    return row


def own_gate(movie):
    """Return gate and border by the truth: the radius of a disc of the particle's area, and its extent, nm."""
    radius = float(np.sqrt(movie.truth.area_nm2.median() / np.pi))
    return max(radius, 2 * movie.pixel_nm), float(movie.truth.extent_nm.median())


def plain(value):
    """Return the value as JSON: NaN is null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def version():
    """Return a fingerprint of the code that is judged, and of the movies."""
    digest = hashlib.sha256()
    sources = [Path(playNano.validate.__file__).parent, Path(__file__).parent / "other_movies"]
    for path in sorted(p for folder in sources for p in folder.glob("**/*.py")):
        digest.update(path.read_bytes())
    digest.update(Path(score.__code__.co_filename).read_bytes())
    return digest.hexdigest()[:12]


def kept(folder, kind, seed, pipeline, quick):
    path = folder / f"{kind.replace(' ', '_')}-{seed}-{pipeline}-{'quick' if quick else 'full'}.json"
    if path.exists():
        return json.loads(path.read_text())
    row = plain(judged(kind, seed, pipeline, quick))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(row))
    return row


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=[*KINDS, *FURTHER])
    parser.add_argument("--seeds", nargs="+", type=int, default=[5000, 5001])
    parser.add_argument("--pipelines", nargs="+", default=["readme", "default"], choices=list(PIPELINES))
    parser.add_argument("--quick", action="store_true", help="validate with fewer movies")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--title", default="Validation", help="heading of the results")
    parser.add_argument(
        "--earlier", nargs="*", default=[], metavar="TITLE=FOLDER", help="results of other versions"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "replanting.md")
    options = parser.parse_args()
    folder = options.cache / version()
    print(folder, playNano.validate.__file__, flush=True)
    rows = []
    for seed in options.seeds:
        for kind in options.kinds:
            for pipeline in options.pipelines:
                row = kept(folder, kind, seed, pipeline, options.quick)
                rows.append(row)
                print(line_of(row), flush=True)
    before = (
        [json.loads(p.read_text()) for p in sorted(options.before.glob("*.json"))] if options.before else []
    )
    text = report(rows, before, options)
    options.out.write_text(text, encoding="utf-8")
    print(text)


def line_of(row):
    """Return a line for the terminal: told / actual of each figure."""
    name = f"{row['kind']:20} {row['seed']} {row['pipeline']:8}"
    cells = []
    for key in ("recall", "link_error", "height_bias_nm", "diffusion_bias"):
        told, actual = row["told"].get(key, {}).get("value"), row["actual"][key]
        cells.append("/".join("   - " if v is None else f"{v:5.2f}" for v in (told, actual)))
    note = " WITHHELD " + "; ".join(row["withheld"])[:90] if row["withheld"] else ""
    return f"{name} {'  '.join(cells)}  {row['cpu_s']:.0f} s{note}"


if __name__ == "__main__":
    main()
