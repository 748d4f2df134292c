"""Runs on a cluster that cannot finish them end with an error of one line and its cause; none waits for ever."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from playNano.core import cluster_watch, lazy
from playNano.core.cluster import cluster
from playNano.core.executor import map_frames
from playNano.core.threads import limit_native_threads
from playNano.errors import ClusterError, FileFormatError, PlayNanoError, StepError
from playNano.io.export.numpy_files import write_npz
from playNano.io.loader import load_afm_stack

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")

pytestmark = pytest.mark.filterwarnings("ignore")


def total(start, block):
    return float(block.sum())


def call_exit(start, block):
    sys.exit(3)


def end_process(start, block):
    os._exit(5)


def nap(start, block):
    time.sleep(0.5)


def use_memory(start, block):
    """Leave the worker above the memory at which it pauses."""
    import psutil

    limit = 400e6
    while psutil.Process().memory_info().rss < 0.86 * limit:
        KEPT.append(np.ones(2**20))
    time.sleep(1)


KEPT = []


class OnlyHere:
    """A task that no other process can unpickle."""

    def __call__(self, start, block):
        return start

    def __reduce__(self):
        return unpickle, (os.getpid(),)


def unpickle(pid):
    if os.getpid() != pid:
        raise RuntimeError("the library is missing here")
    return OnlyHere()


def movie(frames=4):
    return da.zeros((frames, 4, 5), chunks=(1, 4, 5), dtype=np.float32)


def refused(error, reason, task=total, pixels=None):
    """Run a task on the active cluster and check its error."""
    with pytest.raises(error, match=reason) as caught:
        map_frames(task, movie() if pixels is None else pixels, what="sums")
    assert isinstance(caught.value, PlayNanoError)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def two_workers():
    with cluster(workers=2) as client:
        yield client


@pytest.fixture
def stored_movie(tmp_path, make_stack, monkeypatch):
    """Return a lazy movie of several chunks and its file."""
    stack = make_stack()
    monkeypatch.setattr(lazy, "CHUNK_BYTES", stack.data[0].nbytes)
    write_npz(stack, tmp_path / "m.npz")
    return load_afm_stack(tmp_path / "m.npz", lazy=True), tmp_path / "m.npz"


@pytest.fixture
def wait_little():
    with dask.config.set({"playnano.cluster-wait": "2 s"}):
        yield


def test_a_movie_that_was_deleted(two_workers, stored_movie):
    stack, path = stored_movie
    path.unlink()
    message = refused(ClusterError, "No such file or directory.*moved or deleted", pixels=stack.data)
    assert message.startswith("sums: a worker of the cluster cannot read")
    assert str(path) in message


def test_a_movie_that_the_workers_do_not_see(two_workers, stored_movie, monkeypatch):
    stack, path = stored_movie
    path.unlink()
    # This process still sees it.
    monkeypatch.setattr(cluster_watch, "Path", lambda name: SimpleNamespace(exists=lambda: True))
    message = refused(ClusterError, "under the same path, on a disk that they share", pixels=stack.data)
    assert str(path) in message


def test_a_movie_that_was_cut(two_workers, stored_movie):
    stack, path = stored_movie
    os.truncate(path, path.stat().st_size // 2)
    assert str(path) in refused(FileFormatError, "replaced or changed", pixels=stack.data)


def test_a_task_that_calls_exit(two_workers):
    refused(StepError, r"sys\.exit\(3\) was called in the work on frames 0 to 0", call_exit)
    # The workers go on.
    assert map_frames(total, movie(), what="sums") == [0.0] * 4


@pytest.mark.parametrize("pixels", [np.zeros((4, 4, 5), np.float32), movie()], ids=["memory", "lazy"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_calls_exit_without_a_cluster(pixels, workers):
    with pytest.raises(StepError, match=r"sys\.exit\(3\) was called"):
        map_frames(call_exit, pixels, what="sums", workers=workers)


def test_work_that_a_worker_cannot_unpack(two_workers):
    refused(ClusterError, "worker tcp://.* cannot unpack the work: the library is missing here", OnlyHere())


def test_a_movie_that_a_worker_cannot_unpack(two_workers):
    pixels = da.from_array(np.zeros((4, 4, 5)), chunks=(1, 4, 5)).map_blocks(OnlyHere(), dtype=float)
    refused(ClusterError, "cannot unpack the work: the library is missing here", pixels=pixels)


def test_a_scheduler_without_workers(wait_little):
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as empty,
        distributed.Client(empty),
    ):
        message = refused(ClusterError, "processed nothing for 2 s: its scheduler .* has no workers")
        assert "dask worker" in message


@pytest.mark.slow
def test_a_task_that_ends_its_worker():
    # Each failure costs a new worker.
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), cluster(workers=1):
        message = refused(ClusterError, "sums: a task ended each of the 1 worker processes", end_process)
    assert "run without a cluster" in message


@pytest.mark.slow
def test_workers_whose_memory_is_full():
    limited = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=400_000_000
    )
    with limited, distributed.Client(limited), dask.config.set({"playnano.cluster-wait": "5 s"}):
        refused(ClusterError, "have paused because their memory is full.*--memory-limit", use_memory)


@pytest.mark.slow
def test_a_scheduler_that_is_gone(tmp_path):
    dask_command = shutil.which("dask", path=str(Path(sys.executable).parent))
    file = tmp_path / "s.json"
    options = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
    # The scheduler unpickles tasks, and must find the functions of the tests.
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    started = subprocess.Popen(
        [sys.executable, dask_command, "scheduler", *options],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        while not file.exists():
            time.sleep(0.1)
        with distributed.Client(scheduler_file=str(file), timeout="10s"):
            threading.Timer(1.0, started.send_signal, [signal.SIGKILL]).start()
            refused(ClusterError, "connection to the cluster's scheduler was lost", nap)
    finally:
        started.kill()
        started.wait()


def smooth(seed):
    """Limit the threads of OpenCV, as every run does."""
    with limit_native_threads():
        return seed


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
def test_forked_processes_finish_after_opencv_has_started_its_threads():
    cv2 = pytest.importorskip("cv2")
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        cv2.resize(np.zeros((2048, 2048), np.uint8), (4096, 4096), interpolation=cv2.INTER_CUBIC)
        pool = multiprocessing.get_context("fork").Pool(2)
        try:
            assert pool.map_async(smooth, [1, 2]).get(20) == [1, 2]
        finally:
            pool.terminate()
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
