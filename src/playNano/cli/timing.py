"""Print how long the phases of a command took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playNano.core.phases import Duration, Phases, record_phases


@contextmanager
def print_timing(enabled: bool) -> Iterator[None]:
    """Print the durations of the phases inside the context when it ends without an error.

    Parameters
    ----------
    enabled
        Whether they are recorded and printed.
    """
    if not enabled:
        yield
        return
    from playNano.cli.console import out

    with record_phases(before="import") as phases:
        yield
    for line in timing_lines(phases):
        out.print(line, markup=False)


def timing_lines(phases: Phases) -> list[str]:
    """Return the durations as lines of text, with their sum.

    Parameters
    ----------
    phases
        The phases of a job.

    Examples
    --------
    >>> for line in timing_lines(Phases({"read": Duration(0.25, 0.5)})):
    ...     print(line)
    phase             wall s    CPU s
    read               0.250    0.500
    sum                0.250    0.500
    """
    own = phases.durations.values()
    total = Duration(sum(d.wall_s for d in own), sum(d.cpu_s for d in own))
    lines = [f"{'phase':<16s} {'wall s':>7s} {'CPU s':>8s}"]
    lines += [_line(name, duration) for name, duration in phases.durations.items()]
    # Processes beside this one cost processor time, and no time of waiting.
    lines += [f"{_line(name, duration)}  in another process" for name, duration in phases.beside.items()]
    total.cpu_s += sum(d.cpu_s for d in phases.beside.values())
    return [*lines, _line("sum", total)]


def _line(name: str, duration: Duration) -> str:
    return f"{name:<16s} {duration.wall_s:7.3f} {duration.cpu_s:8.3f}"
