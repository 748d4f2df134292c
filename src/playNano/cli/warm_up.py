"""``playnano warm-up``: compile the kernels of the main job, for machine images, CI and first runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from playNano.cli.console import out
from playNano.errors import PlayNanoError


def run_warm_up(processes: int = 2) -> None:
    """Compile the kernels of the main job in parallel processes, and print the location of the cache.

    Parameters
    ----------
    processes
        Number of processes, 1 or 2.

    Raises
    ------
    PlayNanoError
        If a process fails; the message ends with its stderr. Also if the result cannot be cached, because
        later runs would then compile again.
    """
    from playNano._jit import kernel_cache_folder

    folder = kernel_cache_folder()
    before = set(folder.glob("*.nbc"))
    began = time.monotonic()
    command = [sys.executable, "-m", __name__]
    parts = [[name] for name in PARTS] if processes > 1 else [list(PARTS)]
    jobs = [subprocess.Popen([*command, *names], stderr=subprocess.PIPE, text=True) for names in parts]
    for names, job in zip(parts, jobs, strict=True):
        errors = job.communicate()[1]
        if job.returncode:
            raise PlayNanoError(f"compiling {' and '.join(names)} failed: {errors.strip()[-2000:]}")
    after = set(folder.glob("*.nbc"))
    if not after:
        raise PlayNanoError(f"nothing was compiled into {folder}; is NUMBA_DISABLE_JIT set?")
    taken = f"{time.monotonic() - began:.0f} s"
    done = f"compiled in {taken}" if after - before else f"compiled already (seen in {taken})"
    out.print(f"{done}; kept in {folder}", markup=False)


def run_part(name: str) -> None:
    """Compile a part of the main job, and exit with a message where the result cannot be kept.

    Parameters
    ----------
    name
        One of `PARTS`.
    """
    from playNano._jit import kernel_cache_folder, not_kept

    PARTS[name]()
    if not_kept:
        reason = next(iter(not_kept.values()))
        raise SystemExit(
            f"{len(not_kept)} compiled functions cannot be kept in {kernel_cache_folder()} ({reason}); "
            "set PLAYNANO_CACHE_DIR to a folder that can be written"
        )


def warm_detection() -> None:
    """Compile the kernels of levelling and detection, by running them on a small movie."""
    from playNano.analysis.plan import Plan

    Plan.from_options("level", "frame_quality;feature_detection", None).run(_movie().to_stack())


def warm_tracking() -> None:
    """Compile the kernels of tracking, by linking the true positions of a small movie without detection."""
    from playNano.analysis.modules.particle_tracking import ParticleTrackingModule

    movie = _movie()
    stack = movie.to_stack()
    detections = [
        [{"centroid": (row.y, row.x)} for row in movie.truth[movie.truth["frame"] == frame].itertuples()]
        for frame in range(stack.n_frames)
    ]
    previous = {"feature_detection": {"features_per_frame": detections}}
    ParticleTrackingModule().run(stack, previous, max_distance_nm=24, max_missing=2)


PARTS: dict[str, Callable[[], None]] = {"detection": warm_detection, "tracking": warm_tracking}


def _movie() -> Any:
    from playNano.simulate.movie import simulate_movie

    return simulate_movie(n_frames=20, shape=(64, 64), n_particles=6, seed=0)


if __name__ == "__main__":
    for part in sys.argv[1:]:
        run_part(part)
