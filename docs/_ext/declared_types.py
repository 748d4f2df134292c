"""Types, limits and units beside the parameters of the API reference, as the signatures declare them."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from playNano.core.params import declared_parameters

if TYPE_CHECKING:
    from sphinx.application import Sphinx

RULE = re.compile(r"-{3,}")


def with_types(lines: list[str], types: dict[str, str]) -> list[str]:
    """Add the type to each line that names parameters in a numpydoc section `Parameters`.

    Examples
    --------
    >>> with_types(["Parameters", "----------", "y, x", "    Position."], {"y": "float", "x": "float"})
    ['Parameters', '----------', 'y, x : float', '    Position.']
    """
    result, inside = [], False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if RULE.fullmatch(following):
            inside = line in ("Parameters", "Other Parameters")
        elif inside and re.fullmatch(r"[*\w]+(, [*\w]+)*", line):
            kinds = dict.fromkeys(types.get(name.strip(" *"), "") for name in line.split(","))
            text = "; ".join(filter(None, kinds))
            line = f"{line} : {text}" if text else line
        result.append(line)
    return result


def type_texts(target: Any) -> dict[str, str]:
    """Return the type in words, with limits and unit, of each parameter of a function or dataclass."""
    texts = {}
    with contextlib.suppress(TypeError, ValueError, NameError, AttributeError):  # no signature to read
        for parameter in declared_parameters(target):
            unit = f", {parameter.unit}" if parameter.unit else ""
            default = "" if parameter.required else f", default {parameter.default!r}"
            if len(default) > 40 or " object at 0x" in default or default.startswith(", default <"):
                default = ""
            kind = "" if parameter.type_name == "Any" else parameter.type_name
            texts[parameter.name] = f"{kind}{unit}{default}".strip(" ,").replace("*", r"\*")
    return texts


def add_types(app: Sphinx, what: str, name: str, target: Any, options: Any, lines: list[str]) -> None:
    """Add types to the docstring of a function or class."""
    if what in ("function", "class", "method"):
        lines[:] = with_types(lines, type_texts(target))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to autodoc, before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", add_types, priority=100)
    return {"parallel_read_safe": True}
