"""Measure where the time of a whole job goes, cold and warm, and how it grows with the movie.

    python benchmarks/whole_job.py sbccd_v1.asd --reference PYTHON --write

PYTHON is an interpreter with the published ``playNano==0.5.0`` (module ``playnano``). The jobs take turns; tables show
medians. Processor time is that of all threads and processes of a job, so that other jobs on the machine change it
less than wall time. ``--write`` saves the tables to benchmarks/results/whole_job.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

JOB = """
import json, sys, time
def clock(): return time.perf_counter(), time.process_time()
began = clock()
from MODULE.afm_stack import AFMImageStack
from MODULE.analysis.export import export_analysis_to_json
from MODULE.analysis.pipeline import AnalysisPipeline
from MODULE.processing.mask_generators import mask_threshold
from MODULE.processing.pipeline import ProcessingPipeline
marks = {"import": clock()}
stack = AFMImageStack.load_data(sys.argv[1], channel="TP")
marks["read"] = clock()
pipeline = ProcessingPipeline(stack)
for name, values in (("remove_plane", {}), ("row_median_align", {}), ("gaussian_filter", {"sigma": 1.0})):
    pipeline.add_filter(name, **values)
pipeline.run()
marks["level"] = clock()
analysis = AnalysisPipeline()
analysis.add("feature_detection", mask_fn=MASK, threshold=1.5, min_size=12, remove_edge=False)
analysis.add("particle_tracking", max_distance=12.0, max_missing=2)
record = analysis.run(stack)
marks["detect, track"] = clock()
export_analysis_to_json(sys.argv[2], record)
marks["write JSON"] = clock()
features = record["analysis"]["step_1_feature_detection"]["features_per_frame"]
phases, before = {}, began
for name, now in marks.items():
    phases[name] = [now[0] - before[0], now[1] - before[1]]
    before = now
print(json.dumps({"phases": phases, "detections": sum(len(frame) for frame in features)}))
"""
OWN = JOB.replace("MODULE.processing.mask_generators", "MODULE.processing.masks").replace(
    "MODULE", "playNano"
)
STEPS = [
    "--process",
    "remove_plane;row_median_align;mask_mean_offset:factor=2;remove_plane;row_median_align;clear_mask;"
    "gaussian_filter:sigma=1",
    "--steps",
    "frame_quality;feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=12,remove_edge=false;"
    "particle_tracking:max_distance_nm=24,max_missing=2",
]
SIMULATE = """
import sys
from playNano.io.export.numpy_files import write_npz
from playNano.simulate.movie import simulate_movie
frames, particles = int(sys.argv[1]), int(sys.argv[2])
movie = simulate_movie(n_frames=frames, shape=(128, 128), n_particles=particles, seed=1)
write_npz(movie.to_stack(), sys.argv[3])
"""
MILLION = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from records import measure, synthetic
got = measure(synthetic(int(sys.argv[2])))
print(json.dumps(got | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}))
"""


@dataclass
class Run:
    """A finished process.

    Attributes
    ----------
    wall, cpu
        Time, s; processor time includes that of its own processes.
    peak
        Peak memory of the process, MB.
    text
        What it printed.
    """

    wall: float
    cpu: float
    peak: float
    text: str
    phases: dict[str, float] = field(default_factory=dict)


