"""Pages of the reference that are written from the declarations: steps, command line, API, record, results."""

import inspect
import json
import posixpath
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from api_groups import GROUPS, Group
from architecture import draw
from repository_links import ROOT, rewrite
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, NumpyDocstring

from playNano.cli.modules import TITLES, Entry, list_entries
from playNano.core.docstrings import sections
from playNano.core.params import Parameter

GENERATED = Path(__file__).parents[1] / "generated"
WRITTEN: set[Path] = set()
NAPOLEON = Config(napoleon_google_docstring=False, napoleon_use_rtype=False)
INTRODUCTION = {
    "filter": "Frame by frame: `--process` and `--steps` of `playnano process`, `ProcessingPipeline.add_filter`.",
    "mask": "Which pixels the steps that follow leave out; `feature_detection` takes one as `mask_fn`.",
    "video": "Steps that see several frames or the whole movie.",
    "edit": "Steps that change frames, geometry or time; size, times and scan direction change with the pixels.",
    "quality": "Which frames carry an observation.",
    "detection": "What is on the surface, frame by frame.",
    "tracking": "Which detections are the same particle.",
    "clustering": "Groups of detections or tracks.",
    "measurement": "Numbers with intervals, or a status that says why there is none.",
    "analysis": "Other modules.",
    "reader": "Files that can be opened. [File formats](/formats.md) says what each was tested on.",
    "exporter": "Files that can be written: `--export NAME`, or `playnano convert`.",
}


def write(name: str, text: str) -> None:
    """Write a page, unless it is the same already."""
    page = GENERATED / name
    WRITTEN.add(page)
    page.parent.mkdir(parents=True, exist_ok=True)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def contents(entries: list[str], *, hidden: bool = False) -> str:
    """Return a list of contents."""
    options = ":maxdepth: 1\n" + (":hidden:\n" if hidden else "")
    return "```{toctree}\n" + options + "\n" + "\n".join(entries) + "\n```\n"


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return " ".join(text.replace("``", "`").split()).replace("|", r"\|").replace("$", r"\$")


def parameter_table(parameters: list[Parameter]) -> str:
    """Return the parameters of an entry as a table."""
    if not parameters:
        return "No parameters.\n"
    rows = ["| parameter | type and range | unit | default | meaning |", "|---|---|---|---|---|"]
    for p in parameters:
        default = "needed" if p.required else f"`{p.default}`"
        cells = (f"`{p.name}`", cell(p.type_name), p.unit or "", default, cell(p.description))
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def rest_of_docstring(doc: str) -> str:
    """Return a docstring without its first line and its parameters, as reStructuredText."""
    kept = []
    for heading, text in sections(doc).items():
        if heading in ("Parameters", "Other Parameters"):
            continue
        body = text.partition("\n")[2].strip() if heading == "" else text
        kept.append(f"{heading}\n{'-' * len(heading)}\n{body}\n" if heading else f"{body}\n")
    return str(NumpyDocstring("Summary.\n\n" + "\n".join(kept), NAPOLEON)).removeprefix("Summary.").strip()


def embedded(text: str) -> str:
    """Return reStructuredText within Markdown."""
    return f"````{{eval-rst}}\n{text}\n````\n" if text else ""


def entry_text(entry: Entry) -> str:
    """Return the section on a step, module, reader or exporter."""
    functions = [part.function for part in entry.declarations if not inspect.isclass(part.function)]
    docs = [inspect.getdoc(target) or "" for target in dict.fromkeys([entry.documented, *functions])]
    return "\n".join(
        [
            f"## {entry.name}\n",
            f"{entry.summary.replace('``', '`')}\n",
            parameter_table(entry.parameters),
            *(embedded(rest_of_docstring(doc)) for doc in docs),
        ]
    )


