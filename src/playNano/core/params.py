"""The one place where parameters are checked.

A function's signature is the declaration of its parameters: names, types, limits and defaults.
`bind_params` turns what a caller gave into the values in effect, or says what is wrong with it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, ParamSpec, TypeVar

from playNano._options import Unit
from playNano.core.literals import Text, parse_literal
from playNano.errors import ParameterError

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Parameter:
    """One declared parameter, as help texts and forms need it.

    Parameters
    ----------
    name, default
        As in the signature; `default` is `inspect.Parameter.empty` where a value must be given.
    type_name
        The type in words, limits included.
    unit
        The unit, where the declaration tells it.
    """

    name: str
    default: Any
    type_name: str
    unit: str | None

    @property
    def required(self) -> bool:
        """Whether a caller must give a value."""
        return self.default is inspect.Parameter.empty


def declared_parameters(function: Callable[..., Any], skip: Collection[str] = ()) -> list[Parameter]:
    """List the parameters that a function declares, in order.

    Parameters
    ----------
    function
        Any callable with a signature.
    skip
        Names to leave out (such as ``stack``); ``self`` is always left out.
    """
    listed = []
    for name, (parameter, annotation) in _declaration(function, skip)[0].items():
        unit = next((m.name for m in _metadata(annotation) if isinstance(m, Unit)), None)
        listed.append(Parameter(name, parameter.default, describe_type(annotation), unit))
    return listed


def bind_params(
    function: Callable[..., Any],
    params: Mapping[str, Any],
    *,
    where: str,
    skip: Collection[str] = (),
) -> dict[str, Any]:
    """Return the values in effect for a call, defaults included, or raise.

    Parameters
    ----------
    function
        The function whose signature declares the parameters: types, limits
        (``Annotated[float, Field(gt=0)]``) and defaults.
    params
        What the caller gave. `Text` values are read by the parameter's type.
    where
        What the parameters belong to, for the message: ``"step 2 (gaussian_filter)"``.
    skip
        Leading parameters that are not the caller's, such as ``stack``.

    Returns
    -------
    dict
        Every declared parameter with its value in effect, in the signature's order. Where the
        signature is open (``**kwargs``), further names follow as they were given.

    Raises
    ------
    ParameterError
        For a name that the signature does not know (with the nearest one that it does), a value
        of the wrong type or outside the limits, or a value that is missing.

    Examples
    --------
    >>> def smooth(frame, sigma: float = 1.0, times: int = 1): ...
    >>> bind_params(smooth, {"sigma": Text("1e-3")}, where="smooth", skip=("frame",))
    {'sigma': 0.001, 'times': 1}
    """
    return bind_all([Declaration(function, tuple(skip))], params, where=where)


@dataclass(frozen=True)
class Declaration:
    """A function whose signature declares parameters.

    Parameters
    ----------
    function
        The function.
    skip
        Names in its signature that are not the caller's.
    closed
        Whether other names are wrong although the function takes any (it hands them on).
    """

    function: Callable[..., Any]
    skip: tuple[str, ...] = ()
    closed: bool = False

    def parameters(self) -> list[Parameter]:
        """List the parameters in order."""
        return declared_parameters(self.function, self.skip)


def bind_all(declarations: Sequence[Declaration], params: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Return the values in effect where several functions share one set of parameters, or raise.

    As `bind_params`; an unknown name is compared with those of all the functions.

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
        found, found_open = _declaration(declaration.function, declaration.skip)
        declared |= found
        is_open |= found_open and not declaration.closed
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
    """Check a function's keyword-only parameters by its own signature at every call.

    Examples
    --------
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