class Bench:
    """Runs processes with caches of their own, so that the first run is cold and later ones are warm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Python's own compiled files exist, as after an installation.
        self.env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.env |= {
            "PYTHONPYCACHEPREFIX": str(folder / "pyc"),
            "PLAYNANO_CACHE_DIR": str(folder / "kernels"),
        }

    def run(self, command: Sequence[str]) -> Run:
        """Run a command; raise if it fails."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            began = time.perf_counter()
            process = subprocess.Popen(command, env=self.env, cwd=self.folder, stdout=out, stderr=err)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            if process.returncode:
                raise SystemExit(f"{' '.join(command)[:200]} failed: {err.read()[-2000:]}")
            text = out.read()
        return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3, text)

    def analyze(self, movie: Path, *options: str) -> tuple[Run, Path]:
        """Run ``playnano analyze --timing`` with options; return also the folder of its results."""
        results = self.folder / "results"
        shutil.rmtree(results, ignore_errors=True)
        command = [sys.executable, "-m", "playNano", "analyze", str(movie), "-o", str(results), "--timing"]
        run = self.run([*command, *options])
        lines = run.text[run.text.index("phase  ") :].splitlines()[1:-1]
        for line in lines:
            name, cpu = line[:16].strip(), float(line[24:33])
            run.phases[name] = run.phases.get(name, 0.0) + cpu
        return run, results

    def simulated(self, frames: int, particles: int) -> Path:
        """Return a simulated movie of particles on 128 x 128 px."""
        path = self.folder / f"movie_{frames}_{particles}.npz"
        if not path.exists():
            self.run([sys.executable, "-c", SIMULATE, str(frames), str(particles), str(path)])
        return path


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def peer_table(bench: Bench, movie: Path, reference: str, repeats: int) -> list[str]:
    """Compare the same job of both programs, in turns."""
    programs = {
        "0.5.0": [reference, "-c", JOB.replace("MODULE", "playnano").replace("MASK", "mask_threshold")],
        "here": [sys.executable, "-c", OWN.replace("MASK", '"mask_threshold"')],
    }
    runs: dict[str, list[Run]] = {name: [] for name in programs}
    for turn in range(repeats + 1):
        for name, command in programs.items():
            run = bench.run([*command, str(movie), str(bench.folder / f"{name}.json")])
            if turn:  # the first turn fills the caches
                runs[name].append(run)
    found = {name: [json.loads(run.text.splitlines()[-1]) for run in of] for name, of in runs.items()}
    lines = [
        f"`{movie.name}`: loaded, `remove_plane`, `row_median_align`, `gaussian_filter`, detected above 1.5 nm,",
        f"tracked, record written as JSON; {found['0.5.0'][0]['detections']} detections of 0.5.0, "
        f"{found['here'][0]['detections']} here. Medians of {repeats} runs of each, in turns.",
        "",
        "| | wall, s | CPU, s | "
        + " | ".join(f"{name}, wall s" for name in found["here"][0]["phases"])
        + " | JSON, MB |",
        "|---" * (4 + len(found["here"][0]["phases"])) + "|",
    ]
    for name, of in runs.items():
        size = (bench.folder / f"{name}.json").stat().st_size / 1e6
        cells = [median([run.wall for run in of]), median([run.cpu for run in of])]
        cells += [
            median([one["phases"][phase][0] for one in found[name]]) for phase in found[name][0]["phases"]
        ]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + f" | {size:.2f} |")
    pairs = list(zip(runs["here"], runs["0.5.0"], strict=True))
    wall, cpu = [a.wall / b.wall for a, b in pairs], [a.cpu / b.cpu for a, b in pairs]
    lines.append(
        f"| ratio | {median(wall):.2f} ({min(wall):.2f} to {max(wall):.2f}) | "
        f"{median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f}) |"
        + " |"
        * (1 + len(found["here"][0]["phases"]))
    )
    return lines


