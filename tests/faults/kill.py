"""Kill runs of the command line at random moments, and check what they leave.

``python -m tests.faults.kill --kills 300`` takes about ten minutes on two cores. A folder with a record must be
complete, whatever the moment; the next run must give the same tables as an undisturbed one, and leave no hidden files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playNano.analysis.record_file import read_record
from playNano.core.result_folder import finish_move, holder_of, sha256_of, size_in_bytes
from playNano.io.loader import load_afm_stack

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=4;particle_tracking:max_distance=5"


@dataclass(frozen=True)
class Kind:
    """One command that is killed.

    Parameters
    ----------
    words
        Its arguments; the movies are ``a.npz`` and ``b.npz``, the results ``out``, in the working directory.
    target
        File or folder that it writes.
    """

    words: tuple[str, ...]
    target: str = "out"


KINDS = {
    "analyze": Kind(
        ("analyze", "a.npz", "--process", "zero_mean", "-s", DETECT, "--export", "ome-tiff", "-o", "out")
    ),
    "zarr": Kind(("process", "a.npz", "-s", "remove_plane", "--zarr", "-o", "out")),
    "batch": Kind(("batch", "a.npz", "b.npz", "--process", "zero_mean", "-s", "count_nonzero", "-o", "out")),
    "convert": Kind(("convert", "a.npz", "out.ome.zarr"), "out.ome.zarr"),
}


def run(words: tuple[str, ...], folder: Path, stop_after_s: float | None = None) -> int:
    """Run a command in a folder and return its exit code; kill it after a time, if one is given."""
    command = [sys.executable, "-m", "playNano", *words, "--overwrite"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, error = process.communicate(timeout=stop_after_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        _, error = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(error.decode())
    return process.returncode


def begin_of_writing(kind: Kind, folder: Path) -> tuple[float, float]:
    """Run a command to its end; return the time until it creates a file, and its duration, s."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "playNano", *kind.words], cwd=folder, stdout=subprocess.DEVNULL
    )
    first = None
    while process.poll() is None:
        if first is None and any(p.name.startswith((".", "out")) for p in folder.iterdir()):
            first = time.perf_counter() - started
        time.sleep(0.002)
    assert process.returncode == 0
    duration = time.perf_counter() - started
    return (duration if first is None else first), duration


def faults_of(target: Path) -> list[str]:
    """Return what is wrong with a file or folder that a killed run left."""
    if target.name.endswith(".zarr"):
        if target.exists():
            load_afm_stack(target).data.sum()
        return []
    faults = []
    for folder in (target, *(p for p in target.glob("[!.]*") if p.is_dir())):
        finish_move(folder)  # as every command does that reads results
        record = holder_of(folder)
        if record is None:
            continue
        content = json.loads(record.read_text())
        for entry in content.get("provenance", content)["files"]:
            path = folder / entry["name"]
            if not path.exists():
                faults.append(f"{path} is missing")
            elif (size_in_bytes(path), sha256_of(path)) != (entry["bytes"], entry["sha256"]):
                faults.append(f"{path} is not the file that {record} lists")
        if record.name == "record.json":
            read_record(record)
    return faults


def tables(target: Path) -> dict[str, bytes]:
    """Return the contents of all tables, and of a store of pixels."""
    if target.name.endswith(".zarr"):
        return {"pixels": load_afm_stack(target).data.tobytes()}
    found = {
        str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*.csv") if p.name != "summary.csv"
    }
    for store in target.glob("*.ome.zarr"):
        found[store.name] = load_afm_stack(store).data.tobytes()
    return found


def kill(name: str, kills: int, seed: int, report: Callable[[str], object] = lambda text: None) -> list[str]:
    """Kill a command at random moments while it writes; return all faults.

    Parameters
    ----------
    name
        Key of `KINDS`.
    kills
        Number of kills.
    seed
        Seed of the moments.
    report
        Called with a line of text after each kill.
    """
    kind, chance, faults = KINDS[name], random.Random(seed), []
    with tempfile.TemporaryDirectory() as made:
        folder, target = Path(made), Path(made) / kind.target
        for movie, number in (("a.npz", "1"), ("b.npz", "2")):
            words = ("simulate", "-o", movie, "--size", "48x48", "--frames", "12", "--seed", number)
            subprocess.run(
                [sys.executable, "-m", "playNano", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL
            )
        first, duration = begin_of_writing(kind, folder)
        expected, done = tables(target), 0
        while done < kills:
            moment = chance.uniform(0.8 * first, 1.02 * duration)
            if run(kind.words, folder, moment) == 0:
                first, duration = 0.98 * first, 0.98 * duration  # the machine has become faster
                continue
            done += 1
            found = faults_of(target)
            faults += [f"{name}, killed after {moment:.3f} s: {fault}" for fault in found]
            report(
                f"{name} {done}/{kills}: killed after {moment:.2f} s of {duration:.2f} s, {len(found)} faults"
            )
            if done % 10 == 0 or done == kills:
                run(kind.words, folder)
                if tables(target) != expected:
                    faults.append(f"{name}: the run after a kill gave other tables")
                hidden = [p for p in folder.rglob(".*") if ".ome.zarr" not in str(p.parent)]
                faults += [f"{name}: {path} is left" for path in hidden]
    return faults


def main() -> int:
    """Kill runs of all kinds; return the exit code, 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="number of kills in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=f"of {', '.join(KINDS)}")
    given = parser.parse_args()
    faults = []
    for name in given.kinds:
        count = -(-given.kills // len(given.kinds))
        faults += kill(name, count, given.seed, lambda text: sys.stdout.write(text + "\n"))
    sys.stdout.write("\n".join([*faults, f"{len(faults)} faults"]) + "\n")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
