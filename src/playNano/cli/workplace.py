"""Where a command runs, and whether it is timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playNano.cli.job import Options


@contextmanager
def workplace(
    cluster: str | None, workers: int | None, options: Options, timing: bool = False
) -> Iterator[Options]:
    """Connect to a cluster or start workers, if given; yield the options, lazy where there are workers.

    Parameters
    ----------
    cluster
        Address of a Dask scheduler; None for none.
    workers
        Number of worker processes to start; None for none.
    options
        Options for reading the movie.
    timing
        Whether the durations of the phases are printed when the command ends.
    """
    from dataclasses import replace

    from playNano.cli.timing import print_timing
    from playNano.core import cluster as clusters

    with print_timing(timing), clusters.cluster(cluster, workers) as client:
        yield options if client is None else replace(options, lazy=True)
