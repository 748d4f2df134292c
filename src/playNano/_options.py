"""Units of parameters, and validation of options and pixel sizes; used by every layer."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from playNano.errors import ParameterError


@dataclass(frozen=True)
class Unit:
    """The unit of a parameter, for help texts and records: ``Annotated[float, Unit("nm")]``.

    Parameters
    ----------
    name
        Symbol of the unit: "nm", "px", "s".
    """

    name: str


@dataclass(frozen=True)
class HeightUnit(Unit):
    """nm of a height, for parameters that are meaningless where the pixels of a movie are not lengths.

    Parameters
    ----------
    name
        Symbol of the unit.
    instead
        What to do for other movies, for the error message; ``<unit>`` in it is replaced by the unit of their pixels.
    when
        Name and value of another parameter on which it depends whether this one is a height; by default it always is.
    """

    name: str = "nm"
    instead: str = "leave it out"
    when: tuple[str, Any] | None = None

    def applies(self, params: Mapping[str, Any]) -> bool:
        """Return whether the parameter is a height, given all parameters.

        Parameters
        ----------
        params
            Values by name.
        """
        return self.when is None or params.get(self.when[0]) == self.when[1]


def check_options(options: Any) -> None:
    """Check the fields of a dataclass against the types and limits that it declares.

    Meant for ``__post_init__``. Nothing is converted or changed.

    Parameters
    ----------
    options
        An instance of a dataclass whose annotations may hold limits:
        ``width: Annotated[float, Field(gt=0)] = 1.0``.

    Raises
    ------
    ParameterError
        If a value is of another type or outside its limits; names the field, the value and the limit.

    Examples
    --------
    >>> from typing import Annotated
    >>> from pydantic import Field
    >>> Window = dataclasses.make_dataclass("Window", [("width", Annotated[float, Field(gt=0)], 1.0)])
    >>> check_options(Window())
    >>> check_options(Window(-2.0))
    Traceback (most recent call last):
        ...
    playNano.errors.ParameterError: width = -2.0: Input should be greater than 0
    """
    from pydantic import ValidationError

    kind: Any = type(options)
    for name, adapter in _adapters(kind).items():
        value = getattr(options, name)
        try:
            converted = adapter.validate_python(value)
        except ValidationError as error:
            reasons = "; ".join(dict.fromkeys(part["msg"] for part in error.errors()))
            raise ParameterError(f"{name} = {value!r}: {reasons}") from error
        # Pydantic accepts text for a number and a bool for a number, but the value would not be converted here.
        is_number = isinstance(converted, int | float) and not isinstance(converted, bool)
        is_truth = isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool"
        if isinstance(converted, bool) != is_truth or (is_number and isinstance(value, str)):
            raise ParameterError(f"{name} = {value!r}: Input should be {type(converted).__name__}")
        if is_number and math.isnan(converted):
            raise ParameterError(f"{name} = {value!r}: Input should be a number")


def pixel_pair(pixel_size_nm: Any, where: str = "") -> tuple[float, float]:
    """Return the size of a pixel as (y, x).

    Parameters
    ----------
    pixel_size_nm
        A number, or (y, x), nm; positive.
    where
        Prefix of the error message, such as the name of the file.

    Returns
    -------
    tuple of float
        Height and width of a pixel, nm.

    Raises
    ------
    ParameterError
        If it is neither a number nor a pair of numbers, or not positive and finite.

    Examples
    --------
    >>> pixel_pair(2), pixel_pair((2.0, 1.5))
    ((2.0, 2.0), (2.0, 1.5))
    """
    import numpy as np

    try:
        values = [float(value) for value in np.atleast_1d(pixel_size_nm)]
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"{where}pixel_size_nm must be a number or (y, x), not {pixel_size_nm!r}"
        ) from error
    if len(values) > 2 or not values or not all(math.isfinite(value) and value > 0 for value in values):
        raise ParameterError(
            f"{where}pixel_size_nm must be a positive number or two of them (y, x), not {pixel_size_nm!r}"
        )
    return values[0], values[-1]


@cache
def _adapters(kind: Any) -> dict[str, Any]:
    """Return the validator of each field of a dataclass."""
    from pydantic import ConfigDict, TypeAdapter

    hints = typing.get_type_hints(kind, include_extras=True)
    config = ConfigDict(arbitrary_types_allowed=True)
    return {field.name: TypeAdapter(hints[field.name], config=config) for field in dataclasses.fields(kind)}
