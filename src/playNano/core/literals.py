"""Parse values that users write as text: on the command line, in step strings, in pipeline files."""

from __future__ import annotations

import re
from typing import Any

_INTEGER = re.compile(r"[+-]?\d+")
_WORDS: dict[str, Any] = {"true": True, "false": False, "none": None, "null": None}


class Text(str):
    """A value that a user wrote as text (in a step string); it is converted to the type of its parameter."""

    __slots__ = ()


def parse_literal(text: str) -> Any:
    """Parse a number, a bool, None or a list from text; other text is returned unchanged.

    Parameters
    ----------
    text
        The text, such as "1e-3", "true", "none" or "[1, 2]".

    Returns
    -------
    object
        int, float, bool, None, list or str.

    Examples
    --------
    >>> parse_literal("1e-3"), parse_literal("true"), parse_literal("[x, 2]"), parse_literal("mask")
    (0.001, True, ['x', 2], 'mask')
    """
    text = text.strip()
    if text[:1] in "[(" and text[-1:] == {"[": "]", "(": ")"}.get(text[:1]):
        return [parse_literal(part) for part in split_outside_brackets(text[1:-1], ",") if part.strip()]
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    try:
        return float(text)
    except ValueError:
        return text


def split_outside_brackets(text: str, separator: str) -> list[str]:
    """Split at a separator, but not inside brackets.

    Parameters
    ----------
    text
        The text.
    separator
        One character.

    Returns
    -------
    list of str
        The parts.

    Examples
    --------
    >>> split_outside_brackets("a=[1,2],b=3", ",")
    ['a=[1,2]', 'b=3']
    """
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]
