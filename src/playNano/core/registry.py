"""Registries of named objects: built-ins, and those of installed plugins."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from playNano.errors import (
    DuplicateNameError,
    PlayNanoError,
    PluginError,
    PluginTypeError,
    PluginWarning,
    UnknownNameError,
)

T = TypeVar("T")


class Named(Protocol):
    """An object with a name."""

    @property
    def name(self) -> str:
        """Unique name."""


D = TypeVar("D", bound=Named)

Accept: TypeAlias = Callable[[str, Any], T]
"""Converts a plugin's name and object into a registry entry, or raises `PluginTypeError`."""


class Registry(Generic[T]):
    """Named objects: built-ins, and plugins from entry points, which are loaded when needed.

    Processing steps, masks, analysis modules, readers and exporters each have a registry.

    Parameters
    ----------
    kind
        Kind of the objects, for messages: ``"analysis module"``.
    builtins
        Name -> object. It is read at every access, so that later additions are included.
    groups
        Entry-point group -> function that checks and converts the object of an entry point; see
        `plugin_groups`.
    aliases
        Alternative name -> name.

    Examples
    --------
    >>> registry = Registry("shape", {"disc": 1, "square": 2})
    >>> registry["square"]
    2
    >>> registry["sqare"]
    Traceback (most recent call last):
    playNano.errors.UnknownNameError: unknown shape 'sqare'; did you mean 'square'? (`playnano modules` lists all)
    """

    def __init__(
        self,
        kind: str,
        builtins: Mapping[str, T],
        groups: Mapping[str, Accept[T]] | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._builtins = builtins
        self._groups = dict(groups or {})
        self._aliases = dict(aliases or {})
        self._loaded: dict[str, tuple[str, Accept[T], T]] = {}

    def __getitem__(self, name: str) -> T:
        """Return the object with a name.

        Parameters
        ----------
        name
            Its name, or an alias.

        Returns
        -------
        object
            The built-in object, or that of the plugin's entry point.

        Raises
        ------
        UnknownNameError
            If there is no object of this name; the message has the most similar names.
        DuplicateNameError
            If two objects have the name.
        PluginError, PluginTypeError
            If the plugin of that name cannot be used.
        """
        return self._get(self._aliases.get(name, name), self._entry_points())

    def __contains__(self, name: object) -> bool:
        name = self._aliases.get(str(name), name)
        return name in self._builtins or name in self._entry_points()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._builtins, *self._entry_points()}))

    def usable(self) -> dict[str, T]:
        """Load all objects; warn about those that cannot be used, and omit them.

        Returns
        -------
        dict
            Name -> object: built-ins in their order, then plugins by name.

        Warns
        -----
        PluginWarning
            For every broken plugin and every duplicate name, with the name and the cause.
        """
        usable, broken = self.load_all()
        for reason in broken.values():
            warnings.warn(reason, PluginWarning, stacklevel=2)
        return usable

    def plugin_errors(self) -> dict[str, str]:
        """Load every plugin, and return the errors.

        Returns
        -------
        dict
            Name -> cause, for plugins that cannot be used.
        """
        return self.load_all()[1]

    def load_all(self) -> tuple[dict[str, T], dict[str, str]]:
        """Load all objects, and return the usable and the broken ones.

        Returns
        -------
        usable : dict
            Name -> object: built-ins in their order, then plugins by name.
        broken : dict
            Name -> cause, for every plugin and every name that cannot be used.
        """
        points = self._entry_points()
        usable: dict[str, T] = {}
        broken: dict[str, str] = {}
        for name in dict.fromkeys([*self._builtins, *sorted(points)]):
            try:
                usable[name] = self._get(name, points)
            except PlayNanoError as error:
                broken[name] = str(error)
        return usable, broken

    def _get(self, name: str, points: Mapping[str, list[_Claim[T]]]) -> T:
        """Return the object with a name, given the installed entry points."""
        claims = [claim.point.value for claim in points.get(name, [])]
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
        hint = f" (known: {', '.join(known)})"
        if near:
            hint = f"; did you mean {' or '.join(map(repr, near))}? (`playnano modules` lists all)"
        raise UnknownNameError(f"unknown {self.kind} {name!r}{hint}")

    def _entry_points(self) -> dict[str, list[_Claim[T]]]:
        """Return the installed entry points by name; several for a duplicate name."""
        claims: dict[str, list[_Claim[T]]] = {}
        for group, accept in self._groups.items():
            for point in _installed(group):
                others = claims.setdefault(point.name, [])
                # A plugin may register the same object under both spellings of a group.
                if all(other.point.value != point.value or other.accept is not accept for other in others):
                    others.append(_Claim(point, accept))
        return claims

    def _load(self, claim: _Claim[T]) -> T:
        """Load an entry point once, and check its object."""
        point = claim.point
        known = self._loaded.get(point.name)
        if known is not None and known[:2] == (point.value, claim.accept):
            return known[2]
        try:
            target = point.load()
        except (Exception, SystemExit) as error:  # a script without a main guard may exit when it is imported
            raise PluginError(
                f"the plugin {point.name!r} ({point.value}) for {self.kind} cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error
        accepted = claim.accept(point.name, target)
        self._loaded[point.name] = (point.value, claim.accept, accepted)
        return accepted


class _Claim(Generic[T]):
    """An entry point, and the function that checks its object."""

    def __init__(self, point: importlib.metadata.EntryPoint, accept: Accept[T]) -> None:
        self.point = point
        self.accept = accept


def by_name(entries: Iterable[D]) -> dict[str, D]:
    """Return a dict of declarations by name.

    Parameters
    ----------
    entries
        Objects with an attribute `name`.

    Returns
    -------
    dict
        Name -> object, in the given order.

    Raises
    ------
    DuplicateNameError
        If two different objects have the same name.
    """
    named: dict[str, D] = {}
    for entry in entries:
        if named.setdefault(entry.name, entry) is not entry:
            raise DuplicateNameError(f"two built-in declarations have the name {entry.name!r}")
    return named


def plugin_groups(name: str, accept: Accept[T]) -> dict[str, Accept[T]]:
    """Return the entry-point groups of one kind of plugin, in the two accepted spellings.

    Parameters
    ----------
    name
        The last part of the group's name, such as ``"filters"``.
    accept
        Checks and converts the object of an entry point.

    Returns
    -------
    dict
        Group -> `accept`.

    Examples
    --------
    >>> list(plugin_groups("filters", lambda name, target: target))
    ['playNano.filters', 'playnano.filters']
    """
    return {f"playNano.{name}": accept, f"playnano.{name}": accept}


def accept_declared(name: str, target: Any, kind: type[T], attribute: str) -> T:
    """Return the declaration of a plugin: the object itself, or the one that a decorator attached to it.

    Parameters
    ----------
    name
        Name of the entry point.
    target
        Object of the entry point.
    kind
        Class of the declaration; it has an attribute `name`.
    attribute
        Attribute in which the decorator stored the declaration.

    Returns
    -------
    kind
        The declaration.

    Raises
    ------
    PluginTypeError
        If there is no declaration, or it has another name than the entry point.
    """
    declared = target if isinstance(target, kind) else getattr(target, attribute, None)
    word = kind.__name__.lower()
    if not isinstance(declared, kind):
        raise PluginTypeError(
            f"the plugin {name!r} is a {type(target).__name__} that is not declared as {word}; use @{word}"
        )
    own_name = getattr(declared, "name", name)
    if own_name != name:
        raise PluginTypeError(
            f"the plugin {name!r} declares the {word} {own_name!r}; give the entry point the same name"
        )
    return declared


def load_object(reference: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return a function given directly or as ``"module:name"``, in which case the module is imported.

    Parameters
    ----------
    reference
        The function, or its import path. Import paths keep a table of functions free of imports.

    Returns
    -------
    callable
        The function.

    Examples
    --------
    >>> load_object("math:sqrt")(4.0)
    2.0
    """
    if callable(reference):
        return reference
    module, _, name = reference.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return loaded


def _installed(group: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    """Return the entry points of a group; they are read again after a package has been installed."""
    state = tuple((folder, _changed(folder)) for folder in sys.path)
    return _read(importlib.metadata.entry_points, group, state)


@functools.lru_cache(maxsize=32)
def _read(
    entry_points: Callable[..., Any], group: str, state: tuple[tuple[str, int], ...]
) -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(entry_points(group=group))


def _changed(folder: str) -> int:
    """Return the modification time of a folder of packages, ns; 0 if it does not exist."""
    try:
        return Path(folder or ".").stat().st_mtime_ns
    except OSError:
        return 0
