"""Declare exporters, which write a stack and its results to a file.

An exporter is a function ``write(stack, path, **options) -> Path``: it receives the stack with its processed pixels
and its analysis (``stack.analysis``), and writes one file or folder. A plugin package declares it with `exporter` and
registers it as an entry point of the group ``playNano.exporters``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from playNano.core.edits import note_changed_pixels
from playNano.core.params import Declaration, Parameter, bind_params
from playNano.core.registry import load_object

if TYPE_CHECKING:
    from playNano.core.stack import Stack

EXPORTER_ATTRIBUTE = "__exporter__"
"""Attribute of a function in which `exporter` stores the declaration."""

F = TypeVar("F", bound=Callable[..., Path])


@dataclass(frozen=True)
class Exporter:
    """The declaration of an exporter.

    Parameters
    ----------
    name
        Unique name by which users select it.
    suffix
        Ending of the file's name, such as ``".xml"``.
    write
        The function ``write(stack, path, **options) -> Path``, or ``"module:name"``. Its keyword arguments other than
        stack and path are the exporter's options.
    stem
        The file's name before the suffix; by default `name`.
    keeps
        What reading the file gives back: names of `playNano.analysis.convert.PROPERTIES`.
    limits
        What the format rounds, or refuses to hold, in words.
    """

    name: str
    suffix: str
    write: str | Callable[..., Path]
    stem: str | None = None
    keeps: tuple[str, ...] = ()
    limits: str = ""

    @property
    def file_name(self) -> str:
        """The default file name."""
        return f"{self.stem or self.name}{self.suffix}"

    @property
    def declaration(self) -> Declaration:
        """The function that writes the file; its signature declares the options."""
        function = load_object(self.write)
        return Declaration(function, tuple(inspect.signature(function).parameters)[:2])

    def parameters(self) -> list[Parameter]:
        """List the options of the exporter."""
        return self.declaration.parameters()

    def bind(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options in effect, or raise `ParameterError`.

        Parameters
        ----------
        options
            Values by name, as given by the caller.

        Returns
        -------
        dict
            Every option with its value.
        """
        declared = self.declaration
        return bind_params(declared.function, options, where=f"export {self.name}", skip=declared.skip)

    def export(self, stack: Stack, path: str | Path, **options: Any) -> Path:
        """Write a stack.

        Parameters
        ----------
        stack
            The movie with its analysis.
        path
            File to write; if it is an existing folder, `file_name` in it.
        **options
            Options of the exporter.

        Returns
        -------
        Path
            The file or folder that was written.

        Raises
        ------
        ParameterError
            If an option is unknown, or its value is not allowed.
        MissingInputError
            If the stack lacks the results to be written.
        OSError
            If the file cannot be written.
        """
        target = Path(path)
        if target.is_dir() and not target.name.endswith(self.suffix):
            target = target / self.file_name
        values = self.bind(options)
        note_changed_pixels(stack)
        try:
            return Path(self.declaration.function(stack, target, **values) or target)
        except Exception as error:
            error.add_note(f"in the exporter {self.name}, writing {target}")
            raise


def exporter(
    name: str, suffix: str, *, stem: str | None = None, keeps: tuple[str, ...] = (), limits: str = ""
) -> Callable[[F], F]:
    """Declare a function ``write(stack, path, **options) -> Path`` as an exporter.

    Parameters
    ----------
    name, suffix, stem, keeps, limits
        As in `Exporter`.

    Returns
    -------
    callable
        The decorator; it returns the function unchanged.

    Examples
    --------
    >>> @exporter("heights", ".csv")
    ... def write_heights(stack, path, *, digits: int = 3): ...
    >>> write_heights.__exporter__.file_name
    'heights.csv'
    """

    def declare(function: F) -> F:
        setattr(function, EXPORTER_ATTRIBUTE, Exporter(name, suffix, function, stem, keeps, limits))
        return function

    return declare
