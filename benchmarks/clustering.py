"""Compare clustering with other packages on the same points: number of clusters, time, memory.

    PYTHONPATH=src python benchmarks/clustering.py --part draws --kept KEPT --peer PEER_PYTHON \
        --pyclustering PYTHON_WITH_PYCLUSTERING
    PYTHONPATH=src python benchmarks/clustering.py --kept KEPT --out benchmarks/results/clustering.md

The other packages run in separate interpreters and take hours: `--part draws` clusters mixtures that are not in the
folder `--kept` yet, for a minute or ten draws (exit status 1 when all are done); the table shows the results in that
folder. Each part replaces its own section of the results.
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
from pathlib import Path

import numpy as np
from clustering_mixtures import draw_on, mixtures

LARGE = {
    "x-means, 1e6 points, 2-D, 40 clusters": ("xmeans", "mixture", 2),
    "x-means, 1e6 points, 3-D, 40 clusters": ("xmeans", "mixture", 3),
    "x-means, 1e6 points, 2-D, one Gaussian": ("xmeans", "gaussian", 2),
    "x-means, 1e6 points, 3-D, uniform (no clusters: the slowest)": ("xmeans", "uniform", 3),
    "k-means (scikit-learn), 1e6 points, 2-D, k = 40, 1 start": ("kmeans", "mixture", 2),
}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def large(kind, what, n_dims):
    """Cluster a million points and print seconds, clusters, memory."""
    from playNano.algorithms.clustering.methods import kmeans
    from playNano.algorithms.clustering.xmeans import xmeans

    rng = np.random.default_rng(3)
    n = 1_000_000
    if what == "mixture":
        centers = rng.permutation(100 if n_dims == 2 else 125)[:40]
        side = 10 if n_dims == 2 else 5
        places = np.column_stack([centers // side**d % side for d in range(n_dims)]).astype(float)
        points = np.repeat(places, n // 40, axis=0) + rng.normal(0, 0.1, (n, n_dims))
    else:
        points = rng.normal(size=(n, n_dims)) if what == "gaussian" else rng.random((n, n_dims))
    call = (lambda p: xmeans(p, max_k=40)) if kind == "xmeans" else (lambda p: kmeans(p, 40, replicates=1))
    xmeans(points[:1000], max_k=3)
    before, begin, cpu = peak(), time.perf_counter(), time.process_time()
    found = call(points)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    print(json.dumps([seconds, cpu, found.n_clusters, peak(), peak() - before]))


def dbscan_points(n):
    rng = np.random.default_rng(4)
    spots = np.repeat(rng.random((60, 2)), n // 100, axis=0)
    sites = np.column_stack([spots + rng.normal(0, 0.004, spots.shape), rng.random(len(spots))])
    points = np.concatenate([sites, rng.random((n - len(sites), 3))])
    return points[np.lexsort(points.T[::-1])]


def dbscan_one(package, n, eps, min_samples):
    """Run DBSCAN on points in x, y, t and print seconds and memory; keep the labels."""
    points = dbscan_points(n)
    if package == "ours":
        from playNano.algorithms.clustering.methods import dbscan

        dbscan(points[:100], eps=eps, min_samples=min_samples)
        call = lambda: dbscan(points, eps=eps, min_samples=min_samples).labels  # noqa: E731
    else:
        from sklearn.cluster import DBSCAN

        DBSCAN(eps=eps, min_samples=min_samples).fit(points[:100])
        call = lambda: DBSCAN(eps=eps, min_samples=min_samples).fit(points).labels_  # noqa: E731
    before, times, cpus = peak(), [], []
    for _ in range(5 if package == "ours" else 1):
        begin, cpu = time.perf_counter(), time.process_time()
        labels = call()
        times.append(time.perf_counter() - begin)
        cpus.append(time.process_time() - cpu)
    np.save(f"{sys.argv[-1]}/{package}.npy", labels)
    print(
        json.dumps([float(np.median(times)), float(np.median(cpus)), int(labels.max()) + 1, peak() - before])
    )


def in_own_process(*words):
    """Run a part of this script in a separate process; return its output."""
    done = subprocess.run(
        [sys.executable, __file__, *map(str, words)], capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def same_partition(one, two):
    pairs = np.unique(np.column_stack([one, two]), axis=0)
    return (
        len(pairs) == len(np.unique(one)) == len(np.unique(two))
        and ((pairs[:, 0] < 0) == (pairs[:, 1] < 0)).all()
    )


def million(arguments, lines):
    lines += ["| | s | s of CPU | clusters | peak MB | of it while clustering |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, words in LARGE.items():
        seconds, cpu, k, total, rise = in_own_process("--large", *words)
        lines.append(f"| {name} | {seconds:.1f} | {cpu:.1f} | {k} | {total:.0f} | {rise:.0f} |")
        print(lines[-1], flush=True)


def density(arguments, lines):
    lines += [
        "Same points for both; scikit-learn once, ours five times. MB: rise of the peak while clustering. "
        f"scikit-learn runs up to eps = {arguments.sklearn_eps:g} (its memory grows with the number of neighbours).",
        "",
        "| points | eps | min_samples | s (median of 5) | MB | scikit-learn: s | MB | clusters | labels |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    cases = [(100_000, e, 5) for e in (1e-6, 0.003, 0.01, 0.02, 0.03, 0.1, 0.3, 1.0)]
    cases += [(100_000, 0.02, 50), (100_000, 0.1, 1000), (100_000, 0.3, 10_000)]
    cases += [(n, 0.3, 5) for n in (25_000, 50_000, 200_000, 400_000)]
    with tempfile.TemporaryDirectory() as folder:
        for n, eps, min_samples in cases:
            ours = in_own_process("--dbscan", "ours", n, eps, min_samples, folder)
            row = f"| {n} | {eps:g} | {min_samples} | {ours[0]:.2f} | {ours[3]:.0f} |"
            if eps <= arguments.sklearn_eps:
                reference = in_own_process("--dbscan", "sklearn", n, eps, min_samples, folder)
                labels = [np.load(f"{folder}/{p}.npy") for p in ("ours", "sklearn")]
                word = "identical" if same_partition(*labels) else "DIFFERENT"
                row += f" {reference[0]:.2f} | {reference[3]:.0f} | {ours[2]} | {word} |"
            else:
                row += f" not run | | {ours[2]} | |"
            lines.append(row)
            print(row, flush=True)


PARTS = {
    "mixtures": ("## Number of clusters", mixtures),
    "million": ("## A million points", million),
    "density": ("## DBSCAN in x, y, t (60 sites and clutter), any eps", density),
}


def write(out, title, lines):
    """Write a section to the file of results, replacing an older one."""
    text = out.read_text() if out.exists() else "# Clustering\n"
    head, *sections = text.split("\n## ")
    found = {section.splitlines()[0]: section for section in sections}
    found[title.removeprefix("## ")] = "\n".join([title.removeprefix("## "), *lines]).rstrip() + "\n"
    order = [heading.removeprefix("## ") for heading, _ in PARTS.values()]
    parts = [found[name] for name in order if name in found]
    out.write_text("\n## ".join([head.rstrip() + "\n", *parts]))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=100, help="draws of each family")
    parser.add_argument("--peer", help="interpreter that has the reference implementation")
    parser.add_argument("--pyclustering", help="interpreter that has pyclustering")
    parser.add_argument(
        "--sklearn-eps", type=float, default=0.1, help="largest eps for scikit-learn (memory!)"
    )
    parser.add_argument("--part", choices=["all", "draws", *PARTS], default="all")
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()) / "clustering-benchmark")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--large", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--dbscan", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.large:
        return large(*arguments.large[:2], int(arguments.large[2]))
    if arguments.dbscan:
        package, n, eps, min_samples = arguments.dbscan[:4]
        return dbscan_one(package, int(n), float(eps), int(min_samples))
    if arguments.part == "draws":
        return 0 if draw_on(arguments) else 1
    for part, (title, measure) in PARTS.items():
        if arguments.part not in (part, "all"):
            continue
        lines = ["", "Made by", "", f"    PYTHONPATH=src python {' '.join(sys.argv)}", ""]
        lines += [f"Python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores.", ""]
        measure(arguments, lines)
        if arguments.out:
            write(arguments.out, title, lines)
    return None


if __name__ == "__main__":
    sys.exit(main())
