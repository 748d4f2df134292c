"""A sign of life while kernels are compiled: which stage of the job, and that it happens once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from playNano.cli.console import err

STAGES = {
    "algorithms.regions": "detection",
    "algorithms.blobs": "detection",
    "algorithms.peaks": "detection",
    "algorithms.linking": "tracking",
    "algorithms.clustering": "clustering",
}
"""Packages with compiled functions, in the order of a job, and what users call that part of it."""


def compiled_stages() -> list[str]:
    """Return the stages that have compiled functions, in the order of a job."""
    from playNano._jit import PACKAGE, kernel_sources

    folders = {source.parent.relative_to(PACKAGE).as_posix().replace("/", ".") for source in kernel_sources()}
    with_kernels = {
        stage for package, stage in STAGES.items() if any(f"{f}.".startswith(f"{package}.") for f in folders)
    }
    return [stage for stage in dict.fromkeys(STAGES.values()) if stage in with_kernels]


def stage_of(kernel: str) -> str | None:
    """Return the stage to which a compiled function belongs; None for one that all stages share.

    Parameters
    ----------
    kernel
        Full name of the function.

    Examples
    --------
    >>> stage_of("playNano.algorithms.regions._label_kernels.label_runs")
    'detection'
    """
    inner = kernel.removeprefix("playNano.")
    return next((stage for package, stage in STAGES.items() if inner.startswith(f"{package}.")), None)


@contextmanager
def report_compiling(stages: Collection[str] | None = None) -> Iterator[None]:
    """Write a line to stderr when the compilation of a stage begins inside the context.

    Parameters
    ----------
    stages
        The stages that will run, by the names in `STAGES`; None for all that have compiled functions.
    """
    from playNano._jit import on_compile

    expected = [stage for stage in compiled_stages() if stages is None or stage in stages]
    begun: set[str] = set()

    def listener(kernel: str) -> None:
        stage = stage_of(kernel)
        if stage is None or stage in begun:
            return
        begun.add(stage)
        if stage not in expected:
            expected.append(stage)
        number = expected.index(stage) + 1
        err.print(f"compiling {stage}, {number} of {len(expected)}, once (the result is kept for later runs)")

    with on_compile(listener):
        yield
