"""Process the chunks of lazy movies on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from playNano.core.lazy import is_lazy
from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.core.blocks import Block, ChunkJob


def run_on_cluster(
    client: Any,
    job: ChunkJob,
    chunks: Sequence[Block],
    movies: Sequence[Any],
    what: str = "the work",
) -> Iterator[Any]:
    """Yield ``job(start, own, *chunks)`` for every chunk, in order, computed by the client's workers.

    Chunks are computed on the workers; only the return value of `job` is transferred back. If a worker dies, its
    tasks are rescheduled on the others.

    Parameters
    ----------
    client
        A `distributed.Client`.
    job
        Function that processes one chunk.
    chunks
        The chunks, in order.
    movies
        numpy or Dask arrays of one length.
    what
        Name of the work, for messages.

    Raises
    ------
    Exception
        The exception of a task; the remaining tasks are cancelled.
    ClusterError
        If the workers cannot unpickle the work, for example because a plugin is not installed there, cannot read the
        movie, die of a task, or process nothing for as long as ``playnano.cluster-wait`` of Dask's configuration says.
    """
    import dask

    from playNano.core.cluster_watch import Watch

    watch = Watch(client, what)
    # Of the movies only what the first frame needs is sent.
    watch.check_sendable((job, dask.optimize(*[movie[:1] for movie in movies if is_lazy(movie)])))
    tasks = []
    run = dask.delayed(job, pure=False, traverse=False)
    for chunk in chunks:
        low, high, own = job.span(chunk, len(movies[0]))
        tasks.append(run(low, own, *(_part(movie, low, high) for movie in movies)))
    futures = client.compute(tasks)
    try:
        for index, future in enumerate(futures):
            yield watch.result(future, futures[index:])
            # The result has been transferred; the worker need not keep it.
            future.release()
    finally:
        client.cancel([future for future in futures if not future.done()])


def _part(movie: Any, start: int, stop: int) -> Any:
    """Return frames of a lazy movie as one delayed value, those of a numpy array unchanged."""
    import dask

    if not is_lazy(movie):
        return np.ascontiguousarray(movie[start:stop])
    part = movie[start:stop]
    joined = part.rechunk({0: -1}) if part.ndim and part.npartitions > 1 else part
    return dask.delayed(np.asarray)(joined.to_delayed().ravel()[0])


@contextmanager
def cluster(address: str | None = None, workers: int | None = None) -> Iterator[Any]:
    """Connect to a Dask cluster, or start one, and make its client the active one inside the context.

    Parameters
    ----------
    address
        Address of a scheduler, ``tcp://host:port``. Its workers must see the movies under the same paths.
    workers
        Without an address: the number of worker processes to start on this machine.

    Yields
    ------
    distributed.Client or None
        None if neither is given.

    Raises
    ------
    ParameterError
        If both are given, or Dask's scheduler is not installed.
    OSError
        If no scheduler answers at the address.
    """
    if address is None and workers is None:
        yield None
        return
    if address is not None and workers is not None:
        raise ParameterError("give the address of a cluster or a number of workers, not both")
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ParameterError('a cluster needs `pip install "playNano[cluster]"`') from error
    if address is not None:
        with Client(address, timeout="10s") as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as local,
        Client(local) as client,
    ):
        yield client
