"""Checks of the fields that describe a scene or an instrument."""

from __future__ import annotations

import math
from typing import Any

from playNano.errors import ParameterError


def _fail(owner: object, name: str, must: str, value: Any) -> None:
    """Raise ParameterError with the requirement and the value of a field."""
    where = owner if isinstance(owner, str) else type(owner).__name__
    raise ParameterError(f"{where}: {name} must be {must}, got {value!r}.")


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, (str, bool)) and math.isfinite(value)
    except TypeError:
        return False


def positive(owner: object, **values: Any) -> None:
    """Raise ParameterError unless every value is a finite number above 0."""
    for name, value in values.items():
        if not (_is_number(value) and value > 0):
            _fail(owner, name, "a number above 0", value)


def not_negative(owner: object, **values: Any) -> None:
    """Raise ParameterError unless every value is a finite number of at least 0."""
    for name, value in values.items():
        if not (_is_number(value) and value >= 0):
            _fail(owner, name, "a number of at least 0", value)


def number(owner: object, **values: Any) -> None:
    """Raise ParameterError unless every value is a finite number."""
    for name, value in values.items():
        if not _is_number(value):
            _fail(owner, name, "a finite number", value)


def fraction(owner: object, **values: Any) -> None:
    """Raise ParameterError unless every value lies between 0 and 1, inclusive."""
    for name, value in values.items():
        if not (_is_number(value) and 0 <= value <= 1):
            _fail(owner, name, "a number from 0 to 1", value)


def whole(owner: object, minimum: int, **values: Any) -> None:
    """Raise ParameterError unless every value is an integer of at least `minimum`.

    Parameters
    ----------
    owner
        Object or name to which the values belong; the first part of the message.
    minimum
        Smallest allowed value.
    **values
        The values by name.
    """
    for name, value in values.items():
        if not (_is_number(value) and int(value) == value and value >= minimum):
            _fail(owner, name, f"an integer of at least {minimum}", value)


def pair(owner: object, name: str, value: Any) -> tuple[float, float]:
    """Return a (y, x) pair of finite numbers as floats; raise ParameterError for anything else.

    Parameters
    ----------
    owner
        Object or name to which the value belongs.
    name
        Its name.
    value
        The value.
    """
    try:
        y, x = value
    except (TypeError, ValueError):
        _fail(owner, name, "a pair (y, x) of numbers", value)
    if not (_is_number(y) and _is_number(x)):
        _fail(owner, name, "a pair (y, x) of finite numbers", value)
    return float(y), float(x)


def one_of(owner: object, name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise ParameterError unless the value is one of the allowed names.

    Parameters
    ----------
    owner
        Object or name to which the value belongs.
    name
        Its name.
    value
        The value.
    allowed
        The allowed names.
    """
    if value not in allowed:
        _fail(owner, name, "one of " + ", ".join(repr(a) for a in allowed), value)
