"""Measure the first run: CPU and wall time with an empty cache of compiled code, and compilation time of each kernel.

    python benchmarks/cold_start.py [--movie movie.asd] [--write]

Runs, each with its own cache: `playnano demo`; `playnano analyze` on a real movie, if one is given; `playnano warm-up`,
and the demo after it. `--write` saves the table to benchmarks/results/cold_start.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path


def child(arguments: list[str], report: str) -> None:
    """Run a command of playNano in this process, and write the time of each compilation as JSON."""
    from numba.core import event

    from playNano.cli.app import run

    spent: dict[str, float] = defaultdict(float)
    count: dict[str, int] = defaultdict(int)
    stack: list[list[float]] = []

    class Listener(event.Listener):
        """Record the time of each compilation, excluding that of called functions."""

        def on_start(self, event):
            stack.append([time.thread_time(), 0.0])

        def on_end(self, event):
            began, inner = stack.pop()
            took = time.thread_time() - began
            if stack:
                stack[-1][1] += took
            function = event.data["dispatcher"].py_func
            name = f"{function.__module__}.{function.__qualname__}"
            spent[name] += took - inner
            count[name] += 1

    listener = Listener()
    event.register("numba:compile", listener)
    try:
        run(arguments)
    except SystemExit as stop:
        if stop.code:
            raise
    kernels = [[name, spent[name], count[name]] for name in spent]
    Path(report).write_text(json.dumps(sorted(kernels, key=lambda k: -k[1])))


def measure(arguments: list[str], cache: Path, folder: Path) -> tuple[float, float, list[list]]:
    """Return CPU time, wall time and the compilations of one command in a separate process."""
    report = folder / "kernels.json"
    env = {**os.environ, "PLAYNANO_CACHE_DIR": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [sys.executable, __file__, "--child", str(report), "--", *arguments]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed: {done.stderr[-2000:]}")
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, json.loads(report.read_text())


def table(movie: Path | None) -> str:
    """Run all commands and return the Markdown table."""
    import numba

    jobs: list[tuple[str, list[str], str]] = [("`playnano demo`, empty cache", ["demo"], "a")]
    if movie is not None:
        analyze = ["analyze", str(movie.resolve()), "-o", "results", "--channel", "TP", "--no-gif"]
        jobs.append((f"`playnano analyze {movie.name}`, empty cache", analyze, "b"))
    jobs += [
        ("`playnano warm-up`, empty cache", ["warm-up"], "c"),
        ("`playnano demo` after it", ["demo"], "c"),
    ]
    lines = [
        "# The first run",
        "",
        "Made by `python benchmarks/cold_start.py --movie sbccd_v1.asd --write`.",
        "",
        f"Python {platform.python_version()}, numba {numba.__version__}, {os.cpu_count()} processors. "
        "CPU seconds are those of a process and its children.",
        "",
        "| command | CPU s | wall s | functions compiled (own / of numba) | compiling, CPU s |",
        "|---|---|---|---|---|",
    ]
    kernels: list[list] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, arguments, cache in jobs:
            cpu, wall, compiled = measure(arguments, folder / cache, folder)
            kernels = kernels or compiled
            own = [k for k in compiled if k[0].startswith("playNano")]
            n_own, n_other = sum(k[2] for k in own), sum(k[2] for k in compiled) - sum(k[2] for k in own)
            total = sum(k[1] for k in compiled)
            lines.append(f"| {title} | {cpu:.1f} | {wall:.1f} | {n_own} / {n_other} | {total:.1f} |")
    lines += [
        "",
        "What the demo compiles, own CPU seconds (the 25 longest):",
        "",
        "| function | s | times |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{name.removeprefix('playNano.')}` | {spent:.2f} | {count} |"
        for name, spent, count in kernels[:25]
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--movie", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.arguments, options.child)
        return
    text = table(options.movie)
    if options.write:
        (Path(__file__).parent / "results" / "cold_start.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
