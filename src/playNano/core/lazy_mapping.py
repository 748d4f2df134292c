"""A mapping of names to arrays, some of which are computed when they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any
from weakref import WeakValueDictionary


class LazyMapping(MutableMapping[str, Any]):
    """Mapping of names to arrays, some of which are computed on demand.

    A computed array is shared while a reference to it exists, and is not kept afterwards.

    Parameters
    ----------
    values
        Name -> an array, or a function without arguments that computes it.

    Examples
    --------
    >>> import numpy as np
    >>> snapshots = LazyMapping({"raw": np.zeros(2), "step_1_lift": lambda: np.ones(2)})
    >>> list(snapshots), snapshots["step_1_lift"].tolist()
    (['raw', 'step_1_lift'], [1.0, 1.0])
    """

    def __init__(self, values: MutableMapping[str, Any] | None = None) -> None:
        self._values: dict[str, Any] = {}
        self._shared: WeakValueDictionary[str, Any] = WeakValueDictionary()
        if isinstance(values, LazyMapping):
            self._values.update(values._values)
        else:
            self._values.update(values or {})

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        if not callable(value):
            return value
        made = self._shared.get(name)
        if made is None:
            made = self._shared[name] = value()
        return made

    def __setitem__(self, name: str, value: Any) -> None:
        self._shared.pop(name, None)
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        self._shared.pop(name, None)
        del self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def kept(self, name: str) -> bool:
        """Return whether an array is in memory, not computed on demand.

        Parameters
        ----------
        name
            Name of the array.

        Returns
        -------
        bool
            False if it is computed when it is read.
        """
        return not callable(self._values[name])

    def part(self, index: slice) -> LazyMapping:
        """Return the same frames of every array, still computed on demand.

        Parameters
        ----------
        index
            Range of frames.

        Returns
        -------
        LazyMapping
            Mapping with the same names.
        """
        return LazyMapping(
            {
                name: value[index] if not callable(value) else _Part(value, index)
                for name, value in self._values.items()
            }
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyMapping, (self._values,)

    def __repr__(self) -> str:
        names = ", ".join(f"{name}{'' if self.kept(name) else ' (on demand)'}" for name in self)
        return f"<{len(self)} arrays: {names}>"


class _Part:
    """A range of frames of an array that is computed on demand."""

    def __init__(self, make: Callable[[], Any], index: slice) -> None:
        self._make, self._index = make, index

    def __call__(self) -> Any:
        return self._make()[self._index]