def write_entries() -> None:
    """Write a page for each kind of steps and modules, and the list of all."""
    entries = [entry for entry in list_entries()[0] if is_builtin(entry)]
    overview = []
    for kind, title in TITLES.items():
        mine = [entry for entry in entries if entry.kind == kind]
        if not mine:
            continue
        write(f"steps/{kind}.md", f"# {title}\n\n{INTRODUCTION[kind]}\n\n" + "\n".join(map(entry_text, mine)))
        overview.append(f"## {title}\n\n| name | what it does |\n|---|---|")
        overview += [f"| [{e.name}]({kind}.md#{anchor(e.name)}) | {cell(e.summary)} |" for e in mine]
        overview.append("")
    kinds = [kind for kind in TITLES if any(entry.kind == kind for entry in entries)]
    head = (
        "# Steps, modules, readers, exporters\n\nWritten from their declarations; `playnano modules NAME` prints "
        "the same, and also what plugins have added. How they are used: [pipelines](/reference/pipelines.md).\n\n"
    )
    write("steps/index.md", head + contents(kinds, hidden=True) + "\n" + "\n".join(overview))


def is_builtin(entry: Entry) -> bool:
    """Return whether an object belongs to playNano itself; plugins of this machine do not belong on the site."""
    return str(getattr(entry.documented, "__module__", "")).startswith("playNano.")


