"""Files and functions stay short enough to read, and say in the field's words what they are."""

import ast
import re
from functools import cache
from pathlib import Path

import playNano

PACKAGE = Path(playNano.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE, MAX_FUNCTION, MAX_PARAMETERS, MAX_WITHOUT_DOCSTRING = 400, 60, 8, 10

# Words of everyday speech for which the field has terms (docs/glossary.md).
NOT_WORDS = {
    "ground": "background, substrate",
    "grounds": "background, substrate",
    "ring": "annulus",
    "rings": "annulus",
    "summit": "peak",
    "summits": "peak",
    "least": "min",
    "most": "max",
    "reach": "search_range",
    "odds": "likelihood_ratio",
    "odd": "outlier",
    "pull": "regression",
    "told": "reported",
    "tells": "reports",
    "room": "package, workspace",
    "rooms": "packages, workspace",
    "asked": "params, options",
    "wanted": "params, options",
    "settle": "resolve",
    "settled": "resolved",
    "follow": "track",
    "ruler": "units",
    "look": "probe",
    "likeness": "model",
    "choice": "options",
    "notes": "report",
}


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(node):
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def is_private_module(path):
    return any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(PACKAGE).parts)


def public(path):
    """The functions and methods that users can reach by public names."""
    if is_private_module(path):
        return
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    yield method


def declares_parameters_elsewhere(decorator):
    """Whether a function overrides another, or is a command, whose options have help texts of their own."""
    if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
        return decorator.func.attr == "command"
    return isinstance(decorator, ast.Name) and decorator.id == "override"


def parameters(node):
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [a.arg for a in given if a.arg not in ("self", "cls")]


def complaints(check):
    """All that a check says of the files of the package, each line with the file."""
    return [
        f"{path.relative_to(PACKAGE).as_posix()}: {complaint}" for path in FILES for complaint in check(path)
    ]


def test_length():
    def check(path):
        lines = path.read_text(encoding="utf-8").count("\n") + 1
        if lines > MAX_FILE:
            yield f"{lines} lines"
        for node in functions(path):
            if body_lines(node) > MAX_FUNCTION:
                yield f"{node.name} has {body_lines(node)} lines"

    assert complaints(check) == []


def test_private_functions_take_few_parameters():
    def check(path):
        for node in functions(path):
            private = is_private_module(path) or node.name.startswith("_")
            count = len(parameters(node))
            if private and not node.name.startswith("__") and count > MAX_PARAMETERS:
                yield f"{node.name} takes {count} parameters"

    assert complaints(check) == []


def test_docstrings():
    def check(path):
        for node in functions(path):
            if not ast.get_docstring(node) and body_lines(node) > MAX_WITHOUT_DOCSTRING:
                yield f"{node.name} has no docstring"
        for node in public(path):
            text = ast.get_docstring(node) or ""
            if not text:
                yield f"{node.name} is public and has no docstring"
            if not parameters(node) or any(map(declares_parameters_elsewhere, node.decorator_list)):
                continue
            section = text.partition("Parameters\n")[2]
            missing = [p for p in parameters(node) if not re.search(rf"(?<!\w){p}(?!\w)", section)]
            if missing:
                yield f"the Parameters section of {node.name} does not describe {missing}"

    assert complaints(check) == []


def test_names_use_the_terms_of_the_field():
    def check(path):
        defined = {path.stem}
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.arg):
                defined.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                defined.add(node.id)
        for name in sorted(defined):
            for word in re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"):
                if word in NOT_WORDS:
                    yield f"{name}: the standard term is {NOT_WORDS[word]}"

    assert complaints(check) == []