def command_table(bench: Bench, movie: Path, repeats: int) -> list[str]:
    """Measure ``playnano analyze`` by phase, cold and warm, with and without the movie."""
    jobs = {
        "default analysis, no movie": ["--no-gif"],
        "default analysis, movie.gif": [],
        "steps given, no movie": [*STEPS, "--no-gif"],
        "steps given, movie.gif": STEPS,
    }
    cold = {}
    for name in ("default analysis, no movie", "steps given, no movie"):
        shutil.rmtree(bench.folder / "kernels", ignore_errors=True)
        cold[f"{name}, cold"] = [bench.analyze(movie, *jobs[name])[0]]
    for options in jobs.values():
        bench.analyze(movie, *options)
    warm: dict[str, list[Run]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, options in jobs.items():
            warm[name].append(bench.analyze(movie, *options)[0])
    columns = warm | cold
    phases = dict.fromkeys(phase for of in columns.values() for phase in of[0].phases)
    lines = [
        f"CPU seconds of `playnano analyze {movie.name}` by phase; medians of {repeats} runs, cold ones once (no",
        "compiled kernels yet). With steps given: " + " ".join(f"`{word}`" for word in STEPS[1::2]) + ".",
        "",
        "| phase | " + " | ".join(columns) + " |",
        "|---" * (1 + len(columns)) + "|",
    ]
    for phase in phases:
        cells = [median([run.phases.get(phase, 0.0) for run in of]) for of in columns.values()]
        lines.append(f"| {phase} | " + " | ".join(f"{cell:.2f}" if cell else "" for cell in cells) + " |")
    for title, key in (("process, CPU s", "cpu"), ("process, wall s", "wall"), ("peak, MB", "peak")):
        cells = [median([getattr(run, key) for run in of]) for of in columns.values()]
        form = "{:.0f}" if key == "peak" else "{:.2f}"
        lines.append(f"| **{title}** | " + " | ".join(form.format(cell) for cell in cells) + " |")
    return lines


def scaling_table(bench: Bench, sizes: Sequence[tuple[int, int]], repeats: int) -> list[str]:
    """Measure jobs on simulated movies of growing length."""
    lines = [
        f"Simulated movies of 128 x 128 px, without movie.gif; medians of {repeats}, of one run from 5000 frames on.",
        "",
        "| steps | frames | particles | movie, MB | detections | CPU, s | per further 1000 frames, CPU s | wall, s | "
        "peak, MB | record.json, kB | over features.csv + tracks.csv | record.h5, MB |",
        "|---" * 12 + "|",
    ]
    for title, options in (("default", []), ("given", STEPS)):
        before: dict[int, tuple[int, float]] = {}
        for frames, particles in sizes:
            movie = bench.simulated(frames, particles)
            if not before:
                bench.analyze(movie, "--no-gif", *options)
            runs = []
            for _ in range(repeats if frames < 5000 else 1):
                run, results = bench.analyze(movie, "--no-gif", *options)
                runs.append(run)
            size = {path.name: path.stat().st_size for path in results.iterdir()}
            with (results / "features.csv").open() as file:
                detections = sum(1 for _ in file) - 1
            cpu = median([run.cpu for run in runs])
            last = before.get(particles)
            further = "" if last is None else f"{(cpu - last[1]) / (frames - last[0]) * 1000:.2f}"
            before[particles] = frames, cpu
            csv = size["features.csv"] + size["tracks.csv"]
            lines.append(
                f"| {title} | {frames} | {particles} | {frames * 128 * 128 * 4 / 1e6:.0f} | {detections} | {cpu:.1f} | "
                f"{further} | {median([run.wall for run in runs]):.1f} | {max(run.peak for run in runs):.0f} | "
                f"{size['record.json'] / 1e3:.0f} | "
                f"{size['record.json'] / csv:.3f} | {size['record.h5'] / 1e6:.1f} |"
            )
    return lines


def record_table(bench: Bench) -> list[str]:
    """Measure records of 1 000 and of 1 000 000 detections of 26 columns."""
    lines = [
        "A detection with a table of 26 columns, without pixels (`benchmarks/records.py`).",
        "",
        "| detections | record.json, kB | record.h5, kB | write, s | read, s | peak, MB |",
        "|---|---|---|---|---|---|",
    ]
    for rows in (1000, 1_000_000):
        command = [sys.executable, "-c", MILLION, str(Path(__file__).parent.resolve()), str(rows)]
        got = json.loads(bench.run(command).text.splitlines()[-1])
        lines.append(
            f"| {rows} | {got['json']:.0f} | {got['h5']:.0f} | {got['write']:.2f} | {got['read']:.2f} | "
            f"{got['peak']:.0f} |"
        )
    return lines


def main() -> None:
    """Measure, and print or write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("movie", type=Path, help="sbccd_v1.asd, or another movie with a channel TP")
    parser.add_argument("--reference", metavar="PYTHON", help="interpreter with playNano==0.5.0")
    parser.add_argument("--repeats", type=int, default=5)
    sizes = ["200:12", "1000:12", "5000:12", "200:100", "1000:100"]
    parser.add_argument("--sizes", nargs="*", default=sizes, metavar="FRAMES:PARTICLES")
    parser.add_argument("--only", nargs="*", choices=["peer", "command", "scaling", "record"])
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    movie, parts = given.movie.resolve(), given.only or ["peer", "command", "scaling", "record"]
    load = os.getloadavg()[0]
    lines = [
        "# The whole job",
        "",
        "`python benchmarks/whole_job.py sbccd_v1.asd --reference PYTHON --write`",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}; load {load:.1f} at "
        "the beginning: other jobs ran beside it, so compare wall times with each other only.",
    ]
    with tempfile.TemporaryDirectory(prefix="playnano-whole-job-") as name:
        bench = Bench(Path(name))
        if "peer" in parts and given.reference:
            lines += ["", "## Beside 0.5.0", "", *peer_table(bench, movie, given.reference, given.repeats)]
        if "command" in parts:
            lines += ["", "## By phase", "", *command_table(bench, movie, given.repeats)]
        if "scaling" in parts:
            pairs = [
                (int(frames), int(particles)) for frames, particles in (s.split(":") for s in given.sizes)
            ]
            lines += ["", "## Longer movies", "", *scaling_table(bench, pairs, min(3, given.repeats))]
        if "record" in parts:
            lines += ["", "## Records", "", *record_table(bench)]
    text = "\n".join(lines) + "\n"
    if given.write:
        (Path(__file__).parent / "results" / "whole_job.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
