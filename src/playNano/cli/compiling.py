"""Report on stderr which stage of the analysis is being compiled, so that the first run is not silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playNano.cli.console import err

KINDS = {
    "algorithms.leveling": "levelling",
    "algorithms.regions": "detection",
    "algorithms.blobs": "detection",
    "algorithms.peaks": "detection",
    "algorithms.linking": "tracking",
    "algorithms.clustering": "clustering",
}
"""Packages with compiled functions -> kind of analysis module that calls them, or "levelling"."""


def kind_of(kernel: str) -> str | None:
    """Return the kind of module to which a compiled function belongs; None for a function used by several kinds.

    Parameters
    ----------
    kernel
        Full name of the function.

    Examples
    --------
    >>> kind_of("playNano.algorithms.regions._label_kernels.label_runs")
    'detection'
    """
    inner = kernel.removeprefix("playNano.")
    return next((kind for package, kind in KINDS.items() if inner.startswith(f"{package}.")), None)


@contextmanager
def report_compiling(kinds: Sequence[str]) -> Iterator[None]:
    """Write a line to stderr when the compilation for a kind of module begins inside the context.

    Parameters
    ----------
    kinds
        Kinds of the modules that will run, in order.
    """
    from playNano._jit import can_keep, on_compile

    stages = [kind for kind in dict.fromkeys(kinds) if kind in KINDS.values()]
    begun: set[str] = set()

    def listener(kernel: str) -> None:
        kind = kind_of(kernel)
        if kind in stages and kind not in begun:
            begun.add(kind)
            number = f"{stages.index(kind) + 1} of {len(stages)}"
            kept = "once: later runs load the result"
            lost = "for this run only: PLAYNANO_CACHE_DIR must be a folder that can be written"
            err.print(f"compiling {kind}, {number}, {kept if can_keep() else lost}", markup=False)

    with on_compile(listener):
        yield
