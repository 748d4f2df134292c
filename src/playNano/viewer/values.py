"""Values of parameters as text in a form, and back; without Qt."""

from __future__ import annotations

import json
import typing
from typing import Annotated, Any

from playNano.core.declaration import Parameter, accepts_text
from playNano.core.literals import Text

UNSET: Any = object()
"""What a field contains whose value is not given: the default is in effect."""


def is_listed(parameter: Parameter) -> bool:
    """Return whether a parameter has nothing but listed values, and None perhaps.

    Parameters
    ----------
    parameter
        The parameter.
    """
    words = " | ".join(repr(value) for value in parameter.choices)
    return bool(parameter.choices) and parameter.type_name.removesuffix(" or None") == words


def number_type(parameter: Parameter) -> type | None:
    """Return int, float or bool if a parameter is nothing else; else None.

    Parameters
    ----------
    parameter
        The parameter.
    """
    annotation = parameter.annotation
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation if annotation in (int, float, bool) else None


def to_text(value: Any) -> str:
    """Return a value as a user would write it; None as nothing.

    Parameters
    ----------
    value
        Value of a parameter.

    Examples
    --------
    >>> to_text(0.1), to_text(None), to_text([(1, 2.5), (3, 4)])
    ('0.1', '', '[[1, 2.5], [3, 4]]')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict) or (
        isinstance(value, list | tuple) and any(isinstance(v, dict) for v in value)
    ):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join('none' if part is None else to_text(part) for part in value)}]"
    if callable(value):
        return str(getattr(value, "__name__", value))
    return repr(value)


def from_text(text: str, parameter: Parameter) -> Any:
    """Return what a user wrote, to be validated by `playNano.core.params.bind_all`.

    Parameters
    ----------
    text
        The text. Nothing is None where that is allowed, else `UNSET`.
    parameter
        The parameter.

    Returns
    -------
    object
        None, `UNSET`, a dict, a str where the parameter is a text, or a `Text` that is converted by its type.

    Examples
    --------
    >>> from playNano.core.params import declared_parameters
    >>> def find(limit: int | None = 3, name: str = "x"): ...
    >>> limit, name = declared_parameters(find)
    >>> from_text("", limit), from_text("", name) is UNSET, from_text(" 5", limit), from_text("none", name)
    (None, True, '5', 'none')
    """
    text = text.strip()
    if not text:
        return None if parameter.allows_none else UNSET
    if text[0] in "[{" and "dict" in parameter.type_name:
        try:
            return json.loads(text)
        except ValueError:
            return text
    if accepts_text(parameter.annotation) and text[0] not in "[(":
        return text
    return Text(text)


def label_of(parameter: Parameter) -> str:
    """Return name and unit of a parameter.

    Parameters
    ----------
    parameter
        The parameter.
    """
    unit = {"channel's": "unit of the channel"}.get(parameter.unit or "", parameter.unit)
    return f"{parameter.name} ({unit})" if unit else parameter.name


def help_of(parameter: Parameter) -> str:
    """Return description, type, limits and default of a parameter in words.

    Parameters
    ----------
    parameter
        The parameter.
    """
    default = (
        "a value is needed" if parameter.required else f"default: {to_text(parameter.default) or 'none'}"
    )
    empty = "; empty = none" if parameter.allows_none else ""
    return f"{parameter.description}\n{parameter.type_name}{empty}; {default}".strip()
