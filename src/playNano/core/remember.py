"""Keep intermediate results for a job in which several parts need the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

R = TypeVar("R")

_kept: ContextVar[dict[Hashable, tuple[Any, Any]] | None] = ContextVar("playNano_kept", default=None)


@contextmanager
def remember() -> Iterator[None]:
    """Keep the results of `remembered` until the context ends; an outer context keeps them longer.

    No array on which such results depend may be modified in place inside the context.
    """
    if _kept.get() is not None:
        yield
        return
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def remembered(compute: Callable[[], R], name: str, array: Any, *values: Hashable) -> R:
    """Return the result of a function, computed once inside `remember`; outside of it, at every call.

    Parameters
    ----------
    compute
        The function; its result must not be modified.
    name
        What it computes.
    array
        The array on which the result depends.
    *values
        All other values on which it depends.

    Examples
    --------
    >>> import numpy as np
    >>> movie, calls = np.zeros(3), []
    >>> with remember():
    ...     for _ in range(2):
    ...         length = remembered(lambda: calls.append(1) or 3, "length", movie)
    >>> length, len(calls)
    (3, 1)
    """
    kept = _kept.get()
    if kept is None:
        return compute()
    # The array is kept as well: the id of a deleted one could be that of another.
    key = (name, id(array), *values)
    if key not in kept:
        kept[key] = (array, compute())
    result: R = kept[key][1]
    return result
