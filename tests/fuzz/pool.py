"""Judge many mutants in child processes; one that hangs or crashes is known by its number."""

import contextlib
import logging
import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import wait

from tests.fuzz.judge import CRASH, HANG, Verdict, judge, make

MAX_BYTES = 8 << 30
"""Address space of a child, where the system can limit it."""
BATCH = 200


def work(pipe, seed, real, judge_one):
    """Judge the mutants that the parent sends, (format, first, last)."""
    with contextlib.suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder, contextlib.suppress(EOFError):
        while (task := pipe.recv()) is not None:
            kind, first, last = task
            for number in range(first, last):
                pipe.send(judge_one(kind, seed, number, real, folder))
            pipe.send(None)
    pipe.close()


class Worker:
    """A child process, its present mutants, and the time since when it is silent."""

    def __init__(self, seed, real, judge_one):
        self.seed, self.real, self.judge_one = seed, real, judge_one
        self.task = None
        self.start()

    def start(self):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=work, args=(theirs, self.seed, self.real, self.judge_one), daemon=True
        )
        self.process.start()
        theirs.close()
        self.fresh = True

    def give(self, task):
        self.task = task
        self.since = time.monotonic()
        self.pipe.send(task)

    def lost(self, outcome):
        """Return the verdict on the mutant that ended or stopped the child, and go on behind it in a new one."""
        kind, number, last = self.task
        self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.pipe.close()
        self.start()
        if number + 1 < last:
            self.give((kind, number + 1, last))
        else:
            self.task = None
        done = make(kind, self.seed, number, self.real)[2]
        return Verdict(kind, number, outcome, f"exit code {code}" if outcome == CRASH else "", done)

    def verdicts(self, limit_s):
        """Yield what has come since the last call."""
        try:
            while self.pipe.poll():
                verdict = self.pipe.recv()
                self.since, self.fresh = time.monotonic(), False
                if verdict is None:
                    self.task = None
                    return
                self.task = (verdict.kind, verdict.number + 1, self.task[2])
                yield verdict
        except (EOFError, OSError):
            yield self.lost(CRASH)
            return
        # A child that has just begun first imports what it needs.
        if self.task is not None and time.monotonic() - self.since > limit_s + 60 * self.fresh:
            yield self.lost(HANG)

    def end(self):
        with contextlib.suppress(OSError):
            self.pipe.send(None)
        self.process.join(5)
        self.process.kill()
        self.process.join()
        self.pipe.close()


def tasks(kinds, count, first):
    """Yield ranges of mutants, of every format in turn; without end if `count` is None."""
    start = first
    while count is None or start < first + count:
        stop = start + BATCH if count is None else min(start + BATCH, first + count)
        yield from ((kind, start, stop) for kind in kinds)
        start = stop


def run(
    kinds, *, count=None, seconds=None, seed=0, first=0, workers=1, real=False, limit_s=10.0, judge_one=judge
):
    """Yield a verdict for every mutant.

    Ends after `count` mutants of each format or after some seconds, whichever comes first.
    """
    begin = time.monotonic()
    queue = tasks(kinds, count, first)
    pool = [Worker(seed, real, judge_one) for _ in range(workers)]
    try:
        while True:
            if seconds is not None and time.monotonic() - begin > seconds:
                return
            for worker in pool:
                if worker.task is None and (task := next(queue, None)) is not None:
                    worker.give(task)
            busy = [worker for worker in pool if worker.task is not None]
            if not busy:
                return
            wait([worker.pipe for worker in busy], timeout=0.5)
            for worker in busy:
                yield from worker.verdicts(limit_s)
    finally:
        for worker in pool:
            worker.end()


def workers_at_hand():
    return max(1, min(2, (os.cpu_count() or 1)))