def anchor(name: str) -> str:
    """Return the anchor of a heading, as the parser makes it."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def write_command_line() -> None:
    """Write the page on the command line from the declarations of its commands."""
    import typer

    from playNano.cli.app import app

    root = typer.main.get_command(app)
    parts = [
        "# Command line\n\nWritten from the declarations of the commands; `playnano COMMAND --help` prints the same.\n",
        "`playnano --strict COMMAND` makes warnings errors, `playnano --debug COMMAND` shows the traceback of an "
        "error, `playnano --version` the version. The exit code is 0 if all went well, 2 after an error.\n",
    ]
    commands = dict(sorted(root.commands.items()))  # type: ignore[attr-defined]
    parts.append("| command | |\n|---|---|")
    parts += [
        f"| [{name}](#{anchor(name)}) | {cell(c.short_help or c.get_short_help_str())} |"
        for name, c in commands.items()
    ]
    parts.append("")
    for name, command in commands.items():
        parts += [f"## {name}\n", (command.help or "").replace("\b", "").strip() + "\n"]
        rows = ["| argument or option | default | meaning |", "|---|---|---|"]
        for parameter in command.params:
            names = "`" + "`, `".join(parameter.opts) + "`"
            if parameter.param_type_name == "argument":
                names = f"`{str(parameter.name).upper()}`" + (" ..." if parameter.nargs == -1 else "")
            choices = choices_of(parameter)
            meaning = cell(getattr(parameter, "help", "") or "")
            if choices:
                meaning += " One of " + ", ".join(f"`{choice}`" for choice in choices) + "."
            default = parameter.default
            empty = (
                default is None
                or default is False
                or callable(default)
                or "Sentinel" in type(default).__name__
                or default == ()
            )
            shown = "needed" if parameter.required else "" if empty else f"`{default}`"
            rows.append(f"| {names} | {shown} | {meaning} |")
        parts += ["\n".join(rows), ""]
    write("command_line.md", "\n".join(parts))


def choices_of(parameter: Any) -> list[str]:
    """Return the words that an option of the command line allows, if they are listed."""
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if annotation is not None and get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [
        str(getattr(word, "value", word))
        for word in getattr(getattr(parameter, "type", None), "choices", None) or ()
    ]


def group_text(group: Group) -> str:
    """Return the page of the API reference on a group."""
    entries = group.entries()
    rows = [f"# {group.title}\n\n{group.text}\n", "| name | |", "|---|---|"]
    body = []
    for module, name, target in entries:
        summary = (inspect.getdoc(target) or "").partition("\n")[0] if callable(target) else "Constant."
        rows.append(f"| {{py:obj}}`{name} <{module}.{name}>` | {cell(summary)} |")
        kind = "class" if inspect.isclass(target) else "function" if callable(target) else "data"
        if inspect.isclass(target) and issubclass(target, BaseException):
            kind = "exception"
        options = "   :members:\n   :inherited-members: object, BaseException\n" if kind == "class" else ""
        if kind == "data":
            body.append(embedded(f".. py:data:: {module}.{name}\n\n   {constant_text(target)}"))
            continue
        body.append(embedded(f".. auto{kind}:: {module}.{name}\n{options}"))
    return "\n".join(rows) + "\n\n" + "\n".join(body)


def write_api() -> None:
    """Write the pages of the API reference."""
    for group in GROUPS:
        write(f"api/{group.name}.md", group_text(group))
    head = (
        "# Python interface\n\nThe public functions and classes by kind. Every function has an example.\n\n"
    )
    lines = [f"* [{g.title}]({g.name}.md): {g.text}" for g in GROUPS]
    write("api/index.md", head + "\n".join(lines) + "\n\n" + contents([g.name for g in GROUPS], hidden=True))


def constant_text(value: Any) -> str:
    """Return a line on a constant: the names in a mapping, or its value."""
    if isinstance(value, dict):
        return "Names: " + ", ".join(f"``{name}``" for name in value) + "."
    return f"``{value!r}``"


def schema_rows(model: dict[str, Any], name: str) -> str:
    """Return the fields of one part of a record as a table."""
    rows = [
        f"## {name}\n",
        model.get("description", "").partition("\n")[0] + "\n",
        "| field | type | meaning |",
        "|---|---|---|",
    ]
    needed = model.get("required", [])
    for field, spec in model.get("properties", {}).items():
        kind = cell(type_text(spec)) + ("" if field in needed else ", not always")
        rows.append(f"| `{field}` | {kind} | {cell(spec.get('description', ''))} |")
    return "\n".join(rows) + "\n"


def type_text(spec: dict[str, Any]) -> str:
    """Return the type of a field of a JSON schema in words."""
    if "$ref" in spec:
        name = posixpath.basename(spec["$ref"])
        return f"[{name}](#{name.lower()})"
    if "anyOf" in spec:
        return " or ".join(type_text(part) for part in spec["anyOf"])
    if "allOf" in spec:
        return type_text(spec["allOf"][0])
    if "const" in spec:
        return f"`{spec['const']}`"
    if "enum" in spec:
        return " or ".join(f"`{value}`" for value in spec["enum"])
    if spec.get("type") == "array":
        return f"list of {type_text(spec.get('items', {}))}"
    if spec.get("type") == "object" and isinstance(spec.get("additionalProperties"), dict):
        return f"object of {type_text(spec['additionalProperties'])}"
    return str(spec.get("type", "any"))


def write_schema() -> None:
    """Write the page on the fields of a record from its model."""
    from playNano.analysis.record_model import Record

    schema = Record.model_json_schema()
    parts = [
        "# Fields of a record\n\nWritten from the model against which `record.json` is checked when it is read. "
        "Other fields are allowed. What records are for: [records](/record.md).\n",
        schema_rows(schema, "Record"),
        *(schema_rows(part, name) for name, part in schema["$defs"].items()),
        "## JSON schema\n",
        f"```json\n{json.dumps(schema, indent=1)}\n```\n",
    ]
    write("record_fields.md", "\n".join(parts))


def write_results() -> None:
    """Copy what was measured, the changes and the contributors' guide, with links to pages of the site."""
    results = sorted((ROOT / "benchmarks" / "results").glob("*.md"))
    for page in results:
        write(
            f"results/{page.name}",
            rewrite(page.read_text(encoding="utf-8"), f"benchmarks/results/{page.name}"),
        )
    index = rewrite((ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8"), "benchmarks/README.md")
    write("results/index.md", f"{index}\n\n" + contents([page.stem for page in results]))
    for source, name in (("CHANGELOG.md", "changelog.md"), ("CONTRIBUTING.md", "contributing.md")):
        write(name, rewrite((ROOT / source).read_text(encoding="utf-8"), source))


def generate(app: Sphinx) -> None:
    """Write all pages, and remove those of an earlier build that have no source any more."""
    WRITTEN.clear()
    write_entries()
    write_command_line()
    write_api()
    write_schema()
    write_results()
    write("architecture.svg", draw())
    for page in set(GENERATED.rglob("*.md")) - WRITTEN:
        page.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before any page is read."""
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True}
