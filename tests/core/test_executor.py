"""Blocks of frames: every frame once, in order, whatever the number of workers."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playNano.core.blocks import BLOCK_BYTES, Block, frame_blocks
from playNano.core.executor import map_blocks, report_progress


@given(st.integers(0, 40), st.none() | st.integers(-1, 50), st.integers(1, 3000))
def test_blocks_cover_every_frame_once(n_frames, block_frames, edge):
    blocks = frame_blocks((n_frames, edge, edge), block_frames=block_frames)
    assert [i for block in blocks for i in range(block.start, block.stop)] == list(range(n_frames))
    assert all(block.stop > block.start for block in blocks)


def test_blocks_fit_the_limit():
    blocks = frame_blocks((1000, 256, 256), itemsize=4)
    assert {b.stop - b.start for b in blocks[:-1]} == {BLOCK_BYTES // (256 * 256 * 4)}
    assert frame_blocks((3, 10_000, 10_000)) == [Block(0, 1), Block(1, 2), Block(2, 3)]


@pytest.mark.parametrize("workers", [None, 1, 2, 5])
@pytest.mark.parametrize("block_frames", [None, 1, 3, 100])
def test_results_come_in_the_frames_order(workers, block_frames):
    def slow_at_first(block):
        time.sleep(0.002 if block.start == 0 else 0)
        return list(range(block.start, block.stop))

    parts = map_blocks(slow_at_first, (7, 4, 4), what="x", workers=workers, block_frames=block_frames)
    assert [i for part in parts for i in part] == list(range(7))


def test_no_frames_no_calls():
    assert map_blocks(pytest.fail, (0, 4, 4), what="x") == []
    assert map_blocks(pytest.fail, (0, 4, 4), what="x", workers=3, block_frames=2) == []


def test_every_worker_gets_a_block():
    blocks = map_blocks(lambda block: block, (8, 4, 4), what="x", workers=4)
    assert [b.stop - b.start for b in blocks] == [2, 2, 2, 2]


def test_several_workers_are_several_threads():
    both = threading.Barrier(2, timeout=20)

    def meet(block):
        both.wait()
        return threading.get_ident()

    threads = map_blocks(meet, (2, 4, 4), what="x", workers=2, block_frames=1)
    assert len(set(threads)) == 2
    (thread,) = set(
        map_blocks(lambda b: threading.get_ident(), (2, 4, 4), what="x", workers=1, block_frames=1)
    )
    assert thread == threading.get_ident()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_failing_block_is_what_is_raised(workers):
    def fail(block):
        if block.start >= 2:
            raise KeyError(block.start)
        return block.start

    with pytest.raises(KeyError) as caught:
        map_blocks(fail, (6, 4, 4), what="x", workers=workers, block_frames=1)
    assert caught.value.args == (2,)


def test_blocks_not_begun_are_dropped_after_a_failure():
    begun = []

    def fail(block):
        begun.append(block.start)
        time.sleep(0.002)
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        map_blocks(fail, (500, 4, 4), what="x", workers=2, block_frames=1)
    assert len(begun) < 500


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_told_in_frames(workers):
    told = []
    with report_progress(lambda *news: told.append(news)):
        map_blocks(lambda b: None, (5, 4, 4), what="levelling", workers=workers, block_frames=2)
    assert told == [("levelling", 2, 5), ("levelling", 4, 5), ("levelling", 5, 5)]
    map_blocks(lambda b: None, (5, 4, 4), what="silent", block_frames=2)
    assert len(told) == 3


def test_progress_ends_with_an_error():
    told = []
    with pytest.raises(RuntimeError), report_progress(lambda *news: told.append(news)):
        raise RuntimeError
    map_blocks(lambda b: None, (2, 4, 4), what="after")
    assert told == []


def test_blocks_of_a_movie_are_its_frames():
    movie = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    parts = map_blocks(lambda b: movie[b.start : b.stop], movie.shape, what="x", block_frames=2, workers=2)
    np.testing.assert_array_equal(np.concatenate(parts), movie)
