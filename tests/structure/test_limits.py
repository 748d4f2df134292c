"""Files and functions stay short enough to read, and say in the field's words what they are."""

import ast
import re
from pathlib import Path

import pytest

import playNano

PACKAGE = Path(playNano.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]
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


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(node):
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def public(path):
    """The functions and methods that users can reach by public names."""
    if any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(PACKAGE).parts):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
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


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_length(path):
    lines = path.read_text(encoding="utf-8").count("\n") + 1
    assert lines <= MAX_FILE, f"{lines} lines"
    long = {node.name: body_lines(node) for node in functions(path) if body_lines(node) > MAX_FUNCTION}
    assert not long


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_private_functions_take_few_parameters(path):
    many = {
        node.name: len(parameters(node))
        for node in functions(path)
        if node.name.startswith("_")
        and not node.name.startswith("__")
        and len(parameters(node)) > MAX_PARAMETERS
    }
    assert not many


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_docstrings(path):
    silent = [
        n.name for n in functions(path) if not ast.get_docstring(n) and body_lines(n) > MAX_WITHOUT_DOCSTRING
    ]
    assert not silent
    for node in public(path):
        text = ast.get_docstring(node) or ""
        assert text, node.name
        if not parameters(node):
            continue
        if any(map(declares_parameters_elsewhere, node.decorator_list)):
            continue
        assert "Parameters\n" in text, f"{node.name} has no Parameters section"
        section = text.split("Parameters\n", 1)[1]
        missing = [p for p in parameters(node) if not re.search(rf"(?<!\w){p}(?!\w)", section)]
        assert not missing, f"{node.name} does not describe {missing}"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_names_use_the_terms_of_the_field(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {path.stem}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
    bad = {}
    for name in defined:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")
        for word in words:
            if word in NOT_WORDS:
                bad[name] = NOT_WORDS[word]
    assert not bad, f"use the standard term: {bad}"
