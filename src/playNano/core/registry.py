"""Names and what they stand for: built-ins and installed plugins, found the same way."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

from playNano.errors import DuplicateNameError, PlayNanoError, PluginError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Built-ins by name, and plugins from entry points, loaded when they are asked for.

    Parameters
    ----------
    kind
        What the names stand for, for messages: ``"analysis module"``.
    builtins
        Name -> object. It is read at every look-up, so a name added later is found.
    groups
        Entry-point groups that plugins use.
    accept
        Turns what an entry point loads into what the registry holds, or raises
        `PluginTypeError`; gets the name and the object.

    Examples
    --------
    >>> registry = Registry("shape", {"disc": 1, "ring": 2})
    >>> registry["ring"]
    2
    >>> registry["rong"]
    Traceback (most recent call last):
    playNano.errors.UnknownNameError: unknown shape 'rong'; did you mean 'ring'? (known: disc, ring)
    """

    def __init__(
        self,
        kind: str,
        builtins: Mapping[str, T],
        groups: tuple[str, ...] = (),
        accept: Callable[[str, Any], T] | None = None,
    ) -> None:
        self.kind = kind
        self._builtins = builtins
        self._groups = groups
        self._accept = accept
        self._loaded: dict[str, tuple[str, T]] = {}

    def __getitem__(self, name: str) -> T:
        """Return what a name stands for.

        Raises
        ------
        UnknownNameError
            With the nearest names.
        DuplicateNameError
            Where two things claim the name.
        PluginError, PluginTypeError
            Where the plugin of that name cannot be used.
        """
        points = self._entry_points()
        claims = [point.value for point in points.get(name, [])]
        if name in self._builtins:
            claims.insert(0, "playNano itself")
        if len(claims) > 1:
            raise DuplicateNameError(
                f"the {self.kind} {name!r} is claimed by {' and '.join(claims)}; uninstall one of them"
            )
        if name in self._builtins:
            return self._builtins[name]
        if name in points:
            return self._load(points[name][0])
        known = sorted({*self._builtins, *points})
        near = get_close_matches(str(name), known, n=3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise UnknownNameError(f"unknown {self.kind} {name!r}{hint} (known: {', '.join(known)})")

    def __contains__(self, name: object) -> bool:
        return name in self._builtins or name in self._entry_points()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._builtins, *self._entry_points()}))

    def plugin_errors(self) -> dict[str, str]:
        """Try every plugin; return name -> reason for those that cannot be used."""
        broken = {}
        for name in self._entry_points():
            try:
                self[name]
            except PlayNanoError as error:
                broken[name] = str(error)
        return broken

    def _entry_points(self) -> dict[str, list[importlib.metadata.EntryPoint]]:
        found: dict[str, list[importlib.metadata.EntryPoint]] = {}
        for group in self._groups:
            for point in _installed(group):
                others = found.setdefault(point.name, [])
                # A plugin may register the same object under both spellings of a group.
                if all(other.value != point.value for other in others):
                    others.append(point)
        return found

    def _load(self, point: importlib.metadata.EntryPoint) -> T:
        value, loaded = self._loaded.get(point.name, (None, None))
        if value == point.value and loaded is not None:
            return loaded
        try:
            target = point.load()
        except Exception as error:
            raise PluginError(
                f"the plugin {point.name!r} ({point.value}) for {self.kind} cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error
        accepted: T = self._accept(point.name, target) if self._accept else target
        self._loaded[point.name] = (point.value, accepted)
        return accepted


def _installed(group: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Return the entry points of a group; they are read again once something has been installed."""
    state = tuple((place, _changed(place)) for place in sys.path)
    return _read(importlib.metadata.entry_points, group, state)


@functools.lru_cache(maxsize=32)
def _read(
    entry_points: Callable[..., Any], group: str, state: tuple[tuple[str, int], ...]
) -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(entry_points(group=group))


def _changed(place: str) -> int:
    """Return when a folder of packages was changed, ns; 0 where there is none."""
    try:
        return Path(place or ".").stat().st_mtime_ns
    except OSError:
        return 0
