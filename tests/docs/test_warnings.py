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
