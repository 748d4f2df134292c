"""``playnano modules``: list steps, modules, readers and exporters, and their parameters."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from playNano.analysis.exporters import exporter_registry
from playNano.analysis.pipeline import module_registry
from playNano.cli.console import err, out
from playNano.core.docstrings import parameter_descriptions, sections
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

NARROW = 100
"""Terminal width, columns, below which parameters are listed below each other instead of in a table."""


@dataclass(frozen=True)
class Entry:
    """One registered object in the list.

    Parameters
    ----------
    name, kind
        Its name, and a key of `TITLES`.
    documented
        The function or class whose docstring describes it.
    declarations
        Declarations of its parameters.
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
    """Print all steps, modules, readers and exporters, one line each; or the description of one.

    Plugins that cannot be used are reported on stderr.

    Parameters
    ----------
    name
        Its name; None lists all.

    Raises
    ------
    UnknownNameError
        If there is no object with this name; the message has the most similar names.
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
    """Return all registered objects, and the errors of plugins.

    Returns
    -------
    entries : list of Entry
        Usable objects, in the order of `TITLES`, then by name.
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
        *(_file_entry(name, "reader", *reader.declarations) for name, reader in readers.items()),
        *(_file_entry(name, "exporter", exporter.declaration) for name, exporter in exporters.items()),
    ]
    kinds = list(TITLES)
    entries.sort(key=lambda entry: (kinds.index(entry.kind), entry.name))
    return entries, {**broken_steps, **broken_modules, **broken_readers, **broken_exporters}


def _summary(target: Any) -> str:
    return (inspect.getdoc(target) or "").partition("\n")[0]


def _step_kind(step: Step) -> str:
    """Return the kind of a step; a filter that uses neighbouring frames is listed with the video steps."""
    return step.kind if step.neighbours is None else "video"


def _file_entry(name: str, kind: str, *declarations: Declaration) -> Entry:
    return Entry(name, kind, declarations[0].function, declarations)


def _show_all(entries: Sequence[Entry]) -> None:
    """Print a line for each entry under the heading of its kind; in a terminal long lines are wrapped."""
    width = max(len(entry.name) for entry in entries)
    for kind, title in TITLES.items():
        lines = [entry for entry in entries if entry.kind == kind]
        if lines:
            out.print(f"[bold]{title}[/bold]")
        for entry in lines:
            name = f"  {entry.name:{width}}  "
            wrapped = _fill(entry.summary, out.width, len(name), name)
            out.print(wrapped if out.is_terminal else f"{name}{entry.summary}", markup=False)
    out.print("\nplaynano modules NAME shows the parameters of one.", markup=False)


def _show_one(entry: Entry) -> None:
    """Print the summary of an entry, its parameters, the rest of its description, and its return values."""
    # A pipe has no terminal width.
    width = out.width if out.is_terminal else max(out.width, 120)
    out.print(f"[bold]{entry.name}[/bold] ({TITLES[entry.kind]})")
    out.print(f"{_fill(_plain(entry.summary), width)}\n", markup=False)
    if entry.kind == "reader":
        channel = parameter_descriptions(entry.documented).get(entry.declarations[0].skip[-1], "")
        out.print(f"{_fill(_plain(channel), width, 4, '--channel: ')}\n", markup=False)
    if not entry.parameters:
        out.print("It has no parameters.\n" if entry.kind != "reader" else "It has no other parameters.\n")
    elif width < NARROW:
        _print_list(entry.parameters, width)
    else:
        _print_table(entry.parameters, width)
    functions = [part.function for part in entry.declarations if not inspect.isclass(part.function)]
    texts = [
        sections(inspect.getdoc(target) or "") for target in dict.fromkeys([entry.documented, *functions])
    ]
    for text in texts:
        description = text[""].partition("\n\n")[2]
        for paragraph in filter(None, description.split("\n\n")):
            out.print(f"{_fill(_plain(paragraph), width)}\n", markup=False)
    for text in texts:
        if "Returns" in text:
            out.print(f"[bold]Returns[/bold]\n{escape(_returns(text['Returns'], width))}\n")


def _print_table(parameters: Sequence[Parameter], width: int) -> None:
    """Print parameters as a table, one row each."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading, max_width in (("parameter", None), ("unit", None), ("type and range", 24), ("default", 18)):
        table.add_column(heading, no_wrap=max_width is None, max_width=max_width, overflow="fold")
    table.add_column("meaning", ratio=1, overflow="fold")
    for parameter in parameters:
        cells = (parameter.name, parameter.unit or "", parameter.type_name, _default(parameter))
        table.add_row(*map(Text, cells), Text(_plain(parameter.description)))
    lines = Console(width=width, highlight=False)
    lines.print(table)
    lines.print()


def _print_list(parameters: Sequence[Parameter], width: int) -> None:
    """Print parameters as a list: name, type and default, followed by the description."""
    for parameter in parameters:
        unit = f" ({parameter.unit})" if parameter.unit else ""
        default = "needed" if parameter.required else f"default {_default(parameter)}"
        head = f"{parameter.name}{unit}: {parameter.type_name}, {default}"
        meaning = _fill(_plain(parameter.description), width, 4, " " * 4)
        out.print(f"{_fill(head, width, 8)}\n{meaning}\n", markup=False)


def _default(parameter: Parameter) -> str:
    return "(needed)" if parameter.required else str(parameter.default)


def _plain(text: str) -> str:
    """Replace the double backticks in the text of a docstring by single ones."""
    return text.replace("``", "`")


def _fill(text: str, width: int, indent: int = 0, first: str = "") -> str:
    """Wrap text to a width; the first line begins with `first`, the others are indented."""
    return textwrap.fill(
        " ".join(text.split()),
        width,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _returns(text: str, width: int) -> str:
    """Wrap the ``Returns`` section of a docstring, with every key of a dict on a new line."""
    items: list[str] = []
    for line in text.splitlines():
        begins = not line.startswith(" ") or not items or not items[-1].startswith(" ")
        if begins or _is_key(line):
            items.append(line)
        else:
            items[-1] += f" {line.strip()}"
    lines = []
    for item in items:
        indent = 8 if _is_key(item) else 4
        lines.append(_fill(_plain(item), width, indent, " " * 4) if item.startswith(" ") else item)
    return "\n".join(lines)


def _is_key(line: str) -> bool:
    """Return whether a line describes a key of a dict."""
    return re.match(r" +``[^`]+``:", line) is not None
