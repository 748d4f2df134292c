"""The texts that docs/reference/warnings.md quotes are those of the program."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "warnings.md"


def texts_of(source):
    """Return the constant parts of all strings of a source, those of joined strings in one piece."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_quoted_warning_is_a_text_of_the_program():
    known = "\n".join(
        text for file in (ROOT / "src").rglob("*.py") for text in texts_of(file.read_text(encoding="utf-8"))
    )
    rows = re.findall(r"^\| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.M)
    quoted = [
        quote
        for row in rows
        for quote in re.findall(r"`([^`]+)`", row)
        if " " in quote and "playnano" not in quote
    ]
    assert len(quoted) > 20
    assert [quote for quote in quoted if quote not in known] == []


SAYS_DOUBTS = re.compile(
    r"doubts?(_of)?$|_?warnings?$|^pixel_doubt$|^_warn_|^_not_levelled$|^_frames_over$|^_many_unusable$|^_refusal$|^_unexplained$"
)
"""Names of functions whose texts are warnings."""
NO_WARNINGS = {
    "curation/state.py",
    "core/html.py",
    "report/model.py",
    "cli/messages.py",
    "core/provenance.py",
}
"""Files with functions of such names that list the warnings of others."""


def is_list_of_warnings(node):
    """Whether a call is `doubts.append(...)`, `warnings.append(...)` or `....warn(...)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return node.func.attr == "warn" or (
        node.func.attr in ("append", "extend") and name in ("doubts", "warnings")
    )


def assigned(node, names):
    """Return whether a node gives a value to a variable of one of the names."""
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in names


def said_by(function):
    """Yield the expressions that a function of doubts returns, yields or lists."""
    for node in ast.walk(function):
        returned = isinstance(node, (ast.Return, ast.Yield)) and node.value is not None
        if returned or assigned(node, {"text", "texts"}):
            yield node.value
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "append":
            yield node.args[0]


def warnings_of(tree):
    """Yield the expressions of a source that are texts of warnings."""
    for node in ast.walk(tree):
        given = isinstance(node, ast.keyword) and node.arg in ("warnings", "doubt", "problem")
        if is_list_of_warnings(node) and node.args:
            yield node.args[0]
        elif given or assigned(node, {"doubt", "warnings"}):
            yield node.value
        elif isinstance(node, ast.FunctionDef) and SAYS_DOUBTS.search(node.name):
            yield from said_by(node)


def texts_in(expression):
    """Return the texts of an expression that are sentences, each of a list by itself."""
    if isinstance(expression, (ast.List, ast.Tuple)):
        return [text for part in expression.elts for text in texts_in(part)]
    texts = list(texts_of(ast.unparse(expression)))
    return ["\0".join(texts)] if max((text.count(" ") for text in texts), default=0) > 4 else []


def test_every_warning_of_the_source_is_on_the_page():
    quotes = re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8"))
    quotes = [quote for quote in quotes if " " in quote and len(quote) >= 12]
    missing, found = [], 0
    for file in sorted((ROOT / "src").rglob("*.py")):
        if any(file.as_posix().endswith(name) for name in NO_WARNINGS):
            continue
        for expression in warnings_of(ast.parse(file.read_text(encoding="utf-8"))):
            for text in texts_in(expression):
                if text.startswith("it is not"):  # why a file is refused
                    continue
                found += 1
                if not any(quote in text for quote in quotes):
                    missing.append(f"{file.name}: {text}")
    assert found > 60
    assert sorted(set(missing)) == []
