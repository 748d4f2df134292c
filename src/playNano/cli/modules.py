"""``playnano modules``: what is registered, and the parameters of each."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from playNano.analysis.exporters import exporter_registry
from playNano.analysis.pipeline import module_registry
from playNano.cli.console import err, out
from playNano.core.docstrings import without_parameters
from playNano.core.params import Declaration, Parameter
from playNano.core.registry import Registry
from playNano.io.formats import reader_registry
from playNano.processing.steps import ALIASES, Step, step_registry

TITLES = {
    "filter": "Processing: filters",
    "mask": "Processing: masks",
    "video": "Processing: steps over several frames",
    "edit": "Processing: edits of frames, geometry and time",
    "quality": "Analysis: quality",
    "detection": "Analysis: detection",
    "tracking": "Analysis: tracking",
    "clustering": "Analysis: clustering",
    "measurement": "Analysis: measurement",
    "analysis": "Analysis: other",
    "reader": "Readers of files",
    "exporter": "Exporters",
}
"""Kind -> heading, in the order in which the kinds are printed."""


@dataclass(frozen=True)
class Entry:
    """One registered object, as the list shows it.

    Parameters
    ----------
    name, kind
        Its name, and a key of `TITLES`.
    documented
        The function or class whose docstring says what it does.
    declarations
        What declares its parameters.
    """

    name: str
    kind: str
    documented: Any
    declarations: tuple[Declaration, ...]

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return _summary(self.documented)

    @property
    def parameters(self) -> list[Parameter]:
        """All parameters, in order."""
        return [parameter for declaration in self.declarations for parameter in declaration.parameters()]


def show_modules(name: str | None) -> None:
    """Print all steps, modules, readers and exporters, a line each; or everything about one.

    Plugins that cannot be used are reported on stderr.

    Parameters
    ----------
    name
        Its name; None lists all.

    Raises
    ------
    UnknownNameError
        If there is none of this name; the message has the nearest ones.
    """
    entries, broken = list_entries()
    if name is None:
        _show_all(entries)
    else:
        known = {entry.name: entry.name for entry in entries}
        named = Registry("step, module, reader or exporter", known, aliases=ALIASES)[name]
        for entry in entries:
            if entry.name == named:
                _show_one(entry)
    for plugin, reason in broken.items():
        err.print(f"plugin {plugin} cannot be used: {reason}", markup=False)


def list_entries() -> tuple[list[Entry], dict[str, str]]:
    """Return everything that is registered.

    Returns
    -------
    entries : list of Entry
        What can be used, in the order of `TITLES`, then by name.
    broken : dict
        Name -> cause, for plugins that cannot be used.
    """
    steps, broken_steps = step_registry().load_all()
    modules, broken_modules = module_registry().load_all()
    readers, broken_readers = reader_registry().load_all()
    exporters, broken_exporters = exporter_registry().load_all()
    entries = [
        *(Entry(name, _step_kind(step), step.function, (step.declaration,)) for name, step in steps.items()),
        *(Entry(name, module.kind, module, module.declarations()) for name, module in modules.items()),
        *(_file_entry(name, "reader", reader.declaration) for name, reader in readers.items()),
        *(_file_entry(name, "exporter", exporter.declaration) for name, exporter in exporters.items()),
    ]
    kinds = list(TITLES)
    entries.sort(key=lambda entry: (kinds.index(entry.kind), entry.name))
    return entries, {**broken_steps, **broken_modules, **broken_readers, **broken_exporters}


def _summary(target: Any) -> str:
    return (inspect.getdoc(target) or "").partition("\n")[0]


def _step_kind(step: Step) -> str:
    """Return the kind of a step; a filter that sees neighbouring frames is listed with the video steps."""
    return step.kind if step.neighbours is None else "video"


def _file_entry(name: str, kind: str, declaration: Declaration) -> Entry:
    return Entry(name, kind, declaration.function, (declaration,))


def _show_all(entries: Sequence[Entry]) -> None:
    """Print a line for each entry under the heading of its kind."""
    width = max(len(entry.name) for entry in entries)
    for kind, title in TITLES.items():
        lines = [entry for entry in entries if entry.kind == kind]
        if lines:
            out.print(f"[bold]{title}[/bold]")
        for entry in lines:
            out.print(f"  {entry.name:{width}}  {entry.summary}", markup=False)
    out.print("\nplaynano modules NAME shows the parameters of one.", markup=False)


def _show_one(entry: Entry) -> None:
    """Print what an entry does, and its parameters as a table."""
    out.print(f"[bold]{entry.name}[/bold] ({TITLES[entry.kind]})")
    functions = [part.function for part in entry.declarations if not inspect.isclass(part.function)]
    for target in dict.fromkeys([*functions, entry.documented]):
        text = without_parameters(inspect.getdoc(target) or "")
        # The class of a module often says no more than its function.
        if target in functions or text.partition("\n")[0] not in map(_summary, functions):
            out.print(f"{text}\n", markup=False)
    parameters = entry.parameters
    if not parameters:
        out.print("It has no parameters.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading, width in (("parameter", None), ("unit", None), ("type and range", 22), ("default", 12)):
        table.add_column(heading, no_wrap=width is None, min_width=width, overflow="fold")
    table.add_column("meaning", ratio=1, overflow="fold")
    for parameter in parameters:
        default = "(needed)" if parameter.required else str(parameter.default)
        cells = (parameter.name, parameter.unit or "", parameter.type_name, default, parameter.description)
        table.add_row(*(Text(cell) for cell in cells))
    # A pipe has no width of its own.
    console = out if out.is_terminal else Console(width=max(out.width, 120), highlight=False)
    console.print(table)
