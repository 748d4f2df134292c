"""Parameters as declared by a signature: types, limits, units, descriptions and defaults."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated, Any

from playNano._options import Unit
from playNano.core.docstrings import parameter_descriptions

_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_FLIPPED = {"gt": "<", "ge": "<="}
"""Sign of a lower limit that is written before the type: "0 < float"."""


@dataclass(frozen=True)
class Parameter:
    """One declared parameter with all that help texts and forms show.

    Parameters
    ----------
    name
        As in the signature.
    default
        As in the signature; `inspect.Parameter.empty` if a value must be given.
    annotation
        The declared type, limits and unit included; `Any` if none is declared.
    type_name
        The type in words, limits included.
    unit
        The unit, if declared.
    description
        Its description in the numpydoc ``Parameters`` section, on one line; empty if there is none.
    limits
        "gt", "ge", "lt" or "le" -> limit of the value (or of each element of a sequence).
    choices
        The allowed values, if they are listed.
    allows_none
        Whether None is allowed.
    """

    name: str
    default: Any
    annotation: Any
    type_name: str
    unit: str | None = None
    description: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    choices: tuple[Any, ...] = ()
    allows_none: bool = False

    @property
    def required(self) -> bool:
        """Whether a caller must give a value."""
        return self.default is inspect.Parameter.empty


def declared_parameters(function: Callable[..., Any], skip: Collection[str] = ()) -> list[Parameter]:
    """List the parameters that a function declares, in order.

    Parameters
    ----------
    function
        Any callable with a signature, or a dataclass.
    skip
        Names to leave out (such as ``stack``); ``self`` is always left out.

    Returns
    -------
    list of Parameter
        In the order of the signature.

    Examples
    --------
    >>> from pydantic import Field
    >>> def smooth(frame, sigma: Annotated[float, Field(gt=0), Unit("px")] = 1.0): ...
    >>> (sigma,) = declared_parameters(smooth, skip=("frame",))
    >>> sigma.type_name, sigma.limits, sigma.unit, sigma.default
    ('float > 0', {'gt': 0}, 'px', 1.0)
    """
    descriptions = parameter_descriptions(function)
    listed = []
    for name, (parameter, annotation) in signature_parameters(function, skip)[0].items():
        unit = next((m.name for m in metadata_of(annotation) if isinstance(m, Unit)), None)
        listed.append(
            Parameter(
                name,
                parameter.default,
                annotation,
                describe_type(annotation),
                unit,
                descriptions.get(name, ""),
                dict(_limits(metadata_of(annotation))),
                _choices(annotation),
                accepts_none(annotation),
            )
        )
    return listed


@dataclass(frozen=True)
class Declaration:
    """A function whose signature declares parameters.

    Parameters
    ----------
    function
        The function, or a dataclass of options.
    skip
        Names in its signature that are not parameters of the caller.
    closed
        Whether other names are an error although the function has ``**kwargs`` (which it passes on).
    """

    function: Callable[..., Any]
    skip: tuple[str, ...] = ()
    closed: bool = False

    def parameters(self) -> list[Parameter]:
        """List the parameters in the order of the signature."""
        return declared_parameters(self.function, self.skip)


def describe_type(annotation: Any) -> str:
    """Return a description of a type in words, limits included.

    Parameters
    ----------
    annotation
        A type, as `typing.get_type_hints` returns it.

    Returns
    -------
    str
        The type in words.

    Examples
    --------
    >>> from pydantic import Field
    >>> describe_type(Annotated[float, Field(gt=0)]), describe_type(int | None)
    ('float > 0', 'int or None')
    >>> describe_type(Annotated[int, Field(ge=1, le=9)])
    '1 <= int <= 9'
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _with_limits(describe_type(arguments[0]), _limits(annotation.__metadata__))
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


def _with_limits(words: str, limits: list[tuple[str, float]]) -> str:
    """Format a type with its limits: "float > 0", "0 < float < 1"."""
    if sorted(name[0] for name, _ in limits) == ["g", "l"]:
        (low, minimum), (high, maximum) = sorted(limits)
        return f"{minimum:g} {_FLIPPED[low]} {words} {_SIGNS[high]} {maximum:g}"
    return " ".join([words, *(f"{_SIGNS[name]} {value:g}" for name, value in limits)])


