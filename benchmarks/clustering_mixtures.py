"""Number of clusters found by each package in mixtures of Gaussian clusters; run by `clustering.py`."""

from __future__ import annotations

import functools
import os
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
    """Draw 2 to 40 Gaussian clusters with a minimum distance of centres of `apart` times the larger width."""
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


PACKAGES = {
    "playNano": "**playNano** `xmeans(max_k=50)`",
    "shared": 'playNano, `variance="shared"`',
    "local": 'playNano, `method="local"`',
    "gmeans": 'playNano, `method="gmeans"`',
    "pyclustering": "pyclustering 0.10.1.2",
    "peer": "reference implementation",
}


def ours(**parameters):
    from playNano.algorithms.clustering.xmeans import xmeans

    run = functools.partial(xmeans, max_k=MAX_K, **parameters)
    run(np.random.default_rng(0).random((100, 2)))  # compiles
    return lambda points: run(points).labels


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


RUNS = {
    "playNano": ours,
    "shared": functools.partial(ours, variance="shared"),
    "local": functools.partial(ours, method="local"),
    "gmeans": functools.partial(ours, method="gmeans"),
    "pyclustering": pyclustering,
    "peer": peer,
}


def worker(package, source, target):
    """Cluster every draw of a file with a package."""
    run = RUNS[package]()
    out = {}
    with np.load(source) as data:
        for key in data.files:
            begin = time.process_time()
            out[f"{key}/labels"] = run(data[key])
            out[f"{key}/seconds"] = np.array(time.process_time() - begin)
    np.savez(target, **out)


def kept_file(arguments, package, family, start):
    return arguments.kept / f"{package}-{family}-{start:03}.npz"


def cluster_batch(python, package, batch, target):
    """Save labels and times of a batch of draws by a package, in another interpreter if one is given."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "points.npz", Path(folder) / "labels.npz"
        np.savez(source, **{f"{i:04}": points for i, (points, _) in enumerate(batch)})
        if python is None:
            worker(package, source, out)
        else:
            environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
            command = [python, __file__, package, str(source), str(out)]
            subprocess.run(command, env=environment, check=True)
        shutil.copy(out, target)


def draw_on(arguments):
    """Cluster draws without saved results, for a minute or one batch; return whether there were any."""
    arguments.kept.mkdir(parents=True, exist_ok=True)
    others = {"pyclustering": arguments.pyclustering, "peer": arguments.peer}
    drawn = list(enumerate(families(arguments.draws).values()))
    end, some = time.monotonic() + 60, False
    for package in PACKAGES:
        if package in others and others[package] is None:
            continue
        for start in range(0, arguments.draws, BATCH):
            for family, draws in drawn:
                target = kept_file(arguments, package, family, start)
                if target.exists():
                    continue
                if time.monotonic() > end:
                    return True
                cluster_batch(others.get(package), package, draws[start : start + BATCH], target)
                some = True
    return some


def found_by(arguments, package, family, n):
    """Return the saved labels and times of the first of n draws."""
    labels, seconds = [], []
    for start in range(0, n, BATCH):
        path = kept_file(arguments, package, family, start)
        if not path.exists():
            break
        with np.load(path) as data:
            keys = [f"{i:04}" for i in range(len(data.files) // 2)]
            labels += [data[f"{key}/labels"] for key in keys]
            seconds += [float(data[f"{key}/seconds"]) for key in keys]
    return labels, seconds


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
        "All packages got the same draws; slow ones the first of them, as many as are counted. "
        "ARI: adjusted Rand index. Times are of a shared machine: good for an order of magnitude."
    ]
    for family, (title, draws) in enumerate(families(arguments.draws).items()):
        lines += ["", f"### {title}", ""]
        lines += [
            "| | true k | error of k | ARI, mean | ARI, least | ms a draw (CPU, median) |",
            "|---|---|---|---|---|---|",
        ]
        for package, name in PACKAGES.items():
            found, seconds = found_by(arguments, package, family, len(draws))
            row = score(draws[: len(found)], found, seconds) if found else "not done | | | | "
            lines.append(f"| {name} | {row} |")
        print("\n".join(lines[-9:]), flush=True)


if __name__ == "__main__":
    worker(*sys.argv[1:])
