"""Parse the descriptions of parameters in numpydoc docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

_SECTIONS = ("Parameters", "Other Parameters")


def parameter_descriptions(target: Any) -> dict[str, str]:
    """Return the description of each parameter in the ``Parameters`` section of a docstring.

    Parameters
    ----------
    target
        A function or class. A class inherits the descriptions of its bases.

    Returns
    -------
    dict
        Name -> the first paragraph of its description, on one line. Names that share an entry, as in
        "y, x", share its description.

    Examples
    --------
    >>> def smooth(frame, sigma, radius):
    ...     \"\"\"Smooth a frame.
    ...
    ...     Parameters
    ...     ----------
    ...     frame
    ...         Heights.
    ...     sigma, radius : float
    ...         Width of the Gaussian,
    ...         px.
    ...     \"\"\"
    >>> parameter_descriptions(smooth)
    {'frame': 'Heights.', 'sigma': 'Width of the Gaussian, px.', 'radius': 'Width of the Gaussian, px.'}
    """
    sources = reversed(target.__mro__[:-1]) if inspect.isclass(target) else (target,)
    descriptions: dict[str, str] = {}
    for source in sources:
        # `inspect.getdoc` would return the docstring of the base for a class without one, and parse it twice.
        doc = inspect.cleandoc(source.__dict__.get("__doc__") or "") if inspect.isclass(source) else None
        descriptions.update(_described(inspect.getdoc(source) or "" if doc is None else doc))
    return descriptions


def sections(doc: str) -> dict[str, str]:
    """Return the sections of a numpydoc docstring.

    Parameters
    ----------
    doc
        As `inspect.getdoc` returns it.

    Returns
    -------
    dict
        Heading -> text, in order; the text before the first heading has the key "".

    Examples
    --------
    >>> doc = '''Smooth.
    ...
    ... Returns
    ... -------
    ... float
    ... '''
    >>> sections(doc)
    {'': 'Smooth.', 'Returns': 'float'}
    """
    texts: dict[str, list[str]] = {"": []}
    name = ""
    for line, following in pairwise([*doc.splitlines(), ""]):
        if _is_rule(following) and line.strip():
            name = line
            texts[name] = []
        elif not (_is_rule(line) and not texts[name]):
            texts[name].append(line)
    return {name: "\n".join(lines).strip() for name, lines in texts.items()}


def _is_rule(line: str) -> bool:
    """Return whether a line underlines a heading."""
    return re.fullmatch(r"-{3,}", line) is not None


def _described(doc: str) -> dict[str, str]:
    """Return the descriptions in a docstring without indentation."""
    descriptions: dict[str, str] = {}
    names: list[str] = []
    lines: list[str] = []
    for line in [*_parameter_lines(doc), "end"]:
        if line.startswith((" ", "\t")) or not line:
            lines.append(line.strip())
            continue
        text = " ".join(lines[: lines.index("")] if "" in lines else lines)
        descriptions.update(dict.fromkeys(names, text))
        names = [name.strip(" *") for name in line.partition(" :")[0].split(",")]
        lines = []
    return descriptions


def _parameter_lines(doc: str) -> Iterator[str]:
    """Yield the lines of the sections that describe parameters."""
    inside = False
    for line, following in pairwise([*doc.splitlines(), ""]):
        if re.fullmatch(r"-{3,}", following):
            inside = line in _SECTIONS
        elif inside and not re.fullmatch(r"-{3,}", line):
            yield line