def describe_type(annotation: Any) -> str:
    """Say a type in words, limits included.

    Examples
    --------
    >>> from pydantic import Field
    >>> describe_type(Annotated[float, Field(gt=0)]), describe_type(int | None)
    ('float > 0', 'int or None')
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return " ".join([describe_type(arguments[0]), *_limits(annotation)])
    if annotation is Any or annotation is inspect.Parameter.empty:
        return "any"
    if origin is typing.Literal:
        return " | ".join(repr(value) for value in arguments)
    if (origin is not None and type(None) in arguments) or _is_union(origin):
        return " or ".join("None" if a is type(None) else describe_type(a) for a in arguments)
    if origin is not None:
        inner = ", ".join(
            describe_type(a) for a in arguments if a is not Ellipsis and not isinstance(a, list)
        )
        name = getattr(origin, "__name__", str(origin)).lower()
        return f"{name} of {inner}" if inner and name != "callable" else name
    return getattr(annotation, "__name__", str(annotation))


def _is_union(origin: Any) -> bool:
    return origin is typing.Union or origin is types.UnionType


def _metadata(annotation: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = tuple(getattr(annotation, "__metadata__", ()))
    for argument in typing.get_args(annotation):
        found += _metadata(argument)
    return found


def _limits(annotation: Any) -> list[str]:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    limits = []
    for item in getattr(annotation, "__metadata__", ()):
        for constraint in (item, *getattr(item, "metadata", ())):
            limits += [f"{s} {getattr(constraint, a):g}" for a, s in signs.items() if hasattr(constraint, a)]
    return limits


@functools.lru_cache(maxsize=512)
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    target = inspect.unwrap(function)
    if not hasattr(target, "__annotations__"):
        target = getattr(target, "__call__", target)  # noqa: B004
    hints: dict[str, Any] = {}
    for name, annotation in getattr(target, "__annotations__", {}).items():
        one = types.SimpleNamespace(__annotations__={name: annotation}, __globals__=_globals(target))
        # An annotation may name what only a type checker imports; it then tells nothing here.
        with contextlib.suppress(NameError, TypeError):
            hints |= typing.get_type_hints(one, globalns=one.__globals__, include_extras=True)
    return hints


def _globals(target: Any) -> dict[str, Any]:
    module = sys.modules.get(getattr(target, "__module__", ""))
    return getattr(target, "__globals__", None) or vars(module or types.ModuleType(""))


def _declaration(
    function: Callable[..., Any], skip: Collection[str]
) -> tuple[dict[str, tuple[inspect.Parameter, Any]], bool]:
    # A bound method is another object at every look; what it is bound to declares nothing.
    hints, declared, is_open = _hints(getattr(function, "__func__", function)), {}, False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name not in {*skip, "self"}:
            annotation = hints.get(parameter.name, _annotation_from_default(parameter.default))
            declared[parameter.name] = (parameter, annotation)
    return declared, is_open


def _annotation_from_default(default: Any) -> Any:
    # A plugin without annotations still gets "1e-3" as a number where its default is one.
    if isinstance(default, bool):
        return bool
    return float if isinstance(default, float) else Any


def unknown_message(name: str, known: Collection[str], where: str) -> str:
    """Say that a parameter is unknown, which one it could be, and what there is."""
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
    except PydanticUserError:  # a type that carries its own configuration
        return TypeAdapter(annotation)


def _accepts_text(annotation: Any) -> bool:
    if annotation is str or (typing.get_origin(annotation) is typing.Literal):
        return True
    return any(_accepts_text(a) for a in typing.get_args(annotation) if not isinstance(a, list))


def _accepts_none(annotation: Any) -> bool:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _accepts_none(arguments[0])
    if _is_union(origin):
        return any(_accepts_none(a) for a in arguments)
    return annotation in (None, type(None), Any)


def _convert(value: Any, annotation: Any, name: str, where: str) -> Any:
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
        read = isinstance(literal, list) or (literal is None and _accepts_none(annotation))
        return str(value) if _accepts_text(annotation) and not read else literal
    if isinstance(value, str) and annotation is not Any and not _accepts_text(annotation):
        return parse_literal(value)
    return _plain(value)
