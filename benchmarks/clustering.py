"""Compare clustering with other packages on the same points: number of clusters found, time, memory.

    PYTHONPATH=src python benchmarks/clustering.py --part others --kept KEPT --peer /opt/peer/bin/python \
        --pyclustering /opt/bench-clustering/bin/python
    PYTHONPATH=src python benchmarks/clustering.py --kept KEPT --out benchmarks/results/clustering.md

The other packages run in interpreters of their own. They take hours: `--part others` lets them cluster draws that
`--kept` does not hold yet, for a minute or ten draws (status 1 when all is done); the table shows what is kept.
A part replaces its own section of the results.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MAX_K = 50
BATCH = 10


def mixture(rng, n_dims, sizes, widths, apart):
    """Draw 2 to 40 Gaussian clusters; centres are `apart` times the greater width or more from each other."""
    k = int(rng.integers(2, 41))
    size = np.exp(rng.uniform(*np.log(sizes), k)).astype(int)
    width = rng.uniform(*widths, k)
    box = apart * widths[1] * k ** (1 / n_dims)
    centers = np.empty((0, n_dims))
    while len(centers) < k:
        place = rng.random(n_dims) * box
        least = apart * np.maximum(width[: len(centers)], width[len(centers)])
        if (np.linalg.norm(centers - place, axis=1) > least).all():
            centers = np.vstack([centers, place])
        else:
            box *= 1.005
    points = np.concatenate(
        [rng.normal(c, w, (n, n_dims)) for c, w, n in zip(centers, width, size, strict=True)]
    )
    order = rng.permutation(len(points))
    return points[order], np.repeat(np.arange(k), size)[order]


def families(draws):
    """Return name -> list of (points, truth)."""
    out = {}
    for name, n_dims, sizes, widths, apart in (
        ("2-D, 20 to 500 points, equal widths, 8 widths apart", 2, (20, 500), (1.0, 1.0), 8.0),
        ("2-D, 20 to 500 points, widths 0.5 to 1.5, 8 widths apart", 2, (20, 500), (0.5, 1.5), 8.0),
        ("2-D, 20 to 2000 points, widths 0.5 to 1.5, 6 widths apart", 2, (20, 2000), (0.5, 1.5), 6.0),
        ("3-D, 20 to 500 points, widths 0.5 to 1.5, 8 widths apart", 3, (20, 500), (0.5, 1.5), 8.0),
    ):
        rng = np.random.default_rng(2024)
        out[name] = [mixture(rng, n_dims, sizes, widths, apart) for _ in range(draws)]
    rng = np.random.default_rng(7)
    for n in (10, 100, 1000):
        out[f"one 2-D Gaussian of {n} points"] = [
            (rng.normal(size=(n, 2)), np.zeros(n, dtype=int)) for _ in range(draws)
        ]
    return out


def ours(**parameters):
    from playNano.algorithms.xmeans import xmeans

    return lambda points: xmeans(points, max_k=MAX_K, **parameters).labels


def peer():
    from playnano.afm_stack import AFMImageStack
    from playnano.analysis.modules.x_means_clustering import XMeansClusteringModule

    module = XMeansClusteringModule()
    stack = AFMImageStack(np.zeros((1, 4, 4)), 1.0, "height", Path())

    def run(points):
        features = [{"x": p[0], "y": p[1], "z": p[-1]} for p in points]
        columns = ("x", "y") if points.shape[1] == 2 else ("x", "y", "z")
        out = module.run(
            stack,
            {"feature_detection": {"features_per_frame": [features]}},
            coord_columns=columns,
            use_time=False,
            max_k=MAX_K,
        )
        labels = np.full(len(points), -1)
        for cluster in out["clusters"]:
            labels[np.asarray(cluster["point_indices"], dtype=int)] = cluster["id"]
        return labels

    return run


def pyclustering():
    from pyclustering.cluster.center_initializer import kmeans_plusplus_initializer
    from pyclustering.cluster.xmeans import xmeans as theirs

    def run(points):
        data = points.tolist()
        start = kmeans_plusplus_initializer(data, 1, random_state=0).initialize()
        fit = theirs(data, start, MAX_K, random_state=0, repeat=3)
        fit.process()
        labels = np.full(len(points), -1)
        for number, members in enumerate(fit.get_clusters()):
            labels[members] = number
        return labels

    return run


def worker(package, source, target):
    """Cluster every draw of a file with another package."""
    run = {"peer": peer, "pyclustering": pyclustering}[package]()
    out = {}
    with np.load(source) as data:
        for key in data.files:
            begin = time.process_time()
            out[f"{key}/labels"] = run(data[key])
            out[f"{key}/seconds"] = np.array(time.process_time() - begin)
    np.savez(target, **out)


def in_other(python, package, family, draws, kept, start, do=True):
    """Return labels and seconds of a batch of draws by a package in another interpreter, None if it is not done."""
    kept.mkdir(parents=True, exist_ok=True)
    target = kept / f"{package}-{family}-{start:03}.npz"
    batch = draws[start : start + BATCH]
    if not target.exists():
        if not do:
            return None
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "points.npz", Path(folder) / "labels.npz"
            np.savez(source, **{f"{i:04}": points for i, (points, _) in enumerate(batch)})
            environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
            command = [python, __file__, "--worker", package, str(source), str(out)]
            subprocess.run(command, env=environment, check=True)
            shutil.copy(out, target)
    with np.load(target) as data:
        keys = [f"{i:04}" for i in range(len(batch))]
        return [data[f"{k}/labels"] for k in keys], [float(data[f"{k}/seconds"]) for k in keys]


def other_packages(arguments):
    return {
        "pyclustering": ("pyclustering 0.10.1.2", arguments.pyclustering),
        "peer": ("reference implementation", arguments.peer),
    }


def others(arguments):
    """Let other packages cluster what is not kept yet, for a minute or a batch; return whether there was any."""
    drawn = list(enumerate(families(arguments.draws).values()))
    end, some = time.monotonic() + 60, False
    for package, (_, python) in other_packages(arguments).items():
        for start in range(0, arguments.draws if python else 0, BATCH):
            for family, draws in drawn:
                if in_other(python, package, family, draws, arguments.kept, start, do=False) is not None:
                    continue
                if time.monotonic() > end:
                    return True
                in_other(python, package, family, draws, arguments.kept, start)
                some = True
    return some


def score(draws, found, seconds):
    from sklearn.metrics import adjusted_rand_score

    error = np.array(
        [len(np.unique(f[f >= 0])) - t.max() - 1 for (_, t), f in zip(draws, found, strict=True)]
    )
    rand = [adjusted_rand_score(t, f) for (_, t), f in zip(draws, found, strict=True)]
    return (
        f"{(error == 0).sum()} / {len(error)} | {error.min():+d} ... {error.max():+d} | "
        f"{np.mean(rand):.4f} | {min(rand):.3f} | {np.median(seconds) * 1e3:.0f}"
    )


def mixtures(arguments, lines):
    lines += [
        f"{arguments.draws} draws of 2 to 40 Gaussian clusters (sizes log-uniform); limit {MAX_K} clusters. "
        "The other packages got the same draws, the slow ones the first of them, as many as are counted below. "
        "ARI: adjusted Rand index."
    ]
    packages = {
        "**playNano** `xmeans(max_k=50)`": ours(),
        'playNano, `variance="shared"`': ours(variance="shared"),
        'playNano, `method="local"`': ours(method="local"),
        'playNano, `method="gmeans"`': ours(method="gmeans"),
    }
    for family, (title, draws) in enumerate(families(arguments.draws).items()):
        lines += ["", f"### {title}", ""]
        lines += [
            "| | true k | error of k | ARI, mean | ARI, least | ms a draw (CPU, median) |",
            "|---|---|---|---|---|---|",
        ]
        for name, run in packages.items():
            found, seconds = [], []
            for points, _ in draws:
                begin = time.process_time()
                found.append(run(points))
                seconds.append(time.process_time() - begin)
            lines.append(f"| {name} | {score(draws, found, seconds)} |")
        for package, (name, _) in other_packages(arguments).items():
            found, seconds = [], []
            for start in range(0, len(draws), BATCH):
                batch = in_other(None, package, family, draws, arguments.kept, start, do=False)
                if batch is None:
                    break
                found += batch[0]
                seconds += batch[1]
            row = score(draws[: len(found)], found, seconds) if found else "not done | | | |"
            lines.append(f"| {name} | {row} |")
        print("\n".join(lines[-9:]), flush=True)


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
    from playNano.algorithms.clustering import kmeans
    from playNano.algorithms.xmeans import xmeans

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
        from playNano.algorithms.clustering import dbscan

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


def again(*words):
    """Run a part of this script in a process of its own; returns what it prints."""
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
        seconds, cpu, k, total, rise = again("--large", *words)
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
        for n, eps, least in cases:
            mine = again("--dbscan", "ours", n, eps, least, folder)
            row = f"| {n} | {eps:g} | {least} | {mine[0]:.2f} | {mine[3]:.0f} |"
            if eps <= arguments.sklearn_eps:
                theirs = again("--dbscan", "sklearn", n, eps, least, folder)
                labels = [np.load(f"{folder}/{p}.npy") for p in ("ours", "sklearn")]
                word = "identical" if same_partition(*labels) else "DIFFERENT"
                row += f" {theirs[0]:.2f} | {theirs[3]:.0f} | {mine[2]} | {word} |"
            else:
                row += f" not run | | {mine[2]} | |"
            lines.append(row)
            print(row, flush=True)


PARTS = {
    "mixtures": ("## Number of clusters", mixtures),
    "million": ("## A million points", million),
    "density": ("## DBSCAN in x, y, t (60 sites and clutter), any eps", density),
}


def write(out, title, lines):
    """Put a section into the file of results, in place of an older one."""
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
    parser.add_argument("--part", choices=["all", "others", *PARTS], default="all")
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()) / "clustering-benchmark")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--large", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--dbscan", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(*arguments.worker)
    if arguments.large:
        return large(*arguments.large[:2], int(arguments.large[2]))
    if arguments.dbscan:
        package, n, eps, least = arguments.dbscan[:4]
        return dbscan_one(package, int(n), float(eps), int(least))
    if arguments.part == "others":
        return 0 if others(arguments) else 1
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
