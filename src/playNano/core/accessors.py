"""Functions of higher layers that objects of lower ones offer as methods: ``stack.plot()``, ``record.plot``.

The package registers them by name when it is imported, as text; they are imported when they are used. A lower layer
thus depends on none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES: dict[str, str] = {}


def register_accessor(name: str, place: str) -> None:
    """Register a function or class of a higher layer.

    Parameters
    ----------
    name
        Name under which lower layers use it.
    place
        Where it is: ``"package.module:name"``.
    """
    _PLACES[name] = place


def accessor(name: str) -> Any:
    """Return a function or class of a higher layer; it is imported now.

    Parameters
    ----------
    name
        Its name.

    Examples
    --------
    >>> register_accessor("square root", "math:sqrt")
    >>> accessor("square root")(9.0)
    3.0
    """
    module, _, function = _PLACES[name].partition(":")
    return getattr(import_module(module), function)
