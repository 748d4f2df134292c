"""Check of a function's keyword arguments against the limits that its annotations declare."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from playNano._options import check_options

P = ParamSpec("P")
R = TypeVar("R")


def check_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Check the keyword-only arguments of a function against its annotations at every call.

    Parameters
    ----------
    function
        A function whose annotations may hold limits: ``width: Annotated[float, Field(gt=0)] = 1.0``.

    Returns
    -------
    callable
        The function, with the check of `playNano._options.check_options` before it: it raises `ParameterError`.

    Examples
    --------
    >>> from typing import Annotated
    >>> from pydantic import Field
    >>> @check_arguments
    ... def smooth(*, width: Annotated[float, Field(gt=0)] = 1.0) -> float: return width
    >>> smooth(width=-2.0)
    Traceback (most recent call last):
        ...
    playNano.errors.ParameterError: width = -2.0: Input should be greater than 0
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        check_options(_arguments_class(function)(**kwargs))
        return function(*args, **kwargs)

    return call


@functools.cache
def _arguments_class(function: Callable[..., Any]) -> type:
    """Return a dataclass with the keyword-only parameters of a function."""
    hints = typing.get_type_hints(function, include_extras=True)
    declared = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    # Parameters without a default come first in a dataclass.
    required = [(p.name, hints[p.name]) for p in declared if p.default is p.empty]
    optional = [
        (p.name, hints[p.name], dataclasses.field(default=p.default))
        for p in declared
        if p.default is not p.empty
    ]
    return dataclasses.make_dataclass(function.__name__, [*required, *optional])
