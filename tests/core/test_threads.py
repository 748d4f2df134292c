"""Libraries keep to one thread while blocks are spread over threads."""

import sys
import threading

import pytest
import scipy.linalg  # noqa: F401  (brings a BLAS of its own)
from threadpoolctl import threadpool_info, threadpool_limits

from playNano.core.executor import map_blocks
from playNano.core.threads import default_workers, limit_native_threads, ordered_map


def blas_threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


@pytest.fixture
def two_threads_each():
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    with threadpool_limits(2, user_api="blas"):
        yield lambda: (cv2.getNumThreads(), *blas_threads())
    cv2.setNumThreads(before)


@pytest.mark.parametrize("workers", [1, 2])
def test_libraries_keep_to_one_thread_meanwhile(two_threads_each, workers):
    assert two_threads_each() == (2, 2)
    found = map_blocks(lambda b: two_threads_each(), (2, 4, 4), what="x", workers=workers, block_frames=1)
    assert found == [(1, 1), (1, 1)]
    with pytest.raises(ValueError, match="stop"):
        map_blocks(lambda b: (_ for _ in ()).throw(ValueError("stop")), (1, 4, 4), what="x", workers=workers)
    assert two_threads_each() == (2, 2)


def test_contexts_may_overlap(two_threads_each):
    inside, leave = threading.Event(), threading.Event()

    def work():
        with limit_native_threads():
            inside.set()
            leave.wait(20)

    other = threading.Thread(target=work)
    with limit_native_threads():
        other.start()
        assert inside.wait(20)
    # One context is open still, and the last one restores.
    assert two_threads_each() == (1, 1)
    leave.set()
    other.join()
    assert two_threads_each()[0] == 2


def test_opencv_is_not_needed(monkeypatch):
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    assert map_blocks(lambda b: b.stop, (1, 4, 4), what="x") == [1]


def test_default_workers():
    assert 1 <= default_workers() <= 16


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_threads_run_a_few_items_ahead(workers):
    begun = []

    def note(item):
        begun.append(item)
        return -item

    stream = ordered_map(note, range(100), workers)
    assert [next(stream) for _ in range(3)] == [0, -1, -2]
    assert len(begun) <= 3 + 2 * workers
    stream.close()
    assert len(begun) < 50
