"""Time the phases of a job, wall clock and processor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

REST = "rest"
"""Phase of what belongs to no other."""

# One thread has run until this module is loaded, so that its processor time is about the time since the start.
_STARTED = time.perf_counter() - time.process_time()


@dataclass
class Duration:
    """Time that a phase has taken.

    Parameters
    ----------
    wall_s
        Time that has passed, s.
    cpu_s
        Time of all threads of this process on processors, s.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, wall_s: float, cpu_s: float) -> None:
        """Add a part.

        Parameters
        ----------
        wall_s, cpu_s
            As for the class.
        """
        self.wall_s += wall_s
        self.cpu_s += cpu_s


@dataclass
class Phases:
    """Durations of the phases of a job; the time of a phase inside another belongs to the inner one alone.

    Attributes
    ----------
    durations
        Name of a phase -> its duration; their sum is the duration of the job.
    beside
        The same for phases that ran at the same time in other processes.
    """

    durations: dict[str, Duration] = field(default_factory=dict)
    beside: dict[str, Duration] = field(default_factory=dict)
    _open: list[str] = field(default_factory=lambda: [REST])
    _mark: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), time.process_time()))

    def begin(self, name: str) -> None:
        """Begin a phase, inside that which is open.

        Parameters
        ----------
        name
            Name of the phase.
        """
        self.count()
        self._open.append(name)

    def end(self) -> None:
        """End the phase that was begun last."""
        self.count()
        self._open.pop()

    def count(self) -> None:
        """Add the time since the last change to the phase that is open."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.durations.setdefault(self._open[-1], Duration()).add(wall - self._mark[0], cpu - self._mark[1])
        self._mark = (wall, cpu)


_phases: ContextVar[Phases | None] = ContextVar("playNano_phases", default=None)


@contextmanager
def record_phases(before: str | None = None) -> Iterator[Phases]:
    """Record the durations of the phases inside the context.

    Parameters
    ----------
    before
        Name of a phase that began with the process and ends here; None for none.

    Yields
    ------
    Phases
        Complete when the context ends.

    Examples
    --------
    >>> with record_phases() as phases:
    ...     with phase("read"):
    ...         pass
    >>> list(phases.durations)
    ['rest', 'read']
    """
    phases = Phases()
    if before is not None:
        wall, cpu = phases._mark
        phases.durations[before] = Duration(wall - _STARTED, cpu)
    token = _phases.set(phases)
    try:
        yield phases
    finally:
        phases.count()
        _phases.reset(token)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Count the time inside the context for a phase, where `record_phases` is active.

    Parameters
    ----------
    name
        Name of the phase.
    """
    phases = _phases.get()
    if phases is None:
        yield
        return
    phases.begin(name)
    try:
        yield
    finally:
        phases.end()


def add_beside(name: str, wall_s: float, cpu_s: float) -> None:
    """Count the time of a phase that ran in another process, where `record_phases` is active.

    Parameters
    ----------
    name
        Name of the phase.
    wall_s, cpu_s
        Its duration, s.
    """
    phases = _phases.get()
    if phases is not None:
        phases.beside.setdefault(name, Duration()).add(wall_s, cpu_s)