def _is_union(origin: Any) -> bool:
    return origin is typing.Union or origin is types.UnionType


def metadata_of(annotation: Any) -> tuple[Any, ...]:
    """Return the metadata of an `Annotated` type, and of the types nested in it.

    Parameters
    ----------
    annotation
        Any type.
    """
    metadata: tuple[Any, ...] = tuple(getattr(annotation, "__metadata__", ()))
    for argument in typing.get_args(annotation):
        metadata += metadata_of(argument)
    return metadata


def _limits(metadata: tuple[Any, ...]) -> list[tuple[str, float]]:
    """Return the limits among an annotation's metadata: ("gt", 0)."""
    return [
        (name, getattr(constraint, name))
        for item in metadata
        for constraint in (item, *getattr(item, "metadata", ()))
        for name in _SIGNS
        if hasattr(constraint, name)
    ]


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values of a Literal, also of one inside a union."""
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated or _is_union(typing.get_origin(annotation)):
        return tuple(value for part in typing.get_args(annotation) for value in _choices(part))
    return ()


@functools.lru_cache(maxsize=512)
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a callable as objects; for a class, including those of its bases."""
    target = inspect.unwrap(function)
    if not hasattr(target, "__annotations__"):
        target = getattr(target, "__call__", target)  # noqa: B004
    sources = reversed(target.__mro__[:-1]) if inspect.isclass(target) else (target,)
    hints: dict[str, Any] = {}
    for source in sources:
        for name, annotation in inspect.get_annotations(source).items():
            one = types.SimpleNamespace(__annotations__={name: annotation}, __globals__=_globals(source))
            # An annotation may use a name that is imported only for type checkers; it is then ignored.
            with contextlib.suppress(NameError, TypeError):
                hints |= typing.get_type_hints(one, globalns=one.__globals__, include_extras=True)
    return hints


def _globals(target: Any) -> dict[str, Any]:
    module = sys.modules.get(getattr(target, "__module__", ""))
    return getattr(target, "__globals__", None) or vars(module or types.ModuleType(""))


def signature_parameters(
    function: Callable[..., Any], skip: Collection[str] = ()
) -> tuple[dict[str, tuple[inspect.Parameter, Any]], bool]:
    """Return the parameters that a function declares, and whether it also accepts any others.

    Parameters
    ----------
    function
        Any callable with a signature, or a dataclass.
    skip
        Names to leave out; ``self`` is always left out.

    Returns
    -------
    declared : dict
        Name -> the parameter and its annotation.
    is_open : bool
        Whether the signature has ``**kwargs``.
    """
    # A bound method is a new object at every access; the instance declares nothing.
    hints, declared, is_open = _hints(getattr(function, "__func__", function)), {}, False
    factories = _default_factories(function)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name not in {*skip, "self"}:
            factory = factories.get(parameter.name)
            one = parameter if factory is None else parameter.replace(default=factory())
            annotation = hints.get(one.name, _annotation_from_default(one.default))
            declared[one.name] = (one, annotation)
    return declared, is_open


def _default_factories(function: Any) -> dict[str, Callable[[], Any]]:
    """Return the default factories of the fields of a dataclass."""
    if not (inspect.isclass(function) and dataclasses.is_dataclass(function)):
        return {}
    fields = dataclasses.fields(function)
    return {f.name: f.default_factory for f in fields if f.default_factory is not dataclasses.MISSING}


def _annotation_from_default(default: Any) -> Any:
    # "1e-3" is also converted to a number for a plugin without annotations, if the default is a number.
    if isinstance(default, bool):
        return bool
    return float if isinstance(default, float) else Any


def accepts_text(annotation: Any) -> bool:
    """Return whether a type accepts text.

    Parameters
    ----------
    annotation
        The type.

    Returns
    -------
    bool
        True also if text is one of several accepted types.
    """
    if annotation is str or (typing.get_origin(annotation) is typing.Literal):
        return True
    return any(accepts_text(a) for a in typing.get_args(annotation) if not isinstance(a, list))


def accepts_none(annotation: Any) -> bool:
    """Return whether a type accepts None.

    Parameters
    ----------
    annotation
        The type.

    Returns
    -------
    bool
        True also if None is one of several accepted types.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return accepts_none(arguments[0])
    if _is_union(origin):
        return any(accepts_none(a) for a in arguments)
    return annotation in (None, type(None), Any)
