"""``playnano modules``."""

from __future__ import annotations

import inspect

from rich.table import Table

from playNano.analysis.pipeline import module_registry
from playNano.cli.console import err, out
from playNano.core.params import Declaration
from playNano.core.registry import Registry
from playNano.processing.steps import step_registry

Entry = tuple[str, str, tuple[Declaration, ...]]


def show_modules(name: str | None) -> None:
    """Print steps and modules with their parameters; with a name, only that one and its help text."""
    entries = _entries()
    if name is not None:
        entries = [Registry("step or module", {entry[0]: entry for entry in entries})[name]]
    for title, kind, declarations in entries:
        _show(title, kind, declarations)
        if name is not None:
            for declaration in declarations:
                out.print(f"{inspect.getdoc(declaration.function) or ''}\n", markup=False)
    for plugin, reason in {**step_registry().plugin_errors(), **module_registry().plugin_errors()}.items():
        err.print(f"plugin {plugin} cannot be used: {reason}", markup=False)


def _entries() -> list[Entry]:
    entries: list[Entry] = []
    steps, modules = step_registry(), module_registry()
    broken = {*steps.plugin_errors(), *modules.plugin_errors()}
    for name in steps:
        if name not in broken:
            entries.append((name, steps[name].kind, (steps[name].declaration,)))
    for name in modules:
        if name not in broken:
            entries.append((name, "analysis", modules[name].declarations()))
    return sorted(
        entries, key=lambda entry: (["filter", "mask", "video", "analysis"].index(entry[1]), entry[0])
    )


def _show(title: str, kind: str, declarations: tuple[Declaration, ...]) -> None:
    parameters = [parameter for declaration in declarations for parameter in declaration.parameters()]
    summary = (inspect.getdoc(declarations[0].function) or "").partition("\n")[0]
    out.print(f"[bold]{title}[/bold] ({kind}): {summary}")
    if not parameters:
        out.print()
        return
    table = Table(box=None, padding=(0, 3, 0, 2), header_style="dim")
    for heading in ("parameter", "default", "type and limits", "unit"):
        table.add_column(heading)
    for parameter in parameters:
        default = "needed" if parameter.required else repr(parameter.default)
        # Brackets in a type are not markup.
        cells = (parameter.name, default, parameter.type_name, parameter.unit or "")
        table.add_row(*(cell.replace("[", "\\[") for cell in cells))
    out.print(table)
    out.print()
