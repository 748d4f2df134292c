"""Validate parameters against their declarations.

A function's signature is the declaration of its parameters: names, types, limits and defaults.
`bind_params` converts the values given by a caller into the values in effect, or raises an error that states the cause.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ParamSpec, TypeVar

from playNano._options import Unit
from playNano.core.declaration import (
    Declaration,
    Parameter,
    accepts_none,
    accepts_text,
    declared_parameters,
    describe_type,
    signature_parameters,
)
from playNano.core.literals import Text, parse_literal
from playNano.errors import ParameterError

__all__ = [
    "Declaration",
    "Parameter",
    "Unit",
    "bind_all",
    "bind_params",
    "checked",
    "declared_parameters",
    "describe_type",
    "unknown_message",
]

P = ParamSpec("P")
R = TypeVar("R")


def bind_params(
    function: Callable[..., Any],
    params: Mapping[str, Any],
    *,
    where: str,
    skip: Collection[str] = (),
) -> dict[str, Any]:
    """Validate the parameters of a call, and return the values in effect, defaults included.

    Parameters
    ----------
    function
        The function whose signature declares the parameters: types, limits
        (``Annotated[float, Field(gt=0)]``) and defaults.
    params
        Values by name, as given by the caller. `Text` values are converted to the type of the parameter.
    where
        Context for error messages: ``"step 2 (gaussian_filter)"``.
    skip
        Leading parameters that the caller does not give, such as ``stack``.

    Returns
    -------
    dict
        Every declared parameter with its value in effect, in the signature's order. Where the
        signature has ``**kwargs``, additional names are appended unchanged.

    Raises
    ------
    ParameterError
        For a name that is not in the signature (the message has the most similar one), a value
        of the wrong type or outside the limits, or a missing value.

    Examples
    --------
    >>> def smooth(frame, sigma: float = 1.0, times: int = 1): ...
    >>> bind_params(smooth, {"sigma": Text("1e-3")}, where="smooth", skip=("frame",))
    {'sigma': 0.001, 'times': 1}
    """
    return bind_all([Declaration(function, tuple(skip))], params, where=where)


def bind_all(declarations: Sequence[Declaration], params: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Validate parameters that are declared by several functions together, and return the values in effect.

    Parameters
    ----------
    declarations
        The functions.
    params
        Values by name, as given by the caller.
    where
        Context for error messages.

    Returns
    -------
    dict
        Every declared parameter with its value in effect.

    Raises
    ------
    ParameterError
        As in `bind_params`; an unknown name is compared with the names of all functions.

    Examples
    --------
    >>> def detect(stack, size: int = 3): ...
    >>> def mask(frame, level: float = 0.5): ...
    >>> both = [Declaration(detect, ("stack",)), Declaration(mask, ("frame",))]
    >>> bind_all(both, {"level": 2}, where="detect")
    {'size': 3, 'level': 2.0}
    """
    declared: dict[str, tuple[inspect.Parameter, Any]] = {}
    is_open = False
    for declaration in declarations:
        own, own_open = signature_parameters(declaration.function, declaration.skip)
        declared |= own
        is_open |= own_open and not declaration.closed
    unknown = [name for name in params if name not in declared]
    if unknown and not is_open:
        raise ParameterError(unknown_message(unknown[0], declared, where))
    bound: dict[str, Any] = {}
    for name, (parameter, annotation) in declared.items():
        if name in params:
            bound[name] = _convert(params[name], annotation, name, where)
        elif parameter.default is inspect.Parameter.empty:
            raise ParameterError(
                f"{where}: parameter {name!r} ({describe_type(annotation)}) is needed and was not given"
            )
        else:
            bound[name] = parameter.default
    bound.update({name: _plain(params[name]) for name in unknown})
    return bound


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that its keyword-only parameters are validated at every call.

    Parameters
    ----------
    function
        The function; its positional arguments are passed on unchanged.

    Returns
    -------
    callable
        The function, which raises `ParameterError` for an unknown or invalid parameter.

    Examples
    --------
    >>> from typing import Annotated
    >>> @checked
    ... def grow(*, factor: Annotated[float, "times"] = 2.0) -> float: return factor
    >>> grow(factor=3)
    3.0
    """
    positional = [
        p.name
        for p in inspect.signature(function).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        leading = {name: kwargs[name] for name in positional if name in kwargs}
        given = {name: value for name, value in kwargs.items() if name not in leading}
        where = str(getattr(args[0], "name", function.__name__)) if args else function.__name__
        bound = bind_params(function, given, where=where, skip=positional)
        return function(*args, **{**leading, **bound})

    return call


def unknown_message(name: str, known: Collection[str], where: str) -> str:
    """Return the error message for an unknown parameter: the most similar name, and all known names.

    Parameters
    ----------
    name
        The unknown name.
    known
        The valid names.
    where
        Context for the message.

    Returns
    -------
    str
        One line.
    """
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{where}: unknown parameter {name!r}{hint} (it takes: {', '.join(known) or 'none'})"


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return parse_literal(value)
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "shape", None) == ():
        return item()
    return value


@functools.lru_cache(maxsize=1024)
def _adapter(annotation: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a type with its own configuration
        return TypeAdapter(annotation)


def _convert(value: Any, annotation: Any, name: str, where: str) -> Any:
    """Return a value converted to its declared type, or raise `ParameterError`."""
    from pydantic import ValidationError

    given, value = value, _from_text(value, annotation)
    if annotation is Any or annotation is inspect.Parameter.empty:
        return value
    if getattr(value, "ndim", 0) and hasattr(value, "tolist"):
        value = value.tolist()
    try:
        converted = _adapter(annotation).validate_python(value)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]["msg"]
        raise ParameterError(
            f"{where}: parameter {name!r} must be {describe_type(annotation)}, got {given!r} ({problem})"
        ) from error
    if isinstance(value, bool) and not isinstance(converted, bool):
        raise ParameterError(
            f"{where}: parameter {name!r} must be {describe_type(annotation)}, got {given!r}"
        )
    if isinstance(converted, float) and converted != converted:
        raise ParameterError(f"{where}: parameter {name!r} must be a number, got {given!r}")
    return converted


def _from_text(value: Any, annotation: Any) -> Any:
    if isinstance(value, Text):
        literal = parse_literal(value)
        # A literal that is text still is the text without its quotation marks.
        read = isinstance(literal, (list, str)) or (literal is None and accepts_none(annotation))
        return str(value) if accepts_text(annotation) and not read else literal
    if isinstance(value, str) and annotation is not Any and not accepts_text(annotation):
        return parse_literal(value)
    return _plain(value)
